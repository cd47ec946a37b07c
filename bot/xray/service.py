"""What the wheels of the index declare: what was read of them, and reading more in the background.

One wheel is read at a time, with a pause after each, and so many bytes a day.
"""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from packaging.utils import NormalizedName

from bot.errors import (
    DatabaseError,
    IndexUnavailable,
    ProjectNotFound,
    ServiceError,
    UserError,
)
from bot.http import DOCUMENT_THREADS, Fetched
from bot.pypi.client import IndexClient
from bot.pypi.wire import FileContent, find_files
from bot.xray.model import Cost, Gil, ModuleVerdict, WheelReading
from bot.xray.ranges import Limits, Place, Progress, RangeFile, Unfetched
from bot.xray.store import Wanted, XrayStore

if TYPE_CHECKING:  # what reads modules is loaded when there is something to read
    from bot.xray.remote import Outcome

log = logging.getLogger(__name__)

A_DAY: Final = 1 << 30
"""Bytes that are fetched in the background on one day (UTC)."""
POPULAR_SHARE: Final = 0.5
"""Share of them that wheels nobody asked for may take."""
PAUSE: Final = 1.0
"""Seconds between two wheels."""
IN_BACKGROUND: Final = Limits(fetched=128 << 20)
"""What a wheel may cost that nobody waits for."""
UNHURRIED: Final = Limits(fetched=1 << 30, seconds=1800)
"""And one that somebody wants by its name."""

FIRST, ASKED, POPULAR = range(3)
"""Priorities: what most people have, what else was asked for, what is downloaded most."""
FAILURES: Final = ("outage", "limit", "missing", "doubtful", "other", "mistake")
"""Why a wheel was not read: its server did not answer, a limit, it is on the index no more, it is
not the file that it was, something else, or a mistake of ftbot."""
_FIRST_RETRY, _LONGEST_RETRY = 300.0, 86_400.0
_MOST_ATTEMPTS: Final = 8
_ADMITTED: Final = 3
"""Attempts after which it is said that a wheel cannot be had."""
_OUTAGES: Final = 3
"""So many wheels one after another that could not be had mean that their server is down."""
_REMEMBERED: Final = 4096
"""So many wheels are not asked for twice."""
_PROJECTS: Final = 8
"""Of so many projects it is remembered where their wheels are."""
_FRESH: Final = 200.0
"""Seconds until a page is looked at again: a wheel that failed is not tried sooner."""
_NOTHING: Final[Mapping[str, Gil]] = {}


@dataclass(frozen=True, slots=True)
class Read:
    """A reading. `cost` is None if it had been read before.

    `failure` says why it was not read to its end, None if it was.
    """

    reading: WheelReading
    cost: Cost | None = None
    failure: Unfetched | None = None


@dataclass(frozen=True, slots=True)
class State:
    """How many wheels wait to be read, and bytes: those fetched today (UTC), and those allowed."""

    waiting: int
    fetched_today: int
    a_day: int


@dataclass(frozen=True, slots=True)
class _Page:
    """What a project's page told at a moment (UTC seconds) of the files that were looked for."""

    seen: float
    names: AbstractSet[str]
    files: Mapping[str, FileContent]


