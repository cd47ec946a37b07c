"""A day of following the index, as fast as it goes: one request a look, and memory stays flat.

Run with `pytest -m bench -s`. The index gets as many journal rows a minute as the real one.
"""

import gc
import tracemalloc
from pathlib import Path

import pytest

from bot.announce.changes.service import ChangesService
from bot.announce.changes.store import ChangeStore
from bot.db import Database
from bot.http import http_client
from bot.index.store import ProjectStore
from bot.pypi.client import IndexClient
from bot.pypi.journal import Journal
from tests.conftest import Replica

pytestmark = [
    pytest.mark.bench,
    pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey"),
]

LOOKS, ROWS = 24 * 60, 14
GROWTH = 200_000  # bytes in a day
OURS = [
    tracemalloc.Filter(True, f"*/{package}/*")
    for package in ("bot", "httpx", "httpcore", "h11", "anyio", "aiosqlite", "asyncio", "tenacity")
]


async def test_a_day_of_looks_leaves_nothing_behind(tmp_path: Path, replica: Replica) -> None:
    async with Database.open(tmp_path / "file") as database, http_client(replica.url) as http:
        service = ChangesService(
            ChangeStore(database, ProjectStore(database)),
            Journal(http),
            IndexClient(http),
            source="journal",
            settle=120,
            ranked=lambda _: False,
        )
        await service.follow()
        for _ in range(60):  # until everything that is kept was met once
            replica.add_noise(ROWS)
            await service.follow()
        asked = len(replica.requests)
        tracemalloc.start()
        try:
            sizes = []
            for _ in range(4):
                for _ in range(LOOKS // 4):
                    replica.add_noise(ROWS)
                    await service.follow()
                gc.collect()
                ours = tracemalloc.take_snapshot().filter_traces(OURS)
                sizes.append(sum(each.size for each in ours.statistics("filename")))
        finally:
            tracemalloc.stop()
    kilobytes = ", ".join(f"{size / 1000:.0f}" for size in sizes)
    print(f"{LOOKS} looks, {LOOKS * ROWS} rows; kB held after each quarter of a day: {kilobytes}")  # noqa: T201 - its report
    assert len(replica.requests) - asked == LOOKS
    assert sizes[-1] - sizes[0] < GROWTH
