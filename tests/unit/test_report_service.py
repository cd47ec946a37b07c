"""The verbs of reports, on the real database and its outboxes. All that is reported is made up."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from bot.announce.delivery.store import DeliveryStore
from bot.announce.subscriptions.store import SubscriptionStore
from bot.audit.members import AuditMembers
from bot.audit.store import AuditStore
from bot.audit.watching.store import WatchStore
from bot.check.model import Answer, Claims
from bot.compat.condense import condense
from bot.compat.model import Target
from bot.db import Database, Speakers
from bot.errors import IndexUnavailable, ProjectNotFound, UserError
from bot.github.errors import (
    Forbidden,
    Invalid,
    Limited,
    Missing,
    Removed,
    Unauthorised,
    Unreachable,
)
from bot.github.model import RemoteIssue
from bot.index.model import Project
from bot.reports import rules
from bot.reports.filing.store import FilingStore
from bot.reports.issue.destination import Address
from bot.reports.issue.marker import find
from bot.reports.likeness.model import Known
from bot.reports.likeness.rules import known
from bot.reports.model import (
    Action,
    Actor,
    Draft,
    Fact,
    Facts,
    Forgotten,
    Issue,
    Kind,
    Reading,
    Report,
    Signature,
    State,
    Stored,
    Submission,
    Waiting,
)
from bot.reports.posts.store import PostStore
from bot.reports.reading.rules import read_submission
from bot.reports.rules import Settled
from bot.reports.service import Lookups, ReportService
from bot.reports.service.lookups import UNKNOWN
from bot.reports.store import FORMER, ReportStore
from bot.xray.model import Gil, Module, ModuleVerdict, WheelReading
from tests.ui.answers import answer
from tests.unit.pages import file as page_file

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GUILD, OTHER, CHANNEL, DESK, ROLE = 5_001, 5_002, 6_001, 6_002, 7_001
ADA = Actor(811_122_233_344_455_501, "Ada")
BEN = Actor(811_122_233_344_455_502, "Ben")
CY = Actor(811_122_233_344_455_503, "Cy")
DEE = Actor(811_122_233_344_455_504, "Dee")
HOME, LIB = "home/base", "demo/lib"
KEY = b"a key made up for tests"
DEMO = "demo-2.0-cp314-cp314t-manylinux_2_28_x86_64.whl"

CRASH = Submission(
    "demo",
    "Python 3.14t on Linux",
    "Two threads call demo.run at once, then the interpreter dies in its cache.",
    "Fatal Python error: Segmentation fault in demo_cache_insert",
)


def read(submission: Submission) -> Reading:
    """Take the project from its field, and the kind from a word of the story."""
    project = Fact(submission.project, submission.project) if submission.project else None
    python = Fact("3.14t", "3.14t") if "3.14t" in submission.environment else None
    version = next(
        (Fact(word, word) for word in submission.story.split() if word[:1].isdigit()), None
    )
    words = {"GIL": Kind.GIL_REENABLED, "wheel": Kind.NO_WHEEL}
    return Reading(
        next((kind for word, kind in words.items() if word in submission.story), Kind.CRASH),
        0.9,
        Facts(project=project, python=python, version=version),
        signature=Signature(frames=("demo_cache_insert",)),
        excerpt=submission.logs[:500],
    )


@dataclass
class Index:
    """Knows `demo`, whose issues are at `demo/lib`."""

    fails: Exception | None = None
    hangs: bool = False
    asked: list[tuple[str, Sequence[Target]]] = field(default_factory=list)
    urls: tuple[str, ...] = (f"https://github.com/{LIB}",)

    async def answer(self, project: str, targets: Sequence[Target]) -> Answer:
        self.asked.append((project, targets))
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise self.fails
        if project != "demo":
            raise ProjectNotFound(project)
        return answer(claims=Claims(None, None, urls=self.urls))


@dataclass
class Issues:
    """Issues of repositories: those kept already, and those that only come on demand."""

    kept: list[Known] = field(default_factory=list)
    there: dict[str, list[Known]] = field(default_factory=dict)
    patience: list[float] = field(default_factory=list)

    async def all(self, project: str | None, kind: Kind | None) -> list[Known]:
        assert kind is not Kind.NEEDS_INFO
        return [each for each in self.kept if each.project in (project, None)]

    async def about(self, repository: str, *, patience: float) -> list[Known]:
        self.patience.append(patience)
        return self.there.get(repository, [])


def issue(number: int, submission: Submission = CRASH) -> Known:
    """An issue that says the same as `submission`."""
    text = f"{submission.story}\n{submission.logs}"
    return known(
        f"issue:{LIB}#{number}",
        "demo: crash",
        text,
        read(submission),
        url=f"https://github.com/{LIB}/issues/{number}",
    )


class Cache:
    """Has the page of `demo`, with a wheel of 2.0."""

    async def known(self, name: str) -> Project | None:
        files = condense([page_file(DEMO)], canonicalize_name("demo"))
        return Project(canonicalize_name(name), name, "active", 1, None, NOON, files)


@dataclass
class Xray:
    """Knows what it was told of wheels, and notes what it was asked for."""

    known: dict[str, WheelReading | Gil] = field(default_factory=dict)
    reads: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def declared(self, project: str, file: str) -> WheelReading | Gil | None:
        self.asked.append((project, file))
        return self.known.get(file)


class World:
    """A service on a database of its own, at a time of its own."""

    def __init__(
        self,
        database: Database,
        *,
        allowed: Sequence[str] = (LIB,),
        can_file: bool = True,
        reader: Callable[[Submission], Reading] = read,
        xray: Xray | None = None,
        github: "OnGitHub | None" = None,
    ) -> None:
        self.database = database
        self.store = ReportStore(database)
        self.index = Index()
        self.issues = Issues()
        self.time = NOON
        self.reports = ReportService(
            database=database,
            store=self.store,
            posts=PostStore(database),
            filings=FilingStore(database),
            lookups=Lookups(
                self.store,
                self.index,
                self.issues,
                home=HOME,
                allowed=allowed,
                index=Cache(),
                xray=xray,
            ),
            reader=reader,
            home=HOME,
            can_file=can_file,
            key=KEY,
            github=github,
            watches=SubscriptionStore(database),
            news=DeliveryStore(database),
            audits=AuditMembers(AuditStore(database), WatchStore(database)),
            speakers=Speakers(database),
            patience=0.05,
            clock=lambda: self.time,
        )

    async def draft(
        self, who: Actor = ADA, submission: Submission = CRASH, guild: int | None = GUILD
    ) -> Draft:
        return await self.reports.draft(who, guild, CHANNEL, submission)

    async def sent(self, who: Actor = ADA, submission: Submission = CRASH) -> Report:
        draft = await self.draft(who, submission)
        return await self.reports.send(draft.report.id, who)

    async def posts(self) -> list[tuple[int, str, str, str, str]]:
        rows = await self.database.read(
            "SELECT report, purpose, key, destination, note FROM report_post ORDER BY id"
        )
        return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]

    async def told(self, report: int) -> list[tuple[str, str]]:
        """Who heard what of a report."""
        posts = await self.posts()
        return [
            (key, to) for number, kind, key, to, _ in posts if number == report and kind != "card"
        ]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        yield database


@pytest.fixture
async def world(database: Database) -> World:
    world = World(database)
    await world.reports.setup(GUILD, DESK, ROLE)
    return world


def other(number: int) -> Submission:
    """A report that is like no other."""
    letter = "abcdefgh"[number % 8] * (3 + number // 8)
    words = [f"{letter}{other}" for other in "klmnopqrstuvwxyz"]
    return Submission("demo", "Python 3.14t", " ".join(words))


# Drafting


async def test_a_draft_says_what_is_known(world: World) -> None:
    world.issues.kept = [issue(3)]
    draft = await world.draft()
    report = draft.report
    assert report.state is State.DRAFT
    assert report.submission == CRASH
    assert report.reading == read(CRASH)
    assert report.title
    assert [each.key for each in report.likely] == [f"issue:{LIB}#3"]
    assert draft.can_send
    assert draft.address == report.address
    assert (draft.address.repository, draft.address.may_file) == (LIB, True)
    assert draft.form is not None
    assert draft.form.startswith(f"https://github.com/{LIB}/issues/new?")
    assert {target.python for target in world.index.asked[0][1]} == {"3.14t"}
    assert await world.posts() == []


async def test_the_index_may_have_the_answer(world: World) -> None:
    draft = await world.draft(submission=replace(CRASH, story="pip finds no wheel of 1.0"))
    assert [each.code for each in draft.report.hints] == ["newer-release"]


@pytest.mark.parametrize("fails", [None, IndexUnavailable("It is down.", "Wait.")])
async def test_a_draft_waits_for_nobody(world: World, fails: Exception | None) -> None:
    world.index.hangs, world.index.fails = fails is None, fails
    started = asyncio.get_running_loop().time()
    draft = await world.draft()
    assert asyncio.get_running_loop().time() - started < 1.5
    assert draft.address == UNKNOWN
    assert draft.form is None
    assert draft.report.submission == CRASH
    assert draft.report.address is None


async def test_what_was_not_answered_is_asked_once_more_when_it_was_sent(world: World) -> None:
    world.index.hangs = True
    report = await world.sent()
    assert report.address is None
    world.index.hangs = False
    world.issues.there = {LIB: [issue(3)]}
    await world.reports.enrich_all()
    found = await world.reports.get(report.id, GUILD)
    assert found.address is not None
    assert found.address.repository == LIB
    assert [each.key for each in found.likely] == [f"issue:{LIB}#3"]
    assert found.revision > report.revision  # so its card is edited
    asked = len(world.index.asked)
    await world.reports.enrich_all()
    assert len(world.index.asked) == asked


GIL = replace(CRASH, story="Importing demo turns the GIL back on")
TURNS_ON = WheelReading(
    DEMO,
    ModuleVerdict.RE_ENABLES,
    (Module("demo._x", "demo/_x.so", ModuleVerdict.RE_ENABLES, "slots end"),),
)


async def test_a_report_on_the_gil_is_checked_against_the_wheel(database: Database) -> None:
    world = World(database, xray=Xray({DEMO: TURNS_ON}))
    hints = (await world.draft(submission=GIL)).report.hints
    assert [each.code for each in hints] == ["gil-re-enables"]
    assert hints[0].text.endswith("its only module turns the GIL on, demo._x.")
    assert hints[0].evidence == (DEMO, "demo._x: slots end")
    assert not (await world.draft(submission=CRASH)).report.hints


async def test_a_card_tells_what_was_read_after_it_was_sent(database: Database) -> None:
    xray = Xray()
    world = World(database, xray=xray)
    await world.reports.setup(GUILD, DESK, ROLE)
    report = await world.sent(submission=GIL)
    assert xray.asked == [("demo", DEMO)]
    await world.reports.enrich_all()
    before = await world.reports.get(report.id, GUILD)
    assert not before.hints
    xray.known[DEMO] = TURNS_ON
    await world.reports.enrich_all()
    after = await world.reports.get(report.id, GUILD)
    assert [each.code for each in after.hints] == ["gil-re-enables"]
    assert after.revision > before.revision  # so its card is edited
    asked = len(xray.asked)
    await world.reports.enrich_all()
    assert len(xray.asked) == asked


@pytest.mark.parametrize(
    "xray",
    [
        Xray(reads=False),
        Xray({DEMO: Gil(ModuleVerdict.UNKNOWN, DEMO, 0, (), "is not there any more")}),
        None,
    ],
    ids=["off", "unreadable", "none"],
)
async def test_a_wheel_that_is_never_read_is_not_waited_for(
    database: Database, xray: Xray | None
) -> None:
    world = World(database, xray=xray)
    await world.reports.setup(GUILD, DESK, ROLE)
    report = await world.sent(submission=GIL)
    await world.reports.enrich_all()
    asked = len(world.index.asked)
    await world.reports.enrich_all()
    assert len(world.index.asked) == asked
    assert not (await world.reports.get(report.id, GUILD)).hints


async def test_a_project_that_is_on_no_index_is_the_communitys(world: World) -> None:
    draft = await world.draft(submission=replace(CRASH, project="absent"))
    assert draft.address.repository == HOME
    assert not draft.report.hints


async def test_an_issue_of_ours_is_told_of_once(world: World) -> None:
    first = await world.sent(ADA)
    await world.reports.link(first.id, GUILD, CY, f"{LIB}#3")
    world.issues.kept = [issue(3)]
    draft = await world.draft(BEN)
    assert [each.key for each in draft.report.likely] == [f"report:{first.id}"]
    assert draft.report.likely[0].url == f"https://github.com/{LIB}/issues/3"


async def test_a_draft_is_its_reporters_alone(world: World) -> None:
    draft = await world.draft()
    number = draft.report.id
    reports = world.reports
    attempts: list[Callable[[], Awaitable[object]]] = [
        lambda: reports.draft_of(number, BEN),
        lambda: reports.redraft(number, BEN, CRASH),
        lambda: reports.credit(number, BEN, shown=True),
        lambda: reports.discard(number, BEN),
        lambda: reports.send(number, BEN),
        lambda: reports.join(number, BEN, "report:1"),
        lambda: reports.form(number, BEN),
        lambda: reports.draft_of(99, ADA),
    ]
    for attempt in attempts:
        with pytest.raises(UserError, match="You have no report"):
            await attempt()
    with pytest.raises(UserError, match="This server has no report"):
        await reports.get(number, GUILD)
    assert await reports.draft_of(number, ADA) == draft


async def test_a_draft_is_changed_credited_and_thrown_away(world: World) -> None:
    number = (await world.draft()).report.id
    changed = await world.reports.redraft(number, ADA, replace(CRASH, story="The GIL is back."))
    assert changed.report.reading.kind is Kind.GIL_REENABLED
    assert (await world.reports.credit(number, ADA, shown=True)).report.credit
    assert not (await world.reports.credit(number, ADA, shown=False)).report.credit
    await world.reports.discard(number, ADA)
    with pytest.raises(UserError):
        await world.reports.draft_of(number, ADA)


async def test_one_that_cannot_be_compared_holds_up_no_other(world: World) -> None:
    first = await world.sent(ADA)
    async with world.database.write() as tx:
        await tx.execute("UPDATE report SET known = '{\"key\": 5}'")
    async with asyncio.timeout(5):
        second = await world.sent(BEN)
    assert (second.state, second.into) == (State.OPEN, None)
    third = await world.sent(CY)
    assert third.into == second.id != first.id


async def test_what_was_sent_is_no_draft_any_more(world: World) -> None:
    report = await world.sent()
    attempts: list[Callable[[], Awaitable[object]]] = [
        lambda: world.reports.send(report.id, ADA),
        lambda: world.reports.redraft(report.id, ADA, CRASH),
        lambda: world.reports.credit(report.id, ADA, shown=True),
        lambda: world.reports.discard(report.id, ADA),
    ]
    for attempt in attempts:
        with pytest.raises(Settled, match="sent already"):
            await attempt()


async def test_a_form_is_there_where_nobody_decides(world: World) -> None:
    for guild in (None, OTHER):
        draft = await world.draft(guild=guild)
        assert not draft.can_send
        assert draft.form
        with pytest.raises(UserError, match="no triagers") as refused:
            await world.reports.send(draft.report.id, ADA)
        assert "form" in refused.value.hint
        assert await world.reports.form(draft.report.id, ADA) == draft.form


async def test_no_form_where_no_repository_is_known(world: World) -> None:
    world.index.urls = ("https://gitlab.com/demo/lib",)
    draft = await world.draft()
    assert draft.form is None
    with pytest.raises(UserError, match="no repository"):
        await world.reports.form(draft.report.id, ADA)


# Limits


async def test_a_member_makes_five_reports_an_hour(world: World) -> None:
    for number in range(rules.MOST_AN_HOUR):
        draft = await world.draft(submission=other(number))
        await world.reports.discard(draft.report.id, ADA)  # which does not count less
    with pytest.raises(UserError, match="within an hour"):
        await world.draft()
    await world.reports.forget(ADA.id)
    with pytest.raises(UserError, match="within an hour"):
        await world.draft(guild=None)
    await world.draft(BEN)
    world.time += HOUR
    await world.draft()


async def test_a_member_makes_twenty_reports_a_day(world: World) -> None:
    for number in range(rules.MOST_A_DAY):
        await world.draft(submission=other(number))
        world.time += HOUR / 4
    with pytest.raises(UserError, match="within a day"):
        await world.draft()
    world.time += DAY
    await world.draft()


async def test_a_member_changes_drafts_twenty_times_an_hour(world: World) -> None:
    number = (await world.draft()).report.id
    for _ in range(rules.MOST_CHANGES):
        await world.reports.redraft(number, ADA, CRASH)
    with pytest.raises(UserError, match="changed reports 20 times within an hour") as refused:
        await world.reports.redraft(number, ADA, other(1))
    assert "in an hour" in refused.value.hint
    assert (await world.reports.draft_of(number, ADA)).report.submission == CRASH
    await world.draft(submission=other(2))  # changes are counted apart
    theirs = (await world.draft(BEN)).report.id
    await world.reports.redraft(theirs, BEN, other(3))
    world.time += HOUR
    await world.reports.redraft(number, ADA, other(1))


async def test_a_server_makes_thirty_reports_an_hour(world: World) -> None:
    for number in range(rules.MOST_A_SERVER):
        await world.draft(Actor(100 + number, "x"), other(number))
    with pytest.raises(UserError, match="from this server"):
        await world.draft()
    await world.draft(guild=OTHER)


async def test_who_is_blocked_gets_one_clear_sentence(world: World) -> None:
    draft = await world.draft()
    await world.reports.block(GUILD, CY, ADA.id)
    assert await world.reports.blocked(GUILD) == [ADA.id]
    for attempt in (world.draft(), world.reports.send(draft.report.id, ADA)):
        with pytest.raises(UserError) as refused:
            await attempt
        assert refused.value.text == "This server takes no reports from you."
    assert (await world.draft(guild=None)).form  # for the reporter's own account
    await world.reports.unblock(GUILD, ADA.id)
    assert (await world.reports.send(draft.report.id, ADA)).state is State.OPEN
    with pytest.raises(UserError, match="not blocked"):
        await world.reports.unblock(GUILD, ADA.id)


async def test_too_much_is_refused_before_anything_is_kept(world: World) -> None:
    with pytest.raises(UserError, match="1 MiB"):
        await world.draft(submission=replace(CRASH, logs="x" * (1 << 20) + "x"))
    assert await world.reports.stored(ADA.id) == Stored()


# Sending, folding, joining


async def test_what_was_sent_is_a_card(world: World) -> None:
    report = await world.sent()
    assert report.state is State.OPEN
    assert [each.action for each in report.steps] == [Action.SEND]
    assert await world.posts() == [(report.id, "card", "", f"channel:{DESK}", "")]
    assert [each.id for each in (await world.reports.waiting(GUILD)).reports] == [report.id]


async def test_a_flood_is_folded_into_one_card(world: World) -> None:
    first = await world.sent(ADA)
    floods = [await world.draft(Actor(100 + n, f"m{n}"), CRASH) for n in range(4)]
    sent = await asyncio.gather(
        *(world.reports.send(f.report.id, Actor(100 + n, f"m{n}")) for n, f in enumerate(floods))
    )
    assert {(each.state, each.into) for each in sent} == {(State.JOINED, first.id)}
    found = await world.reports.get(first.id, GUILD)
    assert found.same == 4
    assert found.revision > first.revision
    assert len(await world.posts()) == 1


async def test_the_same_sent_by_many_at_once_is_one_card(world: World) -> None:
    people = [Actor(100 + n, f"m{n}") for n in range(5)]
    drafts = [await world.draft(each) for each in people]
    sent = await asyncio.gather(
        *(world.reports.send(d.report.id, who) for d, who in zip(drafts, people, strict=True))
    )
    assert sorted(each.state for each in sent) == [State.JOINED] * 4 + [State.OPEN]
    assert len(await world.posts()) == 1


@pytest.mark.parametrize(
    "why", ["another server", "another story", "another version", "too old", "decided"]
)
async def test_what_is_not_folded(world: World, why: str) -> None:
    first = await world.sent(ADA)
    guild, submission = GUILD, CRASH
    if why == "another server":
        guild = OTHER
        await world.reports.setup(OTHER, DESK + 1, ROLE)
    elif why == "another story":
        submission = other(1)
    elif why == "another version":
        submission = replace(CRASH, story=f"{CRASH.story} 4.0")
    elif why == "too old":
        world.time += rules.FOLD_WITHIN + HOUR
    else:
        await world.reports.reject(first.id, GUILD, CY, "It is no bug.")
    draft = await world.draft(BEN, submission, guild)
    assert (await world.reports.send(draft.report.id, BEN)).state is State.OPEN


async def test_a_reporter_joins_a_report_and_hears_of_its_end(world: World) -> None:
    first = await world.sent(ADA)
    draft = await world.draft(BEN)
    joined = await world.reports.join(draft.report.id, BEN, f"report:{first.id}")
    assert (joined.state, joined.into) == (State.JOINED, first.id)
    await world.reports.link(first.id, GUILD, CY, f"{LIB}#3")
    assert sorted(await world.told(first.id)) == [
        ("linked", f"user:{ADA.id}"),
        ("linked", f"user:{BEN.id}"),
    ]


async def test_a_reporter_needs_no_triager_to_join_an_issue(world: World) -> None:
    world.issues.kept = [issue(3)]
    draft = await world.draft(guild=None)
    linked = await world.reports.join(draft.report.id, ADA, f"issue:{LIB}#3")
    assert linked.state is State.LINKED
    assert linked.issue is not None
    assert (linked.issue.repository, linked.issue.number) == (LIB, 3)
    assert linked.issue.title == "demo: crash"
    assert await world.reports.summary("demo") is None  # nobody else says that it is true
    ours = await world.sent(BEN, other(1))
    await world.reports.link(ours.id, GUILD, CY, f"{LIB}#3")
    problems = await world.reports.problems("Demo")
    assert [(each.report, each.count, each.url) for each in problems.problems] == [
        (ours.id, 2, f"https://github.com/{LIB}/issues/3")
    ]


async def test_what_waits_on_one_server_is_nothing_to_others(world: World) -> None:
    """Or a server of its own would be enough to smear a project, or to swallow others' reports."""
    made_up = await world.sent(ADA)
    await world.reports.setup(OTHER, DESK, ROLE)
    draft = await world.draft(BEN, guild=OTHER)
    assert draft.report.likely == ()
    with pytest.raises(UserError, match="not among"):
        await world.reports.join(draft.report.id, BEN, f"report:{made_up.id}")
    sent = await world.reports.send(draft.report.id, BEN)
    assert sent.state is State.OPEN
    with pytest.raises(UserError, match=f"no report {made_up.id} to join"):
        await world.reports.link(sent.id, OTHER, CY, str(made_up.id))
    for guild, numbers in ((GUILD, (made_up.id,)), (OTHER, (sent.id,)), (None, ())):
        problems = await world.reports.problems("demo", guild=guild)
        assert (problems.total, problems.problems, problems.waiting) == (0, (), numbers)
    assert await world.reports.summary("demo") is None
    await world.reports.link(made_up.id, GUILD, CY, f"{LIB}#3")
    assert (await world.reports.link(sent.id, OTHER, CY, str(made_up.id))).into == made_up.id
    assert (await world.reports.problems("demo", guild=OTHER)).total == 2


