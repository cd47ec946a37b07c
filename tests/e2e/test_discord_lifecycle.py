"""The client against a Discord on loopback: real REST, real gateway, real time."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot import respond
from bot.client import FtBot, Services
from bot.db import Database
from bot.errors import SettingsError
from tests.cogs.fakes import Index, services_on
from tests.e2e.loopback import (
    TOKEN,
    Loopback,
    answered,
    gateway,
    running,
    sent,
    shown,
)

# The loopback server stores things on requests under plain names.
pytestmark = pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")

PROJECT = {"type": 3, "name": "project"}
AUTOCOMPLETE, MESSAGE, DEFERRED, UPDATE = 8, 4, 5, 7
EPHEMERAL = 64


@pytest.fixture
def index() -> Index:
    return Index()


@pytest.fixture
async def services(index: Index, tmp_path: Path) -> AsyncIterator[Services]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        yield services_on(database, index, index)


async def check(fake: Loopback, project: str) -> dict[str, Any]:
    record: dict[str, Any] = await fake.slash("check", [{**PROJECT, "value": project}])
    return record


async def test_life_cycle(discord_api: Loopback, services: Services) -> None:
    async with running(discord_api, lambda: FtBot(services)):
        record = await check(discord_api, "numpy")
        answer = await answered(record)
        assert answer["type"] == MESSAGE
        assert "## numpy 2.0" in shown(answer["data"])
        typed = await discord_api.autocomplete(
            "check", [{**PROJECT, "value": "nunpy", "focused": True}]
        )
        choices = await answered(typed)
        assert choices["type"] == AUTOCOMPLETE
        assert [each["value"] for each in choices["data"]["choices"]] == ["numpy", "numba"]
    message = discord_api.messages[record["original"]]

    async with running(discord_api, lambda: FtBot(services)):
        clicked = await discord_api.click(message, "1details:numpy::", 3, ["3.14t"])
        details = await answered(clicked)
        assert details["type"] == UPDATE
        assert "### 3.14t, per platform" in shown(details["data"])
    assert len(sent(discord_api, "PUT", "/commands")) == 1
    assert discord_api.sessions == []


async def test_identifies_without_privileged_intents(
    discord_api: Loopback, services: Services
) -> None:
    async with running(discord_api, lambda: FtBot(services)):
        (session,) = discord_api.sessions
        assert session.identify["intents"] == 1


async def test_other_commands_are_synced_again(discord_api: Loopback, services: Services) -> None:
    async with running(discord_api, lambda: FtBot(services)):
        pass
    await services.memory.set("discord.commands.1000000000000000001", "digest of older commands")
    async with running(discord_api, lambda: FtBot(services)):
        pass
    assert len(sent(discord_api, "PUT", "/commands")) == 2


@pytest.fixture
def impatient(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every answer too slow to be given directly."""
    monkeypatch.setattr(respond, "PATIENCE", 0.0)
    index.turns = 100


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("project", "said"), [("numpy", "## numpy 2.0"), ("offline", "The index does not answer.")]
)
async def test_a_slow_answer_is_deferred_and_edited_in(
    discord_api: Loopback, services: Services, project: str, said: str
) -> None:
    async with running(discord_api, lambda: FtBot(services)):
        record = await check(discord_api, project)
        assert (await answered(record))["type"] == DEFERRED
        await asyncio.wait_for(record["done_ev"].wait(), 5)
    assert said in shown(discord_api.messages[record["original"]])


async def test_a_slow_select_keeps_its_message(
    discord_api: Loopback, services: Services, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(discord_api, lambda: FtBot(services)):
        record = await check(discord_api, "numpy")
        await answered(record)
        message = discord_api.messages[record["original"]]
        monkeypatch.setattr(respond, "PATIENCE", 0.0)
        index.turns = 100
        clicked = await discord_api.click(message, "1details:numpy::", 3, ["3.14t"])
        assert (await answered(clicked))["type"] == 6
        await asyncio.wait_for(clicked["done_ev"].wait(), 5)
    assert clicked["original"] == message["id"]
    assert "### 3.14t, per platform" in shown(message)


async def test_what_this_version_does_not_know_is_answered(
    discord_api: Loopback, services: Services
) -> None:
    message = discord_api.user_message("from long ago")
    async with running(discord_api, lambda: FtBot(services)):
        for record in (
            await discord_api.click(message, "0old:button"),
            await discord_api.submit("old form", [], message),
        ):
            answer = await answered(record)
            assert answer["data"]["flags"] & EPHEMERAL
            assert "older version of ftbot" in shown(answer["data"])


async def test_an_old_command_is_answered(discord_api: Loopback, services: Services) -> None:
    async with running(discord_api, lambda: FtBot(services)):
        discord_api.commands[None].append({"id": "1", "name": "gone"})
        answer = await answered(await discord_api.slash("gone"))
        assert "This command has changed" in shown(answer["data"])


def pauses_until(count: int) -> tuple[list[float], Any]:
    """Return a sleep that notes its pauses and ends the client at the last one."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == count:
            raise asyncio.CancelledError

    return pauses, sleep


@pytest.mark.parametrize(
    "fault",
    [
        {"method": "GET", "path_re": "users/@me", "status": 503},
        {"method": "GET", "path_re": "gateway/bot", "status": 503},
        {"method": "PUT", "path_re": "commands", "status": 503},
        {"method": "GET", "path_re": "users/@me", "drop": True},
    ],
)
async def test_a_start_that_fails_is_tried_again_after_longer_pauses(
    discord_api: Loopback, services: Services, fault: dict[str, Any]
) -> None:
    discord_api.faults.append({**fault, "times": 1000})
    pauses, sleep = pauses_until(5)
    with pytest.raises(asyncio.CancelledError):
        await gateway(sleep).run(lambda: FtBot(services), TOKEN)
    expected = [5, 10, 20, 40, 80]
    assert all(0.7 * e <= pause <= 1.3 * e for pause, e in zip(pauses, expected, strict=True))


async def test_an_event_that_cannot_be_read_costs_one_client_only(
    discord_api: Loopback, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    died = asyncio.Event()

    async def sleep(_: float) -> None:
        discord_api.identified.clear()
        died.set()

    async with running(discord_api, lambda: FtBot(services), sleep):
        await discord_api.dispatch("GUILD_CREATE", {"nonsense": True})
        await asyncio.wait_for(died.wait(), 5)
        await asyncio.wait_for(discord_api.identified.wait(), 5)
        answer = await answered(await check(discord_api, "numpy"))
        assert "## numpy 2.0" in shown(answer["data"])
    assert "The Discord client stopped" in caplog.text


async def test_a_refused_token_names_the_setting_and_not_the_token(
    discord_api: Loopback, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    del discord_api
    with pytest.raises(SettingsError) as caught:
        await gateway().run(lambda: FtBot(services), "some-wrong-secret")
    assert "FTBOT_DISCORD_TOKEN" in str(caught.value)
    assert "some-wrong-secret" not in str(caught.value) + caplog.text
