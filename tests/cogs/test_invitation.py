"""The address that invites the bot to a server."""

import logging
from urllib.parse import parse_qs, urlsplit

import discord
import pytest

from bot import permissions
from bot.client import PERMISSIONS, FtBot


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
