"""The sandbox's stand-in of GitHub: ftbot's own client works on it, people do, others don't."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import quote

import httpx
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.github.auth import Token
from bot.github.client import GitHub
from bot.github.errors import Forbidden, Invalid, Missing, Unauthorised
from bot.github.model import Event, IssuePage, RemoteIssue
from bot.github.webhooks import parse, verify
from bot.http import Client, NotModified, http_client
from bot.sandbox.github import StandIn, serve_github
from bot.sandbox.github.markdown import render
from bot.sandbox.github.tracker import LONGEST_BODY, Tracker
from tests.clients.conftest import raw_server

OURS = "sandbox/free-threading"
THEIRS = "grpc/grpc"


@pytest.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    async with serve_github(OURS, examples=False) as stand_in:
        yield stand_in


@pytest.fixture
async def http(stand_in: StandIn) -> AsyncIterator[Client]:
    async with http_client(stand_in.url) as client:
        yield client


@pytest.fixture
def github(http: Client, stand_in: StandIn) -> GitHub:
    return GitHub(http, Token(stand_in.token), home=OURS)


async def listed(github: GitHub, repository: str = OURS, **options: str) -> list[RemoteIssue]:
    page = await github.issues(repository, **options)  # type: ignore[arg-type]  # texts alone
    assert isinstance(page, IssuePage)
    return list(page.issues)


async def submit(
    http: Client, path: str, *, origin: str | None = None, **fields: str
) -> httpx.Response:
    """Send a form as a browser does from the stand-in's own page, or from `origin`."""
    headers = {"Origin": str(http.base_url).rstrip("/") if origin is None else origin}
    return await http.post(path, data=fields, headers=headers if origin != "" else {})


class TestApi:
    """As ftbot uses it."""

    async def test_the_way_of_an_issue(
        self, stand_in: StandIn, http: Client, github: GitHub
    ) -> None:
        assert await github.login() == "ftbot"
        made = await github.create_issue(OURS, "Title", "Body", ["bug"])
        assert made.url == f"{stand_in.page}/1"
        assert (made.author, made.labels, made.repository) == ("ftbot", ("bug",), OURS)
        assert (await http.get(made.url)).status_code == 200
        seen = await github.issue(OURS, 1)
        assert isinstance(seen, RemoteIssue)
        assert await github.issue(OURS, 1, etag=seen.etag) == NotModified()
        await github.add_labels(OURS, 1, ["free-threading", "bug"])
        await submit(http, f"/{OURS}/issues/1", do="completed", body="Done in 2.0.")
        closed = await github.issue(OURS, 1, etag=seen.etag)
        assert isinstance(closed, RemoteIssue)
        assert (closed.state, closed.reason, closed.comments) == ("closed", "completed", 1)
        assert closed.labels == ("bug", "free-threading")
        (comment,) = await github.comments(OURS, since=made.created)
        assert (comment.author, comment.association) == ("maintainer", "MEMBER")
        assert (comment.number, comment.body) == (1, "Done in 2.0.")
        await submit(http, f"/{OURS}/issues/1", do="reopened")
        (again,) = await listed(github)
        assert (again.state, again.reason) == ("open", "reopened")

    async def test_what_is_allowed(self, github: GitHub, http: Client) -> None:
        access = await github.access(OURS)
        assert (access.may_read, access.may_write, access.has_issues) == (True, True, True)
        assert "bug" in access.labels
        access = await github.access(THEIRS)
        assert (access.may_read, access.may_write, access.labels) == (True, False, frozenset())
        assert (await github.create_issue(THEIRS, "a", "", ["bug"])).labels == ()
        with pytest.raises(Forbidden):
            await github.add_labels(THEIRS, 1, ["bug"])
        with pytest.raises(Unauthorised):
            await GitHub(http, Token("ghp_other")).create_issue(OURS, "a", "", [])
        assert await listed(github) == []

    async def test_lists(self, stand_in: StandIn, http: Client, github: GitHub) -> None:
        for number in range(120):
            stand_in.tracker.open(OURS, "you" if number % 2 else "ftbot", f"issue {number}", "")
        page = await github.issues(OURS, pages=2)
        assert isinstance(page, IssuePage)
        assert (len(page.issues), page.more) == (120, False)
        assert await github.issues(OURS, etag=page.etag, pages=2) == NotModified()
        assert len(await listed(github, creator="FTBOT")) == 60
        first, *_ = await listed(github, sort="created", direction="asc")
        assert first.number == 1
        late = first.updated + timedelta(hours=1)
        found = await github.issues(OURS, since=late)
        assert isinstance(found, IssuePage)
        assert found.issues == ()
        assert [issue.title for issue in await github.search_issues(OURS, "issue 119")] == [
            "issue 119"
        ]
        assert (await http.get(f"/repos/{OURS}/issues?state=closed")).json() == []

    async def test_refusals(self, github: GitHub, http: Client, stand_in: StandIn) -> None:
        with pytest.raises(Invalid, match=f"body is too long \\(maximum is {LONGEST_BODY}"):
            await github.create_issue(OURS, "a", "x" * (LONGEST_BODY + 1), [])
        with pytest.raises(Invalid):
            await github.create_issue(OURS, " ", "", [])
        with pytest.raises(Missing):
            await github.issue(OURS, 1)
        authorization = {"Authorization": f"token {stand_in.token}"}
        for body in (b"", b"{", b"[]", b"\xff", b'"x"', b'{"labels": 7}', b"[" * 100_000):
            response = await http.post(f"/repos/{OURS}/issues", content=body, headers=authorization)
            assert response.status_code == 400
        for query in ("since=soon", "since=2026-13-01"):
            assert (await http.get(f"/repos/{OURS}/issues?{query}")).status_code == 422
        assert (await http.get(f"/repos/{OURS}/issues?page=0&per_page=-1")).json() == []
        assert (await http.get("/repos/a%0d%0ab/c/issues")).status_code == 404

    async def test_examples_say_that_they_are_made_up(self) -> None:
        async with serve_github(OURS) as stand_in, http_client(stand_in.url) as http:
            issues = await listed(GitHub(http, None))
            assert len(issues) > 3
            assert {issue.state for issue in issues} == {"open", "closed"}
            for issue in issues:
                assert "(made up)" in issue.title
                assert issue.body.startswith("> Made up")


