"""The command /about: what ftbot is, and how old what it knows is."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import FtBot
from bot.respond import respond
from bot.ui import about as view

Interaction = discord.Interaction[FtBot]


class About(commands.Cog):
    """The command."""

    @app_commands.command(description="What ftbot is, and how old what it knows is")
    async def about(self, interaction: Interaction) -> None:
        servers = len(interaction.client.guilds)
        await respond(
            interaction,
            interaction.client.services.about(),
            lambda found: view.about(found, servers),
        )


async def setup(bot: FtBot) -> None:
    """Load the cog: called by discord.py."""
    await bot.add_cog(About())
