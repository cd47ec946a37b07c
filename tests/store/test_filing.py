"""The outbox to GitHub over a real database, and a GitHub in memory that fails in all ways."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.db import Database, Transaction
from bot.errors import UserError
from bot.github.errors import (
    Forbidden,
    Invalid,
    Limited,
    Missing,
    Removed,
    Unauthorised,
    Unclear,
    Unreachable,
)
from bot.github.model import Access, IssuePage, RemoteIssue
from bot.reports.filing import rules
from bot.reports.filing.model import Backlog, Stage
from bot.reports.filing.service import Filing
from bot.reports.filing.store import FilingStore
from bot.reports.issue import marker
from bot.reports.model import Action, Actor, State, Submission
from bot.reports.posts.store import PostStore
from bot.reports.store import ReportStore

START = 1_800_000_000.0
REPO, KEY, LOGIN = "community/reports", b"made up", "ftbot[bot]"
ADA, TRIAGER = Actor(11, "Ada"), Actor(12, "Tri")


class Killed(BaseException):
    """The process ends here."""


REFUSALS = {
    "forbidden": Forbidden("No."),
    "missing": Missing("No."),
    "removed": Removed("No."),
    "invalid": Invalid("No."),
    "unauthorised": Unauthorised("No."),
    "unreachable": Unreachable("No."),
}
POSTS = ["", "", "after", "late", "before", "killed after", "killed before", "limited", *REFUSALS]
READS = ["", "", "", "killed before", "limited", "unreachable", "unauthorised", "forbidden"]


@dataclass
class Memory:
    """A GitHub with one repository. `script` says what befalls each POST, `reads` each read.

    A POST that is `late` is seen half a minute after its connection was cut.
    """

    now: float = START
    script: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    issues_: list[tuple[float, RemoteIssue]] = field(default_factory=list)
    posts: list[float] = field(default_factory=list)
    can_write: bool = True

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def login(self) -> str:
        return LOGIN

    async def access(self, repository: str) -> Access:
        assert repository == REPO
        self._fail(self.reads)
        return Access(True, True, True, frozenset({"bug"}))

    async def create_issue(
        self, repository: str, title: str, body: str, labels: Sequence[str]
    ) -> RemoteIssue:
        self.posts.append(self.now)
        what = self._fail(self.script)
        number, at = len(self.issues_) + 1, datetime.fromtimestamp(self.now, UTC)
        issue = RemoteIssue(
            repository, number, 1000 + number, f"https://github.com/{repository}/issues/{number}",
            title, body, "open", None, tuple(labels), LOGIN, at, at,
        )  # fmt: skip
        self.issues_.append((self.now + (30 if what == "late" else 0), issue))
        if what in {"after", "late"}:
            raise Unclear("The connection broke.")
        if what == "killed after":
            raise Killed
        return issue

    async def issues(self, repository: str, *, since: datetime, **_: object) -> IssuePage:
        assert repository == REPO
        self._fail(self.reads)
        there = [each for seen, each in self.issues_ if seen <= self.now and each.updated >= since]
        return IssuePage(tuple(reversed(there)), None, more=False)

    def _fail(self, script: list[str]) -> str:
        what = script.pop(0) if script else ""
        self.now += 0.25
        if what == "killed before":
            raise Killed
        if what == "before":
            raise Unclear("The connection broke.")
        if what == "limited":
            raise Limited(self.now + 90, self.now)
        if what in REFUSALS:
            raise REFUSALS[what]
        return what

    def of(self, uid: str) -> int:
        return sum(marker.find(issue.body, KEY) == uid for _, issue in self.issues_)


@dataclass
class World:
    """A database, and what files from it."""

    db: Database
    gh: Memory

    def __post_init__(self) -> None:
        self.reports, self.filings = ReportStore(self.db), FilingStore(self.db)
        self.restart()

    def restart(self) -> None:
        github: Any = self.gh  # as much of GitHub as filing asks for
        self.filing = Filing(
            self.db, self.filings, self.reports, PostStore(self.db), github,
            marker_key=KEY, clock=self.gh.clock, sleep=self.gh.sleep, jitter=lambda: 0.5,
        )  # fmt: skip

    async def report(self, uid: str, labels: Sequence[str] = ()) -> int:
        at = datetime.fromtimestamp(self.gh.now, UTC)
        async with self.db.write() as tx:
            report = await self.reports.insert(
                tx, uid=uid, submission=Submission(story="made up"), reporter=ADA, guild=1,
                channel=2, at=at,
            )  # fmt: skip
            await self.reports.step(tx, report, Action.SEND, ADA, at=at)
        await self.file(report, uid, labels)
        return report

    async def file(self, report: int, uid: str, labels: Sequence[str] = ()) -> None:
        """Let a triager file it."""
        at = datetime.fromtimestamp(self.gh.now, UTC)
        async with self.db.write() as tx:
            await self.reports.step(tx, report, Action.FILE, TRIAGER, at=at)
            await self.enqueue(tx, report, uid, labels)

    async def enqueue(
        self,
        tx: Transaction,
        report: int,
        uid: str,
        labels: Sequence[str] = (),
    ) -> None:
        body = f"Text.\n{marker.sign(uid, KEY)}"
        await self.filings.enqueue(tx, report, uid, REPO, "Title", body, labels)

    async def state(self, report: int) -> State:
        found = await self.reports.get(report)
        assert found is not None
        return found.state

    async def problem(self, report: int) -> str:
        found = await self.reports.get(report)
        assert found is not None
        return found.problem or ""

    async def row(self, report: int) -> dict[str, Any]:
        (row,) = await self.db.read("SELECT * FROM filing WHERE report = ?", (report,))
        return dict(row)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as db:
        yield World(db, Memory())


async def test_when_issues_were_made_is_kept_for_the_limits_alone(world: World) -> None:
    for day in range(3):
        await world.report(f"u-{day}")
        await world.filing.file()
        world.gh.now += 23 * rules.HOUR
    rows = await world.db.read("SELECT at FROM filing_post")
    assert [row["at"] for row in rows] == sorted(world.gh.posts)[-2:]


@pytest.mark.parametrize("what", ["after", "late", "before", "killed after", "killed before"])
async def test_an_unclear_post_is_looked_for_before_there_is_another(
    world: World, what: str
) -> None:
    report = await world.report("u-1")
    world.gh.script = [what]
    try:
        await world.filing.file()
    except Killed:
        world.restart()
        await world.filing.file()
    for _ in range(70):
        world.gh.now += 1
        await world.filing.file()
    assert world.gh.of("u-1") == 1
    assert len(world.gh.posts) == (2 if "before" in what else 1)
    assert await world.state(report) is State.FILED
    if len(world.gh.posts) == 2:
        assert world.gh.posts[1] - world.gh.posts[0] >= 60


async def test_the_database_may_fail_after_the_post(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise OSError("disk full")

    report = await world.report("u-1")
    with monkeypatch.context() as patch:
        patch.setattr(world.reports, "set_issue", full)
        with pytest.raises(OSError, match="full"):
            await world.filing.file()
    assert (await world.row(report))["state"] == "sending"
    await world.filing.file()
    assert await world.state(report) is State.FILED
    assert len(world.gh.posts) == 1


@pytest.mark.parametrize("what", ["forbidden", "missing", "removed", "invalid"])
async def test_what_was_unclear_before_a_refusal_is_looked_for_when_it_is_filed_anew(
    world: World, what: str
) -> None:
    """The first POST takes effect, but only long after ftbot looked."""
    report = await world.report("u-1")
    world.gh.script = ["before", what]
    await world.filing.file()
    world.gh.now += 61
    await world.filing.file()
    assert await world.state(report) is State.OPEN
    world.gh.script = ["after"]
    with pytest.raises(Unclear):
        await world.gh.create_issue(REPO, "Title", f"Text.\n{marker.sign('u-1', KEY)}", ())
    posts = len(world.gh.posts)
    await world.file(report, "u-1")
    await world.filing.file()
    assert await world.state(report) is State.FILED
    assert len(world.gh.posts) == posts


async def test_what_was_filed_is_never_filed_again(world: World) -> None:
    report = await world.report("u-1")
    await world.filing.file()
    with pytest.raises(UserError, match=r"filed already, as community/reports#1\. Link it"):
        async with world.db.write() as tx:
            await world.enqueue(tx, report, "u-1")
    waiting = await world.report("u-2")
    with pytest.raises(UserError, match="on its way to community/reports already"):
        async with world.db.write() as tx:
            await world.enqueue(tx, waiting, "u-2")
    world.gh.issues_.clear()  # deleted by hand
    world.gh.now += 10**6
    await world.filing.file()
    assert world.gh.of("u-1") == 0
    assert world.gh.of("u-2") == 1


async def test_what_is_not_wanted_any_more_is_not_sent(world: World) -> None:
    report = await world.report("u-1")
    async with world.db.write() as tx:
        await tx.execute("UPDATE report SET state = 'security' WHERE id = ?", (report,))
    await world.filing.file()
    assert world.gh.posts == []
    assert (await world.row(report))["state"] == "failed"


async def test_what_is_there_is_recorded_though_it_is_not_wanted_any_more(world: World) -> None:
    report = await world.report("u-1")
    world.gh.script = ["killed after"]
    with pytest.raises(Killed):
        await world.filing.file()
    async with world.db.write() as tx:
        await tx.execute("UPDATE report SET state = 'security' WHERE id = ?", (report,))
    world.restart()
    await world.filing.file()
    assert (await world.row(report))["state"] == "filed"
    found = await world.reports.get(report)
    assert found is not None
    assert found.issue is not None
    assert found.state is State.SECURITY


async def test_own_limits_hold_across_restarts(world: World) -> None:
    reports = [await world.report(f"u-{number}") for number in range(230)]
    end = START + 2 * 3600
    while world.gh.now < end and (await world.row(reports[-1]))["state"] != Stage.FILED:
        await world.filing.file()
        world.gh.now += 7
        world.restart()
    posts = world.gh.posts
    assert len(posts) == 230
    assert min(after - before for before, after in pairwise(posts)) >= 1
    for span, most in ((60, rules.A_MINUTE), (3600, rules.AN_HOUR)):
        assert max(sum(at <= each < at + span for each in posts) for at in posts) <= most
    assert posts[rules.AN_HOUR] - posts[0] >= 3600


async def test_the_card_changes_once_for_a_long_wait(world: World) -> None:
    report = await world.report("u-1")
    found = await world.reports.get(report)
    assert found is not None
    before = found.revision
    world.gh.reads = ["unreachable"] * 1000
    for _ in range(100):
        world.gh.now += 60
        await world.filing.file()
    assert await world.problem(report) == rules.SILENT
    found = await world.reports.get(report)
    assert found is not None
    assert found.revision == before + 1
    assert len(world.gh.reads) > 950  # it waits for some minutes between two tries
    assert world.filing.backlog == Backlog(waiting=1, unclear=0)


async def test_short_waits_are_not_worth_a_word(world: World) -> None:
    report = await world.report("u-1")
    world.gh.script = ["limited"]
    await world.filing.file()
    assert await world.problem(report) == ""
    assert await world.state(report) is State.FILING
    world.gh.now += 91
    await world.filing.file()
    assert await world.state(report) is State.FILED


async def test_without_credentials_it_waits(world: World) -> None:
    world.gh.can_write = False
    report = await world.report("u-1")
    await world.filing.file()
    assert await world.problem(report) == rules.NO_CREDENTIALS
    world.gh.can_write = True
    world.gh.now += 61
    await world.filing.file()
    assert await world.state(report) is State.FILED
    assert await world.problem(report) == ""


async def test_too_many_issues_to_look_through_are_no_proof(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(*_: object, **__: object) -> IssuePage:
        return IssuePage((), None, more=True)

    report = await world.report("u-1")
    world.gh.script = ["after"]
    with monkeypatch.context() as patch:
        patch.setattr(world.gh, "issues", endless)
        for _ in range(5):
            await world.filing.file()
            world.gh.now += 301
    assert len(world.gh.posts) == 1
    assert await world.state(report) is State.FILING
    assert "may not look" in await world.problem(report)
    await world.filing.file()
    assert await world.state(report) is State.FILED


@pytest.mark.parametrize("ahead", [-3000, 3000])
async def test_ftbots_clock_may_be_wrong(world: World, ahead: int) -> None:
    """Also by nearly an hour, GitHub's times are its own."""
    report = await world.report("u-1")
    world.gh.script = ["killed after"]
    with pytest.raises(Killed):
        await world.filing.file()
    seen, issue = world.gh.issues_[0]
    at = issue.created - timedelta(seconds=ahead)
    fields = {name: getattr(issue, name) for name in issue.__slots__}
    world.gh.issues_[0] = seen, RemoteIssue(**{**fields, "created": at, "updated": at})
    world.restart()
    await world.filing.file()
    assert await world.state(report) is State.FILED
    assert len(world.gh.posts) == 1


