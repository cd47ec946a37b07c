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

from bot.announce.model import Content, Held, News, Novelty, Topic
from bot.compat.targets import PLATFORMS, PYTHONS
from bot.ui import custom_ids
from bot.ui.card import Card
from bot.ui.platforms import places
from bot.ui.text import clean, escape, fit, timestamp, web_address

GREEN, GREY = 0x3BA55D, 0x80848E

# Together below the 4000 characters that Discord gives all text of a message.
_HEAD, _BODY, _FOOT, _DIGEST = 800, 2000, 400, 3200
_OPTIONS, _VALUE = 25, 100  # Discord's limits of a select
_PYTHONS_IN_DIGEST = 4

_PARCEL = re.compile(
    rf"\d+(?:{custom_ids.NEWS_CHECK}|{custom_ids.WATCH}|{custom_ids.UNWATCH}):(\d{{1,19}}):.*"
)

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
        text = _digest(contents, "/watch list" if personal else "/announce list")
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
        note = "This is how news looks. There is none yet, so this example is made up."
        items: list[ui.Item[Any]] = [ui.TextDisplay(_full(_MADE_UP))]
    else:
        note = "This is how news looks, by the latest example."
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
    good = any(each.topic is Topic.GAIN and each.withdrawn is None for each in contents)
    return GREEN if good else GREY


# One piece of news in full


def _full(content: Content) -> str:
    parts = [fit(_head(content), _HEAD), fit(_body(content), _BODY), fit(_foot(content), _FOOT)]
    return "\n".join(filter(None, parts))


def _head(content: Content) -> Iterator[str]:
    title = f"{escape(content.name, 80)} {escape(content.version, 40)}"
    mark = " (pre-release)" if content.prerelease else ""
    if content.withdrawn is None or content.topic is Topic.WITHDRAWAL:
        yield f"## {title}{mark}"
        yield f"**{_headline(content)}**"
    else:
        yield f"## ~~{title}~~{mark}"
        yield f"**{_retraction(content)}**"
        yield _headline(content)


def _retraction(content: Content) -> str:
    """Say why what was told is no longer so."""
    word = "No longer so" if content.topic is Topic.LOSS else "Withdrawn"
    return f"{word}: {escape(content.withdrawn or '', 200)}"


def _headline(content: Content) -> str:
    match content.topic, content.novelty:
        case Topic.LOSS, _:
            return f"No free-threaded wheels for {_pythons(content.lost)} any more"
        case Topic.WITHDRAWAL, _ if content.withdrawn is None:
            return "Was withdrawn, and can be installed again"
        case Topic.WITHDRAWAL, _:
            return _retraction(content)
        case _, Novelty.FIRST:
            return "🆕 Its first free-threaded wheels"
        case _, Novelty.PYTHON:
            rest = {each.python for each in frozenset(content.held).difference(content.new)}
            first = [each for each in content.new if each.python not in rest]
            return f"🆕 Its first wheels for {_pythons(first or content.new)}"
        case _, Novelty.PLATFORM:
            return "🆕 Free-threaded wheels for more platforms"
    return "Has free-threaded wheels"


def _pythons(held: Sequence[Held]) -> str:
    names = sorted({each.python for each in held}, key=_python_order)
    shown = [escape(name, 20) for name in names[:_PYTHONS_IN_DIGEST]]
    if len(names) > len(shown):
        shown.append("others")
    *most, last = shown or ["free-threaded Python"]
    return f"{', '.join(most)} and {last}" if most else last


def _body(content: Content) -> list[str]:
    """List what is new, an interpreter a line; below it in small what else the release has."""
    if content.topic is Topic.WITHDRAWAL:
        return []
    main = content.lost if content.topic is Topic.LOSS else content.new or content.held
    lines = [f"**{python}** {where}" for python, where in _where(main)]
    rest = frozenset(content.held).difference(main)
    word = "Still there" if content.topic is Topic.LOSS else "Also"
    return lines + [f"-# {word}: {python} {where}" for python, where in _where(rest)]


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
    return f"everywhere, {others}" if others else "everywhere"


