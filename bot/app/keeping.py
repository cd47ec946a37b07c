"""The jobs that look after the database itself: backups, and forgetting what is old."""

import asyncio
import logging
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from bot.background import Job
from bot.db import Database, keep_backup
from bot.db.retention import prune

log = logging.getLogger(__name__)

_HOUR: Final = 3_600.0
_DAY: Final = 24 * _HOUR


def keeping(database: Database, backups: int) -> Iterable[Job]:
    """Yield the jobs; `backups` is how many are kept, 0 for none."""
    if backups:
        yield Job("backup", partial(_back_up, database, backups), every=_DAY, longest_retry=_HOUR)
    yield Job("pruning", partial(_prune, database), every=_DAY, longest_retry=_HOUR)


async def _back_up(database: Database, most: int) -> None:
    leaving = threading.Event()
    try:
        copy = await asyncio.to_thread(keep_backup, database.path, most, stopped=leaving.is_set)
    finally:
        leaving.set()  # or the process would wait for its thread
    log.info("The database is copied to %s", copy)


async def _prune(database: Database) -> None:
    deleted = await prune(database, datetime.now(UTC))
    if deleted:
        log.info(
            "Kept long enough: %s",
            ", ".join(f"{count} of {table}" for table, count in deleted.items()),
        )
