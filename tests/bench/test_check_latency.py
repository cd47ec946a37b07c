"""What /check costs beside what discord.py itself costs, over a Discord on loopback.

Run with `pytest -m bench -s`. Both bots run all the time, on one core, and are asked in turn, so
that a machine that does other things does them to both.
"""

import asyncio
import gc
import itertools
import statistics
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from operator import truediv
from pathlib import Path
from typing import Any

import pytest

from bot.app import running as app
from bot.settings import Settings
from tests.bench.bots import BARE, ROOT, START, apart, started
from tests.e2e.loopback import TOKEN, TOOLS, Loopback, api_url, loopback, surroundings, tool

pytestmark = [
    pytest.mark.bench,
    pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey"),
]

DOCUMENTS = ROOT / "../shared/data/simple"
ROUNDS, EACH = 40, 50  # of each; answers in a round
SETTLED = 30  # seconds, in which wheels that this index does not have are looked for
RATIO = 1.5
SLACK = 1.4  # for a machine that does other things
LAG = 20  # milliseconds
LARGE = 10  # documents
_TEXT, _CARD, _CHECK = "bare bot, a line", "bare bot, a card", "/check numpy"


async def latencies(discord: Loopback, command: str, *options: Mapping[str, object]) -> list[float]:
    """Return milliseconds from dispatch to answer, of one after the other."""
    taken = []
    for _ in range(EACH):
        record: dict[str, Any] = await discord.slash(command, [*options])
        await asyncio.wait_for(record["done_ev"].wait(), START)
        taken.append(1000 * (record["t_ack"] - record["t0"]))
    return taken


async def test_a_cached_project_costs_little_more_than_a_bare_command(tmp_path: Path) -> None:
    numpy = {"type": 3, "name": "project", "value": "numpy"}
    index = tool("index_replica").IndexReplica(DOCUMENTS, port=0)
    await index.start()
    async with AsyncExitStack() as stack:
        core = stack.enter_context(apart())
        enter = stack.enter_async_context
        there, here = await enter(loopback()), await enter(loopback())
        settings = surroundings(here, index, tmp_path) | {"FTBOT_FILL": "0", "FTBOT_HTTP": ""}
        await enter(started(there, core, tmp_path, str(BARE), api_url(there), TOKEN))
        await enter(started(here, core, tmp_path, "-m", "bot", "run", **settings))
        asked = {
            _TEXT: partial(latencies, there, "check", numpy),
            _CARD: partial(latencies, there, "card"),
            _CHECK: partial(latencies, here, "check", numpy),
        }
        there.keep_requests = False  # the bare bot is not judged
        for ask in asked.values():
            await ask()
        here.keep_requests = False  # enough are judged
        await asyncio.sleep(SETTLED)
        rounds: dict[str, list[list[float]]] = {name: [] for name in asked}
        for _, (name, ask) in itertools.product(range(ROUNDS), asked.items()):
            rounds[name].append(await ask())
    await index.stop()
    medians = {name: list(map(statistics.median, every)) for name, every in rounds.items()}
    ratios = {
        name: statistics.median(map(truediv, every, medians[_TEXT]))
        for name, every in medians.items()
    }
    for name, every in rounds.items():
        waits = sorted(itertools.chain(*every))
        print(  # noqa: T201 - its report
            f"{name}: median {statistics.median(waits):.2f} ms, p99 {waits[-len(waits) // 100]:.2f}"
            f" ms, {ratios[name]:.2f} times the line"
        )
    assert ratios[_CHECK] <= RATIO * SLACK


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
