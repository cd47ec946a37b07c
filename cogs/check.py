"""The command /check: does a project install on free-threaded Python."""

from collections.abc import Sequence
from functools import lru_cache

import discord
from discord import app_commands
from discord.ext import commands

from bot.check.model import Answer
from bot.choices import CHOICES, VALUE, choices
from bot.client import FtBot, Services
from bot.compat.model import Target
from bot.compat.targets import PLATFORMS, PYTHONS, parse_platform, parse_python
from bot.errors import UserError
from bot.guide.model import Pointer
from bot.reports.model import Problems
from bot.respond import PersistentItem, respond
from bot.ui import check as view
from bot.ui import custom_ids

Interaction = discord.Interaction[FtBot]


# Raw tags worth offering: what systems beside the named platforms take.
_RAW_TAGS = (
    "manylinux_2_17_x86_64",
    "manylinux_2_39_x86_64",
    "manylinux_2_39_aarch64",
    "macosx_11_0_arm64",
    "win32",
)


async def show(
    interaction: Interaction,
    project: str,
    python: str = "",
    platform: str = "",
    *,
    details: str = view.OVERVIEW,
    private: bool = False,
) -> None:
    """Answer with all that is known of `project`; "" for `python` and `platform` is all."""
    await respond(
        interaction,
        _found(interaction.client.services, project, _targets(python, platform)),
        lambda found: view.answer(*found, python=python, platform=platform, details=details),
        private=private,
    )


async def _found(
    services: Services, project: str, targets: Sequence[Target]
) -> tuple[Answer, Problems | None, Pointer | None]:
    answer = await services.check.answer(project, targets)
    problems = await services.reports.summary(answer.project)
    return answer, problems, services.guide.pointer(*view.questions(answer, problems))


@lru_cache(maxsize=256)
def _targets(python: str, platform: str) -> tuple[Target, ...]:
    pythons = (parse_python(python),) if python else PYTHONS
    platforms = (parse_platform(platform),) if platform else PLATFORMS
    return tuple(Target(each, place) for each in pythons for place in platforms)


async def platforms(_interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    """Offer platforms for what was typed so far."""
    text = typed.strip().lower()
    offers = [name for name in (*PLATFORMS, *_RAW_TAGS) if text in name]
    if not offers and _is_platform(text):
        offers = [text]
    return choices(offers)


class CheckButton(PersistentItem, template=custom_ids.template(custom_ids.CHECK, 1)):
    """Checks the project that it names."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        (project,) = fields
        await show(interaction, project)


class NewsCheck(PersistentItem, template=custom_ids.template(custom_ids.NEWS_CHECK, 2)):
    """Checks a project that news is about, beside the news, which is there for everyone."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        await show(interaction, self.chosen(fields[1]), private=True)


class DetailsSelect(PersistentItem, template=custom_ids.template(custom_ids.CHECK_DETAILS, 3)):
    """Shows the files per platform of one interpreter, or the overview again."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        project, python, platform = fields
        await show(interaction, project, python, platform, details=self.chosen(view.OVERVIEW))


class Check(commands.Cog):
    """The command."""

    @app_commands.command(description="Does a project install on free-threaded Python?")
    @app_commands.describe(
        project="Its name on PyPI",
        python="Only this interpreter (default: all)",
        platform="Only this platform, or a platform tag (default: all)",
    )
    @app_commands.choices(python=[app_commands.Choice(name=name, value=name) for name in PYTHONS])
    @app_commands.autocomplete(platform=platforms)
    async def check(
        self,
        interaction: Interaction,
        project: str,
        python: str | None = None,
        platform: str | None = None,
    ) -> None:
        await show(interaction, project, python or "", platform or "")

    @check.autocomplete("project")
    async def _projects(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        return choices(interaction.client.services.names.complete(typed, CHOICES))


def _is_platform(text: str) -> bool:
    try:
        parse_platform(text)
    except UserError:
        return False
    return len(text) <= VALUE


async def setup(bot: FtBot) -> None:
    """Load the cog: called by discord.py."""
    bot.add_dynamic_items(CheckButton, DetailsSelect, NewsCheck)
    await bot.add_cog(Check())
