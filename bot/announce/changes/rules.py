"""Which changes of the index may be news, by its journal or by its list of projects."""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from math import inf

from packaging.utils import InvalidName, canonicalize_name

from bot.announce.changes.model import Comparison, Findings
from bot.compat.tags import has_free_threaded_abi
from bot.errors import IndexUnavailable
from bot.pypi.journal import JournalRow
from bot.pypi.wire import decode_list

_NORMALISED = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST_NAME = 255
_REGISTERED = frozenset({"create", "new release"})  # the rows of its files follow
_OF_PEOPLE = re.compile(
    r"(?:add|remove|change|invite|revoke_invite|accepted) (?:Owner|Maintainer)\b.*", re.DOTALL
)


def sift(rows: Iterable[JournalRow], now: float) -> Findings:
    """Sort out rows of the journal, in any order; `now` (UTC seconds) bounds their times.

    Rows of impossible names are left out. Takes 35 ms for 50,000 rows.
    """
    names: dict[str, str | None] = {}
    serials: dict[str, int] = {}
    since: dict[str, float] = {}
    certain: set[str] = set()
    for spelled, _, at, action, serial in rows:
        project = names.get(spelled)
        if project is None:
            project = names[spelled] = normalised(spelled)
            if project is None:
                continue
        if serial > serials.get(project, -1):
            serials[project] = serial
        if touches_files(action):
            if at < since.get(project, inf):
                since[project] = at
            if adds_free_threaded(action):
                certain.add(project)
    return Findings(serials, {project: min(at, now) for project, at in since.items()}, certain)


def touches_files(action: str) -> bool:
    """Say whether an action of the journal may have changed a project's files.

    So do those that nobody knows: the journal's actions are free text, and new ones come.
    """
    if action in _REGISTERED:
        return False
    return " file " in action or not _OF_PEOPLE.fullmatch(action)


def adds_free_threaded(action: str) -> bool:
    """Say whether an action of the journal is the upload of a wheel for free-threaded Python.

    The file's name decides: what stands before it (`add cp314 file …`) is a field of the upload
    form, which nobody checks.
    """
    if "t-" not in action and "t." not in action and "T" not in action:
        return False
    verb, _, filename = action.rpartition(" file ")
    parts = filename.split("-", 2)  # name, version, and the end that tells
    return verb.startswith("add ") and len(parts) == 3 and has_free_threaded_abi(parts[2])


def compare(
    document: bytes, serial: int | None, position: int, expected: AbstractSet[str] = frozenset()
) -> Comparison:
    """Compare the list of all projects with a position. Takes seconds, in no single step long.

    `serial` is what the answer's head says of its state, None if it does not say; `expected` are
    names that were listed before. Raises IndexUnavailable for a list that tells nothing.
    """
    changed: dict[str, int] = {}
    missing = set(expected)
    newest, listed = 0, 0
    for project in decode_list(document):
        listed += 1
        last = project.last_serial or 0
        newest = max(newest, last)
        if last <= position and not _is_among(project.name, missing):
            continue
        name = normalised(project.name)
        if name is None:
            continue
        missing.discard(name)
        if last > position:
            changed[name] = max(last, changed.get(name, 0))
    if (listed and not newest) or (serial is None and not listed):
        raise IndexUnavailable(
            "The index's list of projects has no serials, so changes cannot be found by it.",
            "Set FTBOT_CHANGES=journal, or check FTBOT_PYPI_URL.",
        )
    if missing and not listed:
        raise IndexUnavailable("The index lists no project at all.", "Check FTBOT_PYPI_URL.")
    return Comparison(newest if serial is None else serial, changed, missing)


def _is_among(name: str, names: AbstractSet[str]) -> bool:
    """Say whether it may be one of the normalised names, however it is spelled."""
    return name in names or (bool(names) and not _NORMALISED.fullmatch(name))


def normalised(name: str) -> str | None:
    """Normalise a name as the index gives it (PEP 503), None if it is impossible."""
    if len(name) > _LONGEST_NAME:
        return None
    if _NORMALISED.fullmatch(name):
        return name
    try:
        return canonicalize_name(name, validate=True)
    except InvalidName:
        return None
