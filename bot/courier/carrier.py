"""Carrying messages to Discord, and telling what became of each try."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

import aiohttp
import discord
from discord import ui
from discord.abc import Messageable

from bot.language import phrase
from bot.messages import Destination, Done, Failure, Gone, Later, Place, Refused, Rejected, Sent

log = logging.getLogger(__name__)

T = TypeVar("T")

_PATIENCE: Final = 150.0  # seconds for a request with discord.py's own retries and pauses
_UNPLUGGED = Later("Discord is not connected", doubtful=False)

_PAGE, _FURTHEST = 100, 1_000  # messages to look through, at least and at most
_CLOCKS_APART: Final = 600.0  # seconds by which our clock may be ahead of Discord's

# Error codes of Discord's API, see "Opcodes and Status Codes" in its documentation.
_UNKNOWN_MESSAGE, _ALREADY_CROSSPOSTED = 10008, 40033
_PASSING: Final = {40003, 40333}  # direct messages opened too fast, a fault of its network
_REFUSALS: Final = {
    10003: phrase("The channel no longer exists."),
    10013: phrase("The person's account no longer exists."),
    50001: phrase("ftbot cannot see the channel: it needs the permission View Channel there."),
    50007: phrase("The person does not accept direct messages from ftbot."),
    50008: phrase("The channel is not one for text messages."),
    50013: phrase(
        "ftbot may not write in the channel: it needs the permission Send Messages there."
    ),
    50278: phrase("The person shares no server with ftbot, so it cannot write to them."),
}


class Carrier:
    """Sends, finds, edits and crossposts through the client of the moment, if there is one.

    Nothing that Discord or the network does raises here. `sending` is awaited before anything is
    sent; `language` gives the language in which a person wants to be written to, None if it is not
    known. What the two raise, such as DatabaseError, passes.
    """

    def __init__(
        self,
        client: Callable[[], discord.Client | None],
        sending: Callable[[], Awaitable[None]] | None = None,
        language: Callable[[int], Awaitable[str | None]] | None = None,
    ) -> None:
        self._client = client
        self._sending = sending
        self._language = language

    @property
    def client(self) -> discord.Client | None:
        """The client of the moment."""
        return self._client()

    def is_ready(self) -> bool:
        """Say whether there is a client that is logged in and knows its servers."""
        client = self._client()
        if client is None or client.is_closed():
            return False
        return client.is_ready() or _has_come(client)

    async def language(self, destination: Destination, guild: int | None = None) -> str | None:
        """Return in which language to write: the person's, or that of the channel's server.

        `guild` is the server of a channel that is out of sight. None if it is not known.
        """
        if destination.kind == "user":
            return await self._language(destination.id) if self._language else None
        client = self._client()
        if client is None:
            return None
        channel = client.get_channel(destination.id)
        server = getattr(channel, "guild", None) or (client.get_guild(guild) if guild else None)
        return str(server.preferred_locale) if server else None

    async def send(
        self,
        destination: Destination,
        view: ui.LayoutView,
        nonce: str,
        mentions: discord.AllowedMentions,
    ) -> Sent | Failure:
        """Send a message. Discord recognises the nonce and does not show it twice."""
        client = self._client()
        if client is None:
            return _UNPLUGGED
        if self._sending is not None:
            await self._sending()

        async def work() -> Sent:
            channel = await _channel(client, destination)
            message = await channel.send(view=view, nonce=nonce, allowed_mentions=mentions)
            return _sent(client, message)

        return await _outcome(work())

    async def find(
        self,
        destination: Destination,
        since: float,
        nonce: str,
        is_it: Callable[[discord.Message], bool],
    ) -> Sent | Later | Refused | None:
        """Look through the channel's newest messages for one of ours: by nonce, or by `is_it`.

        It looks back to shortly before `since` (UTC seconds), and at a page of messages whatever
        the clocks say. None also if ftbot may not read the channel's history: then Discord's
        memory of the nonce has to do.
        """
        client = self._client()
        if client is None:
            return _UNPLUGGED

        def ours(message: discord.Message) -> bool:
            by_us = client.user is not None and message.author.id == client.user.id
            return by_us and (message.nonce == nonce or is_it(message))

        async def work() -> Sent | None:
            channel = await _channel(client, destination)
            seen = 0
            async for message in channel.history(limit=_FURTHEST):
                if ours(message):
                    return _sent(client, message)
                seen += 1
                if seen >= _PAGE and message.created_at.timestamp() < since - _CLOCKS_APART:
                    break
            return None

        outcome = await _outcome(work())
        return None if isinstance(outcome, Rejected | Gone) else outcome

    async def edit(
        self, place: Place, view: ui.LayoutView, mentions: discord.AllowedMentions
    ) -> Done | Failure:
        """Let a message show `view`. An edited message notifies nobody again."""
        client = self._client()
        if client is None:
            return _UNPLUGGED

        async def work() -> Done:
            await _partial(client, place).edit(view=view, allowed_mentions=mentions)
            return Done()

        return await _outcome(work())

    async def publish(self, place: Place) -> Done | Failure:
        """Crosspost a message of a news channel, which Discord allows ten times an hour."""
        client = self._client()
        if client is None:
            return _UNPLUGGED

        async def work() -> Done:
            try:
                await _partial(client, place).publish()
            except discord.HTTPException as error:
                if error.code != _ALREADY_CROSSPOSTED:
                    raise
            return Done()

        outcome = await _outcome(work())
        # Whatever forbids crossposting does not forbid posting.
        return Rejected(outcome.reason) if isinstance(outcome, Refused) else outcome


def mark(view: ui.LayoutView, marker: int) -> None:
    """Let a message carry its marker (31 bits), by which `is_marked` knows it again."""
    view.children[0].id = marker


def is_marked(message: discord.Message, marker: int) -> bool:
    """Tell whether a message carries this marker."""
    return any(getattr(each, "id", None) == marker for each in message.components)


async def _outcome(work: Coroutine[Any, Any, T]) -> T | Failure:
    """Do it, and say what became of it."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await work
    except discord.RateLimited as error:
        return Later("Discord's limit is reached", doubtful=True, seconds=error.retry_after)
    except discord.HTTPException as error:
        return _failure(error)
    except (OSError, aiohttp.ClientError) as error:  # a TimeoutError is an OSError
        return Later(f"{type(error).__name__}: {error}"[:200], doubtful=True)
    except Exception as error:
        log.exception("discord.py failed in an unknown way")
        return Later(type(error).__name__, doubtful=True)


