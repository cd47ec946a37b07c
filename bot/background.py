"""Periodic jobs that survive everything, run in one process at a time and tell how they fare."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Protocol, Self

from bot.errors import UserError

log = logging.getLogger(__name__)

STANDBY = 1.0
"""Seconds between looks at a job that is due and that another process has: it may have ended."""
UNABLE = 0.25
"""Seconds between looks at whether this process is able to do a job."""
LONGEST_ERROR = 500
"""Characters of an error that a status shows."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do again and again: `every` is the seconds between two runs, from end to start.

    After a failure the next try is `retry` seconds later (or `every`, if that is shorter), then
    twice as long each time, up to `longest_retry`. What `run` waits for must have time-outs.

    While `able` is false the job is another process's, if there is one that can do it. It runs as
    soon as it is true again.
    """

    name: str
    run: Callable[[], Awaitable[None]]
    every: float
    retry: float = 5.0
    longest_retry: float = 900.0
    able: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True)
class JobStatus:
    """How a job fares. `failures` counts those since the last success.

    `last_success` (UTC) is of any process and outlives restarts; `last_error` stays after a
    success, until the next error.
    """

    name: str
    last_success: datetime | None
    last_error: str | None
    failures: int
    running: bool


class Leases(Protocol):
    """Who may run a job just now, agreed upon between processes. `ttl` is in seconds."""

    ttl: float

    async def take(self, name: str) -> bool:
        """Take or renew the lease for `ttl`; False if another process has it."""

    async def release(self, name: str) -> None:
        """Give the lease back, if it is still this process's."""


class Memory(Protocol):
    """What outlives a restart: a text under a key."""

    async def get(self, key: str) -> str | None: ...

    async def set(self, key: str, value: str) -> None: ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Course:
    """How one job has gone so far."""

    job: Job
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    asked: bool = False
    running: bool = False
    failures: int = 0
    last_success: datetime | None = None
    last_error: str | None = None
    logged: type[BaseException] | None = None

    @property
    def lease(self) -> str:
        return f"job.{self.job.name}"

    @property
    def success_key(self) -> str:
        return f"job.{self.job.name}.last_success"


