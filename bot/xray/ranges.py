"""A wheel on a server, of which only what is looked at is fetched.

RFC 9110: ranges (14), and If-Range (13.1.5), so that all parts are of the same file. What comes is
kept in a temporary file, at the place that it has in the wheel. A server that ignores ranges sends
the whole, and then that is kept.
"""

import asyncio
import hashlib
import re
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, Self, TypeAlias

import httpx

from bot.errors import ServiceError
from bot.http import FetchError, Response, Sink, persistent, unexpected
from bot.xray.source import Unreadable

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many bytes came, and how many it will probably be. Called on the event loop."""

STEP: Final = 8 << 20
"""Bytes that are fetched at once of what is expected to be read."""
SMALL: Final = 128 << 10
"""Bytes of a wheel that is fetched with one request."""
_SHORTEST_TAIL, _LONGEST_TAIL = 8 << 10, 256 << 10
_TAIL_SHARE: Final = 64
"""Directories of wheels take a percent of them, or two."""
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_GONE: Final = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Limits:
    """What a wheel may cost: its own bytes, those that are fetched, requests, and seconds."""

    size: int = 2 << 30
    fetched: int = 256 << 20
    requests: int = 500
    seconds: float = 300.0


class Unfetched(Exception):
    """A wheel, or the rest of it, cannot be had.

    The message completes a sentence about the wheel: "was replaced while it was being read".
    `outage` says that its server did not answer; `costly`, that a limit was reached, as it will be
    again. With `doubtful`, what was read of it before does not count either.
    """

    def __init__(
        self, reason: str, *, outage: bool = False, costly: bool = False, doubtful: bool = False
    ) -> None:
        super().__init__(reason)
        self.outage = outage
        self.costly = costly
        self.doubtful = doubtful


class Download(Protocol):
    """How a file is fetched: `IndexClient.download`."""

    def __call__(
        self,
        url: httpx.URL,
        *,
        headers: dict[str, str],
        accept: Callable[[Response], Sink],
        deadline_seconds: float,
    ) -> Awaitable[Response]: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a wheel is, and what the index says of it: None where it says nothing."""

    url: httpx.URL
    size: int | None = None
    sha256: str | None = None


