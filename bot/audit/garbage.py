"""Many objects made at once, without the pauses in which Python looks through all of them.

A full look for garbage holds the GIL: with a large audit in memory, for some 60 ms. It finds
nothing there, for an audit has no circles and goes as soon as nobody holds it.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_NEVER: Final = 1_000_000
_usual: list[tuple[int, int, int]] = []


@contextmanager
def no_full_looks() -> Iterator[None]:
    """Put full looks off until the last block is left; young objects are looked through as ever.

    To be entered in the event loop's thread.
    """
    young, middle, _ = thresholds = gc.get_threshold()
    _usual.append(thresholds)
    gc.set_threshold(young, middle, _NEVER)
    try:
        yield
    finally:
        latest = _usual.pop()
        if not _usual:
            gc.set_threshold(*latest)
