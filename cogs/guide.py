"""The command /guide: what the porting guide says."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.choices import CHOICES, choices
from bot.client import FtBot, Services
from bot.respond import respond
from bot.ui import guide as view
from bot.ui.card import Card

Interaction = discord.Interaction[FtBot]


class Guide(commands.Cog):
    """The command."""

    @app_commands.command(description="Search the guide to free-threaded Python")
    @app_commands.describe(query="What you want to know, or a heading (default: the contents)")
    async def guide(self, interaction: Interaction, query: str = "") -> None:
        services = interaction.client.services
        await respond(interaction, _card(services, query), lambda card: card)

    @guide.autocomplete("query")
    async def _headings(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        return choices(interaction.client.services.guide.complete(typed, CHOICES))


async def _card(services: Services, query: str) -> Card:
    hits = services.guide.search(query)
    return view.found(hits) if hits else view.contents(services.guide.contents(), query)


async def setup(bot: FtBot) -> None:
    """Load the cog: called by discord.py."""
    await bot.add_cog(Guide())