class RangeFile:
    """A wheel on a server, as a source that is read in one thread, while `loop` runs in another.

    Use it as a context manager, in that thread. Reading raises Unfetched when the wheel cannot be
    had within the limits, and Unreadable for what lies outside of it.

    `fetched` are the bytes that came so far, `goal` those that will probably come. `sha256` is that
    of the wheel once it was fetched as a whole; then it is what the index names, if it names one.
    """

    def __init__(
        self,
        download: Download,
        place: Place,
        loop: asyncio.AbstractEventLoop,
        *,
        limits: Limits = Limits(),
        progress: Progress | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.fetched = 0
        self.goal = 0
        self.limits = limits
        self._download = download
        self._url = place.url
        self._size = place.size
        self._named = place.sha256
        self._loop = loop
        self._progress = progress
        self._timer = timer
        self._end = timer() + limits.seconds
        self._requests = 0
        self._expected = 0, 0
        self._version = _Version()
        self._in_parts = False
        self.sha256: str | None = None
        self._stopped = False
        self._pending: Future[None] | None = None
        self._held = _Held()

    def __enter__(self) -> Self:
        """Fetch the end of the wheel, where its directory is."""
        try:
            self._wait(self._begin())
        except BaseException:
            self._held.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def stop(self) -> None:
        """Let the next reading fail, and the one that is being waited for; from the event loop."""
        self._stopped = True
        if self._pending is not None:
            self._pending.cancel()

    @property
    def size(self) -> int:
        return self._size or 0

    @property
    def is_whole(self) -> bool:
        """Whether everything was fetched, and its hash is right."""
        return self.sha256 is not None

    @property
    def is_named(self) -> bool:
        """Whether the index tells what the wheel's hash is."""
        return self._named is not None

    def read(self, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise Unreadable(f"points to {length} bytes at {offset:#x}, past its end")
        self._require_time()
        while gap := self._held.gap(offset, offset + length):
            start, end = gap
            first, last = self._expected
            if first <= start < last:
                end = max(end, min(last, start + STEP))
            self._wait(self._fill(start, end))
        return self._held.read(offset, length)

    def expect(self, start: int, end: int) -> None:
        """Say what is going to be read, so that it is not fetched bit by bit."""
        self._expected = max(0, start), min(self.size, end)

    @property
    def missing(self) -> int:
        """Bytes that were not fetched yet."""
        return self.size - self._held.count

    def fetch_whole(self) -> None:
        """Fetch what is missing, and check the hash. Raises Unfetched."""
        self.goal = self.fetched + self.missing
        self._wait(self._fill(0, self.size))
        digest = self._held.sha256()
        if self._named not in {None, digest}:
            raise Unfetched("is not the file that the index names (sha256)", doubtful=True)
        self.sha256 = digest

    def check_if_whole(self) -> None:
        """Check the hash if everything was fetched, as it is from servers that ignore ranges."""
        if not self.is_whole and not self.missing:
            self.fetch_whole()

    # What happens on the event loop.

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        """Let the event loop do something, and wait for it."""
        if self._stopped:
            work.close()
            raise Unfetched("was not read to its end", outage=True)
        self._pending = asyncio.run_coroutine_threadsafe(work, self._loop)
        if self._stopped:  # by the loop, which may have begun the work before it had a name here
            self._pending.cancel()
        try:
            self._pending.result()
        except CancelledError as error:
            raise Unfetched("was not read to its end", outage=True) from error

    async def _begin(self) -> None:
        if self._size is None:
            await self._persist(partial(self._request, None, _LONGEST_TAIL))
            return
        self._take_size(self._size)
        tail = min(max(self._size // _TAIL_SHARE, _SHORTEST_TAIL), _LONGEST_TAIL)
        start = 0 if self._size <= SMALL else self._size - tail
        self.goal = self._size - start
        await self._fill(start, self._size)

    async def _fill(self, start: int, end: int) -> None:
        await self._persist(partial(self._request_gaps, start, end))

    async def _persist(self, attempt: Callable[[], Awaitable[None]]) -> None:
        try:
            await persistent(attempt)
        except FetchError as error:
            reason = f"could not be fetched: {error.text.rstrip('.')}"
            raise Unfetched(reason, outage=error.passing) from error
        except ServiceError as error:
            reason = f"could not be fetched: {error.text.rstrip('.')}"
            raise Unfetched(reason, outage=True) from error

    async def _request_gaps(self, start: int, end: int) -> None:
        while gap := self._held.gap(start, end):
            await self._request(*gap)
            if self._held.gap(*gap):
                raise FetchError("its server broke off", passing=True)

    async def _request(self, start: int | None, end: int) -> None:
        """Ask for a part, or without a start for the last `end` bytes."""
        self._require_time()
        self._requests += 1
        if self._requests > self.limits.requests:
            raise Unfetched(f"takes more than {self.limits.requests} requests", costly=True)
        self._require_bytes(self.fetched + end - (start or 0))
        headers = {"Range": f"bytes={'' if start is None else start}-{end - (start is not None)}"}
        if self._in_parts and (validator := self._version.validator):
            headers["If-Range"] = validator
        response = await self._download(
            self._url,
            headers=headers,
            accept=partial(self._accept, start, end),
            deadline_seconds=self._end - self._timer(),
        )
        match response.status:
            case 206:
                self._in_parts = True
            case 200:
                self._take_size(self._held.count)
            case 416:
                raise Unfetched("has another length than the index says", doubtful=True)
            case status if status in _GONE:
                raise Unfetched("is not there any more")
            case _:
                raise unexpected(response)
        self._url = response.url

    def _accept(self, start: int | None, end: int, head: Response) -> Sink:
        """Judge the head of an answer; return what takes its body."""
        version = _Version(head.etag, head.headers.get("Last-Modified"))
        if self._in_parts and (head.status == 200 or version.differs(self._version)):
            raise Unfetched("was replaced while it was being read", doubtful=True)
        if not self._in_parts:
            self._version = version
        if head.status == 200:
            length = head.headers.get("Content-Length", "")
            if _LENGTH.fullmatch(length):
                self._take_size(int(length))
            self._held.clear()
            self.goal = max(self.goal, self.fetched + self.size)
            return self._sink(0, self._size or self.limits.size)
        told = _CONTENT_RANGE.fullmatch(head.headers.get("Content-Range", ""))
        if told is None:
            raise Unfetched("comes in parts that its server does not name")
        first, last, total = map(int, told.groups())
        self._take_size(total)
        asked, until = (max(0, total - end), total) if start is None else (start, end)
        if first != asked or not first <= last < until:
            raise Unfetched("comes in other parts than were asked for")
        return self._sink(first, last + 1)

    def _take_size(self, size: int) -> None:
        if size > self.limits.size:
            raise Unfetched(f"has {size >> 20} MiB, more than is read", costly=True)
        if self._size not in {None, size}:
            raise Unfetched("has another length than was told", doubtful=True)
        self._size = size

    def _sink(self, start: int, end: int) -> Sink:
        """Return what writes a body to its place, as long as it is not longer than was told."""
        place = start

        async def take(piece: bytes) -> None:
            nonlocal place
            self.fetched += len(piece)
            self._require_bytes(self.fetched)
            if place + len(piece) > end:
                raise Unfetched("is longer than was told")
            await asyncio.to_thread(self._held.write, place, piece)
            place += len(piece)
            if self._progress:
                self._progress(self.fetched, max(self.goal, self.fetched))

        return take

    def _require_bytes(self, count: int) -> None:
        if count > self.limits.fetched:
            most = self.limits.fetched / (1 << 20)
            raise Unfetched(f"takes more than {most:.1f} MiB to fetch", costly=True)

    def _require_time(self) -> None:
        if self._stopped:
            raise Unfetched("was not read to its end", outage=True)
        if self._timer() >= self._end:
            raise Unfetched(f"takes more than {self.limits.seconds:g} seconds to fetch")


class _Held:
    """The parts of a wheel that are there, in a temporary file that has no name."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="ftbot-xray-")  # noqa: SIM115 - see close
        self._stretches: list[tuple[int, int]] = []

    @property
    def count(self) -> int:
        """Bytes that are there."""
        return sum(end - start for start, end in self._stretches)

    def close(self) -> None:
        self._file.close()

    def clear(self) -> None:
        """Forget what is there: the whole comes."""
        self._stretches.clear()

    def write(self, offset: int, piece: bytes) -> None:
        self._file.seek(offset)
        self._file.write(piece)
        start, end = offset, offset + len(piece)
        apart = []
        for first, last in self._stretches:
            if last < start or first > end:
                apart.append((first, last))
            else:
                start, end = min(start, first), max(end, last)
        self._stretches = sorted([*apart, (start, end)])

    def read(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(length)

    def gap(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the first part of a stretch that is missing."""
        for first, last in self._stretches:
            if first <= start < last:
                start = last
        if start >= end:
            return None
        return start, min([first for first, _ in self._stretches if first > start] + [end])

    def sha256(self) -> str:
        self._file.seek(0)
        return hashlib.file_digest(self._file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class _Version:
    """What an answer tells of which state of the file it is (RFC 9110, 8.8)."""

    tag: str | None = None
    modified: str | None = None

    @property
    def validator(self) -> str | None:
        """By what a later request can demand the same file; weak tags cannot (13.1.5)."""
        return self.modified if self.tag is None or self.tag.startswith("W/") else self.tag

    def differs(self, other: "_Version") -> bool:
        """Tell if it is surely another one; a date counts where there are no tags to compare."""
        if self.tag and other.tag:
            return self.tag.removeprefix("W/") != other.tag.removeprefix("W/")
        return None not in {self.modified, other.modified} and self.modified != other.modified
