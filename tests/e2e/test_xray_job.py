"""From an answer that wants wheels read to the answer that tells what they declare."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app.core import Core, core
from bot.app.jobs import Bell, supervised
from bot.app.xraying import choose_popular, xraying
from bot.check.document import answer_document
from bot.settings import Settings
from bot.xray.model import Gil
from tests.xray import sources
from tests.xray.build import build
from tests.xray.server import WheelServer, serving
from tests.xray.wheels import SUFFIX, wheel

LINUX = "numpy-2.0-cp314-cp314t-manylinux_2_28_x86_64.whl"
MAC = "numpy-2.0-cp314-cp314t-macosx_11_0_arm64.whl"


@pytest.fixture
async def index() -> AsyncIterator[WheelServer]:
    library = build(sources.MULTI_PHASE)
    wheels = {
        LINUX: wheel({f"numpy/declared{SUFFIX}": library, f"numpy/absent{SUFFIX}": library}),
        MAC: wheel({f"numpy/declared{SUFFIX}": library}),
    }
    async with serving(WheelServer(wheels, "numpy")) as server:
        yield server


def settings(index: WheelServer, folder: Path, *, xray: bool = True) -> Settings:
    return Settings(pypi_url=index.url, data_dir=folder, xray=xray)


async def until_read(parts: Core, count: int) -> list[Gil]:
    """Run the jobs until so many wheels were read."""
    found: asyncio.Queue[Gil] = asyncio.Queue()
    parts.xray.found = found.put_nowait
    bell = Bell()
    async with supervised(parts, xraying(parts, bell), bell), asyncio.timeout(20):
        return [await found.get() for _ in range(count)]


async def test_what_wheels_declare_is_there_after_the_first_demand(
    index: WheelServer, tmp_path: Path
) -> None:
    async with core(settings(index, tmp_path)) as parts:
        first = answer_document(await parts.check.answer("numpy"))
        assert {row["gil"] for row in first["support"]} == {None}
        await parts.xray.close()
        await until_read(parts, 2)
        rows = answer_document(await parts.check.answer("numpy"))["support"]
    gil = {(row["python"], row["platform"]): row["gil"] for row in rows}
    assert gil["3.14t", "linux-x86_64"] == {
        "verdict": "re-enables",
        "wheel": LINUX,
        "modules": 2,
        "re_enabling": ["numpy.absent"],
    }
    assert gil["3.14t", "macos-arm64"]["verdict"] == "keeps-off"
    assert gil["3.13t", "linux-x86_64"] is None


async def test_wheels_that_most_people_install_are_read_by_themselves(
    index: WheelServer, tmp_path: Path
) -> None:
    async with core(settings(index, tmp_path)) as parts:
        await parts.catalogue.load()
        await parts.index.project("numpy")
        (gil,) = await until_read(parts, 1)
        assert gil.wheel == LINUX
        pages = index.pages
        await choose_popular(parts)
        assert await parts.xray.known([LINUX, MAC]) == {LINUX: gil}
        assert index.pages == pages


async def test_nothing_is_read_where_that_is_turned_off(index: WheelServer, tmp_path: Path) -> None:
    async with core(settings(index, tmp_path, xray=False)) as parts:
        assert list(xraying(parts, Bell())) == []
        found = await parts.check.answer("numpy")
        await parts.xray.close()
        assert (found.gil, index.asked) == ({}, [])
