"""Reports as messages: the card by which triagers decide, and what reporters hear of that.

All of a report is foreign text, and Discord takes 4000 characters of text in a message. So facts
have room of their own, and what was written at length shares what is left of it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import discord
from discord import ui

from bot.guide.model import Pointer
from bot.language import Phrase, Template, phrase, say, say_many, spoken
from bot.reports.model import (
    BUILDS,
    FTBOT,
    SYSTEMS,
    Action,
    Actor,
    Fact,
    Facts,
    Issue,
    Kind,
    Likely,
    Report,
    State,
    Step,
)
from bot.reports.rules import TRANSITIONS, WAITING
from bot.ui import custom_ids
from bot.ui.card import Card
from bot.ui.guide import pointed
from bot.ui.reports import FORM, begun, gil, hinted, issue_reason, issue_state
from bot.ui.text import clean, code, escape, fit, link, repeats, timestamp, web_address

if TYPE_CHECKING:
    from bot.reports.issue.destination import Address

AMBER, BLUE, GREEN, GREY, PURPLE, RED = (
    0xF0B232, 0x5865F2, 0x3BA55D, 0x80848E, 0x8957E5, 0xED4245,
)  # fmt: skip

# Below the 4000 characters that Discord gives all text of a message, with room for a mention.
_TEXT = 3900
_HEAD, _FACTS, _ADVICE, _LIKELY, _HISTORY = 900, 800, 600, 600, 600
_NOTE, _LINK = 2400, 200
_OPTION = 100  # Discord's limit of a select's labels and values
_LABEL = 80  # and of a button's
_STEPS, _MOST_LIKELY = 6, 3
_UNSETTLED = WAITING | {State.SECURITY}


@dataclass(frozen=True, slots=True)
class Standing:
    """A state in words."""

    emoji: str
    words: Phrase
    colour: int


STANDINGS = {
    State.DRAFT: Standing("✏️", phrase("Not sent yet"), GREY),
    State.OPEN: Standing("🟠", phrase("Waits for a triager"), AMBER),
    State.ASKED: Standing("💬", phrase("Waits for its reporter's answer"), BLUE),
    State.FILING: Standing("📤", phrase("On its way to GitHub"), BLUE),
    State.FILED: Standing("✅", phrase("Filed"), GREEN),
    State.LINKED: Standing("🔗", phrase("Linked to a known issue"), GREEN),
    State.HANDED: Standing("📮", phrase("Handed to its reporter, for another tracker"), GREEN),
    State.REJECTED: Standing("🚫", phrase("Rejected"), GREY),
    State.SECURITY: Standing("🔒", phrase("Security: for triagers' eyes only"), RED),
    State.JOINED: Standing("🧷", phrase("The same as another report"), GREY),
    State.WITHDRAWN: Standing("↩️", phrase("Taken back by its reporter"), GREY),
}
KINDS = {
    Kind.NO_WHEEL: phrase("no wheel"),
    Kind.BUILD_FAILURE: phrase("build failure"),
    Kind.GIL_REENABLED: phrase("import turns the GIL on"),
    Kind.CRASH: phrase("crash"),
    Kind.DATA_RACE: phrase("data race"),
    Kind.DEADLOCK: phrase("deadlock"),
    Kind.WRONG_RESULT: phrase("wrong result"),
    Kind.PERFORMANCE: phrase("performance"),
    Kind.SUPPORT_REQUEST: phrase("request for support"),
    Kind.DOCS: phrase("documentation"),
    Kind.NOT_FREE_THREADING: phrase("not about free threading"),
    Kind.NEEDS_INFO: phrase("too little to tell"),
}
"""Kinds in words; a small letter begins them."""
_DONE = {
    Action.SEND: Template("{who} sent it"),
    Action.JOIN: Template("{who} joined it to another report"),
    Action.FILE: Template("{who} let it be filed"),
    Action.FILED: Template("{who} filed it"),
    Action.NOT_FILED: Template("{who} could not file it"),
    Action.LINK: Template("{who} linked it"),
    Action.HAND_OVER: Template("{who} handed it over"),
    Action.ASK: Template("{who} asked"),
    Action.ANSWER: Template("{who} answered"),
    Action.REJECT: Template("{who} rejected it"),
    Action.SECURITY: Template("{who} made it a matter of security"),
    Action.REOPEN: Template("{who} reopened it"),
    Action.WITHDRAW: Template("{who} took it back"),
}
"""What somebody did to a report, said with their name."""

REASONS = (
    phrase("It is not about free threading."),
    phrase("It does not happen again when tried."),
    phrase("It works as intended."),
    phrase("There is too little to act on."),
    phrase("It is a question; please ask it in a channel for help."),
    phrase("It is spam."),
)
"""Why reports are rejected, mostly. They are stored in English, on lines of their own."""


def card(report: Report, *, site: str, pointer: Pointer | None = None) -> Card:
    """Return a report as triagers want it, with buttons for what its state allows.

    `site` is the address of the index for people, without slash: "" leaves its link out. `pointer`
    is the guide's section that helps.
    """
    secret = report.state is State.SECURITY
    head = fit(_head(report), _HEAD)
    facts = fit(_reading(report), _FACTS)
    advice = [fit(_advice(report), _ADVICE), fit(_likely(report), _LIKELY), pointed(pointer)]
    history = fit(_history(report.steps, notes=not secret), _HISTORY)
    room = _TEXT - sum(map(len, (head, facts, *advice, history))) - 20  # for lines between them
    return Card(
        _text(head, facts),
        *_behind_a_line(*(_hidden() if secret else map(_text, _written(report, room)))),
        *_behind_a_line(_text(*advice)),
        *_behind_a_line(_text(history)),
        *_rows(report),
        _likely_select(report),
        _links(report, site),
        colour=_colour(report),
    )


def _text(*parts: str) -> ui.TextDisplay[Any] | None:
    text = "\n".join(filter(None, parts))
    return ui.TextDisplay(text) if text else None


def _behind_a_line(*items: ui.Item[Any] | None) -> Iterator[ui.Item[Any] | None]:
    if any(items):
        yield ui.Separator()
        yield from items


def _colour(report: Report) -> int:
    issue = report.issue
    if report.state in (State.FILED, State.LINKED) and issue and issue.state != "open":
        return PURPLE if issue.reason == "completed" else GREY
    return STANDINGS[report.state].colour


# What it is, and where it stands


def _head(report: Report) -> Iterator[str]:
    yield _title(report)
    standing = STANDINGS[report.state]
    reached = next((step for step in reversed(report.steps) if step.after is report.state), None)
    since = f" {timestamp(reached.at, 'R')}" if reached else ""
    yield f"{standing.emoji} **{spoken(standing.words)}**{since}"
    if report.state is State.SECURITY:
        silence = say("Nothing of it is filed, listed or told. Please don't speak of it elsewhere.")
        yield f"**{silence}**"
    if report.problem:
        yield f"⚠️ {escape(spoken(report.problem), 400)}"
    elif report.steps and report.steps[-1].action is Action.NOT_FILED:
        reason = spoken(report.steps[-1].note) or say("for no known reason")
        yield "⚠️ " + say("Not filed: {reason}", reason=escape(reason, 150))
    if report.into is not None:
        yield say("The same as report #{report}", report=report.into)
    if report.issue is not None:
        yield _issue(report.issue)
    yield f"-# {' · '.join(_origin(report))}"


def _title(report: Report) -> str:
    return f"## #{report.id} {escape(report.title, 120)}".rstrip()


def _origin(report: Report) -> Iterator[str]:
    # A mention shows who it is, whatever they call themselves; messages notify nobody by default.
    who = f"<@{report.reporter.id}>" if report.reporter else say("somebody who is forgotten")
    yield say("from {who} {ago}", who=who, ago=timestamp(report.created, "R"))
    if report.same:
        yield say_many("{count} other with the same", "{count} others with the same", report.same)
    if report.credit:
        yield say("their name may stand on GitHub")


def _issue(issue: Issue) -> str:
    name, state = _link(_name(issue), issue.url), f"**{issue_state(issue.state)}**"
    if issue.state == "closed" and issue.reason:
        reason = issue_reason(issue.reason)
        told = say("{issue} is {state} as {reason}", issue=name, state=state, reason=reason)
    else:
        told = say("{issue} is {state}", issue=name, state=state)
    labels = ", ".join(escape(label, 30) for label in issue.labels[:5])
    return f"{told} · {labels}" if labels else told


def _name(issue: Issue) -> str:
    return f"{issue.repository}#{issue.number}"


def _link(text: str, url: str | None) -> str:
    """Return `text` that leads to `url`, if that leaves room for more."""
    return link(text, url if url and len(url) <= _LINK else None, 80)


# What rules read in it


def _reading(report: Report) -> Iterator[str]:
    reading = report.reading
    kind = f"**{begun(spoken(KINDS[reading.kind]))}** ({_confidence(reading.confidence)})"
    if reading.also:
        yield say("{kind}, or perhaps: {other}", kind=kind, other=spoken(KINDS[reading.also]))
    else:
        yield kind
    evidence = reading.evidence[:2]
    if evidence:
        yield f"-# {' · '.join(code(each, 80) for each in evidence)}"
    yield from (f"**{name}** {value}" for name, value in _facts(reading.facts, evidence) if value)


def _confidence(value: float) -> str:
    if value >= 0.85:
        return say("sure")
    if value >= 0.6:
        return say("likely")
    return say("unsure") if value >= 0.4 else say("a guess")


def _facts(facts: Facts, shown: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Say the facts with their evidence, each piece of it once; `shown` stands above them."""
    said = list(shown)
    yield say("Project"), _listed(_fact(facts.project, said), _fact(facts.version, said), sign=" ")
    yield "Python", _listed(_fact(facts.python, said), _fact(facts.build, said, BUILDS))
    yield say("Platform"), _listed(_fact(facts.os, said, SYSTEMS), _fact(facts.architecture, said))
    yield say("Installer"), _fact(facts.installer, said)
    before, after = _fact(gil(facts.gil_before), said), _fact(gil(facts.gil_after), said)
    asked = _fact(facts.python_gil, said)
    yield (
        "GIL",
        _listed(
            say("{state} before the import", state=before) if before else "",
            say("{state} after it", state=after) if after else "",
            say("asked for with {variable}", variable=f"PYTHON_GIL={asked}") if asked else "",
        ),
    )
    yield say("Wheel"), _fact(facts.wheel, said)


