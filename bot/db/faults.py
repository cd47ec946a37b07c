"""What SQLite's result codes mean for the person who runs ftbot."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import DatabaseError
from bot.language import phrase


def primary_code(error: sqlite3.Error) -> int | None:
    """Return SQLite's primary result code, None if the sqlite3 module itself raised the error."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def explain(path: Path, error: sqlite3.Error) -> DatabaseError | None:
    """Say what is wrong with the file at `path`; None if ftbot's SQL is to blame, not the file."""
    told = _told(primary_code(error) or sqlite3.SQLITE_OK, path)
    return DatabaseError(*told) if told else None


def _told(code: int, path: Path) -> tuple[str, str] | None:
    """Say what a primary result code means, and the mend (https://www.sqlite.org/rescode.html).

    Those that are missing here, such as SQLITE_CONSTRAINT or SQLITE_ERROR, are mistakes in ftbot's
    SQL.
    """
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_PROTOCOL:
            text = phrase("The database {path} is locked by another program.", path=path)
            return text, phrase("Stop that program or wait until it is done, then try again.")
        case sqlite3.SQLITE_READONLY:
            text = phrase("The database {path} is read-only.", path=path)
            return text, phrase(
                "Give the user who runs ftbot the right to write the file and its folder."
            )
        case sqlite3.SQLITE_PERM:
            text = phrase("The database {path} may not be opened by this user.", path=path)
            return text, phrase(
                "Give the user who runs ftbot the right to read and write the file."
            )
        case sqlite3.SQLITE_CANTOPEN:
            text = phrase("The database {path} cannot be opened.", path=path)
            return text, phrase(
                "Check that its folder exists and that the user who runs ftbot may write there."
            )
        case sqlite3.SQLITE_NOTADB:
            text = phrase("The database {path} is not an SQLite file.", path=path)
            return text, _restore()
        case sqlite3.SQLITE_CORRUPT:
            return phrase("The database {path} is damaged.", path=path), _restore()
        case sqlite3.SQLITE_FULL:
            text = phrase("The database {path} cannot grow, its disk is full.", path=path)
            return text, phrase("Make room on the disk.")
        case sqlite3.SQLITE_IOERR:
            text = phrase(
                "The database {path} cannot be read or written, the disk reports an error.",
                path=path,
            )
            return text, phrase("Check the disk, then run: ftbot db check")
    return None


def _restore() -> str:
    return phrase("Restore a backup, or move the file away and ftbot makes a new one.")


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
