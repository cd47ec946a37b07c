"""Reports as those see them who report, and as all see what is known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import discord
from discord import ButtonStyle, ui

from bot.guide.model import Pointer
from bot.language import Template, command, phrase, say, say_many, spoken
from bot.reports import rules
from bot.reports.model import (
    BUILDS,
    DECLARED,
    SYSTEMS,
    Draft,
    Fact,
    Hint,
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
from bot.ui.guide import pointed
from bot.ui.text import clean, code, escape, fit, link, repeats, web_address

GREEN, AMBER, BLUE, GREY = 0x3BA55D, 0xF0B232, 0x5865F2, 0x80848E

SEND, JOIN, CREDIT, FORM, DISCARD, WITHDRAW = (
    "send", "join", "credit", "form", "discard", "withdraw",
)  # fmt: skip
"""What a reporter can press, as it stands in custom_ids."""

# Together below the 4000 characters that Discord gives all text of a message.
_HEAD, _WARNINGS, _FACTS, _GAPS, _HINTS, _LIKELY, _FOOT = 620, 300, 650, 380, 440, 300, 600
_MOST_LIKELY, _MOST_EVIDENCE = 3, 2
_PAGE = 8
"""Problems on a page of /reports; a line is below 450 characters."""
_LINE = 450
_MOST_WAITING = 10
_BRIEFLY = 2  # problems that the answer of /check names
_LABEL = 80  # Discord's limit of a button's label
BRIEF = 600
"""Characters that it has for them."""

SENTENCES = {
    Kind.NO_WHEEL: phrase("there is no free-threaded wheel of it"),
    Kind.BUILD_FAILURE: phrase("building it fails"),
    Kind.GIL_REENABLED: phrase("importing it turns the GIL on"),
    Kind.CRASH: phrase("it crashes"),
    Kind.DATA_RACE: phrase("it has a data race"),
    Kind.DEADLOCK: phrase("it hangs"),
    Kind.WRONG_RESULT: phrase("it gives wrong results"),
    Kind.PERFORMANCE: phrase("it is slow"),
    Kind.SUPPORT_REQUEST: phrase("support of free threading is asked for"),
    Kind.DOCS: phrase("the documentation lacks something"),
    Kind.NOT_FREE_THREADING: phrase("a problem that is perhaps not about free threading"),
    Kind.NEEDS_INFO: phrase("a problem that is not understood yet"),
}
_OF_VERSIONS = {
    Kind.NO_WHEEL: Template("there is no free-threaded wheel of {version}"),
    Kind.BUILD_FAILURE: Template("building {version} fails"),
    Kind.GIL_REENABLED: Template("importing {version} turns the GIL on"),
    Kind.CRASH: Template("{version} crashes"),
    Kind.DATA_RACE: Template("{version} has a data race"),
    Kind.DEADLOCK: Template("{version} hangs"),
    Kind.WRONG_RESULT: Template("{version} gives wrong results"),
    Kind.PERFORMANCE: Template("{version} is slow"),
}
_OPEN = phrase("Open GitHub's form")
_STANDINGS = {
    State.FILING: phrase("on its way to GitHub"),
    State.HANDED: phrase("handed over for the project's own tracker"),
}
_GIL = {"on": phrase("on"), "off": phrase("off")}
_ISSUE = {"open": phrase("open"), "closed": phrase("closed"), "gone": phrase("gone")}
_CLOSED = {
    "completed": phrase("completed"),
    "not_planned": phrase("not planned"),
    "duplicate": phrase("duplicate"),
}


def sentence(kind: Kind, version: str | None = None) -> str:
    """Say what is wrong, with a version where one is known; a small letter begins it."""
    of_version = _OF_VERSIONS.get(kind)
    if version and of_version:
        return of_version.say(version=escape(version, 40))
    return spoken(SENTENCES[kind])


def begun(text: str) -> str:
    """Return words as they begin a sentence."""
    return text[:1].upper() + text[1:]


def issue_state(state: str) -> str:
    """Say the state of an issue, which may be one that GitHub thought of since."""
    return escape(spoken(_ISSUE.get(state, state)), 20)


def issue_reason(reason: str) -> str:
    """Say why an issue was closed, by GitHub's word for it."""
    return escape(spoken(_CLOSED.get(reason, reason.replace("_", " "))), 30)


