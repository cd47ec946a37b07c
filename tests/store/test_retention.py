"""What is forgotten when it is old, and what is not, however old it is."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from bot.audit.requirements.model import Requirements
from bot.audit.requirements.store import RequirementStore
from bot.db import Database, retention
from bot.db.retention import (
    DELIVERIES_KEPT,
    METADATA_KEPT,
    NEWS_KEPT,
    PAGES_KEPT,
    RULES,
    prune,
)
from bot.db.schema import load_migrations

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as opened:
        yield opened


def ago(age: timedelta) -> str:
    return (NOW - age).isoformat()


def seconds(age: timedelta) -> float:
    return (NOW - age).timestamp()


async def write(database: Database, *statements: tuple[str, tuple[object, ...]]) -> None:
    async with database.write() as tx:
        for sql, values in statements:
            await tx.execute(sql, values)  # type: ignore[arg-type]  # of the columns' types


async def add_news(
    database: Database, age: timedelta, version: str = "1.0", topic: str = "gain"
) -> int:
    async with database.write() as tx:
        rows = await tx.execute_fetchall(
            "INSERT INTO news (project, version, topic, found, content)"
            " VALUES ('foo', ?, ?, ?, '{}') RETURNING id",
            (version, topic, ago(age)),
        )
    return int(rows[0]["id"])


async def add_delivery(database: Database, news: int, destination: str, **columns: object) -> None:
    values = {"news": news, "destination": destination, **columns}
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    await write(
        database,
        (f"INSERT INTO delivery ({names}) VALUES ({marks})", tuple(values.values())),  # noqa: S608 - ours
    )


async def left(database: Database, sql: str) -> list[object]:
    return [row[0] for row in await database.read(sql)]


OLD, YOUNG = DELIVERIES_KEPT + timedelta(days=1), DELIVERIES_KEPT - timedelta(days=1)


async def test_deliveries(database: Database) -> None:
    await write(
        database,
        ("INSERT INTO subscription VALUES (9, 1, '', '', NULL, '', 'closed')", ()),
        ("INSERT INTO watcher VALUES (9, 'closed', NULL)", ()),
    )
    old, young = await add_news(database, OLD, "1.0"), await add_news(database, YOUNG, "2.0")
    for news, name, age in ((old, "old", OLD), (young, "young", YOUNG)):
        sent = {"message": 5, "channel": 5, "parcel": news, "first_try": seconds(age)}
        await add_delivery(database, news, f"{name}: sent", **sent, due=None)
        await add_delivery(database, news, f"{name}: to be edited", **sent, due=0.0)
        await add_delivery(database, news, f"{name}: dropped", dropped="gone", due=None)
        await add_delivery(database, news, f"{name}: waits", due=0.0)
        await add_delivery(database, news, f"{name}: begun", parcel=news, first_try=seconds(age))
    # What nobody takes is forgotten too, but not what waits for Discord or the process.
    await add_delivery(database, old, "channel:9", due=0.0)
    await add_delivery(database, old, "user:9", due=0.0)
    await add_delivery(database, young, "channel:9", due=0.0)
    # News that is old, but was told to somebody only lately.
    late = {"message": 5, "parcel": old, "first_try": seconds(YOUNG)}
    await add_delivery(database, old, "late: sent", **late)
    assert await prune(database, NOW) == {"delivery": 5}
    assert await left(database, "SELECT destination FROM delivery ORDER BY id") == [
        "old: waits", "old: begun",
        "young: sent", "young: to be edited", "young: dropped", "young: waits", "young: begun",
        "channel:9", "late: sent",
    ]  # fmt: skip


async def test_news_of_a_release_goes_together_and_after_its_messages(database: Database) -> None:
    old, young = NEWS_KEPT + timedelta(days=1), NEWS_KEPT - timedelta(days=1)
    await add_news(database, old, "1.0")
    await add_news(database, old, "2.0")
    await add_news(database, young, "2.0", "withdrawal")
    await add_news(database, young, "3.0")
    kept = await add_news(database, old, "4.0")
    await add_delivery(database, kept, "channel:1", due=0.0)
    assert await prune(database, NOW) == {"news": 1}
    versions = await left(database, "SELECT version FROM news ORDER BY id")
    assert versions == ["2.0", "2.0", "3.0", "4.0"]


async def test_small_things(database: Database) -> None:
    day, year = timedelta(days=1), timedelta(days=365)
    statements: list[tuple[str, tuple[object, ...]]] = []
    for n, factor in enumerate((0.5, 0.99, 1.01, 2)):
        statements += [
            ("INSERT INTO identify (at) VALUES (?)", (seconds(day * factor),)),
            ("INSERT INTO lease VALUES (?, 'me', ?)", (str(n), seconds(day * factor))),
            ("INSERT INTO speaker VALUES (?, 'ko', ?)", (n, ago(year * factor))),
            (
                "INSERT INTO document VALUES (?, NULL, ?, x'')",
                (str(n), ago(retention.DOCUMENTS_KEPT * factor)),
            ),
        ]
    await write(database, *statements)
    expected = {"identify": 2, "lease": 2, "speaker": 2, "document": 2}
    assert await prune(database, NOW) == expected
    assert await left(database, "SELECT user FROM speaker") == [0, 1]
    assert await prune(database, NOW) == {}


async def test_messages_about_reports(database: Database) -> None:
    old = retention.POSTS_KEPT + timedelta(days=1)
    report = (
        "INSERT INTO report (id, uid, state, kind, title, submission, reading, created, updated)"
        " VALUES (1, 'u', 'filed', '', '', '{}', '{}', '', '')"
    )
    post = (
        "INSERT INTO report_post (report, purpose, destination, first_try, due)"
        " VALUES (1, ?, ?, ?, ?)"
    )
    posts = [
        ("outcome", "0", seconds(old), None),
        ("question", "1", seconds(old), None),
        ("card", "2", seconds(old), None),
        ("outcome", "3", seconds(old), 0.0),
        ("outcome", "4", seconds(timedelta(0)), None),
    ]
    await write(database, (report, ()), *((post, each) for each in posts))
    assert await prune(database, NOW) == {"report_post": 2}
    assert await left(database, "SELECT destination FROM report_post") == ["2", "3", "4"]


async def add_page(database: Database, name: str, age: timedelta, **columns: object) -> None:
    values = {
        "name": name, "display_name": name, "status": "", "document": "x" * 9_000,
        "fetched": ago(age), **columns,
    }  # fmt: skip
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    await write(
        database,
        (f"INSERT INTO project ({names}) VALUES ({marks})", tuple(values.values())),  # noqa: S608 - ours
    )


async def test_pages_that_nobody_asks_for_nor_news_are_told_from(database: Database) -> None:
    old, young = PAGES_KEPT + timedelta(days=1), PAGES_KEPT - timedelta(days=1)
    for name in ("asked", "supported", "changed", "watched", "blocker"):
        await add_page(database, name, young if name == "asked" else old)
    await add_page(database, "threaded", old, free_threaded=1)
    await add_page(database, "old", old)
    await add_page(database, "outdated", old, wanted_serial=9)
    await write(
        database,
        ("INSERT INTO support VALUES ('supported', '3.14t', 'linux-x86_64', 0, '1', '2')", ()),
        ("INSERT INTO change (project, serial, since, due) VALUES ('changed', 1, 0, 0)", ()),
        ("INSERT INTO watch VALUES (1, 'watched', '')", ()),
        ("INSERT INTO audit VALUES (1, NULL, 0, '', '', '', x'', x'', 0, 0)", ()),
        ("INSERT INTO audit_blocker VALUES (1, 'blocker', 0)", ()),
    )  # fmt: skip
    assert await prune(database, NOW) == {"project": 2}
    assert await left(database, "SELECT name FROM project ORDER BY name") == [
        "asked", "blocker", "changed", "supported", "threaded", "watched",
    ]  # fmt: skip


async def test_requirements(database: Database) -> None:
    for name, factor in (("old", 1.01), ("young", 0.99)):
        at = NOW - METADATA_KEPT * factor
        await RequirementStore(database, partial(lambda at: at, at)).put(name, Requirements())
    assert await prune(database, NOW) == {"core_metadata": 1}
    assert await left(database, "SELECT file FROM core_metadata") == ["young"]
    store = RequirementStore(database, lambda: NOW)
    await store.put("young", Requirements())
    assert await prune(database, NOW + METADATA_KEPT * 0.5) == {}


async def test_requirements_of_older_files_are_kept_from_the_upgrade_on(tmp_path: Path) -> None:
    path, migrations = tmp_path / "db", load_migrations()
    async with Database.open(path, migrations=migrations[:8]) as database:
        await write(database, ("INSERT INTO core_metadata VALUES ('foo', '{}')", ()))
    async with Database.open(path) as database:
        assert await prune(database, datetime.now(UTC)) == {}
        assert await prune(database, datetime.now(UTC) + METADATA_KEPT) == {"core_metadata": 1}


@pytest.mark.parametrize("made_with", ["INCREMENTAL", "NONE"])
async def test_the_file_gets_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_with: str
) -> None:
    monkeypatch.setattr(retention, "_REST", 0)
    path = tmp_path / "db"
    if made_with == "NONE":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("VACUUM")  # which settles it for good
    async with Database.open(path) as database:
        for n in range(600):
            await add_page(database, str(n), PAGES_KEPT * (1.1 if n else 0.5))
        before = await left(database, "PRAGMA page_count")
        assert await prune(database, NOW) == {"project": 599}
        (after,), (free,) = [
            await left(database, f"PRAGMA {name}") for name in ("page_count", "freelist_count")
        ]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert [after] < before if made_with == "INCREMENTAL" else [after] == before
    assert (int(str(free)) * 10 <= int(str(after)) + 10) is (made_with == "INCREMENTAL")


async def test_much_takes_several_runs(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with database.write() as tx:
        rows = [(seconds(timedelta(days=2)),)] * 2_345
        await tx.executemany("INSERT INTO identify (at) VALUES (?)", rows)
    monkeypatch.setattr(retention, "_REST", 0)
    monkeypatch.setattr(retention, "MOST", 2_000)
    assert await prune(database, NOW) == {"identify": 2_000}
    assert await prune(database, NOW) == {"identify": 345}


def test_each_rule_says_how_long() -> None:
    assert {rule.table for rule in RULES} == {
        "delivery", "news", "report_post", "speaker", "document", "project", "core_metadata",
        "identify", "lease",
    }  # fmt: skip
    assert all(rule.kept >= timedelta(days=1) for rule in RULES)
