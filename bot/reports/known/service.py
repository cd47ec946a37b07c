"""What is known on GitHub: issues of repositories, kept here so that nobody waits for GitHub.

A repository is listed once, newest first, and from then on asked for what was updated since, by
conditional requests. GitHub's search is a supplement for repositories too large to be listed.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from bot.github.errors import GitHubError
from bot.github.model import IssuePage, RemoteIssue
from bot.http import DOCUMENT_THREADS, NotModified
from bot.reports.issue.marker import find
from bot.reports.known.rules import recognised
from bot.reports.known.store import Entry, KnownStore, Mirror
from bot.reports.likeness.model import Known
from bot.reports.likeness.rules import related
from bot.reports.model import Kind
from bot.reports.reading.rules import Names

log = logging.getLogger(__name__)

FRESH: Final = 600.0
"""For so many seconds nobody asks again for a repository."""
REST: Final = 3_600.0
"""So long one is left alone that could not be read."""
KEPT: Final = 30 * 86_400.0
"""Repositories other than those of the settings are dropped if nobody asks for them so long."""

PAGES: Final = 10
"""Of 100 issues and pull requests each: what is older than those is left to the search."""
SOUGHT: Final = "free-threading"
SOUGHT_AT_MOST: Final = 100
MOST: Final = 5_000
"""So many issues are compared at most."""

_BATCH = 5  # issues read one after another in a thread, before others have their turn


class Issues(Protocol):
    """What is needed of `bot.github.client.GitHub`; both raise `GitHubError`."""

    async def issues(
        self,
        repository: str,
        *,
        since: datetime | None = None,
        etag: str | None = None,
        pages: int = 1,
    ) -> IssuePage | NotModified:
        """List issues, those updated last first, unless the first page is still that one."""

    async def search_issues(
        self, repository: str, words: str, limit: int = 20
    ) -> tuple[RemoteIssue, ...]:
        """Search a repository's issues."""


class KnownIssues:
    """Issues to compare reports with. `repositories` are those of the settings.

    Issues that ftbot filed itself, by the marker signed with `marker_key`, are left out: they are
    known as reports. Issues are read in the threads of `reader`. `clock` gives UTC seconds (Unix).
    """

    def __init__(
        self,
        store: KnownStore,
        github: Issues,
        names: Names,
        *,
        repositories: Sequence[str],
        marker_key: bytes,
        reader: Executor = DOCUMENT_THREADS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._github = github
        self._names = names
        self._repositories = tuple(dict.fromkeys(repositories))
        self._marker_key = marker_key
        self._reader = reader
        self._clock = clock
        self._updating: dict[str, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """End the updates that still run."""
        tasks = list(self._updating.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def refresh(self) -> None:
        """Update the repositories of the settings, and drop what nobody asks for any more.

        A repository that cannot be read does not keep the others from it; then the first
        `GitHubError` is raised in the end.
        """
        failure: GitHubError | None = None
        for repository in self._repositories:
            try:
                await asyncio.shield(self._update(repository))
            except GitHubError as error:
                failure = failure or error
        await self._store.forget(self._clock() - KEPT, self._repositories)
        if failure:
            raise failure

    async def about(self, repository: str, *, patience: float) -> list[Known]:
        """Return a repository's issues, updated if they are older than `FRESH` seconds.

        The update is waited for `patience` seconds at most, and goes on without those who wait.
        Nothing of GitHub is ever raised: then there is what was kept.
        """
        mirror = await self._store.mirror(repository)
        if not 0 <= self._clock() - mirror.looked < (REST if mirror.problem else FRESH):
            await asyncio.wait((self._update(repository),), timeout=patience)
        return await self._store.of(repository)

    async def all(self, project: str | None, kind: Kind | None) -> list[Known]:
        """Return the issues kept of all repositories that may be about the same problem.

        Those are on that project, or on none that is known, and of a kind that goes with `kind`.
        """
        return await self._store.about(project, related(kind) if kind else (), MOST)

    def _update(self, repository: str) -> asyncio.Task[None]:
        """Update a repository, once for all who want it."""
        key = repository.lower()
        task = self._updating.get(key)
        if task is None:
            task = asyncio.create_task(self._bring_up(repository), name=f"issues of {repository}")
            self._updating[key] = task
            task.add_done_callback(partial(self._done, key))
        return task

    def _done(self, key: str, task: asyncio.Task[None]) -> None:
        """Note how an update went, even if nobody waits for it any more."""
        del self._updating[key]
        failure = None if task.cancelled() else task.exception()
        if failure and not isinstance(failure, GitHubError):
            log.error("The issues of %s cannot be kept", key, exc_info=failure)

    async def _bring_up(self, repository: str) -> None:
        mirror = await self._store.mirror(repository)
        try:
            updated = await self._follow(repository, mirror)
        except GitHubError as error:
            log.warning("The issues of %s stay as they were: %s", repository, error)
            updated = replace(mirror, problem=error.text)
            await self._store.set_mirror(repository, replace(updated, looked=self._clock()))
            raise
        await self._store.set_mirror(repository, replace(updated, looked=self._clock()))

    async def _follow(self, repository: str, mirror: Mirror) -> Mirror:
        """Keep what was updated since the last time; say how far the issues are kept now."""
        page = await self._github.issues(
            repository, since=mirror.since, etag=mirror.etag, pages=PAGES
        )
        if isinstance(page, NotModified):
            return replace(mirror, problem=None)
        issues = page.issues
        if page.more:
            issues += await self._sought(repository)
        await self._keep(repository, issues)
        newest = max((issue.updated for issue in page.issues), default=mirror.since)
        # An entity tag is one answer's to one question, and with another `since` it is another one.
        return Mirror(since=newest, etag=page.etag if newest == mirror.since else None)

    async def _sought(self, repository: str) -> tuple[RemoteIssue, ...]:
        """Search for older issues on free threading; a failure leaves out no more than those."""
        try:
            return await self._github.search_issues(repository, SOUGHT, SOUGHT_AT_MOST)
        except GitHubError as error:
            log.warning("Older issues of %s are not searched: %s", repository, error)
            return ()

    async def _keep(self, repository: str, issues: Sequence[RemoteIssue]) -> None:
        loop = asyncio.get_running_loop()
        ours = [issue.number for issue in issues if find(issue.body, self._marker_key)]
        await self._store.drop(repository, ours)
        others = [issue for issue in issues if issue.number not in ours]
        for batch in _batches(others):
            entries = await loop.run_in_executor(self._reader, self._recognised, batch)
            await self._store.put(repository, entries)

    def _recognised(self, issues: Sequence[RemoteIssue]) -> list[Entry]:
        """Read issues; runs in a thread."""
        return [
            Entry(issue.number, issue.updated, recognised(issue, self._names)) for issue in issues
        ]


def _batches(issues: Sequence[RemoteIssue]) -> Iterator[Sequence[RemoteIssue]]:
    for start in range(0, len(issues), _BATCH):
        yield issues[start : start + _BATCH]