def gil(fact: Fact | None) -> Fact | None:
    """Return a fact about the GIL with its value in words."""
    return replace(fact, value=_GIL.get(fact.value, fact.value)) if fact else None


# Before it is sent


def preview(draft: Draft, warnings: Sequence[str] = (), pointer: Pointer | None = None) -> Card:
    """Return a report as its reporter sees it before sending.

    `warnings` are plain sentences, `pointer` is the guide's section that helps.
    """
    report = draft.report
    amiss = [f"⚠️ {escape(spoken(each), 240)}" for each in warnings]
    hints = [f"💡 {escape(spoken(hint.text), 250)}" for hint in report.hints if not _read(hint)]
    hints += filter(None, [pointed(pointer)])
    declared = fit(hinted(filter(_read, report.hints), 250), _HINTS)
    asked, answers = say("A maintainer would also ask for"), say("Perhaps this is the answer")
    likely = report.likely[:_MOST_LIKELY]
    return Card(
        _text(fit(_head(report), _HEAD), fit(amiss, _WARNINGS)),
        *_apart("", fit(_facts(report.reading), _FACTS)),
        *_apart(f"**{asked}**", fit(_gaps(report.reading.gaps), _GAPS)),
        *_apart(f"**{say('What the wheel declares')}**", declared),
        *_apart(f"**{answers}**", fit(hints, _HINTS - len(declared))),
        *_apart("", f"**{say('Is it one of these?')}**" if likely else ""),
        *(_known(report.id, each) for each in likely),
        ui.Separator(),
        _text(fit(_foot(draft), _FOOT)),
        *_choices(draft, different=bool(likely)),
        colour=AMBER if warnings else BLUE,
    )


def hinted(hints: Iterable[Hint], room: int) -> Iterator[str]:
    """Say each hint in so many characters, then what it does not mean that a wheel declares it."""
    told = tuple(hints)
    yield from (f"💡 {escape(spoken(hint.text), room)}" for hint in told)
    if any(map(_read, told)):
        caveat = say(
            "What a wheel declares is no proof of thread safety; which modules an `import` loads is"
            " another question."
        )
        yield f"-# {caveat}"


def _read(hint: Hint) -> bool:
    """Tell whether a hint is what was read of a wheel."""
    return hint.code.startswith(DECLARED)


def _apart(heading: str, text: str) -> Iterator[ui.Item[Any]]:
    """Yield a text with a little space above it, nothing for none."""
    if text:
        yield ui.Separator(visible=False)
        yield _text(heading, text)


def _head(report: Report) -> Iterator[str]:
    reading = report.reading
    said = f"**{begun(sentence(reading.kind))}**"
    yield f"## {escape(report.title, 120)}"
    if reading.also and reading.also is not reading.kind:
        yield say("{problem}, or {other}", problem=said, other=sentence(reading.also))
    else:
        yield said
    yield from (f"-# {code(each, 100)}" for each in reading.evidence[:_MOST_EVIDENCE])


