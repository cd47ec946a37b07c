"""Starting on a database that was put back from a copy: nothing is told or filed again."""

import logging
from datetime import UTC, datetime

from bot.db import Database, Gap, Transaction, close_gap, find_gap, restored_until

log = logging.getLogger(__name__)


async def told_until(database: Database) -> float:
    """Return until when a lost database may have told news (UTC seconds), 0 if there is none.

    What waits in a database that was just put back is given up, or looked for before it is sent.
    """
    gap = await find_gap(database)
    if gap is not None:
        async with database.write() as tx:
            if await close_gap(tx, gap):
                await _doubt(tx, database, gap)
    return restored_until(database) or 0.0


async def _doubt(tx: Transaction, database: Database, gap: Gap) -> None:
    """Let every outbox know that it may be through with what waits in it."""
    from bot.announce.delivery.store import DeliveryStore  # noqa: PLC0415 - hardly ever needed
    from bot.audit.watching.store import WatchStore  # noqa: PLC0415 - as above
    from bot.reports.filing.store import FilingStore  # noqa: PLC0415 - as above
    from bot.reports.posts.store import PostStore  # noqa: PLC0415 - as above

    news = await DeliveryStore(database).doubt(tx)
    await PostStore(database).doubt(tx, gap.since)
    await WatchStore(database).doubt(tx, gap.since)
    await FilingStore(database).doubt(tx, gap.since)
    log.warning(
        "The database was restored: what happened from %s to %s is taken in without a word,"
        " and %d pieces of news that waited are given up",
        *(
            f"{datetime.fromtimestamp(each, UTC):%Y-%m-%d %H:%M:%S} UTC"
            for each in (gap.since, gap.until)
        ),
        news,
    )
