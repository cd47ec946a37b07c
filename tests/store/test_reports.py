"""The tables of reports, against the real database. All reports and people are made up."""

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from bot import language
from bot.db import Database, Transaction
from bot.language import phrase
from bot.reports.issue.destination import Address
from bot.reports.likeness.model import Known
from bot.reports.likeness.rules import known
from bot.reports.model import (
    FTBOT,
    Action,
    Actor,
    Desk,
    Fact,
    Facts,
    Hint,
    Issue,
    Kind,
    Likely,
    Reading,
    Report,
    Signature,
    State,
    Step,
    Submission,
)
from bot.reports.posts.store import PostStore
from bot.reports.rules import TAKEN_UP, TRANSITIONS, WAITING, Settled
from bot.reports.store import FORMER, Lookup, ReportStore
from tests.tagged import Tagged

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
GUILD, OTHER, CHANNEL = 5_001, 5_002, 6_001
ADA = Actor(811_122_233_344_455_501, "Ada")
BEN = Actor(811_122_233_344_455_502, "Ben")
CY = Actor(811_122_233_344_455_503, "Cy")
DEE = Actor(811_122_233_344_455_504, "Dee")

_T = TypeVar("_T")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        yield database


@pytest.fixture
def store(database: Database) -> ReportStore:
    return ReportStore(database)


@pytest.fixture
def korean() -> Iterator[None]:
    language.install({"ko": Tagged("ko")})
    yield
    language.install({})


def signs(report: int, reading: Reading) -> Known:
    return known(f"report:{report}", "demo: crash", f"It breaks, says {ADA.id}.", reading)


