"""The form of a report: what it asks, and what becomes of what is typed into it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import discord
from discord import ui

from bot.language import say
from bot.reports.model import Submission
from bot.ui import custom_ids
from bot.ui.text import clean

PROJECT, ENVIRONMENT, STORY, LOGS, FILE = "project", "environment", "story", "logs", "file"
TYPED: Final = (PROJECT, ENVIRONMENT, STORY, LOGS)
"""The parts that are typed, in their order."""
ANSWER: Final = "answer"

_EXAMPLE = "Python 3.14.0 free-threading build, Linux x86_64"
_LONGEST = 4000  # Discord's limit of a text input
TITLE, _DESCRIPTION = 45, 100
"""Discord's limits of the titles of forms and their parts, and of what stands below."""
_NAME, _PLACE = 200, 1000  # characters of a project's name, and of `python -VV` and the rest


def form(
    submission: Submission, report: str = "", channel: str = "", message: str = ""
) -> ui.Modal:
    """Return the form, filled in with `submission` as far as a form can hold it.

    `report` is what it changes, `channel` and `message` say what it is made from. What does not
    fit stays with the report, see `submitted`.
    """
    logs, kept = submission.logs, ""
    if submission.log_name is not None:
        logs, _ = _parts(submission)
        kept = say(
            "{file} is kept; choose another to replace it", file=clean(submission.log_name, 40)
        )
    modal = ui.Modal(
        title=clean(say("Report a free-threading problem"), TITLE),
        custom_id=custom_ids.build(custom_ids.REPORT_FORM, report, channel, message) or "",
    )
    for part in (
        label(
            say("Project"),
            say("Its name on PyPI"),
            _line(PROJECT, submission.project, _NAME, "numpy"),
        ),
        label(
            say("Interpreter and platform"),
            say("What python -VV says, and your system"),
            _line(ENVIRONMENT, submission.environment, _PLACE, _EXAMPLE),
        ),
        label(
            say("What happened"),
            say("What you ran, and what came of it"),
            _text(STORY, submission.story, required=True),
        ),
        label(
            say("Logs as text"),
            say("A warning, a traceback, the end of a build"),
            _text(LOGS, logs, required=False),
        ),
        label(
            say("Logs as a file"),
            kept or say("Text, up to 1 MiB"),
            ui.FileUpload(custom_id=FILE, required=False, min_values=0, max_values=1),
        ),
    ):
        modal.add_item(part)
    return modal


def label(text: str, description: str, component: ui.Item[Any]) -> ui.Label[Any]:
    """Return a part of a form with its texts cut to what Discord takes."""
    return ui.Label(
        text=clean(text, TITLE),
        description=clean(description, _DESCRIPTION) or None,
        component=component,
    )


def again(typed: Mapping[str, str], *fields: str) -> ui.Modal:
    """Return the form with what was typed into it before; `fields` are those of its custom_id."""
    return form(
        Submission(**{name: typed.get(name, "") for name in TYPED}),
        *fields,
    )


def parts_of(message: discord.Message) -> tuple[str, list[discord.Attachment]]:
    """Return the text and the files of a message, those of one that it forwards included."""
    parts: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    texts = [part.content for part in parts if part.content]
    return "\n\n".join(texts), [each for part in parts for each in part.attachments]


def jump(guild: int | None, channel: str, message: str) -> str | None:
    """Return the address of a message, None for none."""
    return f"https://discord.com/channels/{guild or '@me'}/{channel}/{message}" if message else None


def holds(text: str) -> bool:
    """Tell whether a part of the form can hold all of `text`."""
    return len(_shown(text)) == len(text)


def answer_form(report: int) -> ui.Modal:
    """Return the form in which a reporter answers a triager's question."""
    modal = ui.Modal(
        title=clean(say("Your answer"), TITLE),
        custom_id=custom_ids.build(custom_ids.REPORT_ANSWER_FORM, str(report)) or "",
    )
    part = label(
        say("What they asked for"),
        say("The triagers see it on the report's card"),
        _text(ANSWER, "", required=True),
    )
    return modal.add_item(part)


def submitted(
    typed: Mapping[str, str], before: Submission, files: Sequence[tuple[str, str]]
) -> Submission:
    """Return what a form says that was filled in with `before`; `files` are names with texts.

    What did not fit into the form is kept from `before`, except where all of a part was removed,
    and so is its file unless there are others.
    """
    logs, kept = _parts(before)
    return Submission(
        project=typed.get(PROJECT, "").strip(),
        environment=typed.get(ENVIRONMENT, "").strip(),
        story=_whole(typed.get(STORY, ""), before.story),
        message=before.message,
        **_logs(_whole(typed.get(LOGS, ""), logs), before.log_name, kept, files),
    )


def _whole(typed: str, before: str) -> str:
    return typed + before[len(_shown(before)) :] if typed.strip() else ""


def _logs(
    typed: str, name: str | None, kept: str, files: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Put logs together: what was typed, then the files, each below a line with its name."""
    if len(files) > 1:
        name, kept = "files.log", "\n\n".join(f"--- {each} ---\n{text}" for each, text in files)
    elif files:
        ((name, kept),) = files
    if name is None:
        return {"logs": typed, "log_name": None}
    return {"logs": typed + _divider(name) + kept if typed else kept, "log_name": name}


def _parts(submission: Submission) -> tuple[str, str]:
    """Return what was typed of the logs, and what came from files: `_logs` backwards."""
    if submission.log_name is None:
        return submission.logs, ""
    typed, divider, kept = submission.logs.partition(_divider(submission.log_name))
    return (typed, kept) if divider else ("", submission.logs)


def _divider(name: str) -> str:
    return f"\n\n--- {name} ---\n"


def _line(name: str, default: str, limit: int, placeholder: str) -> ui.TextInput[Any]:
    return ui.TextInput(
        custom_id=name,
        placeholder=placeholder,
        default=_shown(clean(default, limit), limit) or None,
        max_length=limit,
        required=False,
    )


def _text(name: str, default: str, *, required: bool) -> ui.TextInput[Any]:
    return ui.TextInput(
        custom_id=name,
        style=discord.TextStyle.paragraph,
        default=_shown(default) or None,
        max_length=_LONGEST,
        required=required,
    )


def _shown(text: str, limit: int = _LONGEST) -> str:
    """Return as much of `text` as a form can hold: clients count UTF-16 code units."""
    shown = text[:limit]
    while (over := len(shown) + sum(char > "\uffff" for char in shown) - limit) > 0:
        shown = shown[: -((over + 1) // 2)]
    return shown
