"""Examines the pages of projects that changed, and writes down what is news, with its deliveries.

A release is told of once it is quiet, in one message that is complete; wheels that come later edit
it. Support counts as lost only after a much longer quiet, because uploads take their time.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, Protocol

from packaging.utils import NormalizedName

from bot.announce.model import FORGOTTEN, RESTORED, Content, Topic
from bot.announce.news import rules
from bot.announce.news.rules import Edit, Findings, Page, Piece, Subject
from bot.announce.news.store import Change, NewsStore
from bot.db import Database, Transaction
from bot.db.retention import NEWS_KEPT
from bot.errors import DatabaseError, IndexUnavailable, ProjectNotFound, UserError
from bot.index.model import Project
from bot.messages import Destination

log = logging.getLogger(__name__)

LONGEST_PAUSE: Final = 3_600.0
"""Seconds between two looks at a page that lags behind the journal."""
DIGEST_AFTER: Final = 48 * 3_600.0
"""News that is older when it is found, in seconds, needs no message of its own."""
_FIRST_PAUSE: Final = 30.0
_ATTEMPTS_IN_AN_HOUR: Final = 7
_ATTEMPTS_IN_A_DAY: Final = 30
_OUTAGE: Final = 6 * 3_600.0
"""Seconds without any page that could be read, after which failures are not the page's fault."""
_AT_ONCE: Final = 4
_QUIET_FOR_LOSSES: Final = 10
"""So many times longer than for a gain a release must be quiet before it counts as a loss."""
_MANY_WITHDRAWALS: Final = 3
"""More at once, such as when a project is removed, are told in one message."""


class Index(Protocol):
    """Where pages come from."""

    async def refresh(self, name: str) -> Project:
        """Fetch a project's page; `stale` if it lags, ProjectNotFound, IndexUnavailable."""


class Projects(Protocol):
    """The pages as they were last fetched."""

    async def get(self, name: NormalizedName) -> Project | None: ...


class Subscriptions(Protocol):
    """Who wants to hear of something."""

    async def interested(self, tx: Transaction, content: Content) -> list[Destination]: ...


class Deliveries(Protocol):
    """The outbox."""

    async def enqueue(
        self,
        tx: Transaction,
        news_id: int,
        destinations: Iterable[Destination],
        *,
        digest: bool = False,
        dropped: str | None = None,
    ) -> int: ...


