"""Wheels are read over HTTP: few bytes, of one and the same file, whatever the server does."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bot.http import http_client
from bot.pypi.client import IndexClient
from bot.xray.model import Cost, ModuleVerdict
from bot.xray.ranges import SMALL, Limits, Place, RangeFile, Unfetched
from bot.xray.remote import PAYS, PROBED, Outcome, read_remote, unread
from bot.xray.source import Content
from bot.xray.wheel import read_wheel
from tests.xray import sources
from tests.xray.build import build
from tests.xray.server import Behaviour, WheelServer, serving
from tests.xray.wheels import NAME, SUFFIX, wheel

KEEPS, RE_ENABLES, UNKNOWN = (
    ModuleVerdict.KEEPS_OFF,
    ModuleVerdict.RE_ENABLES,
    ModuleVerdict.UNKNOWN,
)
LIMITS = Limits(seconds=20)


@pytest.fixture(autouse=True)
def at_once(no_pauses: None) -> None:
    """Attempts follow one right after the other."""


def noise(length: int) -> bytes:
    """Bytes that no packing makes smaller."""
    return os.urandom(length)


def many(*, others: int = 0) -> bytes:
    """A wheel of 24 modules, of different sizes, half of which, the smaller, turn the GIL on."""
    library = build(sources.MULTI_PHASE)
    members = {
        f"package/{number}/{name}{SUFFIX}": library + noise(4_000 * number + more)
        for number in range(1, 13)
        for name, more in (("declared", 500), ("absent", 0))
    }
    members["package/data.bin"] = noise(others)
    return wheel(members)


def large(verdict: str = "declared") -> bytes:
    """A wheel of one module that is nearly all of it."""
    library = build(sources.MULTI_PHASE)
    return wheel({f"{verdict}{SUFFIX}": library + noise(600_000), "package/data.txt": b"x" * 90})


async def read(
    server: WheelServer,
    *,
    limits: Limits = LIMITS,
    place: Callable[[Place], Place] = lambda place: place,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Read the server's first wheel, as the service does."""
    name = next(iter(server.wheels))
    content = server.wheels[name]
    does = server.does
    async with http_client(server.url) as http:
        client = IndexClient(http)
        told = Place(
            httpx.URL(f"{server.url}/files/{name}"),
            len(content) if does.told_size else None,
            ("0" * 64 if does.wrong_hash else server.sha256(name)) if does.told_hash else None,
        )
        file = RangeFile(
            client.download,
            place(told),
            asyncio.get_running_loop(),
            limits=limits,
            progress=progress,
        )
        return await asyncio.to_thread(in_thread, name, file)


def in_thread(name: str, file: RangeFile) -> Outcome:
    try:
        with file:
            return read_remote(name, file)
    except Unfetched as error:
        return Outcome(unread(name, error), Cost(file.fetched, file.size), failure=error)


@pytest.fixture
async def wheels() -> AsyncIterator[WheelServer]:
    async with serving(WheelServer({NAME: many(others=600_000)})) as server:
        yield server


@pytest.fixture
async def one() -> AsyncIterator[WheelServer]:
    async with serving(WheelServer({NAME: large()})) as server:
        yield server


async def test_of_many_modules_few_bytes_tell_that_the_gil_is_turned_on(
    wheels: WheelServer,
) -> None:
    done = await read(wheels)
    assert done.failure is None
    assert (done.reading.verdict, len(done.reading.modules)) == (RE_ENABLES, 24)
    assert len(done.reading.re_enabling) == 12
    cost = done.cost
    assert cost.known_at is not None
    assert cost.known_at < 0.1 * cost.size
    assert cost.fetched == wheels.sent < cost.size
    assert done.sha256 is None


async def test_one_of_each_folder_is_read_before_what_lies_with_it() -> None:
    library = build(sources.MULTI_PHASE)
    kept = {
        f"package/{folder}/{name}.so": library + noise(20_000)
        for folder in range(3)
        for name in ("declared", *(f"lib{number}" for number in range(24)))
    }
    content = wheel({**kept, "package/last/absent.so": library + noise(25_000)})
    async with serving(WheelServer({NAME: content})) as server:
        done = await read(server)
    assert done.reading.re_enabling == ("package.last.absent",)
    assert done.cost.known_at is not None
    assert done.cost.known_at < 0.1 * done.cost.size


async def test_what_a_local_reading_says_is_what_a_remote_one_says(wheels: WheelServer) -> None:
    done = await read(wheels)
    assert done.reading == read_wheel(NAME, Content(wheels.wheels[NAME]))


async def test_what_is_nearly_all_of_a_wheel_comes_in_one_go(one: WheelServer) -> None:
    done = await read(one)
    assert (done.reading.verdict, done.cost.known_at) == (KEEPS, None)
    assert len(one.asked) == 2
    assert one.sent == done.cost.fetched == done.cost.size


