"""What is told of progress, as values."""

from datetime import date, datetime
from enum import StrEnum
from typing import Final

import msgspec

from bot.compat.model import Verdict

PYTHON: Final = "3.14t"
PLATFORM: Final = "linux-x86_64"
"""What is looked at where nobody says otherwise."""


class Among(StrEnum):
    """Of which projects, by downloads."""

    TOP_360 = "top-360"
    TOP_1000 = "top-1000"
    TOP_15000 = "top-15000"

    @property
    def size(self) -> int:
        """How many projects that is, as far as so many have a rank."""
        return int(self.removeprefix("top-"))


class Counts(msgspec.Struct, frozen=True):
    """How many projects could be judged, and of those with compiled wheels (`binaries`) how many.

    Those that are `ready` install without compiling: pure Python ones among all, and whoever has a
    wheel that fits among those with binaries.
    """

    projects: int
    ready: int
    binaries: int
    binaries_ready: int

    @property
    def share(self) -> float | None:
        """The part of those with binaries that is ready, from 0 to 1; None if there are none."""
        return self.binaries_ready / self.binaries if self.binaries else None

    @property
    def share_of_all(self) -> float | None:
        """The part of all that is ready, None if none could be judged."""
        return self.ready / self.projects if self.projects else None


class Day(msgspec.Struct, frozen=True, array_like=True):
    """How it was at the end of a day (UTC); `derived` from times of upload, afterwards."""

    day: date
    counts: Counts
    derived: bool = False


class Series(msgspec.Struct, frozen=True):
    """What became of a target's counts, oldest first."""

    among: Among
    python: str
    platform: str
    days: tuple[Day, ...]


class Arrival(msgspec.Struct, frozen=True, array_like=True):
    """A project with binaries that became ready on that day."""

    project: str
    rank: int
    day: date


class Missing(msgspec.Struct, frozen=True, array_like=True):
    """A project with binaries that is not ready, and what it is instead."""

    project: str
    rank: int
    verdict: Verdict


class Declared(msgspec.Struct, frozen=True):
    """What the wheels declare about the GIL that pip takes and that were read.

    So many of those `read` keep it off or turn it on; the others do not show it.
    """

    read: int = 0
    keep_off: int = 0
    turn_on: int = 0


class OnTarget(msgspec.Struct, frozen=True):
    """How things stand on a target.

    `counts` are by `Among`, and so is `declared`, of projects with binaries; `arrived` are the most
    downloaded of those who came in the last 30 days, the latest first, and `missing` the most
    downloaded of those who are not there, by rank.
    """

    python: str
    platform: str
    counts: dict[Among, Counts]
    arrived: tuple[Arrival, ...] = ()
    missing: tuple[Missing, ...] = ()
    declared: dict[Among, Declared] = {}


class Standing(msgspec.Struct, frozen=True):
    """How things stand everywhere, as of a moment (UTC).

    `ranked` says by `Among` how many projects the index has, `known` how many could be judged.
    """

    as_of: datetime
    ranked: dict[Among, int]
    known: dict[Among, int]
    targets: tuple[OnTarget, ...]

    def on(self, python: str, platform: str) -> OnTarget | None:
        """Return how things stand on a target, None for one that was not looked at."""
        for each in self.targets:
            if (each.python, each.platform) == (python, platform):
                return each
        return None


class Judged(msgspec.Struct, frozen=True):
    """What comes of going over all projects; `derived` tells of the past."""

    standing: Standing
    derived: tuple[Series, ...]


class Report(msgspec.Struct, frozen=True):
    """What /progress answers, looking at one target among so many projects.

    `history` is by interpreter, on the same platform, and ends with today. `picture` is a PNG, None
    if none could be drawn.
    """

    among: Among
    standing: Standing
    target: OnTarget
    history: dict[str, tuple[Day, ...]]
    picture: bytes | None = None

    @property
    def counts(self) -> Counts:
        return self.target.counts[self.among]

    @property
    def declared(self) -> Declared:
        """What is known of the wheels of these projects."""
        return self.target.declared.get(self.among, Declared())

    @property
    def arrived(self) -> tuple[Arrival, ...]:
        """Who came, among these projects."""
        return tuple(each for each in self.target.arrived if each.rank <= self.among.size)

    @property
    def missing(self) -> tuple[Missing, ...]:
        """Who is missing, among these projects."""
        return tuple(each for each in self.target.missing if each.rank <= self.among.size)

    @property
    def unknown(self) -> int:
        """How many of these projects were not read yet."""
        return self.standing.ranked[self.among] - self.standing.known[self.among]
