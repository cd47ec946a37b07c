"""What of a project's changes is news, found once and written down with its deliveries."""
