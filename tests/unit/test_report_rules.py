"""Reports' states, their limits, and what triagers may refer to. All texts are made up."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.reports import rules
from bot.reports.model import (
    FTBOT,
    Action,
    Actor,
    Fact,
    Facts,
    Issue,
    Kind,
    Problem,
    Reading,
    State,
    Step,
    Submission,
)
from bot.reports.rules import TRANSITIONS, Settled, after

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SITE = "https://github.com"


def test_each_state_can_be_reached_from_a_draft() -> None:
    reached = {State.DRAFT}
    while new := {to for (state, _), to in TRANSITIONS.items() if state in reached} - reached:
        reached |= new
    assert reached == set(State)


def test_each_action_leads_somewhere() -> None:
    assert {action for _, action in TRANSITIONS} == set(Action)


def test_nothing_leads_back_to_a_draft_and_nothing_leaves_an_issue_of_ours() -> None:
    assert State.DRAFT not in TRANSITIONS.values()
    left = {state for state, _ in TRANSITIONS}
    assert set(State) - left == {State.FILED, State.WITHDRAWN}


def test_a_matter_of_security_goes_nowhere_but_back_to_the_triagers() -> None:
    assert {a: s for (state, a), s in TRANSITIONS.items() if state is State.SECURITY} == {
        Action.REOPEN: State.OPEN
    }


def test_what_all_may_know_of_was_sent_and_is_no_secret() -> None:
    hidden = {State.DRAFT, State.SECURITY, State.REJECTED, State.WITHDRAWN}
    assert not (rules.TAKEN_UP | rules.WAITING) & hidden


@given(st.sampled_from(State), st.sampled_from(Action))
def test_what_is_not_in_the_table_is_refused(state: State, action: Action) -> None:
    if (state, action) in TRANSITIONS:
        assert after(state, action) is TRANSITIONS[state, action]
    else:
        with pytest.raises(Settled) as settled:
            after(state, action)
        assert settled.value.text.endswith(".")


def step(actor: Actor, action: Action, to: State) -> Step:
    return Step(NOON, actor, action, State.OPEN, to)


@pytest.mark.parametrize(
    ("last", "action", "text", "hint"),
    [
        (
            step(Actor(1, "Ada"), Action.REJECT, State.REJECTED),
            Action.FILE,
            "Ada rejected it already, so the report is rejected.",
            "Reopen it first.",
        ),
        (
            step(FTBOT, Action.FILED, State.FILED),
            Action.REJECT,
            "ftbot filed it already, so the report is filed.",
            "",
        ),
        (
            step(Actor(0, ""), Action.LINK, State.LINKED),
            Action.ASK,
            "Somebody linked it to an issue already, so the report is linked.",
            "Reopen it first.",
        ),
    ],
)
def test_triagers_are_told_who_was_quicker(
    last: Step, action: Action, text: str, hint: str
) -> None:
    with pytest.raises(Settled) as settled:
        after(last.after, action, last)
    assert (settled.value.text, settled.value.hint) == (text, hint)
    assert settled.value.last == last


@pytest.mark.parametrize("action", [Action.ANSWER, Action.WITHDRAW, Action.SEND])
def test_reporters_are_not_told_who_decided_what(action: Action) -> None:
    last = step(Actor(1, "Ada"), Action.SECURITY, State.SECURITY)
    with pytest.raises(Settled) as settled:
        after(State.SECURITY, action, last)
    assert "Ada" not in str(settled.value)
    assert "security" not in str(settled.value)
    assert settled.value.last is None


# What is taken in


def test_text_is_taken_as_it_is_but_for_what_no_database_takes() -> None:
    taken = rules.accepted(
        Submission(
            " numpy ", "\n3.14t", "it \ud800 breaks\0", "\x1b[31mred", "a.log", "https://d/1"
        )
    )
    assert taken == Submission(
        "numpy",
        "3.14t",
        "it ? breaks\N{REPLACEMENT CHARACTER}",
        "\x1b[31mred",
        "a.log",
        "https://d/1",
    )


@pytest.mark.parametrize(
    ("submission", "named"),
    [
        (Submission(), "nothing"),
        (Submission(project="numpy", logs=" \n"), "nothing"),
        (Submission(story="x" * 8_001), "8,001 characters"),
        (Submission(story="x", project="x" * 301), "name of the project"),
        (Submission(story="x", environment="x" * 4_001), "interpreter and platform"),
        (Submission(logs="é" * (1 << 19) + "x"), "1 MiB"),
    ],
)
def test_what_is_too_much_is_refused_and_not_cut(submission: Submission, named: str) -> None:
    with pytest.raises(UserError, match=named) as refused:
        rules.accepted(submission)
    assert refused.value.hint


def test_as_much_as_allowed_is_taken() -> None:
    most = Submission("x" * 300, "x" * 4_000, "x" * 8_000, "é" * (1 << 19))
    assert rules.accepted(most) == most


@given(st.text(), st.text())
def test_what_is_taken_can_be_stored(story: str, logs: str) -> None:
    try:
        taken = rules.accepted(Submission(story=story, logs=logs))
    except UserError:
        assert not story.strip()
        assert not logs.strip()
    else:
        assert "\0" not in taken.story + taken.logs
        assert (taken.story + taken.logs).encode()


def test_answers_are_added_until_there_is_no_room() -> None:
    told = rules.answered(Submission(story="It breaks."), "With 2.0.")
    assert told.story == "It breaks.\n\nWith 2.0."
    with pytest.raises(UserError, match="no room"):
        rules.answered(told, "x" * rules.MOST_TOLD)


@pytest.mark.parametrize("text", ["", " \n ", "x" * 4_001])
def test_notes_say_something_and_not_too_much(text: str) -> None:
    with pytest.raises(UserError, match="reason"):
        rules.noted(text, "reason")


@pytest.mark.parametrize(
    ("hour", "day", "server", "refused"),
    [
        (4, 19, 29, None),
        (5, 5, 5, "within an hour"),
        (0, 20, 0, "within a day"),
        (0, 0, 30, "from this server"),
    ],
)
def test_limits(hour: int, day: int, server: int, refused: str | None) -> None:
    error = rules.is_too_much(hour, day, server)
    assert (error is not None and refused is not None and refused in error.text) or not error
    assert (error is None) == (refused is None)


def test_an_emptied_reading_keeps_its_facts_but_no_text() -> None:
    full = Reading(
        Kind.CRASH,
        0.8,
        Facts(project=Fact("numpy", "import numpy"), version=Fact("2.0", "numpy 2.0")),
        evidence=("Segmentation fault",),
        excerpt="secret",
        gaps=("the script",),
    )
    assert rules.emptied(full) == Reading(
        Kind.CRASH, 0.8, Facts(project=Fact("numpy", ""), version=Fact("2.0", ""))
    )


# References


@pytest.mark.parametrize(
    ("text", "repository", "number"),
    [
        ("https://github.com/demo/lib/issues/12", "demo/lib", 12),
        (" <https://github.com/demo/lib/issues/12#issuecomment-3> ", "demo/lib", 12),
        ("http://www.github.com/demo/lib/issues/12?x=y", "demo/lib", 12),
        ("demo/lib.py#7", "demo/lib.py", 7),
        ("issue:demo/lib#7", "demo/lib", 7),
        ("#3", "home/base", 3),
    ],
)
def test_issues_that_triagers_name(text: str, repository: str, number: int) -> None:
    assert rules.reference(text, home="home/base", site=SITE) == Issue(
        repository, number, f"https://github.com/{repository}/issues/{number}"
    )


@pytest.mark.parametrize(("text", "report"), [("12", 12), ("report:12", 12), (" 7 ", 7)])
def test_reports_that_triagers_name(text: str, report: int) -> None:
    assert rules.reference(text, home="home/base", site=SITE) == report


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "neither"),
        ("the usual one", "neither"),
        ("0", "neither"),
        ("#0", "neither"),
        ("-1", "neither"),
        ("demo#1", "neither"),
        ("٣", "neither"),
        ("https://github.com/demo/lib", "neither"),
        ("https://github.com/demo/lib/pull/3", "pull request"),
        ("https://github.com/demo/lib/discussions/3", "discussion"),
        ("https://gitlab.com/demo/lib/issues/3", "Only issues on GitHub"),
        ("https://github.com.evil.example/demo/lib/issues/3", "Only issues on GitHub"),
        ("javascript:alert(1)", "neither"),
        ("9" * 400, "neither"),
    ],
)
def test_nonsense_is_refused_with_a_word(text: str, named: str) -> None:
    with pytest.raises(UserError, match=named):
        rules.reference(text, home="home/base", site=SITE)


@given(st.text())
def test_any_reference_is_one_or_refused(text: str) -> None:
    try:
        found = rules.reference(text, home="home/base", site=SITE)
    except UserError:
        number = text.strip().strip("<>")
        fits = number.isascii() and number.isdecimal() and len(number) <= 10
        assert not fits or "0" in number
    else:
        assert isinstance(found, int | Issue)


@pytest.mark.parametrize(
    ("key", "meant"), [("report:12", 12), ("issue:demo/lib#3", ("demo/lib", 3))]
)
def test_keys_of_likely_ones(key: str, meant: object) -> None:
    assert rules.likely_key(key) == meant


@pytest.mark.parametrize("key", ["", "report:demo/lib#3", "issue:3", "issue:demo#3", "report:x"])
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(UserError):
        rules.likely_key(key)


# Problems


def problem(report: int, count: int = 1, issue: Issue | None = None, **more: str) -> Problem:
    url = issue.url if issue else None
    version = more.get("version")
    return Problem(report, Kind.CRASH, "t", version, count, url, State.FILED, issue)


OPEN = Issue("demo/lib", 3, "https://github.com/demo/lib/issues/3")
CLOSED = Issue("demo/lib", 4, "https://github.com/demo/lib/issues/4", state="closed")


def test_reports_of_one_issue_are_one_problem() -> None:
    again = Issue("Demo/Lib", 3, OPEN.url)
    found = rules.problems([problem(1, 2, OPEN), problem(2), problem(3, 3, again)])
    assert [(each.report, each.count) for each in found] == [(1, 5), (2, 1)]


def test_only_what_a_triager_took_up_is_a_problem() -> None:
    alone = replace(problem(1, 2, OPEN), taken_up=False, title="made up")
    assert rules.problems([alone]) == ()
    assert rules.problems([alone, problem(2, 1, CLOSED)]) == (problem(2, 1, CLOSED),)
    (both,) = rules.problems([alone, problem(2, 1, OPEN)])
    assert (both.report, both.title, both.count) == (2, "t", 3)


def test_what_is_over_comes_last_and_what_many_have_first() -> None:
    found = rules.problems([problem(1, 9, CLOSED), problem(2, 1), problem(3, 2)])
    assert [each.report for each in found] == [3, 2, 1]


def test_problems_of_other_versions_are_left_out() -> None:
    every = [
        problem(1, version="2.0"),
        problem(2, version="2.0.0"),
        problem(3, version="2.1"),
        problem(4),
        problem(5, version="main"),
    ]
    assert {each.report for each in rules.problems(every, "2.0")} == {1, 2, 4}
    assert {each.report for each in rules.problems(every, "main")} == {4, 5}
