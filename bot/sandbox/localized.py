"""Commands by the names that Discord shows in one language, and what is meant by them."""

from collections.abc import Mapping
from typing import Any, TypeAlias

Part: TypeAlias = dict[str, Any]
"""A command, option or choice in the shape of Discord's API."""

_INSIDE = ("options", "choices")


def shown(part: Mapping[str, Any], locale: str) -> Part:
    """Return a part, and all in it, with the names and descriptions that it has in a language."""
    texts = {key: _text(part, key, locale) for key in ("name", "description") if key in part}
    inside = {key: [shown(each, locale) for each in part[key]] for key in _INSIDE if part.get(key)}
    return {**part, **texts, **inside}


def meant(picked: Mapping[str, Any], part: Mapping[str, Any], locale: str) -> Part:
    """Return what was picked in an interaction by the names that `part` has for the bot."""
    parts = {_text(each, "name", locale): each for each in part.get("options") or ()}
    options = [meant(each, parts[each["name"]], locale) for each in picked.get("options") or ()]
    return {**picked, "name": part["name"], **({"options": options} if options else {})}


def _text(part: Mapping[str, Any], key: str, locale: str) -> str:
    localized = part.get(f"{key}_localizations") or {}
    text: str = localized.get(locale, part[key])
    return text
