"""The way to Discord's gateway: it may not be there yet, and may swallow all that is sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from tests.e2e.loopback import Loopback

HOST: Final = "127.0.0.1"
LIMIT: Final = {"total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1}


class Relay:
    """Passes on what comes to a port of its own, which nobody listens on before `open`."""

    def __init__(self, fake: Loopback, port: int) -> None:
        self.swallows = False
        self._fake = fake
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen from now on."""
        self._server = await asyncio.start_server(self._accept, HOST, self._port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self._connections.add(asyncio.create_task(self._pass_on(near, back)))

    async def _pass_on(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, out = await asyncio.open_connection(HOST, self._fake.port)
        try:
            await asyncio.gather(self._pour(near, out), self._pour(far, back))
        finally:
            for writer in (out, back):
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

    async def _pour(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            if not self.swallows:
                sink.write(data)
                await sink.drain()
        if not self.swallows:
            sink.write_eof()


@asynccontextmanager
async def relay(fake: Loopback) -> AsyncIterator[Relay]:
    """Let Discord say that its gateway is behind a relay."""
    socket = await asyncio.start_server(lambda *_: None, HOST, 0)
    port = socket.sockets[0].getsockname()[1]
    socket.close()
    await socket.wait_closed()
    body = {"url": f"ws://{HOST}:{port}/gateway", "shards": 1, "session_start_limit": LIMIT}
    fault = {"method": "GET", "path_re": "gateway/bot$", "times": 1000, "status": 200}
    fake.faults.append({**fault, "body": body})
    way = Relay(fake, port)
    try:
        yield way
    finally:
        await way.close()