class XrayService:
    """What wheels declare. With `on` false nothing is fetched, wanted or told.

    `reads` says whether what is wanted is read, by whatever process; without, nothing is wanted.
    `found` is called after each wheel that was read in the background, and `asked` when there is
    one to read; `a_day` is the bytes that may be fetched in the background on one day. `readings`
    counts by verdict what was read here, and `failures` what was not, by one of `FAILURES`.
    """

    def __init__(
        self,
        store: XrayStore,
        client: IndexClient,
        *,
        on: bool = True,
        asked: Callable[[], None] = lambda: None,
        found: Callable[[Gil], None] = lambda _: None,
        limits: Limits = IN_BACKGROUND,
        a_day: int = A_DAY,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.on = on
        self.reads = on
        self.readings: Counter[ModuleVerdict] = Counter(dict.fromkeys(ModuleVerdict, 0))
        self.failures: Counter[str] = Counter(dict.fromkeys(FAILURES, 0))
        self.asked = asked
        self.found = found
        self._store = store
        self._client = client
        self._limits = limits
        self._a_day = a_day
        self._sleep = sleep
        self._clock = clock
        self._timer = timer
        self._pages: dict[str, _Page] = {}
        self._remembered: dict[str, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def close(self) -> None:
        """Wait until what was asked for is noted."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def gil(
        self, project: NormalizedName, wheels: tuple[str, ...], *, want: bool = True
    ) -> Mapping[str, Gil]:
        """Return what is known of wheels of a project, by file name; `want` has the others read.

        They are different ones that are `worth_reading`. It gives the same object while nothing has
        changed, in some 5 µs. To be called on the event loop.
        """
        if not wheels or not self.on:
            return _NOTHING
        known = self._store.glance(wheels)
        missing = [file for file in wheels if file not in known and file not in self._remembered]
        if missing and want and self.reads:
            for file in missing:
                self._remembered[file] = None
            while len(self._remembered) > _REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            task = asyncio.get_running_loop().create_task(self._noted(project, missing))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return known

    def state(self) -> State:
        """Return how much there is to do. To be called on the event loop."""
        return State(*self._store.state(self._day()), self._a_day)

    async def count(self) -> int:
        """Return how many wheels were read."""
        return await self._store.count()

    async def known(self, wheels: Collection[str]) -> Mapping[str, Gil]:
        """Return what is known of any number of wheels, by file name; nothing is wanted."""
        if not self.on:
            return _NOTHING
        return await self._store.known(wheels)

    async def declared(self, project: str, file: str) -> WheelReading | Gil | None:
        """Return all about a wheel, in short if it could not be read, or None and have it read."""
        if not self.on:
            return None
        if found := await self._store.reading(file):
            return found
        known = await self._store.known([file])
        if file not in known:
            await self.want([(project, file)], _priority(file))
        return known.get(file)

    async def want(self, wheels: Iterable[tuple[str, str]], priority: int = ASKED) -> None:
        """Want wheels read in the background, given as projects and file names."""
        wanted = [Wanted(file, project, priority) for project, file in wheels]
        if self.reads and wanted:
            await self._store.want(wanted, self._now())
            self.asked()

    async def read(
        self,
        project: NormalizedName,
        file: str,
        progress: Progress | None = None,
        *,
        limits: Limits = UNHURRIED,
    ) -> Read:
        """Return all about a wheel, read now within `limits` if it was not before.

        Raises UserError if wheels are not read here, or if there is no such file.
        """
        if stored := await self._store.reading(file):
            return Read(stored)
        if not self.on:
            raise UserError("No wheels are read from the index.", "Set FTBOT_XRAY to on.")
        content = await self._look_up(project, file)
        if content is None:
            raise UserError(f"The index has no file {file[:200]}.", "Try again in a few minutes.")
        return await self._read(project, content, limits, progress)

    async def work(self) -> None:
        """Read what is wanted, until nothing is due or the day's bytes are used up.

        Raises ServiceError if the server of the files does not answer again and again.
        """
        outages = 0
        while self.on and (wanted := await self._next()):
            try:
                outage = await self._work_on(wanted)
            except DatabaseError:
                raise
            except ServiceError as error:
                log.warning("%s could not be looked up: %s", wanted.file, error)
                self.failures["outage"] += 1
                await self._postpone(wanted, _unread(wanted.file, "cannot be looked up"))
                outage = True
            except Exception:  # a mistake of ours about one wheel, which must not stop all others
                log.exception("%s could not be read", wanted.file)
                self.failures["mistake"] += 1
                await self._postpone(wanted, _unread(wanted.file, "cannot be read by ftbot"))
                outage = False
            outages = outages + 1 if outage else 0
            if outages == _OUTAGES:
                raise IndexUnavailable("Wheels cannot be fetched; reading them goes on later.")
            await self._sleep(PAUSE)

    async def _next(self) -> Wanted | None:
        spent = await self._store.spent(self._day())
        if spent >= self._a_day:
            return None
        worst = POPULAR if spent < POPULAR_SHARE * self._a_day else ASKED
        return await self._store.due(self._now(), worst)

    async def _work_on(self, wanted: Wanted) -> bool:
        """Read a wheel and store what came of it; return whether its server did not answer."""
        content = await self._look_up(NormalizedName(wanted.project), wanted.file)
        if content is None:  # deleted, or the index's page is older than what is known
            self.failures["missing"] += 1
            await self._postpone(wanted, _unread(wanted.file, "is not on the index"))
            return False
        left = self._a_day - await self._store.spent(self._day())
        limits = replace(self._limits, fetched=min(self._limits.fetched, left))
        done = await self._read(NormalizedName(wanted.project), content, limits, None)
        if done.failure is None:
            log.info("%s: %s", wanted.file, done.reading.verdict)
        elif done.failure.costly and limits.fetched < self._limits.fetched:
            await self._store.postpone(wanted.file, self._tomorrow(), failed=False)
        else:
            log.info("%s was not read: it %s", wanted.file, done.failure)
            await self._failed(wanted, done.reading, done.failure)
        for gil in (await self._store.known([wanted.file])).values():
            self.found(gil)
        return done.failure is not None and done.failure.outage

    async def _failed(self, wanted: Wanted, reading: WheelReading, failure: Unfetched) -> None:
        """Say that a wheel could not be read, unless that may be over soon, and try again later."""
        if failure.costly:
            await self._store.put(reading, None, whole=False, moment=self._clock())
            await self._store.give_up(wanted.file)
        else:
            await self._postpone(wanted, reading, admitted=_ADMITTED if failure.outage else 1)

    async def _look_up(self, project: NormalizedName, file: str) -> FileContent | None:
        """Ask the index what a file is; None if it has none of that name."""
        page = self._pages.get(project)
        if page is None or file not in page.names or self._now() - page.seen > _FRESH:
            page = await self._look_at(project, file)
            self._pages.pop(project, None)
            self._pages[project] = page
            if len(self._pages) > _PROJECTS:
                del self._pages[next(iter(self._pages))]
        return page.files.get(file)

    async def _look_at(self, project: NormalizedName, file: str) -> _Page:
        """Look for a file on a project's page, and for the others of it that are mostly next."""
        names = {file, *await self._store.wanted_of(project)}
        files: Mapping[str, FileContent] = {}
        with suppress(ProjectNotFound):
            page = await self._client.project(project)
            if isinstance(page, Fetched):
                loop = asyncio.get_running_loop()
                files = await loop.run_in_executor(DOCUMENT_THREADS, find_files, page.body, names)
        return _Page(self._now(), names, files)

    async def _read(
        self,
        project: NormalizedName,
        content: FileContent,
        limits: Limits,
        progress: Progress | None,
    ) -> Read:
        """Read a wheel, and store it if it was read to its end."""
        sha256 = content.hashes.get("sha256", "").lower() or None
        if sha256 and (stored := await self._store.reading_of(sha256, content.filename)):
            return Read(stored)
        place = Place(self._client.address(project, content), content.size, sha256)
        outcome = await self._fetch(content.filename, place, limits, progress)
        await self._store.spend(self._day(), outcome.cost.fetched)
        if outcome.failure:
            self.failures[_kind(outcome.failure)] += 1
            return Read(outcome.reading, outcome.cost, outcome.failure)
        await self._store.put(
            outcome.reading,
            sha256 or outcome.sha256,
            whole=outcome.sha256 is not None,
            moment=self._clock(),
        )
        self.readings[outcome.reading.verdict] += 1
        return Read(outcome.reading, outcome.cost)

    async def _fetch(
        self, name: str, place: Place, limits: Limits, progress: Progress | None
    ) -> "Outcome":
        """Read a wheel in a thread, one at a time. The thread soon ends if this is cancelled."""
        async with self._turn:
            return await self._in_thread(name, place, limits, progress)

    async def _in_thread(
        self, name: str, place: Place, limits: Limits, progress: Progress | None
    ) -> "Outcome":
        file = RangeFile(
            self._client.download,
            place,
            asyncio.get_running_loop(),
            limits=limits,
            progress=progress,
            timer=self._timer,
        )
        try:
            return await asyncio.to_thread(_read_remote, name, file)
        finally:
            file.stop()

    async def _noted(self, project: NormalizedName, missing: Sequence[str]) -> None:
        """Queue what was asked for; answers do not wait for it, nor fail by it."""
        with suppress(UserError):
            for priority in (FIRST, ASKED):
                now = [(project, file) for file in missing if _priority(file) == priority]
                await self.want(now, priority)

    async def _postpone(
        self, wanted: Wanted, reading: WheelReading, *, admitted: int = _ADMITTED
    ) -> None:
        """Try again later, each time four times as late, and at last no more.

        After `admitted` attempts the reading, which is of none, says that it could not be had.
        """
        if wanted.attempts + 1 >= admitted:
            await self._store.put(reading, None, whole=False, moment=self._clock())
        if wanted.attempts + 1 >= _MOST_ATTEMPTS:
            await self._store.give_up(wanted.file)
            return
        pause = min(_FIRST_RETRY * 4.0**wanted.attempts, _LONGEST_RETRY)
        due = self._now() + pause * random.uniform(0.75, 1.25)  # noqa: S311 - spreads the load
        await self._store.postpone(wanted.file, due, failed=True)

    def _now(self) -> float:
        return self._clock().timestamp()

    def _day(self) -> str:
        return self._clock().astimezone(UTC).date().isoformat()

    def _tomorrow(self) -> float:
        tomorrow = self._clock().astimezone(UTC) + timedelta(days=1)
        return tomorrow.replace(hour=0, minute=0, second=1).timestamp()


def _unread(file: str, reason: str) -> WheelReading:
    """Return the reading of a wheel of which nothing came."""
    return WheelReading(file, ModuleVerdict.UNKNOWN, reason=f"it {reason}")


def _kind(failure: Unfetched) -> str:
    """Return which of `FAILURES` it is."""
    if failure.outage:
        return "outage"
    if failure.costly:
        return "limit"
    return "doubtful" if failure.doubtful else "other"


def _priority(file: str) -> int:
    """Return how soon a wheel is read: at first those of the systems that most people have."""
    return FIRST if "manylinux" in file and "x86_64" in file else ASKED


def _read_remote(name: str, file: RangeFile) -> "Outcome":
    """Read a wheel in this thread."""
    from bot.xray.remote import Outcome, read_remote, unread  # noqa: PLC0415 - see TYPE_CHECKING

    try:
        with file:
            return read_remote(name, file)
    except Unfetched as error:
        return Outcome(unread(name, error), Cost(file.fetched, file.size), failure=error)
    except OSError as error:
        failure = Unfetched(f"cannot be kept while it is read: {error.strerror}", outage=True)
        return Outcome(unread(name, failure), Cost(file.fetched, file.size), failure=failure)
