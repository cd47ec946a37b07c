"""The answer to "does this project install on free-threaded Python?", as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.compat.model import Support
from bot.xray.model import Gil, worth_reading


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest release, yanked ones and pre-releases only if there is no other."""

    version: str
    uploaded: str | None


@dataclass(frozen=True, slots=True)
class AsOf:
    """How old the answer is: the index's serial (None if it gives none) and when it was read.

    `stale` means that the index could not be asked just now, so this is what was known before.
    """

    serial: int | None
    fetched: datetime
    stale: bool


@dataclass(frozen=True, slots=True)
class TrackerClaim:
    """A row of the community's hand-kept tracking table; `notes` are footnotes, as plain text."""

    since: str | None
    upstream_issue: str | None
    tested_in_ci: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claims:
    """What maintainers say, which no file name proves.

    `classifier` is the whole trove classifier of the newest release, None if it has none of the
    five; `known` is False where the metadata could not be read, so that None means "unknown".
    `urls` are those of the project's pages that may tell where its issues are, likeliest first.
    """

    classifier: str | None
    tracker: TrackerClaim | None
    known: bool = True
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """All that ftbot knows of a project. `support` has a row for each target asked for.

    `project` is the normalised name, `name` as its owners spell it; `status` is `active`,
    `archived` or `quarantined` (PEP 792); `page` is the project's page for people; `rank` its
    place by downloads (1 is the most downloaded), None beyond the ranked ones; `imported_from`
    names other projects for which this name is the import name (`sklearn`: `scikit-learn`); `gil`
    is what was read from wheels, by file name, and `reading` says that what it lacks is being read.
    """

    project: str
    name: str
    status: str
    latest: Latest | None
    as_of: AsOf
    claims: Claims
    support: tuple[Support, ...]
    unreadable_files: int
    page: str
    rank: int | None = None
    imported_from: tuple[str, ...] = ()
    gil: Mapping[str, Gil] = field(default_factory=dict)
    reading: bool = False

    def gil_of(self, support: Support) -> Gil | None:
        """Say what the wheel declares that pip takes; None if it takes none or nobody read it."""
        return self.gil.get(support.installs.file) if support.installs else None

    def awaits_gil(self, support: Support) -> bool:
        """Tell whether the wheel that pip takes is being read."""
        takes = support.installs
        return (
            self.reading
            and takes is not None
            and worth_reading(takes.file)
            and takes.file not in self.gil
        )
