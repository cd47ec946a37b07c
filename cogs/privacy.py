"""The command /privacy: what is stored of oneself, and its end."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import FtBot
from bot.respond import PersistentItem, respond, tell
from bot.ui import custom_ids
from bot.ui import privacy as view

Interaction = discord.Interaction[FtBot]


class AskButton(PersistentItem, template=custom_ids.template(custom_ids.PRIVACY_ASK, 0)):
    """Asks whether all of it shall be deleted."""

    async def used(self, interaction: Interaction, *_fields: str) -> None:
        await tell(interaction, view.asked())


class ForgetButton(PersistentItem, template=custom_ids.template(custom_ids.PRIVACY_FORGET, 0)):
    """Deletes it."""

    async def used(self, interaction: Interaction, *_fields: str) -> None:
        done = interaction.client.services.reports.forget(interaction.user.id)
        await respond(interaction, done, view.forgotten)


class Privacy(commands.Cog):
    """The command."""

    @app_commands.command(description="What ftbot stores of you, and how to delete it")
    async def privacy(self, interaction: Interaction) -> None:
        found = interaction.client.services.reports.stored(interaction.user.id)
        await respond(interaction, found, view.stored, private=True)


async def setup(bot: FtBot) -> None:
    """Load the cog: called by discord.py."""
    bot.add_dynamic_items(AskButton, ForgetButton)
    await bot.add_cog(Privacy())
