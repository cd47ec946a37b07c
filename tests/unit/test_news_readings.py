"""What wheels declare is added to the news that were told, once, and makes no news of its own."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.announce.delivery.store import DeliveryStore
from bot.announce.model import Content, Held, News, Topic, Wheel
from bot.announce.news.readings import RECENT, Readings
from bot.announce.news.store import NewsStore
from bot.db import Database
from bot.errors import DatabaseError
from bot.messages import Destination, Place, Sent
from bot.xray.model import Gil, ModuleVerdict

NOW = datetime(2026, 11, 22, tzinfo=UTC).timestamp()
FILE = "h3-4.5.0-cp314-cp314t-manylinux_2_28_x86_64.whl"
WHEEL = Wheel(FILE, "3.14t", "linux-x86_64")
GAIN = Content("h3", "h3", "4.5.0", Topic.GAIN, held=(Held("3.14t", "linux-x86_64"),), wheel=WHEEL)
ON = Gil(ModuleVerdict.RE_ENABLES, FILE, 11, ("h3.a", "h3.b", "h3.c", "h3.d"))
TOLD = replace(
    WHEEL,
    verdict=ModuleVerdict.RE_ENABLES,
    modules=11,
    turning_on=4,
    names=("h3.a", "h3.b", "h3.c"),
)
CHANNEL = Destination("channel", 1)


@dataclass
class Xray:
    """What was read, and what was asked for."""

    read: dict[str, Gil] = field(default_factory=dict)
    wanted: list[tuple[str, str]] = field(default_factory=list)

    async def known(self, wheels: Collection[str]) -> Mapping[str, Gil]:
        return {file: self.read[file] for file in wheels if file in self.read}

    async def want(self, wheels: Iterable[tuple[str, str]], priority: int) -> None:
        assert priority == 0
        self.wanted += wheels


@dataclass
class World:
    """A real database with its stores, and the readings of a process."""

    database: Database
    xray: Xray = field(default_factory=Xray)
    arrivals: int = 0
    now: float = NOW

    def __post_init__(self) -> None:
        self.store = NewsStore(self.database)
        self.deliveries = DeliveryStore(self.database)
        self.restart()

    def restart(self) -> None:
        """Let another process go on."""
        self.readings = Readings(
            self.database, self.store, self.xray, arrived=self._arrive, clock=lambda: self.now
        )

    def _arrive(self) -> None:
        self.arrivals += 1

    async def announce(
        self, content: Content = GAIN, *, to: Iterable[Destination] = (CHANNEL,), age: float = 0
    ) -> int:
        async with self.database.write() as tx:
            found = datetime.fromtimestamp(NOW - age, UTC)
            news = await self.store.add(tx, content, found)
            await self.deliveries.enqueue(tx, news, to)
            return news

    async def send(self) -> None:
        parcel = await self.deliveries.begin(CHANNEL, self.now)
        assert parcel
        await self.deliveries.sent(parcel, Sent(Place(1, 2), publishable=False))

    async def told(self, project: str = "h3") -> list[News]:
        async with self.database.write() as tx:
            return await self.store.told(tx, project)

    async def to_do(self) -> list[tuple[str, int | None, float | None]]:
        rows = await self.database.read("SELECT destination, message, due FROM delivery")
        return [tuple(row) for row in rows]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        yield World(database)


async def test_a_message_that_was_sent_is_edited_once_and_none_is_sent(world: World) -> None:
    await world.announce()
    await world.send()
    await world.readings.tell()
    assert world.xray.wanted == [("h3", FILE)]
    assert await world.to_do() == [("channel:1", 2, None)]
    world.xray.read[FILE] = ON
    await world.readings.tell()
    (news,) = await world.told()
    assert (news.revision, news.content) == (2, replace(GAIN, wheel=TOLD))
    assert await world.to_do() == [("channel:1", 2, 0.0)]
    (posted,) = await world.deliveries.posted(CHANNEL, NOW)
    assert posted.stale
    await world.deliveries.edited(posted.parcel)
    for _ in range(2):
        await world.readings.tell()
        world.restart()
    assert [each.revision for each in await world.told()] == [2]
    assert await world.to_do() == [("channel:1", 2, None)]
    assert world.arrivals == 1
    assert world.xray.wanted == [("h3", FILE)]


async def test_a_message_that_waits_says_it_from_the_start(world: World) -> None:
    await world.announce()
    world.xray.read[FILE] = ON
    await world.readings.tell()
    await world.send()
    assert await world.to_do() == [("channel:1", 2, None)]
    assert world.xray.wanted == []


async def test_whatever_dies_in_between_it_is_told_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.announce()
    await world.send()
    await world.readings.tell()
    world.restart()  # before it was read: it is wanted again, which changes nothing in the queue
    await world.readings.tell()
    assert world.xray.wanted == [("h3", FILE)] * 2
    world.xray.read[FILE] = ON
    world.restart()  # after it was read, before it was told

    async def full(*_: object) -> None:
        raise DatabaseError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "revise", full)
        with pytest.raises(DatabaseError):
            await world.readings.tell()
    assert [each.revision for each in await world.told()] == [1]
    world.restart()
    await world.readings.tell()
    assert [each.revision for each in await world.told()] == [2]
    assert await world.to_do() == [("channel:1", 2, 0.0)]


async def test_two_processes_tell_it_once(world: World) -> None:
    await world.announce()
    world.xray.read[FILE] = ON
    (seen,) = await world.store.unread(datetime.fromtimestamp(NOW - 1, UTC))
    first = world.readings
    world.restart()
    await world.readings.tell()
    await first._tell(seen, ON)
    assert [each.revision for each in await world.told()] == [2]
    assert world.arrivals == 1


@pytest.mark.parametrize(
    "content",
    [
        replace(GAIN, wheel=None),
        replace(GAIN, wheel=TOLD),
        replace(GAIN, withdrawn="yanked"),
        replace(GAIN, topic=Topic.LOSS),
    ],
    ids=["old news", "told", "withdrawn", "loss"],
)
async def test_other_news_stays_as_it_is(world: World, content: Content) -> None:
    await world.announce(content)
    world.xray.read[FILE] = ON
    await world.readings.tell()
    assert [each.content for each in await world.told()] == [content]
    assert (world.xray.wanted, world.arrivals) == ([], 0)


@pytest.mark.parametrize(
    "gil",
    [
        Gil(ModuleVerdict.UNKNOWN, FILE, 0, (), "it was cut off"),
        Gil(ModuleVerdict.KEEPS_OFF, FILE, 0),
    ],
    ids=["unread", "no modules"],
)
async def test_what_tells_nothing_is_not_told(world: World, gil: Gil) -> None:
    await world.announce()
    world.xray.read[FILE] = gil
    await world.readings.tell()
    assert [each.revision for each in await world.told()] == [1]
    assert (world.xray.wanted, world.arrivals) == ([], 0)


async def test_nothing_is_read_for_news_that_nobody_hears_of_or_that_is_old(world: World) -> None:
    await world.announce(to=())
    await world.announce(replace(GAIN, project="dropped"))
    async with world.database.write() as tx:
        await tx.execute("UPDATE delivery SET dropped = 'unwanted'")
    await world.announce(replace(GAIN, project="old"), age=RECENT + 1)
    world.xray.read[FILE] = ON
    await world.readings.tell()
    revisions = await world.database.read("SELECT revision FROM news")
    assert [row["revision"] for row in revisions] == [1, 1, 1]
    assert (world.xray.wanted, world.arrivals) == ([], 0)


async def test_news_that_changes_meanwhile_is_told_of_its_own_wheel(world: World) -> None:
    await world.announce()
    (seen,) = await world.store.unread(datetime.fromtimestamp(NOW - 1, UTC))
    other = replace(WHEEL, file="h3-4.5.0-cp315-cp315t-manylinux_2_28_x86_64.whl", python="3.15t")
    async with world.database.write() as tx:
        (news,) = await world.store.told(tx, "h3")
        await world.store.revise(tx, news, replace(GAIN, wheel=other))
    await world.readings._tell(seen, ON)
    assert [each.content.wheel for each in await world.told()] == [other]
    assert world.arrivals == 0
