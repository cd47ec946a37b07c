"""The porting guide as it is now: refreshed, searched, pointed to."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import msgspec

from bot import data
from bot.errors import UserError
from bot.guide.edition import Edition
from bot.guide.mkdocs import read_index
from bot.guide.model import Hit, Pointer, Section
from bot.guide.rules import Helps
from bot.http import MEBIBYTE, Client, Fetched, NotModified, fetch_document
from bot.index.documents import refreshed
from bot.index.store import DocumentStore

log = logging.getLogger(__name__)

HELPS: Final = "guide.json"
SHIPPED: Final = "guide_sections.json"
LIMIT_BYTES: Final = 4 * MEBIBYTE
"""Twenty times what the guide is today."""
SHOWN: Final = 4
"""Hits that an answer has room for."""

_NAME: Final = "guide"
_SECTIONS = msgspec.json.Decoder(tuple[Section, ...])


class GuideService:
    """The guide: what was fetched last, or else what ships with ftbot, in words of our own.

    Nothing is found before `load`.
    """

    def __init__(self, store: DocumentStore, http: Client, url: str) -> None:
        self._store = store
        self._http = http
        self._url = url
        self._edition: Edition | None = None
        self._fetched = False

    async def load(self) -> None:
        """Take what was fetched last, or else what ships. Raises UserError if that is damaged."""
        stored = await self._store.get(_NAME)
        if stored:
            try:
                await self._use(await asyncio.to_thread(read_sections, stored.body))
            except UserError as error:
                log.warning("The stored guide cannot be used, what ships is: %s", error)
            else:
                self._fetched = True
                return
        await self._use(None)

    async def refresh(self) -> None:
        """Read the guide anew, if it changed. Raises UserError or ServiceError."""
        sections = await refreshed(self._store, _NAME, self._fetch, read_index, msgspec.json.encode)
        if sections:
            await self._use(sections)
            self._fetched = True
            log.info("The guide has %d sections", len(sections))

    def close(self) -> None:
        """Forget everything."""
        if self._edition:
            self._edition.close()
        self._edition = None

    def search(self, query: str, limit: int = SHOWN) -> tuple[Hit, ...]:
        """Return the sections that fit a query, the best first; what `complete` gave finds its own.

        Nothing fits a query without a telling word.
        """
        return self._edition.search(query, limit) if self._edition else ()

    def contents(self) -> tuple[Hit, ...]:
        """Return the chapters of the guide, in its order."""
        return self._edition.contents() if self._edition else ()

    def complete(self, text: str, limit: int = 25) -> list[str]:
        """Return headings for what was typed so far, of at most 100 characters each.

        Nothing typed gives the chapters.
        """
        return self._edition.complete(text, limit) if self._edition else []

    def pointer(self, *keys: str) -> Pointer | None:
        """Return where the guide helps with a verdict, a kind of report or a package's class.

        Of several it is the first with which it does; None where nothing helps.
        """
        return self._edition.pointer(*keys) if self._edition else None

    async def _fetch(self, etag: str | None) -> Fetched | NotModified:
        known = etag if self._fetched else None  # what is stored may be damaged
        return await fetch_document(self._http, self._url, etag=known, limit_bytes=LIMIT_BYTES)

    async def _use(self, sections: Sequence[Section] | None) -> None:
        """Search these sections from now on; None are those that ship."""
        edition = await asyncio.to_thread(_edition, sections, self._url)
        self.close()
        self._edition = edition


def read_sections(body: bytes) -> tuple[Section, ...]:
    """Read sections as they are stored and shipped. Raises UserError if it is something else."""
    try:
        sections = _SECTIONS.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UserError("The kept guide cannot be read.", "It will be fetched again.") from error
    if not sections:
        raise UserError("The kept guide has no section.", "It will be fetched again.")
    return sections


def _edition(sections: Sequence[Section] | None, url: str) -> Edition:
    own = read_sections(data.read(SHIPPED))
    return Edition(sections or own, own, data.read_json(HELPS, Helps), url)
