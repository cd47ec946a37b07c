"""The one shape that all of ftbot's messages have."""

from typing import Any

from discord import ui


class Card(ui.LayoutView):
    """A box with a coloured edge that holds `items`, those that are None left out.

    It is a picture and no more: clicks are answered by persistent items alone. So it may be shown
    many times, and discord.py is told that it is finished, or it would keep every one in memory.
    """

    def __init__(self, *items: ui.Item[Any] | None, colour: int) -> None:
        super().__init__(timeout=None)
        present = [item for item in items if item is not None]
        self.add_item(ui.Container(*present, accent_colour=colour))

    def is_finished(self) -> bool:
        return True
