"""What is forgotten when it is old, and what is not, however old it is."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.db import Database, retention
from bot.db.retention import DELIVERIES_KEPT, NEWS_KEPT, RULES, prune

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
        "delivery", "news", "report_post", "speaker", "document", "identify", "lease",
    }  # fmt: skip
    assert all(rule.kept >= timedelta(days=1) for rule in RULES)
