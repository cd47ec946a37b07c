"""A project's dependencies and how they fare on one target, as values.

All names and texts are foreign.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.compat.model import Support, Target, Verdict
from bot.xray.model import Gil, ModuleVerdict, worth_reading


class Class(StrEnum):
    """What a package means for a move, best first."""

    READY = "ready"
    """It installs as it is meant to."""
    WORKS = "works"
    """It installs with a fallback, or another version would be ready."""
    BLOCKED = "blocked"
    """It is in the way, and no version of it is ready."""
    UNKNOWN = "unknown"
    """It cannot be judged."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of a file that could not be read or judged, and why.

    `where` is `file:line` or a key, such as `packages[3]`. A `note` is about what was judged.
    """

    where: str
    text: str
    note: bool = False


def is_whole(problems: Iterable[Problem]) -> bool:
    """Say whether nothing is missing for these: all are notes."""
    return all(problem.note for problem in problems)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A requirement (PEP 508) as a file states it, or one that cannot be judged.

    `name` is normalised; `specifier` and `marker` are texts, "" for none; `url` is where it is
    taken from instead of the index (never fetched). `constraint` only narrows what others require.
    """

    name: str
    where: str
    specifier: str = ""
    extras: tuple[str, ...] = ()
    marker: str = ""
    url: str | None = None
    constraint: bool = False


@dataclass(frozen=True, slots=True)
class Pinned:
    """A package of a lock file: exactly this version.

    `marker` says where the lock applies it, "" for everywhere. `requires` are the normalised names
    (with their markers, as `(name, marker)`) that the lock says it depends on; None if it does not
    say. `direct` is None where the lock does not tell direct dependencies from others. `origin` is
    `index`, or `url`, `vcs`, `path`, `editable`, `conda` for what does not come from an index.
    """

    name: str
    version: str | None
    where: str
    marker: str = ""
    requires: tuple[tuple[str, str], ...] | None = None
    direct: bool | None = None
    origin: str = "index"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file says. `format` is such as `requirements.txt`, `uv.lock`, `pip freeze`.

    A `locked` one has `pinned`, taken at its word; any other has `wanted`, to be resolved.
    `groups` are extras and dependency groups that it offers, `chosen` those that are included.
    """

    source: str
    format: str
    locked: bool
    wanted: tuple[Wanted, ...] = ()
    pinned: tuple[Pinned, ...] = ()
    problems: tuple[Problem, ...] = ()
    requires_python: str | None = None
    groups: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Best:
    """Another version that would be ready."""

    version: str
    verdict: Verdict
    prerelease: bool = False


@dataclass(frozen=True, slots=True)
class Package:
    """A dependency and its verdict on the target.

    `version` is the one that is pinned or was resolved, None where there is none. `required_by` are
    normalised names one step up, `path` the chain from a direct dependency down to this one, both
    without itself. `advice` is one plain sentence on what would help, "" if nothing has to.
    `support` is the evidence of the verdict, None where it cannot be judged: then `verdict` is None
    too and `advice` says why.
    """

    project: str
    version: str | None
    direct: bool
    required_by: tuple[str, ...]
    path: tuple[str, ...]
    verdict: Verdict | None
    class_: Class
    best: Best | None = None
    advice: str = ""
    support: Support | None = None
    upstream_issue: str | None = None
    reports: int = 0

    @property
    def wheel(self) -> str | None:
        """The wheel that pip takes and that may hold modules, None if it takes no such file."""
        pick = self.support.installs if self.support else None
        return pick.file if pick and worth_reading(pick.file) else None


@dataclass(frozen=True, slots=True)
class ReadySet:
    """Versions with which everything is ready. `complete` is False if none was found in time."""

    versions: tuple[tuple[str, str], ...] = ()
    found: bool = False
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Audit:
    """The answer. `packages` are blockers first, then unknown, works, ready, each by name.

    `resolved` is False where a conflict or a limit kept the resolver from an end: then `conflict`
    says in words which requirements disagree, or that no solution was found within the limit, and
    the packages are judged one by one. `stale` means that the index could not be asked about some,
    so that they are as they were known before; `unanswered` counts those of which nothing is known
    for that reason. `gil` is what was read from the packages' wheels, by file name, and `unread`
    counts the wheels that may hold modules and were not read yet.
    """

    target: Target
    source: str
    format: str
    resolved: bool
    packages: tuple[Package, ...]
    problems: tuple[Problem, ...] = ()
    conflict: str | None = None
    ready_set: ReadySet | None = None
    stale: bool = False
    unanswered: int = 0
    gil: Mapping[str, Gil] = field(default_factory=dict)
    unread: int = 0

    def count(self, class_: Class) -> int:
        """Return how many packages are of a class."""
        return sum(package.class_ is class_ for package in self.packages)

    def gil_of(self, package: Package) -> Gil | None:
        """Say what a package's wheel declares; None if it has none or nobody read it."""
        pick = package.support.installs if package.support else None
        return self.gil.get(pick.file) if pick else None

    @property
    def re_enabling(self) -> tuple[tuple[Package, Gil], ...]:
        """The packages that can be installed, but whose wheels turn the GIL on."""
        found = {
            file: gil for file, gil in self.gil.items() if gil.verdict is ModuleVerdict.RE_ENABLES
        }
        if not found:
            return ()
        return tuple(
            (package, found[package.support.installs.file])
            for package in self.packages
            if package.support
            and package.support.installs
            and package.support.installs.file in found
        )

    @property
    def undecided(self) -> int:
        """How many wheels were read that do not show whether they keep the GIL off."""
        return sum(
            gil.verdict in {ModuleVerdict.UNKNOWN, ModuleVerdict.DELEGATED}
            for gil in self.gil.values()
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """An audit that is stored, made at a time (UTC).

    `files` are its whole table, as names with their contents.
    """

    id: int
    made: datetime
    audit: Audit
    files: tuple[tuple[str, bytes], ...] = ()
