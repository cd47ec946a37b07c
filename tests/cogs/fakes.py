"""Stand-ins for what lies below the cogs: an index of three projects, a memory, and reports."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bot.announce.subscriptions.service import SubscriptionService, WatchService
from bot.announce.subscriptions.store import SubscriptionStore
from bot.audit.answering import Audits
from bot.audit.manifests import read
from bot.audit.model import Audit, Manifest
from bot.audit.store import AuditStore
from bot.audit.watching.store import WatchStore
from bot.check.model import Answer
from bot.client import Checks, Names, Reports, Services
from bot.client import Memory as Remembers
from bot.compat.model import Target
from bot.compat.targets import ALL_TARGETS
from bot.db import Database, Speakers
from bot.errors import IndexUnavailable, ProjectNotFound, UserError
from bot.guide.model import Hit, Pointer
from bot.progress.model import Among as Ranks
from bot.progress.model import Report as ProgressReport
from bot.reports.issue.destination import Address
from bot.reports.model import (
    Actor,
    Desk,
    Draft,
    Fact,
    Facts,
    Forgotten,
    Hint,
    Issue,
    Kind,
    Likely,
    Problem,
    Problems,
    Reading,
    Report,
    State,
    Stored,
    Submission,
)
from bot.ui.about import About, Versions
from tests.ui.answers import NOON, answer, support

PROJECTS = ("numpy", "numba", "scikit-learn")


class Index:
    """Knows PROJECTS. Takes `turns` of the event loop to answer; raises `error` if that is set.

    Of projects in `answers` it says that.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Target, ...]]] = []
        self.turns = 0
        self.error: Exception | None = None
        self.answers: dict[str, Answer] = {}

    async def answer(self, project: str, targets: Sequence[Target] = ALL_TARGETS) -> Answer:
        self.asked.append((project, tuple(targets)))
        for _ in range(self.turns):
            await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        if project == "offline":
            raise IndexUnavailable("The index does not answer.", "Try again in a minute.")
        if project in self.answers:
            return self.answers[project]
        if project not in PROJECTS:
            raise ProjectNotFound(project, ("numpy", "numba"))
        rows = (support(target) for target in targets)
        return replace(answer(*rows), project=project, name=project)

    def complete(self, text: str, limit: int = 25) -> list[str]:
        hits = [name for name in PROJECTS if name.startswith(text[:2])]
        return [*hits, "x" * 101][:limit]


class Memory(dict[str, str]):
    """What the database remembers, in a dict that survives the bot."""

    async def get(self, key: str) -> str | None:  # type: ignore[override]  # the awaited one is meant
        return super().get(key)

    async def set(self, key: str, value: str) -> None:
        self[key] = value


