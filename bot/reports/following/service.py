"""Following issues: by GitHub's webhooks, or by asking where there is none.

Webhooks come late, twice, in any order, or not at all. They are kept first and dealt with later;
what an issue looks like is only ever replaced by what is newer, and where nobody can say which is
newer, GitHub is asked for the issue as it is. Once a day it is asked for each of them anyway.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.db import Database, Transaction
from bot.errors import UserError
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
from bot.github.model import Comment, Event, RemoteIssue
from bot.github.webhooks import parse
from bot.http import NotModified
from bot.reports.following import rules
from bot.reports.following.model import Course, Delivery
from bot.reports.following.rules import Verdict
from bot.reports.following.store import FollowingStore
from bot.reports.model import Issue
from bot.reports.posts.store import PostStore
from bot.reports.store import ReportStore

log = logging.getLogger(__name__)

EVENTS: Final = frozenset({"issues", "issue_comment"})
DAY: Final = 86_400.0
AGAIN: Final = 3_600.0
"""Seconds until an issue is asked for again for which GitHub gave no answer."""
REMEMBERED: Final = 30 * DAY
"""Seconds for which webhooks that are done are remembered; GitHub sends none again after three
days."""
REDELIVERED: Final = timedelta(days=3)
"""GitHub sends a failed webhook again only that long."""
FIRST_LOOK: Final = timedelta(hours=1)
"""How far back a repository is looked through for the first time."""
READABLE_KEPT: Final = 600.0
"""Seconds for which it is taken for granted that a repository can be read."""

_WEBHOOKS: Final = 50  # at a time; each may have 1 MiB
_ISSUES: Final = 500  # in one round of reconciling
_PAGES: Final = 10
_REDELIVERIES: Final = 50
_MOST_ATTEMPTS: Final = 5


class Following:
    """Keeps issues as they are on GitHub, and lets reporters hear of what matters to them.

    `adopt` is told of issues by ftbot's own account, in case it is unclear whether they were made.
    `redelivers` says that ftbot is a GitHub App with a webhook, which can ask for what it missed.
    `received` is called when a webhook waits.
    """

    def __init__(
        self,
        database: Database,
        store: FollowingStore,
        reports: ReportStore,
        posts: PostStore,
        github: GitHub,
        *,
        adopt: Callable[[RemoteIssue], Awaitable[bool]],
        redelivers: bool = False,
        received: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._store = store
        self._reports = reports
        self._posts = posts
        self._github = github
        self._adopt = adopt
        self._redelivers = redelivers
        self._received = received
        self._clock = clock
        self._readable: dict[str, tuple[float, bool]] = {}
        self._out_of_sight: set[str] = set()

    async def receive(self, event: str, delivery: str, body: bytes) -> None:
        """Keep a webhook whose signature was right; `delivery` is GitHub's id of it."""
        if event in EVENTS and await self._store.keep(delivery, event, body, self._clock()):
            self._received()

    async def work(self) -> None:
        """Deal with the webhooks that wait.

        Raises GitHubError if GitHub had to be asked and did not answer: the rest waits for the
        next time, which begins with others.
        """
        more = True
        while more:
            waiting = await self._store.waiting(_WEBHOOKS)
            for delivery in waiting:
                await self._serve(delivery)
            more = len(waiting) == _WEBHOOKS

    async def poll(self) -> None:
        """Look through what changed in repositories with open issues: for bots without webhook.

        Raises GitHubError if GitHub as a whole does not answer. One repository that cannot be read
        does not hold up the others.
        """
        for repository, numbers in (await self._store.open_repositories()).items():
            try:
                await self._poll(repository, numbers)
            except Unauthorised:
                raise
            except (Forbidden, Missing, Removed, Invalid) as error:
                if repository not in self._out_of_sight:
                    log.warning("%s cannot be looked through: %s", repository, error)
                self._out_of_sight.add(repository)
            else:
                self._out_of_sight.discard(repository)

    async def reconcile(self) -> None:
        """Ask for issues that were not asked for within a day, and for webhooks that were missed.

        It goes on next time where GitHub's limits end it. Raises GitHubError if GitHub does not
        answer.
        """
        now = self._clock()
        await self._store.forget(now - REMEMBERED)
        try:
            for issue in await self._store.unseen(now - DAY, _ISSUES):
                try:
                    await self._look(issue.repository, issue.number, issue.etag)
                except Unauthorised:
                    raise
                except (Forbidden, Invalid) as error:
                    log.warning("%s#%d: %s", issue.repository, issue.number, error)
                    await self._store.looked(issue.repository, issue.number, now)
                except Unreachable:  # the next try begins with others
                    again = now - DAY + AGAIN
                    await self._store.looked(issue.repository, issue.number, again)
                    raise
            if self._redelivers:
                await self._redeliver()
        except Limited as error:
            log.info("The rest of the issues is asked for next time: %s", error)

    async def _serve(self, delivery: Delivery) -> None:
        """Deal with one webhook, and note that it is done unless it has to wait."""
        try:
            await self._apply(delivery)
        except Unauthorised:
            raise
        except (Forbidden, Missing, Removed, Invalid) as error:
            log.warning("A webhook is of no use, the issue is asked for later: %s", error)
        except Unreachable as error:
            await self._store.failed(delivery.id)
            if self._clock() - delivery.received < DAY:
                raise
            log.warning("Webhook %s is given up, its issue is asked for: %s", delivery.id, error)
        except UserError:  # GitHub's limits, or the database
            raise
        except Exception:
            log.exception("Webhook %s (%s) failed", delivery.id, delivery.event)
            await self._store.failed(delivery.id)
            if delivery.attempts + 1 < _MOST_ATTEMPTS:
                return
        await self._store.done(delivery.id)

    async def _apply(self, delivery: Delivery) -> None:
        """Do what a webhook asks for. Doing it twice changes nothing."""
        try:
            event = parse(delivery.event, delivery.body)
        except UserError as error:
            log.warning("A webhook cannot be read: %s", error)
            return
        if event is None or event.issue is None or event.is_pull_request:
            return
        login = await self._github.login()
        if event.name == "issues" and event.action in rules.FOLLOWED:
            await self._issue(event.action, event.issue, event, login)
        elif (
            event.comment is not None
            and event.action == "created"
            and not rules.is_by(login, event)
            and rules.is_worth_telling(event.comment, login)
        ):
            await self._tell_comment(event.comment)

    async def _issue(self, action: str, remote: RemoteIssue, event: Event, login: str) -> None:
        """Deal with an event of an issue. One that ftbot made itself may still be news to it."""
        ours = not login or rules.same(remote.author, login)
        if ours:
            await self._adopt(remote)
        if rules.is_by(login, event):
            return
        if ours and not await self._reports.reports_of(remote.repository, remote.number):
            # Made by ftbot, but nothing is known of it there: was the repository renamed?
            for tracked in await self._store.numbered(remote.number):
                await self._look(tracked.repository, tracked.number)
        if action in rules.MOVING or not await self._see(rules.seen(remote)):
            await self._look(remote.repository, remote.number)

    async def _tell_comment(self, comment: Comment) -> None:
        """Let those hear of a comment whose reports belong to its issue."""
        where = comment.repository, comment.number
        async with self._database.write() as tx:
            reports = await self._store.readers(tx, *where, comment.created)
            for report in reports:
                await self._posts.tell(
                    tx, report, f"comment:{comment.id}", rules.passed_on(comment)
                )

    async def _see(self, told: Issue, *, asked: bool = False) -> bool:
        """Keep what an event, or GitHub when `asked`, says of an issue, if it is new.

        Returns False if GitHub is to be asked first.
        """
        async with self._database.write() as tx:
            known = await self._reports.issue(tx, told.repository, told.number)
            verdict = rules.judge(known, told, asked=asked) if known else Verdict.IGNORE
            if known is not None and verdict is Verdict.APPLY:
                reports = await self._reports.issue_seen(tx, told, sure=asked)
                await self._tell(tx, reports, known, told)
        return verdict is not Verdict.ASK

    async def _look(self, repository: str, number: int, etag: str | None = None) -> None:
        """Ask GitHub for an issue that reports belong to, and keep what it says."""
        if not await self._reports.reports_of(repository, number):
            return
        try:
            found = await self._github.issue(repository, number, etag=etag)
        except (Missing, Removed) as error:
            await self._vanished(repository, number, error)
            await self._store.looked(repository, number, self._clock())
            return
        if isinstance(found, NotModified):
            await self._store.looked(repository, number, self._clock())
            return
        told = rules.seen(found)
        if (told.repository.lower(), told.number) == (repository.lower(), number):
            await self._see(told, asked=True)
        else:
            await self._moved(repository, number, told)
        await self._store.looked(told.repository, told.number, self._clock(), found.etag)

    async def _moved(self, repository: str, number: int, to: Issue) -> None:
        """Note that an issue is elsewhere: it was transferred, or its repository renamed."""
        log.info("%s#%d is %s#%d now", repository, number, to.repository, to.number)
        async with self._database.write() as tx:
            known = await self._reports.issue(tx, repository, number)
            if known is not None:
                reports = await self._reports.move_issue(tx, repository, number, to)
                await self._tell(tx, reports, known, to)

    async def _vanished(self, repository: str, number: int, error: GitHubError) -> None:
        """Note that an issue is gone, unless all of its repository is out of sight."""
        if not await self._is_readable(repository):
            log.warning("ftbot cannot read %s any more: %s", repository, error)
            return
        async with self._database.write() as tx:
            known = await self._reports.issue(tx, repository, number)
            if known is not None:
                gone = replace(known, state=rules.GONE, updated=None)
                await self._tell(tx, await self._reports.issue_seen(tx, gone), known, gone)

    async def _tell(self, tx: Transaction, reports: list[int], known: Issue, told: Issue) -> None:
        """Let people hear that an issue was closed, and why; that it was reopened, or is gone."""
        if key := rules.outcome(known, told):
            reason = told.reason if told.state == "closed" else None
            for report in reports:
                await self._posts.tell(tx, report, key, reason or "")

    async def _is_readable(self, repository: str) -> bool:
        kept, readable = self._readable.get(repository, (0.0, False))
        if not self._clock() - READABLE_KEPT < kept <= self._clock():
            access = await self._github.access(repository)
            readable = access.may_read and access.has_issues
            self._readable[repository] = self._clock(), readable
        return readable

    async def _poll(self, repository: str, numbers: set[int]) -> None:
        """Look through what changed in a repository, oldest change first."""
        course = await self._store.course(repository)
        course = course or Course(self._now() - FIRST_LOOK)
        page = await self._github.issues(
            repository, since=course.since, etag=course.etag, direction="asc", pages=_PAGES
        )
        if isinstance(page, NotModified):
            return
        login = await self._github.login()
        for remote in page.issues:
            if remote.number in numbers:
                await self._changed(repository, remote, course.since, login)
        newest = max([course.since, *(remote.updated for remote in page.issues)])
        # The tag is of the answer to this very question; the next one is another if time went on.
        etag = page.etag if newest == course.since and not page.more else None
        await self._store.set_course(repository, Course(newest, etag))

    async def _changed(
        self, repository: str, remote: RemoteIssue, since: datetime, login: str
    ) -> None:
        """Keep an issue that was found while looking through a repository, and its comments."""
        told = rules.seen(remote)
        if told.repository.lower() != repository.lower():
            await self._moved(repository, told.number, told)
        await self._see(told, asked=True)
        if remote.comments:
            for comment in await self._github.issue_comments(told.repository, told.number, since):
                if comment.created >= since and rules.is_worth_telling(comment, login):
                    await self._tell_comment(comment)

    async def _redeliver(self) -> None:
        """Have GitHub send again what did not arrive."""
        try:
            failed = await self._github.failed_deliveries(self._now() - REDELIVERED)
            asked = 0
            for each in failed:
                if each.event in EVENTS and not await self._store.is_done(each.guid):
                    log.info("Webhook %s is asked for again", each.guid)
                    await self._github.redeliver(each.id)
                    asked += 1
                    if asked == _REDELIVERIES:
                        break
        except Unauthorised:
            raise
        except (Forbidden, Missing, Invalid, Unclear) as error:
            log.warning("GitHub does not send webhooks again: %s", error)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
