"""What people see of the bot before they use it: its invitation, and its commands in README."""

import logging
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import discord
import pytest
from discord import app_commands

from bot import permissions
from bot.client import PERMISSIONS, FtBot

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")


@pytest.mark.usefixtures("world")
async def test_a_start_logs_the_address_that_invites(
    simcord_bot: FtBot, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "bot.client"):
        await simcord_bot.on_ready()
    (address,) = (word for word in caplog.text.split() if word.startswith("https://"))
    asked = parse_qs(urlsplit(address).query)
    assert asked["client_id"] == [str(simcord_bot.application_id)]
    assert asked["scope"] == ["bot applications.commands"]
    assert asked["permissions"] == [str(PERMISSIONS.value)]


def test_an_invitation_asks_for_what_announcing_needs_and_no_more() -> None:
    needed = {"view_channel", *permissions._IN_CHANNELS, *permissions._IN_THREADS}
    assert discord.Permissions(**dict.fromkeys(needed, True)) == PERMISSIONS


@pytest.mark.usefixtures("world")
async def test_readme_has_all_commands_with_their_options(simcord_bot: FtBot) -> None:
    rows = re.findall(r"^\| `/([a-z ]+)` \|([^|]*)\|", README, re.MULTILINE)
    documented = {name: re.findall(r"`(\w+)`", options) for name, options in rows}
    assert documented == {
        command.qualified_name: [option.name for option in command.parameters]
        for command in simcord_bot.tree.walk_commands()
        if isinstance(command, app_commands.Command)
    }
