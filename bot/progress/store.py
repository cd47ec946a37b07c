"""The table `progress`, and what of all projects is read to judge them."""

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Final

import msgspec

from bot.db import Database, Value
from bot.index.model import Project
from bot.index.store import DocumentStore, StoredDocument, read_project
from bot.progress.model import Among, Counts, Day, Judged, Series, Standing
from bot.progress.rules import is_complete
from bot.xray.model import ModuleVerdict
from bot.xray.store import READER

AT_ONCE: Final = 50
"""Projects that are in memory together."""
_STANDING: Final = "progress"
_STANDINGS = msgspec.json.Decoder(Standing)


class ProgressStore:
    """The history by day in `progress`, and how things stand as a document."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._documents = DocumentStore(database)

    async def standing(self) -> Standing | None:
        """Return how things stood when they were last looked at; what cannot be read is none."""
        stored = await self._documents.get(_STANDING)
        try:
            return _STANDINGS.decode(stored.body) if stored else None
        except msgspec.MsgspecError:  # of another version of ftbot
            return None

    async def put(self, judged: Judged) -> None:
        """Store how things stand, the day where enough is known, and the past before the record."""
        standing = judged.standing
        async with self._database.write() as tx:
            await tx.execute("DELETE FROM progress WHERE derived")
            await tx.executemany(_INSERT, _today(standing))
            rows = await tx.execute_fetchall(
                "SELECT among, min(day) AS day FROM progress WHERE NOT derived GROUP BY among"
            )
            since = {row["among"]: date.fromisoformat(row["day"]) for row in rows}
            await tx.executemany(_INSERT, _past(judged.derived, since))
        body = msgspec.json.encode(standing)
        await self._documents.put(_STANDING, StoredDocument(body, None, standing.as_of))

    async def history(self, among: Among, platform: str | None = None) -> tuple[Series, ...]:
        """Return what became of all targets, or of those on a platform."""
        rows = await self._database.read(
            "SELECT * FROM progress WHERE among = ?1 AND platform = coalesce(?2, platform)"
            " ORDER BY platform, python, day",
            (among.size, platform),
        )
        return await asyncio.to_thread(_series, among, rows)


_INSERT: Final = (
    "INSERT OR REPLACE INTO progress (among, python, platform, day, projects, ready, binaries,"
    " binaries_ready, derived) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _today(standing: Standing) -> Iterator[Sequence[Value]]:
    """Yield the rows of the day; where much is unknown, none."""
    for among in Among:
        if is_complete(standing, among):
            for each in standing.targets:
                today = Day(standing.as_of.date(), each.counts[among])
                yield _row(among, each.python, each.platform, today)


def _past(derived: Iterable[Series], since: Mapping[int, date]) -> Iterator[Sequence[Value]]:
    """Yield the rows of the time before the record, which began `since`."""
    for each in derived:
        begin = since.get(each.among.size, date.max)
        for day in each.days:
            if day.day < begin:
                yield _row(each.among, each.python, each.platform, day)


def _row(among: Among, python: str, platform: str, day: Day) -> Sequence[Value]:
    counts = day.counts
    return (
        among.size,
        python,
        platform,
        day.day.isoformat(),
        counts.projects,
        counts.ready,
        counts.binaries,
        counts.binaries_ready,
        day.derived,
    )


def _series(among: Among, rows: Iterable[sqlite3.Row]) -> tuple[Series, ...]:
    days: dict[tuple[str, str], list[Day]] = {}
    for row in rows:
        days.setdefault((row["python"], row["platform"]), []).append(_day(row))
    return tuple(Series(among, *target, tuple(each)) for target, each in days.items())


def _day(row: sqlite3.Row) -> Day:
    counts = Counts(row["projects"], row["ready"], row["binaries"], row["binaries_ready"])
    return Day(date.fromisoformat(row["day"]), counts, bool(row["derived"]))


def declared(connection: sqlite3.Connection) -> dict[str, ModuleVerdict]:
    """Return what wheels declare that were read, by file name."""
    rows = connection.execute(
        "SELECT file, verdict FROM xray_wheel WHERE reader = ? AND reason IS NULL", (READER,)
    )
    return {file: ModuleVerdict(verdict) for file, verdict in rows}


def cached(connection: sqlite3.Connection, names: Iterable[str]) -> Iterator[Project]:
    """Yield those of `names` that are cached, in their order, without metadata.

    Some at a time are read and in memory. A row that cannot be read counts as none.
    """
    connection.row_factory = sqlite3.Row
    left = iter(names)
    while some := list(islice(left, AT_ONCE)):
        marks = ", ".join("?" * len(some))
        rows = connection.execute(
            "SELECT name, display_name, status, serial, etag, fetched, document, wanted_serial,"  # noqa: S608 - marks alone
            " NULL AS metadata_version"
            f" FROM project WHERE name IN ({marks})",
            some,
        )
        found = {row["name"]: row for row in rows}
        for name in some:
            if (row := found.get(name)) and (project := _project(row)):
                yield project


def _project(row: sqlite3.Row) -> Project | None:
    try:
        return read_project(row)
    except (msgspec.MsgspecError, ValueError):
        return None
