"""A report as an issue that a maintainer can act on.

What a maintainer asks first stands first: what it is, where it was seen, how to see it again. All
that people wrote goes through `bot.reports.issue.defang`, a part at a time, and each part is cut
before that, so that nothing is ever cut in the middle of a fence.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_plus

from bot.reports.issue.defang import cell, fence, plain, prose
from bot.reports.model import (
    BUILDS,
    DECLARED,
    SYSTEMS,
    Fact,
    Facts,
    Hint,
    Kind,
    Likely,
    Reading,
    Report,
)
from bot.xray.model import CAVEATS

MAX_TITLE: Final = 200
"""Characters; GitHub takes 256."""
MAX_BODY: Final = 60_000
"""Bytes of UTF-8; GitHub refuses more than 65,536 characters, whichever way it counts them."""
MAX_FORM: Final = 3_500
"""Characters of a form's address: what a message on Discord has room for; GitHub takes 8,000."""
MAX_BUTTON: Final = 512
"""Characters of a link button's address on Discord."""

_GAPS: Final = 12
_GAP: Final = 100
_HINTS: Final = 3
_HINT: Final = 300
_EVIDENCE: Final = 5
_EVIDENT: Final = 150
_RELATED: Final = 5
_SHORT: Final = 200
"""Characters of an environment that is a row of the table, and no part of its own."""
_OPEN_LINES: Final = 40
"""A log that is longer is folded away."""

_LEADS: Final = {
    Kind.NO_WHEEL: "{what} has no wheel for {where}.",
    Kind.BUILD_FAILURE: "{what} cannot be built for {where}.",
    Kind.GIL_REENABLED: "Importing {module} turns the GIL back on, seen on {where}.",
    Kind.CRASH: "The interpreter crashes in {what}, seen on {where}.",
    Kind.DATA_RACE: "There is a data race in {what}, seen on {where}.",
    Kind.DEADLOCK: "{what} hangs on {where}.",
    Kind.WRONG_RESULT: "{what} gives wrong results on {where}.",
    Kind.PERFORMANCE: "{what} is slower than it should be on {where}.",
    Kind.SUPPORT_REQUEST: "This asks for support of {where} in {what}.",
    Kind.DOCS: "This is about the documentation of {what}.",
    Kind.NOT_FREE_THREADING: "{what} fails, though perhaps not because of free threading.",
    Kind.NEEDS_INFO: "Something is wrong with {what} on {where}.",
}
_SHORTEST_LOG: Final = 300
"""Bytes; where there is less room, a log is left out."""
_LIKELY_KEY: Final = re.compile(r"issue:([\w.-]{1,100}/[\w.-]{1,100})#([0-9]{1,10})", re.ASCII)
_OPENING: Final = re.compile("(`{3,})[a-z]+")


@dataclass(frozen=True, slots=True)
class IssueText:
    """An issue as it is posted: plain title, body in GitHub's Markdown with the hidden marker.

    `form` is the body for somebody who posts it under their own name, and `brief` the shortest one
    that still says something; neither has a marker.
    """

    title: str
    body: str
    labels: tuple[str, ...] = ()
    form: str = ""
    brief: str = ""


@dataclass(frozen=True, slots=True)
class _Room:
    """How many bytes a body may have, and its parts that people wrote; the log gets what is left.

    What else there is has at most 33,000 bytes, however it is escaped.
    """

    body: int
    story: int
    environment: int
    evidence: int


_ISSUE: Final = _Room(MAX_BODY, story=16_000, environment=3_000, evidence=3_000)
_FORM: Final = _Room(2_600, story=1_200, environment=300, evidence=300)


def compose(
    report: Report, marker: str, *, repository: str | None = None, labels: Sequence[str] = ()
) -> IssueText:
    """Return the issue that a report becomes, less than `MAX_BODY` bytes with its marker.

    Issues of `repository`, where it goes, are linked to; others are named without a link, since a
    link would leave a trace on them for ever. Usual reports take some milliseconds, texts made to
    be slow up to a quarter of a second: call it off the event loop.
    """
    end = f"{_origin(report)}\n\n{marker}"
    facts = (f"{name}: {value}" for name, value in _rows(report))
    return IssueText(
        title=title(report),
        body="\n\n".join((*_parts(report, repository, _ISSUE, reserved=_size(end)), end)),
        labels=tuple(labels),
        form="\n\n".join(_parts(report, repository, _FORM)),
        brief="\n".join((_lead(report.reading), *facts)),
    )


def title(report: Report) -> str:
    """Return the issue's title: the project, and what is wrong with it."""
    name, project = report.title.strip() or "a problem with free threading", report.project
    if project and not _normalised(name).startswith(_normalised(project)):
        name = f"{project}: {name}"
    return plain(name, MAX_TITLE) or "A problem with free threading"


