"""Discord: the token, the application's settings, and what may be done in each channel."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import discord

from bot.client import PERMISSIONS, use_api
from bot.doctor import rules, store
from bot.doctor.model import Check, Finding, Findings, Place, State
from bot.doctor.times import Times
from bot.errors import DatabaseError, ServiceError
from bot.settings import Settings

log = logging.getLogger(__name__)

_NAME: Final = "Discord"
_SECONDS: Final = 60.0
_AT_ONCE: Final = 5
_PRIVILEGED: Final = {
    "Presence Intent": 1 << 12 | 1 << 13,
    "Server Members Intent": 1 << 14 | 1 << 15,
    "Message Content Intent": 1 << 18 | 1 << 19,
}
"""Flags of applications, the full and the limited one (Discord: "Application Flags")."""
_FEW_STARTS: Final = 100
_THREADS: Final = {10, 11, 12}
_PORTAL: Final = "https://discord.com/developers/applications"
_UNREACHABLE: Final = (OSError, aiohttp.ClientError, discord.RateLimited)

Json = Mapping[str, Any]


def discord_checks(settings: Settings, database: Path, times: Times) -> tuple[Check, ...]:
    """Return what to ask Discord for."""
    return (Check(_NAME, lambda: _examine(settings, database, times), _SECONDS),)


async def _examine(settings: Settings, database: Path, times: Times) -> Findings:
    if settings.discord_token is None:
        text = "There is no token, so ftbot run opens the sandbox."
        mend = f"Set FTBOT_DISCORD_TOKEN to the token on your application's page Bot, {_PORTAL}"
        return (Finding(_NAME, State.SKIPPED, text, mend),)
    if settings.discord_api_url:
        use_api(settings.discord_api_url)
    try:
        async with _logged_in(settings.discord_token.get_secret_value(), times) as client:
            found = [*await _application(client)]
            found += await _places(client, database)
            return found
    except discord.LoginFailure:
        text = "Discord refuses the token."
        mend = "Set FTBOT_DISCORD_TOKEN to the token on the application's page Bot."
        return (Finding(_NAME, State.FAILED, text, mend),)
    except discord.HTTPException as error:
        raise ServiceError(
            f"Discord answers with status {error.status}.", "Try again later."
        ) from error
    except _UNREACHABLE as error:
        raise ServiceError(
            f"Discord does not answer: {type(error).__name__}.", "Try again later."
        ) from error


@asynccontextmanager
async def _logged_in(token: str, times: Times) -> AsyncIterator[discord.Client]:
    """Log in without connecting to the gateway, which would count as one of the day's starts."""
    trace = aiohttp.TraceConfig()

    async def heed(
        _session: object, _context: object, ended: aiohttp.TraceRequestEndParams
    ) -> None:
        times.heed(ended.url.host or "", ended.response.headers)

    trace.on_request_end.append(heed)
    intents = discord.Intents.none()
    async with discord.Client(
        intents=intents, http_trace=trace, max_ratelimit_timeout=30
    ) as client:
        await client.login(token)
        yield client


async def _application(client: discord.Client) -> Sequence[Finding]:
    application: Json = await client.http.application_info()
    gateway: Json = await client.http.request(discord.http.Route("GET", "/gateway/bot"))
    found = [Finding(_NAME, State.OK, f"the token is accepted, the bot is {client.user}")]
    found += _intents(application)
    found += _invitation(application)
    if application.get("interactions_endpoint_url"):
        text = "Discord sends commands to the application's Interactions Endpoint URL."
        mend = f"Empty that field on the application's page General Information, {_PORTAL}"
        found.append(Finding(f"{_NAME} commands", State.FAILED, text, mend))
    limit = gateway["session_start_limit"]
    text = f"{limit['remaining']} of {limit['total']} connections are left today"
    state = State.OK if limit["remaining"] >= _FEW_STARTS else State.WARNING
    mend = "" if state is State.OK else "Find out what restarts the bot so often."
    found.append(Finding(f"{_NAME} connections", state, text, mend))
    return found


def _intents(application: Json) -> Sequence[Finding]:
    flags = int(application.get("flags") or 0)
    on = [name for name, bits in _PRIVILEGED.items() if flags & bits]
    if not on:
        return (Finding(f"{_NAME} intents", State.OK, "no privileged one is on, or needed"),)
    text = f"{', '.join(on)}: on, though ftbot needs none of them."
    mend = f"Turn off what nothing else needs, on the application's page Bot, {_PORTAL}"
    return (Finding(f"{_NAME} intents", State.WARNING, text, mend),)