def _failure(error: discord.HTTPException) -> Failure:
    """Judge an answer. Those without a code of Discord's own come from something in between."""
    reason = f"{error.status} {error.text}"[:200]
    if error.status in {401, 429} or error.status >= 500 or not error.code:
        return Later(reason, doubtful=True)
    if error.code in _PASSING:
        return Later(reason, doubtful=False)
    if error.code == _UNKNOWN_MESSAGE:  # also the answer to the nonce of one that was deleted
        return Gone()
    if error.code in _REFUSALS:
        return Refused(_REFUSALS[error.code])
    if error.status in {403, 404}:
        return Refused(
            phrase("Discord lets ftbot send nothing there: {reason}.", reason=error.text[:100])
        )
    return Rejected(reason)


def _has_come(client: discord.Client) -> bool:
    """Tell whether each shard has servers and all are there.

    discord.py does not count them: it waits until none has come for 2 seconds. That it still does
    where one is out of order, or a shard has none.
    """
    servers = client.guilds
    shards = {server.shard_id for server in servers}
    return len(shards) == client.shard_count and not any(each.unavailable for each in servers)


def _sent(client: discord.Client, message: discord.Message) -> Sent:
    channel = client.get_channel(message.channel.id)
    news = isinstance(channel, discord.TextChannel) and channel.is_news()
    place = Place(message.channel.id, message.id)
    return Sent(place, publishable=news and not message.flags.crossposted)


async def _channel(client: discord.Client, destination: Destination) -> Messageable:
    if destination.kind == "user":
        return await client.create_dm(discord.Object(destination.id))
    return client.get_partial_messageable(destination.id)


def _partial(client: discord.Client, place: Place) -> discord.PartialMessage:
    return client.get_partial_messageable(place.channel).get_partial_message(place.message)
