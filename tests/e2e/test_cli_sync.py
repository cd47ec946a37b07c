"""`ftbot sync` as a process, against the stand-in of the index."""

import asyncio
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.db import Database
from tests.conftest import Replica
from tests.e2e.test_cli import Command

pytestmark = pytest.mark.slow


@pytest.fixture
def ftbot(tmp_path: Path, replica: Replica) -> Command:
    return Command(
        tmp_path,
        FTBOT_PYPI_URL=replica.url,
        FTBOT_TOP_PACKAGES_URL=f"{replica.url}/none",
        FTBOT_TRACKER_URL=f"{replica.url}/none",
        FTBOT_GUIDE_URL=f"{replica.url}/none",
        FTBOT_CHANGES_INTERVAL="0.1",
        FTBOT_ANNOUNCE_SETTLE="0",
    )


async def known(ftbot: Command, sql: str) -> list[object]:
    async with Database.open(ftbot.database) as database:
        return [row[0] for row in await database.read(sql)]


async def test_once_fills_the_cache_and_tells_no_old_news(ftbot: Command, replica: Replica) -> None:
    outcome = await ftbot("sync", "--once")
    assert (outcome.code, outcome.out) == (0, "Cached 1 of the 1 most downloaded projects.\n")
    assert await known(ftbot, "SELECT name FROM project") == ["numpy"]
    assert await known(ftbot, "SELECT topic FROM news") == []
    today = datetime.now(UTC).date().isoformat()
    assert today in await known(ftbot, "SELECT day FROM progress WHERE NOT derived")
    replica.publish("numpy", "numpy-2.1-cp314.cp315-cp314t.cp315t-win_amd64.whl")
    assert (await ftbot("sync", "--once")).code == 0
    assert await known(ftbot, "SELECT version FROM news") == ["2.1"]


async def test_it_follows_until_it_is_told_to_end(ftbot: Command, replica: Replica) -> None:
    process = await ftbot.start("sync")
    assert process.stderr
    async with asyncio.timeout(20):
        awaited = {b"Following the index", b"Judged ", b"The database is copied"}
        while awaited:
            line = await process.stderr.readline()
            assert line
            awaited = {each for each in awaited if each not in line}
    assert [request.rpc[0] for request in replica.requests if request.rpc]
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(5):
        out, err = await process.communicate()
    assert process.returncode == 0
    assert out.startswith(b"Cached ")
    assert b"Traceback" not in err


async def test_an_index_that_is_down_is_one_sentence(ftbot: Command, replica: Replica) -> None:
    await replica.stop()
    outcome = await ftbot("sync", "--once")
    assert outcome.code == 3
    assert outcome.err.splitlines()[-1].startswith("ftbot: ")