def _invitation(application: Json) -> Sequence[Finding]:
    name = f"{_NAME} invitation"
    address = discord.utils.oauth_url(int(application["id"]), permissions=PERMISSIONS)
    if application.get("bot_require_code_grant"):
        text = "Nobody can invite the bot: Requires OAuth2 Code Grant is on."
        return (Finding(name, State.FAILED, text, f"Turn it off on the page Bot, {_PORTAL}"),)
    if not application.get("bot_public", True):
        text = f"only the application's owner can invite the bot: {address}"
        return (Finding(name, State.OK, text),)
    return (Finding(name, State.OK, address),)


async def _places(client: discord.Client, database: Path) -> Sequence[Finding]:
    """Look at each channel where the bot writes by itself."""
    try:
        places = await asyncio.to_thread(store.places, database)
    except DatabaseError:
        return ()  # which is the database's own finding
    guilds = _Guilds(client)
    turns = asyncio.Semaphore(_AT_ONCE)

    async def look(place: Place) -> Finding:
        async with turns:
            return await _place(guilds, place)

    return await asyncio.gather(*map(look, places))


class _Guilds:
    """Servers and what the bot's roles are there, each asked for once."""

    def __init__(self, client: discord.Client) -> None:
        self.http = client.http
        self.me = str(client.user.id) if client.user else ""
        self._known: dict[int, asyncio.Task[tuple[Json, list[str]] | None]] = {}

    async def get(self, guild: int) -> tuple[Json, list[str]] | None:
        """Return a server and the ids of the bot's roles, None if the bot is not there."""
        if guild not in self._known:
            self._known[guild] = asyncio.create_task(self._fetch(guild))
        return await self._known[guild]

    async def _fetch(self, guild: int) -> tuple[Json, list[str]] | None:
        found: Json | None = await _unless_missing(lambda: self.http.get_guild(guild))
        if found is None:
            return None
        member: Json | None = await _unless_missing(
            lambda: self.http.get_member(guild, int(self.me))
        )
        return found, list(member["roles"]) if member else []


async def _unless_missing(ask: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - JSON
    try:
        return await ask()
    except (discord.NotFound, discord.Forbidden):
        return None


async def _place(guilds: _Guilds, place: Place) -> Finding:
    again = "/triage setup" if place.triage else "/announce subscribe"
    name = f"channel {place.channel}"
    known = await guilds.get(place.guild)
    if known is None:
        text = f"The bot is not on the server {place.guild} any more."
        return Finding(name, State.WARNING, text, "Invite it again, or let this be.")
    guild, roles = known
    channel: Json | None = await _unless_missing(lambda: guilds.http.get_channel(place.channel))
    if channel is None:
        text = f"The channel on {guild['name']} is gone, or the bot cannot see it."
        mend = f"Give the bot View Channel there, or choose another one: {again}"
        return Finding(name, State.FAILED, text, mend)
    name = f"#{channel['name']} on {guild['name']}"
    is_thread = channel["type"] in _THREADS
    holder = channel
    if is_thread:
        parent = int(channel["parent_id"])
        holder = await _unless_missing(lambda: guilds.http.get_channel(parent)) or {}
    bits = rules.granted(guild, roles, holder, guilds.me)
    lacking = rules.missing(bits, thread=is_thread)
    if lacking:
        text = f"The bot may not write in #{channel['name']} of {guild['name']}."
        return Finding(name, State.FAILED, text, f"Give it there: {', '.join(lacking)}.")
    if is_thread and channel.get("thread_metadata", {}).get("locked"):
        text = f"The thread {channel['name']} is locked."
        return Finding(name, State.FAILED, text, f"Unlock it, or choose another place: {again}")
    return _role(guild, place, bits, name, again) or Finding(name, State.OK, _purpose(place))


def _role(guild: Json, place: Place, bits: int, name: str, again: str) -> Finding | None:
    """Find out if the role can be mentioned, and if the channel waits for nothing."""
    if place.role is not None:
        role = next((each for each in guild["roles"] if each["id"] == str(place.role)), None)
        if role is None:
            text = f"{_purpose(place).capitalize()}, but its role is gone."
            return Finding(name, State.WARNING, text, f"Choose another role: {again}")
        if not place.triage and not (role["mentionable"] or bits & rules.MENTION_EVERYONE):
            text = f"The role {role['name']} is not notified of news."
            mend = (
                "Let anyone mention it, or give the bot there: Mention @everyone, @here, and All"
                " Roles."
            )
            return Finding(name, State.WARNING, text, mend)
    if place.paused:
        text = "Nothing is sent there since Discord refused it, though the bot may write now."
        return Finding(name, State.WARNING, text, f"Ask for the news again: {again}")
    return None


def _purpose(place: Place) -> str:
    return "reports are decided on here" if place.triage else "news can be sent"
