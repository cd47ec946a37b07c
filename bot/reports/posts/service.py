"""Writing what is in the outbox: each message once, cards edited when their report changes.

A message is noted as begun before it is sent, and as sent afterwards. If the process dies or the
connection breaks between the two, the next try looks for it first, and sends it with the same
nonce.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Final, Protocol

from bot.language import phrase
from bot.messages import (
    LONGEST_WAIT,
    SOON,
    Destination,
    Done,
    Failure,
    Gone,
    Later,
    Refused,
    Rejected,
    Sent,
    Waiting,
    is_due,
    pause,
)
from bot.reports.model import Report
from bot.reports.posts.model import Post, Purpose
from bot.reports.posts.store import PostStore

log = logging.getLogger(__name__)

AT_A_TIME: Final = 10
"""Messages on their way at the same time; Discord allows 50 requests a second in all."""


class Carrier(Protocol):
    """What carries messages. Nothing that Discord or the network does raises here."""

    def is_ready(self) -> bool:
        """Say whether anything can be sent just now."""

    async def send(self, post: Post, report: Report) -> Sent | Failure:
        """Send a message; its nonce tells Discord that it is the same as before."""

    async def find(self, post: Post) -> Sent | Later | Refused | None:
        """Look for a message that a try since `post.doubtful` may have sent."""

    async def edit(self, post: Post, report: Report) -> Done | Failure:
        """Let the message at `post.place` show the report as it is now."""


class Reports(Protocol):
    """Where reports are read."""

    async def get(self, report: int) -> Report | None: ...


class Posts:
    """Delivers what `PostStore` holds. `jitter` is from 0 to 1."""

    def __init__(
        self,
        store: PostStore,
        reports: Reports,
        carrier: Carrier,
        *,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._reports = reports
        self._carrier = carrier
        self._clock = clock
        self._jitter = jitter
        self.waiting = Waiting()
        self.soon = False
        """Whether something was due within seconds when all was delivered that could be."""

    async def deliver(self) -> None:
        """Send and edit all that is due, also what becomes due meanwhile.

        What goes wrong with one message, such as a database that is locked, is raised when the
        others of its turn were served.
        """
        while self._carrier.is_ready() and (due := await self._store.due(self._clock(), AT_A_TIME)):
            in_order: dict[Destination, list[Post]] = {}
            for post in due:
                in_order.setdefault(post.destination, []).append(post)
            tried = await asyncio.gather(
                *map(self._turn, in_order.values()), return_exceptions=True
            )
            for failure in filter(None, tried):
                raise failure
        self.waiting = await self._store.waiting()
        following = await self._store.next_due()
        self.soon = following is not None and is_due(following, self._clock() + SOON)

    async def _turn(self, posts: list[Post]) -> None:
        for post in posts:
            await self._serve(post)

    async def _serve(self, post: Post) -> None:
        report = await self._reports.get(post.report)
        if report is None:
            await self._store.drop(post, phrase("The report was deleted."))
        elif post.place is None:
            await self._send(post, report)
        else:
            await self._after(post, report, await self._carrier.edit(post, report))

    async def _send(self, post: Post, report: Report) -> None:
        outcome: Sent | Failure | None = None
        if post.doubtful is not None:
            outcome = await self._carrier.find(post)
        if outcome is None:
            await self._store.begin(post, self._clock())
            outcome = await self._carrier.send(post, report)
        await self._after(post, report, outcome)

    async def _after(self, post: Post, report: Report, outcome: Sent | Done | Failure) -> None:
        """Note what became of a try."""
        match outcome:
            case Sent(place):
                # One that an earlier try sent may show an older revision: a card is edited next.
                shown = report.revision if post.doubtful is None else 0
                await self._store.sent(post, place, shown)
            case Done():
                await self._store.edited(post, report.revision)
            case Later():
                due = self._again(post, outcome)
                await self._store.postpone(post, due, doubtful=outcome.doubtful)
            case Gone():
                await self._store.drop(post, phrase("The message was deleted."))
            case Rejected():
                log.error("Discord rejects a message: %s", outcome.reason)
                reason = phrase("Discord rejects the message: {reason}", reason=outcome.reason)
                await self._store.drop(post, reason)
            case Refused():
                await self._refused(post, outcome)

    async def _refused(self, post: Post, outcome: Refused) -> None:
        """Take the way that is left: the channel for people, another time for cards."""
        if post.purpose is Purpose.CARD:
            log.warning("The card of report %d waits: %s", post.report, outcome.reason)
            await self._store.postpone(post, self._clock() + LONGEST_WAIT, doubtful=False)
        elif post.destination.kind == "user" and post.fallback is not None:
            await self._store.redirect(post)
        else:
            log.warning("Nobody can be told of report %d: %s", post.report, outcome.reason)
            await self._store.drop(post, outcome.reason)

    def _again(self, post: Post, outcome: Later) -> float:
        """Return when to try again."""
        seconds = pause(outcome, post.attempts, self._jitter())
        level = logging.WARNING if post.attempts == 1 else logging.INFO
        log.log(level, "A message waits another %.1f s: %s", seconds, outcome.reason)
        return self._clock() + seconds