def _listed(*parts: str, sign: str = ", ") -> str:
    return sign.join(filter(None, parts))


def _fact(fact: Fact | None, said: list[str], names: Mapping[str, str] | None = None) -> str:
    """Say a fact, with its evidence unless that was `said`, or says it letter for letter."""
    if fact is None:
        return ""
    value = escape(spoken((names or {}).get(fact.value, fact.value)), 60)
    word = rf"(?<![a-z0-9]){re.escape(_alike(fact.value))}(?![a-z0-9])"
    plain = re.search(word, _alike(fact.evidence))
    if plain or not clean(fact.evidence, 60) or repeats(fact.evidence, said):
        return value
    said.append(fact.evidence)
    return f"{value} ({code(fact.evidence, 60)})"


def _alike(text: str) -> str:
    return re.sub(r"[-_.]", "-", text[:1000].casefold())


# What people wrote


def _hidden() -> Iterator[ui.TextDisplay[Any] | None]:
    button = f"**{say('Full text')}**"
    yield _text(
        "-# " + say("What was written is behind {button}, for each triager alone.", button=button)
    )


def _written(report: Report, room: int) -> Iterator[str]:
    """Quote the last answer, the story and the logs; together no longer than `room`.

    Each is a text of its own, or else what comes after a quotation might count among it.
    """
    submission = report.submission
    answer = next((step for step in reversed(report.steps) if step.action is Action.ANSWER), None)
    logs = report.reading.excerpt or submission.logs
    quotations = [(f"**{say('What happened')}**", submission.story)]
    if answer is not None:
        quotations.insert(0, (f"💬 **{say('Answer')}** {timestamp(answer.at, 'R')}", answer.note))
    sharing = len(quotations) + bool(logs)
    for before, (heading, text) in enumerate(quotations):
        share = room // (sharing - before) - len(heading) - 2
        if shown := _quotation(text, share):
            yield f"{heading}\n{shown}"
            room -= len(heading) + len(shown) + 2
    yield _block(logs, room - 2)


