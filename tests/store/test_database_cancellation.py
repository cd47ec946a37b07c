"""A cancelled writer leaves no half row and is in nobody's way, wherever it was cancelled."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bot.db import Database, check

ROWS = 4
"""Rows of a batch: what one transaction inserts."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ftbot.sqlite3"


async def insert(db: Database, batch: str) -> None:
    async with db.write() as tx:
        for row in range(ROWS // 2):
            await tx.execute("INSERT INTO memory VALUES (?, ?)", (f"{batch}.{row}", batch))
        await tx.executemany(
            "INSERT INTO memory VALUES (?, ?)",
            [(f"{batch}.{row}", batch) for row in range(ROWS // 2, ROWS)],
        )


async def batches(db: Database) -> dict[str, int]:
    """Return how many rows each batch has."""
    rows = await db.read("SELECT value, count(*) FROM memory GROUP BY value")
    return {row[0]: row[1] for row in rows}


class Stall:
    """Stops the writing connection's thread where it begins the statement `verb`."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._loop = asyncio.get_running_loop()
        self._go = threading.Event()
        self.reached = asyncio.Event()

    def trace(self, sql: str) -> None:
        if sql.startswith(self._verb) and not self._go.is_set():
            self._loop.call_soon_threadsafe(self.reached.set)
            self._go.wait(timeout=10)

    def end(self) -> None:
        self._go.set()


@asynccontextmanager
async def stalled(db: Database, verb: str) -> AsyncIterator[Stall]:
    stall = Stall(verb)
    await db._writer.set_trace_callback(stall.trace)
    try:
        yield stall
    finally:
        stall.end()


async def fail(db: Database) -> None:
    async with db.write() as tx:
        await tx.execute("INSERT INTO memory VALUES ('a.0', 'a')")
        raise ZeroDivisionError


@pytest.mark.parametrize("cancellations", [1, 2, 3])
@pytest.mark.parametrize(
    ("verb", "kept"), [("BEGIN", {}), ("INSERT", {}), ("COMMIT", {"a": ROWS}), ("ROLLBACK", {})]
)
async def test_cancelled_while_the_thread_is_in_a_statement(
    path: Path, verb: str, kept: dict[str, int], cancellations: int
) -> None:
    async with Database.open(path) as db:
        async with stalled(db, verb) as stall:
            first = asyncio.create_task(fail(db) if verb == "ROLLBACK" else insert(db, "a"))
            await stall.reached.wait()
            second = asyncio.create_task(insert(db, "b"))
            for _ in range(cancellations):
                first.cancel()
                for _ in range(5):
                    await asyncio.sleep(0)
            stall.end()
            with pytest.raises(asyncio.CancelledError):
                await first
            async with asyncio.timeout(5):
                await second
        assert await batches(db) == kept | {"b": ROWS}
    assert check(path) == []


async def test_cancelled_while_waiting_for_its_turn(path: Path) -> None:
    async with Database.open(path) as db:
        async with db.write():
            waiting = asyncio.create_task(insert(db, "a"))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await insert(db, "b")
        assert await batches(db) == {"b": ROWS}


async def test_a_statement_left_running_by_its_block_is_not_kept(path: Path) -> None:
    """A task that outlives the block finds the transaction over, instead of committing alone."""

    async def scatter(db: Database) -> None:
        async with db.write() as tx:

            async def late() -> None:
                await asyncio.sleep(0)
                await tx.execute("INSERT INTO memory VALUES ('late', 'late')")

            strays.append(asyncio.create_task(late()))
            raise ZeroDivisionError

    strays: list[asyncio.Task[None]] = []
    async with Database.open(path) as db:
        with pytest.raises(ZeroDivisionError):
            await scatter(db)
        with pytest.raises(RuntimeError, match="over"):
            await strays[0]
        assert await batches(db) == {}


@pytest.mark.parametrize("seed", range(4))
async def test_hundreds_of_random_cancellations(path: Path, seed: int) -> None:
    """Five writers at a time, most of them cancelled at a random moment, beside two readers."""
    chance = random.Random(seed)
    loop = asyncio.get_running_loop()
    done: set[str] = set()
    cancelled = 0
    finished = False

    async def write(db: Database, batch: str) -> None:
        await insert(db, batch)
        done.add(batch)

    async def watch(db: Database) -> None:
        while not finished:
            before = set(done)
            seen = await batches(db)
            assert set(seen.values()) <= {ROWS}
            assert before <= seen.keys()

    async with Database.open(path) as db:
        readers = [asyncio.create_task(watch(db)) for _ in range(2)]
        for turn in range(40):
            writers = [asyncio.create_task(write(db, f"{turn}.{n}")) for n in range(5)]
            for writer in writers:
                for _ in range(chance.choice([0, 1, 1, 1, 2])):
                    loop.call_later(chance.uniform(0, 0.003), writer.cancel)
            async with asyncio.timeout(10):
                for writer in writers:
                    with suppress(asyncio.CancelledError):
                        await writer
            cancelled += sum(writer.cancelled() for writer in writers)
            async with asyncio.timeout(1):
                await write(db, f"{turn}.next")
        finished = True
        await asyncio.gather(*readers)
        kept = await batches(db)
    assert set(kept.values()) == {ROWS}
    assert done <= kept.keys()
    assert cancelled > 40
    assert check(path) == []
