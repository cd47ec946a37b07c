import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from discord import ui
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.language import phrase
from bot.reports.issue.destination import Address
from bot.reports.model import (
    FTBOT,
    Action,
    Actor,
    Fact,
    Facts,
    Hint,
    Issue,
    Kind,
    Likely,
    Reading,
    Report,
    State,
    Step,
    Submission,
    Waiting,
)
from bot.ui import desk, reports, triage
from tests.ui.reading import alive, components, parts, problems, text

BUTTON, SELECT = 2, 3
SITE = "https://index.example"
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
WHEN = f"<t:{int(AT.timestamp())}:R>"
ADA, GRACE = Actor(1, "Ada"), Actor(2, "Grace_H")
HERE = Address("owner/home", may_file=True, issue=None, why="Its metadata names it.")
ELSEWHERE = Address("other/place", may_file=False, issue=None, why="")
KNOWN = "https://github.example/owner/home/issues/3"

# All of it is made up.
REPORT = Report(
    id=12,
    uid="u12",
    state=State.OPEN,
    revision=1,
    title="demo: importing it turns the GIL on",
    submission=Submission(
        project="demo",
        environment="3.14t on Ubuntu",
        story="I import demo,\nand a warning appears.",
        logs="full logs",
        message="https://discord.example/channels/1/2/3",
    ),
    reading=Reading(
        Kind.GIL_REENABLED,
        0.9,
        Facts(
            project=Fact("demo", "import demo"),
            version=Fact("2.0", "demo==2.0"),
            python=Fact("3.14t", "cp314t"),
            build=Fact("free-threaded", "free-threading build"),
            os=Fact("linux", "Ubuntu"),
            architecture=Fact("x86_64", "linux-x86_64"),
            installer=Fact("pip", "pip 26.1"),
            gil_before=Fact("off", "GIL off"),
            gil_after=Fact("on", "GIL on"),
        ),
        evidence=("The global interpreter lock (GIL) has been enabled",),
        also=Kind.CRASH,
        excerpt="RuntimeWarning: the GIL has been enabled\n  to load module 'demo._core'",
        gaps=("which numpy",),
    ),
    reporter=ADA,
    credit=False,
    guild=5,
    channel=6,
    created=AT,
    updated=AT,
    hints=(Hint("newer-release", "2.1 has a wheel."),),
    likely=(
        Likely("report:7", "demo warns", None, 0.8, ("same module",)),
        Likely(
            "issue:owner/home#3",
            "GIL and demo",
            KNOWN,
            0.7,
            ("same project", "same kind"),
            "closed",
        ),
    ),
    same=1,
    steps=(Step(AT, ADA, Action.SEND, State.DRAFT, State.OPEN),),
    address=HERE,
)
ISSUE = Issue(
    "owner/home", 40, "https://github.example/owner/home/issues/40", "demo", labels=("bug",)
)


def stepped(report: Report, action: Action, after: State, note: str = "") -> Report:
    step = Step(AT, GRACE, action, report.state, after, note)
    return replace(report, state=after, steps=(*report.steps, step))


def labels(view: ui.LayoutView) -> list[str]:
    return [each["label"] for each in parts(view, BUTTON)]


def colour(view: ui.LayoutView) -> int:
    found: int = components(view)[0]["accent_color"]
    return found


def ours(view: ui.LayoutView) -> list[str]:
    """What is alive in a message, but for what we put there: mentions by number, links."""
    shown = re.sub(r"\]\(<https://github\.example/[\w/]+>\)|<@\d+>", "", text(view))
    return alive(re.sub(r"```\n.*?\n```", "", shown, flags=re.DOTALL))


def breaks(view: ui.LayoutView) -> list[str]:
    """Which limits of Discord a message breaks; `problems` also finds what is alive."""
    return [each for each in problems(view) if each not in {"<", "](", "://", ")"}]


