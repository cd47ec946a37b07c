"""Options with choices, asked by a client that learnt them from another version of ftbot."""

from collections.abc import Iterator
from typing import Any

import pytest
import simcord
from discord import Permissions, app_commands

from bot.client import FtBot
from bot.pypi.names import SHOWN_CHARACTERS
from tests.cogs.conftest import World
from tests.cogs.showing import texts

CHOICES = {
    ("announce subscribe", "what"),
    ("announce subscribe", "among"),
    ("audit", "python"),
    ("check", "python"),
    ("progress", "among"),
    ("progress", "python"),
    ("progress", "platform"),
}
REFUSED = "**gone is not something this option takes.**\nChoose one of "
UNKNOWN = "**'gone' is not an interpreter that ftbot knows.**\nChoose one of "


@pytest.fixture
def _stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let any value through, which Discord does for those that it was told of before."""
    monkeypatch.setattr("simcord.interactions.validate_option_value", _as_it_is)


def _as_it_is(_command: str, _option: dict[str, Any], value: object) -> object:
    return value


def options(world: World, command: str) -> dict[str, Any]:
    """Return what the command needs besides."""
    needed: dict[str, dict[str, Any]] = {
        "announce subscribe": {"channel": world.channel},
        "audit": {"file": ("requirements.txt", b"numpy==2.0\n")},
        "check": {"project": "numpy"},
    }
    return needed.get(command, {})


@pytest.mark.usefixtures("_stale")
@pytest.mark.parametrize(("command", "option"), sorted(CHOICES))
async def test_an_unknown_value_is_refused_in_a_sentence(
    world: World, command: str, option: str, caplog: pytest.LogCaptureFixture
) -> None:
    guild = world.env.guild
    role = guild.create_role("Staff", permissions=Permissions(manage_guild=True))
    admin = guild.add_member(world.env.create_user("ada"), roles=[role])
    result = await admin.slash(
        world.channel, command, **options(world, command), **{option: "gone"}
    )
    simcord.assert_error(world.env, app_commands.AppCommandError)
    assert caplog.records == []  # as of a mistake in ftbot
    assert result.ephemeral
    if command != "progress" or option == "among":  # its service knows the others
        assert texts(result).startswith(UNKNOWN if option == "python" else REFUSED)


@pytest.mark.usefixtures("_stale")
async def test_a_long_value_leaves_room_for_the_sentence(world: World) -> None:
    result = await world.member.slash(world.channel, "progress", among="*" * 4_000)
    simcord.assert_error(world.env, app_commands.TransformerError)
    shown = r"\*" * SHOWN_CHARACTERS
    assert texts(result) == (
        f"**{shown}… is not something this option takes.**\n"
        "Choose one of top-360, top-1000, top-15000."
    )


def test_these_are_all_of_them(world: World) -> None:
    bot = world.env.bot
    assert isinstance(bot, FtBot)
    assert set(_with_choices(bot.tree)) == CHOICES


def _with_choices(tree: app_commands.CommandTree[Any]) -> Iterator[tuple[str, str]]:
    for command in tree.walk_commands():
        if isinstance(command, app_commands.Command):
            for option in command.parameters:
                if option.choices:
                    yield command.qualified_name, option.name
