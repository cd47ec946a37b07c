"""The bot as Discord sees it: the client, its command tree, and what its cogs may use."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import discord
import yarl
from discord import InteractionType, app_commands, ui
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.announce.model import Among, News, Subscription, What
from bot.announce.subscriptions.service import Watches
from bot.audit.model import Kept
from bot.audit.watching.model import Watch, Wish
from bot.background import JobStatus
from bot.check.model import Answer
from bot.compat.model import Target
from bot.compat.targets import ALL_TARGETS
from bot.guide.model import Hit, Pointer
from bot.interactions import Connector, arrived, begin
from bot.progress.model import Among as Ranks
from bot.progress.model import Report as ProgressReport
from bot.reports.model import (
    Actor,
    Desk,
    Draft,
    Forgotten,
    Problems,
    Report,
    Stored,
    Submission,
    Waiting,
)
from bot.respond import TYPED, Interaction, PersistentForm, Values, report, tell
from bot.translator import Translator
from bot.ui import custom_ids, errors
from bot.ui.about import About

log = logging.getLogger(__name__)

EXTENSIONS = (
    "cogs.check", "cogs.audit", "cogs.announce", "cogs.watch", "cogs.guide",
    "cogs.progress",
    "cogs.report", "cogs.reporter", "cogs.reports", "cogs.triage", "cogs.privacy",
    "cogs.about",
)  # fmt: skip
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    read_message_history=True,
)
"""What an invitation asks for: all that announcements need. Commands need none of it."""

_LAST_ANSWERS = 1.5  # seconds that answers under way may still take when the bot is to end
_LAST_WORDS = 0.5  # seconds for closing connections; discord.py would give a silent Discord 30
_AT_WORK = ("CommandTree-invoker", "discord-ui-", "discord.py: on_interaction")
"""How the names of the tasks begin in which discord.py lets people be answered."""
_HEARD = frozenset({InteractionType.component, InteractionType.modal_submit})
"""What listeners hear of: the tree alone answers commands and what is typed into them."""
_RATE_LIMIT_PATIENCE = 60.0  # seconds; a longer wait raises instead of sleeping silently


class Checks(Protocol):
    """What answers /check."""

    async def answer(self, project: str, targets: Sequence[Target] = ALL_TARGETS) -> Answer:
        """Say all about a project. Raises UserError, ProjectNotFound, IndexUnavailable."""
        ...


class Names(Protocol):
    """All names of the index, in memory."""

    def complete(self, text: str, limit: int = 25) -> list[str]:
        """Return names for what was typed so far, most downloaded first."""
        ...


class Announcements(Protocol):
    """What channels ask for; see `SubscriptionService`."""

    site: str

    async def subscribe(
        self, guild: int, channel: int, what: What | None, among: Among | None, role: int | None
    ) -> Subscription:
        """Let a channel hear of news. Raises UserError."""
        ...

    async def unsubscribe(self, guild: int, channel: int) -> None:
        """Let a channel hear no more. Raises UserError."""
        ...

    async def subscriptions(self, guild: int) -> Sequence[Subscription]:
        """Return the wishes of a server's channels."""
        ...

    async def example(self) -> News | None:
        """Return a recent piece of news."""
        ...

    async def left(self, guild: int) -> None:
        """Note that the bot is no longer on a server."""
        ...

    async def returned(self, guilds: Collection[int]) -> None:
        """Note that the bot is on these servers."""
        ...


class Watching(Protocol):
    """What people ask for; see `WatchService`."""

    async def add(self, user: int, project: str) -> str | None:
        """Watch a project; return why nothing was sent until now. Raises UserError."""
        ...

    async def toggle(self, user: int, project: str) -> bool:
        """Watch a project or stop that; return whether it is watched now. Raises UserError."""
        ...

    async def remove(self, user: int, project: str) -> None:
        """Stop watching a project. Raises UserError."""
        ...

    async def watches(self, user: int) -> Watches:
        """Return what a person watches."""
        ...