def _facts(reading: Reading) -> Iterator[str]:
    """Say what was understood, with the words that say so where rules may have read them wrong."""
    facts, said = reading.facts, reading.evidence[:_MOST_EVIDENCE]
    if facts.project:
        version = f" {escape(facts.version.value, 40)}" if facts.version else ""
        why = _because(facts.project, said)
        yield f"**{say('Project')}** {escape(facts.project.value, 80)}{version}{why}"
    elif facts.version:
        version = escape(facts.version.value, 40)
        yield f"**{say('Version')}** {version}{_because(facts.version, said)}"
    python = [_value(facts.python), _value(facts.build, BUILDS)]
    if any(python):
        yield f"**Python** {_listed(python)}{_because(facts.python or facts.build, said)}"
    system = " ".join(filter(None, [_value(facts.os, SYSTEMS), _value(facts.architecture)]))
    if system:
        yield f"**{say('System')}** {system}"
    if facts.installer:
        yield f"**{say('Installed by')}** {_value(facts.installer)}"
    before, after = _value(gil(facts.gil_before)), _value(gil(facts.gil_after))
    states = [
        say("{state} before the import", state=before) if before else "",
        say("{state} after it", state=after) if after else "",
        f"PYTHON\\_GIL={_value(facts.python_gil)}" if facts.python_gil else "",
    ]
    if any(states):
        yield f"**GIL** {_listed(states)}"
    if facts.wheel:
        yield f"**{say('Wheel')}** {code(facts.wheel.value, 120)}"


def _value(fact: Fact | None, words: Mapping[str, str] | None = None) -> str:
    return escape(spoken((words or {}).get(fact.value, fact.value)), 60) if fact else ""


def _because(fact: Fact | None, said: Sequence[str]) -> str:
    """Name the words that say it, unless they say it plainly or were `said`."""
    words = fact.evidence.strip() if fact else ""
    plain = fact is not None and fact.value.removesuffix("t").casefold() in words.casefold()
    if not words or plain or repeats(words, said):
        return ""
    return " · " + say("from {words}", words=code(words, 80))


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(filter(None, parts))


def _gaps(gaps: Sequence[str]) -> Iterator[str]:
    return (f"- {escape(spoken(gap), 120)}" for gap in gaps)


def _known(report: int, likely: Likely) -> ui.Item[Any]:
    """Show something known that may be the same, with a button to say that it is."""
    reasons = _listed(escape(spoken(reason), 60) for reason in likely.reasons[:3])
    small = " · ".join(filter(None, [issue_state(likely.state), reasons]))
    lines = [link(likely.title, likely.url, 90) or "?", f"-# {small}" if small else ""]
    text: ui.TextDisplay[Any] = ui.TextDisplay(fit(filter(None, lines), _LIKELY))
    button = _step(say("Mine is the same"), JOIN, report, likely.key)
    return ui.Section(text, accessory=button) if button else text


def _foot(draft: Draft) -> Iterator[str]:
    report, address = draft.report, draft.address
    if address.repository:
        repository = f"**{escape(address.repository, 140)}**"
        belongs = say("It belongs to {repository}.", repository=repository)
        yield f"-# {belongs} {escape(spoken(address.why), 150)}"
    else:
        yield f"-# {escape(spoken(address.why), 200)}"
    kept = say(
        "It is kept for {days} days; {command} shows it again.",
        days=rules.DRAFTS_KEPT.days,
        command=code(command("privacy")),
    )
    if draft.can_send:
        name = report.reporter.name if report.reporter and report.credit else ""
        yield "-# " + (
            say(
                "Only you see this; nothing is sent yet. On GitHub “{name}” is shown.",
                name=escape(name, 40),
            )
            if name
            else say("Only you see this; nothing is sent yet. On GitHub your name is not shown.")
        )
        yield f"-# {kept}"
        return
    yield say("Nobody decides on reports here: that takes a server with triagers.")
    if draft.form:
        yield say(
            "GitHub's form is filled in for you: look it over, and post it from your account."
        )
    yield f"-# {kept}"


def _choices(draft: Draft, *, different: bool) -> Iterator[ui.ActionRow[Any]]:
    report = draft.report
    first: ui.ActionRow[Any] = ui.ActionRow()
    if draft.can_send:
        label = say("Mine is different, send it") if different else say("Send to the triagers")
        _add(first, _step(label, SEND, report.id, style=ButtonStyle.success))
    elif address := web_address(draft.form):
        label = clean(spoken(_OPEN), _LABEL)
        first.add_item(ui.Button(label=label, url=address, style=ButtonStyle.link))
    elif draft.form:
        _add(first, _step(spoken(_OPEN), FORM, report.id))
    _add(first, _button(say("Change"), custom_ids.REPORT_CHANGE, str(report.id)))
    _add(first, _step(say("Discard"), DISCARD, report.id, style=ButtonStyle.danger))
    yield first
    if draft.can_send:
        if report.credit:
            yield _row(_step(say("Show my name on GitHub: yes"), CREDIT, report.id))
        else:
            yield _row(_step(say("Show my name on GitHub: no"), CREDIT, report.id, "1"))


