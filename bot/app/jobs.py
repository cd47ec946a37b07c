"""The jobs that keep what is known of the index up to date, and find news in it."""

import asyncio
import ctypes
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Final

from bot.announce.changes.service import ChangesService
from bot.announce.changes.store import ChangeStore
from bot.announce.delivery.store import DeliveryStore
from bot.announce.news.readings import Readings
from bot.announce.news.service import NewsService
from bot.announce.news.store import NewsStore
from bot.app.core import Core
from bot.background import Job, Supervisor
from bot.db import Leases, Memory

FROM_ELSEWHERE: Final = frozenset({"ranks", "tracker", "guide", "xray"})
"""Jobs that ask others than the index, or for its files."""
BY_DISCORD: Final = frozenset({"delivery", "posts", "audit notes"})
"""Jobs for a process that is on Discord."""
HOUR, DAY = 3_600.0, 86_400.0
LOOK: Final = 10.0
"""Seconds between looks at what is due; what is due at once is not waited for."""
_LOOK_AT_READINGS: Final = 60.0
"""Seconds between looks at what another process has read; what this one reads is told at once."""
_LOOK_AGAIN: Final = 1.0
"""Seconds between looks while something waits: for its next try, or for Discord to be ready."""


class Bell:
    """Wakes jobs by name. Nothing happens for a job that does not run here."""

    def __init__(self) -> None:
        self._supervisor: Supervisor | None = None
        self._jobs: frozenset[str] = frozenset()

    def wake(self, job: str) -> None:
        """Let it run now."""
        if self._supervisor is not None and job in self._jobs:
            self._supervisor.wake(job)

    def hung(self, supervisor: Supervisor, jobs: Iterable[Job]) -> None:
        """Wake the jobs of this supervisor from now on."""
        self._supervisor, self._jobs = supervisor, frozenset(job.name for job in jobs)


@asynccontextmanager
async def supervised(
    parts: Core, jobs: Iterable[Job], bell: Bell, without: Container[str] = ()
) -> AsyncIterator[Supervisor]:
    """Run jobs, which wake each other by `bell`, until the block ends."""
    chosen = [job for job in jobs if job.name not in without]
    supervisor = Supervisor(chosen, Leases(parts.database), Memory(parts.database))
    bell.hung(supervisor, chosen)
    async with supervisor:
        yield supervisor


def refreshing(parts: Core) -> Iterable[Job]:
    """Yield the jobs that keep what is known up to date."""

    async def refresh_names() -> None:
        await parts.catalogue.refresh_names()
        allocator("malloc_trim", 0)

    yield Job("names", refresh_names, every=DAY, retry=60, longest_retry=HOUR)
    yield Job("ranks", parts.catalogue.refresh_ranks, every=7 * DAY, longest_retry=DAY)
    yield Job("tracker", parts.tracker.refresh, every=DAY, longest_retry=DAY)
    yield Job("guide", parts.guide.refresh, every=DAY, longest_retry=DAY)
    if parts.settings.fill:
        yield Job("fill", parts.fill.run, every=HOUR)


def finding(parts: Core, bell: Bell) -> Iterable[Job]:
    """Yield the jobs between a change of the index and the outbox. Each wakes the next."""
    settings, rank = parts.settings, parts.catalogue.rank

    def upstream(project: str) -> str | None:
        claim = parts.tracker.claim(project)
        return claim.upstream_issue if claim else None

    def told() -> None:
        bell.wake("delivery")
        bell.wake("readings")

    changes = ChangesService(
        ChangeStore(parts.database, parts.projects),
        parts.journal,
        parts.client,
        source=settings.changes,
        settle=settings.announce_settle,
        ranked=lambda project: rank(project) is not None,
        watched=parts.subscriptions.watched,
        found=lambda: bell.wake("news"),
    )
    store = NewsStore(parts.database)
    news = NewsService(
        parts.database,
        parts.index,
        parts.projects,
        store,
        subscriptions=parts.subscriptions,
        deliveries=DeliveryStore(parts.database),
        rank=rank,
        upstream=upstream,
        settle=settings.announce_settle,
        arrived=told,
        told_until=parts.told_until,
    )
    quiet = min(max(settings.announce_settle / 4, 0.5), LOOK) if settings.announce_settle else LOOK
    yield Job("changes", changes.follow, every=settings.changes_interval, longest_retry=300)
    yield Job("news", news.examine, every=quiet, longest_retry=60)
    if parts.xray.on:
        readings = Readings(
            parts.database, store, parts.xray, arrived=lambda: bell.wake("delivery")
        )
        parts.xray.found = lambda _: bell.wake("readings")
        yield Job("readings", readings.tell, every=_LOOK_AT_READINGS, longest_retry=HOUR)


def delivering(
    name: str, deliver: Callable[[], Awaitable[None]], waiting: Callable[[], object], bell: Bell
) -> Job:
    """Return the job of an outbox, which looks again soon while something waits in it."""

    async def run() -> None:
        await deliver()
        if waiting():
            asyncio.get_running_loop().call_later(_LOOK_AGAIN, bell.wake, name)

    return Job(name, run, every=LOOK, longest_retry=60)


def allocator(function: str, *arguments: int) -> None:
    """Call a function of glibc's allocator; other C libraries lack it, and nothing happens.

    By itself glibc keeps what large documents were parsed in, and the process would be 50 MB
    larger for good (mallopt(3), "dynamic mmap threshold").
    """
    with suppress(AttributeError, OSError, TypeError):
        getattr(ctypes.CDLL(None), function)(*arguments)
