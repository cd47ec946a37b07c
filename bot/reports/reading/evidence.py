"""Pieces of text that are shown as evidence: short, one line, as they stand in the text."""

from typing import Final

LONGEST: Final = 160


def around(text: str, start: int, end: int) -> str:
    """Return the line around text[start:end], shortened to what surrounds it."""
    low = text.rfind("\n", max(0, start - LONGEST), start) + 1
    near = max(start - LONGEST // 3, 0)
    if near > low:  # a whole word to begin with, if there is one
        low = text.find(" ", near, start) + 1 or near
    high = text.find("\n", end, end + LONGEST)
    high = min(len(text) if high < 0 else high, low + LONGEST)
    return " ".join(text[low : max(high, min(end, low + LONGEST))].split())
