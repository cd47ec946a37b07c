"""What people read in a message, and what would come alive in it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from discord import ui

from tests.e2e.discord_spec import TEXT, V2_FLAG, message_problems, walk

_INERT = re.compile(r"\\[^0-9A-Za-z\s]|`[^`\n]*`|<t:-?\d+:[DR]>")
_ALIVE = re.compile(r"<|://|\]\(|@everyone|@here|[\u200e\u200f\u202a-\u202e\u2066-\u2069\x00]")


def message(view: ui.LayoutView) -> dict[str, Any]:
    """Return the body that the view is sent as."""
    return {"components": components(view), "flags": V2_FLAG}


def components(view: ui.LayoutView) -> list[Mapping[str, Any]]:
    return view.to_components()  # type: ignore[no-untyped-call, no-any-return]  # discord.py's gap


def parts(view: ui.LayoutView, kind: int) -> list[Mapping[str, Any]]:
    return [each for each in walk(components(view)) if each["type"] == kind]


def text(view: ui.LayoutView) -> str:
    return "\n".join(each["content"] for each in parts(view, TEXT))


def problems(view: ui.LayoutView) -> list[str]:
    """Return which limits of Discord the message breaks, and what is alive in it."""
    return [*message_problems(message(view)), *_lengths(view), *alive(text(view))]


def alive(shown: str) -> list[str]:
    """Return mentions, links and control characters that are neither escaped nor in code."""
    found = _ALIVE.findall(_INERT.sub("", shown))
    return found + re.findall("@everyone|@here", shown)


def _lengths(view: ui.LayoutView) -> Iterator[str]:
    limits = {"label": 100, "value": 100, "description": 100, "placeholder": 150, "url": 512}
    for each in walk(components(view)):
        options = each.get("options", ())
        values = [option["value"] for option in options]
        if len(options) > 25 or len(set(values)) < len(values):
            yield f"{len(options)} options"
        if not 1 <= len(each.get("custom_id", "x")) <= 100:
            yield f"custom_id {each['custom_id']!r}"
        if each["type"] == 2 and len(each["label"]) > 80:
            yield f"label {each['label']!r}"
        if each["type"] == 1 and not 1 <= len(each["components"]) <= 5:
            yield f"a row of {len(each['components'])}"
        for part in (each, *options):
            for key, limit in limits.items():
                if not 1 <= len(part.get(key) or "x") <= limit:
                    yield f"{key} {part[key]!r}"
