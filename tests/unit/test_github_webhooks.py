"""Webhooks: which are believed, and what is read from them."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.github.model import Event
from bot.github.webhooks import EVENTS, parse, verify
from tests.conftest import SHARED

PAYLOADS = SHARED / "data/github/webhooks"
SECRET = "It's a Secret to Everybody"  # noqa: S105 - of GitHub's documentation
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
BODY = b"Hello, World!"


def test_the_example_of_githubs_documentation_is_believed() -> None:
    assert verify(SECRET, BODY, SIGNATURE)


@pytest.mark.parametrize(
    ("secret", "body", "signature"),
    [
        (SECRET, BODY, None),
        (SECRET, BODY, ""),
        (SECRET, BODY, "sha256="),
        (SECRET, BODY, SIGNATURE[:-1]),
        (SECRET, BODY, SIGNATURE + "0"),
        (SECRET, BODY, SIGNATURE.upper()),
        (SECRET, BODY, SIGNATURE.removeprefix("sha256=")),
        (SECRET, BODY, f" {SIGNATURE}"),
        (SECRET, BODY, "sha1=" + hmac.new(SECRET.encode(), BODY, "sha1").hexdigest()),
        (SECRET, BODY, "sha256=" + hmac.new(SECRET.encode(), BODY, "sha1").hexdigest()),
        (SECRET, BODY, "sha256=é\ud800"),
        (SECRET, BODY + b" ", SIGNATURE),
        (SECRET, b"", SIGNATURE),
        ("other", BODY, SIGNATURE),
        ("", BODY, "sha256=" + hmac.new(b"", BODY, "sha256").hexdigest()),
    ],
)
def test_nothing_else_is_believed(secret: str, body: bytes, signature: str | None) -> None:
    assert not verify(secret, body, signature)


@given(st.text(min_size=1), st.binary())
def test_what_was_signed_is_believed(secret: str, body: bytes) -> None:
    signature = f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
    assert verify(secret, body, signature)
    assert not verify(secret, body + b"\0", signature)


def payload(file: str) -> Event | None:
    path = PAYLOADS / f"{file}.json"
    if not path.exists():
        pytest.skip("GitHub's examples of webhooks are not beside this checkout")
    return parse(file.partition(".")[0], path.read_bytes())


@pytest.mark.parametrize(
    ("file", "action"),
    [
        ("issues.closed.SYNTHETIC", "closed"),
        ("issues.deleted", "deleted"),
        ("issues.edited", "edited"),
        ("issues.labeled", "labeled"),
        ("issues.locked", "locked"),
        ("issues.opened", "opened"),
        ("issues.opened.empty-body", "opened"),
        ("issues.opened.with-transfer", "opened"),
        ("issues.reopened", "reopened"),
        ("issues.transferred", "transferred"),
        ("issues.unlabeled", "unlabeled"),
    ],
)
def test_an_example_about_an_issue(file: str, action: str) -> None:
    event = payload(file)
    assert event
    assert event.issue
    assert (event.name, event.action, event.comment) == ("issues", action, None)
    assert event.sender == "Codertocat"
    assert event.issue.number == 1
    assert event.issue.id > 10**8
    assert event.issue.url.startswith("https://github.com/")
    assert event.issue.updated >= event.issue.created
    assert event.issue.state == ("closed" if action in {"closed", "deleted"} else "open")
    assert (event.moved_to is not None) == (action == "transferred")
    assert (event.moved_from is not None) == (file == "issues.opened.with-transfer")


@pytest.mark.parametrize(
    ("file", "action"),
    [
        ("issue_comment.created.1", "created"),
        ("issue_comment.created.with-installation", "created"),
        ("issue_comment.edited", "edited"),
    ],
)
def test_an_example_about_a_comment(file: str, action: str) -> None:
    event = payload(file)
    assert event
    assert event.issue
    assert event.comment
    assert (event.name, event.action) == ("issue_comment", action)
    assert event.repository == event.comment.repository == "Codertocat/Hello-World"
    assert (event.comment.number, event.comment.association) == (1, "OWNER")
    assert event.comment.body
    assert not event.is_pull_request


def test_where_a_transferred_issue_is_now() -> None:
    there, here = payload("issues.transferred"), payload("issues.opened.with-transfer")
    assert there
    assert here
    assert (there.repository, there.moved_to) == ("octo-org/octo-repo", (here.repository, 1))
    assert here.moved_from == (there.repository, 1)


def test_the_example_of_a_ping() -> None:
    assert payload("ping.with-app_id") == Event(
        "ping", "", "Octocoders/Hello-World", sender="Codertocat"
    )


TIME = "2026-11-22T12:00:00Z"
ISSUE = {"number": 7, "id": 1, "title": "t", "created_at": TIME, "updated_at": TIME}
COMMENT = {"id": 2, "created_at": TIME, "updated_at": TIME}


def told(event: str = "issues", **changes: Any) -> Event | None:  # noqa: ANN401 - JSON
    payload = {"action": "closed", "issue": ISSUE, "repository": {"full_name": "o/r"}, **changes}
    return parse(event, json.dumps(payload).encode())


def test_what_github_leaves_out_has_defaults() -> None:
    event = told()
    assert event
    assert event.issue
    assert (event.sender, event.by_app, event.issue.repository) == ("", None, "o/r")
    assert (event.issue.body, event.issue.author, event.issue.labels) == ("", "", ())
    empty = dict.fromkeys(("body", "user", "state_reason", "pull_request"))
    assert told(issue={**ISSUE, **empty, "labels": ["a", {"name": None}, {"name": "b"}]}) == told(
        issue={**ISSUE, "labels": [{"name": "a"}, {"name": "b"}]}, sender=None, changes=None
    )


def test_comments_on_pull_requests_are_told_apart() -> None:
    event = told("issue_comment", issue={**ISSUE, "pull_request": {}}, comment=COMMENT)
    assert event
    assert event.is_pull_request
    assert event.comment
    assert (event.comment.repository, event.comment.number) == ("o/r", 7)


def test_the_app_is_told_where_it_says_who_acted() -> None:
    by_us = {"performed_via_github_app": {"slug": "ftbot", "id": 1}}
    opened = told(action="opened", issue={**ISSUE, **by_us})
    closed = told(action="closed", issue={**ISSUE, **by_us})
    written = told("issue_comment", action="created", issue=ISSUE, comment={**COMMENT, **by_us})
    on_ours = told("issue_comment", issue={**ISSUE, **by_us}, comment=COMMENT)
    apps = [event.by_app for event in (opened, closed, written, on_ours) if event]
    assert apps == ["ftbot", None, "ftbot", None]


@pytest.mark.parametrize("event", ["push", "star", "", "issues\n", "ISSUES", "pull_request"])
def test_other_events_are_nothing(event: str) -> None:
    assert parse(event, b"not even JSON") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"issue": None},
        {"repository": None},
        {"repository": {}},
        {"action": ""},
        {"comment": COMMENT},
        {"issue": {**ISSUE, "number": "7"}},
        {"issue": {**ISSUE, "number": -1}},
        {"issue": {**ISSUE, "number": 2**64}},
        {"issue": {**ISSUE, "updated_at": "yesterday"}},
        {"issue": {**ISSUE, "title": None}},
        {"issue": {**ISSUE, "labels": "bug"}},
        {"sender": "alice"},
    ],
    ids=str,
)
def test_a_document_of_another_shape_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        told(**changes)
    assert caught.value.hint


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"payload=%7B%7D",
        b"{",
        b"\xff\xfe{}",
        b"[" * 200_000,
        b'{"a":' * 200_000,
    ],
    ids=lambda body: repr(body[:12]),
)
@pytest.mark.parametrize("event", sorted(EVENTS))
def test_what_is_no_json_is_refused(event: str, body: bytes) -> None:
    with pytest.raises(UserError):
        parse(event, body)


def test_an_address_that_is_none_is_not_taken() -> None:
    for address in ("javascript:alert(1)", "https://a b", "", "https://x\n.test", "file:///etc"):
        event = told(issue={**ISSUE, "html_url": address})
        assert event
        assert event.issue
        assert event.issue.url == ""


def test_times_are_utc() -> None:
    event = told(
        issue={**ISSUE, "updated_at": "2026-11-22T13:00:00+01:00", "created_at": TIME[:-1]}
    )
    assert event
    assert event.issue
    assert event.issue.updated == event.issue.created
    for end in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"):
        assert told(issue={**ISSUE, "updated_at": end})


@given(st.sampled_from(sorted(EVENTS)), st.binary(max_size=200))
def test_nothing_but_a_user_error_comes_of_hostile_bytes(event: str, body: bytes) -> None:
    try:
        parse(event, body)
    except UserError as error:
        assert error.text  # noqa: PT017 - only if there is one
