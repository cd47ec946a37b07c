"""Reports as those see them who report, and as all see what is known."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import discord
from discord import ButtonStyle, ui

from bot.reports import rules
from bot.reports.model import (
    BUILDS,
    SYSTEMS,
    Draft,
    Fact,
    Issue,
    Kind,
    Likely,
    Problem,
    Problems,
    Reading,
    Report,
    State,
)
from bot.ui import custom_ids
from bot.ui.card import Card
from bot.ui.text import code, escape, fit, link, plural, repeats, web_address

GREEN, AMBER, BLUE, GREY = 0x3BA55D, 0xF0B232, 0x5865F2, 0x80848E

SEND, JOIN, CREDIT, FORM, DISCARD, WITHDRAW = (
    "send", "join", "credit", "form", "discard", "withdraw",
)  # fmt: skip
"""What a reporter can press, as it stands in custom_ids."""

# Together below the 4000 characters that Discord gives all text of a message.
_HEAD, _WARNINGS, _FACTS, _GAPS, _HINTS, _LIKELY, _FOOT = 620, 300, 650, 380, 420, 300, 600
_MOST_LIKELY, _MOST_EVIDENCE = 3, 2
_PAGE = 8
"""Problems on a page of /reports; a line is below 450 characters."""
_LINE = 450
_BRIEFLY = 2  # problems that the answer of /check names
BRIEF = 600
"""Characters that it has for them."""

SENTENCES = {
    Kind.NO_WHEEL: "there is no free-threaded wheel of {it}",
    Kind.BUILD_FAILURE: "building {it} fails",
    Kind.GIL_REENABLED: "importing {it} turns the GIL on",
    Kind.CRASH: "{it} crashes",
    Kind.DATA_RACE: "{it} has a data race",
    Kind.DEADLOCK: "{it} hangs",
    Kind.WRONG_RESULT: "{it} gives wrong results",
    Kind.PERFORMANCE: "{it} is slow",
    Kind.SUPPORT_REQUEST: "support of free threading is asked for",
    Kind.DOCS: "the documentation lacks something",
    Kind.NOT_FREE_THREADING: "a problem that is perhaps not about free threading",
    Kind.NEEDS_INFO: "a problem that is not understood yet",
}
_OPEN = "Open GitHub's form"
_KEPT = f"-# It is kept for {rules.DRAFTS_KEPT.days} days; `/privacy` shows it again."
_STANDINGS = {
    State.OPEN: "waits for a triager",
    State.ASKED: "waits for an answer",
    State.FILING: "on its way to GitHub",
    State.HANDED: "handed over for the project's own tracker",
}


def sentence(kind: Kind, version: str | None = None) -> str:
    """Say what is wrong, with a version where one is known; a small letter begins it."""
    return SENTENCES[kind].format(it=escape(version, 40) if version else "it")


# Before it is sent


def preview(draft: Draft, warnings: Sequence[str] = ()) -> Card:
    """Return a report as its reporter sees it before sending; `warnings` are plain sentences."""
    report = draft.report
    amiss = [f"⚠️ {escape(each, 240)}" for each in warnings]
    hints = [f"💡 {escape(hint.text, 250)}" for hint in report.hints]
    likely = report.likely[:_MOST_LIKELY]
    return Card(
        _text(fit(_head(report), _HEAD), fit(amiss, _WARNINGS)),
        *_apart("", fit(_facts(report.reading), _FACTS)),
        *_apart("**A maintainer would also ask for**", fit(_gaps(report.reading.gaps), _GAPS)),
        *_apart("**Perhaps this is the answer**", fit(hints, _HINTS)),
        *_apart("", "**Is it one of these?**" if likely else ""),
        *(_known(report.id, each) for each in likely),
        ui.Separator(),
        _text(fit(_foot(draft), _FOOT)),
        *_choices(draft, different=bool(likely)),
        colour=AMBER if warnings else BLUE,
    )


def _apart(heading: str, text: str) -> Iterator[ui.Item[Any]]:
    """Yield a text with a little space above it, nothing for none."""
    if text:
        yield ui.Separator(visible=False)
        yield _text(heading, text)


def _head(report: Report) -> Iterator[str]:
    reading = report.reading
    said = sentence(reading.kind)
    yield f"## {escape(report.title, 120)}"
    yield f"**{said[0].upper()}{said[1:]}**" + (
        f", or {sentence(reading.also)}"
        if reading.also and reading.also is not reading.kind
        else ""
    )
    yield from (f"-# {code(each, 100)}" for each in reading.evidence[:_MOST_EVIDENCE])


def _facts(reading: Reading) -> Iterator[str]:
    """Say what was understood, with the words that say so where rules may have read them wrong."""
    facts, said = reading.facts, reading.evidence[:_MOST_EVIDENCE]
    if facts.project:
        version = f" {escape(facts.version.value, 40)}" if facts.version else ""
        why = _because(facts.project, said)
        yield f"**Project** {escape(facts.project.value, 80)}{version}{why}"
    elif facts.version:
        yield f"**Version** {escape(facts.version.value, 40)}{_because(facts.version, said)}"
    python = [_value(facts.python), _value(facts.build, BUILDS)]
    if any(python):
        yield f"**Python** {_listed(python)}{_because(facts.python or facts.build, said)}"
    system = " ".join(filter(None, [_value(facts.os, SYSTEMS), _value(facts.architecture)]))
    if system:
        yield f"**System** {system}"
    if facts.installer:
        yield f"**Installed by** {_value(facts.installer)}"
    gil = [
        f"{_value(facts.gil_before)} before the import" if facts.gil_before else "",
        f"{_value(facts.gil_after)} after it" if facts.gil_after else "",
        f"PYTHON\\_GIL={_value(facts.python_gil)}" if facts.python_gil else "",
    ]
    if any(gil):
        yield f"**GIL** {_listed(gil)}"
    if facts.wheel:
        yield f"**Wheel** {code(facts.wheel.value, 120)}"


def _value(fact: Fact | None, words: dict[str, str] | None = None) -> str:
    return escape((words or {}).get(fact.value, fact.value), 60) if fact else ""


def _because(fact: Fact | None, said: Sequence[str]) -> str:
    """Name the words that say it, unless they say it plainly or were `said`."""
    words = fact.evidence.strip() if fact else ""
    plain = fact is not None and fact.value.removesuffix("t").casefold() in words.casefold()
    return f" · from {code(words, 80)}" if words and not plain and not repeats(words, said) else ""


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(filter(None, parts))


def _gaps(gaps: Sequence[str]) -> Iterator[str]:
    return (f"- {escape(gap, 120)}" for gap in gaps)


def _known(report: int, likely: Likely) -> ui.Item[Any]:
    """Show something known that may be the same, with a button to say that it is."""
    reasons = _listed(escape(reason, 60) for reason in likely.reasons[:3])
    small = " · ".join(filter(None, [escape(likely.state, 20), reasons]))
    lines = [link(likely.title, likely.url, 90) or "?", f"-# {small}" if small else ""]
    text: ui.TextDisplay[Any] = ui.TextDisplay(fit(filter(None, lines), _LIKELY))
    button = _step("Mine is the same", JOIN, report, likely.key)
    return ui.Section(text, accessory=button) if button else text


def _foot(draft: Draft) -> Iterator[str]:
    report, address = draft.report, draft.address
    if address.repository:
        yield f"-# It belongs to **{escape(address.repository, 140)}**. {escape(address.why, 150)}"
    else:
        yield f"-# {escape(address.why, 200)}"
    if draft.can_send:
        name = report.reporter.name if report.reporter and report.credit else ""
        shown = f"“{escape(name, 40)}” is shown" if name else "your name is not shown"
        yield f"-# Only you see this; nothing is sent yet. On GitHub {shown}."
        yield _KEPT
        return
    yield "Nobody decides on reports here: that takes a server with triagers."
    if draft.form:
        yield "GitHub's form is filled in for you: look it over, and post it from your account."
    yield _KEPT


def _choices(draft: Draft, *, different: bool) -> Iterator[ui.ActionRow[Any]]:
    report = draft.report
    first: ui.ActionRow[Any] = ui.ActionRow()
    if draft.can_send:
        label = "Mine is different, send it" if different else "Send to the triagers"
        _add(first, _step(label, SEND, report.id, style=ButtonStyle.success))
    elif address := web_address(draft.form):
        first.add_item(ui.Button(label=_OPEN, url=address, style=ButtonStyle.link))
    elif draft.form:
        _add(first, _step(_OPEN, FORM, report.id))
    _add(first, _button("Change", custom_ids.REPORT_CHANGE, str(report.id)))
    _add(first, _step("Discard", DISCARD, report.id, style=ButtonStyle.danger))
    yield first
    if draft.can_send:
        now, then = ("yes", "") if report.credit else ("no", "1")
        label = f"Show my name on GitHub: {now}"
        yield _row(_step(label, CREDIT, report.id, then))


def filled_in(address: str) -> Card:
    """Show the address of a form that is too long for a button."""
    shown = link(_OPEN, address, limit=40)
    return _notice(f"**{shown}**\nLook it over, and post it from your account.", BLUE)


def ready(report: int) -> Card:
    """Return what opens a report's form, where that took too long to open it at once."""
    return Card(
        _text("**The form is ready.**\nAll that was read is in it."),
        _row(
            _button(
                "Open the form", custom_ids.REPORT_CHANGE, str(report), style=ButtonStyle.primary
            )
        ),
        colour=BLUE,
    )


