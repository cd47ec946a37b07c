"""The tables of reports, their history, their followers, their issues, and of who decides.

Methods that change something take the transaction that it belongs to; times are aware datetimes.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import msgspec

from bot.db import Database, Transaction
from bot.reports import rules
from bot.reports.issue.destination import Address
from bot.reports.likeness.model import Known
from bot.reports.model import (
    Action,
    Actor,
    Desk,
    Forgotten,
    Hint,
    Issue,
    Kind,
    Likely,
    Problem,
    Reading,
    Report,
    State,
    Step,
    Stored,
    Submission,
)

log = logging.getLogger(__name__)

_LEAST_NUMBER: Final = 10**15

FORMER: Final = "a former member"
"""The name in the history of those who were forgotten."""

_SUBMISSION = msgspec.json.Decoder(Submission)
_READING = msgspec.json.Decoder(Reading)
_HINTS = msgspec.json.Decoder(tuple[Hint, ...])
_LIKELY = msgspec.json.Decoder(tuple[Likely, ...])
_SIGNS_OF = msgspec.json.Decoder(Known)
_ADDRESS = msgspec.json.Decoder(Address)
_LABELS = msgspec.json.Decoder(tuple[str, ...])
_STEPS = msgspec.json.Decoder(list[tuple[datetime, int, str, Action, State, State, str]])

_UNREAD: Final = Reading(Kind.NEEDS_INFO, 0.0)

# The reports that joined this one, and those that joined them. Who wrote several counts once.
_SAME = (
    "(WITH RECURSIVE family (id, reporter) AS ("
    "SELECT id, reporter FROM report AS child WHERE child.joined = report.id"
    " UNION SELECT child.id, child.reporter FROM report AS child"
    " JOIN family ON child.joined = family.id)"
    " SELECT count(DISTINCT coalesce(family.reporter, -family.id)) FROM family"
    " WHERE family.reporter IS NULL OR family.reporter IS NOT report.reporter)"
)
_HISTORY = (
    "(SELECT json_group_array(json_array(at, actor, actor_name, action, before, after, note))"
    " FROM (SELECT * FROM report_step WHERE report_step.report = report.id ORDER BY id))"
)
_PROBLEM = "(SELECT problem FROM filing WHERE filing.report = report.id)"
_ISSUE = (
    "issue.repository AS issue_repository, issue.number AS issue_number, issue.url AS issue_url,"
    " issue.title AS issue_title, issue.state AS issue_state, issue.reason AS issue_reason,"
    " issue.labels AS issue_labels, issue.updated AS issue_updated"
)
_COLUMNS = (
    "report.id, uid, report.state, revision, report.title, submission, reading, hints, likely,"
    " address, guild, channel, reporter, reporter_name, credit, joined, created, report.updated,"
    f" {_SAME} AS same, {_PROBLEM} AS problem, {_HISTORY} AS steps, {_ISSUE}"
)
_FROM = (
    " FROM report LEFT JOIN report_issue ON report_issue.report = report.id"
    " LEFT JOIN issue ON issue.repository = report_issue.repository"
    " AND issue.number = report_issue.number"
)
_WHOLE = f"SELECT {_COLUMNS}, logs{_FROM}"
_BRIEF = f"SELECT {_COLUMNS}, '' AS logs{_FROM}"  # logs are up to 1 MiB each
_TOLD = f"SELECT report.id, kind, report.title, version, report.state, {_SAME} AS same, {_ISSUE}"
_SIGNS = f"SELECT report.id, known, report.title, {_ISSUE}{_FROM}"

_KNOWN = ", ".join(f"'{state}'" for state in sorted(rules.KNOWN))
_COUNTED = (
    "SELECT project, count(*) AS problems FROM report"  # noqa: S608 - only constants
    f" WHERE project IN (SELECT value FROM json_each(?)) AND state IN ({_KNOWN}) GROUP BY project"
)
_WAITING = ", ".join(f"'{state}'" for state in sorted(rules.WAITING))
_ALIKE = (
    "guild IS ? AND created >= ? AND project IS ? AND version IS ? AND kind = ?"
    f" AND report.state IN ({_WAITING}) AND known IS NOT NULL"
)
_ANY = f"SELECT 1 FROM report WHERE project = ? AND state IN ({_KNOWN}) LIMIT 1"  # noqa: S608 - only constants


@dataclass(frozen=True, slots=True)
class Lookup:
    """What is known about a report besides its own text.

    `hints` and `address` are None where they could not be found out; `complete` is False if
    something is to be asked again.
    """

    hints: tuple[Hint, ...] | None = None
    likely: tuple[Likely, ...] = ()
    address: Address | None = None
    complete: bool = False


class ReportStore:
    """Reports and all that belongs to them. `Transaction`s come from the same database.

    `changed` is called when a card may have to show something else.
    """

    def __init__(self, database: Database, changed: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._changed = changed

    # Reading

    async def get(self, report: int) -> Report | None:
        """Return a report with its issue, its history and its logs; None if there is none."""
        rows = await self._database.read(f"{_WHOLE} WHERE report.id = ?", (report,))
        return _report(rows[0]) if rows else None

    async def get_in(self, tx: Transaction, report: int) -> Report | None:
        """Return a report as it is inside of a transaction."""
        rows = await tx.execute_fetchall(f"{_WHOLE} WHERE report.id = ?", (report,))
        return _report(rows[0]) if rows else None

    async def waiting(self, guild: int) -> list[Report]:
        """Return a server's reports that are to be decided on, without logs, the oldest first."""
        rows = await self._database.read(
            f"{_BRIEF} WHERE guild = ? AND report.state IN ({_WAITING}) ORDER BY report.id",
            (guild,),
        )
        return [_report(row) for row in rows]

    async def waiting_alike(self, report: Report, since: datetime) -> dict[int, Known]:
        """Return what waits on the server of a report and says it has the same facts.

        Those are project, version and kind; made since then, the oldest first.
        """
        rows = await self._database.read(
            f"{_SIGNS} WHERE {_ALIKE} ORDER BY report.id", _alike(report, since)
        )
        return dict(await asyncio.to_thread(_decoded, rows))

    async def numbers_alike(self, tx: Transaction, report: Report, since: datetime) -> set[int]:
        """Return the numbers of what `waiting_alike` returns."""
        rows = await tx.execute_fetchall(f"{_SIGNS} WHERE {_ALIKE}", _alike(report, since))
        return {row["id"] for row in rows}

    async def comparable(self, project: str | None, kind: Kind, limit: int) -> list[Known]:
        """Return the newest reports of a project that all may know of.

        Without a project, those of `kind`.
        """
        what, value = ("project = ?", project) if project else ("kind = ?", str(kind))
        rows = await self._database.read(
            f"{_SIGNS} WHERE {what} AND report.state IN ({_KNOWN}) AND known IS NOT NULL"
            " ORDER BY report.id DESC LIMIT ?",
            (value, limit),
        )
        return [each for _, each in await asyncio.to_thread(_decoded, rows)]

    async def known(self, reports: Collection[int]) -> set[int]:
        """Return which of these reports all may know of."""
        rows = await self._database.read(
            "SELECT id, state FROM report WHERE id IN (SELECT value FROM json_each(?))",
            (_json(sorted(reports)),),
        )
        return {row["id"] for row in rows if row["state"] in rules.KNOWN}

    async def to_look_up(self, since: datetime, limit: int) -> list[int]:
        """Return reports that wait, since then at most, and of which not all was asked yet."""
        rows = await self._database.read(
            "SELECT id FROM report WHERE state IN (?, ?) AND updated >= ? AND looked_up = 0"
            " ORDER BY updated DESC LIMIT ?",
            (*rules.WAITING, _text(since), limit),
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
                *_written(submission),
                _json(_UNREAD),
                guild,
                channel,
                reporter.id,
                reporter.name,
                _text(at),
                _text(at),
            ),
        )
        return int(rows[0]["id"])

    async def rewrite(self, tx: Transaction, report: int, submission: Submission) -> None:
        """Keep what a member wrote in place of what was there."""
        await tx.execute(
            "UPDATE report SET submission = ?, logs = ?, looked_up = 0, revision = revision + 1"
            " WHERE id = ?",
            (*_written(submission), report),
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
                _json(reading),
                title,
                reading.kind,
                facts.project.value if facts.project else None,
                facts.version.value if facts.version else None,
                report,
                _json(signs),
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
                None if found.hints is None else _json(found.hints),
                _json(found.likely),
                None if found.address is None else _json(found.address),
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
            (member, guild, _text(hour), _text(day)),
        )
        return rows[0]["hour"], rows[0]["day"], rows[0]["server"]

    async def add_try(self, tx: Transaction, member: str, guild: int | None, at: datetime) -> None:
        """Count a report that a member makes."""
        await tx.execute(
            "INSERT INTO report_try (member, guild, at) VALUES (?, ?, ?)",
            (member, guild, _text(at)),
        )

    # Steps

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
        after = rules.after(before, action, _step(rows[0]) if rows[0]["at"] else None)
        await tx.execute(
            "INSERT INTO report_step (report, at, actor, actor_name, action, before, after, note)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (report, _text(at), actor.id, actor.name, action, before, after, note),
        )
        await tx.execute(
            "UPDATE report SET state = ?, updated = ?, revision = revision + 1 WHERE id = ?",
            (after, _text(at), report),
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

    async def revise(self, tx: Transaction, report: int) -> None:
        """Note that something changed that its card shows, such as the outcome of filing."""
        await tx.execute("UPDATE report SET revision = revision + 1 WHERE id = ?", (report,))
        tx.on_commit(self._changed)

    # Reports of the same

    async def root(self, tx: Transaction, report: int) -> tuple[int, State] | None:
        """Return the report that `report` joined in the end, itself most often, and its state."""
        rows = await tx.execute_fetchall(
            "WITH RECURSIVE line (id, joined, state) AS ("
            "SELECT id, joined, state FROM report WHERE id = ? UNION"
            " SELECT report.id, report.joined, report.state FROM report"
            " JOIN line ON line.joined = report.id)"
            " SELECT id, state FROM line WHERE joined IS NULL",
            (report,),
        )
        return (rows[0]["id"], State(rows[0]["state"])) if rows else None

    async def join(self, tx: Transaction, report: int, into: int, at: datetime) -> None:
        """Count a report as the same as `into`: its people hear of that one's end."""
        await tx.execute("UPDATE report SET joined = ? WHERE id = ?", (into, report))
        await tx.execute(
            "INSERT INTO report_follower (report, user, channel, created)"
            " SELECT ?1, reporter, channel, ?3 FROM report WHERE id = ?2 AND reporter IS NOT NULL"
            " UNION ALL SELECT ?1, user, channel, ?3 FROM report_follower WHERE report = ?2"
            " ON CONFLICT (report, user) DO NOTHING",
            (into, report, _text(at)),
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
            rest = tuple(each for each in _LIKELY.decode(row["likely"]) if each.key != key)
            await tx.execute(
                "UPDATE report SET likely = ?, revision = revision + 1 WHERE id = ?",
                (_json(rest), row["id"]),
            )
        tx.on_commit(self._changed)

    # Issues

    async def set_issue(self, tx: Transaction, report: int, issue: Issue) -> None:
        """Note to which issue a report belongs; what is known of the issue already stays."""
        await tx.execute(
            "INSERT INTO issue (repository, number, url, title, state, reason, labels, updated)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (repository, number) DO NOTHING",
            _issue_values(issue),
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
            f"SELECT {_ISSUE} FROM issue WHERE repository = ? AND number = ?",  # noqa: S608 - only constants
            (repository, number),
        )
        return _issue(rows[0]) if rows else None

    async def issue_seen(self, tx: Transaction, issue: Issue, *, sure: bool = False) -> list[int]:
        """Keep how an issue looks unless what is kept is as new, and return its reports.

        GitHub's times are of whole seconds: `sure` says that `issue` was just read, so that it
        holds at the same time too. Without `updated` it holds only if it is `gone`. Nothing is
        returned if nothing was kept.
        """
        repository, number, *seen = _issue_values(issue)
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

    # Problems

    def has_problems(self, project: str) -> bool:
        """Say whether anything is known of a project; some 10 µs."""
        return self._database.glance(_ANY, (project,)) is not None

    async def problems(self, project: str) -> list[Problem]:
        """Return what members reported of a project (normalised name), in order of numbers."""
        rows = await self._database.read(
            f"{_TOLD}{_FROM} WHERE project = ? AND report.state IN ({_KNOWN}) ORDER BY report.id",
            (project,),
        )
        return [_problem(row) for row in rows]

    async def counted(self, projects: Collection[str]) -> dict[str, int]:
        """Return how many problems are known of each of these projects that has any."""
        rows = await self._database.read(
            _COUNTED,
            (_json(sorted(projects)),),
        )
        return {row["project"]: row["problems"] for row in rows}

    # Desks and blocks

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
            (guild, user, by, _text(at)),
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

    # What is kept of a member

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
        """Return the member's reports whose issue has or will have the member's name, and where."""
        rows = await tx.execute_fetchall(
            "SELECT report, repository FROM filing JOIN report ON report.id = filing.report"
            " WHERE reporter = ? AND credit ORDER BY report",
            (user,),
        )
        return [(row["report"], row["repository"]) for row in rows]

    async def refile(self, tx: Transaction, report: int, body: str) -> None:
        """Keep `body` as the text of a report's issue; none of one that was filed."""
        await tx.execute(
            "UPDATE filing SET body = CASE state WHEN 'filed' THEN '' ELSE ? END WHERE report = ?",
            (body, report),
        )

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
        own = await tx.execute_fetchall("SELECT id FROM report WHERE reporter = ?", (user,))
        for row in own:
            await _unlink(tx, row["id"], user)
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

    # Retention

    async def expire_drafts(self, tx: Transaction, before: datetime) -> int:
        """Delete drafts that were begun before, and return how many."""
        return await tx.execute(
            "DELETE FROM report WHERE state = ? AND created < ?", (State.DRAFT, _text(before))
        )

    async def expire_tries(self, tx: Transaction, before: datetime) -> None:
        """Forget that somebody made a report."""
        await tx.execute("DELETE FROM report_try WHERE at < ?", (_text(before),))

    async def refused(self, before: datetime) -> list[int]:
        """Return reports, not emptied yet, that were rejected or taken back before."""
        rows = await self._database.read(
            "SELECT id FROM report WHERE state IN (?, ?) AND updated < ?"
            " AND (submission <> ? OR reporter IS NOT NULL) ORDER BY id LIMIT 500",
            (State.REJECTED, State.WITHDRAWN, _text(before), _json(Submission())),
        )
        return [row["id"] for row in rows]

    async def empty(self, tx: Transaction, report: int) -> None:
        """Take a report's texts away, and its author."""
        rows = await tx.execute_fetchall(
            "SELECT reading, reporter FROM report WHERE id = ?", (report,)
        )
        if not rows:
            return
        reading = rules.emptied(_READING.decode(rows[0]["reading"]))
        await _drop_author(tx, report, rows[0]["reporter"])
        await tx.execute(
            "UPDATE report SET submission = ?, logs = '', reading = ?, known = NULL, hints = '[]',"
            " likely = '[]', title = kind || coalesce(' in ' || project, '') WHERE id = ?",
            (_json(Submission()), _json(reading), report),
        )
        await tx.execute("UPDATE report_step SET note = '' WHERE report = ?", (report,))
        await tx.execute("UPDATE report_post SET note = '' WHERE report = ?", (report,))

    async def ended(self, before: datetime) -> list[int]:
        """Return reports whose end was before, and of which an author or follower is still kept.

        One with an issue ends with that; one that joined another loses its author with that one.
        """
        rows = await self._database.read(
            "SELECT report.id FROM report"
            " LEFT JOIN report_issue ON report_issue.report = report.id"
            " LEFT JOIN issue ON issue.repository = report_issue.repository"
            " AND issue.number = report_issue.number"
            " LEFT JOIN report AS root ON root.id = report.joined"
            " WHERE report.state IN (?, ?, ?, ?) AND report.updated < ?5"
            " AND (issue.state IS NULL OR issue.state <> 'open')"
            " AND (issue.updated IS NULL OR issue.updated < ?5)"
            " AND (root.id IS NULL OR root.reporter IS NULL)"
            " AND (report.reporter IS NOT NULL"
            " OR EXISTS (SELECT 1 FROM report_follower WHERE report = report.id))"
            " ORDER BY report.id LIMIT 500",
            (State.FILED, State.LINKED, State.HANDED, State.JOINED, _text(before)),
        )
        return [row["id"] for row in rows]

    async def drop_author(self, tx: Transaction, report: int) -> None:
        """Take author and followers off a report; its facts stay."""
        rows = await tx.execute_fetchall("SELECT reporter FROM report WHERE id = ?", (report,))
        if rows:
            await _drop_author(tx, report, rows[0]["reporter"])


async def _drop_author(tx: Transaction, report: int, reporter: int | None) -> None:
    if reporter is not None:
        await tx.execute(
            "UPDATE report_step SET actor = 0, actor_name = ? WHERE report = ? AND actor = ?",
            (FORMER, report, reporter),
        )
        await _unlink(tx, report, reporter)
    await tx.execute("DELETE FROM report_follower WHERE report = ?", (report,))
    await tx.execute(
        "DELETE FROM report_post WHERE report = ? AND destination LIKE 'user:%'", (report,)
    )
    await tx.execute("UPDATE filing SET body = '' WHERE report = ? AND state = 'filed'", (report,))


async def _unlink(tx: Transaction, report: int, reporter: int) -> None:
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


def _alike(report: Report, since: datetime) -> tuple[str | int | None, ...]:
    """Return the parameters of `_ALIKE`."""
    version = report.reading.facts.version
    return (
        report.guild,
        _text(since),
        report.project,
        version.value if version else None,
        report.reading.kind,
    )


def _decoded(rows: Iterable[sqlite3.Row]) -> list[tuple[int, Known]]:
    """Decode what reports are recognised by, with what has changed since: a thread's work.

    One that another ftbot wrote in another way is like no other.
    """
    decoded = []
    for row in rows:
        try:
            known = _SIGNS_OF.decode(row["known"])
        except msgspec.MsgspecError as error:
            log.warning("What report %d is recognised by is damaged: %s", row["id"], error)
            continue
        state = row["issue_state"] or "open"
        decoded.append(
            (row["id"], replace(known, title=row["title"], url=row["issue_url"], state=state))
        )
    return decoded


def _report(row: sqlite3.Row) -> Report:
    return Report(
        id=row["id"],
        uid=row["uid"],
        state=State(row["state"]),
        revision=row["revision"],
        title=row["title"],
        submission=replace(_SUBMISSION.decode(row["submission"]), logs=row["logs"]),
        reading=_READING.decode(row["reading"]),
        reporter=(
            Actor(row["reporter"], row["reporter_name"] or "")
            if row["reporter"] is not None
            else None
        ),
        credit=bool(row["credit"]),
        guild=row["guild"],
        channel=row["channel"],
        created=datetime.fromisoformat(row["created"]),
        updated=datetime.fromisoformat(row["updated"]),
        hints=_HINTS.decode(row["hints"]),
        likely=_LIKELY.decode(row["likely"]),
        same=row["same"],
        into=row["joined"],
        issue=_issue(row) if row["issue_number"] is not None else None,
        steps=tuple(
            Step(at, Actor(actor, name), action, before, after, note)
            for at, actor, name, action, before, after, note in _STEPS.decode(row["steps"])
        ),
        address=_ADDRESS.decode(row["address"]) if row["address"] else None,
        problem=row["problem"],
    )


def _step(row: sqlite3.Row) -> Step:
    return Step(
        datetime.fromisoformat(row["at"]),
        Actor(row["actor"], row["actor_name"]),
        Action(row["action"]),
        State(row["before"]),
        State(row["after"]),
        row["note"],
    )


def _issue(row: sqlite3.Row) -> Issue:
    updated = row["issue_updated"]
    return Issue(
        repository=row["issue_repository"],
        number=row["issue_number"],
        url=row["issue_url"],
        title=row["issue_title"],
        state=row["issue_state"],
        reason=row["issue_reason"],
        labels=_LABELS.decode(row["issue_labels"]),
        updated=datetime.fromisoformat(updated) if updated else None,
    )


def _issue_values(issue: Issue) -> Sequence[str | int | None]:
    return (
        issue.repository,
        issue.number,
        issue.url,
        issue.title,
        issue.state,
        issue.reason,
        _json(issue.labels),
        _text(issue.updated) if issue.updated else None,
    )


def _problem(row: sqlite3.Row) -> Problem:
    issue = _issue(row) if row["issue_number"] is not None else None
    return Problem(
        report=row["id"],
        kind=Kind(row["kind"]),
        title=row["title"],
        version=row["version"],
        count=1 + row["same"],
        url=issue.url if issue else None,
        state=State(row["state"]),
        issue=issue,
    )


def _written(submission: Submission) -> tuple[str, str]:
    """Return the columns `submission` and `logs`."""
    return _json(replace(submission, logs="")), submission.logs


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _text(time: datetime) -> str:
    """Return a time as the tables have it; texts of UTC to the same precision sort by time."""
    return time.isoformat(timespec="microseconds")