def form_address(
    repository: str, text: IssueText, site: str = "https://github.com", limit: int = MAX_FORM
) -> str:
    """Return the address of a repository's form for a new issue, filled in, without the marker.

    It has at most `limit` characters: with `MAX_BUTTON` the body shrinks to what matters most.
    """
    start = f"{site.rstrip('/')}/{repository}/issues/new?title="
    name = _cut(text.title, (limit - len(start)) * 2 // 3)
    address = f"{start}{_quoted(name)}"
    room = limit - len(address) - len("&body=")
    body = text.brief if limit <= MAX_BUTTON else text.form
    shown = _quoted(_shortened(body, room))
    return f"{address}&body={shown}" if shown else address


def _parts(report: Report, repository: str | None, room: _Room, *, reserved: int = 0) -> list[str]:
    before = (_lead(report.reading), _table(report), *_told(report, room))
    hints = report.hints[:_HINTS]
    after = (
        _list("What the index says", (cell(each.text, _HINT) for each in hints if not _read(each))),
        next((_declared(each) for each in hints if _read(each)), ""),
        _list("Not stated", (cell(gap, _GAP) for gap in report.reading.gaps[:_GAPS])),
        _list("Possibly related", _links(report.likely[:_RELATED], repository)),
    )
    used = reserved + sum(_size(part) + 2 for part in (*before, *after))
    return [part for part in (*before, _log(report, room.body - used), *after) if part]


def _lead(reading: Reading) -> str:
    facts = reading.facts
    what = cell(facts.project.value) if facts.project else "an unnamed project"
    if facts.project and facts.version:
        what = f"{what} {cell(facts.version.value, 60)}"
    modules = reading.signature.modules
    module = f"{cell(modules[0])} ({what})" if modules else what
    lead = _LEADS[reading.kind].format(what=what, where=_where(facts), module=module)
    return lead if facts.project else lead[0].upper() + lead[1:]


def _where(facts: Facts) -> str:
    """Name the interpreter and the platform, as far as they are known."""
    python = f"CPython {cell(facts.python.value, 60)}" if facts.python else "free-threaded CPython"
    return f"{python} ({platform})" if (platform := _platform(facts)) else python


def _platform(facts: Facts) -> str:
    parts = [fact.value for fact in (facts.os, facts.architecture) if fact]
    return ", ".join(cell(SYSTEMS.get(part, part), 60) for part in parts)


def _table(report: Report) -> str:
    lines = [f"| {name} | {value} |" for name, value in _rows(report)]
    return "\n".join(("| Fact | Value |", "|---|---|", *lines)) if lines else ""


def _rows(report: Report) -> list[tuple[str, str]]:
    facts = report.reading.facts

    def value(fact: Fact | None) -> str:
        return cell(fact.value) if fact else ""

    python = value(facts.python)
    build = cell(BUILDS.get(facts.build.value, facts.build.value)) if facts.build else ""
    stated = report.submission.environment.strip()
    rows = (
        ("Project", f"{value(facts.project)} {value(facts.version)}".strip()),
        ("Wheel", value(facts.wheel)),
        ("Python", f"{python} ({build})" if python and build else python or build),
        ("Platform", _platform(facts)),
        ("Installed with", value(facts.installer)),
        ("GIL before the import", value(facts.gil_before)),
        ("GIL after the import", value(facts.gil_after)),
        ("`PYTHON_GIL` or `-X gil`", value(facts.python_gil)),
        ("As stated", cell(stated) if _is_short(stated) else ""),
    )
    return [(name, value) for name, value in rows if value]


def _is_short(text: str) -> bool:
    return len(text) <= _SHORT and "\n" not in text


def _told(report: Report, room: _Room) -> Iterator[str]:
    """Give what the member wrote, and the evidence that is not in it anyway."""
    submission, reading = report.submission, report.reading
    if submission.story.strip():
        yield f"### What happened\n\n{_fitted(submission.story, room.story, prose)}"
    environment = submission.environment.strip()
    if environment and not _is_short(environment):
        yield f"### Environment\n\n{_fitted(environment, room.environment)}"
    seen = f"{submission.story}\n{environment}\n{reading.excerpt}"
    missing = "\n".join(piece for piece in reading.evidence if piece not in seen)
    if missing.strip():
        yield f"### Evidence\n\n{_fitted(missing, room.evidence)}"


def _log(report: Report, room: int) -> str:
    """Return the telling part of the logs in at most `room` bytes, unless it was told already."""
    excerpt = report.reading.excerpt.strip("\n") or report.submission.logs.strip("\n")
    if not excerpt.strip() or excerpt.strip() in report.submission.story:
        return ""
    heading = "### Log"
    if len(report.submission.logs.strip("\n")) > len(excerpt):
        name = cell(report.submission.log_name or "the log")
        heading += f"\n\nThis is the telling part of {name}; the Discord server has the rest."
    room -= _size(heading) + len(
        "<details><summary>99,999 lines</summary></details>\n\n\n\n\n\n\n\n"
    )
    if room < _SHORTEST_LOG:
        return ""
    shown = _fitted(excerpt, room)
    lines = shown.count("\n") - 1
    if lines > _OPEN_LINES:
        shown = f"<details><summary>{lines:,} lines</summary>\n\n{shown}\n\n</details>"
    return f"{heading}\n\n{shown}"


def _links(likely: Iterable[Likely], repository: str | None) -> list[str]:
    return [link for each in likely if (link := _link(each, repository))]


def _link(likely: Likely, repository: str | None) -> str:
    """Return a line about an issue: alive if it is of the same repository, and else as code."""
    found = _LIKELY_KEY.fullmatch(likely.key)
    if not found:
        return ""  # a report of ours that nobody else can see
    name = cell(likely.title, 150)
    closed = "" if likely.state == "open" else f" ({cell(likely.state, 20)})"
    if repository and found[1].lower() == repository.lower():
        return f"#{int(found[2])} {name}{closed}"
    return f"`{found[1]}#{found[2]}` {name}{closed}"


def _list(heading: str, items: Iterable[str]) -> str:
    lines = [f"- {item}" for item in items]
    return "\n".join((f"### {heading}\n", *lines)) if lines else ""


def _read(hint: Hint) -> bool:
    """Tell whether a hint is what was read of a wheel."""
    return hint.code.startswith(DECLARED)


def _declared(hint: Hint) -> str:
    """Give what was read of a wheel with what it rests on, and what it does not mean."""
    told = _list("What the wheel declares", [cell(hint.text, _HINT)])
    cells = [cell(each, _EVIDENT) for each in hint.evidence[:_EVIDENCE]]
    lines = [f"  - {each}" for each in cells if each]  # an empty item would make a heading
    return "\n".join((told, *lines, "", " ".join(CAVEATS[:2])))


def _origin(report: Report) -> str:
    name = cell(report.reporter.name, 60) if report.credit and report.reporter else ""
    who = f"{name}, a member of the Discord server," if name else "a member of the Discord server"
    also = f" {_members(report.same)} the same problem." if report.same else ""
    return f"---\n\nReported by {who} by way of ftbot.{also}"


def _members(count: int) -> str:
    return "Another member has" if count == 1 else f"{count:,} other members have"


def _fitted(text: str, room: int, render: Callable[[str], str] = fence) -> str:
    """Return text rendered in at most `room` bytes, its middle left out if need be.

    The beginning of a report or of a stack tells most, and then its end.
    """
    kept = room
    while True:
        made = render(_without_middle(text, kept))
        if _size(made) <= room or kept < 1:
            return made
        # Markup adds a share of the text, so a few rounds are enough; each is shorter.
        kept = min(kept - 1, kept * room // _size(made))


def _without_middle(text: str, kept: int) -> str:
    """Return text of at most about `kept` characters, cut at line ends where there are any near."""
    if len(text) <= kept:
        return text
    head, tail = text[: kept * 2 // 3], text[len(text) - kept // 3 :]
    head = head[: head.rfind("\n", len(head) // 2) + 1] or head
    tail = tail[tail.find("\n", 0, len(tail) // 2) + 1 :]
    left_out = len(text) - len(head) - len(tail)
    return f"{head.rstrip()}\n[ftbot left out {left_out:,} characters here]\n{tail}"


def _shortened(body: str, room: int) -> str:
    """Return the first lines of a body of ours, in at most `room` characters once quoted.

    What is open there, a fence or a fold, is closed.
    """
    if len(_quoted(body)) <= room:
        return body
    lines: list[str] = []
    open_ends: list[str] = []
    used = 0
    for line in body.split("\n"):
        ends = _ends(line, open_ends)
        used += len(_quoted(f"{line}\n"))
        if used + len(_quoted(_ended([], ends))) > room:
            break
        lines.append(line)
        open_ends = ends
    return _ended(lines, open_ends) if lines else ""


def _ends(line: str, open_ends: list[str]) -> list[str]:
    """Return what will close the fences and folds that are open after a line, the inmost first."""
    if open_ends and line == open_ends[0]:
        return open_ends[1:]
    if open_ends and open_ends[0].startswith("`"):
        return open_ends
    if opening := _OPENING.fullmatch(line):
        return [opening[1], *open_ends]
    return ["</details>", *open_ends] if line.startswith("<details>") else open_ends


def _ended(lines: Sequence[str], ends: Iterable[str]) -> str:
    return "\n".join((*lines, "[…]", *(f"{end}\n" for end in ends))).rstrip("\n")


def _cut(text: str, room: int) -> str:
    """Return as many whole words of a title as fit into `room` characters once quoted."""
    while text and (len(_quoted(text)) > room or text.count("`") % 2):
        shorter = text[: max(min(len(text) - 1, room), 0)]
        text = shorter[: shorter.rfind(" ")] if " " in shorter else shorter
    return text


def _quoted(text: str) -> str:
    return quote_plus(text, safe="/:,")


def _normalised(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def _size(text: str) -> int:
    return len(text.encode())
