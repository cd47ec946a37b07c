"""The stand-in's server: GitHub's API as far as ftbot uses it, and pages for people.

Both are on one loopback address, since GitHub's pages are where its API's answers lead. Pages
change something only when asked from a page of their own, and nothing answers under another host
name, so that no web page elsewhere can play along.
"""

import asyncio
import hashlib
import hmac
import json
import re
import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from importlib import resources
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web

from bot.errors import UserError
from bot.http import Client, FetchError, http_client, send
from bot.sandbox.github import pages, wire
from bot.sandbox.github.examples import fill
from bot.sandbox.github.tracker import FTBOT, MAINTAINER, YOU, Comment, Issue, Tracker

LABELS: Final = ("bug", "enhancement", "documentation", "performance", "free-threading")

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_MOST_PER_PAGE = 100
_NAME = re.compile(r"[A-Za-z0-9-]{1,100}/[A-Za-z0-9._-]{1,100}")


class StandIn:
    """What runs: `url` is the base of API and pages, `token` what the API takes from ftbot.

    `page` is where people see the issues; `tracker` has the issues themselves.
    """

    def __init__(self, url: str, repository: str, tracker: Tracker, hooks: "Webhooks") -> None:
        self.url = url
        self.token = hooks.token
        self.repository = repository
        self.page = f"{url}/{repository}/issues"
        self.tracker = tracker
        self._hooks = hooks

    def call(self, address: str, secret: str) -> None:
        """Send a webhook to an address for every change from now on, signed with the secret."""
        self._hooks.call(address, secret)


@asynccontextmanager
async def serve_github(
    repository: str, labels: Sequence[str] = LABELS, *, examples: bool = True
) -> AsyncIterator[StandIn]:
    """Serve a made-up GitHub, in which `repository` is ours and has these labels.

    Other repositories exist too, empty, and as somebody else's. With `examples`, ours has a few
    issues from the start.
    """
    tracker = Tracker()
    if examples:
        fill(tracker, repository)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(http_client())
        hooks = Webhooks(client)
        stack.push_async_callback(hooks.close)
        application = web.Application(middlewares=[_guarded])
        application.on_response_prepare.append(_harden)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        _Api(tracker, hooks.token, repository, labels).add_to(application)
        _Pages(tracker).add_to(application)
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        hooks.base = f"http://{host}:{port}"
        tracker.listeners.append(hooks.tell)
        yield StandIn(hooks.base, repository, tracker, hooks)


class Webhooks:
    """Tells of changes as GitHub does: once each, in their order, and whether or not it arrives."""

    def __init__(self, client: Client) -> None:
        self.base = ""
        self.token = f"ghp_{secrets.token_hex(18)}"
        self._client = client
        self._queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._work: asyncio.Task[None] | None = None

    def call(self, address: str, secret: str) -> None:
        if self._work:
            self._work.cancel()
        self._work = asyncio.create_task(self._carry(address, secret))

    def tell(self, action: str, issue: Issue, comment: Comment | None, by: str) -> None:
        payload = {
            "action": action,
            "issue": wire.issue_json(issue, self.base),
            "repository": wire.repository_json(issue.repository, ours=True),
            "sender": wire.user_json(by),
        }
        if comment:
            payload["comment"] = wire.comment_json(comment, issue, self.base)
        if self._work:
            self._queue.put_nowait(("issue_comment" if comment else "issues", payload))

    async def close(self) -> None:
        if self._work:
            self._work.cancel()
            with suppress(asyncio.CancelledError):
                await self._work

    async def _carry(self, address: str, secret: str) -> None:
        while True:
            event, payload = await self._queue.get()
            body = json.dumps(payload).encode()
            signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            headers = {
                "Content-Type": "application/json",
                "X-GitHub-Delivery": str(uuid.uuid4()),
                "X-GitHub-Event": event,
                "X-Hub-Signature-256": f"sha256={signature}",
            }
            with suppress(FetchError):  # GitHub does not try again by itself either
                await send(
                    self._client,
                    "POST",
                    address,
                    headers=headers,
                    content=body,
                    limit_bytes=65_536,
                    deadline_seconds=10,
                )


