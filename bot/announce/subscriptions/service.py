"""The verbs of /announce and /watch."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from packaging.utils import canonicalize_name

from bot.announce.model import Among, News, Subscription, What
from bot.announce.subscriptions.store import SubscriptionStore
from bot.check.model import Answer
from bot.compat.model import Target
from bot.errors import UserError
from bot.language import phrase, phrase_many
from bot.messages import Destination
from bot.pypi.names import harmless, normalise

MOST_CHANNELS: Final = 100
"""So many channels of one server may subscribe."""
MOST_WATCHES: Final = 200
"""So many projects may one person watch."""

ABSENT: Final = phrase("ftbot is not on the server.")


def _now() -> datetime:
    return datetime.now(UTC)


class SubscriptionService:
    """What channels asked for. Channels, servers and roles are Discord's numbers.

    `site` is the address of the index for people, without slash.
    """

    def __init__(
        self, store: SubscriptionStore, *, site: str, now: Callable[[], datetime] = _now
    ) -> None:
        self.site = site
        self._store = store
        self._now = now

    async def subscribe(
        self,
        guild: int,
        channel: int,
        what: What | None = None,
        among: Among | None = None,
        role: int | None = None,
    ) -> Subscription:
        """Let a channel hear of news from now on, and return its whole wish.

        What is left out stays as it was; a new wish is for new support among the top 15,000,
        without a role. A paused channel is resumed. UserError if the server has too many.
        """
        old = await self._store.get(channel)
        wish = Subscription(
            channel=channel,
            guild=guild,
            what=what or (old.what if old else What.NEW_SUPPORT),
            among=among or (old.among if old else Among.TOP_15000),
            role=role or (old.role if old else None),
        )
        if not await self._store.put(wish, self._now(), most=MOST_CHANNELS):
            raise UserError(
                phrase_many(
                    "{count} channel of this server is subscribed, which is the most.",
                    "{count} channels of this server are subscribed, which is the most.",
                    MOST_CHANNELS,
                ),
                phrase("Remove one with /announce unsubscribe first."),
            )
        return wish

    async def unsubscribe(self, guild: int, channel: int) -> None:
        """Let a channel hear no more. UserError if it was not subscribed."""
        if not await self._store.delete(guild, channel):
            raise UserError(
                phrase("That channel is not subscribed."),
                phrase("/announce list shows those that are."),
            )

    async def subscriptions(self, guild: int) -> Sequence[Subscription]:
        """Return the wishes of a server's channels, paused ones too."""
        return await self._store.of_guild(guild)

    async def example(self) -> News | None:
        """Return a real recent piece of news, None while there is none."""
        return await self._store.newest()

    async def left(self, guild: int) -> None:
        """Note that the bot is no longer on a server: its wishes wait for it to return."""
        await self._store.pause_guild(guild, ABSENT)

    async def returned(self, guilds: Collection[int]) -> None:
        """Note that the bot is on these servers, so that those it had left hear again.

        Other channels there that were paused get another chance too: whoever invites the bot anew
        gives it permissions anew.
        """
        for guild in (await self._store.guilds_paused(ABSENT)).intersection(guilds):
            await self._store.resume_guild(guild)


class Projects(Protocol):
    """Where projects are looked up."""

    async def answer(self, project: str, targets: Sequence[Target]) -> Answer:
        """Say all about a project. Raises UserError, ProjectNotFound, IndexUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Watches:
    """The projects (normalised names) that a person watches; `paused` says why nothing is sent."""

    projects: tuple[str, ...]
    paused: str | None = None


class WatchService:
    """What people asked for. They are known by Discord's number alone."""

    def __init__(
        self,
        store: SubscriptionStore,
        projects: Projects,
        *,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._store = store
        self._projects = projects
        self._now = now

    async def add(self, user: int, project: str) -> str | None:
        """Let a person hear of a project that exists, and send to the person again if paused.

        Returns why nothing was sent until now, None if all was well. Raises UserError if the
        person watches too many, and what looking the project up raises.
        """
        found = await self._projects.answer(project, ())
        paused = await self._store.paused(_person(user))
        await self._watch(user, found.project)
        return paused

    async def toggle(self, user: int, project: str) -> bool:
        """Watch a project, or stop that. Returns whether the person watches it now.

        UserError if the person watches too many.
        """
        name = canonicalize_name(project)
        if await self._store.unwatch(user, name):
            return False
        await self._watch(user, name)
        return True

    async def remove(self, user: int, project: str) -> None:
        """Stop watching a project. UserError if the person did not watch it, or nobody could."""
        name = normalise(project)
        if not await self._store.unwatch(user, name):
            raise UserError(
                phrase("You don't watch {project}.", project=harmless(name)),
                phrase("/watch list shows what you watch."),
            )

    async def watches(self, user: int) -> Watches:
        """Return what a person watches."""
        projects = await self._store.watches(user)
        return Watches(tuple(projects), await self._store.paused(_person(user)))

    async def _watch(self, user: int, project: str) -> None:
        if not await self._store.watch(user, project, self._now(), most=MOST_WATCHES):
            raise UserError(
                phrase_many(
                    "You watch {count} project, which is the most.",
                    "You watch {count} projects, which is the most.",
                    MOST_WATCHES,
                ),
                phrase("Stop watching one with /watch remove first."),
            )


def _person(user: int) -> Destination:
    return Destination("user", user)
