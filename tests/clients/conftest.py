"""A stand-in of the index on loopback, raw loopback servers, and retries without pauses."""

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest
import stamina

PROJECT = Path(__file__).resolve().parents[2]
REPLICA = PROJECT / "../shared/tools/index_replica.py"

Handler = Callable[[httpx.Request], httpx.Response]
Replica: TypeAlias = Any
"""The stand-in's module is loaded by path, so it comes without types."""
Trouble = Callable[..., None]


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    """Three attempts as always, but one right after the other."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture(scope="session")
def replica_module() -> Replica:
    if not REPLICA.exists():
        pytest.skip(f"the stand-in of the index is not at {REPLICA}")
    spec = importlib.util.spec_from_file_location("index_replica", REPLICA)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["index_replica"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def replica(replica_module: Replica) -> AsyncIterator[Replica]:
    """An index with one project, numpy, of one wheel."""
    index = replica_module.IndexReplica()
    await index.start()
    index.publish("numpy", "numpy-2.0-cp314-cp314t-win_amd64.whl", classifiers=["Topic :: Math"])
    yield index
    await index.stop()


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
