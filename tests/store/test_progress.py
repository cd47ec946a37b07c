"""The history of progress in a database, and all projects read piece by piece."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.compat.model import Verdict
from bot.db import Database
from bot.db.schema import connect
from bot.progress.model import (
    Among,
    Arrival,
    Counts,
    Day,
    Judged,
    Missing,
    OnTarget,
    Series,
    Standing,
)
from bot.progress.store import AT_ONCE, ProgressStore, cached
from tests.unit.progress_pages import compiled, fill, page, release

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = NOON.date()
SUNDAY = date(2026, 11, 15)
COUNTS = Counts(projects=95, ready=80, binaries=40, binaries_ready=30)


def judged(known: int = 95, now: datetime = NOON, counts: Counts = COUNTS) -> Judged:
    target = OnTarget(
        "3.14t",
        "linux-x86_64",
        dict.fromkeys(Among, counts),
        (Arrival("numpy", 15, TODAY),),
        (Missing("grpcio", 18, Verdict.SDIST),),
    )
    standing = Standing(now, dict.fromkeys(Among, 100), dict.fromkeys(Among, known), (target,))
    past = tuple(
        Day(SUNDAY - timedelta(weeks=week), Counts(95, 70, 40, 20 - week), derived=True)
        for week in range(9, -1, -1)
    )
    return Judged(standing, tuple(Series(among, "3.14t", "linux-x86_64", past) for among in Among))


@dataclass
class Kept:
    database: Database
    store: ProgressStore

    async def days(self) -> list[tuple[date, int, bool]]:
        (series,) = await self.store.history(Among.TOP_1000)
        return [(each.day, each.counts.binaries_ready, each.derived) for each in series.days]


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    async with Database.open(tmp_path / "file") as database:
        yield Kept(database, ProgressStore(database))


async def test_nothing_is_known_at_first(kept: Kept) -> None:
    assert await kept.store.standing() is None
    assert await kept.store.history(Among.TOP_1000) == ()


async def test_what_was_judged_comes_back_as_it_was(kept: Kept) -> None:
    given = judged()
    await kept.store.put(given)
    assert await kept.store.standing() == given.standing
    days = await kept.days()
    assert days[-1] == (TODAY, 30, False)
    assert days[:-1] == [
        (SUNDAY - timedelta(weeks=week), 20 - week, True) for week in range(9, -1, -1)
    ]


async def test_a_day_is_recorded_once_as_it_was_at_last(kept: Kept) -> None:
    await kept.store.put(judged())
    await kept.store.put(judged(counts=replace(COUNTS, binaries_ready=31)))
    assert (await kept.days())[-1] == (TODAY, 31, False)
    assert len(await kept.days()) == 11


async def test_what_was_recorded_stays_and_what_is_derived_ends_where_it_begins(
    kept: Kept,
) -> None:
    await kept.store.put(judged(now=NOON - timedelta(weeks=2)))
    await kept.store.put(judged())
    begun = TODAY - timedelta(weeks=2)
    days = await kept.days()
    assert [day for day, _, derived in days if not derived] == [begun, TODAY]
    assert max(day for day, _, derived in days if derived) < begun


async def test_while_much_is_unknown_nothing_is_recorded(kept: Kept) -> None:
    await kept.store.put(judged(known=50))
    assert all(derived for _, _, derived in await kept.days())
    standing = await kept.store.standing()
    assert standing is not None
    assert standing.known[Among.TOP_1000] == 50


async def test_the_past_is_derived_anew_each_time(kept: Kept) -> None:
    await kept.store.put(judged())
    await kept.store.put(Judged(judged().standing, ()))
    assert await kept.days() == [(TODAY, 30, False)]


async def test_another_platform_has_another_history(kept: Kept) -> None:
    await kept.store.put(judged())
    assert len(await kept.store.history(Among.TOP_360, "linux-x86_64")) == 1
    assert await kept.store.history(Among.TOP_360, "windows-amd64") == ()


async def test_what_another_version_stored_counts_as_nothing(kept: Kept) -> None:
    await kept.store.put(judged())
    async with kept.database.write() as tx:
        await tx.execute("UPDATE document SET body = ? WHERE name = 'progress'", (b'{"old": 1}',))
    assert await kept.store.standing() is None


def read(path: Path, *names: str) -> list[str]:
    with closing(connect(path, 0)) as connection:
        return [project.name for project in cached(connection, names)]


async def test_cached_projects_come_in_the_order_asked_for(kept: Kept) -> None:
    files = page("demo", release("demo", "1.0", NOON, *compiled(["314t"])))
    names = [f"p{number}" for number in range(3 * AT_ONCE + 1)]
    await fill(kept.database, ((name, files) for name in names))
    path = kept.database.path
    assert read(path, *reversed(names)) == names[::-1]
    assert read(path, "absent", "p1", "'; DROP TABLE project; --") == ["p1"]
    assert read(path) == []


async def test_documents_that_cannot_be_read_count_as_unknown(kept: Kept) -> None:
    files = page("demo", release("demo", "1.0", NOON, *compiled(["314t"])))
    await fill(kept.database, [("good", files), ("bad", files), ("undated", files)])
    async with kept.database.write() as tx:
        await tx.execute("UPDATE project SET document = '[' WHERE name = 'bad'")
        await tx.execute("UPDATE project SET fetched = 'once' WHERE name = 'undated'")
    assert read(kept.database.path, "bad", "good", "undated") == ["good"]


async def test_only_some_are_in_memory_together(kept: Kept) -> None:
    files = page("demo", release("demo", "1.0", NOON, *compiled(["314t"])))
    names = [f"p{number}" for number in range(4 * AT_ONCE)]
    await fill(kept.database, ((name, files) for name in names))
    asked: list[str] = []
    with closing(connect(kept.database.path, 0)) as connection:
        connection.set_trace_callback(asked.append)
        projects = cached(connection, names)
        next(projects)
        assert len([sql for sql in asked if "FROM project" in sql]) == 1
        assert len(list(projects)) == len(names) - 1
    assert len([sql for sql in asked if "FROM project" in sql]) == 4


def test_numbers_of_parameters_stay_below_what_any_sqlite_takes() -> None:
    assert AT_ONCE < 999
    assert sqlite3.sqlite_version_info > (3, 37)
