"""The tables of what was read of wheels, and of what is to be read."""

import asyncio
import json
import logging
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec

from bot.db import Database
from bot.xray.model import Gil, ModuleVerdict, WheelReading

log = logging.getLogger(__name__)

READER: Final = 1
"""Which rules read wheels; to be raised when other verdicts may come of them."""
MOST_WANTED: Final = 20_000
_KEPT: Final = 64
_LONGEST: Final = 16 << 20
"""Bytes of a stored reading, unpacked."""

_SHORT: Final = (
    "SELECT json_group_array(json_array(file, verdict, modules, re_enabling, reason))"
    " FROM json_each(?1) JOIN xray_wheel ON file = value AND reader = ?2"
)
_ROWS: Final = msgspec.json.Decoder(list[tuple[str, ModuleVerdict, int, str, str | None]])
_NAMES: Final = msgspec.json.Decoder(tuple[str, ...])
_READING: Final = msgspec.json.Decoder(WheelReading)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A wheel to read. The lowest priority is first; `attempts` counts those that failed."""

    file: str
    project: str
    priority: int
    attempts: int = 0


class XrayStore:
    """What was read, by the wheel's hash and by its name, and the queue. Times are UTC seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[tuple[str, ...], tuple[str, Mapping[str, Gil]]] = {}

    def glance(self, files: tuple[str, ...]) -> Mapping[str, Gil]:
        """Return what is known of some wheels, in one look; the same object while it is the same.

        It is for the wheels of an answer, 24 at most.
        """
        row = self._database.glance(_SHORT, (_listed(files), READER))
        text = str(row[0]) if row else "[]"
        kept = self._kept.pop(files, None)
        if kept is None or kept[0] != text:
            kept = text, _gils(text)
        self._kept[files] = kept
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return kept[1]

    async def known(self, files: Collection[str]) -> Mapping[str, Gil]:
        """Return what is known of any number of wheels."""
        rows = await self._database.read(_SHORT, (json.dumps(list(files)), READER))
        return await asyncio.to_thread(_gils, rows[0][0])

    async def reading(self, file: str) -> WheelReading | None:
        """Return all that was read of a wheel."""
        rows = await self._database.read(
            "SELECT document FROM xray_wheel JOIN xray_reading USING (sha256, reader)"
            " WHERE file = ? AND reader = ?",
            (file, READER),
        )
        return _reading(rows[0]["document"], file) if rows else None

    async def reading_of(self, sha256: str, file: str) -> WheelReading | None:
        """Return what was read of the wheel that has this hash, by whatever name; note the name."""
        rows = await self._database.read(
            "SELECT document FROM xray_reading WHERE sha256 = ? AND reader = ?", (sha256, READER)
        )
        reading = _reading(rows[0]["document"], file) if rows else None
        if reading:
            async with self._database.write() as tx:
                await tx.execute(*_put_short(reading, sha256))
                await tx.execute("DELETE FROM xray_wanted WHERE file = ?", (file,))
        return reading

    async def put(
        self, reading: WheelReading, sha256: str | None, *, whole: bool, moment: datetime
    ) -> None:
        """Store a reading, for ever if it has a hash, and want the wheel no more."""
        document = await asyncio.to_thread(_encoded, reading)
        async with self._database.write() as tx:
            if sha256:
                await tx.execute(
                    "INSERT INTO xray_reading (sha256, reader, made, whole, document)"
                    " VALUES (?, ?, ?, ?, ?) ON CONFLICT (sha256, reader) DO UPDATE SET"
                    " made = excluded.made, whole = excluded.whole, document = excluded.document",
                    (sha256, READER, moment.isoformat(), whole, document),
                )
                await tx.execute("DELETE FROM xray_wanted WHERE file = ?", (reading.wheel,))
            await tx.execute(*_put_short(reading, sha256))

    async def want(self, wanted: Iterable[Wanted], now: float) -> None:
        """Queue wheels that are not known; what waits already waits with the better priority."""
        async with self._database.write() as tx:
            await tx.executemany(
                "INSERT INTO xray_wanted (file, project, priority, due) SELECT ?1, ?2, ?3, ?4"
                " WHERE NOT EXISTS (SELECT 1 FROM xray_wheel"
                "  WHERE file = ?1 AND reader = ?5 AND sha256 IS NOT NULL)"
                " AND (SELECT count(*) FROM xray_wanted) < ?6"
                " ON CONFLICT (file) DO UPDATE SET priority = min(priority, excluded.priority)",
                [(w.file, w.project, w.priority, now, READER, MOST_WANTED) for w in wanted],
            )

    async def due(self, now: float, worst: int) -> Wanted | None:
        """Return what to read next, of that priority or a better one."""
        rows = await self._database.read(
            "SELECT file, project, priority, attempts FROM xray_wanted"
            " WHERE due <= ? AND priority <= ? ORDER BY priority, due LIMIT 1",
            (now, worst),
        )
        return Wanted(*rows[0]) if rows else None

    async def wanted_of(self, project: str) -> set[str]:
        """Return the wheels of a project that wait to be read."""
        rows = await self._database.read(
            "SELECT file FROM xray_wanted WHERE project = ?", (project,)
        )
        return {row["file"] for row in rows}

    async def postpone(self, file: str, due: float, *, failed: bool) -> None:
        """Let a wheel wait until it is due."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE xray_wanted SET due = ?, attempts = attempts + ? WHERE file = ?",
                (due, failed, file),
            )

    async def give_up(self, file: str) -> None:
        """Want a wheel no more."""
        async with self._database.write() as tx:
            await tx.execute("DELETE FROM xray_wanted WHERE file = ?", (file,))

    async def count(self) -> int:
        """Return how many wheels were read as a whole."""
        rows = await self._database.read(
            "SELECT count(*) FROM xray_wheel WHERE reader = ? AND sha256 IS NOT NULL", (READER,)
        )
        return int(rows[0][0])

    async def waiting(self) -> int:
        """Return how many wheels wait to be read."""
        rows = await self._database.read("SELECT count(*) FROM xray_wanted")
        return int(rows[0][0])

    def state(self, day: str) -> tuple[int, int]:
        """Return how many wheels wait, and how many bytes were fetched on a day, in one look."""
        row = self._database.glance(
            "SELECT (SELECT count(*) FROM xray_wanted), (SELECT bytes FROM xray_day WHERE day = ?)",
            (day,),
        )
        waiting, fetched = row or (0, 0)
        return int(waiting or 0), int(fetched or 0)

    async def spent(self, day: str) -> int:
        """Return how many bytes were fetched on a day."""
        rows = await self._database.read("SELECT bytes FROM xray_day WHERE day = ?", (day,))
        return int(rows[0]["bytes"]) if rows else 0

    async def spend(self, day: str, count: int) -> None:
        """Note that bytes were fetched on a day; other days are forgotten."""
        async with self._database.write() as tx:
            await tx.execute("DELETE FROM xray_day WHERE day < ?", (day,))
            await tx.execute(
                "INSERT INTO xray_day (day, bytes) VALUES (?, ?)"
                " ON CONFLICT (day) DO UPDATE SET bytes = bytes + excluded.bytes",
                (day, count),
            )


def _put_short(
    reading: WheelReading, sha256: str | None
) -> tuple[str, tuple[str | int | None, ...]]:
    """Return the statement that notes a wheel's verdict; what was read before is not unsaid."""
    sql = (
        "INSERT INTO xray_wheel (file, reader, sha256, verdict, modules, re_enabling, reason)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (file, reader) DO UPDATE SET"
        " sha256 = excluded.sha256, verdict = excluded.verdict, modules = excluded.modules,"
        " re_enabling = excluded.re_enabling, reason = excluded.reason"
        " WHERE excluded.sha256 IS NOT NULL OR xray_wheel.sha256 IS NULL"
    )
    names = json.dumps(reading.re_enabling)
    row = (reading.wheel, READER, sha256, str(reading.verdict), len(reading.modules), names)
    return sql, (*row, reading.reason)


@lru_cache(maxsize=_KEPT)
def _listed(files: tuple[str, ...]) -> str:
    return json.dumps(files)


def _gils(text: str) -> Mapping[str, Gil]:
    return {
        file: Gil(verdict, file, modules, _NAMES.decode(names), reason)
        for file, verdict, modules, names, reason in _ROWS.decode(text)
    }


def _encoded(reading: WheelReading) -> bytes:
    return zlib.compress(msgspec.json.encode(reading))


def _reading(document: bytes, file: str) -> WheelReading | None:
    """Read what is stored, as that of a file of this name; what is damaged counts as nothing."""
    try:
        content = zlib.decompressobj().decompress(document, _LONGEST)
        return replace(_READING.decode(content), wheel=file)
    except (zlib.error, msgspec.MsgspecError) as error:
        log.warning("What was read of %s is damaged and will be read anew: %s", file, error)
        return None
