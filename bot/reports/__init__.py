"""Reports of what breaks: taken in, understood, decided by people, filed once, followed."""
