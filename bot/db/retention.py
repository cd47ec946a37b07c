"""What the database forgets, and when: what was told, counted or remembered long ago.

What is kept of members' reports and audits has rules of its own, beside what they are about.
"""

import asyncio
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from bot.db.database import Database
from bot.db.schema import BUSY_TIMEOUT, opened

DELIVERIES_KEPT: Final = timedelta(days=90)
"""How long a message that was sent can still be edited, and one that nobody gets is kept."""
NEWS_KEPT: Final = timedelta(days=400)
"""How long it is known which release was told of. Longer than any wheel comes late."""
POSTS_KEPT: Final = timedelta(days=400)
"""How long it is known what a person was written about a report."""
SPEAKERS_KEPT: Final = timedelta(days=365)
"""How long it is known in which language somebody speaks who was not heard of since."""
DOCUMENTS_KEPT: Final = timedelta(days=400)
"""How long a document is kept that nothing refreshes any more; others are fetched anew."""
PAGES_KEPT: Final = timedelta(days=180)
"""How long a project's page is kept that nobody asks for, nor what follows the index: to answer
for it again costs one request."""
METADATA_KEPT: Final = timedelta(days=180)
"""How long what a release requires is kept, then it is fetched anew if it is asked for."""
DAY: Final = timedelta(days=1)
"""How long an IDENTIFY counts for Discord's limit, and a lease is kept that ran out."""

SLICE: Final = 200
"""Rows, or free pages, that go in one transaction: others who write wait some 20 ms."""
MOST: Final = 100_000
"""Rows of a kind that are deleted in one run; the next one goes on."""
_REST: Final = 0.05  # seconds between two slices, for others
_ROOM: Final = 10
"""One page in so many of the file may be free: that is soon used again."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of `table`, told apart by the column `key`, go that are `old`, which is SQL.

    In it, ?1 is the moment before which they are, in UTC seconds, and ?2 the same as ISO text.
    """

    table: str
    key: str
    kept: timedelta
    old: str


_OLD_NEWS = "SELECT id FROM news WHERE found < ?2"
_PAUSED = (
    "SELECT 'channel:' || channel FROM subscription WHERE paused IS NOT NULL"
    " UNION ALL SELECT 'user:' || user FROM watcher WHERE paused IS NOT NULL"
)

# What news are told from, and what somebody waits for, however long ago its page was fetched.
_FOLLOWED: Final = " UNION ALL ".join(
    f"SELECT 1 FROM {table} AS follower WHERE follower.project = project.name"  # noqa: S608 - ours
    for table in ("support", "change", "watch", "audit_blocker")
)

RULES: Final = (
    Rule("delivery", "id", DELIVERIES_KEPT, "message IS NOT NULL AND first_try < ?1"),
    Rule("delivery", "id", DELIVERIES_KEPT, f"dropped IS NOT NULL AND news IN ({_OLD_NEWS})"),
    Rule(
        "delivery",
        "id",
        DELIVERIES_KEPT,
        f"message IS NULL AND news IN ({_OLD_NEWS}) AND destination IN ({_PAUSED})",
    ),
    # What was told of a release goes together: of news that is left alone, the rest is told again.
    Rule(
        "news",
        "id",
        NEWS_KEPT,
        "found < ?2 AND NOT EXISTS (SELECT 1 FROM delivery WHERE news = news.id)"
        " AND NOT EXISTS (SELECT 1 FROM news AS later WHERE later.project = news.project"
        " AND later.version = news.version AND later.found >= ?2)",
    ),
    Rule(
        "report_post",
        "id",
        POSTS_KEPT,
        "purpose <> 'card' AND due IS NULL AND first_try < ?1",
    ),
    Rule("speaker", "user", SPEAKERS_KEPT, "seen < ?2"),
    Rule("document", "name", DOCUMENTS_KEPT, "fetched < ?2"),
    Rule(
        "project",
        "name",
        PAGES_KEPT,
        f"fetched < ?2 AND NOT free_threaded AND NOT EXISTS ({_FOLLOWED})",
    ),
    Rule("core_metadata", "file", METADATA_KEPT, "fetched < ?2"),
    Rule("identify", "id", DAY, "at < ?1"),
    Rule("lease", "name", DAY, "expires < ?1"),
)


async def prune(database: Database, now: datetime) -> dict[str, int]:
    """Delete what was kept long enough; return how many rows of which tables that were."""
    deleted: dict[str, int] = {}
    for rule in RULES:
        count = await _apply(database, rule, now - rule.kept)
        if count:
            deleted[rule.table] = deleted.get(rule.table, 0) + count
    for _ in range(MOST // SLICE):
        if not await asyncio.to_thread(_give_back, database.path):
            break
        await asyncio.sleep(_REST)
    return deleted


async def _apply(database: Database, rule: Rule, before: datetime) -> int:
    """Delete in slices, which are chosen without keeping anybody from writing."""
    moment = (before.timestamp(), before.isoformat())
    # So both numbers occur, and keys can follow.
    old = f"({rule.old}) AND ?1 IS NOT NULL AND ?2 IS NOT NULL"
    select = f"SELECT {rule.key} FROM {rule.table} WHERE {old} LIMIT {SLICE}"  # noqa: S608 - ours
    deleted = 0
    while deleted < MOST:
        rows = await database.read(select, moment)
        if not rows:
            break
        marks = ",".join("?" * len(rows))
        delete = f"DELETE FROM {rule.table} WHERE {old} AND {rule.key} IN ({marks})"  # noqa: S608 - ours
        async with database.write() as tx:
            deleted += await tx.execute(delete, (*moment, *(row[0] for row in rows)))
        await asyncio.sleep(_REST)
    return deleted


def _give_back(path: Path) -> bool:
    """Give free pages back to the disk, some at a time; tell whether there is more to give.

    A file that was made without `auto_vacuum` keeps them, and uses them again.
    """
    with opened(path, BUSY_TIMEOUT) as connection:
        free, pages = _number(connection, "freelist_count"), _number(connection, "page_count")
        if free * _ROOM <= pages:
            return False
        # `execute` would free one page: to Python it is done when there is no row.
        connection.executescript(f"PRAGMA incremental_vacuum({SLICE})")
        return _number(connection, "freelist_count") < free


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
