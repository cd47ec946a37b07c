"""What pip says is installed: `pip freeze` and `pip list`, as JSON and in columns."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Final

import msgspec
from packaging.utils import canonicalize_name

from bot.audit.manifests.files import File, excerpt
from bot.audit.manifests.lines import parse_lines
from bot.audit.manifests.pinning import sort_out_pinned, unreadable
from bot.audit.manifests.requirement import as_pinned, parse
from bot.audit.model import Manifest, Pinned, Problem
from bot.language import phrase

_FEWEST: Final = 3
"""Fewer pins are rather what somebody wrote."""
_WRITTEN: Final = re.compile(r"require|constraint|\.in$", re.IGNORECASE)
_COLUMNS: Final = re.compile(r"\s{0,9}Package {1,200}Version\b[^\n]*\n-{3,200} {1,9}-{3,200}")
_PIN: Final = re.compile(r"([A-Za-z0-9][\w.-]{0,99})(?:={2,3}[^\s;,*]{1,200}| @ \S{1,1000})$")
_EDITABLE: Final = re.compile(r"# Editable .{0,100}\((?P<pin>[\w.-]{1,100}==[^\s()]{1,100})\)$")
_INSTALLED: Final = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]{0,99})\s{1,200}(?P<version>\S{1,100})")


class _Row(msgspec.Struct):
    """A row of `pip list --format json`."""

    name: str
    version: str
    editable_project_location: str | None = None


def is_freeze(source: str, text: str) -> bool:
    """Say whether a text is what `pip freeze` writes: nothing but pins, sorted by name.

    Somebody may have written the same by hand, and then wants what it needs besides: so a name
    that says `requirements` decides, and two pins are too few.
    """
    if _WRITTEN.search(PurePosixPath(source).name):
        return False
    names: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if found := _PIN.match(line):
            names.append(found[1])
        elif line and not line.startswith(("-e ", "# Editable ", "## ")):
            return False
    # pip sorts by the names as they are spelt, uv by the normalised ones.
    ways = (str.lower, canonicalize_name)
    return len(names) >= _FEWEST and any(
        all(first <= second for first, second in pairwise(map(way, names))) for way in ways
    )


def is_columns(text: str) -> bool:
    """Say whether a text is what `pip list` writes on a terminal."""
    return bool(_COLUMNS.match(text))


def read_freeze(file: File) -> Manifest:
    """Read what `pip freeze` wrote."""
    return _installed(file, "pip freeze", _frozen(file))


def read_list(file: File) -> Manifest:
    """Read what `pip list` wrote, with `--format json` or in columns."""
    rows = _columns(file) if file.data is None else _rows(file)
    return _installed(file, "pip list", rows)


def _frozen(file: File) -> Iterator[Pinned | Problem]:
    # pip tells the name of an editable install in the comment before it.
    told = {
        number + 1: comment["pin"]
        for number, line in enumerate(file.text.splitlines(), start=1)
        if (comment := _EDITABLE.match(line))
    }
    for line in parse_lines(file.text):
        where = f"{file.source}:{line.number}"
        if line.malformed:
            yield Problem(where, unreadable(line.requirement, line.malformed))
            continue
        pin = told.get(line.number) if line.editable else None
        found = parse(pin or line.requirement, where, editable=line.editable and not pin)
        if isinstance(found, Problem):
            yield found
        elif line.editable:
            yield replace(as_pinned(found), origin="editable")
        else:
            yield as_pinned(found)


def _rows(file: File) -> Iterator[Pinned | Problem]:
    for index, row in enumerate(file.data):
        where = f"[{index}]"
        try:
            found = msgspec.convert(row, _Row)
        except msgspec.ValidationError as error:
            reason = excerpt(str(error))
            yield Problem(where, phrase("This is no package: {reason}.", reason=reason))
        else:
            editable = found.editable_project_location is not None
            yield _package(found.name, found.version, where, editable=editable)


def _columns(file: File) -> Iterator[Pinned | Problem]:
    lines = file.text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("---"))
    located = "location" in lines[start - 1]
    for number, line in enumerate(lines[start + 1 :], start=start + 2):
        where = f"{file.source}:{number}"
        if found := _INSTALLED.match(line):
            editable = located and bool(line[found.end() :].strip())
            yield _package(found["name"], found["version"], where, editable=editable)
        elif line.strip() and not line.startswith("["):  # pip's notice of a new release
            text = phrase("{line} is no package with its version.", line=repr(excerpt(line)))
            yield Problem(where, text)


def _package(name: str, version: str, where: str, *, editable: bool) -> Pinned | Problem:
    found = parse(f"{name}==={version}", where)
    if isinstance(found, Problem):
        return found
    return replace(as_pinned(found), origin="editable" if editable else "index")


def _installed(file: File, name: str, found: Iterable[Pinned | Problem]) -> Manifest:
    """Make a lock of what is installed; it does not tell what requires what."""
    pinned, problems = sort_out_pinned(found, file)
    return Manifest(file.source, name, locked=True, pinned=pinned, problems=problems)
