"""The one shape that all of ftbot's messages have."""

from collections.abc import Sequence
from typing import Any

from discord import ui


class Card(ui.LayoutView):
    """A box with a coloured edge that holds `items`, those that are None left out.

    `files` (name, content) are sent with it; items of it show them as `attachment://name`.

    It is a picture and no more: clicks are answered by persistent items alone. So it may be shown
    many times, and discord.py is told that it is finished, or it would keep every one in memory.
    """

    def __init__(
        self,
        *items: ui.Item[Any] | None,
        colour: int,
        files: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        super().__init__(timeout=None)
        self.files = files
        present = [item for item in items if item is not None]
        self.add_item(ui.Container(*present, accent_colour=colour))
        self._components: list[dict[str, Any]] | None = None

    def to_components(self) -> list[dict[str, Any]]:
        """Return what is sent; made once, for a card does not change."""
        if self._components is None:
            self._components = super().to_components()  # type: ignore[no-untyped-call] # as it is in discord.py
        return self._components

    def is_finished(self) -> bool:
        return True
