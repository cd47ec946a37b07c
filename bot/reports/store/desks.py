"""Where servers decide, and from whom they take no reports."""

from datetime import datetime

from bot.db import Transaction
from bot.reports.model import Desk
from bot.reports.store.base import Base
from bot.reports.store.rows import to_text


class Desks(Base):
    """Desks and blocks."""

    async def desk(self, guild: int) -> Desk | None:
        """Return where a server decides, None if it was not set up."""
        rows = await self._database.read("SELECT * FROM triage_desk WHERE guild = ?", (guild,))
        return Desk(rows[0]["guild"], rows[0]["channel"], rows[0]["role"]) if rows else None

    async def set_desk(self, tx: Transaction, desk: Desk) -> None:
        """Note where a server decides."""
        await tx.execute(
            "INSERT INTO triage_desk (guild, channel, role) VALUES (?, ?, ?)"
            " ON CONFLICT (guild) DO UPDATE SET channel = excluded.channel, role = excluded.role",
            (desk.guild, desk.channel, desk.role),
        )

    async def is_blocked(self, tx: Transaction, guild: int | None, user: int) -> bool:
        """Say whether a server takes no reports from a member."""
        return bool(
            await tx.execute_fetchall(
                "SELECT 1 FROM report_block WHERE guild = ? AND user = ?", (guild, user)
            )
        )

    async def block(self, tx: Transaction, guild: int, user: int, by: int, at: datetime) -> None:
        """Let a server take no reports from a member."""
        await tx.execute(
            "INSERT INTO report_block (guild, user, by, created) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (guild, user) DO NOTHING",
            (guild, user, by, to_text(at)),
        )

    async def unblock(self, tx: Transaction, guild: int, user: int) -> bool:
        """Let a server take a member's reports again. Returns whether it did not."""
        deleted = await tx.execute(
            "DELETE FROM report_block WHERE guild = ? AND user = ?", (guild, user)
        )
        return deleted > 0

    async def blocked(self, guild: int) -> list[int]:
        """Return the members whose reports a server does not take, the latest first."""
        rows = await self._database.read(
            "SELECT user FROM report_block WHERE guild = ? ORDER BY created DESC, user", (guild,)
        )
        return [row["user"] for row in rows]
