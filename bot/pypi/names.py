"""Project names as people type them, and as the index knows them (PEP 503, PEP 508)."""

import re

from packaging.utils import InvalidName, NormalizedName, canonicalize_name

from bot.errors import UserError
from bot.language import phrase, phrase_many

LONGEST_NAME = 255
"""A file name holds no more on common file systems; the longest name on PyPI has 188 characters."""

SHOWN_CHARACTERS = 40

_REQUIREMENT = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?)\s*[\[(=<>!~;@,]")


def normalise(name: str) -> NormalizedName:
    """Give the normalised form of a name. Raises `UserError` if no project can be named so."""
    name = name.strip()
    if not name:
        raise UserError(
            phrase("The name of a project is missing."), phrase("Give one, such as numpy.")
        )
    if len(name) > LONGEST_NAME:
        raise UserError(
            phrase_many(
                "“{name}” is too long for the name of a project: {count} character.",
                "“{name}” is too long for the name of a project: {count} characters.",
                len(name),
                name=harmless(name),
            ),
            phrase("A name has at most {limit}.", limit=LONGEST_NAME),
        )
    try:
        return canonicalize_name(name, validate=True)
    except InvalidName as error:
        start = _REQUIREMENT.match(name)
        raise UserError(
            phrase("“{name}” is not the name of a project.", name=harmless(name)),
            phrase("Give the name alone: {name}.", name=harmless(start[1]))
            if start
            else phrase("A name has the letters a-z, digits, and between them - . or _."),
        ) from error


def harmless(text: str) -> str:
    """Shorten a text and replace what is not printable, direction marks too, to quote it safely."""
    shown = text[:SHOWN_CHARACTERS] + ("…" if len(text) > SHOWN_CHARACTERS else "")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown)
