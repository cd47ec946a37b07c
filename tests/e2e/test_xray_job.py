"""From an answer that wants wheels read to the answer that tells what they declare."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.app.auditing import audit_service
from bot.app.core import Core, core
from bot.app.jobs import Bell, supervised
from bot.app.xraying import choose_popular, xraying
from bot.audit.answering import Audits
from bot.audit.manifests import read
from bot.audit.store import AuditStore
from bot.audit.watching.store import WatchStore
from bot.check.document import answer_document
from bot.compat.model import Target
from bot.reports.likeness.model import Known
from bot.reports.model import Fact, Facts, Kind, Reading
from bot.reports.service import Lookups
from bot.reports.store import ReportStore
from bot.settings import Settings
from bot.xray.model import Gil
from bot.xray.store import XrayStore
from tests.ui.test_triage import REPORT
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


class NoIssues:
    """Nothing is known on GitHub."""

    async def all(self, _: str | None, __: Kind | None) -> list[Known]:
        return []

    async def about(self, _: str, *, patience: float) -> list[Known]:
        del patience
        return []


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


async def test_an_audit_counts_it_when_it_was_read(index: WheelServer, tmp_path: Path) -> None:
    lock = b"numpy==2.0\n"
    async with core(settings(index, tmp_path)) as parts:
        audits = Audits(
            read,
            audit_service(parts, None),
            AuditStore(parts.database),
            WatchStore(parts.database),
            xray=parts.xray,
        )
        before = await audits.audit(1, "pip-freeze.txt", lock, Target("3.14t", "linux-x86_64"))
        assert (before.audit.unread, before.audit.re_enabling) == (1, ())
        await until_read(parts, 1)
        after = await audits.get(before.id)
    ((package, gil),) = after.audit.re_enabling
    assert (package.project, gil.wheel, after.audit.unread) == ("numpy", LINUX, 0)
    assert after.audit.packages == before.audit.packages


async def test_a_report_is_checked_against_it_when_it_was_read(
    index: WheelServer, tmp_path: Path
) -> None:
    facts = Facts(project=Fact("numpy", "numpy"), version=Fact("2.0", "2.0"))
    reading = Reading(Kind.GIL_REENABLED, 0.9, facts)
    async with core(settings(index, tmp_path)) as parts:
        lookups = Lookups(
            ReportStore(parts.database),
            parts.check,
            NoIssues(),
            home="owner/home",
            index=parts.index,
            xray=parts.xray,
        )
        report = replace(REPORT, reading=reading)
        before = await lookups.look_up(report, patience=20)
        assert not before.complete
        await parts.xray.close()  # /check wants what pip takes on other platforms, too
        await until_read(parts, await XrayStore(parts.database).waiting())
        after = await lookups.look_up(report, patience=20)
    assert after.complete
    assert after.hints
    hint, *_ = after.hints
    assert hint.text == (
        "ftbot read the wheel of numpy 2.0 for Linux (x86-64): 1 of 2 modules turns the GIL on,"
        " numpy.absent."
    )
    assert hint.evidence[0] == LINUX
    assert hint.evidence[1].startswith("numpy.absent: ")
