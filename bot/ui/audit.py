"""The answer of /audit as a message: what is in the way first, in pages, with the whole table.

Which packages a page shows follows from their number and class alone, so that only those that are
shown have to be looked at.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import discord
from discord import ui

from bot.audit.document import gil_notes, notes
from bot.audit.model import Audit, Class, Kept, Package, is_whole
from bot.audit.rules import order
from bot.audit.watching.model import Story, Watch, Wish
from bot.audit.watching.rules import KEPT, in_the_way
from bot.compat.model import Target
from bot.language import phrase, say, say_many, spoken
from bot.ui import custom_ids, gil
from bot.ui.card import Card
from bot.ui.check import WORDING
from bot.ui.platforms import NAMES
from bot.ui.text import clean, code, escape, fit, link, timestamp
from bot.xray.model import Gil, ModuleVerdict

GREEN, AMBER, RED, GREY = 0x3BA55D, 0xF0B232, 0xED4245, 0x80848E

_MARKS: Final = {Class.READY: "✅", Class.WORKS: "☑️", Class.BLOCKED: "⛔", Class.UNKNOWN: "❔"}
_SQUARES: Final = {Class.BLOCKED: "🟥", Class.UNKNOWN: "⬜", Class.WORKS: "🟨", Class.READY: "🟩"}
_WIDTH: Final = 12  # squares: what a line of a phone holds
_HEADINGS: Final = {
    Class.BLOCKED: phrase("In the way"),
    Class.UNKNOWN: phrase("Cannot be judged"),
    Class.WORKS: phrase("Works with a fallback, or with another version"),
    Class.READY: phrase("Ready"),
}
_PAGE: Final = 40
"""Room of a page: what is ready takes 1, anything else `_LONG`, for it has lines of its own."""
_LONG: Final = 5
_LINE: Final = 10  # packages of a line of what is ready
# Together below the 4000 characters that Discord gives all text of a message.
_HEAD, _NOTES, _GIL, _FOOT, _TEXT = 700, 900, 1000, 200, 3900
_TURNED_ON: Final = 5  # packages whose wheels turn the GIL on
_NOTE, _PROBLEMS = 300, 3
_MOST_FILES: Final = 8 << 20  # bytes; Discord takes 10 MiB in a message
_OPTIONS, _LABEL = 25, 100  # Discord's limits of a select
_BUTTON: Final = 80  # and of a button's label
_FELL: Final = 15


def answer(kept: Kept, page: int = 0) -> Card:
    """Return a page of an audit, from 0, with files of the whole table."""
    audit = kept.audit
    pages = _pages(audit.packages)
    page = min(max(page, 0), len(pages) - 1)
    start, end = pages[page]
    shown = audit.packages[start:end]
    counts, turned_on = _counts(audit), audit.re_enabling
    head = fit(_head(audit, counts, len(turned_on)), _HEAD)
    foot = _foot(kept, page, len(pages))
    about = fit(_about(audit), _NOTES) if page == 0 else ""
    declared = fit(_declared(audit, turned_on), _GIL) if page == 0 else ""
    unread = fit(_unread(audit), _NOTES) if page == 0 else ""
    room = _TEXT - len(head) - len(about) - len(declared) - len(unread) - len(foot)
    closer = [each for each in shown if each.class_ is not Class.READY]
    if page == 0:
        closer += [package for package, _ in turned_on]
    files = kept.files if sum(len(body) for _, body in kept.files) <= _MOST_FILES else ()
    return Card(
        ui.TextDisplay(head),
        ui.TextDisplay(about) if about else None,
        ui.TextDisplay(declared) if declared else None,
        ui.Separator(),
        ui.TextDisplay(fit(_listed(shown, audit), room)) if shown else None,
        ui.TextDisplay(unread) if unread else None,
        ui.TextDisplay(foot),
        _turning(kept, page, len(pages)),
        _closer(closer),
        _watching(kept),
        *(ui.File[Any](f"attachment://{name}") for name, _ in files),
        colour=_colour(counts, whole=is_whole(audit.problems) and not turned_on),
        files=files,
    )


def _pages(packages: Sequence[Package]) -> list[tuple[int, int]]:
    """Return where each page begins and ends, one page at least."""
    pages: list[tuple[int, int]] = []
    start = room = 0
    for place, package in enumerate(packages):
        size = 1 if package.class_ is Class.READY else _LONG
        if room < size:
            pages.append((start, place))
            start, room = place, _PAGE
        room -= size
    return [*pages[1:], (start, len(packages))]


def _counts(audit: Audit) -> Counter[Class]:
    return Counter(each.class_ for each in audit.packages)


def _colour(counts: Counter[Class], *, whole: bool) -> int:
    if counts[Class.BLOCKED]:
        return RED
    if not counts:
        return GREY
    return GREEN if whole and counts[Class.READY] == counts.total() else AMBER


def _head(audit: Audit, counts: Counter[Class], turned_on: int) -> Iterator[str]:
    title = say(
        "{file} on {python}",
        file=escape(audit.source, 60) or say("Your file"),
        python=escape(audit.target.python, 20),
    )
    yield f"## {title}"
    yield f"**{_headline(counts, turned_on, whole=is_whole(audit.problems))}**"
    if counts:
        yield _bar(counts)
    yield _summary(counts)
    if turned_on:
        text = say("Installable, but the GIL comes back: **{count}**", count=f"{turned_on:,}")
        yield f"{gil.EMOJI[ModuleVerdict.RE_ENABLES]} {text}"
    yield f"-# {_platform(audit.target)} · {escape(audit.format, 40)}"


def _headline(counts: Counter[Class], turned_on: int, *, whole: bool) -> str:
    blocked, unknown = counts[Class.BLOCKED], counts[Class.UNKNOWN]
    if not counts:
        return say("No package was found in it.")
    if blocked:
        return say_many(
            "{blocked} of {packages} is in the way.",
            "{blocked} of {packages} are in the way.",
            blocked,
            blocked=f"{blocked:,}",
            packages=_packages(counts.total()),
        )
    if unknown:
        return say(
            "Nothing is known to be in the way, but {packages} can't be judged.",
            packages=_packages(unknown),
        )
    if turned_on:
        if whole:
            return say("Everything installs, but the GIL comes back.")
        return say("Everything installs, of what could be read, but the GIL comes back.")
    if counts[Class.WORKS]:
        if whole:
            return say("Nothing is in the way.")
        return say("Nothing is in the way, of what could be read.")
    if whole:
        return say("Everything is ready.")
    return say("Everything is ready, of what could be read.")


def _packages(count: int) -> str:
    return say_many("{number} package", "{number} packages", count, number=f"{count:,}")


def _summary(counts: Counter[Class]) -> str:
    return " · ".join(
        f"{mark}\N{NO-BREAK SPACE}"
        + _counted(each, counts[each]).replace(" ", "\N{NO-BREAK SPACE}")
        for each, mark in _MARKS.items()
    )


def _counted(class_: Class, count: int) -> str:
    number = f"**{count:,}**"
    match class_:
        case Class.READY:
            return say_many("{number} ready", "{number} ready", count, number=number)
        case Class.WORKS:
            return say_many("{number} works", "{number} work", count, number=number)
        case Class.BLOCKED:
            return say_many("{number} blocked", "{number} blocked", count, number=number)
        case Class.UNKNOWN:
            return say_many("{number} unknown", "{number} unknown", count, number=number)


def _bar(counts: Counter[Class]) -> str:
    """Draw the classes' shares as a line of colours: each that is there has a square at least."""
    widths = {
        each: max(1, _WIDTH * counts[each] // counts.total()) for each in _SQUARES if counts[each]
    }
    widest = max(widths, key=lambda each: counts[each])
    widths[widest] += _WIDTH - sum(widths.values())
    return "".join(_SQUARES[each] * width for each, width in widths.items())


def _platform(target: Target) -> str:
    return NAMES.get(target.platform) or code(target.platform, 60)


def _about(audit: Audit) -> Iterator[str]:
    """Say what is about the whole."""
    for note in notes(audit):
        yield f"{'⚠️' if note == audit.conflict else '💡'} {escape(spoken(note), _NOTE)}"


def _declared(audit: Audit, turned_on: Sequence[tuple[Package, Gil]]) -> Iterator[str]:
    """List the packages whose wheels turn the GIL on, and say what is not known of others."""
    if turned_on:
        yield f"### {say('These turn the GIL on')}"
    for package, found in turned_on[:_TURNED_ON]:
        yield f"{_name(package, bold=True)} · {gil.said([found], most=1)}"
        yield f"-# {_origin(package)}"
    if (more := len(turned_on) - _TURNED_ON) > 0:
        yield "-# " + say_many(
            "… and {number} more, in the whole table",
            "… and {number} more, in the whole table",
            more,
            number=f"{more:,}",
        )
    for note in gil_notes(audit):
        yield f"-# {spoken(note)}"
    if audit.gil:
        caveat = say(
            "What wheels declare is their authors' word, no proof of thread safety. Which modules"
            " an `import` loads is another question."
        )
        yield f"-# {caveat}"


def _unread(audit: Audit) -> Iterator[str]:
    """Say what could not be read or judged, of the file or of what it leads to."""
    for problem in audit.problems[:_PROBLEMS]:
        mark = "💡" if problem.note else "⚠️"
        yield f"{mark} {code(problem.where, 60)}: {escape(spoken(problem.text), _NOTE)}"
    if (more := len(audit.problems) - _PROBLEMS) > 0:
        yield "-# " + say_many(
            "… and {number} more problem like these, in the whole table",
            "… and {number} more problems like these, in the whole table",
            more,
            number=f"{more:,}",
        )


def _listed(packages: Sequence[Package], audit: Audit) -> Iterator[str]:
    """List packages below the headings of their classes; mark those that turn the GIL on."""
    for class_ in sorted({each.class_ for each in packages}, key=order):
        members = [each for each in packages if each.class_ is class_]
        yield f"### {_MARKS[class_]} {spoken(_HEADINGS[class_])}"
        if class_ is Class.READY:
            for start in range(0, len(members), _LINE):
                line = members[start : start + _LINE]
                yield " · ".join(_name(each) + _mark(audit.gil_of(each)) for each in line)
        else:
            for each in members:
                yield from _lines(each)


def _lines(package: Package) -> Iterator[str]:
    wording = WORDING[package.verdict] if package.verdict else None
    verdict = f" · {spoken(wording.word)}" if wording else ""
    yield f"{wording.emoji if wording else '❔'} {_name(package, bold=True)}{verdict}"
    advice = escape(spoken(package.advice), 200)
    if package.class_ is Class.UNKNOWN:
        yield f"-# {_origin(package)}. {advice}"
    else:
        if package.class_ is Class.BLOCKED:
            yield f"-# {_origin(package)}"
        issue = package.upstream_issue
        known = [
            advice,
            _reported(package.reports) if package.reports else "",
            link(say("free-threading issue"), issue) if issue else "",
        ]
        if any(known):
            yield " · ".join(filter(None, known))


def _reported(problems: int) -> str:
    return say_many(
        "{number} problem reported",
        "{number} problems reported",
        problems,
        number=f"{problems:,}",
    )


def _name(package: Package, *, bold: bool = False) -> str:
    name = escape(package.project, 60) or "?"
    version = f" {escape(package.version, 30)}" if package.version else ""
    return f"**{name}**{version}" if bold else f"{name}{version}"


def _mark(found: Gil | None) -> str:
    if found is None or found.verdict is not ModuleVerdict.RE_ENABLES:
        return ""
    return f"\N{NO-BREAK SPACE}{gil.EMOJI[found.verdict]}"


def _origin(package: Package) -> str:
    """Say who pulls a package in."""
    chain = [escape(name, 40) for name in package.path or package.required_by[:1]]
    if not chain:
        if package.direct:
            return say("A direct dependency")
        return say("Pulled in by the file itself")
    if len(chain) > 3:
        chain = [*chain[:2], "…", chain[-1]]
    return say("Pulled in by {chain}", chain=" → ".join(chain))


def _foot(kept: Kept, page: int, pages: int) -> str:
    told = say("as of {ago}, kept for {days} days", ago=timestamp(kept.made, "R"), days=KEPT.days)
    if pages == 1:
        return f"-# {told}"
    place = say("Page {page} of {pages}", page=page + 1, pages=pages)
    return f"-# {place} · {told}"


def _turning(kept: Kept, page: int, pages: int) -> ui.ActionRow[Any] | None:
    """Return the buttons that turn pages, and the one that shows what was read of wheels since."""
    places = [("◀️", say("Back"), page - 1), ("▶️", say("More"), page + 1)] if pages > 1 else []
    if kept.audit.unread and page == 0:
        places.append(("🔄", say("Look again"), page))
    row: ui.ActionRow[Any] = ui.ActionRow()
    for emoji, label, other in places:
        row.add_item(
            ui.Button(
                emoji=emoji,
                label=clean(label, _BUTTON),
                custom_id=custom_ids.build(custom_ids.AUDIT_PAGE, str(kept.id), str(other)),
                disabled=not 0 <= other < pages,
            )
        )
    return row if places else None


def _closer(packages: Iterable[Package]) -> ui.ActionRow[Any] | None:
    """Return the select that checks a package, for all platforms."""
    offered = dict.fromkeys(each.project for each in packages if 1 <= len(each.project) <= _LABEL)
    options = [
        discord.SelectOption(label=label, value=name)
        for name in offered
        if (label := clean(name, _LABEL))
    ]
    if not options:
        return None
    custom_id = custom_ids.build(custom_ids.NEWS_CHECK, "", "")
    return ui.ActionRow(
        ui.Select(
            custom_id=custom_id or "",
            placeholder=clean(say("Look closer at …"), _LABEL),
            options=options[:_OPTIONS],
        )
    )


def _watching(kept: Kept) -> ui.ActionRow[Any] | None:
    if not in_the_way(kept.audit):
        return None
    return _button(say("Tell me when this is ready"), custom_ids.AUDIT_WATCH, kept.id, "🔔")


def _button(label: str, kind: str, audit: int, emoji: str | None = None) -> ui.ActionRow[Any]:
    return ui.ActionRow(
        ui.Button(
            label=clean(label, _BUTTON),
            emoji=emoji,
            custom_id=custom_ids.build(kind, str(audit)),
            style=discord.ButtonStyle.secondary,
        )
    )


# Waiting for it


def wished(wish: Wish) -> Card:
    """Confirm that a member waits for an audit, or say that it would be too many."""
    watch = wish.watch
    if watch is None:
        lines = [
            f"**{say('You wait for {count} audits, which is the most.', count=len(wish.every))}**",
            say("End one of them below, then press the button again."),
        ]
        return Card(ui.TextDisplay("\n".join(lines)), _ending(wish.every), colour=AMBER)
    lines = [
        f"**{_heard(watch)}**",
        say(
            "It is judged again when a blocker changes on the index, and daily. Then you get one "
            "direct message: allow them from ftbot."
        ),
        "-# " + say("It ends by itself on {day}.", day=timestamp(watch.until)),
    ]
    others = [each for each in wish.every if each != watch]
    return Card(
        ui.TextDisplay("\n".join(lines)),
        _button(say("Stop watching"), custom_ids.AUDIT_UNWATCH, watch.audit),
        _ending(others),
        colour=GREEN,
    )


def _heard(watch: Watch) -> str:
    return say(
        "You hear when nothing is in the way of {file} on {python} any more.",
        file=escape(watch.source, 60),
        python=escape(watch.target.python, 20),
    )


def unwatched(rest: Sequence[Watch]) -> Card:
    """Confirm that a member waits no more; `rest` is what the member still waits for."""
    text = say("You don't wait for that any more.")
    return Card(ui.TextDisplay(f"**{text}**"), _ending(rest), colour=GREEN)


def _ending(watches: Sequence[Watch]) -> ui.ActionRow[Any] | None:
    """Return the select of what a member waits for, which ends one."""
    if not watches:
        return None
    select: ui.Select[Any] = ui.Select(
        custom_id=custom_ids.build(custom_ids.AUDIT_UNWATCH, "") or "",
        placeholder=clean(
            say("Stop watching another …")
            if len(watches) > 1
            else say("Stop watching the other …"),
            _LABEL,
        ),
    )
    for each in watches[:_OPTIONS]:
        label = clean(each.source, 60) or say("a file")
        target = clean(f"{each.target.python}, {each.target.platform}", _LABEL)
        select.add_option(label=label, description=target, value=str(each.audit))
    return ui.ActionRow(select)


def ready(story: Story) -> Card:
    """Tell a member that nothing is in the way any more."""
    audit = story.now.audit
    title = say(
        "{file} can move to {python}",
        file=escape(audit.source, 60) or say("Your file"),
        python=escape(audit.target.python, 20),
    )
    asked = say(
        "You asked for this below the audit of {day}. It was the only message.",
        day=timestamp(story.before.made),
    )
    lines = [
        f"## {title}",
        say("**Nothing is in the way any more**, on {platform}.", platform=_platform(audit.target)),
        _summary(_counts(audit)),
        *_fallen(story),
        f"-# {asked}",
    ]
    return Card(
        ui.TextDisplay(fit(lines, _TEXT)),
        _button(say("Show it"), custom_ids.AUDIT_SHOW, story.now.id),
        colour=GREEN,
    )


def _fallen(story: Story) -> Iterator[str]:
    """Say of each former blocker what became of it."""
    now = {each.project: each for each in story.now.audit.packages}
    blockers = in_the_way(story.before.audit)
    for name in blockers[:_FELL]:
        package = now.get(name)
        if package is None:
            yield "- " + say("{project} is not needed any more", project=escape(name, 60))
        elif package.class_ is Class.READY:
            yield "- " + say("{project} is ready", project=_name(package, bold=True))
        else:
            yield f"- {_name(package, bold=True)}: {escape(spoken(package.advice), 150)}"
    if (more := len(blockers) - _FELL) > 0:
        yield "- " + say_many("… and {count} more", "… and {count} more", more)