async def test_webhooks_tell_of_every_change_in_order(stand_in: StandIn) -> None:
    events: asyncio.Queue[tuple[str, Event]] = asyncio.Queue()

    async def hook(request: web.Request) -> web.Response:
        body = await request.read()
        assert verify("s3cret", body, request.headers["X-Hub-Signature-256"])
        event = parse(request.headers["X-GitHub-Event"], body)
        assert event
        await events.put((request.headers["X-GitHub-Delivery"], event))
        return web.Response(status=500)  # nobody asks again

    application = web.Application()
    application.router.add_post("/hook", hook)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    tracker = stand_in.tracker
    tracker.open(OURS, "you", "before anybody listened", "")
    try:
        stand_in.call(f"http://{host}:{port}/hook", "s3cret")
        issue = tracker.open(OURS, "you", "a", "b", ["bug"])
        tracker.comment(issue, "maintainer", "Hm.")
        tracker.close(issue, "completed", "maintainer")
        tracker.reopen(issue, "maintainer")
        got = [await events.get() for _ in range(4)]
    finally:
        await runner.cleanup()
    assert [(event.name, event.action, event.sender) for _, event in got] == [
        ("issues", "opened", "you"),
        ("issue_comment", "created", "maintainer"),
        ("issues", "closed", "maintainer"),
        ("issues", "reopened", "maintainer"),
    ]
    assert len({delivery for delivery, _ in got}) == 4
    assert {event.repository for _, event in got} == {OURS}
    comment, closed = got[1][1].comment, got[2][1].issue
    assert comment
    assert closed
    assert (comment.body, closed.reason) == ("Hm.", "completed")


async def test_a_webhook_to_nowhere_harms_nothing(stand_in: StandIn, http: Client) -> None:
    async with raw_server(lambda *_: asyncio.sleep(0)) as gone:
        pass
    stand_in.call(gone, "s3cret")
    stand_in.tracker.open(OURS, "you", "a", "")
    assert (await http.get(f"/{OURS}/issues")).status_code == 200