async def test_a_wheel_without_modules_costs_its_directory() -> None:
    content = wheel({"package/__init__.py": b"", "package/data.bin": noise(1_000_000)})
    async with serving(WheelServer({NAME: content})) as server:
        done = await read(server)
    assert (done.reading.verdict, done.reading.modules) == (KEEPS, ())
    assert len(server.asked) == 1
    assert server.sent < 0.02 * len(content)


async def test_a_small_wheel_is_one_request() -> None:
    content = wheel({f"declared{SUFFIX}": build(sources.MULTI_PHASE)})
    assert len(content) < SMALL
    async with serving(WheelServer({NAME: content})) as server:
        done = await read(server)
    assert done.reading.verdict is KEEPS
    assert server.asked == [f"bytes=0-{len(content) - 1}"]


async def test_neighbours_come_together(wheels: WheelServer) -> None:
    done = await read(wheels)
    assert len(wheels.asked) < len(done.reading.modules) / 2


@pytest.mark.parametrize("told", [True, False])
async def test_a_server_that_ignores_ranges_sends_the_whole_once(
    wheels: WheelServer, told: bool
) -> None:
    wheels.does = Behaviour(ranges=False, told_size=told)
    done = await read(wheels)
    assert (done.reading.verdict, done.failure) == (RE_ENABLES, None)
    assert len(wheels.asked) == 1
    assert wheels.sent == done.cost.size


@pytest.mark.parametrize(
    "does",
    [
        Behaviour(told_size=False),
        Behaviour(told_size=False, chunked=True),
        Behaviour(told_size=False, chunked=True, ranges=False),
        Behaviour(etag=False),
        Behaviour(etag=False, dates=True),
        Behaviour(weak=True),
        Behaviour(weak=True, dates=True),
        Behaviour(redirects=2),
        Behaviour(cuts_after=20_000, cuts=1),
        Behaviour(cuts_after=200_000, cuts=1, ranges=False),
        Behaviour(told_hash=False),
    ],
    ids=repr,
)
async def test_servers_that_are_odd_but_honest(wheels: WheelServer, does: Behaviour) -> None:
    wheels.does = does
    done = await read(wheels)
    assert done.failure is None
    assert (done.reading.verdict, len(done.reading.modules)) == (RE_ENABLES, 24)


async def test_without_a_hash_on_the_page_the_whole_is_fetched_for_it(wheels: WheelServer) -> None:
    wheels.does = Behaviour(told_hash=False)
    done = await read(wheels)
    assert done.sha256 == wheels.sha256(NAME)
    assert wheels.sent == done.cost.size


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        (Behaviour(wrong_total=1), "another length"),
        (Behaviour(wrong_total=-1), "another length"),
        (Behaviour(wrong_start=1), "other parts"),
        (Behaviour(unnamed=True), "does not name"),
        (Behaviour(more=1), "longer than was told"),
        (Behaviour(more=1, ranges=False, chunked=True), "longer than was told"),
        (Behaviour(encoding="gzip"), "nobody asked for"),
        (Behaviour(changes_after=1), "replaced"),
        (Behaviour(changes_after=1, unconditional=True), "replaced"),
        (Behaviour(changes_after=1, unconditional=True, weak=True), "replaced"),
        (Behaviour(changes_after=1, etag=False, dates=True), "replaced"),
        (Behaviour(changes_after=1, unconditional=True, etag=False, dates=True), "replaced"),
        (Behaviour(changes_after=1, unconditional=True, etag=False, grows=1), "another length"),
        (Behaviour(changes_after=1, etag=False), "not the file that the index names"),
        (Behaviour(cuts_after=100), "could not be fetched"),
        (Behaviour(cuts_after=100, ranges=False), "could not be fetched"),
        (Behaviour(cuts_after=100, chunked=True), "could not be fetched"),
        (Behaviour(status=404), "not there any more"),
        (Behaviour(status=410), "not there any more"),
        (Behaviour(status=403), "status 403"),
        (Behaviour(status=416), "another length"),
        (Behaviour(status=503), "status 503"),
        (Behaviour(status=204), "status 204"),
        (Behaviour(redirects=9), "redirects"),
        (Behaviour(status=302), "redirects"),
        (Behaviour(wrong_hash=True, ranges=False), "not the file that the index names"),
    ],
    ids=repr,
)
async def test_whatever_a_server_does_ends_in_unknown_with_a_reason(
    wheels: WheelServer, does: Behaviour, reason: str
) -> None:
    wheels.does = does
    done = await read(wheels)
    assert done.reading.verdict is UNKNOWN
    assert reason in (done.reading.reason or "")
    assert wheels.sent < 4 * len(wheels.wheels[NAME])


async def test_a_wrong_hash_makes_what_was_read_before_doubtful() -> None:
    content = large()
    async with serving(WheelServer({NAME: content})) as server:
        server.does = Behaviour(wrong_hash=True)
        done = await read(server)
    assert (done.reading.verdict, done.reading.modules) == (UNKNOWN, ())
    assert done.failure
    assert done.failure.doubtful


