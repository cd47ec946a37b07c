"""`ftbot sync`: the cache is filled and follows the index, without Discord."""

import asyncio
import sys

from bot.app.core import core
from bot.app.syncing import sync, sync_once
from bot.cli.terminal import bars
from bot.index.fill import Fill
from bot.settings import Settings

_REDRAW = 0.2  # seconds


async def follow(settings: Settings, *, once: bool) -> None:
    """Follow the index until SIGTERM, or once. Raises UserError if the index does not answer."""
    async with core(settings) as parts:
        drawing = asyncio.create_task(_draw(parts.fill))
        try:
            await (sync_once if once else sync)(parts)
        finally:
            drawing.cancel()
        cached, wanted = parts.fill.progress.cached, parts.fill.progress.wanted
        sys.stdout.write(f"Cached {cached} of the {wanted} most downloaded projects.\n")


async def _draw(fill: Fill) -> None:
    """Show how the fill gets on, on a terminal."""
    progress = bars()
    if not progress.console.is_terminal:
        return
    with progress:
        bar = progress.add_task("Filling the cache", total=None)
        while True:
            wanted = fill.progress.wanted or None
            progress.update(bar, completed=fill.progress.cached, total=wanted)
            await asyncio.sleep(_REDRAW)
