"""The table `filing`: the outbox to GitHub. `Stage` says how far a row is.

`due` is when something is to be done about it, NULL if nothing is. Rows stay for ever, so that no
report is filed twice, whatever becomes of its issue. A row that was sent keeps `started` until it
is filed, or until it is certain that no POST took effect.
"""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from bot.db import Database, Transaction, last_gap
from bot.errors import UserError
from bot.language import dumps, loads, phrase
from bot.messages import LONGEST_WAIT
from bot.reports.filing import rules
from bot.reports.filing.model import Backlog, Entry, Stage

_LABELS = msgspec.json.Decoder(tuple[str, ...])


class FilingStore:
    """What is to be filed, and what was. Times are UTC seconds.

    `queued` is called when there is something new to file.
    """

    def __init__(self, database: Database, queued: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._queued = queued

    async def enqueue(  # noqa: PLR0917 - what makes a row, in its order
        self,
        tx: Transaction,
        report: int,
        uid: str,
        repository: str,
        title: str,
        body: str,
        labels: Sequence[str],
    ) -> None:
        """Let a report be filed. `body` has the marker with the report's `uid`.

        UserError if it was filed already, or is on its way; one that GitHub refused is taken anew.
        If an earlier POST of it may have taken effect after all, its issue is looked for first.
        """
        content = (repository, title, body, msgspec.json.encode(labels).decode())
        started = await self._since(tx, report)
        state = Stage.WAITING if started is None else Stage.SENDING
        changed = await tx.execute(
            "INSERT INTO filing (report, uid, repository, title, body, labels, state, started)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (report) DO UPDATE SET"
            " state = CASE WHEN started IS NOT NULL AND repository = excluded.repository"
            " THEN 'sending' ELSE 'waiting' END,"
            " started = CASE WHEN repository = excluded.repository THEN started END,"
            " repository = excluded.repository, title = excluded.title, body = excluded.body,"
            " labels = excluded.labels, looked = 0, attempts = 0, due = 0, problem = NULL"
            " WHERE state = 'failed'",
            (report, uid, *content, state, started),
        )
        if not changed:
            raise await _already(tx, report)
        tx.on_commit(self._queued)

    async def _since(self, tx: Transaction, report: int) -> float | None:
        """Return since when a lost database may have filed a report, None if none has."""
        gap = await last_gap(tx)
        if gap is None:
            return None
        known = datetime.fromtimestamp(gap.until, UTC).isoformat(timespec="microseconds")
        rows = await tx.execute_fetchall(
            "SELECT 1 FROM report WHERE id = ? AND created <= ?", (report, known)
        )
        return gap.since if rows else None

    async def doubt(self, tx: Transaction, since: float) -> None:
        """Look for each issue before it is made: a database that is lost may have made it."""
        await tx.execute(
            "UPDATE filing SET started = coalesce(started, ?), looked = 0, due = 0,"
            " state = 'sending' WHERE state IN ('waiting', 'sending')",
            (since,),
        )
        await tx.execute(
            "UPDATE filing SET started = coalesce(started, ?) WHERE state = 'failed'", (since,)
        )

    async def next(self, now: float) -> Entry | None:
        """Return what is to be done next: first of all what may be on GitHub already."""
        rows = await self._database.read(
            "SELECT * FROM filing WHERE due <= ? OR due > ?"
            " ORDER BY state = 'sending' DESC, due, report LIMIT 1",
            (now, now + LONGEST_WAIT),
        )
        return _entry(rows[0]) if rows else None

    async def sending(self, uid: str) -> Entry | None:
        """Return the report with this mark, if it may be on GitHub without our knowing."""
        rows = await self._database.read(
            "SELECT * FROM filing WHERE uid = ? AND state = 'sending'", (uid,)
        )
        return _entry(rows[0]) if rows else None

    async def begin(self, entry: Entry, now: float) -> float | None:
        """Note that a report is being sent, if it may be.

        Returns `now` if so, and else when ftbot's own limits allow it; None if the report is not
        to be filed any more, or somebody else has it.
        """
        async with self._database.write() as tx:
            wanted = await tx.execute_fetchall(
                "SELECT 1 FROM report WHERE id = ? AND state = 'filing'", (entry.report,)
            )
            if not wanted:
                await tx.execute(
                    "UPDATE filing SET state = 'failed', due = NULL, problem = ?"
                    " WHERE report = ? AND state IN ('waiting', 'sending')",
                    (dumps(rules.UNWANTED), entry.report),
                )
                return None
            await tx.execute("DELETE FROM filing_post WHERE at < ?", (now - rules.KEPT,))
            posts = await tx.execute_fetchall(
                "SELECT at FROM filing_post WHERE at > ?", (now - rules.HOUR,)
            )
            earliest = rules.next_post([row["at"] for row in posts], now)
            if earliest > now:
                return earliest
            begun = await tx.execute(
                "UPDATE filing SET state = 'sending', started = coalesce(started, ?), looked = 0,"
                " attempts = attempts + 1, due = 0 WHERE report = ?"
                " AND (state = 'waiting' OR (state = 'sending' AND looked >= ?))",
                (now, entry.report, rules.LOOKS),
            )
            if not begun:
                return None
            await tx.execute(
                "INSERT INTO filing_post (report, at) VALUES (?, ?)", (entry.report, now)
            )
            return now

    async def unsent(self, entry: Entry, due: float) -> None:
        """Note that the POST had no effect: `entry`, as it was before, is due again."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE filing SET state = ?, started = ?, looked = ?, due = ?"
                " WHERE report = ? AND state = 'sending'",
                (entry.stage, entry.started, entry.looked, due, entry.report),
            )

    async def looked(self, entry: Entry, due: float) -> None:
        """Note that the issue was looked for in vain."""
        async with self._database.write() as tx:
            await _say(tx, entry.report, None)
            await tx.execute(
                "UPDATE filing SET looked = looked + 1, due = ?"
                " WHERE report = ? AND state = 'sending'",
                (due, entry.report),
            )

    async def postpone(self, entry: Entry, due: float, problem: str) -> None:
        """Put one filing off, and let triagers know why."""
        async with self._database.write() as tx:
            await _say(tx, entry.report, problem)
            await tx.execute(
                "UPDATE filing SET due = ? WHERE report = ? AND due IS NOT NULL",
                (due, entry.report),
            )

    async def hold(self, until: float, problem: str | None) -> None:
        """Put all off; let triagers know why, if it is worth a word."""
        stored = dumps(problem) if problem is not None else None
        async with self._database.write() as tx:
            if stored is not None:
                await tx.execute(
                    "UPDATE report SET revision = revision + 1 WHERE id IN (SELECT report"
                    " FROM filing WHERE due IS NOT NULL AND problem IS NOT ?)",
                    (stored,),
                )
            await tx.execute(
                "UPDATE filing SET due = max(due, ?), problem = coalesce(?, problem)"
                " WHERE due IS NOT NULL",
                (until, stored),
            )

    async def filed(self, tx: Transaction, entry: Entry, number: int, problem: str | None) -> bool:
        """Note that a report is an issue; False if that is known already."""
        changed = await tx.execute(
            "UPDATE filing SET state = 'filed', number = ?, due = NULL"
            " WHERE report = ? AND state = 'sending'",
            (number, entry.report),
        )
        if changed:
            await _say(tx, entry.report, problem)
        return bool(changed)

    async def failed(self, tx: Transaction, entry: Entry, problem: str) -> bool:
        """Note that GitHub refused; False if the filing is over by other means.

        `entry` is as it was before this POST: an earlier one of unclear outcome is remembered.
        """
        changed = await tx.execute(
            "UPDATE filing SET state = 'failed', started = ?, due = NULL, problem = ?"
            " WHERE report = ? AND state IN ('waiting', 'sending')",
            (entry.started, dumps(problem), entry.report),
        )
        return bool(changed)

    async def next_due(self) -> float | None:
        """Return when something is to be done next, None if nothing is."""
        rows = await self._database.read("SELECT min(due) AS due FROM filing WHERE due IS NOT NULL")
        due: float | None = rows[0]["due"]
        return due

    async def backlog(self) -> Backlog:
        """Count what waits."""
        rows = await self._database.read(
            "SELECT count(*) AS waiting, coalesce(sum(state = 'sending'), 0) AS unclear"
            " FROM filing WHERE due IS NOT NULL"
        )
        return Backlog(rows[0]["waiting"], rows[0]["unclear"])


async def _already(tx: Transaction, report: int) -> UserError:
    """Say why a report cannot be filed again."""
    (row,) = await tx.execute_fetchall("SELECT * FROM filing WHERE report = ?", (report,))
    if row["state"] == Stage.FILED:
        issue = f"{row['repository']}#{row['number']}"
        return UserError(
            phrase("The report was filed already, as {issue}.", issue=issue),
            phrase("Link it to that issue, or to the one that took its place."),
        )
    return UserError(
        phrase("The report is on its way to {repository} already.", repository=row["repository"]),
        phrase("Wait a moment."),
    )


async def _say(tx: Transaction, report: int, problem: str | None) -> None:
    """Let the report's card show a problem, or none any more."""
    if await tx.execute(
        "UPDATE filing SET problem = ?1 WHERE report = ?2 AND problem IS NOT ?1",
        (dumps(problem) if problem is not None else None, report),
    ):
        await tx.execute("UPDATE report SET revision = revision + 1 WHERE id = ?", (report,))


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(
        report=row["report"],
        uid=row["uid"],
        repository=row["repository"],
        title=row["title"],
        body=row["body"],
        labels=_LABELS.decode(row["labels"]),
        stage=Stage(row["state"]),
        started=row["started"],
        looked=row["looked"],
        attempts=row["attempts"],
        problem=loads(row["problem"]) if row["problem"] is not None else None,
    )
