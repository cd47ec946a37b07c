"""What pip would install on a target today, and whether there is a set that is ready there."""
