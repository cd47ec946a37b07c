"""Carrying announcements to Discord, and telling what became of each try."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import aiohttp
import discord
from discord import ui
from discord.abc import Messageable

from bot.announce.delivery.model import Parcel
from bot.announce.model import Subscription
from bot.messages import Destination, Done, Failure, Gone, Later, Place, Refused, Rejected, Sent
from bot.ui import announce

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
    10003: "The channel no longer exists.",
    10013: "The person's account no longer exists.",
    50001: "ftbot cannot see the channel: it needs the permission View Channel there.",
    50007: "The person does not accept direct messages from ftbot.",
    50008: "The channel is not one for text messages.",
    50013: "ftbot may not write in the channel: it needs the permission Send Messages there.",
    50278: "The person shares no server with ftbot, so it cannot write to them.",
}


class Courier:
    """Sends, finds, edits and crossposts through the client of the moment, if there is one."""

    def __init__(self, client: Callable[[], discord.Client | None], *, site: str = "") -> None:
        """`site` is the index's address for people, for links to projects."""
        self._client = client
        self._site = site

    def is_ready(self) -> bool:
        """Say whether there is a client that is logged in and knows its servers."""
        client = self._client()
        return client is not None and client.is_ready() and not client.is_closed()

    async def send(self, parcel: Parcel, subscription: Subscription | None) -> Sent | Failure:
        """Send a message. Discord recognises the nonce and does not show it twice."""
        client = self._client()
        if client is None:
            return _UNPLUGGED
        role = _role(client, subscription)
        view = self._message(parcel, role)
        if view is None:
            return Rejected("ftbot cannot show it.")

        async def work() -> Sent:
            channel = await _channel(client, parcel.destination)
            message = await channel.send(
                view=view, nonce=parcel.nonce, allowed_mentions=_mentions(role)
            )
            return _sent(client, message)

        return await _outcome(work())

    async def find(self, parcel: Parcel) -> Sent | Later | Refused | None:
        """Look through the channel's newest messages for this one.

        It looks back to shortly before the first try, and at a page of messages whatever the
        clocks say. None also if ftbot may not read the channel's history: then Discord's memory
        of the nonce has to do.
        """
        client = self._client()
        if client is None:
            return _UNPLUGGED

        async def work() -> Sent | None:
            channel = await _channel(client, parcel.destination)
            earliest = (parcel.doubtful or 0.0) - _CLOCKS_APART
            seen = 0
            async for message in channel.history(limit=_FURTHEST):
                if _is(message, parcel, client):
                    return _sent(client, message)
                seen += 1
                if seen >= _PAGE and message.created_at.timestamp() < earliest:
                    break
            return None

        outcome = await _outcome(work())
        return None if isinstance(outcome, Rejected | Gone) else outcome

    async def edit(
        self, parcel: Parcel, place: Place, subscription: Subscription | None
    ) -> Done | Failure:
        """Show the news as they are now. An edited message notifies nobody again."""
        client = self._client()
        if client is None:
            return _UNPLUGGED
        role = _role(client, subscription)
        view = self._message(parcel, role)
        if view is None:
            return Rejected("ftbot cannot show it.")

        async def work() -> Done:
            await _partial(client, place).edit(view=view, allowed_mentions=_mentions(role))
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

    def _message(self, parcel: Parcel, role: int | None) -> ui.LayoutView | None:
        """Render a message; None if that fails, which must not hold up the others."""
        try:
            return announce.message(
                parcel.news,
                role=role,
                parcel=parcel.marker,
                site=self._site,
                personal=parcel.destination.kind == "user",
            )
        except Exception:
            log.exception("News %s cannot be shown", [each.id for each in parcel.news])
            return None


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
        return Refused(f"Discord lets ftbot send nothing there: {error.text[:100]}.")
    return Rejected(reason)


def _is(message: discord.Message, parcel: Parcel, client: discord.Client) -> bool:
    if client.user is None or message.author.id != client.user.id:
        return False
    return message.nonce == parcel.nonce or announce.parcel_of(message) == parcel.marker


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


def _role(client: discord.Client, subscription: Subscription | None) -> int | None:
    """Return the role to mention, if it still exists."""
    if subscription is None or subscription.role is None:
        return None
    guild = client.get_guild(subscription.guild)
    gone = guild is not None and guild.get_role(subscription.role) is None
    return None if gone else subscription.role


def _mentions(role: int | None) -> discord.AllowedMentions:
    if role is None:
        return discord.AllowedMentions.none()
    return discord.AllowedMentions(
        everyone=False, users=False, replied_user=False, roles=[discord.Object(role)]
    )
