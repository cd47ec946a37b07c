"""/announce and /watch against a Discord on loopback, each request judged by its description."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot import respond
from bot.announce.subscriptions.store import SubscriptionStore
from bot.client import FtBot
from bot.db import Database
from tests.cogs.fakes import Index, services_on
from tests.e2e.loopback import Loopback, answered, loopback, pointed_at, running, sent, shown, tool

# The loopback server stores things on requests under plain names.
pytestmark = pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")

SUBCOMMAND, STRING, CHANNEL = 1, 3, 7
TEXT, VOICE, FORUM = 0, 2, 15
DEFERRED, EPHEMERAL = 5, 64


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        yield database


@pytest.fixture
def index() -> Index:
    return Index()


@pytest.fixture
async def discord_api(database: Database, index: Index) -> AsyncIterator[Loopback]:
    services = services_on(database, index, index)
    async with loopback() as fake:
        with pointed_at(fake):
            async with running(fake, lambda: FtBot(services, shard_count=1)):
                yield fake


def ids() -> Any:  # noqa: ANN401 - the loopback's constants
    return tool("discord_loopback")


async def announce(
    fake: Loopback, command: str, *options: dict[str, Any], kind: int = TEXT, **who: object
) -> dict[str, Any]:
    """Run `/announce <command>`; any channel among the options is of that kind."""
    channels = {
        option["value"]: {"id": option["value"], "name": "place", "type": kind, "permissions": "0"}
        for option in options
        if option["type"] == CHANNEL
    }
    data = [{"type": SUBCOMMAND, "name": command, "options": list(options)}]
    resolved = {"channels": channels} if channels else None
    record = await fake.slash("announce", data, resolved=resolved, **who)
    answer = (await answered(record))["data"]
    assert answer["flags"] & EPHEMERAL
    return dict(answer)


def in_channel(number: str) -> dict[str, Any]:
    return {"type": CHANNEL, "name": "channel", "value": number}


def choice(name: str, value: str) -> dict[str, Any]:
    return {"type": STRING, "name": name, "value": value}


async def test_a_channel_subscribes_and_is_listed(
    discord_api: Loopback, database: Database
) -> None:
    news = ids().NEWS_ID
    options = in_channel(news), choice("what", "all-releases"), choice("among", "everything")
    answer = await announce(discord_api, "subscribe", *options, kind=5)
    assert "of every project" in shown(answer)
    assert "published to the channels that follow it" in shown(answer)
    listed = await announce(discord_api, "list")
    assert f"<#{news}>: all releases" in shown(listed)
    wish = await SubscriptionStore(database).get(int(news))
    assert wish is not None
    assert (wish.guild, wish.what, wish.among) == (
        int(ids().GUILD_ID),
        "all-releases",
        "everything",
    )
    await announce(discord_api, "unsubscribe", in_channel(news))
    assert await SubscriptionStore(database).get(int(news)) is None


@pytest.mark.parametrize(
    ("kind", "word"), [(FORUM, "forum"), (VOICE, "voice"), (4, "category"), (13, "stage voice")]
)
async def test_places_that_take_no_messages(discord_api: Loopback, kind: int, word: str) -> None:
    answer = await announce(discord_api, "subscribe", in_channel(ids().CHAN_ID), kind=kind)
    assert f"is a {word} channel, where ftbot cannot write." in shown(answer)


async def test_managers_only(discord_api: Loopback) -> None:
    chosen = in_channel(ids().CHAN_ID)
    answer = await announce(discord_api, "subscribe", chosen, perms="2048")
    assert "It needs the permission Manage Server." in shown(answer)
    for permissions in ("8", "32"):  # an administrator, a manager
        answer = await announce(discord_api, "subscribe", chosen, perms=permissions)
        assert "hears of" in shown(answer)


async def test_the_made_up_example(discord_api: Loopback) -> None:
    assert "this example is made up" in shown(await announce(discord_api, "preview"))


async def test_watching(discord_api: Loopback) -> None:
    texts = []
    for command in ("add", "list", "remove"):
        options = [] if command == "list" else [choice("project", "numpy")]
        data = [{"type": SUBCOMMAND, "name": command, "options": options}]
        answer = await answered(await discord_api.slash("watch", data))
        assert answer["data"]["flags"] & EPHEMERAL
        texts.append(shown(answer["data"]).splitlines()[0])
    assert texts == [
        "**You watch numpy.**",
        "**You watch 1 project.**",
        "**You no longer watch numpy.**",
    ]


async def test_a_slow_index_is_waited_for_in_private(
    discord_api: Loopback, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(respond, "PATIENCE", 0)
    index.turns = 20
    data = [{"type": SUBCOMMAND, "name": "add", "options": [choice("project", "numpy")]}]
    record = await discord_api.slash("watch", data)
    answer = await answered(record)
    assert (answer["type"], answer["data"]["flags"]) == (DEFERRED, EPHEMERAL)
    await asyncio.wait_for(record["done_ev"].wait(), 5)
    assert "You watch numpy" in shown(sent(discord_api, "PATCH", "/messages/@original")[0])