class ReportDesk:
    """Keeps reports of members, and takes each for what `reading` says.

    Drafts can be sent where `can_send`; `form` is the address of GitHub's form, `likely` what is
    known already. `error` is raised by whatever is asked, if that is set; `seconds` pass before any
    draft is there.
    """

    def __init__(self) -> None:
        self.reports: dict[int, Report] = {}
        self.answers: list[tuple[int, str]] = []
        self.known = Problems("numpy", 0, ())
        self.kept = Stored()
        self.reading = Reading(
            Kind.GIL_REENABLED, 0.9, Facts(Fact("numpy", "import numpy"), Fact("2.0", "numpy 2.0"))
        )
        self.hints: tuple[Hint, ...] = ()
        self.likely: tuple[Likely, ...] = ()
        self.can_send = True
        self.address: str | None = "https://github.com/numpy/numpy/issues/new?title=x"
        self.error: Exception | None = None
        self.seconds = 0.0

    async def draft(
        self, reporter: Actor, guild: int | None, channel: int | None, submission: Submission
    ) -> Draft:
        await self._think()
        number = len(self.reports) + 1
        return self._keep(
            Report(
                id=number,
                uid=f"uid-{number}",
                state=State.DRAFT,
                revision=1,
                title="numpy 2.0: importing it turns the GIL on",
                submission=submission,
                reading=self.reading,
                reporter=reporter,
                credit=False,
                guild=guild,
                channel=channel,
                created=NOON,
                updated=NOON,
                hints=self.hints,
                likely=self.likely,
            )
        )

    async def redraft(self, report: int, reporter: Actor, submission: Submission) -> Draft:
        await self._think()
        return self._keep(replace(self._mine(report, reporter), submission=submission))

    async def draft_of(self, report: int, reporter: Actor) -> Draft:
        await self._think()
        return self._keep(self._mine(report, reporter))

    async def credit(self, report: int, reporter: Actor, shown: bool) -> Draft:
        return self._keep(replace(self._mine(report, reporter), credit=shown))

    async def send(self, report: int, reporter: Actor) -> Report:
        return self._step(report, reporter, State.OPEN)

    async def join(self, report: int, reporter: Actor, key: str) -> Report:
        own, _, number = key.partition(":")
        into = int(number) if own == "report" else None
        return self._step(report, reporter, State.JOINED, into=into)

    async def withdraw(self, report: int, reporter: Actor) -> Report:
        return self._step(report, reporter, State.WITHDRAWN)

    async def form(self, report: int, reporter: Actor) -> str:
        self._mine(report, reporter)
        return self.address or ""

    async def discard(self, report: int, reporter: Actor) -> None:
        del self.reports[self._mine(report, reporter).id]

    async def answer(self, report: int, reporter: Actor, text: str) -> Report:
        self.answers.append((report, text))
        return self._mine(report, reporter)

    async def desk(self, guild: int) -> Desk | None:
        del guild
        return None

    async def problems(
        self, project: str, version: str | None = None, *, guild: int | None = None
    ) -> Problems:
        del version, guild
        if self.error is not None:
            raise self.error
        return replace(self.known, project=project)

    async def summary(self, project: str) -> Problems | None:
        return self.known if project == self.known.project and self.known.total else None

    async def stored(self, user: int) -> Stored:
        del user
        return self.kept

    async def forget(self, user: int) -> Forgotten:
        del user
        drafts, reports = len(self.kept.drafts), len(self.kept.reports)
        self.kept = Stored()
        return Forgotten(drafts=drafts, reports=reports)

    async def _think(self) -> None:
        await asyncio.sleep(self.seconds)
        if self.error is not None:
            raise self.error

    def _mine(self, report: int, reporter: Actor) -> Report:
        found = self.reports.get(report)
        if found is None or found.reporter is None or found.reporter.id != reporter.id:
            raise UserError("That report is not yours.")
        return found

    def _step(self, number: int, reporter: Actor, state: State, **changes: Any) -> Report:  # noqa: ANN401 - fields
        return self._keep(replace(self._mine(number, reporter), state=state, **changes)).report

    def _keep(self, report: Report) -> Draft:
        self.reports[report.id] = report
        address = Address("numpy/numpy", False, None, "The metadata of numpy names it.")
        return Draft(report, self.can_send, address, self.address)


def problem(number: int = 1, **changes: Any) -> Problem:  # noqa: ANN401 - fields
    """A problem that was filed."""
    url = f"https://github.com/numpy/numpy/issues/{number}"
    issue = Issue("numpy/numpy", number, url, "GIL enabled by import", "open")
    plain = Problem(
        number, Kind.GIL_REENABLED, "Importing turns the GIL on", "2.0", 2, url, State.FILED, issue
    )
    return replace(plain, **changes)


class NoAuditor:
    """Audits nothing: for tests of something else."""

    async def audit(self, manifest: Manifest, target: Target) -> Audit:
        raise UserError(f"{manifest.source} is not audited on {target.python} here.")


ABOUT = About(
    Versions("1.2.3", "3.14.0", "off", "2.7.1"),
    started=NOON,
    serial=123_456,
    seen=NOON,
    names=900_000,
    cached=14_000,
    refreshed={"ranks": NOON, "tracker": None},
    guide="https://guide.example/",
)


async def told() -> About:
    return ABOUT


class NoGuide:
    """Finds nothing: for tests of something else."""

    def search(self, query: str) -> Sequence[Hit]:
        del query
        return ()

    def contents(self) -> Sequence[Hit]:
        return ()

    def complete(self, text: str, limit: int = 25) -> list[str]:
        del text, limit
        return []

    def pointer(self, *keys: str) -> Pointer | None:
        del keys
        return None


class NoProgress:
    """Counts nothing: for tests of something else."""

    async def report(self, among: Ranks, python: str, platform: str) -> ProgressReport:
        raise UserError(f"Nobody counts the {among} on {python} and {platform} here.")


def services_on(
    database: Database,
    check: Checks,
    names: Names,
    memory: Remembers | None = None,
    reports: Reports | None = None,
) -> Services:
    """Return what cogs work with: real but for what is given."""
    store = SubscriptionStore(database)
    desk: Any = ReportDesk()  # knows nothing of triagers
    return Services(
        check=check,
        names=names,
        memory=Memory() if memory is None else memory,
        announce=SubscriptionService(store, site="https://index.example"),
        watch=WatchService(store, check),
        reports=desk if reports is None else reports,
        audits=Audits(read, NoAuditor(), AuditStore(database), WatchStore(database)),
        speakers=Speakers(database),
        guide=NoGuide(),
        progress=NoProgress(),
        jobs=tuple,
        about=told,
    )
