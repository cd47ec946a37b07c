"""The answer of /check as a message: one look says whether, where, since when and which file."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from gettext import NullTranslations
from itertools import chain
from typing import Any

import discord
from discord import ui
from packaging.version import InvalidVersion, Version

from bot.check.model import Answer, Claims
from bot.compat.model import Support, Verdict
from bot.guide.model import Pointer
from bot.language import Phrase, current, listed, phrase, say, say_many, spoken
from bot.reports.model import Kind, Problems
from bot.ui import custom_ids, gil
from bot.ui.card import Card
from bot.ui.errors import suggestions
from bot.ui.guide import pointed
from bot.ui.platforms import NAMES, places
from bot.ui.reports import briefly
from bot.ui.text import clean, code, escape, fit, timestamp, web_address
from bot.xray.model import Gil, ModuleVerdict, worth_reading

GREEN, AMBER, GREY = 0x3BA55D, 0xF0B232, 0x80848E
OVERVIEW = "overview"
"""The value of the details select that shows the overview again."""

# Together below the 4000 characters that Discord gives all text of a message.
_HEAD, _SUPPORT, _CLAIMS, _FOOT = 700, 2000, 800, 400
_SELECT_OPTIONS = 25
_NAMED_IN_DETAILS = 10  # modules that turn the GIL on


@dataclass(frozen=True, slots=True)
class Wording:
    """A verdict in phrases: `word` in a list of places, `sentence` as the whole answer."""

    emoji: str
    word: Phrase
    sentence: Phrase


WORDING = {
    Verdict.WHEEL: Wording("✅", phrase("wheel"), phrase("Installs from a free-threaded wheel.")),
    Verdict.ABI3T: Wording(
        "✅", phrase("abi3t wheel"), phrase("Installs from a stable-ABI free-threaded wheel.")
    ),
    Verdict.PLATFORM: Wording(
        "✅",
        phrase("wheel for any Python"),
        phrase("Installs from a wheel whose binaries need no certain Python."),
    ),
    Verdict.PURE: Wording("✅", phrase("pure Python"), phrase("Installs as pure Python.")),
    Verdict.PURE_FALLBACK: Wording(
        "☑️",
        phrase("pure fallback"),
        phrase("Installs as pure Python, while other builds get a compiled wheel."),
    ),
    Verdict.OLDER_WHEEL: Wording(
        "🕰️",
        phrase("wheel of an older release"),
        phrase("An older release has a wheel; the newest is compiled."),
    ),
    Verdict.UNMARKED: Wording(
        "❔",
        phrase("wheel without an ABI tag"),
        phrase("pip takes a wheel that was most likely built for the GIL."),
    ),
    Verdict.SDIST: Wording(
        "🔧", phrase("compile"), phrase("No wheel yet: pip compiles it from source.")
    ),
    Verdict.NONE: Wording(
        "⬜", phrase("nothing to install"), phrase("Nothing can be installed here yet.")
    ),
    Verdict.EXCLUDED: Wording(
        "⬜",
        phrase("not for this Python"),
        phrase("No release admits this Python (Requires-Python)."),
    ),
    Verdict.UNAVAILABLE: Wording(
        "⛔", phrase("withdrawn"), phrase("Every release is withdrawn (yanked).")
    ),
}
_ORDER = {verdict: place for place, verdict in enumerate(Verdict)}  # best first
# The worst first; None is not read yet.
_GIL_ORDER = (
    ModuleVerdict.RE_ENABLES,
    ModuleVerdict.UNKNOWN,
    ModuleVerdict.DELEGATED,
    ModuleVerdict.LIKELY_KEEPS_OFF,
    ModuleVerdict.KEEPS_OFF,
    None,
)
_READY = frozenset({Verdict.WHEEL, Verdict.ABI3T, Verdict.PLATFORM, Verdict.PURE})

_STATUS = {
    "archived": phrase("📦 Archived: its owners don't plan further releases."),
    "quarantined": phrase("⛔ The index has quarantined this project. Don't install it."),
}

Rows = Sequence[Support]


def answer(
    found: Answer,
    problems: Problems | None = None,
    pointer: Pointer | None = None,
    *,
    python: str = "",
    platform: str = "",
    details: str = OVERVIEW,
) -> Card:
    """Return the message for `found`, with the problems that members reported.

    `pointer` is the guide's section that helps, if one does.

    `python` and `platform` are what was asked for ("" is all); they travel in the custom_id of
    the details select. `details` is the chosen option of that select: an interpreter, or OVERVIEW.
    """
    key = found.project, python, platform, details, current()
    content = found, problems, pointer
    shown, card = _shown.get(key, (None, None))
    if card is None or shown != content:
        card = _card(*content, asked=(python, platform), details=details)
        if len(_shown) >= _MOST_SHOWN:
            _shown.clear()
        _shown[key] = content, card
    return card


def questions(found: Answer, problems: Problems | None) -> Iterator[str]:
    """Yield what the guide may help with: what members report or wheels show, then the verdict."""
    for each in problems.problems if problems else ():
        yield each.kind
    if _turns_gil_on(found):
        yield Kind.GIL_REENABLED
    if found.support:
        yield min((row.verdict for row in found.support), key=_ORDER.__getitem__)


# What is asked for again and again is shown again: for an equal answer, an equal card. Unlike an
# lru_cache this takes no hash of the whole answer, which would cost more than all the rest.
_shown: dict[
    tuple[str, str, str, str, NullTranslations],
    tuple[tuple[Answer, Problems | None, Pointer | None], Card],
] = {}
_MOST_SHOWN = 64


def _card(
    found: Answer,
    problems: Problems | None,
    pointer: Pointer | None,
    *,
    asked: tuple[str, str],
    details: str,
) -> Card:
    blocks = _support(found, details)
    reported = [*briefly(problems), *filter(None, [pointed(pointer)])]
    room = _SUPPORT - sum(map(len, reported)) - len(reported)
    claims = [*_claims(found.claims), f"-# {_caveat(found)}"]
    about = [*reported, fit(claims, _CLAIMS), fit(_foot(found), _FOOT)]
    return Card(
        ui.TextDisplay(fit(_head(found), _HEAD)),
        *chain.from_iterable(
            (_gap(), ui.TextDisplay[Any](fit(block, room // len(blocks)))) for block in blocks
        ),
        ui.Separator(),
        ui.TextDisplay("\n".join(about)),
        _details_select(found, *asked, details),
        suggestions(found.imported_from, lambda name: say("Check {project}", project=name)),
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
        return AMBER if _turns_gil_on(found) else GREEN
    return AMBER if any(ready) else GREY


def _turns_gil_on(found: Answer) -> bool:
    """Tell whether some wheel that pip takes does."""
    return any(each.verdict is ModuleVerdict.RE_ENABLES for each in found.gil.values())


def _head(found: Answer) -> list[str]:
    version = f" {escape(found.latest.version, 40)}" if found.latest else ""
    lines = [f"## {escape(found.name, 80)}{version}"]
    if found.status in _STATUS:
        lines.append(f"**{spoken(_STATUS[found.status])}**")
    if found.status != "quarantined":
        lines.append(f"**{headline(found.support)}**")
    released = timestamp(found.latest.uploaded) if found.latest else ""
    facts = [
        say("released {date}", date=released) if released else "",
        say("rank {rank} by downloads", rank=found.rank) if found.rank else "",
    ]
    if any(facts):
        lines.append("-# " + " · ".join(filter(None, facts)))
    if found.imported_from:
        names = ", ".join(f"**{escape(name, 60)}**" for name in found.imported_from[:3])
        shared = say(
            "{name} is also what {projects} is imported as.",
            name=code(found.project, 60),
            projects=names,
        )
        lines.append(f"💡 {shared}")
    return lines


def headline(support: Rows) -> str:
    """Say the whole answer in one sentence."""
    if not support:
        return say("Nothing was asked for.")
    verdicts = {row.verdict for row in support}
    if len(verdicts) == 1:
        return spoken(WORDING[verdicts.pop()].sentence)
    by_python = _by(support, lambda row: row.target.python)
    ready = [
        python for python, rows in by_python.items() if all(row.verdict in _READY for row in rows)
    ]
    if len(ready) == len(by_python):
        return say("Installs without compiling everywhere.")
    if ready:
        pythons = spoken(listed([escape(python, 20) for python in ready]))
        return say("Installs without compiling on {pythons}.", pythons=pythons)
    if verdicts & _READY:
        return say("Installs without compiling on some platforms.")
    return spoken(WORDING[min(verdicts, key=_ORDER.__getitem__)].sentence)


def _support(found: Answer, details: str) -> list[list[str]]:
    """Return the lines about what installs, in blocks with a little space between them."""
    rows = [row for row in found.support if row.target.python == details]
    if rows:
        title = say("{python}, per platform", python=escape(details, 20))
        return [[f"### {title}", *_per_platform(found, rows)]]
    by_python = _by(found.support, lambda row: row.target.python)
    heads = [_where(python, rows) for python, rows in by_python.items()]
    declared = [_declared(found, rows) for rows in by_python.values()]
    evidence = [_evidence(found, rows) for rows in by_python.values()]
    if all(len(head) == 1 for head in heads) and len(set(evidence)) == 1:
        if len(set(declared)) == 1:
            return [[*chain.from_iterable(heads), *declared[0], *evidence[0]]]
        both = zip(heads, declared, strict=True)
        return [[*chain.from_iterable((*head, *gils) for head, gils in both), *evidence[0]]]
    every = zip(heads, declared, evidence, strict=True)
    return [[*head, *gils, *below] for head, gils, below in every]


def _where(python: str, rows: Rows) -> list[str]:
    """Say the verdicts of one interpreter: one if all platforms agree, else who has which."""
    name = f"**{escape(python, 20)}**"
    groups = _by(rows, _label)
    asked = {row.target.platform for row in rows}
    if len(groups) == 1:
        return [f"{name} {_reaching(next(iter(groups)), asked)}"]
    best_first = sorted(groups.items(), key=lambda item: _ORDER[item[1][0].verdict])
    return [name, *(f"{word}: {_places(group, asked)}" for word, group in best_first)]


def _reaching(verdict: str, asked: AbstractSet[str]) -> str:
    """Say where a verdict holds, if it was asked by a platform's name."""
    if asked == NAMES.keys():
        return say("{verdict}, everywhere", verdict=verdict)
    if asked <= NAMES.keys():
        return say("{verdict} on {platforms}", verdict=verdict, platforms=places(asked, asked))
    return verdict


