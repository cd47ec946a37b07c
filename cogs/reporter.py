"""What a reporter decides about their report, and answers."""

import discord

from bot.client import FtBot
from bot.guide.model import Pointer
from bot.permissions import out_of_reach
from bot.reports.model import Actor, Draft
from bot.respond import PersistentForm, PersistentItem, Values, respond, show_form, to_be_told
from bot.ui import custom_ids, report_form
from bot.ui import reports as view
from bot.ui.card import Card

Interaction = discord.Interaction[FtBot]


def actor(interaction: Interaction) -> Actor:
    """Return who presses or types."""
    return Actor(interaction.user.id, interaction.user.display_name)


class StepButton(PersistentItem, template=custom_ids.template(custom_ids.REPORT_STEP, 3)):
    """Does what a reporter decides, and says so in place of what was shown."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        step, report, more = fields
        work = _take(interaction, step, int(report), more)
        if step in {view.SEND, view.JOIN}:
            work = to_be_told(interaction, work)
        await respond(interaction, work, lambda card: card, private=step == view.FORM)


def help_with(interaction: Interaction, draft: Draft) -> Pointer | None:
    """Return the guide's section that helps with what a draft is about."""
    reading = draft.report.reading
    return interaction.client.services.guide.pointer(reading.kind, reading.also or "")


async def _take(interaction: Interaction, step: str, report: int, more: str) -> Card:
    reports, reporter = interaction.client.services.reports, actor(interaction)
    match step:
        case view.SEND:
            found = await reports.send(report, reporter)
            # One that says what somebody else has just sent is counted with that.
            if found.into is not None or found.guild is None:
                return view.joined(found)
            desk = await reports.desk(found.guild)
            return view.sent(found, await out_of_reach(interaction.client, desk))
        case view.JOIN:
            return view.joined(await reports.join(report, reporter, more))
        case view.CREDIT:
            draft = await reports.credit(report, reporter, shown=bool(more))
            return view.preview(draft, pointer=help_with(interaction, draft))
        case view.FORM:
            return view.filled_in(await reports.form(report, reporter))
        case view.WITHDRAW:
            return view.withdrawn(await reports.withdraw(report, reporter))
        case view.DISCARD:
            await reports.discard(report, reporter)
            return view.discarded()
    raise ValueError(step)


class DraftSelect(PersistentItem, template=custom_ids.template(custom_ids.REPORT_DRAFTS, 0)):
    """Shows a report again that was not sent yet."""

    async def used(self, interaction: Interaction, *_fields: str) -> None:
        reports = interaction.client.services.reports
        work = reports.draft_of(int(self.chosen("0")), actor(interaction))
        await respond(
            interaction,
            work,
            lambda draft: view.preview(draft, pointer=help_with(interaction, draft)),
            private=True,
        )


class AnswerButton(PersistentItem, template=custom_ids.template(custom_ids.REPORT_ANSWER, 1)):
    """Opens the form to answer a triager's question."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        await show_form(interaction, report_form.answer_form(int(fields[0])))


class AnswerForm(PersistentForm):
    """Gives the triagers what they asked for."""

    template = custom_ids.template(custom_ids.REPORT_ANSWER_FORM, 1)

    @classmethod
    async def submitted(cls, interaction: Interaction, values: Values, *fields: str) -> None:
        text = values.texts[report_form.ANSWER]
        reports = interaction.client.services.reports
        work = reports.answer(int(fields[0]), actor(interaction), text)
        await respond(interaction, to_be_told(interaction, work), view.answered, private=True)


async def setup(bot: FtBot) -> None:
    """Register what can be pressed and filled in: called by discord.py."""
    bot.add_dynamic_items(StepButton, DraftSelect, AnswerButton)
    bot.add_forms(AnswerForm)
