"""A stand-in of the package index on the loopback interface, which serves a snapshot.

It speaks enough of the Simple API, the JSON API and the journal that the bot's own clients, cache
and refreshing run unmodified and offline: ETags, serials, redirects to normalised names, 404 for
what it doesn't know.
"""

import asyncio
import hashlib
import xmlrpc.client
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from packaging.utils import InvalidName, canonicalize_name

from bot.sandbox.publications import Publications
from bot.sandbox.snapshot import Snapshot

_SIMPLE = "application/vnd.pypi.simple.v1+json"


@asynccontextmanager
async def serve_index(
    snapshot: Snapshot, publications: Publications | None = None
) -> AsyncIterator[str]:
    """Serve the snapshot and what is published; gives the base URL, as FTBOT_PYPI_URL takes it."""
    routes = _Routes(snapshot, publications or Publications(snapshot))
    application = web.Application()
    application.router.add_get("/simple/", routes.listing)
    application.router.add_get("/simple/{name}/", routes.page)
    application.router.add_get("/project/{name}/", routes.people)
    application.router.add_post("/pypi", routes.journal)
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
    def __init__(self, snapshot: Snapshot, publications: Publications) -> None:
        self._snapshot = snapshot
        self._publications = publications

    async def listing(self, request: web.Request) -> web.StreamResponse:
        return _conditional(request, self._snapshot.listing(), _SIMPLE)

    async def page(self, request: web.Request) -> web.StreamResponse:
        name = self._known(request)
        if name != request.match_info["name"]:
            raise web.HTTPMovedPermanently(f"/simple/{name}/")
        # The largest page takes 20 ms to make, and the bot shares this event loop.
        serial = self._publications.serial_of(name)
        body = await asyncio.to_thread(self._publications.page, name)
        response = _conditional(request, body, _SIMPLE)
        response.headers["X-PyPI-Last-Serial"] = str(serial)
        return response

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

    async def journal(self, request: web.Request) -> web.StreamResponse:
        """Answer XML-RPC: the two methods that PyPI keeps for mirrors."""
        parameters, method = xmlrpc.client.loads(await request.text(), use_builtin_types=True)
        answer: object
        match method, parameters:
            case "changelog_last_serial", ():
                answer = self._publications.serial
            case "changelog_since_serial", (int(serial),):
                answer = [row for row in self._publications.rows if row[-1] > serial]
            case _:
                answer = xmlrpc.client.Fault(-32601, "server error; requested method not found")
        if not isinstance(answer, xmlrpc.client.Fault):
            answer = (answer,)
        body = xmlrpc.client.dumps(answer, methodresponse=True, allow_none=True)
        return web.Response(text=body, content_type="text/xml")

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
