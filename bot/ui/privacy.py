"""What /privacy shows and asks."""

from collections.abc import Iterator, Sequence
from typing import Any

from discord import ButtonStyle, ui

from bot.language import phrase, say, say_many, spoken
from bot.reports import rules
from bot.reports.model import Forgotten, Stored
from bot.ui import custom_ids
from bot.ui.card import Card
from bot.ui.text import clean, fit, link

GREEN, RED, GREY = 0x3BA55D, 0xED4245, 0x80848E
_NUMBERS = 20  # of reports that are named
_OPTIONS = 25  # Discord's limit of a select
_LABEL, _PLACEHOLDER = 80, 150  # of a button, of a select
_TEXT = 3200

RETENTION = (
    phrase(
        "Reports that you never sent are deleted after {days} days.", days=rules.DRAFTS_KEPT.days
    ),
    phrase(
        "Texts of rejected and withdrawn reports are deleted after {days} days.",
        days=rules.REFUSED_KEPT.days,
    ),
    phrase(
        "Other reports stay for all to use; your name comes off {days} days after their end, or"
        " after the last step if nobody goes on with them.",
        days=rules.AUTHORS_KEPT.days,
    ),
    phrase("How often you write or change reports is counted for a day, without your name or id."),
    phrase("What you watch stays until you end it."),
    phrase("Audits are deleted after 30 days; you wait for one for a year at most."),
    phrase("The language in which ftbot writes to you is forgotten a year after it last did."),
)
"""How long things are kept, stated to everybody."""


def stored(found: Stored) -> Card:
    """Show what is stored of somebody, and what for."""
    lines = list(_kept(found))
    title = f"## {say('What ftbot stores of you')}"
    about = [f"**{say('How long it is kept')}**", *(f"- {spoken(rule)}" for rule in RETENTION)]
    reads = say("ftbot reads no messages but those you hand it, nor who is a member.")
    return Card(
        ui.TextDisplay(fit([title, *(lines or [say("Nothing.")])], _TEXT)),
        ui.Separator(),
        ui.TextDisplay("\n".join(about)),
        ui.TextDisplay(f"-# {reads}"),
        _drafts(found.drafts),
        _row(say("Delete it"), custom_ids.PRIVACY_ASK, ButtonStyle.danger) if lines else None,
        colour=GREY,
    )


def _drafts(drafts: Sequence[int]) -> ui.ActionRow[Any] | None:
    """Return the select that shows a report again that was not sent, the newest first."""
    if not drafts:
        return None
    select: ui.Select[Any] = ui.Select(
        custom_id=custom_ids.build(custom_ids.REPORT_DRAFTS) or "",
        placeholder=clean(say("Go on with a report not sent yet …"), _PLACEHOLDER),
    )
    for draft in sorted(set(drafts), reverse=True)[:_OPTIONS]:
        select.add_option(label=say("Report {report}", report=draft), value=str(draft))
    return ui.ActionRow(select)


def _kept(found: Stored) -> Iterator[str]:
    return (f"- {line}" for line in (*_of_reports(found), *_of_others(found)))


def _of_reports(found: Stored) -> Iterator[str]:
    if found.drafts:
        yield say_many(
            "{count} report not sent yet, so that nothing typed is lost",
            "{count} reports not sent yet, so that nothing typed is lost",
            len(found.drafts),
        )
    if found.reports:
        yield say_many(
            "{count} report with your name and id, so that triagers can ask you and you hear what"
            " becomes of it: {numbers}",
            "{count} reports with your name and id, so that triagers can ask you and you hear what"
            " becomes of them: {numbers}",
            len(found.reports),
            numbers=_numbers(found.reports),
        )
    if found.following:
        yield say_many(
            "that you have the same problem as {count} report, so that you hear of its end:"
            " {numbers}",
            "that you have the same problem as {count} reports, so that you hear of their end:"
            " {numbers}",
            len(found.following),
            numbers=_numbers(found.following),
        )
    if found.steps:
        yield say_many(
            "{count} step with your name in the history of reports",
            "{count} steps with your name in the history of reports",
            found.steps,
        )
    if found.blocks:
        yield say_many(
            "that {count} server took no more reports from you",
            "that {count} servers took no more reports from you",
            found.blocks,
        )


