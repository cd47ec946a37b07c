"""Two real years of support that came and went, and what befalls releases, on a real index.

The index is the stand-in on loopback, asked over HTTP through the real cache. Its clock is the
test's, so nobody waits.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.announce.delivery.store import DeliveryStore
from bot.announce.model import Content
from bot.announce.news.service import NewsService
from bot.announce.news.store import NewsStore
from bot.announce.subscriptions.store import SubscriptionStore
from bot.db import Database
from bot.http import http_client
from bot.index.service import CachedIndex
from bot.index.store import ProjectStore
from bot.pypi.client import IndexClient
from bot.pypi.names import normalise
from tests.conftest import SHARED, Replica

TRANSITIONS = SHARED / "data/popularity/hugovk_transitions.jsonl"
START = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
SETTLE = 120.0
MINUTE = 60.0
NEW_SUPPORT, EVERY_RELEASE = 1, 2


@dataclass
class World:
    """The index, the service that examines its pages, and the time."""

    index: Replica
    database: Database
    service: NewsService
    now: float = START
    serial: int = 0

    async def follow(self) -> None:
        """Note what changed in the index, as those who follow its journal do."""
        rows = self.index._call("changelog_since_serial", (self.serial,))
        async with self.database.write() as tx:
            for name, _, at, _, serial in rows:
                project = normalise(name)
                await tx.execute(
                    "UPDATE project SET wanted_serial = ? WHERE name = ?", (serial, project)
                )
                await tx.execute(
                    "INSERT INTO change (project, serial, since, due) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT (project) DO UPDATE"
                    " SET serial = excluded.serial, due = excluded.due",
                    (project, serial, at, self.now + SETTLE),
                )
        self.serial = self.index.serial

    async def wait(self, seconds: float) -> None:
        """Let time pass, with a look at the index and at what is due each half minute."""
        end = self.now + seconds
        while self.now < end:
            await self.follow()
            self.now = min(self.now + MINUTE / 2, end)
            await self.service.examine()

    async def news(self, project: str = "foo") -> list[tuple[str, str, int]]:
        rows = await self.database.read("SELECT * FROM news WHERE project = ?", (project,))
        return [(row["version"], row["topic"], row["revision"]) for row in rows]

    async def content(self, version: str, topic: str = "gain") -> Content:
        async with self.database.write() as tx:
            told = await NewsStore(self.database).told(tx, "foo")
        (found,) = (
            each.content
            for each in told
            if (each.content.version, each.content.topic) == (version, topic)
        )
        return found

    async def heard(self, channel: int) -> Counter[tuple[str, str]]:
        """What a channel was told, by project and topic."""
        rows = await self.database.read(
            "SELECT project, topic FROM delivery JOIN news ON news.id = delivery.news"
            " WHERE destination = ?",
            (f"channel:{channel}",),
        )
        return Counter((row["project"], row["topic"]) for row in rows)

    async def changes(self) -> int:
        return len(await self.database.read("SELECT * FROM change"))


@pytest.fixture
async def world(replica_module: Replica, tmp_path: Path) -> AsyncIterator[World]:
    made: World
    index = replica_module.IndexReplica(clock=lambda: made.now)
    await index.start()
    async with (
        Database.open(tmp_path / "ftbot.sqlite3") as database,
        http_client(index.url) as http,
    ):
        async with database.write() as tx:
            await tx.executemany(
                "INSERT INTO subscription (channel, guild, what, among, created)"
                " VALUES (?, 1, ?, 'everything', '')",
                [(NEW_SUPPORT, "new-support"), (EVERY_RELEASE, "all-releases")],
            )
        projects = ProjectStore(database)
        with ThreadPoolExecutor(1) as parser:
            cache = CachedIndex(
                IndexClient(http),
                projects,
                parser,
                fresh=timedelta(minutes=10),
                read_metadata=lambda _: "",
            )
            service = NewsService(
                database,
                cache,
                projects,
                NewsStore(database),
                subscriptions=SubscriptionStore(database),
                deliveries=DeliveryStore(database),
                rank=lambda _: None,
                upstream=lambda _: None,
                settle=SETTLE,
                clock=lambda: made.now,
            )
            made = World(index, database, service, serial=index.serial)
            yield made
            await cache.close()
    await index.stop()


def t314(version: str, platform: str = "win_amd64") -> str:
    return f"foo-{version}-cp314-cp314t-{platform}.whl"


def gil(version: str) -> str:
    return f"foo-{version}-cp314-cp314-win_amd64.whl"


async def publish(world: World, *filenames: str) -> None:
    for filename in filenames:
        world.index.publish(filename.partition("-")[0], filename)


async def test_a_long_upload_is_one_message_when_it_is_quiet(world: World) -> None:
    platforms = "win_amd64", "win_arm64", "manylinux_2_28_x86_64", "macosx_11_0_arm64"
    for platform in platforms:
        await publish(world, gil("1.0").replace("win_amd64", platform), t314("1.0", platform))
        await world.wait(1.5 * MINUTE)
        assert await world.news() == []
    await world.wait(MINUTE)
    assert await world.news() == [("1.0", "gain", 1)]
    assert (await world.content("1.0")).wheels == 4
    await world.wait(60 * MINUTE)
    await publish(world, "foo-1.0-cp315-abi3.abi3t-win_amd64.whl")
    await world.wait(3 * MINUTE)
    assert await world.news() == [("1.0", "gain", 2)]
    assert (await world.content("1.0")).wheels == 5
    assert await world.heard(NEW_SUPPORT) == {("foo", "gain"): 1}
    assert await world.changes() == 0


async def test_wheels_that_are_uploaded_last_are_never_lost(world: World) -> None:
    await publish(world, t314("1.0"))
    await world.wait(5 * MINUTE)
    await publish(world, gil("1.1"))
    await world.wait(15 * MINUTE)  # quiet for the gain's time, not for the loss's
    await publish(world, t314("1.1"))
    await world.wait(60 * MINUTE)
    assert await world.news() == [("1.0", "gain", 1), ("1.1", "gain", 1)]


async def test_support_that_is_gone_is_told_after_a_while(world: World) -> None:
    await publish(world, t314("1.0"))
    await world.wait(5 * MINUTE)
    await publish(world, gil("1.1"))
    await world.wait(19 * MINUTE)
    assert await world.news() == [("1.0", "gain", 1)]
    await world.wait(2 * MINUTE)
    assert await world.news() == [("1.0", "gain", 1), ("1.1", "loss", 1)]
    assert await world.changes() == 0


@pytest.mark.parametrize(
    ("befalls", "reason"),
    [
        pytest.param(lambda index: index.yank("foo", "1.0", "oops"), "yanked", id="yank"),
        pytest.param(lambda index: index.remove_file("foo", t314("1.0")), "removed", id="file"),
        pytest.param(lambda index: index.remove_release("foo", "1.0"), "removed", id="release"),
        pytest.param(lambda index: index.remove_project("foo"), "removed", id="project"),
        pytest.param(lambda index: index.quarantine("foo"), "quarantined", id="quarantine"),
    ],
)
async def test_what_was_told_is_withdrawn(
    world: World, befalls: Callable[[Replica], int], reason: str
) -> None:
    await publish(world, gil("1.0"), t314("1.0"))
    await world.wait(5 * MINUTE)
    befalls(world.index)
    await world.wait(5 * MINUTE)
    assert await world.news() == [("1.0", "gain", 2), ("1.0", "withdrawal", 1)]
    assert (await world.content("1.0")).withdrawn == reason
    assert (await world.content("1.0", "withdrawal")).withdrawn == reason
    assert await world.heard(NEW_SUPPORT) == {("foo", "gain"): 1, ("foo", "withdrawal"): 1}
    assert await world.changes() == 0


@pytest.mark.parametrize(
    ("befalls", "mends"),
    [
        pytest.param(
            lambda index: index.yank("foo", "1.0"),
            lambda index: index.unyank("foo", "1.0"),
            id="yank",
        ),
        pytest.param(
            lambda index: index.quarantine("foo"),
            lambda index: index.unquarantine("foo"),
            id="quarantine",
        ),
    ],
)
async def test_what_is_back_is_no_news(
    world: World, befalls: Callable[[Replica], int], mends: Callable[[Replica], int]
) -> None:
    await publish(world, t314("1.0"))
    await world.wait(5 * MINUTE)
    for round_ in (1, 2):
        befalls(world.index)
        await world.wait(5 * MINUTE)
        assert (await world.content("1.0")).withdrawn
        mends(world.index)
        await world.wait(5 * MINUTE)
        assert await world.news() == [
            ("1.0", "gain", 1 + 2 * round_),
            ("1.0", "withdrawal", 2 * round_),
        ]
        assert (await world.content("1.0")).withdrawn is None
        assert (await world.content("1.0", "withdrawal")).withdrawn is None
    assert await world.heard(NEW_SUPPORT) == {("foo", "gain"): 1, ("foo", "withdrawal"): 1}


async def test_yanked_while_nobody_looked_is_no_news(world: World) -> None:
    await publish(world, t314("1.0"))
    world.index.yank("foo", "1.0")
    await world.wait(5 * MINUTE)
    assert await world.news() == []
    assert await world.changes() == 0


@pytest.mark.parametrize("known", [True, False], ids=["a known project", "a new project"])
async def test_a_lagging_page_delays_its_own_news_alone(world: World, *, known: bool) -> None:
    if known:
        await publish(world, "foo-1.0.tar.gz")
        await world.wait(5 * MINUTE)
    await publish(world, t314("1.1"), "bar-1.0-cp314-cp314t-win_amd64.whl")
    world.index.stale["foo"] = 3
    await world.wait(2.5 * MINUTE)
    assert await world.news("bar") == [("1.0", "gain", 1)]
    assert await world.news() == []
    await world.wait(5 * MINUTE)  # 30 + 60 + 120 seconds later
    assert await world.news() == [("1.1", "gain", 1)]
    assert await world.changes() == 0


@pytest.mark.usefixtures("no_pauses")
async def test_an_outage_of_the_index_delays_news(world: World) -> None:
    await publish(world, t314("1.0"))
    await world.follow()
    await world.index.stop()
    await world.wait(60 * MINUTE)
    assert await world.news() == []
    await world.index.start()
    await world.wait(60 * MINUTE)
    assert await world.news() == [("1.0", "gain", 1)]


@dataclass
class Flips:
    """A project's releases: each flip of its support is a new one."""

    version: int = 0

    def release(self, world: World, project: str, *, supported: bool) -> None:
        self.version += 1
        abi = "cp314t" if supported else "cp314"
        name = f"{project.replace('-', '_')}-{self.version}.0-cp314-{abi}-win_amd64.whl"
        world.index.publish(project, name)


