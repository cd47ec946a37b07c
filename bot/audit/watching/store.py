"""The tables `audit_watch`, `audit_blocker` and `audit_note`, and when audits are judged again.

A note is one message; its columns say how far it is.

    waiting   first_try NULL     not tried yet
    begun     first_try set      a try may have sent it
    sent      message set
    dropped   dropped set        why it will never be sent

`due` is when something is to be done about it, NULL if nothing is. All times are UTC seconds.
"""

import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from bot.audit.store import Packed, insert
from bot.audit.watching.model import Note, Watch
from bot.audit.watching.rules import LONGEST_WATCH
from bot.compat.model import Target
from bot.db import Database, Transaction
from bot.language import dumps
from bot.messages import COMPONENT_IDS, LONGEST_WAIT, Destination, Place, Waiting, identity

# A page that the index has changed since is worth another look, but not at every file of a release.
_DUE: Final = (
    "SELECT id FROM audit WHERE EXISTS (SELECT 1 FROM audit_watch WHERE audit = audit.id)"
    " AND (due <= ?1 OR looked <= ?2 AND EXISTS (SELECT 1 FROM audit_blocker"
    " JOIN project ON project.name = audit_blocker.project WHERE audit_blocker.audit = audit.id"
    " AND max(coalesce(project.serial, 0), coalesce(wanted_serial, 0)) > audit_blocker.serial))"
    " ORDER BY looked, id"
)


