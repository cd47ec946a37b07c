"""The command `ftbot`: reads arguments, calls what does the work, prints. No logic."""

from bot.cli.main import main

__all__ = ["main"]