def test_a_report_at_a_glance() -> None:
    view = triage.card(REPORT, site=SITE)
    assert text(view).splitlines() == [
        "## #12 demo: importing it turns the GIL on",
        f"🟠 **Waits for a triager** {WHEN}",
        f"-# from <@1> {WHEN} · 1 other with the same",
        "**Import turns the GIL on** (sure), or perhaps: crash",
        "-# `The global interpreter lock (GIL) has been enabled`",
        "**Project** demo 2.0",
        "**Python** 3.14t (`cp314t`), free-threaded build (`free-threading build`)",
        "**Platform** Linux (`Ubuntu`), x86\\_64",
        "**Installer** pip",
        "**GIL** off before the import, on after it",
        "**What happened**",
        "> I import demo,",
        "> and a warning appears.",
        "```",
        "RuntimeWarning: the GIL has been enabled",
        "  to load module 'demo._core'",
        "```",
        "❓ **Missing:** which numpy",
        "💡 2.1 has a wheel.",
        "📍 **Belongs to** `owner/home`: Its metadata names it.",
        "🔎 **Perhaps the same:**",
        "- report \\#7 demo warns: same module",
        f"- [owner/home\\#3](<{KNOWN}>) (closed) GIL and demo: same project; same kind",
    ]
    assert labels(view) == [
        "File on owner/home",
        "Hand over",
        "Link …",
        "Ask …",
        "Reject …",
        "Security",
        "Block reporter",
        "Full text",
        "Message",
        "Project page",
    ]
    assert [each["value"] for each in parts(view, SELECT)[0]["options"]] == [
        "report:7",
        "issue:owner/home#3",
    ]
    assert breaks(view) == []
    assert ours(view) == []


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        (State.OPEN, "File on owner/home|Hand over|Link …|Ask …|Reject …|Security|Block reporter"),
        (State.ASKED, "File on owner/home|Hand over|Link …|Ask …|Reject …|Security|Block reporter"),
        (State.FILING, ""),
        (State.FILED, ""),
        (State.LINKED, "Reopen"),
        (State.HANDED, "Link …|Reopen"),
        (State.REJECTED, "Reopen|Block reporter"),
        (State.SECURITY, "Reopen"),
        (State.JOINED, "Reopen"),
        (State.WITHDRAWN, ""),
    ],
)
def test_each_state_offers_what_can_be_done(state: State, offered: str) -> None:
    view = triage.card(replace(REPORT, state=state, submission=Submission()), site="")
    assert "|".join(labels(view)[:-1]) == offered
    assert labels(view)[-1] == "Full text"
    assert triage.STANDINGS[state].words in text(view)
    assert colour(view) == triage.STANDINGS[state].colour


@pytest.mark.parametrize(
    ("address", "first"),
    [
        (HERE, ["File on owner/home", "Hand over"]),
        (ELSEWHERE, ["Hand over", "Link …"]),
        (Address(None, may_file=False, issue=None, why=""), ["Hand over", "Link …"]),
        (None, ["File on GitHub", "Hand over"]),
    ],
)
def test_it_goes_where_it_belongs(address: Address | None, first: list[str]) -> None:
    view = triage.card(replace(REPORT, address=address), site=SITE)
    assert labels(view)[:2] == first
    assert ("ftbot may not file there" in text(view)) == (
        address is not None and not address.may_file
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"problem": "GitHub does not answer."}, "⚠️ GitHub does not answer."),
        ({"same": 2}, "2 others with the same"),
        ({"credit": True}, "their name may stand on GitHub"),
        ({"reporter": None}, "from somebody who is forgotten"),
        ({"into": 7, "state": State.JOINED}, "The same as report #7"),
        (
            {"issue": ISSUE, "state": State.FILED},
            "[owner/home\\#40](<https://github.example/owner/home/issues/40>) is **open** · bug",
        ),
        (
            {"issue": replace(ISSUE, state="closed", reason="not_planned"), "state": State.FILED},
            "is **closed** as not planned",
        ),
    ],
)
def test_what_is_said(changes: dict[str, Any], said: str) -> None:
    view = triage.card(replace(REPORT, **changes), site=SITE)
    assert said in text(view)
    assert breaks(view) == []


def test_what_filing_failed_at() -> None:
    report = stepped(REPORT, Action.FILE, State.FILING)
    report = stepped(report, Action.NOT_FILED, State.OPEN, "GitHub refuses it.")
    assert "⚠️ Not filed: GitHub refuses it." in text(triage.card(report, site=SITE))


