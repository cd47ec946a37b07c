"""The tables `news`, `support` and, of `change`, what an examination needs.

All that one examination finds is written in the caller's transaction.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from bot.announce.model import Content, News, Topic
from bot.announce.news.rules import Fact
from bot.db import Database, Transaction

_NEWEST: Final = 5_000
_CONTENT = msgspec.json.Decoder(Content)


@dataclass(frozen=True, slots=True)
class Change:
    """That files of a project (its normalised name) changed.

    Its page must show at least `serial`. Files from before `since` are not new; `due` is when to
    examine it, both in UTC seconds. `attempts` to read the page have failed. `settled` is the
    serial of which everything was told but losses, which wait longer.
    """

    project: str
    serial: int
    since: float
    due: float
    attempts: int = 0
    settled: int | None = None


class NewsStore:
    """What was ever known and told of each project, and whose page is to be examined."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, now: float, longest: float) -> list[Change]:
        """Return the changes that are due, first the one that is so for longest.

        None is ever put off for more than `longest` seconds, so one that seems to be was noted
        before the clock was set back, and is due as well.
        """
        rows = await self._database.read(
            "SELECT * FROM change WHERE due <= ? OR due > ? ORDER BY due", (now, now + longest)
        )
        return [_change(row) for row in rows]

    async def awaited(self, tx: Transaction, project: str) -> int | None:
        """Return the serial of a project's change, None if there is none any more."""
        rows = await tx.execute_fetchall("SELECT serial FROM change WHERE project = ?", (project,))
        return int(rows[0]["serial"]) if rows else None

    async def facts(self, tx: Transaction, project: str) -> list[Fact]:
        """Return all that the project was ever known to support."""
        rows = await tx.execute_fetchall("SELECT * FROM support WHERE project = ?", (project,))
        return [_fact(row) for row in rows]

    async def told(self, tx: Transaction, project: str) -> list[News]:
        """Return all news of the project, oldest first."""
        rows = await tx.execute_fetchall(
            "SELECT id, revision, content FROM news WHERE project = ? ORDER BY id", (project,)
        )
        return [_news(row) for row in rows]

    async def unread(self, since: datetime) -> list[News]:
        """Return the news since then that people hear of, and whose wheel nobody has read.

        Only the newest thousands are looked at.
        """
        rows = await self._database.read(
            "SELECT id, revision, content FROM news"
            " WHERE id > (SELECT max(id) FROM news) - ? AND found > ? AND topic = ?"
            " AND json_extract(content, '$.wheel') IS NOT NULL"
            " AND json_extract(content, '$.wheel.verdict') IS NULL"
            " AND json_extract(content, '$.withdrawn') IS NULL"
            " AND EXISTS (SELECT 1 FROM delivery WHERE news = news.id AND dropped IS NULL)",
            (_NEWEST, since.astimezone(UTC).isoformat(), Topic.GAIN),
        )
        return [_news(row) for row in rows]

    async def learn(self, tx: Transaction, project: str, facts: Iterable[Fact]) -> None:
        """Note what is known of a project from now on."""
        await tx.executemany(
            "INSERT INTO support (project, python, platform, prerelease, version, lost_in)"
            " VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (project, python, platform, prerelease)"
            " DO UPDATE SET lost_in = excluded.lost_in",
            [
                (project, each.python, each.platform, each.prerelease, each.version, each.lost_in)
                for each in facts
            ],
        )

    async def add(self, tx: Transaction, content: Content, found: datetime) -> int:
        """Note a new piece of news and return its id; one a topic of each release."""
        rows = await tx.execute_fetchall(
            "INSERT INTO news (project, version, topic, found, content) VALUES (?, ?, ?, ?, ?)"
            " RETURNING id",
            (
                content.project,
                content.version,
                content.topic,
                found.astimezone(UTC).isoformat(),
                _encoded(content),
            ),
        )
        return int(rows[0]["id"])

    async def revise(self, tx: Transaction, news: News, content: Content) -> None:
        """Change what a piece of news says, so that its messages are edited."""
        await tx.execute(
            "UPDATE news SET content = ?, revision = revision + 1 WHERE id = ?",
            (_encoded(content), news.id),
        )

    async def put_off(self, tx: Transaction, change: Change, due: float, attempts: int) -> None:
        """Have the page examined again: so many attempts have failed by now."""
        await tx.execute(
            "UPDATE change SET due = ?, attempts = ? WHERE project = ? AND serial = ?",
            (due, attempts, change.project, change.serial),
        )

    async def settle(self, tx: Transaction, change: Change, due: float) -> None:
        """Have the page examined once more, for losses, unless a newer change comes first."""
        await tx.execute(
            "UPDATE change SET due = ?, attempts = 0, settled = serial"
            " WHERE project = ? AND serial = ?",
            (due, change.project, change.serial),
        )

    async def finish(self, tx: Transaction, change: Change) -> None:
        """Forget a change. One that came while its page was examined stays."""
        await tx.execute(
            "DELETE FROM change WHERE project = ? AND serial = ?", (change.project, change.serial)
        )


def _encoded(content: Content) -> str:
    return msgspec.json.encode(content).decode()


def _news(row: sqlite3.Row) -> News:
    return News(row["id"], row["revision"], _CONTENT.decode(row["content"]))


def _change(row: sqlite3.Row) -> Change:
    return Change(
        project=row["project"],
        serial=row["serial"],
        since=row["since"],
        due=row["due"],
        attempts=row["attempts"],
        settled=row["settled"],
    )


def _fact(row: sqlite3.Row) -> Fact:
    return Fact(
        python=row["python"],
        platform=row["platform"],
        prerelease=bool(row["prerelease"]),
        version=row["version"],
        lost_in=row["lost_in"],
    )