async def test_only_likely_ones_are_joined_and_none_that_is_a_secret(world: World) -> None:
    first = await world.sent(ADA)
    draft = await world.draft(BEN)
    number, key = draft.report.id, f"report:{first.id}"
    assert [each.key for each in draft.report.likely] == [key]
    with pytest.raises(UserError, match="not among"):
        await world.reports.join(number, BEN, "issue:demo/lib#77")
    await world.reports.reject(first.id, GUILD, CY, "It is no bug.")
    assert (await world.reports.draft_of(number, BEN)).report.likely == ()
    with pytest.raises(UserError, match="can't be joined any more"):
        await world.reports.join(number, BEN, key)
    await world.reports.reopen(first.id, GUILD, CY)
    assert len((await world.reports.draft_of(number, BEN)).report.likely) == 1
    await world.reports.security(first.id, GUILD, CY)
    with pytest.raises(UserError, match="not among"):
        await world.reports.join(number, BEN, key)
    assert (await world.draft(DEE)).report.likely == ()


# After it was sent


async def test_a_reporter_takes_a_report_back(world: World) -> None:
    report = await world.sent()
    withdrawn = await world.reports.withdraw(report.id, ADA)
    assert withdrawn.state is State.WITHDRAWN
    with pytest.raises(Settled, match="taken back"):
        await world.reports.withdraw(report.id, ADA)
    with pytest.raises(UserError, match="You have no"):
        await world.reports.withdraw(report.id, BEN)


