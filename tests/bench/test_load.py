"""How much `ftbot run` answers, how fast, and what it keeps of it, over a Discord on loopback.

Run with `pytest -m bench -s`. It is compared with a bot of discord.py alone that answers always
the same: with a card like that of /check, which is the measure, and with a line of text, which
tells what the card itself costs. Both run all the time, each with a Discord of its own, and are
asked in turn, so that a machine that does other things does them to both. They share one core; the
Discords and who asks have another one, and how busy that was is told: at 1.0, it was what could not
go faster.
"""

import asyncio
import itertools
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from rich.console import Console
from rich.table import Table

from bot.audit.manifests import read
from tests.bench.bots import BARE, ROOT, Bot, apart, started
from tests.conftest import Replica
from tests.e2e.loopback import TOKEN, Loopback, api_url, loopback, surroundings

pytestmark = [
    pytest.mark.bench,
    pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey"),
    pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of the processes"),
]

DOCUMENTS: Final = ROOT / "../shared/data/simple"
LOCK: Final = ROOT / "tests/data/audits/polar.uv.lock"

IN_FLIGHT: Final = 50
"""Interactions that wait for an answer at the same time, at full rate."""
ROUNDS, EACH = 30, 300  # of each bot; interactions in a round
WARM_UP: Final = 600
SCHEDULES, SCHEDULED = 7, 3.0  # rounds at half of the rate, and their seconds
HOUR, LOOK = 10_000, 500
"""Interactions of a busy hour, and between two looks at the memory."""

SHARE: Final = 0.7
"""Of the bare bot's rate, with a cached project."""
P99: Final = 100.0  # milliseconds, at half of the bare bot's rate
GROWTH: Final = 300.0  # kB for 1,000 interactions, after a quarter of the hour
SLACK: Final = 1.4  # for a machine that does other things
PATIENCE, DEADLINE = 10.0, 3.0  # seconds; the latter is Discord's, for a first answer

STRING, FILE = 3, 11  # kinds of options
_TEXT, _BARE, _CHECK, _MIX = "bare bot, a line", "bare bot, a card", "cached /check", "mix"

Record: TypeAlias = dict[str, Any]
Ask: TypeAlias = Callable[[Loopback, int], Awaitable[Record]]
"""Begins the interaction of that number, which is the same each time."""


@dataclass(frozen=True, slots=True)
class Round:
    """Interactions a second, their seconds of processor time, and how busy who asked was."""

    rate: float
    processor: float
    asking: float


async def check_numpy(discord: Loopback, number: int) -> Record:
    del number
    record: Record = await discord.slash("check", [option("project", "numpy")])
    return record


async def constant_card(discord: Loopback, number: int) -> Record:
    del number
    record: Record = await discord.slash("card")
    return record


def mixed(projects: Sequence[str], upload: Record) -> Ask:
    """Ask as people do: half of all is /check, a tenth /audit, the rest is typing.

    Everybody is somebody else, and every third person speaks Korean.
    """
    resolved = {"attachments": {upload["id"]: upload}}

    async def ask(discord: Loopback, number: int) -> Record:
        person = {"id": str(5 * 10**18 + number), "username": "ann", "discriminator": "0"}
        user = {**person, "global_name": None, "avatar": None, "bot": False}
        who = {"user": user, "locale": "en-US" if number % 3 else "ko"}
        project = projects[number * 7 % len(projects)]
        record: Record
        if number % 10 == 0:
            file = option("file", upload["id"], FILE)
            record = await discord.slash("audit", [file], resolved=resolved, **who)
        elif number % 2 == 0:
            typed = {**option("project", project[: 1 + number % 4]), "focused": True}
            record = await discord.autocomplete("check", [typed], **who)
        else:
            record = await discord.slash("check", [option("project", project)], **who)
        return record

    return ask


def option(name: str, value: str, kind: int = STRING) -> Record:
    return {"type": kind, "name": name, "value": value}


