"""What the doctor reads of a database, which it never changes."""

from pathlib import Path

from bot.db.schema import BUSY_TIMEOUT, opened
from bot.doctor.model import Place


def schema(path: Path) -> tuple[int, bool]:
    """Return the schema's version, and whether it is a database of ftbot's at all."""
    with opened(path, BUSY_TIMEOUT) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
    return version, application == int.from_bytes(b"FTBt")


def places(path: Path) -> list[Place]:
    """Return where the bot writes by itself, nowhere without a database. Raises DatabaseError."""
    if not path.exists():
        return []
    with opened(path, BUSY_TIMEOUT) as connection:
        subscribed = connection.execute(
            "SELECT channel, guild, role, paused IS NOT NULL FROM subscription ORDER BY guild"
        )
        found = [
            Place(channel, guild, role, paused=bool(paused))
            for channel, guild, role, paused in subscribed
        ]
        desks = connection.execute("SELECT channel, guild, role FROM triage_desk ORDER BY guild")
        found += [Place(channel, guild, role, triage=True) for channel, guild, role in desks]
    return found
