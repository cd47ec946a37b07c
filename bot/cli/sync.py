"""`ftbot sync`: the cache is filled and follows the index, without Discord."""

import asyncio
import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from bot.app.core import core
from bot.app.jobs import sync, sync_once
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
    console = Console(stderr=True)
    if not console.is_terminal:
        return
    columns = TextColumn("Filling the cache"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=None)
        while True:
            wanted = fill.progress.wanted or None
            progress.update(bar, completed=fill.progress.cached, total=wanted)
            await asyncio.sleep(_REDRAW)