@pytest.mark.parametrize(
    ("issue", "expected"),
    [
        (ISSUE, triage.GREEN),
        (replace(ISSUE, state="closed", reason="completed"), triage.PURPLE),
        (replace(ISSUE, state="closed", reason="not_planned"), triage.GREY),
        (replace(ISSUE, state="gone"), triage.GREY),
    ],
)
def test_the_colour_of_an_issue(issue: Issue, expected: int) -> None:
    report = replace(REPORT, state=State.FILED, issue=issue)
    view = triage.card(report, site=SITE)
    assert colour(view) == expected
    assert "View on GitHub" in labels(view)


def test_the_last_answer_is_quoted_and_the_history_is_told() -> None:
    report = stepped(REPORT, Action.ASK, State.ASKED, "Which numpy?")
    report = stepped(report, Action.ANSWER, State.OPEN, "numpy 2.3\nfrom conda")
    view = triage.card(report, site=SITE)
    assert f"💬 **Answer** {WHEN}\n> numpy 2.3\n> from conda\n**What happened**" in text(view)
    assert text(view).splitlines()[-3:] == [
        f"-# {WHEN} **Grace\\_H** answered",
        f"-# {WHEN} **Grace\\_H** asked: Which numpy?",
        f"-# {WHEN} **Ada** sent it",
    ]


def test_what_is_secret_is_behind_a_button() -> None:
    report = stepped(REPORT, Action.ASK, State.ASKED, "Can it be exploited?")
    report = stepped(report, Action.SECURITY, State.SECURITY, "a buffer overflow")
    view = triage.card(report, site=SITE)
    shown = text(view)
    assert "🔒 **Security: for triagers' eyes only**" in shown
    assert "**Project** demo 2.0" in shown
    for secret in ("warning appears", "demo._core", "exploited", "overflow"):
        assert secret not in shown
    assert "Full text" in labels(view)
    told = triage.full_text(report)
    assert "and a warning appears." in told
    assert "UTC, Grace_H made it a matter of security: a buffer overflow" in told


def test_logs_cannot_leave_their_block() -> None:
    hostile = "a ``` b\n````\n`````` @everyone <@1>\n``\n`"
    report = replace(REPORT, reading=replace(REPORT.reading, excerpt=hostile))
    shown = text(triage.card(report, site=SITE))
    assert shown.count("```") == 2
    assert "@everyone" not in shown


def test_logs_without_a_telling_part_are_shown_from_their_start() -> None:
    report = replace(REPORT, reading=replace(REPORT.reading, excerpt=""))
    assert "```\nfull logs\n```" in text(triage.card(report, site=SITE))


def test_what_is_long_shares_what_is_left() -> None:
    report = stepped(REPORT, Action.ANSWER, State.OPEN, "answer " * 500)
    report = replace(
        report,
        submission=replace(REPORT.submission, story="story " * 2000),
        reading=replace(REPORT.reading, excerpt="frame\n" * 2000),
    )
    view = triage.card(report, site=SITE)
    shown = text(view)
    assert breaks(view) == []
    assert 3700 < len(shown) <= 3900
    for word in ("answer", "story", "frame"):
        assert shown.count(word) > 50
    assert shown.count("…") >= 3


# Any text

