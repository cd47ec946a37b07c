"""The client against a real server with faults, and against answers that no server should give."""

import gzip
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.errors import IndexUnavailable, ProjectNotFound, UserError
from bot.http import Client, Fetched, NotModified, fetch, http_client
from bot.pypi.client import SIMPLE_JSON, IndexClient, StalePage
from tests.clients.conftest import Handler, Trouble, answer, one_after_the_other
from tests.clients.test_names import HOSTILE
from tests.conftest import Replica

JSON = {"Content-Type": SIMPLE_JSON}


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def http(replica: Replica) -> AsyncIterator[Client]:
    async with http_client(replica.url, contact="test@example.org") as client:
        yield client


@pytest.fixture
def index(http: Client) -> IndexClient:
    return IndexClient(http)


class TestAgainstAServer:
    """Over real connections."""

    async def test_a_page_and_then_its_confirmation(
        self, replica: Replica, index: IndexClient
    ) -> None:
        first = await index.project("numpy")
        assert isinstance(first, Fetched)
        page = json.loads(first.body)
        assert page["files"][0]["filename"] == "numpy-2.0-cp314-cp314t-win_amd64.whl"
        assert first.serial == page["meta"]["_last-serial"] == replica.serial
        assert await index.project("numpy", etag=first.etag) == NotModified(first.serial)
        assert [request.status for request in replica.requests] == [200, 304]
        sent = replica.requests[-1].headers
        assert sent["Accept"] == SIMPLE_JSON
        assert sent["Accept-Encoding"] == "gzip"
        assert sent["User-Agent"].startswith("ftbot/")
        assert sent["User-Agent"].endswith("(+test@example.org)")
        assert sent["If-None-Match"] == first.etag

    async def test_a_change_is_seen(self, replica: Replica, index: IndexClient) -> None:
        first = await index.project("numpy")
        assert isinstance(first, Fetched)
        serial = replica.publish("numpy", "numpy-2.1-cp315-cp315t-win_amd64.whl")
        second = await index.project("numpy", etag=first.etag, at_least=serial)
        assert isinstance(second, Fetched)
        assert second.serial == serial
        assert second.etag != first.etag

    async def test_a_stale_page_is_refused(self, replica: Replica, index: IndexClient) -> None:
        first = await index.project("numpy")
        assert isinstance(first, Fetched)
        serial = replica.publish("numpy", "numpy-2.1-cp315-cp315t-win_amd64.whl")
        replica.stale["numpy"] = 2
        for etag in (None, first.etag):  # a 200, and then a 304
            with pytest.raises(StalePage) as caught:
                await index.project("numpy", etag=etag, at_least=serial)
            assert (caught.value.serial, caught.value.at_least) == (first.serial, serial)
        assert isinstance(await index.project("numpy", at_least=serial), Fetched)

    async def test_names_are_normalised_before_asking(
        self, replica: Replica, http: Client, index: IndexClient
    ) -> None:
        replica.publish("Discord.Py", "discord_py-2.0-py3-none-any.whl")
        assert isinstance(await index.project("Discord.Py"), Fetched)
        (request,) = replica.requests
        assert (request.path, request.status) == ("/simple/discord-py/", 200)
        unnormalised = await fetch(http, "/simple/Discord.Py/", limit_bytes=1000)
        assert (unnormalised.status, unnormalised.body) == (301, b"")

    async def test_a_redirect_to_the_name_is_followed(
        self, replica: Replica, trouble: Trouble, index: IndexClient
    ) -> None:
        moved = {"Location": "/simple/NumPy/"}
        trouble(status=301, headers=moved)
        assert isinstance(await index.project("numpy"), Fetched)
        # Ours, the spelling that the first redirect named, and the one that the server prefers.
        assert [request.status for request in replica.requests] == [301, 301, 200]

    async def test_an_unknown_project(self, index: IndexClient) -> None:
        with pytest.raises(ProjectNotFound) as caught:
            await index.project("No.Such")
        assert caught.value.project == "no-such"

    async def test_a_quarantined_project(self, replica: Replica, index: IndexClient) -> None:
        replica.quarantine("numpy")
        page = await index.project("numpy")
        assert isinstance(page, Fetched)
        assert json.loads(page.body)["project-status"]["status"] == "quarantined"
        assert await index.metadata("numpy", "2.0") is None

    async def test_the_list_of_projects(self, replica: Replica, index: IndexClient) -> None:
        first = await index.index()
        assert isinstance(first, Fetched)
        assert [row["name"] for row in json.loads(first.body)["projects"]] == ["numpy"]
        assert first.serial == replica.serial
        assert await index.index(etag=first.etag) == NotModified(first.serial)

    async def test_metadata(self, replica: Replica, index: IndexClient) -> None:
        body = await index.metadata("NumPy", "2.0")
        assert body
        assert json.loads(body)["info"]["classifiers"] == ["Topic :: Math"]
        assert await index.metadata("numpy", "1!9.9+local") is None
        assert await index.metadata("nothing", "1.0") is None
        assert replica.requests[-2].path == "/pypi/numpy/1%219.9%2Blocal/json"

    @pytest.mark.parametrize(
        "fault",
        [
            {"status": 503},
            {"status": 500, "times": 2},
            {"status": 429, "headers": {"Retry-After": "1"}},
            {"drop": True},
            {"truncate": 20},
            {"truncate": 0},
            {"status": 304},
        ],
        ids=str,
    )
    async def test_passing_faults_are_not_noticed(
        self, replica: Replica, trouble: Trouble, index: IndexClient, fault: dict[str, Any]
    ) -> None:
        trouble(**fault)
        assert isinstance(await index.project("numpy"), Fetched)
        assert len(replica.requests) == 1 + fault.get("times", 1)

    @pytest.mark.parametrize(
        ("fault", "told"),
        [
            ({"status": 502}, ("answered with status 502.", 3)),
            ({"drop": True}, ("gave a broken answer.", 3)),
            ({"truncate": 20}, ("gave a broken answer.", 3)),
            ({"status": 304}, ("has not changed, but ftbot has no copy of it.", 3)),
            ({"status": 403}, ("answered with status 403.", 1)),
            (
                {"body": "<html>", "headers": {"Content-Type": "text/html"}},
                (f"sent text/html where {SIMPLE_JSON} was asked for.", 1),
            ),
            (
                {"body": "{}", "headers": {"Content-Type": "application/json"}},
                (f"sent application/json where {SIMPLE_JSON} was asked for.", 1),
            ),
            (
                {
                    "body": "{}",
                    "headers": {"Content-Type": "application/vnd.pypi.simple.v2+json"},
                },
                (f"sent application/vnd.pypi.simple.v2+json where {SIMPLE_JSON} was asked for.", 1),
            ),
            (
                {"body": b" " * 60_000_000, "headers": JSON},
                ("sent a document of more than 32 MiB.", 1),
            ),
            (
                {
                    "body": gzip.compress(b" " * 60_000_000, 1, mtime=0),
                    "headers": JSON | {"Content-Encoding": "gzip"},
                },
                ("sent a document of more than 32 MiB.", 1),
            ),
        ],
        ids=lambda value: str(value)[:40],
    )
    async def test_lasting_faults_end_in_one_sentence(
        self,
        replica: Replica,
        trouble: Trouble,
        index: IndexClient,
        fault: dict[str, Any],
        told: tuple[str, int],
    ) -> None:
        text, attempts = told
        trouble(times=math.inf, **fault)
        with pytest.raises(IndexUnavailable) as caught:
            await index.project("numpy")
        assert caught.value.text.startswith(f"127.0.0.1:{replica.port} ")
        assert caught.value.text.endswith(text)
        assert caught.value.hint
        assert len(replica.requests) == attempts
        replica.faults.clear()
        assert isinstance(await index.project("numpy"), Fetched)

    async def test_a_slow_server_meets_the_deadline(self, trouble: Trouble, http: Client) -> None:
        trouble(delay=60)
        with pytest.raises(IndexUnavailable, match=r"did not answer within 0\.05 seconds\."):
            await IndexClient(http, deadline_seconds=0.05).project("numpy")

    async def test_an_outage_and_its_end(self, replica: Replica, index: IndexClient) -> None:
        await replica.stop()
        with pytest.raises(IndexUnavailable, match="cannot be reached"):
            await index.project("numpy")
        await replica.start()
        assert isinstance(await index.project("numpy"), Fetched)

    async def test_a_long_retry_after_is_obeyed_by_all_further_questions(
        self, replica: Replica, trouble: Trouble, http: Client
    ) -> None:
        clock = Clock()
        index = IndexClient(http, clock=clock)
        wait = {"Retry-After": "60"}
        trouble(status=429, headers=wait)
        with pytest.raises(IndexUnavailable, match="status 429"):
            await index.project("numpy")
        clock.now += 20
        with pytest.raises(IndexUnavailable, match="left alone for 40 more seconds"):
            await index.metadata("numpy", "2.0")
        assert len(replica.requests) == 1
        clock.now += 40
        assert isinstance(await index.project("numpy"), Fetched)


