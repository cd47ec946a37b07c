"""When a client is started again, when one counts as dead, and how often Discord may be asked."""

import asyncio
import sqlite3
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.db import Database, Identifies
from bot.db.identifies import A_DAY, AT_ONCE, DAY, HOUR, LONGEST_PAUSE, pause
from bot.gateway import STEADY, Backoff, Gateway, Paused, Pulse
from tests.cogs.fakes import Memory
from tests.e2e.loopback import Alone

NOW = 1_800_000_000.0


class TestBackoff:
    def test_pauses_grow_up_to_five_minutes(self) -> None:
        backoff, now, pauses = Backoff(), NOW, []
        for _ in range(9):
            backoff = backoff.after(now, jitter=1)
            pauses.append(backoff.remaining(now))
            now = backoff.until + 1
        assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]

    def test_begin_anew_after_a_client_that_worked(self) -> None:
        failed = Backoff(6, NOW)
        assert failed.after(NOW + STEADY - 1, 1).failures == 7
        assert failed.after(NOW + STEADY, 1) == Backoff(1, NOW + STEADY + 5)

    @pytest.mark.parametrize(("asked", "pause"), [(3, 3), (60, 60), (86_400, LONGEST_PAUSE)])
    def test_pauses_that_discord_wants_are_no_failures(self, asked: float, pause: float) -> None:
        paused = Backoff(2).paused(NOW, asked)
        assert (paused.failures, paused.remaining(NOW)) == (2, pause)

    @given(st.integers(0, 10**6), st.floats(-1e6, 1e6), st.floats(0.75, 1.25))
    def test_are_short_whatever_the_clock_does(
        self, failures: int, turned: float, jitter: float
    ) -> None:
        backoff = Backoff(failures, NOW).after(NOW, jitter)
        assert 0 <= backoff.remaining(NOW + turned) <= 1.25 * LONGEST_PAUSE


class TestPulse:
    def test_a_new_latency_is_a_sign_of_life_and_the_same_one_is_not(self) -> None:
        pulse = Pulse(0)
        pulse.up(0, 1)
        pulse.beat([(0, 0.04)], 10)
        pulse.beat([(0, 0.04)], 20)
        assert pulse.silence(1, 50) == 40
        pulse.beat([(0, 0.05)], 51)
        assert pulse.silence(1, 51) == 0

    def test_no_latency_is_none(self) -> None:
        pulse = Pulse(0)
        pulse.up(0, 1)
        pulse.beat([(0, float("inf"))], 10)
        assert pulse.silence(1, 10) == 9

    def test_what_is_acknowledged_outside_of_a_session_is_none(self) -> None:
        pulse = Pulse(0)
        pulse.up(0, 1)
        pulse.down(0)
        assert not pulse.is_up(1)
        pulse.beat([(0, 0.04)], 10)
        assert pulse.silence(1, 10) == 9
        pulse.up(0, 11)
        assert pulse.is_up(1)
        assert pulse.silence(1, 11) == 0

    def test_the_quietest_shard_counts(self) -> None:
        pulse = Pulse(0)
        pulse.up(0, 1)
        pulse.up(1, 6)
        pulse.beat([(0, 0.1)], 30)
        assert pulse.is_up(2)
        assert pulse.silence(2, 40) == 34

    def test_shards_have_time_one_after_the_other(self) -> None:
        pulse = Pulse(0)
        assert pulse.silence(3, 50) == 50
        for shard in range(3):
            assert not pulse.is_up(3)
            pulse.up(shard, 50 + 5 * shard)
            pulse.beat([(each, 0.01 * (shard + 1)) for each in range(shard + 1)], 50 + 5 * shard)
            assert pulse.silence(3, 50 + 5 * shard) == 0
        assert pulse.is_up(3)


def identified(every: float, shards: int) -> Iterator[float]:
    """Yield when identifies are sent in two days by one who tries again and again."""
    now, earlier = NOW, deque[float]()
    while now < NOW + 2 * DAY:
        while earlier and earlier[0] <= now - DAY:
            earlier.popleft()
        wait = pause(tuple(earlier), now, shards)
        if not wait:
            earlier.append(now)
            yield now
        now += max(every, wait)


