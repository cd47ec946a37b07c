"""What an option offers while somebody types."""

from collections.abc import Iterable

from discord import app_commands

CHOICES, VALUE = 25, 100
"""Discord's limits of autocomplete: how many, and of how many characters each."""


def choices(names: Iterable[str]) -> list[app_commands.Choice[str]]:
    """Offer the first names that Discord takes."""
    fitting = [name for name in names if len(name) <= VALUE]
    return [app_commands.Choice(name=name, value=name) for name in fitting[:CHOICES]]
