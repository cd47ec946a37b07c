"""How often Discord's gateway may be identified to, agreed upon between processes and restarts.

Discord lets a bot do so 1000 times a day and resets its token when it goes on. A process that
crashes again and again, and a session that Discord refuses again and again, would get there within
hours: so the more identifies there were within the last hour, the longer the next one waits.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from bot.db.database import Database
from bot.errors import DatabaseError

log = logging.getLogger(__name__)

HOUR, DAY = 3_600.0, 86_400.0
A_DAY: Final = 900
"""Of the 1000 that Discord allows; the rest is for other programs with the same token."""
AT_ONCE: Final = 10
"""So many within an hour wait for nothing: people restart what they change."""
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0  # seconds; the longest comes to some 400 a day

_EARLIER: Final = "SELECT at FROM identify WHERE at > ? ORDER BY at"
_HOW_MANY: Final = "SELECT count(*) FROM identify WHERE at > ?"


def pause(earlier: Sequence[float], now: float, shards: int = 1) -> float:
    """Return the seconds until the next identify, 0 if it may be at once.

    `earlier` holds the times of those of the last day, in order (UTC seconds). A bot identifies
    once for each of its shards, which counts as one.
    """
    if len(earlier) >= A_DAY:
        return max(earlier[-A_DAY] + DAY - now, FIRST_PAUSE)
    recent = sum(at > now - HOUR for at in earlier)
    starts, begun = divmod(recent, shards)
    if starts < AT_ONCE or begun:
        return 0.0
    wait = min(FIRST_PAUSE * 2.0 ** min(starts - AT_ONCE, 16), LONGEST_PAUSE)
    # A clock that was set back makes times of the future, which are no reason to wait longer.
    return min(max(earlier[-1] + wait - now, 0.0), wait)


class Identifies:
    """The table `identify`. While it cannot be written, this process counts its own at least."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._unwritten: list[float] = []

    def today(self) -> int:
        """Return how many there were within the last day, of all processes, as far as is known."""
        # Counted in the index, which holds A_DAY at most; of one minute it is the same glance.
        minute = (self._clock() - DAY) // 60 * 60
        (count,) = self._database.glance(_HOW_MANY, (minute,)) or (0,)
        return int(count or 0)

    async def pause(self, shards: int = 1) -> float:
        """Return the seconds until the next one may be."""
        now = self._clock()
        try:
            rows = await self._database.read(_EARLIER, (now - DAY,))
        except DatabaseError as error:
            return pause(self._uncounted(error, now), now, shards)
        return pause([row["at"] for row in rows], now, shards)

    async def take(self, shards: int = 1) -> float:
        """Count one that is about to be, and return 0; or return the seconds until it may be."""
        now = self._clock()
        try:
            async with self._database.write() as tx:
                await tx.execute("DELETE FROM identify WHERE at <= ?", (now - DAY,))
                rows = await tx.execute_fetchall(_EARLIER, (now - DAY,))
                wait = pause([row["at"] for row in rows], now, shards)
                if not wait:
                    await tx.execute("INSERT INTO identify (at) VALUES (?)", (now,))
        except DatabaseError as error:
            wait = pause(self._uncounted(error, now), now, shards)
            if not wait:
                self._unwritten.append(now)
        return wait

    def _uncounted(self, error: DatabaseError, now: float) -> list[float]:
        """Return those of this process that could not be written."""
        log.warning("Identifies to Discord's gateway cannot be counted: %s", error)
        self._unwritten = [at for at in self._unwritten if at > now - DAY]
        return self._unwritten
