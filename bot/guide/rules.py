"""From what somebody types to what is looked for in the guide. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Final

import msgspec

from bot.guide.model import Section

LONGEST_QUERY: Final = 200
"""Characters of a query that count."""
LONGEST_LABEL: Final = 100
"""Characters of what autocomplete offers, which is Discord's limit."""

_WORD = re.compile(r"\w+(?:['.]\w+)*")
_LETTERS = re.compile(r"\w+")
_UNTELLING = (
    "a about after all also although am an and any are as at be because been but by can cannot"
    " could did do does doing done for from get gets go had has have he her here him his how i if"
    " in into is it its just like made make makes many may me might more most much must my no not"
    " now of off on one only or other our out over own really should so some such than that the"
    " their them then there these they this those through to too up use used using very want was"
    " way we were what when where which while who whom whose why will with without would you your"
    " don't doesn't isn't can't i'm it's won't"
)
STOP: Final = frozenset(_UNTELLING.split())
"""Words that tell nothing of what somebody looks for."""


class Synonym(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What people say, and what it is called in the guide.

    Both are words and phrases; one that ends in `*` stands for all that begin so.
    """

    said: tuple[str, ...]
    means: tuple[str, ...]


class Helps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `data/guide.json` knows of the guide's field.

    `pointers` are locations by verdict, by kind of report and by class of a package.
    """

    synonyms: tuple[Synonym, ...]
    pointers: dict[str, dict[str, str]]

    def location(self, key: str) -> str | None:
        """Return where a verdict, kind or class points to."""
        return next((group[key] for group in self.pointers.values() if key in group), None)


def terms(query: str, synonyms: Iterable[Synonym] = ()) -> tuple[str, ...]:
    """Return what to look for: what the telling words of a query are called in the guide.

    A term is written as in `Synonym`. Synonyms that come first take their words first.
    """
    left = f" {' '.join(_WORD.findall(query[:LONGEST_QUERY].lower()))} "
    meant: dict[str, None] = {}
    for synonym in synonyms:
        for said in synonym.said:
            before, left = left, _without(left, said)
            if left != before:
                meant |= dict.fromkeys(synonym.means)
    return (*meant, *dict.fromkeys(word for word in left.split() if word not in STOP))


def _without(spoken: str, term: str) -> str:
    """Take a term out of words that have a space on either side of each."""
    if not term.endswith("*"):
        return spoken.replace(f" {term} ", " ")
    while (start := spoken.find(f" {term[:-1]}")) >= 0:
        spoken = spoken[:start] + spoken[spoken.index(" ", start + len(term)) :]
    return spoken


def is_foreign(query: str) -> bool:
    """Tell whether a query has letters of other languages than English."""
    return any(char.isalpha() and not char.isascii() for char in query[:LONGEST_QUERY])


def labels(sections: Sequence[Section]) -> list[str]:
    """Name each section for a choice: by its title, with its page where others are called so."""
    titles = Counter(section.title for section in sections)
    return [
        _cut(
            section.title
            if section.is_page or titles[section.title] == 1
            else f"{section.title} ({section.page})"
        )
        for section in sections
    ]


def words(text: str) -> tuple[str, ...]:
    """Return the words of what is typed or named, each once, in small letters."""
    return tuple(dict.fromkeys(_LETTERS.findall(text[:LONGEST_QUERY].lower())))


def completions(text: str, names: Sequence[Sequence[str]], limit: int) -> list[int]:
    """Return the places of names in which every typed word begins a word, those in front first.

    Names are given by their `words`. Nothing typed fits none.
    """
    typed = words(text)
    found: list[tuple[int, int]] = []
    for place, name in enumerate(names):
        starts = list(takewhile(lambda start: start >= 0, (_first(name, each) for each in typed)))
        if starts and len(starts) == len(typed):
            found.append((min(starts), place))
    return [place for _, place in sorted(found)[:limit]]


def _first(name: Sequence[str], beginning: str) -> int:
    """Return where the first word stands that begins so, -1 if there is none."""
    return next((at for at, word in enumerate(name) if word.startswith(beginning)), -1)


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1].rstrip() + "…"
