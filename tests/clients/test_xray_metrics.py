"""What is told of reading wheels: counts by verdict, why some were not read, the queue."""

from contextlib import suppress
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from bot.errors import ServiceError
from bot.xray import remote
from bot.xray.metrics import XrayMetrics
from bot.xray.model import ModuleVerdict
from bot.xray.ranges import Limits, RangeFile
from bot.xray.remote import Outcome
from bot.xray.service import A_DAY, FAILURES
from tests.clients.test_xray_service import LINUX, MAC, PROJECT, World, made, two
from tests.xray.server import Behaviour
from tests.xray.wheels import wheel

GONE = "made_up-0-cp314-cp314t-win32.whl"


def figures(world: World) -> dict[str, float]:
    """Those that are not zero, by name and label."""
    registry = CollectorRegistry()
    registry.register(XrayMetrics(world.service))
    return {
        " ".join((sample.name.removeprefix("ftbot_xray_"), *sample.labels.values())): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.value and not sample.name.endswith("_created")
    }


async def test_what_was_read_and_what_waits(tmp_path: Path) -> None:
    async with made(tmp_path, {LINUX: two(), MAC: wheel({"made_up.py": b""})}) as world:
        assert figures(world) == {"day_limit_bytes": A_DAY}
        await world.service.want([("made-up", LINUX), ("made-up", MAC)])
        assert figures(world) == {"day_limit_bytes": A_DAY, "waiting": 2}
        await world.service.work()
        assert figures(world) == {
            "day_limit_bytes": A_DAY,
            "readings_total re-enables": 1,
            "readings_total keeps-off": 1,
            "fetched_today_bytes": world.server.sent,
        }


async def test_every_kind_is_there_from_the_beginning(tmp_path: Path) -> None:
    async with made(tmp_path, {}) as world:
        assert set(world.service.readings) == set(ModuleVerdict)
        assert set(world.service.failures) == set(FAILURES)


@pytest.mark.parametrize(
    ("does", "file", "kind"),
    [
        (Behaviour(status=503), LINUX, "outage"),
        (Behaviour(status=404), LINUX, "other"),
        (Behaviour(wrong_hash=True), LINUX, "doubtful"),
        (Behaviour(), GONE, "missing"),
    ],
)
async def test_why_a_wheel_was_not_read(
    tmp_path: Path, does: Behaviour, file: str, kind: str
) -> None:
    async with made(tmp_path, {LINUX: two()}) as world:
        world.server.does = does
        await world.service.want([("made-up", file)])
        with suppress(ServiceError):
            await world.service.work()
        assert figures(world)[f"failures_total {kind}"] == 1
        assert world.service.failures.total() == 1
        assert world.service.readings.total() == 0


async def test_a_limit(tmp_path: Path) -> None:
    async with made(tmp_path, {LINUX: two()}, limits=Limits(size=1_000, seconds=20)) as world:
        await world.service.want([("made-up", LINUX)])
        await world.service.work()
        assert figures(world)["failures_total limit"] == 1


async def test_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str, __: RangeFile) -> Outcome:
        raise ZeroDivisionError

    monkeypatch.setattr(remote, "read_remote", broken)
    async with made(tmp_path, {LINUX: two()}) as world:
        await world.service.want([("made-up", LINUX)])
        await world.service.work()
        assert figures(world)["failures_total mistake"] == 1


async def test_what_is_asked_about_is_told_in_full_or_read(tmp_path: Path) -> None:
    async with made(tmp_path, {LINUX: two()}) as world:
        assert await world.service.declared(PROJECT, LINUX) is None
        assert await world.store.waiting() == 1
        await world.service.work()
        found = await world.service.declared(PROJECT, LINUX)
        (told,) = (await world.service.known([LINUX])).values()
        assert found is not None
        assert (found.verdict, found.re_enabling) == (told.verdict, ("absent",))
        assert await world.store.waiting() == 0


async def test_a_wheel_that_cannot_be_read_is_told_in_short(tmp_path: Path) -> None:
    async with made(tmp_path, {LINUX: two()}) as world:
        world.server.does = Behaviour(wrong_hash=True)
        await world.service.want([("made-up", LINUX)])
        await world.service.work()
        found = await world.service.declared(PROJECT, LINUX)
        assert found is not None
        assert found.reason == (await world.service.known([LINUX]))[LINUX].reason


async def test_nothing_is_told_nor_wanted_where_that_is_turned_off(tmp_path: Path) -> None:
    async with made(tmp_path, {LINUX: two()}, on=False) as world:
        assert await world.service.declared(PROJECT, LINUX) is None
        assert await world.store.waiting() == 0