def again(*fields: str) -> ui.ActionRow[Any]:
    """Return what opens the form again below a failure; `fields` are those of the form."""
    return _row(_button("Open the form again", custom_ids.REPORT_AGAIN, *fields))


def late() -> Card:
    """Say that a form was not there in time to be opened."""
    return _notice("**Discord was slow to hand out what you typed.**\nPress the button again.")


# Afterwards


def sent(report: Report) -> Card:
    """Say what happens next."""
    return Card(
        _text(
            f"## Sent, as report {report.id}",
            f"**{escape(report.title, 120)}**",
            "The triagers of this server decide what becomes of it. ftbot tells you by direct "
            "message; where it can't write to you, in this channel.",
            "-# They may ask you something: answer with the button below their question.",
        ),
        _row(_step("Withdraw", WITHDRAW, report.id)),
        colour=GREEN,
    )


def joined(report: Report) -> Card:
    """Confirm that a reporter has a problem that is known."""
    issue = link(_name(report.issue), report.issue.url) if report.issue else ""
    known = issue or (f"report {report.into}" if report.into is not None else "a known problem")
    back = _step("Withdraw", WITHDRAW, report.id) if report.state is State.JOINED else None
    return Card(
        _text(
            f"## Counted: you have {known} too",
            "ftbot tells you by direct message when there is news of it.",
        ),
        _row(back) if back else None,
        colour=GREEN,
    )