class TestPages:
    """As people use it."""

    async def test_a_form_that_is_filled_in_opens_an_issue(
        self, http: Client, github: GitHub
    ) -> None:
        title, body = '"quoted" & <b>', "\n\nfirst\n</textarea><script>x</script>"
        address = f"/{THEIRS}/issues/new?title={quote(title)}&body={quote(body)}"
        page = (await http.get(address)).text
        assert Fields.of(page) == {"title": title, "body": body}
        response = await submit(http, f"/{THEIRS}/issues/new", **Fields.of(page))
        assert (response.status_code, response.headers["Location"]) == (303, f"/{THEIRS}/issues/1")
        (issue,) = await listed(github, THEIRS)
        assert (issue.title, issue.body, issue.author) == (title, body, "you")
        assert "1 open, 0 closed" in (await http.get(f"/{THEIRS}/issues")).text

    async def test_line_breaks_of_browsers(self, http: Client, github: GitHub) -> None:
        await submit(http, f"/{OURS}/issues/new", title="a\r\nb", body="a\r\nb")
        (issue,) = await listed(github)
        assert (issue.title, issue.body) == ("a b", "a\nb")

    async def test_what_was_typed_is_not_lost(self, http: Client) -> None:
        for title, body in (("", "text"), ("x" * 257, "text"), ("a", "<" * (LONGEST_BODY + 1))):
            response = await submit(http, f"/{OURS}/issues/new", title=title, body=body)
            assert response.status_code == 422
            assert Fields.of(response.text) == {"title": title, "body": body}
            assert 'role="alert"' in response.text

    async def test_what_a_maintainer_does(
        self, stand_in: StandIn, http: Client, github: GitHub
    ) -> None:
        stand_in.tracker.open(OURS, "you", "a", "")
        path = f"/{OURS}/issues/1"
        assert "Close as completed" in (await http.get(path)).text
        assert (await submit(http, path, do="comment", body=" ")).status_code == 422
        for wanted, state, shown in (
            ("not_planned", "closed", "Closed as not planned"),
            ("reopened", "open", "Open"),
            ("completed", "closed", "Closed as completed"),
            ("nonsense", "closed", "Closed as completed"),
        ):
            response = await submit(http, path, do=wanted, body="")
            assert response.status_code == 303
            (issue,) = await listed(github)
            assert issue.state == state
            assert f">{shown}</span>" in (await http.get(path)).text

    @pytest.mark.parametrize(
        "origin", ["", "null", "https://evil.example", "http://127.0.0.1", "http://localhost:1"]
    )
    async def test_another_page_cannot_do_it(
        self, stand_in: StandIn, http: Client, github: GitHub, origin: str
    ) -> None:
        stand_in.tracker.open(OURS, "you", "a", "")
        for path, fields in (
            (f"/{OURS}/issues/new", {"title": "b", "body": ""}),
            (f"/{OURS}/issues/1", {"do": "completed"}),
        ):
            assert (await submit(http, path, origin=origin, **fields)).status_code == 403
        response = await http.post(f"/repos/{OURS}/issues", json={"title": "b"})
        assert response.status_code == 401
        (issue,) = await listed(github)
        assert issue.state == "open"

    @pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", ""])
    async def test_another_name_is_not_answered(self, http: Client, host: str) -> None:
        for path in ("/", f"/{OURS}/issues", f"/repos/{OURS}/issues", "/-/style.css"):
            response = await http.get(path, headers={"Host": host})
            assert response.status_code in {400, 421}

    async def test_no_page_runs_or_loads_anything(self, stand_in: StandIn, http: Client) -> None:
        stand_in.tracker.open(OURS, "you", "a", "")
        paths = (f"/{OURS}/issues", f"/{OURS}/issues/1", f"/{OURS}/issues/new", "/missing")
        for path in (*paths, f"/{OURS}/issues/2", f"/repos/{OURS}/issues/9"):
            response = await http.get(path)
            policy = response.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; style-src 'self'; form-action 'self'")
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "<script" not in response.text
        style = await http.get("/-/style.css")
        assert style.headers["Content-Type"].startswith("text/css")
        assert "url(" not in style.text

    async def test_hostile_text_is_shown_as_text(self, stand_in: StandIn, http: Client) -> None:
        for text in HOSTILE:
            issue = stand_in.tracker.open(OURS, text, f"{text} x", text, [text])
            stand_in.tracker.comment(issue, text, f"{text} x")
            for path in (f"/{OURS}/issues", f"/{OURS}/issues/{issue.number}"):
                page = (await http.get(path)).text
                assert Tags.of(page) <= OWN_TAGS
                assert Tags.attributes(page) <= OWN_ATTRIBUTES


HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](https://evil.example/x.png)",
    "[x](javascript:alert(1)) [y](data:text/html,x) [z](vbscript:x)",
    "<a href='javascript:alert(1)'>x</a><details open ontoggle=alert(1)>",
    '"><style>*{display:none}</style><form action=https://evil.example>',
    "<!-- a --><iframe src=x><!--> <b>--><object>",
    "<details><summary><script>alert(1)</script></summary></details></details></div></article>",
    "</textarea><script>alert(1)</script>",
    "&lt;script&gt; &#60;script&#62;",
    "```<script>\n<script>\n```",
    "| <b> | x |\n|---|---|\n| <script> | y |",
    '<https://x.example/"onmouseover=alert(1)>',
    '[x]: https://x.example "title" onclick="alert(1)"\n\n[x]',
    "<?php x ?> <!DOCTYPE x> <![CDATA[x]]>",
)
MARKDOWN_TAGS = {
    "a",
    "b",
    "blockquote",
    "br",
    "code",
    "del",
    "details",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "strong",
    "summary",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
}
OWN_TAGS = MARKDOWN_TAGS | {
    "article",
    "body",
    "button",
    "div",
    "form",
    "h1",
    "h2",
    "head",
    "header",
    "html",
    "input",
    "label",
    "link",
    "main",
    "meta",
    "span",
    "textarea",
    "time",
    "title",
}
OWN_ATTRIBUTES = {
    "action",
    "charset",
    "class",
    "content",
    "datetime",
    "for",
    "href",
    "id",
    "lang",
    "maxlength",
    "method",
    "name",
    "rel",
    "required",
    "role",
    "style",
    "title",
    "value",
}


class Tags(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))

    @classmethod
    def of(cls, page: str) -> set[str]:
        return {tag for tag, _ in cls.parsed(page).found}

    @classmethod
    def attributes(cls, page: str) -> set[str]:
        return {name for _, attrs in cls.parsed(page).found for name, _ in attrs}

    @classmethod
    def parsed(cls, page: str) -> "Tags":
        parser = cls()
        parser.feed(page)
        parser.close()
        return parser


class Fields(HTMLParser):
    """What stands in the fields of a form, as a browser would send it."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input":
            self.values[given["name"] or ""] = given["value"] or ""
        elif tag == "textarea":
            self._inside = given["name"] or ""
            self.values[self._inside] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            # The line break after the tag is not part of the text.
            self.values[self._inside] = self.values[self._inside].removeprefix("\n")
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.values[self._inside] += data

    @classmethod
    def of(cls, page: str) -> dict[str, str]:
        parser = cls()
        parser.feed(page)
        parser.close()
        return parser.values


MARKUP = st.sampled_from(
    [
        "<",
        ">",
        "</",
        "details",
        "summary",
        "script",
        "<!--",
        "-->",
        '"',
        "'",
        "=",
        "on",
        " ",
        "\n",
        "`",
        "```",
        "[",
        "](",
        ")",
        "javascript:",
        "&#60;",
        "&lt;",
        "|",
        "---",
        "<br>",
        "x",
        "\0",
    ]
)


@given(st.lists(MARKUP, max_size=30).map("".join) | st.text())
def test_no_text_brings_tags_or_attributes_of_its_own(text: str) -> None:
    parsed = Tags.parsed(render(text))
    for tag, attributes in parsed.found:
        assert tag in MARKDOWN_TAGS
        for name, value in attributes:
            assert (tag, name) in {("a", "href"), ("a", "title"), ("a", "rel"), ("ol", "start")} | {
                ("code", "class"),
                ("th", "style"),
                ("td", "style"),
            }
            assert name != "href" or not re.match(
                r"(?i)(?:javascript|vbscript|data|file):", value or ""
            )


def test_markdown_is_shown_as_on_github() -> None:
    shown = render(
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n<details><summary>Log</summary>\n\n"
        "```text\n<x>\n```\n\n</details>\n\nBye <!-- hidden --> now.\n\n<!-- ftbot:report=1 -->\n"
    )
    assert "<td>1</td>" in shown
    assert "<details><summary>Log</summary>" in shown
    assert "&lt;x&gt;" in shown
    assert "</details>" in shown
    assert "hidden" not in shown
    assert "ftbot:report" not in shown


def test_the_tracker_counts_and_remembers() -> None:
    now = 1_795_000_000.75
    tracker = Tracker(clock=lambda: now)
    heard: list[str] = []
    tracker.listeners.append(lambda action, *_: heard.append(action))
    first = tracker.open("A/b", "you", "  two\n words ", "", ["x", "x"])
    assert (first.number, first.title, first.labels) == (1, "two words", ["x"])
    assert tracker.issue("a/B", 1) is first
    assert first.created.timestamp() == 1_795_000_000
    now += 60
    tracker.reopen(first, "you")
    tracker.label(first, ["x"], "you")
    assert first.updated == first.created  # nothing changed
    tracker.close(first, "completed", "you")
    tracker.close(first, "not_planned", "you")
    assert (first.reason, first.updated > first.created) == ("completed", True)
    assert heard == ["opened", "closed"]
    for number in (0, 2, -1):
        with pytest.raises(KeyError):
            tracker.issue("a/b", number)
    with pytest.raises(UserError, match="title is too long"):
        tracker.open("a/b", "you", "x" * 257, "")
