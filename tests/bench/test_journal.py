"""Catching up with the journal, against the parser that everyone has. Run by `make bench`.

Both take turns in one run, since a machine's speed drifts; each counts by its best round, for
others interrupt, and by the time of its own thread.
"""

import asyncio
import gc
import random
import sys
import time
import xmlrpc.client
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from rich.table import Table

from bot.announce.changes.model import Position
from bot.announce.changes.rules import sift
from bot.announce.changes.service import ChangesService
from bot.announce.changes.store import ChangeStore
from bot.db import Database
from bot.http import http_client
from bot.index.names import shipped_ranking
from bot.index.store import ProjectStore
from bot.pypi.client import IndexClient
from bot.pypi.journal import PAGE, Journal, JournalRow, parse_journal

pytestmark = pytest.mark.bench

FIRST = 38_000_000
SHARE_OF_WHEELS = 0.0105  # free-threaded ones, among all rows
ROUNDS = 7


@pytest.fixture(scope="module")
def rows() -> list[JournalRow]:
    """A page as full as they come, of projects that exist."""
    chance, made = random.Random(3), list[JournalRow]()
    names = shipped_ranking().names
    while len(made) < PAGE:
        start = FIRST + len(made)
        name, version = chance.choice(names), f"{chance.randrange(9)}.{chance.randrange(30)}"
        stem, at = f"{name.replace('-', '_')}-{version}", 1_795_000_000 + len(made) * 2
        actions = [
            "new release",
            f"add py3 file {stem}-py3-none-any.whl",
            f"add source file {stem}.tar.gz",
        ]
        if chance.random() < SHARE_OF_WHEELS * 3:
            actions.append(f"add cp314 file {stem}-cp314-cp314t-manylinux_2_28_x86_64.whl")
        if chance.random() < 0.1:
            actions = ["create", "add Owner somebody"]
        made += (
            JournalRow(name, version if " file " in action else None, at, action, start + place)
            for place, action in enumerate(actions)
        )
    return made[:PAGE]


@pytest.fixture(scope="module")
def body(rows: list[JournalRow]) -> bytes:
    value = ([list(row) for row in rows],)
    return xmlrpc.client.dumps(value, methodresponse=True, allow_none=True).encode()


@pytest.fixture
def as_in_ftbot() -> Iterator[None]:
    """Threads let each other have the interpreter as often as they do in ftbot."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.001)
    yield
    sys.setswitchinterval(before)


def test_parsing_and_filtering(rows: list[JournalRow], body: bytes) -> None:
    (theirs,), _ = xmlrpc.client.loads(body)
    assert [list(row) for row in parse_journal(body)] == theirs
    wheels = {row.name for row in rows if "-cp314t-" in row.action}
    assert sift(rows, 2e9).certain == wheels
    assert 300 < len(wheels) < 1_000

    gc.freeze()  # what other tests left behind is not to be looked through in every round
    best = _in_turns(
        lambda: xmlrpc.client.loads(body),
        lambda: parse_journal(body),
        lambda: sift(parse_journal(body), 2e9),
    )
    gc.unfreeze()
    shown = Table("ms", "best", "times faster", title=f"{len(rows)} rows, {len(body)} bytes")
    for way, seconds in zip(("xmlrpc.client.loads", "parsed", "and filtered"), best, strict=True):
        shown.add_row(way, f"{seconds * 1e3:.0f}", f"{best[0] / seconds:.1f}")
    Console(stderr=True).print(shown)
    assert best[0] >= 5 * best[2]


@pytest.mark.usefixtures("as_in_ftbot")
async def test_a_day_is_caught_up_with(rows: list[JournalRow], body: bytes, tmp_path: Path) -> None:
    """From the answer to the commit, beside an event loop that goes on."""
    rest = xmlrpc.client.dumps(([list(rows[-1])],), methodresponse=True, allow_none=True).encode()

    def handler(request: httpx.Request) -> httpx.Response:
        (since,), _ = xmlrpc.client.loads(request.content)
        return httpx.Response(200, content=_by_and_by(body if since == FIRST - 2 else rest))

    transport = httpx.MockTransport(handler)
    async with (
        Database.open(tmp_path / "ftbot.sqlite3") as database,
        http_client("https://index.test", transport=transport) as http,
    ):
        projects = ProjectStore(database)
        store = ChangeStore(database, projects)
        async with database.write() as tx:
            await tx.executemany(
                "INSERT INTO project (name, display_name, status, fetched, document, free_threaded)"
                " VALUES (?, ?, 'active', '', '{}', ?)",
                ((name, name, place % 10 == 0) for place, name in enumerate(_names())),
            )
        await store.start(Position(FIRST - 1, 0.0))
        service = ChangesService(
            store,
            Journal(http),
            IndexClient(http),
            source="journal",
            settle=120,
            ranked=lambda _: True,
        )
        lags = [0.0]
        ticking = asyncio.create_task(_tick(lags))
        await asyncio.sleep(0.01)
        start = time.perf_counter()
        await service.follow()
        took = time.perf_counter() - start
        ticking.cancel()
        position = await store.position()
        (waiting,) = (await database.read("SELECT count(*) FROM change"))[0]
    assert position
    assert position.serial == FIRST + PAGE - 1
    Console(stderr=True).print(
        f"{PAGE} rows caught up with in {took:.2f} s, {waiting} projects wait;"
        f" the loop was late by {max(lags) * 1e3:.1f} ms at most"
    )
    assert waiting > 500
    assert took < 10
    assert max(lags) < 0.02


async def _by_and_by(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]
        await asyncio.sleep(0)


async def _tick(lags: list[float]) -> None:
    while True:
        start = time.perf_counter()
        await asyncio.sleep(0.001)
        lags.append(time.perf_counter() - start - 0.001)


def _names() -> tuple[str, ...]:
    return shipped_ranking().names


def _in_turns(*ways: Callable[[], object]) -> list[float]:
    """Seconds that each way takes at best."""
    best = [float("inf")] * len(ways)
    for _ in range(ROUNDS):
        for place, way in enumerate(ways):
            start = time.thread_time()
            way()
            best[place] = min(best[place], time.thread_time() - start)
    return best