def _places(rows: Rows, asked: AbstractSet[str]) -> str:
    return places({row.target.platform for row in rows}, asked)


def _label(row: Support) -> str:
    wording = WORDING[row.verdict]
    if row.verdict is Verdict.OLDER_WHEEL and row.newest_wheel:
        version = escape(row.newest_wheel.version, 40)
        return f"{wording.emoji} {say('wheel of {version}', version=version)}"
    return f"{wording.emoji} {spoken(wording.word)}"


def _declared(found: Answer, rows: Rows) -> tuple[str, ...]:
    """Say what the wheels that pip takes declare: once if all agree, else where they say what."""
    if found.status == "quarantined":
        return ()
    groups: dict[ModuleVerdict | None, list[Support]] = _by(
        [row for row in rows if found.gil_of(row) or found.awaits_gil(row)],
        lambda row: read.verdict if (read := found.gil_of(row)) else None,
    )
    wheels = [row for row in rows if row.installs and worth_reading(row.installs.file)]
    asked = {row.target.platform for row in rows}
    lines = []
    for verdict in filter(groups.__contains__, _GIL_ORDER):
        group = groups[verdict]
        where = "" if len(group) == len(wheels) else f"{_places(group, asked)}: "
        lines.append(_gil_line(list(filter(None, map(found.gil_of, group))), where=where))
    return tuple(lines)


