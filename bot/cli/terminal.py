"""What commands show on a terminal and not in a pipe: how far they are, colour, a fitting width."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # rich takes longer to import than most answers, and a pipe does without
    from rich.progress import Progress

UNNOTICED: Final = 0.3
"""Seconds before progress is shown."""


def bars(*, share: bool = False) -> "Progress":
    """Make room for bars on standard error, which go when they end: with counts, or the share."""
    from rich.console import Console  # noqa: PLC0415 - see TYPE_CHECKING above
    from rich.progress import (  # noqa: PLC0415 - see above
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn() if share else MofNCompleteColumn(),
    )
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, redirect_stdout=False)


@contextmanager
def progress(text: str, *, share: bool = False) -> Iterator[Callable[[int, int | None], None]]:
    """Show how far it is, as the block says by how much is done and of how much.

    Nothing is shown of what is quick, nor where standard error is no terminal.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    drawn, begun = bars(share=share), time.monotonic()
    task = drawn.add_task(text, total=None)

    def show(done: int, total: int | None) -> None:
        drawn.update(task, completed=done, total=total)
        if not drawn.live.is_started and time.monotonic() - begun > UNNOTICED:
            drawn.start()

    try:
        yield show
    finally:
        drawn.stop()


def output() -> tuple[int | None, bool]:
    """Return standard output's columns, None for a pipe, and whether it shall have colour."""
    from rich.console import Console  # noqa: PLC0415 - see TYPE_CHECKING above

    console = Console()  # it knows terminals, NO_COLOR and FORCE_COLOR
    colour = console.color_system is not None and not console.no_color
    return console.width if console.is_terminal else None, colour
