"""The cached index: every project, as fresh as asked for, fetched once for all who ask."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from packaging.utils import NormalizedName, canonicalize_name

from bot.compat.condense import condense
from bot.errors import DatabaseError, IndexUnavailable, ProjectNotFound
from bot.http import Fetched
from bot.index.model import Metadata, Project
from bot.index.store import ProjectStore, encode
from bot.pypi.client import IndexClient
from bot.pypi.names import normalise
from bot.pypi.wire import decode_page

log = logging.getLogger(__name__)

_REST_AFTER_FAILURE: Final = timedelta(seconds=30)
"""For so long a project that could not be fetched is answered from the cache at once."""
_FAILURES_KEPT: Final = 1_000
_METADATA_FRESH: Final = timedelta(days=1)
"""Metadata of a release does not change, but it may appear late, and its links may be edited."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class CachedIndex:
    """Projects from the database where they are fresh, else from the index.

    `fresh` is how long a project counts as fresh; `read_metadata` makes of the JSON API's document
    the text that is kept. Pages are parsed in threads of their own: as many as can work at once,
    so one where there is a GIL.
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
    ) -> None:
        self._client = client
        self._store = store
        self._parser = parser
        self._fresh = fresh
        self._read_metadata = read_metadata
        self._clock = clock
        self._fetching: dict[NormalizedName, asyncio.Task[Project]] = {}
        self._failed: dict[NormalizedName, tuple[datetime, IndexUnavailable]] = {}

    async def close(self) -> None:
        """End the fetches that still run."""
        tasks = list(self._fetching.values())
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
            return known
        failure = self._recent_failure(normalised)
        if failure:
            if known is None:
                raise failure
            return replace(known, stale=True)
        return await self._fetched(normalised, known, patience)

    async def refresh(self, name: str) -> Project:
        """Fetch a project even if it is fresh. Raises as `project` does."""
        normalised = normalise(name)
        return await self._fetched(normalised, await self._store.get(normalised), None)

    def _is_fresh(self, project: Project) -> bool:
        if project.wanted_serial is not None:
            return False
        return timedelta(0) <= self._clock() - project.fetched < self._fresh

    def _recent_failure(self, name: NormalizedName) -> IndexUnavailable | None:
        moment, failure = self._failed.get(name, (None, None))
        if moment is None or self._clock() - moment > _REST_AFTER_FAILURE:
            return None
        return failure

    async def _fetched(
        self, name: NormalizedName, known: Project | None, patience: float | None
    ) -> Project:
        task = self._fetching.get(name)
        if task is None:
            task = asyncio.create_task(self._fetch(name, known), name=f"fetch {name}")
            self._fetching[name] = task
            task.add_done_callback(partial(self._done, name))
        done, _ = await asyncio.wait((task,), timeout=patience if known else None)
        if known is None:
            return task.result()
        if not done:
            return replace(known, stale=True)
        try:
            return task.result()
        except IndexUnavailable as error:
            log.warning("Answering for %s from the cache: %s", name, error)
            return replace(known, stale=True)

    def _done(self, name: NormalizedName, task: asyncio.Task[Project]) -> None:
        del self._fetching[name]
        failure = None if task.cancelled() else task.exception()
        if isinstance(failure, IndexUnavailable):
            if len(self._failed) >= _FAILURES_KEPT:
                self._failed.clear()
            self._failed[name] = self._clock(), failure
        else:
            self._failed.pop(name, None)

    async def _fetch(self, name: NormalizedName, known: Project | None) -> Project:
        try:
            answer = await self._client.project(
                name, etag=known.etag if known else None, at_least=_newest_serial(known)
            )
        except ProjectNotFound:
            if known:
                await self._store.delete(name)
            raise
        moment = self._clock()
        if isinstance(answer, Fetched):
            project, document = await asyncio.get_running_loop().run_in_executor(
                self._parser, _parse, name, answer, moment
            )
            project = replace(project, metadata=known.metadata if known else None)
            await self._stored(self._store.put(project, document))
        else:
            if known is None:
                raise IndexUnavailable(f"The index says that the page of {name} is unchanged.")
            serial = answer.serial or known.serial
            project = replace(known, fetched=moment, serial=serial, wanted_serial=None)
            await self._stored(self._store.confirm(name, moment, answer.serial))
        return await self._with_metadata(project)

    async def _with_metadata(self, project: Project) -> Project:
        """Add the metadata of the newest release, if it can be had: answers do without."""
        latest, known = project.latest, project.metadata
        if latest is None:
            return project
        same = known is not None and known.version == latest.version
        if known and same and self._clock() - known.fetched < _METADATA_FRESH:
            return project
        try:
            body = await self._client.metadata(project.name, latest.version)
            text = self._read_metadata(body) if body else None
        except IndexUnavailable as error:
            log.warning("No metadata of %s %s: %s", project.name, latest.version, error)
            return project
        metadata = Metadata(latest.version, self._clock(), text)
        await self._stored(self._store.put_metadata(project.name, metadata))
        return replace(project, metadata=metadata)

    async def _stored(self, writing: Awaitable[None]) -> None:
        """Store something; a full disk must not keep anybody from an answer."""
        try:
            await writing
        except DatabaseError as error:
            log.error("Not stored: %s", error)  # noqa: TRY400 - the sentence says it all


def _newest_serial(known: Project | None) -> int | None:
    serials = (known.serial, known.wanted_serial) if known else ()
    return max((serial for serial in serials if serial is not None), default=None)


def _parse(name: NormalizedName, answer: Fetched, moment: datetime) -> tuple[Project, str]:
    """Make a project of a fetched page, and what is stored of its files. Takes up to 50 ms."""
    page = decode_page(answer.body)
    if canonicalize_name(page.name) != name:
        raise IndexUnavailable(
            f"Asked for {name}, the index sent the page of another project.",
            "Check FTBOT_PYPI_URL if this lasts.",
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
    return project, encode(files)
