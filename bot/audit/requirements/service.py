"""Requirements of releases, from the database or from the index."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar

from packaging.utils import NormalizedName

from bot.audit.requirements.model import Requirements
from bot.audit.requirements.rules import choose, read_core_metadata, read_release, telling
from bot.audit.requirements.store import RequirementStore
from bot.errors import DatabaseError, IndexUnavailable, ServiceError, UserError
from bot.http import Fetched
from bot.language import phrase, together
from bot.pypi.client import IndexClient
from bot.pypi.wire import FileAddress, decode_addresses

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class RequirementReader:
    """Reads what releases require, for as long as one resolution takes.

    Everything is asked for once, however many want it, failures included. Documents are read in
    the threads of `parser`. The project's page tells where its files are; it is fetched for that
    unless `see_page` was shown it.
    """

    def __init__(
        self, store: RequirementStore, client: IndexClient, parser: ThreadPoolExecutor
    ) -> None:
        self._store = store
        self._client = client
        self._parser = parser
        self._seen: dict[NormalizedName, Mapping[str, FileAddress]] = {}
        self._addresses: dict[NormalizedName, asyncio.Task[Mapping[str, FileAddress]]] = {}
        self._reading: dict[str, asyncio.Task[Requirements]] = {}

    def see_page(self, name: NormalizedName, body: bytes) -> None:
        """Note where a project's files are, from its page; called in any thread."""
        with suppress(IndexUnavailable):  # whoever fetched it will say so
            self._seen[name] = telling(decode_addresses(body))

    async def close(self) -> None:
        """End what is still being fetched."""
        tasks = [*self._reading.values(), *self._addresses.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def known(self, file: str) -> Requirements | None:
        """Return what is stored for a file, without asking anybody."""
        return self._store.get(file)

    async def read(self, name: NormalizedName, version: str, file: str) -> Requirements:
        """Return what a release requires; `file` is the one of its files that pip takes.

        Core metadata of that file is best, then that of another wheel of the release, then what
        the JSON API tells. If nothing does, `problem` says so.
        """
        if file not in self._reading:
            reading = self._read(name, version, file)
            self._reading[file] = asyncio.create_task(reading, name=f"requirements of {file}")
        return await asyncio.shield(self._reading[file])

    async def _read(self, name: NormalizedName, version: str, file: str) -> Requirements:
        if stored := self._store.get(file):
            return stored
        try:
            found = await self._fetch(name, version, file)
        except UserError as error:
            log.warning("No requirements of %s: %s", file, error)
            return Requirements(
                problem=together(error.text, phrase("So what it requires is not known."))
            )
        if found is None:
            return Requirements(problem=phrase("The index does not tell what it requires."))
        try:
            await self._store.put(file, found)
        except DatabaseError as error:
            log.error("Not stored: %s", error)  # noqa: TRY400 - the sentence says it all
        return found

    async def _fetch(self, name: NormalizedName, version: str, file: str) -> Requirements | None:
        """Ask the index. The JSON API is asked too if something is wrong with the file's own."""
        failure: ServiceError | None = None
        try:
            address = choose(await self._addresses_of(name), file, version)
            body = await self._client.core_metadata(name, address) if address else None
            if body is not None:
                return await self._in_thread(partial(read_core_metadata, body))
        except ServiceError as error:
            failure = error
        body = await self._client.metadata(name, version)
        found = await self._in_thread(partial(read_release, body)) if body else None
        if found is None and failure is not None:
            raise failure
        return found

    async def _addresses_of(self, name: NormalizedName) -> Mapping[str, FileAddress]:
        if name in self._seen:
            return self._seen[name]
        if name not in self._addresses:
            fetching = self._fetch_addresses(name)
            self._addresses[name] = asyncio.create_task(fetching, name=f"addresses of {name}")
        return await asyncio.shield(self._addresses[name])

    async def _fetch_addresses(self, name: NormalizedName) -> Mapping[str, FileAddress]:
        answer = await self._client.project(name)
        if not isinstance(answer, Fetched):
            return {}
        return await self._in_thread(lambda: telling(decode_addresses(answer.body)))

    async def _in_thread(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._parser, call)
