"""Resident memory of all that the bot works with, in a process of its own."""

import asyncio
import gzip
import json
import statistics
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tests.conftest import SHARED, Replica

pytestmark = pytest.mark.bench

ROOT = Path(__file__).resolve().parents[2]
MOST_MB = 130
DOCUMENTS = SHARED / "data/simple"
NAMES = SHARED / "data/popularity/names.txt.gz"

# What `ftbot run` imports and opens, but for the connection to Discord.
CHILD = """
import asyncio, gc, json, sys, time

import bot.web, cogs.check, prometheus_client
from bot.app.running import services
from bot.index.metrics import IndexMetrics
from bot.settings import load

def resident(which="VmRSS"):
    for line in open("/proc/self/status"):
        if line.startswith(which):
            return int(line.split()[1]) / 1000
    raise OSError("this system does not tell")

async def refreshed(ready):
    while not next(job for job in ready.jobs() if job.name == "names").last_success:
        await asyncio.sleep(0.1)

async def main(projects):
    told = {"imported": resident()}
    async with services(load()) as ready:
        told["names loaded"] = resident()
        await asyncio.wait_for(refreshed(ready), 120)
        told["names fetched anew"] = resident()
        for project in projects:
            await ready.check.answer(project)
        told["projects cached"] = resident()
        told["peak"] = resident("VmHWM")  # while the list of names is read
        seconds = []
        for project in projects * 20:
            start = time.perf_counter()
            await ready.check.answer(project)
            seconds.append(time.perf_counter() - start)
        told["seconds"] = seconds
        told["names"] = len(ready.names.complete("", 2_000_000))
    print(json.dumps(told))

asyncio.run(main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the resident memory")
async def test_resident_memory(replica_module: Replica, tmp_path: Path) -> None:
    names = gzip.decompress(NAMES.read_bytes()).decode().split()
    replica = replica_module.IndexReplica(DOCUMENTS, names=names)
    await replica.start()
    projects = [path.name.partition(".")[0] for path in sorted(DOCUMENTS.glob("*.json.gz"))]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CHILD, *projects),
        cwd=tmp_path,
        env={
            "PYTHONPATH": str(ROOT),
            "FTBOT_PYPI_URL": replica.url,
            "FTBOT_TOP_PACKAGES_URL": f"{replica.url}/none",
            "FTBOT_TRACKER_URL": f"{replica.url}/none",
            "FTBOT_GUIDE_URL": f"{replica.url}/none",
            "FTBOT_GITHUB_API_URL": f"{replica.url}/none",
            "FTBOT_FILL": "0",
        },
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        out, _ = await process.communicate()
    finally:
        await replica.stop()
    assert process.returncode == 0
    told = json.loads(out)
    seconds = told.pop("seconds")
    assert told.pop("names") >= len(names)
    console = Console()
    for what, megabytes in told.items():
        console.print(f"{what:>20}: {megabytes:6.1f} MB resident", highlight=False)
    median = 1e3 * statistics.median(seconds)
    console.print(f"{'cached answer':>20}: {median:6.3f} ms at the median", highlight=False)
    assert told["names loaded"] <= MOST_MB
    assert told["projects cached"] <= MOST_MB
