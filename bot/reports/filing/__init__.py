"""The outbox to GitHub: each report that triagers file becomes one issue."""
