"""What GitHub tells of an issue: what is newer, and who is to hear of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.github.model import Comment, Event, RemoteIssue
from bot.reports.following import rules
from bot.reports.following.rules import Verdict
from bot.reports.model import Issue

THEN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KNOWN = Issue("o/r", 1, "https://github.com/o/r/issues/1", "A title", updated=THEN)


@pytest.mark.parametrize(
    ("known", "told", "event", "answer"),
    [
        (KNOWN, replace(KNOWN, state="closed", updated=THEN - SECOND), "IGNORE", "IGNORE"),
        (KNOWN, KNOWN, "IGNORE", "IGNORE"),
        (KNOWN, replace(KNOWN, url="https://other"), "IGNORE", "IGNORE"),
        (KNOWN, replace(KNOWN, state="closed"), "ASK", "APPLY"),
        (KNOWN, replace(KNOWN, labels=("bug",)), "ASK", "APPLY"),
        (KNOWN, replace(KNOWN, state="closed", updated=THEN + SECOND), "APPLY", "APPLY"),
        (replace(KNOWN, updated=None), KNOWN, "ASK", "APPLY"),
        (replace(KNOWN, state="gone"), replace(KNOWN, updated=THEN + SECOND), "ASK", "APPLY"),
        (replace(KNOWN, state="gone"), replace(KNOWN, updated=THEN - SECOND), "IGNORE", "IGNORE"),
    ],
)
def test_only_what_is_newer_counts(known: Issue, told: Issue, event: str, answer: str) -> None:
    assert rules.judge(known, told, asked=False) is Verdict[event]
    assert rules.judge(known, told, asked=True) is Verdict[answer]


def test_the_order_of_labels_is_nothing_new() -> None:
    known, told = replace(KNOWN, labels=("a", "b")), replace(KNOWN, labels=("b", "a"))
    assert rules.judge(known, told, asked=True) is Verdict.IGNORE


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("open", "open", None),
        ("open", "closed", "closed:2026-11-22T12:00:00+00:00"),
        ("closed", "open", "reopened:2026-11-22T12:00:00+00:00"),
        ("gone", "open", None),  # it can be read again
        ("gone", "closed", "closed:2026-11-22T12:00:00+00:00"),
        ("open", "gone", "gone"),
        ("closed", "gone", "gone"),
        ("gone", "gone", None),
    ],
)
def test_people_hear_of_the_end_and_of_its_end(before: str, after: str, key: str | None) -> None:
    assert rules.outcome(replace(KNOWN, state=before), replace(KNOWN, state=after)) == key


@pytest.mark.parametrize(
    ("login", "sender", "by_app", "ours"),
    [
        ("ftbot[bot]", "ftbot[bot]", None, True),
        ("ftbot[bot]", "FTBot[bot]", None, True),
        ("ftbot[bot]", "mel", "ftbot", True),
        ("ftbot[bot]", "mel", "stale", False),
        ("ftbot[bot]", "mel", None, False),
        ("", "", None, False),
    ],
)
def test_what_ftbot_did_itself(login: str, sender: str, by_app: str | None, *, ours: bool) -> None:
    event = Event("issues", "closed", "o/r", sender=sender, by_app=by_app)
    assert rules.is_by(login, event) is ours


def comment(author: str, association: str, body: str = "text") -> Comment:
    return Comment(7, "o/r", 1, "https://c", body, author, association, THEN, THEN)


@pytest.mark.parametrize(
    ("author", "association", "worth"),
    [
        ("mel", "OWNER", True),
        ("mel", "MEMBER", True),
        ("mel", "COLLABORATOR", True),
        ("mel", "CONTRIBUTOR", False),
        ("mel", "NONE", False),
        ("mel", "", False),
        ("ftbot[bot]", "MEMBER", False),
    ],
)
def test_maintainers_comments_are_passed_on(author: str, association: str, *, worth: bool) -> None:
    assert rules.is_worth_telling(comment(author, association), "ftbot[bot]") is worth


def test_long_comments_are_cut() -> None:
    assert rules.passed_on(comment("mel", "OWNER", "  short\n")) == "short"
    assert len(rules.passed_on(comment("mel", "OWNER", "x" * 65_536))) == rules.LONGEST_COMMENT


def test_an_issue_of_githubs_is_one_of_ours() -> None:
    remote = RemoteIssue(
        "o/r", 1, 99, KNOWN.url, "A title", "body", "closed", "completed", ("bug",), "mel", THEN,
        THEN,
    )  # fmt: skip
    expected = replace(KNOWN, state="closed", reason="completed", labels=("bug",))
    assert rules.seen(remote) == expected
