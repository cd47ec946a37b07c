"""Messages about reports fit and stay inert, whatever stands in them."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.check.model import Answer
from bot.language import phrase
from bot.reports import rules
from bot.reports.issue.destination import Address
from bot.reports.model import (
    Actor,
    Draft,
    Fact,
    Facts,
    Forgotten,
    Hint,
    Issue,
    Kind,
    Likely,
    Problem,
    Problems,
    Reading,
    Report,
    State,
    Stored,
    Submission,
)
from bot.ui import check, privacy, report_form, reports
from bot.ui.card import Card
from tests.ui.answers import answer
from tests.ui.reading import alive, parts, problems, text
from tests.ui.test_announce import HOSTILE
from tests.ui.test_check import ANSWER

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
URL = "https://github.com/demo/demo/issues/12"
LINK = re.compile(r"\]\(<https://github\.com/[a-z0-9/]*>\)")
BUTTON, TEXT_INPUT = 2, 4
FACTS = Facts(
    project=Fact("demo", "import demo"),
    version=Fact("2.0", "demo 2.0"),
    python=Fact("3.14t", "Python 3.14.0 free-threading build"),
    build=Fact("free-threaded", "free-threading build"),
    os=Fact("linux", "Linux"),
    architecture=Fact("x86_64", "x86_64"),
    installer=Fact("pip 25.3", "pip 25.3"),
    gil_before=Fact("off", "PYTHON_GIL=0"),
    gil_after=Fact("on", "has been enabled"),
)
READING = Reading(
    Kind.GIL_REENABLED,
    0.95,
    FACTS,
    evidence=("The global interpreter lock (GIL) has been enabled to load module 'demo._x'",),
    gaps=("the command that you ran", "the system"),
)
REPORT = Report(
    id=12,
    uid="uid",
    state=State.DRAFT,
    revision=1,
    title="demo 2.0: import turns the GIL on",
    submission=Submission("demo", "3.14t", "I imported it.", "log"),
    reading=READING,
    reporter=Actor(1, "alice"),
    credit=False,
    guild=1,
    channel=2,
    created=NOON,
    updated=NOON,
)
DRAFT = Draft(REPORT, True, Address("demo/demo", False, None, "Its metadata names it."), None)

FACT = st.none() | st.builds(Fact, HOSTILE, HOSTILE)
FACTS_OF = st.builds(Facts, *[FACT] * 11)
LINKS = st.sampled_from([None, URL, "javascript:alert(1)", "https://a.example/)(<>"]) | HOSTILE
READINGS = st.builds(
    Reading,
    kind=st.sampled_from(Kind),
    confidence=st.floats(0, 1),
    facts=FACTS_OF,
    evidence=st.lists(HOSTILE, max_size=6).map(tuple),
    also=st.none() | st.sampled_from(Kind),
    gaps=st.lists(HOSTILE, max_size=12).map(tuple),
)
ISSUES = st.builds(
    Issue,
    repository=HOSTILE,
    number=st.integers(1, 10**9),
    url=LINKS.map(lambda url: url or ""),
    title=HOSTILE,
    state=st.sampled_from(["open", "closed", "gone"]) | HOSTILE,
    reason=st.none() | HOSTILE,
)
CODES = st.sampled_from(["older-wheel", "gil-re-enables", "gil-unknown"])
REPORTS = st.builds(
    Report,
    id=st.integers(1, 2**63 - 1),
    uid=st.just("uid"),
    state=st.sampled_from(State),
    revision=st.just(1),
    title=HOSTILE,
    submission=st.just(Submission()),
    reading=READINGS,
    reporter=st.none() | st.builds(Actor, st.integers(1, 2**63 - 1), HOSTILE),
    credit=st.booleans(),
    guild=st.none() | st.integers(1),
    channel=st.none() | st.integers(1),
    created=st.just(NOON),
    updated=st.just(NOON),
    hints=st.lists(st.builds(Hint, CODES, HOSTILE), max_size=4).map(tuple),
    likely=st.lists(
        st.builds(
            Likely,
            key=HOSTILE,
            title=HOSTILE,
            url=LINKS,
            score=st.floats(0, 1),
            reasons=st.lists(HOSTILE, max_size=5).map(tuple),
            state=HOSTILE,
        ),
        max_size=5,
        unique_by=lambda likely: likely.key,
    ).map(tuple),
    into=st.none() | st.integers(1),
    issue=st.none() | ISSUES,
)
ADDRESSES = st.builds(
    Address, repository=st.none() | HOSTILE, may_file=st.booleans(), issue=LINKS, why=HOSTILE
)
DRAFTS = st.builds(Draft, REPORTS, st.booleans(), ADDRESSES, LINKS)
PROBLEMS = st.builds(
    Problems,
    project=HOSTILE,
    total=st.integers(0, 10**6),
    problems=st.lists(
        st.builds(
            Problem,
            report=st.integers(1, 2**63 - 1),
            kind=st.sampled_from(Kind),
            title=HOSTILE,
            version=st.none() | HOSTILE,
            count=st.integers(1, 10**6),
            url=LINKS,
            state=st.sampled_from(State),
            issue=st.none() | ISSUES,
        ),
        max_size=20,
    ).map(tuple),
)
COUNTS = st.lists(st.integers(1, 2**63 - 1), max_size=40).map(tuple)
SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def wrong(view: Card) -> list[str]:
    """What breaks Discord's limits or is alive, links of ftbot's own aside."""
    found = [each for each in problems(view) if each not in alive(text(view))]
    return found + alive(LINK.sub("]", re.sub(r"\(<https?://[^<>()\s]*>\)", "", text(view))))


def labels(view: Card) -> list[str]:
    return [each["label"] for each in parts(view, BUTTON)]


def test_every_kind_and_state_has_its_words() -> None:
    assert list(reports.SENTENCES) == list(Kind)
    for kind in Kind:
        assert reports.sentence(kind)[0].islower()
    assert set(reports._STANDINGS) == rules.TAKEN_UP - {State.FILED, State.LINKED}


def test_a_preview_at_a_glance() -> None:
    assert text(reports.preview(DRAFT)).splitlines() == [
        "## demo 2.0: import turns the GIL on",
        "**Importing it turns the GIL on**",
        "-# `The global interpreter lock (GIL) has been enabled to load module 'demo._x'`",
        "**Project** demo 2.0",
        "**Python** 3.14t, free-threaded build",
        "**System** Linux x86\\_64",
        "**Installed by** pip 25.3",
        "**GIL** off before the import, on after it",
        "**A maintainer would also ask for**",
        "- the command that you ran",
        "- the system",
        "-# It belongs to **demo/demo**. Its metadata names it.",
        "-# Only you see this; nothing is sent yet. On GitHub your name is not shown.",
        "-# It is kept for 7 days; `/privacy` shows it again.",
    ]


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (Fact("demo", "import demo"), "**Project** demo"),
        (Fact("demo-project", "import demo"), "**Project** demo-project · from `import demo`"),
        (Fact("demo", ""), "**Project** demo"),
    ],
)
def test_a_fact_names_its_words_where_they_are_others(fact: Fact, said: str) -> None:
    report = replace(REPORT, reading=replace(READING, facts=Facts(project=fact)))
    assert said in text(reports.preview(replace(DRAFT, report=report))).splitlines()


def test_what_is_likely_is_named_and_can_be_joined() -> None:
    report = replace(
        REPORT,
        hints=(Hint("wheel-now", "demo 2.1 has a wheel."),),
        likely=(Likely("issue:demo/demo#12", "GIL on", URL, 0.9, ("same module",)),),
    )
    view = reports.preview(replace(DRAFT, report=report))
    assert f"[GIL on](<{URL}>)\n-# open · same module" in text(view)
    assert "**Perhaps this is the answer**\n💡 demo 2.1 has a wheel." in text(view)
    assert labels(view)[:2] == ["Mine is the same", "Mine is different, send it"]


def test_what_was_read_of_the_wheel_stands_apart_with_what_it_does_not_mean() -> None:
    hints = (
        Hint("gil-re-enables", "ftbot read demo-1.0.whl: its only module turns the GIL on."),
        Hint("outdated", "2.0 is out."),
    )
    view = reports.preview(replace(DRAFT, report=replace(REPORT, hints=hints)))
    assert (
        "**What the wheel declares**\n💡 ftbot read demo-1.0.whl: its only module turns the GIL"
        " on.\n-# What a wheel declares is no proof of thread safety; which modules an `import`"
        " loads is another question.\n**Perhaps this is the answer**\n💡 2.0 is out."
    ) in text(view)


def test_a_key_too_long_for_a_button_leaves_its_link() -> None:
    likely = Likely(f"issue:{'o' * 39}/{'r' * 100}#1", "Known", URL, 0.9)
    view = reports.preview(replace(DRAFT, report=replace(REPORT, likely=(likely,))))
    assert "[Known]" in text(view)
    assert "Mine is the same" not in labels(view)


@SLOW
@given(DRAFTS, st.lists(HOSTILE, max_size=4))
def test_any_preview_fits(draft: Draft, warnings: list[str]) -> None:
    assert wrong(reports.preview(draft, warnings)) == []


@SLOW
@given(REPORTS)
def test_any_confirmation_fits(report: Report) -> None:
    for view in (
        reports.sent(report),
        reports.sent(report, report.title),
        reports.joined(report),
        reports.withdrawn(report),
        reports.answered(report),
        reports.ready(report.id),
        reports.discarded(),
        reports.late(),
    ):
        assert wrong(view) == []


@given(LINKS)
def test_any_address_of_a_form_fits(url: str | None) -> None:
    assert wrong(reports.filled_in(url or "")) == []


@SLOW
@given(PROBLEMS, st.integers(-10, 30))
def test_any_list_of_problems_fits(found: Problems, before: int) -> None:
    assert wrong(reports.listing(found, before)) == []


@SLOW
@given(PROBLEMS)
def test_any_brief_word_on_problems_is_brief_and_inert(found: Problems) -> None:
    lines = reports.briefly(found)
    assert len("\n".join(lines)) <= reports.BRIEF
    assert alive(re.sub(r"\(<https?://[^<>()\s]*>\)", "", "\n".join(lines))) == []


@SLOW
@given(ANSWER, PROBLEMS)
def test_any_answer_of_check_with_problems_fits(found: Answer, known: Problems) -> None:
    assert wrong(check.answer(found, known)) == []


@pytest.mark.parametrize("known", [(), (Problem(1, Kind.CRASH, "t", None, 1, None, State.HANDED),)])
def test_what_waits_is_told_by_number_alone(known: tuple[Problem, ...]) -> None:
    def said(*waiting: int) -> str:
        return text(reports.listing(Problems("demo", len(known), known, waiting)))

    assert "triager" not in said()
    assert said(7).endswith("\n-# 🟠 1 report waits here for a triager: #7")
    assert said(7, 9).endswith("\n-# 🟠 2 reports wait here for a triager: #7, #9")
    many = said(*range(1, 13))
    assert "12 reports wait here" in many
    assert many.endswith("#9, #10, …")
    assert reports.briefly(Problems("demo", 0, (), (7,))) == []


def test_who_sends_hears_that_triagers_are_out_of_reach() -> None:
    view = reports.sent(REPORT, phrase("The channel no longer exists."))
    assert (
        "⚠️ The triagers' channel is out of reach: The channel no longer exists. Reports are kept;"
        " whoever manages the server can choose a channel with `/triage setup`."
    ) in text(view)
    assert "⚠️" not in text(reports.sent(REPORT))


def test_check_says_what_was_reported() -> None:
    issue = Issue("demo/demo", 12, URL)
    one = Problem(1, Kind.GIL_REENABLED, "t", "2.0", 2, URL, State.FILED, issue)
    lines = text(check.answer(answer(), Problems("demo", 2, (one,)))).splitlines()
    where = next(number for number, line in enumerate(lines) if line.startswith("🐞"))
    assert lines[where].startswith("🐞 **2 reports:** importing 2.0 turns the GIL on ([demo/demo")
    assert lines[where + 1].startswith("**Maintainers say:**")
    assert "🐞" not in text(check.answer(answer()))


def test_a_brief_word_on_problems() -> None:
    issue = Issue("demo/demo", 12, URL)
    one = Problem(1, Kind.GIL_REENABLED, "t", "4.5.0", 2, URL, State.FILED, issue)
    other = Problem(3, Kind.CRASH, "t", None, 1, None, State.OPEN)
    assert reports.briefly(None) == []
    assert reports.briefly(Problems("demo", 0, ())) == []
    assert reports.briefly(Problems("demo", 2, (one,))) == [
        f"🐞 **2 reports:** importing 4.5.0 turns the GIL on ([demo/demo\\#12](<{URL}>))"
    ]
    assert reports.briefly(Problems("demo", 4, (one, other, one)))[0].endswith(
        "; it crashes (report 3)"
    )


@given(
    st.builds(Stored, reports=COUNTS, drafts=COUNTS, following=COUNTS, steps=st.integers(0, 10**6)),
    st.builds(Forgotten, reports=st.integers(0, 10**6), public=st.lists(LINKS.map(str)).map(tuple)),
)
@SLOW
def test_any_answer_of_privacy_fits(found: Stored, done: Forgotten) -> None:
    for view in (privacy.stored(found), privacy.asked(), privacy.forgotten(done)):
        assert wrong(view) == []


# The form

TYPING = st.text(max_size=30) | st.sampled_from(["x" * 4000, "y" * 9000, "🦀" * 3000, " ", ""])
SUBMISSIONS = st.builds(
    Submission,
    project=st.text(max_size=20) | HOSTILE,
    environment=HOSTILE,
    story=TYPING | HOSTILE,
    logs=TYPING | HOSTILE,
    log_name=st.none() | HOSTILE,
    message=st.none() | st.just("https://discord.com/channels/1/2/3"),
)


def shown(submission: Submission) -> dict[str, str]:
    """What a client would send back of the form if nobody typed."""
    labels = report_form.form(submission, "12").to_dict()["components"]
    return {
        part["component"]["custom_id"]: part["component"].get("value") or ""
        for part in labels
        if part["component"]["type"] == TEXT_INPUT
    }


@SLOW
@given(SUBMISSIONS)
def test_any_form_fits(submission: Submission) -> None:
    form = report_form.form(submission, str(2**63), "", "").to_dict()
    assert 1 <= len(form["title"]) <= 45
    assert 1 <= len(form["custom_id"]) <= 100
    assert len(form["components"]) == 5
    for label in form["components"]:
        assert 1 <= len(label["label"]) <= 45
        assert 1 <= len(label["description"]) <= 100
        part = label["component"]
        assert len(part.get("placeholder") or "") <= 100
        value = part.get("value") or ""
        assert len(value.encode("utf-16-le", "surrogatepass")) // 2 <= part.get("max_length", 0)


@SLOW
@given(SUBMISSIONS)
def test_what_a_form_cannot_hold_is_kept(submission: Submission) -> None:
    typed = shown(submission)
    after = report_form.submitted(typed, submission, ())
    if submission.story.strip() and typed["story"].strip():
        assert after.story == submission.story
    if submission.log_name is None and typed["logs"].strip():
        assert after.logs == submission.logs
    if submission.log_name is not None:
        assert submission.logs in (after.logs, f"{after.logs}")
    assert after.log_name == submission.log_name
    assert after.message == submission.message


@pytest.mark.parametrize(
    ("before", "typed", "files", "logs", "name"),
    [
        (("", None), "", (), "", None),
        (("", None), "typed", (), "typed", None),
        (("", None), "", (("a", "A"),), "A", "a"),
        (("", None), "typed", (("a", "A"),), "typed\n\n--- a ---\nA", "a"),
        (("A", "a"), "", (), "A", "a"),
        (("A", "a"), "typed", (), "typed\n\n--- a ---\nA", "a"),
        (("typed\n\n--- a ---\nA", "a"), "", (), "A", "a"),
        (("typed\n\n--- a ---\nA", "a"), "more", (("b", "B"),), "more\n\n--- b ---\nB", "b"),
        (("x" * 4001, None), "y", (), "yx", None),
        (("x" * 4001, None), "", (), "", None),
        (("", None), "", (("a", "A"), ("b", "B")), "--- a ---\nA\n\n--- b ---\nB", "files.log"),
    ],
)
def test_logs_are_typed_and_come_from_files(
    before: tuple[str, str | None],
    typed: str,
    files: tuple[tuple[str, str], ...],
    *,
    logs: str,
    name: str | None,
) -> None:
    old = Submission(logs=before[0], log_name=before[1])
    new = report_form.submitted({"logs": typed}, old, files)
    assert (new.logs, new.log_name) == (logs, name)