def _python_order(python: str) -> tuple[int, str]:
    return (PYTHONS.index(python) if python in PYTHONS else len(PYTHONS)), python


def _foot(content: Content) -> list[str]:
    count = content.wheels
    uploaded = timestamp(content.uploaded, "R")
    facts = [
        f"{escape(content.before, 40)} had them" if content.before else "",
        f"{count} free-threaded wheel{'s' if count > 1 else ''}" if count > 0 else "",
        f"uploaded {uploaded}" if uploaded else "",
        f"rank {content.rank} by downloads" if content.rank else "",
    ]
    text = " · ".join(filter(None, facts))
    return [f"-# {text}"] if text else []


def _links(content: Content, site: str) -> ui.ActionRow[Any] | None:
    page = f"{site}/project/{quote(clean(content.project, 200), safe='')}/" if site else None
    row: ui.ActionRow[Any] = ui.ActionRow()
    for label, url in (("Project page", page), ("Free-threading issue", content.upstream_issue)):
        if address := web_address(url):
            row.add_item(ui.Button(label=label, url=address, style=discord.ButtonStyle.link))
    return row if row.children else None


# Several pieces of news


_HEADINGS = {
    (Topic.GAIN, Novelty.FIRST): "First free-threaded wheels",
    (Topic.GAIN, Novelty.PYTHON): "First wheels for another Python",
    (Topic.GAIN, Novelty.PLATFORM): "More platforms",
    (Topic.GAIN, Novelty.NOTHING): "Releases with free-threaded wheels",
    (Topic.LOSS, Novelty.NOTHING): "No wheels any more",
    (Topic.WITHDRAWAL, Novelty.NOTHING): "Withdrawn",
}
_GROUPS = tuple(_HEADINGS)


def _digest(contents: Sequence[Content], command: str) -> str:
    """List the news in groups, the most downloaded first, as many as there is room for.

    `command` shows what was asked for, should this be too much.
    """
    lines = [f"## {len(contents)} pieces of news about free-threaded wheels"]
    room = _DIGEST - len(lines[0])
    shown, heading = 0, ""
    for content in sorted(contents, key=_digest_order):
        lead = f"### {_HEADINGS[_group(content)]}"
        added = [_digest_line(content)] if lead == heading else [lead, _digest_line(content)]
        room -= sum(len(line) + 1 for line in added)
        if room < 0:
            break
        lines += added
        shown, heading = shown + 1, lead
    if rest := len(contents) - shown:
        lines.append(f"-# … and {rest} more. `{command}` shows what was asked for.")
    return "\n".join(lines)


def _group(content: Content) -> tuple[Topic, Novelty]:
    novelty = content.novelty if content.topic is Topic.GAIN else Novelty.NOTHING
    return content.topic, novelty


def _digest_order(content: Content) -> tuple[int, float, str]:
    rank = float("inf") if content.rank is None else content.rank
    return _GROUPS.index(_group(content)), rank, content.project


def _digest_line(content: Content) -> str:
    title = f"{escape(content.name, 60)} {escape(content.version, 30)}"
    mark = " (pre-release)" if content.prerelease else ""
    if content.withdrawn is not None:
        return f"- ~~{title}~~{mark} {_retraction(content)}"
    if content.topic is Topic.WITHDRAWAL:
        return f"- **{title}**{mark} can be installed again"
    if content.topic is Topic.LOSS:
        return f"- **{title}**{mark} none for {_pythons(content.lost)}"
    where = islice(_where(content.new or content.held), _PYTHONS_IN_DIGEST)
    return f"- **{title}**{mark} " + "; ".join(f"{python} {spots}" for python, spots in where)


# What can be pressed


def _buttons(
    contents: Sequence[Content], parcel: int, *, personal: bool
) -> list[ui.ActionRow[Any]]:
    """Return buttons for one project, selects for several; the parcel's number always."""
    kind, label = (custom_ids.UNWATCH, "Stop watching") if personal else (custom_ids.WATCH, "Watch")
    kinds = ((custom_ids.NEWS_CHECK, "Check"), (kind, label))
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
