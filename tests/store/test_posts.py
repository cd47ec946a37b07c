"""The outbox of what concerns reports: the real database, and a carrier that does as it is told."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.db import Database
from bot.messages import (
    Destination,
    Done,
    Failure,
    Gone,
    Later,
    Place,
    Refused,
    Rejected,
    Sent,
)
from bot.reports.model import Actor, Kind, Reading, Report, State, Submission
from bot.reports.posts.model import Post
from bot.reports.posts.service import Posts
from bot.reports.posts.store import PostStore

NOW = 1_800_000_000.0
HOUR = 3_600.0
ADA, BEN, DESK, CHAT = 11, 12, 21, 22
MADE = datetime(2026, 11, 22, tzinfo=UTC)
TOLD = "This person takes no direct messages."


class Discord:
    """Sends what it is given, unless the next answers say otherwise."""

    def __init__(self) -> None:
        self.answers: list[Sent | Done | Failure] = []
        self.found: Sent | None = None
        self.log: list[tuple[str, Post, int]] = []
        self.ready = True

    def is_ready(self) -> bool:
        return self.ready

    async def send(self, post: Post, report: Report) -> Sent | Failure:
        answer = self._answer("send", post, report) or Sent(Place(post.destination.id, 500))
        assert not isinstance(answer, Done)
        return answer

    async def edit(self, post: Post, report: Report) -> Done | Failure:
        answer = self._answer("edit", post, report) or Done()
        assert not isinstance(answer, Sent)
        return answer

    async def find(self, post: Post) -> Sent | Later | Refused | None:
        self.log.append(("find", post, 0))
        return self.found

    def _answer(self, what: str, post: Post, report: Report) -> Sent | Done | Failure | None:
        self.log.append((what, post, report.revision))
        return self.answers.pop(0) if self.answers else None

    @property
    def what(self) -> list[str]:
        return [what for what, _, _ in self.log]


class Reports:
    """One report, as the table has it."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def get(self, report: int) -> Report | None:
        rows = await self.db.read("SELECT * FROM report WHERE id = ?", (report,))
        return replace(REPORT, revision=rows[0]["revision"]) if rows else None


REPORT = Report(
    id=1,
    uid="u1",
    state=State.OPEN,
    revision=1,
    title="made up",
    submission=Submission(),
    reading=Reading(Kind.CRASH, 0.9),
    reporter=Actor(ADA, "Ada"),
    credit=False,
    guild=1,
    channel=CHAT,
    created=MADE,
    updated=MADE,
)


class World:
    def __init__(self, db: Database) -> None:
        self.db = db
        self.store = PostStore(db)
        self.discord = Discord()
        self.now = NOW
        self.posts = Posts(
            self.store, Reports(db), self.discord, clock=lambda: self.now, jitter=lambda: 0.0
        )

    async def card(self) -> None:
        async with self.db.write() as tx:
            await self.store.card(tx, 1, DESK)

    async def ask(self, key: str = "1") -> None:
        async with self.db.write() as tx:
            await self.store.question(tx, 1, key, "Which wheel?")

    async def tell(self, key: str = "filed") -> None:
        async with self.db.write() as tx:
            await self.store.tell(tx, 1, key)

    async def revise(self) -> None:
        async with self.db.write() as tx:
            await tx.execute("UPDATE report SET revision = revision + 1")

    async def deliver(self, after: float = 0.0) -> list[str]:
        """Deliver what is due so many seconds later; return what was done."""
        self.now += after
        self.discord.log.clear()
        await self.posts.deliver()
        return self.discord.what


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as db:
        async with db.write() as tx:
            await tx.execute(
                "INSERT INTO report (id, uid, state, kind, title, submission, reading, guild,"
                " channel, reporter, created, updated)"
                " VALUES (1, 'u1', 'open', 'crash', 'made up', '{}', '{}', 1, ?, ?, '', '')",
                (CHAT, ADA),
            )
        yield World(db)


async def test_a_card_is_sent_once_and_edited_with_each_change(world: World) -> None:
    await world.card()
    assert await world.deliver() == ["send"]
    assert world.discord.log[0][1].destination == Destination("channel", DESK)
    assert await world.deliver() == []
    await world.card()
    assert await world.deliver() == []
    await world.revise()
    assert await world.deliver() == ["edit"]
    assert await world.deliver() == []


async def test_a_change_while_the_card_is_sent_is_shown(world: World) -> None:
    await world.card()
    due = await world.store.due(NOW)
    await world.revise()
    await world.store.sent(due[0], Place(DESK, 500), revision=1)
    assert await world.deliver() == ["edit"]
    assert world.discord.log[0][2] == 2


async def test_outcomes_reach_reporter_and_followers_once(world: World) -> None:
    async with world.db.write() as tx:
        await tx.execute(
            "INSERT INTO report_follower VALUES (1, ?, NULL, ''), (1, ?, 5, '')", (BEN, ADA)
        )
    await world.tell()
    await world.tell()
    assert await world.deliver() == ["send", "send"]
    told = {(post.destination.id, post.fallback) for _, post, _ in world.discord.log}
    assert told == {(ADA, CHAT), (BEN, None)}
    await world.revise()
    assert await world.deliver() == []  # only cards change
    await world.tell("closed:2026-11-22")
    assert await world.deliver() == ["send", "send"]


