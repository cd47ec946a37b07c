"""What triagers press below the card of a report, and the forms that this opens."""

import io
from collections.abc import Coroutine
from functools import partial
from typing import Any

import discord

from bot.client import FtBot
from bot.errors import UserError
from bot.language import phrase, speaking
from bot.permissions import deciding
from bot.reports.model import Action, Actor, Report
from bot.respond import PersistentForm, PersistentItem, Values, respond, show_form
from bot.ui import custom_ids, desk
from bot.ui import triage as view
from bot.ui.card import Card

Interaction = discord.Interaction[FtBot]


async def triager(interaction: Interaction) -> tuple[int, Actor]:
    """Return a server's number, and who may decide there. UserError for those who may not."""
    guild = interaction.guild_id
    desk = await interaction.client.services.reports.desk(guild) if guild is not None else None
    member = deciding(interaction, desk.role if desk else None)
    return member.guild.id, Actor(member.id, member.display_name)


async def _decide(interaction: Interaction, work: Coroutine[Any, Any, Report]) -> None:
    """Show on the card what became of its report."""
    await respond(interaction, work, partial(_card, interaction))


def _card(interaction: Interaction, report: Report) -> Card:
    """Return the card in place of the one that was pressed: all see it, in their server's language.

    One that is shown to a triager alone speaks the triager's.
    """
    message = interaction.message
    alone = message is not None and message.flags.ephemeral
    with speaking(str((interaction.locale if alone else interaction.guild_locale) or "")):
        card = _rendered(interaction, report)
    for box in message.components[:1] if message else ():
        if isinstance(box, discord.Container):
            card.children[0].id = box.id  # by which whoever sent the message finds it again
    return card


def _rendered(interaction: Interaction, report: Report) -> Card:
    services = interaction.client.services
    pointer = services.guide.pointer(report.reading.kind)
    return view.card(report, site=services.announce.site, pointer=pointer)


class Decision(PersistentItem, template=custom_ids.template(custom_ids.TRIAGE, 2)):
    """Does with a report what the button says, or opens the form for that."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        action, report = Action(fields[0]), int(fields[1])
        guild, by = await triager(interaction)
        if action in desk.FORMS:
            await show_form(interaction, desk.FORMS[action](report))
            return
        reports = interaction.client.services.reports
        steps = {
            Action.FILE: reports.file,
            Action.HAND_OVER: reports.hand_over,
            Action.SECURITY: reports.security,
            Action.REOPEN: reports.reopen,
        }
        await _decide(interaction, steps[action](report, guild, by))


class DecisionForm(PersistentForm):
    """Does with a report what takes a word."""

    template = custom_ids.template(custom_ids.TRIAGE_FORM, 2)

    @classmethod
    async def submitted(cls, interaction: Interaction, values: Values, *fields: str) -> None:
        action, report = Action(fields[0]), int(fields[1])
        guild, by = await triager(interaction)
        reports = interaction.client.services.reports
        text = values.texts.get(desk.TEXT, "")
        if action is Action.REJECT:
            text = desk.reason(values.chosen.get(desk.REASON, ()), text)
        steps = {
            Action.LINK: reports.link,
            Action.ASK: reports.ask,
            Action.REJECT: reports.reject,
        }
        await _decide(interaction, steps[action](report, guild, by, text))


class LikelySelect(PersistentItem, template=custom_ids.template(custom_ids.TRIAGE_LIKELY, 1)):
    """Links a report to what is perhaps the same."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        guild, by = await triager(interaction)
        reference = self.chosen("").removeprefix("issue:")
        reports = interaction.client.services.reports
        await _decide(interaction, reports.link(int(fields[0]), guild, by, reference))


class BlockButton(PersistentItem, template=custom_ids.template(custom_ids.TRIAGE_BLOCK, 1)):
    """Blocks a report's reporter."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        guild, by = await triager(interaction)
        reports = interaction.client.services.reports
        report = await reports.get(int(fields[0]), guild)
        if report.reporter is None:
            raise UserError(phrase("Who made it is not known any more."))
        user = report.reporter.id
        work = reports.block(guild, by, user)
        await respond(interaction, work, lambda _: desk.blocked(user), private=True)


class TextButton(PersistentItem, template=custom_ids.template(custom_ids.TRIAGE_TEXT, 1)):
    """Shows a triager all that was written, as files."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        guild, _ = await triager(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        report = await interaction.client.services.reports.get(int(fields[0]), guild)
        texts = {"text": view.full_text(report), "logs": report.submission.logs}
        files = [
            discord.File(
                io.BytesIO(text.encode(errors="replace")), f"report-{report.id}-{name}.txt"
            )
            for name, text in texts.items()
            if text
        ]
        await interaction.followup.send(files=files, ephemeral=True)


class ShowSelect(PersistentItem, template=custom_ids.template(custom_ids.TRIAGE_SHOW, 0)):
    """Shows a triager the card of a report that waits."""

    async def used(self, interaction: Interaction, *_fields: str) -> None:
        guild, _ = await triager(interaction)
        work = interaction.client.services.reports.get(int(self.chosen("0")), guild)
        await respond(interaction, work, partial(_rendered, interaction), private=True)


ITEMS = (Decision, LikelySelect, BlockButton, TextButton, ShowSelect)
