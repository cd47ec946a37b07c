"""Where everything is put together: settings → what cogs and commands work with."""

import asyncio
import ctypes
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Container, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from bot import data
from bot.announce.changes.service import ChangesService
from bot.announce.changes.store import ChangeStore
from bot.announce.delivery.model import Backlog
from bot.announce.delivery.service import Outbox
from bot.announce.delivery.store import DeliveryStore
from bot.announce.news.service import NewsService
from bot.announce.news.store import NewsStore
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
from bot.http import DOCUMENT_THREADS, http_client
from bot.index.aliases import read_aliases
from bot.index.catalogue import Catalogue
from bot.index.fill import Fill
from bot.index.service import CachedIndex
from bot.index.store import DocumentStore, ProjectStore
from bot.pypi.client import IndexClient
from bot.pypi.journal import Journal
from bot.settings import HttpAddress, Settings

if TYPE_CHECKING:  # discord.py takes half a second and 40 MB, which `ftbot check` does without
    import discord

    from bot.client import Services

log = logging.getLogger(__name__)

DATABASE: Final = "ftbot.sqlite3"
_HOUR, _DAY = 3_600.0, 86_400.0
PATIENCE: Final = 5.0
"""Seconds that people on Discord wait for the index where the cache has an answer."""
FROM_ELSEWHERE: Final = frozenset({"ranks", "tracker"})
"""Jobs that ask others than the index."""
_LOOK: Final = 10.0
"""Seconds between looks at what is due; what is due at once is not waited for."""
_LOOK_AGAIN: Final = 1.0
"""Seconds between looks while something waits: for its next try, or for Discord to be ready."""
_SWITCH_INTERVAL: Final = 0.001
"""Seconds after which a thread that parses lets the event loop have the GIL."""
_M_MMAP_THRESHOLD, _LARGE_BLOCK = -3, 65_536
"""For `mallopt` of glibc's malloc.h; bytes from which on a block has pages of its own."""


@dataclass(frozen=True, slots=True)
class Core:
    """Everything but Discord, and but what goes on by itself."""

    settings: Settings
    database: Database
    client: IndexClient
    journal: Journal
    projects: ProjectStore
    index: CachedIndex
    catalogue: Catalogue
    tracker: Tracker
    check: CheckService
    fill: Fill
    subscriptions: SubscriptionStore


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
        index = CachedIndex(
            client,
            projects,
            DOCUMENT_THREADS,
            fresh=timedelta(seconds=settings.index_fresh),
            read_metadata=lambda body: encode_metadata(metadata_facts(body)),
        )
        stack.push_async_callback(index.close)
        aliases = read_aliases(data.read("aliases.json"))
        catalogue = Catalogue(documents, client, http, settings.top_packages_url)
        tracker = Tracker(documents, http, settings.tracker_url, aliases)
        await tracker.load()
        check = CheckService(
            index, catalogue, aliases, tracker, site=settings.pypi_url, patience=patience
        )
        yield Core(
            settings=settings,
            database=database,
            client=client,
            journal=Journal(http),
            projects=projects,
            index=index,
            catalogue=catalogue,
            tracker=tracker,
            check=check,
            fill=Fill(index, projects, catalogue, settings.fill),
            subscriptions=SubscriptionStore(database),
        )


@dataclass(frozen=True, slots=True)
class Running:
    """What cogs work with, and what can be told of the jobs that run."""

    services: "Services"
    outbox: Outbox


@asynccontextmanager
async def services(settings: Settings) -> "AsyncIterator[Services]":
    """Open what cogs work with, and run the background jobs, until the block ends."""
    async with core(settings, patience=PATIENCE) as parts, working(parts) as running:
        yield running.services


@asynccontextmanager
async def working(
    parts: Core,
    client: "Callable[[], discord.Client | None]" = lambda: None,
    *,
    without: Container[str] = (),
) -> AsyncIterator[Running]:
    """Load what answers need at once, and run the background jobs until the block ends.

    `client` gives the Discord client of the moment; news waits while there is none. Jobs whose
    names are in `without` don't run.
    """
    from bot.client import Services  # noqa: PLC0415 - see TYPE_CHECKING above
    from bot.courier.carrier import Carrier  # noqa: PLC0415 - see above
    from bot.courier.news import NewsCourier  # noqa: PLC0415 - see above

    _allocator("mallopt", _M_MMAP_THRESHOLD, _LARGE_BLOCK)
    await parts.catalogue.load()
    # The tags of all targets take a tenth of a second, which the first to ask need not wait for.
    await asyncio.to_thread(support, ProjectFiles((), ()), ALL_TARGETS)
    site, memory = parts.settings.pypi_url, Memory(parts.database)
    outbox = Outbox(
        DeliveryStore(parts.database), parts.subscriptions, NewsCourier(Carrier(client), site=site)
    )

    def jobs(wake: Callable[[str], None]) -> Iterable[Job]:
        async def deliver() -> None:
            await outbox.deliver()
            if outbox.backlog.waiting:
                asyncio.get_running_loop().call_later(_LOOK_AGAIN, wake, "delivery")

        yield from _refreshing(parts)
        yield from _finding(parts, wake)
        yield Job("delivery", deliver, every=_LOOK, longest_retry=60)

    async with _supervised(parts, jobs, without) as supervisor:
        ready = Services(
            parts.check,
            parts.catalogue,
            memory,
            SubscriptionService(parts.subscriptions, site=site),
            WatchService(parts.subscriptions, parts.check),
            supervisor.statuses,
        )
        yield Running(ready, outbox)


