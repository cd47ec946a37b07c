"""What ftbot writes on Discord by itself: news, and what concerns reports."""
