"""The Supervisor under a clock that the test turns."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from bot.background import Job, Supervisor
from bot.errors import DatabaseError, ServiceError

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that stands still until `advance`; `sleep` waits for it."""

    def __init__(self) -> None:
        self.now = START
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def __call__(self) -> datetime:
        return self.now

    @property
    def elapsed(self) -> float:
        return (self.now - START).total_seconds()

    async def sleep(self, seconds: float) -> None:
        sleeper = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + timedelta(seconds=seconds), sleeper))
        await sleeper

    async def advance(self, seconds: float) -> None:
        """Let time pass, stopping wherever somebody wakes up."""
        end = self.now + timedelta(seconds=seconds)
        await settle()
        while due := [at for at, sleeper in self._sleepers if at <= end and not sleeper.done()]:
            self.now = max(self.now, min(due))
            for at, sleeper in self._sleepers:
                if at <= self.now and not sleeper.done():
                    sleeper.set_result(None)
            self._sleepers = [pair for pair in self._sleepers if not pair[1].done()]
            await settle()
        self.now = end


async def settle() -> None:
    """Let everybody go on until all wait for the clock."""
    for _ in range(30):
        await asyncio.sleep(0)


class Shared:
    """What processes share: leases by the clock, and a memory. `down` makes both fail."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.leases: dict[str, tuple[object, float]] = {}
        self.values: dict[str, str] = {}
        self.down = False

    def fail_if_down(self) -> None:
        if self.down:
            raise DatabaseError("The database is locked.")

    async def get(self, key: str) -> str | None:
        self.fail_if_down()
        return self.values.get(key)

    async def set(self, key: str, value: str) -> None:
        self.fail_if_down()
        self.values[key] = value


class Owner:
    """The leases of one process."""

    def __init__(self, shared: Shared, ttl: float = 10) -> None:
        self.ttl = ttl
        self.shared = shared

    async def take(self, name: str) -> bool:
        self.shared.fail_if_down()
        now = self.shared.clock.elapsed
        owner, expires = self.shared.leases.get(name, (self, 0.0))
        if owner is not self and expires > now:
            return False
        self.shared.leases[name] = (self, now + self.ttl)
        return True

    async def release(self, name: str) -> None:
        if self.shared.leases.get(name, (None, 0))[0] is self:
            del self.shared.leases[name]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shared(clock: Clock) -> Shared:
    return Shared(clock)


def supervisor(shared: Shared, *jobs: Job, grace: float = 0.4) -> Supervisor:
    clock = shared.clock
    return Supervisor(
        jobs, Owner(shared), shared, clock=clock, sleep=clock.sleep, jitter=lambda: 0, grace=grace
    )


class Recorder:
    """A job's `run` that notes when it ran, and does what the test says."""

    def __init__(self, clock: Clock, action: Callable[[], Awaitable[None]] | None = None) -> None:
        self.clock = clock
        self.action = action
        self.times: list[float] = []

    async def __call__(self) -> None:
        self.times.append(self.clock.elapsed)
        if self.action is not None:
            await self.action()


def failing(error: BaseException) -> Callable[[], Awaitable[None]]:
    async def fail() -> None:
        raise error

    return fail


async def test_a_job_runs_at_once_and_then_at_its_interval(clock: Clock, shared: Shared) -> None:
    fast, slow = Recorder(clock), Recorder(clock, lambda: clock.sleep(5))
    async with supervisor(shared, Job("fast", fast, every=10), Job("slow", slow, every=10)) as s:
        await clock.advance(1)
        assert [(status.name, status.running) for status in s.statuses()] == [
            ("fast", False),
            ("slow", True),
        ]
        await clock.advance(39)
    assert fast.times == [0, 10, 20, 30, 40]
    assert slow.times == [0, 15, 30]


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError("oops"),
        ServiceError("The index is down."),
        OSError(),
        asyncio.CancelledError(),
        BaseException("odd"),
        TimeoutError(),
    ],
    ids=repr,
)
async def test_a_job_survives_whatever_it_raises(
    clock: Clock, shared: Shared, error: BaseException
) -> None:
    run = Recorder(clock, failing(error))
    async with supervisor(shared, Job("job", run, every=60, retry=2)) as s:
        await clock.advance(1)
        (status,) = s.statuses()
        assert (status.failures, status.last_success, status.running) == (1, None, False)
        assert status.last_error
        run.action = None
        await clock.advance(2)
        (status,) = s.statuses()
        assert (status.failures, status.last_success) == (0, START + timedelta(seconds=2))
        assert status.last_error
        await clock.advance(60)
    assert run.times == [0, 2, 62]


