"""Answers made up for the client, raw loopback servers, and retries without pauses."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest

from tests.conftest import Replica

Handler = Callable[[httpx.Request], httpx.Response]
Trouble = Callable[..., None]


@pytest.fixture(autouse=True)
def at_once(no_pauses: None) -> None:
    """Every test here is one about attempts that follow one right after the other."""


@pytest.fixture
def trouble(replica: Replica, replica_module: Replica) -> Trouble:
    """Have the stand-in answer for numpy's page with a fault, once if not told otherwise."""

    def add(**fault: Any) -> None:  # noqa: ANN401 - whatever the stand-in's Fault takes
        replica.faults.append(replica_module.Fault("^/simple/numpy/$", **fault))

    return add


def answer(
    status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """An answer whose body comes over a stream, as it does from a real connection."""

    async def stream() -> AsyncIterator[bytes]:
        yield body

    fields = {"Content-Length": str(len(body)), **(headers or {})}
    return httpx.Response(status, headers=fields, content=stream())


def one_after_the_other(*answers: httpx.Response | Exception) -> Handler:
    """Give these answers in turn, or raise them."""
    left = list(answers)

    def handler(_: httpx.Request) -> httpx.Response:
        following = left.pop(0)
        if isinstance(following, Exception):
            raise following
        return following

    return handler


@asynccontextmanager
async def raw_server(
    serve: Callable[[bytes, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server on loopback that gets the head of each request and writes what it likes."""

    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            connections.add(task)
        # Clients go away when they have had enough, and the server when the test is over.
        with suppress(ConnectionError, asyncio.CancelledError):
            await serve(await reader.readuntil(b"\r\n\r\n"), writer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            for task in connections:
                task.cancel()
            await asyncio.gather(*connections)
