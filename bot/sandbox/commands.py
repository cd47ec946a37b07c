"""/sandbox: what happens on the index is up to you here."""

from collections.abc import Callable

import discord
from discord import app_commands, ui
from packaging.utils import canonicalize_name

from bot.choices import CHOICES, choices
from bot.client import FtBot
from bot.respond import tell
from bot.sandbox.publications import Publications
from bot.ui.card import Card
from bot.ui.text import escape

Interaction = discord.Interaction[FtBot]

EXAMPLE = "grpcio"
"""A much downloaded project that has no free-threaded wheels in the snapshot."""
_BLUE = 0x5865F2


class Sandbox(app_commands.Group, name="sandbox", description="Play the index: publish releases"):
    """The commands. They touch the stand-in of the index alone; ftbot has to find out by itself."""

    def __init__(self, publications: Publications) -> None:
        super().__init__()
        self._publications = publications

    @app_commands.command(description="Publish a made-up release with free-threaded wheels")
    @app_commands.describe(project=f"Of which project ({EXAMPLE} if you don't say)")
    async def publish(self, interaction: Interaction, project: str = EXAMPLE) -> None:
        await _play(
            interaction,
            self._publications.publish,
            project,
            "{} is on the index, with wheels for Linux. Whoever asked for news is told in seconds. "
            "`/sandbox complete` adds the other wheels, `/sandbox yank` withdraws it.",
        )

    @app_commands.command(description="Publish the other wheels of your release")
    @app_commands.describe(project=f"Of which project ({EXAMPLE} if you don't say)")
    async def complete(self, interaction: Interaction, project: str = EXAMPLE) -> None:
        await _play(
            interaction,
            self._publications.complete,
            project,
            "{} has wheels for all platforms now. The announcement will say so: it is edited.",
        )

    @app_commands.command(description="Yank your release")
    @app_commands.describe(project=f"Of which project ({EXAMPLE} if you don't say)")
    async def yank(self, interaction: Interaction, project: str = EXAMPLE) -> None:
        await _play(
            interaction,
            self._publications.yank,
            project,
            "{} is yanked. The announcement is struck through, and its readers are told.",
        )

    @publish.autocomplete("project")
    @complete.autocomplete("project")
    @yank.autocomplete("project")
    async def _projects(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        return choices(interaction.client.services.names.complete(typed, CHOICES))


async def _play(
    interaction: Interaction, change: Callable[[str], str], project: str, told: str
) -> None:
    name = canonicalize_name(project)
    title = escape(f"{name} {change(name)}")
    await tell(interaction, Card(ui.TextDisplay(told.format(f"**{title}**")), colour=_BLUE))