class Reports(Protocol):
    """What members report, and triagers decide; see `ReportService`. All raise UserError."""

    # Reporters

    async def draft(
        self, reporter: Actor, guild: int | None, channel: int | None, submission: Submission
    ) -> Draft:
        """Store a report that is not sent yet, and say what is made of it."""
        ...

    async def redraft(self, report: int, reporter: Actor, submission: Submission) -> Draft:
        """Write a draft anew."""
        ...

    async def draft_of(self, report: int, reporter: Actor) -> Draft:
        """Return a draft of this member."""
        ...

    async def send(self, report: int, reporter: Actor) -> Report:
        """Send a draft to the triagers."""
        ...

    async def join(self, report: int, reporter: Actor, key: str) -> Report:
        """Make a draft the same as one of its likely ones."""
        ...

    async def credit(self, report: int, reporter: Actor, shown: bool) -> Draft:
        """Say whether the reporter's name may be public."""
        ...

    async def form(self, report: int, reporter: Actor) -> str:
        """Return the address of GitHub's form, filled in."""
        ...

    async def discard(self, report: int, reporter: Actor) -> None:
        """Delete a draft."""
        ...

    async def withdraw(self, report: int, reporter: Actor) -> Report:
        """Take back what was sent."""
        ...

    async def answer(self, report: int, reporter: Actor, text: str) -> Report:
        """Answer a triager's question."""
        ...

    # Triagers, on the server whose report it is

    async def setup(self, guild: int, channel: int, role: int) -> Desk:
        """Let a server decide on reports."""
        ...

    async def desk(self, guild: int) -> Desk | None:
        """Return where a server decides."""
        ...

    async def get(self, report: int, guild: int) -> Report:
        """Return a server's report."""
        ...

    async def file(self, report: int, guild: int, triager: Actor) -> Report:
        """Let ftbot open an issue."""
        ...

    async def link(self, report: int, guild: int, triager: Actor, reference: str) -> Report:
        """Say which issue or report it belongs to."""
        ...

    async def hand_over(self, report: int, guild: int, triager: Actor) -> Report:
        """Give the reporter another tracker's form, filled in."""
        ...

    async def ask(self, report: int, guild: int, triager: Actor, question: str) -> Report:
        """Ask the reporter."""
        ...

    async def reject(self, report: int, guild: int, triager: Actor, reason: str) -> Report:
        """Let it be no issue."""
        ...

    async def security(self, report: int, guild: int, triager: Actor) -> Report:
        """Keep it to the triagers."""
        ...

    async def reopen(self, report: int, guild: int, triager: Actor) -> Report:
        """Decide on it anew."""
        ...

    async def block(self, guild: int, triager: Actor, user: int) -> None:
        """Take no more reports from a member."""
        ...

    async def unblock(self, guild: int, user: int) -> None:
        """Take reports from a member again."""
        ...

    async def blocked(self, guild: int) -> Sequence[int]:
        """Return whose reports are not taken."""
        ...

    async def waiting(self, guild: int) -> Waiting:
        """Return what waits for a decision."""
        ...

    # Everybody

    async def problems(
        self, project: str, version: str | None = None, *, guild: int | None = None
    ) -> Problems:
        """Return the known problems of a project."""
        ...

    async def summary(self, project: str) -> Problems | None:
        """Return them at once, for the answer of /check; None where there are none, mostly."""
        ...

    async def stored(self, user: int) -> Stored:
        """Return what is kept of a member."""
        ...

    async def forget(self, user: int) -> Forgotten:
        """Delete it."""
        ...


class Audits(Protocol):
    """What members ask of their projects' dependencies. All raise UserError."""

    async def audit(self, user: int, source: str, body: bytes, target: Target) -> Kept:
        """Audit a file of that name, and keep the answer."""
        ...

    async def get(self, audit: int) -> Kept:
        """Return an audit that was answered."""
        ...

    async def watch(self, audit: int, user: int) -> Wish:
        """Let a member hear when nothing is in its way any more."""
        ...

    async def unwatch(self, audit: int, user: int) -> Sequence[Watch]:
        """End that; return what the member still waits for."""
        ...


class Guides(Protocol):
    """The porting guide, in memory; see `GuideService`."""

    def search(self, query: str) -> Sequence[Hit]:
        """Return the sections that fit, the best first; nothing where nothing fits."""
        ...

    def contents(self) -> Sequence[Hit]:
        """Return the guide's chapters."""
        ...

    def complete(self, text: str, limit: int = 25) -> list[str]:
        """Return headings for what was typed so far; `search` finds them by these."""
        ...

    def pointer(self, *keys: str) -> Pointer | None:
        """Return where it helps with the first of `Verdict`, `Kind` of report, `Class` it can."""
        ...


class Progress(Protocol):
    """How far the most downloaded projects are; see `ProgressService`."""

    async def report(self, among: Ranks, python: str, platform: str) -> ProgressReport:
        """Tell that, looking at one target. Raises UserError."""
        ...


class Memory(Protocol):
    """Small facts that outlive the process."""

    async def get(self, key: str) -> str | None:
        """Return what was set, None if nothing was."""
        ...

    async def set(self, key: str, value: str) -> None:
        """Remember `value`."""
        ...


class Speakers(Protocol):
    """In which languages people are written to."""

    async def note(self, user: int, language: str) -> None:
        """Note in which language (Discord's locale) a person speaks."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that cogs may call."""

    check: Checks
    names: Names
    memory: Memory
    announce: Announcements
    watch: Watching
    reports: Reports
    audits: Audits
    speakers: Speakers
    guide: Guides
    progress: Progress
    jobs: Callable[[], Sequence[JobStatus]]
    about: Callable[[], Coroutine[Any, Any, About]]


