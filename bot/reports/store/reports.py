"""Reports themselves: what was written, what is made of it, and how many were made lately."""

import asyncio
import logging
from collections.abc import Collection
from datetime import datetime
from typing import Final

from bot.db import Transaction
from bot.reports import rules
from bot.reports.likeness.model import Known
from bot.reports.model import Actor, Kind, Reading, Report, State, Submission, Waiting
from bot.reports.store.base import Base
from bot.reports.store.rows import (
    BRIEF,
    DAMAGED,
    KNOWN,
    SIGNS,
    WAITING,
    WHOLE,
    Lookup,
    report_of,
    signs_of,
    to_json,
    to_text,
    written,
)

log = logging.getLogger(__name__)

_UNREAD: Final = Reading(Kind.NEEDS_INFO, 0.0)
_ALIKE = (
    "guild IS ? AND created >= ? AND project IS ? AND version IS ? AND kind = ?"
    f" AND report.state IN ({WAITING}) AND known IS NOT NULL"
)


class Reports(Base):
    """Reports, from drafts on."""

    # Reading

    async def get(self, report: int) -> Report | None:
        """Return a report with its issue, its history and its logs; None if there is none."""
        rows = await self._database.read(f"{WHOLE} WHERE report.id = ?", (report,))
        return report_of(rows[0]) if rows else None

    async def get_in(self, tx: Transaction, report: int) -> Report | None:
        """Return a report as it is inside of a transaction."""
        rows = await tx.execute_fetchall(f"{WHOLE} WHERE report.id = ?", (report,))
        return report_of(rows[0]) if rows else None

    async def waiting(self, guild: int) -> Waiting:
        """Return a server's reports that are to be decided on, without logs."""
        rows = await self._database.read(
            f"{BRIEF} WHERE guild = ? AND report.state IN ({WAITING}) ORDER BY report.id",
            (guild,),
        )
        reports: list[Report] = []
        damaged: list[int] = []
        for row in rows:
            try:
                reports.append(report_of(row))
            except DAMAGED as error:
                log.warning("Report %d is damaged: %s", row["id"], error)
                damaged.append(row["id"])
        return Waiting(tuple(reports), tuple(damaged))

    async def waiting_alike(self, report: Report, since: datetime) -> dict[int, Known | None]:
        """Return what waits on the server of a report and says it has the same facts.

        Those are project, version and kind; made since then, the oldest first. None is what cannot
        be compared.
        """
        rows = await self._database.read(
            f"{SIGNS} WHERE {_ALIKE} ORDER BY report.id", _alike(report, since)
        )
        return await asyncio.to_thread(signs_of, rows)

    async def numbers_alike(self, tx: Transaction, report: Report, since: datetime) -> set[int]:
        """Return the numbers of what `waiting_alike` returns."""
        rows = await tx.execute_fetchall(f"{SIGNS} WHERE {_ALIKE}", _alike(report, since))
        return {row["id"] for row in rows}

    async def comparable(
        self, project: str | None, kind: Kind, guild: int | None, limit: int
    ) -> list[Known]:
        """Return the newest reports of a project that a server may know of.

        Without a project, those of `kind`.
        """
        what, value = ("project = ?", project) if project else ("kind = ?", str(kind))
        rows = await self._database.read(
            f"{SIGNS} WHERE {what} AND {KNOWN} AND known IS NOT NULL"
            " ORDER BY report.id DESC LIMIT ?",
            (value, guild, limit),
        )
        found = await asyncio.to_thread(signs_of, rows)
        return [each for each in found.values() if each is not None]

    async def known(self, reports: Collection[int], guild: int | None) -> set[int]:
        """Return which of these reports a server may know of."""
        rows = await self._database.read(
            f"SELECT id FROM report WHERE id IN (SELECT value FROM json_each(?)) AND {KNOWN}",  # noqa: S608 - only constants
            (to_json(sorted(reports)), guild),
        )
        return {row["id"] for row in rows}

    async def to_look_up(self, since: datetime, limit: int) -> list[int]:
        """Return reports that wait, since then at most, and of which not all was asked yet."""
        rows = await self._database.read(
            "SELECT id FROM report WHERE state IN (?, ?) AND updated >= ? AND looked_up = 0"
            " ORDER BY random() LIMIT ?",  # so that none that has to wait long holds up others
            (*rules.WAITING, to_text(since), limit),
        )
        return [row["id"] for row in rows]

    # Drafts

    async def insert(
        self,
        tx: Transaction,
        *,
        uid: str,
        submission: Submission,
        reporter: Actor,
        guild: int | None,
        channel: int | None,
        at: datetime,
    ) -> int:
        """Keep what a member wrote, as a draft that nobody has read yet. Returns its number."""
        rows = await tx.execute_fetchall(
            "INSERT INTO report (uid, state, kind, title, submission, logs, reading, guild,"
            " channel, reporter, reporter_name, created, updated)"
            " VALUES (?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                uid,
                State.DRAFT,
                _UNREAD.kind,
                *written(submission),
                to_json(_UNREAD),
                guild,
                channel,
                reporter.id,
                reporter.name,
                to_text(at),
                to_text(at),
            ),
        )
        return int(rows[0]["id"])

    async def rewrite(self, tx: Transaction, report: int, submission: Submission) -> None:
        """Keep what a member wrote in place of what was there."""
        await tx.execute(
            "UPDATE report SET submission = ?, logs = ?, looked_up = 0, revision = revision + 1"
            " WHERE id = ?",
            (*written(submission), report),
        )

    async def read_as(
        self, tx: Transaction, report: int, reading: Reading, title: str, signs: Known
    ) -> None:
        """Keep what rules make of a report, and what it is recognised by.

        What was known of another project is forgotten.
        """
        tx.on_commit(self._changed)
        facts = reading.facts
        await tx.execute(
            "UPDATE report SET reading = ?1, title = ?2, kind = ?3, project = ?4, version = ?5,"
            " known = ?7,"
            " hints = CASE WHEN project IS ?4 THEN hints ELSE '[]' END,"
            " address = CASE WHEN project IS ?4 THEN address END,"
            " revision = revision + 1 WHERE id = ?6",
            (
                to_json(reading),
                title,
                reading.kind,
                facts.project.value if facts.project else None,
                facts.version.value if facts.version else None,
                report,
                to_json(signs),
            ),
        )

    async def looked_up(self, tx: Transaction, report: int, found: Lookup) -> None:
        """Keep what is known about a report besides its text; cards are only edited if it is new.

        What did not answer this time does not take away what was known.
        """
        tx.on_commit(self._changed)
        await tx.execute(
            "UPDATE report SET hints = coalesce(?1, hints), likely = ?2,"
            " address = coalesce(?3, address), looked_up = ?4, revision = revision"
            " + (hints IS NOT coalesce(?1, hints) OR likely IS NOT ?2"
            " OR address IS NOT coalesce(?3, address)) WHERE id = ?5",
            (
                None if found.hints is None else to_json(found.hints),
                to_json(found.likely),
                None if found.address is None else to_json(found.address),
                found.complete,
                report,
            ),
        )

    async def set_credit(self, tx: Transaction, report: int, *, shown: bool) -> None:
        """Note whether the reporter's name may be public."""
        await tx.execute(
            "UPDATE report SET credit = ?, revision = revision + 1 WHERE id = ?", (shown, report)
        )

    async def delete_draft(self, tx: Transaction, report: int) -> bool:
        """Delete a draft with all that belongs to it. Returns whether it was one."""
        deleted = await tx.execute(
            "DELETE FROM report WHERE id = ? AND state = ?", (report, State.DRAFT)
        )
        return deleted > 0

    # Tries: what the limits count

    async def tries(
        self, tx: Transaction, member: str, guild: int | None, *, hour: datetime, day: datetime
    ) -> tuple[int, int, int]:
        """Return how many reports a member made since `hour` and `day`, and a server since `hour`.

        `member` is a digest that tells members apart.
        """
        rows = await tx.execute_fetchall(
            "SELECT count(*) FILTER (WHERE member = ?1 AND at > ?3) AS hour,"
            " count(*) FILTER (WHERE member = ?1) AS day,"
            " count(*) FILTER (WHERE guild = ?2 AND at > ?3) AS server"
            " FROM report_try WHERE at > ?4",
            (member, guild, to_text(hour), to_text(day)),
        )
        return rows[0]["hour"], rows[0]["day"], rows[0]["server"]

    async def add_try(self, tx: Transaction, member: str, guild: int | None, at: datetime) -> None:
        """Count a report that a member makes."""
        await tx.execute(
            "INSERT INTO report_try (member, guild, at) VALUES (?, ?, ?)",
            (member, guild, to_text(at)),
        )


def _alike(report: Report, since: datetime) -> tuple[str | int | None, ...]:
    """Return the parameters of `_ALIKE`."""
    version = report.reading.facts.version
    return (
        report.guild,
        to_text(since),
        report.project,
        version.value if version else None,
        report.reading.kind,
    )
