"""Reading a wheel that is elsewhere: what is cheap first, since one module may decide.

A module takes all of its member, for nothing can be entered midway. So members are fetched one by
one until it is known that the wheel turns the GIL on, or until a share of it was fetched: the
smallest of each folder, since what lies together was mostly built alike, then the others. From then
on what is left comes in one go where it is most of the wheel, and then its hash is checked.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.xray.model import Cost, Module, ModuleVerdict, WheelReading
from bot.xray.ranges import STEP, RangeFile, Unfetched
from bot.xray.source import Unreadable
from bot.xray.wheel import Candidate, candidates, read_module, summed

PROBED: Final = 0.08
"""Share of a wheel up to which as little as possible is fetched."""
PAYS: Final = 0.7
"""Share of a wheel from which on it is fetched as a whole."""
_GAP: Final = 64 << 10
"""Bytes that are rather fetched in vain than skipped by one more request."""
_EXTRA: Final = 1024
"""Bytes between a member's header and its content that are expected at most."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of reading a wheel. `failure` is why it was not read to its end, or not at all.

    `sha256` is that of what was fetched, None if that was not the whole.
    """

    reading: WheelReading
    cost: Cost
    sha256: str | None = None
    failure: Unfetched | None = None


@dataclass(slots=True)
class _Course:
    """How far it is."""

    read: dict[Candidate, Module | None] = field(default_factory=dict)
    samples: set[Candidate] = field(default_factory=set)
    """The smallest of each folder."""
    known_at: int | None = None
    """Bytes after which it was known that the wheel turns the GIL on."""


def read_remote(name: str, file: RangeFile) -> Outcome:
    """Read all modules of a wheel, in the thread that entered the file. Raises nothing."""
    course, found = _Course(), list[Candidate]()
    try:
        if not file.is_named:
            file.fetch_whole()
        found = _ordered(_candidates(file), course)
        _read(file, found, course)
        _read_again(file, course)
        file.check_if_whole()
    except Unreadable as error:
        reading = WheelReading(name, ModuleVerdict.UNKNOWN, reason=f"it {error}")
        return Outcome(reading, Cost(file.fetched, file.size), file.sha256)
    except Unfetched as error:
        cost = Cost(file.fetched, file.size, None if error.doubtful else course.known_at)
        return Outcome(_partly(name, found, course, error), cost, failure=error)
    reading = summed(name, found, iter([course.read[c] for c in found]))
    return Outcome(reading, Cost(file.fetched, file.size, course.known_at), file.sha256)


def unread(name: str, failure: Unfetched) -> WheelReading:
    """Give the reading of a wheel of which nothing could be read."""
    return WheelReading(name, ModuleVerdict.UNKNOWN, reason=f"it {failure}")


def _candidates(file: RangeFile) -> list[Candidate]:
    """Find what may be modules. A directory that is damaged counts if the hash says so."""
    try:
        return candidates(file)
    except Unreadable:
        if file.is_whole:
            raise
    file.fetch_whole()
    return candidates(file)


def _read_again(file: RangeFile, course: _Course) -> None:
    """Read what is damaged once more from a whole whose hash is right, within the limits."""
    damaged = [c for c, module in course.read.items() if module and module.is_damaged]
    if damaged and not file.is_whole and file.missing <= file.limits.fetched - file.fetched:
        file.fetch_whole()
        course.read.update({candidate: read_module(file, candidate) for candidate in damaged})


def _ordered(found: Iterable[Candidate], course: _Course) -> list[Candidate]:
    """Sort by what is read first: modules by their file's name, samples, and what is small."""
    by_size = sorted(found, key=lambda c: (not c.tag, c.member.packed))
    folders: dict[str, Candidate] = {}
    for candidate in by_size:
        folders.setdefault(candidate.member.name.rpartition("/")[0], candidate)
    course.samples.update(folders.values())
    return sorted(by_size, key=lambda c: (not c.tag, c not in course.samples))


def _read(file: RangeFile, found: Sequence[Candidate], course: _Course) -> None:
    left = dict.fromkeys(found)
    for candidate in found:
        missing = sum(each.member.packed for each in left)
        file.goal = file.fetched + missing
        probing = file.fetched + candidate.member.packed <= PROBED * file.size
        pays = PAYS * file.size < missing <= file.limits.fetched - file.fetched
        if pays and not (probing and course.known_at is None) and not file.is_whole:
            file.fetch_whole()
        most = int(PROBED * file.size) - file.fetched if probing else STEP
        alone = probing and course.known_at is None and candidate in course.samples
        file.expect(*_stretch(candidate, () if alone else left, most))
        if candidate.member.packed > file.limits.fetched - file.fetched and not file.is_whole:
            module: Module | None = _unknown(candidate, "it is larger than what is fetched")
        else:
            module = read_module(file, candidate)
        course.read[candidate] = module
        left.pop(candidate, None)
        if module and module.verdict is ModuleVerdict.RE_ENABLES and course.known_at is None:
            course.known_at = file.fetched


def _stretch(candidate: Candidate, left: Iterable[Candidate], most: int) -> tuple[int, int]:
    """Return where a member is, with its neighbours as far as they are near and not too much."""
    start, end = _place(candidate)
    places = sorted(map(_place, left))
    for first, last in places:
        if end <= first <= end + _GAP and last - start <= most:
            end = last
    for first, last in reversed(places):
        if start - _GAP <= last <= start and end - first <= most:
            start = first
    return start, end


def _place(candidate: Candidate) -> tuple[int, int]:
    member = candidate.member
    header = 30 + 4 * len(member.name) + _EXTRA
    return member.start, min(member.limit, member.start + header + member.packed)


def _partly(
    name: str, found: Sequence[Candidate], course: _Course, failure: Unfetched
) -> WheelReading:
    """Sum up what was read; the rest is unknown. A module that turns the GIL on decides anyway."""
    if failure.doubtful or not course.read:
        return unread(name, failure)
    because = f"the wheel {failure}"
    modules: Iterator[Module | None] = (
        course.read[c] if c in course.read else _unknown(c, because) for c in found
    )
    summary = summed(name, list(found), modules)
    return WheelReading(
        name, summary.verdict, summary.modules, summary.not_modules, f"it {failure}"
    )


def _unknown(candidate: Candidate, evidence: str) -> Module:
    return Module(candidate.module, candidate.member.name, ModuleVerdict.UNKNOWN, evidence)
