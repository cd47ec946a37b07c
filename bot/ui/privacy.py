"""What /privacy shows and asks."""

from collections.abc import Iterator, Sequence
from typing import Any

from discord import ButtonStyle, ui

from bot.reports import rules
from bot.reports.model import Forgotten, Stored
from bot.ui import custom_ids
from bot.ui.card import Card
from bot.ui.text import fit, link, plural

GREEN, RED, GREY = 0x3BA55D, 0xED4245, 0x80848E
_NUMBERS = 20  # of reports that are named
_OPTIONS = 25  # Discord's limit of a select
_TEXT = 3200

_NAMED = rules.AUTHORS_KEPT.days
RETENTION = (
    f"Reports that you never sent are deleted after {rules.DRAFTS_KEPT.days} days.",
    f"Texts of rejected and withdrawn reports are deleted after {rules.REFUSED_KEPT.days} days.",
    f"Other reports stay for all to use; your name comes off {_NAMED} days after their end.",
    "How often you report is counted for a day, without your name or id.",
    "What you watch stays until you end it.",
    "Audits are deleted after 30 days; you wait for one for a year at most.",
)
"""How long things are kept, stated to everybody."""


def stored(found: Stored) -> Card:
    """Show what is stored of somebody, and what for."""
    lines = list(_kept(found))
    about = ["**How long it is kept**", *(f"- {rule}" for rule in RETENTION)]
    return Card(
        ui.TextDisplay(fit(["## What ftbot stores of you", *(lines or ["Nothing."])], _TEXT)),
        ui.Separator(),
        ui.TextDisplay("\n".join(about)),
        ui.TextDisplay("-# ftbot reads no messages but those you hand it, nor who is a member."),
        _drafts(found.drafts),
        _row("Delete it", custom_ids.PRIVACY_ASK, ButtonStyle.danger) if lines else None,
        colour=GREY,
    )


def _drafts(drafts: Sequence[int]) -> ui.ActionRow[Any] | None:
    """Return the select that shows a report again that was not sent, the newest first."""
    if not drafts:
        return None
    select: ui.Select[Any] = ui.Select(
        custom_id=custom_ids.build(custom_ids.REPORT_DRAFTS) or "",
        placeholder="Go on with a report not sent yet …",
    )
    for draft in sorted(set(drafts), reverse=True)[:_OPTIONS]:
        select.add_option(label=f"Report {draft}", value=str(draft))
    return ui.ActionRow(select)


def _kept(found: Stored) -> Iterator[str]:
    if found.drafts:
        yield f"- {plural(len(found.drafts), 'report')} not sent yet, so that nothing typed is lost"
    if found.reports:
        yield (
            f"- {plural(len(found.reports), 'report')} with your name and id, so that triagers can "
            f"ask you and you hear what becomes of them: {_numbers(found.reports)}"
        )
    if found.following:
        yield (
            f"- that you have the same problem as {plural(len(found.following), 'report')}, so "
            f"that you hear of its end: {_numbers(found.following)}"
        )
    if found.steps:
        yield f"- {plural(found.steps, 'step')} with your name in the history of reports"
    if found.messages:
        yield f"- {plural(found.messages, 'message')} that ftbot wrote or will write to you"
    if found.watches:
        yield f"- {plural(found.watches, 'project')} that you watch, so that you hear of news"
    if found.audits:
        yield f"- {plural(found.audits, 'audit')}, so that its pages can be turned"
    if found.awaited:
        yield f"- that you wait for {plural(found.awaited, 'audit')} to be ready"
    if found.blocks:
        yield f"- that {plural(found.blocks, 'server')} took no more reports from you"


def _numbers(reports: Sequence[int]) -> str:
    shown = ", ".join(f"{number}" for number in reports[:_NUMBERS])
    more = len(reports) - _NUMBERS
    return f"{shown} and {more} more" if more > 0 else shown


def asked() -> Card:
    """Ask whether all of it shall be deleted."""
    text = (
        "**Delete all that ftbot stores of you?**\n"
        "Reports not sent yet are deleted, and what you watch and follow is forgotten. Reports "
        "that you sent stay without your name: nobody can ask you about them any more, and you "
        "hear no more of them.\n"
        "-# This cannot be undone. To keep all, dismiss this message."
    )
    return Card(
        ui.TextDisplay(text),
        _row("Yes, delete it", custom_ids.PRIVACY_FORGET, ButtonStyle.danger),
        colour=RED,
    )


def forgotten(done: Forgotten) -> Card:
    """Say what was deleted, and what is not ftbot's to delete."""
    deleted = [
        (done.drafts, "report not sent", "reports not sent"),
        (done.following, "report that you followed", "reports that you followed"),
        (done.messages, "note of a message to you", "notes of messages to you"),
        (done.watches, "project that you watched", "projects that you watched"),
        (done.audits, "audit", "audits"),
        (done.awaited, "audit that you waited for", "audits that you waited for"),
    ]
    parts = [f"{count} {one if count == 1 else many}" for count, one, many in deleted if count]
    lines = [
        "**It is deleted.**" if parts or done.reports or done.steps else "**Nothing was there.**"
    ]
    if parts:
        lines.append(f"Deleted: {', '.join(parts)}.")
    if done.reports or done.steps:
        lines.append(
            f"Your name is off {plural(done.reports, 'report')} and {plural(done.steps, 'step')}."
        )
    if done.blocks:
        lines.append(
            f"{plural(done.blocks, 'server')} took no more reports from you: that note stays until "
            "its triagers change it."
        )
    if done.public:
        lines.append("These issues on GitHub show your name, as you wished; edit them there:")
        lines += [f"- {link(url, url, 150)}" for url in done.public]
    return Card(ui.TextDisplay(fit(lines, _TEXT)), colour=GREEN)


def _row(label: str, kind: str, style: ButtonStyle) -> ui.ActionRow[Any]:
    custom_id = custom_ids.build(kind) or kind
    return ui.ActionRow(ui.Button(label=label, custom_id=custom_id, style=style))
