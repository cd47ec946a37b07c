"""Reports on their way to a GitHub on 127.0.0.1, with all real parts but Discord."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from bot.db import Database
from bot.github.auth import App
from bot.github.client import GitHub
from bot.http import http_client
from bot.reports.filing.service import Filing
from bot.reports.filing.store import FilingStore
from bot.reports.following.service import Following
from bot.reports.following.store import FollowingStore
from bot.reports.issue import marker
from bot.reports.model import Action, Actor, Report, Submission
from bot.reports.posts.store import PostStore
from bot.reports.store import ReportStore
from tests.e2e import github_loopback
from tests.e2e.github_loopback import Loopback
from tests.e2e.github_spec import GitHubSpec

HOME = "community/reports"
KEY = b"a key that only this test knows"
ADA, TRIAGER = Actor(11, "Ada"), Actor(12, "Tri")
LOGIN = "ftbot[bot]"


class Clock:
    """Real time, and what a test skips."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def __call__(self) -> float:
        return time.time() + self.skipped

    async def sleep(self, seconds: float) -> None:
        self.skipped += seconds


class FastClock(Clock):
    """Time that goes `speed` times as fast since `start`, the same in all processes."""

    def __init__(self, start: float, speed: float) -> None:
        super().__init__()
        self.start, self.speed = start, speed

    def __call__(self) -> float:
        return self.start + (time.time() - self.start) * self.speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)


@dataclass
class Parts:
    """What files and follows, over one database."""

    database: Database
    filings: FilingStore
    reports: ReportStore
    posts: PostStore
    webhooks: FollowingStore
    github: GitHub
    filing: Filing
    following: Following

    async def enqueue(self, uid: str, repository: str = HOME, labels: tuple[str, ...] = ()) -> int:
        """Make a report, and let a triager file it."""
        return await enqueue(self.database, uid, repository, labels)

    async def refile(self, report: int, uid: str, repository: str = HOME) -> None:
        """Let a triager file a report once more."""
        at = datetime.now(UTC)
        async with self.database.write() as tx:
            await self.reports.step(tx, report, Action.FILE, TRIAGER, at=at)
            await self.filings.enqueue(tx, report, uid, repository, "A title", _body(uid), ())

    async def get(self, report: int) -> Report:
        found = await self.reports.get(report)
        assert found is not None
        return found

    async def told(self, report: int) -> list[tuple[str, str]]:
        """Return key and note of what the reporter hears, in order."""
        rows = await self.database.read(
            "SELECT key, note FROM report_post WHERE report = ? AND purpose = 'outcome'"
            " ORDER BY id",
            (report,),
        )
        return [(row["key"], row["note"]) for row in rows]


async def enqueue(
    database: Database, uid: str, repository: str = HOME, labels: tuple[str, ...] = ()
) -> int:
    """Make a report, and let a triager file it."""
    reports, filings, at = ReportStore(database), FilingStore(database), datetime.now(UTC)
    async with database.write() as tx:
        report = await reports.insert(
            tx,
            uid=uid,
            submission=Submission(story=f"made up: {uid}"),
            reporter=ADA,
            guild=21,
            channel=22,
            at=at,
        )
        await reports.step(tx, report, Action.SEND, ADA, at=at)
        await reports.step(tx, report, Action.FILE, TRIAGER, at=at)
        await filings.enqueue(tx, report, uid, repository, f"Report {uid}", _body(uid), labels)
    return report


def _body(uid: str) -> str:
    return f"Made up for a test.\n\n{marker.sign(uid, KEY)}"


@asynccontextmanager
async def parts(
    folder: Path,
    url: str,
    *,
    clock: Clock,
    credentials: App | None,
) -> AsyncIterator[Parts]:
    """Put the parts together over a database in `folder` and GitHub at `url`."""
    async with Database.open(folder / "ftbot.sqlite3") as database, http_client(url) as http:
        reports, posts, filings = ReportStore(database), PostStore(database), FilingStore(database)
        webhooks = FollowingStore(database)
        github = GitHub(http, credentials, home=HOME, clock=clock)
        filing = Filing(
            database, filings, reports, posts, github,
            marker_key=KEY, clock=clock, sleep=clock.sleep,
        )  # fmt: skip
        following = Following(
            database, webhooks, reports, posts, github, adopt=filing.adopt, clock=clock
        )
        yield Parts(database, filings, reports, posts, webhooks, github, filing, following)


@asynccontextmanager
async def github(clock: Clock) -> AsyncIterator[Loopback]:
    """Serve a GitHub with one repository, `HOME`; judge all that it was asked in the end."""
    async with github_loopback.serving(clock=clock) as server:
        server.repo(HOME, labels=["free-threading", "bug"], roles={"mel": "MEMBER", "ned": "NONE"})
        yield server
        wrong = {problem for each in server.requests for problem in description().problems(each)}
        assert wrong == set()


@cache
def description() -> GitHubSpec:
    return GitHubSpec.load()
