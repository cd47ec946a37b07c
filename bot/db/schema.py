"""Migrations: `NNNN_name.sql` in a folder, each applied and recorded in one transaction.

The number of the last one applied is the file's `user_version`, which SQLite keeps in the header
and changes with the transaction. `application_id` tells ftbot's files from those of others.
"""

import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.db import copies
from bot.db.faults import explain, primary_code
from bot.errors import DatabaseError

BUSY_TIMEOUT = 5.0
"""Seconds to wait for a lock that another process holds."""

RELAXED = "PRAGMA synchronous = NORMAL"
"""In WAL mode this loses nothing when the process dies, and needs no fsync for each commit. After
a power cut the last transactions may be missing, but none is torn."""

MIGRATIONS = Path(__file__).with_name("migrations")

_APPLICATION_ID = int.from_bytes(b"FTBt")
_FILE_NAME = re.compile(r"(\d{4})_\w+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: `script` leads from version `number - 1` to `number`."""

    number: int
    name: str
    script: str


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The schema's version before and after; 0 is a file without a schema."""

    before: int
    after: int


def load_migrations(folder: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """Read the folder's migrations in order; ValueError unless they count 0001, 0002, ….

    A file that is not named like a migration is refused too: it would never be applied.
    """
    migrations = []
    for number, path in enumerate(sorted(folder.iterdir()), start=1):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None or int(match[1]) != number:
            raise ValueError(f"{path.name} stands where migration {number:04} is due")
        migrations.append(Migration(number, path.stem, path.read_text(encoding="utf-8")))
    return tuple(migrations)


def connect(path: Path, busy_timeout: float) -> sqlite3.Connection:
    """Open the file in autocommit mode: transactions begin where the code says so."""
    return sqlite3.connect(path, timeout=busy_timeout, isolation_level=None)


@contextmanager
def opened(path: Path, busy_timeout: float) -> Iterator[sqlite3.Connection]:
    """Open the file for one piece of work; every failure of SQLite becomes a DatabaseError."""
    try:
        with closing(connect(path, busy_timeout)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise explain(path, error) or DatabaseError(
            f"The database {path} cannot be used: {error}."
        ) from error


def upgrade(
    path: Path,
    *,
    busy_timeout: float = BUSY_TIMEOUT,
    migrations: Sequence[Migration] | None = None,
) -> Upgrade:
    """Bring the file at `path` to the newest schema; make it and its folder if need be.

    It blocks, so it is for a thread or the command line. Several processes may do this at once.
    Before a file with a schema is changed, it is copied to the folder of backups beside it.
    DatabaseError if the file cannot be used or copied; what was applied before a failing migration
    stays.
    """
    if migrations is None:
        migrations = load_migrations()
    _make_folder(path)
    with opened(path, busy_timeout) as connection:
        with _transaction(connection, "DEFERRED"):  # another process may be migrating
            before = _version(path, connection, newest=len(migrations))
        if not before:  # it can be said of an empty file only: that pruning makes it smaller
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        _use_write_ahead_log(path, connection, busy_timeout)
        _prove_writable(connection)
        connection.execute(RELAXED)
        if 0 < before < len(migrations):
            _copy_before(path, connection, to=len(migrations))
        # Foreign keys stay off here, so that a migration may rebuild a table that others refer to
        # (https://www.sqlite.org/lang_altertable.html#otheralter). They are checked at its end.
        for migration in migrations[before:]:
            _apply(path, connection, migration, newest=len(migrations))
    return Upgrade(before, len(migrations))


def _make_folder(path: Path) -> None:
    try:
        if path.is_dir():
            raise DatabaseError(
                f"The database {path} is a folder.", "Move the folder away or name another place."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(
            f"The folder of the database {path} cannot be made: {error.strerror}.",
            "Choose a folder where the user who runs ftbot may write.",
        ) from error


def _use_write_ahead_log(path: Path, connection: sqlite3.Connection, busy_timeout: float) -> None:
    """Switch to WAL, which lets readers go on while one writes; the file remembers it.

    SQLite does not wait for locks while it switches (two processes would wait for one another),
    so this tries again until `busy_timeout` is over.
    """
    deadline = time.monotonic() + busy_timeout
    mode = None
    while mode is None:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise DatabaseError(
            f"The database {path} is on a file system without the locks that it needs.",
            "Put it on a local disk.",
        )


def _prove_writable(connection: sqlite3.Connection) -> None:
    """Fail now as a write would fail later; on a read-only file BEGIN IMMEDIATE alone passes."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("PRAGMA user_version = 0")
    finally:
        connection.rollback()


@contextmanager
def _transaction(connection: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    try:
        connection.execute(f"BEGIN {kind}")
        yield
        connection.execute("COMMIT")
    finally:
        connection.rollback()  # which does nothing after the COMMIT


def _copy_before(path: Path, connection: sqlite3.Connection, to: int) -> None:
    try:
        copies.keep_before_upgrade(connection, path, to)
    except OSError as error:
        raise DatabaseError(
            f"The database {path} is not upgraded, for it cannot be copied before:"
            f" {error.strerror}.",
            f"Make room in {path.parent / copies.FOLDER}.",
        ) from error


def require_ours(path: Path, connection: sqlite3.Connection) -> int:
    """Return the version of a file's schema; DatabaseError if this ftbot cannot use the file.

    One that is empty, without any schema, is none of ftbot's either.
    """
    version = _version(path, connection, newest=len(load_migrations()))
    if not version:
        raise DatabaseError(f"{path} is empty.", "Name a backup of ftbot's database.")
    return version


def _version(path: Path, connection: sqlite3.Connection, newest: int) -> int:
    """Return the version of the file's schema; DatabaseError if it isn't for this ftbot."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if version > newest:
        raise DatabaseError(
            f"The database {path} is from a newer ftbot (schema {version}, this one knows"
            f" {newest}).",
            "Install that ftbot again, or restore the backup made before it.",
        )
    if application != _APPLICATION_ID and (version or objects):
        raise DatabaseError(
            f"The database {path} belongs to another program.",
            "Move the file away or name another place.",
        )
    return int(version)


def _apply(path: Path, connection: sqlite3.Connection, migration: Migration, newest: int) -> None:
    with _transaction(connection):
        if _version(path, connection, newest) >= migration.number:
            return  # another process was quicker
        try:
            for statement in statements(migration.script):
                connection.execute(statement)
        except sqlite3.Error as error:
            raise explain(path, error) or DatabaseError(
                f"The database {path} cannot be upgraded, migration {migration.name} failed:"
                f" {error}.",
                "The file is as it was before this migration.",
            ) from error
        if connection.execute("PRAGMA foreign_key_check").fetchone():
            raise DatabaseError(
                f"The database {path} cannot be upgraded, after migration {migration.name} rows"
                " would refer to rows that do not exist.",
                "The file is as it was before this migration.",
            )
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {migration.number}")


def statements(script: str) -> Iterator[str]:
    """Split a script into statements; `executescript` won't do, for it commits by itself.

    A semicolon in a string, a comment or a trigger's body ends nothing.
    """
    start = 0
    for semicolon in re.finditer(";", script):
        statement = script[start : semicolon.end()]
        if sqlite3.complete_statement(statement):
            yield statement
            start = semicolon.end()
    if script[start:].strip():
        yield script[start:]
