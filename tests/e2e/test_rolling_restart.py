"""Processes that take each other's place, and how one leaves while it is at work."""

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.loopback import answered, sent, shown
from tests.e2e.relay import relay
from tests.e2e.reports_world import BEN, STRING, SUBCOMMAND, World, holds, place, world

# The loopback server stores things on requests under plain names.
pytestmark = pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")

LEAVING: Final = 5.0
"""Seconds from SIGTERM to the end of the process."""
TAKING_OVER: Final = 3.0
"""Seconds in which another process serves, on a machine that does other things."""
ATTACHMENT, DEFERRED = 11, 5
PROJECT: Final = {"type": STRING, "name": "project", "value": "numpy"}
MANY: Final = b"".join(b"p%d==1\n" % number for number in range(10_000))
STANDS_BY: Final = "Another process is on Discord, this one stands by"
LATE: Final = 6.0
"""Seconds that Discord takes, which nobody waits for."""


@pytest.fixture
async def around(tmp_path: Path) -> AsyncIterator[World]:
    settings = ["CHANGES_INTERVAL=0.2", "ANNOUNCE_SETTLE=0"]
    (tmp_path / ".env").write_text("".join(f"FTBOT_{setting}\n" for setting in settings))
    async with world(tmp_path, webhook=False) as everything:
        everything.index.publish("numpy", "numpy-2.0-cp314-cp314t-win_amd64.whl")
        yield everything


@pytest.fixture
async def second(around: World) -> AsyncIterator[World]:
    """The same world, for another process."""
    other = World(around.discord, around.index, around.github, around.folder, webhook=False)
    yield other
    if other.process is not None:
        await other.kill()


def says(process: World, text: str) -> bool:
    return text in "".join(process.log)


async def leave(process: World) -> float:
    """End a process by SIGTERM, and return how many seconds that took."""
    assert process.process is not None
    begun = time.monotonic()
    process.process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.process.wait(), LEAVING) == 0, process.log
    process.process = None
    assert not says(process, "Traceback"), process.log
    return time.monotonic() - begun


async def answer(process: World, path: str) -> tuple[int, str]:
    """Return the status and the body of an answer of the process's web server."""
    found = re.search(r"Health and metrics on http://(\S+):(\d+)", "".join(process.log))
    assert found
    reader, writer = await asyncio.open_connection(found[1], int(found[2]))
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body.decode()


async def who_serves(process: World) -> tuple[bool, bool, int]:
    """Return whether it is ready and stands by, and how many sessions began today, as it tells."""
    ready, _ = await answer(process, "/readyz")
    _, figures = await answer(process, "/metrics")
    told = dict(re.findall(r"\nftbot_gateway_(standing_by|identifies_today) (\d+)", figures))
    return ready == 200, told["standing_by"] == "1", int(told["identifies_today"])


async def serves(around: World) -> None:
    """Wait until people are answered."""
    answered_at_last = False
    while not answered_at_last:
        await around.until(lambda: around.discord.sessions)
        record = await around.discord.slash("check", [PROJECT])
        with suppress(TimeoutError):
            answered_at_last = await asyncio.wait_for(record["ack_ev"].wait(), 1)


async def standing_by(process: World) -> "asyncio.Task[None]":
    """Start a process that stands by; the task ends when it is on Discord."""
    starting = asyncio.create_task(process.start())
    await process.until(lambda: starting.done() or says(process, STANDS_BY))
    assert not starting.done()
    return starting


async def watch(around: World) -> None:
    """Let Ben hear of numpy."""
    options = [{"type": SUBCOMMAND, "name": "add", "options": [PROJECT]}]
    await around.command(BEN, "watch", options)


def told(around: World) -> list[str]:
    messages = around.messages(place("DM_ID"))
    return [shown(each).partition("\n")[0] for each in messages]


@pytest.mark.slow
async def test_one_of_two_processes_is_on_discord_until_it_leaves(
    around: World, second: World
) -> None:
    await around.start()
    await watch(around)
    starting = await standing_by(second)
    assert len(around.discord.sessions) == 1
    assert await who_serves(around) == (True, False, 1)
    assert await who_serves(second) == (True, True, 1)
    asked = len(sent(around.discord, "POST", "/callback"))
    await serves(around)
    assert len(sent(around.discord, "POST", "/callback")) == asked + 1

    begun = time.monotonic()
    await leave(around)
    await starting
    await serves(around)
    assert time.monotonic() - begun < TAKING_OVER
    assert await who_serves(second) == (True, False, 2)
    around.index.publish("numpy", "numpy-2.1-cp314-cp314t-win_amd64.whl")
    await second.told("numpy 2.1")
    assert len(told(around)) == 1
    await leave(second)


async def test_the_other_process_goes_on_where_one_is_killed(around: World, second: World) -> None:
    await around.start()
    starting = await standing_by(second)
    begun = time.monotonic()
    await around.kill()
    await starting
    await serves(around)
    assert time.monotonic() - begun < TAKING_OVER
    assert (await answer(second, "/readyz"))[0] == 200
    await leave(second)


@pytest.mark.slow
async def test_a_long_audit_is_told_that_it_was_not_finished(around: World) -> None:
    await around.start()
    upload = around.discord.attachment("requirements.txt", MANY)
    option = {"type": ATTACHMENT, "name": "file", "value": upload["id"]}
    record = await around.discord.slash(
        "audit", [option], resolved={"attachments": {upload["id"]: upload}}, **BEN.who
    )
    assert (await answered(record))["type"] == DEFERRED
    assert await leave(around) < LEAVING
    assert holds(await around.answer(record), "ftbot restarts just now", "Try again")


@pytest.mark.slow
async def test_what_was_not_sent_is_sent_by_the_next_process_and_once(around: World) -> None:
    await around.start()
    await watch(around)
    to_ben = f"/channels/{place('DM_ID')}/messages"
    fault = {"method": "POST", "path_re": to_ben, "times": 1, "delay": LATE}
    around.discord.faults.append(fault)
    around.index.publish("numpy", "numpy-2.1-cp314-cp314t-win_amd64.whl")
    await around.until(lambda: fault["times"] == 0)  # it is on its way
    assert await leave(around) < LEAVING
    assert told(around) == []
    await around.start()
    await around.told("numpy 2.1")
    await leave(around)
    assert len(told(around)) == 1


@pytest.mark.slow
async def test_a_message_that_discord_took_in_the_last_moment_is_not_sent_again(
    around: World,
) -> None:
    await around.start()
    await watch(around)
    to_ben = f"/channels/{place('DM_ID')}/messages"
    fault = {"method": "POST", "path_re": to_ben, "times": 1, "delay": LATE, "after": True}
    around.discord.faults.append(fault)
    around.index.publish("numpy", "numpy-2.1-cp314-cp314t-win_amd64.whl")
    await around.told("numpy 2.1")
    assert await leave(around) < LEAVING
    await around.start()
    around.index.publish("numpy", "numpy-2.2-cp314-cp314t-win_amd64.whl")
    await around.told("numpy 2.2")  # which comes after
    await leave(around)
    assert len(told(around)) == 2


async def test_a_process_leaves_though_discord_is_silent(around: World) -> None:
    async with relay(around.discord) as way:
        await way.open()
        await around.start()
        way.swallows = True
        assert await leave(around) < LEAVING