@pytest.mark.parametrize(
    "does",
    [
        Behaviour(changes_after=3),
        Behaviour(changes_after=3, unconditional=True, etag=False, grows=1),
    ],
    ids=repr,
)
async def test_a_change_makes_what_was_read_before_doubtful(
    wheels: WheelServer, does: Behaviour
) -> None:
    wheels.does = does
    done = await read(wheels)
    assert len(wheels.asked) == 4
    assert (done.reading.verdict, done.reading.modules) == (UNKNOWN, ())
    assert done.failure
    assert done.failure.doubtful


async def test_what_turned_the_gil_on_stays_known_if_the_rest_cannot_be_had(
    wheels: WheelServer,
) -> None:
    wheels.does = Behaviour(status=503, after=2)
    done = await read(wheels)
    assert done.failure
    assert (done.reading.verdict, len(done.reading.modules)) == (RE_ENABLES, 24)
    assert 0 < len(done.reading.re_enabling) < 12
    assert "status 503" in (done.reading.reason or "")
    assert any("could not be fetched" in module.evidence for module in done.reading.modules)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (replace(LIMITS, size=1_000), "more than is read"),
        (replace(LIMITS, fetched=1_000), "to fetch"),
        (replace(LIMITS, requests=1), "takes more than 1 requests"),
        (replace(LIMITS, seconds=0.0), "takes more than 0 seconds"),
    ],
)
async def test_limits(wheels: WheelServer, limits: Limits, reason: str) -> None:
    done = await read(wheels, limits=limits)
    assert done.reading.verdict is UNKNOWN
    assert reason in (done.reading.reason or "")
    assert wheels.sent <= max(limits.fetched, 0) + (1 << 18)


async def test_a_server_that_trickles_is_given_up(one: WheelServer) -> None:
    one.does = Behaviour(trickles=True)
    begun = time.monotonic()
    done = await read(one, limits=replace(LIMITS, seconds=0.5))
    assert time.monotonic() - begun < 5
    assert done.reading.verdict is UNKNOWN
    assert "0.5 seconds" in (done.reading.reason or "")


async def test_a_module_that_is_too_large_to_fetch_is_unknown_and_others_are_read() -> None:
    library = build(sources.MULTI_PHASE)
    huge = {f"declared{SUFFIX}": library + noise(3_000_000), f"absent{SUFFIX}": library}
    content = wheel(huge)
    async with serving(WheelServer({NAME: content})) as server:
        done = await read(server, limits=replace(LIMITS, fetched=1_000_000))
    assert done.failure is None
    assert done.reading.verdict is RE_ENABLES
    declared = next(m for m in done.reading.modules if m.module == "declared")
    assert "larger than what is fetched" in declared.evidence
    assert server.sent < 1_000_000


async def test_hostile_archives_cost_no_more_than_they_have() -> None:
    for content in (noise(300_000), large()[:-30] + noise(30), b"PK\5\6" * 100_000):
        async with serving(WheelServer({NAME: content})) as server:
            done = await read(server)
        assert done.reading.verdict is UNKNOWN
        assert done.reading.reason
        assert server.sent <= len(content)


async def test_progress_grows_to_its_goal(one: WheelServer) -> None:
    heard: list[tuple[int, int]] = []
    done = await read(one, progress=lambda *far: heard.append(far))
    assert heard == sorted(heard)
    assert heard[-1] == (done.cost.fetched, done.cost.size)


async def test_nothing_blocks_the_loop_and_nothing_is_left(
    wheels: WheelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    threads: set[int] = set()
    real = RangeFile.read

    def noted(self: RangeFile, offset: int, length: int) -> bytes:
        threads.add(threading.get_ident())
        return real(self, offset, length)

    monkeypatch.setattr(RangeFile, "read", noted)
    done = await read(wheels)
    assert done.failure is None
    assert threads
    assert threading.get_ident() not in threads
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - on the loop of a test


async def test_what_is_stopped_ends_at_once(one: WheelServer) -> None:
    one.does = Behaviour(trickles=True)
    async with http_client(one.url) as http:
        file = RangeFile(
            IndexClient(http).download,
            Place(httpx.URL(f"{one.url}/files/{NAME}"), len(one.wheels[NAME])),
            asyncio.get_running_loop(),
        )
        reading = asyncio.create_task(asyncio.to_thread(in_thread, NAME, file))
        await one.first.wait()
        file.stop()
        done = await asyncio.wait_for(reading, 5)
    assert done.failure
    assert done.failure.outage
    assert "not read to its end" in (done.reading.reason or "")


def test_shares_leave_room_for_the_directory() -> None:
    assert PROBED + 1 / 64 < 0.1
    assert PROBED + PAYS < 1
