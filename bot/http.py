"""The only place where ftbot builds HTTP clients, and the only way in which it downloads.

`fetch` asks for one document with GET, `query` asks a question with POST that changes nothing, so
that asking again is always safe. `send` makes one request that may change something, and never
repeats it. They bound what a server can cost us (bytes, seconds, attempts) and turn every failure
into a `FetchError`, whose sentence names the host alone: never a whole address, which may hold a
password or a token.
"""

import asyncio
import email.utils
import importlib.metadata
import importlib.util
import io
import re
import sys
import zlib
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final, TypeAlias, TypeVar

import stamina

from bot.errors import ServiceError, SettingsError
from bot.language import phrase

# What is None there cannot be imported, and is not looked for.
# httpx would load rich and pygments for a command of its own: 60 ms and 6 MB at every start.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # as import documents it
# httpcore asks at each lock whether trio runs. Without sniffio, which anyio has given up, Python
# would look through all folders for it each time: a fifth of what a request costs, in the loop.
if importlib.util.find_spec("sniffio") is None:
    sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type] # as above
import httpx  # noqa: E402 - see above

# The ban holds everywhere else: other modules take a `Client` that was built here.
Client: TypeAlias = httpx.AsyncClient  # noqa: TID251 - this is the one place

Sink: TypeAlias = Callable[[bytes], Awaitable[None]]
"""Takes the pieces of a body as they come."""
Result = TypeVar("Result")

MEBIBYTE = 1024 * 1024
DOCUMENT_LIMIT = 16 * MEBIBYTE
"""For documents of a few MB at most: download ranks, the tracking table, the guide's index."""

DEADLINE_SECONDS = 30.0
"""A person waits for most answers, and sees an old one if a new one takes longer."""

DOCUMENT_THREADS: Final = ThreadPoolExecutor(
    1 if getattr(sys, "_is_gil_enabled", lambda: True)() else 2, "documents"
)
"""Where documents are decompressed and read: as many threads as can work at once.

With a GIL that is one: several would vie for it, and the event loop would wait for each of them.
"""

LONGEST_PAUSE = 10.0
"""A Retry-After of more seconds is not waited for while somebody waits for us."""

REDIRECTS = frozenset({301, 302, 307, 308})
REDIRECTS_AT_MOST = 3

_TIMEOUT = httpx.Timeout(10, connect=5, pool=None)  # the deadline bounds the wait for a connection
_NO_COOKIES = DefaultCookiePolicy(allowed_domains=())
_LOOPBACK = ("all://localhost", "all://127.0.0.1", "all://[::1]")
_RETRY = stamina.AsyncRetryingCaller(
    attempts=3, timeout=None, wait_initial=0.25, wait_max=2, wait_jitter=0.5
)
_INPUT_SLICE = 65536
_DRAINED = 16_384
"""Bytes of an unwanted body that are read all the same."""
_PIECE = 262_144
"""Bytes of a body that are handed over at once."""
_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,250}"')  # RFC 9110, 8.8.3, ASCII only
_UNPRINTABLE = re.compile(r"[^\x21-\x27\x2a-\x7e]")


class FetchError(ServiceError):
    """A request without a usable answer.

    `passing` says that the same request may well succeed soon. `retry_after` is for how many
    seconds the service asked to be left alone (RFC 9110, 10.2.3), None if it did not say.
    `unsent` says that the request did not reach the service, so that it surely changed nothing.
    """

    def __init__(
        self,
        text: str,
        hint: str = "",
        *,
        passing: bool = False,
        retry_after: float | None = None,
        unsent: bool = False,
    ) -> None:
        super().__init__(text, hint or ("Try again in a few minutes." if passing else ""))
        self.passing = passing
        self.retry_after = retry_after
        self.unsent = unsent


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. `body` is decompressed; `fetch` and `query` read it only if the status is 200."""

    url: httpx.URL
    status: int
    headers: httpx.Headers
    body: bytes = b""

    @property
    def etag(self) -> str | None:
        """The entity tag to send next time, None if there is none that could be sent."""
        tag = self.headers.get("ETag", "")
        return tag if _ENTITY_TAG.fullmatch(tag) else None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document as it is now. `serial` is the package index's; other services have none."""

    body: bytes
    etag: str | None
    serial: int | None = None


@dataclass(frozen=True, slots=True)
class NotModified:
    """The document is still the one whose entity tag was sent. `serial` as in `Fetched`."""

    serial: int | None = None


def user_agent(contact: str = "") -> str:
    """Name the program and where to complain about it: `ftbot/1.0 (+contact)`."""
    try:
        version = importlib.metadata.version("ftbot")
    except importlib.metadata.PackageNotFoundError:  # run from a folder that was not installed
        version = "0"
    contact = _UNPRINTABLE.sub("", contact)
    return f"ftbot/{version} (+{contact})" if contact else f"ftbot/{version}"


