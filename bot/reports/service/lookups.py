"""What is asked about a report besides its own text: the index, and what is known already."""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from bot.check.model import Answer
from bot.compat.model import Target
from bot.errors import ProjectNotFound, UserError
from bot.index.model import Project
from bot.language import phrase
from bot.reports.hints.gil import checked, taken
from bot.reports.hints.rules import hints, targets
from bot.reports.issue.destination import Address, address
from bot.reports.likeness.model import Known
from bot.reports.likeness.rules import known, likely, nearly_identical
from bot.reports.model import Hint, Kind, Likely, Reading, Report, Submission
from bot.reports.store import Lookup, ReportStore
from bot.xray.model import Gil, WheelReading

log = logging.getLogger(__name__)

MOST_COMPARED: Final = 200
"""So many of our own reports, the newest, is a report compared with."""

UNKNOWN: Final = Address(
    None, False, None, phrase("The index does not answer, so where it belongs is not known yet.")
)

_T = TypeVar("_T")


class Projects(Protocol):
    """Where projects are looked up: `bot.check.service.CheckService`."""

    async def answer(self, project: str, targets: Sequence[Target]) -> Answer:
        """Say all about a project. Raises UserError, ProjectNotFound, IndexUnavailable."""
        ...


class KnownIssues(Protocol):
    """Where the issues of repositories are kept: `bot.reports.known.service.KnownIssues`."""

    async def all(self, project: str | None, kind: Kind | None) -> Sequence[Known]:
        """Return those about a project or of a kind, of all repositories that are kept."""
        ...

    async def about(self, repository: str, *, patience: float) -> Sequence[Known]:
        """Return those of a repository, as they are after at most `patience` seconds."""
        ...


class Index(Protocol):
    """What is cached of the index: `bot.index.service.CachedIndex`."""

    async def known(self, name: str) -> Project | None:
        """Return a project as it is known."""
        ...


class Xray(Protocol):
    """What was read from wheels: `bot.xray.service.XrayService`."""

    @property
    def reads(self) -> bool:
        """Whether wheels are read that are wanted."""
        ...

    async def declared(self, project: str, file: str) -> WheelReading | Gil | None:
        """Return all about a wheel, in short if it could not be read, or None and have it read."""
        ...


class Lookups:
    """Asks about reports. `home` and `allowed` are the repositories where ftbot may file.

    With `index` and `xray`, reports that the GIL comes back are checked against the wheel.
    """

    def __init__(
        self,
        store: ReportStore,
        projects: Projects,
        issues: KnownIssues,
        *,
        home: str,
        allowed: Sequence[str] = (),
        index: Index | None = None,
        xray: Xray | None = None,
    ) -> None:
        self._store = store
        self._projects = projects
        self._issues = issues
        self._home = home
        self._allowed = allowed
        self._index = index
        self._xray = xray

    async def look_up(self, report: Report, *, patience: float) -> Lookup:
        """Return what is known, without what does not answer within `patience` seconds."""
        deadline = asyncio.get_running_loop().time() + patience
        (place, answer), candidates = await asyncio.gather(
            self._place(report, patience), self._candidates(report)
        )
        left = deadline - asyncio.get_running_loop().time()
        if place and place.repository and left > 0:
            candidates += await self._issues.about(place.repository, patience=left)
        hint, is_read = await self._declared(report.reading, answer) if answer else (None, True)
        more = (hint,) if hint else ()
        return Lookup(
            hints=None if place is None else hints(report.reading, answer, *more) if answer else (),
            likely=await asyncio.to_thread(_likely, report, candidates),
            address=place,
            complete=place is not None and is_read,
        )

    async def address(self, report: Report, *, patience: float) -> Address | None:
        """Return where a report belongs, None if the index does not tell within `patience`."""
        place, _ = await self._place(report, patience)
        return place

    async def twin(self, report: Report, others: Mapping[int, Known | None]) -> int | None:
        """Return the number of the first of `others` that says nearly the same, None if none."""

        def search() -> int | None:
            own = _own(report)
            alike = (n for n, each in others.items() if each and nearly_identical(own, each))
            return next(alike, None)

        return await asyncio.to_thread(search)

    async def _place(self, report: Report, patience: float) -> tuple[Address | None, Answer | None]:
        answer = None
        if report.project is not None:
            asked = self._projects.answer(report.project, targets(report.reading))
            try:
                answer = await _within(patience, asked, but=ProjectNotFound)
            except ProjectNotFound:
                pass  # then nobody claims anything about it
            else:
                if answer is None:
                    return None, None
        place = address(
            report.project,
            report.reading.kind,
            tracker=answer.claims.tracker if answer else None,
            urls=answer.claims.urls if answer else (),
            home=self._home,
            allowed=self._allowed,
        )
        return place, answer

    async def _declared(self, reading: Reading, answer: Answer) -> tuple[Hint | None, bool]:
        """Check a report that the GIL comes back against the wheel, and say whether that is done.

        It is not while the wheel waits to be read.
        """
        if reading.kind is not Kind.GIL_REENABLED or not (self._index and self._xray):
            return None, True
        project = await self._index.known(answer.project)
        wheel = taken(reading, project.files, project.status) if project else None
        if wheel is None:
            return None, True
        found = await self._xray.declared(answer.project, wheel.file)
        if isinstance(found, WheelReading):
            return checked(reading, answer.name, wheel, found), True
        return None, found is not None or not self._xray.reads

    async def _candidates(self, report: Report) -> list[Known]:
        kind = report.reading.kind
        said = None if kind is Kind.NEEDS_INFO else kind  # of which nothing can be told
        issues = await self._issues.all(report.project, said)
        reports = await self._store.comparable(report.project, kind, report.guild, MOST_COMPARED)
        # An issue of ours is the report that it was made from: who joins that one is counted.
        ours = {each.url for each in reports if each.url}
        return [*reports, *(each for each in issues if each.url not in ours)]


def signs(report: int, title: str, submission: Submission, reading: Reading) -> Known:
    """Return what a report is recognised by; some milliseconds, so a thread's work."""
    text = f"{submission.story}\n{reading.excerpt}"
    return known(f"report:{report}", title, text.strip(), reading)


def _own(report: Report) -> Known:
    return signs(report.id, report.title, report.submission, report.reading)


def _likely(report: Report, candidates: Iterable[Known]) -> tuple[Likely, ...]:
    return likely(_own(report), {each.key: each for each in candidates}.values())


async def _within(
    seconds: float, asked: Awaitable[_T], *, but: type[UserError] | None = None
) -> _T | None:
    """Wait for an answer; None if none comes in time, or a failure that people can understand.

    Failures of the type `but` are raised.
    """
    try:
        async with asyncio.timeout(seconds):
            return await asked
    except TimeoutError:
        log.info("No answer within %.1f s", seconds)
    except UserError as error:
        if but is not None and isinstance(error, but):
            raise
        log.warning("%s", error)
    return None
