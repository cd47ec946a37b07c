"""A stand-in of the package index on the loopback interface, which serves a snapshot.

It speaks enough of the Simple API and the JSON API that the bot's own client, cache and refreshing
run unmodified and offline: ETags, redirects to normalised names, 404 for what it doesn't know.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from packaging.utils import InvalidName, canonicalize_name

from bot.sandbox.snapshot import Snapshot

_SIMPLE = "application/vnd.pypi.simple.v1+json"


@asynccontextmanager
async def serve_index(snapshot: Snapshot) -> AsyncIterator[str]:
    """Serve the snapshot; gives the base URL, as FTBOT_PYPI_URL takes it."""
    routes = _Routes(snapshot)
    application = web.Application()
    application.router.add_get("/simple/", routes.listing)
    application.router.add_get("/simple/{name}/", routes.page)
    application.router.add_get("/project/{name}/", routes.people)
    application.router.add_get("/pypi/{name}/json", routes.metadata)
    application.router.add_get("/pypi/{name}/{version}/json", routes.metadata)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


class _Routes:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    async def listing(self, request: web.Request) -> web.StreamResponse:
        return _conditional(request, self._snapshot.listing(), _SIMPLE)

    async def page(self, request: web.Request) -> web.StreamResponse:
        name = self._known(request)
        if name != request.match_info["name"]:
            raise web.HTTPMovedPermanently(f"/simple/{name}/")
        # The largest page takes 20 ms to make, and the bot shares this event loop.
        body = await asyncio.to_thread(self._snapshot.page, name)
        return _conditional(request, body, _SIMPLE)

    async def people(self, request: web.Request) -> web.StreamResponse:
        name = self._known(request)
        return web.Response(text=f"Here the index shows people the page of {name}.\n")

    async def metadata(self, request: web.Request) -> web.StreamResponse:
        name = self._known(request)
        if request.match_info.get("version", self._snapshot.projects[name].version) != (
            self._snapshot.projects[name].version
        ):
            raise web.HTTPNotFound  # only the newest release's metadata is in the snapshot
        body = self._snapshot.metadata(name)
        if body is None:
            raise web.HTTPNotFound
        return _conditional(request, body, "application/json")

    def _known(self, request: web.Request) -> str:
        try:
            name = canonicalize_name(request.match_info["name"], validate=True)
        except InvalidName:
            raise web.HTTPNotFound from None
        if name not in self._snapshot.projects:
            raise web.HTTPNotFound
        return name


def _conditional(request: web.Request, body: bytes, content_type: str) -> web.StreamResponse:
    etag = hashlib.sha256(body).hexdigest()[:32]
    if any(asked.value == etag for asked in request.if_none_match or ()):
        return web.Response(status=304, headers={"ETag": f'"{etag}"'})
    return web.Response(body=body, content_type=content_type, headers={"ETag": f'"{etag}"'})
