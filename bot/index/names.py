"""The names of all projects, in memory: autocomplete, "did you mean", and ranks by downloads.

There are about 900,000 names, and only the most downloaded 15,000 have a rank. So two tiers serve:
the ranked names as lists, and all names as sorted lines of one bytes object, which is searched by
bisection without an object per name.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from heapq import nsmallest
from itertools import islice
from operator import itemgetter

import msgspec
from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot import data
from bot.errors import ServiceError

MAX_RANKED = 15_000
"""As many projects as the published list of downloads holds; more would not be ranked."""

MAX_NAME = 255
"""Longer names are nobody's: the longest on the index has 188 characters."""

_MIN_FORGIVEN = 3
"""Shorter texts are near to everything, so no typing errors are looked for in them."""

_NEAR_SHARE = 5
"""One name in so many is for what was perhaps meant, even when unranked names fill the answer."""

_FEW = 16_384
"""So many bytes of names are compared one by one faster than they are searched: about 1,000."""

_SEPARATORS = re.compile(r"[-_.\s]+")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"
_AFTER = "\x7f"
"""Sorts after every character of a name: `prefix + _AFTER` is where names with a prefix end."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """The most downloaded projects, first the one with most downloads in the 30 days to `as_of`."""

    as_of: date
    names: tuple[str, ...]


class NameTable:
    """All names with their ranks. It never changes once built, so threads may share it.

    `in` and `rank` take normalised names (PEP 503), and all names come out so. With 900,000 names
    it takes some 15 MiB. `lines` is all of them, as the constructor takes them.
    """

    __slots__ = ("_by_name", "_by_rank", "_count", "_rank_of", "_ranks", "lines")

    def __init__(self, lines: bytes, ranking: Iterable[str] = ()) -> None:
        """Take sorted distinct normalised names, each a line, and names in order of downloads.

        Ranked names that are not among the lines are left out, and their ranks stay vacant.
        """
        self.lines = lines
        self._count = lines.count(b"\n")
        self._rank_of: dict[str, int] = {}
        for rank, name in enumerate(ranking, 1):
            if name in self:
                self._rank_of.setdefault(name, rank)
        self._by_rank = list(self._rank_of)
        self._by_name = sorted(self._rank_of)
        self._ranks = [self._rank_of[name] for name in self._by_name]

    @classmethod
    def build(cls, names: Iterable[str], ranking: Iterable[str] = ()) -> "NameTable":
        """Build the table from names as owners spell them, in any order, repeated or not.

        What is no name (PEP 508) is left out. Takes about 2 s for 900,000 names, and in no
        single step long, so that a thread can do it beside the event loop.
        """
        buckets: dict[str, bytearray] = {}
        for name in names:
            if len(name) <= MAX_NAME and _NAME.fullmatch(name):
                normalised = _SEPARATORS.sub("-", name).lower()
                bucket = buckets.setdefault(normalised[:2], bytearray())
                bucket += normalised.encode() + b"\n"
        # One sort of all names would hold the interpreter for long and cost an object per name.
        lines = b"".join(_sorted_lines(buckets[start]) for start in sorted(buckets))
        return cls(lines, map(normalise, ranking))

    def __len__(self) -> int:
        return self._count

    def __contains__(self, name: str) -> bool:
        return self._holds(name.encode("ascii", "replace"), 0, len(self.lines))

    def rank(self, name: str) -> int | None:
        """Give the place by downloads, 1 for the most downloaded; None beyond the ranked ones."""
        return self._rank_of.get(name)

    def complete(self, text: str, limit: int = 25) -> list[str]:
        """Give the names that begin with what was typed: the most downloaded first, then by letter.

        No text gives the most downloaded. Where no ranked name begins with the text, it may hold
        a typing error: ranked names that were perhaps meant follow. Takes tens of microseconds,
        and up to 3 ms with a typing error; never raises, whatever the text.
        """
        typed = normalise(text)
        limit = max(limit, 0)
        ranked = self._ranked_with(typed, limit)
        others = (name for name in self._starting_with(typed) if name not in self._rank_of)
        found = ranked + list(islice(others, limit - len(ranked)))
        if ranked or len(typed) < _MIN_FORGIVEN:
            return found
        # The text may as well be right: it shares the answer with what was perhaps meant.
        near = self._ranked_near(typed)[: max(limit - len(found), limit // _NEAR_SHARE)]
        return found[: limit - len(near)] + near

    def suggest(self, name: str, limit: int = 5) -> list[str]:
        """Give existing names that were perhaps meant by one that does not exist, likeliest first.

        These are ranked names one typing error away, then other names one error away, then ranked
        names two errors away. Takes about 1 ms where ranked names suffice, else about 4 ms.
        """
        meant = normalise(name)
        if not meant:
            return []
        near, far = self._ranked_within_two(meant)
        if len(near) < limit:
            others = self._one_error_away(meant).difference(near)
            # Without ranks to go by: few people err in the first letter.
            near += sorted(others, key=lambda other: (other[0] != meant[0], other))
        return (near + far)[: max(limit, 0)]

    def _ranked_with(self, prefix: str, limit: int) -> list[str]:
        low, high = _span(self._by_name, prefix)
        count = high - low
        if count * count > limit * len(self._by_rank):
            # Frequent enough that going down the ranks meets them sooner than sorting them does.
            matching = (name for name in self._by_rank if name.startswith(prefix))
            return list(islice(matching, limit))
        best = nsmallest(limit, range(low, high), key=self._ranks.__getitem__)
        return [self._by_name[place] for place in best]

    def _ranked_near(self, typed: str) -> list[str]:
        """Give ranked names that begin with the text but for one error, or are two errors away."""
        found: set[int] = set()
        low, high = 0, len(self._by_name)
        for at in range(len(typed) + 1):
            low, high = _span(self._by_name, typed[:at], low, high)
            if low == high:
                break
            for prefix in _errors_at(typed, at):
                found.update(range(*_span(self._by_name, prefix, low, high)))
        if not found:
            near, far = self._ranked_within_two(typed)
            return near + far
        return [self._by_name[place] for place in sorted(found, key=self._ranks.__getitem__)]

    def _ranked_within_two(self, name: str) -> tuple[list[str], list[str]]:
        """Give ranked names one error away, and those two away, by rank."""
        near: list[str] = []
        far: list[str] = []
        if len(name) > MAX_NAME:
            return near, far
        # Two errors in a short name leave nothing of it.
        errors = 1 if len(name) <= _MIN_FORGIVEN else 2
        for other, distance, _ in sorted(_within(errors, name, self._by_rank), key=itemgetter(2)):
            if distance:
                (near if distance == 1 else far).append(other)
        return near, far

    def _one_error_away(self, name: str) -> set[str]:
        """Give all names that are one error away, found by making every error that leads to one.

        Names that share the text before the error are one run of lines, which shrinks with every
        letter. When few are left, each of them is compared instead.
        """
        text = name.encode()
        found: set[str] = set()
        low, high = 0, len(self.lines)
        for at in range(len(text) + 1):
            low = self._position(text[:at], low, high)
            high = self._position(text[:at] + _AFTER.encode(), low, high)
            if high - low <= _FEW:
                rest = self.lines[low:high].decode().splitlines()
                found.update(match[0] for match in _within(1, name, rest))
                break
            found.update(
                other for other in _errors_at(name, at) if self._holds(other.encode(), low, high)
            )
        found.discard(name)
        return found

    def _holds(self, name: bytes, low: int, high: int) -> bool:
        return self.lines.startswith(name + b"\n", self._position(name, low, high))

    def _starting_with(self, prefix: str) -> Iterator[str]:
        start = prefix.encode()
        at = self._position(start, 0, len(self.lines))
        while at < len(self.lines) and self.lines.startswith(start, at):
            end = self.lines.index(b"\n", at)
            yield self.lines[at:end].decode()
            at = end + 1

    def _position(self, text: bytes, low: int, high: int) -> int:
        """Bisect: where in lines[low:high] the first line begins that is not less than the text."""
        lines = self.lines
        while low < high:
            middle = (low + high) // 2
            start = lines.rfind(b"\n", low, middle) + 1 or low
            end = lines.index(b"\n", middle)
            if lines[start:end] < text:
                low = end + 1
            else:
                high = start
        return low


def normalise(text: str) -> str:
    """Normalise a name, or the beginning of one (PEP 503), as far as names can go.

    Spaces count as separators, since people type them. Text beyond what can be a name is cut, and
    characters that no name has become question marks, which match nothing.
    """
    short = _SEPARATORS.sub("-", text[: MAX_NAME + 1].strip()).lower()
    return short.encode("ascii", "replace").decode()


def shipped_names() -> NameTable:
    """Build the table from the names and ranks that ship with ftbot; takes some 0.4 s."""
    return NameTable(data.names(), shipped_ranking().names)


def shipped_ranking() -> Ranking:
    """Give the ranks that ship with ftbot."""
    return data.read_json("ranks.json", Ranking)


class _Downloads(msgspec.Struct, frozen=True, gc=False):
    project: str
    download_count: int


class _TopPackages(msgspec.Struct, frozen=True):
    last_update: str
    rows: list[_Downloads]


def parse_top_packages(document: bytes) -> Ranking:
    """Read the published list of downloads (JSON of top-pypi-packages).

    Rows whose project is no name are left out. Raises ServiceError if it is not such a list, or
    an empty one.
    """
    try:
        top = msgspec.json.decode(document, type=_TopPackages)
        as_of = date.fromisoformat(top.last_update[:10])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _not_a_ranking(str(error)[:120]) from error
    rows = sorted(top.rows, key=lambda row: row.download_count, reverse=True)
    valid = (
        normalise(row.project)
        for row in rows
        if len(row.project) <= MAX_NAME and _NAME.fullmatch(row.project)
    )
    names = tuple(islice(dict.fromkeys(valid), MAX_RANKED))
    if not names:
        raise _not_a_ranking("it names no project")
    return Ranking(as_of, names)


def _not_a_ranking(reason: str) -> ServiceError:
    return ServiceError(
        f"The list of the most downloaded projects cannot be read ({reason}).",
        "The ranks known before stay; check FTBOT_TOP_PACKAGES_URL if this lasts.",
    )


def _sorted_lines(lines: bytearray) -> bytes:
    return b"".join(sorted(dict.fromkeys(bytes(lines).splitlines(keepends=True))))


def _within(errors: int, name: str, others: list[str]) -> list[tuple[str, int, int]]:
    """Give (other name, its distance, its place) for all that are so few errors away.

    The distance is optimal string alignment: insertions, deletions, substitutions, and
    transpositions of neighbours.
    """
    return process.extract(name, others, scorer=OSA.distance, score_cutoff=errors, limit=None)


def _span(names: list[str], prefix: str, low: int = 0, high: int | None = None) -> tuple[int, int]:
    """Give the range of places in sorted names whose names begin with the prefix."""
    start = bisect_left(names, prefix, low, high)
    return start, bisect_left(names, prefix + _AFTER, start, high)


def _errors_at(text: str, at: int) -> Iterator[str]:
    """Give what the text would be without a single typing error at this place."""
    head, tail = text[:at], text[at:]
    for letter in _LETTERS:
        yield head + letter + tail
    if tail:
        yield head + tail[1:]
        for letter in _LETTERS:
            yield head + letter + tail[1:]
    if len(tail) > 1:
        yield head + tail[1] + tail[0] + tail[2:]
