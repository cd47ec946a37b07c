"""The community's tracking table as it is now: refreshed, and looked up by project."""

import logging
from datetime import UTC, datetime

from msgspec.structs import replace

from bot import data
from bot.check.model import TrackerClaim
from bot.check.tracker import (
    TrackerTable,
    claims_by_project,
    parse_table,
    read_table,
    write_table,
)
from bot.errors import UserError
from bot.http import Client, Fetched, NotModified, fetch_document
from bot.index.aliases import Aliases
from bot.index.documents import refreshed
from bot.index.store import DocumentStore

log = logging.getLogger(__name__)

_NAME = "tracker"


class Tracker:
    """The community's tracking table: what was fetched last, or else what ships with ftbot."""

    def __init__(self, store: DocumentStore, http: Client, url: str, aliases: Aliases) -> None:
        self._store = store
        self._http = http
        self._url = url
        self._aliases = aliases
        self._shipped = read_table(data.read("tracker.json"))
        self._claims: dict[str, TrackerClaim] = {}

    def claim(self, project: str) -> TrackerClaim | None:
        """Return what the table says of a project."""
        return self._claims.get(project)

    async def load(self) -> None:
        """Take the table that was fetched last, or else the one that ships."""
        stored = await self._store.get(_NAME)
        table = self._shipped
        if stored:
            try:
                table = read_table(stored.body)
            except UserError as error:
                log.warning("The stored tracking table cannot be used: %s", error)
        self._use(table)

    async def refresh(self) -> None:
        """Read the table anew, if it changed. Raises UserError or ServiceError."""
        table = await refreshed(self._store, _NAME, self._fetch, self._read, write_table)
        if table:
            self._use(table)
            log.info("The tracking table has %d rows", len(table.rows))

    def _use(self, table: TrackerTable) -> None:
        self._claims = claims_by_project(table.rows, self._aliases.tracker)

    async def _fetch(self, etag: str | None) -> Fetched | NotModified:
        return await fetch_document(self._http, self._url, etag=etag)

    def _read(self, document: bytes) -> TrackerTable:
        rows = parse_table(document.decode("utf-8", "replace"))
        return replace(self._shipped, date=datetime.now(UTC).date().isoformat(), rows=rows)
