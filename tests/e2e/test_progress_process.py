"""Progress by the real processes: what `ftbot progress` prints, what the bot shows and serves."""

import asyncio
import json
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.check.public import BURST
from bot.compat.targets import ALL_TARGETS
from bot.db import Database
from bot.index.names import shipped_ranking
from tests.e2e.loopback import answered, problems, shown
from tests.e2e.machine import Machine, end, machine
from tests.e2e.test_cli import Command
from tests.unit.progress_pages import compiled, days_ago, fill, page, release

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey"),
]

NAMES = [name for name in shipped_ranking().names[:400] if name.isascii()]
STRANGE = [name for name in shipped_ranking().names[1_000:1_200] if name.isascii()]
"""Projects that exist, and are not cached."""


async def populate(path: Path, count: int = 400) -> None:
    """Cache the most downloaded projects, made up: most pure, some compiled, some of those free."""
    async with Database.open(path) as database:
        await fill(
            database,
            (
                (
                    name,
                    page(
                        name,
                        release(name, "1.0", days_ago(500), *_tags(number, early=True)),
                        release(name, "2.0", days_ago(90), *_tags(number, early=False)),
                    ),
                )
                for number, name in enumerate(NAMES[:count])
            ),
        )


def _tags(number: int, *, early: bool) -> list[str]:
    if number % 4:
        return ["py3-none-any"]
    free = [] if early or number % 8 else ["314t"]
    return compiled(["313", "314", *free])


@pytest.fixture
def ftbot(tmp_path: Path) -> Command:
    # Nothing may be asked of anybody.
    nobody = "http://127.0.0.1:9"
    return Command(tmp_path, FTBOT_PYPI_URL=nobody, FTBOT_TOP_PACKAGES_URL=f"{nobody}/none")


async def prepared(ftbot: Command, count: int = 400) -> None:
    ftbot.database.parent.mkdir(parents=True, exist_ok=True)
    await populate(ftbot.database, count)


async def test_as_text(ftbot: Command) -> None:
    await prepared(ftbot)
    outcome = await ftbot("progress", "--among", "top-360")
    assert (outcome.code, outcome.err) == (0, "")
    first, *lines = outcome.out.splitlines()
    count, binaries = map(int, re.findall(r" (\d+) ", first))
    assert first.startswith("top-360: ")
    assert abs(count - 360) < 5
    assert abs(binaries - 90) < 5
    assert re.search(r"linux-x86_64 +0% +(49|50|51)% +0%", outcome.out)
    assert any(line.startswith("Missing: ") for line in lines)
    assert "\x1b" not in outcome.out


async def test_as_json(ftbot: Command) -> None:
    await prepared(ftbot)
    outcome = await ftbot("progress", "--json", "--among", "top-360", "--among", "top-15000")
    assert (outcome.code, outcome.err) == (0, "")
    few, many = outcome.documents
    assert (few["among"], many["among"]) == ("top-360", "top-15000")
    assert few.keys() == {"among", "as_of", "projects", "unknown", "targets"}
    assert many["projects"] > 14_000
    assert many["unknown"] == many["projects"] - 400 + (400 - len(NAMES))
    assert [(each["python"], each["platform"]) for each in few["targets"]] == [
        (each.python, each.platform) for each in ALL_TARGETS
    ]
    linux = next(
        each for each in few["targets"] if (each["python"], each["platform"])
        == ("3.14t", "linux-x86_64")
    )  # fmt: skip
    assert linux.keys() == {
        "python", "platform", "all", "with_binaries", "gil", "arrived", "missing", "history",
    }  # fmt: skip
    assert linux["with_binaries"]["ready"] == pytest.approx(45, abs=3)
    assert linux["history"][0]["derived"] is True
    assert linux["history"][0]["day"] < linux["history"][-1]["day"]


async def test_nothing_is_cached(ftbot: Command) -> None:
    outcome = await ftbot("progress")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("top-1000: 0 projects")
    assert "Run ftbot sync --once to read them." in outcome.out


