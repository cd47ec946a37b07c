"""Small things that ftbot remembers across restarts, a text under a key."""

from bot.db.database import Database


class Memory:
    """The table `memory`. Keys begin with the part of ftbot that they belong to: `job.fill`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, key: str) -> str | None:
        """Return what was last remembered under `key`."""
        rows = await self._database.read("SELECT value FROM memory WHERE key = ?", (key,))
        return rows[0]["value"] if rows else None

    async def set(self, key: str, value: str) -> None:
        """Remember `value`, in place of what was there."""
        async with self._database.write() as tx:
            await tx.execute(
                "INSERT INTO memory (key, value) VALUES (?, ?)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )
