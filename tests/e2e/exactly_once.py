"""The proof that each release is announced exactly once, whenever the process dies.

The real process follows a stand-in of the index and writes to a stand-in of Discord. While releases
are published it is killed again and again (SIGKILL), at any moment of its life and above all around
the sending of a message. A part of the sends fails besides, before or after taking effect, and
Discord forgets its nonces now and then, as if much time had passed.
"""

import asyncio
import random
import re
import signal
import sqlite3
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.loopback import Loopback, answered, shown, surroundings, tool

DATABASE = "ftbot.sqlite3"
CHANNEL = "4000000000000000001"

FAILING = 0.05
"""The part of the sends that fail, half of them after they took effect."""
FORGETTING = 0.3
"""The part of the deaths after which Discord has forgotten all nonces."""
AT_A_SEND = 0.5
"""The part of the deaths that come around a send; the others come at any time."""
START, DRAIN = 30.0, 120.0  # seconds that a start takes at most, and the last messages

TITLE = re.compile(r"(kill\d+) (1\.\d+)")


@dataclass
class Report:
    """What came of it. `announced` counts the messages that tell of each release."""

    published: set[str] = field(default_factory=set)
    announced: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    kills_while_starting: int = 0
    kills_at_sends: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    sends: int = 0
    unsettled: int = 0
    """Rows of the outbox that are neither sent nor given up when all is over."""
    seconds: float = 0.0

    @property
    def lost(self) -> set[str]:
        return self.published - self.announced.keys()

    @property
    def repeated(self) -> dict[str, int]:
        return {release: count for release, count in self.announced.items() if count > 1}

    def __str__(self) -> str:
        faults = ", ".join(f"{count} x {fault}" for fault, count in sorted(self.faults.items()))
        return (
            f"{len(self.published)} releases, {self.kills} kills"
            f" ({self.kills_at_sends} at a send, {self.kills_while_starting} while starting),"
            f" {self.sends} sends, of which failed: {faults or 'none'}.\n"
            f"lost: {len(self.lost)}, announced more than once: {len(self.repeated)},"
            f" left in the outbox: {self.unsettled}; {self.seconds:.0f} s"
        )


def hostile(chance: random.Random, report: Report) -> Loopback:
    """Return a Discord of which a part of the sends fails. `on_send` is called at each send."""
    module = tool("discord_loopback")

    class Hostile(module.LoopbackDiscord):  # type: ignore[misc, name-defined]  # has no types
        on_send: Callable[[], None] = staticmethod(lambda: None)

        async def create_message(self, request: Any) -> Any:  # noqa: ANN401 - as above
            report.sends += 1
            self.on_send()
            if chance.random() >= FAILING:
                return await super().create_message(request)
            after = chance.random() < 0.5
            fault = chance.choice(["429", "500", "502", "503", "reset"])
            report.faults[f"{fault} {'after' if after else 'before'}"] += 1
            if after:
                await super().create_message(request)
            if fault == "reset":
                request.transport.close()
                raise ConnectionResetError
            return module.J({"retry_after": 0.2}, int(fault))

    return Hostile(port=0)


