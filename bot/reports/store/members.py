"""What is kept of a member, and how it is forgotten."""

from typing import Final

from bot.db import Transaction
from bot.reports.model import FORMER, Forgotten, State, Stored
from bot.reports.store.base import Base

_LEAST_NUMBER: Final = 10**15


class Members(Base):
    """A member's part in reports."""

    async def stored(self, user: int) -> Stored:
        """Return what is kept of a member here."""
        rows = await self._database.read(
            "SELECT id, state FROM report WHERE reporter = ? ORDER BY id", (user,)
        )
        following = await self._database.read(
            "SELECT report FROM report_follower WHERE user = ? ORDER BY report", (user,)
        )
        counts = await self._database.read(
            "SELECT (SELECT count(*) FROM report_step WHERE actor = ?1) AS steps,"
            " (SELECT count(*) FROM report_post WHERE destination = ?2) AS messages,"
            " (SELECT count(*) FROM report_block WHERE user = ?1) AS blocks",
            (user, f"user:{user}"),
        )
        return Stored(
            reports=tuple(row["id"] for row in rows if row["state"] != State.DRAFT),
            drafts=tuple(row["id"] for row in rows if row["state"] == State.DRAFT),
            following=tuple(row["report"] for row in following),
            steps=counts[0]["steps"],
            messages=counts[0]["messages"],
            blocks=counts[0]["blocks"],
        )

    async def named_filings(self, tx: Transaction, user: int) -> list[tuple[int, str]]:
        """Return the member's reports whose issue may yet get the member's name, and where."""
        rows = await tx.execute_fetchall(
            "SELECT report, repository FROM filing JOIN report ON report.id = filing.report"
            " WHERE reporter = ? AND credit AND filing.state <> 'filed' ORDER BY report",
            (user,),
        )
        return [(row["report"], row["repository"]) for row in rows]

    async def refile(self, tx: Transaction, report: int, body: str) -> None:
        """Keep `body` as the text of a report's issue."""
        await tx.execute("UPDATE filing SET body = ? WHERE report = ?", (body, report))

    async def forget(self, tx: Transaction, user: int) -> Forgotten:
        """Delete a member's drafts, and take the member off all that stays.

        Blocks stay, so that nobody gets around one.
        """
        public = await tx.execute_fetchall(
            "SELECT issue.url FROM report JOIN report_issue ON report_issue.report = report.id"
            " JOIN issue USING (repository, number)"
            " WHERE reporter = ? AND credit AND report.state = ? ORDER BY report.id",
            (user, State.FILED),
        )
        drafts = await tx.execute(
            "DELETE FROM report WHERE reporter = ? AND state = ?", (user, State.DRAFT)
        )
        await tx.execute(
            "UPDATE filing SET body = '' WHERE state = 'filed'"
            " AND report IN (SELECT id FROM report WHERE reporter = ?)",
            (user,),
        )
        own = await tx.execute_fetchall("SELECT id FROM report WHERE reporter = ?", (user,))
        for row in own:
            await unlink(tx, row["id"], user)
        await tx.execute(
            "UPDATE report SET revision = revision + 1"
            " WHERE id IN (SELECT report FROM report_step WHERE actor = ?)",
            (user,),
        )
        steps = await tx.execute(
            "UPDATE report_step SET actor = 0, actor_name = ? WHERE actor = ?", (FORMER, user)
        )
        following = await tx.execute("DELETE FROM report_follower WHERE user = ?", (user,))
        messages = await tx.execute(
            "DELETE FROM report_post WHERE destination = ?", (f"user:{user}",)
        )
        await tx.execute("UPDATE report_block SET by = 0 WHERE by = ?", (user,))
        blocks = await tx.execute_fetchall(
            "SELECT count(*) AS count FROM report_block WHERE user = ?", (user,)
        )
        tx.on_commit(self._changed)
        return Forgotten(
            drafts=drafts,
            reports=len(own),
            steps=steps,
            following=following,
            messages=messages,
            blocks=blocks[0]["count"],
            public=tuple(row["url"] for row in public),
        )

    async def empty_log(self) -> None:
        """Bring all changes into the file itself, so that the log beside it keeps no old pages."""
        await self._database.read("PRAGMA wal_checkpoint(TRUNCATE)")


async def drop_author(tx: Transaction, report: int, reporter: int | None) -> None:
    """Take author and followers off a report."""
    if reporter is not None:
        await tx.execute(
            "UPDATE report_step SET actor = 0, actor_name = ? WHERE report = ? AND actor = ?",
            (FORMER, report, reporter),
        )
        await unlink(tx, report, reporter)
    await tx.execute("DELETE FROM report_follower WHERE report = ?", (report,))
    await tx.execute(
        "DELETE FROM report_post WHERE report = ? AND destination LIKE 'user:%'", (report,)
    )
    await tx.execute("UPDATE filing SET body = '' WHERE report = ? AND state = 'filed'", (report,))


async def unlink(tx: Transaction, report: int, reporter: int) -> None:
    """Take its author off a report: name, number, where and in which message it was said.

    Text in which the number stands, as in a mention, stands there without it.
    """
    # Discord's numbers have 17 digits and more; a shorter one is part of other numbers.
    number = str(reporter) if reporter >= _LEAST_NUMBER else ""
    await tx.execute(
        "UPDATE report SET reporter = NULL, reporter_name = NULL, credit = 0, channel = NULL,"
        " submission = replace(json_set(submission, '$.message', NULL), ?1, '…'),"
        " logs = replace(logs, ?1, '…'), reading = replace(reading, ?1, '…'),"
        " known = replace(known, ?1, '…'),"
        " title = replace(title, ?1, '…'), revision = revision + 1 WHERE id = ?2",
        (number, report),
    )
    await tx.execute(
        "UPDATE report_step SET note = replace(note, ?, '…') WHERE report = ?", (number, report)
    )
    await tx.execute(
        "UPDATE report_post SET note = replace(note, ?, '…') WHERE report = ?", (number, report)
    )
