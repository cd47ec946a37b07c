"""What /check costs beside what discord.py itself costs, over a Discord on loopback.

Run with `pytest -m bench -s`. Both bots run in a process of their own, one after the other.
"""

import asyncio
import gc
import statistics
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.app import running as app
from bot.settings import Settings
from tests.e2e.loopback import (
    TOKEN,
    TOOLS,
    Loopback,
    answered,
    api_url,
    loopback,
    surroundings,
    tool,
)

pytestmark = [
    pytest.mark.bench,
    pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey"),
]

ROOT = Path(__file__).resolve().parents[2]
BARE = ROOT / "tests/bench/bare_bot.py"
DOCUMENTS = ROOT / "../shared/data/simple"
ROUNDS, WARM_UP = 300, 30
RATIO = 1.5
SLACK = 1.4  # for a machine that does other things
LAG = 20  # milliseconds
LARGE = 10  # documents
START = 20  # seconds


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
        **surroundings(discord_api, index, tmp_path),
        "FTBOT_FILL": "0",
        "FTBOT_HTTP": "",
    }
    bare = (str(BARE), api_url(discord_api), TOKEN)
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
    assert ratio <= RATIO * SLACK


@asynccontextmanager
async def index_process() -> AsyncIterator[str]:
    """Serve the index from another process, so that its work is not taken for the bot's."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(TOOLS / "index_replica.py"), "--docs", str(DOCUMENTS), "--port", "0",
        stdout=PIPE, stderr=DEVNULL,
    )  # fmt: skip
    assert child.stdout is not None
    try:
        yield (await child.stdout.readline()).decode().split()[-1]
    finally:
        child.terminate()
        await child.communicate()


async def longest_pause(stop: asyncio.Event) -> float:
    """Return how many milliseconds the loop was late at most, looking every millisecond."""
    longest, before = 0.0, time.perf_counter()
    while not stop.is_set():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest, before = max(longest, now - before - 0.001), now
    return 1000 * longest


async def test_parsing_large_documents_leaves_the_loop_free(tmp_path: Path) -> None:
    if not (TOOLS.exists() and DOCUMENTS.exists()):
        pytest.skip("the tools and documents are not beside this checkout")
    largest = sorted(DOCUMENTS.glob("*.gz"), key=lambda path: path.stat().st_size)[-LARGE:]
    names = [path.name.removesuffix(".json.gz") for path in largest]
    sys.setswitchinterval(0.001)  # as the bot does
    async with index_process() as url:
        settings = Settings(
            data_dir=tmp_path, pypi_url=url, fill=0, http=None,
            top_packages_url=f"{url}/none", tracker_url=f"{url}/none", guide_url=f"{url}/none",
            github_api_url=f"{url}/none",
        )  # fmt: skip
        async with app.services(settings) as services:
            await services.check.answer("requests")  # starting up is another matter
            gc.freeze()  # as the bot does
            stop = asyncio.Event()
            watch = asyncio.create_task(longest_pause(stop))
            start = time.perf_counter()
            answers = await asyncio.gather(*(services.check.answer(name) for name in names))
            took = time.perf_counter() - start
            stop.set()
            pause = await watch
            gc.unfreeze()
    assert [answer.project for answer in answers] == names
    print(f"{LARGE} documents in {took:.2f} s, longest pause of the loop {pause:.1f} ms")  # noqa: T201 - its report
    assert pause <= LAG * SLACK