HOSTILE = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        [
            "",
            "@everyone " * 300,
            "`" * 5000,
            "```\n" * 900,
            "\\*_~|<>[](){}#" * 200,
            "[x](https://evil.example)" * 50,
            "<@1><@&2><#3></x:4><t:1:R><:e:5>",
            "\u202e\u2066\x1b[31m\x00\ud800" * 100,
            "a" * 10_000,
            "https://evil.example/ http://x",
            "\n" * 3000,
            "> -# ## x\n" * 300,
            "\u200b" * 9000,
            "😀" * 4000,
        ]
    ),
)
URLS = st.one_of(st.none(), HOSTILE, st.just(KNOWN))
ACTORS = st.builds(Actor, st.integers(0, 2**63 - 1), HOSTILE)
FACTS = st.none() | st.builds(Fact, HOSTILE, HOSTILE)
REPORTS = st.builds(
    Report,
    id=st.integers(1, 2**40),
    uid=st.just("u"),
    state=st.sampled_from(State),
    revision=st.just(1),
    title=HOSTILE,
    submission=st.builds(Submission, project=HOSTILE, story=HOSTILE, logs=HOSTILE, message=URLS),
    reading=st.builds(
        Reading,
        st.sampled_from(Kind),
        st.floats(0, 1),
        st.builds(Facts, *[FACTS] * 11),
        st.lists(HOSTILE, max_size=4).map(tuple),
        st.none() | st.sampled_from(Kind),
        excerpt=HOSTILE,
        gaps=st.lists(HOSTILE, max_size=8).map(tuple),
    ),
    reporter=st.none() | ACTORS,
    credit=st.booleans(),
    guild=st.just(5),
    channel=st.just(6),
    created=st.just(AT),
    updated=st.just(AT),
    hints=st.lists(
        st.builds(Hint, st.sampled_from(["outdated", "gil-keeps-off"]), HOSTILE), max_size=5
    ).map(tuple),
    likely=st.lists(
        st.builds(
            Likely,
            HOSTILE | st.sampled_from(["report:1", "issue:owner/home#3"]),
            HOSTILE,
            URLS,
            st.floats(0, 1),
            st.lists(HOSTILE, max_size=3).map(tuple),
            HOSTILE,
        ),
        max_size=5,
    ).map(tuple),
    same=st.integers(0, 10**6),
    into=st.none() | st.integers(1, 99),
    issue=st.none()
    | st.builds(
        Issue,
        HOSTILE,
        st.integers(1, 10**9),
        URLS.filter(bool),
        HOSTILE,
        HOSTILE,
        st.none() | HOSTILE,
        st.lists(HOSTILE, max_size=8).map(tuple),
    ),
    steps=st.lists(
        st.builds(
            Step,
            st.just(AT),
            st.just(FTBOT) | ACTORS,
            st.sampled_from(Action),
            st.sampled_from(State),
            st.sampled_from(State),
            HOSTILE,
        ),
        max_size=9,
    ).map(tuple),
    address=st.none() | st.builds(Address, st.none() | HOSTILE, st.booleans(), URLS, HOSTILE),
    problem=st.none() | HOSTILE,
)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@MANY
@given(REPORTS)
def test_no_report_breaks_a_limit_or_comes_alive(report: Report) -> None:
    view = triage.card(report, site=SITE)
    assert breaks(view) == []
    assert ours(view) == []
    assert len(text(view)) <= 3900
    assert text(view).count("```") in {0, 2}
    assert f"1triage-text:{report.id}" in [each.get("custom_id") for each in parts(view, BUTTON)]


@MANY
@given(REPORTS, HOSTILE, st.sampled_from(sorted(triage._OUTCOMES)))
def test_nothing_that_reporters_hear_comes_alive(report: Report, note: str, key: str) -> None:
    for view in (triage.question(report, note), triage.outcome(report, f"{key}:1", note)):
        assert breaks(view) == []
        assert ours(view) == []


# What reporters hear


def test_a_question() -> None:
    view = triage.question(REPORT, "Which numpy?\nAnd where from?")
    assert text(view).splitlines() == [
        "## A question about your report #12",
        "**demo: importing it turns the GIL on**",
        "> Which numpy?",
        "> And where from?",
        "-# The answer goes to those who decide on reports where you made it.",
    ]
    assert [each["custom_id"] for each in parts(view, BUTTON)] == ["1answer:12"]
    assert problems(view) == []


