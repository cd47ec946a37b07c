"""One SQLite file: one connection that writes, one that reads, each with a thread of its own.

A third one, on the event loop, reads single small rows by their key.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Self

import aiosqlite

from bot.db.faults import explained
from bot.db.glances import Glances, Row, Value
from bot.db.schema import BUSY_TIMEOUT, RELAXED, Migration, connect, upgrade


class Transaction:
    """The writing connection for as long as `Database.write` lends it; RuntimeError afterwards."""

    __slots__ = ("_connection", "_then")

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection: aiosqlite.Connection | None = connection
        self._then: dict[Callable[[], None], None] = {}

    def on_commit(self, call: Callable[[], None]) -> None:
        """Let `call` be called once when all of this has taken effect, and not if it doesn't."""
        self._then[call] = None

    async def execute(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """Run one statement and return how many rows it changed."""
        cursor = await self._lent.execute(sql, parameters)
        return cursor.rowcount

    async def executemany(self, sql: str, rows: Iterable[Sequence[Value]]) -> int:
        """Run one statement for each of `rows` in one go: 20 times faster than one by one.

        Returns how many rows it changed. `rows` is read in the connection's thread.
        """
        cursor = await self._lent.executemany(sql, rows)
        return cursor.rowcount

    async def execute_fetchall(
        self, sql: str, parameters: Sequence[Value] = ()
    ) -> list[sqlite3.Row]:
        """Run a SELECT, or a statement with RETURNING, and return its rows."""
        return list(await self._lent.execute_fetchall(sql, parameters))

    def close(self) -> None:
        """Take the connection back: a statement that comes later would commit by itself."""
        self._connection = None

    def committed(self) -> None:
        """Call what waits for that."""
        for call in self._then:
            call()

    @property
    def _lent(self) -> aiosqlite.Connection:
        if self._connection is None:
            raise RuntimeError("the transaction is over")
        return self._connection


class Database:
    """ftbot's SQLite file, made by `Database.open`.

    A file that is locked, full, damaged or read-only raises DatabaseError from every method;
    sqlite3's exceptions come through only for wrong SQL and broken constraints.
    """

    def __init__(
        self,
        path: Path,
        writer: aiosqlite.Connection,
        reader: aiosqlite.Connection,
        glances: Glances,
    ) -> None:
        self.path = path
        self._glances = glances
        self._writer = writer
        self._reader = reader
        self._turn = asyncio.Lock()
        self._writing: asyncio.Task[object] | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path,
        *,
        busy_timeout: float = BUSY_TIMEOUT,
        migrations: Sequence[Migration] | None = None,
    ) -> AsyncIterator[Self]:
        """Open the file, made or upgraded if need be; close it at the end of the block.

        `busy_timeout` is how many seconds to wait for locks of other processes. DatabaseError if
        the file cannot be used.
        """
        await asyncio.to_thread(upgrade, path, busy_timeout=busy_timeout, migrations=migrations)
        async with AsyncExitStack() as stack:
            with explained(path):
                writer = await stack.enter_async_context(_connection(path, busy_timeout))
                await writer.execute("PRAGMA foreign_keys = ON")
                await writer.execute(RELAXED)
                # What is deleted or changed is overwritten, so that people who are to be forgotten
                # are not left in free pages. Some builds of SQLite do so by default.
                await writer.execute_fetchall("PRAGMA secure_delete = ON")
                reader = await stack.enter_async_context(_connection(path, busy_timeout))
                await reader.execute("PRAGMA query_only = ON")
                glancer = stack.enter_context(closing(connect(path, 0)))
                glancer.execute("PRAGMA query_only = ON")
            yield cls(path, writer, reader, Glances(glancer))

    async def read(self, sql: str, parameters: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """Return the rows of one SELECT, as of the last commit."""
        with explained(self.path):
            return list(await self._reader.execute_fetchall(sql, parameters))

    def glance(self, sql: str, parameters: tuple[Value, ...] = ()) -> Row:
        """Return the only row of a SELECT by primary key, of small columns, as of the last commit.

        Of commits to the file that are not this object's it may miss the last `glances.AGE`
        seconds. It runs on the event loop itself: some 10 µs, or 1 if nothing has changed since it
        was asked last, where a thread's answer takes 50 to 150. WAL lets it wait for no writer.
        Anything that takes longer is for `read`.
        """
        with explained(self.path):
            return self._glances.row(sql, parameters)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Begin a transaction: the block's statements take effect together at its end, or not.

        Writers take turns, so never wait for anything but the database inside: no network, no
        lock. An exception or a cancellation rolls everything back; a cancellation that arrives
        during the commit itself may find it done.
        """
        if self._writing is not None and self._writing is asyncio.current_task():
            raise RuntimeError("write() inside of write() would wait for itself")
        with explained(self.path):
            async with self._turn:
                transaction = Transaction(self._writer)
                self._writing = asyncio.current_task()
                # Cancelling an await does not stop its statement, which runs in the connection's
                # thread. But that thread has one queue, and a call is in it before its first
                # await: so this ROLLBACK follows whatever was cancelled, BEGIN and COMMIT too,
                # and precedes the next writer's BEGIN, even if it is cancelled itself.
                try:
                    await self._writer.execute("BEGIN IMMEDIATE")
                    yield transaction
                    transaction.close()
                    await self._writer.commit()
                    self._glances.changed()
                    transaction.committed()
                except BaseException:
                    transaction.close()
                    await self._writer.rollback()
                    raise
                finally:
                    self._writing = None


@asynccontextmanager
async def _connection(path: Path, busy_timeout: float) -> AsyncIterator[aiosqlite.Connection]:
    connection = aiosqlite.Connection(lambda: connect(path, busy_timeout), iter_chunk_size=64)
    async with connection:
        connection.row_factory = sqlite3.Row
        yield connection
