"""News of free-threaded wheels as messages: one piece in full, or several as a digest.

Whatever is pressed below them is answered apart, since the message is for everyone. Each of these
components carries the number of the parcel, by which ftbot knows its own message again.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any
from urllib.parse import quote

import discord
from discord import ui

from bot.announce.model import Content, Held, News, Novelty, Topic, Wheel
from bot.announce.news.rules import CAME_LATER, REMOVED, YANKED
from bot.compat.rules import QUARANTINED
from bot.compat.targets import PLATFORMS, PYTHONS
from bot.language import listed, phrase, say, say_many, spoken
from bot.ui import custom_ids, gil
from bot.ui.card import Card
from bot.ui.platforms import places
from bot.ui.text import clean, escape, fit, timestamp, web_address
from bot.xray.model import Gil, ModuleVerdict

GREEN, AMBER, GREY = 0x3BA55D, 0xF0B232, 0x80848E

# Together below the 4000 characters that Discord gives all text of a message.
_HEAD, _BODY, _FOOT, _DIGEST = 800, 2000, 400, 3200
_OPTIONS, _VALUE = 25, 100  # Discord's limits of a select
_PYTHONS_IN_DIGEST = 4

_PARCEL = re.compile(
    rf"\d+(?:{custom_ids.NEWS_CHECK}|{custom_ids.WATCH}|{custom_ids.UNWATCH}):(\d{{1,19}}):.*"
)

_REASONS = {
    YANKED: phrase("yanked"),
    REMOVED: phrase("removed"),
    QUARANTINED: phrase("quarantined"),
    CAME_LATER: phrase("the wheels came later"),
}
"""Why a release cannot be had any more, or a loss is none: as it is stored, and to be said."""

_MADE_UP = Content(
    project="example",
    name="example",
    version="2.0",
    topic=Topic.GAIN,
    novelty=Novelty.PYTHON,
    held=tuple(Held(python, platform) for python in PYTHONS[-2:] for platform in PLATFORMS),
    new=tuple(Held(PYTHONS[-1], platform) for platform in PLATFORMS),
    rank=123,
    wheels=2 * len(PLATFORMS),
)


def message(
    news: Sequence[News],
    *,
    role: int | None,
    parcel: int,
    site: str = "",
    personal: bool = False,
) -> Card:
    """Return the message for `news`, at least one.

    `role` is mentioned (which also takes `allowed_mentions`); `parcel` is the number to know the
    message by, see `parcel_of`. `site` is the address of the index for people, without slash: ""
    leaves its link out. A `personal` message offers to stop watching, others offer to watch.
    """
    contents = [each.content for each in news]
    mention = ui.TextDisplay[Any](f"<@&{role}>") if role is not None else None
    rows = _buttons(contents, parcel, personal=personal)
    if len(contents) > 1:
        text = _digest(contents, personal=personal)
        return Card(mention, ui.TextDisplay(text), *rows, colour=_colour(contents))
    (content,) = contents
    return Card(
        mention,
        ui.TextDisplay(_full(content)),
        *rows,
        _links(content, site),
        colour=_colour(contents),
    )


def preview(news: News | None, site: str) -> Card:
    """Return what a message looks like, by an example: real, or made up where there is none."""
    if news is None:
        note = say("This is how news looks. There is none yet, so this example is made up.")
        items: list[ui.Item[Any]] = [ui.TextDisplay(_full(_MADE_UP))]
    else:
        note = say("This is how news looks, by the latest example.")
        content = news.content
        rows = [*_buttons([content], 0, personal=False), _links(content, site)]
        items = [ui.TextDisplay(_full(content)), *filter(None, rows)]
    return Card(ui.TextDisplay(f"-# {note}"), *items, colour=GREEN)


def parcel_of(message: discord.Message) -> int | None:
    """Return the number of the parcel whose message this is; None if it is none of these."""
    ids = (getattr(part, "custom_id", None) for part in _walk(message.components))
    found = filter(None, (_PARCEL.fullmatch(custom_id or "") for custom_id in ids))
    return next((int(match[1]) for match in found), None)


def _walk(parts: Iterable[Any]) -> Iterator[Any]:
    for part in parts:
        yield part
        yield from _walk(getattr(part, "children", ()))


def _colour(contents: Sequence[Content]) -> int:
    good = [each for each in contents if each.topic is Topic.GAIN and each.withdrawn is None]
    if good and all(map(_turns_gil_on, good)):
        return AMBER
    return GREEN if good else GREY


def _turns_gil_on(content: Content) -> bool:
    return content.wheel is not None and content.wheel.verdict is ModuleVerdict.RE_ENABLES


# One piece of news in full


def _full(content: Content) -> str:
    parts = [fit(_head(content), _HEAD), fit(_body(content), _BODY), fit(_foot(content), _FOOT)]
    return "\n".join(filter(None, parts))


def _head(content: Content) -> Iterator[str]:
    title = f"{escape(content.name, 80)} {escape(content.version, 40)}"
    if content.withdrawn is None or content.topic is Topic.WITHDRAWAL:
        yield f"## {_marked(title, content)}"
        yield f"**{_headline(content)}**"
    else:
        yield f"## {_marked(f'~~{title}~~', content)}"
        yield f"**{_retraction(content)}**"
        yield _headline(content)


def _marked(release: str, content: Content) -> str:
    return say("{release} (pre-release)", release=release) if content.prerelease else release


def _retraction(content: Content) -> str:
    """Say why what was told is no longer so."""
    withdrawn = content.withdrawn or ""
    reason = escape(spoken(_REASONS.get(withdrawn, withdrawn)), 200)
    if content.topic is Topic.LOSS:
        return say("No longer so: {reason}", reason=reason)
    return say("Withdrawn: {reason}", reason=reason)


def _headline(content: Content) -> str:
    match content.topic, content.novelty:
        case Topic.LOSS, _:
            pythons = _pythons(content.lost)
            return say("No free-threaded wheels for {pythons} any more", pythons=pythons)
        case Topic.WITHDRAWAL, _ if content.withdrawn is None:
            return say("Was withdrawn, and can be installed again")
        case Topic.WITHDRAWAL, _:
            return _retraction(content)
        case _, Novelty.FIRST:
            return say("🆕 Its first free-threaded wheels")
        case _, Novelty.PYTHON:
            rest = {each.python for each in frozenset(content.held).difference(content.new)}
            first = [each for each in content.new if each.python not in rest]
            pythons = _pythons(first or content.new)
            return say("🆕 Its first wheels for {pythons}", pythons=pythons)
        case _, Novelty.PLATFORM:
            return say("🆕 Free-threaded wheels for more platforms")
    return say("Has free-threaded wheels")


def _pythons(held: Sequence[Held]) -> str:
    names = sorted({each.python for each in held}, key=_python_order)
    shown = [escape(name, 20) for name in names[:_PYTHONS_IN_DIGEST]]
    if len(names) > len(shown):
        shown.append(say("others"))
    return spoken(listed(shown)) if shown else say("free-threaded Python")


def _body(content: Content) -> list[str]:
    """List what is new, an interpreter a line; below it in small what else the release has."""
    if content.topic is Topic.WITHDRAWAL:
        return []
    main = content.lost if content.topic is Topic.LOSS else content.new or content.held
    lines = [f"**{python}** {where}" for python, where in _where(main)]
    rest = frozenset(content.held).difference(main)
    for python, where in _where(rest):
        target = f"{python} {where}"
        also = (
            say("Still there: {target}", target=target)
            if content.topic is Topic.LOSS
            else say("Also: {target}", target=target)
        )
        lines.append(f"-# {also}")
    if content.wheel and content.withdrawn is None:
        lines.extend(_declared(content.wheel))
    return lines


def _declared(wheel: Wheel) -> Iterator[str]:
    """Say what the wheel that was read declares, and what that does not mean."""
    if wheel.verdict is None:
        return
    where = f"{escape(wheel.python, 20)} {places({wheel.platform}, frozenset(PLATFORMS))}"
    yield f"{gil.EMOJI[wheel.verdict]} {where}: {_verdict(wheel, wheel.verdict)}"
    yield f"-# {gil.caveat(unknown=wheel.verdict is ModuleVerdict.UNKNOWN)}"


def _verdict(wheel: Wheel, verdict: ModuleVerdict) -> str:
    if verdict is ModuleVerdict.RE_ENABLES:
        return gil.turned_on(wheel.names, wheel.turning_on, wheel.modules)
    return gil.said([Gil(verdict, wheel.file, wheel.modules)])


def _where(held: Iterable[Held]) -> Iterator[tuple[str, str]]:
    """Yield each interpreter with its platforms."""
    rows = sorted(held, key=lambda each: (_python_order(each.python), each))
    for python, group in groupby(rows, key=lambda each: each.python):
        every = list(group)
        plain = _places(each.platform for each in every if not each.abi3t)
        stable = _places(each.platform for each in every if each.abi3t)
        parts = [plain, f"abi3t: {stable}" if stable else ""]
        yield escape(python, 20), " · ".join(filter(None, parts))


def _places(platforms: Iterable[str]) -> str:
    found, every = frozenset(platforms), frozenset(PLATFORMS)
    if not every <= found:
        return places(found, every)
    others = places(found - every, every)
    return say("everywhere, {others}", others=others) if others else say("everywhere")


def _python_order(python: str) -> tuple[int, str]:
    return (PYTHONS.index(python) if python in PYTHONS else len(PYTHONS)), python


def _foot(content: Content) -> list[str]:
    count = content.wheels
    uploaded = timestamp(content.uploaded, "R")
    facts = [
        say("{version} had them", version=escape(content.before, 40)) if content.before else "",
        say_many("{count} free-threaded wheel", "{count} free-threaded wheels", count)
        if count > 0
        else "",
        say("uploaded {age}", age=uploaded) if uploaded else "",
        say("rank {rank} by downloads", rank=content.rank) if content.rank else "",
    ]
    text = " · ".join(filter(None, facts))
    return [f"-# {text}"] if text else []


def _links(content: Content, site: str) -> ui.ActionRow[Any] | None:
    page = f"{site}/project/{quote(clean(content.project, 200), safe='')}/" if site else None
    row: ui.ActionRow[Any] = ui.ActionRow()
    links = ((say("Project page"), page), (say("Free-threading issue"), content.upstream_issue))
    for label, url in links:
        if address := web_address(url):
            row.add_item(ui.Button(label=label, url=address, style=discord.ButtonStyle.link))
    return row if row.children else None


# Several pieces of news


_HEADINGS = {
    (Topic.GAIN, Novelty.FIRST): phrase("First free-threaded wheels"),
    (Topic.GAIN, Novelty.PYTHON): phrase("First wheels for another Python"),
    (Topic.GAIN, Novelty.PLATFORM): phrase("More platforms"),
    (Topic.GAIN, Novelty.NOTHING): phrase("Releases with free-threaded wheels"),
    (Topic.LOSS, Novelty.NOTHING): phrase("No wheels any more"),
    (Topic.WITHDRAWAL, Novelty.NOTHING): phrase("Withdrawn"),
}
_GROUPS = tuple(_HEADINGS)


def _digest(contents: Sequence[Content], *, personal: bool) -> str:
    """List the news in groups, the most downloaded first, as many as there is room for."""
    title = say_many(
        "{count} piece of news about free-threaded wheels",
        "{count} pieces of news about free-threaded wheels",
        len(contents),
    )
    lines = [f"## {title}"]
    room = _DIGEST - len(lines[0])
    shown, heading, warned = 0, "", False
    for content in sorted(contents, key=_digest_order):
        lead = f"### {spoken(_HEADINGS[_group(content)])}"
        added = [_digest_line(content)] if lead == heading else [lead, _digest_line(content)]
        room -= sum(len(line) + 1 for line in added)
        if room < 0:
            break
        lines += added
        shown, heading = shown + 1, lead
        warned = warned or _turns_gil_on(content)
    if warned:
        lines.append(f"-# {gil.caveat(unknown=False)}")
    if rest := len(contents) - shown:
        lines.append(f"-# {_left_out(rest, personal=personal)}")
    return "\n".join(lines)


def _left_out(number: int, *, personal: bool) -> str:
    """Say how much there was no room for, and where this can be made less."""
    if personal:
        return say_many(
            "… and {count} more. `/watch list` shows what was asked for.",
            "… and {count} more. `/watch list` shows what was asked for.",
            number,
        )
    return say_many(
        "… and {count} more. `/announce list` shows what was asked for.",
        "… and {count} more. `/announce list` shows what was asked for.",
        number,
    )


def _group(content: Content) -> tuple[Topic, Novelty]:
    novelty = content.novelty if content.topic is Topic.GAIN else Novelty.NOTHING
    return content.topic, novelty


def _digest_order(content: Content) -> tuple[int, float, str]:
    rank = float("inf") if content.rank is None else content.rank
    return _GROUPS.index(_group(content)), rank, content.project


def _digest_line(content: Content) -> str:
    title = f"{escape(content.name, 60)} {escape(content.version, 30)}"
    if content.withdrawn is not None:
        return f"- {_marked(f'~~{title}~~', content)} {_retraction(content)}"
    release = _marked(f"**{title}**", content)
    if content.topic is Topic.WITHDRAWAL:
        return f"- {say('{release} can be installed again', release=release)}"
    if content.topic is Topic.LOSS:
        pythons = _pythons(content.lost)
        return f"- {say('{release} none for {pythons}', release=release, pythons=pythons)}"
    where = islice(_where(content.new or content.held), _PYTHONS_IN_DIGEST)
    line = f"- {release} " + "; ".join(f"{python} {spots}" for python, spots in where)
    wheel = content.wheel
    if wheel is None or not _turns_gil_on(content):
        return line
    return f"{line}. ⚠️ {gil.turned_on(wheel.names, wheel.turning_on, wheel.modules)}"


# What can be pressed


def _buttons(
    contents: Sequence[Content], parcel: int, *, personal: bool
) -> list[ui.ActionRow[Any]]:
    """Return buttons for one project, selects for several; the parcel's number always."""
    kind = custom_ids.UNWATCH if personal else custom_ids.WATCH
    label = say("Stop watching") if personal else say("Watch")
    kinds = ((custom_ids.NEWS_CHECK, say("Check")), (kind, label))
    projects = list(dict.fromkeys(each.project for each in contents))
    if len(projects) > 1:
        options = [name for name in projects if name and clean(name, _VALUE) == name][:_OPTIONS]
        rows = [_select(kind, label, parcel, options) for kind, label in kinds if options]
        return rows or [ui.ActionRow(_button(custom_ids.build(kind, str(parcel), ""), label))]
    (project,) = projects
    # A name too long for a custom_id is left out of it: whoever presses that is told so.
    ids = {kind: custom_ids.build(kind, str(parcel), project) for kind, _ in kinds}
    ids[kind] = ids[kind] or custom_ids.build(kind, str(parcel), "")
    return [ui.ActionRow(*(_button(ids[kind], label) for kind, label in kinds if ids[kind]))]


def _button(custom_id: str | None, label: str) -> ui.Button[Any]:
    return ui.Button(label=label, custom_id=custom_id, style=discord.ButtonStyle.secondary)


def _select(kind: str, label: str, parcel: int, projects: Sequence[str]) -> ui.ActionRow[Any]:
    custom_id = custom_ids.build(kind, str(parcel), "") or kind
    select: ui.Select[Any] = ui.Select(custom_id=custom_id, placeholder=f"{label} …")
    for project in projects:
        select.add_option(label=project, value=project)
    return ui.ActionRow(select)
