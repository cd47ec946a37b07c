"""The bot in a simulated Discord, shown in a browser.

simcord is made for tests, where time stands still, everyone speaks English, one channel is looked
at, and what is shown changes only when someone acts. A sandbox is lived in: here time passes,
people have a language, direct messages have pages of their own, and what the bot says by itself
appears by itself. That takes a few names that simcord
keeps for itself. All of them are touched in this file, and tests hold what it makes of them.

simcord waits after every action until all work of the bot is done, so whatever goes on for long
(the database, HTTP clients, periodic jobs) has to be started before the simulation, outside of what
it counts as the bot's.
"""

# ruff: noqa: SLF001 - see above

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

import simcord
from discord import Interaction, Locale, Permissions
from discord.app_commands import AppCommandError
from simcord._clock import Clock
from simcord.preview import Preview, _markdown

from bot.client import FtBot
from bot.language import phrase, speaking, spoken
from bot.sandbox.localized import meant, shown
from bot.ui.errors import explain

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token
    from simcord.preview._pages import _Page

BOT, SERVER, CHANNEL = "ftbot", "Sandbox", "free-threading"
TOPIC = phrase("Everything that ftbot says on this server: answers, announcements, triage cards.")
_SETTLE_SECONDS = 10.0
_QUIET_SECONDS = 0.05  # changes that come together are shown together
_WIDTH, _HEIGHT = 1280, 900
_PARSERS, _TEXTS = 100, 1000  # that are kept at most


@dataclass(frozen=True, slots=True)
class Person:
    """Someone to look through. `direct_messages` is the address of their page with the bot."""

    name: str
    direct_messages: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """A running simulation. Whoever knows an address can act there, so they are for you alone.

    `server` is the address of the page on which one can be either of `people`, the administrator
    first.
    """

    server: str
    people: tuple[Person, ...]
    env: simcord.Env
    channel: simcord.ChannelHandle
    staff: simcord.RoleHandle
    page: Preview

    async def say(self, text: str) -> None:
        """Post a message of the sandbox itself (Markdown, at most 2000 characters)."""
        webhook = self.env.guild.create_webhook(self.channel, "Sandbox")
        await webhook.send(text)

    async def ended(self) -> None:
        """Wait until someone ends the session in the browser."""
        await self.page.wait_closed()


@asynccontextmanager
async def simulate(
    bot: FtBot, *, port: int = 0, locale: Locale = Locale.american_english
) -> AsyncIterator[Simulation]:
    """Run the bot in a server with an administrator and a plain member, at 127.0.0.1:`port`.

    They and the server speak the language of `locale`. Raises simcord.SetupError if the port is in
    use or the preview's packages are missing.
    """
    env = simcord.Env(bot, check_errors=False, settle_timeout=_SETTLE_SECONDS)
    env.backend.clock = _PassingTime()
    env.backend.bot_user.name = BOT
    async with AsyncExitStack() as stack:
        stack.enter_context(parsed_once())
        await env.start()
        stack.push_async_callback(_stop, env)
        _expect_user_errors(bot)
        _speak(env, str(locale))
        administrator = env.create_user("ada", global_name="Ada (administrator)")
        member = env.create_user("ben", global_name="Ben (member)")
        guild = env.create_guild(SERVER, owner=administrator, preferred_locale=str(locale))
        staff = guild.create_role("Staff", permissions=Permissions(administrator=True))
        actors = [guild.add_member(administrator, roles=[staff]), guild.add_member(member)]
        with speaking(str(locale)):
            channel = guild.create_text_channel(CHANNEL, topic=spoken(TOPIC))
        page = await _open(stack, env, channel, actors, port=port, locale=locale)
        pages, people = [page], []
        for user in (administrator, member):
            with _another_preview(env):
                private = await _open(stack, env, user.dm_channel, [user], locale=locale)
            pages.append(private)
            people.append(Person(user.global_name or user.name, private.url))
        publisher = _Publisher(env, pages)
        stack.push_async_callback(publisher.stop)
        yield Simulation(page.url, tuple(people), env, channel, staff, page)


async def _open(
    stack: AsyncExitStack,
    env: simcord.Env,
    channel: simcord.ChannelHandle,
    viewers: Sequence[simcord.MemberActor | simcord.UserHandle],
    *,
    port: int = 0,
    locale: Locale,
) -> Preview:
    page = env.preview(
        channel,
        viewers=viewers,
        layout="channel",
        width=_WIDTH,
        height=_HEIGHT,
        locale=str(locale),
        timezone=_time_zone(),
        port=port,
    )
    return await stack.enter_async_context(page)


def _time_zone() -> str:
    """Name this computer's time zone, as far as it is told in the usual place."""
    name = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    return name if name in available_timezones() else "UTC"


@contextmanager
def _another_preview(env: simcord.Env) -> Iterator[None]:
    """Let simcord open a second preview: it allows one, but they don't disturb each other."""
    first, env._preview = env._preview, None
    try:
        yield
    finally:
        env._preview = first


async def _stop(env: simcord.Env) -> None:
    # Work that the bot cannot give up at once must not keep the sandbox from ending.
    with contextlib.suppress(TimeoutError):
        await env.shutdown()


