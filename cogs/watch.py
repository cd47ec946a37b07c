"""The commands of /watch: direct messages about projects."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.choices import CHOICES, choices
from bot.client import FtBot
from bot.errors import UserError
from bot.language import phrase
from bot.respond import PersistentItem, respond, to_be_told
from bot.ui import custom_ids
from bot.ui import subscriptions as view

Interaction = discord.Interaction[FtBot]


class WatchItem(PersistentItem, template=custom_ids.template(custom_ids.WATCH, 2)):
    """Watches the project that news is about, or stops that."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        project = _named(self.chosen(fields[1]))
        toggled = interaction.client.services.watch.toggle(interaction.user.id, project)
        await respond(
            interaction,
            to_be_told(interaction, toggled),
            lambda on: view.watching(project) if on else view.not_watching(project),
            private=True,
        )


class UnwatchItem(PersistentItem, template=custom_ids.template(custom_ids.UNWATCH, 2)):
    """Stops watching the project that news is about."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        await stop(interaction, _named(self.chosen(fields[1])))


def _named(project: str) -> str:
    if not project:
        raise UserError(
            phrase("Its name is too long for a button."),
            phrase("Use /watch add or /watch remove."),
        )
    return project


async def stop(interaction: Interaction, project: str) -> None:
    """Let the person no longer hear of `project`."""
    await respond(
        interaction,
        interaction.client.services.watch.remove(interaction.user.id, project),
        lambda _: view.not_watching(project),
        private=True,
    )


class Watch(commands.GroupCog, group_name="watch", group_description="News by direct message"):
    """The commands."""

    @app_commands.command(description="Hear of a project's free-threaded wheels")
    @app_commands.describe(project="Its name on PyPI")
    async def add(self, interaction: Interaction, project: str) -> None:
        added = interaction.client.services.watch.add(interaction.user.id, project)
        await respond(
            interaction,
            to_be_told(interaction, added),
            lambda paused: view.watching(project, paused),
            private=True,
        )

    @app_commands.command(description="Hear no more of a project")
    @app_commands.describe(project="One that you watch")
    async def remove(self, interaction: Interaction, project: str) -> None:
        await stop(interaction, project)

    @app_commands.command(name="list", description="What you watch")
    async def list_(self, interaction: Interaction) -> None:
        found = interaction.client.services.watch.watches(interaction.user.id)
        await respond(interaction, found, view.watch_list, private=True)

    @add.autocomplete("project")
    async def _projects(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        return choices(interaction.client.services.names.complete(typed, CHOICES))

    @remove.autocomplete("project")
    async def _watched(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        watches = await interaction.client.services.watch.watches(interaction.user.id)
        text = typed.strip().lower()
        return choices([name for name in watches.projects if text in name])


async def setup(bot: FtBot) -> None:
    """Load the cog: called by discord.py."""
    bot.add_dynamic_items(WatchItem, UnwatchItem)
    await bot.add_cog(Watch())
