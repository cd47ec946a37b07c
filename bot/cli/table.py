"""Answers as text for people: coloured on a terminal, and the same words in a pipe."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from io import StringIO
from typing import Final

from packaging.version import Version
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.check.document import turned_on
from bot.check.model import Answer, Claims
from bot.compat.model import Pick, Support, Verdict
from bot.compat.targets import PLATFORMS
from bot.logs import escape
from bot.xray.model import CAVEATS, MEANING, Gil, ModuleVerdict

ROOMY: Final = 100
"""Columns of a terminal from which on the overview has room for what is claimed."""
_UNLIMITED: Final = 10_000

_READY, _CAVEAT, _COMPILE, _NOTHING = "✓", "~", "!", "✗"
_SYMBOLS: Final = {
    Verdict.WHEEL: _READY,
    Verdict.ABI3T: _READY,
    Verdict.PLATFORM: _READY,
    Verdict.PURE: _READY,
    Verdict.PURE_FALLBACK: _CAVEAT,
    Verdict.OLDER_WHEEL: _CAVEAT,
    Verdict.UNMARKED: _CAVEAT,
    Verdict.SDIST: _COMPILE,
    Verdict.NONE: _NOTHING,
    Verdict.EXCLUDED: _NOTHING,
    Verdict.UNAVAILABLE: _NOTHING,
}
_STYLES: Final = {_READY: "green", _CAVEAT: "yellow", _COMPILE: "yellow", _NOTHING: "red"}
_LEGEND: Final = {
    _CAVEAT: "with a caveat, or not everywhere",
    _COMPILE: "pip has to compile it",
    _NOTHING: "cannot be installed",
}
_BADNESS: Final = (_READY, _CAVEAT, _COMPILE, _NOTHING)
_ORDER: Final = {verdict: place for place, verdict in enumerate(Verdict)}  # best first

_BINARY: Final = frozenset({Verdict.WHEEL, Verdict.ABI3T, Verdict.PLATFORM, Verdict.OLDER_WHEEL})
"""Where it tells something since when there are wheels."""

_NAMED: Final = 5
"""So many modules are named that turn the GIL on."""

_MEANING: Final = {
    Verdict.ABI3T: "a stable-ABI wheel for free-threaded builds",
    Verdict.PLATFORM: "a wheel whose binaries need no certain Python",
    Verdict.PURE_FALLBACK: "pure Python here, while other builds get a compiled wheel",
    Verdict.OLDER_WHEEL: "the newest release has no wheel here, an older one has",
    Verdict.UNMARKED: "a wheel without an ABI tag, most likely built for the GIL",
    Verdict.SDIST: "pip has to compile it here",
    Verdict.NONE: "nothing can be installed here",
    Verdict.EXCLUDED: "no release admits this Python (Requires-Python)",
    Verdict.UNAVAILABLE: "every release is yanked, or the project is quarantined",
}
_STATUS: Final = {
    "archived": "archived, its owners plan no further releases",
    "quarantined": "quarantined by the index, do not install it",
}

Rows = Sequence[Support]


def text(
    answers: Sequence[Answer],
    now: datetime,
    *,
    columns: int | None = None,
    colour: bool = False,
) -> str:
    """Give one project platform by platform, or several with a line each.

    `columns` is the terminal's width; None is for a pipe, where every fact keeps to its line.
    """
    out = StringIO()
    console = Console(
        file=out,
        width=_UNLIMITED,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    wrapped = columns or _UNLIMITED
    if len(answers) == 1:
        console.print(_title(answers[0]), width=wrapped)
        console.print(_platforms(answers[0]))
        console.print()
        console.print(_facts(answers[0], now), width=wrapped)
    else:
        console.print(_overview(answers, claims=wrapped >= ROOMY))
        for line in _footnotes(answers, now, claims=wrapped < ROOMY):
            console.print(line, width=wrapped)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _overview(answers: Sequence[Answer], *, claims: bool) -> Table:
    table = _table("project", "newest", *_pythons(answers[0]))
    claims = claims and any(_claimed(answer.claims) for answer in answers)
    if claims:
        table.add_column("claimed", no_wrap=True, style="dim")
    for answer in answers:
        newest = answer.latest.version if answer.latest else "none"
        cells = [_summary(answer, rows) for rows in _by_python(answer).values()]
        said = [_claimed(answer.claims)] if claims else []
        table.add_row(escape(answer.name), newest, *cells, *said)
    return table


def _summary(answer: Answer, rows: Rows) -> Text:
    """Say what all platforms have in common, or else the best there is and on how many."""
    best, *others = _groups(rows, _label)
    symbols = {_symbol(answer, row) for row in rows}
    if len(symbols) > 1 and symbols & {_READY, _CAVEAT}:
        symbol = _CAVEAT
    else:
        symbol = max(symbols, key=_BADNESS.index)
    if not others:
        return _cell(symbol, best)
    return _cell(symbol, f"{best} {sum(_label(row) == best for row in rows)}/{len(rows)}")


def _footnotes(answers: Sequence[Answer], now: datetime, *, claims: bool) -> Iterable[Text]:
    notes = [(answer, note) for answer in answers for note in _notes(answer, now, claims=claims)]
    if notes:
        yield Text()
    for answer, note in notes:
        yield Text.assemble((escape(answer.name), "bold"), f": {note}")
    yield Text()
    shown = {char for answer in answers for rows in _by_python(answer).values()
             for char in _summary(answer, rows).plain[:1]}  # fmt: skip
    legend = [f"{symbol} {meaning}" for symbol, meaning in _LEGEND.items() if symbol in shown]
    if legend:
        yield Text("   ".join(legend), style="dim")
    if any(_turns_gil_on(answer, row) for answer in answers for row in answer.support):
        yield Text(CAVEATS[1], style="dim")
    fresh = [answer.as_of.fetched for answer in answers if not answer.as_of.stale]
    if fresh:
        yield Text(f"as of {_age(min(fresh), now)}", style="dim")


def _notes(answer: Answer, now: datetime, *, claims: bool) -> Iterable[str]:
    for pythons, rest in _merged(
        (python, _exceptions(rows)) for python, rows in _by_python(answer).items()
    ):
        yield f"{pythons} {rest}"
    for pythons, declared in _merged(
        (python, _declared(answer, [row for row in rows if _turns_gil_on(answer, row)]))
        for python, rows in _by_python(answer).items()
    ):
        yield f"{pythons} {declared}"
    if claims and (claimed := _claimed(answer.claims)):
        yield f"claimed {claimed}"
    yield from _warnings(answer, now)


def _exceptions(rows: Rows) -> str:
    """Say where it is not as the summary says."""
    (best, places), *others = _groups(rows, _label).items()
    if len(others) == 1 and len(places) < len(rows) / 2:
        return f"{best} on {_listed(places)}, elsewhere {others[0][0]}"
    return "; ".join(f"{label} on {_listed(group)}" for label, group in others)


def _title(answer: Answer) -> Text:
    title = Text.assemble((escape(answer.name), "bold"))
    if answer.latest:
        title.append(f" {answer.latest.version}", style="bold")
        if answer.latest.uploaded:
            title.append(f", released {answer.latest.uploaded[:10]}", style="dim")
    return title


def _platforms(answer: Answer) -> Table:
    """Give a row for each platform, or one for all if they agree."""
    by_python = _by_python(answer)
    table = _table("platform", *by_python)
    names = list(dict.fromkeys(row.target.platform for row in answer.support))
    rows = {
        name: [
            next(row for row in rows if row.target.platform == name) for rows in by_python.values()
        ]
        for name in names
    }
    cells = {
        name: [_cell(_symbol(answer, each), _label(each)) for each in row]
        for name, row in rows.items()
    }
    texts = {tuple(cell.plain for cell in row) for row in cells.values()}
    if len(texts) == 1 and set(PLATFORMS) <= set(names):
        cells = {"all platforms": cells[names[0]]}
    for name, row in cells.items():
        table.add_row(name, *row)
    return table


def _facts(answer: Answer, now: datetime) -> Table:
    """Give what stands below the platforms, a subject and a sentence each."""
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(no_wrap=True, style="bold")
    facts.add_column(overflow="fold")
    add = facts.add_row
    for warning in _warnings(answer, now):
        add("note", warning)
    if answer.status != "quarantined":
        for subject, taken in _takes(answer):
            add(subject, taken)
    for verdict in sorted({row.verdict for row in answer.support}, key=_ORDER.__getitem__):
        if verdict in _MEANING:
            add(str(verdict), _MEANING[verdict])
    add("maintainers say", _said(answer.claims))
    tracker = answer.claims.tracker
    if tracker:
        since = (
            f"since {escape(tracker.since)}" if tracker.since else "no release with support listed"
        )
        add("community says", since + (", tested in CI" if tracker.tested_in_ci else ""))
        for note in tracker.notes:
            add("", escape(note))
        if tracker.upstream_issue:
            add("issue", escape(tracker.upstream_issue))
    add("page", escape(answer.page))
    if not answer.as_of.stale:
        add("as of", _age(answer.as_of.fetched, now))
    return facts


def _takes(answer: Answer) -> Iterable[tuple[str, str]]:
    """Say what pip takes, and what that declares."""
    by_python = _by_python(answer)
    yield from _merged(
        (python, "; ".join(_installs(answer, rows))) for python, rows in by_python.items()
    )
    for pythons, declared in _merged(
        (python, _declared(answer, rows)) for python, rows in by_python.items()
    ):
        yield f"GIL, {pythons}", declared
    if any(map(answer.gil_of, answer.support)):
        yield "", " ".join(CAVEATS)


def _installs(answer: Answer, rows: Rows) -> Iterable[str]:
    """Say what pip takes where that is not the newest release's wheel, and since when there are."""
    in_full = len(rows) == 1
    for taken, group in _groups(rows, lambda row: _taken(answer, row, in_full=in_full)).items():
        if taken:
            where = "" if len(group) == len(rows) else f" on {_listed(group)}"
            yield f"{taken}{where}"
    firsts = [row.first_wheel for row in rows if row.first_wheel and row.verdict in _BINARY]
    if firsts:
        first = min(firsts, key=lambda wheel: (Version(wheel.version), wheel.uploaded or ""))
        date = f" ({first.uploaded[:10]})" if first.uploaded else ""
        yield f"wheels since {first.version}{date}"