def _expect_user_errors(bot: FtBot) -> None:
    """Take failures that the bot explains to people for what they are: answers.

    simcord counts every exception that leaves a command as a mistake of the bot, and the page
    would say that the command failed.
    """
    recorded = bot.tree.on_error

    async def on_error(interaction: Interaction[FtBot], error: AppCommandError) -> None:
        answer = type(bot.tree).on_error.__get__(bot.tree) if explain(error) else recorded
        await answer(interaction, error)

    bot.tree.on_error = on_error  # type: ignore[method-assign] # as discord.py's documentation does


def _speak(env: simcord.Env, locale: str) -> None:
    """Let people and the server have that language, and show commands in it.

    simcord says of all that they speak English. It knows each command by one name, so what is
    picked by another is told to the bot by the name that the bot gave.
    """
    commands = env.backend.commands[None]
    registered = {each["id"]: each for each in commands.values()}
    env.backend.commands[None] = {key: shown(each, locale) for key, each in commands.items()}
    emit = env.backend.emit

    def emit_spoken(event: str, payload: Mapping[str, Any]) -> None:
        if event == "INTERACTION_CREATE":
            payload = {**payload, "locale": locale, "guild_locale": locale}
            command = registered.get(payload["data"].get("id"))
            if command is not None:
                payload["data"] = meant(payload["data"], command, locale)
        emit(event, payload)

    env.backend.emit = emit_spoken  # type: ignore[method-assign] # there is no other way in


class _PassingTime(Clock):
    """A clock that shows the time of day and goes by itself.

    simcord's stands still at the start of 2026, and moves when a test says so.
    """

    def __init__(self) -> None:
        self._monotonic = time.monotonic  # simcord replaces it with a look at this clock
        self._started = self._monotonic()
        self._epoch = datetime.now(UTC)

    @property
    def elapsed(self) -> float:  # type: ignore[override] # an attribute there, and never set
        return self._monotonic() - self._started

    def now(self) -> datetime:
        return self._epoch + timedelta(seconds=self.elapsed)

    def advance(self, seconds: float) -> None:
        """Do nothing: there is no need to."""


@contextmanager
def parsed_once() -> Iterator[None]:
    """Keep what simcord parses of messages.

    It parses all that a page shows whenever anything on it changes, which takes a second when 30
    answers are shown, and holds up the event loop.
    """
    build = _markdown._markdown_parser
    parsers: dict[tuple[int, str], _RememberingParser] = {}

    def remembered(
        policy: Mapping[str, bool | str], context: Mapping[str, object]
    ) -> _RememberingParser:
        key = id(policy), repr(context)  # policies are constants of simcord
        if key not in parsers:
            if len(parsers) >= _PARSERS:
                parsers.clear()
            parsers[key] = _RememberingParser(build(policy, context))
        return parsers[key]

    _markdown._markdown_parser = remembered
    try:
        yield
    finally:
        _markdown._markdown_parser = build


class _RememberingParser:
    """A Markdown parser of simcord, made for one context; `environment` holds the same context."""

    def __init__(self, parser: "MarkdownIt") -> None:
        self._parser = parser
        self._known: dict[tuple[bool, str], list[Token]] = {}

    def parse(self, text: str, environment: dict[str, object]) -> "list[Token]":
        return self._remember(self._parser.parse, (False, text), environment)

    def parseInline(self, text: str, environment: dict[str, object]) -> "list[Token]":  # noqa: N802 - its name
        return self._remember(self._parser.parseInline, (True, text), environment)

    def _remember(
        self,
        parse: "Callable[[str, dict[str, object]], list[Token]]",
        key: tuple[bool, str],
        environment: dict[str, object],
    ) -> "list[Token]":
        if key not in self._known:
            if len(self._known) >= _TEXTS:
                self._known.clear()
            self._known[key] = parse(key[1], environment)
        return self._known[key]


class _Publisher:
    """Shows in the browser what happens outside of the action that a page waits for.

    A page asks its preview twice a second what to show, but simcord renews that only for who acted.
    """

    def __init__(self, env: simcord.Env, previews: Sequence[Preview]) -> None:
        self._env = env
        self._previews = {preview.channel.id: preview for preview in previews}
        self._stale: dict[str, tuple[Preview, _Page]] = {}
        self._changed = asyncio.Event()
        self._env.backend.subscribers.append(self._note)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        self._env.backend.subscribers.remove(self._note)
        self._task.cancel()
        await asyncio.wait([self._task])

    def _note(self, event: str, payload: Mapping[str, Any]) -> None:
        for each in self._previews.values():
            each._advance_presentation_time()  # or "2 minutes ago" is told from an earlier time
        if not event.startswith("MESSAGE_"):
            return
        preview = self._previews.get(int(payload.get("channel_id", 0)))
        if preview is None:
            return
        for page in preview._pages.values():
            if page is not preview._action_page:
                self._stale[page.id] = preview, page
        self._changed.set()

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(_QUIET_SECONDS)
            if self._env._operation_task is None:
                self._changed.clear()
                self._publish()

    def _publish(self) -> None:
        stale, self._stale = self._stale, {}
        for preview, page in stale.values():
            if page.id in preview._pages:
                preview._publish(page, reason="refresh")