class Supervisor:
    """Runs `jobs` from the start of its `async with` block until the end.

    A job runs as soon as `every` has passed since its last success, which may have been before a
    restart or in another process, and only under its lease, which is renewed as long as it runs.
    At the end of the block running jobs are cancelled; one that is still there `grace` seconds
    later is left behind, with its lease.

    It belongs to one event loop, and is not to be used from other threads.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        leases: Leases,
        memory: Memory,
        *,
        clock: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        grace: float = 0.4,
    ) -> None:
        self._courses: dict[str, _Course] = {}
        for job in jobs:
            if job.name in self._courses:
                raise ValueError(f"two jobs are named {job.name}")
            self._courses[job.name] = _Course(job)
        self._leases = leases
        self._memory = memory
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._grace = grace
        self._tasks: list[asyncio.Task[None]] = []
        self._others = False

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._supervise(course), name=f"supervise {name}")
            for name, course in self._courses.items()
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await _end(self._tasks, 1.5 * self._grace)
        try:
            async with asyncio.timeout(self._grace):
                for course in self._courses.values():
                    if not course.running:
                        await self._leases.release(course.lease)
        except (TimeoutError, UserError) as unreleased:
            log.warning("Leases were not given back, they expire by themselves: %s", unreleased)

    def wake(self, name: str) -> None:
        """Run the job now, or once more if it is running; KeyError if there is no such job."""
        self._courses[name].woken.set()

    def statuses(self) -> tuple[JobStatus, ...]:
        """Return how each job fares, in the order in which they were given."""
        return tuple(
            JobStatus(
                name=name,
                last_success=course.last_success,
                last_error=course.last_error,
                failures=course.failures,
                running=course.running,
            )
            for name, course in self._courses.items()
        )

    async def _supervise(self, course: _Course) -> None:
        delay = 0.0
        while True:
            await self._pause(course, delay)
            try:
                delay = await self._turn(course)
            except asyncio.CancelledError:
                raise  # the supervisor's end; a job's own arrives as a RuntimeError
            except BaseException as error:  # noqa: BLE001 - a job survives whatever it raises
                delay = self._failed(course, error)

    async def _pause(self, course: _Course, seconds: float) -> None:
        """Sleep, but not longer than until the job is woken."""
        sleeping = asyncio.ensure_future(self._sleep(seconds))
        waking = asyncio.ensure_future(course.woken.wait())
        try:
            await asyncio.wait({sleeping, waking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()
        if course.woken.is_set():
            course.woken.clear()
            course.asked = True  # until it runs, though another process may have the lease now

    async def _turn(self, course: _Course) -> float:
        """Run the job if it is its time; return the seconds until the next look."""
        await self._recall(course)
        if not course.job.able():
            course.asked = True
            return min(course.job.every, UNABLE)
        remaining = self._remaining(course)
        if remaining > 0 and not course.asked and not course.failures:
            return remaining
        if not await self._leases.take(course.lease):
            self._say_that_there_are_others(course)
            return min(course.job.every, STANDBY)
        course.asked = False
        await self._run(course)
        course.last_success = self._clock()
        if course.failures:
            log.info("Job %s works again after %d failures", course.job.name, course.failures)
        course.failures = 0
        course.logged = None
        await self._memory.set(course.success_key, course.last_success.isoformat())
        return course.job.every

    def _say_that_there_are_others(self, course: _Course) -> None:
        """Log it once: two bots on one database may be meant so, or a mistake."""
        if not self._others:
            self._others = True
            log.info(
                "Another process works on this database, and has the job %s just now:"
                " each job runs in one of them, and in the other when that one ends",
                course.job.name,
            )

    async def _recall(self, course: _Course) -> None:
        """Learn of a success before the last restart, or in another process.

        One that is yet to come was noted before the clock was set back, and counts as none: the
        job would rest until then.
        """
        text = await self._memory.get(course.success_key)
        remembered = datetime.fromisoformat(text) if text else None
        latest = self._clock() + timedelta(seconds=self._leases.ttl)  # by another computer's clock
        known = (time for time in (remembered, course.last_success) if time and time <= latest)
        course.last_success = max(known, default=None)

    def _remaining(self, course: _Course) -> float:
        """Return the seconds until the job is due: `every` at most, if the clock was set back."""
        if course.last_success is None:
            return 0.0
        due = course.last_success + timedelta(seconds=course.job.every)
        return min((due - self._clock()).total_seconds(), course.job.every)

    async def _run(self, course: _Course) -> None:
        """Run the job once, and end it if its lease is lost.

        The job has a task of its own, so that a CancelledError which it raises is told from the
        supervisor's end.
        """
        work = asyncio.ensure_future(course.job.run())
        hold = asyncio.ensure_future(self._hold(course))
        course.running = True
        try:
            await asyncio.wait({work, hold}, return_when=asyncio.FIRST_COMPLETED)
            lost = not work.done()
            if lost:
                work.cancel()
                await asyncio.wait({work})  # however long it takes: two runs must never overlap
        finally:
            await _end([work, hold], self._grace)
            course.running = not work.done()
            if course.running:
                log.error("Job %s does not heed its cancellation", course.job.name)
        if lost:
            hold.result()
        if work.cancelled():
            raise RuntimeError("the job was cancelled by something in it")
        work.result()

    async def _hold(self, course: _Course) -> None:
        """Renew the lease while the job runs; raise as soon as it may be another process's."""
        attempts = 3
        failed = 0
        while True:
            await self._sleep(self._leases.ttl / attempts)
            try:
                kept = await self._leases.take(course.lease)
            except UserError:
                failed += 1
                if failed == attempts - 1:  # the next attempt would come when it has expired
                    raise
            else:
                failed = 0
                if not kept:
                    raise RuntimeError("the lease went to another process while the job ran")

    def _failed(self, course: _Course, error: BaseException) -> float:
        """Note and log the failure; return the seconds until the next try.

        A traceback is logged for the first error of its type in a row of failures, none for an
        expected one, whose text says all; so a service that is down all night fills no disk.
        """
        job = course.job
        course.failures += 1
        course.last_error = f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
        backoff = min(job.retry, job.every) * 2.0 ** min(course.failures - 1, 64)
        delay = min(backoff, job.longest_retry) * (1 - self._jitter() / 2)
        new = type(error) is not course.logged and not isinstance(error, UserError)
        course.logged = type(error)
        log.log(
            logging.ERROR if new else logging.WARNING,
            "Job %s failed (%d in a row), next try in %.1f s: %s",
            job.name,
            course.failures,
            delay,
            course.last_error,
            exc_info=error if new else None,
        )
        return delay


async def _end(tasks: Iterable[asyncio.Future[None]], seconds: float) -> None:
    """Cancel the tasks and wait until they have ended, for `seconds` at most."""
    tasks = tuple(tasks)
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)