class TestPause:
    def test_a_few_wait_for_nothing(self) -> None:
        earlier = [NOW + seconds for seconds in range(AT_ONCE)]
        for count in range(AT_ONCE):
            assert pause(earlier[:count], NOW + count) == 0
        assert pause(earlier, NOW + AT_ONCE) == 4
        assert pause(earlier, NOW + AT_ONCE + HOUR) == 0

    @pytest.mark.parametrize("every", [1.0, 5.0, 61.0, 240.0])
    @pytest.mark.parametrize("shards", [1, 2, 16])
    def test_nobody_gets_near_the_limit(self, every: float, shards: int) -> None:
        times = list(identified(every, shards))
        for number, start in enumerate(times):
            assert bisect_left(times, start + DAY) - number <= A_DAY
        if shards == 1:
            gaps = [after - before for before, after in pairwise(times)]
            assert max(gaps) <= LONGEST_PAUSE + every  # the limit itself holds nobody up

    def test_shards_of_one_start_wait_for_each_other_only(self) -> None:
        earlier = [NOW + seconds for seconds in range(16 * AT_ONCE)]
        assert pause(earlier, NOW + 16 * AT_ONCE, shards=16) == 4
        for shard in range(1, 16):
            earlier.append(earlier[-1] + 5)
            assert pause(earlier, earlier[-1] + 5, 16) == 0, shard

    def test_the_day_is_full(self) -> None:
        earlier = [NOW + 90 * number for number in range(A_DAY)]
        assert pause(earlier, earlier[-1] + 1, 50) == NOW + DAY - earlier[-1] - 1

    @given(st.lists(st.floats(-2 * DAY, 2 * DAY), max_size=20), st.integers(1, 8))
    def test_a_clock_that_was_turned_holds_nobody_up_for_long(
        self, moments: list[float], shards: int
    ) -> None:
        assert 0 <= pause(sorted(NOW + each for each in moments), NOW, shards) <= LONGEST_PAUSE


class TestIdentifies:
    async def test_are_counted_over_restarts_and_by_all_processes(self, tmp_path: Path) -> None:
        async with Database.open(tmp_path / "db") as one, Database.open(tmp_path / "db") as two:
            for number in range(AT_ONCE):
                database = two if number % 2 else one
                assert await Identifies(database, clock=lambda: NOW).take() == 0
            assert await Identifies(one, clock=lambda: NOW).pause() == 5
            assert Identifies(one, clock=lambda: NOW).today() == AT_ONCE
            assert await Identifies(two, clock=lambda: NOW + 1).take() == 4
            assert await Identifies(two, clock=lambda: NOW + 5).take() == 0
        async with Database.open(tmp_path / "db") as later:
            assert await Identifies(later, clock=lambda: NOW + 6).pause() == 9
            assert Identifies(later, clock=lambda: NOW + 6).today() == AT_ONCE + 1
            assert Identifies(later, clock=lambda: NOW + 2 * DAY).today() == 0
            assert await Identifies(later, clock=lambda: NOW + 2 * DAY).take() == 0
            assert len(await later.read("SELECT at FROM identify")) == 1

    async def test_two_processes_at_a_time_do_not_both_take_the_last_one(
        self, tmp_path: Path
    ) -> None:
        async with Database.open(tmp_path / "db") as one, Database.open(tmp_path / "db") as two:
            counts = [Identifies(database, clock=lambda: NOW) for database in (one, two)]
            waits = await asyncio.gather(*(counts[each % 2].take() for each in range(2 * AT_ONCE)))
        assert sorted(waits) == [0] * AT_ONCE + [5] * AT_ONCE

    async def test_are_counted_where_the_database_cannot_be_written(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "db"
        async with Database.open(path, busy_timeout=0.01) as database:
            identifies = Identifies(database, clock=lambda: NOW)
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            waits = [await identifies.take() for _ in range(AT_ONCE + 1)]
            other.close()
            assert waits == [0] * AT_ONCE + [5]
        assert "cannot be counted" in caplog.text


class Refusing:
    """Identifies that have to wait."""

    def __init__(self, *waits: float) -> None:
        self.waits = [*waits, 0.0]

    async def pause(self, shards: int = 1) -> float:
        del shards
        return self.waits[0]

    async def take(self, shards: int = 1) -> float:
        del shards
        return self.waits.pop(0)


async def test_a_short_wait_is_waited_for_and_a_long_one_ends_the_client() -> None:
    refusing = Refusing(0.001, 0.002)
    await Gateway(Alone(), Memory(), refusing).identify()
    assert refusing.waits == []
    with pytest.raises(Paused) as caught:
        await Gateway(Alone(), Memory(), Refusing(31.0)).identify()
    assert caught.value.seconds == 31
