"""What Prometheus is told of the parts, and when ftbot counts as ready."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from bot import logs
from bot.announce.changes.metrics import ChangeMetrics
from bot.announce.changes.model import Position
from bot.announce.changes.store import ChangeStore
from bot.announce.delivery.model import Backlog
from bot.app import metrics
from bot.app.observing import GRACE, Readiness
from bot.db import Database, Memory
from bot.db.probe import probe
from bot.github.limits import Limits
from bot.github.metrics import LimitMetrics
from bot.http import Response
from bot.index.store import ProjectStore
from bot.messages import Waiting
from bot.reports.filing.model import Backlog as Filings


def told(collector: Collector) -> dict[str, float]:
    """What is exported, by names with their labels."""
    registry = CollectorRegistry()
    registry.register(collector)
    lines = generate_latest(registry).decode().splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


def test_outboxes() -> None:
    waits = datetime.now(UTC) - timedelta(minutes=2)
    running: Any = SimpleNamespace(
        outbox=SimpleNamespace(backlog=Backlog(waiting=3, oldest=waits, paused=4)),
        reporting=SimpleNamespace(
            posts=SimpleNamespace(waiting=Waiting(5, 1)),
            filing=SimpleNamespace(backlog=Filings(2, 1)),
        ),
        auditing=SimpleNamespace(outbox=SimpleNamespace(waiting=Waiting())),
    )
    figures = told(metrics.OutboxMetrics(running))
    assert 120 <= figures.pop("ftbot_outbox_oldest_seconds") < 150
    assert figures == {
        'ftbot_outbox_length{outbox="news",state="waiting"}': 3,
        'ftbot_outbox_length{outbox="news",state="paused"}': 4,
        'ftbot_outbox_length{outbox="posts",state="waiting"}': 5,
        'ftbot_outbox_length{outbox="posts",state="failing"}': 1,
        'ftbot_outbox_length{outbox="audit_notes",state="waiting"}': 0,
        'ftbot_outbox_length{outbox="audit_notes",state="failing"}': 0,
        'ftbot_outbox_length{outbox="filing",state="waiting"}': 2,
        'ftbot_outbox_length{outbox="filing",state="unclear"}': 1,
    }


def test_the_gateway_of_the_moment() -> None:
    client: Any = SimpleNamespace(
        guilds=[1, 2], latencies=[(0, 0.04), (1, float("nan")), (2, float("inf"))]
    )
    identifies: Any = SimpleNamespace(today=lambda: 3)
    serves: Any = SimpleNamespace(client=client, is_ready=lambda: True, stands_by=False)
    waits: Any = SimpleNamespace(client=None, is_ready=lambda: True, stands_by=True)
    budget = {
        "ftbot_gateway_identifies_today": 3,
        "ftbot_gateway_identifies_day_limit": 900,
    }
    assert told(metrics.GatewayMetrics(serves, identifies)) == {
        "ftbot_gateway_connected": 1,
        "ftbot_gateway_standing_by": 0,
        'ftbot_gateway_latency_seconds{shard="0"}': 0.04,
        "ftbot_servers": 2,
        **budget,
    }
    assert told(metrics.GatewayMetrics(waits, identifies)) == {
        "ftbot_gateway_connected": 1,
        "ftbot_gateway_standing_by": 1,
        **budget,
    }


def test_what_runs_and_what_it_had_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "written", {"warning": 3})
    figures = told(metrics.ProcessMetrics())
    assert figures['ftbot_log_records_total{level="warning"}'] == 3
    (info,) = (name for name in figures if name.startswith("ftbot_info{"))
    assert {'discord_py="2.', 'gil="o', 'python="3.', 'version="'} <= {
        part[: part.index('"') + 1 + len(beginning)]
        for part, beginning in zip(info[11:-1].split(","), ("2.", "o", "3.", ""), strict=True)
    }


async def test_the_place_in_the_index(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "file") as database:
        store = ChangeStore(database, ProjectStore(database))
        assert told(ChangeMetrics(store)) == {}
        await store.start(Position(123, 1_790_000_000.5))
        assert told(ChangeMetrics(store)) == {
            "ftbot_index_serial": 123,
            "ftbot_index_seen_timestamp_seconds": 1_790_000_000.5,
        }


NOW = 1_790_000_000.0


def answer(remaining: str, reset: float, status: int = 200) -> Response:
    headers = {"X-RateLimit-Remaining": remaining, "X-RateLimit-Reset": f"{reset:.0f}"}
    return Response(httpx.URL("https://github.example/"), status, httpx.Headers(headers))


def test_limits_of_github() -> None:
    clock = [NOW]
    limits = Limits(lambda: clock[0])
    assert told(LimitMetrics(limits)) == {"ftbot_github_paused_seconds": 0}
    limits.heed("anonymous core", answer("59", NOW + 60))
    limits.heed("installation 7 core", answer("4000", NOW + 600))
    limits.heed("installation 8 core", answer("3000", NOW + 600))
    limits.heed("installation 8 search", answer("many", NOW + 600))
    limits.heed("installation 9 core", answer("0", NOW + 300))
    core = 'ftbot_github_remaining{credentials="%s",resource="core"}'
    assert told(LimitMetrics(limits)) == {
        core % "anonymous": 59,
        core % "installation": 0,
        "ftbot_github_paused_seconds": 300,
    }
    clock[0] += 400  # what was left then is counted anew
    assert told(LimitMetrics(limits)) == {
        core % "installation": 3000,
        "ftbot_github_paused_seconds": 0,
    }


class Discord:
    there = False

    def __call__(self) -> bool:
        return self.there


async def test_ready_when_discord_was_there_and_is_not_gone_for_long() -> None:
    discord, clock = Discord(), [NOW]
    readiness = Readiness(discord, lambda: None, clock=lambda: clock[0])
    assert await readiness.missing() == ("discord",)
    discord.there = True
    assert await readiness.missing() == ()
    discord.there = False
    for seconds, missing in ((0.0, ()), (GRACE - 1, ()), (1.0, ("discord",))):
        clock[0] += seconds
        assert await readiness.missing() == missing
    discord.there = True
    assert await readiness.missing() == ()


def remove(path: Path) -> None:
    for each in path.parent.glob("file*"):
        each.unlink()


def empty(path: Path) -> None:
    remove(path)
    path.touch()


def scribble(path: Path) -> None:
    for each in path.parent.glob("file-*"):
        each.unlink()
    with path.open("r+b") as file:
        file.write(b"x" * 8_192)


@pytest.mark.parametrize("harm", [remove, empty, scribble], ids=lambda harm: str(harm.__name__))
async def test_not_ready_while_the_database_cannot_be_read(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    discord, path = Discord(), tmp_path / "file"
    discord.there = True
    readiness = Readiness(discord, partial(probe, path))
    async with Database.open(path) as database:
        assert await readiness.missing() == ()
        await Memory(database).set("some", "thing")
        harm(path)
        assert await readiness.missing() == ("database",)


async def test_not_ready_while_the_database_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.app.observing._READ_PATIENCE", 0.01)
    discord, answered = Discord(), threading.Event()
    discord.there = True
    asked: list[None] = []

    def read() -> None:
        asked.append(None)
        answered.wait(10)

    readiness = Readiness(discord, read)
    for _ in range(3):
        assert await readiness.missing() == ("database",)
    assert len(asked) == 1
    answered.set()
    monkeypatch.setattr("bot.app.observing._READ_PATIENCE", 10)
    assert await readiness.missing() == ()