async def test_failures_back_off_up_to_a_limit_and_then_return(
    clock: Clock, shared: Shared
) -> None:
    run = Recorder(clock, failing(ZeroDivisionError()))
    job = Job("job", run, every=60, retry=5, longest_retry=100)
    async with supervisor(shared, job):
        await clock.advance(400)
        gaps = [after - before for before, after in zip(run.times, run.times[1:], strict=False)]
        assert gaps == [5, 10, 20, 40, 80, 100, 100]
        run.action = None
        await clock.advance(300)
    assert run.times[-5:] == [455, 515, 575, 635, 695]


async def test_a_fast_job_is_not_retried_faster_than_it_runs(clock: Clock, shared: Shared) -> None:
    run = Recorder(clock, failing(ZeroDivisionError()))
    async with supervisor(shared, Job("job", run, every=0.5)):
        await clock.advance(4)
    assert run.times == [0, 0.5, 1.5, 3.5]


async def test_jitter_takes_off_up_to_half(clock: Clock, shared: Shared) -> None:
    run = Recorder(clock, failing(ZeroDivisionError()))
    jitter = iter([0.0, 0.5, 0.75, 0.0])
    job = Job("job", run, every=60, retry=8)
    async with Supervisor(
        [job], Owner(shared), shared, clock=clock, sleep=clock.sleep, jitter=lambda: next(jitter)
    ):
        await clock.advance(40)
    assert run.times == [0, 8, 20, 40]


async def test_a_thousand_failures_do_not_overflow(clock: Clock, shared: Shared) -> None:
    run = Recorder(clock, failing(ZeroDivisionError()))
    job = Job("job", run, every=60, retry=1, longest_retry=2)
    async with supervisor(shared, job) as s:
        await clock.advance(2 * 1100)
        assert s.statuses()[0].failures > 1050


