"""What the database forgets, and when: what was told, counted or remembered long ago.

What is kept of members' reports and audits has rules of its own, beside what they are about.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.db.database import Database

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
DAY: Final = timedelta(days=1)
"""How long an IDENTIFY counts for Discord's limit, and a lease is kept that ran out."""

SLICE: Final = 500
"""Rows that are deleted in one transaction: others who write wait some milliseconds."""
MOST: Final = 100_000
"""Rows of a kind that are deleted in one run; the next one goes on."""
_REST: Final = 0.05  # seconds between two slices, for others


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