def _taken(answer: Answer, row: Support, *, in_full: bool) -> str:
    """Say what pip takes if that is not obvious, or `in_full` with the names of files."""

    def named(pick: Pick) -> str:
        return escape(pick.file if in_full else pick.version)

    installs, wheel = row.installs, row.newest_wheel
    if installs is None:
        return ""
    if not installs.file.endswith(".whl"):
        older = named(wheel) if wheel and in_full else "the older wheel"
        other = f" (with --only-binary :all: it takes {older})" if wheel else ""
        return f"pip compiles {named(installs)}{other}"
    newest = answer.latest.version if answer.latest else None
    obvious = installs.version == newest and row.verdict is not Verdict.UNMARKED
    return "" if obvious and not in_full else f"pip takes {named(installs)}"


def _declared(answer: Answer, rows: Rows) -> str:
    """Say what the wheels declare that pip takes, the worst first, and where if that differs."""
    read = [row for row in rows if answer.gil_of(row)]
    awaited = [row for row in rows if answer.awaits_gil(row)]
    groups = _groups(read, lambda row: _gil_text(gil) if (gil := answer.gil_of(row)) else "")
    worst_first = sorted(groups.items(), key=lambda item: not _turns_gil_on(answer, item[1][0]))
    if awaited:
        worst_first.append((f"not read yet, try ftbot xray {answer.project}", awaited))
    return "; ".join(
        text if len(group) == len(rows) else f"{text} (on {_listed(group)})"
        for text, group in worst_first
    )