async def test_a_traceback_is_logged_once_in_a_row_of_failures(
    clock: Clock, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.background")
    run = Recorder(clock, failing(ZeroDivisionError("oops")))
    job = Job("job", run, every=10, retry=10, longest_retry=10)
    async with supervisor(shared, job):
        await clock.advance(25)
        run.action = failing(KeyError("other"))
        await clock.advance(10)
        run.action = failing(ServiceError("The index is down."))
        await clock.advance(10)
        run.action = None
        await clock.advance(10)
        run.action = failing(ZeroDivisionError("again"))
        await clock.advance(10)
    assert [(record.levelname, bool(record.exc_info)) for record in caplog.records] == [
        ("ERROR", True),
        ("WARNING", False),
        ("WARNING", False),
        ("ERROR", True),
        ("WARNING", False),
        ("INFO", False),
        ("ERROR", True),
    ]
    assert "ZeroDivisionError: oops" in caplog.records[1].message
    assert "works again after 5 failures" in caplog.records[5].message


async def test_the_shown_error_is_short(clock: Clock, shared: Shared) -> None:
    run = Recorder(clock, failing(ValueError("x" * 1_000_000)))
    async with supervisor(shared, Job("job", run, every=10)) as s:
        await clock.advance(1)
        assert len(s.statuses()[0].last_error or "") == 500


async def test_waking(clock: Clock, shared: Shared) -> None:
    run = Recorder(clock)
    async with supervisor(shared, Job("job", run, every=100, retry=50)) as s:
        await clock.advance(7)
        s.wake("job")
        await clock.advance(1)
        assert run.times == [0, 7]
        run.action = failing(ZeroDivisionError())
        await clock.advance(100)
        assert run.times == [0, 7, 107]
        run.action = None
        s.wake("job")  # from its backing off
        await clock.advance(1)
        assert run.times == [0, 7, 107, 108]
        run.action = lambda: clock.sleep(5)
        s.wake("job")
        await clock.advance(1)
        s.wake("job")  # while it runs
        s.wake("job")
        await clock.advance(20)
        assert run.times == [0, 7, 107, 108, 109, 114]
        with pytest.raises(KeyError):
            s.wake("nobody")


async def test_a_woken_run_that_fails_is_tried_again_before_its_interval(
    clock: Clock, shared: Shared
) -> None:
    run = Recorder(clock)
    async with supervisor(shared, Job("job", run, every=1000, retry=5)) as s:
        await clock.advance(7)
        run.action = failing(ZeroDivisionError())
        s.wake("job")
        await clock.advance(6)
    assert run.times == [0, 7, 12]


async def test_names_are_unique(shared: Shared, clock: Clock) -> None:
    with pytest.raises(ValueError, match="two jobs"):
        supervisor(shared, Job("a", Recorder(clock), 1), Job("a", Recorder(clock), 1))


async def test_a_restart_keeps_the_interval_and_the_last_success(
    clock: Clock, shared: Shared
) -> None:
    run = Recorder(clock)
    for _ in range(3):
        async with supervisor(shared, Job("daily", run, every=1000)) as s:
            await clock.advance(400)
            assert s.statuses()[0].last_success == START + timedelta(seconds=run.times[-1])
    assert run.times == [0, 1000]


class WallClock:
    """Tells the time that is set, an offset from that of a clock that always goes on."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.offset = timedelta()

    def __call__(self) -> datetime:
        return self.clock.now + self.offset


@pytest.mark.parametrize("hours", [1, -1, 24 * 365 * 4, -24 * 365 * 4])
async def test_a_clock_that_is_set_delays_nothing(
    clock: Clock, shared: Shared, hours: float
) -> None:
    run, wall = Recorder(clock), WallClock(clock)
    for _ in range(2):  # also not after a restart
        supervised = Supervisor(
            [Job("job", run, every=60)],
            Owner(shared),
            shared,
            clock=wall,
            sleep=clock.sleep,
            jitter=lambda: 0,
        )
        async with supervised as s:
            await clock.advance(150)
            wall.offset += timedelta(hours=hours)
            await clock.advance(150)
            last = s.statuses()[0].last_success
            assert last
            assert timedelta(0) <= wall() - last <= timedelta(seconds=60)
    assert run.times[0] == 0
    gaps = [later - earlier for earlier, later in pairwise(run.times)]
    assert max(gaps) == 60
    assert len(run.times) <= 600 / 60 + 3


async def test_the_second_process_says_once_that_it_is_not_alone(
    clock: Clock, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.background")
    jobs = [Job(f"job {n}", Recorder(clock, lambda: clock.sleep(30)), every=10) for n in range(3)]
    async with supervisor(shared, *jobs):
        await clock.advance(1)
        assert caplog.messages == []
        async with supervisor(shared, *jobs):
            await clock.advance(9)
    (said,) = caplog.messages
    assert said.startswith("Another process works on this database, and has the job job 0")


async def test_what_cannot_be_remembered_is_a_failure_that_ends(
    clock: Clock, shared: Shared
) -> None:
    run = Recorder(clock)
    shared.down = True
    async with supervisor(shared, Job("job", run, every=60, retry=4)) as s:
        await clock.advance(5)
        assert run.times == []
        assert s.statuses()[0].last_error == "DatabaseError: The database is locked."
        shared.down = False
        await clock.advance(10)
        assert run.times == [12]


# Leases


async def test_a_job_runs_in_one_process_which_hands_over_at_its_end(
    clock: Clock, shared: Shared
) -> None:
    one, two = Recorder(clock), Recorder(clock)
    async with supervisor(shared, Job("job", two, every=4)) as second:
        async with supervisor(shared, Job("job", one, every=4)):
            await clock.advance(21)
        owners = sorted([one.times, two.times], key=len)
        assert owners == [[], [0, 4, 8, 12, 16, 20]]
        assert second.statuses()[0].last_success is not None
        before = len(two.times)
        await clock.advance(20)
        assert len(two.times) >= before + 4


async def test_the_lease_of_a_killed_process_expires(clock: Clock, shared: Shared) -> None:
    killed = Owner(shared)
    assert await killed.take("job.job")
    run = Recorder(clock)
    async with supervisor(shared, Job("job", run, every=3)):
        await clock.advance(16)
    assert run.times == [10, 13, 16]


async def test_a_job_is_left_to_those_who_are_able_to_do_it(clock: Clock, shared: Shared) -> None:
    one, two, able = Recorder(clock), Recorder(clock), False
    async with (
        supervisor(shared, Job("job", one, every=10, able=lambda: able)),
        supervisor(shared, Job("job", two, every=10)),
    ):
        await clock.advance(25)
    assert (one.times, two.times) == ([], [0, 10, 20])
    async with supervisor(shared, Job("job", one, every=10, able=lambda: able)):
        await clock.advance(10)
        able = True
        await clock.advance(2)
    assert one.times == [35.25]


async def test_a_job_runs_as_soon_as_one_is_able_to_do_it(clock: Clock, shared: Shared) -> None:
    """Though it ran a moment ago: what it could not do then waits for it."""
    run, able = Recorder(clock), True
    job = Job("job", run, every=10, able=lambda: able)
    async with supervisor(shared, job):
        await clock.advance(1)
    able = False
    async with supervisor(shared, job):
        await clock.advance(2)
        assert run.times == [0]
        able = True
        await clock.advance(0.25)
        assert run.times == [0, 3.25]
        await clock.advance(8)
    assert run.times == [0, 3.25]


async def test_another_process_goes_on_at_once_where_one_ends(clock: Clock, shared: Shared) -> None:
    one, two = Recorder(clock, lambda: clock.sleep(100)), Recorder(clock)
    async with AsyncExitStack() as ends:
        await ends.enter_async_context(supervisor(shared, Job("job", one, every=60)))
        await clock.advance(1)
        async with supervisor(shared, Job("job", two, every=60)):
            await clock.advance(29)
            assert (one.times, two.times) == ([0], [])
            await ends.aclose()
            await clock.advance(1)
    assert two.times == [31]


async def test_the_lease_is_renewed_while_the_job_runs(clock: Clock, shared: Shared) -> None:
    run = Recorder(clock, lambda: clock.sleep(100))
    async with supervisor(shared, Job("job", run, every=3)):
        await clock.advance(1)
        for _ in range(30):
            await clock.advance(3)
            assert not await Owner(shared).take("job.job")


async def test_a_wake_is_kept_until_another_process_is_done(clock: Clock, shared: Shared) -> None:
    run = Recorder(clock)
    shared.values["job.job.last_success"] = START.isoformat()
    async with supervisor(shared, Job("job", run, every=1000)) as s:
        await Owner(shared).take("job.job")
        await clock.advance(1)
        s.wake("job")
        await clock.advance(20)
    assert run.times == [10]


async def test_a_job_ends_when_its_lease_is_lost(clock: Clock, shared: Shared) -> None:
    run = Recorder(clock, lambda: clock.sleep(100))
    async with supervisor(shared, Job("job", run, every=3)) as s:
        await clock.advance(1)
        shared.leases["job.job"] = (object(), 50.0)
        await clock.advance(9)
        (status,) = s.statuses()
        assert not status.running
        assert "the lease went to another process" in (status.last_error or "")
        await clock.advance(50)
        assert len(run.times) == 2
        assert run.times[1] >= 50


async def test_a_job_that_lost_its_lease_ends_before_it_runs_again(
    clock: Clock, shared: Shared
) -> None:
    events: list[tuple[str, int]] = []

    async def slow_to_end() -> None:
        events.append(("begins", int(clock.elapsed)))
        try:
            await clock.sleep(100)
        except asyncio.CancelledError:
            await clock.sleep(40)
        events.append(("ends", int(clock.elapsed)))

    async with supervisor(shared, Job("job", slow_to_end, every=3, retry=1), grace=0.01):
        await clock.advance(1)
        shared.leases["job.job"] = (object(), 30.0)
        await clock.advance(150)
    assert events == [("begins", 0), ("ends", 43), ("begins", 44), ("ends", 144), ("begins", 147)]


@pytest.mark.parametrize(("outage", "ended"), [(3, False), (12, True)])
async def test_a_short_outage_of_the_database_ends_no_job(
    clock: Clock, shared: Shared, outage: float, ended: bool
) -> None:
    run = Recorder(clock, lambda: clock.sleep(100))
    async with supervisor(shared, Job("job", run, every=3)) as s:
        await clock.advance(1)
        shared.down = True
        await clock.advance(outage)
        shared.down = False
        await clock.advance(0.1)
        assert s.statuses()[0].running is not ended


@pytest.mark.parametrize("seed", range(15))
async def test_never_two_at_once(clock: Clock, shared: Shared, seed: int) -> None:
    """Three processes start, end and are killed at random; their runs never overlap."""
    chance = random.Random(seed)
    running = 0
    runs = 0

    async def run() -> None:
        nonlocal running, runs
        running += 1
        assert running == 1
        runs += 1
        try:
            await clock.sleep(chance.uniform(0, 30))
            if chance.random() < 0.3:
                raise ZeroDivisionError
        finally:
            running -= 1

    @asynccontextmanager
    async def process() -> AsyncIterator[Supervisor]:
        async with supervisor(shared, Job("job", run, every=5)) as s:
            yield s
            if chance.random() < 0.3:  # killed: nobody gives back the lease
                s._leases = Owner(shared)

    for _ in range(10):
        async with AsyncExitStack() as stack:
            supervisors = []
            for _ in range(3):
                supervisors.append(await stack.enter_async_context(process()))
                await clock.advance(chance.uniform(0, 20))
            for _ in range(5):
                await clock.advance(chance.uniform(0, 20))
                if chance.random() < 0.5:
                    chance.choice(supervisors).wake("job")
            for s in supervisors:
                assert "AssertionError" not in (s.statuses()[0].last_error or "")
    assert runs > 20
    assert running == 0


# The end


async def test_the_end_cancels_what_runs_and_gives_leases_back(
    clock: Clock, shared: Shared
) -> None:
    cleaned: list[str] = []

    async def run() -> None:
        try:
            await clock.sleep(1000)
        finally:
            await asyncio.sleep(0)
            cleaned.append("up")

    idle = Recorder(clock)
    async with supervisor(shared, Job("busy", run, every=1), Job("idle", idle, every=50)) as s:
        await clock.advance(1)
        assert set(shared.leases) == {"job.busy", "job.idle"}
    assert cleaned == ["up"]
    assert shared.leases == {}
    assert not any(status.running for status in s.statuses())
    assert all(status.failures == 0 for status in s.statuses())


async def test_a_job_that_does_not_end_is_left_behind_within_a_second(
    clock: Clock, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    let_go = asyncio.Event()

    async def stubborn() -> None:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    began = time.monotonic()
    async with supervisor(shared, Job("stubborn", stubborn, every=1)) as s:
        await clock.advance(1)
    assert time.monotonic() - began < 1
    assert set(shared.leases) == {"job.stubborn"}, "it runs on, so nobody else may"
    assert s.statuses()[0].running
    assert "stubborn does not heed its cancellation" in caplog.text
    let_go.set()
    await settle()


async def test_the_end_does_not_wait_for_a_database_that_hangs(
    clock: Clock, shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    class Hanging(Owner):
        async def release(self, name: str) -> None:
            await asyncio.Event().wait()
            await super().release(name)

    async with Supervisor(
        [Job("job", Recorder(clock), every=1)],
        Hanging(shared),
        shared,
        clock=clock,
        sleep=clock.sleep,
        grace=0.01,
    ):
        await settle()
    assert "expire by themselves" in caplog.text
