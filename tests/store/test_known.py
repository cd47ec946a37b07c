"""What is kept of other people's issues."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.db import Database
from bot.reports.known.store import Entry, KnownStore, Mirror
from bot.reports.likeness.model import Known
from bot.reports.model import Kind, Signature

MOMENT = datetime(2026, 6, 1, tzinfo=UTC)
KNOWN = Known(
    key="issue:Acme/Widget#1",
    title="Segfault in Gadget.turn",
    url="https://github.com/Acme/Widget/issues/1",
    state="open",
    project="widget",
    kind=Kind.CRASH,
    signature=Signature(modules=("widget._gadget",), frames=("gadget.c:turn",), race="turn"),
    words=frozenset({"Gadget.turn", "bolt not found at 0"}),
    subject=frozenset({"Gadget.turn"}),
    python="3.14t",
    sketch=(7, 4_294_967_295),
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        yield database


@pytest.fixture
def store(database: Database) -> KnownStore:
    return KnownStore(database)


def entry(number: int, known: Known = KNOWN, *, day: int = 0) -> Entry:
    key = f"issue:Acme/Widget#{number}"
    return Entry(number, MOMENT + timedelta(days=day), replace(known, key=key))


async def test_what_is_put_comes_back_whole(store: KnownStore) -> None:
    await store.put("Acme/Widget", [entry(1)])
    assert await store.of("acme/widget") == [KNOWN]
    assert await store.of("acme/other") == []


async def test_an_older_form_does_not_replace_a_newer_one(store: KnownStore) -> None:
    closed = replace(KNOWN, state="closed")
    await store.put("acme/widget", [entry(1, closed, day=2)])
    await store.put("acme/widget", [entry(1, day=1)])
    assert [each.state for each in await store.of("acme/widget")] == ["closed"]
    await store.put("acme/widget", [entry(1, day=3)])
    assert [each.state for each in await store.of("acme/widget")] == ["open"]


async def test_those_updated_last_come_first(store: KnownStore) -> None:
    await store.put("acme/widget", [entry(1, day=1), entry(2, day=3), entry(3, day=2)])
    assert [each.key[-1] for each in await store.of("acme/widget")] == ["2", "3", "1"]
    assert [each.key[-1] for each in await store.about(None, (), 2)] == ["2", "3"]


@pytest.mark.parametrize(
    ("project", "kinds", "expected"),
    [
        (None, (), {"1", "2", "3"}),
        ("widget", (), {"1", "3"}),
        ("gadget", (), {"2", "3"}),
        (None, (Kind.CRASH,), {"1", "2"}),
        (None, (Kind.CRASH, Kind.DOCS), {"1", "2", "3"}),
        ("widget", (Kind.DOCS,), {"3"}),
        ("widget", (Kind.PERFORMANCE,), set()),
    ],
)
async def test_choices_by_project_and_kind(
    store: KnownStore, project: str | None, kinds: tuple[Kind, ...], expected: set[str]
) -> None:
    gadget, unknown = replace(KNOWN, project="gadget"), replace(KNOWN, project=None, kind=Kind.DOCS)
    await store.put("acme/widget", [entry(1), entry(2, gadget), entry(3, unknown)])
    assert {each.key[-1] for each in await store.about(project, kinds, 10)} == expected


async def test_dropped_issues_are_gone(store: KnownStore) -> None:
    await store.put("acme/widget", [entry(1), entry(2)])
    await store.drop("Acme/widget", [1, 9])
    assert [each.key[-1] for each in await store.of("acme/widget")] == ["2"]


async def test_how_far_a_repository_is_kept(store: KnownStore) -> None:
    assert await store.mirror("acme/widget") == Mirror()
    mirror = Mirror(since=MOMENT, etag='"1"', looked=5.5, problem="It is gone.")
    await store.set_mirror("Acme/Widget", mirror)
    assert await store.mirror("acme/widget") == mirror
    await store.set_mirror("acme/widget", Mirror(looked=6.0))
    assert await store.mirror("acme/widget") == Mirror(looked=6.0)


async def test_repositories_that_nobody_asks_for_are_forgotten(store: KnownStore) -> None:
    for repository, looked in (("acme/old", 1.0), ("acme/own", 1.0), ("acme/new", 9.0)):
        await store.put(repository, [entry(1)])
        await store.set_mirror(repository, Mirror(looked=looked))
    await store.forget(5.0, but=["Acme/Own"])
    assert await store.of("acme/old") == []
    assert await store.mirror("acme/old") == Mirror()
    assert len(await store.of("acme/own")) == len(await store.of("acme/new")) == 1


async def test_a_damaged_row_is_left_out(database: Database, store: KnownStore) -> None:
    await store.put("acme/widget", [entry(1), entry(2)])
    async with database.write() as tx:
        await tx.execute("UPDATE known_issue SET known = '{\"key\": 5}' WHERE number = 1")
    assert [each.key[-1] for each in await store.of("acme/widget")] == ["2"]