async def test_who_takes_a_joined_report_back_does_not_count(world: World) -> None:
    first, joined = await world.sent(ADA), await world.sent(BEN)
    assert (await world.reports.get(first.id, GUILD)).same == 1
    await world.reports.withdraw(joined.id, BEN)
    assert (await world.reports.get(first.id, GUILD)).same == 0


async def test_what_others_joined_is_not_taken_back(world: World) -> None:
    first, joined = await world.sent(ADA), await world.sent(BEN)
    with pytest.raises(UserError, match="Others have the same") as refused:
        await world.reports.withdraw(first.id, ADA)
    assert "/privacy" in refused.value.hint
    assert [each.id for each in (await world.reports.waiting(GUILD)).reports] == [first.id]
    await world.reports.withdraw(joined.id, BEN)
    assert (await world.reports.withdraw(first.id, ADA)).state is State.WITHDRAWN


async def test_an_answer_comes_back_to_the_card_and_is_read(world: World) -> None:
    report = await world.sent()
    asked = await world.reports.ask(report.id, GUILD, CY, "Which version?")
    assert asked.state is State.ASKED
    assert (await world.posts())[-1] == (
        report.id,
        "question",
        str(asked.revision),
        f"user:{ADA.id}",
        "Which version?",
    )
    answered = await world.reports.answer(report.id, ADA, "It is 2.0 here.")
    assert answered.state is State.OPEN
    assert answered.submission.story == f"{CRASH.story}\n\nIt is 2.0 here."
    assert answered.submission.logs == CRASH.logs
    assert answered.reading.facts.version == Fact("2.0", "2.0")
    assert [(each.action, each.note) for each in answered.steps[1:]] == [
        (Action.ASK, "Which version?"),
        (Action.ANSWER, "It is 2.0 here."),
    ]
    assert answered.revision > asked.revision