def discarded() -> Card:
    """Confirm that a report is thrown away that was not sent."""
    return _notice("**Thrown away.** Nothing of it is stored.")


def withdrawn(report: Report) -> Card:
    """Confirm that a report is taken back."""
    return _notice(f"**Report {report.id} is taken back.**\nThe triagers see that.")


def answered(report: Report) -> Card:
    """Confirm that an answer has reached the triagers."""
    return _notice(
        f"**Thank you: the triagers have your answer.**\n-# Report {report.id}, "
        f"{escape(report.title, 120)}",
        GREEN,
    )


# What is known


def listing(problems: Problems, before: int = 0) -> Card:
    """List the known problems of a project, a page of them; `before` are left out."""
    name = escape(problems.project, 80)
    report = _button("Report a problem", custom_ids.REPORT_NEW, problems.project)
    if not problems.problems:
        return Card(
            _text(f"**No problem of {name} is known here.**\n`/report` tells of one."),
            _row(report) if report else None,
            colour=GREY,
        )
    start = before if 0 <= before < len(problems.problems) else 0
    shown = problems.problems[start : start + _PAGE]
    row: ui.ActionRow[Any] = ui.ActionRow()
    _turn(row, problems, "Back", start - _PAGE)
    _turn(row, problems, "More", start + _PAGE)
    _add(row, report)
    return Card(
        _text(
            f"## {name}: {plural(problems.total, 'report')}",
            *(fit(_problem(each), _LINE) for each in shown),
        ),
        row if row.children else None,
        colour=AMBER,
    )


