"""What words that the guide does not have were perhaps meant to be. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

MOST_WORDS: Final = 10_000
"""As many are compared at most, the most frequent; the guide has some 3,000."""
_LONG: Final = 8
"""From so many letters on, two typing errors are forgiven."""

_WORD: Final = re.compile(r"[^\W\d_]{4,}")
"""Shorter words are near to everything, and another digit is another thing."""


class Spelling:
    """The words of some texts."""

    def __init__(self, texts: Iterable[str]) -> None:
        counted: Counter[str] = Counter()
        for text in texts:
            counted.update(_WORD.findall(text.lower()))
        grouped: defaultdict[str, list[str]] = defaultdict(list)
        for word, _ in counted.most_common(MOST_WORDS):
            grouped[word[0]].append(word)
        # As one text each: an object per word would take three times as much.
        self._words = {letter: " ".join(words) for letter, words in grouped.items()}

    def meant(self, word: str) -> str | None:
        """Return the nearest word, of those the most frequent; None if none is so near.

        Errors are insertions, deletions, substitutions, and transpositions of neighbours. Few
        people err in the first letter, so words that begin otherwise are not looked at.
        """
        if not _WORD.fullmatch(word):
            return None
        found = process.extractOne(
            word,
            self._words.get(word[0], "").split(),
            scorer=OSA.distance,
            score_cutoff=2 if len(word) >= _LONG else 1,
        )
        return found[0] if found else None
