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


def check(settings: Settings) -> str:
    """Check the file; DatabaseError names the first damage."""
    path = settings.data_dir / DATABASE
    damages = db.check(path)
    if damages:
        raise DatabaseError(
            f"{path} is damaged in {len(damages)} places, the first: {damages[0]}.",
            "Restore a backup, or delete the file: ftbot makes a new one and fills it again.",
        )
    return f"{path} is sound."
