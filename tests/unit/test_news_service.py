"""Examining changes: who is told, what is tried again, and what holds up nothing else."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from bot.announce.delivery.store import DeliveryStore
from bot.announce.model import FORGOTTEN, RESTORED, Content, Held, Novelty, Topic
from bot.announce.news.rules import utc_text
from bot.announce.news.service import LONGEST_PAUSE, NewsService
from bot.announce.news.store import NewsStore
from bot.announce.subscriptions.store import SubscriptionStore
from bot.compat.condense import condense
from bot.db import Database
from bot.db.retention import NEWS_KEPT, prune
from bot.errors import DatabaseError, IndexUnavailable, ProjectNotFound
from bot.index.model import Project
from bot.index.store import ProjectStore, encode
from bot.pypi.client import StalePage
from bot.pypi.wire import PageFile

NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
SETTLE = 120.0
DAY = 86_400.0
NEW_SUPPORT, EVERY_RELEASE, RANKED, WATCHER = 1, 2, 3, 4


@dataclass
class Pages:
    """An index in this process: what it shows, or raises, for each project."""

    files: dict[str, list[PageFile]] = field(default_factory=dict)
    trouble: dict[str, Exception] = field(default_factory=dict)
    status: str = "active"
    serial: int = 1
    stale: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def refresh(self, name: str) -> Project:
        self.asked.append(name)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if name in self.trouble:
            raise self.trouble[name]
        if name not in self.files:
            raise ProjectNotFound(name)
        return Project(
            name=canonicalize_name(name),
            display_name=name.title(),
            status=self.status,
            serial=self.serial,
            etag=None,
            fetched=datetime.fromtimestamp(NOW, UTC),
            files=condense(self.files[name], canonicalize_name(name)),
            stale=name in self.stale,
        )


@dataclass
class World:
    """The service with a real database, a clock that stands, and the index above."""

    database: Database
    now: float = NOW
    pages: Pages = field(default_factory=Pages)
    arrivals: int = 0
    settle: float = SETTLE

    def service(self, told_until: float = 0.0) -> NewsService:
        return NewsService(
            self.database,
            self.pages,
            ProjectStore(self.database),
            NewsStore(self.database),
            subscriptions=SubscriptionStore(self.database),
            deliveries=DeliveryStore(self.database),
            rank={"ranked": 900, "foo": 20_000}.get,
            upstream={"ranked": "https://example.org/1"}.get,
            settle=self.settle,
            arrived=self._arrive,
            told_until=told_until,
            clock=lambda: self.now,
        )

    def _arrive(self) -> None:
        self.arrivals += 1

    async def publish(self, project: str, *wheels: str, at: float | None = None) -> None:
        """Upload files, and note the change as those who follow the index do."""
        at = self.now if at is None else at
        self.pages.files.setdefault(project, []).extend(
            PageFile(f"{project}-{each}", upload_time=utc_text(at) + "Z") for each in wheels
        )
        await self.note(project, at)

    async def note(self, project: str, since: float) -> None:
        self.pages.serial += 1
        async with self.database.write() as tx:
            await tx.execute(
                "INSERT INTO change (project, serial, since, due) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (project) DO UPDATE SET serial = excluded.serial, due = excluded.due",
                (project, self.pages.serial, since, self.now + self.settle),
            )

    async def settled(self, service: NewsService | None = None) -> None:
        """Examine when all is quiet."""
        self.now += self.settle
        await (service or self.service()).examine()

    async def news(self) -> list[tuple[str, str, int]]:
        rows = await self.database.read("SELECT * FROM news ORDER BY id")
        return [(row["project"], row["topic"], row["revision"]) for row in rows]

    async def outbox(self) -> list[tuple[str, str, str, bool]]:
        rows = await self.database.read(
            "SELECT project, topic, destination, digest FROM delivery"
            " JOIN news ON news.id = delivery.news ORDER BY delivery.id"
        )
        return [
            (row["project"], row["topic"], row["destination"], bool(row["digest"])) for row in rows
        ]

    async def told(self, project: str) -> list[tuple[int, Content]]:
        async with self.database.write() as tx:
            news = await NewsStore(self.database).told(tx, project)
        return [(each.revision, each.content) for each in news]

    async def waiting(self) -> dict[str, tuple[float, int]]:
        """The changes that are left: seconds until they are due, attempts."""
        rows = await self.database.read("SELECT * FROM change")
        return {row["project"]: (row["due"] - self.now, row["attempts"]) for row in rows}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        async with database.write() as tx:
            await tx.executemany(
                "INSERT INTO subscription (channel, guild, what, among, created)"
                " VALUES (?, 1, ?, ?, '')",
                [
                    (NEW_SUPPORT, "new-support", "everything"),
                    (EVERY_RELEASE, "all-releases", "everything"),
                    (RANKED, "new-support", "top-1000"),
                ],
            )
            await tx.execute("INSERT INTO watch VALUES (?, 'foo', '')", (WATCHER,))
        yield World(database)


WHEEL = "1.0-cp314-cp314t-win_amd64.whl"


async def test_pages_that_are_forgotten_bring_no_news_back_nor_take_any(world: World) -> None:
    """Before its first wheel a project may be forgotten; what was told of it is told once."""
    store = ProjectStore(world.database)

    async def keep(name: str) -> None:
        project = await world.pages.refresh(name)
        await store.put(project, encode(project.files))

    for name in ("told", "plain"):
        await world.publish(name, "0.9.tar.gz", at=world.now - 400 * DAY)
        await keep(name)
    await world.publish("told", WHEEL)
    await world.settled()
    await keep("told")
    told = await world.news()
    later = NOW + 300 * DAY
    await prune(world.database, datetime.fromtimestamp(later, UTC))
    rows = await world.database.read("SELECT name FROM project")
    assert [row["name"] for row in rows] == ["told"]
    world.now = later
    await world.note("told", later)
    await world.settled()
    assert await world.news() == told
    await world.publish("plain", WHEEL)
    await world.settled()
    await world.note("plain", world.now)
    await world.settled()
    assert await world.news() == [*told, ("plain", "gain", 1)]


async def test_everybody_who_asked_is_told_in_the_transaction_that_finds_it(world: World) -> None:
    await world.publish("foo", WHEEL)
    await world.publish("ranked", WHEEL)
    await world.service().examine()
    assert world.pages.asked == []  # not yet quiet
    await world.settled()
    assert sorted(await world.outbox()) == [
        ("foo", "gain", "channel:1", False),
        ("foo", "gain", "channel:2", False),
        ("foo", "gain", "user:4", False),
        ("ranked", "gain", "channel:1", False),
        ("ranked", "gain", "channel:2", False),
        ("ranked", "gain", "channel:3", False),
    ]
    assert await world.waiting() == {}
    assert world.arrivals == 2
    ((_, content),) = await world.told("ranked")
    assert (content.name, content.rank, content.upstream_issue) == (
        "Ranked",
        900,
        "https://example.org/1",
    )


async def test_just_another_release_is_told_to_those_who_want_every_one(world: World) -> None:
    await world.publish("foo", WHEEL, at=NOW - DAY)
    await world.publish("foo", "1.1-cp314-cp314t-win_amd64.whl")
    await world.note("foo", NOW)
    async with world.database.write() as tx:
        await tx.execute("UPDATE change SET since = ?", (NOW,))
    await world.settled()
    assert [each[2] for each in await world.outbox()] == ["channel:2", "user:4"]
    # A wheel that makes it more than that is told to the others too.
    await world.publish("foo", "1.1-cp315-cp315t-win_amd64.whl")
    await world.settled()
    assert [each[2] for each in await world.outbox()] == ["channel:2", "user:4", "channel:1"]
    assert await world.news() == [("foo", "gain", 2)]


async def test_those_who_ask_later_are_not_told_of_mere_edits(world: World) -> None:
    await world.publish("foo", WHEEL)
    await world.settled()
    async with world.database.write() as tx:
        await tx.execute("INSERT INTO watch VALUES (99, 'foo', '')")
    await world.publish("foo", "1.0-cp314-cp314t-win_arm64.whl")
    await world.settled()
    assert (await world.news(), len(await world.outbox())) == ([("foo", "gain", 2)], 3)
    assert world.arrivals == 2  # there is something to edit


async def test_examining_again_changes_nothing(world: World) -> None:
    await world.publish("foo", WHEEL)
    await world.settled()
    before = [tuple(row) for row in await world.database.read("SELECT * FROM support")]
    await world.note("foo", NOW)
    await world.settled()
    assert [tuple(row) for row in await world.database.read("SELECT * FROM support")] == before
    assert (await world.news(), len(await world.outbox())) == ([("foo", "gain", 1)], 3)
    assert (world.arrivals, await world.waiting()) == (1, {})


async def test_four_pages_are_read_at_once(world: World) -> None:
    refresh, four = world.pages.refresh, asyncio.Barrier(4)

    async def together(name: str) -> Project:
        async with asyncio.timeout(10), four:
            return await refresh(name)

    for number in range(20):
        await world.publish(f"p{number}", WHEEL)
    world.pages.refresh = together  # type: ignore[method-assign]  # none goes on without the others
    await world.settled()
    assert (len(await world.news()), world.pages.most_at_once) == (20, 4)


TROUBLES = [
    StalePage("broken", 1, 2),
    IndexUnavailable("The index did not answer."),
    ZeroDivisionError("a mistake in ftbot"),
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda each: type(each).__name__)
async def test_a_page_that_cannot_be_read_is_asked_for_ever_later(
    world: World, trouble: Exception
) -> None:
    await world.publish("broken", WHEEL)
    world.pages.trouble["broken"] = trouble
    service, pauses = world.service(), []
    for number in range(10):
        await world.publish(f"p{number}", WHEEL)
        await world.settled(service)
        pauses.append((await world.waiting())["broken"])
        world.now += pauses[-1][0]
    assert pauses == [
        (min(30.0 * 2**failures, LONGEST_PAUSE), failures + 1) for failures in range(10)
    ]
    assert len(await world.news()) == 10  # the others were told all the while
    del world.pages.trouble["broken"]
    await world.settled()
    assert ("broken", "gain", 1) in await world.news()


@pytest.mark.parametrize("how", ["marked stale", "an old serial"])
async def test_a_page_that_lags_is_not_believed(world: World, how: str) -> None:
    await world.publish("foo", WHEEL)
    serial = world.pages.serial
    if how == "marked stale":
        world.pages.stale.add("foo")
    else:
        world.pages.serial -= 1
    await world.settled()
    assert await world.waiting() == {"foo": (30.0, 1)}
    assert await world.database.read("SELECT * FROM support") == []
    world.pages.stale.clear()
    world.pages.serial = serial
    world.now += 30
    await world.service().examine()
    assert await world.news() == [("foo", "gain", 1)]


async def live_until(world: World, service: NewsService, end: float, *, index_up: bool) -> None:
    """Let hours pass, in which other projects are published if the index is up."""
    hour = 0
    while world.now < end:
        hour += 1
        if index_up:
            await world.publish(f"other{hour}", WHEEL)
        world.now += 1_800
        await service.examine()


async def test_a_page_that_is_broken_for_a_day_is_given_up(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    service = world.service()
    await world.publish("broken", WHEEL)
    world.pages.trouble["broken"] = IndexUnavailable("It cannot be read.")
    await live_until(world, service, NOW + 0.9 * DAY, index_up=True)
    assert "broken" in await world.waiting()
    await live_until(world, service, NOW + 1.8 * DAY, index_up=True)
    assert "broken" not in await world.waiting()
    assert [each.message for each in caplog.records if each.levelno >= logging.WARNING] == [
        "The page of broken could not be read for a day: given up"
    ]


async def test_an_index_that_is_down_for_days_loses_nothing(world: World) -> None:
    service = world.service()
    await world.publish("foo", WHEEL)
    world.pages.trouble["foo"] = IndexUnavailable("The index did not answer.")
    await live_until(world, service, NOW + 3 * DAY, index_up=False)
    await live_until(world, service, world.now + DAY / 4, index_up=True)
    assert "foo" in await world.waiting()
    del world.pages.trouble["foo"]
    await live_until(world, service, world.now + DAY / 10, index_up=True)
    assert ("foo", "gain", 1) in await world.news()
    assert ("foo", "gain", "channel:1", True) in await world.outbox()  # late, so in a digest


async def test_a_removed_project_withdraws_what_was_told(world: World) -> None:
    await world.publish("foo", WHEEL)
    await world.settled()
    del world.pages.files["foo"]
    await world.note("foo", world.now)
    await world.settled()
    assert await world.news() == [("foo", "gain", 2), ("foo", "withdrawal", 1)]
    assert {each[1:3] for each in await world.outbox()} == {
        (topic, f"{place}")
        for topic in ("gain", "withdrawal")
        for place in ("channel:1", "channel:2", "user:4")
    }
    assert await world.waiting() == {}


async def test_a_project_that_no_cache_knows_yet_is_looked_for_an_hour(world: World) -> None:
    await world.note("new", NOW)
    await world.settled()
    assert await world.waiting() == {"new": (30.0, 1)}
    await world.publish("new", WHEEL)
    await world.settled()
    assert await world.news() == [("new", "gain", 1)]
    await world.note("gone", NOW)
    begun = world.now
    while "gone" in (waiting := await world.waiting()):
        world.now += max(waiting["gone"][0], 0)
        await world.service().examine()
    assert 3_600 <= world.now - begun <= 2 * 3_600


async def test_many_releases_withdrawn_at_once_are_one_message(world: World) -> None:
    for number in range(5):
        await world.publish("foo", f"1.{number}-cp314-cp314t-win_amd64.whl")
        await world.settled()
    world.pages.status = "quarantined"
    await world.note("foo", world.now)
    await world.settled()
    digests = {each[3] for each in await world.outbox() if each[1] == "withdrawal"}
    assert digests == {True}
    assert {each[3] for each in await world.outbox() if each[1] == "gain"} == {False}


@pytest.mark.parametrize(("hours", "digest"), [(47, False), (49, True)])
async def test_old_news_is_for_a_digest(world: World, hours: int, digest: bool) -> None:
    await world.publish("foo", WHEEL, at=NOW - hours * 3_600)
    await world.settled()
    assert {each[3] for each in await world.outbox()} == {digest}


async def test_new_wheels_of_an_old_change_are_not_old_news(world: World) -> None:
    await world.publish("foo", "1.0.tar.gz", at=NOW - 3 * DAY)
    await world.publish("foo", WHEEL)
    await world.settled()
    assert {each[3] for each in await world.outbox()} == {False}


async def test_an_index_without_times_is_compared_with_what_it_showed(world: World) -> None:
    def page(*wheels: str) -> list[PageFile]:
        return [PageFile(f"foo-{each}") for each in wheels]

    world.pages.files["foo"] = page(WHEEL)
    project = await world.pages.refresh("foo")
    await ProjectStore(world.database).put(project, encode(project.files))
    world.pages.files["foo"] = page(WHEEL, "1.0-cp315-cp315t-win_amd64.whl")
    await world.note("foo", NOW)
    await world.settled()
    ((_, content),) = await world.told("foo")
    assert (content.novelty, content.new) == (
        Novelty.PYTHON,
        (Held("3.15t", "windows-amd64"),),
    )


async def test_a_loss_waits_ten_times_as_long(world: World) -> None:
    await world.publish("foo", WHEEL)
    await world.settled()
    await world.publish("foo", "1.1-cp314-cp314-win_amd64.whl")
    await world.settled()
    assert await world.news() == [("foo", "gain", 1)]
    assert await world.waiting() == {"foo": (9 * SETTLE, 0)}
    world.now += 9 * SETTLE - 1
    await world.publish("foo", "1.1.tar.gz")  # it goes on after all, so the wait begins anew
    await world.settled()
    assert await world.waiting() == {"foo": (9 * SETTLE, 0)}
    world.now += 9 * SETTLE
    await world.service().examine()
    assert await world.news() == [("foo", "gain", 1), ("foo", "loss", 1)]
    assert await world.waiting() == {}


async def test_a_loss_is_not_told_while_files_come(world: World) -> None:
    await world.publish("foo", WHEEL)
    await world.settled()
    await world.publish("foo", "1.1-cp314-cp314-win_amd64.whl")
    await world.settled()
    refresh = world.pages.refresh

    async def busy(name: str) -> Project:
        project = await refresh(name)
        await world.publish("foo", "1.1-cp314-cp314t-win_amd64.whl")
        return project

    world.pages.refresh = busy  # type: ignore[method-assign]  # the wheel comes while it reads
    world.now += 9 * SETTLE
    await world.service().examine()
    assert await world.news() == [("foo", "gain", 1)]
    world.pages.refresh = refresh  # type: ignore[method-assign]
    await world.settled()
    assert await world.news() == [("foo", "gain", 1), ("foo", "gain", 1)]


async def test_without_settling_a_loss_is_told_at_once(world: World) -> None:
    world.settle = 0.0
    await world.publish("foo", WHEEL)
    await world.settled()
    await world.publish("foo", "1.1-cp314-cp314-win_amd64.whl")
    await world.settled()
    assert await world.news() == [("foo", "gain", 1), ("foo", "loss", 1)]


async def test_a_change_that_comes_meanwhile_is_examined_too(world: World) -> None:
    await world.publish("foo", WHEEL)
    refresh = world.pages.refresh

    async def busy(name: str) -> Project:
        project = await refresh(name)
        await world.publish("foo", "1.0-cp315-cp315t-win_amd64.whl")
        return project

    world.pages.refresh = busy  # type: ignore[method-assign]  # files come while it reads
    await world.settled()
    assert await world.news() == [("foo", "gain", 1)]
    assert list(await world.waiting()) == ["foo"]
    world.pages.refresh = refresh  # type: ignore[method-assign]
    await world.settled()
    ((revision, content),) = await world.told("foo")
    assert (revision, content.novelty, len(content.new)) == (2, Novelty.FIRST, 2)


async def test_two_processes_tell_it_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(8):
        await world.publish(f"p{number}", WHEEL)
    world.now += SETTLE
    await asyncio.gather(world.service().examine(), world.service().examine())
    assert sorted(await world.news()) == [(f"p{number}", "gain", 1) for number in range(8)]
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


async def test_what_cannot_be_told_is_not_found(world: World) -> None:
    """All of an examination is one transaction."""
    await world.publish("foo", WHEEL)
    service, deliver = world.service(), DeliveryStore.enqueue

    async def full(*_: object, **__: object) -> int:
        raise DatabaseError("The disk is full.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DeliveryStore, "enqueue", full)
        with pytest.raises(DatabaseError):
            await world.settled(service)
    assert DeliveryStore.enqueue is deliver
    for table in ("news", "support", "delivery"):
        assert await world.database.read(f"SELECT * FROM {table}") == []  # noqa: S608 - a name
    await service.examine()
    assert [topic for _, topic, _ in await world.news()] == [Topic.GAIN]


@pytest.mark.parametrize(
    ("uploaded", "changed", "told"),  # seconds after the end of the lost database
    [
        (-60.0, -60.0, False),
        (60.0, -60.0, True),  # of a project that changed before too
        (60.0, 60.0, True),
    ],
)
async def test_what_a_lost_database_may_have_told_is_noted_and_not_told(
    world: World, uploaded: float, changed: float, told: bool
) -> None:
    await world.publish("foo", WHEEL, at=NOW + uploaded)
    async with world.database.write() as tx:
        await tx.execute("UPDATE change SET since = ?", (NOW + changed,))
    await world.settled(world.service(told_until=NOW))
    assert await world.news() == [("foo", "gain", 1)]
    rows = await world.database.read("SELECT dropped FROM delivery")
    assert {row["dropped"] for row in rows} == {None if told else RESTORED}


async def test_nobody_is_told_of_one_more_wheel_of_a_forgotten_release(world: World) -> None:
    first = NOW - NEWS_KEPT.total_seconds() - DAY
    await world.publish("foo", WHEEL, at=first)
    await world.publish("foo", WHEEL.replace("1.0-", "1.0-1-"))  # a build for the same target
    async with world.database.write() as tx:
        await tx.execute("UPDATE change SET since = ?", (NOW,))
    await world.settled()
    rows = await world.database.read("SELECT dropped FROM delivery")
    assert {row["dropped"] for row in rows} == {FORGOTTEN}
    # What is new about it is news all the same.
    await world.publish("foo", "1.0-cp315-cp315t-win_amd64.whl")
    await world.settled()
    rows = await world.database.read("SELECT dropped FROM delivery WHERE dropped IS NULL")
    assert rows
