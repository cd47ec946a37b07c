"""What the verbs of reports have in common."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

from bot.db import Database, Transaction
from bot.errors import UserError
from bot.github.model import RemoteIssue
from bot.http import NotModified
from bot.language import phrase
from bot.reports import rules
from bot.reports.filing.store import FilingStore
from bot.reports.issue.destination import Address
from bot.reports.issue.rules import compose, form_address
from bot.reports.model import Actor, Reading, Report, State, Submission
from bot.reports.posts.store import PostStore
from bot.reports.service.lookups import Lookups
from bot.reports.store import ReportStore

GITHUB: Final = "https://github.com"
PATIENCE: Final = 1.5
"""Seconds that a reporter waits for the index and for GitHub."""
DECIDING: Final = 8.0
"""Seconds that a triager waits for the index where the decision hangs on it."""


class Audits(Protocol):
    """What audits keep for members, as numbers: audits, those waited for, messages."""

    async def stored(self, user: int) -> tuple[int, int, int]:
        """Return how many there are."""
        ...

    async def forget(self, tx: Transaction, user: int) -> tuple[int, int, int]:
        """Delete them, and return how many there were."""
        ...


class Personal(Protocol):
    """Another part of ftbot that keeps something for members."""

    async def stored(self, user: int) -> int:
        """Return how many things are kept."""
        ...

    async def forget(self, tx: Transaction, user: int) -> int:
        """Delete them, and return how many there were."""
        ...


class Issues(Protocol):
    """Where single issues are asked for: `bot.github.client.GitHub`."""

    async def issue(self, repository: str, number: int) -> RemoteIssue | NotModified:
        """Return an issue, as it is called now. Raises `GitHubError`."""
        ...


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Base:
    """The parts that verbs work with; see `ReportService`."""

    def __init__(
        self,
        *,
        database: Database,
        store: ReportStore,
        posts: PostStore,
        filings: FilingStore,
        lookups: Lookups,
        reader: Callable[[Submission], Reading],
        home: str,
        watches: Personal,
        news: Personal,
        audits: Audits,
        speakers: Personal,
        can_file: bool,
        key: bytes,
        github: Issues | None = None,
        site: str = GITHUB,
        patience: float = PATIENCE,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._database = database
        self._store = store
        self._posts = posts
        self._filings = filings
        self._lookups = lookups
        self._reader = reader
        self._home = home
        self._can_file = can_file
        self._key = key
        self._github = github
        self._watches = watches
        self._news = news
        self._audits = audits
        self._speakers = speakers
        self._site = site
        self._patience = patience
        self._clock = clock

    async def _own(self, report: int, reporter: Actor) -> Report:
        """Return a report that is the reporter's. UserError if it is not, or not there."""
        found = await self._store.get(report)
        if found is None or found.reporter is None or found.reporter.id != reporter.id:
            raise UserError(
                phrase("You have no report {report}.", report=report),
                phrase(
                    "Drafts are kept for {days} days; make a new one with /report.",
                    days=rules.DRAFTS_KEPT.days,
                ),
            )
        return found

    async def _theirs(self, report: int, guild: int) -> Report:
        """Return a report of a server that was sent. UserError if there is none."""
        found = await self._store.get(report)
        if found is None or found.guild != guild or found.state is State.DRAFT:
            raise UserError(
                phrase("This server has no report {report}.", report=report),
                phrase("Check the number."),
            )
        return found

    async def _there(self, report: int) -> Report:
        """Return a report that is known to be there."""
        found = await self._store.get(report)
        if found is None:
            raise LookupError(f"there is no report {report}")
        return found

    async def _place(self, report: Report) -> Address:
        """Return where a report belongs, as of now if possible. UserError if that is unknown."""
        found = await self._lookups.address(report, patience=DECIDING)
        if found is None and report.address is None:
            raise UserError(
                phrase("Where the report belongs can't be found out: the index does not answer."),
                phrase("Try again in a few minutes."),
            )
        return found or report.address  # type: ignore[return-value]  # one of them is there

    async def _form(self, report: Report, place: Address) -> str | None:
        """Return the address of GitHub's form with all filled in."""
        if place.repository is None:
            return None
        text = await asyncio.to_thread(compose, report, "", repository=place.repository)
        return form_address(place.repository, text, self._site)

    def _digest(self, user: int, what: str = "member") -> str:
        """Return what tells members apart without their number; another one for each `what`."""
        return hmac.new(self._key, f"{what}:{user}".encode(), hashlib.sha256).hexdigest()[:32]