class Experiment:
    """One database, one index and one Discord, which outlive the processes."""

    def __init__(
        self, folder: Path, *, releases: int, kills: int, seed: int, say: Callable[[str], None]
    ) -> None:
        self.folder = folder
        self.releases = releases
        self.kills = kills
        self.say = say
        self.chance = random.Random(seed)
        self.report = Report()
        self.discord = hostile(self.chance, self.report)
        self.index = tool("index_replica").IndexReplica()

    async def run(self) -> Report:
        """Do it all, and return what came of it."""
        began = time.monotonic()
        await self.discord.start()
        await self.index.start()
        try:
            await self._subscribe()
            for number in range(self.kills):
                await self._life(number)
            await self._drain()
        finally:
            await self.index.stop()
            await self.discord.stop()
        self.report.announced = self._announced()
        self.report.unsettled = self._unsettled()
        self.report.seconds = time.monotonic() - began
        return self.report

    async def _subscribe(self) -> None:
        """Let the first process learn where the index is, and a channel ask for all releases."""
        self.index.publish("before", "before-1.0-py3-none-any.whl")
        async with self._process() as process:
            await self._identified(process)
            channel = {"id": CHANNEL, "name": "general", "type": 0, "permissions": str(1 << 49)}
            options = [
                {"type": 7, "name": "channel", "value": CHANNEL},
                {"type": 3, "name": "what", "value": "all-releases"},
                {"type": 3, "name": "among", "value": "everything"},
            ]
            record = await self.discord.slash(
                "announce",
                [{"type": 1, "name": "subscribe", "options": options}],
                resolved={"channels": {CHANNEL: channel}},
            )
            answer = await answered(record)
            self.say(shown(answer["data"]))
            if self._query("SELECT count(*) FROM subscription") != [(1,)]:
                raise RuntimeError("the channel is not subscribed")
            position = "SELECT count(*) FROM memory WHERE key = 'changes.serial'"
            if not await _until(lambda: self._query(position) == [(1,)], START):
                raise RuntimeError("the bot does not follow the index")

    async def _life(self, number: int) -> None:
        """Start the process, publish some releases, and kill it."""
        async with self._process() as process:
            publishing = asyncio.create_task(self._publish_until(number + 1))
            starting = not await self._until_the_end(process)
            self.report.kills_while_starting += starting
            publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
        self._publish((number + 1) * self.releases // self.kills)
        self.report.kills += 1
        if self.chance.random() < FORGETTING:
            self.discord.nonces.clear()
        if self.report.kills % 20 == 0:
            told = len(self._announced())
            self.say(
                f"{self.report.kills} kills, {len(self.report.published)} releases, {told} told"
            )

    async def _until_the_end(self, process: Process) -> bool:
        """Wait for the moment to kill the process. Returns whether it was on Discord by then."""
        if self.chance.random() < 0.2:
            await asyncio.sleep(self.chance.uniform(0, 1.5))
            return bool(self.discord.identified.is_set())
        await self._identified(process)
        if self.chance.random() < AT_A_SEND:
            sends = asyncio.Semaphore(0)
            self.discord.on_send = sends.release
            with suppress(TimeoutError):
                async with asyncio.timeout(3):
                    for _ in range(self.chance.randrange(1, 3)):  # there are hardly more
                        await sends.acquire()
                self.report.kills_at_sends += 1
                await asyncio.sleep(self.chance.choice([0, 0.001, 0.003, 0.01, 0.03]))
        else:
            await asyncio.sleep(self.chance.uniform(0, 1.5))
        return True

    async def _publish_until(self, life: int) -> None:
        """Publish this life's releases one after the other."""
        while True:
            self._publish(min(life * self.releases // self.kills, len(self.report.published) + 1))
            await asyncio.sleep(self.chance.uniform(0, 0.5))

    def _publish(self, count: int) -> None:
        """Publish until there are so many releases, each of one wheel."""
        for number in range(len(self.report.published), count):
            name, version = f"kill{number % (self.releases // 2)}", f"1.{number}"
            self.index.publish(name, f"{name}-{version}-cp314-cp314t-win_amd64.whl")
            self.report.published.add(f"{name} {version}")

    async def _drain(self) -> None:
        """Let a last process tell what is left, and what comes after that; end it politely."""
        async with self._process() as process:
            await self._identified(process)
            await _until(self._all_told, DRAIN)
            # What would be told twice waits before this one in the outbox.
            self.index.publish("last", "last-1.0-cp314-cp314t-win_amd64.whl")
            if not await _until(lambda: self._last_told() and not self._unsettled(), DRAIN):
                raise RuntimeError("the last release was not told")
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                if await process.wait() != 0:
                    raise RuntimeError("the last process did not end well")

    def _announced(self) -> Counter[str]:
        return Counter(
            " ".join(title)
            for message in self.discord.messages.values()
            if message["channel_id"] == CHANNEL and message["components"]
            for title in TITLE.findall(shown(message).replace("**", "").replace("\\", ""))
        )

    def _all_told(self) -> bool:
        return self.report.published <= self._announced().keys() and self._unsettled() == 0

    def _last_told(self) -> bool:
        told = (m for m in self.discord.messages.values() if m["channel_id"] == CHANNEL)
        return any("last" in shown(each) for each in told if each["components"])

    def _unsettled(self) -> int:
        sql = "SELECT count(*) FROM delivery WHERE message IS NULL AND dropped IS NULL"
        ((count,),) = self._query(sql)
        return count

    def _query(self, sql: str) -> list[tuple[int]]:
        with closing(sqlite3.connect(self.folder / DATABASE)) as connection:
            return connection.execute(sql).fetchall()

    @asynccontextmanager
    async def _process(self) -> AsyncIterator[Process]:
        """Run the bot; it is killed when the block ends, if it has not ended by itself."""
        self.discord.identified.clear()
        environment = {
            **surroundings(self.discord, self.index, self.folder),
            "FTBOT_CHANGES": "journal",
            "FTBOT_CHANGES_INTERVAL": "0.2",
            "FTBOT_ANNOUNCE_SETTLE": "0",
            "FTBOT_FILL": "0",
            "FTBOT_HTTP": "",
            "FTBOT_LOG_LEVEL": "warning",
        }
        with (self.folder / "ftbot.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run",
                cwd=self.folder, env=environment, stdin=DEVNULL, stdout=DEVNULL, stderr=log,
            )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _identified(self, process: Process) -> None:
        """Wait until the process is on Discord. RuntimeError if it ended instead."""
        ended = asyncio.create_task(process.wait())
        identified = asyncio.create_task(self.discord.identified.wait())
        try:
            await asyncio.wait((ended, identified), timeout=START, return_when="FIRST_COMPLETED")
            if not identified.done():
                raise RuntimeError(f"the bot did not start; see {self.folder / 'ftbot.log'}")
        finally:
            ended.cancel()
            identified.cancel()


async def _until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is so, which nothing tells. Returns whether it is."""
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.1)
    return met