class Tree(app_commands.CommandTree["FtBot"]):
    """The commands. Whatever fails in one ends here."""

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        begin(interaction)
        return True

    async def on_error(
        self, interaction: Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        if interaction.type is InteractionType.autocomplete:
            log.error("Autocomplete failed", exc_info=error)  # no message can answer this
        else:
            await report(interaction, error)


class FtBot(commands.AutoShardedBot):
    """The client. It needs no privileged intent and caches neither members nor messages.

    `shard_count` None asks Discord how many shards it wants. `before_identify` is awaited before
    each session that is begun, and may raise to prevent it.
    """

    def __init__(
        self,
        services: Services,
        *,
        shard_count: int | None = None,
        before_identify: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(
            commands.when_mentioned,  # there are no prefix commands, but Bot wants a prefix
            help_command=None,
            tree_cls=Tree,
            intents=discord.Intents(guilds=True),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            allowed_mentions=discord.AllowedMentions.none(),
            allowed_contexts=app_commands.AppCommandContext(
                guild=True, dm_channel=True, private_channel=True
            ),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
            max_ratelimit_timeout=_RATE_LIMIT_PATIENCE,
            shard_count=shard_count,
        )
        self.services = services
        self._before_identify = before_identify
        self._persistent: list[type[ui.DynamicItem[Any]]] = []
        self._forms: list[type[PersistentForm]] = []

    async def login(self, token: str) -> None:
        """Log in over connections whose requests are counted."""
        self.http.connector = Connector()
        await super().login(token)

    async def setup_hook(self) -> None:
        """Load the cogs, and tell Discord about commands if they are not those it knows."""
        for extension in EXTENSIONS:
            await self.load_extension(extension)
        await self.tree.set_translator(translator := Translator())
        payload = [
            await command.get_translated_payload(self.tree, translator)
            for command in self.tree.get_commands()
        ]
        digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
        key = f"discord.commands.{self.application_id}"
        if await self.services.memory.get(key) != digest:
            synced = await self.tree.sync()
            await self.services.memory.set(key, digest)
            log.info("Told Discord about %d commands", len(synced))

    def add_dynamic_items(self, *items: type[ui.DynamicItem[Any]]) -> None:
        """Register persistent items; custom_ids of none of them are answered as outdated."""
        super().add_dynamic_items(*items)
        self._persistent += items

    def add_forms(self, *forms: type[PersistentForm]) -> None:
        """Register forms; one that none of them knows is answered as outdated."""
        self._forms += forms

    def dispatch(self, event_name: str, /, *args: Any, **more: Any) -> None:  # noqa: ANN401 - any event's
        """Let listeners hear of an event. What works at an interaction starts after this."""
        if event_name == "interaction":
            arrived(args[0])
            if args[0].type not in _HEARD:  # a task for a listener with nothing to do takes time
                return
        super().dispatch(event_name, *args, **more)

    async def on_interaction(self, interaction: Interaction) -> None:
        """Take forms, and answer what nothing here knows: discord.py drops that silently."""
        data: dict[str, Any] = dict(interaction.data or {})
        custom_id = str(data.get("custom_id"))
        if interaction.type is InteractionType.modal_submit:
            await self._take_form(interaction, custom_id)
        elif interaction.type is InteractionType.component:
            templates = (item.__discord_ui_compiled_template__ for item in self._persistent)
            if not any(template.fullmatch(custom_id) for template in templates):
                begin(interaction)
                await tell(interaction, errors.outdated())

    async def _take_form(self, interaction: Interaction, custom_id: str) -> None:
        for form in self._forms:
            if form.template.fullmatch(custom_id):
                begin(interaction, custom_ids.kind(custom_id))
                return await form.take(interaction, custom_id)
        begin(interaction)
        typed = Values.of(interaction).written()
        file = errors.given_back(TYPED) if typed else None
        await tell(interaction, errors.outdated_form(file), typed=typed)
        return None

    async def close(self) -> None:
        """Finish what people are waiting for, as far as that is quick, then leave."""
        at_work = {task for task in asyncio.all_tasks() if task.get_name().startswith(_AT_WORK)}
        for seconds in (_LAST_ANSWERS, _LAST_WORDS, _LAST_WORDS):
            if at_work:
                _, at_work = await asyncio.wait(at_work, timeout=seconds)
            for task in at_work:
                task.cancel()  # at the first time people are told, at the second not even that
        try:
            async with asyncio.timeout(_LAST_WORDS):
                await super().close()
        except TimeoutError:
            await self.http.close()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        await super().before_identify_hook(shard_id, initial=initial)
        if self._before_identify is not None:
            await self._before_identify()

    async def on_ready(self) -> None:
        log.info("Ready as %s in %d servers", self.user, len(self.guilds))
        log.info("Invite it to a server: %s", self.invitation)

    @property
    def invitation(self) -> str:
        """The address at which people add the bot to their server, once it is logged in."""
        return discord.utils.oauth_url(self.application_id or 0, permissions=PERMISSIONS)


def use_api(url: str) -> None:
    """Talk to another Discord at `url`, `http://127.0.0.1:PORT/api/v10`, for the whole process.

    Its gateway is `/gateway` on the same host and port.
    """
    base = yarl.URL(url)
    Route.BASE = url.rstrip("/")
    DiscordWebSocket.DEFAULT_GATEWAY = base.with_scheme("ws").with_path("/gateway")
