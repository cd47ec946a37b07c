"""The client of a package index: the Simple API (PEP 691) and, for metadata, PyPI's JSON API.

It gives bytes with what the headers say of them. Decoding is `bot.pypi.wire`'s, away from the
event loop.
"""

import hashlib
import re
import time
import urllib.parse
from collections.abc import Callable, Mapping
from functools import partial

import httpx
from packaging.utils import InvalidName, NormalizedName, canonicalize_name

from bot.errors import IndexUnavailable, ProjectNotFound
from bot.http import (
    DEADLINE_SECONDS,
    MEBIBYTE,
    REDIRECTS,
    REDIRECTS_AT_MOST,
    Client,
    Fetched,
    FetchError,
    NotModified,
    Response,
    Sink,
    download,
    fetch,
    redirect_target,
    unexpected,
)
from bot.language import phrase, phrase_many
from bot.pypi.names import harmless, normalise
from bot.pypi.silence import Silence
from bot.pypi.wire import FileAddress, FileContent

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
METADATA_JSON = "application/json"

PAGE_LIMIT = 32 * MEBIBYTE
"""PyPI's largest page, of 15,000 files, has 13 MB."""
LIST_LIMIT = 128 * MEBIBYTE
"""PyPI's list of 900,000 projects has about 45 MB, and grows by a sixth each year."""
METADATA_LIMIT = 8 * MEBIBYTE
"""What is said of one release or file, with a description of at most a few MB."""
LIST_DEADLINE_SECONDS = 120.0
"""Nobody waits for the list."""

LONGEST_SILENCE = 600.0
"""A Retry-After is obeyed for that many seconds, so that a mistaken one cannot stop ftbot."""

_HASHES = frozenset({"sha224", "sha256", "sha384", "sha512", "blake2b", "sha3_256", "sha3_512"})
_CHECK_URL = phrase("FTBOT_PYPI_URL must name an index with the Simple API in JSON (PEP 691).")


class StalePage(IndexUnavailable):
    """A cache of the index still shows a state that is known to be outdated.

    `serial` is the page's, `at_least` the one that it should have reached.
    """

    def __init__(self, name: str, serial: int, at_least: int) -> None:
        super().__init__(
            phrase("The index still shows an old page of {project}.", project=name),
            phrase("Try again in a few minutes."),
        )
        self.serial = serial
        self.at_least = at_least


