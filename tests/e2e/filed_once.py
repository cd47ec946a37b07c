"""The proof that each report is filed exactly once, whenever the process dies.

A process with the real outbox and the real client files reports to a stand-in of GitHub. It is
killed again and again (SIGKILL), at any moment of its life and above all around a POST. A part of
the POSTs is cut off besides, after taking effect or before. Clocks go faster than time, so that
all waits and limits are those of every day.
"""

import asyncio
import random
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.db import Database
from bot.reports.issue import marker
from tests.e2e.filing_parts import HOME, KEY, FastClock, enqueue
from tests.e2e.github_loopback import module, pem

ROOT = Path(__file__).resolve().parents[2]
SPEED = 60.0
CUT_AFTER = 0.1
"""The part of the POSTs that are cut off after they took effect."""
CUT_BEFORE = 0.05
"""The part of the POSTs that are cut off before."""
AT_A_POST = 0.6
"""The part of the deaths that come around a POST; the others come at any time."""
START, DRAIN = 30.0, 120.0  # seconds that a start takes at most, and the last reports


@dataclass
class Report:
    """What came of it. `issues` counts those of each report."""

    enqueued: set[str] = field(default_factory=set)
    issues: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    kills_while_starting: int = 0
    kills_at_posts: int = 0
    posts: int = 0
    cuts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """What the database says otherwise than GitHub."""
    seconds: float = 0.0

    @property
    def lost(self) -> set[str]:
        return self.enqueued - self.issues.keys()

    @property
    def repeated(self) -> dict[str, int]:
        return {uid: count for uid, count in self.issues.items() if count > 1}

    def __str__(self) -> str:
        return (
            f"{len(self.enqueued)} reports, {self.kills} kills ({self.kills_at_posts} at a POST,"
            f" {self.kills_while_starting} while starting), {self.posts} POSTs, of which cut off"
            f" after taking effect: {self.cuts['after']}, before: {self.cuts['before']}.\n"
            f"lost: {len(self.lost)}, filed more than once: {len(self.repeated)}, recorded"
            f" wrongly: {len(self.wrong)}; {self.seconds:.0f} s"
        )


def hostile(chance: random.Random, report: Report, clock: FastClock) -> Any:  # noqa: ANN401 - below
    """Return a GitHub that cuts off a part of the POSTs. `on_post` is called at each."""

    class Hostile(module().LoopbackGitHub):  # type: ignore[misc]  # has no types
        on_post: Callable[[], None] = staticmethod(lambda: None)

        def _fault(self, request: Any) -> Any:  # noqa: ANN401 - as above
            if request.method != "POST" or not request.path.endswith("/issues"):
                return super()._fault(request)
            report.posts += 1
            self.on_post()
            number = chance.random()
            if number >= CUT_AFTER + CUT_BEFORE:
                return {"delay": chance.choice([0, 0, 0.002, 0.01])}
            drop = "after" if number < CUT_AFTER else "before"
            report.cuts[drop] += 1
            return {"drop": drop}

    return Hostile(clock=clock)


