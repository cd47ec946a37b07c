"""What a button or select carries in its `custom_id`, so that it works after any restart.

    custom_id = "1" kind *( ":" field )

The leading figure is the version of this grammar: raise it when the meaning of fields changes,
and components of older messages are answered as outdated. Fields are percent-encoded, so any text
may stand in them, as long as the whole fits into Discord's 100 characters.
"""

import re
from urllib.parse import quote, unquote

VERSION = "1"
LIMIT = 100

CHECK = "check"
"""A button that checks: project."""
CHECK_DETAILS = "details"
"""The select below an answer: project, python and platform that were asked for ("" is all)."""

NEWS_CHECK = "look"
"""A button or select that checks apart from its message: parcel of news or "", project ("" where
the choice names it)."""
WATCH = "watch"
"""One that watches a project, or stops that: fields as above."""
UNWATCH = "unwatch"
"""One that stops watching a project: fields as above."""
UNSUBSCRIBE = "unsubscribe"
"""The select of channels that are to hear no more: no fields."""

AUDIT_PAGE = "audit-page"
"""A button that shows another page of an audit: audit, page from 0."""
AUDIT_SHOW = "audit"
"""One that shows an audit apart: audit."""
AUDIT_WATCH = "audit-watch"
"""One by which a member waits for an audit: audit."""
AUDIT_UNWATCH = "audit-unwatch"
"""A button or select that ends that: audit ("" where the choice names it)."""

TRIAGE = "triage"
"""A button below a report's card: what to do (an `Action`), report."""
TRIAGE_FORM = "decide"
"""The form that such a button opens: fields as above."""
TRIAGE_LIKELY = "triage-likely"
"""The select of issues and reports that a report may belong to: report."""
TRIAGE_BLOCK = "triage-block"
"""A button that blocks a report's reporter: report."""
TRIAGE_TEXT = "triage-text"
"""A button that shows all that was written: report."""
TRIAGE_SHOW = "triage-show"
"""The select of reports that wait: no fields."""

PROGRESS = "progress"
"""A select that shows how far projects are: of which projects; interpreter and platform, of which
one is "", and the choice names it."""

REPORT_FORM = "report"
"""The form of a report: report ("" for a new one), channel and message it is made from or ""."""
REPORT_AGAIN = "report-again"
"""A button that opens that form again with what was typed: fields as above."""
REPORT_CHANGE = "report-change"
"""One that opens it with what is stored: report."""
REPORT_DRAFTS = "report-drafts"
"""The select of reports that were not sent yet: no fields."""
REPORT_NEW = "report-new"
"""One that opens it empty: project."""
REPORT_STEP = "report-step"
"""One by which a reporter decides: `send`, `join`, `credit`, `discard` or `withdraw`; report; the
key of the known problem to join, or whether the name is shown ("1"), else ""."""
REPORT_ANSWER = "answer"
"""One that opens the form to answer a triager's question: report."""
REPORT_ANSWER_FORM = "answering"
"""That form: report."""
REPORTS_PAGE = "reports"
"""One that shows other known problems: project, how many come before."""
PRIVACY_ASK = "privacy"
"""One that asks whether all that is stored of somebody shall be deleted: no fields."""
PRIVACY_FORGET = "forget"
"""One that deletes it: no fields."""


def build(kind: str, *fields: str) -> str | None:
    """Return the custom_id of these fields, or None if they don't fit into one."""
    try:
        text = ":".join((VERSION + kind, *(quote(field, safe="") for field in fields)))
    except UnicodeEncodeError:  # lone surrogates
        return None
    return text if len(text) <= LIMIT else None


def fields(custom_id: str) -> tuple[str, ...]:
    """Return the fields that `build` was given, for a custom_id that matched a `template`."""
    return tuple(unquote(field) for field in custom_id.split(":")[1:])


def kind(custom_id: str) -> str:
    """Return the kind that `build` was given, for a custom_id that matched a `template`."""
    return custom_id.partition(":")[0].removeprefix(VERSION)


def template(kind: str, count: int) -> re.Pattern[str]:
    """Return what the custom_ids of `kind` with `count` fields look like."""
    return re.compile(re.escape(VERSION + kind) + r"(?::[A-Za-z0-9_.~%-]*)" + f"{{{count}}}")
