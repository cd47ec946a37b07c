"""A Discord on 127.0.0.1 for the unmodified bot, from the tools beside this checkout."""

import asyncio
import importlib.util
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.client import FtBot, use_api
from bot.gateway import Gateway
from tests.cogs.fakes import Memory
from tests.e2e.discord_spec import TEXT, DiscordSpec, walk

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "../shared/tools"
PREFIX = "/api/v10"
MODAL = 9  # the answer that opens a form
TOKEN = "fake-token"  # noqa: S105 - the only one that the loopback takes

Loopback = Any  # LoopbackDiscord, which has no types


def tool(name: str) -> Any:  # noqa: ANN401 - modules of tools have no types
    """Import a tool by its file; skips the test where the tools are not at hand."""
    path = TOOLS / f"{name}.py"
    if not path.exists():
        pytest.skip(f"{name}.py is not beside this checkout")
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@asynccontextmanager
async def loopback() -> AsyncIterator[Loopback]:
    """Serve a Discord, and judge all that was sent to it when the test is done."""
    fake = tool("discord_loopback").LoopbackDiscord(port=0)
    await fake.start()
    try:
        yield fake
    finally:
        await fake.stop()
    assert problems(fake) == []


def problems(fake: Loopback) -> list[str]:
    """Return what Discord's description and its rules say against the requests so far."""
    spec = DiscordSpec.load()
    found: list[str] = []
    for request in fake.requests:
        path, body = request["path"].removeprefix(PREFIX), request["body"]
        found += spec.problems(request["method"], path, body)
        message = body.get("data") if path.endswith("/callback") else body
        is_form = path.endswith("/callback") and body["type"] == MODAL
        is_message = isinstance(message, dict) and message.get("components") and not is_form
        if is_message and message.get("allowed_mentions") != _mentioned(message):
            found.append(f"{request['method']} {path}: mentions are let through")
    return found


def _mentioned(message: dict[str, Any]) -> dict[str, Any]:
    """Return who a message may notify: the person whose mention is all of its last component."""
    last = message["components"][-1]
    person = re.fullmatch(r"<@(\d+)>", last.get("content", ""))
    return {"users": [int(person[1])], "parse": []} if person else {"parse": []}


def api_url(fake: Loopback) -> str:
    return f"http://127.0.0.1:{fake.port}{PREFIX}"


def surroundings(fake: Loopback, index: Any, folder: Path) -> dict[str, str]:  # noqa: ANN401 - see `tool`
    """Return the environment of a bot that asks nobody but this Discord and this index."""
    nowhere = f"{index.url}/none"
    return {
        "PYTHONPATH": str(ROOT),
        "FTBOT_DISCORD_TOKEN": TOKEN,
        "FTBOT_DISCORD_API_URL": api_url(fake),
        "FTBOT_DATA_DIR": str(folder),
        "FTBOT_PYPI_URL": index.url,
        "FTBOT_TOP_PACKAGES_URL": nowhere,
        "FTBOT_TRACKER_URL": nowhere,
        "FTBOT_GUIDE_URL": nowhere,
        "FTBOT_GITHUB_API_URL": nowhere,
    }


@contextmanager
def pointed_at(fake: Loopback) -> Iterator[None]:
    """Let discord.py of this process talk to the loopback."""
    kept = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    use_api(api_url(fake))
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = kept


class Alone:
    """Leases where there is no other process."""

    ttl = 10.0

    async def take(self, name: str) -> bool:
        del name
        return True

    async def release(self, name: str) -> None:
        del name


class Uncounted:
    """Identifies as many as one likes."""

    async def pause(self, shards: int = 1) -> float:
        del shards
        return 0.0

    async def take(self, shards: int = 1) -> float:
        del shards
        return 0.0


def gateway(sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> Gateway:
    """Return what keeps a client on Discord, where nothing is agreed upon or remembered."""
    return Gateway(Alone(), Memory(), Uncounted(), sleep=sleep)


@asynccontextmanager
async def running(
    fake: Loopback,
    build: Callable[[], FtBot],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[None]:
    """Run a client in this process until the block ends."""
    fake.identified.clear()
    client = asyncio.create_task(gateway(sleep).run(build, TOKEN))
    identified = asyncio.create_task(fake.identified.wait())
    try:
        await asyncio.wait({client, identified}, timeout=10, return_when="FIRST_COMPLETED")
        assert identified.done(), client
        yield
    finally:
        for task in (client, identified):
            task.cancel()
        await asyncio.gather(client, identified, return_exceptions=True)


def sent(fake: Loopback, method: str, ending: str) -> list[Any]:
    """Return the bodies of requests to paths with this ending."""
    return [
        request["body"]
        for request in fake.requests
        if request["method"] == method and request["path"].endswith(ending)
    ]


async def answered(record: dict[str, Any]) -> dict[str, Any]:
    """Wait for the first answer to an interaction and return it."""
    await asyncio.wait_for(record["ack_ev"].wait(), 5)
    callback: dict[str, Any] = record["callback"]
    return callback


def shown(message: dict[str, Any]) -> str:
    """Return all text of a message."""
    return "\n".join(
        part["content"] for part in walk(message["components"]) if part["type"] == TEXT
    )
