"""Bots in processes of their own, each on a Discord of its own."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e.loopback import Loopback

ROOT: Final = Path(__file__).resolve().parents[2]
BARE: Final = ROOT / "tests/bench/bare_bot.py"
START: Final = 30.0  # seconds
_TICK: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Bot:
    """A bot, and the Discord of its own that it is on."""

    discord: Loopback
    process: Process

    def processor(self) -> float:
        """Return the seconds of processor time so far, of all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def resident(self) -> int:
        """Return the resident memory, in kB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        (line,) = (line for line in lines if line.startswith("VmRSS"))
        return int(line.split()[1])


@contextmanager
def apart() -> Iterator[int | None]:
    """Keep this process on one core; give another one, None where there is none."""
    cores = os.sched_getaffinity(0)
    if len(cores) < 2:
        yield None
        return
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield max(cores)
    finally:
        os.sched_setaffinity(0, cores)


@asynccontextmanager
async def started(
    discord: Loopback, core: int | None, folder: Path, *arguments: str, **environment: str
) -> AsyncIterator[Bot]:
    """Run a bot until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments),
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **environment},
        stderr=DEVNULL,
    )
    try:
        if core is not None:
            os.sched_setaffinity(process.pid, {core})
        await asyncio.wait_for(discord.identified.wait(), START)
        yield Bot(discord, process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
