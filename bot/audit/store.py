"""The table `audit`: what was answered, and what the file said."""

import asyncio
import json
import secrets
import sqlite3
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from bot.audit.model import Audit, Kept, Manifest, Package, Pinned, Problem, Wanted
from bot.audit.watching.rules import KEPT, MOST_KEPT
from bot.db import Database, Transaction
from bot.language import dumps, loads

_COMPRESSION: Final = 3  # 10,000 packages take 50 ms and 200 kB; higher levels gain little


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
        return await asyncio.to_thread(_manifest, rows[0]["manifest"]) if rows else None

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
    """Make of an audit what is stored of it. Takes half a second for 10,000 packages.

    What was read of wheels is not: more of them will be when the audit is looked at again.
    """
    return Packed(
        audit,
        _pack([replace(audit, packages=(), gil={}, unread=0)], audit.packages),
        _pack([replace(manifest, wanted=(), pinned=())], manifest.wanted, manifest.pinned),
    )


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
    (found,), packages = _unpack(row["answer"], Audit, Package)
    audit = replace(
        found,
        packages=tuple(replace(each, advice=loads(each.advice)) for each in packages),
        problems=_sayable(found.problems),
        conflict=None if found.conflict is None else loads(found.conflict),
    )
    return Kept(row["id"], datetime.fromtimestamp(row["made"], UTC), audit)


def _manifest(body: bytes) -> Manifest:
    (manifest,), wanted, pinned = _unpack(body, Manifest, Wanted, Pinned)
    found: Manifest = replace(
        manifest,
        wanted=tuple(wanted),
        pinned=tuple(pinned),
        problems=_sayable(manifest.problems),
    )
    return found


def _sayable(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(replace(each, text=loads(each.text)) for each in problems)


# JSON, a line for each value and an empty one after each kind of them: json holds the GIL as long
# as it is at one value. It is not msgspec's own JSON, which has no way to write half of a surrogate
# pair: files have them. What is to be said of it is stored so that any language can say it.


def _pack(*kinds: Iterable[Any]) -> bytes:
    lines = (
        line
        for kind in kinds
        for line in (*(json.dumps(msgspec.to_builtins(each, enc_hook=dumps)) for each in kind), "")
    )
    return zlib.compress("\n".join(lines).encode(), _COMPRESSION)


def _unpack(body: bytes, *shapes: type[Any]) -> list[list[Any]]:
    lines = iter(zlib.decompress(body).decode().split("\n"))
    return [
        [msgspec.convert(json.loads(line), shape) for line in iter(lambda: next(lines), "")]
        for shape in shapes
    ]
