"""The command /report, the message menu, and the form that they open."""

from collections.abc import Coroutine
from typing import Any

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.attachments import given_back, read_texts, textual
from bot.choices import CHOICES, choices
from bot.client import FtBot
from bot.reports.model import Draft, Submission
from bot.respond import (
    PersistentForm,
    PersistentItem,
    Values,
    prepare_form,
    respond,
    show_form,
    typed_before,
)
from bot.ui import custom_ids, report_form
from bot.ui import reports as view
from cogs.reporter import actor, help_with

Interaction = discord.Interaction[FtBot]


class ReportForm(PersistentForm):
    """Stores what was typed, and shows what is made of it."""

    template = custom_ids.template(custom_ids.REPORT_FORM, 3)

    @classmethod
    async def submitted(cls, interaction: Interaction, values: Values, *fields: str) -> None:
        # A changed draft takes the place of the one that was shown; anything else is new.
        shown = interaction.message
        changed = bool(fields[0]) and shown is not None and not shown.attachments
        work = _take(interaction, values, *fields)
        await respond(
            interaction,
            work,
            lambda taken: view.preview(*taken, help_with(interaction, taken[0])),
            private=not changed,
        )

    @classmethod
    def again(cls, *fields: str) -> ui.ActionRow[Any]:
        return view.again(*fields)


async def _take(
    interaction: Interaction, values: Values, report: str, channel: str, message: str
) -> tuple[Draft, tuple[str, ...]]:
    reports, reporter = interaction.client.services.reports, actor(interaction)
    files = await read_texts(values.files.get(report_form.FILE, ()))
    if report:
        before = (await reports.draft_of(int(report), reporter)).report.submission
        submission = report_form.submitted(values.texts, before, files.files)
        return await reports.redraft(int(report), reporter, submission), files.problems
    before = Submission(message=report_form.jump(interaction.guild_id, channel, message))
    submission = report_form.submitted(values.texts, before, files.files)
    return await _draft(interaction, submission), files.problems


async def _draft(interaction: Interaction, submission: Submission) -> Draft:
    reports, channel = interaction.client.services.reports, interaction.channel_id
    return await reports.draft(actor(interaction), interaction.guild_id, channel, submission)


class AgainButton(PersistentItem, template=custom_ids.template(custom_ids.REPORT_AGAIN, 3)):
    """Opens the form with what was typed before, which is attached to the message."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        await prepare_form(
            interaction,
            given_back(interaction.message),
            lambda text: report_form.again(typed_before(text, report_form.TYPED), *fields),
            lambda _: view.late(),
        )


class NewButton(PersistentItem, template=custom_ids.template(custom_ids.REPORT_NEW, 1)):
    """Opens the form for a report about a project."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        await show_form(interaction, report_form.form(Submission(project=fields[0])))


class ChangeButton(PersistentItem, template=custom_ids.template(custom_ids.REPORT_CHANGE, 1)):
    """Opens the form of a draft."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        reports = interaction.client.services.reports
        await _open(interaction, reports.draft_of(int(fields[0]), actor(interaction)))


async def _open(interaction: Interaction, work: Coroutine[Any, Any, Draft]) -> None:
    await prepare_form(
        interaction,
        work,
        lambda draft: report_form.form(draft.report.submission, str(draft.report.id)),
        lambda draft: view.ready(draft.report.id),
    )


@app_commands.context_menu(name="Report free-threading problem")
async def from_message(interaction: Interaction, message: discord.Message) -> None:
    """Open the form with a message. What a form can't hold is stored first, as a draft."""
    story, attachments = report_form.parts_of(message)
    files = textual(attachments)
    if files or not report_form.holds(story):
        await _open(interaction, _read(interaction, message, story, files))
    else:
        place = str(message.channel.id), str(message.id)
        await show_form(interaction, report_form.form(Submission(story=story), "", *place))


async def _read(
    interaction: Interaction, message: discord.Message, story: str, files: list[discord.Attachment]
) -> Draft:
    texts = await read_texts(files)
    before = Submission(message=message.jump_url)
    typed = {report_form.STORY: story, report_form.LOGS: "\n".join(texts.problems)}
    return await _draft(interaction, report_form.submitted(typed, before, texts.files))


class Report(commands.Cog):
    """The command."""

    @app_commands.command(description="Report a problem with free-threaded Python")
    @app_commands.describe(project="Its name on PyPI")
    async def report(self, interaction: Interaction, project: str | None = None) -> None:
        await show_form(interaction, report_form.form(Submission(project=project or "")))

    @report.autocomplete("project")
    async def _projects(
        self, interaction: Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        return choices(interaction.client.services.names.complete(typed, CHOICES))


async def setup(bot: FtBot) -> None:
    """Load the cog: called by discord.py."""
    bot.add_dynamic_items(AgainButton, NewButton, ChangeButton)
    bot.add_forms(ReportForm)
    bot.tree.add_command(from_message)
    await bot.add_cog(Report())
