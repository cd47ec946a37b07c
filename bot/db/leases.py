"""Leases: who may do something just now, agreed upon between processes."""

import secrets
import time
from collections.abc import Callable

from bot.db.database import Database


class Leases:
    """The leases of one owner, by default this process.

    A lease that is not renewed within `ttl` seconds is anyone's: that long a job waits after the
    process that ran it was killed. The clocks of all owners must agree to within a fraction of it.
    """

    def __init__(
        self,
        database: Database,
        *,
        owner: str | None = None,
        ttl: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.ttl = ttl
        self._database = database
        self._owner = owner or secrets.token_hex(8)
        self._clock = clock

    async def take(self, name: str) -> bool:
        """Take or renew the lease; False if another owner has it."""
        now = self._clock()
        async with self._database.write() as tx:
            changed = await tx.execute(
                "INSERT INTO lease (name, owner, expires) VALUES (?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE"
                " SET owner = excluded.owner, expires = excluded.expires"
                " WHERE lease.owner = excluded.owner OR lease.expires <= ?",
                (name, self._owner, now + self.ttl, now),
            )
        return changed == 1

    async def release(self, name: str) -> None:
        """Give the lease back, if it is still this owner's."""
        async with self._database.write() as tx:
            await tx.execute("DELETE FROM lease WHERE name = ? AND owner = ?", (name, self._owner))