class IndexClient:
    """Asks an index, through a client whose base address is the index's.

    If the index asks to be left alone for longer than anybody would wait (Retry-After), further
    questions fail at once until that time is over. Every method raises `IndexUnavailable` when
    there is no usable answer.
    """

    def __init__(
        self,
        http: Client,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`deadline_seconds` is for a page; `clock` gives seconds that never go backwards."""
        self._http = http
        self._deadline_seconds = deadline_seconds
        self._silence = Silence(LONGEST_SILENCE, clock)
        self._host = http.base_url.netloc.decode("ascii")

    async def project(
        self, name: str, *, etag: str | None = None, at_least: int | None = None
    ) -> Fetched | NotModified:
        """Fetch `/simple/<name>/`, unless it is still the page with that entity tag.

        Raises `UserError` for an impossible name, before anything is sent; `ProjectNotFound`; and
        `StalePage` if the page tells a serial below `at_least`, the state that is known to exist.
        Caches of the index lag behind its journal, at worst for more than a day.
        """
        normalised = normalise(name)
        ask = partial(self._ask, media_type=SIMPLE_JSON, limit_bytes=PAGE_LIMIT, etag=etag)
        response = await ask(f"/simple/{normalised}/")
        for _ in range(REDIRECTS_AT_MOST):
            if response.status in REDIRECTS:
                response = await ask(f"/simple/{self._respelled(response, normalised)}/")
        if response.status == 404:
            raise ProjectNotFound(normalised)
        answer = _conditional(response)
        if at_least is not None and answer.serial is not None and answer.serial < at_least:
            raise StalePage(normalised, answer.serial, at_least)
        return answer

    async def index(self, *, etag: str | None = None) -> Fetched | NotModified:
        """Fetch `/simple/`, the list of all projects, unless it is still the one of that tag."""
        response = await self._ask(
            "/simple/",
            media_type=SIMPLE_JSON,
            limit_bytes=LIST_LIMIT,
            deadline_seconds=LIST_DEADLINE_SECONDS,
            etag=etag,
        )
        return _conditional(response)

    async def metadata(self, name: str, version: str) -> bytes | None:
        """Fetch the JSON API's document about a release, None if it has none.

        So it is for quarantined projects, and on indexes without this API. Raises `UserError` for
        an impossible name.
        """
        if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.!+_-]{0,254}", version):
            return None
        path = f"/pypi/{normalise(name)}/{urllib.parse.quote(version, safe='')}/json"
        response = await self._ask(path, media_type=METADATA_JSON, limit_bytes=METADATA_LIMIT)
        if response.status == 404:
            return None
        if response.status != 200:
            raise _unavailable(unexpected(response))
        return response.body

    async def core_metadata(self, name: str, file: FileAddress) -> bytes | None:
        """Fetch the core metadata of a project's file, None if the index has none (PEP 658).

        Nothing is fetched from an address that is neither encrypted nor the index's own. Raises
        `IndexUnavailable` for that too, and for metadata of another hash than the page told.
        """
        hashes = file.metadata_hashes
        if hashes is None:
            return None
        address = self.address(name, file)
        path, question, query = address.raw_path.partition(b"?")
        url = address.copy_with(raw_path=path + b".metadata" + question + query)
        response = await self._ask_elsewhere(url)
        for _ in range(REDIRECTS_AT_MOST):
            if response.status in REDIRECTS:
                response = await self._ask_elsewhere(_target(response))
        if response.status in {404, 410}:
            return None
        if response.status != 200:
            raise _unavailable(unexpected(response))
        if not _has_hashes(response.body, hashes):
            raise IndexUnavailable(
                phrase(
                    "The metadata of {file} is not what the index said it is.",
                    file=harmless(file.filename),
                ),
                phrase("This usually mends itself; try again in a few minutes."),
            )
        return response.body

    def address(self, name: str, file: FileAddress | FileContent) -> httpx.URL:
        """Return where a project's file is. Raises `IndexUnavailable` if that is no address."""
        base = self._http.base_url
        page = base.join(f"{base.path}simple/{normalise(name)}/")
        try:
            return page.join(file.url).copy_with(fragment=None)
        except httpx.InvalidURL as error:
            raise IndexUnavailable(
                phrase(
                    "The index gives a malformed address of {file}.", file=harmless(file.filename)
                )
            ) from error

    async def download(
        self,
        url: httpx.URL,
        *,
        headers: Mapping[str, str],
        accept: Callable[[Response], Sink],
        deadline_seconds: float,
    ) -> Response:
        """GET a file, or a part of it, wherever it has moved to; once, as `bot.http.download`.

        Nothing is fetched from an address that is neither encrypted nor the index's own. Raises
        `IndexUnavailable` for that and while the index wants to be left alone, else `FetchError`.
        """
        for _ in range(REDIRECTS_AT_MOST + 1):
            self._require_allowed(url)
            self._require_no_silence()
            try:
                response = await download(
                    self._http,
                    str(url),
                    headers=headers,
                    accept=accept,
                    deadline_seconds=deadline_seconds,
                )
            except FetchError as error:
                self._silence.heed(error.retry_after)
                raise
            if response.status not in REDIRECTS:
                return response
            url = _target(response)
        raise IndexUnavailable(
            phrase("{host} redirects a file again and again.", host=self._host), _CHECK_URL
        )

    async def _ask_elsewhere(self, url: httpx.URL) -> Response:
        """Ask the place where the index keeps its files, which is mostly another host."""
        self._require_allowed(url)
        return await self._ask(str(url), media_type=None, limit_bytes=METADATA_LIMIT)

    def _require_allowed(self, url: httpx.URL) -> None:
        labels = url.host.rstrip(".").split(".")
        if not all(0 < len(label) < 64 for label in labels) or (url.port or 0) > 65_535:
            raise IndexUnavailable(
                phrase("The index keeps its files at an impossible address."), _CHECK_URL
            )
        if url.scheme != "https" and _origin(url) != _origin(self._http.base_url):
            raise IndexUnavailable(
                phrase("The index keeps its files at an address that is not encrypted."),
                _CHECK_URL,
            )

    def _require_no_silence(self) -> None:
        if (left := self._silence.left()) > 0:
            raise IndexUnavailable(
                phrase_many(
                    "{host} asked to be left alone for {count} more second.",
                    "{host} asked to be left alone for {count} more seconds.",
                    round(left),
                    host=self._host,
                ),
                phrase("Try again after that."),
            )

    async def _ask(
        self,
        path: str,
        *,
        media_type: str | None,
        limit_bytes: int,
        deadline_seconds: float | None = None,
        etag: str | None = None,
    ) -> Response:
        self._require_no_silence()
        try:
            return await fetch(
                self._http,
                path,
                limit_bytes=limit_bytes,
                deadline_seconds=deadline_seconds or self._deadline_seconds,
                etag=etag,
                media_type=media_type,
            )
        except FetchError as error:
            self._silence.heed(error.retry_after)
            raise _unavailable(error) from error

    def _respelled(self, response: Response, name: NormalizedName) -> str:
        """Read from a redirect how the index spells a name.

        Only that part of the address is used, so that an index cannot send us anywhere else.
        """
        target = _target(response)
        base = self._http.base_url
        elsewhere = IndexUnavailable(
            phrase("{host} redirects the page of {project}.", host=self._host, project=name),
            _CHECK_URL,
        )
        if _origin(target) != _origin(base) or not target.path.startswith(base.path):
            raise elsewhere
        found = re.fullmatch(r"simple/([^/]+)/?", target.path.removeprefix(base.path))
        try:
            if found and canonicalize_name(found[1], validate=True) == name:
                return found[1]
        except InvalidName as error:
            raise elsewhere from error
        raise elsewhere


def _has_hashes(body: bytes, hashes: Mapping[str, str]) -> bool:
    """Hold a document against its hashes, as far as we know the algorithms."""
    return all(
        hashlib.new(algorithm, body).hexdigest() == digest.lower()
        for algorithm, digest in hashes.items()
        if algorithm in _HASHES
    )


def _conditional(response: Response) -> Fetched | NotModified:
    serial = _serial(response)
    if response.status == 304:
        return NotModified(serial)
    if response.status != 200:
        raise _unavailable(unexpected(response))
    return Fetched(response.body, response.etag, serial)


def _serial(response: Response) -> int | None:
    """Read which state of the index an answer shows, None if it does not tell."""
    text = response.headers.get("X-PyPI-Last-Serial", "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _target(response: Response) -> httpx.URL:
    try:
        return redirect_target(response)
    except FetchError as error:
        raise _unavailable(error) from error


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _unavailable(error: FetchError) -> IndexUnavailable:
    return IndexUnavailable(error.text, error.hint or _CHECK_URL)
