"""An index in the same process, behind httpx's transport, and clocks that a test turns."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from packaging.utils import canonicalize_name

from bot.check.claims import encode_metadata, metadata_facts
from bot.db import Database
from bot.http import http_client
from bot.index.service import CachedIndex
from bot.index.store import ProjectStore
from bot.pypi.client import METADATA_JSON, SIMPLE_JSON, IndexClient
from tests.clients.conftest import answer

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
FRESH = timedelta(minutes=10)


class Clock:
    """A date and a count of seconds, which pass when a test says so."""

    def __init__(self) -> None:
        self.now = NOON
        self.seconds = 1_000.0

    def date(self) -> datetime:
        return self.now

    def timer(self) -> float:
        return self.seconds

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)
        self.seconds += timedelta(**time).total_seconds()


@dataclass
class Published:
    """What the index has of a project."""

    files: list[str]
    serial: int | None = 1
    status: str = "active"
    classifiers: list[str] = field(default_factory=list)
    spelled: str | None = None
    """None: there is no metadata."""


class Index:
    """Pages and metadata of projects. `faults` answer in their place, by path, while they last.

    While `held` is not set, requests wait; `asked` is set by each.
    """

    def __init__(self) -> None:
        self.projects: dict[str, Published] = {}
        self.faults: dict[str, httpx.Response | Exception] = {}
        self.requests: list[str] = []
        self.asked = asyncio.Event()
        self.held = asyncio.Event()
        self.held.set()

    def publish(self, name: str, *files: str, serial: int | None = 1, **more: Any) -> None:  # noqa: ANN401
        self.projects[canonicalize_name(name)] = Published(list(files), serial, **more)

    def pages(self) -> list[str]:
        return [path for path in self.requests if path.startswith("/simple/")]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.requests.append(path)
        self.asked.set()
        await self.held.wait()
        fault = self.faults.get(path)
        if isinstance(fault, Exception):
            raise fault
        if fault is not None:
            body = await fault.aread()
            return answer(fault.status_code, body, dict(fault.headers))
        _, kind, name, *rest = path.split("/")
        project = self.projects.get(name)
        if project is None:
            return answer(404)
        if kind == "simple":
            return self._page(request, name, project)
        return self._metadata(rest[0], project)

    def _page(self, request: httpx.Request, name: str, project: Published) -> httpx.Response:
        body = page(name, project.files, status=project.status)
        headers = {"Content-Type": SIMPLE_JSON, "ETag": f'"{hash(body)}"'}
        if project.serial is not None:
            headers["X-PyPI-Last-Serial"] = str(project.serial)
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return answer(304, headers=headers)
        return answer(200, body, headers)

    def _metadata(self, version: str, project: Published) -> httpx.Response:
        if project.spelled is None:
            return answer(404)
        info = {"name": project.spelled, "version": version, "classifiers": project.classifiers}
        return answer(200, json.dumps({"info": info}).encode(), {"Content-Type": METADATA_JSON})


def page(
    name: str, files: Iterable[str], *, status: str = "active", api_version: str = "1.4"
) -> bytes:
    """Write a page of the Simple API."""
    entries = [{"filename": file, "url": file, "hashes": {}} for file in files]
    document = {
        "meta": {"api-version": api_version},
        "name": name,
        "project-status": {"status": status},
        "files": entries,
    }
    return json.dumps(document).encode()


@dataclass
class World:
    """A cached index over a database in a file, with the index that it asks."""

    index: Index
    clock: Clock
    database: Database
    store: ProjectStore
    cached: CachedIndex
    client: IndexClient

    def hold(self) -> None:
        """Let requests wait from now on."""
        self.index.held.clear()
        self.index.asked.clear()

    async def rest(self) -> None:
        """Wait until no fetch is under way."""
        await asyncio.gather(
            *(fetch.task for fetch in self.cached._fetching.values()), return_exceptions=True
        )

    async def want(self, serial: int) -> None:
        """Note that the index has changed, as those who follow its changes do."""
        async with self.database.write() as tx:
            await self.store.want(tx, {"demo": serial})


@asynccontextmanager
async def world(folder: Path, *, fresh: timedelta = FRESH) -> AsyncIterator[World]:
    index, clock = Index(), Clock()
    transport = httpx.MockTransport(index)
    async with (
        Database.open(folder / "ftbot.sqlite3") as database,
        http_client("http://index.test", transport=transport) as http,
    ):
        store, client = ProjectStore(database), IndexClient(http, clock=clock.timer)
        with ThreadPoolExecutor(1) as parser:
            cached = CachedIndex(
                client,
                store,
                parser,
                fresh=fresh,
                read_metadata=lambda body: encode_metadata(metadata_facts(body)),
                clock=clock.date,
                timer=clock.timer,
            )
            yield World(index, clock, database, store, cached, client)
            await cached.close()
