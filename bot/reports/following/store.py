"""The table `webhook`, and what of the table `issue` says when GitHub was last asked.

A webhook is kept until it is done; its id is kept longer, so that it never counts twice.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from bot.db import Database, Memory, Transaction
from bot.reports.following.model import Course, Delivery, Tracked

CLOCKS_APART: Final = timedelta(minutes=5)
"""How far ftbot's clock may be ahead of GitHub's."""

_COURSE = msgspec.json.Decoder(Course)
_TRACKED: Final = (
    "SELECT repository, number, etag FROM issue WHERE EXISTS (SELECT 1 FROM report_issue"
    " WHERE report_issue.repository = issue.repository AND report_issue.number = issue.number)"
)


class FollowingStore:
    """What GitHub told, and what it is to be asked. Times are UTC seconds unless they are aware."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._memory = Memory(database)

    async def keep(self, delivery: str, event: str, body: bytes, now: float) -> bool:
        """Keep a webhook until it is done; False if it is kept, or done, already."""
        async with self._database.write() as tx:
            new = await tx.execute(
                "INSERT INTO webhook (delivery, event, received, body) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (delivery) DO NOTHING",
                (delivery, event, now, body),
            )
        return bool(new)

    async def waiting(self, limit: int) -> list[Delivery]:
        """Return webhooks that are not done, as they came, but first those that failed least."""
        rows = await self._database.read(
            "SELECT delivery, event, body, received, attempts FROM webhook"
            " WHERE body IS NOT NULL ORDER BY attempts, received LIMIT ?",
            (limit,),
        )
        return [Delivery(*row) for row in rows]

    async def is_done(self, delivery: str) -> bool:
        """Say whether a webhook came and is done."""
        rows = await self._database.read(
            "SELECT 1 FROM webhook WHERE delivery = ? AND body IS NULL", (delivery,)
        )
        return bool(rows)

    async def done(self, delivery: str) -> None:
        """Note that nothing is left to do about a webhook."""
        async with self._database.write() as tx:
            await tx.execute("UPDATE webhook SET body = NULL WHERE delivery = ?", (delivery,))

    async def failed(self, delivery: str) -> None:
        """Note that a webhook could not be dealt with this time."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE webhook SET attempts = attempts + 1 WHERE delivery = ?", (delivery,)
            )

    async def forget(self, before: float) -> None:
        """Forget webhooks that are done and came before then."""
        async with self._database.write() as tx:
            await tx.execute("DELETE FROM webhook WHERE body IS NULL AND received < ?", (before,))

    async def readers(
        self, tx: Transaction, repository: str, number: int, since: datetime
    ) -> list[int]:
        """Return the reports of an issue that belonged to it by then."""
        moment = (since + CLOCKS_APART).isoformat(timespec="microseconds")
        rows = await tx.execute_fetchall(
            "SELECT report.id FROM report_issue JOIN report ON report.id = report_issue.report"
            " WHERE repository = ? AND number = ? AND report.updated <= ? ORDER BY report.id",
            (repository, number, moment),
        )
        return [row["id"] for row in rows]

    async def open_repositories(self) -> dict[str, set[int]]:
        """Return repositories with issues that are open, and all issues there that matter."""
        rows = await self._database.read(f"{_TRACKED} AND state = 'open'")
        numbers: dict[str, set[int]] = {row["repository"]: set() for row in rows}
        for row in await self._database.read(_TRACKED):
            if row["repository"] in numbers:
                numbers[row["repository"]].add(row["number"])
        return numbers

    async def unseen(self, before: float, limit: int) -> list[Tracked]:
        """Return issues for which GitHub was last asked before then, oldest look first."""
        rows = await self._database.read(
            f"{_TRACKED} AND state <> 'gone' AND looked < ? ORDER BY looked LIMIT ?",
            (before, limit),
        )
        return [Tracked(row["repository"], row["number"], row["etag"]) for row in rows]

    async def numbered(self, number: int) -> list[Tracked]:
        """Return the issues of this number, in whichever repository."""
        rows = await self._database.read(
            f"{_TRACKED} AND state <> 'gone' AND number = ?", (number,)
        )
        return [Tracked(row["repository"], row["number"]) for row in rows]

    async def looked(
        self, repository: str, number: int, now: float, etag: str | None = None
    ) -> None:
        """Note that GitHub was asked for an issue; without `etag`, that of before holds."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE issue SET looked = ?, etag = coalesce(?, etag)"
                " WHERE repository = ? AND number = ?",
                (now, etag, repository, number),
            )

    async def course(self, repository: str) -> Course | None:
        """Return how far a repository was looked through, None if it never was."""
        text = await self._memory.get(_key(repository))
        return _COURSE.decode(text) if text else None

    async def set_course(self, repository: str, course: Course) -> None:
        """Note how far a repository was looked through."""
        await self._memory.set(_key(repository), msgspec.json.encode(course).decode())


def _key(repository: str) -> str:
    return f"following.{repository.lower()}"
