"""GitHub: its REST API as far as ftbot needs it, and its webhooks."""