def _gil_line(read: Sequence[Gil], *, where: str = "", most: int = gil.NAMED) -> str:
    """Say what was read of wheels that agree; of none, that they are being read."""
    if not read:
        return f"-# ⏳ {where}{gil.awaited()}"
    return f"{gil.EMOJI[read[0].verdict]} {where}{gil.said(read, most=most)}"


def _evidence(found: Answer, rows: Rows) -> tuple[str, ...]:
    """Say what pip takes, the newest wheel if that is another, and since when; as small text."""
    quarantined = found.status == "quarantined"
    parts = [] if quarantined else [_takes(rows)]
    taken = {row.installs.version for row in rows if row.installs}
    # Those of older releases are named by their label.
    others = [row.newest_wheel for row in rows if row.verdict is not Verdict.OLDER_WHEEL]
    newest = max((pick.version for pick in others if pick), key=_version, default=None)
    if newest and newest not in taken:
        parts.append(say("newest wheel {wheel}", wheel=escape(newest, 40)))
    firsts = {row.first_wheel for row in rows if row.first_wheel}
    if first := min(firsts, key=lambda wheel: _version(wheel.version), default=None):
        version, date = escape(first.version, 40), timestamp(first.uploaded)
        parts.append(
            say("since {version}, {date}", version=version, date=date)
            if date
            else say("since {version}", version=version)
        )
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
    where = _places(compiled, {row.target.platform for row in rows})
    installs = compiled[0].installs
    source = escape(installs.version, 40) if installs else ""
    return say("pip compiles {source} on {platforms}", source=source, platforms=where)


