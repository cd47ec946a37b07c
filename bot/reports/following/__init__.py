"""What becomes of issues that reports belong to, as GitHub tells it."""
