"""Processes that are killed (SIGKILL) while they write or migrate leave a whole database."""

import asyncio
import itertools
import multiprocessing
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from bot.db import Database, Migration, Upgrade, check, upgrade

ROWS = 40
"""Rows of a batch: what one transaction inserts."""

SERVER = multiprocessing.get_context("forkserver")  # starts a process within milliseconds
SERVER.set_forkserver_preload(["__main__", __name__])

STEPS = tuple(
    Migration(number, f"{number:04}", f"CREATE TABLE a{number} (x); CREATE TABLE b{number} (x);")
    for number in range(1, 201)
)


async def insert(db: Database, batch: str) -> None:
    rows = [(f"{batch}.{row}", batch) for row in range(ROWS)]
    async with db.write() as tx:
        for row in rows[:3]:
            await tx.execute("INSERT INTO memory VALUES (?, ?)", row)
        await tx.executemany("INSERT INTO memory VALUES (?, ?)", rows[3:])


def write_on(path: Path, name: str, committed: Connection) -> None:
    """Insert batches until killed, and send the name of each that is committed."""

    async def main() -> None:
        async with Database.open(path) as db:
            for number in itertools.count():
                await insert(db, f"{name}.{number}")
                committed.send(f"{name}.{number}")

    asyncio.run(main())


def migrate(path: Path, started: Connection) -> None:
    started.send(None)
    upgrade(path, migrations=STEPS)


@contextmanager
def child(target: Callable[..., None], *arguments: object) -> Iterator[Connection]:
    """Run a process that is killed at the end of the block, and receive what it sends."""
    receiving, sending = SERVER.Pipe(duplex=False)
    process = SERVER.Process(target=target, args=(*arguments, sending))
    process.start()
    sending.close()
    with receiving:
        try:
            yield receiving
        finally:
            process.kill()
            process.join()
            process.close()


def query(path: Path, sql: str) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


async def test_killed_while_writing(tmp_path: Path) -> None:
    """Two write at a time and are killed after some commits, at whatever they are then doing."""
    path = tmp_path / "ftbot.sqlite3"
    chance = random.Random(0)
    committed: set[str] = set()
    for turn in range(16):
        with child(write_on, path, f"{turn}a") as one, child(write_on, path, f"{turn}b") as two:
            committed.update(one.recv() for _ in range(chance.randrange(1, 20)))
            committed.update(two.recv() for _ in range(chance.randrange(1, 20)))
        assert check(path) == []
        found = dict(query(path, "SELECT value, count(*) FROM memory GROUP BY value"))
        assert set(found.values()) == {ROWS}
        assert committed <= found.keys()
        async with Database.open(path, busy_timeout=0) as db:
            await insert(db, f"{turn}c")
        committed.add(f"{turn}c")


def test_killed_while_migrating(tmp_path: Path) -> None:
    chance = random.Random(0)
    unfinished = 0
    for turn in range(12):
        path = tmp_path / f"{turn}.sqlite3"
        with child(migrate, path) as started:
            started.recv()
            started.poll(chance.uniform(0, 0.05))
        ((_, made),) = query(path, "SELECT '', count(*) FROM sqlite_schema")
        ((_, version),) = query(path, "SELECT '', user_version FROM pragma_user_version")
        assert made == 2 * version
        unfinished += version < len(STEPS)
        assert upgrade(path, migrations=STEPS) == Upgrade(version, len(STEPS))
        assert check(path) == []
    assert unfinished