def _quotation(text: str, room: int) -> str:
    """Return `text` as a quotation of at most `room` characters."""
    return "\n".join(f"> {line}" for line in _lines(text, room, _escaped, beside=2))


def _block(text: str, room: int) -> str:
    """Return `text` in a code block, together at most `room` characters; "" for no text."""
    lines = _lines(text, room - len("```\n\n```"), _unescaped)
    return "\n".join(("```", *lines, "```")) if lines else ""


def _lines(text: str, room: int, show: Callable[[str, int], str], *, beside: int = 0) -> list[str]:
    """Show as many lines of `text` as fit into `room` characters, and a "…" for the others.

    `show` makes at most so many characters of a line; `beside` is what each one takes besides.
    """
    kept: list[str] = []
    room -= beside + len("…")
    for line in text[: 4 * max(room, 0)].splitlines():
        if room <= beside + 10:
            return [*kept, "…"]
        if shown := show(line, room - beside - 1):
            kept.append(shown)
            room -= beside + len(shown) + 1
    return kept


def _escaped(text: str, room: int) -> str:
    """Escape as much of `text` as fits into `room` characters."""
    visible = room
    while visible > 0 and (over := len(shown := escape(text, visible)) - room) > 0:
        visible -= (over + 1) // 2  # a visible character takes two of them at most
    return shown if visible > 0 else ""


