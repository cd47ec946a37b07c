"""Markers of lock files, put together from parts. They stay texts: who audits evaluates them.

A lock file states which extras and groups a package is for, in its own or in PEP 751's variables.
Those are settled here by what was chosen; what is left holds variables of the platform alone.
"""

import re
from collections.abc import Container
from typing import Final

from packaging.utils import canonicalize_name

TRUE: Final = 'os_name != ""'
FALSE: Final = 'os_name == ""'

_TOKEN: Final = re.compile(
    r"""
    \bextra\s{0,9}(?P<sign>==|!=)\s{0,9}(?P<right>"[^"]*"|'[^']*')
    |(?P<literal>"[^"]*"|'[^']*')
     (?:\s{0,9}(?P<turned>==|!=)\s{0,9}extra\b
      |\s{1,9}(?P<not>not\s{1,9})?in\s{1,9}(?:extras|dependency_groups)\b)?
    """,
    re.VERBOSE,
)


def settle(marker: str, chosen: Container[str] | None) -> str:
    """Replace what a marker asks of extras and groups by an answer.

    `chosen` are normalised names, None for all there are.
    """
    if "extra" not in marker and "dependency_groups" not in marker:
        return marker

    def answer(found: re.Match[str]) -> str:
        literal = found["right"] or found["literal"]
        if found[0] == literal:
            return literal
        negated = found["not"] or "!=" in (found["sign"], found["turned"])
        holds = chosen is None or canonicalize_name(literal[1:-1]) in chosen
        return TRUE if holds != bool(negated) else FALSE

    settled = _TOKEN.sub(answer, marker)
    return "" if settled == TRUE else settled


def both(*markers: str) -> str:
    """Return the marker that holds where all of these hold; "" always does."""
    parts = [each for each in dict.fromkeys(markers) if each]
    return parts[0] if len(parts) == 1 else " and ".join(f"({each})" for each in parts)


def either(*markers: str) -> str:
    """Return the marker that holds where one of these does; "" always does."""
    parts = list(dict.fromkeys(markers))
    if not all(parts):
        return ""
    return parts[0] if len(parts) == 1 else " or ".join(f"({each})" for each in parts)
