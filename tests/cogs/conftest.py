"""The real bot on a simulated Discord, with a small index made up for the test."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import simcord

from bot.client import FtBot, Services
from bot.db import Database
from tests.cogs.fakes import Index, services_on


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
