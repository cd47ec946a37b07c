"""What other programs may ask ftbot over HTTP, with GET and without an account.

    /api/v1/projects.json           the verdicts on all of the 15,000 most downloaded projects
    /api/v1/projects/NAME.json      all about one project, as `ftbot check --json`
    /api/v1/progress.json           how far they are, by day, as `ftbot progress --json`
    /api/v1/badge/NAME.json         a badge (shields.io/badges/endpoint); ?python= and &platform=

All have an entity tag and are compressed for those who take it; pages of other sites may read them.
Failures are JSON too, with one sentence as `error`; for a project that does not exist, with those
that were perhaps meant.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from aiohttp import ETag, web
from aiohttp.hdrs import METH_ANY

from bot.check.badge import badge, not_found, unknown, wrong
from bot.check.document import answer_document, not_found_document
from bot.check.model import Answer
from bot.compat.model import Target
from bot.compat.targets import ALL_TARGETS, PLATFORMS, PYTHONS
from bot.errors import ProjectNotFound, ServiceError, UserError
from bot.progress.judging import TABLE
from bot.progress.model import PYTHON
from bot.progress.service import SUMMARY

BASE: Final = "/api/v1"
DAILY, FRESH = 3_600, 300
"""Seconds for which others may keep what changes once a day, and what changes any time."""
_LATER: Final = 60
"""Seconds after which what is not there yet may be."""
_EVERYONE: Final = {"Access-Control-Allow-Origin": "*"}
_COMPRESSED: Final = 1_000
"""Bytes from which on compressing pays."""


class Checks(Protocol):
    """What answers about projects; see `PublicCheck`."""

    async def answer(self, project: str, targets: Sequence[Target] = ...) -> Answer: ...

    async def suggestions(self, name: str) -> tuple[str, ...]: ...


def routes(checks: Checks, folder: Path) -> Iterable[web.AbstractRouteDef]:
    """Return the server's routes; `folder` is where the files about progress are."""

    async def table(_: web.Request) -> web.StreamResponse:
        return await _file(folder / TABLE)

    async def progress(_: web.Request) -> web.StreamResponse:
        return await _file(folder / SUMMARY)

    async def project(request: web.Request) -> web.StreamResponse:
        try:
            answer = await checks.answer(request.match_info["project"])
        except ProjectNotFound as error:
            meant = error.suggestions or await checks.suggestions(error.project)
            document = not_found_document(ProjectNotFound(error.project, meant))
            return _json(request, document, FRESH, status=404)
        except ServiceError as error:
            return _later(error)
        except UserError as error:
            return _json(request, {"error": str(error)}, FRESH, status=400)
        return _json(request, answer_document(answer), FRESH)

    async def shield(request: web.Request) -> web.StreamResponse:
        document = await _shield(checks, request.match_info["project"], request.query)
        return _json(request, document, document["cacheSeconds"])

    pages = {
        f"{BASE}/{TABLE}": table,
        f"{BASE}/{SUMMARY}": progress,
        f"{BASE}/projects/{{project}}.json": project,
        f"{BASE}/badge/{{project}}.json": shield,
    }
    for path, handler in pages.items():
        yield web.get(path, handler)
        yield web.route(METH_ANY, path, _only_read)
    yield web.route(METH_ANY, f"{BASE}{{path:(?:/.*)?}}", _nothing_there)


async def _only_read(request: web.Request) -> web.Response:
    error = {"error": "Only GET and HEAD are possible here."}
    response = _json(request, error, FRESH, status=405)
    response.headers["Allow"] = "GET, HEAD"
    return response


async def _nothing_there(request: web.Request) -> web.Response:
    return _json(request, {"error": "There is nothing at this address."}, FRESH, status=404)


async def _shield(checks: Checks, project: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Return a badge whatever is asked for: shields shows no other answer than this."""
    python, platform = query.get("python") or PYTHON, query.get("platform") or ""
    if python not in PYTHONS:
        return wrong("Python", "unknown: python")
    if platform and platform not in PLATFORMS:
        return wrong(python, "unknown: platform")
    label = f"{python} {platform}".rstrip()
    targets = [
        each
        for each in ALL_TARGETS
        if each.python == python and (not platform or each.platform == platform)
    ]
    try:
        return badge(await checks.answer(project, targets), label)
    except ServiceError:
        return unknown(label)
    except UserError:  # there is no such project, or no such name
        return not_found(label)


async def _file(path: Path) -> web.StreamResponse:
    """Answer with a file, or with what lies compressed beside it, if that is wanted."""
    if not await asyncio.to_thread(path.is_file):
        return _later(ServiceError("The projects were not judged yet.", "Try again in a minute."))
    return web.FileResponse(path, headers=_headers(DAILY))


def _json(
    request: web.Request, document: Mapping[str, Any], seconds: int, *, status: int = 200
) -> web.Response:
    body = msgspec.json.encode(document)
    etag = ETag(hashlib.sha256(body).hexdigest()[:32], is_weak=True)  # compressed it is the same
    known = request.if_none_match or ()
    unchanged = status == 200 and any(each.value in (etag.value, "*") for each in known)
    response = web.Response(
        status=304 if unchanged else status,
        headers=_headers(seconds),
    )
    if not unchanged:
        response.body = body
        response.content_type = "application/json"
        if len(body) >= _COMPRESSED:
            response.enable_compression()
    response.etag = etag
    return response


def _headers(seconds: int) -> dict[str, str]:
    return {
        **_EVERYONE,
        "Cache-Control": f"public, max-age={seconds}",
        "Vary": "Accept-Encoding",
    }


def _later(error: ServiceError) -> web.Response:
    return web.Response(
        status=503,
        headers={**_EVERYONE, "Retry-After": str(_LATER), "Cache-Control": "no-store"},
        body=msgspec.json.encode({"error": str(error)}),
        content_type="application/json",
    )
