"""How reports stand in tables: their columns, and what is read from them."""

import logging
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from bot.language import dumps, loads, phrase
from bot.reports import rules
from bot.reports.issue.destination import Address
from bot.reports.likeness.model import Known
from bot.reports.model import (
    FORMER,
    FTBOT,
    Action,
    Actor,
    Hint,
    Issue,
    Kind,
    Likely,
    Problem,
    Reading,
    Report,
    State,
    Step,
    Submission,
)

log = logging.getLogger(__name__)

_SUBMISSION = msgspec.json.Decoder(Submission)
_READING = msgspec.json.Decoder(Reading)
_HINTS = msgspec.json.Decoder(tuple[Hint, ...])
LIKELY = msgspec.json.Decoder(tuple[Likely, ...])
_SIGNS_OF = msgspec.json.Decoder(Known)
_ADDRESS = msgspec.json.Decoder(Address)
_LABELS = msgspec.json.Decoder(tuple[str, ...])
_STEPS = msgspec.json.Decoder(list[tuple[datetime, int, str, Action, State, State, str]])

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
# What filing waits for, and why the newest question reached nobody.
_PROBLEM = "(SELECT problem FROM filing WHERE filing.report = report.id)"
_UNHEARD = (
    "(SELECT dropped FROM report_post"
    " WHERE report_post.report = report.id AND purpose = 'question' AND dropped IS NOT NULL"
    " AND report.state = 'asked' AND report_post.id = (SELECT max(id) FROM report_post AS newest"
    " WHERE newest.report = report.id AND newest.purpose = 'question'))"
)
ISSUE = (
    "issue.repository AS issue_repository, issue.number AS issue_number, issue.url AS issue_url,"
    " issue.title AS issue_title, issue.state AS issue_state, issue.reason AS issue_reason,"
    " issue.labels AS issue_labels, issue.updated AS issue_updated"
)
_COLUMNS = (
    "report.id, uid, report.state, revision, report.title, submission, reading, hints, likely,"
    " address, guild, channel, reporter, reporter_name, credit, joined, created, report.updated,"
    f" {_SAME} AS same, {_PROBLEM} AS problem, {_UNHEARD} AS unheard, {_HISTORY} AS steps, {ISSUE}"
)
FROM = (
    " FROM report LEFT JOIN report_issue ON report_issue.report = report.id"
    " LEFT JOIN issue ON issue.repository = report_issue.repository"
    " AND issue.number = report_issue.number"
)
WHOLE = f"SELECT {_COLUMNS}, logs{FROM}"
"""All of reports."""
BRIEF = f"SELECT {_COLUMNS}, '' AS logs{FROM}"
"""The same without logs, which are up to 1 MiB each."""
DECIDED = (
    "EXISTS (SELECT 1 FROM report_step"
    " WHERE report_step.report = report.id AND report_step.before <> 'draft')"
)
"""Whether a triager decided on a report, or its reporter alone."""
TOLD = (
    "SELECT report.id, kind, report.title, version, report.state,"
    f" {_SAME} AS same, {DECIDED} AS taken_up, {ISSUE}"
)
"""What everybody may hear of reports; add `FROM`."""
SIGNS = f"SELECT report.id, known, report.title, {ISSUE}{FROM}"
"""What reports are recognised by, for `signs_of`."""

TAKEN_UP = ", ".join(f"'{state}'" for state in sorted(rules.TAKEN_UP))
"""The states in `rules.TAKEN_UP`, as a list in SQL; `WAITING` likewise."""
WAITING = ", ".join(f"'{state}'" for state in sorted(rules.WAITING))
KNOWN = (
    f"(report.state IN ({TAKEN_UP}) AND {DECIDED}"
    f" OR report.state IN ({WAITING}) AND report.guild = ?)"
)
"""What may be known of on a server, the one parameter: what was taken up, and what waits there."""
DAMAGED = (msgspec.MsgspecError, ValueError, LookupError, TypeError)
"""What reading a row raises that was not written as this ftbot writes it."""


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


