"""Poetry's own constraints on versions, as specifiers of the standard."""

import re
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

_LONGEST: Final = 500
_PART: Final = re.compile(
    r"(\^|~=|~|={1,3}|!=|<=|>=|<|>)?\s{0,9}([^\s,^~=!<>]{1,100})\s{0,9},?\s{0,9}"
)


def specifier(constraint: str) -> str | None:
    """Return the specifier that means the same, None for a constraint that has none.

    Alternatives (`^1 || ^3`) have none.
    """
    text = constraint.strip()
    if len(text) > _LONGEST:
        return None
    parts: list[str] = []
    place = 0
    while place < len(text):
        found = _PART.match(text, place)
        part = _translated(found[1] or "", found[2]) if found else None
        if not found or part is None:
            return None
        parts.append(part)
        place = found.end()
    try:
        return str(SpecifierSet(",".join(filter(None, parts))))
    except InvalidSpecifier:
        return None


def _translated(operator: str, version: str) -> str | None:
    """Return one part of a constraint; "" for any version."""
    if version in {"*", "x", "X"}:
        return "" if operator in {"", "=", "==", ">=", "^", "~"} else None
    if version.endswith((".*", ".x")):
        return f"{operator if operator == '!=' else '=='}{version[:-1]}*"
    if operator not in {"^", "~"}:
        return f"{'==' if operator in {'', '='} else operator}{version}"
    try:
        release = Version(version).release
    except (InvalidVersion, ValueError):
        return None
    # The caret keeps the first part that is not zero, the tilde the first two parts.
    kept = 1 if operator == "^" or len(release) == 1 else 2
    if operator == "^":
        kept += next((i for i, part in enumerate(release) if part), len(release) - 1)
    upper = [*release[: kept - 1], release[kept - 1] + 1, *(0 for _ in release[kept:])]
    return f">={version},<{'.'.join(map(str, upper))}"
