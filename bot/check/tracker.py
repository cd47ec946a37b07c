"""The community's hand-kept tracking table, read from its Markdown.

People keep it and people read it, so its icons, footnotes and columns change without notice.
Cells are therefore found by the header's names and judged by what they hold: a row that cannot be
understood is left out, a cell that cannot be is empty, and no link is shown that is not plainly
safe.
"""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.check.claims import safe_link
from bot.check.model import TrackerClaim
from bot.errors import UserError

log = logging.getLogger(__name__)

MAX_TEXT: Final = 1_000_000
"""Characters of the whole page; it had 54,000 in June 2026."""
MAX_ROWS: Final = 5_000
MAX_ROW: Final = 10_000
"""Characters of one row; the widest real one has 400."""
MAX_NAME: Final = 100
MAX_VERSION: Final = 40
MAX_NOTES: Final = 8
MAX_NOTE: Final = 1_000
MAX_LINKS: Final = 8

_COLUMNS: Final = {
    "project": "name",
    "upstream issue": "issue",
    "tested in ci": "ci",
    "pypi release": "release",
    "first version with support": "since",
    "nightly wheels": "nightly",
    "nightly link": "nightly_link",
}
_PLATFORMS: Final = {"linux": "linux", "apple": "macos", "windows": "windows"}

_DELIMITER: Final = re.compile(r"\s*:?-+:?\s*")
_PIPE: Final = re.compile(r"(?<!\\)\|")
_NOTE: Final = re.compile(r"[ ]{0,3}\[\^([^\]\s]{1,32})\]:[ \t]*(.*)")
_REFERENCE: Final = re.compile(r"\[\^([^\]\s]{1,32})\]")
_ICON: Final = re.compile(r":([a-z0-9]+(?:-[a-z0-9]+)+):")
# A link with an optional title; no two parts can match the same text, or long cells take seconds.
_LINK: Final = re.compile(r"!?\[([^\[\]]*)\]\(<?((?:[^()\s<>]|\([^()\s<>]*\))*)>?(?:\s[^()]*)?\)")
# Only marks that are surely markup: underscores are parts of names (`jupyter_client`).
_EMPHASIS: Final = re.compile(r"[*`]+")


class TrackerRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row of the table. `name` is the display name, which need not be the index's.

    `since` is the first version with support as its keepers see it, which may be older or newer
    than the first free-threaded wheel. `notes` are its footnotes as plain text.
    """

    name: str
    since: str | None = None
    upstream_issue: str | None = None
    tested_in_ci: bool = False
    pypi_release: bool = False
    nightly_platforms: tuple[str, ...] = ()
    nightly_links: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class TrackerTable(msgspec.Struct, frozen=True):
    """The table as it is shipped and stored: where it comes from, of which day, and its rows."""

    source: str
    licence: str
    date: str
    rows: tuple[TrackerRow, ...]


def parse_table(markdown: str) -> tuple[TrackerRow, ...]:
    """Read the rows of every table whose header has a column "Project" and another known one.

    Bad rows are left out, and their number is logged. UserError if the text is too large or
    has no such table, for then the page has become something else.
    """
    if len(markdown) > MAX_TEXT:
        raise UserError(
            "The tracking table is too large to be read.", "Check the setting FTBOT_TRACKER_URL."
        )
    lines = markdown.replace("\r\n", "\n").split("\n")
    table_rows = _table_rows(lines)
    if table_rows is None:
        raise UserError(
            "The text has no tracking table in it.", "Check the setting FTBOT_TRACKER_URL."
        )
    notes = _footnotes(lines)
    parsed = [_row(cells, notes) for cells in table_rows[:MAX_ROWS]]
    rows = tuple(row for row in parsed if row is not None)
    if skipped := len(table_rows) - len(rows):
        log.warning("tracking table: %d of %d rows left out", skipped, len(table_rows))
    return rows


def claims_by_project(
    rows: Iterable[TrackerRow], aliases: Mapping[str, Sequence[str]]
) -> dict[str, TrackerClaim]:
    """Return the claim for each normalised project name (PEP 503).

    `aliases` maps display names, in any case, to their projects on the index; an empty list keeps
    a row from speaking for a project that only has a like name. Of two rows the first counts.
    """
    by_display_name = {name.casefold(): projects for name, projects in aliases.items()}
    claims: dict[str, TrackerClaim] = {}
    for row in rows:
        claim = TrackerClaim(row.since, row.upstream_issue, row.tested_in_ci, row.notes)
        projects = by_display_name.get(row.name.casefold())
        for project in _like_named(row.name) if projects is None else projects:
            claims.setdefault(project, claim)
    return claims


def read_table(body: bytes) -> TrackerTable:
    """Read what `write_table` wrote; raise UserError if it is something else."""
    try:
        return msgspec.json.decode(body, type=TrackerTable)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(
            "The stored tracking table cannot be read.",
            "Delete it, so that it is fetched again, or install ftbot again.",
        ) from error


def write_table(table: TrackerTable) -> bytes:
    """Return the table as JSON, a field a line so that its changes can be reviewed."""
    return msgspec.json.format(msgspec.json.encode(table), indent=1) + b"\n"


def _table_rows(lines: Sequence[str]) -> list[dict[str, str]] | None:
    """Return the raw rows as column → cell, None if there is no table; a bad row is empty."""
    rows: list[dict[str, str]] | None = None
    columns: list[str | None] = []
    delimiter_at = -1
    for number, line in enumerate(lines):
        if number == delimiter_at:
            continue
        if not columns:
            columns = _header(line, lines[number + 1] if number + 1 < len(lines) else "")
            if columns:
                delimiter_at = number + 1
                rows = [] if rows is None else rows
        elif not line.strip():
            columns = []
        elif rows is not None:
            cells = _cells(line)
            pairs = zip(columns, cells, strict=False)
            rows.append({column: cell for column, cell in pairs if column})
    return rows


def _header(line: str, below: str) -> list[str | None]:
    """Return the columns that a header line names, empty if it is not the table's header."""
    underline = _cells(below)
    if not underline or not all(_DELIMITER.fullmatch(cell) for cell in underline):
        return []
    columns = [_COLUMNS.get(_plain(cell).casefold()) for cell in _cells(line)]
    known = {column for column in columns if column}
    return columns if "name" in known and len(known) > 1 else []