def _unescaped(text: str, room: int) -> str:
    """Return a line for a code block, which it cannot end, cut to `room` characters."""
    indent = min(len(text) - len(text.lstrip()), 8)
    line = " " * indent + clean(text, max(room - indent, 1))
    return line.replace("``", "`\u200b`").replace("@", "@\u200b")[:room].rstrip()


# What to think of


def _advice(report: Report) -> Iterator[str]:
    if report.state not in _UNSETTLED:
        return
    if gaps := [escape(spoken(gap), 80) for gap in report.reading.gaps[:6]]:
        yield f"❓ **{say('Missing:')}** {'; '.join(gaps)}"
    yield from hinted(report.hints[:3], 230)
    if report.address is not None:
        yield _place(report.address)


def _place(address: "Address") -> str:
    """Say where it belongs and why, and what that means for filing it."""
    where = (
        code(address.repository, 100) if address.repository else say("a tracker that is not known")
    )
    why = f": {escape(spoken(address.why), 100)}" if address.why else ""
    issue = _link(say("its issue on free threading"), address.issue) if address.issue else ""
    told = f"📍 **{say('Belongs to')}** {where}{why}" + (f" · {issue}" if issue else "")
    if address.may_file:
        return told
    by_hand = say("ftbot may not file there: its reporter can, by a filled-in form.")
    return f"{told}\n-# {by_hand}"


def _likely(report: Report) -> Iterator[str]:
    likely = report.likely if report.state in _UNSETTLED else ()
    if likely:
        yield f"🔎 **{say('Perhaps the same:')}**"
    for each in likely[:_MOST_LIKELY]:
        reasons = f": {escape('; '.join(map(spoken, each.reasons)), 80)}" if each.reasons else ""
        state = f" ({issue_state(each.state)})" if each.state != "open" else ""
        yield f"- {_link(_named(each), each.url)}{state} {escape(each.title, 60)}{reasons}"


def _named(likely: Likely) -> str:
    """Name it as people do: `report #12`, `owner/name#34`."""
    kind, _, name = likely.key.partition(":")
    return say("report #{report}", report=name) if kind == "report" else name


def _history(steps: Sequence[Step], *, notes: bool) -> Iterator[str]:
    """Tell the last steps, newest first; nothing before there was one by a triager."""
    if len(steps) < 2:
        return
    answered = False
    for step in reversed(steps[-_STEPS:]):
        # The newest answer is quoted at length elsewhere, and the issue is named above.
        quoted = step.action is Action.ANSWER and not answered
        answered = answered or quoted
        told = quoted or step.action is Action.FILED
        note = f": {escape(remark(step.note), 100)}" if notes and step.note and not told else ""
        yield f"-# {timestamp(step.at, 'R')} {_DONE[step.action].say(who=_who(step.actor))}{note}"


def _who(actor: Actor) -> str:
    return "ftbot" if actor == FTBOT else f"**{escape(spoken(actor.name), 40) or actor.id}**"


def remark(note: str) -> str:
    """Say a note: why ftbot could not, or what somebody wrote below a usual reason."""
    usual = {str(each): each for each in REASONS}
    return "\n".join(spoken(usual.get(line, line)) for line in spoken(note).split("\n"))


# What can be pressed


_STYLES = discord.ButtonStyle
_FILE = phrase("File on {place}", place="GitHub")
_ACTIONS = {
    Action.FILE: (_FILE, _STYLES.primary),
    Action.HAND_OVER: (phrase("Hand over"), _STYLES.secondary),
    Action.LINK: (phrase("Link …"), _STYLES.secondary),
    Action.ASK: (phrase("Ask …"), _STYLES.secondary),
    Action.REJECT: (phrase("Reject …"), _STYLES.secondary),
    Action.REOPEN: (phrase("Reopen"), _STYLES.secondary),
    Action.SECURITY: (phrase("Security"), _STYLES.danger),
}
"""What triagers do, in the order of its buttons."""
_IN_A_ROW = 5


