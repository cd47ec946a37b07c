"""The database: one SQLite file, its schema, and what several processes agree on through it."""

from bot.db.database import Database, Transaction
from bot.db.glances import Value
from bot.db.identifies import Identifies
from bot.db.leases import Leases
from bot.db.maintenance import backup, check, keep_backup, restore
from bot.db.memory import Memory
from bot.db.schema import Migration, Upgrade, load_migrations, upgrade
from bot.db.sent import Gap, Sending, close_gap, find_gap, last_gap, restored_until
from bot.db.speakers import Speakers

__all__ = [
    "Database",
    "Gap",
    "Identifies",
    "Leases",
    "Memory",
    "Migration",
    "Sending",
    "Speakers",
    "Transaction",
    "Upgrade",
    "Value",
    "backup",
    "check",
    "close_gap",
    "find_gap",
    "keep_backup",
    "last_gap",
    "load_migrations",
    "restore",
    "restored_until",
    "upgrade",
]
