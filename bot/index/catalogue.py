"""All projects of the index by name: what is typed, what was perhaps meant, how popular it is."""

import asyncio
import logging
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final
from zlib import compress, decompress

import msgspec

from bot.data import names as shipped_lines
from bot.http import Client, Fetched, NotModified, fetch_document
from bot.index.documents import Content, refreshed
from bot.index.names import (
    NameTable,
    Ranking,
    parse_top_packages,
    shipped_ranking,
)
from bot.index.store import DocumentStore, StoredDocument
from bot.programs import run
from bot.pypi.client import IndexClient

log = logging.getLogger(__name__)

_NAMES, _RANKS = "names", "ranks"
_READING_SECONDS: Final = 120.0
_RANKING = msgspec.json.Decoder(Ranking)


class Catalogue:
    """The table of names and ranks in use, replaced as a whole when either is refreshed.

    It starts from what was stored, or else from what ships with ftbot.
    """

    def __init__(
        self, store: DocumentStore, index: IndexClient, http: Client, top_packages_url: str
    ) -> None:
        self._store = store
        self._index = index
        self._http = http
        self._url = top_packages_url
        self._table = NameTable(b"")
        self._ranking: Ranking | None = None
        self._loading = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._table)

    def __contains__(self, name: str) -> bool:
        return name in self._table

    def complete(self, text: str, limit: int = 25) -> list[str]:
        """Return names that begin with what was typed, as `NameTable.complete`."""
        return self._table.complete(text, limit)

    def rank(self, name: str) -> int | None:
        """Return a project's place by downloads, None beyond the ranked ones."""
        return self._table.rank(name)

    def most_downloaded(self, count: int) -> list[str]:
        """Return the names with the most downloads, as far as there are ranks."""
        return [name for name in self._table.complete("", count) if self._table.rank(name)]

    async def suggest(self, name: str, limit: int = 5) -> tuple[str, ...]:
        """Return names that were perhaps meant, likeliest first; `load` first if need be."""
        async with self._loading:
            if not len(self._table):
                await self.load()
        return tuple(await asyncio.to_thread(self._table.suggest, name, limit))

    async def load(self) -> None:
        """Take the names and ranks that are at hand. Takes half a second, in a thread."""
        names, ranks = await self._store.get(_NAMES), await self._store.get(_RANKS)
        await asyncio.to_thread(self._use, names, ranks)

    def _use(self, names: StoredDocument | None, ranks: StoredDocument | None) -> None:
        lines = _readable(_NAMES, names, decompress) or shipped_lines()
        ranking = _readable(_RANKS, ranks, _RANKING.decode) or shipped_ranking()
        self._ranking = ranking
        self._table = NameTable(lines, ranking.names)

    async def refresh_names(self) -> None:
        """Read the index's list of all projects anew, if it changed."""
        table = await refreshed(
            self._store,
            _NAMES,
            self._fetch_names,
            lambda lines: NameTable(lines, (self._ranking or shipped_ranking()).names),
            lambda table: compress(table.lines),
        )
        if table:
            self._table = table
            log.info("The index lists %d projects", len(table))

    async def refresh_ranks(self) -> None:
        """Read the download ranks anew, if they changed."""
        ranking = await refreshed(
            self._store, _RANKS, self._fetch_ranks, parse_top_packages, msgspec.json.encode
        )
        if ranking:
            self._ranking = ranking
            self._table = await asyncio.to_thread(NameTable, self._table.lines, ranking.names)
            log.info("Download ranks are of %s", ranking.as_of)

    async def _fetch_names(self, etag: str | None) -> Fetched | NotModified:
        """Fetch the names as lines."""
        answer = await self._index.index(etag=etag)
        if isinstance(answer, NotModified):
            return answer
        document = await asyncio.to_thread(compress, answer.body, 1)
        answer = replace(answer, body=b"")  # 60 MB, which shall not stay while it is read
        lines = await run("-m", "bot.index.listing", stdin=document, seconds=_READING_SECONDS)
        return replace(answer, body=lines)

    async def _fetch_ranks(self, etag: str | None) -> Fetched | NotModified:
        return await fetch_document(self._http, self._url, etag=etag)


def _readable(
    name: str, stored: StoredDocument | None, read: Callable[[bytes], Content]
) -> Content | None:
    """Read a stored document; None if there is none, or if it is damaged."""
    if stored is None:
        return None
    try:
        return read(stored.body)
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("The stored %s cannot be used, those that ship are: %s", name, error)
        return None
