"""Resolving for a target over the cached index.

All computing is done in a thread of its own, the search and what it takes to know early what the
search will want; the event loop only fetches, several things at once.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from typing import Final, Protocol, TypeAlias

from packaging.utils import NormalizedName

from bot.audit.model import Wanted
from bot.audit.requirements.service import RequirementReader
from bot.audit.requirements.store import RequirementStore
from bot.audit.resolver.knowledge import Answer, Done, Known
from bot.audit.resolver.model import Resolution
from bot.audit.resolver.provider import Provider
from bot.audit.resolver.rules import Available
from bot.audit.resolver.search import ROUNDS, SECONDS, Limits, search
from bot.compat.model import Target
from bot.http import DOCUMENT_THREADS
from bot.index.model import Project
from bot.index.service import SeePage
from bot.pypi.client import IndexClient

Progress: TypeAlias = Callable[[int, int, str], None]
"""Is told how many projects are known, of how many that are wanted so far, and the last one."""

FETCH_SECONDS: Final = 120.0
"""For so long the index is waited for in all."""
AT_ONCE: Final = 8
"""So many things the index is asked for at once, for one resolution."""
RESOLUTIONS: Final = 4
"""So many run at once; others wait for their turn."""
KEPT: Final = 300
"""So many projects are kept as targets see them: the next question is mostly about the same."""


class Index(Protocol):
    """What the cached index is asked for."""

    async def project(self, name: str, *, patience: float | None = None) -> Project:
        """Return a project; raises UserError."""

    def seen_by(self, viewer: SeePage) -> AbstractContextManager[None]:
        """Show pages that are fetched meanwhile."""


class Resolver:
    """Finds what pip would install on a target, and whether a set is ready there.

    `rounds` and `seconds` limit a search, `fetch_seconds` how long it waits for the index. `timer`
    gives seconds that never go backwards.
    """

    def __init__(
        self,
        index: Index,
        store: RequirementStore,
        client: IndexClient,
        *,
        parser: ThreadPoolExecutor = DOCUMENT_THREADS,
        rounds: int = ROUNDS,
        seconds: float = SECONDS,
        fetch_seconds: float = FETCH_SECONDS,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._index = index
        self._store = store
        self._client = client
        self._parser = parser
        self._rounds = rounds
        self._seconds = seconds
        self._fetch_seconds = fetch_seconds
        self._timer = timer
        self._seen = _Seen(KEPT)
        self._turns = asyncio.Semaphore(RESOLUTIONS)

    async def resolve(
        self,
        wanted: Sequence[Wanted],
        target: Target,
        *,
        ready_only: bool = False,
        progress: Progress | None = None,
    ) -> Resolution:
        """Resolve requirements for a target.

        What cannot be judged, such as a project that the index does not have, is in `unknown` or
        `problems`, and the rest goes on. Raises UserError for a target that is not known.
        """
        async with self._turns:
            reader = RequirementReader(self._store, self._client, self._parser)
            fetches = _LoopFetches(self._index, reader, progress)
            known = Known(fetches, target, self._seen.available, self._timer, self._fetch_seconds)
            thread = ThreadPoolExecutor(1, "resolver")
            resolving = partial(self._resolve, known, tuple(wanted), target, ready_only=ready_only)
            with self._index.seen_by(reader.see_page):
                try:
                    return await asyncio.get_running_loop().run_in_executor(thread, resolving)
                finally:
                    known.stop()
                    thread.shutdown(wait=False)
                    await fetches.close()
                    await reader.close()

    def _resolve(
        self, known: Known, wanted: Sequence[Wanted], target: Target, *, ready_only: bool
    ) -> Resolution:
        provider = Provider(known, target, ready_only=ready_only)
        provider.ask(wanted)
        known.crawl(provider)
        begun = self._timer() - known.waited
        limits = Limits(self._rounds, self._seconds, lambda: self._timer() - known.waited - begun)
        return search(provider, target, limits)


class _Seen:
    """The projects that were looked at last, as targets see them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[tuple[NormalizedName, Target], Available] = {}
        self._lock = threading.Lock()

    def available(self, project: Project, target: Target) -> Available:
        """Return what a target sees of a project, worked out anew if the project has changed."""
        key = project.name, target
        with self._lock:
            known = self._kept.pop(key, None)
        if known is None or (known.files, known.status) != (project.files, project.status):
            known = Available(project.name, project.files, project.status, target)
        with self._lock:
            self._kept[key] = known  # the last one is dropped last
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return known


class _LoopFetches:
    """Fetches for a resolution's thread, in the event loop."""

    def __init__(self, index: Index, reader: RequirementReader, progress: Progress | None) -> None:
        self._index = index
        self._reader = reader
        self._progress = progress
        self._loop = asyncio.get_running_loop()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._wanted = self._known = 0
        self._closed = False

    def project(self, name: NormalizedName, done: Done) -> None:
        """Begin to fetch a project."""
        self._wanted += 1
        self._begin(partial(self._project, name), done)

    def requirements(self, name: NormalizedName, version: str, file: str, done: Done) -> None:
        """Begin to fetch what a release requires."""
        self._begin(partial(self._reader.read, name, version, file), done)

    async def close(self) -> None:
        """End what is still being fetched, and begin nothing more."""
        self._closed = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, fetch: Callable[[], Awaitable[Answer]], done: Done) -> None:
        self._loop.call_soon_threadsafe(self._start, fetch, done)

    def _start(self, fetch: Callable[[], Awaitable[Answer]], done: Done) -> None:
        if self._closed:
            return
        task = asyncio.create_task(self._answer(fetch, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, fetch: Callable[[], Awaitable[Answer]], done: Done) -> None:
        async with self._slots:
            try:
                answer = await fetch()
            except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
                answer = error
        done(answer)

    async def _project(self, name: NormalizedName) -> Project:
        try:
            return await self._index.project(name)
        finally:
            self._known += 1
            if self._progress:
                self._progress(self._known, self._wanted, name)