def _turn(row: ui.ActionRow[Any], problems: Problems, label: str, start: int) -> None:
    if 0 <= start < len(problems.problems):
        _add(row, _button(label, custom_ids.REPORTS_PAGE, problems.project, str(start)))


def _problem(problem: Problem) -> Iterator[str]:
    said = sentence(problem.kind, problem.version)
    has = f" · {plural(problem.count, 'member')}" if problem.count > 1 else ""
    yield f"- **{said[0].upper()}{said[1:]}**{has}"
    where = _where(problem) or f"report {problem.report}"
    yield f"-# {where}: {_standing(problem)} · {escape(problem.title, 70)}"


def _where(problem: Problem) -> str:
    if problem.issue:
        return link(_name(problem.issue), problem.url or problem.issue.url)
    return link(f"report {problem.report}", problem.url)


def _name(issue: Issue) -> str:
    return f"{issue.repository}#{issue.number}"


def _standing(problem: Problem) -> str:
    if problem.issue is None:
        return _STANDINGS.get(problem.state, problem.state.value)
    reason = f", {problem.issue.reason.replace('_', ' ')}" if problem.issue.reason else ""
    closed = problem.issue.state == "closed"
    return escape(problem.issue.state + (reason if closed else ""), 40)


def briefly(problems: Problems | None) -> list[str]:
    """Say in a line or two what was reported, for the answer of /check; nothing if nothing was."""
    if problems is None or not problems.problems:
        return []
    first = problems.problems[:_BRIEFLY]
    said = [f"{sentence(each.kind, each.version)} ({_where(each)})" for each in first]
    head = f"🐞 **{plural(problems.total, 'report')}:**"
    if len(head) + sum(map(len, said)) > BRIEF - 50:  # links are as long as others made them
        said = [sentence(each.kind, each.version) for each in first]
    lines = [f"{head} {'; '.join(said)}"]
    if len(problems.problems) > len(first):
        lines.append("-# `/reports` has the others.")
    return lines


# Pieces


def _notice(text: str, colour: int = GREY) -> Card:
    return Card(_text(text), colour=colour)


def _text(*parts: str) -> ui.TextDisplay[Any]:
    return ui.TextDisplay("\n".join(filter(None, parts)))


def _step(
    label: str, step: str, report: int, more: str = "", style: ButtonStyle = ButtonStyle.secondary
) -> ui.Button[Any] | None:
    return _button(label, custom_ids.REPORT_STEP, step, str(report), more, style=style)


def _button(
    label: str, kind: str, *fields: str, style: ButtonStyle = ButtonStyle.secondary
) -> ui.Button[Any] | None:
    """Return a button, None where a custom_id cannot hold its fields."""
    custom_id = custom_ids.build(kind, *fields)
    return discord.ui.Button(label=label, custom_id=custom_id, style=style) if custom_id else None


def _row(*buttons: ui.Button[Any] | None) -> ui.ActionRow[Any]:
    return ui.ActionRow(*filter(None, buttons))


def _add(row: ui.ActionRow[Any], button: ui.Button[Any] | None) -> None:
    if button is not None:
        row.add_item(button)
