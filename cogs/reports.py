"""The command /reports: what is known of a project."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.choices import CHOICES, choices
from bot.client import FtBot
from bot.reports.model import Problems
from bot.respond import PersistentItem, respond
from bot.ui import custom_ids
from bot.ui import reports as view

Interaction = discord.Interaction[FtBot]


async def _found(interaction: Interaction, project: str) -> Problems:
    reports = interaction.client.services.reports
    return await reports.problems(project, guild=interaction.guild_id)


class PageButton(PersistentItem, template=custom_ids.template(custom_ids.REPORTS_PAGE, 2)):
    """Shows other known problems."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        project, before = fields
        found = _found(interaction, project)
        await respond(interaction, found, lambda problems: view.listing(problems, int(before)))


class Reports(commands.Cog):
    """The command."""

    @app_commands.command(description="What problems with a project are known?")
    @app_commands.describe(project="Its name on PyPI")
    async def reports(self, interaction: Interaction, project: str) -> None:
        await respond(interaction, _found(interaction, project), view.listing)

    @reports.autocomplete("project")
    async def _projects(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        return choices(interaction.client.services.names.complete(typed, CHOICES))


async def setup(bot: FtBot) -> None:
    """Load the cog: called by discord.py."""
    bot.add_dynamic_items(PageButton)
    await bot.add_cog(Reports())
