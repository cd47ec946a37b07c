"""The answer of /check as a message: one look says whether, where, since when and which file."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain
from typing import Any

import discord
from discord import ui
from packaging.version import InvalidVersion, Version

from bot.check.model import Answer, Claims
from bot.compat.model import Support, Verdict
from bot.reports.model import Problems
from bot.ui import custom_ids
from bot.ui.card import Card
from bot.ui.errors import suggestions
from bot.ui.platforms import NAMES, places
from bot.ui.reports import briefly
from bot.ui.text import clean, code, escape, fit, timestamp, web_address

GREEN, AMBER, GREY = 0x3BA55D, 0xF0B232, 0x80848E
OVERVIEW = "overview"
"""The value of the details select that shows the overview again."""

# Together below the 4000 characters that Discord gives all text of a message.
_HEAD, _SUPPORT, _CLAIMS, _FOOT = 700, 2000, 800, 400
_SELECT_OPTIONS = 25


@dataclass(frozen=True, slots=True)
class Wording:
    """A verdict in words: `word` in a list of places, `sentence` as the whole answer."""

    emoji: str
    word: str
    sentence: str


WORDING = {
    Verdict.WHEEL: Wording("✅", "wheel", "Installs from a free-threaded wheel."),
    Verdict.ABI3T: Wording("✅", "abi3t wheel", "Installs from a stable-ABI free-threaded wheel."),
    Verdict.PLATFORM: Wording(
        "✅", "wheel for any Python", "Installs from a wheel whose binaries need no certain Python."
    ),
    Verdict.PURE: Wording("✅", "pure Python", "Installs as pure Python."),
    Verdict.PURE_FALLBACK: Wording(
        "☑️", "pure fallback", "Installs as pure Python, while other builds get a compiled wheel."
    ),
    Verdict.OLDER_WHEEL: Wording(
        "🕰️", "wheel of an older release", "An older release has a wheel; the newest is compiled."
    ),
    Verdict.UNMARKED: Wording(
        "❔",
        "wheel without an ABI tag",
        "pip takes a wheel that was most likely built for the GIL.",
    ),
    Verdict.SDIST: Wording("🔧", "compile", "No wheel yet: pip compiles it from source."),
    Verdict.NONE: Wording("⬜", "nothing to install", "Nothing can be installed here yet."),
    Verdict.EXCLUDED: Wording(
        "⬜", "not for this Python", "No release admits this Python (Requires-Python)."
    ),
    Verdict.UNAVAILABLE: Wording("⛔", "withdrawn", "Every release is withdrawn (yanked)."),
}
_ORDER = {verdict: place for place, verdict in enumerate(Verdict)}  # best first
_READY = frozenset({Verdict.WHEEL, Verdict.ABI3T, Verdict.PLATFORM, Verdict.PURE})

_STATUS = {
    "archived": "📦 Archived: its owners don't plan further releases.",
    "quarantined": "⛔ The index has quarantined this project. Don't install it.",
}

Rows = Sequence[Support]


def answer(
    found: Answer,
    problems: Problems | None = None,
    *,
    python: str = "",
    platform: str = "",
    details: str = OVERVIEW,
) -> Card:
    """Return the message for `found`, with the problems that members reported.

    `python` and `platform` are what was asked for ("" is all); they travel in the custom_id of
    the details select. `details` is the chosen option of that select: an interpreter, or OVERVIEW.
    """
    key = found.project, python, platform, details
    known, reported, card = _shown.get(key, (None, None, None))
    if card is None or known != found or reported != problems:
        card = _card(found, problems, python, platform, details)
        if len(_shown) >= _MOST_SHOWN:
            _shown.clear()
        _shown[key] = found, problems, card
    return card


# What is asked for again and again is shown again: for an equal answer, an equal card. Unlike an
# lru_cache this takes no hash of the whole answer, which would cost more than all the rest.
_shown: dict[tuple[str, str, str, str], tuple[Answer, Problems | None, Card]] = {}
_MOST_SHOWN = 64


def _card(
    found: Answer, problems: Problems | None, python: str, platform: str, details: str
) -> Card:
    blocks = _support(found, details)
    reported = briefly(problems)
    room = _SUPPORT - sum(map(len, reported)) - len(reported)
    about = [*reported, fit(_claims(found.claims), _CLAIMS), fit(_foot(found), _FOOT)]
    return Card(
        ui.TextDisplay(fit(_head(found), _HEAD)),
        *chain.from_iterable(
            (_gap(), ui.TextDisplay[Any](fit(block, room // len(blocks)))) for block in blocks
        ),
        ui.Separator(),
        ui.TextDisplay("\n".join(about)),
        _details_select(found, python, platform, details),
        suggestions(found.imported_from, "Check {}"),
        _links(found),
        colour=_colour(found),
    )


def _gap() -> ui.Separator[Any]:
    return ui.Separator(visible=False)


def _colour(found: Answer) -> int:
    if found.status == "quarantined":
        return GREY
    ready = [row.verdict in _READY for row in found.support]
    if all(ready):
        return GREEN
    return AMBER if any(ready) else GREY


def _head(found: Answer) -> list[str]:
    version = f" {escape(found.latest.version, 40)}" if found.latest else ""
    lines = [f"## {escape(found.name, 80)}{version}"]
    if found.status in _STATUS:
        lines.append(f"**{_STATUS[found.status]}**")
    if found.status != "quarantined":
        lines.append(f"**{headline(found.support)}**")
    released = timestamp(found.latest.uploaded) if found.latest else ""
    facts = [
        f"released {released}" if released else "",
        f"rank {found.rank} by downloads" if found.rank else "",
    ]
    if any(facts):
        lines.append("-# " + " · ".join(filter(None, facts)))
    if found.imported_from:
        names = ", ".join(f"**{escape(name, 60)}**" for name in found.imported_from[:3])
        lines.append(f"💡 {code(found.project, 60)} is also what {names} is imported as.")
    return lines


def headline(support: Rows) -> str:
    """Say the whole answer in one sentence."""
    if not support:
        return "Nothing was asked for."
    verdicts = {row.verdict for row in support}
    if len(verdicts) == 1:
        return WORDING[verdicts.pop()].sentence
    by_python = _by(support, lambda row: row.target.python)
    ready = [
        python for python, rows in by_python.items() if all(row.verdict in _READY for row in rows)
    ]
    if len(ready) == len(by_python):
        return "Installs without compiling everywhere."
    if ready:
        return f"Installs without compiling on {_listed(ready)}."
    if verdicts & _READY:
        return "Installs without compiling on some platforms."
    return WORDING[min(verdicts, key=_ORDER.__getitem__)].sentence


def _support(found: Answer, details: str) -> list[list[str]]:
    """Return the lines about what installs, in blocks with a little space between them."""
    rows = [row for row in found.support if row.target.python == details]
    if rows:
        return [[f"### {escape(details, 20)}, per platform", *_per_platform(rows, found.status)]]
    by_python = _by(found.support, lambda row: row.target.python)
    heads = [_where(python, rows) for python, rows in by_python.items()]
    evidence = [_evidence(found, rows) for rows in by_python.values()]
    if all(len(head) == 1 for head in heads) and len(set(evidence)) == 1:
        return [[*(line for (line,) in heads), *evidence[0]]]
    return [[*head, *below] for head, below in zip(heads, evidence, strict=True)]


def _where(python: str, rows: Rows) -> list[str]:
    """Say the verdicts of one interpreter: one if all platforms agree, else who has which."""
    name = f"**{escape(python, 20)}**"
    groups = _by(rows, _label)
    asked = {row.target.platform for row in rows}
    if len(groups) == 1:
        return [f"{name} {next(iter(groups))}{_reach(asked)}"]
    best_first = sorted(groups.items(), key=lambda item: _ORDER[item[1][0].verdict])
    return [name, *(f"{word}: {_places(group, asked)}" for word, group in best_first)]


def _reach(asked: AbstractSet[str]) -> str:
    """Say where an answer holds, if it was asked by a platform's name."""
    if asked == NAMES.keys():
        return ", everywhere"
    return f" on {places(asked, asked)}" if asked <= NAMES.keys() else ""