async def test_two_answers_at_once_are_both_kept(world: World) -> None:
    report = await world.sent()
    await world.reports.ask(report.id, GUILD, CY, "Which version?")
    await asyncio.gather(
        world.reports.answer(report.id, ADA, "This one."),
        world.reports.answer(report.id, ADA, "That one."),
    )
    found = await world.reports.get(report.id, GUILD)
    assert "This one." in found.submission.story
    assert "That one." in found.submission.story


async def test_answers_are_no_way_to_flood_a_card(world: World) -> None:
    report = await world.sent()
    for number in range(rules.MOST_ANSWERS):
        await world.reports.answer(report.id, ADA, f"More {number}.")
    with pytest.raises(UserError, match="no room left"):
        await world.reports.answer(report.id, ADA, "And more.")
    theirs = await world.sent(BEN, other(1))
    await world.reports.block(GUILD, CY, BEN.id)
    with pytest.raises(UserError, match="takes no reports from you"):
        await world.reports.answer(theirs.id, BEN, "Hear me.")
    assert (await world.reports.get(theirs.id, GUILD)).steps[-1].action is Action.SEND


async def test_triagers_see_that_a_question_reached_nobody(world: World) -> None:
    report = await world.sent()
    posts = PostStore(world.database)
    await world.reports.ask(report.id, GUILD, CY, "Which version?")
    (question,) = (each for each in await posts.due(0) if each.purpose == "question")
    asked = await world.reports.get(report.id, GUILD)
    await posts.drop(question, "The channel is gone.")
    found = await world.reports.get(report.id, GUILD)
    assert found.problem == "The question reached nobody: The channel is gone."
    assert found.revision > asked.revision  # so its card is edited
    again = await world.reports.ask(report.id, GUILD, CY, "Which version?")
    assert again.problem is None


