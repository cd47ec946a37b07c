"""What is kept of news: changes to examine, facts, and what was told."""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace as with_fields

from bot.announce.model import Content, Held, News, Novelty, Topic
from bot.announce.news.rules import Fact
from bot.announce.news.store import Change, NewsStore
from bot.db import Database

FOUND = datetime(2026, 6, 1, tzinfo=UTC)
GAIN = Content(
    project="foo",
    name="Foo",
    version="1.0",
    topic=Topic.GAIN,
    novelty=Novelty.FIRST,
    held=(Held("3.14t", "windows-amd64"), Held("3.15t", "windows-amd64", abi3t=True)),
    new=(Held("3.14t", "windows-amd64"),),
    uploaded="2026-06-01T00:00:00Z",
    rank=7,
    wheels=2,
)
CHANGE = Change("foo", serial=10, since=100.0, due=220.0)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        yield database


@pytest.fixture
def store(database: Database) -> NewsStore:
    return NewsStore(database)


async def note(database: Database, *changes: Change) -> None:
    """Note changes as those who follow the index do."""
    async with database.write() as tx:
        for each in changes:
            await tx.execute(
                "INSERT INTO change (project, serial, since, due) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (project) DO UPDATE SET serial = excluded.serial, due = excluded.due",
                (each.project, each.serial, each.since, each.due),
            )


async def changes(store: NewsStore) -> list[Change]:
    return await store.due(now=1e12, longest=0)


async def test_due_changes_come_in_their_order(database: Database, store: NewsStore) -> None:
    later, early = replace(CHANGE, project="later", due=230.0), replace(CHANGE, project="early")
    await note(database, later, early, replace(CHANGE, project="not yet", due=230.1))
    assert await store.due(now=230.0, longest=100.0) == [early, later]


async def test_a_change_from_before_the_clock_was_set_back_is_due(
    database: Database, store: NewsStore
) -> None:
    await note(database, CHANGE)
    assert await store.due(now=CHANGE.due - 3_600, longest=3_600) == []
    assert await store.due(now=CHANGE.due - 3_601, longest=3_600) == [CHANGE]


async def test_a_newer_change_outlives_the_examination(
    database: Database, store: NewsStore
) -> None:
    newer = replace(CHANGE, serial=11, due=250.0)
    await note(database, CHANGE, newer)
    async with database.write() as tx:
        assert await store.awaited(tx, "foo") == 11
        await store.put_off(tx, CHANGE, 999.0, 1)
        await store.settle(tx, CHANGE, 999.0)
        await store.finish(tx, CHANGE)
    assert await changes(store) == [newer]
    async with database.write() as tx:
        await store.put_off(tx, newer, 999.0, 3)
    assert await changes(store) == [replace(newer, due=999.0, attempts=3)]
    async with database.write() as tx:
        await store.settle(tx, newer, 1_999.0)
    assert await changes(store) == [replace(newer, due=1_999.0, settled=11)]
    async with database.write() as tx:
        await store.finish(tx, newer)
        assert await store.awaited(tx, "foo") is None
    assert await changes(store) == []


async def test_facts_keep_their_first_version(database: Database, store: NewsStore) -> None:
    early = Fact("3.14t", "windows-amd64", prerelease=True, version="1.0b1")
    final = Fact("3.14t", "windows-amd64", prerelease=False, version="1.0")
    async with database.write() as tx:
        await store.learn(tx, "foo", [early, final])
        await store.learn(tx, "bar", [final])
        await store.learn(tx, "foo", [replace(final, version="1.1", lost_in="1.1")])
        assert await store.facts(tx, "foo") == [replace(final, lost_in="1.1"), early]
        assert await store.facts(tx, "bar") == [final]
        assert await store.facts(tx, "unknown") == []


async def test_news_is_told_as_it_was_written(database: Database, store: NewsStore) -> None:
    withdrawn = with_fields(GAIN, withdrawn="yanked")
    async with database.write() as tx:
        first = await store.add(tx, GAIN, FOUND)
        second = await store.add(tx, with_fields(withdrawn, topic=Topic.WITHDRAWAL), FOUND)
        await store.add(tx, with_fields(GAIN, project="bar"), FOUND)
        told = await store.told(tx, "foo")
        assert [(each.id, each.revision) for each in told] == [(first, 1), (second, 1)]
        assert told[0].content == GAIN
        await store.revise(tx, told[0], withdrawn)
        assert (await store.told(tx, "foo"))[0] == News(first, 2, withdrawn)
    (row, *_) = await database.read("SELECT * FROM news")
    assert (row["found"], row["topic"]) == ("2026-06-01T00:00:00+00:00", "gain")


async def test_a_topic_of_a_release_is_told_once(database: Database, store: NewsStore) -> None:
    async def tell() -> None:
        async with database.write() as tx:
            await store.learn(tx, "foo", [Fact("3.14t", "windows-amd64", False, "1.0")])
            await store.add(tx, GAIN, FOUND)

    await tell()
    async with database.write() as tx:
        await tx.execute("DELETE FROM support")
    with pytest.raises(sqlite3.IntegrityError):
        await tell()
    assert await database.read("SELECT * FROM support") == []  # all of it, or nothing
