"""What was read of wheels, by hash and by name, and the queue of what is to be read."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.db import Database
from bot.xray import store as module
from bot.xray.model import Gil, Module, ModuleVerdict, WheelReading
from bot.xray.store import Wanted, XrayStore

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
FILE, OTHER = "made_up-1.0-cp314-cp314t-win_amd64.whl", "made_up-1.0-cp314-cp314t-win_arm64.whl"
SHA = "ab" * 32
RE_ENABLES, KEEPS, UNKNOWN = (
    ModuleVerdict.RE_ENABLES,
    ModuleVerdict.KEEPS_OFF,
    ModuleVerdict.UNKNOWN,
)
READING = WheelReading(
    FILE,
    RE_ENABLES,
    (
        Module("made_up.a", "made_up/a.pyd", RE_ENABLES, "slots end without Py_mod_gil"),
        Module("made_up.b", "made_up/b.pyd", KEEPS, "Py_mod_gil = Py_MOD_GIL_NOT_USED"),
    ),
    not_modules=1,
)
SHORT = Gil(RE_ENABLES, FILE, 2, ("made_up.a",))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> XrayStore:
    return XrayStore(database)


async def put(store: XrayStore, reading: WheelReading = READING, sha: str | None = SHA) -> None:
    await store.put(reading, sha, whole=True, moment=NOON)


async def test_what_was_read_comes_back_whole_and_in_short(store: XrayStore) -> None:
    await put(store)
    assert await store.reading(FILE) == READING
    assert store.glance((FILE, OTHER)) == {FILE: SHORT}
    assert await store.known([OTHER, FILE]) == {FILE: SHORT}
    assert await store.reading(OTHER) is None


async def test_a_reading_of_parts_gives_way_to_one_of_the_whole(
    store: XrayStore, database: Database
) -> None:
    in_parts = replace(READING, verdict=KEEPS, modules=READING.modules[1:])
    await store.put(in_parts, SHA, whole=False, moment=NOON)
    assert await store.reading(FILE) == in_parts
    await store.put(READING, SHA, whole=True, moment=NOON)
    assert await store.reading(FILE) == READING
    assert store.glance((FILE,)) == {FILE: SHORT}
    rows = await database.read("SELECT whole FROM xray_reading")
    assert [row["whole"] for row in rows] == [1]


async def test_the_same_is_given_until_it_changes(store: XrayStore) -> None:
    await put(store)
    first = store.glance((FILE, OTHER))
    assert store.glance((FILE, OTHER)) is first
    await put(store, WheelReading(OTHER, KEEPS), "cd" * 32)
    second = store.glance((FILE, OTHER))
    assert set(second) == {FILE, OTHER}
    assert store.glance((FILE, OTHER)) is second


async def test_a_wheel_of_the_same_hash_is_not_read_again(store: XrayStore) -> None:
    await put(store)
    await store.want([Wanted(OTHER, "made-up", 1)], 0)
    found = await store.reading_of(SHA, OTHER)
    assert found
    assert (found.wheel, found.modules) == (OTHER, READING.modules)
    assert set(store.glance((FILE, OTHER))) == {FILE, OTHER}
    assert await store.waiting() == 0
    assert await store.reading_of("ef" * 32, "else.whl") is None


async def test_other_rules_read_anew(store: XrayStore, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(store)
    monkeypatch.setattr(module, "READER", module.READER + 1)
    assert store.glance((FILE,)) == {}
    assert await store.reading(FILE) is None
    assert await store.reading_of(SHA, FILE) is None
    await store.want([Wanted(FILE, "made-up", 1)], 0)
    assert await store.waiting() == 1
    await put(store)
    assert set(store.glance((FILE,))) == {FILE}


async def test_a_failure_is_told_but_unsays_nothing(store: XrayStore) -> None:
    failed = WheelReading(FILE, UNKNOWN, reason="it was replaced while it was being read")
    await put(store, failed, None)
    assert store.glance((FILE,))[FILE] == Gil(UNKNOWN, FILE, 0, (), failed.reason)
    assert await store.count() == 0
    await store.want([Wanted(FILE, "made-up", 1)], 0)
    assert await store.waiting() == 1
    await put(store)
    assert await store.waiting() == 0
    await put(store, failed, None)
    assert store.glance((FILE,)) == {FILE: SHORT}
    assert await store.count() == 1


async def test_what_is_damaged_counts_as_nothing(store: XrayStore, database: Database) -> None:
    await put(store)
    async with database.write() as tx:
        await tx.execute("UPDATE xray_reading SET document = ?", (b"nonsense",))
    assert await store.reading(FILE) is None
    assert await store.reading_of(SHA, FILE) is None


async def test_the_queue_goes_by_priority_and_time(store: XrayStore) -> None:
    await store.want([Wanted("late", "p", 1)], 20)
    await store.want([Wanted("popular", "p", 2), Wanted("popular2", "q", 2)], 0)
    await store.want([Wanted("asked", "p", 1)], 10)
    assert await store.due(5, 1) is None
    assert await store.due(5, 2) == Wanted("popular", "p", 2)
    assert await store.due(15, 2) == Wanted("asked", "p", 1)
    await store.postpone("asked", 100, failed=True)
    assert await store.due(50, 1) == Wanted("late", "p", 1)
    await store.postpone("late", 200, failed=False)
    assert await store.due(150, 1) == Wanted("asked", "p", 1, attempts=1)
    assert await store.wanted_of("p") == {"late", "popular", "asked"}
    await store.give_up("asked")
    assert await store.due(150, 1) is None


async def test_who_asks_again_may_hasten_but_not_slow_down(store: XrayStore) -> None:
    await store.want([Wanted(FILE, "p", 2)], 0)
    await store.postpone(FILE, 100, failed=True)
    await store.want([Wanted(FILE, "p", 0)], 5)
    await store.want([Wanted(FILE, "p", 1)], 5)
    assert await store.due(50, 2) is None
    assert await store.due(100, 0) == Wanted(FILE, "p", 0, attempts=1)


async def test_what_is_known_is_not_wanted(store: XrayStore) -> None:
    await put(store)
    await store.want([Wanted(FILE, "p", 0)], 0)
    assert await store.waiting() == 0


async def test_the_queue_has_an_end(store: XrayStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WANTED", 3)
    await store.want([Wanted(str(number), "p", 0) for number in range(9)], 0)
    assert await store.waiting() == 3


async def test_bytes_are_counted_by_day(store: XrayStore) -> None:
    assert await store.spent("2026-11-22") == 0
    await store.spend("2026-11-22", 5)
    await store.spend("2026-11-22", 7)
    assert await store.spent("2026-11-22") == 12
    await store.spend("2026-11-23", 1)
    assert (await store.spent("2026-11-22"), await store.spent("2026-11-23")) == (0, 1)


async def test_a_glance_at_the_wheels_of_an_answer_is_short(store: XrayStore) -> None:
    files = tuple(f"made_up-1.0-cp314-cp314t-{number}.whl" for number in range(24))
    for number, file in enumerate(files):
        await put(store, WheelReading(file, RE_ENABLES, READING.modules), f"{number:064}")
    times = []
    for _ in range(50):
        begun = time.perf_counter()
        store.glance(files)
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.001
