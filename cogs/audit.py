"""The command /audit: which dependencies of a project are in the way."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.attachments import download
from bot.audit.model import Kept
from bot.client import FtBot
from bot.compat.model import Target
from bot.compat.targets import PLATFORMS, PYTHONS, parse_platform, parse_python
from bot.language import phrase
from bot.respond import PersistentItem, respond, to_be_told
from bot.ui import audit as view
from bot.ui import custom_ids
from bot.ui.text import clean
from cogs.check import platforms

Interaction = discord.Interaction[FtBot]

PYTHON, PLATFORM = "3.14t", PLATFORMS[0]
_NAME = 100  # characters of a file's name
_MEND = phrase("Attach the file with the direct dependencies, such as pyproject.toml.")


class PageButton(PersistentItem, template=custom_ids.template(custom_ids.AUDIT_PAGE, 2)):
    """Turns the page of an audit, for whoever sees it."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        audit, page = map(int, fields)
        found = interaction.client.services.audits.get(audit)
        await respond(interaction, found, lambda kept: view.answer(kept, page))


class ShowButton(PersistentItem, template=custom_ids.template(custom_ids.AUDIT_SHOW, 1)):
    """Shows an audit beside the message that names it."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        found = interaction.client.services.audits.get(int(fields[0]))
        await respond(interaction, found, view.answer, private=True)


class WatchButton(PersistentItem, template=custom_ids.template(custom_ids.AUDIT_WATCH, 1)):
    """Lets a member hear when nothing is in the way any more."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        wish = interaction.client.services.audits.watch(int(fields[0]), interaction.user.id)
        await respond(interaction, to_be_told(interaction, wish), view.wished, private=True)


class UnwatchItem(PersistentItem, template=custom_ids.template(custom_ids.AUDIT_UNWATCH, 1)):
    """Ends that."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        audit = int(self.chosen(fields[0]))
        rest = interaction.client.services.audits.unwatch(audit, interaction.user.id)
        await respond(interaction, rest, view.unwatched)


class Audit(commands.Cog):
    """The command."""

    @app_commands.command(description="Which dependencies hold a project back?")
    @app_commands.describe(
        file="A lock file, requirements.txt, pyproject.toml, or the output of pip freeze",
        python=f"The interpreter to move to (default: {PYTHON})",
        platform=f"A platform, or a platform tag (default: {PLATFORM})",
    )
    @app_commands.choices(python=[app_commands.Choice(name=name, value=name) for name in PYTHONS])
    @app_commands.autocomplete(platform=platforms)
    async def audit(
        self,
        interaction: Interaction,
        file: discord.Attachment,
        python: str = PYTHON,
        platform: str = PLATFORM,
    ) -> None:
        target = Target(parse_python(python), parse_platform(platform))
        await respond(interaction, _audited(interaction, file, target), view.answer)


async def _audited(interaction: Interaction, file: discord.Attachment, target: Target) -> Kept:
    body = await download(file, _MEND)
    source = clean(file.filename, _NAME) or "file"
    audits = interaction.client.services.audits
    return await audits.audit(interaction.user.id, source, body, target)


async def setup(bot: FtBot) -> None:
    """Load the cog: called by discord.py."""
    bot.add_dynamic_items(PageButton, ShowButton, WatchButton, UnwatchItem)
    await bot.add_cog(Audit())
