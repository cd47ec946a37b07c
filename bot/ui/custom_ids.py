"""What a button or select carries in its `custom_id`, so that it works after any restart.

    custom_id = "1" kind *( ":" field )

The leading figure is the version of this grammar: raise it when the meaning of fields changes,
and components of older messages are answered as outdated. Fields are percent-encoded, so any text
may stand in them, as long as the whole fits into Discord's 100 characters.
"""

import re
from urllib.parse import quote, unquote

VERSION = "1"
LIMIT = 100

CHECK = "check"
"""A button that checks: project."""
CHECK_DETAILS = "details"
"""The select below an answer: project, python and platform that were asked for ("" is all)."""

NEWS_CHECK = "look"
"""A button or select below news that checks: parcel, project ("" where the choice names it)."""
WATCH = "watch"
"""One that watches a project, or stops that: fields as above."""
UNWATCH = "unwatch"
"""One that stops watching a project: fields as above."""
UNSUBSCRIBE = "unsubscribe"
"""The select of channels that are to hear no more: no fields."""


def build(kind: str, *fields: str) -> str | None:
    """Return the custom_id of these fields, or None if they don't fit into one."""
    try:
        text = ":".join((VERSION + kind, *(quote(field, safe="") for field in fields)))
    except UnicodeEncodeError:  # lone surrogates
        return None
    return text if len(text) <= LIMIT else None


def fields(custom_id: str) -> tuple[str, ...]:
    """Return the fields that `build` was given, for a custom_id that matched a `template`."""
    return tuple(unquote(field) for field in custom_id.split(":")[1:])


def template(kind: str, count: int) -> re.Pattern[str]:
    """Return what the custom_ids of `kind` with `count` fields look like."""
    return re.compile(re.escape(VERSION + kind) + r"(?::[A-Za-z0-9_.~%-]*)" + f"{{{count}}}")
