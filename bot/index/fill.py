"""The background fill: keeps the most downloaded projects cached, one polite request at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.errors import IndexUnavailable, ProjectNotFound
from bot.index.catalogue import Catalogue
from bot.index.service import CachedIndex
from bot.index.store import ProjectStore

log = logging.getLogger(__name__)

PAUSE: Final = 0.5
"""Seconds between two projects: the 15,000 most downloaded take some hours at first."""
KEPT: Final = timedelta(days=1)
"""Archiving a project shows nowhere but on its page, so each page is read once a day at least."""
LOG_EVERY: Final = 500
FAILURES: Final = 5
"""So many failures one after another mean that the index is down."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of the projects that are wanted are cached, and not older than `KEPT`."""

    cached: int = 0
    wanted: int = 0


class Fill:
    """Fetches the `wanted` most downloaded projects that are not cached, or not since yesterday.

    `progress` is of the run that goes on, or else of the last one.
    """

    def __init__(
        self,
        index: CachedIndex,
        store: ProjectStore,
        catalogue: Catalogue,
        wanted: int,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.progress = Progress()
        self._index = index
        self._store = store
        self._catalogue = catalogue
        self._wanted = wanted
        self._sleep = sleep
        self._clock = clock

    async def run(self) -> None:
        """Go once through the list. Raises IndexUnavailable if the index seems to be down."""
        names = self._catalogue.most_downloaded(self._wanted)
        fresh = await self._store.fetched_since(names, self._clock() - KEPT)
        missing = [name for name in names if name not in fresh]
        cached, wanted, failures = len(fresh), len(names), 0
        self.progress = Progress(cached, wanted)
        if missing:
            log.info("Filling the cache: %d of %d projects", len(missing), wanted)
        for number, name in enumerate(missing, 1):
            match await self._fetch(name):
                case True:
                    cached, failures = cached + 1, 0
                case None:
                    wanted, failures = wanted - 1, 0
                case False:
                    failures += 1
            self.progress = Progress(cached, wanted)
            if failures == FAILURES:
                raise IndexUnavailable("The index fails again and again; the fill goes on later.")
            if number % LOG_EVERY == 0 or number == len(missing):
                log.info("Cached %d of %d projects", cached, wanted)
            await self._sleep(PAUSE)

    async def _fetch(self, name: str) -> bool | None:
        """Fetch a project; return whether that worked, None if there is no such project."""
        try:
            return not (await self._index.refresh(name)).stale
        except ProjectNotFound:  # ranked, but removed since
            return None
        except IndexUnavailable as error:
            log.warning("The fill could not read %s: %s", name, error)
            return False
