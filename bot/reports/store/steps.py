"""How reports go from state to state, and which of them are the same."""

from datetime import datetime

from bot.db import Transaction
from bot.language import dumps
from bot.reports import rules
from bot.reports.model import Action, Actor, State
from bot.reports.store.base import Base
from bot.reports.store.rows import KNOWN, LIKELY, step_of, to_json, to_text

_ROOT = (
    "WITH RECURSIVE line (id, joined) AS (SELECT id, joined FROM report WHERE id = ? UNION"  # noqa: S608 - only constants
    " SELECT report.id, report.joined FROM report JOIN line ON line.joined = report.id)"
    f" SELECT id FROM report WHERE joined IS NULL AND id IN (SELECT id FROM line) AND {KNOWN}"
)


class Steps(Base):
    """The history of reports, and what joined what."""

    async def step(
        self,
        tx: Transaction,
        report: int,
        action: Action,
        actor: Actor,
        note: str = "",
        *,
        at: datetime,
    ) -> State:
        """Lead a report to its next state, and record who did it; the only way a state changes.

        Raises Settled, which names who did what before, if `action` leads nowhere from where the
        report stands; LookupError if there is no such report.
        """
        rows = await tx.execute_fetchall(
            "SELECT state, at, actor, actor_name, action, before, after, note FROM report"
            " LEFT JOIN report_step ON report_step.report = report.id WHERE report.id = ?"
            " ORDER BY report_step.id DESC LIMIT 1",
            (report,),
        )
        if not rows:
            raise LookupError(f"there is no report {report}")
        before = State(rows[0]["state"])
        after = rules.after(before, action, step_of(rows[0]) if rows[0]["at"] else None)
        await tx.execute(
            "INSERT INTO report_step (report, at, actor, actor_name, action, before, after, note)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (report, to_text(at), actor.id, actor.name, action, before, after, dumps(note)),
        )
        await tx.execute(
            "UPDATE report SET state = ?, updated = ?, revision = revision + 1 WHERE id = ?",
            (after, to_text(at), report),
        )
        tx.on_commit(self._changed)
        return after

    async def state(self, tx: Transaction, report: int) -> State | None:
        """Return where a report stands, None if there is none."""
        rows = await tx.execute_fetchall("SELECT state FROM report WHERE id = ?", (report,))
        return State(rows[0]["state"]) if rows else None

    async def revision(self, tx: Transaction, report: int) -> int | None:
        """Return how often a report changed, None if there is none."""
        rows = await tx.execute_fetchall("SELECT revision FROM report WHERE id = ?", (report,))
        return rows[0]["revision"] if rows else None

    # Reports of the same

    async def root(self, tx: Transaction, report: int, guild: int | None) -> int | None:
        """Return the report that `report` joined in the end, itself most often.

        It is None for one that a server may not know of.
        """
        rows = await tx.execute_fetchall(_ROOT, (report, guild))
        return rows[0]["id"] if rows else None

    async def join(self, tx: Transaction, report: int, into: int, at: datetime) -> None:
        """Count a report as the same as `into`: its people hear of that one's end."""
        await tx.execute("UPDATE report SET joined = ? WHERE id = ?", (into, report))
        await tx.execute(
            "INSERT INTO report_follower (report, user, channel, created)"
            " SELECT ?1, reporter, channel, ?3 FROM report WHERE id = ?2 AND reporter IS NOT NULL"
            " UNION ALL SELECT ?1, user, channel, ?3 FROM report_follower WHERE report = ?2"
            " ON CONFLICT (report, user) DO NOTHING",
            (into, report, to_text(at)),
        )
        await self.revise(tx, into)

    async def part(self, tx: Transaction, report: int) -> None:
        """Count a report for itself again. Who has another report that joined stays a follower."""
        rows = await tx.execute_fetchall("SELECT joined FROM report WHERE id = ?", (report,))
        into = rows[0]["joined"] if rows else None
        if into is None:
            return
        await tx.execute("UPDATE report SET joined = NULL WHERE id = ?", (report,))
        await tx.execute(
            "DELETE FROM report_follower WHERE report = ?1 AND user IN ("
            "SELECT reporter FROM report WHERE id = ?2"
            " UNION ALL SELECT user FROM report_follower WHERE report = ?2)"
            " AND user NOT IN (SELECT reporter FROM report"
            " WHERE joined = ?1 AND reporter IS NOT NULL)",
            (into, report),
        )
        await self.revise(tx, into)

    async def unlist(self, tx: Transaction, report: int) -> None:
        """Take a report off the lists of likely duplicates of all others."""
        key = f"report:{report}"
        rows = await tx.execute_fetchall(
            "SELECT id, likely FROM report WHERE instr(likely, ?)", (f'"{key}"',)
        )
        for row in rows:
            rest = tuple(each for each in LIKELY.decode(row["likely"]) if each.key != key)
            await tx.execute(
                "UPDATE report SET likely = ?, revision = revision + 1 WHERE id = ?",
                (to_json(rest), row["id"]),
            )
        tx.on_commit(self._changed)
