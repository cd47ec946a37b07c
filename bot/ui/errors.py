"""Failures as messages: one sentence on what is wrong, one on how to mend it."""

import math
from collections.abc import Callable
from typing import Any

import discord
from discord import app_commands, ui

from bot.errors import ProjectNotFound, UserError
from bot.language import phrase, phrase_many, say, spoken
from bot.pypi.names import harmless
from bot.ui import custom_ids
from bot.ui.card import Card
from bot.ui.text import clean, escape

_AMBER = 0xF0B232
_BUTTONS_IN_A_ROW = 5
_LABEL = 80


def explain(error: BaseException) -> UserError | None:
    """Put a failure in words for the person who met it; None for a mistake in ftbot."""
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    match error:
        case UserError():
            return error
        case app_commands.CommandOnCooldown():
            wait = math.ceil(error.retry_after)
            again = phrase_many(
                "Try again in {count} second.", "Try again in {count} seconds.", wait
            )
            return UserError(phrase("That was a little fast."), again)
        case app_commands.MissingPermissions():
            return UserError(phrase("You may not do that here."), _needs(error))
        case app_commands.BotMissingPermissions():
            return UserError(phrase("ftbot may not do that here."), _needs(error))
        case app_commands.NoPrivateMessage():
            return UserError(phrase("This works in servers only."))
        case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
            return UserError(
                phrase("This command has changed since your Discord learned it."),
                phrase("Restart Discord (Ctrl+R), then run it again."),
            )
        case app_commands.TransformerError():
            value = harmless(str(error.value))
            choices = [f"{choice.value}" for choice in error.transformer.choices or ()]
            return UserError(
                phrase("{value} is not something this option takes.", value=value),
                phrase("Choose one of {names}.", names=", ".join(choices)) if choices else "",
            )
        case app_commands.CheckFailure():
            return UserError(phrase("You may not do that here."))
        case _:
            return None


def _needs(error: app_commands.MissingPermissions | app_commands.BotMissingPermissions) -> str:
    names = (name.replace("_", " ") for name in error.missing_permissions)
    return phrase("It needs {permissions}.", permissions=", ".join(names))


def failure(error: UserError, *more: ui.Item[Any] | None, reference: str = "") -> Card:
    """Return the message for an expected failure, with a button per suggestion, then `more`.

    `reference` finds it in the log, for who tells the operator of it.
    """
    text = f"**{escape(spoken(error.text), 300)}**"
    names = error.suggestions if isinstance(error, ProjectNotFound) else ()
    row = suggestions(names)
    # The hint repeats the names: say them only where there is no button to press.
    hint = say("Did you mean one of these?") if row else escape(spoken(error.hint), 500)
    lines = [text, hint, f"-# {say('Reference: {id}', id=f'`{reference}`')}" if reference else ""]
    return _notice("\n".join(filter(None, lines)), row, *more)


def suggestions(
    names: tuple[str, ...], label: Callable[[str], str] = str
) -> ui.ActionRow[ui.LayoutView] | None:
    """Return a row of buttons that check projects, without names too long for a button.

    `label` says what stands on the button of a project.
    """
    row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
    for name in dict.fromkeys(names):
        custom_id = custom_ids.build(custom_ids.CHECK, name)
        text = clean(label(name), _LABEL)
        if custom_id and text and len(row.children) < _BUTTONS_IN_A_ROW:
            style = discord.ButtonStyle.secondary
            row.add_item(ui.Button(label=text, custom_id=custom_id, style=style))
    return row if row.children else None


def mistake(reference: str, *more: ui.Item[Any] | None) -> Card:
    """Return the message for an unexpected failure; `reference` finds it in the log."""
    told = say(
        "It is noted in its log as {reference}. Please try again; if it stays, tell the operator "
        "that name.",
        reference=f"`{reference}`",
    )
    return _notice(f"**{say('Something went wrong in ftbot.')}**\n{told}", *more)


def outdated() -> Card:
    """Return the answer to a button or select that this version doesn't know."""
    what = say("This message is from an older version of ftbot.")
    return _notice(f"**{what}**\n{say('Run `/check` again.')}")


def outdated_form(*more: ui.Item[Any] | None) -> Card:
    """Return the answer to a form that this version doesn't know."""
    what = say("This form is from an older version of ftbot.")
    return _notice(f"**{what}**\n{say('Run the command again.')}", *more)


def given_back(file: str) -> ui.File[Any]:
    """Return what shows an attached file with what somebody typed."""
    return ui.File(f"attachment://{file}")


def _notice(text: str, *more: ui.Item[Any] | None) -> Card:
    return Card(ui.TextDisplay(text), *more, colour=_AMBER)
