"""Reports as issues: what a maintainer reads, and whose issue it is."""