def _offered(report: Report) -> Iterator[Action]:
    for action in _ACTIONS:
        # Where a report belongs may still be unknown: then filing it will tell.
        barred = action is Action.FILE and report.address and not report.address.may_file
        if (report.state, action) in TRANSITIONS and not barred:
            yield action


def _rows(report: Report) -> Iterator[ui.ActionRow[Any]]:
    buttons = [_action(report, action) for action in _offered(report)]
    if report.reporter is not None and report.state in (*WAITING, State.REJECTED):
        buttons.append(_button(say("Block reporter"), custom_ids.TRIAGE_BLOCK, str(report.id)))
    buttons.append(_button(say("Full text"), custom_ids.TRIAGE_TEXT, str(report.id)))
    for first in range(0, len(buttons), _IN_A_ROW):
        yield ui.ActionRow(*buttons[first : first + _IN_A_ROW])


def _action(report: Report, action: Action) -> ui.Button[Any]:
    label, style = _ACTIONS[action]
    place = report.address and report.address.repository
    if action is Action.FILE and place:
        label = phrase("File on {place}", place=clean(place, 60))
    if action is Action.HAND_OVER and Action.FILE not in _offered(report):
        style = _STYLES.primary
    return _button(spoken(label), custom_ids.TRIAGE, action, str(report.id), style=style)


def _button(
    label: str, kind: str, *fields: str, style: discord.ButtonStyle = _STYLES.secondary
) -> ui.Button[Any]:
    custom_id = custom_ids.build(kind, *fields)
    return ui.Button(label=clean(label, _LABEL), style=style, custom_id=custom_id)


def _likely_select(report: Report) -> ui.ActionRow[Any] | None:
    """Return the select that links a report to what is likely the same, by one click."""
    if report.state not in WAITING:
        return None
    select: ui.Select[Any] = ui.Select(
        custom_id=custom_ids.build(custom_ids.TRIAGE_LIKELY, str(report.id)) or "",
        placeholder=clean(say("Link to what is perhaps the same …"), _OPTION),
    )
    for key, each in {each.key: each for each in report.likely[:_MOST_LIKELY]}.items():
        if key and clean(key, _OPTION) == key:
            label = clean(f"{_named(each)} {each.title}", _OPTION)
            why = clean("; ".join(map(spoken, each.reasons)), _OPTION)
            select.add_option(label=label, value=key, description=why or None)
    return ui.ActionRow(select) if select.options else None


def _links(report: Report, site: str) -> ui.ActionRow[Any] | None:
    project = clean(report.project or "", 200)
    return _link_row(
        (say("View on GitHub"), report.issue.url if report.issue else None),
        (say("Message"), report.submission.message),
        (
            say("Project page"),
            f"{site}/project/{quote(project, safe='')}/" if project and site else None,
        ),
    )


def _link_row(*links: tuple[str, str | None]) -> ui.ActionRow[Any] | None:
    row: ui.ActionRow[Any] = ui.ActionRow()
    for label, url in links:
        if address := web_address(url):
            row.add_item(ui.Button(label=clean(label, _LABEL), url=address, style=_STYLES.link))
    return row if row.children else None


def full_text(report: Report) -> str:
    """Return as plain text what people wrote in a report, besides its logs."""
    wrote = report.submission
    told = (
        (say("Project"), wrote.project),
        (say("Interpreter and platform"), wrote.environment),
        (say("What happened"), wrote.story),
        (say("History"), "\n".join(map(_plain_step, report.steps))),
    )
    parts = [say("Report #{report}: {title}", report=report.id, title=report.title)]
    return "\n\n".join(parts + [f"== {name} ==\n{text}" for name, text in told if text])


def _plain_step(step: Step) -> str:
    note = f": {remark(step.note)}" if step.note else ""
    told = _DONE[step.action].say(who=spoken(step.actor.name))
    return f"{step.at:%Y-%m-%d %H:%M} UTC, {told}{note}"


# What reporters hear