class Making:
    """Makes reports as a story needs them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = ReportStore(database)
        self.made = 0

    async def __call__(
        self,
        reporter: Actor = ADA,
        state: State = State.OPEN,
        *,
        project: str | None = "demo",
        guild: int | None = GUILD,
        at: datetime = NOON,
        submission: Submission | None = None,
    ) -> int:
        self.made += 1
        async with self.database.write() as tx:
            report = await self.store.insert(
                tx,
                uid=f"uid-{self.made}",
                submission=submission or Submission("demo", "3.14t", "It breaks."),
                reporter=reporter,
                guild=guild,
                channel=CHANNEL,
                at=at,
            )
            fact = Fact(project, f"import {project}") if project else None
            reading = Reading(Kind.CRASH, 0.9, Facts(project=fact))
            await self.store.read_as(tx, report, reading, "demo: crash", signs(report, reading))
            for action in WAY[state]:
                await self.store.step(tx, report, action, reporter, at=at)
        return report

    async def join(self, report: int, into: int) -> None:
        async with self.database.write() as tx:
            await self.store.step(tx, report, Action.JOIN, BEN, at=NOON)
            await self.store.join(tx, report, into, NOON)

    async def link_by_reporter(self, draft: int) -> None:
        async with self.database.write() as tx:
            await self.store.step(tx, draft, Action.LINK, ADA, at=NOON)

    async def issue(self, report: int, issue: Issue) -> None:
        async with self.database.write() as tx:
            await self.store.set_issue(tx, report, issue)

    async def get(self, report: int) -> Report:
        found = await self.store.get(report)
        assert found is not None
        return found


def _ways() -> dict[State, tuple[Action, ...]]:
    """By which actions each state is reached."""
    ways: dict[State, tuple[Action, ...]] = {State.DRAFT: ()}
    while len(ways) < len(State):
        for (before, action), after in TRANSITIONS.items():
            if before in ways:
                ways.setdefault(after, (*ways[before], action))
    return ways


WAY = _ways() | {State.LINKED: (Action.SEND, Action.LINK)}


@pytest.fixture
def make(database: Database) -> Making:
    return Making(database)


# What is kept


async def test_a_report_comes_back_as_it_was_kept(make: Making, store: ReportStore) -> None:
    submission = Submission("demo", "3.14t", 'It "breaks" \u2028 …', "log\r\n" * 9, "a.log", "d/1")
    reading = Reading(
        Kind.DATA_RACE,
        0.7,
        Facts(project=Fact("demo", "import demo"), version=Fact("2.0", "demo 2.0")),
        ("WARNING: ThreadSanitizer",),
        Kind.CRASH,
        Signature(("demo._c",), ("demo.c:run",), "demo.c:run"),
        "the part",
        ("the script",),
    )
    found = Lookup(
        (Hint("wheel-now", "There is a wheel."),),
        (Likely("report:9", "demo: crash", None, 0.7, ("same module",)),),
        Address("demo/lib", False, None, "Its metadata says so."),
    )
    report = await make(state=State.DRAFT, submission=submission)
    async with make.database.write() as tx:
        await store.read_as(tx, report, reading, "demo: data race", signs(report, reading))
        await store.looked_up(tx, report, found)
        await store.set_credit(tx, report, shown=True)
        await store.step(tx, report, Action.SEND, ADA, at=NOON)
        await store.step(tx, report, Action.ASK, BEN, "Which glibc?", at=NOON + DAY)
    assert await store.get(report) == Report(
        id=report,
        uid="uid-1",
        state=State.ASKED,
        revision=7,
        title="demo: data race",
        submission=submission,
        reading=reading,
        reporter=ADA,
        credit=True,
        guild=GUILD,
        channel=CHANNEL,
        created=NOON,
        updated=NOON + DAY,
        hints=found.hints or (),
        likely=found.likely,
        steps=(
            Step(NOON, ADA, Action.SEND, State.DRAFT, State.OPEN),
            Step(NOON + DAY, BEN, Action.ASK, State.OPEN, State.ASKED, "Which glibc?"),
        ),
        address=found.address,
    )
    assert await store.get(99) is None


@pytest.mark.usefixtures("korean")
async def test_what_is_said_of_a_report_can_be_said_in_another_language(
    make: Making, store: ReportStore, database: Database
) -> None:
    """Whatever is kept of it, and shown later, is still a phrase."""
    hint, reason = phrase("{name} is ready.", name="demo"), phrase("same frames")
    nested = phrase("It waits: {reason}", reason=phrase("It is {state}.", state=hint))
    report = await make(state=State.ASKED)
    reading = Reading(Kind.CRASH, 0.7, gaps=(phrase("the smallest script"),))
    posts = PostStore(database)
    async with database.write() as tx:
        await store.read_as(tx, report, reading, "demo: crash", signs(report, reading))
        await store.looked_up(
            tx,
            report,
            Lookup(
                (Hint("ready", hint),),
                (Likely("report:9", "demo", None, 0.7, (reason,)),),
                Address(None, False, None, nested),
            ),
        )
        await posts.question(tx, report, "1", "Which glibc?")
    (post,) = await posts.due(0.0)
    await posts.drop(post, phrase("The channel no longer exists."))
    found = await make.get(report)
    assert found.address is not None
    unheard = found.problem or ""
    async with database.write() as tx:
        await store.step(tx, report, Action.FILE, ADA, at=NOON)
        await store.step(tx, report, Action.NOT_FILED, FTBOT, nested, at=NOON)
    refused = (await make.get(report)).steps[-1].note
    texts = [found.hints[0].text, found.likely[0].reasons[0], found.reading.gaps[0]]
    with language.speaking("ko"):
        told = list(map(language.spoken, (*texts, found.address.why, unheard, refused)))
    waits = "ko:It waits: ko:It is ko:demo is ready.."
    assert told == [
        "ko:demo is ready.",
        "ko:same frames",
        "ko:the smallest script",
        waits,
        "ko:The question reached nobody: ko:The channel no longer exists.",
        waits,
    ]


async def test_what_members_write_never_passes_for_a_phrase(make: Making) -> None:
    forged = language.dumps(phrase("{who}", who="ftbot"))
    report = await make(state=State.ASKED)
    async with make.database.write() as tx:
        await ReportStore(make.database).step(tx, report, Action.ANSWER, ADA, forged, at=NOON)
    note = (await make.get(report)).steps[-1].note
    assert type(note) is str
    assert note == forged.lstrip("\x1e")


async def test_rows_of_an_older_ftbot_are_read(make: Making) -> None:
    report = await make()
    async with make.database.write() as tx:
        await tx.execute(
            'UPDATE report SET submission = \'{"story": "x", "mood": "bad"}\','
            ' reading = \'{"kind": "crash", "confidence": 1, "later": []}\''
        )
    found = await make.get(report)
    assert found.submission == Submission(story="x")
    assert found.reading == Reading(Kind.CRASH, 1.0)


async def test_what_did_not_answer_takes_nothing_away(make: Making, store: ReportStore) -> None:
    report = await make()
    address, hint = Address("demo/lib", True, None, "It is so."), Hint("wheel-now", "There is.")
    async with make.database.write() as tx:
        await store.looked_up(tx, report, Lookup((hint,), (), address, complete=True))
        revision = await store.revision(tx, report)
        await store.looked_up(tx, report, Lookup(complete=False))
        assert await store.revision(tx, report) == revision  # no card is edited in vain
    found = await make.get(report)
    assert (found.hints, found.address) == ((hint,), address)
    async with make.database.write() as tx:
        await store.read_as(
            tx, report, found.reading, "the same project", signs(report, found.reading)
        )
    assert (await make.get(report)).address == address
    async with make.database.write() as tx:
        other = Reading(Kind.CRASH, 0.9)
        await store.read_as(tx, report, other, "another one", signs(report, other))
    found = await make.get(report)
    assert (found.hints, found.address) == ((), None)


async def test_what_is_left_to_look_up(make: Making, store: ReportStore) -> None:
    draft, done, left = await make(state=State.DRAFT), await make(), await make()
    async with make.database.write() as tx:
        await store.looked_up(tx, done, Lookup(complete=True))
    assert await store.to_look_up(NOON, 10) == [left]
    assert await store.to_look_up(NOON + DAY, 10) == []
    assert (await make.get(draft)).state is State.DRAFT


async def test_a_server_sees_only_what_waits_there(make: Making, store: ReportStore) -> None:
    first, second = await make(), await make(state=State.ASKED)
    for state in set(State) - {State.OPEN, State.ASKED}:
        await make(state=state)
    await make(guild=OTHER)
    await make(guild=None)
    waiting = await store.waiting(GUILD)
    assert [each.id for each in waiting.reports] == [first, second]
    assert waiting.damaged == ()
    assert await store.undecided("demo", GUILD) == (first, second)
    assert await store.undecided("other", GUILD) == ()


@pytest.mark.parametrize(
    "damage",
    ["submission = '{'", "reading = '{}'", "hints = '[1]'", "address = '7'", "created = 'noon'"],
)
async def test_one_that_is_damaged_does_not_hide_the_others(
    make: Making, store: ReportStore, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    first, damaged, last = await make(), await make(), await make()
    async with make.database.write() as tx:
        await tx.execute(f"UPDATE report SET {damage} WHERE id = ?", (damaged,))  # noqa: S608 - ours
    waiting = await store.waiting(GUILD)
    assert [each.id for each in waiting.reports] == [first, last]
    assert waiting.damaged == (damaged,)
    assert f"Report {damaged} is damaged" in caplog.text


async def test_what_a_report_is_compared_with(make: Making, store: ReportStore) -> None:
    every = {await make(state=state): state for state in State}
    await make(project="other")
    linked = await make(state=State.DRAFT)
    await make.link_by_reporter(linked)
    taken_up = {report for report, state in every.items() if state in TAKEN_UP}
    waiting = {report for report, state in every.items() if state in WAITING}
    for guild, known_there in ((GUILD, taken_up | waiting), (OTHER, taken_up), (None, taken_up)):
        compared = await store.comparable("demo", Kind.CRASH, guild, 50)
        assert {each.key for each in compared} == {f"report:{report}" for report in known_there}
        assert await store.known([*every, linked], guild) == known_there
    assert len(await store.comparable(None, Kind.CRASH, GUILD, 3)) == 3
    assert await store.known([], GUILD) == set()


async def test_a_report_that_cannot_be_recognised_is_like_no_other(
    make: Making, store: ReportStore, caplog: pytest.LogCaptureFixture
) -> None:
    damaged, whole = await make(), await make()
    async with make.database.write() as tx:
        await tx.execute("UPDATE report SET known = '{}' WHERE id = ?", (damaged,))
    assert [each.key for each in await store.comparable("demo", Kind.CRASH, GUILD, 9)] == [
        f"report:{whole}"
    ]
    assert "damaged" in caplog.text


async def test_small_numbers_are_not_taken_for_a_members(make: Making) -> None:
    report = await make(Actor(1, "x"), submission=Submission(story="1 of 10 runs fails"))
    async with make.database.write() as tx:
        await make.store.forget(tx, 1)
    assert (await make.get(report)).submission.story == "1 of 10 runs fails"


# Steps


async def in_one(database: Database, work: Callable[[Transaction], Coroutine[Any, Any, _T]]) -> _T:
    async with database.write() as tx:
        return await work(tx)


async def test_two_triagers_at_once_get_one_result(make: Making, store: ReportStore) -> None:
    for _ in range(10):
        report = await make()

        def decide(action: Action, who: Actor, report: int = report) -> Coroutine[Any, Any, State]:
            return in_one(make.database, lambda tx: store.step(tx, report, action, who, at=NOON))

        results = await asyncio.gather(
            decide(Action.REJECT, BEN), decide(Action.FILE, CY), return_exceptions=True
        )
        winners = [result for result in results if isinstance(result, State)]
        losers = [result for result in results if isinstance(result, Settled)]
        found = await make.get(report)
        assert len(winners) == len(losers) == 1
        assert [found.state] == winners
        assert losers[0].last == found.steps[-1]
        assert found.steps[-1].actor.name in losers[0].text
        assert len(found.steps) == 2  # sent, and decided once


async def test_a_step_that_is_refused_leaves_no_trace(make: Making, store: ReportStore) -> None:
    report = await make(state=State.FILED)
    before = await make.get(report)
    with pytest.raises(Settled):
        await in_one(make.database, lambda tx: store.step(tx, report, Action.REJECT, BEN, at=NOON))
    assert await make.get(report) == before


async def test_steps_of_no_report_are_a_mistake(make: Making, store: ReportStore) -> None:
    with pytest.raises(LookupError):
        await in_one(make.database, lambda tx: store.step(tx, 9, Action.SEND, ADA, at=NOON))


class Histories(RuleBasedStateMachine):
    """Whatever is done to a report in whatever order: only the table's transitions happen, and
    all of them are in its history.
    """

    reports = Bundle("reports")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.opened: AbstractAsyncContextManager[Database] = Database.open(
            Path(self.folder.name) / "ftbot.sqlite3"
        )
        self.make = Making(self.runner.run(self.opened.__aenter__()))
        self.expected: dict[int, list[Step]] = {}
        self.time = NOON

    def teardown(self) -> None:
        self.runner.run(self.opened.__aexit__(None, None, None))
        self.runner.close()
        self.folder.cleanup()

    @rule(target=reports)
    def write(self) -> int:
        report = self.runner.run(self.make(state=State.DRAFT))
        self.expected[report] = []
        return report

    @rule(
        report=reports,
        action=st.sampled_from(Action),
        actor=st.sampled_from([ADA, BEN, FTBOT]),
        note=st.text(
            st.characters(exclude_categories=["Cs"], exclude_characters="\0\x1e"), max_size=9
        ),
    )
    def act(self, report: int, action: Action, actor: Actor, note: str) -> None:
        history = self.expected[report]
        before = history[-1].after if history else State.DRAFT
        self.time += timedelta(seconds=1)
        step = self.make.store.step

        async def act(tx: Transaction) -> State:
            return await step(tx, report, action, actor, note, at=self.time)

        if (before, action) in TRANSITIONS:
            after = self.runner.run(in_one(self.make.database, act))
            assert after is TRANSITIONS[before, action]
            history.append(Step(self.time, actor, action, before, after, note))
        else:
            with pytest.raises(Settled) as settled:
                self.runner.run(in_one(self.make.database, act))
            assert settled.value.state is before

    @invariant()
    def histories_are_complete(self) -> None:
        for report, history in self.expected.items():
            found = self.runner.run(self.make.get(report))
            assert found.steps == tuple(history)
            assert found.state is (history[-1].after if history else State.DRAFT)


def test_histories() -> None:
    run_state_machine_as_test(
        Histories, settings=settings(max_examples=12, stateful_step_count=25, deadline=None)
    )


# Reports of the same


async def test_each_member_with_the_problem_counts_once(make: Making, store: ReportStore) -> None:
    root, child, grandchild = await make(ADA), await make(BEN), await make(CY)
    again, own = await make(BEN, State.DRAFT), await make(ADA, State.DRAFT)
    await make.join(grandchild, child)  # first folded into one …
    await make.join(child, root)  # … that is joined itself later
    await make.join(again, root)
    await make.join(own, root)
    assert (await make.get(root)).same == 2
    assert (await make.get(child)).into == root
    async with make.database.write() as tx:
        assert await store.root(tx, grandchild, GUILD) == root
        assert await store.root(tx, root, GUILD) == root
        assert await store.root(tx, root, OTHER) is None  # it waits elsewhere
        assert await store.root(tx, 99, GUILD) is None
        await store.step(tx, root, Action.LINK, CY, at=NOON)
        assert await store.root(tx, grandchild, OTHER) == root


async def followers(database: Database, report: int) -> set[int]:
    rows = await database.read("SELECT user FROM report_follower WHERE report = ?", (report,))
    return {row["user"] for row in rows}


async def test_who_joined_follows_until_the_report_counts_for_itself(
    make: Making, store: ReportStore
) -> None:
    root, child, grandchild = await make(ADA), await make(BEN), await make(CY)
    await make.join(grandchild, child)
    await make.join(child, root)
    again = await make(CY, State.DRAFT)
    await make.join(again, root)
    assert await followers(make.database, root) == {BEN.id, CY.id}
    before = (await make.get(root)).revision
    async with make.database.write() as tx:
        await store.step(tx, child, Action.REOPEN, DEE, at=NOON)
        await store.part(tx, child)
        await store.part(tx, root)  # which joined none
    found = await make.get(root)
    assert found.revision == before + 1
    assert found.same == 1
    assert await followers(make.database, root) == {CY.id}  # by the other report
    assert (await make.get(child)).into is None


async def test_a_secret_is_taken_off_all_lists(make: Making, store: ReportStore) -> None:
    secret, other = await make(), await make()
    stays = Likely("issue:demo/lib#1", "demo: crash", "https://github.com/demo/lib/issues/1", 0.6)
    await make()
    async with make.database.write() as tx:
        likely = (Likely(f"report:{secret}", "demo: crash", None, 0.9), stays)
        await store.looked_up(tx, other, Lookup(likely=likely))
        await store.unlist(tx, secret)
    assert (await make.get(other)).likely == (stays,)


# Issues

ISSUE = Issue(
    "Demo/Lib", 3, "https://github.com/Demo/Lib/issues/3", "Crash", labels=("bug",), updated=NOON
)


async def seen(make: Making, issue: Issue, *, sure: bool = False) -> list[int]:
    return await in_one(make.database, lambda tx: make.store.issue_seen(tx, issue, sure=sure))


async def test_only_newer_looks_of_an_issue_count(make: Making, store: ReportStore) -> None:
    first, second = await make(), await make()
    await make.issue(first, ISSUE)
    await make.issue(second, replace(ISSUE, repository="demo/lib", updated=None, title=""))
    assert (await make.get(second)).issue == ISSUE
    assert await store.reports_of("demo/lib", 3) == [first, second]

    closed = replace(ISSUE, state="closed", reason="completed", updated=NOON + DAY)
    assert await seen(make, closed) == [first, second]
    assert await seen(make, closed) == []  # a replay
    assert await seen(make, replace(ISSUE, title="Old")) == []  # out of order
    assert await seen(make, replace(ISSUE, updated=None)) == []
    assert await seen(make, replace(closed, repository="other/lib")) == []
    same_second = replace(closed, labels=("bug", "fixed"))
    assert await seen(make, same_second) == []
    assert await seen(make, same_second, sure=True) == [first, second]
    assert (await make.get(first)).issue == same_second


async def test_an_issue_that_is_gone_may_come_back(make: Making) -> None:
    report = await make()
    await make.issue(report, ISSUE)
    gone = replace(ISSUE, state="gone", updated=None)
    assert await seen(make, gone) == [report]
    assert await seen(make, gone) == []
    assert (await make.get(report)).issue == replace(ISSUE, state="gone")
    assert await seen(make, replace(ISSUE, updated=NOON + DAY)) == [report]


async def test_reports_move_with_their_issue(make: Making, store: ReportStore) -> None:
    first, second, there = await make(), await make(), await make()
    new = replace(ISSUE, repository="demo/new", number=8, url="https://github.com/demo/new/8")
    await make.issue(first, ISSUE)
    await make.issue(second, ISSUE)
    await make.issue(there, new)
    async with make.database.write() as tx:
        assert await store.move_issue(tx, "demo/lib", 3, new) == [first, second]
        assert await store.issue(tx, "demo/lib", 3) is None
        assert await store.issue(tx, "demo/new", 8) == new
        assert await store.move_issue(tx, "demo/lib", 3, new) == []
    assert await store.reports_of("demo/new", 8) == [first, second, there]


async def test_a_report_may_belong_to_no_issue_again(make: Making, store: ReportStore) -> None:
    report = await make()
    await make.issue(report, ISSUE)
    async with make.database.write() as tx:
        await store.drop_issue(tx, report)
        await store.drop_issue(tx, report)
    assert (await make.get(report)).issue is None


# Problems


async def test_only_what_all_may_know_of_is_a_problem(make: Making, store: ReportStore) -> None:
    every = {await make(state=state, project="demo"): state for state in State}
    assert store.has_problems("demo")
    assert not store.has_problems("other")
    assert [each.report for each in await store.problems("demo")] == sorted(
        report for report, state in every.items() if state in TAKEN_UP
    )
    for state in set(State) - TAKEN_UP:
        await make(state=state, project=f"hidden-{state}")
        assert not store.has_problems(f"hidden-{state}")
        assert await store.problems(f"hidden-{state}") == []


async def test_what_a_reporter_links_alone_is_not_taken_up(
    make: Making, store: ReportStore
) -> None:
    alone, decided = await make(state=State.DRAFT), await make(state=State.LINKED)
    await make.link_by_reporter(alone)
    found = {each.report: each.taken_up for each in await store.problems("demo")}
    assert found == {alone: False, decided: True}
    await make()
    assert await store.counted(["demo", "other"]) == {"demo": 1}


async def test_problems_are_found_by_an_index(database: Database) -> None:
    plan = await database.read(
        "EXPLAIN QUERY PLAN SELECT 1 FROM report WHERE project = ? AND state IN ('open', 'filed')",
        ("demo",),
    )
    assert [row["detail"] for row in plan] == [
        "SEARCH report USING COVERING INDEX report_project (project=? AND state=?)"
    ]


# Drafts, desks, blocks, tries


async def test_only_drafts_are_deleted(make: Making, store: ReportStore) -> None:
    draft, sent = await make(state=State.DRAFT), await make()
    async with make.database.write() as tx:
        assert await store.delete_draft(tx, draft)
        assert not await store.delete_draft(tx, sent)
        assert await store.state(tx, draft) is None
        assert await store.state(tx, sent) is State.OPEN


async def test_a_server_has_one_desk(database: Database, store: ReportStore) -> None:
    assert await store.desk(GUILD) is None
    for channel in (1, 2):
        async with database.write() as tx:
            await store.set_desk(tx, Desk(GUILD, channel, 9))
    assert await store.desk(GUILD) == Desk(GUILD, 2, 9)
    assert await store.desk(OTHER) is None


async def test_blocks_are_a_servers_own(database: Database, store: ReportStore) -> None:
    async with database.write() as tx:
        await store.block(tx, GUILD, ADA.id, CY.id, NOON)
        await store.block(tx, GUILD, ADA.id, DEE.id, NOON)
        await store.block(tx, GUILD, BEN.id, CY.id, NOON + DAY)
        assert await store.is_blocked(tx, GUILD, ADA.id)
        assert not await store.is_blocked(tx, OTHER, ADA.id)
        assert not await store.is_blocked(tx, None, ADA.id)
    assert await store.blocked(GUILD) == [BEN.id, ADA.id]
    async with database.write() as tx:
        assert await store.unblock(tx, GUILD, ADA.id)
        assert not await store.unblock(tx, GUILD, ADA.id)


async def test_tries_are_counted(database: Database, store: ReportStore) -> None:
    hour = timedelta(hours=1)
    async with database.write() as tx:
        for member, guild, ago in [
            ("a", GUILD, hour / 2),
            ("a", None, hour / 2),
            ("a", GUILD, 2 * hour),
            ("a", GUILD, 25 * hour),
            ("b", GUILD, hour / 2),
            ("b", OTHER, hour / 2),
        ]:
            await store.add_try(tx, member, guild, NOON - ago)
        window = {"hour": NOON - hour, "day": NOON - DAY}
        assert await store.tries(tx, "a", GUILD, **window) == (2, 3, 2)
        assert await store.tries(tx, "c", None, **window) == (0, 0, 0)
        await store.expire_tries(tx, NOON - DAY)
    assert len(await database.read("SELECT * FROM report_try")) == 5


# Forgetting


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


async def test_forgetting_leaves_no_number_anywhere(make: Making, store: ReportStore) -> None:
    posts, number = PostStore(make.database), str(ADA.id)
    draft = await make(ADA, State.DRAFT)
    mention = Submission("demo", "", f"It breaks, says <@{number}>", f"log of {number}")
    mention = replace(mention, message=f"https://discord.com/channels/{GUILD}/{CHANNEL}/77")
    sent = await make(ADA, submission=mention)
    joined, theirs = await make(ADA, State.DRAFT), await make(BEN)
    await make.join(joined, theirs)
    async with make.database.write() as tx:
        await store.step(tx, sent, Action.ASK, CY, f"Dear <@{number}>, why?", at=NOON)
        await posts.question(tx, sent, "1", f"Dear <@{number}>, why?")
        await posts.card(tx, sent, CHANNEL)
        await store.step(tx, theirs, Action.REJECT, ADA, "As a triager.", at=NOON)
        await posts.tell(tx, theirs, "rejected", "As a triager.")
        await store.block(tx, GUILD, DEE.id, ADA.id, NOON)
    kept = await store.stored(ADA.id)
    assert kept.drafts == (draft,)
    assert kept.reports == (sent, joined)
    assert kept.following == (theirs,)
    assert (kept.steps, kept.messages, kept.blocks) == (2, 2, 0)

    async with make.database.write() as tx:
        forgotten = await store.forget(tx, ADA.id)
    await store.empty_log()

    assert (forgotten.drafts, forgotten.reports, forgotten.following) == (1, 2, 1)
    assert (forgotten.steps, forgotten.messages, forgotten.blocks) == (2, 2, 0)
    path = make.database.path
    assert not [value for value in everything(path) if number in value or "Ada" in value]
    for file in path.parent.iterdir():
        assert number.encode() not in file.read_bytes(), file
        assert ADA.id.to_bytes(8, "big") not in file.read_bytes(), file
    found = await make.get(sent)
    assert found.reporter is None
    assert found.submission.story == "It breaks, says <@…>"
    assert found.submission.message is None
    assert found.project == "demo"
    assert [each.actor.name for each in found.steps] == [FORMER, "Cy"]
    assert (await make.get(theirs)).same == 1  # the fact that two had it
    assert (await make.get(theirs)).reporter == BEN
    nothing = await store.stored(ADA.id)
    assert nothing == type(nothing)()


async def test_forgetting_one_keeps_the_others(make: Making, store: ReportStore) -> None:
    await make(ADA)
    theirs = await make(BEN, State.DRAFT)
    before = await make.get(theirs), await store.stored(BEN.id)
    async with make.database.write() as tx:
        await store.forget(tx, ADA.id)
    assert (await make.get(theirs), await store.stored(BEN.id)) == before


async def test_a_block_outlives_forgetting(make: Making, store: ReportStore) -> None:
    async with make.database.write() as tx:
        await store.block(tx, GUILD, ADA.id, CY.id, NOON)
        forgotten = await store.forget(tx, ADA.id)
        assert await store.is_blocked(tx, GUILD, ADA.id)
    assert forgotten.blocks == 1


async def test_what_is_public_under_a_name_is_named(make: Making, store: ReportStore) -> None:
    named, unnamed = await make(state=State.FILED), await make(state=State.FILED)
    refused = await make()
    await make.issue(named, ISSUE)
    await make.issue(unnamed, replace(ISSUE, number=4))
    async with make.database.write() as tx:
        for state, report in (("filed", named), ("failed", refused)):
            await store.set_credit(tx, report, shown=True)
            await tx.execute(
                "INSERT INTO filing (report, uid, repository, title, body, labels, state)"
                " VALUES (?, ?, 'demo/lib', 't', 'says Ada', '[]', ?)",
                (report, state, state),
            )
        assert await store.named_filings(tx, ADA.id) == [(refused, "demo/lib")]
        await store.refile(tx, refused, "says somebody")
        forgotten = await store.forget(tx, ADA.id)
        assert await store.named_filings(tx, ADA.id) == []
    assert forgotten.public == (ISSUE.url,)
    bodies = await make.database.read("SELECT body FROM filing ORDER BY report")
    assert [row["body"] for row in bodies] == ["", "says somebody"]


# Retention


async def test_old_drafts_go(make: Making, store: ReportStore) -> None:
    old, new = await make(state=State.DRAFT), await make(state=State.DRAFT, at=NOON + DAY)
    sent = await make()
    async with make.database.write() as tx:
        assert await store.expire_drafts(tx, NOON + DAY / 2) == 1
    assert await store.get(old) is None
    assert await store.get(new)
    assert await store.get(sent)


async def test_texts_of_what_was_refused_go(make: Making, store: ReportStore) -> None:
    rejected, withdrawn = await make(state=State.REJECTED), await make(state=State.WITHDRAWN)
    waiting = await make()
    await make(state=State.REJECTED, at=NOON + DAY)
    assert await store.refused(NOON + DAY) == [rejected, withdrawn]
    async with make.database.write() as tx:
        await store.empty(tx, rejected)
        await store.empty(tx, 99)
    assert await store.refused(NOON + DAY) == [withdrawn]
    found = await make.get(rejected)
    assert found.submission == Submission()
    assert found.reading == Reading(Kind.CRASH, 0.9, Facts(project=Fact("demo", "")))
    assert found.title == "crash in demo"
    assert found.reporter is None
    assert {each.note for each in found.steps} == {""}
    assert (await make.get(waiting)).submission.story


@pytest.mark.parametrize(
    ("state", "issue", "over"),
    [
        (State.HANDED, None, True),
        (State.FILED, replace(ISSUE, state="closed"), True),
        (State.FILED, replace(ISSUE, state="gone", updated=None), True),
        (State.FILED, replace(ISSUE, state="closed", updated=NOON + 9 * DAY), False),
        (State.FILED, ISSUE, False),
        (State.LINKED, ISSUE, False),
        (State.OPEN, None, True),
        (State.ASKED, None, True),
        (State.SECURITY, None, True),
        (State.FILING, None, False),
    ],
)
async def test_authors_go_some_time_after_the_end(
    make: Making, store: ReportStore, state: State, issue: Issue | None, over: bool
) -> None:
    report = await make(state=state)
    joined = await make(BEN, State.DRAFT)
    await make.join(joined, report)
    if issue:
        await make.issue(report, issue)
    assert await store.ended(NOON) == []
    assert await store.ended(NOON + DAY) == ([report] if over else [])
    if not over:
        return
    async with make.database.write() as tx:
        await store.drop_author(tx, report)
    assert (await make.get(report)).reporter is None
    assert await followers(make.database, report) == set()
    assert await store.ended(NOON + DAY) == [joined]  # with the one that it joined
    async with make.database.write() as tx:
        await store.drop_author(tx, joined)
    assert await store.ended(NOON + DAY) == []
    assert (await make.get(report)).same == 1


async def test_one_that_waits_keeps_its_people_while_others_join(
    make: Making, store: ReportStore
) -> None:
    report = await make()
    joined = await make(BEN, State.DRAFT)
    async with make.database.write() as tx:
        await store.step(tx, joined, Action.JOIN, BEN, at=NOON + 9 * DAY)
        await store.join(tx, joined, report, NOON + 9 * DAY)
    assert await store.ended(NOON + DAY) == []
    assert await store.ended(NOON + 10 * DAY) == [report]