async def test_a_forgotten_reporter_is_not_written_to(world: World) -> None:
    async with world.db.write() as tx:
        await tx.execute("UPDATE report SET reporter = NULL")
    await world.ask()
    await world.tell()
    assert await world.deliver() == []


async def test_closed_direct_messages_lead_to_the_channel(world: World) -> None:
    await world.ask()
    world.discord.answers = [Refused(TOLD)]
    assert await world.deliver() == ["send", "send"]
    first, second = (post for _, post, _ in world.discord.log)
    assert (first.destination, first.mention) == (Destination("user", ADA), None)
    assert (second.destination, second.mention) == (Destination("channel", CHAT), ADA)
    assert second.nonce != first.nonce
    assert await world.deliver(HOUR) == []


async def test_nobody_can_be_told(world: World) -> None:
    await world.tell()
    world.discord.answers = [Refused(TOLD), Refused("The channel no longer exists.")]
    assert await world.deliver() == ["send", "send"]
    assert await world.deliver(48 * HOUR) == []
    rows = await world.db.read("SELECT dropped FROM report_post")
    assert rows[0]["dropped"] == "The channel no longer exists."


async def test_a_card_waits_for_its_channel(world: World) -> None:
    await world.card()
    world.discord.answers = [Refused("ftbot may not write in the channel.")] * 2
    assert await world.deliver() == ["send"]
    assert await world.deliver() == []
    assert world.posts.waiting.failing == 1
    assert await world.deliver(HOUR) == ["send"]
    assert await world.deliver(HOUR) == ["send"]
    assert world.posts.waiting.waiting == 0


async def test_a_card_that_was_deleted_comes_back_when_it_is_asked_for(world: World) -> None:
    await world.card()
    await world.deliver()
    await world.revise()
    world.discord.answers = [Gone()]
    assert await world.deliver() == ["edit"]
    await world.card()
    assert await world.deliver() == ["send"]
    await world.card()
    assert await world.deliver() == []


@pytest.mark.parametrize("answer", [Gone(), Rejected("400 Invalid Form Body")])
async def test_what_cannot_be_is_left(world: World, answer: Failure) -> None:
    await world.card()
    await world.deliver()
    await world.revise()
    world.discord.answers = [answer]
    assert await world.deliver() == ["edit"]
    await world.revise()
    assert await world.deliver(48 * HOUR) == []


async def test_a_doubtful_try_is_looked_for_before_the_next(world: World) -> None:
    await world.card()
    world.discord.answers = [Later("no answer", doubtful=True)]
    assert await world.deliver() == ["send"]
    assert await world.deliver() == []
    # Discord may have answered the nonce with the message of the first try, as it was then.
    assert await world.deliver(5) == ["find", "send", "edit"]
    nonces = {post.nonce for _, post, _ in world.discord.log}
    assert len(nonces) == 1


async def test_what_a_doubtful_try_sent_is_adopted(world: World) -> None:
    await world.card()
    world.discord.answers = [Later("no answer", doubtful=True)]
    await world.deliver()
    world.discord.found = Sent(Place(DESK, 777))
    await world.revise()
    assert await world.deliver() == ["find", "edit"]
    assert world.discord.log[1][1].place == Place(DESK, 777)
    assert await world.deliver(HOUR) == []


async def test_what_surely_was_not_sent_is_not_looked_for(world: World) -> None:
    await world.card()
    world.discord.answers = [Later("not connected", doubtful=False)]
    await world.deliver()
    assert await world.deliver(5) == ["send"]


async def test_back_off_grows_and_ends_with_success(world: World) -> None:
    await world.card()
    world.discord.answers = [Later("503", doubtful=False)] * 3
    await world.deliver()
    assert await world.deliver(2) == ["send"]
    assert await world.deliver(2) == []
    assert await world.deliver(2) == ["send"]
    assert await world.deliver(8) == ["send"]
    assert world.posts.waiting.waiting == 0


async def test_nothing_is_tried_without_discord(world: World) -> None:
    await world.card()
    world.discord.ready = False
    assert await world.deliver() == []
    assert world.posts.waiting.waiting == 1


async def test_one_failure_of_the_database_does_not_stop_the_others(world: World) -> None:
    await world.card()
    await world.ask()

    async def broken(_: int) -> Report | None:
        raise OSError("made up")

    reports = world.posts._reports
    world.posts._reports = type("Broken", (), {"get": staticmethod(broken)})()
    with pytest.raises(OSError, match="made up"):
        await world.posts.deliver()
    world.posts._reports = reports
    assert sorted(await world.deliver()) == ["send", "send"]


async def test_messages_of_one_person_keep_their_order(world: World) -> None:
    await world.ask("1")
    await world.ask("2")
    await world.tell()
    await world.deliver()
    assert [(post.purpose, post.key) for _, post, _ in world.discord.log] == [
        ("question", "1"),
        ("question", "2"),
        ("outcome", "filed"),
    ]