def signs_of(rows: Iterable[sqlite3.Row]) -> dict[int, Known | None]:
    """Decode what reports are recognised by, with what has changed since: a thread's work.

    It is None for one that another ftbot wrote in another way: that one is like no other.
    """
    decoded: dict[int, Known | None] = {}
    for row in rows:
        try:
            known = _SIGNS_OF.decode(row["known"])
        except msgspec.MsgspecError as error:
            log.warning("What report %d is recognised by is damaged: %s", row["id"], error)
            decoded[row["id"]] = None
            continue
        state = row["issue_state"] or "open"
        decoded[row["id"]] = replace(known, title=row["title"], url=row["issue_url"], state=state)
    return decoded


def report_of(row: sqlite3.Row) -> Report:
    """Return the report in a row of `WHOLE` or `BRIEF`."""
    return Report(
        id=row["id"],
        uid=row["uid"],
        state=State(row["state"]),
        revision=row["revision"],
        title=row["title"],
        submission=replace(_SUBMISSION.decode(row["submission"]), logs=row["logs"]),
        reading=reading_of(row),
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
        hints=tuple(replace(each, text=loads(each.text)) for each in _HINTS.decode(row["hints"])),
        likely=tuple(
            replace(each, reasons=_sayable(each.reasons)) for each in LIKELY.decode(row["likely"])
        ),
        same=row["same"],
        into=row["joined"],
        issue=issue_of(row) if row["issue_number"] is not None else None,
        steps=tuple(
            Step(at, _actor(actor, name), action, before, after, loads(note))
            for at, actor, name, action, before, after, note in _STEPS.decode(row["steps"])
        ),
        address=_address(row["address"]) if row["address"] else None,
        problem=_problem(row),
    )


def reading_of(row: sqlite3.Row) -> Reading:
    """Return what rules made of a report, in a row with its column `reading`."""
    reading = _READING.decode(row["reading"])
    return replace(reading, gaps=_sayable(reading.gaps))


def _actor(number: int, name: str) -> Actor:
    return Actor(number, FORMER if number == FTBOT.id and name == FORMER else name)


def _sayable(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(loads, texts))


def _address(column: str) -> Address:
    address = _ADDRESS.decode(column)
    return replace(address, why=loads(address.why))


def _problem(row: sqlite3.Row) -> str | None:
    if row["problem"] is not None:
        return loads(row["problem"])
    if row["unheard"] is not None:
        return phrase("The question reached nobody: {reason}", reason=loads(row["unheard"]))
    return None


def step_of(row: sqlite3.Row) -> Step:
    """Return the step in a row of `report_step`."""
    return Step(
        datetime.fromisoformat(row["at"]),
        _actor(row["actor"], row["actor_name"]),
        Action(row["action"]),
        State(row["before"]),
        State(row["after"]),
        loads(row["note"]),
    )


def issue_of(row: sqlite3.Row) -> Issue:
    """Return the issue in a row with the columns of `ISSUE`."""
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


def values_of(issue: Issue) -> Sequence[str | int | None]:
    """Return the columns of an issue, in the order of its table."""
    return (
        issue.repository,
        issue.number,
        issue.url,
        issue.title,
        issue.state,
        issue.reason,
        to_json(issue.labels),
        to_text(issue.updated) if issue.updated else None,
    )


def problem_of(row: sqlite3.Row) -> Problem:
    """Return the problem in a row of `TOLD`."""
    issue = issue_of(row) if row["issue_number"] is not None else None
    return Problem(
        report=row["id"],
        kind=Kind(row["kind"]),
        title=row["title"],
        version=row["version"],
        count=1 + row["same"],
        url=issue.url if issue else None,
        state=State(row["state"]),
        issue=issue,
        taken_up=bool(row["taken_up"]),
    )


def written(submission: Submission) -> tuple[str, str]:
    """Return the columns `submission` and `logs`."""
    return to_json(replace(submission, logs="")), submission.logs


def to_json(value: object) -> str:
    """Return a value as the tables have it."""
    return msgspec.json.encode(value, enc_hook=_as_text).decode()


def _as_text(value: object) -> str:
    """Return what msgspec can't encode by itself: phrases."""
    if isinstance(value, str):
        return dumps(value)
    raise TypeError(f"no table holds {type(value)}")


def to_text(time: datetime) -> str:
    """Return a time as the tables have it; texts of UTC to the same precision sort by time."""
    return time.isoformat(timespec="microseconds")
