"""What audits keep of members."""

from typing import NamedTuple

from bot.audit.store import AuditStore
from bot.audit.watching.store import WatchStore
from bot.db import Transaction


class Count(NamedTuple):
    """How many audits are kept, how many are waited for, and how many messages tell of one."""

    audits: int
    awaited: int
    messages: int


class AuditMembers:
    """Counts and deletes it."""

    def __init__(self, audits: AuditStore, watches: WatchStore) -> None:
        self._audits = audits
        self._watches = watches

    async def stored(self, user: int) -> Count:
        """Count what is kept of a member."""
        return Count(await self._audits.stored(user), *await self._watches.stored(user))

    async def forget(self, tx: Transaction, user: int) -> Count:
        """Delete it, and return how much it was."""
        watches = await self._watches.forget(tx, user)  # first: an audit that is awaited stays
        return Count(await self._audits.forget(tx, user), *watches)
