"""The audit: how all dependencies of a project fare on one target, and what is in the way."""