class NewsService:
    """Finds news. `settle` is how many seconds a release was quiet for when its change is due.

    `rank` and `upstream` give a project's place by downloads and its issue in the tracking table;
    `arrived` is called when there is something to send or to edit. What was news before
    `told_until` (UTC seconds) was perhaps told by a database that is lost: it is noted, and nobody
    is told again.
    """

    def __init__(
        self,
        database: Database,
        index: Index,
        projects: Projects,
        store: NewsStore,
        *,
        subscriptions: Subscriptions,
        deliveries: Deliveries,
        rank: Callable[[str], int | None],
        upstream: Callable[[str], str | None],
        settle: float,
        arrived: Callable[[], None] = lambda: None,
        told_until: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._index = index
        self._projects = projects
        self._store = store
        self._subscriptions = subscriptions
        self._deliveries = deliveries
        self._rank = rank
        self._upstream = upstream
        self._settle = settle
        self._arrived = arrived
        self._told_until = told_until
        self._clock = clock
        self._last_read = float("-inf")

    async def examine(self) -> None:
        """Examine each change that is due. One project's trouble holds up no other.

        Raises DatabaseError once the others are done.
        """
        longest = max(LONGEST_PAUSE, _QUIET_FOR_LOSSES * self._settle)
        changes = iter(await self._store.due(self._clock(), longest))
        ends = await asyncio.gather(
            *(self._work(changes) for _ in range(_AT_ONCE)), return_exceptions=True
        )
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def _work(self, changes: Iterator[Change]) -> None:
        for change in changes:
            try:
                await self._examine(change)
            except DatabaseError:
                raise
            except UserError as error:
                log.info("The page of %s cannot be read yet: %s", change.project, error)
                await self._failed(change)
            except Exception:
                log.exception("The page of %s cannot be examined", change.project)
                await self._failed(change)

    async def _examine(self, change: Change) -> None:
        page, name = await self._page(change)
        subject = Subject(
            change.project, name, self._rank(change.project), self._upstream(change.project)
        )
        async with self._database.write() as tx:
            serial = await self._store.awaited(tx, change.project)
            if serial is None:
                return  # another process was quicker
            quiet = change.settled == change.serial == serial
            findings = rules.examine(
                page,
                subject,
                await self._store.facts(tx, change.project),
                await self._store.told(tx, change.project),
                ripe=quiet or not self._settle,
            )
            to_do = await self._record(tx, change, findings)
            if findings.looming:
                await self._store.settle(
                    tx, change, change.due + (_QUIET_FOR_LOSSES - 1) * self._settle
                )
            elif self._may_appear_yet(change, page, findings):
                await self._put_off(tx, change, change.attempts + 1)
            else:
                await self._store.finish(tx, change)
        if to_do:
            self._arrived()

    async def _page(self, change: Change) -> tuple[Page, str]:
        """Read the page of a project and how its name is spelled. Raises IndexUnavailable."""
        before = await self._projects.get(NormalizedName(change.project))
        try:
            project = await self._index.refresh(change.project)
        except ProjectNotFound:
            self._last_read = self._clock()
            return Page(rules.REMOVED), change.project
        if project.stale:
            raise IndexUnavailable("The index does not answer, or shows an old page.")
        self._last_read = self._clock()
        if project.serial is not None and project.serial < change.serial:
            raise IndexUnavailable("The index shows an old page.")
        page = await asyncio.to_thread(
            rules.read,
            project.files,
            project.status,
            change.since,
            before.files if before else None,
        )
        return page, project.display_name

    async def _record(self, tx: Transaction, change: Change, findings: Findings) -> bool:
        """Write down what was found; return whether there is something to send or to edit."""
        await self._store.learn(tx, change.project, findings.facts)
        withdrawals = [piece.content.topic for piece in findings.pieces].count(Topic.WITHDRAWAL)
        sent = 0
        for piece in findings.pieces:
            many = piece.content.topic is Topic.WITHDRAWAL and withdrawals > _MANY_WITHDRAWALS
            late = many or self._is_late(piece, change)
            sent += await self._tell(tx, piece, self._silence(piece.content, change), digest=late)
        for edit in findings.edits:
            sent += await self._retell(tx, edit, self._silence(edit.content, change))
        return bool(sent or findings.edits)

    async def _tell(
        self, tx: Transaction, piece: Piece, dropped: str | None, *, digest: bool
    ) -> int:
        content = piece.content
        log.info("News of %s %s: %s", content.project, content.version, content.topic)
        news = await self._store.add(tx, content, datetime.fromtimestamp(self._clock(), UTC))
        destinations = await self._subscriptions.interested(tx, piece.wanted)
        return await self._deliveries.enqueue(
            tx, news, destinations, digest=digest, dropped=dropped
        )

    async def _retell(self, tx: Transaction, edit: Edit, dropped: str | None) -> int:
        await self._store.revise(tx, edit.before, edit.content)
        if not edit.wider:
            return 0
        destinations = await self._subscriptions.interested(tx, edit.content)
        return await self._deliveries.enqueue(tx, edit.before.id, destinations, dropped=dropped)

    def _silence(self, content: Content, change: Change) -> str | None:
        """Say why nobody is told of it, None if people are."""
        if rules.may_be_told(content, change.since, self._told_until):
            return RESTORED
        forgotten = rules.utc_text(self._clock() - NEWS_KEPT.total_seconds())
        return FORGOTTEN if rules.is_another_wheel(content, forgotten) else None

    def _is_late(self, piece: Piece, change: Change) -> bool:
        happened = piece.happened or rules.utc_text(change.since)
        return happened < rules.utc_text(self._clock() - DIGEST_AFTER)

    def _may_appear_yet(self, change: Change, page: Page, findings: Findings) -> bool:
        """Tell if a project without a page may be so new that a cache does not know it yet.

        One that something was told of has been removed.
        """
        absent = page.status == rules.REMOVED and not findings.edits
        return absent and change.attempts < _ATTEMPTS_IN_AN_HOUR

    async def _failed(self, change: Change) -> None:
        """Try again later, but not for ever where it is this page alone that cannot be read."""
        attempts = change.attempts + 1
        if self._clock() - self._last_read > _OUTAGE:
            attempts = min(attempts, _ATTEMPTS_IN_AN_HOUR)
        async with self._database.write() as tx:
            if attempts <= _ATTEMPTS_IN_A_DAY:
                await self._put_off(tx, change, attempts)
                return
            await self._store.finish(tx, change)
        log.warning("The page of %s could not be read for a day: given up", change.project)

    async def _put_off(self, tx: Transaction, change: Change, attempts: int) -> None:
        pause = min(_FIRST_PAUSE * 2.0 ** (attempts - 1), LONGEST_PAUSE)
        await self._store.put_off(tx, change, self._clock() + pause, attempts)
