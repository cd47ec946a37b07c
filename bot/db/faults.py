"""What SQLite's result codes mean for the person who runs ftbot."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import DatabaseError

_LOCKED = (
    "is locked by another program",
    "Stop that program or wait until it is done, then try again.",
)

# Primary result codes (https://www.sqlite.org/rescode.html). Those that are missing here, such as
# SQLITE_CONSTRAINT or SQLITE_ERROR, are mistakes in ftbot's SQL.
_FAULTS = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_PROTOCOL: _LOCKED,
    sqlite3.SQLITE_READONLY: (
        "is read-only",
        "Give the user who runs ftbot the right to write the file and its folder.",
    ),
    sqlite3.SQLITE_PERM: (
        "may not be opened by this user",
        "Give the user who runs ftbot the right to read and write the file.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "Check that its folder exists and that the user who runs ftbot may write there.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "is not an SQLite file",
        "Restore a backup, or move the file away and ftbot makes a new one.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged",
        "Restore a backup, or move the file away and ftbot makes a new one.",
    ),
    sqlite3.SQLITE_FULL: ("cannot grow, its disk is full", "Make room on the disk."),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written, the disk reports an error",
        "Check the disk, then run: ftbot db check",
    ),
}


def primary_code(error: sqlite3.Error) -> int | None:
    """Return SQLite's primary result code, None if the sqlite3 module itself raised the error."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def explain(path: Path, error: sqlite3.Error) -> DatabaseError | None:
    """Say what is wrong with the file at `path`; None if ftbot's SQL is to blame, not the file."""
    fault = _FAULTS.get(primary_code(error) or sqlite3.SQLITE_OK)
    if fault is None:
        return None
    what, hint = fault
    return DatabaseError(f"The database {path} {what}.", hint)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn faults of the file at `path` into DatabaseError; mistakes in ftbot's SQL pass as is."""
    try:
        yield
    except sqlite3.Error as error:
        explanation = explain(path, error)
        if explanation is None:
            raise
        raise explanation from error
