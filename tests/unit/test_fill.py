"""The background fill, over a real cache and an index that counts."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bot.errors import IndexUnavailable
from bot.index.fill import FAILURES, PAUSE, Fill, Progress
from bot.index.metrics import IndexMetrics
from tests.unit.standin import World, world

NAMES = [f"p{number}" for number in range(12)]
pytestmark = pytest.mark.usefixtures("no_pauses")


class Ranked:
    """A catalogue of the names above, in that order."""

    def most_downloaded(self, count: int) -> list[str]:
        return NAMES[:count]


@dataclass
class Filled:
    """A fill of twelve projects; what it slept, and its progress at each sleep."""

    parts: World
    wanted: int = len(NAMES)
    slept: list[float] = field(default_factory=list)
    seen: list[Progress] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fill = Fill(
            self.parts.cached,
            self.parts.store,
            Ranked(),  # type: ignore[arg-type]  # of the catalogue, it only needs the ranks
            self.wanted,
            sleep=self.sleep,
            clock=self.parts.clock.date,
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seen.append(self.fill.progress)
        assert not self.parts.cached._fetching  # one at a time


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        for name in NAMES:
            made.index.publish(name, f"{name}-1.0.tar.gz")
        yield made


async def test_fetches_the_most_downloaded_in_turn(parts: World) -> None:
    filled = Filled(parts, wanted=5)
    assert filled.fill.progress == Progress(0, 0)
    await filled.fill.run()
    assert parts.index.pages() == [f"/simple/{name}/" for name in NAMES[:5]]
    assert filled.slept == [PAUSE] * 5
    assert filled.seen == [Progress(count, 5) for count in range(1, 6)]


async def test_goes_on_where_it_was(parts: World) -> None:
    for name in NAMES[:8]:
        await parts.cached.project(name)
    filled = Filled(parts)
    await filled.fill.run()
    assert filled.seen == [Progress(count, 12) for count in range(9, 13)]
    await filled.fill.run()
    assert len(parts.index.pages()) == 12
    assert filled.fill.progress == Progress(12, 12)


async def test_reads_each_page_once_a_day(parts: World) -> None:
    filled = Filled(parts)
    await filled.fill.run()
    parts.clock.pass_(hours=23)
    await filled.fill.run()
    assert len(parts.index.pages()) == 12
    parts.index.publish("p3", "p3-1.0.tar.gz", status="archived")
    parts.clock.pass_(hours=1)
    await filled.fill.run()
    assert len(parts.index.pages()) == 24
    assert (await parts.cached.project("p3")).status == "archived"


async def test_what_is_gone_is_no_longer_wanted(parts: World) -> None:
    del parts.index.projects["p3"]
    filled = Filled(parts)
    await filled.fill.run()
    assert filled.fill.progress == Progress(11, 11)


async def test_projects_that_fail_are_passed_over(
    parts: World, caplog: pytest.LogCaptureFixture
) -> None:
    """However many, as long as others come in between."""
    broken = NAMES[::2]
    for name in broken:
        parts.index.faults[f"/simple/{name}/"] = httpx.Response(200, content=b"<html>")
    filled = Filled(parts)
    await filled.fill.run()
    assert len(broken) > FAILURES
    assert filled.fill.progress == Progress(12 - len(broken), 12)
    assert "could not read p4" in caplog.text


@pytest.mark.parametrize("known", [False, True])
async def test_stops_when_the_index_is_down(parts: World, *, known: bool) -> None:
    filled = Filled(parts)
    if known:
        await filled.fill.run()
        parts.clock.pass_(days=2)
    parts.index.requests.clear()
    for name in NAMES[4:]:
        parts.index.faults[f"/simple/{name}/"] = httpx.Response(403)
    with pytest.raises(IndexUnavailable, match="again and again"):
        await filled.fill.run()
    assert len(parts.index.pages()) == 4 + FAILURES
    assert filled.fill.progress == Progress(4, 12)


async def test_prometheus_is_told(parts: World) -> None:
    filled = Filled(parts)
    del parts.index.projects["p3"]
    await filled.fill.run()
    registry = CollectorRegistry()
    registry.register(IndexMetrics(parts.cached, filled.fill))
    text = generate_latest(registry).decode()
    assert 'ftbot_fill_projects{state="cached"} 11.0' in text
    assert 'ftbot_fill_projects{state="wanted"} 11.0' in text
    assert 'ftbot_index_answers_total{how="fetched"} 11.0' in text