async def finished(discord: Loopback, record: Record) -> None:
    """Wait for the whole answer, and let the loopback forget it: its memory is not measured."""
    await asyncio.wait_for(record["done_ev"].wait(), PATIENCE)
    del discord.interactions[record["token"]]
    discord.messages.pop(record["original"], None)


async def at_full_rate(bot: Bot, ask: Ask, count: int, first: int = 0) -> Round:
    """Keep IN_FLIGHT interactions waiting until there were so many."""
    numbers = iter(range(first, first + count))

    async def person() -> None:
        for number in numbers:
            await finished(bot.discord, await ask(bot.discord, number))

    theirs, ours, begun = bot.processor(), time.process_time(), time.perf_counter()
    await asyncio.gather(*(person() for _ in range(IN_FLIGHT)))
    took = time.perf_counter() - begun
    return Round(count / took, bot.processor() - theirs, (time.process_time() - ours) / took)


async def on_schedule(bot: Bot, ask: Ask, rate: float, count: int) -> list[float]:
    """Ask at fixed times, whether or not others are answered; return milliseconds, sorted.

    They count from when an interaction was due until its first answer, so whatever had to wait,
    here or there, is in them; what was never answered took as long as Discord waits.
    """

    async def answered(due: float, record: Record) -> float:
        with suppress(TimeoutError):
            await finished(bot.discord, record)
        return 1000 * (float(record.get("t_ack", due + DEADLINE)) - due)

    asked: list[asyncio.Task[float]] = []
    begun = time.monotonic()  # as the loopback's clock
    for number in range(count):
        due = begun + number / rate
        await asyncio.sleep(due - time.monotonic())
        asked.append(asyncio.create_task(answered(due, await ask(bot.discord, number))))
    return sorted(await asyncio.gather(*asked))


def p99(waits: Sequence[float]) -> float:
    return waits[int(0.99 * len(waits))]


@pytest.fixture
async def index(replica_module: Replica) -> AsyncIterator[Replica]:
    """An index with all that is asked for."""
    replica = replica_module.IndexReplica(DOCUMENTS, port=0)
    real = set(documented())
    for package in read(LOCK.name, LOCK.read_bytes()).pinned:
        stem = f"{package.name.replace('-', '_')}-{package.version}"
        if package.name not in real:
            replica.publish(package.name, f"{stem}-py3-none-any.whl")
    await replica.start()
    yield replica
    await replica.stop()


def documented() -> list[str]:
    return sorted(path.name.removesuffix(".json.gz") for path in DOCUMENTS.glob("*.json.gz"))


@asynccontextmanager
async def bots(folder: Path, index: Replica) -> AsyncIterator[tuple[Bot, Bot, Ask]]:
    """Run ftbot with all that is asked for cached, and the bare one; give how people ask."""
    async with AsyncExitStack() as stack:
        core = stack.enter_context(apart())
        enter = stack.enter_async_context
        there, here = await enter(loopback()), await enter(loopback())
        settings = {
            **surroundings(here, index, folder),
            "FTBOT_FILL": "0",
            "FTBOT_XRAY": "off",
            "FTBOT_HTTP": "127.0.0.1:0",
        }
        bare = await enter(started(there, core, folder, str(BARE), api_url(there), TOKEN))
        ftbot = await enter(started(here, core, folder, "-m", "bot", "run", **settings))
        mix = mixed(documented(), here.attachment(LOCK.name, LOCK.read_bytes()))
        await at_full_rate(ftbot, mix, IN_FLIGHT)
        there.keep_requests = here.keep_requests = False  # enough of them are judged
        everything = (bare, check_numpy), (bare, constant_card), (ftbot, check_numpy), (ftbot, mix)
        for bot, ask in everything:
            await at_full_rate(bot, ask, WARM_UP)
        yield ftbot, bare, mix


