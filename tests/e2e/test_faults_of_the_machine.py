"""The real process where the disk is full, and where another one works on the same database."""

import asyncio
import json
import re
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from bot.db import copies
from tests.e2e.machine import Machine, end, machine
from tests.e2e.small_disk import small_disk

pytestmark = pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")


FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine(tmp_path) as made:
        yield made


@pytest.fixture
async def small_world(tmp_path: Path) -> AsyncIterator[Machine]:
    """The same, on a disk of 16 MB."""
    with small_disk(tmp_path / "small", "16m") as folder:
        async with machine(folder) as made:
            yield made


async def health(world: Machine) -> dict[str, Any]:
    """Ask the running bot how it fares."""
    found = re.findall(r"Health and metrics on (http://\S+)", world.log())
    body = await asyncio.to_thread(lambda: urllib.request.urlopen(f"{found[-1]}/healthz").read())  # noqa: S310 - ours
    answer: dict[str, Any] = json.loads(body)
    return answer


async def errors(world: Machine) -> str:
    jobs = (await health(world))["jobs"].values()
    return " ".join(job["last_error"] or "" for job in jobs if job["failures"])


def fill_up(path: Path) -> None:
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)


async def until_full(world: Machine) -> None:
    """Wait until the bot notices."""
    for number in range(300):
        world.publish(f"filler{number % 7}", version=f"1.{number}")
        if "cannot grow, its disk is full" in await errors(world):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"the bot never noticed:\n{world.log()}")


@pytest.mark.slow
async def test_a_full_disk(small_world: Machine) -> None:
    world = small_world
    filler = world.folder / "filler"
    async with world.bot(FTBOT_HTTP="127.0.0.1:0") as process:
        world.publish("early")
        await world.until_announced("early")
        known = await world.check("early")
        fill_up(filler)
        await until_full(world)

        # People get their answers, from the cache or from the index.
        assert "## early" in known
        assert "## early" in await world.check("early")
        world.publish("late")
        assert "## late" in await world.check("late")
        assert (await health(world))["status"] == "ok"
        assert process.returncode is None
        copy = world.folder / "copy"
        code, _, err = await world.ftbot("db", "backup", str(copy))
        assert code == 2
        assert "No space left on device" in err
        assert not list(world.folder.glob("copy*"))

        filler.unlink()
        await world.until_announced("late")
        await world.until(lambda: world.query(UNSENT) == [(0,)])
        await end(process)
    assert world.announced().keys() == world.published - {"before"}
    assert world.announced()["late"] == 1
    code, out, _ = await world.ftbot("db", "check")
    assert (code, out.strip().endswith("is sound.")) == (0, True)


UNSENT = "SELECT count(*) FROM delivery WHERE message IS NULL AND dropped IS NULL"


@pytest.mark.slow
async def test_daily_backups_of_the_running_bot(world: Machine) -> None:
    async with world.bot(FTBOT_BACKUPS="2"):
        await world.until(lambda: len(copies.kept(world.path)) == 1)
    (copy,) = copies.kept(world.path)
    assert copy.parent == world.folder / "backups"
    code, out, err = await world.ftbot("db", "restore", str(copy))
    assert (code, err) == (0, "")
    assert f"is restored from {copy}" in out


async def test_two_processes_on_one_database(world: Machine) -> None:
    names = [f"both{number}" for number in range(12)]
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(world.bot("one"))
        second = await stack.enter_async_context(
            world.bot("two", started="Another process works on this database")
        )
        for name in names[:6]:
            world.publish(name)
        await world.until_announced(*names[:6])
        await end(first)
        for name in names[6:]:
            world.publish(name)
        await world.until_announced(*names)
        await end(second)
    assert world.announced() == dict.fromkeys(names, 1)
    assert world.log("one").count("Another process works on this database") <= 1


@pytest.mark.slow
async def test_a_port_that_is_in_use(world: Machine) -> None:
    async with world.bot(FTBOT_HTTP="127.0.0.1:0"):
        (address,) = re.findall(r"Health and metrics on http://(\S+)", world.log())
        code, _, err = await world.ftbot("run", FTBOT_HTTP=address)
        assert code == 2
        assert f"The address {address} of FTBOT_HTTP is in use by another program." in err
        assert "Traceback" not in err
        world.publish("early")
        await world.until_announced("early")


@pytest.mark.slow
async def test_a_port_in_use_by_a_process_that_leaves(world: Machine) -> None:
    async with world.bot("one", FTBOT_HTTP="127.0.0.1:0") as first:
        (address,) = re.findall(r"Health and metrics on http://(\S+)", world.log("one"))
        waits = f"The address {address} is in use, this process waits for it"
        async with world.bot("two", started=waits, FTBOT_HTTP=address) as second:
            assert second.returncode is None
            await end(first)
            await world.until(lambda: f"Health and metrics on http://{address}" in world.log("two"))
            world.publish("late")
            await world.until_announced("late")
            await end(second)


@pytest.mark.slow
async def test_a_clock_that_jumps(world: Machine) -> None:
    if FAKETIME is None:
        pytest.skip("libfaketime, which sets the clock of one process, is not installed")
    offset = world.folder / "offset"
    offset.write_text("+0\n")
    clock = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # of old C libraries; with it waits end at once
    }
    async with world.bot(**clock) as process:
        for number, seconds in enumerate(("+0", "+3600", "+0", "-3600", "+0")):
            offset.write_text(f"{seconds}\n")
            names = [f"jump{number}{letter}" for letter in "ab"]
            world.publish(*names)
            began = time.monotonic()
            await world.until_announced(*names)
            assert time.monotonic() - began < 20  # far less than an hour
            assert f"## {names[0]}" in await world.check(names[0])
        await end(process)
    hours = {line[: len("2026-01-01 00")] for line in world.log().splitlines()}
    assert len(hours) >= 3  # it did jump
    assert world.announced() == dict.fromkeys(world.published - {"before"}, 1)
