"""Waiting for an audit: the real database, an auditor and a Discord that do as they are told."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.audit import answering
from bot.audit.answering import Audits
from bot.audit.model import Audit, Class, Manifest
from bot.audit.store import AuditStore
from bot.audit.watching import service
from bot.audit.watching.model import Note, Story
from bot.audit.watching.outbox import PATIENCE, Outbox
from bot.audit.watching.rules import LONGEST_WATCH, MOST_WATCHES, has_fallen, in_the_way
from bot.audit.watching.service import Watching
from bot.audit.watching.store import WatchStore
from bot.compat.model import Target
from bot.db import Database
from bot.errors import DatabaseError, IndexUnavailable, UserError
from bot.messages import Failure, Gone, Later, Place, Refused, Rejected, Sent
from tests.ui.audits import TARGET, audit, manifest, package, packages

NOW, HOUR, DAY = 1_800_000_000.0, 3_600.0, 86_400.0
ADA, BEN = 11, 12
BLOCKED, READY = packages(Class.BLOCKED, "orjson"), packages(Class.READY, "orjson")
SENT = Sent(Place(1, 2))


class Auditor:
    """Finds `found`, whatever it is asked about; raises `error`, or the next, if set."""

    def __init__(self) -> None:
        self.found = audit()
        self.error: Exception | None = None
        self.failing_once: Exception | None = None
        self.started = asyncio.Event()
        self.asked: list[tuple[Manifest, Target]] = []
        self.go = asyncio.Event()
        self.go.set()

    async def audit(self, manifest: Manifest, target: Target) -> Audit:
        self.asked.append((manifest, target))
        self.started.set()
        await self.go.wait()
        error, self.failing_once = self.error or self.failing_once, None
        if error:
            raise error
        return self.found


class Discord:
    """Sends what it is given, unless the next answers say otherwise."""

    def __init__(self) -> None:
        self.answers: list[Sent | Failure] = []
        self.found: Sent | None = None
        self.log: list[tuple[str, Note]] = []
        self.stories: list[Story] = []
        self.ready = True

    def is_ready(self) -> bool:
        return self.ready

    async def send(self, note: Note, story: Story) -> Sent | Failure:
        self.log.append(("send", note))
        self.stories.append(story)
        return self.answers.pop(0) if self.answers else SENT

    async def find(self, note: Note) -> Sent | Later | Refused | None:
        self.log.append(("find", note))
        return self.found

    @property
    def what(self) -> list[str]:
        return [what for what, _ in self.log]


class World:
    def __init__(self, db: Database) -> None:
        self.db, self.now, self.woken = db, NOW, 0
        self.auditor, self.discord = Auditor(), Discord()
        self.store, self.watches = AuditStore(db), WatchStore(db)
        self.audits = Audits(
            lambda source, _: replace(manifest(), source=source),
            self.auditor,
            self.store,
            self.watches,
            watched=self.wake,
            clock=lambda: self.now,
        )
        self.watching = Watching(self.store, self.watches, self.auditor, clock=lambda: self.now)
        self.outbox = Outbox(
            self.store,
            self.watches,
            self.discord,
            clock=lambda: self.now,
            jitter=lambda: 0.0,
        )

    def wake(self) -> None:
        self.woken += 1

    async def asked(self, *users: int) -> int:
        """Let somebody audit a file with a blocker, and `users` wait for it."""
        self.auditor.found = audit(BLOCKED)
        kept = await self.audits.audit(ADA, "uv.lock", b"", TARGET)
        for user in users:
            await self.audits.watch(kept.id, user)
        return kept.id

    async def fallen(self, *users: int) -> int:
        """Let that blocker fall."""
        number = await self.asked(*users)
        self.auditor.found = audit(READY)
        await self.watching.look()
        return number


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as db:
        yield World(db)


@pytest.mark.parametrize(
    ("now", "fallen"),
    [
        (audit(READY), True),
        (audit(packages(Class.WORKS, "orjson")), True),
        (audit(packages(Class.READY, "other")), True),
        (audit([*READY, *packages(Class.UNKNOWN, "private")]), True),
        (audit(BLOCKED), False),
        (audit([*READY, *packages(Class.BLOCKED, "another")]), False),
        (audit(packages(Class.UNKNOWN, "orjson")), False),
        (audit(READY, unanswered=1), False),
        (audit(READY, resolved=False), False),
    ],
)
def test_when_the_last_blocker_has_fallen(now: Audit, fallen: bool) -> None:
    assert has_fallen(audit(BLOCKED), now) is fallen


def test_what_was_never_resolved_needs_no_solution() -> None:
    assert has_fallen(audit(BLOCKED, resolved=False), audit(READY, resolved=False))


def test_what_is_in_the_way_is_named_once() -> None:
    twice = [package("a", Class.BLOCKED), package("a", Class.BLOCKED, version="2.0")]
    assert in_the_way(audit([*twice, *READY])) == ("a",)


async def test_from_the_button_to_the_message(world: World) -> None:
    number = await world.asked(ADA, BEN)
    assert world.woken == 2
    await world.watching.look()
    await world.outbox.deliver()
    assert world.discord.log == []
    world.auditor.found = audit(READY)
    world.now += DAY
    await world.watching.look()
    assert world.auditor.asked[-1] == (manifest(), TARGET)
    await world.outbox.deliver()
    assert [str(note.destination) for _, note in world.discord.log] == ["user:11", "user:12"]
    story = world.discord.stories[0]
    assert (story.before.id, story.before.audit) == (number, audit(BLOCKED))
    assert story.now.audit == audit(READY)
    world.now += DAY
    await world.watching.look()
    await world.outbox.deliver()
    assert len(world.discord.log) == 2


async def test_each_is_judged_again_daily_only(world: World) -> None:
    await world.asked(ADA)
    asked = len(world.auditor.asked)
    for _ in range(3):
        await world.watching.look()
        world.now += HOUR
    assert len(world.auditor.asked) == asked + 1
    world.now += DAY
    await world.watching.look()
    assert len(world.auditor.asked) == asked + 2


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (IndexUnavailable("down"), logging.WARNING),
        (TimeoutError(), logging.WARNING),
        (RuntimeError("a mistake"), logging.ERROR),
    ],
)
async def test_trouble_is_tried_again_within_the_hour(
    world: World, caplog: pytest.LogCaptureFixture, error: Exception, logged: int
) -> None:
    await world.asked(ADA)
    world.auditor.error = error
    with caplog.at_level(logging.WARNING, logger=service.__name__):
        await world.watching.look()
    assert [record.levelno for record in caplog.records] == [logged]
    world.auditor.error, world.auditor.found = None, audit(READY)
    world.now += HOUR
    await world.watching.look()
    await world.outbox.deliver()
    assert world.discord.what == ["send"]


async def test_one_audits_trouble_holds_up_no_other(world: World) -> None:
    first, second = await world.asked(ADA), await world.asked(BEN)
    world.auditor.found = audit(READY)
    world.auditor.failing_once = RuntimeError("a mistake")
    await world.watching.look()
    told = [await world.watches.told(first, ADA), await world.watches.told(second, BEN)]
    assert sorted(told) == [False, True]


async def test_a_database_that_fails_is_raised(world: World) -> None:
    await world.asked(ADA)
    world.auditor.error = DatabaseError("locked")
    with pytest.raises(DatabaseError):
        await world.watching.look()


async def test_an_index_that_does_not_answer_is_asked_again_soon(world: World) -> None:
    await world.asked(ADA)
    world.auditor.found = audit(READY, unanswered=3)
    await world.watching.look()
    world.auditor.found = audit(READY)
    world.now += HOUR
    await world.watching.look()
    await world.outbox.deliver()
    assert world.discord.what == ["send"]


async def test_who_stops_is_not_told(world: World) -> None:
    number = await world.asked(ADA, BEN)
    rest = await world.audits.unwatch(number, ADA)
    assert rest == ()
    world.auditor.found = audit(READY)
    await world.watching.look()
    await world.outbox.deliver()
    assert [str(note.destination) for _, note in world.discord.log] == ["user:12"]
    with pytest.raises(UserError, match="You don't wait for this audit"):
        await world.audits.unwatch(number, ADA)


async def test_nobody_waits_for_longer_than_a_year(world: World) -> None:
    await world.asked(ADA)
    world.now += LONGEST_WATCH.total_seconds() - 1
    await world.watching.tidy()
    assert len(await world.audits.watches(ADA)) == 1
    world.now += 2
    await world.watching.tidy()
    assert await world.audits.watches(ADA) == ()
    assert await world.store.stored(ADA) == 0


# Asking


async def test_what_is_ready_cannot_be_waited_for(world: World) -> None:
    world.auditor.found = audit(READY)
    kept = await world.audits.audit(ADA, "uv.lock", b"", TARGET)
    with pytest.raises(UserError, match="there is nothing to wait for"):
        await world.audits.watch(kept.id, ADA)


async def test_who_was_told_is_told_so(world: World) -> None:
    number = await world.fallen(ADA)
    with pytest.raises(UserError, match="You were told already"):
        await world.audits.watch(number, ADA)
    wish = await world.audits.watch(number, BEN)
    assert wish.watch


async def test_too_many_are_not_watched(world: World) -> None:
    for _ in range(MOST_WATCHES):
        await world.asked(ADA)
        await world.audits.watch(await world.asked(), BEN)
    wish = await world.audits.watch(await world.asked(), BEN)
    assert wish.watch is None
    assert len(wish.every) == MOST_WATCHES


async def test_what_is_not_kept_says_so(world: World) -> None:
    for asking in (world.audits.get(5), world.audits.watch(5, ADA)):
        with pytest.raises(UserError, match="not kept any more"):
            await asking


async def test_the_files_are_the_whole_table(world: World) -> None:
    kept = await world.audits.get(await world.asked())
    files = dict(kept.files)
    assert b"orjson" in files["audit.md"]
    assert b'"class": "blocked"' in files["audit.json"]


async def test_a_member_has_one_audit_at_a_time(world: World) -> None:
    world.auditor.go.clear()
    first = asyncio.create_task(world.audits.audit(ADA, "uv.lock", b"", TARGET))
    await world.auditor.started.wait()
    with pytest.raises(UserError, match="still running"):
        await world.audits.audit(ADA, "uv.lock", b"", TARGET)
    other = asyncio.create_task(world.audits.audit(BEN, "uv.lock", b"", TARGET))
    world.auditor.go.set()
    assert (await first).audit == (await other).audit
    await world.audits.audit(ADA, "uv.lock", b"", TARGET)


async def test_an_audit_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "LONGEST_AUDIT", 0.01)
    world.auditor.go.clear()
    with pytest.raises(UserError, match="what was fetched is kept"):
        await world.audits.audit(ADA, "uv.lock", b"", TARGET)
    world.auditor.go.set()
    monkeypatch.undo()
    await world.audits.audit(ADA, "uv.lock", b"", TARGET)


# The outbox


async def test_a_message_waits_for_discord(world: World) -> None:
    await world.fallen(ADA)
    world.discord.ready = False
    await world.outbox.deliver()
    assert world.discord.log == []
    assert world.outbox.waiting.waiting == 1
    world.discord.ready = True
    await world.outbox.deliver()
    assert world.discord.what == ["send"]
    assert world.outbox.waiting.waiting == 0


async def test_what_may_have_been_sent_is_looked_for(world: World) -> None:
    await world.fallen(ADA)
    world.discord.answers = [Later("broken off", doubtful=True)]
    await world.outbox.deliver()
    world.now += HOUR
    world.discord.found = SENT
    await world.outbox.deliver()
    world.now += HOUR
    await world.outbox.deliver()
    assert world.discord.what == ["send", "find"]


async def test_what_was_not_found_is_sent_with_the_same_nonce(world: World) -> None:
    await world.fallen(ADA)
    world.discord.answers = [Later("broken off", doubtful=True, seconds=3.0)]
    await world.outbox.deliver()
    world.now += 2
    await world.outbox.deliver()
    assert world.discord.what == ["send"]
    world.now += 1
    await world.outbox.deliver()
    assert world.discord.what == ["send", "find", "send"]
    assert len({note.nonce for _, note in world.discord.log}) == 1


async def test_after_a_crash_it_is_looked_for_first(world: World) -> None:
    await world.fallen(ADA)
    (note,) = await world.watches.notes(world.now, 5)
    await world.watches.begin(note, world.now)
    world.discord.found = SENT
    await world.outbox.deliver()
    assert world.discord.what == ["find"]
    assert world.outbox.waiting.waiting == 0


async def test_closed_direct_messages_are_tried_for_a_week(world: World) -> None:
    await world.fallen(ADA)
    world.discord.answers = [Refused("They are closed.")] * 3
    await world.outbox.deliver()
    world.now += HOUR
    await world.outbox.deliver()
    assert world.outbox.waiting.waiting == 1
    world.now = NOW + PATIENCE
    await world.outbox.deliver()
    assert world.outbox.waiting.waiting == 0
    await world.outbox.deliver()
    assert world.discord.what == ["send"] * 3


@pytest.mark.parametrize("failure", [Rejected("too odd"), Gone()])
async def test_what_will_never_do_is_given_up(world: World, failure: Failure) -> None:
    await world.fallen(ADA)
    world.discord.answers = [failure]
    await world.outbox.deliver()
    assert world.outbox.waiting.waiting == 0
    await world.outbox.deliver()
    assert world.discord.what == ["send"]


async def test_who_is_forgotten_is_not_told(world: World) -> None:
    await world.fallen(ADA)
    async with world.db.write() as tx:
        await world.watches.forget(tx, ADA)
    await world.outbox.deliver()
    assert world.discord.log == []