def tell(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
    table = Table("", *columns, title=title, title_justify="left")
    for name, cells in rows.items():
        table.add_row(name, *cells)
    Console(width=110).print(table, highlight=False)


def span(values: Sequence[float], digits: int = 0) -> str:
    """Say the median, and where the middle half of all is."""
    low, middle, high = statistics.quantiles(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


async def test_rate_and_latency(index: Replica, tmp_path: Path) -> None:
    async with bots(tmp_path, index) as (ftbot, bare, mix):
        asked = {
            _TEXT: (bare, check_numpy),
            _BARE: (bare, constant_card),
            _CHECK: (ftbot, check_numpy),
            _MIX: (ftbot, mix),
        }
        rounds: dict[str, list[Round]] = {name: [] for name in asked}
        for number, (name, (bot, ask)) in itertools.product(range(ROUNDS), asked.items()):
            rounds[name].append(await at_full_rate(bot, ask, EACH, number * EACH))
        shares = {
            name: [one.rate / other.rate for one, other in zip(every, rounds[_BARE], strict=True)]
            for name, every in rounds.items()
        }
        spent = {name: sum(each.processor for each in every) for name, every in rounds.items()}
        tell(
            f"{IN_FLIGHT} in flight, {ROUNDS} rounds: median (middle half)",
            ("a second", "beside the card", "processor ms", "beside the card", "asking"),
            {
                name: (
                    span([each.rate for each in every]),
                    span(shares[name], 2),
                    f"{1000 * spent[name] / ROUNDS / EACH:.2f}",
                    f"{spent[_BARE] / spent[name]:.2f}",
                    span([each.asking for each in every], 2),
                )
                for name, every in rounds.items()
            },
        )
        paces: dict[str, list[float]] = {name: [] for name in asked}
        waits: dict[str, list[list[float]]] = {name: [] for name in asked}
        for _, (name, (bot, ask)) in itertools.product(range(SCHEDULES), asked.items()):
            # What half of the rate is, the machine's other work decides anew each time.
            fastest = asked[_MIX if name == _MIX else _BARE]
            pace = (await at_full_rate(*fastest, EACH)).rate / 2
            paces[name].append(pace)
            waits[name].append(await on_schedule(bot, ask, pace, int(pace * SCHEDULED)))
    tell(
        "Milliseconds to the first answer, at half of the bare bot's full rate or of the mix's",
        ("asked a second", "p50 of rounds", "p99 of rounds", "p99 of all"),
        {
            name: (
                span(paces[name]),
                span([statistics.median(each) for each in every], 1),
                span([p99(each) for each in every], 1),
                f"{p99(sorted(itertools.chain(*every))):.1f}",
            )
            for name, every in waits.items()
        },
    )
    assert statistics.median(shares[_CHECK]) * SLACK >= SHARE
    # Other work of the machine only adds to it, so the quietest round tells most of the bot.
    assert min(map(p99, waits[_CHECK])) <= P99


async def test_memory_over_an_hour(index: Replica, tmp_path: Path) -> None:
    async with bots(tmp_path, index) as (ftbot, _, mix):
        sizes = []
        for first in range(0, HOUR, LOOK):
            await at_full_rate(ftbot, mix, LOOK, HOUR + first)
            sizes.append(ftbot.resident())
    growth = slope(sizes[len(sizes) // 4 :]) * 1000 / LOOK
    tell(
        f"Memory over {HOUR} interactions of the mix, a look each {LOOK}",
        ("MB resident", "kB more for 1,000"),
        {"ftbot": (" ".join(f"{size / 1000:.1f}" for size in sizes), f"{growth:.0f}")},
    )
    assert growth <= GROWTH * SLACK


def slope(values: Sequence[float]) -> float:
    """Return how much more each is than the one before: the median of all pairs' slopes."""
    pairs = itertools.combinations(enumerate(values), 2)
    return statistics.median((later - one) / (end - begin) for (begin, one), (end, later) in pairs)
