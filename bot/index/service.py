"""The cached index: every project, as fresh as asked for, fetched once for all who ask."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, TypeAlias

import msgspec
from packaging.utils import NormalizedName, canonicalize_name

from bot.compat.condense import condense
from bot.errors import DatabaseError, IndexUnavailable, ProjectNotFound
from bot.http import Fetched, FetchError
from bot.index.model import Metadata, Project
from bot.index.store import ProjectStore, encode
from bot.language import phrase
from bot.pypi.client import IndexClient
from bot.pypi.names import normalise
from bot.pypi.wire import decode_page

log = logging.getLogger(__name__)

SeePage: TypeAlias = Callable[[NormalizedName, bytes], None]
"""Gets a page that was fetched just now, in a thread where documents are read."""

_METADATA_FRESH: Final = timedelta(days=7)
"""Metadata of a release never changes; only the owners' links are edited now and then."""
_METADATA_LATE: Final = timedelta(hours=1)
"""A release that has no metadata may be so new that the index does not show it yet."""
_METADATA_PATIENCE: Final = 5.0
"""Seconds that an answer waits for metadata, which it can do without."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Failures:
    """What could not be fetched lately, so that nobody waits for it again at once.

    A project rests for `REST` seconds after its failure. When the index gave no answer for several
    projects, and none for another one since, it is down, and all projects rest as long.
    """

    REST: Final = 30.0
    ENOUGH: Final = 3
    """So many projects without an answer one after another mean that the index is down."""

    def __init__(self, timer: Callable[[], float]) -> None:
        self._timer = timer
        self._resting: dict[NormalizedName, tuple[float, IndexUnavailable]] = {}
        self._unanswered: set[NormalizedName] = set()

    def add(self, name: NormalizedName, error: IndexUnavailable) -> None:
        """Note that a project could not be fetched."""
        self._resting[name] = self._timer(), error
        if isinstance(error.__cause__, FetchError) and error.__cause__.passing:
            self._unanswered.add(name)
        else:  # it did answer, though with something that cannot be used
            self._unanswered.clear()

    def forget(self, name: NormalizedName) -> None:
        """Note that the index answered for a project."""
        self._resting.pop(name, None)
        self._unanswered.clear()

    def recent(self, name: NormalizedName) -> IndexUnavailable | None:
        """Return an error to give at once instead of asking the index, None if it can be asked."""
        now = self._timer()
        self._resting = {
            each: failure for each, failure in self._resting.items() if now - failure[0] < self.REST
        }
        self._unanswered.intersection_update(self._resting)
        if name in self._resting:
            error = self._resting[name][1]
            return IndexUnavailable(error.text, error.hint)
        if len(self._unanswered) >= self.ENOUGH:
            return IndexUnavailable(
                phrase("The index does not answer just now."), phrase("Try again in a minute.")
            )
        return None


@dataclass(frozen=True, slots=True)
class _Fetch:
    """A fetch under way, since when by the timer."""

    task: asyncio.Task[Project]
    since: float


class CachedIndex:
    """Projects from the database where they are fresh, else from the index.

    `fresh` is how long a project counts as fresh; `read_metadata` makes of the JSON API's document
    the text that is kept. Pages are parsed in the threads of `parser`. `clock` tells dates and
    `timer` seconds that never go backwards.

    `answers` counts how projects were answered: `cached`, `fetched`, `stale` or `failed`.
    """

    def __init__(
        self,
        client: IndexClient,
        store: ProjectStore,
        parser: ThreadPoolExecutor,
        *,
        fresh: timedelta,
        read_metadata: Callable[[bytes], str],
        clock: Callable[[], datetime] = _utc_now,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.answers: Counter[str] = Counter()
        self._client = client
        self._store = store
        self._parser = parser
        self._fresh = fresh
        self._read_metadata = read_metadata
        self._clock = clock
        self._timer = timer
        self._fetching: dict[NormalizedName, _Fetch] = {}
        self._failures = Failures(timer)
        self._viewers: list[SeePage] = []

    @contextmanager
    def seen_by(self, viewer: SeePage) -> Iterator[None]:
        """Show the pages that are fetched meanwhile to somebody who wants more of them.

        So nobody has to fetch them twice: what is kept of a page is only what verdicts need.
        """
        self._viewers.append(viewer)
        try:
            yield
        finally:
            self._viewers.remove(viewer)

    async def close(self) -> None:
        """End the fetches that still run."""
        tasks = [fetch.task for fetch in self._fetching.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def project(self, name: str, *, patience: float | None = None) -> Project:
        """Return a project, marked `stale` if the index could not be asked.

        A project that is known is waited for `patience` seconds at most (None: as long as it
        takes) before what is known is returned. Raises `UserError` for an impossible name,
        `ProjectNotFound`, and `IndexUnavailable` if nothing is known and the index is down.
        """
        normalised = normalise(name)
        known = await self._store.get(normalised)
        if known and self._is_fresh(known):
            self.answers["cached"] += 1
            return known
        failure = self._failures.recent(normalised)
        if failure is None:
            return await self._fetched(normalised, known, patience)
        if known is None:
            self.answers["failed"] += 1
            raise failure
        return self._stale(known)

    async def known(self, name: str) -> Project | None:
        """Return what is cached of a project, however old. Raises `UserError` as `project` does."""
        return await self._store.get(normalise(name))

    async def refresh(self, name: str) -> Project:
        """Fetch a project even if it is fresh. Raises as `project` does."""
        normalised = normalise(name)
        return await self._fetched(normalised, await self._store.get(normalised), None)

    def _is_fresh(self, project: Project) -> bool:
        if project.wanted_serial is not None:
            return False
        return timedelta(0) <= self._clock() - project.fetched < self._fresh

    def _stale(self, known: Project) -> Project:
        self.answers["stale"] += 1
        return replace(known, stale=True)

    async def _fetched(
        self, name: NormalizedName, known: Project | None, patience: float | None
    ) -> Project:
        """Wait for the fetch that is under way, or for a new one, but not for its sake.

        Whoever is cancelled here, or runs out of patience, leaves the fetch to the others.
        """
        fetch = self._fetching.get(name)
        if fetch is None:
            task = asyncio.create_task(self._fetch(name, known), name=f"fetch {name}")
            fetch = self._fetching[name] = _Fetch(task, self._timer())
            task.add_done_callback(partial(self._done, name))
        left = None
        if known and patience is not None:  # it may have begun long ago
            left = max(0.0, patience - (self._timer() - fetch.since))
        await asyncio.wait((fetch.task,), timeout=left)
        if not fetch.task.done() and known:
            return self._stale(known)
        try:
            project = fetch.task.result()
        except IndexUnavailable as error:
            if known:
                log.warning("Answering for %s from the cache: %s", name, error)
                return self._stale(known)
            self.answers["failed"] += 1
            raise IndexUnavailable(error.text, error.hint) from error
        self.answers["fetched"] += 1
        return project

    def _done(self, name: NormalizedName, task: asyncio.Task[Project]) -> None:
        """Note how a fetch went, even if nobody waits for it any more."""
        del self._fetching[name]
        if task.cancelled():
            return
        failure = task.exception()
        if isinstance(failure, IndexUnavailable):
            self._failures.add(name, failure)
        elif failure is None or isinstance(failure, ProjectNotFound):
            self._failures.forget(name)
        else:  # a mistake, which may have lost all who waited for it
            log.warning("Fetching %s failed", name, exc_info=failure)

    async def _fetch(self, name: NormalizedName, known: Project | None) -> Project:
        try:
            answer = await self._client.project(
                name, etag=known.etag if known else None, at_least=_newest_serial(known)
            )
        except ProjectNotFound:
            if known:
                await self._stored(self._store.delete(name))
            raise
        moment = self._clock()
        if isinstance(answer, Fetched):
            project, document = await asyncio.get_running_loop().run_in_executor(
                self._parser, _parse, name, answer, moment, tuple(self._viewers)
            )
            if known:
                project = _with_what_pages_leave_out(project, known)
            await self._stored(self._store.put(project, document))
        else:
            if known is None:
                raise IndexUnavailable(
                    phrase("The index says that the page of {project} is unchanged.", project=name)
                )
            serial = answer.serial or known.serial
            project = replace(known, fetched=moment, serial=serial, wanted_serial=None)
            await self._stored(self._store.confirm(name, moment, answer.serial))
        return await self._with_metadata(project)

    async def _with_metadata(self, project: Project) -> Project:
        """Add the metadata of the newest release, if it can be had: answers do without."""
        latest = project.latest
        if latest is None or self._is_current(project.metadata, latest.version):
            return project
        try:
            async with asyncio.timeout(_METADATA_PATIENCE):
                body = await self._client.metadata(project.name, latest.version)
            text = self._read_metadata(body) if body else None
        except (IndexUnavailable, TimeoutError) as error:
            log.warning("No metadata of %s %s: %r", project.name, latest.version, error)
            return project
        metadata = Metadata(latest.version, self._clock(), text)
        spelled = _spelling(body, project.name) or project.display_name
        await self._stored(self._store.put_metadata(project.name, metadata, spelled))
        return replace(project, metadata=metadata, display_name=spelled)

    def _is_current(self, metadata: Metadata | None, version: str) -> bool:
        if metadata is None or metadata.version != version:
            return False
        lasts = _METADATA_LATE if metadata.text is None else _METADATA_FRESH
        return timedelta(0) <= self._clock() - metadata.fetched < lasts

    async def _stored(self, writing: Awaitable[None]) -> None:
        """Store something; a disk that is full must not keep anybody from an answer."""
        try:
            await writing
        except DatabaseError as error:
            log.error("Not stored: %s", error)  # noqa: TRY400 - the sentence says it all


def _newest_serial(known: Project | None) -> int | None:
    serials = (known.serial, known.wanted_serial) if known else ()
    return max((serial for serial in serials if serial is not None), default=None)


def _parse(
    name: NormalizedName, answer: Fetched, moment: datetime, viewers: tuple[SeePage, ...]
) -> tuple[Project, str]:
    """Make a project of a fetched page, and what is stored of its files. Takes up to 50 ms."""
    page = decode_page(answer.body)
    if canonicalize_name(page.name) != name:
        raise IndexUnavailable(
            phrase(
                "Asked for {project}, the index sent the page of another project.", project=name
            ),
            phrase("Check FTBOT_PYPI_URL if this lasts."),
        )
    files = condense(page.files, name)
    project = Project(
        name=name,
        display_name=page.name,
        status=page.project_status.status,
        serial=answer.serial if answer.serial is not None else page.meta.last_serial,
        etag=answer.etag,
        fetched=moment,
        files=files,
    )
    for see in viewers:
        see(name, answer.body)
    return project, encode(files)


def _with_what_pages_leave_out(project: Project, known: Project) -> Project:
    """Keep what is known from elsewhere: metadata, and how the owners spell the name.

    PyPI's pages have the normalised name only (PEP 691 leaves that open).
    """
    spelled = known.display_name if project.display_name == project.name else project.display_name
    return replace(project, metadata=known.metadata, display_name=spelled)


class _Info(msgspec.Struct):
    name: str


class _MetadataDocument(msgspec.Struct):
    info: _Info


_METADATA = msgspec.json.Decoder(_MetadataDocument)


def _spelling(body: bytes | None, name: NormalizedName) -> str | None:
    """Read from the JSON API's document how a project's owners spell its name."""
    try:
        spelled = _METADATA.decode(body or b"").info.name
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return spelled if canonicalize_name(spelled) == name else None
