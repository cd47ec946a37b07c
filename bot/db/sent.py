"""Up to when something was sent: in the database, and in a small file beside it.

A database that is put back from a copy knows nothing of what was sent after the copy was taken, and
would send it again. Two things tell that it was: a copy that ftbot took says so itself, and the
file beside the database, which is written before anything is sent, is ahead of one that was copied
by other means.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.db.copies import COPIED
from bot.db.database import Database, Transaction
from bot.errors import DatabaseError

_SENT: Final = "sent.until"
_SINCE, _UNTIL = "restored.since", "restored.until"
_KEYS: Final = (COPIED, _SENT, _SINCE, _UNTIL)
_NUMBERS: Final = "SELECT key, value FROM memory WHERE key IN (?, ?, ?, ?)"
_ENDING: Final = ".sent"
_STEP: Final = 1.0
"""Seconds for which what was noted once holds, and the least by which it grows."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What the database does not know: whatever was sent from `since` to `until`, UTC seconds."""

    since: float
    until: float


class Sending:
    """Notes that something is about to be sent. `clock` gives UTC seconds."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._clock = clock
        self._timer = timer
        self._noted = float("-inf")

    async def note(self) -> None:
        """Note it, in the database first; to be awaited before whatever goes out.

        Raises DatabaseError if it cannot be noted: then nothing may be sent.
        """
        if self._timer() - self._noted < _STEP:
            return
        async with self._database.write() as tx:
            known = await _number(tx, _SENT)
            # It grows even if the clock was set back, so that no earlier copy has the same.
            until = max(self._clock(), known or 0.0) + _STEP
            await _remember(tx, _SENT, until)
        await asyncio.to_thread(_write, _beside(self._database.path), until)
        self._noted = self._timer()


async def find_gap(database: Database, clock: Callable[[], float] = time.time) -> Gap | None:
    """Find out, before anything is sent, if the database was put back from a copy since last time.

    It is found until `close_gap`.
    """
    memory = _numbers(await database.read(_NUMBERS, _KEYS))
    told = await asyncio.to_thread(_read, _beside(database.path))
    copied, known = memory.get(COPIED), memory.get(_SENT, 0.0)
    if copied is None and (told is None or told <= known or await _is_new(database)):
        return None
    # Without the file nobody knows until when the lost database lived: at most until now.
    until = max(clock() if told is None else told, known)
    return Gap(min(known if copied is None else copied, until), until)


async def close_gap(tx: Transaction, gap: Gap) -> bool:
    """Note that what is in the gap is taken into account; False if another process did so."""
    copied = await tx.execute("DELETE FROM memory WHERE key = ?", (COPIED,))
    known = await _number(tx, _SENT)
    if not copied and known is not None and known >= gap.until:
        return False
    for key, value in ((_SENT, gap.until), (_SINCE, gap.since), (_UNTIL, gap.until)):
        await _remember(tx, key, value)
    return True


async def last_gap(tx: Transaction) -> Gap | None:
    """Return the gap that was closed last, None if the database was never put back from a copy."""
    memory = _numbers(await tx.execute_fetchall(_NUMBERS, _KEYS))
    return Gap(memory[_SINCE], memory[_UNTIL]) if _UNTIL in memory else None


def restored_until(database: Database) -> float | None:
    """Return the end of that gap, at once."""
    row = database.glance("SELECT value FROM memory WHERE key = ?", (_UNTIL,))
    return float(str(row[0])) if row else None


async def _is_new(database: Database) -> bool:
    """Tell whether nothing was ever remembered: the file beside belonged to one that is gone."""
    return not await database.read("SELECT 1 FROM memory LIMIT 1")


def _numbers(rows: Iterable[sqlite3.Row]) -> dict[str, float]:
    return {row["key"]: float(row["value"]) for row in rows}


def _beside(path: Path) -> Path:
    return path.with_name(path.name + _ENDING)


def _read(path: Path) -> float | None:
    try:
        return float(path.read_text(encoding="ascii")[:40])
    except (FileNotFoundError, ValueError):  # it may be empty after a power cut
        return None
    except OSError as error:
        raise _unusable(path, error) from error


def _write(path: Path, until: float) -> None:
    new = path.with_name(f"{path.name}.new")
    try:
        new.write_text(f"{until!r}\n", encoding="ascii")
        new.replace(path)
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> DatabaseError:
    return DatabaseError(
        f"The file {path} cannot be read or written: {error.strerror}.",
        "Give the user who runs ftbot the right to write it, and make room on the disk.",
    )


async def _number(tx: Transaction, key: str) -> float | None:
    rows = await tx.execute_fetchall("SELECT value FROM memory WHERE key = ?", (key,))
    return float(rows[0]["value"]) if rows else None


async def _remember(tx: Transaction, key: str, value: float) -> None:
    await tx.execute(
        "INSERT INTO memory (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, repr(value)),
    )