def _places(rows: Rows, asked: AbstractSet[str]) -> str:
    return places({row.target.platform for row in rows}, asked)


def _label(row: Support) -> str:
    wording = WORDING[row.verdict]
    if row.verdict is Verdict.OLDER_WHEEL and row.newest_wheel:
        return f"{wording.emoji} wheel of {escape(row.newest_wheel.version, 40)}"
    return f"{wording.emoji} {wording.word}"


def _evidence(found: Answer, rows: Rows) -> tuple[str, ...]:
    """Say what pip takes, the newest wheel if that is another, and since when; as small text."""
    quarantined = found.status == "quarantined"
    parts = [] if quarantined else [_takes(rows)]
    taken = {row.installs.version for row in rows if row.installs}
    # Those of older releases are named by their label.
    others = [row.newest_wheel for row in rows if row.verdict is not Verdict.OLDER_WHEEL]
    newest = max((pick.version for pick in others if pick), key=_version, default=None)
    if newest and newest not in taken:
        parts.append(f"newest wheel {escape(newest, 40)}")
    firsts = {row.first_wheel for row in rows if row.first_wheel}
    if first := min(firsts, key=lambda wheel: _version(wheel.version), default=None):
        since = timestamp(first.uploaded)
        parts.append(f"since {escape(first.version, 40)}" + (f", {since}" if since else ""))
    if len(rows) == 1 and rows[0].installs and not quarantined:
        parts.append(code(rows[0].installs.file))
    text = " · ".join(filter(None, parts))
    return (f"-# {text}",) if text else ()


