"""The background fill: keeps the most downloaded projects cached, one polite request at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.errors import IndexUnavailable, ProjectNotFound
from bot.index.catalogue import Catalogue
from bot.index.service import CachedIndex
from bot.index.store import ProjectStore

log = logging.getLogger(__name__)

PAUSE = 0.5
"""Seconds between two requests: the 15,000 most downloaded projects take some hours at first."""
_KEPT = timedelta(days=1)
"""Archiving a project shows nowhere but on its page, so each page is read once a day at least."""
_LOG_EVERY = 500
_PATIENCE = 5
"""So many failures one after another mean that the index is down."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of the projects to keep are cached."""

    cached: int = 0
    wanted: int = 0


class Fill:
    """Fetches the `wanted` most downloaded projects that are not cached, or not since yesterday."""

    def __init__(
        self,
        index: CachedIndex,
        store: ProjectStore,
        catalogue: Catalogue,
        wanted: int,
        *,
        pause: float = PAUSE,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.progress = Progress()
        self._index = index
        self._store = store
        self._catalogue = catalogue
        self._wanted = wanted
        self._pause = pause
        self._sleep = sleep
        self._clock = clock

    async def run(self) -> None:
        """Go once through the list. Raises IndexUnavailable if the index seems to be down."""
        names = self._catalogue.most_downloaded(self._wanted)
        cached = await self._store.fetched_since(names, self._clock() - _KEPT)
        missing = [name for name in names if name not in cached]
        if missing:
            log.info("Filling the cache: %d of %d projects", len(missing), len(names))
        done, failures = len(cached), 0
        self.progress = Progress(done, len(names))
        for name in missing:
            try:
                project = await self._index.refresh(name)
                failures = failures + 1 if project.stale else 0
            except ProjectNotFound:
                failures = 0
            except IndexUnavailable as error:
                failures += 1
                log.warning("The fill could not read %s: %s", name, error)
            if failures >= _PATIENCE:
                raise IndexUnavailable("The index fails again and again; the fill goes on later.")
            done += failures == 0
            self.progress = Progress(done, len(names))
            if done % _LOG_EVERY == 0:
                log.info("Cached %d of %d projects", done, len(names))
            await self._sleep(self._pause)
