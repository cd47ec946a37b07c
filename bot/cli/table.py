"""Answers as tables for a terminal; without colour they say the same."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.check.model import Answer
from bot.compat.model import Support, Verdict
from bot.logs import escape

_STYLES = {
    Verdict.WHEEL: "green",
    Verdict.ABI3T: "green",
    Verdict.PLATFORM: "green",
    Verdict.PURE: "green",
    Verdict.PURE_FALLBACK: "yellow",
    Verdict.OLDER_WHEEL: "yellow",
    Verdict.UNMARKED: "yellow",
    Verdict.SDIST: "yellow",
    Verdict.NONE: "red",
    Verdict.EXCLUDED: "red",
    Verdict.UNAVAILABLE: "red",
}


def render(answers: Sequence[Answer]) -> RenderableType:
    """One project platform by platform; several with a line each."""
    if len(answers) == 1:
        return Group(*_in_detail(answers[0]))
    return _overview(answers)


def _overview(answers: Sequence[Answer]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("project")
    table.add_column("newest")
    for python in _pythons(answers[0].support):
        table.add_column(python)
    table.add_column("note", style="dim")
    for answer in answers:
        cells = [
            _merged([each for each in answer.support if each.target.python == python])
            for python in _pythons(answer.support)
        ]
        newest = answer.latest.version if answer.latest else "none"
        table.add_row(_safe(answer.name), newest, *cells, "; ".join(_notes(answer)))
    return table


def _in_detail(answer: Answer) -> Iterable[RenderableType]:
    head = Text()
    head.append(escape(answer.name), style="bold")
    if answer.latest:
        head.append(f" {answer.latest.version}")
        if answer.latest.uploaded:
            head.append(f", {answer.latest.uploaded[:10]}", style="dim")
    yield head
    pythons = _pythons(answer.support)
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for python in pythons:
        table.add_column(python)
    for platform in dict.fromkeys(each.target.platform for each in answer.support):
        row = {
            each.target.python: each for each in answer.support if each.target.platform == platform
        }
        table.add_row(platform, *(_cell(row[python]) for python in pythons))
    yield table
    for python in pythons:
        yield from _wheel_lines(python, [x for x in answer.support if x.target.python == python])
    for note in _notes(answer):
        yield Text(note, style="dim")


def _wheel_lines(python: str, rows: Sequence[Support]) -> Iterable[Text]:
    """Say which wheels there are, where the newest release is not all there is to say."""
    found = sorted(
        {(x.first_wheel.version, x.first_wheel.uploaded or "") for x in rows if x.first_wheel}
    )
    if found:
        version, uploaded = min(found, key=lambda first: (first[1], first[0]))
        since = f" ({uploaded[:10]})" if uploaded else ""
        yield Text(f"{python}: wheels since {version}{since}")


def _cell(support: Support) -> Text:
    text = str(support.verdict)
    wheel = support.newest_wheel
    if wheel and support.verdict in (Verdict.OLDER_WHEEL, Verdict.UNMARKED):
        text += f" ({wheel.version})"
    return Text(text, style=_STYLES[support.verdict])


def _merged(rows: Sequence[Support]) -> Text:
    """Say what several platforms have in common, and on how many the rest differs."""
    verdicts = [each.verdict for each in rows]
    distinct = sorted(set(verdicts), key=lambda verdict: list(Verdict).index(verdict))
    if len(distinct) == 1:
        return Text(str(distinct[0]), style=_STYLES[distinct[0]])
    parts = [
        Text(f"{verdict} {verdicts.count(verdict)}/{len(verdicts)}", style=_STYLES[verdict])
        for verdict in distinct
    ]
    return Text(" ").join(parts)


def _notes(answer: Answer) -> Iterable[str]:
    if answer.status != "active":
        yield escape(answer.status)
    if answer.as_of.stale:
        yield f"index not reachable, as of {answer.as_of.fetched:%Y-%m-%d %H:%M} UTC"
    if answer.claims.classifier:
        yield f"maintainers say {answer.claims.classifier.rpartition(' :: ')[2]}"
    tracker = answer.claims.tracker
    if tracker and tracker.since:
        yield f"supported since {tracker.since}, says the tracking table"
    if answer.imported_from:
        yield f"`import {answer.project}` may mean {', '.join(answer.imported_from)}"
    if answer.unreadable_files:
        yield f"{answer.unreadable_files} files with unreadable names"


def _pythons(support: Iterable[Support]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.target.python for each in support))


def _safe(text: str) -> Text:
    return Text(escape(text))
