"""Making an issue of a report, once.

A report is noted as being sent before the one POST, and as filed afterwards. GitHub has no key by
which it would recognise a second POST. So when the process dies or the connection breaks between
the two, the issue is looked for by its marker in the list of ftbot's own issues (GitHub's search
knows of an issue only minutes later); only after two looks in vain, a minute apart, there is
another POST. What is not known for certain is never sent again.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from bot.db import Database
from bot.github.client import GitHub
from bot.github.errors import (
    Forbidden,
    GitHubError,
    Invalid,
    Limited,
    Missing,
    Removed,
    Unauthorised,
    Unclear,
    Unreachable,
)
from bot.github.model import Access, RemoteIssue
from bot.http import NotModified
from bot.language import phrase, together
from bot.messages import LONGEST_WAIT, SOON, delay, is_due
from bot.reports.filing import rules
from bot.reports.filing.model import Backlog, Entry, Stage
from bot.reports.filing.store import FilingStore
from bot.reports.following.rules import same, seen
from bot.reports.issue import marker
from bot.reports.model import FTBOT, Action
from bot.reports.posts.store import PostStore
from bot.reports.rules import Settled
from bot.reports.store import ReportStore

log = logging.getLogger(__name__)

LOOK_AGAIN: Final = 60.0
"""Seconds between two looks for an issue: a POST may still be on its way within GitHub."""
UNSEEN_AGAIN: Final = 300.0
"""Seconds until the next try to look where ftbot may not."""
ACCESS_KEPT: Final = 600.0
"""Seconds for which it is taken for granted what ftbot may do in a repository."""
PAGES: Final = 50
"""Pages of issues, of 100 each, to look through at most."""
WORTH_A_WORD: Final = 120.0
"""Seconds of waiting from which on triagers are told."""


class Filing:
    """Files what `FilingStore.enqueue` put there. One process at a time may do so.

    `look_again` is in seconds; `held` is called when cards are to say that all waits, and `sending`
    is awaited before each POST.
    """

    def __init__(
        self,
        database: Database,
        store: FilingStore,
        reports: ReportStore,
        posts: PostStore,
        github: GitHub,
        *,
        marker_key: bytes,
        look_again: float = LOOK_AGAIN,
        held: Callable[[], None] = lambda: None,
        sending: Callable[[], Awaitable[None]] | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._store = store
        self._reports = reports
        self._posts = posts
        self._github = github
        self._key = marker_key
        self._look_again = look_again
        self._tell_held = held
        self._sending = sending
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._access: dict[str, tuple[float, Access]] = {}
        self._held = 0.0
        self._failures = 0
        self.backlog = Backlog()
        self.soon = False
        """Whether something was due within seconds when all was filed that could be."""

    async def file(self) -> None:
        """File all that is due, one after the other, as far as GitHub and its limits allow."""
        try:
            while is_due(self._held, self._clock()):
                entry = await self._store.next(self._clock())
                if entry is None:
                    break
                if self._github.can_write:
                    await self._serve(entry)
                else:
                    await self._hold(LOOK_AGAIN, rules.NO_CREDENTIALS)
        finally:
            self.backlog = await self._store.backlog()
            following = await self._store.next_due()
            self.soon = following is not None and is_due(following, self._clock() + SOON)

    async def adopt(self, issue: RemoteIssue) -> bool:
        """Take an issue for a report's if it is one that may have been made; say whether it is.

        `issue` is by ftbot's own account: anybody else can copy a marker.
        """
        uid = marker.find(issue.body, self._key)
        entry = await self._store.sending(uid) if uid else None
        if entry is None:
            return False
        await self._record(entry, issue)
        return True

    async def _serve(self, entry: Entry) -> None:
        """Do what is next for one report. Whatever concerns GitHub as a whole holds up all."""
        try:
            if entry.stage is Stage.SENDING and entry.looked < rules.LOOKS:
                await self._look(entry)
            else:
                await self._send(entry)
        except Limited as error:
            await self._hold(error.until - self._clock(), rules.LIMITED)
        except Unauthorised as error:
            await self._hold(self._pause(), rules.rejected(together(error.text, error.hint)))
        except GitHubError as error:
            log.info("Filing waits: %s", error)
            await self._hold(self._pause(), rules.SILENT)
        else:
            self._failures = 0

    async def _look(self, entry: Entry) -> None:
        """Look for an issue that an earlier POST may have made."""
        try:
            issue = await self._find(entry)
        except Unauthorised:
            raise
        except (Forbidden, Missing, Removed, Invalid) as error:
            log.warning("Report %d cannot be looked for: %s", entry.report, error)
            due = self._clock() + UNSEEN_AGAIN
            await self._store.postpone(entry, due, rules.unseen(entry.repository))
            return
        if issue is not None:
            log.info("Report %d was filed as %s", entry.report, issue.url)
            await self._record(entry, issue)
            return
        last = entry.looked + 1 >= rules.LOOKS
        wait = self._look_again * 2 ** min(max(entry.attempts - 1, 0), 4)
        await self._store.looked(entry, 0 if last else self._clock() + wait)

    async def _find(self, entry: Entry) -> RemoteIssue | None:
        """Search ftbot's own issues since shortly before the first POST for the marker."""
        login = await self._github.login()
        started = entry.started if entry.started is not None else self._clock()
        page = await self._github.issues(
            entry.repository,
            since=datetime.fromtimestamp(started - rules.EARLIER, UTC),
            creator=login or None,
            sort="created",
            direction="desc",
            pages=PAGES,
        )
        if isinstance(page, NotModified):
            raise Unreachable(
                phrase("GitHub says that issues have not changed which it never showed.")
            )
        # Anybody can copy a marker, so the oldest issue by ftbot's account is the one.
        for issue in reversed(page.issues):
            by_ftbot = not login or same(issue.author, login)
            if by_ftbot and marker.find(issue.body, self._key) == entry.uid:
                return issue
        if page.more:
            raise Invalid(
                phrase(
                    "{repository} has too many new issues to look through.",
                    repository=entry.repository,
                )
            )
        return None

    async def _send(self, entry: Entry) -> None:
        """Make the issue by one POST, if all that is known allows it."""
        try:
            access = await self._allowed(entry.repository)
            labels = rules.existing(entry.labels, access.labels)
        except Unauthorised:
            raise
        except (Forbidden, Missing, Removed, Invalid) as error:
            await self._refuse(entry, error)
            return
        if self._sending is not None:
            await self._sending()
        if not await self._begin(entry):
            return
        try:
            issue = await self._github.create_issue(
                entry.repository, entry.title, entry.body, labels
            )
        except (Limited, Unauthorised, Unreachable):
            await self._store.unsent(entry, self._clock())
            raise
        except (Forbidden, Missing, Removed, Invalid) as error:
            await self._refuse(entry, error)
        except Unclear as error:
            # It is looked for at once, and again later: the row says so already.
            log.warning("It is unclear whether report %d was filed: %s", entry.report, error)
        else:
            log.info("Report %d is filed as %s", entry.report, issue.url)
            await self._record(entry, issue, access)

    async def _begin(self, entry: Entry) -> bool:
        """Note the POST beforehand, as soon as ftbot's own limits allow it."""
        while True:
            now = self._clock()
            earliest = await self._store.begin(entry, now)
            if earliest is None or earliest <= now:
                return earliest is not None
            if earliest - now > rules.PAUSE:
                await self._hold(earliest - now, rules.BUSY)
                return False
            await self._sleep(earliest - now)

    async def _allowed(self, repository: str) -> Access:
        """Return what ftbot may do there. Raises the error that a POST would meet otherwise.

        GitHub lets anybody make issues in a public repository, without labels, so a POST is no
        way to find out.
        """
        kept, access = self._access.get(repository, (0.0, None))
        if access is None or not self._clock() - ACCESS_KEPT < kept <= self._clock():
            access = await self._github.access(repository)
        if not access.may_read:
            raise Missing(phrase("GitHub shows no repository {repository}.", repository=repository))
        if not access.has_issues:
            raise Removed(phrase("{repository} takes no issues.", repository=repository))
        if not access.may_write:
            raise Forbidden("")
        self._access[repository] = self._clock(), access
        return access

    async def _refuse(self, entry: Entry, error: GitHubError) -> None:
        """Give the report back to its triagers, with a word on what is to be mended."""
        self._access.pop(entry.repository, None)
        problem = _refusal(entry.repository, error)
        log.warning("Report %d is not filed: %s", entry.report, problem)
        async with self._database.write() as tx:
            if await self._store.failed(tx, entry, problem):
                with suppress(Settled):
                    await self._reports.step(
                        tx, entry.report, Action.NOT_FILED, FTBOT, problem, at=self._now()
                    )

    async def _record(
        self, entry: Entry, remote: RemoteIssue, access: Access | None = None
    ) -> None:
        """Note that the report is an issue. Nothing here asks GitHub, so nothing is repeated.

        If the database fails, the issue is found by its marker in the next round.
        """
        issue = seen(remote)
        labels = access.labels if access else None
        problem = rules.lacking(remote.repository, entry.labels, remote.labels, labels)
        async with self._database.write() as tx:
            if not await self._store.filed(tx, entry, remote.number, problem):
                return
            await self._reports.set_issue(tx, entry.report, issue)
            try:
                await self._reports.step(
                    tx, entry.report, Action.FILED, FTBOT, issue.url, at=self._now()
                )
            except Settled as settled:
                log.warning("Report %d was filed as %s: %s", entry.report, issue.url, settled)
            else:
                await self._posts.tell(tx, entry.report, "filed")

    async def _hold(self, seconds: float, problem: str) -> None:
        """Let everything wait; tell triagers if it takes long."""
        seconds = min(max(seconds, 0.0), LONGEST_WAIT)
        self._held = self._clock() + seconds
        worth = problem not in (rules.LIMITED, rules.BUSY) or seconds >= WORTH_A_WORD
        await self._store.hold(self._held, problem if worth else None)
        if worth:
            self._tell_held()

    def _pause(self) -> float:
        self._failures += 1
        return delay(self._failures, self._jitter())

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _refusal(repository: str, error: GitHubError) -> str:
    match error:
        case Missing():
            return rules.missing(repository)
        case Removed():
            return rules.no_issues(repository)
        case Invalid():
            return rules.invalid(repository, error.text)
    return rules.forbidden(repository, said=error.text)