@given(
    script=st.lists(st.sampled_from(POSTS), max_size=14),
    reads=st.lists(st.sampled_from(READS), max_size=14),
    count=st.integers(1, 3),
)
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
def test_each_report_is_filed_once_whatever_happens(
    script: list[str], reads: list[str], count: int
) -> None:
    asyncio.run(_whatever_happens(script, reads, count))


async def _whatever_happens(script: list[str], reads: list[str], count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with Database.open(Path(folder) / "ftbot.sqlite3") as db:
            world = World(db, Memory(script=script, reads=reads))
            reports = {await world.report(f"u-{n}", ("bug",)): f"u-{n}" for n in range(count)}
            states: set[State] = set()
            for _ in range(300):
                try:
                    await world.filing.file()
                except Killed:
                    world.restart()
                for report, uid in reports.items():
                    if await world.state(report) is State.OPEN:
                        await world.file(report, uid, ("bug",))
                world.gh.now += 20
                states = {await world.state(report) for report in reports}
                if states == {State.FILED}:
                    break
            assert states == {State.FILED}
            uids = Counter(marker.find(issue.body, KEY) for _, issue in world.gh.issues_)
            assert uids == Counter(reports.values())
            for report in reports:
                rows = await db.read("SELECT key FROM report_post WHERE report = ?", (report,))
                assert [row["key"] for row in rows] == ["filed"]
                assert await world.problem(report) == ""