def _of_others(found: Stored) -> Iterator[str]:
    if found.messages:
        yield say_many(
            "{count} message that ftbot wrote or will write to you",
            "{count} messages that ftbot wrote or will write to you",
            found.messages,
        )
    if found.watches:
        yield say_many(
            "{count} project that you watch, so that you hear of news",
            "{count} projects that you watch, so that you hear of news",
            found.watches,
        )
    if found.audits:
        yield say_many(
            "{count} audit, so that its pages can be turned",
            "{count} audits, so that their pages can be turned",
            found.audits,
        )
    if found.awaited:
        yield say_many(
            "that you wait for {count} audit to be ready",
            "that you wait for {count} audits to be ready",
            found.awaited,
        )
    if found.languages:
        yield say("your language, so that ftbot writes to you in it")


def _numbers(reports: Sequence[int]) -> str:
    shown = ", ".join(f"{number}" for number in reports[:_NUMBERS])
    more = len(reports) - _NUMBERS
    if more <= 0:
        return shown
    return say_many("{listed} and {count} more", "{listed} and {count} more", more, listed=shown)


def asked() -> Card:
    """Ask whether all of it shall be deleted."""
    what = say(
        "Reports not sent yet are deleted, and what you watch and follow is forgotten. Reports "
        "that you sent stay without your name: nobody can ask you about them any more, and you "
        "hear no more of them."
    )
    lines = [
        f"**{say('Delete all that ftbot stores of you?')}**",
        what,
        f"-# {say('This cannot be undone. To keep all, dismiss this message.')}",
    ]
    return Card(
        ui.TextDisplay("\n".join(lines)),
        _row(say("Yes, delete it"), custom_ids.PRIVACY_FORGET, ButtonStyle.danger),
        colour=RED,
    )


def forgotten(done: Forgotten) -> Card:
    """Say what was deleted, and what is not ftbot's to delete."""
    deleted = list(_deleted(done))
    gone = deleted or done.reports or done.steps
    lines = [f"**{say('It is deleted.') if gone else say('Nothing was there.')}**"]
    if deleted:
        lines.append(say("Deleted: {things}.", things=", ".join(deleted)))
    if done.reports or done.steps:
        lines.append(
            say(
                "Your name is off {reports} and {steps}.",
                reports=say_many("{count} report", "{count} reports", done.reports),
                steps=say_many("{count} step", "{count} steps", done.steps),
            )
        )
    if done.blocks:
        lines.append(
            say_many(
                "{count} server took no more reports from you: that note stays until its triagers"
                " change it.",
                "{count} servers took no more reports from you: that note stays until their"
                " triagers change it.",
                done.blocks,
            )
        )
    if done.public:
        lines.append(say("These issues on GitHub show your name, as you wished; edit them there:"))
        lines += [f"- {link(url, url, 150)}" for url in done.public]
    return Card(ui.TextDisplay(fit(lines, _TEXT)), colour=GREEN)


def _deleted(done: Forgotten) -> Iterator[str]:
    if done.drafts:
        yield say_many("{count} report not sent", "{count} reports not sent", done.drafts)
    if done.following:
        yield say_many(
            "{count} report that you followed", "{count} reports that you followed", done.following
        )
    if done.messages:
        yield say_many(
            "{count} note of a message to you", "{count} notes of messages to you", done.messages
        )
    if done.watches:
        yield say_many(
            "{count} project that you watched", "{count} projects that you watched", done.watches
        )
    if done.audits:
        yield say_many("{count} audit", "{count} audits", done.audits)
    if done.awaited:
        yield say_many(
            "{count} audit that you waited for", "{count} audits that you waited for", done.awaited
        )
    if done.languages:
        yield say("your language")


def _row(label: str, kind: str, style: ButtonStyle) -> ui.ActionRow[Any]:
    custom_id = custom_ids.build(kind) or kind
    return ui.ActionRow(ui.Button(label=clean(label, _LABEL), custom_id=custom_id, style=style))
