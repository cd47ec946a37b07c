"""The table `report_post`. A row is one message; its columns say how far it is.

    waiting   first_try NULL     not tried yet
    begun     first_try set      a try may have sent it
    sent      message set        it shows `revision` of the report
    dropped   dropped set        why nothing more is done about it

`due` is when something is to be done about it, NULL if nothing is. A trigger makes cards due when
their report changes.
"""

import sqlite3
from collections.abc import Callable
from typing import Final

from bot.db import Database, Transaction
from bot.language import dumps
from bot.messages import COMPONENT_IDS, LONGEST_WAIT, Destination, Place, Waiting, identity
from bot.reports.posts.model import Post, Purpose

_DUE: Final = (
    "SELECT report_post.*, report.uid, report.revision AS current FROM report_post"
    " JOIN report ON report.id = report_post.report"
    " WHERE dropped IS NULL AND (due <= ? OR due > ?) ORDER BY report_post.id LIMIT ?"
)


class PostStore:
    """What is to be written about reports, and what was. Times are UTC seconds.

    `queued` is called when there is something new to write.
    """

    def __init__(self, database: Database, queued: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._queued = queued

    async def card(self, tx: Transaction, report: int, channel: int) -> None:
        """Let a channel show the report from now on, also where its card was deleted."""
        destination = Destination("channel", channel)
        await tx.execute(
            "DELETE FROM report_post WHERE report = ? AND purpose = ? AND destination = ?"
            " AND dropped IS NOT NULL",
            (report, Purpose.CARD, str(destination)),
        )
        await self._enqueue(tx, report, Purpose.CARD, destination)

    async def question(self, tx: Transaction, report: int, key: str, note: str) -> None:
        """Let its reporter be asked. `key` tells one question from another."""
        for destination, fallback in await _people(tx, report, followers=False):
            await self._enqueue(
                tx, report, Purpose.QUESTION, destination, fallback, key=key, note=note
            )

    async def tell(self, tx: Transaction, report: int, key: str, note: str = "") -> None:
        """Let its reporter, and all who follow it, hear of an outcome; each hears of it once."""
        for destination, fallback in await _people(tx, report, followers=True):
            await self._enqueue(
                tx, report, Purpose.OUTCOME, destination, fallback, key=key, note=note
            )

    async def _enqueue(
        self,
        tx: Transaction,
        report: int,
        purpose: Purpose,
        destination: Destination,
        fallback: int | None = None,
        *,
        key: str = "",
        note: str = "",
    ) -> None:
        await tx.execute(
            "INSERT INTO report_post (report, purpose, key, destination, fallback, note)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (report, purpose, key, destination) DO NOTHING",
            (report, purpose, key, str(destination), fallback, note),
        )
        tx.on_commit(self._queued)

    async def due(self, now: float, limit: int = 50) -> list[Post]:
        """Return messages with which something is to be done, the oldest first."""
        rows = await self._database.read(_DUE, (now, now + LONGEST_WAIT, limit))
        return [_post(row) for row in rows]

    async def begin(self, post: Post, now: float) -> None:
        """Note that a message is being sent."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE report_post SET first_try = ? WHERE id = ? AND first_try IS NULL",
                (now, post.id),
            )

    async def sent(self, post: Post, place: Place, revision: int) -> None:
        """Note where a message is, and which `revision` of the report it shows."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE report_post SET channel = ?, message = ? WHERE id = ?",
                (place.channel, place.message, post.id),
            )
            await _shown(tx, post, revision)

    async def edited(self, post: Post, revision: int) -> None:
        """Note which `revision` of the report a message shows now."""
        async with self._database.write() as tx:
            await _shown(tx, post, revision)

    async def redirect(self, post: Post) -> None:
        """Send it to the channel that is its fallback: its person takes no direct messages."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE report_post SET redirected = 1, first_try = NULL, attempts = 0, due = 0"
                " WHERE id = ? AND message IS NULL",
                (post.id,),
            )

    async def postpone(self, post: Post, due: float, *, doubtful: bool) -> None:
        """Put off what is to be done. Unless `doubtful`, this try did not send it."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE report_post SET due = ?, attempts = ?,"
                " first_try = CASE WHEN ? THEN first_try END WHERE id = ?",
                (due, post.attempts, doubtful or post.doubtful is not None, post.id),
            )

    async def drop(self, post: Post, reason: str) -> None:
        """Give a message up, sent or not; of a question, the report's card is to say so."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE report_post SET dropped = ?, due = NULL WHERE id = ?",
                (dumps(reason), post.id),
            )
            if post.purpose is Purpose.QUESTION:
                await tx.execute(
                    "UPDATE report SET revision = revision + 1 WHERE id = ?", (post.report,)
                )

    async def doubt(self, tx: Transaction, since: float) -> None:
        """Look for each message before it is sent: a database that is lost may have sent it."""
        await tx.execute(
            "UPDATE report_post SET first_try = coalesce(first_try, ?)"
            " WHERE message IS NULL AND dropped IS NULL",
            (since,),
        )

    async def next_due(self) -> float | None:
        """Return when something is to be done next, None if nothing is."""
        rows = await self._database.read(
            "SELECT min(due) AS due FROM report_post WHERE due IS NOT NULL AND dropped IS NULL"
        )
        due: float | None = rows[0]["due"]
        return due

    async def waiting(self) -> Waiting:
        """Count what is to be done."""
        rows = await self._database.read(
            "SELECT count(*) AS waiting, coalesce(sum(attempts > 0), 0) AS failing"
            " FROM report_post WHERE due IS NOT NULL AND dropped IS NULL"
        )
        return Waiting(rows[0]["waiting"], rows[0]["failing"])


async def _shown(tx: Transaction, post: Post, revision: int) -> None:
    """Note what a message shows. A card whose report has changed meanwhile is due again."""
    await tx.execute(
        "UPDATE report_post SET revision = ?1, attempts = 0, due = CASE WHEN purpose = 'card'"
        " AND ?1 < (SELECT report.revision FROM report WHERE report.id = report_post.report)"
        " THEN 0 END WHERE id = ?2",
        (revision, post.id),
    )


async def _people(
    tx: Transaction, report: int, *, followers: bool
) -> list[tuple[Destination, int | None]]:
    """Return who is to hear of a report, each with the channel where they spoke of it."""
    rows = await tx.execute_fetchall(
        "SELECT reporter AS user, channel FROM report WHERE id = ?1 AND reporter IS NOT NULL"
        " UNION ALL SELECT user, channel FROM report_follower WHERE report = ?1 AND ?2",
        (report, followers),
    )
    people = {row["user"]: row["channel"] for row in reversed(rows)}
    return [(Destination("user", user), channel) for user, channel in people.items()]


def _post(row: sqlite3.Row) -> Post:
    kind, _, number = row["destination"].partition(":")
    destination, mention = Destination(kind, int(number)), None
    if row["redirected"]:
        destination, mention = Destination("channel", row["fallback"]), destination.id
    content = f"{row['purpose']} {row['key']} {row['uid']}"
    nonce, marker = identity(row["id"], destination, content)
    sent = row["message"] is not None
    return Post(
        id=row["id"],
        report=row["report"],
        purpose=Purpose(row["purpose"]),
        key=row["key"],
        note=row["note"],
        destination=destination,
        fallback=row["fallback"],
        nonce=nonce,
        marker=marker & COMPONENT_IDS,
        attempts=row["attempts"] + 1,
        mention=mention,
        place=Place(row["channel"], row["message"]) if sent else None,
        doubtful=row["first_try"],
    )
