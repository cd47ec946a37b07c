"""From verdicts to counts: what is ready, who has binaries, and how it was before.

Ready is what it is everywhere in ftbot: a wheel that fits, or pure Python. A project has binaries
if the newest release that has wheels has a compiled one.

The past is derived from times of upload: of today's projects, those that are ready now, by when
the first wheel came that makes them so. What was lost meanwhile, or is no longer downloaded much,
does not show. Where too few files tell their time, nothing is derived.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Final

from bot.compat.model import ProjectFiles, Support, Target, Verdict
from bot.compat.targets import PLATFORMS
from bot.errors import UserError
from bot.language import phrase
from bot.progress.model import (
    Among,
    Arrival,
    Counts,
    Day,
    Declared,
    Judged,
    Missing,
    OnTarget,
    Series,
    Standing,
)
from bot.pypi.names import harmless
from bot.xray.model import ModuleVerdict

READY: Final = frozenset({Verdict.WHEEL, Verdict.ABI3T, Verdict.PLATFORM, Verdict.PURE})
_FREE_THREADED: Final = frozenset({Verdict.WHEEL, Verdict.ABI3T})
RECENT: Final = timedelta(days=30)
MOST_ARRIVED, MOST_MISSING = 200, 25
"""So many are listed for each target; the counts are of all."""
DATED: Final = 0.9
"""The part of those that are ready whose files must tell their time, or nothing is derived."""
COMPLETE: Final = 0.9
"""The part of the projects that must be known for a day to be recorded."""
_GROWN, _AT_LEAST = 1.5, 5
_MONDAY: Final = date(2024, 1, 1)
"""No index had free-threaded wheels before; what came earlier counts as come then."""
_WEEK: Final = 7
_DAILY: Final = timedelta(days=90)
"""So far back each day is told, and before that one a week."""


def parse_among(text: str) -> Among:
    """Read of which projects somebody wants to know. Raises UserError."""
    try:
        return Among(text)
    except ValueError as error:
        raise UserError(
            phrase("{value} is not something this option takes.", value=repr(text[:40])),
            phrase("Choose one of {names}.", names=", ".join(Among)),
        ) from error


def parse_platform(text: str) -> str:
    """Read a platform for which progress is counted: one with a name. Raises UserError."""
    name = text.strip().lower()
    if name not in PLATFORMS:
        raise UserError(
            phrase("Progress is not counted for {platform}.", platform=harmless(name)),
            phrase("Choose one of {names}.", names=", ".join(PLATFORMS)),
        )
    return name


def has_binaries(files: ProjectFiles) -> bool:
    """Say whether the newest release that has wheels has a compiled one.

    Yanked releases don't count, and pre-releases only where no final release has wheels.
    """
    for early in (False, True):
        order = None
        for release in files.releases:
            if release.yanked or release.prerelease is not early:
                continue
            if order is not None and release.order != order:
                return False
            if release.compiled:
                return True
            if release.wheels:
                order = release.order  # one of its runs of files may yet be compiled
        if order is not None:
            return False
    return False


def is_due(last: tuple[date, int], today: date, cached: int, wanted: int) -> bool:
    """Say whether all projects are to be judged again: daily, and while the cache fills.

    `last` is the day when they were, and how many were cached; now it is `cached` of `wanted`.
    """
    day, seen = last
    if day != today:
        return True
    return cached > seen and (cached >= wanted or cached >= _GROWN * seen + _AT_LEAST)


def is_complete(standing: Standing, among: Among) -> bool:
    """Say whether enough of the projects are known for a day to be recorded."""
    return standing.known[among] >= max(COMPLETE * standing.ranked[among], 1)


def percent(share: float | None) -> str:
    """Write a share in whole per cent, rounded down, so that 100% are all; a dash for None."""
    if share is None:
        return "–"  # noqa: RUF001 - as in tables
    return "<1%" if 0 < share < 0.01 else f"{int(share * 100 + 1e-6)}%"


def thinned(days: Sequence[Day], today: date) -> tuple[Day, ...]:
    """Leave out all but the last day of each week that is long ago."""
    recent = today - _DAILY
    last = {each.day.isocalendar()[:2]: each.day for each in days}
    return tuple(
        each for each in days if each.day >= recent or last[each.day.isocalendar()[:2]] == each.day
    )


def with_today(days: Sequence[Day], counts: Counts, today: date) -> tuple[Day, ...]:
    """Let a history end with today's counts, if any project could be judged."""
    before = tuple(each for each in days if each.day < today)
    return (*before, Day(today, counts)) if counts.projects else before