def _gil_text(gil: Gil) -> str:
    """Say in a few words what a wheel declares."""
    if gil.reason:
        return f"not known, the wheel could not be read: {escape(gil.reason)}"
    if gil.verdict is ModuleVerdict.RE_ENABLES:
        return escape(turned_on(gil, _NAMED))
    if gil.verdict is ModuleVerdict.KEEPS_OFF:
        if not gil.modules:
            return "keeps the GIL off, it has no modules that could turn it on"
        verb = "declares" if gil.modules == 1 else "declare"
        return f"keeps the GIL off, {gil.modules} of {_modules(gil.modules)} {verb} it"
    return f"{gil.verdict}: {MEANING[gil.verdict]}"


def _modules(count: int) -> str:
    return "1 module" if count == 1 else f"{count} modules"


def _turns_gil_on(answer: Answer, row: Support) -> bool:
    gil = answer.gil_of(row)
    return gil is not None and gil.verdict is ModuleVerdict.RE_ENABLES


def _symbol(answer: Answer, row: Support) -> str:
    symbol = _SYMBOLS[row.verdict]
    return _CAVEAT if symbol == _READY and _turns_gil_on(answer, row) else symbol


def _warnings(answer: Answer, now: datetime) -> Iterable[str]:
    if answer.status != "active":
        yield _STATUS.get(answer.status, escape(answer.status))
    if answer.as_of.stale:
        yield f"the index did not answer, this is as of {_age(answer.as_of.fetched, now)}"
    if answer.imported_from:
        yield f"it is also what {', '.join(answer.imported_from)} is imported as"
    if count := answer.unreadable_files:
        yield f"{count} file name{'s' if count > 1 else ''} could not be read"