@web.middleware
async def _guarded(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse requests under another host name, which a page elsewhere could point here."""
    host, port = request.get_extra_info("sockname", ("", 0))[:2]
    if request.host not in {f"{host}:{port}", f"localhost:{port}"}:
        raise web.HTTPMisdirectedRequest(text="This address is not known here.\n")
    return await handler(request)


async def _harden(_: web.Request, response: web.StreamResponse) -> None:
    """Let nothing on the pages be run, framed or fetched from elsewhere."""
    response.headers.update(_HEADERS)


def _is_own(request: web.Request) -> bool:
    """Tell whether a page of the stand-in sent this form; every browser says which page did."""
    return request.headers.get("Origin") == f"http://{request.host}"


class _Api:
    """GitHub's REST API; answers have the fields that ftbot reads."""

    def __init__(
        self, tracker: Tracker, token: str, repository: str, labels: Sequence[str]
    ) -> None:
        self._tracker = tracker
        self._authorizations = {f"token {token}", f"bearer {token}"}
        self._ours = repository.lower()
        self._labels = list(labels)

    def add_to(self, application: web.Application) -> None:
        repository = "/repos/{owner}/{name}"
        issue = repository + r"/issues/{number:\d{1,9}}"
        add = application.router.add_route
        add("GET", "/user", self.user)
        add("GET", repository, self.repository)
        add("GET", f"{repository}/labels", self.labels)
        add("GET", f"{repository}/issues", self.issues)
        add("POST", f"{repository}/issues", self.create)
        add("GET", issue, self.issue)
        add("GET", f"{issue}/comments", self.comments)
        add("POST", f"{issue}/labels", self.add_labels)
        add("GET", "/search/issues", self.search)

    async def user(self, request: web.Request) -> web.Response:
        self._require_token(request)
        return _json(request, wire.user_json(FTBOT))

    async def repository(self, request: web.Request) -> web.Response:
        name = _repository(request)
        return _json(request, wire.repository_json(name, ours=self._is_ours(name)))

    async def labels(self, request: web.Request) -> web.Response:
        labels = self._labels if self._is_ours(_repository(request)) else ()
        return _page(request, wire.labels_json(labels))

    async def issues(self, request: web.Request) -> web.Response:
        query = request.query
        since, creator = _since(request), query.get("creator", "").lower()
        state = query.get("state", "open")
        found = [
            issue
            for issue in self._tracker.issues(_repository(request))
            if state in {"all", issue.state}
            and creator in {"", issue.author.lower()}
            and issue.updated >= since
        ]
        by_update = query.get("sort") == "updated"
        found.sort(
            key=lambda issue: (issue.updated if by_update else issue.created, issue.number),
            reverse=query.get("direction", "desc") == "desc",
        )
        return _page(request, [wire.issue_json(issue, _base(request)) for issue in found])

    async def create(self, request: web.Request) -> web.Response:
        self._require_token(request)
        sent, name = await _document(request, _NewIssue), _repository(request)
        labels = sent.labels if self._is_ours(name) else ()
        try:
            issue = self._tracker.open(name, FTBOT, sent.title, sent.body or "", labels)
        except UserError as error:
            raise _refusal(web.HTTPUnprocessableEntity, error.text) from error
        return _json(request, wire.issue_json(issue, _base(request)), 201)

    async def issue(self, request: web.Request) -> web.Response:
        return _json(request, wire.issue_json(self._known(request), _base(request)))

    async def comments(self, request: web.Request) -> web.Response:
        issue, since = self._known(request), _since(request)
        found = (comment for comment in issue.comments if comment.created >= since)
        return _page(request, [wire.comment_json(it, issue, _base(request)) for it in found])

    async def add_labels(self, request: web.Request) -> web.Response:
        self._require_token(request)
        issue, sent = self._known(request), await _document(request, _Labels)
        if not self._is_ours(_repository(request)):
            raise _refusal(web.HTTPForbidden, "Must have push access.")
        self._tracker.label(issue, sent.labels, FTBOT)
        return _json(request, wire.labels_json(issue.labels))

    async def search(self, request: web.Request) -> web.Response:
        """Find issues that hold every word; of the qualifiers, `repo:` has a meaning."""
        words = request.query.get("q", "").lower().split()
        texts = [word for word in words if ":" not in word]
        named = {word.removeprefix("repo:") for word in words if word.startswith("repo:")}
        found = [
            issue
            for issue in self._tracker.everything()
            if named <= {issue.repository.lower()}
            and all(word in f"{issue.title}\n{issue.body}".lower() for word in texts)
        ]
        items = [wire.issue_json(issue, _base(request)) for issue in found[:_MOST_PER_PAGE]]
        return _json(request, {"total_count": len(found), "items": items})

    def _known(self, request: web.Request) -> Issue:
        try:
            number = int(request.match_info["number"])
            return self._tracker.issue(_repository(request), number)
        except KeyError:
            raise _refusal(web.HTTPNotFound, "Not Found") from None

    def _is_ours(self, repository: str) -> bool:
        return repository.lower() == self._ours

    def _require_token(self, request: web.Request) -> None:
        if request.headers.get("Authorization") not in self._authorizations:
            raise _refusal(web.HTTPUnauthorized, "Requires authentication")


class _Pages:
    """What people see and do."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._style = resources.files(__package__).joinpath("style.css").read_text("utf-8")

    def add_to(self, application: web.Application) -> None:
        issues = "/{owner}/{name}/issues"
        issue = issues + r"/{number:\d{1,9}}"
        add = application.router.add_route
        add("GET", pages.STYLE, self.style)
        add("GET", issues, self.listing)
        add("GET", f"{issues}/new", self.form)
        add("POST", f"{issues}/new", self.open)
        add("GET", issue, self.issue)
        add("POST", issue, self.change)

    async def style(self, _: web.Request) -> web.Response:
        return web.Response(text=self._style, content_type="text/css")

    async def listing(self, request: web.Request) -> web.Response:
        name = _repository(request)
        return _html(pages.listing(name, self._tracker.issues(name)))

    async def form(self, request: web.Request) -> web.Response:
        query = request.query
        return _html(
            pages.form(_repository(request), query.get("title", ""), query.get("body", ""))
        )

    async def open(self, request: web.Request) -> web.Response:
        fields = await _fields(request)
        name, title, body = _repository(request), fields.get("title", ""), fields.get("body", "")
        try:
            issue = self._tracker.open(name, YOU, title, body)
        except UserError as error:
            return _html(pages.form(name, title, body, str(error)), 422)
        raise web.HTTPSeeOther(f"/{issue.repository}/issues/{issue.number}")

    async def issue(self, request: web.Request) -> web.Response:
        # Rendering long Markdown takes a while, and the bot shares this event loop.
        return _html(await asyncio.to_thread(pages.issue, self._known(request)))

    async def change(self, request: web.Request) -> web.Response:
        fields, issue = await _fields(request), self._known(request)
        wanted, body = fields.get("do", ""), fields.get("body", "")
        try:
            if body.strip() or wanted == "comment":
                self._tracker.comment(issue, MAINTAINER, body)
        except UserError as error:
            return _html(pages.message("This cannot be sent", str(error)), 422)
        if wanted in {"completed", "not_planned"}:
            self._tracker.close(issue, wanted, MAINTAINER)
        elif wanted == "reopened":
            self._tracker.reopen(issue, MAINTAINER)
        raise web.HTTPSeeOther(f"/{issue.repository}/issues/{issue.number}")

    def _known(self, request: web.Request) -> Issue:
        try:
            number = int(request.match_info["number"])
            return self._tracker.issue(_repository(request), number)
        except KeyError:
            page = pages.message("There is no such issue", "It may be from an earlier sandbox.")
            raise web.HTTPNotFound(text=page, content_type="text/html") from None


async def _fields(request: web.Request) -> dict[str, str]:
    """Read a form. Refuses those that another page made."""
    if not _is_own(request):
        raise web.HTTPForbidden(text="Only pages of this address may do that.\n")
    sent = await request.post()
    # Browsers send the line breaks of a text area as CRLF.
    return {
        name: value.replace("\r\n", "\n") for name, value in sent.items() if isinstance(value, str)
    }


class _Labels(msgspec.Struct):
    """What adds labels."""

    labels: list[str] = []


class _NewIssue(_Labels):
    """What opens an issue."""

    title: str = ""
    body: str | None = None


T = TypeVar("T")


async def _document(request: web.Request, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read(), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _refusal(web.HTTPBadRequest, "Problems parsing JSON") from None


def _repository(request: web.Request) -> str:
    name = f"{request.match_info['owner']}/{request.match_info['name']}"
    if not _NAME.fullmatch(name):
        raise web.HTTPNotFound
    return name


def _base(request: web.Request) -> str:
    return f"http://{request.host}"


def _since(request: web.Request) -> datetime:
    try:
        moment = datetime.fromisoformat(request.query.get("since", "1970-01-01T00:00:00Z"))
    except ValueError:
        raise _refusal(web.HTTPUnprocessableEntity, "since is no time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _page(request: web.Request, items: Sequence[dict[str, Any]]) -> web.Response:
    """Give the page asked for, and where the next one is."""
    size = min(_number(request, "per_page", 30), _MOST_PER_PAGE)
    number = _number(request, "page", 1)
    response = _json(request, items[(number - 1) * size : number * size])
    if number * size < len(items):
        following = request.url.update_query(page=number + 1)
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isdecimal() and 0 < len(text) < 7 and int(text) else default


def _json(request: web.Request, document: object, status: int = 200) -> web.Response:
    body = json.dumps(document).encode()
    etag = hashlib.sha256(body).hexdigest()[:32]
    if request.method == "GET" and any(it.value == etag for it in request.if_none_match or ()):
        return web.Response(status=304, headers={"ETag": f'W/"{etag}"'})
    headers = {"ETag": f'W/"{etag}"'} if request.method == "GET" else {}
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def _refusal(kind: type[web.HTTPError], text: str) -> web.HTTPError:
    """Make an answer that is no success, as GitHub words it."""
    return kind(text=json.dumps({"message": text}), content_type="application/json")


def _html(page: str, status: int = 200) -> web.Response:
    return web.Response(text=page, status=status, content_type="text/html")
