"""Where everything is put together: settings → what cogs and commands work with."""

import asyncio
import ctypes
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn

from bot import data
from bot.announce.subscriptions.service import SubscriptionService, WatchService
from bot.announce.subscriptions.store import SubscriptionStore
from bot.background import Job, Supervisor
from bot.check.claims import encode_metadata, metadata_facts
from bot.check.service import CheckService
from bot.check.tracking import Tracker
from bot.compat.model import ProjectFiles
from bot.compat.rules import support
from bot.compat.targets import ALL_TARGETS
from bot.db import Database, Leases, Memory
from bot.errors import SettingsError
from bot.http import http_client
from bot.index.aliases import read_aliases
from bot.index.catalogue import Catalogue
from bot.index.fill import Fill
from bot.index.service import CachedIndex
from bot.index.store import DocumentStore, ProjectStore
from bot.pypi.client import IndexClient
from bot.settings import HttpAddress, Settings

if TYPE_CHECKING:  # discord.py takes half a second and 40 MB, which `ftbot check` does without
    from bot.client import Services

log = logging.getLogger(__name__)

DATABASE: Final = "ftbot.sqlite3"
_HOUR, _DAY = 3_600.0, 86_400.0
_PATIENCE: Final = 5.0
"""Seconds that people on Discord wait for the index where the cache has an answer."""
_SWITCH_INTERVAL: Final = 0.001
"""Seconds after which a thread that parses lets the event loop have the GIL."""
_M_MMAP_THRESHOLD, _LARGE_BLOCK = -3, 65_536
"""For `mallopt` of glibc's malloc.h; bytes from which on a block has pages of its own."""


@dataclass(frozen=True, slots=True)
class Core:
    """Everything but Discord."""

    database: Database
    index: CachedIndex
    check: CheckService
    announce: SubscriptionService
    watch: WatchService
    catalogue: Catalogue
    fill: Fill
    jobs: tuple[Job, ...]