class Experiment:
    """One database and one GitHub, which outlive the processes."""

    def __init__(
        self, folder: Path, *, reports: int, kills: int, seed: int, say: Callable[[str], None]
    ) -> None:
        self.folder = folder
        self.reports = reports
        self.kills = kills
        self.say = say
        self.chance = random.Random(seed)
        self.report = Report()
        self.clock = FastClock(time.time(), SPEED)
        self.github = hostile(self.chance, self.report, self.clock)

    async def run(self) -> Report:
        """Do it all, and return what came of it."""
        began = time.monotonic()
        (self.folder / "key.pem").write_bytes(pem())
        self.github.repo(HOME, labels=["bug"])
        await self.github.start()
        try:
            async with Database.open(self.folder / "ftbot.sqlite3") as self.database:
                for number in range(self.kills):
                    await self._life(number)
                await self._drain()
                self.report.wrong = await self._wrong()
        finally:
            await self.github.stop()
        self.report.issues = self._issues()
        self.report.seconds = time.monotonic() - began
        return self.report

    async def _life(self, number: int) -> None:
        """Start the process, let it be given some reports, and kill it."""
        due = (number + 1) * self.reports // self.kills
        async with self._process() as process:
            enqueuing = asyncio.create_task(self._enqueue(due))
            await self._until_the_end(process)
        await enqueuing
        self.report.kills += 1
        if self.report.kills % 20 == 0:
            told = len(self._issues())
            self.say(f"{self.report.kills} kills, {due} reports, {told} filed")

    async def _enqueue(self, count: int) -> None:
        """Let triagers file reports until there are so many."""
        while len(self.report.enqueued) < count:
            uid = f"kill-{len(self.report.enqueued)}"
            await enqueue(self.database, uid, HOME, ("bug",))
            self.report.enqueued.add(uid)
            await asyncio.sleep(self.chance.uniform(0, 0.2))

    async def _until_the_end(self, process: Process) -> None:
        """Wait for the moment to kill the process."""
        if self.chance.random() < 0.15:
            await asyncio.sleep(self.chance.uniform(0, 0.8))
            self.report.kills_while_starting += 1
            return
        await self._started(process)
        if self.chance.random() < AT_A_POST:
            posts = asyncio.Semaphore(0)
            self.github.on_post = posts.release
            with suppress(TimeoutError):
                async with asyncio.timeout(3):
                    for _ in range(self.chance.randrange(1, 3)):
                        await posts.acquire()
                self.report.kills_at_posts += 1
                await asyncio.sleep(self.chance.choice([0, 0.001, 0.003, 0.01, 0.03]))
        else:
            await asyncio.sleep(self.chance.uniform(0, 1.0))

    async def _drain(self) -> None:
        """Let a last process file what is left, and watch it a while longer."""
        async with self._process() as process:
            await self._started(process)
            end = time.monotonic() + DRAIN
            while await self._unsettled() and time.monotonic() < end:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.1)
            await asyncio.sleep(1)  # for what would be filed twice

    async def _unsettled(self) -> int:
        rows = await self.database.read("SELECT count(*) FROM filing WHERE state <> 'filed'")
        return int(rows[0][0])

    async def _wrong(self) -> list[str]:
        """Return the reports of which the database does not say what GitHub says."""
        rows = await self.database.read(
            "SELECT report.uid, report.state, filing.number, report_issue.number AS issue,"
            " (SELECT count(*) FROM report_post WHERE report = report.id AND key = 'filed') AS told"
            " FROM report JOIN filing ON filing.report = report.id"
            " LEFT JOIN report_issue ON report_issue.report = report.id"
        )
        there = {
            issue["number"]: marker.find(issue["body"], KEY) for issue in self.github.issues(HOME)
        }
        return [
            str(tuple(row))
            for row in rows
            if row["state"] != "filed"
            or row["number"] != row["issue"]
            or there.get(row["number"]) != row["uid"]
            or row["told"] != 1
        ]

    def _issues(self) -> Counter[str]:
        found = (marker.find(issue["body"], KEY) for issue in self.github.issues(HOME))
        return Counter(uid for uid in found if uid)

    @asynccontextmanager
    async def _process(self) -> AsyncIterator[Process]:
        """Run the process; it is killed when the block ends."""
        where = str(self.folder), self.github.url, str(self.clock.start), str(SPEED)
        with (self.folder / "worker.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.e2e.filing_worker", *where,
                cwd=ROOT, stdin=DEVNULL, stdout=PIPE, stderr=log,
            )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _started(self, process: Process) -> None:
        """Wait until the process files. RuntimeError if it ended instead."""
        assert process.stdout is not None
        async with asyncio.timeout(START):
            if not await process.stdout.readline():
                raise RuntimeError(f"the process did not start; see {self.folder / 'worker.log'}")
