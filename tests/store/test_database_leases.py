"""Leases and memory: what processes agree on through the database."""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.background import Job, Supervisor
from bot.db import Database, Leases, Memory
from bot.db.leases import _HOST, _PROCESS, _is_gone
from tests.clock import Clock


async def test_a_lease_is_taken_renewed_expires_and_is_given_back(tmp_path: Path) -> None:
    clock = Clock(1_000_000.0)
    async with Database.open(tmp_path / "db") as db:
        one = Leases(db, owner="one", ttl=10, clock=clock)
        two = Leases(db, owner="two", ttl=10, clock=clock)
        assert await one.take("job")
        assert not await two.take("job")
        assert await two.take("other job")
        clock.now += 9
        assert await one.take("job")
        clock.now += 9
        assert not await two.take("job")
        clock.now += 1
        assert await two.take("job")
        assert not await one.take("job")
        await one.release("job")
        assert not await one.take("job")
        await two.release("job")
        assert await one.take("job")


async def test_owners_differ_by_default(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "db") as one, Database.open(tmp_path / "db") as two:
        taken = await asyncio.gather(*(Leases(db).take("job") for db in (one, two, one, two)))
    assert sorted(taken) == [False, False, False, True]


Step = tuple[str, str, int]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["take", "take", "release"]),
            st.sampled_from(["one", "two", "three"]),
            st.integers(0, 12),
        ),
        max_size=20,
    )
)
def test_a_lease_has_one_owner_whatever_happens(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(compare_with_model(Path(folder) / "db", steps))


async def compare_with_model(path: Path, steps: list[Step]) -> None:
    clock = Clock(1_000_000.0)
    owner, expires = None, 0.0
    async with Database.open(path) as db:
        for verb, name, seconds in steps:
            clock.now += seconds
            leases = Leases(db, owner=name, ttl=10, clock=clock)
            if verb == "release":
                await leases.release("job")
                owner = None if owner == name else owner
                continue
            free = owner in (None, name) or expires <= clock.now
            assert await leases.take("job") == free
            if free:
                owner, expires = name, clock.now + 10


async def test_a_supervisor_stands_on_them(tmp_path: Path) -> None:
    """Two processes' supervisors, each with a database of its own on the same file."""
    runs: asyncio.Queue[str] = asyncio.Queue()

    def job(name: str) -> Job:
        async def run() -> None:
            runs.put_nowait(name)

        return Job("job", run, every=0.01)

    async with Database.open(tmp_path / "db") as one, Database.open(tmp_path / "db") as two:
        async with Supervisor([job("one")], Leases(one), Memory(one)):
            assert await runs.get() == "one"
            async with Supervisor([job("two")], Leases(two), Memory(two)) as second:
                assert [await runs.get() for _ in range(5)] == ["one"] * 5
                assert second.statuses()[0].last_success is not None
        assert await one.read("SELECT * FROM lease") == []
        while not runs.empty():
            runs.get_nowait()
        async with Supervisor([job("two")], Leases(two), Memory(two)):
            assert await runs.get() == "two"


async def test_memory_keeps_the_last_value(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "db") as db:
        memory = Memory(db)
        assert await memory.get("key") is None
        await memory.set("key", "one")
        await memory.set("key", "two")
        await memory.set("other", "three")
    async with Database.open(tmp_path / "db") as db:
        assert await Memory(db).get("key") == "two"
        assert await Memory(db).get("other") == "three"


@pytest.fixture
def held_by_the_dead(tmp_path: Path) -> Path:
    """A database where a process that has ended took the lease `job` for an hour."""
    path = tmp_path / "file"
    command = [sys.executable, "-c", HOLDER, str(path)]
    root = Path(__file__).parents[2]
    child = subprocess.run(command, check=True, capture_output=True, cwd=root, text=True)
    assert child.stdout.strip() == "True"
    return path


async def test_the_lease_of_a_dead_process_is_free_at_once(held_by_the_dead: Path) -> None:
    async with Database.open(held_by_the_dead) as db:
        assert await Leases(db).take("job")
        assert not await Leases(db).take("job")  # of another owner in a living process


HOLDER = """
import asyncio, sys
from pathlib import Path
from bot.db import Database, Leases

async def main():
    async with Database.open(Path(sys.argv[1])) as db:
        print(await Leases(db, ttl=3600).take("job"))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("owner", "gone"),
    [
        ("one", False),
        ("elsewhere/1/aa/bb", False),
        (f"{_HOST}/{os.getpid()}/{_PROCESS}/aa", False),
        (f"{_HOST}/{os.getpid()}/an earlier process/aa", True),
        (f"{_HOST}/1/aa/bb", False),
        (f"{_HOST}/99999999999999999999/aa/bb", False),
        (f"{_HOST}/none/aa/bb", False),
    ],
    ids=["one", "elsewhere", "this", "this before", "living", "impossible", "no number"],
)
def test_who_is_gone(owner: str, gone: bool) -> None:
    assert _is_gone(owner) is gone


@pytest.mark.parametrize("hours", [1, -1, 9_000, -9_000])
async def test_a_clock_that_is_set_keeps_no_lease_from_anybody(tmp_path: Path, hours: int) -> None:
    clock = Clock(1_000_000.0)
    async with Database.open(tmp_path / "db") as db:
        one = Leases(db, owner="one", ttl=10, clock=clock)
        two = Leases(db, owner="two", ttl=10, clock=clock)
        assert await one.take("job")
        clock.now += hours * 3_600
        assert await one.take("job")  # who has it renews it, and has it by the new time
        assert not await two.take("job")
        clock.now += hours * 3_600
        assert await two.take("job")
        assert not await one.take("job")
        clock.now += 10
        assert await one.take("job")