def filled_in(address: str) -> Card:
    """Show the address of a form that is too long for a button."""
    shown = link(spoken(_OPEN), address, limit=40)
    more = say("Look it over, and post it from your account.")
    return _notice(f"**{shown}**\n{more}", BLUE)


def ready(report: int) -> Card:
    """Return what opens a report's form, where that took too long to open it at once."""
    return Card(
        _text(f"**{say('The form is ready.')}**", say("All that was read is in it.")),
        _row(
            _button(
                say("Open the form"),
                custom_ids.REPORT_CHANGE,
                str(report),
                style=ButtonStyle.primary,
            )
        ),
        colour=BLUE,
    )


def again(*fields: str) -> ui.ActionRow[Any]:
    """Return what opens the form again below a failure; `fields` are those of the form."""
    return _row(_button(say("Open the form again"), custom_ids.REPORT_AGAIN, *fields))


def late() -> Card:
    """Say that a form was not there in time to be opened."""
    what = say("Discord was slow to hand out what you typed.")
    return _notice(f"**{what}**\n{say('Press the button again.')}")


# Afterwards


def sent(report: Report, amiss: str = "") -> Card:
    """Say what happens next; `amiss` is what keeps it from the triagers' channel."""
    return Card(
        _text(
            f"## {say('Sent, as report {report}', report=report.id)}",
            f"**{escape(report.title, 120)}**",
            say(
                "The triagers of this server decide what becomes of it. ftbot tells you by direct "
                "message; where it can't write to you, in this channel."
            ),
            "-# " + say("They may ask you something: answer with the button below their question."),
            unheard(amiss) if amiss else "",
        ),
        _row(_step(say("Withdraw"), WITHDRAW, report.id)),
        colour=AMBER if amiss else GREEN,
    )


def unheard(amiss: str) -> str:
    """Say that triagers don't see reports in their channel, and what mends it."""
    told = say(
        "The triagers' channel is out of reach: {reason} Reports are kept; whoever manages the"
        " server can choose a channel with {command}.",
        reason=escape(spoken(amiss), 200),
        command=code(command("triage setup")),
    )
    return f"⚠️ {told}"


def joined(report: Report) -> Card:
    """Confirm that a reporter has a problem that is known."""
    if report.issue:
        known = link(_name(report.issue), report.issue.url)
    elif report.into is not None:
        known = say("report {report}", report=report.into)
    else:
        known = say("a known problem")
    back = _step(say("Withdraw"), WITHDRAW, report.id) if report.state is State.JOINED else None
    return Card(
        _text(
            f"## {say('Counted: you have {problem} too', problem=known)}",
            say("ftbot tells you by direct message when there is news of it."),
        ),
        _row(back) if back else None,
        colour=GREEN,
    )


def discarded() -> Card:
    """Confirm that a report is thrown away that was not sent."""
    return _notice(f"**{say('Thrown away.')}** {say('Nothing of it is stored.')}")


def withdrawn(report: Report) -> Card:
    """Confirm that a report is taken back."""
    what = say("Report {report} is taken back.", report=report.id)
    return _notice(f"**{what}**\n{say('The triagers see that.')}")


def answered(report: Report) -> Card:
    """Confirm that an answer has reached the triagers."""
    what = say("Thank you: the triagers have your answer.")
    which = say("Report {report}, {title}", report=report.id, title=escape(report.title, 120))
    return _notice(f"**{what}**\n-# {which}", GREEN)


# What is known