def question(report: Report, note: str) -> Card:
    """Return what triagers ask a report's reporter, with a button to answer."""
    if report.state is State.SECURITY:  # became one before this was sent, perhaps to a channel
        return _nothing_told(report)
    asked = say("A question about your report #{report}", report=report.id)
    head = _text(f"## {asked}", f"**{escape(report.title, 120)}**")
    foot = _text("-# " + say("The answer goes to those who decide on reports where you made it."))
    button = _button(
        say("Answer"), custom_ids.REPORT_ANSWER, str(report.id), style=discord.ButtonStyle.primary
    )
    return Card(head, _text(_quotation(note, _NOTE)), foot, ui.ActionRow(button), colour=BLUE)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a report, in words; `quoting` introduces what somebody wrote about it."""

    emoji: str
    words: Phrase
    colour: int
    more: str = ""
    quoting: str = ""


_FOLLOWED = phrase("ftbot tells you when it is closed.")
_OVER = phrase("That issue is closed already; ftbot tells you if it is reopened.")
_OUTCOMES = {
    "filed": _Outcome("✅", phrase("It is an issue on GitHub now."), GREEN, _FOLLOWED),
    "linked": _Outcome(
        "🔗", phrase("It belongs to an issue that was there already."), GREEN, _FOLLOWED
    ),
    "joined": _Outcome(
        "🧷",
        phrase("Somebody reported the same before."),
        GREEN,
        phrase("You hear of what becomes of that report."),
    ),
    "handed": _Outcome(
        "📮",
        phrase("It belongs to a tracker where ftbot may not file."),
        BLUE,
        phrase(
            "GitHub's form is filled in for you: look it through, then send it from your own"
            " account."
        ),
    ),
    "rejected": _Outcome(
        "🚫",
        phrase("It was not taken up."),
        GREY,
        phrase(
            "Thank you all the same. Was something misunderstood? Then report it again, and say"
            " what."
        ),
        phrase("The triagers say:"),
    ),
    "closed": _Outcome("🏁", phrase("Its issue was closed."), PURPLE),
    "reopened": _Outcome("🔄", phrase("Its issue was reopened."), AMBER, _FOLLOWED),
    "gone": _Outcome(
        "🕳️",
        phrase("Its issue is gone from GitHub: deleted, or moved to where ftbot cannot look."),
        GREY,
    ),
    "comment": _Outcome(
        "💬",
        phrase("A maintainer commented on its issue."),
        BLUE,
        "",
        phrase("They write:"),
    ),
}
_REASONS = {
    "completed": phrase("It is done."),
    "not_planned": phrase("It is not planned."),
    "duplicate": phrase("It is a duplicate of another issue."),
}


def outcome(report: Report, key: str, note: str) -> Card:
    """Return what became of a report, for its reporter and for those who have the same.

    `key` begins with the word for it, see `PostStore.tell`; `note` is what somebody wrote about it,
    and for `handed` the address of the form. Raises KeyError for a word that has no meaning.
    """
    kind = key.partition(":")[0]
    told = _OUTCOMES[kind]
    if report.state is State.SECURITY:  # became one before this was sent
        return _nothing_told(report)
    issue, quoted = report.issue, _quotation(remark(note), _NOTE) if told.quoting else ""
    over = issue is not None and issue.state == "closed" and kind in {"closed", "linked"}
    head = _text(
        f"## {escape(report.title, 120) or say('A report')}",
        f"**{told.emoji} {spoken(told.words)}**",
        _named_issue(issue, report.title) if issue else "",
        spoken(_REASONS.get(issue.reason or "", "")) if issue and over else "",
        spoken(told.quoting) if quoted else "",
    )
    foot = "-# " + say(
        "Report #{report}. You made it, or said that you have the same.", report=report.id
    )
    return Card(
        head,
        _text(quoted),
        _text(spoken(_OVER if kind == "linked" and over else told.more), foot),
        _form_row(report, note) if kind == "handed" else None,
        _link_row((say("View on GitHub"), issue.url if issue else None)),
        colour=told.colour,
    )


def _nothing_told(report: Report) -> Card:
    text = say("Report #{report} is with the triagers again.", report=report.id)
    return Card(_text(text), colour=GREY)


def _named_issue(issue: Issue, title: str) -> str:
    """Return an issue's name, and its title unless that says the same as the report's `title`."""
    other = "" if issue.title == title else escape(issue.title, 120)
    return f"{_link(_name(issue), issue.url)} {other}".rstrip()


def _form_row(report: Report, address: str) -> ui.ActionRow[Any]:
    """Return what leads to GitHub's form, or shows its address if that is too long for a button."""
    label = say("Open the filled-in form")
    step = (custom_ids.REPORT_STEP, FORM, str(report.id), "")
    return _link_row((label, address)) or ui.ActionRow(_button(label, *step))
