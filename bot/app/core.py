"""The parts that every command needs: settings → database, clients, cached index, answers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot import data
from bot.announce.subscriptions.store import SubscriptionStore
from bot.app.restored import told_until
from bot.check.claims import encode_metadata, metadata_facts
from bot.check.service import CheckService
from bot.check.tracking import Tracker
from bot.db import Database, Sending, Speakers
from bot.guide.service import GuideService
from bot.http import DOCUMENT_THREADS, http_client
from bot.index.aliases import Aliases, read_aliases
from bot.index.catalogue import Catalogue
from bot.index.fill import Fill
from bot.index.service import CachedIndex
from bot.index.store import DocumentStore, ProjectStore
from bot.pypi.client import IndexClient
from bot.pypi.journal import Journal
from bot.settings import Settings
from bot.xray.service import XrayService
from bot.xray.store import XrayStore

DATABASE: Final = "ftbot.sqlite3"
PATIENCE: Final = 5.0
"""Seconds that people on Discord wait for the index where the cache has an answer."""


@dataclass(frozen=True, slots=True)
class Core:
    """Everything but Discord, and but what goes on by itself."""

    settings: Settings
    database: Database
    client: IndexClient
    journal: Journal
    projects: ProjectStore
    index: CachedIndex
    catalogue: Catalogue
    aliases: Aliases
    tracker: Tracker
    guide: GuideService
    xray: XrayService
    check: CheckService
    fill: Fill
    subscriptions: SubscriptionStore
    speakers: Speakers
    sending: Sending
    told_until: float
    """UTC seconds until when a lost database may have told news, 0 if none is lost."""


@asynccontextmanager
async def core(settings: Settings, *, patience: float | None = None) -> AsyncIterator[Core]:
    """Open the database and the clients. `patience` is `CheckService`'s. No job runs yet."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        database = await enter(Database.open(settings.data_dir / DATABASE))
        until = await told_until(database)
        documents, projects = DocumentStore(database), ProjectStore(database)
        # One client for the index and for public documents: no setting's address has credentials,
        # and each client reads all certificates, which takes 60 ms.
        http = await enter(http_client(settings.pypi_url))
        client = IndexClient(http)
        index = CachedIndex(
            client,
            projects,
            DOCUMENT_THREADS,
            fresh=timedelta(seconds=settings.index_fresh),
            read_metadata=lambda body: encode_metadata(metadata_facts(body)),
        )
        stack.push_async_callback(index.close)
        aliases = read_aliases(data.read("aliases.json"))
        catalogue = Catalogue(documents, client, http, settings.top_packages_url)
        tracker = Tracker(documents, http, settings.tracker_url, aliases)
        await tracker.load()
        guide = GuideService(documents, http, settings.guide_url)
        stack.callback(guide.close)
        xray = XrayService(XrayStore(database), client, on=settings.xray)
        stack.push_async_callback(xray.close)
        check = CheckService(
            index, catalogue, aliases, tracker, site=settings.pypi_url, patience=patience, xray=xray
        )
        yield Core(
            settings=settings,
            database=database,
            client=client,
            journal=Journal(http),
            projects=projects,
            index=index,
            catalogue=catalogue,
            aliases=aliases,
            tracker=tracker,
            guide=guide,
            xray=xray,
            check=check,
            fill=Fill(index, projects, catalogue, settings.fill),
            subscriptions=SubscriptionStore(database),
            speakers=Speakers(database),
            sending=Sending(database),
            told_until=until,
        )
