"""What concerns reports: from members' forms to issues on GitHub, and back."""

import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.announce.delivery.store import DeliveryStore
from bot.app.core import Core
from bot.app.jobs import DAY, HOUR, LOOK, Bell, delivering
from bot.audit.members import AuditMembers
from bot.background import Job
from bot.db import Memory
from bot.github.auth import App, credentials
from bot.github.client import GitHub
from bot.http import http_client
from bot.reports.filing.service import Filing
from bot.reports.filing.store import FilingStore
from bot.reports.following.service import Following
from bot.reports.following.store import FollowingStore
from bot.reports.known.service import KnownIssues
from bot.reports.known.store import KnownStore
from bot.reports.posts.service import Posts
from bot.reports.posts.store import PostStore
from bot.reports.reading.names import IndexNames
from bot.reports.reading.rules import read_submission
from bot.reports.service.lookups import Lookups
from bot.reports.service.service import ReportService
from bot.reports.store import ReportStore

if TYPE_CHECKING:  # see bot.app.running
    from bot.courier.carrier import Carrier

POLL: Final = 90.0
"""Seconds between looks at the issues where GitHub does not tell of changes by itself."""
_MARKER_KEY: Final = "github.marker_key"


@dataclass(frozen=True, slots=True)
class Reporting:
    """The verbs of reports, and what goes on by itself. `polls` says that there is no webhook."""

    github: GitHub
    service: ReportService
    known: KnownIssues
    filing: Filing
    following: Following
    posts: Posts
    polls: bool

    def jobs(self, bell: Bell) -> Iterable[Job]:
        """Yield the jobs between members, GitHub and the outboxes."""
        yield delivering("posts", self.posts.deliver, lambda: self.posts.soon, bell)
        yield delivering("filing", self.filing.file, lambda: self.filing.soon, bell)
        yield Job("lookups", self.service.enrich_all, every=60)
        yield Job("known issues", self.known.refresh, every=600, longest_retry=HOUR)
        if self.polls:
            yield Job("issues", self.following.poll, every=POLL, longest_retry=600)
        else:
            yield Job("webhooks", self.following.work, every=LOOK, longest_retry=300)
        yield Job("reconcile", self.following.reconcile, every=HOUR)
        yield Job("retention", self.service.tidy, every=DAY, longest_retry=HOUR)


@asynccontextmanager
async def reporting(
    parts: Core, carrier: "Carrier", bell: Bell, store: ReportStore, audits: AuditMembers
) -> AsyncIterator[Reporting]:
    """Put together what concerns reports. Raises SettingsError for unusable credentials.

    `audits` is what those keep of members, who may ask for all that is kept in one place.
    """
    from bot.courier.reports import ReportCourier  # noqa: PLC0415 - see TYPE_CHECKING above

    settings, database = parts.settings, parts.database
    account, key = credentials(settings), await _marker_key(parts)

    def arrived() -> None:
        bell.wake("posts")

    async with http_client(settings.github_api_url) as http:
        github = GitHub(http, account, home=settings.github_repo)
        names = IndexNames(parts.catalogue, parts.aliases)
        posts = PostStore(database, arrived)
        filings = FilingStore(database, lambda: bell.wake("filing"))
        known = KnownIssues(
            KnownStore(database),
            github,
            names,
            repositories=(settings.github_repo, *settings.github_repos),
            marker_key=key,
        )
        filing = Filing(
            database,
            filings,
            store,
            posts,
            github,
            marker_key=key,
            held=arrived,
            sending=parts.sending.note,
        )
        service = ReportService(
            database=database,
            store=store,
            posts=posts,
            filings=filings,
            lookups=Lookups(
                store,
                parts.check,
                known,
                home=settings.github_repo,
                allowed=settings.github_repos,
                index=parts.index,
                xray=parts.xray,
            ),
            reader=lambda submission: read_submission(submission, names),
            watches=parts.subscriptions,
            news=DeliveryStore(database),
            audits=audits,
            speakers=parts.speakers,
            home=settings.github_repo,
            can_file=github.can_write,
            key=key,
            github=github if github.can_write else None,
            site=settings.github_site,
        )
        following = Following(
            database,
            FollowingStore(database),
            store,
            posts,
            github,
            adopt=filing.adopt,
            redelivers=isinstance(account, App) and settings.github_webhook_secret is not None,
            received=lambda: bell.wake("webhooks"),
        )
        try:
            yield Reporting(
                github,
                service,
                known,
                filing,
                following,
                Posts(
                    posts,
                    store,
                    ReportCourier(carrier, site=settings.pypi_url, guide=parts.guide.pointer),
                ),
                polls=settings.github_webhook_secret is None,
            )
        finally:
            await known.close()


async def _marker_key(parts: Core) -> bytes:
    """Return the key by which ftbot knows its own marks on GitHub, made at the first start."""
    memory = Memory(parts.database)
    known = await memory.get(_MARKER_KEY)
    if known is None:
        known = secrets.token_hex(32)
        await memory.set(_MARKER_KEY, known)
    return bytes.fromhex(known)
