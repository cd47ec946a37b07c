"""The tables `known_issue` and `known_repository`: other people's issues, as they are recognised.

An issue's text is not kept, only what it is compared by. Repositories count in lower case, as they
do on GitHub.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from bot.db import Database, Value
from bot.http import DOCUMENT_THREADS
from bot.reports.likeness.model import Known
from bot.reports.model import Kind

log = logging.getLogger(__name__)

_KNOWN = msgspec.json.Decoder(Known)


@dataclass(frozen=True, slots=True)
class Mirror:
    """How far a repository's issues are kept: up to those that were updated at `since`.

    `etag` belongs to the question for what was updated since then. `looked` is when GitHub was
    asked last, in UTC seconds (Unix), and `problem` why that was in vain.
    """

    since: datetime | None = None
    etag: str | None = None
    looked: float = 0.0
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An issue as it is kept."""

    number: int
    updated: datetime
    known: Known


class KnownStore:
    """Issues of repositories, and how far each repository was read.

    What is read is decoded in the threads of `decoder`: a thousand issues take some 20 ms.
    """

    def __init__(self, database: Database, decoder: Executor = DOCUMENT_THREADS) -> None:
        self._database = database
        self._decoder = decoder

    async def mirror(self, repository: str) -> Mirror:
        """Return how far a repository is kept; one that is not is kept from no time on."""
        rows = await self._database.read(
            "SELECT * FROM known_repository WHERE repository = ?", (repository.lower(),)
        )
        return _mirror(rows[0]) if rows else Mirror()

    async def set_mirror(self, repository: str, mirror: Mirror) -> None:
        """Note how far a repository is kept."""
        async with self._database.write() as tx:
            await tx.execute(
                "INSERT INTO known_repository (repository, since, etag, looked, problem)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (repository) DO UPDATE SET"
                " since = excluded.since, etag = excluded.etag, looked = excluded.looked,"
                " problem = excluded.problem",
                (
                    repository.lower(),
                    mirror.since.astimezone(UTC).isoformat() if mirror.since else None,
                    mirror.etag,
                    mirror.looked,
                    mirror.problem,
                ),
            )

    async def put(self, repository: str, entries: Iterable[Entry]) -> None:
        """Keep issues of a repository; one that is kept already in a newer form stays."""
        async with self._database.write() as tx:
            await tx.executemany(
                "INSERT INTO known_issue (repository, number, project, kind, updated, known)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (repository, number) DO UPDATE SET"
                " project = excluded.project, kind = excluded.kind, updated = excluded.updated,"
                " known = excluded.known WHERE excluded.updated >= known_issue.updated",
                [
                    (
                        repository.lower(),
                        entry.number,
                        entry.known.project,
                        entry.known.kind,
                        entry.updated.astimezone(UTC).isoformat(),
                        msgspec.json.encode(entry.known).decode(),
                    )
                    for entry in entries
                ],
            )

    async def drop(self, repository: str, numbers: Iterable[int]) -> None:
        """Keep some issues no longer."""
        async with self._database.write() as tx:
            await tx.executemany(
                "DELETE FROM known_issue WHERE repository = ? AND number = ?",
                [(repository.lower(), number) for number in numbers],
            )

    async def of(self, repository: str) -> list[Known]:
        """Return a repository's issues, those updated last first."""
        return await self._known(
            "SELECT known FROM known_issue WHERE repository = ? ORDER BY updated DESC",
            (repository.lower(),),
        )

    async def about(self, project: str | None, kinds: Collection[Kind], limit: int) -> list[Known]:
        """Return issues of all repositories, those updated last first.

        With a project they are on that one or on none that is known; with kinds of one of those.
        """
        return await self._known(
            "SELECT known FROM known_issue WHERE (?1 IS NULL OR project IS NULL OR project = ?1)"
            " AND (?2 = '[]' OR kind IN (SELECT value FROM json_each(?2)))"
            " ORDER BY updated DESC LIMIT ?3",
            (project, _json(kinds), limit),
        )

    async def forget(self, before: float, but: Collection[str]) -> None:
        """Drop what is kept of repositories that were not asked for since, but for some."""
        async with self._database.write() as tx:
            rows = await tx.execute_fetchall(
                "DELETE FROM known_repository WHERE looked < ?"
                " AND repository NOT IN (SELECT value FROM json_each(?)) RETURNING repository",
                (before, _json(repository.lower() for repository in but)),
            )
            await tx.executemany(
                "DELETE FROM known_issue WHERE repository = ?", [(row[0],) for row in rows]
            )

    async def _known(self, sql: str, parameters: Sequence[Value]) -> list[Known]:
        rows = await self._database.read(sql, parameters)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._decoder, _decoded, rows)


def _decoded(rows: Iterable[sqlite3.Row]) -> list[Known]:
    """Decode rows; one that cannot be read, perhaps of another ftbot, counts as none."""
    known = []
    for row in rows:
        try:
            known.append(_KNOWN.decode(row["known"]))
        except msgspec.MsgspecError as error:
            log.warning("What is kept of an issue is damaged: %s", error)
    return known


def _json(values: Iterable[str]) -> str:
    return msgspec.json.encode(sorted(values)).decode()


def _mirror(row: sqlite3.Row) -> Mirror:
    return Mirror(
        since=datetime.fromisoformat(row["since"]) if row["since"] else None,
        etag=row["etag"],
        looked=row["looked"],
        problem=row["problem"],
    )