@dataclass(slots=True)
class _Count:
    """What was counted of some of the projects on a target."""

    all: int = 0
    ready: int = 0
    weeks: Counter[int] = field(default_factory=Counter)
    """Of those that are ready and tell when they came, how many came in which week."""

    def add(self, ready: bool, since: date | None) -> None:
        self.all += 1
        self.ready += ready
        if ready and since is not None:
            self.weeks[max((since - _MONDAY).days // _WEEK, 0)] += 1

    @property
    def undated(self) -> int:
        return self.ready - self.weeks.total()


@dataclass(slots=True)
class _Row:
    """What was counted on a target among so many."""

    every: _Count = field(default_factory=_Count)
    binaries: _Count = field(default_factory=_Count)
    gil: Counter[ModuleVerdict] = field(default_factory=Counter)
    """What the wheels declare that were read."""
    first: date | None = None
    """When the first free-threaded wheel came."""

    def add(self, row: Support, binaries: bool, since: date | None) -> None:
        ready = row.verdict in READY
        self.every.add(ready, since)
        if binaries:
            self.binaries.add(ready, since)
            if since and row.verdict in _FREE_THREADED:
                self.first = min(self.first or since, since)

    @property
    def counts(self) -> Counts:
        return Counts(self.every.all, self.every.ready, self.binaries.all, self.binaries.ready)

    @property
    def declared(self) -> Declared:
        keep_off = self.gil[ModuleVerdict.KEEPS_OFF] + self.gil[ModuleVerdict.LIKELY_KEEPS_OFF]
        return Declared(self.gil.total(), keep_off, self.gil[ModuleVerdict.RE_ENABLES])

    def past(self, today: date) -> Iterator[Day]:
        """Yield the ends of weeks, from that of the first free-threaded wheel until today."""
        counts = self.counts
        dated = counts.binaries_ready - self.binaries.undated
        if self.first is None or dated < DATED * counts.binaries_ready:
            return
        begin = max((self.first - _MONDAY).days // _WEEK, 0)
        end = (today - _MONDAY).days // _WEEK
        pairs = zip(_sums(self.every.weeks, end), _sums(self.binaries.weeks, end), strict=True)
        for week, (ready, binaries_ready) in enumerate(pairs):
            if week >= begin:
                then = Counts(
                    counts.projects - self.every.undated,
                    ready,
                    counts.binaries - self.binaries.undated,
                    binaries_ready,
                )
                yield Day(_MONDAY + timedelta(days=_WEEK * week + 6), then, derived=True)


class Tally:
    """Counts projects, one after another, the most downloaded first, as of a moment.

    `gil` says what wheels declare that were read, by file name.
    """

    def __init__(
        self,
        ranked: Mapping[Among, int],
        targets: Sequence[Target],
        as_of: datetime,
        gil: Mapping[str, ModuleVerdict] | None = None,
    ) -> None:
        self._ranked = ranked
        self._gil = gil or {}
        self._targets = targets
        self._as_of = as_of
        self._today = as_of.date()
        self._known = dict.fromkeys(Among, 0)
        self._rows = {among: [_Row() for _ in targets] for among in Among}
        self._arrived: list[list[Arrival]] = [[] for _ in targets]
        self._missing: list[list[Missing]] = [[] for _ in targets]

    def add(self, project: str, rank: int, support: Sequence[Support], binaries: bool) -> None:
        """Count a project in; `support` has a row for each target."""
        within = [among for among in Among if rank <= among.size]
        for among in within:
            self._known[among] += 1
        for place, row in enumerate(support):
            since = _since(row, self._today)
            for among in within:
                self._rows[among][place].add(row, binaries, since)
            if binaries and row.installs and (declared := self._gil.get(row.installs.file)):
                for among in within:
                    self._rows[among][place].gil[declared] += 1
            if binaries:
                self._list(place, project, rank, row.verdict, since)

    def _list(
        self, place: int, project: str, rank: int, verdict: Verdict, since: date | None
    ) -> None:
        arrived, missing = self._arrived[place], self._missing[place]
        if verdict not in READY:
            if len(missing) < MOST_MISSING:
                missing.append(Missing(project, rank, verdict))
        elif since and since > self._today - RECENT and len(arrived) < MOST_ARRIVED:
            arrived.append(Arrival(project, rank, since))

    def judged(self) -> Judged:
        """Return what was counted."""
        targets = tuple(
            OnTarget(
                target.python,
                target.platform,
                {among: self._rows[among][place].counts for among in Among},
                tuple(sorted(self._arrived[place], key=lambda each: each.day, reverse=True)),
                tuple(self._missing[place]),
                {among: self._rows[among][place].declared for among in Among},
            )
            for place, target in enumerate(self._targets)
        )
        standing = Standing(self._as_of, dict(self._ranked), self._known, targets)
        return Judged(standing, tuple(self._derived()))

    def _derived(self) -> Iterable[Series]:
        for among, rows in self._rows.items():
            for target, row in zip(self._targets, rows, strict=True):
                if days := tuple(row.past(self._today)):
                    yield Series(among, target.python, target.platform, days)


def _since(row: Support, today: date) -> date | None:
    """Return when the first wheel of its kind came; what is told of the future came today."""
    time = row.first_wheel.uploaded if row.first_wheel else None
    day = _date(time[:10]) if time else None
    return min(day, today) if day else None


@lru_cache(maxsize=4_096)
def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _sums(weeks: Counter[int], end: int) -> Iterable[int]:
    """Return how many had come by the end of each week before that one."""
    return accumulate(weeks[week] for week in range(end))
