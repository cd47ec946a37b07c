"""One request to GitHub's REST API: gidgethub's protocol over ftbot's own HTTP client.

gidgethub fills in addresses, makes headers and bodies, and finds the next page. What an answer
means is judged here, because GitHub's limits come in more ways than gidgethub tells apart, and
because a write that failed half-way must never pass for one that had no effect.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import httpx
import stamina
from gidgethub.abc import GitHubAPI

from bot.github import wire
from bot.github.errors import (
    Forbidden,
    GitHubError,
    Invalid,
    Missing,
    Removed,
    Unauthorised,
    Unclear,
    Unreachable,
)
from bot.github.limits import Limits
from bot.http import (
    DEADLINE_SECONDS,
    DOCUMENT_THREADS,
    MEBIBYTE,
    REDIRECTS,
    REDIRECTS_AT_MOST,
    Client,
    FetchError,
    Response,
    redirect_target,
    send,
    user_agent,
)
from bot.language import phrase, together

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

VERSION: Final = "2022-11-28"
"""Of the API; also GitHub Enterprise Server knows it."""
ACCEPT: Final = "application/vnd.github+json"
PAGE_LIMIT: Final = 48 * MEBIBYTE
"""For 100 issues with bodies of 65,536 characters each, of which JSON may make six bytes."""

_ATTEMPT_SECONDS = 15.0
_LONGEST_LINK = 4_096
_LONGEST_WORD = 200
_LONG = 65_536
"""Bytes from which on a document is decoded in a thread."""
_READING = stamina.AsyncRetryingCaller(
    attempts=3, timeout=DEADLINE_SECONDS, wait_initial=0.25, wait_max=2, wait_jitter=0.5
)


@dataclass(frozen=True, slots=True)
class Key:
    """What a request is authorised by: a token, an App's JWT, or nothing.

    `scope` names whose limits it is counted by. One that is `renewable` was bought with a JWT.
    """

    scope: str = "anonymous"
    token: str | None = None
    jwt: str | None = None
    renewable: bool = False


ANONYMOUS: Final = Key()


@dataclass(frozen=True, slots=True)
class Answer:
    """A success, or a 304. `following` is the address of the next page."""

    response: Response
    following: str | None
    written: bool

    async def read(self, shape: type[T]) -> T:
        """Decode the document. Raises `Unclear` or `Unreachable` if it is none of that shape."""
        return await self._decoded(wire.decode, shape)

    async def read_list(self, shape: type[T]) -> list[T]:
        """Decode a list of such documents. Raises as `read` does."""
        return await self._decoded(wire.decode_list, shape)

    async def _decoded(self, decode: Callable[[bytes, type[T]], R], shape: type[T]) -> R:
        body = self.response.body
        try:
            if len(body) < _LONG:
                return decode(body, shape)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(DOCUMENT_THREADS, decode, body, shape)
        except wire.MALFORMED as error:
            log.warning("GitHub sent what cannot be read: %s", error)
            raise _unusable(_UNREADABLE, written=self.written) from error


class Api:
    """Makes requests, through a client whose base address is the API's.

    Reads are tried up to three times, writes once. `clock` gives UTC seconds (Unix).
    """

    def __init__(self, http: Client, clock: Callable[[], float]) -> None:
        self._http = http
        self.limits = Limits(clock)

    async def call(
        self,
        method: str,
        address: str,
        variables: Mapping[str, Any] | None = None,
        *,
        key: Key = ANONYMOUS,
        data: object = None,
        etag: str | None = None,
        harmless: bool = False,
    ) -> Answer:
        """Ask for an address: a template (RFC 6570) with its `variables`, or a whole one.

        Redirects are followed on the API's own origin alone, for they carry the credentials along.
        A `harmless` write may be repeated like a read. Raises subclasses of `GitHubError`.
        """
        resource = "search" if address.startswith("/search/") else "core"
        scope, written = f"{key.scope} {resource}", method != "GET" and not harmless
        exchange = _Exchange(self._http, self.limits, scope, written=written)
        headers = {"X-GitHub-Api-Version": VERSION}
        if etag:
            headers["If-None-Match"] = etag
        following = await exchange.ask(method, address, variables, data, key=key, headers=headers)
        return Answer(exchange.answer, following and _usable(following), written)


class _Exchange(GitHubAPI):
    """One request as gidgethub makes it. `answer` is what came of it, a success or a 304.

    `scope` is whose limits it is counted by; what is `written` is sent once.
    """

    answer: Response

    def __init__(self, http: Client, limits: Limits, scope: str, *, written: bool) -> None:
        super().__init__(user_agent(), base_url=str(http.base_url))
        self._http = http
        self._limits = limits
        self._scope = scope
        self._written = written

    async def ask(
        self,
        method: str,
        address: str,
        variables: Mapping[str, Any] | None,
        data: object,
        *,
        key: Key,
        headers: dict[str, str],
    ) -> str | None:
        """Make the request; gives the address of the next page."""
        body = b"" if data is None else data
        _, following, _ = await self._make_request(
            method, address, variables, body, ACCEPT, key.jwt, key.token, extra_headers=headers
        )
        return following

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        own = {name: value for name, value in headers.items() if name != "content-length"}
        self.answer = await self._followed(method, url, own, body)
        # gidgethub would build dicts of the body on the event loop; only the next page is asked of
        # it, in a header that is short enough for its search.
        link = self.answer.headers.get("Link", "")
        return 200, {"link": link} if len(link) <= _LONGEST_LINK else {}, b""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _followed(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        for _ in range(1 + REDIRECTS_AT_MOST):
            self._require_own(address)
            self._limits.require(self._scope)
            once = partial(self._once, method, address, headers, body)
            response = await (once() if self._written else _READING(_passes, once))
            self._limits.heed(self._scope, response)
            # A redirect says that nothing was done here, so a write may go on as well.
            if response.status not in REDIRECTS:
                if response.status == 304 and "If-None-Match" in headers:
                    return response
                return _success(response, written=self._written)
            address = _moved_to(response)
        raise Unreachable(phrase("GitHub redirects in a circle."), _LATER)

    async def _once(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        try:
            response = await send(
                self._http,
                method,
                address,
                headers=headers,
                content=body,
                limit_bytes=PAGE_LIMIT,
                deadline_seconds=_ATTEMPT_SECONDS,
            )
        except FetchError as error:
            kind = Unclear if self._written and not error.unsent else Unreachable
            raise kind(error.text, error.hint) from error
        if response.status >= 500 or response.status == 408:
            raise _unusable(_answered(response.status), written=self._written)
        return response

    def _require_own(self, address: str) -> None:
        """Refuse to take credentials to any place that a redirect or a next page may name."""
        base, target = self._http.base_url, httpx.URL(address)
        if _origin(target) != _origin(base) or not target.path.startswith(base.path):
            raise Missing(
                phrase("GitHub says that this has moved to where ftbot does not follow."),
                phrase("Use the address that it has now."),
            )


def _passes(error: Exception) -> bool:
    cause = error.__cause__
    lasts = isinstance(cause, FetchError) and not cause.passing
    return isinstance(error, Unreachable) and not lasts


def _usable(address: str) -> str | None:
    try:
        return str(httpx.URL(address)).replace("{", "%7B")  # which would begin a template
    except (httpx.InvalidURL, ValueError):
        return None


def _moved_to(response: Response) -> str:
    try:
        return str(redirect_target(response))
    except FetchError as error:
        raise Unreachable(error.text, error.hint) from error


def _success(response: Response, *, written: bool) -> Response:
    """Give a success back. Raises what any other answer means."""
    status = response.status
    if 200 <= status < 300:
        return response
    if status < 400:
        raise _unusable(_answered(status), written=written)
    said = _said(response)
    needed = response.headers.get("X-Accepted-GitHub-Permissions", "")
    if status in {403, 404}:  # a 404 is also what stays of issues that were moved away
        level, path = logging.INFO if status == 404 else logging.WARNING, response.url.path
        log.log(
            level, "GitHub answered %d for %s: %s Needed: %s", status, path, said, needed or "?"
        )
    match status:
        case 401:
            raise Unauthorised(phrase("GitHub does not accept ftbot's credentials."), _CHECK)
        case 403:
            raise Forbidden(phrase("GitHub does not allow this: {said}", said=said), _PERMISSIONS)
        case 404 | 451:
            raise Missing(
                phrase("GitHub has no such thing, or ftbot may not see it."), _PERMISSIONS
            )
        case 410:
            raise Removed(phrase("GitHub says that it is gone: {said}", said=said))
    raise Invalid(phrase("GitHub does not take it: {said}", said=said))


_CHECK = phrase(
    "Check FTBOT_GITHUB_TOKEN, or FTBOT_GITHUB_APP_ID, FTBOT_GITHUB_APP_KEY_FILE and the clock."
)
_PERMISSIONS = phrase(
    "ftbot's credentials need the permission Issues: read and write in the repository."
)
_LATER = phrase("Try again in a few minutes.")


def _said(response: Response) -> str:
    """Give GitHub's own words for a refusal, in one short sentence."""
    try:
        refusal = wire.decode(response.body[:_LONG], wire.Refusal)
    except wire.MALFORMED:
        return f"status {response.status}."
    words = [refusal.message or f"status {response.status}"]
    for error in refusal.errors if isinstance(refusal.errors, list) else ():
        if isinstance(error, str):
            words.append(error)
        elif isinstance(error, dict):
            told = error.get("message") or f"{error.get('field')} {error.get('code')}"
            words.append(str(told))
    text = " ".join("; ".join(words).split())[:_LONGEST_WORD]
    return text if text.endswith(".") else f"{text}."


_UNREADABLE = phrase("GitHub sent something that cannot be read.")


def _answered(status: int) -> str:
    return phrase("GitHub answered with status {status}.", status=status)


def _unusable(what: str, *, written: bool) -> GitHubError:
    if written:
        unclear = phrase("So it is not known whether it did what it was asked for.")
        return Unclear(together(what, unclear), phrase("ftbot looks whether it did."))
    return Unreachable(what, _LATER)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
