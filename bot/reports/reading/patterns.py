"""Regular expressions that are tried only where a piece of what they match occurs.

To search for a word is some hundred times faster than to try an expression of many branches at
each character, and most expressions match nowhere.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST: Final = 40
"""Matches of one pattern that are looked at: hostile texts have many."""


class Passage:
    """A piece of text, and the same in lower case."""

    __slots__ = ("lowered", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        lowered = text.lower()
        # Of a few letters the other case is longer; places in both have to agree.
        self.lowered = lowered if len(lowered) == len(text) else text

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Pattern:
    """An expression, and pieces in lower case of which one occurs in all that it matches."""

    needles: tuple[str, ...]
    expression: re.Pattern[str]

    def search(self, passage: Passage) -> re.Match[str] | None:
        """Find the first match."""
        return self.expression.search(passage.text) if self._may_match(passage) else None

    def some(self, passage: Passage) -> Iterator[re.Match[str]]:
        """Find the first few matches."""
        if self._may_match(passage):
            for count, found in enumerate(self.expression.finditer(passage.text), 1):
                yield found
                if count == MOST:
                    return

    def without(self, text: str) -> str:
        """Blank what it matches."""
        lowered = text.lower()
        if any(needle in lowered for needle in self.needles):
            return self.expression.sub(" ", text)
        return text

    def _may_match(self, passage: Passage) -> bool:
        lowered = passage.lowered
        return any(needle in lowered for needle in self.needles)


def pattern(needles: str, expression: str) -> Pattern:
    """Make a pattern; `needles` are in lower case and parted by `|`.

    Case does not matter to the expression, and its `^` and `$` match at every line.
    """
    return Pattern(tuple(needles.split("|")), re.compile(expression, re.IGNORECASE | re.MULTILINE))


def exact(needles: str, expression: str) -> Pattern:
    """Make a pattern in which case matters; as `pattern` else."""
    return Pattern(tuple(needles.split("|")), re.compile(expression, re.MULTILINE))
