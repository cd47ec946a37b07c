"""What operators see of the real process: figures, readiness, ids that lead to the log."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.loopback import shown
from tests.e2e.reports_world import BEN, PATIENCE, STRING, World, world

pytestmark = pytest.mark.slow

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


@pytest.fixture
async def around(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as everything:
        everything.index.publish("numpy", "numpy-2.0-cp314-cp314t-win_amd64.whl")
        yield everything


async def get(around: World, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,  # noqa: TID251 - the test is the other side
        session.get(f"{around._address()}{path}") as response,
    ):
        return response.status, await response.text()


async def figures(around: World) -> dict[str, float]:
    """What is exported, by names with their labels."""
    _, text = await get(around, "/metrics")
    samples = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


def asked_for() -> set[str]:
    """The names of all metrics that the dashboard and the alerts ask for."""
    board = json.loads((DEPLOY / "grafana.json").read_text("utf-8"))
    queries = [
        *(target["expr"] for panel in board["panels"] for target in panel.get("targets", ())),
        *(each["expr"] for each in board["annotations"]["list"]),
        *(each["definition"] for each in board["templating"]["list"] if "definition" in each),
        (DEPLOY / "alerts.yml").read_text("utf-8"),
    ]
    return set(re.findall(r"\b(?:ftbot|process|python)_\w+", " ".join(queries)))


async def test_every_metric_of_the_dashboard_and_the_alerts_is_exported(around: World) -> None:
    async with around.bot():
        assert "## numpy" in await around.ask_for(BEN, "check", "numpy")
        assert "no project" in await around.ask_for(BEN, "check", "nothing-of-that-name")
        exported: set[str] = set()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while asked_for() - exported:  # GitHub is asked a moment after the start
                    exported = {name.partition("{")[0] for name in await figures(around)}
    assert len(asked_for()) > 15
    assert asked_for() - exported == set()


async def test_interactions_are_counted_by_what_the_bot_calls_them(around: World) -> None:
    option = {"type": STRING, "name": "project", "value": "num", "focused": True}
    async with around.bot():
        await around.ask_for(BEN, "check", "numpy")
        await around.ask_for(BEN, "check", "no-such")
        about = await around.command(BEN, "about")
        typed = await around.discord.autocomplete("check", [option])
        await typed["ack_ev"].wait()
        await around.answer(await around.discord.click(about, "9other:version"))
        around.discord.faults.append(
            {"method": "POST", "path_re": "/callback", "times": 1, "status": 429}
            | {"body": {"retry_after": 0.01, "message": "slow", "global": False}}
            | {"headers": {"Via": "1.1 x", "X-RateLimit-Scope": "user"}}
        )
        await around.command(BEN, "about")
        found = await figures(around)
    counts = {name: value for name, value in found.items() if name.startswith("ftbot_interactions")}
    total = "ftbot_interactions_total"
    assert counts == {
        total + '{kind="command",name="check",outcome="answered"}': 1,
        total + '{kind="command",name="check",outcome="refused"}': 1,
        total + '{kind="command",name="about",outcome="answered"}': 2,
        total + '{kind="autocomplete",name="check",outcome="answered"}': 1,
        total + '{kind="component",name="unknown",outcome="answered"}': 1,
    }
    for what in ("first_answer_seconds", "seconds"):
        assert found[f'ftbot_interaction_{what}_count{{kind="command",name="check"}}'] == 2
        assert 0 < found[f'ftbot_interaction_{what}_sum{{kind="command",name="check"}}'] < 10
    assert found['ftbot_discord_requests_total{status="429"}'] == 1


async def test_a_member_s_reference_leads_to_the_log(around: World) -> None:
    async with around.bot():
        await around.index.stop()
        told = await around.ask_for(BEN, "check", "pandas")
        await around.index.start()
        (reference,) = re.findall(r"Reference: `([0-9a-f]{8})`", told)
        lines = [line for line in around.log if f"[{reference}]" in line]
        assert any("'check'" in line and "cannot be reached" in line for line in lines)
        (ours,) = around.discord.interactions.values()
        assert int(reference, 16) == int(ours["id"]) & 0xFFFF_FFFF


async def test_about(around: World) -> None:
    async with around.bot():
        await around.until(lambda: "Following the index from" in "".join(around.log))
        text = shown(await around.command(BEN, "about"))
    assert re.search(r"the index as of <t:\d+:R> \(serial \d+\)", text)
    assert "on 1 server." in text
    assert re.search(r"ftbot `[\w.]+` · Python 3\.\d+\.\d+\S* with(?:out)? the GIL", text)


async def test_ready_once_discord_is_there(around: World) -> None:
    login: dict[str, Any] = {"method": "GET", "path_re": "/users/@me$", "times": 1, "delay": 1.0}
    around.discord.faults.append(login)
    starting = asyncio.create_task(around.start())
    try:
        await around.until(lambda: login["times"] == 0)
        assert await get(around, "/readyz") == (503, '{"ready": false, "missing": ["discord"]}')
        status, text = await get(around, "/healthz")
        assert status == 200
        assert {"jobs", "fill", "outboxes", "xray"} <= json.loads(text).keys()
        assert json.loads(text)["xray"].keys() >= {"waiting", "fetched_today", "failures"}
        await starting
        await around.until(lambda: "Ready as" in "".join(around.log))
        assert await get(around, "/readyz") == (200, '{"ready": true, "missing": []}')
    finally:
        starting.cancel()
        await around.kill()
