"""A database that was put back from a copy: how it is known, and what its outboxes make of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import db
from bot.announce.delivery.store import DeliveryStore
from bot.announce.model import RESTORED, Content, Topic
from bot.announce.news.store import NewsStore
from bot.app.restored import told_until
from bot.audit.watching.store import WatchStore
from bot.db import Database, Gap, Sending, close_gap, copies, find_gap
from bot.errors import DatabaseError
from bot.messages import Destination
from bot.reports.filing.model import Stage
from bot.reports.model import State
from tests.clock import Clock
from tests.store import test_filing as filing

NOW = 1_800_000_000.0
ROOM = Destination("channel", 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ftbot.sqlite3"


async def send(path: Path, *times: float) -> None:
    async with Database.open(path) as database:
        clock = Clock(NOW)
        for time in times:
            clock.now = time
            # A process of its own each time, so that nothing is left out.
            await Sending(database, clock=clock).note()


def by_hand(path: Path, to: Path) -> None:
    to.write_bytes(path.read_bytes())


async def gap(path: Path) -> Gap | None:
    async with Database.open(path) as database:
        return await find_gap(database, Clock(NOW + 5_000))


async def test_a_database_that_was_not_put_back(path: Path) -> None:
    assert await gap(path) is None
    await send(path, NOW, NOW + 60)
    assert await gap(path) is None
    await send(path, NOW - 7_200)  # the clock was set back
    assert await gap(path) is None


async def test_what_is_sent_soon_after_needs_no_other_note(path: Path) -> None:
    async with Database.open(path) as database:
        timer = Clock(0)
        sending, changes = Sending(database, clock=Clock(NOW), timer=timer), 0
        for _ in range(50):
            before = database.glance("SELECT value FROM memory WHERE key = 'sent.until'")
            await sending.note()
            changes += before != database.glance("SELECT value FROM memory WHERE key='sent.until'")
            timer.now += 0.1
    assert changes == 5


@pytest.mark.parametrize("times", [(NOW + 100, NOW + 200), (NOW - 7_200,), (NOW,)])
async def test_a_copy_by_hand_is_behind_the_file_beside_it(
    path: Path, tmp_path: Path, times: tuple[float, ...]
) -> None:
    await send(path, NOW)
    by_hand(path, tmp_path / "copy")
    await send(path, *times)
    by_hand(tmp_path / "copy", path)
    found = await gap(path)
    assert found is not None
    assert found.since == NOW + 1
    assert found.until >= max(times)


async def test_a_copy_says_that_it_is_one(path: Path, tmp_path: Path) -> None:
    await send(path, NOW)
    db.backup(path, tmp_path / "copy")
    by_hand(tmp_path / "copy", path)  # though nothing was sent since
    found = await gap(path)
    assert found is not None
    assert found.until == NOW + 1
    path.with_name("ftbot.sqlite3.sent").unlink()  # as on another computer
    found = await gap(path)
    assert found is not None
    assert found.until == NOW + 5_000


async def test_a_gap_is_closed_once(path: Path, tmp_path: Path) -> None:
    await send(path, NOW)
    by_hand(path, tmp_path / "copy")
    await send(path, NOW + 100)
    by_hand(tmp_path / "copy", path)
    async with Database.open(path) as database:
        found = await find_gap(database)
        assert found is not None
        closed = []
        for _ in range(2):  # two processes that found it at the same time
            async with database.write() as tx:
                closed.append(await close_gap(tx, found))
        assert closed == [True, False]
        assert await find_gap(database) is None
        assert await told_until(database) == NOW + 101
    await send(path, NOW + 200)
    assert await gap(path) is None


@pytest.mark.parametrize("content", ["", "no number", "1" * 5_000])
async def test_a_file_beside_that_is_damaged_tells_nothing(path: Path, content: str) -> None:
    await send(path, NOW)
    path.with_name("ftbot.sqlite3.sent").write_text(content)
    found = await gap(path)
    assert found is None or content.startswith("1")


async def test_nothing_is_sent_that_cannot_be_noted(path: Path) -> None:
    async with Database.open(path) as database:
        path.with_name("ftbot.sqlite3.sent.new").mkdir()
        with pytest.raises(DatabaseError, match=r"ftbot\.sqlite3\.sent cannot be read or written"):
            await Sending(database).note()


async def test_a_new_database_in_the_place_of_a_lost_one(path: Path) -> None:
    await send(path, NOW)
    copies.remove(path)
    assert await gap(path) is None


# The outboxes


@asynccontextmanager
async def put_back(path: Path) -> AsyncIterator[Database]:
    """Lose all that happened since the copy, and start anew."""
    by_hand(path.with_name("copy"), path)
    async with Database.open(path) as database:
        assert await told_until(database) > 0
        yield database


async def test_news_that_waited_is_given_up(path: Path) -> None:
    async with Database.open(path) as database, database.write() as tx:
        content = Content("foo", "foo", "1.0", Topic.GAIN)
        news = await NewsStore(database).add(tx, content, datetime.now(UTC))
        await DeliveryStore(database).enqueue(tx, news, [ROOM])
    db.backup(path, path.with_name("copy"))
    async with put_back(path) as database:
        assert await DeliveryStore(database).due(NOW * 2) == []
        rows = await database.read("SELECT dropped, due FROM delivery")
        assert [tuple(row) for row in rows] == [(RESTORED, None)]


async def test_messages_to_people_are_looked_for(path: Path) -> None:
    async with Database.open(path) as database, database.write() as tx:
        await tx.execute(
            "INSERT INTO audit (id, made, source, python, platform, answer, manifest)"
            " VALUES (1, 0, '', '', '', x'', x''), (2, 0, '', '', '', x'', x'')"
        )
        await tx.execute("INSERT INTO audit_note (watched, audit, user, made) VALUES (1, 2, 3, 0)")
    db.backup(path, path.with_name("copy"))
    async with put_back(path) as database:
        (note,) = await WatchStore(database).notes(NOW, 9)
        assert note.doubtful is not None


@pytest.mark.parametrize("decided", ["before the copy", "after it"])
async def test_no_report_is_filed_again(path: Path, decided: str) -> None:
    github, filed = filing.Memory(), "u-1"
    async with Database.open(path) as database:
        world = filing.World(database, github)
        report = await world.report(filed)
        if decided == "after it":
            async with database.write() as tx:
                await tx.execute("DELETE FROM filing")
                await tx.execute("UPDATE report SET state = 'open'")
        db.backup(path, path.with_name("copy"))
        if decided == "after it":
            await world.file(report, filed)
        await Sending(database, clock=github.clock).note()
        await world.filing.file()
    assert github.of(filed) == 1
    async with put_back(path) as database:
        world = filing.World(database, github)
        if decided == "after it":
            await world.file(report, filed)
        assert (await world.row(report))["state"] == Stage.SENDING
        await world.filing.file()
        assert await world.state(report) is State.FILED
        assert github.of(filed) == 1
        github.now += 60  # what is new since then is filed at once
        later = await world.report("u-2")
        assert (await world.row(later))["state"] == Stage.WAITING
        await world.filing.file()
        assert github.of("u-2") == 1
