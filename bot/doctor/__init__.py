"""`ftbot doctor`: whether everything is there that the bot needs, and how to mend what is not."""
