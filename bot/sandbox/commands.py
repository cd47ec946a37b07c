"""/sandbox: what happens on the index is up to you here."""

from collections.abc import Callable

import discord
from discord import app_commands, ui
from packaging.utils import canonicalize_name

from bot.choices import CHOICES, choices
from bot.client import FtBot
from bot.language import say
from bot.respond import tell
from bot.sandbox.publications import Publications
from bot.ui.card import Card
from bot.ui.text import escape

Interaction = discord.Interaction[FtBot]

EXAMPLE = "grpcio"
"""A much downloaded project that has no free-threaded wheels in the snapshot."""
_OF = f"Of which project ({EXAMPLE} if you don't say)"
_BLUE = 0x5865F2


class Sandbox(app_commands.Group, name="sandbox", description="Play the index: publish releases"):
    """The commands. They touch the stand-in of the index alone; ftbot has to find out by itself."""

    def __init__(self, publications: Publications) -> None:
        super().__init__()
        self._publications = publications

    @app_commands.command(description="Publish a made-up release with free-threaded wheels")
    @app_commands.describe(project=_OF)
    async def publish(self, interaction: Interaction, project: str = EXAMPLE) -> None:
        told = say(
            "{release} is on the index, with wheels for Linux. Whoever asked for news is told in "
            "seconds. `/sandbox complete` adds the other wheels, `/sandbox yank` withdraws it.",
            release=_play(self._publications.publish, project),
        )
        await _tell(interaction, told)

    @app_commands.command(description="Publish the other wheels of your release")
    @app_commands.describe(project=_OF)
    async def complete(self, interaction: Interaction, project: str = EXAMPLE) -> None:
        told = say(
            "{release} has wheels for all platforms now. The announcement will say so: it is "
            "edited.",
            release=_play(self._publications.complete, project),
        )
        await _tell(interaction, told)

    @app_commands.command(description="Yank your release")
    @app_commands.describe(project=_OF)
    async def yank(self, interaction: Interaction, project: str = EXAMPLE) -> None:
        told = say(
            "{release} is yanked. The announcement is struck through, and its readers are told.",
            release=_play(self._publications.yank, project),
        )
        await _tell(interaction, told)

    @publish.autocomplete("project")
    @complete.autocomplete("project")
    @yank.autocomplete("project")
    async def _projects(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        return choices(interaction.client.services.names.complete(typed, CHOICES))


def _play(change: Callable[[str], str], project: str) -> str:
    """Change the index, and return the release that it is about as Markdown."""
    name = canonicalize_name(project)
    return f"**{escape(f'{name} {change(name)}')}**"


async def _tell(interaction: Interaction, told: str) -> None:
    await tell(interaction, Card(ui.TextDisplay(told), colour=_BLUE))
