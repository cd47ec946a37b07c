"""The command /progress: how far the most downloaded projects are."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import FtBot
from bot.compat.targets import PLATFORMS, PYTHONS
from bot.progress.model import PLATFORM, PYTHON, Among
from bot.progress.rules import parse_among
from bot.respond import PersistentItem, respond
from bot.ui import custom_ids
from bot.ui import progress as view

Interaction = discord.Interaction[FtBot]


class TargetSelect(PersistentItem, template=custom_ids.template(custom_ids.PROGRESS, 3)):
    """Shows another platform or interpreter."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        among, python, platform = fields
        chosen = self.chosen("")
        await _show(interaction, parse_among(among), python or chosen, platform or chosen)


class Progress(commands.Cog):
    """The command."""

    @app_commands.command(description="How far are the most downloaded projects?")
    @app_commands.describe(
        among="Of which projects, by downloads (default: top-1000)",
        python=f"The interpreter to look at (default: {PYTHON})",
        platform=f"The platform to look at (default: {PLATFORM})",
    )
    @app_commands.choices(
        among=[app_commands.Choice(name=each, value=each) for each in Among],
        python=[app_commands.Choice(name=name, value=name) for name in PYTHONS],
        platform=[app_commands.Choice(name=name, value=name) for name in PLATFORMS],
    )
    async def progress(
        self,
        interaction: Interaction,
        among: Among = Among.TOP_1000,
        python: str = PYTHON,
        platform: str = PLATFORM,
    ) -> None:
        await _show(interaction, among, python, platform)


async def _show(interaction: Interaction, among: Among, python: str, platform: str) -> None:
    found = interaction.client.services.progress.report(among, python, platform)
    await respond(interaction, found, view.answer)


async def setup(bot: FtBot) -> None:
    """Load the cog: called by discord.py."""
    bot.add_dynamic_items(TargetSelect)
    await bot.add_cog(Progress())
