"""What /check costs beside what discord.py itself costs, over a Discord on loopback.

Run with `pytest -m bench -s`. Both bots run in a process of their own, one after the other.
"""

import asyncio
import statistics
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.loopback import TOKEN, Loopback, answered, api_url, loopback, tool

pytestmark = [
    pytest.mark.bench,
    pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey"),
]

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ROOT / "../shared/data/simple"
ROUNDS, WARM_UP = 300, 30
RATIO = 1.5
START = 20  # seconds

BARE = """
import discord, os, sys
from discord import app_commands
from bot.client import use_api

class Bare(discord.AutoShardedClient):
    async def setup_hook(self):
        tree = app_commands.CommandTree(self)
        @tree.command(description="Answers always the same")
        async def check(interaction: discord.Interaction, project: str):
            await interaction.response.send_message("numpy 2.5.5 has a free-threaded wheel.")
        await tree.sync()

use_api(sys.argv[1])
Bare(intents=discord.Intents(guilds=True), max_messages=None).run(sys.argv[2], log_handler=None)
"""


@pytest.fixture
async def discord_api() -> AsyncIterator[Loopback]:
    async with loopback() as fake:
        yield fake


@asynccontextmanager
async def process(
    fake: Loopback, *arguments: str, environment: Mapping[str, str], folder: Path
) -> AsyncIterator[None]:
    fake.identified.clear()
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **environment},
        stderr=DEVNULL,
    )
    try:
        await asyncio.wait_for(fake.identified.wait(), START)
        yield
    finally:
        child.terminate()
        await child.wait()


async def latencies(fake: Loopback, project: str) -> list[float]:
    """Return milliseconds from dispatch to answer, sorted, without the first rounds."""
    taken = []
    for _ in range(WARM_UP + ROUNDS):
        record: dict[str, Any] = await fake.slash(
            "check", [{"type": 3, "name": "project", "value": project}]
        )
        assert (await answered(record))["type"] == 4
        taken.append(1000 * (record["t_ack"] - record["t0"]))
    return sorted(taken[WARM_UP:])


async def test_a_cached_project_costs_little_more_than_a_bare_command(
    discord_api: Loopback, tmp_path: Path
) -> None:
    index = tool("index_replica").IndexReplica(DOCUMENTS, port=0)
    await index.start()
    environment = {
        "FTBOT_DISCORD_TOKEN": TOKEN,
        "FTBOT_DISCORD_API_URL": api_url(discord_api),
        "FTBOT_DATA_DIR": str(tmp_path),
        "FTBOT_PYPI_URL": index.url,
        "FTBOT_TOP_PACKAGES_URL": f"{index.url}/none",
        "FTBOT_TRACKER_URL": f"{index.url}/none",
        "FTBOT_FILL": "0",
        "FTBOT_HTTP": "",
    }
    bare = ("-c", BARE, api_url(discord_api), TOKEN)
    async with process(discord_api, *bare, environment={}, folder=tmp_path):
        constant = await latencies(discord_api, "numpy")
    async with process(discord_api, "-m", "bot", "run", environment=environment, folder=tmp_path):
        first = await discord_api.slash("check", [{"type": 3, "name": "project", "value": "numpy"}])
        await asyncio.wait_for(first["done_ev"].wait(), 15)
        checked = await latencies(discord_api, "numpy")
    await index.stop()
    for name, values in (("constant answer", constant), ("/check numpy", checked)):
        p99 = values[int(len(values) * 0.99)]
        print(f"{name}: median {statistics.median(values):.2f} ms, p99 {p99:.2f} ms")  # noqa: T201 - its report
    ratio = statistics.median(checked) / statistics.median(constant)
    print(f"ratio {ratio:.2f}")  # noqa: T201 - its report
    del discord_api.requests[60:]  # judging hundreds of equal requests takes a while
    assert ratio <= RATIO
