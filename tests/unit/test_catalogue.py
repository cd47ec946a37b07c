"""The names and ranks in use: what ships, what is fetched, what was stored, and what is damaged."""

import json
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from bot.db import Database
from bot.errors import IndexUnavailable, ServiceError
from bot.http import Client, http_client
from bot.index.catalogue import Catalogue
from bot.index.store import DocumentStore
from bot.pypi.client import SIMPLE_JSON, IndexClient
from tests.clients.conftest import answer

RANKS = "/top.json"
pytestmark = pytest.mark.usefixtures("no_pauses")


@dataclass
class Site:
    """A list of names and a list of ranks, or other answers in their place."""

    names: bytes = b""
    ranks: bytes = b""
    status: int = 200

    def __post_init__(self) -> None:
        self.list("Alpha.One", "beta", "gamma")
        self.rank("beta", "gamma")
        self.asked: list[tuple[str, int]] = []

    def list(self, *names: str) -> None:
        projects = [{"name": name} for name in names]
        self.names = json.dumps({"meta": {"api-version": "1.4"}, "projects": projects}).encode()

    def rank(self, *names: str) -> None:
        rows = [{"project": name, "download_count": -place} for place, name in enumerate(names)]
        self.ranks = json.dumps({"last_update": "2026-11-01 00:00:00", "rows": rows}).encode()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = self.ranks if request.url.path == RANKS else self.names
        headers = {"Content-Type": SIMPLE_JSON, "ETag": f'"{zlib.crc32(body)}"'}
        status = self.status
        if status == 200 and request.headers.get("If-None-Match") == headers["ETag"]:
            status = 304
        self.asked.append((request.url.path, status))
        return answer(status, b"" if status == 304 else body, headers)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as opened:
        yield opened


@pytest.fixture
async def http(site: Site) -> AsyncIterator[Client]:
    transport = httpx.MockTransport(site)
    async with http_client("http://index.test", transport=transport) as client:
        yield client


@pytest.fixture
def catalogue(database: Database, http: Client) -> Catalogue:
    return make(database, http)


def make(database: Database, http: Client) -> Catalogue:
    url = f"http://index.test{RANKS}"
    return Catalogue(DocumentStore(database), IndexClient(http), http, url)


async def test_starts_from_what_ships(catalogue: Catalogue, site: Site) -> None:
    assert (len(catalogue), catalogue.complete("num")) == (0, [])
    await catalogue.load()
    assert len(catalogue) > 800_000
    assert catalogue.complete("num")[0] == "numpy"
    assert catalogue.rank("numpy")
    assert await catalogue.suggest("nunpy") == (await catalogue.suggest("nunpy", 5))
    assert "numpy" in await catalogue.suggest("nunpy")
    assert site.asked == []


async def test_suggestions_load_the_names_if_need_be(catalogue: Catalogue) -> None:
    assert "requests" in await catalogue.suggest("reqeusts")


async def test_refreshed_names_and_ranks_outlive_a_restart(
    catalogue: Catalogue, database: Database, http: Client
) -> None:
    await catalogue.refresh_names()
    await catalogue.refresh_ranks()
    for each in (catalogue, make(database, http)):
        if each is not catalogue:
            await each.load()
        assert len(each) == 3
        assert each.complete("") == ["beta", "gamma", "alpha-one"]
        assert (each.rank("beta"), each.rank("alpha-one")) == (1, None)
        assert each.most_downloaded(10) == ["beta", "gamma"]
        assert each.most_downloaded(1) == ["beta"]
        assert each.most_downloaded(0) == []


async def test_fetched_again_only_if_changed(catalogue: Catalogue, site: Site) -> None:
    for _ in range(2):
        await catalogue.refresh_names()
        await catalogue.refresh_ranks()
    site.list("beta", "delta")
    await catalogue.refresh_names()
    assert [status for _, status in site.asked] == [200, 200, 304, 304, 200]
    assert catalogue.complete("") == ["beta", "delta"]


@pytest.mark.parametrize("names", [b"<html>", b'{"meta":{"api-version":"2.0"},"projects":[]}'])
async def test_a_list_that_cannot_be_read_changes_nothing(
    catalogue: Catalogue, site: Site, database: Database, http: Client, names: bytes
) -> None:
    await catalogue.refresh_names()
    await catalogue.refresh_ranks()
    site.names = names
    with pytest.raises(ServiceError, match="The index sent"):
        await catalogue.refresh_names()
    site.list()
    with pytest.raises(ServiceError, match="no project at all"):
        await catalogue.refresh_names()
    site.ranks = b"[]"
    with pytest.raises(ServiceError):
        await catalogue.refresh_ranks()
    site.status = 503
    with pytest.raises(IndexUnavailable):
        await catalogue.refresh_names()
    again = make(database, http)
    await again.load()
    for each in (catalogue, again):
        assert each.complete("") == ["beta", "gamma", "alpha-one"]


@pytest.mark.parametrize("name", ["names", "ranks"])
async def test_what_is_stored_damaged_does_not_stop_the_start(
    catalogue: Catalogue, database: Database, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with database.write() as tx:
        await tx.execute(
            "INSERT INTO document (name, fetched, body) VALUES (?, ?, ?)",
            (name, "2026-11-22T12:00:00+00:00", b"\xff damaged"),
        )
    await catalogue.load()
    assert catalogue.complete("num")[0] == "numpy"
    assert f"The stored {name} cannot be used" in caplog.text
