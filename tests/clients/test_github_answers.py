"""The client of GitHub and answers that are made up: what is asked, and what is made of answers."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.github.auth import Token
from bot.github.client import GitHub
from bot.github.errors import (
    Forbidden,
    GitHubError,
    Invalid,
    Limited,
    Missing,
    Removed,
    Unauthorised,
    Unclear,
    Unreachable,
)
from bot.github.model import IssuePage, RemoteIssue
from bot.http import NotModified, http_client
from tests.clients.conftest import Handler, answer, one_after_the_other
from tests.e2e.github_loopback import app

API = "https://api.test/api/v3"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TIME = "2026-11-22T12:00:00Z"
ISSUE = {
    "number": 7,
    "id": 3_000_000_001,
    "title": "t",
    "created_at": TIME,
    "updated_at": TIME,
    "html_url": "https://github.test/o/r/issues/7",
    "repository_url": f"{API}/repos/o/r",
    "labels": [{"name": "bug"}],
    "user": {"login": "alice"},
}
TOKEN = Token("ghp_" + "x" * 36)


def told(document: object, status: int = 200, **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(status, json.dumps(document).encode(), names)


async def asked(
    handler: Handler,
    question: Callable[[GitHub], Any],
    credentials: Any = TOKEN,  # noqa: ANN401
) -> Any:  # noqa: ANN401 - whatever the question gives
    transport = httpx.MockTransport(handler)
    async with http_client(API, transport=transport) as http:
        return await question(GitHub(http, credentials, home="o/r", clock=NOW.timestamp))


def make(github: GitHub) -> Any:  # noqa: ANN401 - see above
    return github.create_issue("o/r", "Title", "Body", ["bug"])


def read(github: GitHub) -> Any:  # noqa: ANN401 - see above
    return github.issue("o/r", 7)


def page(github: GitHub) -> Any:  # noqa: ANN401 - see above
    return github.issues("o/r", pages=3)


async def test_what_a_write_carries() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return told(ISSUE, 201)

    made = await asked(handler, make)
    assert isinstance(made, RemoteIssue)
    assert (made.number, made.id, made.url) == (
        7,
        3_000_000_001,
        "https://github.test/o/r/issues/7",
    )
    (request,) = seen
    assert (request.method, str(request.url)) == ("POST", f"{API}/repos/o/r/issues")
    assert json.loads(request.content) == {"title": "Title", "body": "Body", "labels": ["bug"]}
    headers = request.headers
    assert headers["Accept"] == "application/vnd.github+json"
    assert headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert headers["Authorization"] == f"token {TOKEN.value}"
    assert headers["User-Agent"].startswith("ftbot/")
    assert headers.get_list("Content-Length") == [str(len(request.content))]


async def test_what_a_read_carries() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(304, headers={"ETag": 'W/"1"'})

    since = datetime(2026, 11, 22, 13, 30, tzinfo=UTC).astimezone()
    found = await asked(
        handler, lambda github: github.issues("o/r", since=since, etag='W/"1"'), None
    )
    assert found == NotModified()
    (request,) = seen
    assert dict(request.url.params) == {
        "state": "all",
        "sort": "updated",
        "direction": "desc",
        "since": "2026-11-22T13:30:00Z",
        "per_page": "100",
    }
    assert request.headers["If-None-Match"] == 'W/"1"'
    assert "Authorization" not in request.headers
    assert "Content-Length" not in request.headers


@dataclass(frozen=True)
class Given:
    """An answer that can be given again and again."""

    status: int
    document: object = field(default_factory=lambda: {"message": "No."})
    headers: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, _request: httpx.Request) -> httpx.Response:
        raw = self.document
        body = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
        return answer(self.status, body, self.headers)


def failing(error: Exception) -> Handler:
    def handler(_: httpx.Request) -> httpx.Response:
        raise error

    return handler


SPENT = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795352400"}
SECONDARY = {"message": "You have exceeded a secondary rate limit."}


@pytest.mark.parametrize(
    ("trouble", "writing", "reading"),
    [
        (Given(400), Invalid, Invalid),
        (Given(401), Unauthorised, Unauthorised),
        (Given(403), Forbidden, Forbidden),
        (Given(404), Missing, Missing),
        (Given(409), Invalid, Invalid),
        (Given(410), Removed, Removed),
        (Given(422), Invalid, Invalid),
        (Given(451), Missing, Missing),
        (Given(403, headers={"Retry-After": "60"}), Limited, Limited),
        (Given(403, headers=SPENT), Limited, Limited),
        (Given(403, SECONDARY), Limited, Limited),
        (Given(429), Limited, Limited),
        (Given(408), Unclear, Unreachable),
        (Given(500), Unclear, Unreachable),
        (Given(503, b"<html>", {"Retry-After": "3"}), Unclear, Unreachable),
        (Given(599), Unclear, Unreachable),
        (Given(300), Unclear, Unreachable),
        (Given(304), Unclear, Unreachable),
        (Given(301), Unreachable, Unreachable),
        (Given(302, headers={"Location": "https://other.test/api/v3/x"}), Missing, Missing),
        (Given(302, headers={"Location": "https://api.test/elsewhere"}), Missing, Missing),
        (Given(302, headers={"Location": "http://api.test/api/v3/x"}), Missing, Missing),
        (Given(307, headers={"Location": "/api/v3/again"}), Unreachable, Unreachable),
        (Given(200, b"<html>"), Unclear, Unreachable),
        (Given(204), Unclear, Unreachable),
        (Given(200, []), Unclear, Unreachable),
        (Given(200, {**ISSUE, "number": None}), Unclear, Unreachable),
        (Given(200, {**ISSUE, "title": "\ud800"}), Unclear, Unreachable),
        (Given(200, b"[" * 100_000), Unclear, Unreachable),
        (failing(httpx.ReadTimeout("late")), Unclear, Unreachable),
        (failing(httpx.RemoteProtocolError("cut")), Unclear, Unreachable),
        (failing(httpx.ConnectError("refused")), Unreachable, Unreachable),
    ],
    ids=lambda each: str(each)[:60] if isinstance(each, Given) else getattr(each, "__name__", ""),
)
async def test_what_is_made_of_trouble(
    trouble: Handler, writing: type[GitHubError], reading: type[GitHubError]
) -> None:
    for question, kind in ((make, writing), (read, reading)):
        with pytest.raises(GitHubError) as caught:
            await asked(trouble, question)
        assert type(caught.value) is kind
        assert caught.value.text.endswith(".")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            {"message": "Validation Failed", "errors": ["a", {"message": "b"}]},
            "Validation Failed; a; b.",
        ),
        (
            {"message": "V", "errors": [{"field": "title", "code": "missing_field"}, 7, None]},
            "V; title missing_field.",
        ),
        ({"message": "One\n  two\u2028three."}, "One two three."),
        ({"message": "x" * 5000}, f"{'x' * 200}."),
        ({"message": 7}, "status 422."),
        ({}, "status 422."),
        (b"<html>", "status 422."),
        (b"", "status 422."),
    ],
    ids=str,
)
async def test_a_refusal_is_told_in_one_short_sentence(document: object, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        await asked(Given(422, document), make)
    assert caught.value.text == f"GitHub does not take it: {said}"


async def test_hostile_headers_do_no_harm() -> None:
    headers = {
        "Link": "<" * 90_000,
        "ETag": "no tag",
        "X-RateLimit-Remaining": "many",
        "X-RateLimit-Reset": "never",
        "X-RateLimit-Limit": "-",
        "Content-Type": "text/html; charset=none",
        "Retry-After": "soon",
    }
    found = await asked(Given(200, [ISSUE], headers), page)
    assert isinstance(found, IssuePage)
    assert (len(found.issues), found.etag, found.more) == (1, None, False)


@pytest.mark.parametrize(
    "address", ["http://[", "//[::1", "https://other.test/", "\udcff", "{", "x{?a", "", " ", "a:b"]
)
async def test_a_next_page_that_is_none(address: str) -> None:
    headers = httpx.Headers([(b"Link", f'<{address}>; rel="next"'.encode("utf-8", "replace"))])

    def handler(request: httpx.Request) -> httpx.Response:
        if "page" in str(request.url) and request.url.path.endswith("/issues"):
            return answer(200, json.dumps([ISSUE]).encode(), headers)
        return told({}, 404)

    with suppress(GitHubError):
        assert len((await asked(handler, page)).issues) == 1


async def test_pages_are_read_as_far_as_asked() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", "1"))
        link = f'<{API}/repositories/1/issues?page={number + 1}>; rel="next", <{API}>; rel="first"'
        body = [{**ISSUE, "number": number}, {**ISSUE, "pull_request": {"url": "x"}}]
        return answer(200, json.dumps(body).encode(), {"Link": link, "ETag": f'"{number}"'})

    found = await asked(handler, page)
    assert isinstance(found, IssuePage)
    assert [issue.number for issue in found.issues] == [1, 2, 3]
    assert (found.etag, found.more) == ('"1"', True)


async def test_a_large_page_is_read_away_from_the_loop() -> None:
    body = [{**ISSUE, "number": number, "body": "é" * 60_000} for number in range(1, 101)]
    raw = json.dumps(body, ensure_ascii=False).encode()
    found = await asked(Given(200, raw), page)
    assert isinstance(found, IssuePage)
    assert len(found.issues) == 100
    assert {len(issue.body) for issue in found.issues} == {60_000}


@pytest.mark.parametrize(
    ("permissions", "may_write"),
    [
        ({"push": True}, True),
        ({"triage": True, "push": False}, True),
        ({"pull": True, "push": False}, False),
        (None, True),
    ],
    ids=str,
)
async def test_what_a_persons_token_may_do(permissions: object, *, may_write: bool) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        match request.url.path.removeprefix("/api/v3"):
            case "/repos/o/r/labels":
                return told([{"name": "bug"}, {"name": None}])
            case "/repos/o/r/issues":
                return told([])
            case "/repos/o/r":
                return told({"full_name": "o/r", "permissions": permissions})
            case "/user":
                return told({"login": "alice"})
        return told({}, 404)

    access = await asked(handler, lambda github: github.access("o/r"))
    assert (access.may_read, access.may_write, access.has_issues) == (True, may_write, True)
    assert access.labels == {"bug"}
    assert not (await asked(handler, lambda github: github.access("o/r"), None)).may_write
    assert await asked(handler, lambda github: github.login()) == "alice"


class Installed:
    """A GitHub on which the App is installed in `o/r` alone; its tokens are `ghs_1`, `ghs_2` …"""

    def __init__(self, issues: str = "write") -> None:
        self.asked: list[str] = []
        self.revoked: set[str] = set()
        self._issues = issues
        self._bought = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v3")
        key = request.headers.get("Authorization", "")
        self.asked.append(
            f"{request.method} {path} {key.removeprefix('token ')}".partition(" ey")[0]
        )
        if path == "/repos/o/r/installation":
            found = {"id": 5, "app_slug": "ftbot", "permissions": {"issues": self._issues}}
            return told(found)
        if path == "/app/installations/5/access_tokens":
            assert json.loads(request.content) == {
                "repositories": ["r"],
                "permissions": {"issues": self._issues},
            }
            self._bought += 1
            return told({"token": f"ghs_{self._bought}", "expires_at": "2026-11-22T13:00:00Z"}, 201)
        if path.endswith("/installation"):
            return told({}, 404)
        if key.removeprefix("token ") in self.revoked:
            return told({}, 401)
        return told(ISSUE)


async def test_an_app_buys_a_key_and_keeps_it() -> None:
    server = Installed()

    async def question(github: GitHub) -> str:
        await read(github)
        await make(github)
        server.revoked.add("ghs_1")
        await make(github)
        await github.issue("numpy/numpy", 7)
        return await github.login()

    assert await asked(server, question, app()) == "ftbot[bot]"
    buying = [
        "GET /repos/o/r/installation bearer",
        "POST /app/installations/5/access_tokens bearer",
    ]
    assert server.asked == [
        *buying,
        "GET /repos/o/r/issues/7 ghs_1",
        "POST /repos/o/r/issues ghs_1",
        "POST /repos/o/r/issues ghs_1",
        *buying,
        "POST /repos/o/r/issues ghs_2",
        "GET /repos/numpy/numpy/installation bearer",
        "GET /repos/numpy/numpy/issues/7 ghs_2",
    ]


async def test_a_key_that_is_never_accepted_is_bought_anew_once() -> None:
    server = Installed()
    server.revoked |= {"ghs_1", "ghs_2", "ghs_3"}
    with pytest.raises(Unauthorised):
        await asked(server, make, app())
    assert [line for line in server.asked if line.endswith(("ghs_1", "ghs_2", "ghs_3"))] == [
        "POST /repos/o/r/issues ghs_1",
        "POST /repos/o/r/issues ghs_2",
    ]


async def test_an_app_that_may_only_read_does_not_try() -> None:
    server = Installed("read")
    with pytest.raises(Forbidden, match="may not write issues in o/r"):
        await asked(server, make, app())
    with pytest.raises(Forbidden, match="not installed in numpy/numpy"):
        await asked(server, lambda github: github.create_issue("numpy/numpy", "a", "", []), app())
    assert not any(line.startswith("POST /repos") for line in server.asked)


async def test_a_token_of_nobody_has_no_login() -> None:
    assert await asked(Given(403), lambda github: github.login()) == ""
    with pytest.raises(Unauthorised):
        await asked(Given(401), lambda github: github.login())


async def test_a_repository_without_issues_has_none() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        labels = request.url.path.endswith("/labels")
        return told([]) if labels else told({"message": "Issues are disabled"}, 410)

    assert not (await asked(handler, lambda github: github.access("o/r"), None)).has_issues


async def test_webhooks_that_did_not_arrive_are_found_and_sent_again() -> None:
    requests: list[httpx.Request] = []

    def delivery(number: int, guid: str, status: int, age: int) -> dict[str, object]:
        at = (NOW - timedelta(hours=age)).isoformat()
        return {
            "id": number,
            "guid": guid,
            "status_code": status,
            "delivered_at": at,
            "event": "issues",
        }

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if request.method == "POST":
            return answer(202, b"{}")
        if "cursor" not in request.url.params:
            link = f'<{API}/app/hook/deliveries?cursor=2>; rel="next"'
            return told([delivery(9, "a", 200, 1), delivery(8, "b", 502, 2)], Link=link)
        return told([delivery(7, "a", 0, 3), delivery(6, "c", 0, 4), delivery(5, "d", 500, 99)])

    async def question(github: GitHub) -> list[tuple[int, str]]:
        failed = await github.failed_deliveries(NOW - timedelta(hours=72))
        for each in failed:
            await github.redeliver(each.id)
        return [(each.id, each.guid) for each in failed]

    assert await asked(handler, question, app()) == [(8, "b"), (6, "c")]
    assert [request.url.path for request in requests[-2:]] == [
        "/api/v3/app/hook/deliveries/8/attempts",
        "/api/v3/app/hook/deliveries/6/attempts",
    ]
    assert all(request.headers["Authorization"].startswith("bearer ey") for request in requests)
    with pytest.raises(Forbidden, match="Only a GitHub App"):
        await asked(handler, question)


async def test_a_limit_is_remembered_across_questions() -> None:
    handler = one_after_the_other(Given(403, headers=SPENT)(httpx.Request("GET", API)))

    async def question(github: GitHub) -> list[float]:
        ends = []
        for _ in range(3):
            with pytest.raises(Limited) as caught:
                await read(github)
            ends.append(caught.value.until)
        return ends

    assert await asked(handler, question) == [1795352400] * 3
