"""The real bot on a simulated Discord, with a small index made up for the test."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
import pytest
import simcord

from bot import language
from bot.client import FtBot, Services
from bot.db import Database
from tests.cogs.fakes import Index, services_on
from tests.tagged import Tagged


@dataclass(frozen=True, slots=True)
class World:
    """A server with a plain member, and the bot in it."""

    env: simcord.Env
    services: Services
    index: Index
    channel: simcord.ChannelHandle
    member: simcord.MemberActor

    async def restart(self) -> None:
        """Start the bot anew, as after a deployment: nothing is left in its memory."""
        await self.env.restart_bot(FtBot(self.services, shard_count=1))


@pytest.fixture
def index() -> Index:
    return Index()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        yield database


@pytest.fixture
def services(index: Index, database: Database) -> Services:
    return services_on(database, index, index)


@pytest.fixture
async def simcord_bot(services: Services) -> FtBot:
    return FtBot(services, shard_count=1)


@pytest.fixture
async def world(simcord_env: simcord.Env, services: Services, index: Index) -> World:
    guild = simcord_env.create_guild("Free-threaded Python")
    channel = guild.create_text_channel("general")
    member = guild.add_member(simcord_env.create_user("alice"))
    return World(simcord_env, services, index, channel, member)


class Tongues:
    """Who speaks which language: people by their number, and the server. English otherwise."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._people: dict[int, str] = {}

    def person(self, member: simcord.MemberActor, locale: str) -> None:
        self._people[member.id] = locale

    def server(self, locale: str) -> None:
        (guild,) = self._world.env.bot.guilds
        guild.preferred_locale = discord.Locale(locale)

    def told(self, data: dict[str, Any]) -> None:
        """Say so in an interaction as Discord sends it."""
        person = data.get("user") or data["member"]["user"]
        data["locale"] = self._people.get(int(person["id"]), "en-US")
        if "guild_id" in data:
            data["guild_locale"] = str(self._world.env.bot.guilds[0].preferred_locale)


@pytest.fixture
def tongues(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tongues]:
    """Korean and German are known, and spoken by whom the test says."""
    known = Tongues(world)
    read = discord.Interaction._from_data

    def read_with_locales(interaction: Any, data: Any) -> None:  # noqa: ANN401 - as it is there
        known.told(data)
        read(interaction, data)

    monkeypatch.setattr(discord.Interaction, "_from_data", read_with_locales)
    language.install({tag: Tagged(tag) for tag in ("ko", "de")})
    yield known
    language.install({})