async def test_what_was_judged_today_serves_again(ftbot: Command) -> None:
    await prepared(ftbot)
    first = await ftbot("progress", "--json")
    second = await ftbot("progress", "--json")
    assert first.documents[0]["targets"] == second.documents[0]["targets"]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--among", "top-10", "top-360, top-1000, top-15000"),
        ("--among", "x\x1b[31m" * 500, "top-360, top-1000, top-15000"),
        ("--python", "2.7", "3.14t"),
        ("--platform", "amiga", "linux-x86_64"),
        ("--platform", "manylinux_2_39_x86_64", "Choose one of linux-x86_64,"),
    ],
)
async def test_bad_usage_is_one_line_that_names_the_choices(
    ftbot: Command, option: str, value: str, said: str
) -> None:
    assert said in (await ftbot("progress", option, value)).complaint(2)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine(tmp_path) as made:
        await populate(made.path)
        for name in (*NAMES, *STRANGE):  # the index lists them
            made.index.publish(name, f"{name.replace('-', '_')}-1.0.tar.gz")
        yield made


async def get(world: Machine, path: str, **headers: str) -> tuple[int, Mapping[str, str], Any]:
    base = re.findall(r"Health and metrics on (http://\S+)", world.log())[-1]
    async with (
        aiohttp.ClientSession() as session,  # noqa: TID251 - the test is the other side
        session.get(f"{base}/api/v1/{path}", headers=headers) as response,
    ):
        body = await response.read()
        return response.status, response.headers.copy(), json.loads(body) if body else None


async def until_judged(world: Machine) -> None:
    await world.until(lambda: "most downloaded projects" in world.log())
    await world.until((world.folder / "progress" / "progress.json").exists)


async def test_the_bot_shows_a_picture_and_serves_files(world: Machine) -> None:
    async with world.bot(FTBOT_HTTP="127.0.0.1:0") as process:
        await until_judged(world)
        record = await world.discord.slash("progress", [])
        callback = await answered(record)
        if callback["type"] == 5:
            await asyncio.wait_for(record["done_ev"].wait(), 15)
            message = world.discord.messages[record["original"]]
        else:
            message = callback["data"]
        assert "The 1000 most downloaded projects" in shown(message)
        assert "attachment://progress.png" in json.dumps(message)
        assert list((world.folder / "progress").glob("*.png"))
        assert problems(world.discord) == []

        status, _, table = await get(world, "projects.json")
        assert status == 200
        assert {each["project"] for each in table["projects"]} == set(NAMES)
        status, headers, document = await get(world, "progress.json")
        assert (status, len(document["progress"])) == (200, 3)
        assert (await get(world, "progress.json", **{"If-None-Match": headers["ETag"]}))[0] == 304

        _, _, badge = await get(world, f"badge/{NAMES[0]}.json?platform=linux-x86_64")
        assert (badge["message"], badge["color"]) == ("wheel", "brightgreen")
        status, _, project = await get(world, f"projects/{NAMES[0]}.json")
        assert (status, project["project"]) == (200, NAMES[0])
        status, _, absent = await get(world, "projects/no-such-project-at-all.json")
        assert (status, absent["status"]) == (404, "not-found")
        _, _, misspelt = await get(world, f"projects/{NAMES[0]}x.json")
        assert NAMES[0] in misspelt["suggestions"]
        await end(process)
    assert "Traceback" not in world.log()


async def test_an_index_is_not_asked_without_bounds(world: Machine) -> None:
    """Strangers ask for hundreds of projects that exist and are not cached."""
    async with world.bot(FTBOT_HTTP="127.0.0.1:0") as process:
        await until_judged(world)
        answers = [await get(world, f"badge/{name}.json") for name in STRANGE]
        assert {status for status, _, _ in answers} == {200}
        told = Counter(badge["message"] for _, _, badge in answers)
        assert told.keys() == {"must be compiled", "unknown"}
        assert BURST <= told["must be compiled"] < BURST + 30
        await end(process)


async def test_a_process_that_is_ended_takes_its_programs_along(world: Machine) -> None:
    async with world.bot() as process:
        process.send_signal(signal.SIGTERM)  # while all is being judged, most likely
        assert await asyncio.wait_for(process.wait(), 10) == 0
    assert await asyncio.to_thread(_left, world.folder) == []


def _left(folder: Path) -> list[Path]:
    """Processes that still judge or draw there."""
    return [path for path in Path("/proc").glob("[0-9]*/cmdline") if _is_ours(path, folder)]


def _is_ours(path: Path, folder: Path) -> bool:
    try:
        here = path.with_name("cwd").readlink() == folder
        return here and b"progress" in path.read_bytes()
    except OSError:
        return False
