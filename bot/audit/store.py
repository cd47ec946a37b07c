"""The table `audit`: what was answered, and what the file said."""

import asyncio
import json
import secrets
import sqlite3
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

from bot.audit.model import Audit, Kept, Manifest
from bot.audit.watching.rules import KEPT, MOST_KEPT
from bot.db import Database, Transaction

_COMPRESSION: Final = 3  # 10,000 packages take 50 ms and 200 kB; higher levels gain little

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Packed:
    """An audit and the manifest it is of, ready to be stored."""

    audit: Audit
    answer: bytes
    manifest: bytes


class AuditStore:
    """Audits by their number. Times are UTC seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, packed: Packed, owner: int, now: float) -> int:
        """Keep an audit that a member asked for, in place of the oldest if there are too many."""
        async with self._database.write() as tx:
            number = await insert(tx, packed, now, owner)
            await tx.execute(
                "DELETE FROM audit WHERE id IN (SELECT id FROM audit_spare WHERE id IN"
                " (SELECT id FROM audit WHERE owner = ?"
                " ORDER BY made DESC, id = ? DESC LIMIT -1 OFFSET ?))",
                (owner, number, MOST_KEPT),
            )
        return number

    async def get(self, audit: int) -> Kept | None:
        """Return an audit, None if it is not kept any more."""
        rows = await self._database.read(
            "SELECT id, made, answer FROM audit WHERE id = ?", (audit,)
        )
        return await asyncio.to_thread(_kept, rows[0]) if rows else None

    async def manifest(self, audit: int) -> Manifest | None:
        """Return what the file of an audit says."""
        rows = await self._database.read("SELECT manifest FROM audit WHERE id = ?", (audit,))
        return await asyncio.to_thread(_unpack, rows[0]["manifest"], Manifest) if rows else None

    async def prune(self, now: float) -> int:
        """Delete what was kept long enough, and return how many audits that were."""
        async with self._database.write() as tx:
            return await tx.execute(
                "DELETE FROM audit WHERE id IN (SELECT id FROM audit_spare WHERE made < ?)",
                (now - KEPT.total_seconds(),),
            )

    async def stored(self, user: int) -> int:
        """Return how many audits are kept of a member."""
        rows = await self._database.read(
            "SELECT count(*) AS audits FROM audit WHERE owner = ?", (user,)
        )
        return int(rows[0]["audits"])

    async def forget(self, tx: Transaction, user: int) -> int:
        """Delete a member's audits, and return how many there were.

        What others wait for stays, without the member's number: so forget the member's own watches
        first.
        """
        deleted = await tx.execute(
            "DELETE FROM audit WHERE id IN (SELECT id FROM audit_spare WHERE owner = ?)", (user,)
        )
        return deleted + await tx.execute("UPDATE audit SET owner = NULL WHERE owner = ?", (user,))


def pack(audit: Audit, manifest: Manifest) -> Packed:
    """Make of an audit what is stored of it. Takes a tenth of a second for 10,000 packages."""
    return Packed(audit, _pack(audit), _pack(manifest))


async def insert(tx: Transaction, packed: Packed, now: float, owner: int | None = None) -> int:
    """Store an audit, and return its number."""
    number = secrets.randbits(62)
    audit = packed.audit
    await tx.execute(
        "INSERT INTO audit (id, owner, made, source, python, platform, answer, manifest)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            owner,
            now,
            audit.source.encode(errors="replace").decode(),
            audit.target.python,
            audit.target.platform,
            packed.answer,
            packed.manifest,
        ),
    )
    return number


def _kept(row: sqlite3.Row) -> Kept:
    made = datetime.fromtimestamp(row["made"], UTC)
    return Kept(row["id"], made, _unpack(row["answer"], Audit))


def _pack(value: Any) -> bytes:  # noqa: ANN401 - any dataclass
    # Not msgspec's own JSON, which has no way to write half of a surrogate pair: files have them.
    text = json.dumps(msgspec.to_builtins(value), separators=(",", ":"))
    return zlib.compress(text.encode(), _COMPRESSION)


def _unpack(body: bytes, shape: type[Value]) -> Value:
    return msgspec.convert(json.loads(zlib.decompress(body)), shape)