@asynccontextmanager
async def _supervised(
    parts: Core,
    jobs: Callable[[Callable[[str], None]], Iterable[Job]],
    without: Container[str] = (),
) -> AsyncIterator[Supervisor]:
    """Run jobs that wake each other by name, until the block ends."""
    supervisor: Supervisor

    def wake(job: str) -> None:
        if job not in without:
            supervisor.wake(job)

    chosen = [job for job in jobs(wake) if job.name not in without]
    supervisor = Supervisor(chosen, Leases(parts.database), Memory(parts.database))
    async with supervisor:
        yield supervisor


async def sync_once(parts: Core) -> None:
    """Follow the index once and fill the cache, without Discord. Raises what goes wrong first."""
    await parts.catalogue.load()
    for job in (*_finding(parts, lambda _: None), *_refreshing(parts)):
        if job.name not in FROM_ELSEWHERE:
            await job.run()


async def sync(parts: Core) -> None:
    """Follow the index and keep the cache filled, without Discord, until SIGINT or SIGTERM."""
    await parts.catalogue.load()

    def jobs(wake: Callable[[str], None]) -> Iterable[Job]:
        yield from _refreshing(parts)
        yield from _finding(parts, wake)

    async with _supervised(parts, jobs, without={"delivery"}):
        await until_signal(asyncio.Event().wait())


def _refreshing(parts: Core) -> Iterable[Job]:
    """Yield the jobs that keep what is known up to date."""

    async def refresh_names() -> None:
        await parts.catalogue.refresh_names()
        _allocator("malloc_trim", 0)

    yield Job("names", refresh_names, every=_DAY, retry=60, longest_retry=_HOUR)
    yield Job("ranks", parts.catalogue.refresh_ranks, every=7 * _DAY, longest_retry=_DAY)
    yield Job("tracker", parts.tracker.refresh, every=_DAY, longest_retry=_DAY)
    if parts.settings.fill:
        yield Job("fill", parts.fill.run, every=_HOUR)


def _finding(parts: Core, wake: Callable[[str], None]) -> Iterable[Job]:
    """Yield the jobs between a change of the index and the outbox. Each wakes the next."""
    settings, rank = parts.settings, parts.catalogue.rank

    def upstream(project: str) -> str | None:
        claim = parts.tracker.claim(project)
        return claim.upstream_issue if claim else None

    changes = ChangesService(
        ChangeStore(parts.database, parts.projects),
        parts.journal,
        parts.client,
        source=settings.changes,
        settle=settings.announce_settle,
        ranked=lambda project: rank(project) is not None,
        watched=parts.subscriptions.watched,
        found=lambda: wake("news"),
    )
    news = NewsService(
        parts.database,
        parts.index,
        parts.projects,
        NewsStore(parts.database),
        subscriptions=parts.subscriptions,
        deliveries=DeliveryStore(parts.database),
        rank=rank,
        upstream=upstream,
        settle=settings.announce_settle,
        arrived=lambda: wake("delivery"),
    )
    quiet = (
        min(max(settings.announce_settle / 4, 0.5), _LOOK) if settings.announce_settle else _LOOK
    )
    yield Job("changes", changes.follow, every=settings.changes_interval, longest_retry=300)
    yield Job("news", news.examine, every=quiet, longest_retry=60)


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
        enter = stack.enter_async_context
        parts = await enter(core(settings, patience=PATIENCE))
        running = await enter(working(parts, lambda: clients[0] if clients else None))
        # All that was loaded stays. Looking through it for garbage would stop the loop for 50 ms.
        gc.collect()
        gc.freeze()

        def build() -> FtBot:
            clients[:] = [FtBot(running.services)]
            return clients[0]

        def is_ready() -> bool:
            return any(client.is_ready() for client in clients)

        if settings.http:
            await enter(_observed(settings.http, parts, running, is_ready))
        await until_signal(run_client(build, token.get_secret_value()))


@asynccontextmanager
async def _observed(
    address: HttpAddress, parts: Core, running: Running, is_ready: Callable[[], bool]
) -> AsyncIterator[None]:
    """Serve health and metrics until the block ends."""
    from prometheus_client import REGISTRY  # noqa: PLC0415 - what the command line does without

    from bot.announce.delivery import metrics as delivery  # noqa: PLC0415 - see above
    from bot.index.metrics import IndexMetrics  # noqa: PLC0415 - see above
    from bot.web import serving  # noqa: PLC0415 - see above

    def backlog() -> Backlog:
        return running.outbox.backlog

    def facts() -> dict[str, dict[str, float]]:
        return {
            "fill": asdict(parts.fill.progress),
            "outbox": delivery.facts(backlog(), datetime.now(UTC)),
        }

    collectors = IndexMetrics(parts.index, parts.fill), delivery.OutboxMetrics(backlog)
    for collector in collectors:
        REGISTRY.register(collector)
    try:
        async with serving(
            address, statuses=running.services.jobs, ready=is_ready, facts=facts
        ) as bound:
            log.info("Health and metrics on http://%s", bound)
            yield
    finally:
        for collector in collectors:
            REGISTRY.unregister(collector)


async def until_signal(work: Coroutine[Any, Any, object]) -> None:
    """Run `work` until it ends, or until SIGINT or SIGTERM; raise what it raises."""
    loop, signalled = asyncio.get_running_loop(), asyncio.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        with suppress(NotImplementedError):  # Windows has no such handlers; Ctrl+C still ends it
            loop.add_signal_handler(number, signalled.set)
    task, ending = asyncio.create_task(work), asyncio.create_task(signalled.wait())
    try:
        await asyncio.wait((task, ending), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        task.cancel()
        ending.cancel()
        await asyncio.gather(task, ending, return_exceptions=True)
        for number in numbers:
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)
    log.info("Bye")
