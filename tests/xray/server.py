"""An index on loopback whose wheels come by ranges, with every fault that a server can have."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

PAGE = "application/vnd.pypi.simple.v1+json"


@dataclass(slots=True)
class Behaviour:
    """What the server does wrong, if anything."""

    ranges: bool = True
    suffixes: bool = True
    etag: bool = True
    weak: bool = False
    """Whether that is a weak one."""
    dates: bool = False
    """Whether it says when the file was modified."""
    unconditional: bool = False
    """Whether it sends parts without a look at If-Range."""
    told_size: bool = True
    told_hash: bool = True
    chunked: bool = False
    wrong_hash: bool = False
    wrong_total: int = 0
    wrong_start: int = 0
    more: int = 0
    """Bytes that come beyond what was said."""
    unnamed: bool = False
    """Parts without a Content-Range."""
    encoding: str = ""
    changes_after: int | None = None
    """Requests after which it is another file."""
    grows: int = 0
    """Bytes that the other file has more."""
    cuts_after: int | None = None
    """Bytes of an answer after which the connection is cut."""
    cuts: int = 1_000
    """How often that happens."""
    trickles: bool = False
    status: int = 0
    after: int = 0
    """Requests that go well before `status` counts."""
    redirects: int = 0
    retry_after: str = ""


@dataclass(slots=True)
class WheelServer:
    """The wheels of one project, by file name, and what was asked for them."""

    wheels: dict[str, bytes]
    project: str = "made-up"
    uploaded: str = ""
    """When all of them came, as the index writes it; "" if it does not say."""
    does: Behaviour = field(default_factory=Behaviour)
    asked: list[str | None] = field(default_factory=list)
    pages: int = 0
    sent: int = 0
    """Bytes of wheels."""
    url: str = ""
    first: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the first wheel is asked for."""

    def sha256(self, name: str) -> str:
        return hashlib.sha256(self.wheels[name]).hexdigest()

    async def page(self, _: web.Request) -> web.Response:
        self.pages += 1
        files = []
        for name, content in self.wheels.items():
            sha256 = "0" * 64 if self.does.wrong_hash else self.sha256(name)
            file: dict[str, object] = {"filename": name, "url": f"../../files/{name}"}
            file["hashes"] = {"sha256": sha256} if self.does.told_hash else {}
            if self.uploaded:
                file["upload-time"] = self.uploaded
            if self.does.told_size:
                file["size"] = len(content)
            files.append(file)
        document = {"meta": {"api-version": "1.4"}, "name": self.project, "files": files}
        return web.Response(text=json.dumps(document), content_type=PAGE)

    async def file(self, request: web.Request) -> web.StreamResponse:
        does = self.does
        if does.redirects:
            does.redirects -= 1
            again = f"/files/{request.match_info['name']}?again={does.redirects}"
            return web.Response(status=302, headers={"Location": again})
        self.first.set()
        self.asked.append(request.headers.get("Range"))
        if does.status and len(self.asked) > does.after:
            headers = {"Retry-After": does.retry_after} if does.retry_after else {}
            return web.Response(status=does.status, headers=headers)
        content = self.wheels[request.match_info["name"]]
        if does.changes_after is not None and len(self.asked) > does.changes_after:
            content = bytes(reversed(content)) + bytes(does.grows)
        return await self._send(request, content)

    def _told(self, content: bytes) -> dict[str, str]:
        """Tell of which state of the file an answer is."""
        sha256 = hashlib.sha256(content).hexdigest()
        told = {}
        if self.does.etag:
            told["ETag"] = f'{"W/" if self.does.weak else ""}"{sha256}"'
        if self.does.dates:
            second = 0 if content in self.wheels.values() else 7
            told["Last-Modified"] = f"Sun, 22 Nov 2026 12:00:{second:02} GMT"
        return told

    async def _send(self, request: web.Request, content: bytes) -> web.StreamResponse:
        does = self.does
        headers = self._told(content)
        start, end = _wanted(request, len(content), suffixes=does.suffixes)
        condition = None if does.unconditional else request.headers.get("If-Range")
        status = 206 if does.ranges and condition in {None, *headers.values()} else 200
        if status == 200:
            start, end = 0, len(content)
        if status == 206 and not does.unnamed:
            total = len(content) + does.wrong_total
            headers["Content-Range"] = f"bytes {start + does.wrong_start}-{end - 1}/{total}"
        if does.encoding:
            headers["Content-Encoding"] = does.encoding
        body = content[start:end] + b"\0" * does.more
        response = web.StreamResponse(status=status, headers=headers)
        if not does.chunked:
            response.content_length = len(body)
        await response.prepare(request)
        await self._body(request, response, body)
        return response

    async def _body(self, request: web.Request, response: web.StreamResponse, body: bytes) -> None:
        does = self.does
        cut = does.cuts_after is not None and len(body) > does.cuts_after and does.cuts > 0
        if cut:
            does.cuts -= 1
            body = body[: does.cuts_after]
        if does.trickles:
            for place in range(len(body)):
                await response.write(body[place : place + 1])
                await asyncio.sleep(0.01)
        await response.write(body)
        self.sent += len(body)
        if cut and request.transport:
            await asyncio.sleep(0)
            request.transport.close()
        else:
            await response.write_eof()


def _wanted(request: web.Request, size: int, *, suffixes: bool) -> tuple[int, int]:
    wanted = request.headers.get("Range", "bytes=0-").removeprefix("bytes=")
    first, _, last = wanted.partition("-")
    if not first:
        return (max(0, size - int(last)), size) if suffixes else (0, size)
    return int(first), min(size, int(last) + 1) if last else size


@asynccontextmanager
async def serving(server: WheelServer) -> AsyncIterator[WheelServer]:
    """Serve until the block ends; `url` is the index's base."""
    app = web.Application()
    app.router.add_get(f"/simple/{server.project}/", server.page)
    app.router.add_get("/files/{name}", server.file)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