def _said(claims: Claims) -> str:
    if not claims.known:
        return "unknown, the metadata could not be read"
    if claims.classifier is None:
        return "nothing about free threading"
    return f"{claims.classifier.rpartition(' :: ')[2]} (classifier)"


def _claimed(claims: Claims) -> str:
    """Say in a few words what `_facts` says in two lines."""
    level = claims.classifier.rpartition(" :: ")[2] if claims.classifier else ""
    since = claims.tracker.since if claims.tracker else None
    return ", ".join(filter(None, [level, f"since {escape(since)}" if since else ""]))


def _label(row: Support) -> str:
    if row.verdict is Verdict.OLDER_WHEEL and row.newest_wheel:
        return f"{row.verdict} {row.newest_wheel.version}"
    return str(row.verdict)


def _cell(symbol: str, label: str) -> Text:
    return Text(f"{symbol} {label}", style=_STYLES[symbol])


def _listed(rows: Rows) -> str:
    return ", ".join(row.target.platform for row in rows)


def _age(moment: datetime, now: datetime) -> str:
    seconds = (now - moment).total_seconds()
    told = "just now"
    for unit, length in (("minute", 60), ("hour", 3_600), ("day", 86_400)):
        if (count := int(seconds // length)) > 0:
            told = f"{count} {unit}{'s' if count > 1 else ''} ago"
    return f"{moment:%Y-%m-%d %H:%M} UTC, {told}"


def _pythons(answer: Answer) -> tuple[str, ...]:
    return tuple(_by_python(answer))


def _by_python(answer: Answer) -> dict[str, list[Support]]:
    groups: dict[str, list[Support]] = {}
    for row in answer.support:
        groups.setdefault(row.target.python, []).append(row)
    return groups


def _groups(rows: Rows, key: Callable[[Support], str]) -> dict[str, list[Support]]:
    """Group rows that have the same key, the best verdict first."""
    groups: dict[str, list[Support]] = {}
    for row in sorted(rows, key=lambda row: _ORDER[row.verdict]):
        groups.setdefault(key(row), []).append(row)
    return groups


def _merged(lines: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Put subjects together of which the same is said; leave out those of which nothing is."""
    subjects: dict[str, list[str]] = {}
    for subject, said in lines:
        if said:
            subjects.setdefault(said, []).append(subject)
    return ((", ".join(who), said) for said, who in subjects.items())


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        table.add_column(header, no_wrap=True)
    return table
