"""`ftbot db`: what an operator does to the database file by hand."""

from pathlib import Path

from bot import db
from bot.app.core import DATABASE
from bot.errors import DatabaseError
from bot.settings import Settings


def upgrade(settings: Settings) -> str:
    """Apply missing migrations; say what was done."""
    path = settings.data_dir / DATABASE
    done = db.upgrade(path)
    if done.before == done.after:
        return f"{path} is up to date (schema {done.after})."
    return f"{path} went from schema {done.before} to {done.after}."


def backup(settings: Settings, file: Path) -> str:
    """Copy the database while it may be in use; say where to."""
    db.backup(settings.data_dir / DATABASE, file)
    return f"Copied to {file}."


def restore(settings: Settings, file: Path) -> str:
    """Put a backup in the place of the database, which nobody may use; say where that is now."""
    path = settings.data_dir / DATABASE
    replaced = db.restore(path, file)
    if replaced is None:
        return f"{path} is restored from {file}."
    return f"{path} is restored from {file}; what was there is {replaced} now."


def check(settings: Settings) -> str:
    """Check the file; DatabaseError names the first damage."""
    path = settings.data_dir / DATABASE
    damages = db.check(path)
    if damages:
        raise DatabaseError(
            f"{path} is damaged in {len(damages)} places, the first: {damages[0]}.",
            "Restore a backup: ftbot db restore FILE",
        )
    return f"{path} is sound."
