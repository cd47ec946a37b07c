"""What a report's text says, by rules: facts with their evidence, the kind, the telling part."""
