import pytest
import simcord

from bot.client import FtBot, Services
from bot.errors import UserError
from bot.sandbox.commands import Sandbox
from bot.sandbox.publications import Publications
from bot.sandbox.snapshot import shipped_snapshot
from tests.cogs.conftest import World
from tests.cogs.showing import texts


@pytest.fixture
def publications() -> Publications:
    return Publications(shipped_snapshot())


@pytest.fixture
async def simcord_bot(services: Services, publications: Publications) -> FtBot:
    bot = FtBot(services, shard_count=1)
    bot.tree.add_command(Sandbox(publications))
    return bot


async def test_a_release_from_beginning_to_end(world: World, publications: Publications) -> None:
    member, channel = world.member, world.channel
    result = await member.slash(channel, "sandbox publish")
    assert result.ephemeral
    assert "**grpcio 1.86.0** is on the index" in texts(result)
    result = await member.slash(channel, "sandbox complete")
    assert "**grpcio 1.86.0** has wheels for all platforms" in texts(result)
    result = await member.slash(channel, "sandbox yank")
    assert "**grpcio 1.86.0** is yanked" in texts(result)
    assert {row[0] for row in publications.rows} == {"grpcio"}


async def test_any_project_will_do(world: World, publications: Publications) -> None:
    result = await world.member.slash(world.channel, "sandbox publish", project="NumPy")
    assert "**numpy 2.6.0** is on the index" in texts(result)
    assert publications.rows[-1][0] == "numpy"
    choices = await world.member.autocomplete(world.channel, "sandbox publish", "project", "nu")
    assert "numpy" in [choice["value"] for choice in choices]


async def test_mistakes_are_told(world: World) -> None:
    result = await world.member.slash(world.channel, "sandbox yank")
    simcord.assert_error(world.env, UserError)
    assert "Nothing of grpcio was published here." in texts(result)
    result = await world.member.slash(world.channel, "sandbox publish", project="@everyone")
    simcord.assert_error(world.env, UserError)
    assert "The sandbox does not know" in texts(result)
