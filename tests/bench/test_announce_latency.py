"""How long news takes from the index's journal to the channel, with the real process.

Run with `pytest -m bench -s`. The interval is a second and nothing settles, so half a second on
average is the wait for the next look.
"""

import asyncio
import statistics
import sys
import time
from asyncio.subprocess import DEVNULL
from pathlib import Path

import pytest

from tests.e2e.exactly_once import CHANNEL
from tests.e2e.loopback import (
    Loopback,
    answered,
    loopback,
    shown,
    surroundings,
    tool,
)

pytestmark = [
    pytest.mark.bench,
    pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey"),
]

RELEASES = 25
MEDIAN = 2.0  # seconds
SLACK = 1.4


async def subscribe(discord: Loopback) -> None:
    channel = {"id": CHANNEL, "name": "general", "type": 0, "permissions": str(1 << 49)}
    options = [
        {"type": 7, "name": "channel", "value": CHANNEL},
        {"type": 3, "name": "what", "value": "all-releases"},
        {"type": 3, "name": "among", "value": "everything"},
    ]
    record = await discord.slash(
        "announce",
        [{"type": 1, "name": "subscribe", "options": options}],
        resolved={"channels": {CHANNEL: channel}},
    )
    assert CHANNEL in shown((await answered(record))["data"])


async def told(discord: Loopback, version: str) -> float:
    """Wait until a message names the version; return when that was."""
    while True:
        for message in list(discord.messages.values()):
            if message["components"] and version in shown(message).replace("\\", ""):
                return time.perf_counter()
        await asyncio.sleep(0.005)


async def test_news_arrives_within_seconds(tmp_path: Path) -> None:
    index = tool("index_replica").IndexReplica()
    await index.start()
    index.publish("quick", "quick-0.1-py3-none-any.whl")
    async with loopback() as discord:
        bot = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run"),
            cwd=tmp_path,
            env={
                **surroundings(discord, index, tmp_path),
                "FTBOT_CHANGES_INTERVAL": "1",
                "FTBOT_ANNOUNCE_SETTLE": "0",
                "FTBOT_FILL": "0",
                "FTBOT_HTTP": "",
            },
            stderr=DEVNULL,
        )
        try:
            await asyncio.wait_for(discord.identified.wait(), 30)
            await subscribe(discord)
            await asyncio.sleep(3)  # until the index is followed
            taken = []
            for number in range(RELEASES):
                version = f"7.{number}.3"
                index.publish("quick", f"quick-{version}-cp314-cp314t-win_amd64.whl")
                start = time.perf_counter()
                taken.append(await asyncio.wait_for(told(discord, version), 30) - start)
                await asyncio.sleep(number / RELEASES)  # so that looks come at any moment
        finally:
            bot.terminate()
            await bot.wait()
            await index.stop()
    median = statistics.median(taken)
    print(f"journal row to message: median {median:.2f} s, longest {max(taken):.2f} s")  # noqa: T201 - its report
    assert median <= MEDIAN * SLACK
