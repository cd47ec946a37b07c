"""What /triage answers, and the forms that triagers fill in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import discord
from discord import ui

from bot.reports.model import Action, Desk, Report
from bot.ui import custom_ids
from bot.ui.card import Card
from bot.ui.text import clean, escape, fit, timestamp
from bot.ui.triage import KINDS, STANDINGS, within

GREEN, AMBER = 0x3BA55D, 0xF0B232
_TEXT = 3800
_OPTIONS, _OPTION = 25, 100  # Discord's limits of a select
_MOST_BLOCKED = 50

TEXT, REASON = "text", "reason"
"""What the parts of the forms are called when they are submitted."""

REASONS: Final = (
    "It is not about free threading.",
    "It does not happen again when tried.",
    "It works as intended.",
    "There is too little to act on.",
    "It is a question; please ask it in a channel for help.",
    "It is spam.",
)
OTHER: Final = "Another reason"


def ready(desk: Desk, *, public: bool) -> Card:
    """Confirm where a server decides; `public` where everyone can see that channel."""
    lines = [
        f"**Reports go to <#{desk.channel}>, and <@&{desk.role}> decides on them.**",
        "So does everyone with the permission Manage Server.",
    ]
    if public:
        lines.append(
            "⚠️ Everyone can see that channel. Hide it from those who are no triagers: some "
            "reports are matters of security."
        )
    lines.append(
        "-# `/triage list` is for Manage Server at first. Allow it to the role in the server's "
        "settings, below Integrations."
    )
    return Card(ui.TextDisplay(fit(lines, _TEXT)), colour=AMBER if public else GREEN)


def waiting(reports: Sequence[Report], blocked: Sequence[int]) -> Card:
    """List the reports that wait, with a select to see one, and the members who are blocked."""
    count = len(reports)
    lines = [f"**{count or 'No'} report{'' if count == 1 else 's'} to decide on.**"]
    lines += map(_line, reports)
    others = [f"<@{user}>" for user in blocked[:_MOST_BLOCKED]]
    if blocked:
        more = len(blocked) - len(others)
        names = ", ".join(others) + (f" and {more} more" if more else "")
        notes = [f"-# Blocked: {names}. `/triage unblock` lets them report again."]
    else:
        notes = []
    room = _TEXT - sum(map(len, notes)) - 1
    text = "\n".join([fit(lines, room), *notes])
    return Card(ui.TextDisplay(text), _select(reports), colour=AMBER if reports else GREEN)


def _line(report: Report) -> str:
    standing = STANDINGS[report.state]
    return (
        f"{standing.emoji} **#{report.id}** {escape(report.title, 90)}"
        f" · {within(KINDS[report.reading.kind])} · {timestamp(report.created, 'R')}"
    )


def _select(reports: Sequence[Report]) -> ui.ActionRow[Any] | None:
    if not reports:
        return None
    select: ui.Select[Any] = ui.Select(
        custom_id=custom_ids.build(custom_ids.TRIAGE_SHOW) or "", placeholder="Show one …"
    )
    for report in reports[:_OPTIONS]:
        label = clean(f"#{report.id} {report.title}", _OPTION)
        select.add_option(label=label, value=str(report.id))
    return ui.ActionRow(select)


def blocked(user: int) -> Card:
    """Confirm that a member's reports are no longer taken on a server."""
    return _notice(
        f"**<@{user}> can send no more reports here.**",
        "What they sent until now stays. `/triage unblock` takes it back.",
    )


def unblocked(user: int) -> Card:
    """Confirm that a member's reports are taken again."""
    return _notice(f"**<@{user}> can send reports here again.**")


def _notice(*lines: str) -> Card:
    return Card(ui.TextDisplay("\n".join(lines)), colour=GREEN)


# Forms


def _link(report: int) -> ui.Modal:
    return _form(
        Action.LINK,
        report,
        "Link report #{} to a known one",
        ui.Label(
            text="Issue or report",
            description="An issue's address, owner/name#12, #12, or the number of a report here",
            component=ui.TextInput(custom_id=TEXT, max_length=300),
        ),
    )


def _ask(report: int) -> ui.Modal:
    return _form(
        Action.ASK,
        report,
        "Ask the reporter of report #{}",
        ui.Label(
            text="Question",
            description="It reaches them by direct message, or else where they made the report",
            component=_paragraph(required=True),
        ),
    )


def _reject(report: int) -> ui.Modal:
    options = [discord.SelectOption(label=reason) for reason in (*REASONS, OTHER)]
    return _form(
        Action.REJECT,
        report,
        "Reject report #{}",
        ui.Label(text="Reason", component=ui.Select(custom_id=REASON, options=options)),
        ui.Label(
            text="In your words",
            description="The reporter is told both",
            component=_paragraph(required=False),
        ),
    )


def _paragraph(*, required: bool) -> ui.TextInput[Any]:
    style = discord.TextStyle.paragraph
    return ui.TextInput(custom_id=TEXT, style=style, required=required, max_length=1000)


def _form(action: Action, report: int, title: str, *parts: ui.Item[Any]) -> ui.Modal:
    custom_id = custom_ids.build(custom_ids.TRIAGE_FORM, action, str(report)) or ""
    modal = ui.Modal(title=clean(title.format(report), 45), custom_id=custom_id)
    for part in parts:
        modal.add_item(part)
    return modal


FORMS: Mapping[Action, Callable[[int], ui.Modal]] = {
    Action.LINK: _link,
    Action.ASK: _ask,
    Action.REJECT: _reject,
}
"""What makes the form for what cannot be done without a word, by the number of a report."""


def reason(chosen: Sequence[str], text: str) -> str:
    """Return why a report is rejected, as one text; "" if neither was chosen nor written."""
    usual = [each for each in chosen if each in REASONS]
    return "\n".join(filter(None, (*usual, text.strip())))