@pytest.mark.parametrize(
    ("key", "note", "said", "pressed"),
    [
        ("filed", "", "✅ It is an issue on GitHub now.", ["View on GitHub"]),
        ("linked", "", "🔗 It belongs to an issue", ["View on GitHub"]),
        ("joined:1", "report:7", "🧷 Somebody reported the same before.", ["View on GitHub"]),
        ("rejected", "https://x.example", "The triagers say:\n> https", ["View on GitHub"]),
        ("rejected", "Off topic", "The triagers say:\n> Off topic", ["View on GitHub"]),
        (
            "handed",
            "https://github.example/other/place/issues/new?title=x",
            "📮 It belongs to a tracker",
            ["Open the filled-in form", "View on GitHub"],
        ),
        (
            "handed",
            "https://github.example/other/place/issues/new?title=" + "x" * 600,
            "from your own account.",
            ["Open the filled-in form", "View on GitHub"],
        ),
        ("closed:2026-11-22T12:00:00Z", "", "was closed.**", ["View on GitHub"]),
        ("reopened:2026-11-22", "", "🔄 Its issue was reopened.", ["View on GitHub"]),
        ("gone", "", "is gone from GitHub", ["View on GitHub"]),
        ("comment:99", "Fixed in 2.1", "> Fixed in 2.1", ["View on GitHub"]),
    ],
)
def test_outcomes(key: str, note: str, said: str, pressed: list[str]) -> None:
    view = triage.outcome(replace(REPORT, issue=ISSUE), key, note)
    assert text(view).startswith("## demo: importing it turns the GIL on\n**")
    assert said in text(view)
    assert "[owner/home\\#40](<https://github.example/owner/home/issues/40>) demo" in text(view)
    assert labels(view) == pressed
    assert breaks(view) == []


@pytest.mark.parametrize(
    ("reason", "said"), [("completed", "It is done."), ("not_planned", "It is not planned.")]
)
def test_why_it_was_closed(reason: str, said: str) -> None:
    issue = replace(ISSUE, state="closed", reason=reason)
    assert said in text(triage.outcome(replace(REPORT, issue=issue), "closed:1", ""))


def test_matters_of_security_are_not_told() -> None:
    report = replace(REPORT, state=State.SECURITY, issue=ISSUE)
    view = triage.outcome(report, "rejected", "It is an overflow.")
    assert text(view) == "Report #12 is with the triagers again."
    assert labels(view) == []
    assert triage.question(report, "Is it an overflow?").to_components() == view.to_components()


def test_an_outcome_without_a_meaning_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        triage.outcome(REPORT, "nonsense:1", "")


# What /triage answers


@MANY
@given(st.lists(REPORTS, max_size=30), st.lists(st.integers(1, 2**63 - 1), max_size=200))
def test_any_number_of_reports_can_be_listed(found: list[Report], blocked: list[int]) -> None:
    # Hypothesis warns of its own long words where it has to draw a number twice (`unique_by`).
    waiting = tuple(replace(each, id=number) for number, each in enumerate(found, 1))
    view = desk.waiting(Waiting(waiting), blocked)
    assert breaks(view) == []
    assert ours(view) == []
    assert ("more. `/triage unblock`" in text(view)) == (len(blocked) > 50)


def test_a_list_names_what_is_damaged_and_shows_the_others() -> None:
    gone = phrase("The channel no longer exists.")
    view = desk.waiting(Waiting((REPORT,), (7, 9)), [], gone)
    assert text(view).splitlines()[:3] == [
        "**1 report to decide on.**",
        reports.unheard(gone),
        "⚠️ Reports #7, #9 are damaged and cannot be shown. ftbot's operator finds why in its log.",
    ]
    assert "**#12**" in text(view)


def test_who_is_linked_to_a_closed_issue_is_not_told_to_wait_for_its_end() -> None:
    closed = replace(ISSUE, state="closed", reason="completed")
    told = text(triage.outcome(replace(REPORT, issue=closed), "linked", ""))
    assert "It is done." in told
    assert "That issue is closed already; ftbot tells you if it is reopened." in told
    assert "tells you when it is closed" not in told


@pytest.mark.parametrize(
    ("chosen", "written", "reason"),
    [
        ((triage.REASONS[0],), "", triage.REASONS[0]),
        ((triage.REASONS[0],), " See above. ", f"{triage.REASONS[0]}\nSee above."),
        ((desk.OTHER,), "See above.", "See above."),
        ((desk.OTHER,), " ", ""),
        (("made up",), "", ""),
        ((), "", ""),
    ],
)
def test_reasons(chosen: tuple[str, ...], written: str, reason: str) -> None:
    assert desk.reason(chosen, written) == reason
