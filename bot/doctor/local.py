"""What is on this computer: the data directory, the database, its backups."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from bot import db
from bot.db import copies
from bot.doctor import store
from bot.doctor.model import Check, Finding, Findings, State
from bot.errors import DatabaseError
from bot.settings import Settings

LITTLE: Final = 500 * 1024**2
"""Bytes of free disk below which the operator is warned."""
NOTHING: Final = 50 * 1024**2
"""Bytes of free disk below which the next release may be one too many."""
OLD_BACKUP: Final = timedelta(days=2)
_LONGEST_CHECK: Final = 60.0  # seconds


def checks(settings: Settings, database: Path) -> tuple[Check, ...]:
    """Return what to look at here."""
    return (
        Check("data directory", _threaded(partial(_directory, settings.data_dir, database))),
        Check("database", _threaded(partial(_database, database)), 2 * _LONGEST_CHECK),
        Check("backups", _threaded(partial(_backups, database, settings.backups))),
    )


def _threaded(look: Callable[[], Finding]) -> Callable[[], Awaitable[Findings]]:
    """Let it be looked at without blocking."""

    async def work() -> Findings:
        return (await asyncio.to_thread(look),)

    return work


def _directory(folder: Path, database: Path) -> Finding:
    """Find out if there is room, and the right to write."""
    name, existing = "data directory", folder
    while not existing.exists():
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"\0")
            file.flush()
    except OSError as error:
        mend = "Let the user who runs ftbot write there, make room, or set FTBOT_DATA_DIR."
        return Finding(name, State.FAILED, f"{folder} cannot be written: {error.strerror}.", mend)
    free = shutil.disk_usage(existing).free
    room = f"{folder}, {_size(free)} free"
    if free < NOTHING:
        return Finding(name, State.FAILED, f"The disk is full: {room}.", "Make room on the disk.")
    wanted = max(LITTLE, database.stat().st_size if database.exists() else 0)
    if free < wanted:
        mend = f"Make room: {_size(wanted)} hold a backup and what is yet to come."
        return Finding(name, State.WARNING, f"There is little room: {room}.", mend)
    if existing is not folder:
        return Finding(name, State.OK, f"{room}; it is made at the first start")
    return Finding(name, State.OK, room)


def _database(path: Path) -> Finding:
    """Find out if the database is ftbot's, of this version, and sound."""
    name = "database"
    if not path.exists():
        return Finding(name, State.OK, f"there is none yet, {path} is made at the first start")
    version, ours = store.schema(path)
    newest = len(db.load_migrations())
    if not ours:
        text = f"{path} belongs to another program."
        return Finding(name, State.FAILED, text, "Move the file away, or set FTBOT_DATA_DIR.")
    if version > newest:
        text = f"{path} is from a newer ftbot (schema {version}, this one knows {newest})."
        return Finding(name, State.FAILED, text, "Install that ftbot again, or restore a backup.")
    try:
        damages = db.check(path, seconds=_LONGEST_CHECK)
    except TimeoutError:
        text = f"{path} is so large that it could not be checked in time."
        return Finding(name, State.WARNING, text, "Check it with time: ftbot db check")
    if damages:
        text = f"{path} is damaged in {len(damages)} places, the first: {damages[0]}."
        raise DatabaseError(text, "Stop the bot and restore a backup: ftbot db restore FILE")
    about = f"{path} is sound, {_size(path.stat().st_size)}, schema {version}"
    if version < newest:
        about += f"; the next start brings it to schema {newest}"
    return Finding(name, State.OK, about)


def _backups(database: Path, most: int) -> Finding:
    name, folder = "backups", database.parent / copies.FOLDER
    if not most:
        return Finding(name, State.SKIPPED, "FTBOT_BACKUPS=0 turns them off.")
    if not database.exists():
        return Finding(name, State.SKIPPED, "There is no database yet.")
    kept = copies.kept(database)
    last = copies.taken(kept[-1]) if kept else None
    mend = f"The running bot makes one a day; see /healthz, or make one: ftbot db backup {folder}/…"
    if last is None:
        return Finding(name, State.WARNING, f"There is none in {folder} yet.", mend)
    age = datetime.now(UTC) - last
    text = f"{len(kept)} in {folder}, the last of {last:%Y-%m-%d %H:%M} UTC"
    if age > OLD_BACKUP:
        return Finding(name, State.WARNING, f"The last one is old: {text}.", mend)
    return Finding(name, State.OK, text)


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1_000:
            return f"{count:.0f} {unit}"
        count /= 1_000
    return f"{count:.1f} GB"
