"""What the tables of reports have in common."""

from collections.abc import Callable

from bot.db import Database, Transaction


class Base:
    """Where the tables are; see `ReportStore`."""

    def __init__(self, database: Database, changed: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._changed = changed

    async def revise(self, tx: Transaction, report: int) -> None:
        """Note that something changed that its card shows, such as the outcome of filing."""
        await tx.execute("UPDATE report SET revision = revision + 1 WHERE id = ?", (report,))
        tx.on_commit(self._changed)
