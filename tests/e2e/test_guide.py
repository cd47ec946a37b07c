"""The job that fetches the guide, against a site on loopback that fails in every way."""

import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from bot.app.core import Core, core
from bot.app.jobs import refreshing
from bot.background import Job
from bot.errors import UserError
from bot.http import MEBIBYTE
from bot.settings import Settings
from tests.unit.test_guide_mkdocs import REAL, needs_guide

PATH = "/en/search/search_index.json"
TAG = "v1"
BOMB = gzip.compress(b" " * 50 * MEBIBYTE)

Answer = Callable[[web.Request], web.StreamResponse]


def document(*titles: str) -> bytes:
    docs = [
        {"location": f"{each}/", "title": each, "text": f"<p>On {each}.</p>"} for each in titles
    ]
    return json.dumps({"config": {}, "docs": docs}).encode()


def whole(body: bytes, tag: str = TAG) -> Answer:
    def answer(request: web.Request) -> web.StreamResponse:
        if any(each.value == tag for each in request.if_none_match or ()):
            return web.Response(status=304, headers={"ETag": f'"{tag}"'})
        return web.Response(body=body, headers={"ETag": f'"{tag}"'})

    return answer


def status(code: int) -> Answer:
    return lambda _: web.Response(status=code, text="<h1>Sorry</h1>")


def body(content: bytes, **headers: str) -> Answer:
    fields = {"ETag": '"bad"', **{name.replace("_", "-"): text for name, text in headers.items()}}
    return lambda _: web.Response(body=content, headers=fields)


def moved(_: web.Request) -> web.StreamResponse:
    return web.Response(status=301, headers={"Location": f"{PATH}?moved"})


@dataclass
class Site:
    """The guide's site. `answers` are given one after the other, the last one ever again."""

    answers: list[Answer]
    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """The query, and the entity tag that was sent."""

    async def index(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.query_string, request.headers.get("If-None-Match", "")))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site([whole(document("Locks", "Atomics"))])
    application = web.Application()
    application.router.add_get(PATH, made.index)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}"
    yield made
    await runner.cleanup()


@asynccontextmanager
async def started(site: Site, folder: Path) -> AsyncIterator[tuple[Core, Job]]:
    """Open what the bot works with, and give its job that fetches the guide."""
    settings = Settings(data_dir=folder, pypi_url=site.url, guide_url=site.url + PATH)
    async with core(settings) as parts:
        await parts.guide.load()
        (job,) = (each for each in refreshing(parts) if each.name == "guide")
        yield parts, job


def titles(parts: Core) -> list[str]:
    return [hit.title for hit in parts.guide.contents()]


async def test_fetched_once_then_asked_by_its_tag(site: Site, tmp_path: Path) -> None:
    async with started(site, tmp_path) as (parts, job):
        await job.run()
        assert titles(parts) == ["Locks", "Atomics"]
        assert parts.guide.search("atomic")[0].url == f"{site.url}/en/Atomics/"
    async with started(site, tmp_path) as (parts, job):
        assert titles(parts) == ["Locks", "Atomics"]
        await job.run()
        assert titles(parts) == ["Locks", "Atomics"]
    assert site.asked == [("", ""), ("", f'"{TAG}"')]


async def test_a_guide_that_moved_is_followed(site: Site, tmp_path: Path) -> None:
    site.answers = [moved, whole(document("Moved"))]
    async with started(site, tmp_path) as (parts, job):
        await job.run()
        assert titles(parts) == ["Moved"]
    assert [query for query, _ in site.asked] == ["", "moved"]


FAULTS = {
    "gone": (status(404), "status 404"),
    "gone for good": (status(410), "status 410"),
    "down": (status(503), "status 503"),
    "another page": (body(b"<!doctype html><title>Sign in</title>"), "cannot be read"),
    "empty": (body(document()), "lists no section"),
    "cut off": (body(document("Locks")[:-3]), "cannot be read"),
    "deep": (body(b'{"docs":' + b"[" * MEBIBYTE), "cannot be read"),
    "50 MB": (body(document("x" * 50 * MEBIBYTE)), "more than 4 MiB"),
    "gzip bomb": (body(BOMB, Content_Encoding="gzip"), "more than 4 MiB"),
    "no gzip": (body(b"no gzip", Content_Encoding="gzip"), "broken"),
    "brotli": (body(b"?", Content_Encoding="br"), "compressed"),
}


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("fault", FAULTS)
async def test_what_was_known_stays(site: Site, tmp_path: Path, fault: str) -> None:
    async with started(site, tmp_path) as (parts, job):
        await job.run()
        answer, told = FAULTS[fault]
        site.answers = [answer]
        with pytest.raises(UserError, match=told):
            await job.run()
        assert titles(parts) == ["Locks", "Atomics"]
    async with started(site, tmp_path) as (parts, job):
        site.answers = [whole(document("Locks", "Atomics"))]
        assert titles(parts) == ["Locks", "Atomics"]
        await job.run()
    assert site.asked[-1] == ("", f'"{TAG}"')


@pytest.mark.usefixtures("no_pauses")
async def test_without_a_copy_the_guide_that_ships_stays(site: Site, tmp_path: Path) -> None:
    site.answers = [status(304)]
    async with started(site, tmp_path) as (parts, job):
        with pytest.raises(UserError, match="no copy"):
            await job.run()
        assert parts.guide.search("atomics")
        assert len(titles(parts)) > 15


@needs_guide
async def test_the_real_guide(site: Site, tmp_path: Path) -> None:
    site.answers = [whole(REAL.read_bytes())]
    async with started(site, tmp_path) as (parts, job):
        await job.run()
        assert [hit for hit in parts.guide.search("the gil came back") if "GIL" in hit.title]
        pointer = parts.guide.pointer("gil_reenabled")
        assert pointer
        assert pointer.url.startswith(f"{site.url}/en/faq/#")
