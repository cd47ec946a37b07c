"""What /triage answers, and the forms that triagers fill in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import discord
from discord import ui

from bot.language import command, phrase, say, say_many, spoken
from bot.reports.model import Action, Desk, Report, Waiting
from bot.ui import custom_ids
from bot.ui.card import Card
from bot.ui.report_form import TITLE, label
from bot.ui.reports import unheard
from bot.ui.text import clean, code, escape, fit, timestamp
from bot.ui.triage import KINDS, REASONS, STANDINGS

GREEN, AMBER = 0x3BA55D, 0xF0B232
_TEXT = 3800
_OPTIONS, _OPTION = 25, 100  # Discord's limits of a select
_MOST_BLOCKED = 50

TEXT, REASON = "text", "reason"
"""What the parts of the forms are called when they are submitted."""

OTHER: Final = phrase("Another reason")


def ready(desk: Desk, *, public: bool) -> Card:
    """Confirm where a server decides; `public` where everyone can see that channel."""
    lines = [
        f"**{_goes(desk)}**",
        say("So does everyone with the permission Manage Server."),
    ]
    if public:
        seen = say(
            "Everyone can see that channel. Hide it from those who are no triagers: some "
            "reports are matters of security."
        )
        lines.append(f"⚠️ {seen}")
    allow = say(
        "{command} is for Manage Server at first. Allow it to the role in the server's "
        "settings, below Integrations.",
        command=code(command("triage list")),
    )
    lines.append(f"-# {allow}")
    return Card(ui.TextDisplay(fit(lines, _TEXT)), colour=AMBER if public else GREEN)


def _goes(desk: Desk) -> str:
    return say(
        "Reports go to {channel}, and {role} decides on them.",
        channel=f"<#{desk.channel}>",
        role=f"<@&{desk.role}>",
    )


def waiting(found: Waiting, blocked: Sequence[int], amiss: str = "") -> Card:
    """List the reports that wait, with a select to see one, and the members who are blocked.

    `amiss` is what keeps ftbot from the channel where they should be.
    """
    reports = found.reports
    lines = [f"**{_count(len(reports))}**"]
    if amiss:
        lines.append(unheard(amiss))
    if found.damaged:
        lines.append(f"⚠️ {_damaged(found.damaged)}")
    lines += map(_line, reports)
    others = [f"<@{user}>" for user in blocked[:_MOST_BLOCKED]]
    if blocked:
        more = len(blocked) - len(others)
        names = ", ".join(others)
        if more:
            names = say_many(
                "{names} and {count} more", "{names} and {count} more", more, names=names
            )
        told = say(
            "Blocked: {names}. {command} lets them report again.",
            names=names,
            command=code(command("triage unblock")),
        )
        notes = [f"-# {told}"]
    else:
        notes = []
    room = _TEXT - sum(map(len, notes)) - 1
    text = "\n".join([fit(lines, room), *notes])
    return Card(ui.TextDisplay(text), _select(reports), colour=GREEN if len(lines) == 1 else AMBER)


def _damaged(numbers: Sequence[int]) -> str:
    return say_many(
        "Report {numbers} is damaged and cannot be shown. ftbot's operator finds why in its log.",
        "Reports {numbers} are damaged and cannot be shown. ftbot's operator finds why in its log.",
        len(numbers),
        numbers=", ".join(f"#{number}" for number in numbers[:_MOST_BLOCKED]),
    )


def _count(reports: int) -> str:
    if not reports:
        return say("No reports to decide on.")
    return say_many("{count} report to decide on.", "{count} reports to decide on.", reports)


def _line(report: Report) -> str:
    standing = STANDINGS[report.state]
    return (
        f"{standing.emoji} **#{report.id}** {escape(report.title, 90)}"
        f" · {spoken(KINDS[report.reading.kind])} · {timestamp(report.created, 'R')}"
    )


def _select(reports: Sequence[Report]) -> ui.ActionRow[Any] | None:
    if not reports:
        return None
    select: ui.Select[Any] = ui.Select(
        custom_id=custom_ids.build(custom_ids.TRIAGE_SHOW) or "",
        placeholder=clean(say("Show one …"), _OPTION),
    )
    for report in reports[:_OPTIONS]:
        label = clean(f"#{report.id} {report.title}", _OPTION)
        select.add_option(label=label, value=str(report.id))
    return ui.ActionRow(select)


def blocked(user: int) -> Card:
    """Confirm that a member's reports are no longer taken on a server."""
    return _notice(
        f"**{say('{member} can send no more reports here.', member=f'<@{user}>')}**",
        say(
            "What they sent until now stays. {command} takes it back.",
            command=code(command("triage unblock")),
        ),
    )


def unblocked(user: int) -> Card:
    """Confirm that a member's reports are taken again."""
    return _notice(f"**{say('{member} can send reports here again.', member=f'<@{user}>')}**")


def _notice(*lines: str) -> Card:
    return Card(ui.TextDisplay("\n".join(lines)), colour=GREEN)


# Forms


def _link(report: int) -> ui.Modal:
    return _form(
        Action.LINK,
        report,
        say("Link report #{report} to a known one", report=report),
        label(
            say("Issue or report"),
            say("An issue's address, owner/name#12, #12, or the number of a report here"),
            ui.TextInput(custom_id=TEXT, max_length=300),
        ),
    )


def _ask(report: int) -> ui.Modal:
    return _form(
        Action.ASK,
        report,
        say("Ask the reporter of report #{report}", report=report),
        label(
            say("Question"),
            say("It reaches them by direct message, or else where they made the report"),
            _paragraph(required=True),
        ),
    )


def _reject(report: int) -> ui.Modal:
    options = [
        discord.SelectOption(label=clean(spoken(each), _OPTION), value=str(each))
        for each in (*REASONS, OTHER)
    ]
    return _form(
        Action.REJECT,
        report,
        say("Reject report #{report}", report=report),
        label(say("Reason"), "", ui.Select(custom_id=REASON, options=options)),
        label(
            say("In your words"),
            say("The reporter is told both"),
            _paragraph(required=False),
        ),
    )


def _paragraph(*, required: bool) -> ui.TextInput[Any]:
    style = discord.TextStyle.paragraph
    return ui.TextInput(custom_id=TEXT, style=style, required=required, max_length=1000)


def _form(action: Action, report: int, title: str, *parts: ui.Item[Any]) -> ui.Modal:
    custom_id = custom_ids.build(custom_ids.TRIAGE_FORM, action, str(report)) or ""
    modal = ui.Modal(title=clean(title, TITLE), custom_id=custom_id)
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
