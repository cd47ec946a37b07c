"""The issues that reports belong to."""

from bot.db import Transaction
from bot.reports.model import Issue
from bot.reports.store.base import Base
from bot.reports.store.rows import ISSUE, issue_of, values_of


class Issues(Base):
    """Issues as last seen."""

    async def set_issue(self, tx: Transaction, report: int, issue: Issue) -> None:
        """Note to which issue a report belongs; what is known of the issue already stays."""
        await tx.execute(
            "INSERT INTO issue (repository, number, url, title, state, reason, labels, updated)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (repository, number) DO NOTHING",
            values_of(issue),
        )
        await self.issue_seen(tx, issue)
        await tx.execute(
            "INSERT INTO report_issue (report, repository, number) VALUES (?, ?, ?)"
            " ON CONFLICT (report) DO UPDATE"
            " SET repository = excluded.repository, number = excluded.number",
            (report, issue.repository, issue.number),
        )
        await self.revise(tx, report)

    async def drop_issue(self, tx: Transaction, report: int) -> None:
        """Let a report belong to no issue any more."""
        if await tx.execute("DELETE FROM report_issue WHERE report = ?", (report,)):
            await self.revise(tx, report)

    async def issue(self, tx: Transaction, repository: str, number: int) -> Issue | None:
        """Return an issue as last seen, None if no report ever belonged to it."""
        rows = await tx.execute_fetchall(
            f"SELECT {ISSUE} FROM issue WHERE repository = ? AND number = ?",  # noqa: S608 - only constants
            (repository, number),
        )
        return issue_of(rows[0]) if rows else None

    async def issue_seen(self, tx: Transaction, issue: Issue, *, sure: bool = False) -> list[int]:
        """Keep how an issue looks unless what is kept is as new, and return its reports.

        GitHub's times are of whole seconds: `sure` says that `issue` was just read, so that it
        holds at the same time too. Without `updated` it holds only if it is `gone`. Nothing is
        returned if nothing was kept.
        """
        repository, number, *seen = values_of(issue)
        changed = await tx.execute(
            "UPDATE issue SET url = ?3, title = ?4, state = ?5, reason = ?6, labels = ?7,"
            " updated = coalesce(?8, updated) WHERE repository = ?1 AND number = ?2"
            " AND CASE WHEN ?8 IS NULL THEN ?5 = 'gone' AND state <> 'gone'"
            " ELSE updated IS NULL OR updated < ?8 OR ?9 AND updated = ?8"
            " AND (title, state, reason, labels) IS NOT (?4, ?5, ?6, ?7) END",
            (repository, number, *seen, sure),
        )
        if not changed:
            return []
        rows = await tx.execute_fetchall(
            "UPDATE report SET revision = revision + 1 WHERE id IN ("
            "SELECT report FROM report_issue WHERE repository = ? AND number = ?) RETURNING id",
            (repository, number),
        )
        tx.on_commit(self._changed)
        return sorted(row["id"] for row in rows)

    async def move_issue(
        self, tx: Transaction, repository: str, number: int, to: Issue
    ) -> list[int]:
        """Note that an issue is elsewhere now, and return its reports."""
        rows = await tx.execute_fetchall(
            "SELECT report FROM report_issue WHERE repository = ? AND number = ?",
            (repository, number),
        )
        reports = sorted(row["report"] for row in rows)
        for report in reports:
            await self.set_issue(tx, report, to)
        if (repository.lower(), number) != (to.repository.lower(), to.number):
            await tx.execute(
                "DELETE FROM issue WHERE repository = ? AND number = ?", (repository, number)
            )
        return reports

    async def reports_of(self, repository: str, number: int) -> list[int]:
        """Return the reports that belong to an issue."""
        rows = await self._database.read(
            "SELECT report FROM report_issue WHERE repository = ? AND number = ? ORDER BY report",
            (repository, number),
        )
        return [row["report"] for row in rows]