async def test_each_question_reaches_its_reporter(world: World) -> None:
    report = await world.sent()
    await world.reports.ask(report.id, GUILD, CY, "Which version?")
    await world.reports.ask(report.id, GUILD, CY, "Which version?")
    assert len(await world.told(report.id)) == 2


async def test_nobody_is_told_that_it_is_a_matter_of_security(world: World) -> None:
    report = await world.sent()
    await world.reports.security(report.id, GUILD, CY)
    assert await world.told(report.id) == []
    assert await world.reports.summary("demo") is None
    attempts: list[Callable[[], Awaitable[object]]] = [
        lambda: world.reports.withdraw(report.id, ADA),
        lambda: world.reports.answer(report.id, ADA, "Well."),
    ]
    for attempt in attempts:
        with pytest.raises(Settled) as settled:
            await attempt()
        assert "security" not in str(settled.value)
        assert "Cy" not in str(settled.value)
    again = await world.reports.reopen(report.id, GUILD, CY)
    assert again.state is State.OPEN
    assert (await world.reports.problems("demo", guild=GUILD)).waiting == (report.id,)


# Deciding


async def test_a_report_is_filed_once_with_its_mark(world: World) -> None:
    report = await world.sent()
    filing = await world.reports.file(report.id, GUILD, CY)
    assert filing.state is State.FILING
    (row,) = await world.database.read("SELECT * FROM filing")
    assert (row["report"], row["repository"], row["uid"]) == (report.id, LIB, report.uid)
    assert find(row["body"], KEY) == report.uid
    assert "Ada" not in row["body"]
    with pytest.raises(Settled, match="Cy let it be filed already"):
        await world.reports.file(report.id, GUILD, DEE)