def listing(problems: Problems, before: int = 0) -> Card:
    """List the known problems of a project, a page of them; `before` are left out."""
    name = escape(problems.project, 80)
    report = _button(say("Report a problem"), custom_ids.REPORT_NEW, problems.project)
    if not problems.problems:
        return Card(
            _text(
                f"**{say('No problem of {project} is known here.', project=name)}**",
                say("{command} tells of one.", command=code(command("report"))),
                _undecided(problems.waiting),
            ),
            _row(report) if report else None,
            colour=GREY,
        )
    start = before if 0 <= before < len(problems.problems) else 0
    shown = problems.problems[start : start + _PAGE]
    row: ui.ActionRow[Any] = ui.ActionRow()
    _turn(row, problems, say("Back"), start - _PAGE)
    _turn(row, problems, say("More"), start + _PAGE)
    _add(row, report)
    return Card(
        _text(
            f"## {name}: {_reports(problems.total)}",
            *(fit(_problem(each), _LINE) for each in shown),
            _undecided(problems.waiting),
        ),
        row if row.children else None,
        colour=AMBER,
    )


def _undecided(waiting: Sequence[int]) -> str:
    """Name what waits on this server by number alone: nobody has judged yet whether it is true."""
    if not waiting:
        return ""
    numbers = ", ".join(f"#{number}" for number in waiting[:_MOST_WAITING])
    more = len(waiting) - _MOST_WAITING
    told = say_many(
        "{count} report waits here for a triager: {numbers}",
        "{count} reports wait here for a triager: {numbers}",
        len(waiting),
        numbers=f"{numbers}, …" if more > 0 else numbers,
    )
    return f"-# 🟠 {told}"


def _turn(row: ui.ActionRow[Any], problems: Problems, label: str, start: int) -> None:
    if 0 <= start < len(problems.problems):
        _add(row, _button(label, custom_ids.REPORTS_PAGE, problems.project, str(start)))


def _problem(problem: Problem) -> Iterator[str]:
    said, count = begun(sentence(problem.kind, problem.version)), problem.count
    has = f" · {say_many('{count} member', '{count} members', count)}" if count > 1 else ""
    yield f"- **{said}**{has}"
    where = _where(problem) or say("report {report}", report=problem.report)
    yield f"-# {where}: {_standing(problem)} · {escape(problem.title, 70)}"


def _reports(count: int) -> str:
    return say_many("{count} report", "{count} reports", count)


def _where(problem: Problem) -> str:
    if problem.issue:
        return link(_name(problem.issue), problem.url or problem.issue.url)
    return link(say("report {report}", report=problem.report), problem.url)


def _name(issue: Issue) -> str:
    return f"{issue.repository}#{issue.number}"


def _standing(problem: Problem) -> str:
    if problem.issue is None:
        return spoken(_STANDINGS.get(problem.state, problem.state.value))
    state, reason = issue_state(problem.issue.state), problem.issue.reason
    if reason and problem.issue.state == "closed":
        return f"{state}, {issue_reason(reason)}"
    return state


def briefly(problems: Problems | None) -> list[str]:
    """Say in a line or two what was reported, for the answer of /check; nothing if nothing was."""
    if problems is None or not problems.problems:
        return []
    first = problems.problems[:_BRIEFLY]
    said = [f"{sentence(each.kind, each.version)} ({_where(each)})" for each in first]
    head = f"🐞 **{_reports(problems.total)}:**"
    if len(head) + sum(map(len, said)) > BRIEF - 50:  # links are as long as others made them
        said = [sentence(each.kind, each.version) for each in first]
    lines = [f"{head} {'; '.join(said)}"]
    if len(problems.problems) > len(first):
        lines.append("-# " + say("{command} has the others.", command=code(command("reports"))))
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
    if custom_id is None:
        return None
    return discord.ui.Button(label=clean(label, _LABEL), custom_id=custom_id, style=style)


def _row(*buttons: ui.Button[Any] | None) -> ui.ActionRow[Any]:
    return ui.ActionRow(*filter(None, buttons))


def _add(row: ui.ActionRow[Any], button: ui.Button[Any] | None) -> None:
    if button is not None:
        row.add_item(button)