@asynccontextmanager
async def core(settings: Settings, *, patience: float | None = None) -> AsyncIterator[Core]:
    """Open the database and the clients. `patience` is `CheckService`'s. No job runs yet."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        database = await enter(Database.open(settings.data_dir / DATABASE))
        documents, projects = DocumentStore(database), ProjectStore(database)
        # One client for the index and for public documents: no setting's address has credentials,
        # and each client reads all certificates, which takes 60 ms.
        http = await enter(http_client(settings.pypi_url))
        client = IndexClient(http)
        parser = stack.enter_context(ThreadPoolExecutor(_parsers(), "parse page"))
        index = CachedIndex(
            client,
            projects,
            parser,
            fresh=timedelta(seconds=settings.index_fresh),
            read_metadata=lambda body: encode_metadata(metadata_facts(body)),
        )
        stack.push_async_callback(index.close)
        aliases = read_aliases(data.read("aliases.json"))
        catalogue = Catalogue(documents, client, http, settings.top_packages_url)
        tracker = Tracker(documents, http, settings.tracker_url, aliases)
        await tracker.load()
        fill = Fill(index, projects, catalogue, settings.fill)
        check = CheckService(
            index, catalogue, aliases, tracker, site=settings.pypi_url, patience=patience
        )
        subscriptions = SubscriptionStore(database)
        announce = SubscriptionService(subscriptions, site=settings.pypi_url)
        watch = WatchService(subscriptions, check)

        async def refresh_names() -> None:
            await catalogue.refresh_names()
            _allocator("malloc_trim", 0)

        jobs = [
            Job("names", refresh_names, every=_DAY, retry=60, longest_retry=_HOUR),
            Job("ranks", catalogue.refresh_ranks, every=7 * _DAY, longest_retry=_DAY),
            Job("tracker", tracker.refresh, every=_DAY, longest_retry=_DAY),
        ]
        if settings.fill:
            jobs.append(Job("fill", fill.run, every=_HOUR))
        yield Core(database, index, check, announce, watch, catalogue, fill, tuple(jobs))


@asynccontextmanager
async def services(settings: Settings) -> "AsyncIterator[Services]":
    """Open what cogs work with, and run the background jobs, until the block ends."""
    async with core(settings, patience=_PATIENCE) as parts, working(parts) as ready:
        yield ready


@asynccontextmanager
async def working(parts: Core) -> "AsyncIterator[Services]":
    """Load what answers need at once, and run the background jobs until the block ends."""
    from bot.client import Services  # noqa: PLC0415 - see TYPE_CHECKING above

    _allocator("mallopt", _M_MMAP_THRESHOLD, _LARGE_BLOCK)
    await parts.catalogue.load()
    # The tags of all targets take a tenth of a second, which the first to ask need not wait for.
    await asyncio.to_thread(support, ProjectFiles((), ()), ALL_TARGETS)
    memory = Memory(parts.database)
    async with Supervisor(parts.jobs, Leases(parts.database), memory) as supervisor:
        yield Services(
            parts.check, parts.catalogue, memory, parts.announce, parts.watch, supervisor.statuses
        )


def _allocator(function: str, *arguments: int) -> None:
    """Call a function of glibc's allocator; other C libraries lack it, and nothing happens.

    By itself glibc keeps what large documents were parsed in, and the process would be 50 MB
    larger for good (mallopt(3), "dynamic mmap threshold").
    """
    with suppress(AttributeError, OSError, TypeError):
        getattr(ctypes.CDLL(None), function)(*arguments)


async def run(settings: Settings) -> None:
    """Run the bot on Discord until SIGINT or SIGTERM. Raises UserError if it cannot start."""
    from bot.client import FtBot, run_client, use_api  # noqa: PLC0415 - see TYPE_CHECKING above

    token = settings.discord_token
    if token is None:
        raise SettingsError("There is no token.", "Set FTBOT_DISCORD_TOKEN.")
    if settings.discord_api_url:
        use_api(settings.discord_api_url)
    sys.setswitchinterval(_SWITCH_INTERVAL)
    clients: list[FtBot] = []

    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(core(settings, patience=_PATIENCE))
        ready = await stack.enter_async_context(working(parts))

        def build() -> FtBot:
            clients[:] = [FtBot(ready)]
            return clients[0]

        if settings.http:
            await stack.enter_async_context(
                _observed(
                    settings.http,
                    parts,
                    ready,
                    lambda: any(client.is_ready() for client in clients),
                )
            )
        await _until_signal(run_client(build, token.get_secret_value()))


@asynccontextmanager
async def _observed(
    address: HttpAddress, parts: Core, ready: "Services", is_ready: Callable[[], bool]
) -> AsyncIterator[None]:
    """Serve health and metrics until the block ends."""
    from prometheus_client import REGISTRY  # noqa: PLC0415 - what the command line does without

    from bot.index.metrics import IndexMetrics  # noqa: PLC0415 - see above
    from bot.web import serving  # noqa: PLC0415 - see above

    metrics = IndexMetrics(parts.index, parts.fill)
    REGISTRY.register(metrics)
    try:
        async with serving(
            address,
            statuses=ready.jobs,
            ready=is_ready,
            facts=lambda: {"fill": asdict(parts.fill.progress)},
        ) as bound:
            log.info("Health and metrics on http://%s", bound)
            yield
    finally:
        REGISTRY.unregister(metrics)


async def _until_signal(work: Coroutine[Any, Any, NoReturn]) -> None:
    """Run `work` until SIGINT or SIGTERM; raise what it raises."""
    loop, task = asyncio.get_running_loop(), asyncio.create_task(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows has no such handlers; Ctrl+C still ends it
            loop.add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task
    log.info("Bye")


def _parsers() -> int:
    """How many threads parse pages: more than one only hinder each other where there is a GIL."""
    enabled = getattr(sys, "_is_gil_enabled", lambda: True)
    return 1 if enabled() else 2