def _act(row: Support) -> str:
    if row.installs is None:
        return ""
    version = escape(row.installs.version, 40)
    if _compiles(row):
        return say("pip compiles {source}", source=version)
    return say("pip takes the wheel of {version}", version=version)


def _compiles(row: Support) -> bool:
    return row.installs is not None and not row.installs.file.endswith(".whl")


def _per_platform(found: Answer, rows: Rows) -> Iterable[str]:
    """List the platforms of one interpreter with the files for them, equal ones together."""
    asked = {row.target.platform for row in rows}
    for group in _by(rows, lambda row: (row.verdict, row.installs, row.newest_wheel)).values():
        row = group[0]
        where = _places(group, asked)
        yield f"{_label(row)}: **{where}**"
        takes = row.installs if found.status != "quarantined" else None
        if takes and row.newest_wheel and row.newest_wheel != takes:
            file = code(takes.file)
            yield "-# " + (
                say("pip compiles {source}", source=file)
                if _compiles(row)
                else say("pip takes {wheel}", wheel=file)
            )
            yield f"-# {say('newest wheel {wheel}', wheel=code(row.newest_wheel.file))}"
        elif pick := takes or row.newest_wheel:
            yield f"-# {code(pick.file)}"
        if takes and ((read := found.gil_of(row)) or found.awaits_gil(row)):
            yield _gil_line([read] if read else [], most=_NAMED_IN_DETAILS)


def _claims(claims: Claims) -> list[str]:
    """Say what people claim, apart from what the files show."""
    if claims.classifier:
        level = claims.classifier.rpartition("::")[2]
        said = say("classifier “{level}”", level=escape(level, 60))
    elif claims.known:
        said = say("nothing about free threading")
    else:
        said = say("unknown, the metadata could not be read")
    lines = [f"**{say('Maintainers say:')}** {said}"]
    if claims.tracker:
        since = claims.tracker.since
        facts = [
            say("supported since {version}", version=escape(since, 60))
            if since
            else say("no release with support listed"),
            say("tested in CI") if claims.tracker.tested_in_ci else "",
        ]
        lines.append(f"**{say('Community table:')}** {', '.join(filter(None, facts))}")
        lines.extend(f"-# {escape(note, 150)}" for note in claims.tracker.notes[:3])
    return lines


def _caveat(found: Answer) -> str:
    """Say what is not known of the GIL, or what verdicts about it do not mean."""
    read = [found.gil_of(row) for row in found.support if found.status != "quarantined"]
    verdicts = {each.verdict for each in read if each}
    if not verdicts:
        return say("Whether importing it keeps the GIL off is another question.")
    return gil.caveat(unknown=ModuleVerdict.UNKNOWN in verdicts)


def _foot(found: Answer) -> list[str]:
    age = timestamp(found.as_of.fetched, "R")
    lines = [
        say("⚠️ The index could not be reached; this was known {age}.", age=age)
        if found.as_of.stale
        else f"-# {say('As of {age}.', age=age)}"
    ]
    if count := found.unreadable_files:
        unread = say_many(
            "{count} file name could not be read.", "{count} file names could not be read.", count
        )
        lines.append(f"-# {unread}")
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
        custom_id=custom_id, placeholder=say("Files per platform …")
    )
    if details in pythons:  # in the overview nothing is chosen, so that the placeholder shows
        select.add_option(label=say("Overview"), value=OVERVIEW)
    for name in pythons[: _SELECT_OPTIONS - 1]:
        label = say("{python}: files per platform", python=clean(name, 20))
        select.add_option(label=label, value=name, default=name == details)
    return ui.ActionRow(select)


def _links(found: Answer) -> ui.ActionRow[ui.LayoutView] | None:
    issue = found.claims.tracker.upstream_issue if found.claims.tracker else None
    row: ui.ActionRow[ui.LayoutView] = ui.ActionRow()
    links = ((say("Project page"), found.page), (say("Free-threading issue"), issue))
    for label, url in links:
        if address := web_address(url):
            row.add_item(ui.Button(label=label, url=address, style=discord.ButtonStyle.link))
    return row if row.children else None


def _by(rows: Rows, key: Callable[[Support], Any]) -> dict[Any, list[Support]]:
    groups: defaultdict[Any, list[Support]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _version(text: str) -> tuple[int, Version | str]:
    """Sort versions by PEP 440, and what is none before them."""
    try:
        return 1, Version(text)
    except InvalidVersion:
        return 0, text