class TestOddAnswers:
    """Answers that the stand-in never gives."""

    async def project(self, handler: Handler, **options: Any) -> Fetched | NotModified:  # noqa: ANN401
        transport = httpx.MockTransport(handler)
        async with http_client("https://mirror.test/root/", transport=transport) as http:
            return await IndexClient(http).project("numpy", **options)

    async def test_a_base_with_a_path(self) -> None:
        def handler(request: httpx.Request) -> httpx.Response:
            if request.url.path == "/root/simple/numpy/":
                there = {"Location": "https://mirror.test/root/simple/num.py/../NumPy"}
                return answer(308, headers=there)
            assert request.url.path == "/root/simple/NumPy/"
            return answer(body=b"{}", headers=JSON)

        assert await self.project(handler) == Fetched(b"{}", None)

    @pytest.mark.parametrize(
        "location",
        [
            "https://evil.test/root/simple/numpy/",
            "https://mirror.test:8443/root/simple/numpy/",
            "http://mirror.test/root/simple/numpy/",
            "https://mirror.test@evil.test/root/simple/numpy/",
            "//evil.test/root/simple/numpy/",
            "/simple/numpy/",
            "/root/simple/pandas/",
            "/root/simple/%2e%2e/",
            "/root/simple/numpy/x/",
            "/root/simple/",
            "/",
            "file:///etc/passwd",
        ],
    )
    async def test_a_redirect_elsewhere_is_not_followed(self, location: str) -> None:
        handler = one_after_the_other(answer(302, headers={"Location": location}))
        with pytest.raises(IndexUnavailable) as caught:
            await self.project(handler)
        assert caught.value.text == "mirror.test redirects the page of numpy."
        assert "FTBOT_PYPI_URL" in caught.value.hint

    async def test_a_redirect_to_nowhere(self) -> None:
        with pytest.raises(IndexUnavailable, match="redirects to nowhere"):
            await self.project(lambda _: answer(302))

    async def test_redirects_without_end(self) -> None:
        requests = 0

        def handler(_: httpx.Request) -> httpx.Response:
            nonlocal requests
            requests += 1
            return answer(301, headers={"Location": "/root/simple/numpy/"})

        with pytest.raises(IndexUnavailable, match="a redirect instead of a document"):
            await self.project(handler)
        assert requests == 4

    @pytest.mark.parametrize(
        ("header", "serial"),
        [("12", 12), ("", None), ("-1", None), ("1e3", None), ("9" * 40, None), ("0x10", None)],
    )
    async def test_serials(self, header: str, serial: int | None) -> None:
        fields = JSON | {"X-PyPI-Last-Serial": header}
        fetched = await self.project(lambda _: answer(body=b"{}", headers=fields), at_least=5)
        assert fetched.serial == serial

    async def test_a_confirmation_without_a_serial(self) -> None:
        answered = await self.project(lambda _: answer(304), etag='"1"', at_least=5)
        assert answered == NotModified(None)

    async def test_a_confirmation_that_nobody_asked_for_is_asked_about_again(self) -> None:
        handler = one_after_the_other(answer(304), answer(body=b"{}", headers=JSON))
        assert await self.project(handler) == Fetched(b"{}", None)

    @pytest.mark.parametrize("name", HOSTILE, ids=ascii)
    async def test_hostile_names_reach_no_server(self, name: str) -> None:
        transport = httpx.MockTransport(one_after_the_other())
        async with http_client("https://mirror.test", transport=transport) as http:
            with pytest.raises(UserError):
                await IndexClient(http).project(name)
            with pytest.raises(UserError):
                await IndexClient(http).metadata(name, "1.0")

    @pytest.mark.parametrize("version", ["", "..", ".", "a/b", "1.0?x", "1 0", "\n1", "1" * 300])
    async def test_hostile_versions_reach_no_server(self, version: str) -> None:
        transport = httpx.MockTransport(one_after_the_other())
        async with http_client("https://mirror.test", transport=transport) as http:
            assert await IndexClient(http).metadata("numpy", version) is None
