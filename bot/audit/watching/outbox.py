"""Sending what is in the outbox: each message once.

A message is noted as begun before it is sent, and as sent afterwards. If the process dies or the
connection breaks between the two, the next try looks for it first, and sends it with the same
nonce.
"""

import logging
import random
import time
from collections.abc import Callable
from typing import Final, Protocol

from bot.audit.store import AuditStore
from bot.audit.watching.model import Note, Story
from bot.audit.watching.store import WatchStore
from bot.language import phrase
from bot.messages import LONGEST_WAIT, Failure, Gone, Later, Refused, Rejected, Sent, Waiting, pause

log = logging.getLogger(__name__)

PATIENCE: Final = 7 * 86_400.0
"""Seconds for which somebody is tried who takes no direct messages."""
_AT_A_TIME: Final = 20


class Carrier(Protocol):
    """What carries messages. Nothing that Discord or the network does raises here."""

    def is_ready(self) -> bool:
        """Say whether anything can be sent just now."""

    async def send(self, note: Note, story: Story) -> Sent | Failure:
        """Send a message; its nonce tells Discord that it is the same as before."""

    async def find(self, note: Note) -> Sent | Later | Refused | None:
        """Look for a message that a try since `note.doubtful` may have sent."""


class Outbox:
    """Delivers notes. `jitter` is from 0 to 1."""

    def __init__(
        self,
        audits: AuditStore,
        watches: WatchStore,
        carrier: Carrier,
        *,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._audits = audits
        self._watches = watches
        self._carrier = carrier
        self._clock = clock
        self._jitter = jitter
        self.waiting = Waiting()

    async def deliver(self) -> None:
        """Send all that is due, one after the other: audits become ready now and then."""
        while self._carrier.is_ready() and (
            due := await self._watches.notes(self._clock(), _AT_A_TIME)
        ):
            for note in due:
                await self._send(note)
        self.waiting = await self._watches.waiting()

    async def _send(self, note: Note) -> None:
        before, now = await self._audits.get(note.watched), await self._audits.get(note.audit)
        if before is None or now is None:
            await self._watches.drop(note, phrase("The audit was deleted."))
            return
        outcome: Sent | Failure | None = None
        if note.doubtful is not None:
            outcome = await self._carrier.find(note)
        if outcome is None:
            await self._watches.begin(note, self._clock())
            outcome = await self._carrier.send(note, Story(before, now))
        await self._after(note, outcome)

    async def _after(self, note: Note, outcome: Sent | Failure) -> None:
        """Note what became of a try."""
        now = self._clock()
        match outcome:
            case Sent(place):
                await self._watches.sent(note, place)
            case Later():
                seconds = pause(outcome, note.attempts, self._jitter())
                log.info("A message waits another %.1f s: %s", seconds, outcome.reason)
                await self._watches.postpone(note, now + seconds, doubtful=outcome.doubtful)
            case Refused() if now - note.made < PATIENCE:
                await self._watches.postpone(note, now + LONGEST_WAIT, doubtful=False)
            case Refused(reason):
                log.warning("Nobody can be told of an audit: %s", reason)
                await self._watches.drop(note, reason)
            case Rejected(reason):
                log.error("Discord rejects a message: %s", reason)
                await self._watches.drop(
                    note, phrase("Discord rejects the message: {reason}", reason=reason)
                )
            case Gone():
                await self._watches.drop(note, phrase("The message was deleted."))
