"""In which language people are written to, in messages that answer no command."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.db.database import Database, Transaction

_NOTED_AGAIN: Final = timedelta(days=30)


def _now() -> datetime:
    return datetime.now(UTC)


class Speakers:
    """The table `speaker`. Languages are Discord's locales, such as `ko` and `en-US`.

    Who is neither heard nor written to for long is pruned.
    """

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = _now) -> None:
        self._database = database
        self._clock = clock

    async def note(self, user: int, language: str) -> None:
        """Note in which language a person speaks."""
        async with self._database.write() as tx:
            await tx.execute(
                "INSERT INTO speaker (user, language, seen) VALUES (?, ?, ?)"
                " ON CONFLICT (user) DO UPDATE SET language = excluded.language,"
                " seen = excluded.seen",
                (user, language, self._clock().isoformat()),
            )

    async def language(self, user: int) -> str | None:
        """Return in which language to write to a person, None if that is not known."""
        rows = await self._database.read(
            "SELECT language, seen FROM speaker WHERE user = ?", (user,)
        )
        if not rows:
            return None
        language: str = rows[0]["language"]
        if datetime.fromisoformat(rows[0]["seen"]) < self._clock() - _NOTED_AGAIN:
            await self.note(user, language)
        return language

    async def stored(self, user: int) -> int:
        """Return how many languages are noted of a person: one or none."""
        rows = await self._database.read("SELECT 1 FROM speaker WHERE user = ?", (user,))
        return len(rows)

    async def forget(self, tx: Transaction, user: int) -> int:
        """Delete it, and return the same number."""
        return await tx.execute("DELETE FROM speaker WHERE user = ?", (user,))
