"""Sending what is in the outbox: each piece of news once to each destination.

A message is noted as begun before it is sent, and as sent afterwards. If the process dies or the
connection breaks between the two, nobody knows whether it is there. Two things keep the next try
from repeating it: the nonce, by which Discord recognises a message for some minutes, and a look
at the channel's own recent messages, which helps however long it took.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from bot.announce.delivery.model import Backlog, Parcel, Posted
from bot.announce.delivery.store import DeliveryStore
from bot.announce.model import Subscription
from bot.messages import (
    Destination,
    Done,
    Failure,
    Gone,
    Later,
    Place,
    Refused,
    Rejected,
    Sent,
    pause,
)

log = logging.getLogger(__name__)

AT_A_TIME: Final = 10
"""Destinations that are served at the same time; Discord allows 50 requests a second in all."""
TURN: Final = 5
"""Messages that a destination gets before it is the others' turn again."""
LOOK_EVERY: Final = 1.0
"""Seconds between two looks for new work while slow destinations are being served."""

_UNWANTED: Final = "The channel is not subscribed any more."


class Post(Protocol):
    """What carries messages. Nothing that Discord or the network does raises here."""

    def is_ready(self) -> bool:
        """Say whether anything can be sent just now."""

    async def send(self, parcel: Parcel, subscription: Subscription | None) -> Sent | Failure:
        """Send a message; its nonce tells Discord that it is the same as before."""

    async def find(self, parcel: Parcel) -> Sent | Later | Refused | None:
        """Look for a message that a try since `parcel.doubtful` may have sent."""

    async def edit(
        self, parcel: Parcel, place: Place, subscription: Subscription | None
    ) -> Done | Failure:
        """Let the message show its news as they are now."""

    async def publish(self, place: Place) -> Done | Failure:
        """Crosspost the message to the channels that follow this one."""


class Subscriptions(Protocol):
    """Who wants news, and who cannot have them at present."""

    async def get(self, channel: int) -> Subscription | None: ...

    async def watches(self, user: int) -> Collection[str]: ...

    async def pause(self, destination: Destination, reason: str) -> None: ...

    async def destinations_paused(self) -> Collection[str]: ...


class Outbox:
    """Delivers what `DeliveryStore.enqueue` put there. `jitter` is from 0 to 1."""

    def __init__(
        self,
        store: DeliveryStore,
        subscriptions: Subscriptions,
        post: Post,
        *,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._subscriptions = subscriptions
        self._post = post
        self._clock = clock
        self._jitter = jitter
        self._slots = asyncio.Semaphore(AT_A_TIME)
        self.backlog = Backlog()

    async def deliver(self) -> None:
        """Send, edit and crosspost all that is due, also what becomes due meanwhile.

        Destinations don't wait for each other. What goes wrong with one, such as a database that
        is locked, is raised when the others were served.
        """
        running: dict[Destination, asyncio.Task[bool]] = {}
        finished: set[Destination] = set()
        failures: list[BaseException] = []
        try:
            while True:
                for destination in await self._due():
                    if destination not in finished and destination not in running:
                        running[destination] = asyncio.create_task(self._serve(destination))
                if not running:
                    break
                await asyncio.wait(running.values(), timeout=LOOK_EVERY)
                for destination, task in [each for each in running.items() if each[1].done()]:
                    del running[destination]
                    failures += filter(None, [task.exception()])
                    if task.exception() or not task.result():
                        finished.add(destination)
        finally:
            for task in running.values():
                task.cancel()
            await asyncio.gather(*running.values(), return_exceptions=True)
        _raise(failures)

    async def _due(self) -> list[Destination]:
        """Return whom to serve, and note how much waits in all."""
        paused = await self._subscriptions.destinations_paused()
        self.backlog = await self._store.backlog(paused)
        if not self._post.is_ready():
            return []
        due = await self._store.due(self._clock())
        return [each for each in due if str(each) not in paused]

    async def _serve(self, destination: Destination) -> bool:
        """Give a destination its turn; say whether there was anything to do.

        Messages keep their order: after one that has to wait no other is sent.
        """
        async with self._slots:
            tried = 0
            while tried < TURN:
                wish = await self._wish(destination)
                parcel = await self._store.begin(destination, self._clock())
                if parcel is None:
                    break
                tried += 1
                if not await self._send(parcel, wish):
                    return True
            posted = await self._store.posted(destination, self._clock())
            for each in posted[:TURN]:
                await self._mend(each, await self._wish(destination))
            return bool(tried or posted)

    async def _wish(self, destination: Destination) -> Subscription | None:
        """Return a channel's subscription, and leave unsent what nobody wants any more."""
        if destination.kind == "user":
            watched = await self._subscriptions.watches(destination.id)
            await self._store.drop_waiting(destination, "It is not watched any more.", but=watched)
            return None
        subscription = await self._subscriptions.get(destination.id)
        if subscription is None:
            await self._store.drop_waiting(destination, _UNWANTED)
        return subscription

    async def _send(self, parcel: Parcel, wish: Subscription | None) -> bool:
        """Try to send a message; say whether the next one may follow."""
        outcome: Sent | Failure | None = None
        if parcel.doubtful is not None:
            outcome = await self._post.find(parcel)
        if outcome is None:
            outcome = await self._post.send(parcel, wish)
        if isinstance(outcome, Sent):
            await self._store.sent(parcel, outcome)
        elif isinstance(outcome, Later):
            due = self._again(parcel, outcome)
            await self._store.postpone(parcel, due, doubtful=outcome.doubtful)
        else:
            if isinstance(outcome, Refused):
                await self._store.postpone(parcel, self._clock(), doubtful=False)
            await self._give_up(parcel, outcome, wish)
        return not isinstance(outcome, Later | Refused)

    async def _mend(self, posted: Posted, wish: Subscription | None) -> None:
        """Edit a message that was sent if it is out of date, and crosspost it if it is to be."""
        parcel = posted.parcel
        outcome: Done | Failure = Done()
        if posted.stale:
            outcome = await self._post.edit(parcel, posted.place, wish)
        if isinstance(outcome, Done):
            await self._store.edited(parcel)
            if posted.publish:
                outcome = await self._post.publish(posted.place)
                if isinstance(outcome, Done | Rejected):
                    await self._store.published(parcel, done=isinstance(outcome, Done))
                    return
        if isinstance(outcome, Later):
            await self._store.postpone_posted(parcel, self._again(parcel, outcome))
        elif not isinstance(outcome, Done):
            await self._give_up(parcel, outcome, wish)

    async def _give_up(
        self, parcel: Parcel, outcome: Refused | Rejected | Gone, wish: Subscription | None
    ) -> None:
        """Pause the destination, or leave the message where there is nothing to pause."""
        if isinstance(outcome, Gone):
            await self._store.drop(parcel, "The message was deleted.")
        elif isinstance(outcome, Rejected):
            log.error("Discord rejects a message: %s", outcome.reason)
            await self._store.drop(parcel, f"Discord rejects the message: {outcome.reason}")
        elif wish is None and parcel.destination.kind == "channel":
            await self._store.drop(parcel, _UNWANTED)
        else:
            log.warning("No more news for %s: %s", parcel.destination, outcome.reason)
            await self._subscriptions.pause(parcel.destination, outcome.reason)

    def _again(self, parcel: Parcel, outcome: Later) -> float:
        """Return when to try again."""
        seconds = pause(outcome, parcel.attempts, self._jitter())
        log.log(
            logging.WARNING if parcel.attempts == 1 else logging.INFO,
            "A message for %s waits another %.1f s: %s",
            parcel.destination,
            seconds,
            outcome.reason,
        )
        return self._clock() + seconds


def _raise(failures: Sequence[BaseException]) -> None:
    """Raise the first; what the others were is logged."""
    for failure in failures[1:]:
        log.error("Another destination could not be served", exc_info=failure)
    if failures:
        raise failures[0]
