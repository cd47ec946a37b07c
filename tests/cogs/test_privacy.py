"""What people see of what is stored of them, and how it ends."""

import pytest

from bot.reports.model import Stored
from tests.cogs.conftest import World
from tests.cogs.fakes import ReportDesk
from tests.cogs.showing import BUTTON, parts, texts


@pytest.fixture
def desk(world: World) -> ReportDesk:
    found = world.services.reports
    assert isinstance(found, ReportDesk)
    return found


async def test_nothing_stored_is_nothing_to_delete(world: World) -> None:
    shown = await world.member.slash(world.channel, "privacy")
    assert shown.ephemeral
    assert "## What ftbot stores of you\nNothing.\n**How long it is kept**" in texts(shown)
    assert parts(shown, BUTTON) == []


async def test_deleting_takes_a_second_step(world: World, desk: ReportDesk) -> None:
    desk.kept = Stored(reports=(3, 7), drafts=(9,), steps=5, watches=1)
    shown = await world.member.slash(world.channel, "privacy")
    assert "2 reports with your name and id" in texts(shown)
    assert "3, 7" in texts(shown)
    await world.restart()
    assert shown.response is not None
    asked = await world.member.click(shown.response, label="Delete it")
    assert asked.ephemeral
    assert "Delete all that ftbot stores of you?" in texts(asked)
    assert desk.kept.reports == (3, 7)
    await world.restart()
    assert asked.response is not None
    done = await world.member.click(asked.response, label="Yes, delete it")
    assert "**It is deleted.**\nDeleted: 1 report not sent." in texts(done)
    assert desk.kept == Stored()
    assert "Nothing." in texts(await world.member.slash(world.channel, "privacy"))


async def test_in_direct_messages(world: World) -> None:
    bob = world.env.create_user("bob")
    assert "Nothing." in texts(await bob.slash("privacy"))