class WatchStore:
    """Who waits for which audit, and the outbox of what they are told.

    `queued` is called when there is something new to send.
    """

    def __init__(self, database: Database, queued: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._queued = queued

    # People

    async def watch(self, audit: int, user: int, now: float, *, most: int) -> bool:
        """Note that a member waits for an audit, which is soon judged again.

        Returns False and notes nothing if the member waits for `most` others already.
        """
        async with self._database.write() as tx:
            rows = await tx.execute_fetchall(
                "SELECT count(*) AS others FROM audit_watch WHERE user = ? AND audit <> ?",
                (user, audit),
            )
            if rows[0]["others"] >= most:
                return False
            await tx.execute(
                "INSERT INTO audit_watch (audit, user, since) VALUES (?, ?, ?)"
                " ON CONFLICT (audit, user) DO NOTHING",
                (audit, user, now),
            )
        return True

    async def unwatch(self, audit: int, user: int) -> bool:
        """Forget that a member waits for an audit. Returns whether that was so."""
        async with self._database.write() as tx:
            deleted = await tx.execute(
                "DELETE FROM audit_watch WHERE audit = ? AND user = ?", (audit, user)
            )
        return deleted > 0

    async def watches(self, user: int) -> list[Watch]:
        """Return what a member waits for, the newest first."""
        rows = await self._database.read(
            "SELECT audit, source, python, platform, since FROM audit_watch"
            " JOIN audit ON audit.id = audit_watch.audit WHERE user = ? ORDER BY since DESC, audit",
            (user,),
        )
        return [_watch(row) for row in rows]

    async def told(self, audit: int, user: int) -> bool:
        """Return whether a member was told of an audit, or soon is."""
        rows = await self._database.read(
            "SELECT 1 FROM audit_note WHERE watched = ? AND user = ?", (audit, user)
        )
        return bool(rows)

    async def expire(self, before: float) -> int:
        """Forget who waits since before a time, and return how many that were."""
        async with self._database.write() as tx:
            return await tx.execute("DELETE FROM audit_watch WHERE since < ?", (before,))

    async def stored(self, user: int) -> tuple[int, int]:
        """Return how many audits a member waits for, and how many messages tell of one."""
        rows = await self._database.read(
            "SELECT (SELECT count(*) FROM audit_watch WHERE user = ?1) AS watches,"
            " (SELECT count(*) FROM audit_note WHERE user = ?1) AS notes",
            (user,),
        )
        return rows[0]["watches"], rows[0]["notes"]

    async def forget(self, tx: Transaction, user: int) -> tuple[int, int]:
        """Delete all of it, and return the same numbers."""
        watches = await tx.execute("DELETE FROM audit_watch WHERE user = ?", (user,))
        return watches, await tx.execute("DELETE FROM audit_note WHERE user = ?", (user,))

    # Audits

    async def due(self, now: float, changed_after: float) -> list[int]:
        """Return the audits to judge again that somebody waits for.

        Those are audits whose time has come, and where the page of a blocker has changed, if they
        were not judged since `changed_after`.
        """
        rows = await self._database.read(_DUE, (now, changed_after))
        return [row["id"] for row in rows]

    async def put_off(self, audit: int, now: float, due: float) -> None:
        """Note that an audit could not be judged, and try again when it is `due`."""
        async with self._database.write() as tx:
            await _looked(tx, audit, now, due)

    async def still(self, audit: int, blockers: Iterable[str], now: float, due: float) -> None:
        """Note what is in the way of an audit, by the pages as they are stored."""
        async with self._database.write() as tx:
            await _looked(tx, audit, now, due)
            await tx.execute("DELETE FROM audit_blocker WHERE audit = ?", (audit,))
            await tx.executemany(
                "INSERT INTO audit_blocker (audit, project, serial) SELECT ?1, ?2,"
                " coalesce((SELECT serial FROM project WHERE name = ?2), 0)",
                [(audit, project) for project in blockers],
            )

    async def fallen(self, audit: int, found: Packed, now: float) -> int:
        """Let all who wait for an audit be told what was `found`, and wait no more.

        Returns how many are told: whoever was told before is not.
        """
        async with self._database.write() as tx:
            number = await insert(tx, found, now)
            told = await tx.execute(
                "INSERT INTO audit_note (watched, audit, user, made)"
                " SELECT audit, ?, user, ? FROM audit_watch WHERE audit = ? ORDER BY user"
                " ON CONFLICT (watched, user) DO NOTHING",
                (number, now, audit),
            )
            await tx.execute("DELETE FROM audit_watch WHERE audit = ?", (audit,))
            await tx.execute("DELETE FROM audit_blocker WHERE audit = ?", (audit,))
            if not told:
                await tx.execute("DELETE FROM audit WHERE id = ?", (number,))
            tx.on_commit(self._queued)
        return told

    # The outbox

    async def notes(self, now: float, limit: int) -> list[Note]:
        """Return messages that are due, the oldest first."""
        rows = await self._database.read(
            "SELECT * FROM audit_note WHERE dropped IS NULL AND (due <= ? OR due > ?)"
            " ORDER BY id LIMIT ?",
            (now, now + LONGEST_WAIT, limit),
        )
        return [_note(row) for row in rows]

    async def begin(self, note: Note, now: float) -> None:
        """Note that a message is being sent."""
        await self._set(
            note, "first_try = coalesce(first_try, ?), attempts = ?", now, note.attempts
        )

    async def sent(self, note: Note, place: Place) -> None:
        """Note where a message is."""
        await self._set(note, "due = NULL, channel = ?, message = ?", place.channel, place.message)

    async def postpone(self, note: Note, due: float, *, doubtful: bool) -> None:
        """Try again when it is `due`. Unless `doubtful`, this try did not send it."""
        await self._set(
            note,
            "due = ?, attempts = ?, first_try = CASE WHEN ? THEN first_try END",
            due,
            note.attempts,
            doubtful or note.doubtful is not None,
        )

    async def drop(self, note: Note, reason: str) -> None:
        """Give a message up."""
        await self._set(note, "due = NULL, dropped = ?", dumps(reason))

    async def doubt(self, tx: Transaction, since: float) -> None:
        """Look for each message before it is sent: a database that is lost may have sent it."""
        await tx.execute(
            "UPDATE audit_note SET first_try = coalesce(first_try, ?) WHERE due IS NOT NULL",
            (since,),
        )

    async def waiting(self) -> Waiting:
        """Count what is to be sent."""
        rows = await self._database.read(
            "SELECT count(*) AS waiting, coalesce(sum(attempts > 0), 0) AS failing"
            " FROM audit_note WHERE due IS NOT NULL"
        )
        return Waiting(rows[0]["waiting"], rows[0]["failing"])

    async def _set(self, note: Note, columns: str, *values: str | float) -> None:
        async with self._database.write() as tx:
            await tx.execute(
                f"UPDATE audit_note SET {columns} WHERE id = ?",  # noqa: S608 - written above
                (*values, note.id),
            )


async def _looked(tx: Transaction, audit: int, now: float, due: float) -> None:
    await tx.execute("UPDATE audit SET looked = ?, due = ? WHERE id = ?", (now, due, audit))


def _watch(row: sqlite3.Row) -> Watch:
    since = datetime.fromtimestamp(row["since"], UTC)
    target = Target(row["python"], row["platform"])
    return Watch(row["audit"], row["source"], target, since + LONGEST_WATCH)


def _note(row: sqlite3.Row) -> Note:
    destination = Destination("user", row["user"])
    nonce, marker = identity(row["id"], destination, f"audit {row['audit']}")
    return Note(
        id=row["id"],
        watched=row["watched"],
        audit=row["audit"],
        destination=destination,
        made=row["made"],
        nonce=nonce,
        marker=marker & COMPONENT_IDS,
        attempts=row["attempts"] + 1,
        doubtful=row["first_try"],
    )