async def test_two_real_years_tell_each_gain_and_each_loss_once(world: World) -> None:
    if not TRANSITIONS.exists():
        pytest.skip(f"the record of transitions is not at {TRANSITIONS}")
    rows = [json.loads(line) for line in TRANSITIONS.read_text("utf-8").splitlines()]
    dates = sorted({row["date"] for row in rows})
    by_date = {date: [row for row in rows if row["date"] == date] for date in dates}
    flips = {row["package"]: Flips() for row in rows}
    changed = Counter((row["package"], row["free_threaded_wheel"]) for row in rows)
    world.now = datetime.fromisoformat(dates[0]).replace(tzinfo=UTC).timestamp() - 86_400
    for row in rows:
        if row.get("first_seen") and changed[row["package"], True]:  # those that ever had wheels
            flips[row["package"]].release(
                world, row["package"], supported=row["free_threaded_wheel"]
            )
    world.serial = world.index.serial  # what was there at first is no news

    for date in dates:
        world.now = datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()
        for row in by_date[date]:
            if not row.get("first_seen"):
                flips[row["package"]].release(
                    world, row["package"], supported=row["free_threaded_wheel"]
                )
        await world.follow()
        for quiet in (SETTLE, 9 * SETTLE):
            world.now += quiet
            await world.service.examine()

    assert await world.changes() == 0
    seen_with = {
        row["package"] for row in rows if row.get("first_seen") and row["free_threaded_wheel"]
    }
    later = [row for row in rows if not row.get("first_seen")]
    gains = [row["package"] for row in later if row["free_threaded_wheel"]]
    losses = [row["package"] for row in later if not row["free_threaded_wheel"]]
    assert (len(gains), len(losses)) == (198, 16)
    once = {(normalise(name), "gain"): 1 for name in set(gains) - seen_with}
    once |= {(normalise(name), "loss"): 1 for name in set(losses)}
    assert await world.heard(NEW_SUPPORT) == once
    every = Counter((normalise(name), "gain") for name in gains)
    every |= Counter({(normalise(name), "loss"): 1 for name in losses})
    assert await world.heard(EVERY_RELEASE) == every
