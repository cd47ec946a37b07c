"""Copies of a database, taken while it is in use, each whole or not there at all. All of it blocks.

A copy says of itself that it is one (`memory`, key `COPIED`). Whatever was sent after it was taken
is unknown to it, and a process that opens it must take that into account: see `bot.db.sent`.
"""

import errno
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

FOLDER: Final = "backups"
"""The folder beside the database where ftbot keeps copies by itself."""
COPIED: Final = "copied"
"""The key under which a copy remembers when it was taken, in UTC seconds."""
BEFORE_UPGRADES: Final = 2
"""How many copies are kept that were taken before an upgrade."""

_DAILY: Final = "ftbot-"
_UPGRADE: Final = "before-upgrade-"
_PARTIAL: Final = ".partial"
_AT_A_TIME: Final = 4_096
"""Pages between looks at whether it was stopped: 16 MB."""
_SAME_UPGRADE: Final = 600.0
_ABANDONED: Final = 3_600.0  # seconds
_BESIDE: Final = ("", "-journal", "-wal", "-shm")
"""The names of what SQLite keeps of a database end so."""


def copy(
    source: sqlite3.Connection, to: Path, *, stopped: Callable[[], bool] = lambda: False
) -> None:
    """Copy a database as of one moment to the file `to`, which appears when it is whole.

    Nobody waits for this who reads or writes meanwhile. Raises OSError and sqlite3.Error, among
    them InterruptedError as soon as it is `stopped`; of a copy that fails nothing is left.
    """

    def go_on(*_: int) -> None:
        if stopped():
            raise InterruptedError(errno.EINTR, "it was stopped")

    _require_room(source, to.parent)
    partial = to.with_name(f"{to.name}.{secrets.token_hex(4)}{_PARTIAL}")
    try:
        with closing(sqlite3.connect(partial, isolation_level=None)) as target:
            with _snapshot(source):
                source.backup(target, pages=_AT_A_TIME, progress=go_on)
            target.execute("PRAGMA journal_mode = DELETE")  # it is one file, to be carried away
            mark(target)
        partial.replace(to)
    except BaseException:
        remove(partial)
        raise


@contextmanager
def _snapshot(source: sqlite3.Connection) -> Iterator[None]:
    """Let a database stay as it is, which would else be copied anew after each change."""
    if source.in_transaction:
        yield
        return
    source.execute("BEGIN")
    try:
        source.execute("SELECT 1 FROM sqlite_schema").fetchone()  # begins it in fact
        yield
    finally:
        source.execute("ROLLBACK")


def mark(database: sqlite3.Connection) -> None:
    """Let a database say of itself that it is a copy. One that has no schema yet needs not."""
    if _has_memory(database):
        database.execute(
            "INSERT INTO memory (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
            (COPIED, repr(time.time())),
        )


def remove(database: Path) -> None:
    """Remove a database with all that SQLite keeps of it."""
    for ending in _BESIDE:
        with suppress(FileNotFoundError):
            database.with_name(database.name + ending).unlink()


def kept(path: Path) -> list[Path]:
    """Return the daily copies of the database at `path`, the oldest first."""
    return _copies(path, _DAILY)


def taken(daily: Path) -> datetime | None:
    """Return when a daily copy was taken, by its name."""
    try:
        return datetime.strptime(daily.stem, f"{_DAILY}%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def keep(source: sqlite3.Connection, path: Path, most: int, *, stopped: Callable[[], bool]) -> Path:
    """Add a daily copy of the database at `path`, of which `most` are kept. Raises as `copy`."""
    new = _new(path, _DAILY)
    _forget_partial(new.parent)
    # One of them makes room for the new one beforehand, but never the last.
    _thin_out(kept(path), max(most - 1, 1))
    copy(source, new, stopped=stopped)
    _thin_out(kept(path), most)
    return new


def keep_before_upgrade(source: sqlite3.Connection, path: Path, to: int) -> None:
    """Copy the database at `path` before it is brought to a schema. Raises as `copy`.

    A database that holds nothing yet is left out, and so is one of which another process has begun
    the same upgrade.
    """
    beginning = f"{_UPGRADE}{to:04}-"
    others = _copies(path, beginning)
    begun = any(time.time() - each.stat().st_mtime < _SAME_UPGRADE for each in others)
    if begun or not (_has_memory(source) and source.execute("SELECT 1 FROM memory").fetchone()):
        return
    new = _new(path, beginning)
    copy(source, new)
    _thin_out(_copies(path, _UPGRADE), BEFORE_UPGRADES)


def _has_memory(database: sqlite3.Connection) -> bool:
    table = "SELECT 1 FROM sqlite_schema WHERE name = 'memory'"
    return database.execute(table).fetchone() is not None


def _new(path: Path, beginning: str) -> Path:
    folder = path.parent / FOLDER
    folder.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    return folder / f"{beginning}{now:%Y%m%dT%H%M%SZ}{path.suffix}"


def _copies(path: Path, beginning: str) -> list[Path]:
    return sorted((path.parent / FOLDER).glob(f"{beginning}*{path.suffix}"))


def _thin_out(copies: list[Path], most: int) -> None:
    """Remove all but the last ones."""
    for old in copies[: max(len(copies) - most, 0)]:
        remove(old)


def _forget_partial(folder: Path) -> None:
    """Remove what processes left behind that were killed."""
    for partial in folder.glob(f"*{_PARTIAL}"):
        if time.time() - partial.stat().st_mtime > _ABANDONED:
            remove(partial)


def _require_room(source: sqlite3.Connection, folder: Path) -> None:
    """Raise what a full disk would, before the bot itself finds no room any more."""
    (pages,) = source.execute("PRAGMA page_count").fetchone()
    (size,) = source.execute("PRAGMA page_size").fetchone()
    if shutil.disk_usage(folder).free < pages * size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
