"""The table `delivery`: the outbox.

A row is one piece of news for one destination. Its columns say how far it is:

    waiting   parcel NULL                 not yet decided which message it goes into
    begun     parcel and first_try set    a try may have sent that message
    sent      message set                 it shows `revision` of the news
    dropped   dropped set                 why nothing more is done about it

`due` is when something is to be done about the row, NULL if nothing is; a trigger sets it on rows
that were sent when their news change. The rows of one message have the same `parcel`. Each step
is one transaction whose conditions look at these columns, so that two processes which take the
same step take it once.
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final

import msgspec

from bot import messages
from bot.announce.delivery import rules
from bot.announce.delivery.model import Backlog, Parcel, Posted, Waiting
from bot.announce.model import RESTORED, Content, News
from bot.db import Database, Transaction
from bot.messages import Destination, Place, Sent

_LARGEST_DIGEST: Final = 1_000
_CONTENT = msgspec.json.Decoder(Content)
_NEWS: Final = (
    "SELECT news.* FROM delivery"
    " JOIN news ON news.id = delivery.news WHERE delivery.parcel = ? ORDER BY delivery.id"
)


class _Published(IntEnum):
    """Whether a message is crossposted."""

    NO = 0
    WANTED = 1
    DONE = 2


class DeliveryStore:
    """What is to be sent where, and what was. Times are UTC seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enqueue(
        self,
        tx: Transaction,
        news_id: int,
        destinations: Iterable[Destination],
        *,
        digest: bool = False,
        due: float = 0.0,
        dropped: str | None = None,
    ) -> int:
        """Make the rows for a piece of news; return how many are new.

        `due` is an hour ahead at most. With `digest` it shares a message with what else is late;
        `dropped` says why it is never sent.
        """
        when = due if dropped is None else None
        return await tx.executemany(
            "INSERT INTO delivery (news, destination, digest, due, dropped) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (news, destination) DO NOTHING",
            [(news_id, str(each), int(digest), when, dropped) for each in destinations],
        )

    async def doubt(self, tx: Transaction) -> int:
        """Give up all that waits: a database that is lost may have sent it. Returns how much."""
        return await tx.execute(
            "UPDATE delivery SET due = NULL, dropped = ? WHERE message IS NULL AND dropped IS NULL",
            (RESTORED,),
        )

    async def due(self, now: float) -> list[Destination]:
        """Return the destinations for which something is to be done."""
        rows = await self._database.read(
            "SELECT DISTINCT destination FROM delivery WHERE due <= ? OR due > ?",
            (now, now + messages.LONGEST_WAIT),
        )
        return [_destination(row["destination"]) for row in rows]

    async def begin(self, destination: Destination, now: float) -> Parcel | None:
        """Choose the next message and note that it is being tried; None if it is not yet time."""
        async with self._database.write() as tx:
            waiting = await tx.execute_fetchall(
                "SELECT delivery.*, news.found FROM delivery JOIN news ON news.id = delivery.news"
                " WHERE destination = ? AND message IS NULL AND dropped IS NULL"
                " ORDER BY delivery.id LIMIT ?",
                (str(destination), _LARGEST_DIGEST),
            )
            recent = await tx.execute_fetchall(
                "SELECT DISTINCT parcel, first_try FROM delivery"
                " WHERE destination = ? AND message IS NOT NULL AND first_try > ?",
                (str(destination), now - rules.HOUR),
            )
            times = [row["first_try"] for row in recent]
            chosen = rules.plan(destination.kind, [_waiting(row) for row in waiting], times, now)
            if chosen.ids:
                return await self._try(tx, destination, chosen.ids, now)
            if chosen.until is not None:
                await tx.execute(
                    "UPDATE delivery SET due = ?"
                    " WHERE destination = ? AND message IS NULL AND dropped IS NULL",
                    (chosen.until, str(destination)),
                )
            return None

    async def _try(
        self, tx: Transaction, destination: Destination, ids: tuple[int, ...], now: float
    ) -> Parcel:
        """Make these deliveries one message, if they aren't yet, and note the try.

        `revision` stays that of the first try: if it turns out that it was the first one that
        worked, the message is edited to what the news are now.
        """
        parcel = min(ids)
        (first,) = await tx.execute_fetchall(
            "SELECT first_try, attempts FROM delivery WHERE id = ?", (parcel,)
        )
        await tx.executemany(
            "UPDATE delivery SET parcel = ?, first_try = ?,"
            " revision = (SELECT news.revision FROM news WHERE news.id = delivery.news)"
            " WHERE id = ? AND parcel IS NULL",
            [(parcel, now, each) for each in ids],
        )
        news = await tx.execute_fetchall(_NEWS, (parcel,))
        return _parcel(parcel, destination, news, first["attempts"] + 1, first["first_try"])

    async def sent(self, parcel: Parcel, sent: Sent) -> None:
        """Note where the message is. It is due again if its news changed meanwhile."""
        publish = _Published.WANTED if sent.publishable else _Published.NO
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE delivery SET channel = ?, message = ?, published = ?, attempts = 0,"
                " due = CASE WHEN ? OR revision <"
                " (SELECT news.revision FROM news WHERE news.id = delivery.news) THEN 0 END"
                " WHERE parcel = ? AND message IS NULL",
                (sent.place.channel, sent.place.message, publish, sent.publishable, parcel.id),
            )

    async def postpone(self, parcel: Parcel, due: float, *, doubtful: bool) -> None:
        """Put a message off. If no try can have sent it, what it carries may be chosen anew."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE delivery SET due = ?, attempts = ? WHERE parcel = ? AND message IS NULL",
                (due, parcel.attempts, parcel.id),
            )
            if not doubtful and parcel.doubtful is None:
                await tx.execute(
                    "UPDATE delivery SET parcel = NULL, first_try = NULL, revision = 0"
                    " WHERE parcel = ? AND message IS NULL",
                    (parcel.id,),
                )

    async def drop(self, parcel: Parcel, reason: str) -> None:
        """Give a message up, sent or not."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE delivery SET dropped = ?, due = NULL WHERE parcel = ?",
                (reason, parcel.id),
            )

    async def drop_waiting(
        self, destination: Destination, reason: str, *, but: Collection[str] = ()
    ) -> None:
        """Give up what was not tried yet, but for news of the projects `but`."""
        rows = await self._database.read(
            "SELECT delivery.id, news.project FROM delivery JOIN news ON news.id = delivery.news"
            " WHERE destination = ? AND message IS NULL AND dropped IS NULL AND parcel IS NULL",
            (str(destination),),
        )
        unwanted = [(reason, row["id"]) for row in rows if row["project"] not in but]
        if unwanted:
            async with self._database.write() as tx:
                await tx.executemany(
                    "UPDATE delivery SET dropped = ?, due = NULL WHERE id = ? AND parcel IS NULL",
                    unwanted,
                )

    async def posted(self, destination: Destination, now: float) -> list[Posted]:
        """Return the sent messages of a destination with which something is to be done."""
        rows = await self._database.read(
            "SELECT parcel, channel, message, published, attempts,"
            " max(delivery.revision < news.revision) AS stale"
            " FROM delivery JOIN news ON news.id = delivery.news"
            " WHERE destination = ? AND message IS NOT NULL AND dropped IS NULL"
            " AND (due <= ? OR due > ?) GROUP BY parcel",
            (str(destination), now, now + messages.LONGEST_WAIT),
        )
        return [await self._posted(destination, row) for row in rows]

    async def _posted(self, destination: Destination, row: sqlite3.Row) -> Posted:
        news = await self._database.read(_NEWS, (row["parcel"],))
        return Posted(
            _parcel(row["parcel"], destination, news, row["attempts"] + 1),
            Place(row["channel"], row["message"]),
            stale=bool(row["stale"]),
            publish=row["published"] == _Published.WANTED,
        )

    async def edited(self, parcel: Parcel) -> None:
        """Note that the message shows these news now."""
        async with self._database.write() as tx:
            await tx.executemany(
                "UPDATE delivery SET revision = ?, attempts = 0,"
                " due = CASE WHEN published = ? OR ? <"
                " (SELECT news.revision FROM news WHERE news.id = delivery.news) THEN 0 END"
                " WHERE parcel = ? AND news = ? AND revision <= ?",
                [
                    (new.revision, _Published.WANTED, new.revision, parcel.id, new.id, new.revision)
                    for new in parcel.news
                ],
            )

    async def published(self, parcel: Parcel, *, done: bool) -> None:
        """Note that the message is crossposted, or (not `done`) that it cannot be."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE delivery SET published = ?, attempts = 0, due = CASE WHEN revision <"
                " (SELECT news.revision FROM news WHERE news.id = delivery.news) THEN 0 END"
                " WHERE parcel = ?",
                (_Published.DONE if done else _Published.NO, parcel.id),
            )

    async def postpone_posted(self, parcel: Parcel, due: float) -> None:
        """Put off what is to be done with a message that was sent."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE delivery SET due = ?, attempts = ? WHERE parcel = ? AND dropped IS NULL",
                (due, parcel.attempts, parcel.id),
            )

    async def backlog(self, paused: Collection[str]) -> Backlog:
        """Count what waits; `paused` are destinations, written as in the table."""
        rows = await self._database.read(
            "SELECT destination, count(*) AS waiting, min(news.found) AS oldest"
            " FROM delivery JOIN news ON news.id = delivery.news"
            " WHERE message IS NULL AND dropped IS NULL GROUP BY destination"
        )
        going = [row for row in rows if row["destination"] not in paused]
        return Backlog(
            waiting=sum(row["waiting"] for row in going),
            oldest=min((_time(row["oldest"]) for row in going), default=None),
            paused=sum(row["waiting"] for row in rows if row["destination"] in paused),
        )

    async def stored(self, user: int) -> int:
        """Return how many pieces of news were sent to a person, or are to be."""
        rows = await self._database.read(
            "SELECT count(*) AS count FROM delivery WHERE destination = ?", (f"user:{user}",)
        )
        return int(rows[0]["count"])

    async def forget(self, tx: Transaction, user: int) -> int:
        """Delete what was sent to a person, or is to be, and return how many pieces of news."""
        return await tx.execute("DELETE FROM delivery WHERE destination = ?", (f"user:{user}",))


def _waiting(row: sqlite3.Row) -> Waiting:
    return Waiting(
        id=row["id"],
        found=_time(row["found"]).timestamp(),
        due=row["due"],
        attempts=row["attempts"],
        digest=bool(row["digest"]),
        parcel=row["parcel"],
    )


def _parcel(
    number: int,
    destination: Destination,
    news: Sequence[sqlite3.Row],
    attempts: int,
    doubtful: float | None = None,
) -> Parcel:
    first = f"{news[0]['topic']} {news[0]['project']} {news[0]['version']}"
    nonce, marker = messages.identity(number, destination, first)
    return Parcel(
        id=number,
        destination=destination,
        news=tuple(
            News(row["id"], row["revision"], _CONTENT.decode(row["content"])) for row in news
        ),
        nonce=nonce,
        marker=marker,
        attempts=attempts,
        doubtful=doubtful,
    )


def _destination(text: str) -> Destination:
    kind, _, number = text.partition(":")
    return Destination(kind, int(number))


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
