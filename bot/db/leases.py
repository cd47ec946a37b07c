"""Leases: who may do something just now, agreed upon between processes."""

import os
import secrets
import socket
import time
from collections.abc import Callable

from bot.db.database import Database

_HOST = socket.gethostname().replace("/", "-")
_PROCESS = secrets.token_hex(8)
"""Tells this process from an earlier one with the same number."""


class Leases:
    """The leases of one owner, by default this process.

    A lease that is not renewed within `ttl` seconds is anyone's: that long a job waits after the
    process that ran it was killed on another computer. On this one it is known to be gone. The
    clocks of all owners must agree to within a fraction of `ttl`.
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
        self._owner = owner or f"{_HOST}/{os.getpid()}/{_PROCESS}/{secrets.token_hex(4)}"
        self._clock = clock

    async def take(self, name: str) -> bool:
        """Take or renew the lease; False if another owner has it."""
        now = self._clock()
        # One that expires later was taken before the clock was set back, and may never be renewed.
        latest = now + 2 * self.ttl
        gone = ""
        # Those who wait for another process ask often, so this is found out without writing.
        for row in await self._database.read("SELECT * FROM lease WHERE name = ?", (name,)):
            if _is_gone(row["owner"]):
                gone = row["owner"]
            elif row["owner"] != self._owner and now < row["expires"] <= latest:
                return False
        async with self._database.write() as tx:
            changed = await tx.execute(
                "INSERT INTO lease (name, owner, expires) VALUES (?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE"
                " SET owner = excluded.owner, expires = excluded.expires"
                " WHERE lease.owner IN (excluded.owner, ?)"
                " OR lease.expires <= ? OR lease.expires > ?",
                (name, self._owner, now + self.ttl, gone, now, latest),
            )
        return changed == 1

    async def release(self, name: str) -> None:
        """Give the lease back, if it is still this owner's."""
        async with self._database.write() as tx:
            await tx.execute("DELETE FROM lease WHERE name = ? AND owner = ?", (name, self._owner))


def _is_gone(owner: str) -> bool:
    """Whether an owner was a process of this computer that does not run any more."""
    host, _, rest = owner.rpartition("/")[0].partition("/")
    pid, _, process = rest.partition("/")
    if os.name != "posix" or host != _HOST or not pid.isdecimal():
        return False
    if int(pid) == os.getpid():  # in a container every process has the number 1
        return process != _PROCESS
    try:
        os.kill(int(pid), 0)  # signal 0 only asks
    except ProcessLookupError:
        return True
    except (OverflowError, OSError):  # another user's, for example
        return False
    return False
