"""What an operator does to the file itself, upgrading apart. All of it blocks."""

import sqlite3
from contextlib import closing
from pathlib import Path

from bot.db.schema import BUSY_TIMEOUT, opened
from bot.errors import DatabaseError, UserError


def backup(path: Path, to: Path, *, busy_timeout: float = BUSY_TIMEOUT) -> None:
    """Copy the database to the new file `to` as of one moment, while others read and write it.

    The copy appears under its name when it is whole. DatabaseError if the database cannot be read,
    UserError if `to` exists or cannot be written.
    """
    _must_exist(path)
    partial = to.with_name(f"{to.name}.partial")
    with opened(path, busy_timeout) as source:
        source.execute("PRAGMA schema_version")  # so that later failures are the copy's
        try:
            if to.exists():
                raise UserError(f"{to} exists already.", "Name a file that does not exist.")
            partial.unlink(missing_ok=True)
            with closing(sqlite3.connect(partial)) as copy:
                source.backup(copy)
            partial.replace(to)
        except (OSError, sqlite3.Error) as error:
            raise UserError(
                f"The backup {to} cannot be written: {error}.",
                "Check that its folder exists, may be written and has room.",
            ) from error


def check(path: Path, *, busy_timeout: float = BUSY_TIMEOUT) -> list[str]:
    """Return what is wrong inside the file, a line each; DatabaseError if it cannot be read at all.

    It reads every page, which takes seconds for a large file; others may go on using it.
    """
    _must_exist(path)
    with opened(path, busy_timeout) as connection:
        damages = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        orphans = [
            f"row {rowid} of {table} refers to a row of {parent} that does not exist"
            for table, rowid, parent, _ in connection.execute("PRAGMA foreign_key_check")
        ]
    return [damage for damage in damages if damage != "ok"] + orphans


def _must_exist(path: Path) -> None:
    try:
        path.stat()
    except OSError as error:
        raise DatabaseError(
            f"There is no database {path}: {error.strerror}.", "Make one: ftbot db upgrade"
        ) from error
