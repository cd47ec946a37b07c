"""How long `ftbot run` takes to be on Discord with a full database, and to leave.

Run with `pytest -m bench -s`.
"""

import asyncio
import re
import statistics
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from bot.db import Database
from tests.bench.full_database import DATABASE, DOCUMENTS, PROJECTS, fill
from tests.conftest import Replica
from tests.e2e.loopback import Loopback, loopback, surroundings

pytestmark = [
    pytest.mark.bench,
    pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey"),
]

ROUNDS: Final = 7
START, STOP = 3.0, 5.0  # seconds
SLACK: Final = 1.4  # for a machine that does other things
GIVE_UP: Final = 60.0  # seconds


async def healthy(process: Process) -> str:
    """Return the address of the process's web server, when it is there."""
    assert process.stderr is not None
    async for line in process.stderr:
        if found := re.search(rb"Health and metrics on http://(\S+)", line):
            return found[1].decode()
    raise AssertionError("it has ended")


async def ready(address: str) -> None:
    """Wait until /readyz answers 200."""
    host, _, port = address.rpartition(":")
    while True:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        if answer.split()[1] == b"200":
            return
        await asyncio.sleep(0.005)


@asynccontextmanager
async def ftbot(fake: Loopback, replica: Replica, folder: Path) -> AsyncIterator[Process]:
    fake.identified.clear()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run"),
        cwd=folder,
        env={
            **surroundings(fake, replica, folder),
            "FTBOT_HTTP": "127.0.0.1:0",
        },
        stdout=DEVNULL,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def forget_identifies(folder: Path) -> None:
    """Let the next start be one of a day with few: many at once are made to wait."""
    async with Database.open(folder / DATABASE) as database, database.write() as tx:
        await tx.execute("DELETE FROM identify")


async def test_start_and_end_with_a_full_database(replica_module: Replica, tmp_path: Path) -> None:
    replica = replica_module.IndexReplica(DOCUMENTS, port=0)
    await replica.start()
    await fill(tmp_path, replica)
    starts, ends = [], []
    async with loopback() as fake:
        for _ in range(ROUNDS + 1):
            begun = time.perf_counter()
            async with ftbot(fake, replica, tmp_path) as process, asyncio.timeout(GIVE_UP):
                address = await healthy(process)
                await fake.identified.wait()
                await ready(address)
                starts.append(time.perf_counter() - begun)
                begun = time.perf_counter()
                process.terminate()
                await process.communicate()
                ends.append(time.perf_counter() - begun)
                assert process.returncode == 0
            await forget_identifies(tmp_path)
    await replica.stop()
    (first, *starts), (_, *ends) = starts, ends  # the first one tells Discord of the commands
    async with Database.open(tmp_path / DATABASE) as database:
        rows = await database.read("SELECT count(*) AS projects FROM project")
    assert rows[0]["projects"] >= PROJECTS
    for name, values in (("start to ready", starts), ("SIGTERM to exit", ends)):
        print(f"{name}: median {statistics.median(values):.2f} s, most {max(values):.2f} s")  # noqa: T201 - its report
    print(f"the very first start: {first:.2f} s")  # noqa: T201 - its report
    assert statistics.median(starts) < START * SLACK
    assert statistics.median(ends) < STOP