async def test_two_triagers_at_once_get_one_result(world: World) -> None:
    for number in range(5):
        report = await world.sent(Actor(100 + number, "m"), other(number))
        results = await asyncio.gather(
            world.reports.file(report.id, GUILD, CY),
            world.reports.reject(report.id, GUILD, DEE, "It is no bug."),
            world.reports.link(report.id, GUILD, BEN, "#3"),
            return_exceptions=True,
        )
        won = [each for each in results if isinstance(each, Report)]
        lost = [each for each in results if isinstance(each, Settled)]
        assert (len(won), len(lost)) == (1, 2)
        found = await world.reports.get(report.id, GUILD)
        assert len(found.steps) == 2
        filings = await world.database.read("SELECT 1 FROM filing WHERE report = ?", (report.id,))
        assert bool(filings) == (found.state is State.FILING)
        assert len(await world.told(report.id)) == (0 if filings else 1)


async def test_what_changes_while_it_is_filed_is_in_the_issue(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = await world.sent()
    place = world.reports._place
    answers = ["An afterthought."]

    async def slowly(found: Report) -> Address:
        where = await place(found)
        if answers:
            await world.reports.answer(report.id, ADA, answers.pop())
        return where

    monkeypatch.setattr(world.reports, "_place", slowly)
    await world.reports.file(report.id, GUILD, CY)
    (row,) = await world.database.read("SELECT body FROM filing")
    assert "afterthought" in row["body"]


async def test_where_ftbot_may_not_file_it_is_handed_over(database: Database) -> None:
    world = World(database, allowed=[])
    await world.reports.setup(GUILD, DESK, ROLE)
    report = await world.sent()
    with pytest.raises(UserError, match=f"may not open issues in {LIB}") as refused:
        await world.reports.file(report.id, GUILD, CY)
    assert "Hand it over" in refused.value.hint
    handed = await world.reports.hand_over(report.id, GUILD, CY)
    assert handed.state is State.HANDED
    number, _, key, to, note = (await world.posts())[-1]
    assert (number, key, to) == (report.id, "handed", f"user:{ADA.id}")
    assert note.startswith(f"https://github.com/{LIB}/issues/new?")
    linked = await world.reports.link(report.id, GUILD, CY, f"{LIB}#9")
    assert linked.state is State.LINKED


async def test_without_an_account_nothing_is_filed(database: Database) -> None:
    world = World(database, can_file=False)
    await world.reports.setup(GUILD, DESK, ROLE)
    report = await world.sent()
    with pytest.raises(UserError, match="Filing is off"):
        await world.reports.file(report.id, GUILD, CY)
    assert (await world.reports.get(report.id, GUILD)).state is State.OPEN


async def test_where_it_belongs_is_never_guessed(world: World) -> None:
    world.index.fails = IndexUnavailable("It is down.", "Wait.")
    report = await world.sent()
    for attempt in (
        world.reports.file(report.id, GUILD, CY),
        world.reports.hand_over(report.id, GUILD, CY),
    ):
        with pytest.raises(UserError, match="index does not answer"):
            await attempt
    world.index.fails = None
    await world.reports.enrich(report.id)
    world.index.fails = IndexUnavailable("It is down.", "Wait.")
    assert (await world.reports.file(report.id, GUILD, CY)).state is State.FILING


async def test_a_report_is_linked_to_another_one(world: World) -> None:
    first, second, third = [await world.sent(w, other(n)) for n, w in enumerate([ADA, BEN, CY])]
    await world.reports.link(second.id, GUILD, DEE, str(first.id))
    joined = await world.reports.link(third.id, GUILD, DEE, f"report:{second.id}")
    assert (joined.state, joined.into) == (State.JOINED, first.id)
    assert await world.told(third.id) == [("joined", f"user:{CY.id}")]
    assert (await world.reports.get(first.id, GUILD)).same == 2
    for reference, named in [
        (str(first.id), "very one"),
        (str(third.id), "very one"),
        ("99", "no report 99"),
        ("nonsense", "neither"),
    ]:
        with pytest.raises(UserError, match=named):
            await world.reports.link(first.id, GUILD, DEE, reference)
    await world.reports.security(first.id, GUILD, DEE)
    fourth = await world.sent(DEE, other(4))
    with pytest.raises(UserError, match=f"no report {first.id}"):
        await world.reports.link(fourth.id, GUILD, DEE, str(first.id))


@dataclass
class OnGitHub:
    """Has one issue, or fails."""

    found: RemoteIssue | None = None
    fails: Exception | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def issue(self, repository: str, number: int) -> RemoteIssue:
        self.asked.append((repository, number))
        if self.fails:
            raise self.fails
        assert self.found is not None
        return self.found


REMOTE = RemoteIssue(
    LIB, 3, 33, f"https://github.com/{LIB}/issues/3", "Crash", "", "open", None, ("bug",), "x",
    NOON, NOON,
)  # fmt: skip


async def test_an_issue_is_linked_as_github_has_it(database: Database) -> None:
    github = OnGitHub(replace(REMOTE, repository="demo/new", state="closed", reason="completed"))
    world = World(database, github=github)
    await world.reports.setup(GUILD, DESK, ROLE)
    report = await world.sent()
    linked = await world.reports.link(report.id, GUILD, CY, f"{LIB}#3")
    assert github.asked == [(LIB, 3)]
    assert linked.steps[-1].note == "demo/new#3"
    assert linked.issue == Issue(
        "demo/new", 3, REMOTE.url, "Crash", "closed", "completed", ("bug",), NOON
    )


async def test_a_link_takes_no_news_from_those_who_follow_the_issue(database: Database) -> None:
    github = OnGitHub(REMOTE)
    world = World(database, github=github)
    await world.reports.setup(GUILD, DESK, ROLE)
    first, second = await world.sent(), await world.sent(BEN, other(1))
    linked = await world.reports.link(first.id, GUILD, CY, f"{LIB}#3")
    github.found = replace(REMOTE, state="closed", updated=NOON + HOUR)
    await world.reports.link(second.id, GUILD, CY, f"{LIB}#3")
    for report in (first, second):  # whoever follows it sees it closed, and tells both
        assert (await world.reports.get(report.id, GUILD)).issue == linked.issue


@pytest.mark.parametrize("fails", [Missing("No."), Removed("Gone."), Invalid("What?")])
async def test_an_issue_that_is_not_there_is_not_linked(
    database: Database, fails: Exception
) -> None:
    world = World(database, github=OnGitHub(fails=fails))
    await world.reports.setup(GUILD, DESK, ROLE)
    report = await world.sent()
    with pytest.raises(UserError, match=f"GitHub shows ftbot no issue {LIB}#77"):
        await world.reports.link(report.id, GUILD, CY, f"{LIB}#77")
    assert (await world.reports.get(report.id, GUILD)).state is State.OPEN


async def test_a_pull_request_is_not_linked(database: Database) -> None:
    world = World(database, github=OnGitHub(replace(REMOTE, is_pull_request=True)))
    await world.reports.setup(GUILD, DESK, ROLE)
    report = await world.sent()
    with pytest.raises(UserError, match="That is a pull request, no issue"):
        await world.reports.link(report.id, GUILD, CY, f"{LIB}#3")


@pytest.mark.parametrize(
    "fails",
    [Unreachable("It is down."), Limited(60, 0), Forbidden("No."), Unauthorised("No."),
     TimeoutError()],
)  # fmt: skip
async def test_an_issue_is_linked_unseen_while_github_cannot_tell(
    database: Database, fails: Exception
) -> None:
    world = World(database, github=OnGitHub(fails=fails))
    await world.reports.setup(GUILD, DESK, ROLE)
    report = await world.sent()
    linked = await world.reports.link(report.id, GUILD, CY, f"{LIB}#3")
    assert linked.issue == Issue(LIB, 3, f"https://github.com/{LIB}/issues/3")


async def test_what_was_decided_can_be_decided_anew(world: World) -> None:
    report = await world.sent()
    await world.reports.link(report.id, GUILD, CY, "#3")
    reopened = await world.reports.reopen(report.id, GUILD, CY)
    assert (reopened.state, reopened.issue) == (State.OPEN, None)
    await world.reports.reject(report.id, GUILD, CY, "It is no bug.")
    await world.reports.reopen(report.id, GUILD, CY)
    await world.reports.reject(report.id, GUILD, CY, "It is really no bug.")
    assert [key for key, _ in await world.told(report.id)] == ["linked", "rejected:1", "rejected:2"]


async def test_triagers_decide_for_their_server_only(world: World) -> None:
    report = await world.sent()
    reports, number = world.reports, report.id
    attempts: list[Callable[[], Awaitable[object]]] = [
        lambda: reports.get(number, OTHER),
        lambda: reports.file(number, OTHER, CY),
        lambda: reports.link(number, OTHER, CY, "#3"),
        lambda: reports.hand_over(number, OTHER, CY),
        lambda: reports.ask(number, OTHER, CY, "Why?"),
        lambda: reports.reject(number, OTHER, CY, "No."),
        lambda: reports.security(number, OTHER, CY),
        lambda: reports.reopen(number, OTHER, CY),
    ]
    for attempt in attempts:
        with pytest.raises(UserError, match="This server has no report"):
            await attempt()
    assert (await reports.get(number, GUILD)).steps == report.steps
    assert await reports.waiting(OTHER) == Waiting()


async def test_a_new_desk_has_the_cards_of_what_waits(world: World) -> None:
    waiting = await world.sent()
    decided = await world.sent(BEN, other(1))
    await world.reports.reject(decided.id, GUILD, CY, "No.")
    desk = await world.reports.setup(GUILD, DESK + 1, ROLE)
    assert await world.reports.desk(GUILD) == desk
    assert (waiting.id, "card", "", f"channel:{DESK + 1}", "") in await world.posts()
    assert not [each for each in await world.posts() if each[3] == f"channel:{DESK + 1}"][1:]


# Problems


async def test_what_was_reported_is_counted(world: World) -> None:
    assert await world.reports.summary("demo") is None
    first = await world.sent(ADA, replace(CRASH, story="Importing 4.5.0 turns the GIL on."))
    await world.sent(BEN, replace(CRASH, story="Importing 4.5.0 turns the GIL on."))
    third = await world.sent(CY, other(1))
    await world.reports.link(first.id, GUILD, DEE, f"{LIB}#3")
    await world.reports.hand_over(third.id, GUILD, DEE)
    problems = await world.reports.problems("DEMO")
    assert problems == await world.reports.summary("demo")
    assert (problems.project, problems.total) == ("demo", 3)
    gil, crash = problems.problems
    assert (gil.report, gil.kind, gil.version, gil.count) == (
        first.id,
        Kind.GIL_REENABLED,
        "4.5.0",
        2,
    )
    assert gil.url == f"https://github.com/{LIB}/issues/3"
    assert (crash.count, crash.url) == (1, None)
    assert (await world.reports.problems("demo", "4.6.0")).problems == (crash,)


# With the rules that read reports


class Names:
    """An index of one project."""

    def is_project(self, name: str) -> bool:
        return name == "demo"

    def is_popular(self, name: str) -> bool:
        return name == "demo"

    def projects_for_import(self, name: str) -> tuple[str, ...]:
        return ("demo",) if name == "demolib" else ()


async def test_a_report_on_the_gil_becomes_known(database: Database) -> None:
    world = World(database, reader=lambda submission: read_submission(submission, Names()))
    await world.reports.setup(GUILD, DESK, ROLE)
    submission = Submission(
        "demo",
        "Python 3.14.0 free-threading build on Linux",
        "Importing demo 4.5.0 turns the GIL on.",
        "<frozen importlib._bootstrap>:491: RuntimeWarning: The global interpreter lock (GIL) has"
        " been enabled to load module 'demo._cells', which has not declared that it can run"
        " safely without the GIL.",
    )
    first, _ = [await world.sent(who, submission) for who in (ADA, BEN)]
    await world.reports.link(first.id, GUILD, CY, "#3")
    problems = await world.reports.summary("demo")
    assert problems is not None
    (problem,) = problems.problems
    assert (problem.kind, problem.version, problem.count) == (Kind.GIL_REENABLED, "4.5.0", 2)


# Privacy


def everything(path: Path) -> list[str]:
    """Each value of each column of each table."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        return [
            str(value)
            for (table,) in tables.fetchall()
            for row in connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - our tables
            for value in row
        ]


async def test_who_is_forgotten_is_nowhere(world: World) -> None:
    database, number = world.database, str(ADA.id)
    await SubscriptionStore(database).watch(ADA.id, "demo", NOON, most=9)
    async with database.write() as tx:
        await tx.execute(
            "INSERT INTO news (id, project, version, topic, found, content)"
            " VALUES (1, 'demo', '1', 'gain', '', '{}')"
        )
        await tx.execute(
            "INSERT INTO delivery (news, destination) VALUES (1, ?)", (f"user:{number}",)
        )
    named = await world.draft()
    await world.reports.credit(named.report.id, ADA, shown=True)
    filed = await world.reports.send(named.report.id, ADA)
    await world.reports.file(filed.id, GUILD, CY)
    assert "Ada" in (await database.read("SELECT body FROM filing"))[0]["body"]
    asked = await world.sent(ADA, other(1))
    await world.reports.ask(asked.id, GUILD, CY, "Which?")
    await world.draft(ADA, other(2))
    theirs = await world.sent(BEN, other(3))
    await world.reports.reject(theirs.id, GUILD, ADA, "No.")
    stored = await world.reports.stored(ADA.id)
    assert (len(stored.reports), len(stored.drafts)) == (2, 1)
    assert (stored.watches, stored.messages) == (1, 2)  # a question, and a piece of news

    forgotten = await world.reports.forget(ADA.id)

    assert (forgotten.reports, forgotten.drafts) == (2, 1)
    assert (forgotten.watches, forgotten.messages) == (1, 2)
    assert not [value for value in everything(database.path) if number in value or "Ada" in value]
    for file in database.path.parent.iterdir():
        assert number.encode() not in file.read_bytes(), file
        assert ADA.id.to_bytes(8, "big") not in file.read_bytes(), file
    assert await world.reports.stored(ADA.id) == Stored()
    assert await world.reports.forget(ADA.id) == Forgotten()
    found = await world.reports.get(asked.id, GUILD)
    assert found.reporter is None
    assert found.reading == read(other(1))
    assert (await world.reports.get(theirs.id, GUILD)).steps[-1].actor == Actor(0, FORMER)
    (row,) = await database.read("SELECT body FROM filing")
    assert find(row["body"], KEY) == filed.uid
    with pytest.raises(UserError, match="forgotten"):
        await world.reports.hand_over(asked.id, GUILD, CY)
    with pytest.raises(UserError, match="forgotten"):
        await world.reports.ask(asked.id, GUILD, CY, "Which?")


async def test_what_is_kept_too_long_goes(world: World) -> None:
    draft = await world.draft(ADA, other(1))
    rejected = await world.sent(ADA, other(2))
    await world.reports.reject(rejected.id, GUILD, CY, "No.")
    linked = await world.sent(BEN, other(3))
    await world.reports.link(linked.id, GUILD, CY, "#3")
    waiting = await world.sent(BEN, other(4))
    async with world.database.write() as tx:
        closed = Issue(HOME, 3, f"https://github.com/{HOME}/issues/3", "t", "closed", updated=NOON)
        await world.store.issue_seen(tx, closed)

    await world.reports.tidy()
    assert await world.reports.draft_of(draft.report.id, ADA) == draft
    world.time += rules.DRAFTS_KEPT + HOUR
    await world.reports.tidy()
    assert await world.store.get(draft.report.id) is None
    assert (await world.reports.get(rejected.id, GUILD)).submission == other(2)
    world.time += rules.REFUSED_KEPT
    await world.reports.tidy()
    assert (await world.reports.get(rejected.id, GUILD)).submission == Submission()
    assert (await world.reports.get(linked.id, GUILD)).reporter == BEN
    assert (await world.reports.get(waiting.id, GUILD)).reporter == BEN
    world.time += rules.AUTHORS_KEPT
    await world.reports.tidy()
    found = await world.reports.get(linked.id, GUILD)
    assert found.reporter is None
    assert found.submission.story == other(3).story
    found = await world.reports.get(waiting.id, GUILD)
    assert (found.state, found.reporter) == (State.OPEN, None)
    assert found.submission.story == other(4).story
    assert await world.database.read("SELECT * FROM report_try") == []
