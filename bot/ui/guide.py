"""What /guide shows, and how other messages point into the guide."""

from collections.abc import Iterator, Sequence

import discord
from discord import ui

from bot.guide.model import Hit, Pointer
from bot.guide.rules import is_foreign
from bot.language import say
from bot.ui.card import Card
from bot.ui.text import escape, fit, link, web_address

BLUE = 0x5865F2

# Visible characters; escaping doubles them at most.
_TITLE, _PAGE, _GIST, _QUERY, _LINK = 150, 100, 400, 80, 120
# Addresses count too. With all above, below the 4000 that Discord gives all text of a message.
_OTHERS, _CONTENTS = 1500, 3500


def found(hits: Sequence[Hit]) -> Card:
    """Return the best section with its gist and a link, and links to the other ones."""
    best, *others = hits
    gist = escape(best.gist, _GIST)
    return Card(
        ui.TextDisplay("\n".join(_head(best))),
        ui.TextDisplay(gist) if gist else None,
        _read_on(best),
        ui.Separator() if others else None,
        ui.TextDisplay(fit(_others(others), _OTHERS)) if others else None,
        colour=BLUE,
    )


def contents(chapters: Sequence[Hit], query: str = "") -> Card:
    """Return links to the chapters of the guide, for no query or one that nothing fits."""
    lines = [f"## {say('The porting guide')}"]
    if query.strip():
        lines.append(_nothing_fits(query))
    lines += [f"- {link(each.title, each.url, _LINK)}" for each in chapters]
    return Card(ui.TextDisplay(fit(lines, _CONTENTS)), colour=BLUE)


def _nothing_fits(query: str) -> str:
    asked = escape(query, _QUERY)
    if is_foreign(query):
        return say(
            "Nothing in it fits “{query}”. The guide is in English, so try an English word."
            " These are its chapters:",
            query=asked,
        )
    return say("Nothing in it fits “{query}”. These are its chapters:", query=asked)


def pointed(pointer: Pointer | None) -> str:
    """Return a small line that leads into the guide, "" where it does not help."""
    if pointer is None:
        return ""
    section = link(pointer.title, pointer.url, _LINK)
    return f"-# 📖 {say('In the guide: {section}', section=section)}"


def _head(hit: Hit) -> Iterator[str]:
    yield f"## {escape(hit.title, _TITLE)}"
    if hit.page != hit.title:
        yield f"-# {escape(hit.page, _PAGE)}"


def _others(hits: Sequence[Hit]) -> Iterator[str]:
    yield f"**{say('Perhaps also')}**"
    for hit in hits:
        page = f" · {escape(hit.page, _PAGE)}" if hit.page != hit.title else ""
        yield f"- {link(hit.title, hit.url, _LINK)}{page}"


def _read_on(hit: Hit) -> ui.ActionRow[ui.LayoutView] | None:
    address = web_address(hit.url)
    if address is None:
        return None
    button: ui.Button[ui.LayoutView] = ui.Button(
        label=say("Read on"), url=address, style=discord.ButtonStyle.link
    )
    return ui.ActionRow(button)
