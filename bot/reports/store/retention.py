"""What is deleted when it was kept long enough."""

from datetime import datetime

from bot.db import Transaction
from bot.reports import rules
from bot.reports.model import State, Submission
from bot.reports.store.base import Base
from bot.reports.store.members import drop_author
from bot.reports.store.rows import WAITING, reading_of, to_json, to_text

_ENDING = ", ".join(
    f"'{state}'"
    for state in sorted(
        {State.FILED, State.LINKED, State.HANDED, State.JOINED, State.SECURITY, *rules.WAITING}
    )
)
_ENDED = (
    "SELECT report.id FROM report"  # noqa: S608 - only constants
    " LEFT JOIN report_issue ON report_issue.report = report.id"
    " LEFT JOIN issue ON issue.repository = report_issue.repository"
    " AND issue.number = report_issue.number"
    " LEFT JOIN report AS root ON root.id = report.joined"
    f" WHERE report.state IN ({_ENDING}) AND report.updated < ?1"
    " AND (issue.state IS NULL OR issue.state <> 'open')"
    " AND (issue.updated IS NULL OR issue.updated < ?1)"
    " AND (root.id IS NULL OR root.reporter IS NULL)"
    # That somebody joined one that waits is a step too.
    f" AND NOT (report.state IN ({WAITING}) AND EXISTS (SELECT 1 FROM report_follower"
    " WHERE report = report.id AND report_follower.created >= ?1))"
    " AND (report.reporter IS NOT NULL"
    " OR EXISTS (SELECT 1 FROM report_follower WHERE report = report.id))"
    " ORDER BY report.id LIMIT 500"
)


class Retention(Base):
    """What was kept long enough."""

    async def expire_drafts(self, tx: Transaction, before: datetime) -> int:
        """Delete drafts that were begun before, and return how many."""
        return await tx.execute(
            "DELETE FROM report WHERE state = ? AND created < ?", (State.DRAFT, to_text(before))
        )

    async def expire_tries(self, tx: Transaction, before: datetime) -> None:
        """Forget that somebody made a report."""
        await tx.execute("DELETE FROM report_try WHERE at < ?", (to_text(before),))

    async def refused(self, before: datetime) -> list[int]:
        """Return reports, not emptied yet, that were rejected or taken back before."""
        rows = await self._database.read(
            "SELECT id FROM report WHERE state IN (?, ?) AND updated < ?"
            " AND (submission <> ? OR reporter IS NOT NULL) ORDER BY id LIMIT 500",
            (State.REJECTED, State.WITHDRAWN, to_text(before), to_json(Submission())),
        )
        return [row["id"] for row in rows]

    async def empty(self, tx: Transaction, report: int) -> None:
        """Take a report's texts away, and its author."""
        rows = await tx.execute_fetchall(
            "SELECT reading, reporter FROM report WHERE id = ?", (report,)
        )
        if not rows:
            return
        reading = rules.emptied(reading_of(rows[0]))
        await drop_author(tx, report, rows[0]["reporter"])
        await tx.execute(
            "UPDATE report SET submission = ?, logs = '', reading = ?, known = NULL, hints = '[]',"
            " likely = '[]', title = kind || coalesce(' in ' || project, '') WHERE id = ?",
            (to_json(Submission()), to_json(reading), report),
        )
        await tx.execute("UPDATE report_step SET note = '' WHERE report = ?", (report,))
        await tx.execute("UPDATE report_post SET note = '' WHERE report = ?", (report,))

    async def ended(self, before: datetime) -> list[int]:
        """Return reports whose end was before, and of which an author or follower is still kept.

        One with an issue ends with that; one that joined another loses its author with that one.
        One on which nobody decides, or that stays a secret, ends with its last step.
        """
        rows = await self._database.read(_ENDED, (to_text(before),))
        return [row["id"] for row in rows]

    async def drop_author(self, tx: Transaction, report: int) -> None:
        """Take author and followers off a report; its facts stay."""
        rows = await tx.execute_fetchall("SELECT reporter FROM report WHERE id = ?", (report,))
        if rows:
            await drop_author(tx, report, rows[0]["reporter"])