def http_client(
    base_url: str = "",
    *,
    contact: str = "",
    connections: int = 10,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Client:
    """Build the client of one service, to be closed after use, as by `async with`.

    `connections` is how many requests run at once; more of them wait for their turn, which is the
    politeness that services ask for. The proxy and certificate variables that all programs know
    (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE) are obeyed, for some operators have no other way out,
    but loopback addresses are never asked through a proxy. Cookies are not kept.

    Raises `SettingsError` if those variables are unusable.
    """
    base = httpx.URL(base_url)
    # Credentials go into a header at once: addresses end up in logs.
    auth = httpx.BasicAuth(base.username, base.password) if base.userinfo else None
    try:
        return Client(
            auth=auth,
            base_url=base.copy_with(userinfo=b""),
            cookies=CookieJar(_NO_COOKIES),
            headers={"User-Agent": user_agent(contact), "Accept-Encoding": "gzip"},
            limits=httpx.Limits(max_connections=connections),
            mounts=None if transport else dict.fromkeys(_LOOPBACK),
            timeout=_TIMEOUT,
            transport=transport,
        )
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:  # no SOCKS, no such file
        raise SettingsError(
            "The proxy or the certificates that the environment names cannot be used.",
            "Check HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
            " (a SOCKS proxy is not supported).",
        ) from error


async def fetch(
    client: Client,
    path: str,
    *,
    limit_bytes: int,
    deadline_seconds: float = DEADLINE_SECONDS,
    etag: str | None = None,
    media_type: str | None = None,
) -> Response:
    """GET a path below the client's base (or a whole address), with up to three attempts.

    `limit_bytes` is for the body, before and after decompression; `deadline_seconds` is for all
    attempts together, pauses and the wait for a free connection included. With `etag` the answer
    may be a 304. With `media_type`, no other one is asked for or accepted.

    Raises `FetchError` if there was no answer, or one with status 429 or 5xx, or too large,
    truncated, or of another media type. Every other status is for the caller to judge.
    """
    headers = {}
    if media_type:
        headers["Accept"] = media_type
    if etag and _ENTITY_TAG.fullmatch(etag):
        headers["If-None-Match"] = etag
    request = _request(client, "GET", path, headers)
    return await _answer(client, request, limit_bytes, deadline_seconds, media_type)


async def query(
    client: Client,
    path: str,
    question: bytes,
    *,
    content_type: str,
    limit_bytes: int,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> Response:
    """POST a question that changes nothing, such as an XML-RPC call that only reads.

    So it may be asked again as safely as by GET: limits, attempts and errors are those of `fetch`.
    """
    request = _request(client, "POST", path, {"Content-Type": content_type}, question)
    return await _answer(client, request, limit_bytes, deadline_seconds, media_type=None)


async def send(
    client: Client,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str],
    content: bytes = b"",
    limit_bytes: int,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> Response:
    """Make one request below the client's base (or to a whole address), which may change something.

    There is one attempt, and the answer is given with its body whatever its status. Limits are
    those of `fetch`. Raises `FetchError` if there was no whole answer: unless it says `unsent`,
    the request may have taken effect all the same.
    """
    request = _request(client, method, path, headers, content or None)
    try:
        async with asyncio.timeout(deadline_seconds):
            return await _attempt(client, request, partial(_read_any, limit=limit_bytes))
    except TimeoutError as error:
        raise _late(request, deadline_seconds) from error


async def download(
    client: Client,
    url: str,
    *,
    headers: Mapping[str, str],
    accept: Callable[[Response], Sink],
    deadline_seconds: float,
) -> Response:
    """GET a file, or a part of it, without holding its body in memory; once.

    `accept` sees the head of an answer of status 200 or 206 and says what takes the body, which is
    never compressed on the way. Answers of other statuses are returned without their body.

    Raises `FetchError` as `fetch` does, for 429 and 5xx too, and what `accept` and the sink raise.
    """
    request = _request(client, "GET", url, {**headers, "Accept-Encoding": "identity"})
    try:
        async with asyncio.timeout(deadline_seconds):
            return await _attempt(client, request, partial(_hand_over, accept=accept))
    except TimeoutError as error:
        raise _late(request, deadline_seconds) from error


async def persistent(attempt: Callable[[], Awaitable[Result]]) -> Result:
    """Make up to three attempts while they fail in passing, with the pauses of `fetch`."""
    return await _RETRY(_pause, attempt)


async def fetch_document(
    client: Client, url: str, *, etag: str | None = None, limit_bytes: int = DOCUMENT_LIMIT
) -> Fetched | NotModified:
    """GET a public document, wherever it has moved to. `client` has no credentials.

    Raises `FetchError`.
    """
    response = await fetch(client, url, limit_bytes=limit_bytes, etag=etag)
    for _ in range(REDIRECTS_AT_MOST):
        if response.status in REDIRECTS:
            url = str(_moved_to(response))
            response = await fetch(client, url, limit_bytes=limit_bytes, etag=etag)
    if response.status == 304:
        return NotModified()
    if response.status != 200:
        raise unexpected(response)
    return Fetched(response.body, response.etag)


def redirect_target(response: Response) -> httpx.URL:
    """Where a redirect leads. Raises `FetchError` if it does not say."""
    if location := response.headers.get("Location"):
        return response.url.join(location)  # httpx has refused what is no address
    raise FetchError(phrase("{host} redirects to nowhere.", host=_host(response)))


def unexpected(response: Response) -> FetchError:
    """Make the error for an answer whose status nobody expects."""
    if response.status in REDIRECTS:
        return FetchError(
            phrase("{host} answered with a redirect instead of a document.", host=_host(response))
        )
    return FetchError(_status(_host(response), response.status))


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, seconds or an HTTP date (RFC 9110, 10.2.3), as seconds from now.

    Gives 0 for a date in the past, and None for what is neither.
    """
    value = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - now).total_seconds())


def _request(
    client: Client,
    method: str,
    path: str,
    headers: Mapping[str, str],
    content: bytes | None = None,
) -> httpx.Request:
    try:
        return client.build_request(method, path, headers=headers, content=content)
    except httpx.InvalidURL as error:
        raise FetchError(
            phrase("An address to download from is malformed."), unsent=True
        ) from error


async def _answer(
    client: Client,
    request: httpx.Request,
    limit_bytes: int,
    deadline_seconds: float,
    media_type: str | None,
) -> Response:
    read = partial(_read, limit=limit_bytes, media_type=media_type)
    try:
        async with asyncio.timeout(deadline_seconds):
            return await _RETRY(_pause, _attempt, client, request, read)
    except TimeoutError as error:
        raise _late(request, deadline_seconds) from error


def _late(request: httpx.Request, deadline_seconds: float) -> FetchError:
    text = phrase(
        "{host} did not answer within {seconds} seconds.",
        host=_host(request),
        seconds=f"{deadline_seconds:g}",
    )
    return FetchError(text, passing=True)


def _moved_to(response: Response) -> httpx.URL:
    """Follow a redirect of a public document, but never away from encryption."""
    old, new = response.url, redirect_target(response)
    same_origin = (old.scheme, old.host, old.port) == (new.scheme, new.host, new.port)
    if new.scheme == "https" or same_origin:
        return new
    raise FetchError(
        phrase("{host} redirects to an address that is not encrypted.", host=_host(response))
    )


def _host(message: httpx.Request | Response) -> str:
    """Give host and port, without credentials, and shortened: a redirect may make one up."""
    return message.url.netloc.decode("ascii")[:100]


def _pause(error: Exception) -> bool | float:
    """Decide whether to try again: False, True for the usual pause, or a number of seconds."""
    if not isinstance(error, FetchError) or not error.passing:
        return False
    if error.retry_after is None:
        return True
    return error.retry_after if error.retry_after <= LONGEST_PAUSE else False


async def _attempt(
    client: Client,
    request: httpx.Request,
    read: Callable[[httpx.Response], Awaitable[Response]],
) -> Response:
    try:
        response = await client.send(request, stream=True)
        try:
            return await read(response)
        finally:
            await response.aclose()
    except httpx.LocalProtocolError:
        raise  # a mistake of ours, not the service's
    except httpx.TransportError as error:
        raise _failure(_host(request), error) from error


def _failure(host: str, error: httpx.TransportError) -> FetchError:
    match error:
        case httpx.TimeoutException():
            unsent = isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout)
            text = phrase("{host} did not answer in time.", host=host)
            return FetchError(text, passing=True, unsent=unsent)
        case httpx.ConnectError() if "CERTIFICATE_VERIFY_FAILED" in str(error):
            text = phrase("{host} shows a certificate that is not trusted here.", host=host)
            hint = phrase("Check the clock, and SSL_CERT_FILE behind a proxy.")
            return FetchError(text, hint, unsent=True)
        case httpx.ConnectError():
            text = phrase("{host} cannot be reached.", host=host)
            return FetchError(text, passing=True, unsent=True)
        case httpx.ProxyError():
            text = phrase("The proxy on the way to {host} refused.", host=host)
            return FetchError(text, passing=True, unsent=True)
        case httpx.UnsupportedProtocol():
            text = phrase("An address to download from is not http:// or https://.")
            return FetchError(text, unsent=True)
    return FetchError(_broken(host), passing=True)


def _broken(host: str) -> str:
    return phrase("{host} gave a broken answer.", host=host)


def _compressed(host: str) -> str:
    return phrase("{host} compressed its answer in a way that nobody asked for.", host=host)


def _status(host: str, status: int) -> str:
    return phrase("{host} answered with status {status}.", host=host, status=status)


async def _read(response: httpx.Response, limit: int, media_type: str | None) -> Response:
    """Judge the head of an answer, then read its body as far as it is wanted."""
    host, status, headers = _host(response.request), response.status_code, response.headers
    _require_service(response)
    if status == 304 and "If-None-Match" not in response.request.headers:
        text = phrase(
            "{host} says that a document has not changed, but ftbot has no copy of it.", host=host
        )
        raise FetchError(text, passing=True)
    if status != 200:
        await _drain(response)
        return Response(response.url, status, headers)
    _require_media_type(host, headers, media_type)
    return await _read_any(response, limit)


async def _drain(response: httpx.Response) -> None:
    """Read a short body that nobody wants: only then does the next request find an open connection.

    A new one costs more than the answer, and that a project is not there is asked by the thousand.
    """
    rest = _DRAINED
    with suppress(httpx.TransportError):
        async for chunk in response.aiter_raw():
            rest -= len(chunk)
            if rest < 0:
                return


async def _read_any(response: httpx.Response, limit: int) -> Response:
    """Read an answer's body."""
    host, status, headers = _host(response.request), response.status_code, response.headers
    if status in {204, 304}:  # without a body, whatever the headers say
        return Response(response.url, status, headers)
    announced = headers.get("Content-Length", "")
    length = int(announced) if re.fullmatch(r"[0-9]{1,18}", announced) else None
    _require_size(host, length or 0, limit)
    # BytesIO gives its bytes away without a copy, which would hold up the loop on large documents.
    raw = io.BytesIO()
    async for chunk in response.aiter_raw():
        raw.write(chunk)
        _require_size(host, raw.tell(), limit)
    if length is not None and raw.tell() != length:
        raise FetchError(_broken(host), passing=True)
    encoding = headers.get("Content-Encoding", "identity").strip().lower()
    # In a thread, for it takes a tenth of a second on the largest documents.
    body = await asyncio.get_running_loop().run_in_executor(
        DOCUMENT_THREADS, _decompress, host, raw.getvalue(), encoding, limit
    )
    return Response(response.url, status, headers, body)


async def _hand_over(response: httpx.Response, accept: Callable[[Response], Sink]) -> Response:
    """Give the body of an answer to whoever takes it."""
    _require_service(response)
    head = Response(response.url, response.status_code, response.headers)
    if head.status in {200, 206}:
        if head.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise FetchError(_compressed(_host(head)))
        sink = accept(head)
        async for piece in response.aiter_raw(_PIECE):
            await sink(piece)
    return head


def _require_service(response: httpx.Response) -> None:
    """Raise an error for an answer by which a service says that it cannot answer now."""
    status = response.status_code
    if status == 429 or status >= 500:
        wait = parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        text = _status(_host(response.request), status)
        raise FetchError(text, passing=True, retry_after=wait)


def _require_media_type(host: str, headers: httpx.Headers, wanted: str | None) -> None:
    given = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if wanted and given != wanted:
        shown = given if re.fullmatch(r"[\w.+/-]{1,80}", given) else phrase("something else")
        raise FetchError(
            phrase(
                "{host} sent {given} where {wanted} was asked for.",
                host=host,
                given=shown,
                wanted=wanted,
            )
        )


def _require_size(host: str, size: int, limit: int) -> None:
    if size > limit:
        raise FetchError(
            phrase(
                "{host} sent a document of more than {mebibytes} MiB.",
                host=host,
                mebibytes=f"{limit / MEBIBYTE:g}",
            )
        )


def _decompress(host: str, raw: bytes, encoding: str, limit: int) -> bytes:
    """Undo the content encoding, bit by bit: a little gzip can stand for very much."""
    if encoding == "identity":
        return raw
    if encoding != "gzip":
        raise FetchError(_compressed(host))
    stream, body = zlib.decompressobj(zlib.MAX_WBITS | 16), io.BytesIO()
    try:
        for start in range(0, len(raw), _INPUT_SLICE):
            data = raw[start : start + _INPUT_SLICE]
            while data:
                body.write(stream.decompress(data, MEBIBYTE))
                _require_size(host, body.tell(), limit)
                data = stream.unconsumed_tail
        body.write(stream.flush())
    except zlib.error as error:
        raise FetchError(_broken(host), passing=True) from error
    if not stream.eof or stream.unused_data:
        raise FetchError(_broken(host), passing=True)
    return body.getvalue()