def _cells(line: str) -> list[str]:
    """Split a row at the pipes that are not escaped; empty if it is too long or has none."""
    line = line.strip()
    if len(line) > MAX_ROW or "|" not in line:
        return []
    cells = _PIPE.split(line)
    if not cells[0]:
        del cells[0]
    if cells and not cells[-1]:
        del cells[-1]
    return [cell.replace("\\|", "|").strip() for cell in cells]


def _footnotes(lines: Sequence[str]) -> dict[str, list[str]]:
    """Return the footnotes' raw lines by label. One goes on over indented or unbroken lines."""
    notes: dict[str, list[str]] = {}
    parts: list[str] | None = None
    after_blank = False
    for line in lines:
        if len(line) > MAX_ROW:
            parts = None
        elif definition := _NOTE.match(line):
            parts = [definition[2]]
            # The first definition of a label counts, as in Markdown.
            notes.setdefault(definition[1], parts)
        elif parts is not None and line.strip():
            indented = line.startswith(("    ", "\t"))
            if indented or not (after_blank or line.lstrip().startswith(("|", "#", "<"))):
                parts.append(line)
            else:
                parts = None
        after_blank = not line.strip()
    return notes


def _row(cells: Mapping[str, str], notes: Mapping[str, list[str]]) -> TrackerRow | None:
    """Return the row, None if it has no usable name."""
    name = _plain(cells.get("name", ""))
    if len(name) > MAX_NAME or not any(c.isalnum() for c in name):
        return None
    labels = dict.fromkeys(_REFERENCE.findall(" ".join(cells.values())))
    known = [label for label in labels if label in notes][:MAX_NOTES]
    texts = [_plain(" ".join(notes[label])[:MAX_ROW]) for label in known]
    return TrackerRow(
        name=name,
        since=_version(cells.get("since", "")),
        upstream_issue=next(iter(_links(cells.get("issue", ""))), None),
        tested_in_ci=_ticked(cells.get("ci", "")),
        pypi_release=_ticked(cells.get("release", "")),
        nightly_platforms=_platforms(cells.get("nightly", "")),
        nightly_links=_links(cells.get("nightly_link", "")),
        notes=tuple(_shortened(text) for text in texts if text),
    )


def _plain(text: str) -> str:
    """Return the text without references to footnotes, link targets and emphasis, on one line."""
    text = _REFERENCE.sub("", text)
    text = _EMPHASIS.sub("", _LINK.sub(r"\1", text))
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_NOTE else text[: MAX_NOTE - 1].rstrip() + "…"


def _ticked(cell: str) -> bool:
    """Tell whether the cell has a check mark, of whatever icon set and however it is misspelt."""
    return any("check" in icon.split("-") for icon in _ICON.findall(cell))


def _version(cell: str) -> str | None:
    """Return the version as it is written, None if the cell holds something else."""
    text = _plain(cell)
    if len(text) > MAX_VERSION:
        return None
    try:
        Version(text)
    except InvalidVersion:
        return None
    return text


def _platforms(cell: str) -> tuple[str, ...]:
    words = [word for icon in _ICON.findall(cell) for word in icon.split("-")]
    return tuple(dict.fromkeys(_PLATFORMS[word] for word in words if word in _PLATFORMS))


def _links(cell: str) -> tuple[str, ...]:
    """Return the targets that are safe to show. The icon before one may name another host."""
    targets = (safe_link(target) for _, target in _LINK.findall(cell))
    return tuple(dict.fromkeys(target for target in targets if target))[:MAX_LINKS]


def _like_named(name: str) -> tuple[str, ...]:
    """Return the project of this very name, nothing if the index admits no such name."""
    try:
        return (canonicalize_name(name, validate=True),)
    except InvalidName:
        return ()