def _takes(rows: Rows) -> str:
    """Say what pip takes where all platforms agree, else only what their verdicts don't tell."""
    acts = {_act(row) for row in rows}
    if len(acts) == 1:
        return acts.pop()
    compiled = [row for row in rows if row.verdict is Verdict.OLDER_WHEEL and _compiles(row)]
    if len({_act(row) for row in compiled}) != 1:
        return ""
    return f"{_act(compiled[0])} on {_places(compiled, {row.target.platform for row in rows})}"


def _act(row: Support) -> str:
    if row.installs is None:
        return ""
    verb = "compiles" if _compiles(row) else "takes the wheel of"
    return f"pip {verb} {escape(row.installs.version, 40)}"


def _compiles(row: Support) -> bool:
    return row.installs is not None and not row.installs.file.endswith(".whl")


def _per_platform(rows: Rows, status: str) -> Iterable[str]:
    """List the platforms of one interpreter with the files for them, equal ones together."""
    asked = {row.target.platform for row in rows}
    for group in _by(rows, lambda row: (row.verdict, row.installs, row.newest_wheel)).values():
        row = group[0]
        where = _places(group, asked)
        yield f"{_label(row)}: **{where}**"
        takes = row.installs if status != "quarantined" else None
        if takes and row.newest_wheel and row.newest_wheel != takes:
            yield f"-# pip {'compiles' if _compiles(row) else 'takes'} {code(takes.file)}"
            yield f"-# newest wheel {code(row.newest_wheel.file)}"
        elif pick := takes or row.newest_wheel:
            yield f"-# {code(pick.file)}"


def _claims(claims: Claims) -> list[str]:
    """Say what people claim, apart from what the files show."""
    said: list[str] = []
    if claims.classifier:
        level = claims.classifier.rpartition("::")[2]
        said.append(f"classifier “{escape(level, 60)}”")
    elif not claims.known:
        said.append("unknown, the metadata could not be read")
    lines = [f"**Maintainers say:** {', '.join(said) or 'nothing about free threading'}"]
    if claims.tracker:
        since = claims.tracker.since
        listed = [
            f"supported since {escape(since, 60)}" if since else "no release with support listed",
            "tested in CI" if claims.tracker.tested_in_ci else "",
        ]
        lines.append(f"**Community table:** {', '.join(filter(None, listed))}")
        lines.extend(f"-# {escape(note, 150)}" for note in claims.tracker.notes[:3])
    lines.append("-# Whether importing it keeps the GIL off is another question.")
    return lines


def _foot(found: Answer) -> list[str]:
    age = timestamp(found.as_of.fetched, "R")
    stale = f"⚠️ The index could not be reached; this was known {age}."
    lines = [stale if found.as_of.stale else f"-# As of {age}."]
    if count := found.unreadable_files:
        lines.append(f"-# {count} file name{'s' if count > 1 else ''} could not be read.")
    return lines


def _details_select(
    found: Answer, python: str, platform: str, details: str
) -> ui.ActionRow[ui.LayoutView] | None:
    """Return the select for files per platform, None where the overview shows all there is."""
    custom_id = custom_ids.build(custom_ids.CHECK_DETAILS, found.project, python, platform)
    pythons = list(dict.fromkeys(row.target.python for row in found.support))
    if custom_id is None or len(found.support) < 2:
        return None
    select: ui.Select[ui.LayoutView] = ui.Select(
        custom_id=custom_id, placeholder="Files per platform …"
    )
    if details in pythons:  # in the overview nothing is chosen, so that the placeholder shows
        select.add_option(label="Overview", value=OVERVIEW)
    for name in pythons[: _SELECT_OPTIONS - 1]:
        label = f"{clean(name, 20)}: files per platform"
        select.add_option(label=label, value=name, default=name == details)
    return ui.ActionRow(select)


def _links(found: Answer) -> ui.ActionRow[ui.LayoutView] | None:
    issue = found.claims.tracker.upstream_issue if found.claims.tracker else None
    row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
    for label, url in (("Project page", found.page), ("Free-threading issue", issue)):
        if address := web_address(url):
            row.add_item(ui.Button(label=label, url=address, style=discord.ButtonStyle.link))
    return row if row.children else None


def _by(rows: Rows, key: Callable[[Support], Any]) -> dict[Any, list[Support]]:
    groups: defaultdict[Any, list[Support]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _listed(names: Sequence[str]) -> str:
    *most, last = (escape(name, 20) for name in names)
    return f"{', '.join(most)} and {last}" if most else last


def _version(text: str) -> tuple[int, Version | str]:
    """Sort versions by PEP 440, and what is none before them."""
    try:
        return 1, Version(text)
    except InvalidVersion:
        return 0, text
