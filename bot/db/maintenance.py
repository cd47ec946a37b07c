"""What an operator does to the file itself, upgrading apart. All of it blocks."""

import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot.db import copies
from bot.db.faults import explained, primary_code
from bot.db.schema import BUSY_TIMEOUT, connect, opened, require_ours
from bot.errors import DatabaseError, UserError

_UNUSABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def backup(path: Path, to: Path, *, busy_timeout: float = BUSY_TIMEOUT) -> None:
    """Copy the database to the new file `to` as of one moment, while others read and write it.

    The copy appears under its name when it is whole. DatabaseError if the database cannot be read,
    UserError if `to` exists or cannot be written.
    """
    _must_exist(path)
    with _writing(path, busy_timeout, f"The backup {to}") as source:
        if to.exists():
            raise UserError(f"{to} exists already.", "Name a file that does not exist.")
        copies.copy(source, to)


def keep_backup(
    path: Path,
    most: int,
    *,
    busy_timeout: float = BUSY_TIMEOUT,
    stopped: Callable[[], bool] = lambda: False,
) -> Path:
    """Add a backup to the folder beside the database, where the newest `most` are kept.

    Raises DatabaseError if the database cannot be read, UserError if the copy cannot be written or
    was `stopped`.
    """
    _must_exist(path)
    with _writing(path, busy_timeout, "The daily backup") as source:
        return copies.keep(source, path, most, stopped=stopped)


def restore(path: Path, backup: Path) -> Path | None:
    """Put a copy of `backup` in the place of the database, which keeps another name.

    Returns that name, None if there was no database. DatabaseError if any process has the database
    open, if `backup` is damaged or not ftbot's, or is from a newer ftbot; then nothing is changed.
    """
    _must_be_file(backup)
    if path.exists() and path.samefile(backup):
        raise UserError(f"{backup} is the database itself.", "Name a backup.")
    new = path.with_name(f"{path.name}.restored")
    copies.remove(new)
    try:
        _copy_file(backup, new)
        _prepare(new, backup)
        with _alone(path):
            replaced = _set_aside(path)
            new.replace(path)
    except BaseException:
        copies.remove(new)
        raise
    return replaced


def check(
    path: Path, *, busy_timeout: float = BUSY_TIMEOUT, seconds: float | None = None
) -> list[str]:
    """Return what is wrong inside the file, a line each; DatabaseError if it cannot be read at all.

    It reads every page, which takes seconds for a large file; others may go on using it. After
    `seconds` it raises TimeoutError.
    """
    _must_exist(path)
    deadline = None if seconds is None else time.monotonic() + seconds
    with opened(path, busy_timeout) as connection:
        if deadline is not None:
            connection.set_progress_handler(lambda: time.monotonic() > deadline, 100_000)
        try:
            return _damages(connection)
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_INTERRUPT:
                raise
            raise TimeoutError from error


def _damages(connection: sqlite3.Connection) -> list[str]:
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


def _must_be_file(backup: Path) -> None:
    """Refuse what is no backup at first sight: a pipe would be waited for."""
    hint = f"Name a backup: ftbot keeps its own in the folder {copies.FOLDER} beside the database."
    try:
        found = backup.stat()
    except OSError as error:
        raise DatabaseError(f"{backup} cannot be read: {error.strerror}.", hint) from error
    if not stat.S_ISREG(found.st_mode):
        raise DatabaseError(f"{backup} is not a file.", hint)


@contextmanager
def _writing(path: Path, busy_timeout: float, what: str) -> Iterator[sqlite3.Connection]:
    """Open the database to copy it. What fails later than that is the copy's fault."""
    with opened(path, busy_timeout) as source:
        source.execute("PRAGMA schema_version")
        try:
            yield source
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise UserError(
                f"{what} cannot be written: {reason}.",
                "Check that its folder exists, may be written and has room.",
            ) from error


def _copy_file(backup: Path, new: Path) -> None:
    """Copy a file, with the log beside it if it has one: the backup itself is not touched."""
    try:
        shutil.copyfile(backup, new)
        log = backup.with_name(f"{backup.name}-wal")
        if log.exists():
            shutil.copyfile(log, new.with_name(f"{new.name}-wal"))
    except OSError as error:
        raise DatabaseError(
            f"{backup} cannot be copied to {new.parent}: {error.strerror}.",
            "Check that the file may be read, and that the folder may be written and has room.",
        ) from error


def _prepare(new: Path, backup: Path) -> None:
    """Make one file of a copy, and hold it against what a database of ftbot must be."""
    with explained(backup), closing(connect(new, BUSY_TIMEOUT)) as connection:
        require_ours(backup, connection)
        damages = _damages(connection)
        if not damages:
            connection.execute("PRAGMA journal_mode = DELETE")
            copies.mark(connection)
    if damages:
        raise DatabaseError(
            f"{backup} is damaged in {len(damages)} places, the first: {damages[0]}.",
            "Name another backup.",
        )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Make sure that no process has the database open; its log is merged into the file by that.

    One that is too damaged to be opened is nobody's.
    """
    if not path.exists():
        yield
        return
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            # SQLite leaves WAL mode only for the last connection of all.
            (mode,) = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
            connection.execute("BEGIN EXCLUSIVE")
            connection.rollback()
    except sqlite3.DatabaseError as error:
        if primary_code(error) not in _UNUSABLE:
            raise DatabaseError(
                f"The database {path} is in use.", "Stop the bot, then restore the backup."
            ) from error
        mode = "delete"
    if mode != "delete":
        raise DatabaseError(
            f"The database {path} is in use.", "Stop the bot, then restore the backup."
        )
    yield


def _set_aside(path: Path) -> Path | None:
    if not path.exists():
        return None
    aside = path.with_name(f"{path.stem}-replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{path.suffix}")
    for ending in ("", "-wal"):
        old = path.with_name(path.name + ending)
        if old.exists():
            old.replace(aside.with_name(aside.name + ending))
    copies.remove(path)
    return aside
