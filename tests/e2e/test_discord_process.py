"""`ftbot run` as operators start it: another process, a Discord and an index on loopback."""

import asyncio
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.compat.targets import PYTHONS
from tests.e2e.loopback import (
    TOKEN,
    Loopback,
    answered,
    loopback,
    sent,
    shown,
    surroundings,
    tool,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey"),
]

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ROOT / "../shared/data/simple"
START, STOP = 20, 5  # seconds


@pytest.fixture
async def discord_api() -> AsyncIterator[Loopback]:
    async with loopback() as fake:
        yield fake


@pytest.fixture
async def index() -> AsyncIterator[Any]:
    replica = tool("index_replica").IndexReplica(DOCUMENTS, port=0)
    await replica.start()
    yield replica
    await replica.stop()


@asynccontextmanager
async def ftbot(fake: Loopback, index: Any, folder: Path) -> AsyncIterator[Process]:  # noqa: ANN401 - see `tool`
    """Start the bot, wait until it is on Discord, and end it with SIGTERM."""
    fake.identified.clear()
    environment = {
        **surroundings(fake, index, folder),
        "FTBOT_FILL": "0",
        "FTBOT_HTTP": "",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", cwd=folder, env=environment, stdout=PIPE, stderr=PIPE
    )
    output = asyncio.create_task(process.communicate())
    identified = asyncio.create_task(fake.identified.wait())
    try:
        await asyncio.wait((identified, output), timeout=START, return_when="FIRST_COMPLETED")
        assert identified.done(), output
        yield process
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(output, STOP)
        assert process.returncode == 0
        assert time.monotonic() - asked < STOP
        assert b"Traceback" not in errors
        assert TOKEN.encode() not in errors
    finally:
        identified.cancel()
        if process.returncode is None:
            process.kill()
            await output


async def test_life_cycle(discord_api: Loopback, index: Any, tmp_path: Path) -> None:  # noqa: ANN401
    async with ftbot(discord_api, index, tmp_path):
        name = {"type": 3, "name": "project"}
        typed = await discord_api.autocomplete(
            "check", [{**name, "value": "nump", "focused": True}]
        )
        choices = (await answered(typed))["data"]["choices"]
        assert "numpy" in [choice["value"] for choice in choices]

        record = await discord_api.slash("check", [{**name, "value": "numpy"}])
        await asyncio.wait_for(record["done_ev"].wait(), 15)
        message = discord_api.messages[record["original"]]
        assert all(f"**{python}**" in shown(message) for python in PYTHONS)
        assert "## numpy" in shown(message)

    async with ftbot(discord_api, index, tmp_path):
        clicked = await discord_api.click(message, "1details:numpy::", 3, ["3.14t"])
        await asyncio.wait_for(clicked["done_ev"].wait(), 15)
        assert "### 3.14t, per platform" in shown(message)
        assert "cp314-cp314t" in shown(message)
    assert len(sent(discord_api, "PUT", "/commands")) == 1


@pytest.mark.slow
async def test_an_unknown_project_and_an_index_that_is_down(
    discord_api: Loopback,
    index: Any,  # noqa: ANN401 - see `tool`
    tmp_path: Path,
) -> None:
    async with ftbot(discord_api, index, tmp_path):
        name = {"type": 3, "name": "project"}
        record = await discord_api.slash("check", [{**name, "value": "numpyy"}])
        await asyncio.wait_for(record["done_ev"].wait(), 15)
        assert "no project named numpyy" in shown(discord_api.messages[record["original"]])
        await index.stop()
        record = await discord_api.slash("check", [{**name, "value": "pandas"}])
        await asyncio.wait_for(record["done_ev"].wait(), 30)
        assert "cannot be reached" in shown(discord_api.messages[record["original"]])
        await index.start()
