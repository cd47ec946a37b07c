"""The whole bot: what cogs work with, its jobs, its client and its web server."""

import asyncio
import gc
import logging
import sys
from collections.abc import AsyncIterator, Callable, Container, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bot import translations
from bot.announce.delivery.service import Outbox
from bot.announce.delivery.store import DeliveryStore
from bot.announce.subscriptions.service import SubscriptionService, WatchService
from bot.app.auditing import Auditing, auditing
from bot.app.core import PATIENCE, Core, core
from bot.app.jobs import (
    BY_DISCORD,
    Bell,
    allocator,
    delivering,
    finding,
    refreshing,
    supervised,
)
from bot.app.keeping import keeping
from bot.app.progressing import api_routes, progress_service, progressing
from bot.app.reporting import Reporting, reporting
from bot.app.signals import until_signal
from bot.app.xraying import xraying
from bot.compat.model import ProjectFiles
from bot.compat.rules import support
from bot.compat.targets import ALL_TARGETS
from bot.db import Identifies, Leases, Memory
from bot.errors import SettingsError
from bot.reports.store import ReportStore
from bot.settings import Settings

if TYPE_CHECKING:  # discord.py takes half a second and 40 MB, which `ftbot check` does without
    import discord
    from aiohttp.web import AbstractRouteDef

    from bot.client import Services

log = logging.getLogger(__name__)

_SWITCH_INTERVAL: Final = 0.001
"""Seconds after which a thread that parses lets the event loop have the GIL."""
_M_MMAP_THRESHOLD, _LARGE_BLOCK = -3, 65_536
"""For `mallopt` of glibc's malloc.h; bytes from which on a block has pages of its own."""


@dataclass(frozen=True, slots=True)
class Running:
    """What cogs work with, and what can be told of the jobs that run."""

    services: "Services"
    outbox: Outbox
    reporting: Reporting
    auditing: Auditing


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

    `client` gives the Discord client of the moment; messages wait while there is none. Jobs whose
    names are in `without` don't run.
    """
    from bot.app.about import telling  # noqa: PLC0415 - see TYPE_CHECKING above
    from bot.client import Services  # noqa: PLC0415 - see above
    from bot.courier.carrier import Carrier  # noqa: PLC0415 - see above
    from bot.courier.news import NewsCourier  # noqa: PLC0415 - see above

    allocator("mallopt", _M_MMAP_THRESHOLD, _LARGE_BLOCK)
    await parts.catalogue.load()
    await parts.guide.load()
    await asyncio.to_thread(translations.load)
    # The tags of all targets take a tenth of a second, which the first to ask need not wait for.
    await asyncio.to_thread(support, ProjectFiles((), ()), ALL_TARGETS)
    site, bell, carrier = (
        parts.settings.pypi_url,
        Bell(),
        Carrier(client, parts.sending.note, parts.speakers.language),
    )
    courier = NewsCourier(carrier, site=site)
    outbox = Outbox(DeliveryStore(parts.database), parts.subscriptions, courier)

    store = ReportStore(parts.database, lambda: bell.wake("posts"))
    audits = auditing(parts, carrier, bell, store)
    progress = progress_service(parts)
    async with reporting(parts, carrier, bell, store, audits.members) as reports:
        jobs = (
            *refreshing(parts),
            *finding(parts, bell),
            delivering("delivery", outbox.deliver, lambda: outbox.backlog.waiting, bell),
            *reports.jobs(bell),
            *audits.jobs(bell),
            *progressing(progress),
            *xraying(parts, bell),
            *keeping(parts.database, parts.settings.backups),
        )
        able = (
            replace(job, able=carrier.is_ready) if job.name in BY_DISCORD else job for job in jobs
        )
        async with supervised(parts, able, bell, without) as supervisor:
            ready = Services(
                parts.check,
                parts.catalogue,
                Memory(parts.database),
                SubscriptionService(parts.subscriptions, site=site),
                WatchService(parts.subscriptions, parts.check),
                reports.service,
                audits.service,
                parts.speakers,
                parts.guide,
                progress,
                supervisor.statuses,
                telling(parts, supervisor.statuses),
            )
            yield Running(ready, outbox, reports, audits)


async def run(settings: Settings) -> None:
    """Run the bot on Discord until SIGINT or SIGTERM. Raises UserError if it cannot start."""
    from bot.app.observing import observed  # noqa: PLC0415 - see TYPE_CHECKING above
    from bot.client import FtBot, use_api  # noqa: PLC0415 - see above
    from bot.gateway import Gateway  # noqa: PLC0415 - see above

    token = settings.discord_token
    if token is None:
        raise SettingsError("There is no token.", "Set FTBOT_DISCORD_TOKEN.")
    if settings.discord_api_url:
        use_api(settings.discord_api_url)
    sys.setswitchinterval(_SWITCH_INTERVAL)

    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        parts = await enter(core(settings, patience=PATIENCE))
        leases, memory = Leases(parts.database), Memory(parts.database)
        gateway = Gateway(leases, memory, Identifies(parts.database))
        running = await enter(working(parts, lambda: gateway.client))
        # All that was loaded stays. Looking through it for garbage would stop the loop for 50 ms.
        gc.collect()
        gc.freeze()

        def build() -> FtBot:
            return FtBot(running.services, before_identify=gateway.identify)

        if settings.http:
            routes = (*webhook_routes(settings, running), *api_routes(parts))
            await enter(observed(settings.http, parts, running, gateway, routes))
        await until_signal(gateway.run(build, token.get_secret_value()))


def webhook_routes(settings: Settings, running: Running) -> "Iterable[AbstractRouteDef]":
    """Return the web server's routes for GitHub's webhooks, none without their secret."""
    from bot.webhook import routes  # noqa: PLC0415 - see TYPE_CHECKING above

    secret = settings.github_webhook_secret
    return routes(secret.get_secret_value(), running.reporting.following) if secret else ()
