"""One data folder, a Discord and an index on loopback, which outlive the bot's processes."""

import asyncio
import re
import signal
import sqlite3
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from bot import db
from tests.e2e.loopback import Loopback, answered, shown, surroundings, tool

CHANNEL = 4000000000000000001
GUILD = 3000000000000000001
START, SOON = 30.0, 30.0  # seconds
TITLE = re.compile(r"(\w+) (\d+\.\d+)")


class Machine:
    """Where a bot runs; its channel hears of every release."""

    def __init__(self, folder: Path, discord: Loopback, index: Any) -> None:  # noqa: ANN401 - see `tool`
        self.folder = folder
        self.discord = discord
        self.index = index
        self.path = folder / "ftbot.sqlite3"
        self.published: set[str] = set()

    @property
    def environment(self) -> dict[str, str]:
        """Settings under which nothing but loopback is ever asked."""
        return {
            **surroundings(self.discord, self.index, self.folder),
            "FTBOT_CHANGES": "journal",
            "FTBOT_CHANGES_INTERVAL": "0.2",
            "FTBOT_ANNOUNCE_SETTLE": "0",
            "FTBOT_FILL": "0",
            "FTBOT_HTTP": "",
            "FTBOT_XRAY": "off",
            "FTBOT_BACKUPS": "0",
        }

    def subscribe(self) -> None:
        """Let the channel hear of every release."""
        db.upgrade(self.path)
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(
                "INSERT INTO subscription (channel, guild, what, among, created)"
                " VALUES (?, ?, 'all-releases', 'everything', '')",
                (CHANNEL, GUILD),
            )

    @asynccontextmanager
    async def bot(
        self, name: str = "ftbot", *, started: str = "", **settings: str
    ) -> AsyncIterator[Process]:
        """Run the bot until the block ends, which kills it; its log is in `<name>.log`.

        It has started when it is on Discord, or when it says so in its log.
        """
        self.discord.identified.clear()
        with (self.folder / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", cwd=self.folder,
                env={**self.environment, **settings}, stdin=DEVNULL, stdout=DEVNULL, stderr=log,
            )  # fmt: skip
        try:
            if started:
                await self.until(lambda: started in self.log(name))
            else:
                await self._identified(process, name)
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _identified(self, process: Process, name: str) -> None:
        ended = asyncio.create_task(process.wait())
        identified = asyncio.create_task(self.discord.identified.wait())
        await asyncio.wait((ended, identified), timeout=START, return_when="FIRST_COMPLETED")
        for task in (ended, identified):
            task.cancel()
        assert identified.done() and not ended.done(), self.log(name)  # noqa: PT018 - both or none

    def log(self, name: str = "ftbot") -> str:
        return (self.folder / f"{name}.log").read_text()

    async def ftbot(self, *arguments: str, **settings: str) -> tuple[int, str, str]:
        """Run another command; give its exit code and what it wrote."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *arguments,
            cwd=self.folder, env={**self.environment, **settings},
            stdin=DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    def publish(self, *names: str, version: str = "1.0") -> None:
        for name in names:
            wheel = f"{name}-{version}-cp314-cp314t-win_amd64.whl"
            self.published.add(name)
            self.index.publish(name, wheel)

    def announced(self) -> Counter[str]:
        """Count the messages that tell of each release."""
        return Counter(
            title[0]
            for message in self.discord.messages.values()
            if message["channel_id"] == str(CHANNEL) and message["components"]
            if "interaction_metadata" not in message  # an answer
            for title in set(TITLE.findall(shown(message).replace("**", "").replace("\\", "")))
        )

    async def until_announced(self, *names: str) -> None:
        await self.until(lambda: set(names) <= self.announced().keys())

    async def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + SOON
        while not condition():
            assert time.monotonic() < end, self.log()
            await asyncio.sleep(0.05)

    async def check(self, project: str) -> str:
        """Ask `/check` and give what it shows."""
        options = [{"type": 3, "name": "project", "value": project}]
        record = await self.discord.slash("check", options)
        callback = await answered(record)
        if callback["type"] == 5:
            await asyncio.wait_for(record["done_ev"].wait(), 15)
            return shown(self.discord.messages[record["original"]])
        return shown(callback["data"])

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(sql).fetchall()


@asynccontextmanager
async def machine(folder: Path) -> AsyncIterator[Machine]:
    """Serve a Discord and an index, on which the project `before` was there before the bot."""
    discord = tool("discord_loopback").LoopbackDiscord(port=0)
    index = tool("index_replica").IndexReplica()
    await discord.start()
    await index.start()
    try:
        made = Machine(folder, discord, index)
        made.publish("before")
        made.subscribe()
        yield made
    finally:
        await index.stop()
        await discord.stop()


async def end(process: Process) -> None:
    """End it politely."""
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0
