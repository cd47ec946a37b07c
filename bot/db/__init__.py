"""The database: one SQLite file, its schema, and what several processes agree on through it."""

from bot.db.database import Database, Transaction, Value
from bot.db.identifies import Identifies
from bot.db.leases import Leases
from bot.db.maintenance import backup, check
from bot.db.memory import Memory
from bot.db.schema import Migration, Upgrade, load_migrations, upgrade

__all__ = [
    "Database",
    "Identifies",
    "Leases",
    "Memory",
    "Migration",
    "Transaction",
    "Upgrade",
    "Value",
    "backup",
    "check",
    "load_migrations",
    "upgrade",
]
