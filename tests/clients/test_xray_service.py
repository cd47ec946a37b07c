"""Wheels are read in the background: on demand, one at a time, within the bytes of a day."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from bot.db import Database
from bot.errors import ServiceError, UserError
from bot.http import http_client
from bot.pypi.client import IndexClient
from bot.xray import remote
from bot.xray.model import Gil, ModuleVerdict, worth_reading
from bot.xray.ranges import Limits, RangeFile
from bot.xray.remote import Outcome, read_remote
from bot.xray.service import ASKED, POPULAR, POPULAR_SHARE, XrayService
from bot.xray.store import XrayStore
from tests.xray import sources
from tests.xray.build import build
from tests.xray.server import Behaviour, WheelServer, serving
from tests.xray.wheels import SUFFIX, wheel

PROJECT = NormalizedName("made-up")
LINUX, MUSL, MAC = (
    f"made_up-1.0-cp314-cp314t-{platform}.whl"
    for platform in ("manylinux_2_28_x86_64", "musllinux_1_2_x86_64", "macosx_11_0_arm64")
)
PURE = "made_up-1.0-py3-none-any.whl"
LIMITS = Limits(seconds=20)


@pytest.fixture(autouse=True)
def at_once(no_pauses: None) -> None:
    """Attempts follow one right after the other."""


@dataclass(slots=True)
class Clock:
    """The time of day, which pauses let go on."""

    now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


@dataclass(slots=True)
class World:
    """A service with what it works with, and what it told."""

    server: WheelServer
    database: Database
    store: XrayStore
    service: XrayService
    clock: Clock
    rung: list[None]
    found: list[Gil]


@asynccontextmanager
async def made(
    tmp_path: Path,
    wheels: dict[str, bytes],
    *,
    on: bool = True,
    a_day: int = 1 << 30,
    limits: Limits = LIMITS,
) -> AsyncIterator[World]:
    clock, rung, found = Clock(), list[None](), list[Gil]()
    async with (
        serving(WheelServer(wheels)) as server,
        Database.open(tmp_path / "ftbot.sqlite3") as database,
        http_client(server.url) as http,
    ):
        store = XrayStore(database)
        service = XrayService(
            store,
            IndexClient(http),
            on=on,
            asked=lambda: rung.append(None),
            found=found.append,
            limits=limits,
            a_day=a_day,
            sleep=clock.sleep,
            clock=clock,
        )
        yield World(server, database, store, service, clock, rung, found)
        await service.close()


def two() -> bytes:
    library = build(sources.MULTI_PHASE)
    return wheel({f"declared{SUFFIX}": library, f"absent{SUFFIX}": library})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    contents = {name: two() for name in (LINUX, MUSL, MAC)}
    async with made(tmp_path, {**contents, PURE: wheel({})}) as it:
        yield it


async def noted(world: World) -> None:
    """Wait until what was asked for is in the queue."""
    await world.service.close()


async def test_first_demand_reads_in_the_background_and_then_it_is_there(world: World) -> None:
    asked = LINUX, MAC
    assert world.service.gil(PROJECT, asked) == {}
    await noted(world)
    assert world.rung
    assert await world.store.waiting() == 2
    await world.service.work()
    told = world.service.gil(PROJECT, asked)
    assert set(told) == {LINUX, MAC}
    assert told[LINUX] == Gil(ModuleVerdict.RE_ENABLES, LINUX, 2, ("absent",))
    assert world.service.gil(PROJECT, asked) is told
    assert world.found == [told[LINUX], told[MAC]]
    assert await world.store.waiting() == 0
    assert world.server.pages == 1


async def test_what_most_people_have_is_read_first(world: World) -> None:
    world.service.gil(PROJECT, (MAC, MUSL, LINUX))
    await noted(world)
    await world.service.work()
    assert world.found[0].wheel == LINUX


async def test_the_same_content_is_fetched_once_whatever_its_name(world: World) -> None:
    world.service.gil(PROJECT, (MAC, MUSL, LINUX))
    await noted(world)
    await world.service.work()
    assert len(world.server.asked) == 1
    assert set(world.service.gil(PROJECT, (MAC, MUSL, LINUX))) == {MAC, MUSL, LINUX}


async def test_a_pause_follows_each_wheel(world: World) -> None:
    world.service.gil(PROJECT, (MAC, LINUX))
    await noted(world)
    await world.service.work()
    assert world.clock.slept == [1.0, 1.0]


async def test_demand_is_noted_once(world: World) -> None:
    for _ in range(3):
        world.service.gil(PROJECT, (LINUX,))
        await noted(world)
    assert len(world.rung) == 1


async def test_a_look_without_demand(world: World) -> None:
    assert world.service.gil(PROJECT, (LINUX,), want=False) == {}
    await noted(world)
    assert await world.service.known([LINUX]) == {}
    assert (await world.store.waiting(), world.rung) == (0, [])


@pytest.mark.parametrize(
    ("file", "worth"),
    [
        (LINUX, True),
        ("a-1-py3-none-win_amd64.whl", True),
        (PURE, False),
        ("a-1.tar.gz", False),
        ("", False),
    ],
)
def test_which_files_may_hold_modules(file: str, worth: bool) -> None:
    assert worth_reading(file) is worth


async def test_turned_off(tmp_path: Path) -> None:
    async with made(tmp_path, {LINUX: two()}, on=False) as world:
        assert world.service.gil(PROJECT, (LINUX,)) == {}
        assert await world.service.known([LINUX]) == {}
        await world.service.want([("made-up", LINUX)])
        await world.service.work()
        with pytest.raises(UserError, match="FTBOT_XRAY"):
            await world.service.read(PROJECT, LINUX)
        assert (world.server.asked, world.rung) == ([], [])


async def test_reading_at_once_is_stored_too(world: World) -> None:
    heard: list[tuple[int, int]] = []
    done = await world.service.read(PROJECT, LINUX, lambda *far: heard.append(far))
    assert done.cost
    assert heard
    assert done.reading.re_enabling == ("absent",)
    again = await world.service.read(PROJECT, LINUX)
    assert (again.reading, again.cost) == (done.reading, None)
    assert await world.store.spent("2026-11-22") == done.cost.fetched
    with pytest.raises(UserError, match="no file"):
        await world.service.read(PROJECT, "made_up-9-cp314-cp314t-win32.whl")


async def test_a_server_that_misbehaves_is_told_of_and_tried_again(world: World) -> None:
    world.server.does = Behaviour(wrong_hash=True)
    world.service.gil(PROJECT, (LINUX,))
    await noted(world)
    await world.service.work()
    told = world.service.gil(PROJECT, (LINUX,))[LINUX]
    assert told.verdict is ModuleVerdict.UNKNOWN
    assert "not the file that the index names" in (told.reason or "")
    world.server.does = Behaviour()
    await world.service.work()
    assert len(world.server.asked) == 1  # it is not due yet
    world.clock.now += timedelta(hours=1)
    await world.service.work()
    told = world.service.gil(PROJECT, (LINUX,))[LINUX]
    assert (told.verdict, told.reason) == (ModuleVerdict.RE_ENABLES, None)


async def test_an_outage_is_told_of_only_when_it_lasts(world: World) -> None:
    world.server.does = Behaviour(status=503)
    world.service.gil(PROJECT, (LINUX,))
    await noted(world)
    for attempt in range(3):
        assert world.service.gil(PROJECT, (LINUX,)) == {}, attempt
        await world.service.work()
        world.clock.now += timedelta(days=2)
    assert "status 503" in (world.service.gil(PROJECT, (LINUX,))[LINUX].reason or "")


async def test_tries_come_to_an_end(world: World) -> None:
    world.server.does = Behaviour(status=404)
    await world.service.want([("made-up", LINUX)])
    for _ in range(20):
        await world.service.work()
        world.clock.now += timedelta(days=2)
    assert await world.store.waiting() == 0
    assert len(world.server.asked) == 8


@pytest.mark.parametrize("project", ["made-up", "nobody"])
async def test_a_wheel_that_the_index_lacks_is_said_to_be_so_when_that_lasts(
    world: World, project: str
) -> None:
    gone = "made_up-0-cp314-cp314t-win32.whl"
    world.service.gil(NormalizedName(project), (gone,))
    await noted(world)
    for attempt in range(3):
        assert world.service.gil(PROJECT, (gone,)) == {}, attempt
        await world.service.work()
        world.clock.now += timedelta(days=2)
    told = world.service.gil(PROJECT, (gone,))[gone]
    assert told == Gil(ModuleVerdict.UNKNOWN, gone, 0, reason="it is not on the index")
    assert world.service.failures["missing"] == 3


@pytest.mark.parametrize("status", [404, 410])
async def test_a_file_that_its_server_lacks_is_said_to_be_so_at_once(
    world: World, status: int
) -> None:
    world.server.does = Behaviour(status=status)
    world.service.gil(PROJECT, (LINUX,))
    await noted(world)
    await world.service.work()
    told = world.service.gil(PROJECT, (LINUX,))[LINUX]
    assert (told.verdict, told.reason) == (ModuleVerdict.UNKNOWN, "it is not there any more")


async def test_what_ftbot_fails_at_again_and_again_is_said_to_be_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Outcome:
        raise ZeroDivisionError

    monkeypatch.setattr(remote, "read_remote", broken)
    world.service.gil(PROJECT, (LINUX,))
    await noted(world)
    for _ in range(3):
        await world.service.work()
        world.clock.now += timedelta(days=2)
    told = world.service.gil(PROJECT, (LINUX,))[LINUX]
    assert (told.verdict, told.reason) == (ModuleVerdict.UNKNOWN, "it cannot be read by ftbot")


@pytest.mark.parametrize("missing", [True, False])
async def test_a_page_is_looked_at_once_for_wheels_that_cannot_be_had(
    world: World, missing: bool
) -> None:
    world.server.does = Behaviour(status=404)
    versions = range(5 if missing else 0)
    gone = [f"made_up-0.{version}-cp314-cp314t-win32.whl" for version in versions]
    await world.service.want([("made-up", file) for file in (LINUX, MUSL, MAC, *gone)])
    await world.service.work()
    assert world.server.pages == 1
    world.clock.now += timedelta(minutes=7)  # all of them are due
    await world.service.work()
    assert world.server.pages == 2


@pytest.mark.parametrize("ranges", [True, False])
async def test_whether_the_whole_was_read_is_noted(tmp_path: Path, ranges: bool) -> None:
    library = build(sources.MULTI_PHASE)
    content = wheel({f"absent{SUFFIX}": library, "data.bin": os.urandom(600_000)})
    async with made(tmp_path, {LINUX: content}) as world:
        world.server.does = Behaviour(ranges=ranges)
        await world.service.want([("made-up", LINUX)])
        await world.service.work()
        assert LINUX in await world.service.known([LINUX])
        rows = await world.database.read("SELECT whole FROM xray_reading")
        assert [row["whole"] for row in rows] == [not ranges]


async def test_when_all_fails_the_job_fails(world: World) -> None:
    world.server.does = Behaviour(status=503)
    await world.service.want([("made-up", file) for file in (LINUX, MUSL, MAC)])
    with pytest.raises(ServiceError, match="goes on later"):
        await world.service.work()


async def test_a_mistake_about_one_wheel_keeps_no_other_from_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(name: str, file: RangeFile) -> Outcome:
        if name == LINUX:
            raise ZeroDivisionError
        return read_remote(name, file)

    monkeypatch.setattr(remote, "read_remote", broken)
    async with made(tmp_path, {LINUX: two(), MAC: two() + b"\0"}) as world:
        await world.service.want([("made-up", LINUX), ("made-up", MAC)])
        await world.service.work()
        assert set(await world.service.known([LINUX, MAC])) == {MAC}
        assert await world.store.waiting() == 1
    assert "ZeroDivisionError" in caplog.text


async def test_wheels_are_read_one_at_a_time(tmp_path: Path) -> None:
    contents = {
        f"made_up-{number}-cp314-cp314t-win_amd64.whl": two() + bytes([number])
        for number in range(9)
    }
    async with made(tmp_path, contents) as world, asyncio.timeout(20):
        done = await asyncio.gather(*(world.service.read(PROJECT, file) for file in contents))
    assert [read.reading.verdict for read in done] == [ModuleVerdict.RE_ENABLES] * 9


async def test_what_is_not_on_the_page_or_has_no_page_waits(world: World) -> None:
    gone = "made_up-0-cp314-cp314t-win32.whl"
    await world.service.want([("made-up", gone), ("nobody", "nobody-1-cp314-cp314t-win32.whl")])
    await world.service.work()
    assert await world.store.waiting() == 2
    assert world.server.asked == []


async def test_the_bytes_of_a_day_are_limited(tmp_path: Path) -> None:
    contents = {name: two() + bytes([number]) for number, name in enumerate((LINUX, MUSL, MAC))}
    size = len(contents[LINUX])
    async with made(tmp_path, contents, a_day=size + size // 2) as world:
        await world.service.want([("made-up", file) for file in contents])
        await world.service.work()
        assert world.server.sent == size
        assert await world.store.spent("2026-11-22") == size
        assert await world.store.waiting() == 2
        world.clock.now += timedelta(days=1)
        await world.service.work()
        assert world.server.sent == 2 * size
        world.clock.now += timedelta(days=1)
        await world.service.work()
        assert await world.store.waiting() == 0
        assert {gil.verdict for gil in world.found} == {ModuleVerdict.RE_ENABLES}


async def test_what_nobody_asked_for_leaves_bytes_to_those_who_ask(tmp_path: Path) -> None:
    contents = {name: two() + bytes([number]) for number, name in enumerate((LINUX, MUSL, MAC))}
    size = len(contents[LINUX])
    async with made(tmp_path, contents, a_day=int(size / POPULAR_SHARE) + 9) as world:
        await world.service.want([("made-up", LINUX), ("made-up", MUSL)], POPULAR)
        await world.service.work()
        spent = world.server.sent
        assert spent <= 2 * size
        await world.store.spend("2026-11-22", int(world.service._a_day * POPULAR_SHARE) - spent)
        await world.service.want([("made-up", MAC)], ASKED)
        await world.service.work()
        assert MAC in await world.service.known([MAC])


async def test_a_wheel_that_costs_too_much_is_given_up_at_once(tmp_path: Path) -> None:
    limits = Limits(size=1_000, seconds=20)
    async with made(tmp_path, {LINUX: two()}, limits=limits) as world:
        await world.service.want([("made-up", LINUX)])
        await world.service.work()
        assert await world.store.waiting() == 0
        told = world.service.gil(PROJECT, (LINUX,))[LINUX]
        assert "more than is read" in (told.reason or "")


async def test_a_job_that_is_ended_ends_at_once_and_goes_on_later(world: World) -> None:
    world.server.does = Behaviour(trickles=True)
    await world.service.want([("made-up", LINUX)])
    working = asyncio.create_task(world.service.work())
    await world.server.first.wait()
    working.cancel()
    async with asyncio.timeout(2):
        with pytest.raises(asyncio.CancelledError):
            await working
    assert await world.store.waiting() == 1
    world.server.does = Behaviour()
    await world.service.work()
    assert await world.store.waiting() == 0
