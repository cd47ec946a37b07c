"""Answers as text for people: in a pipe, on terminals of several widths, with colours."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.check.model import Answer, AsOf, Claims, Latest, TrackerClaim
from bot.cli import table
from bot.compat.model import Support, Target, Verdict
from bot.compat.targets import ALL_TARGETS, PLATFORMS
from bot.xray.model import CAVEATS, Gil
from tests.ui.answers import (
    CLAIMED,
    DELEGATED,
    NOON,
    OFF,
    ON,
    UNKNOWN,
    UNREAD,
    answer,
    declared,
    support,
)

ANSI = re.compile(r"\x1b\[[0-9;]*m")
SDIST = "demo-2.0.tar.gz"
OLDER = "demo-1.9-cp313-cp313t-win_amd64.whl"


def mixed(target: Target) -> Support:
    """Wheels for 3.14t and 3.15t, but not for Windows ARM; an older wheel for 3.13t."""
    if target.python == "3.13t":
        return support(target, Verdict.OLDER_WHEEL, SDIST, OLDER)
    if target.platform == "windows-arm64":
        return support(target, Verdict.SDIST, SDIST, None, None)
    return support(target)


MIXED = replace(answer(*map(mixed, ALL_TARGETS)), name="mixed", claims=CLAIMED)
PURE = replace(
    answer(*(support(target, Verdict.PURE, "demo-2.0-py3-none-any.whl") for target in ALL_TARGETS)),
    name="pure",
)


def shown(*answers: Answer, columns: int | None = None, colour: bool = False) -> str:
    now = NOON + timedelta(hours=3, minutes=5)
    return table.text(answers, now, columns=columns, colour=colour)


def says(text: str, subject: str, fact: str) -> bool:
    return bool(re.search(rf"^{subject} +{re.escape(fact)}$", text, re.MULTILINE))


def test_one_project_in_a_pipe() -> None:
    assert (
        shown(MIXED)
        == """\
mixed 2.0, released 2026-11-01
platform       3.13t              3.14t    3.15t
linux-x86_64   ~ older-wheel 1.9  ✓ wheel  ✓ wheel
linux-aarch64  ~ older-wheel 1.9  ✓ wheel  ✓ wheel
musl-x86_64    ~ older-wheel 1.9  ✓ wheel  ✓ wheel
musl-aarch64   ~ older-wheel 1.9  ✓ wheel  ✓ wheel
macos-arm64    ~ older-wheel 1.9  ✓ wheel  ✓ wheel
macos-x86_64   ~ older-wheel 1.9  ✓ wheel  ✓ wheel
windows-amd64  ~ older-wheel 1.9  ✓ wheel  ✓ wheel
windows-arm64  ~ older-wheel 1.9  ! sdist  ! sdist

3.13t            pip compiles 2.0 (with --only-binary :all: it takes the older wheel); \
wheels since 1.5 (2025-07-24)
3.14t, 3.15t     pip compiles 2.0 on windows-arm64; wheels since 1.5 (2025-07-24)
older-wheel      the newest release has no wheel here, an older one has
sdist            pip has to compile it here
maintainers say  2 - Beta (classifier)
community says   since 2.1.0, tested in CI
issue            https://issues.example/demo/26157
page             https://index.example/project/demo/
as of            2026-11-22 12:00 UTC, 3 hours ago
"""
    )


def test_platforms_that_agree_are_one_row() -> None:
    assert (
        shown(PURE)
        == """\
pure 2.0, released 2026-11-01
platform       3.13t   3.14t   3.15t
all platforms  ✓ pure  ✓ pure  ✓ pure

maintainers say  nothing about free threading
page             https://index.example/project/demo/
as of            2026-11-22 12:00 UTC, 3 hours ago
"""
    )


def test_only_all_platforms_are_called_so() -> None:
    some = [Target("3.14t", name) for name in PLATFORMS[:2]]
    assert "all platforms" not in shown(answer(*map(support, some)))
    more = [Target("3.14t", name) for name in (*PLATFORMS, "manylinux_2_39_x86_64")]
    assert "all platforms" in shown(answer(*map(support, more)))


def test_one_target_names_the_files() -> None:
    text = shown(answer(mixed(Target("3.13t", "windows-amd64"))))
    assert f"pip compiles {SDIST} (with --only-binary :all: it takes {OLDER})" in text
    assert "pip takes demo-2.0-cp314-cp314t-any.whl" in shown(answer(mixed(ALL_TARGETS[8])))


ONE, TWO = Target("3.14t", "linux-x86_64"), Target("3.14t", "windows-amd64")


@pytest.mark.parametrize(
    ("gil", "fact"),
    [
        (OFF, "keeps the GIL off, 11 of 11 modules declare it"),
        (replace(OFF, modules=1), "keeps the GIL off, 1 of 1 module declares it"),
        (replace(OFF, modules=0), "keeps the GIL off, it has no modules that could turn it on"),
        (ON, "3 of 11 modules turn the GIL on: demo._a, demo._b, demo._c"),
        (
            replace(ON, re_enabling=tuple("abcdef")),
            "6 of 11 modules turn the GIL on: a, b, c, d, e, …",
        ),
        (
            replace(ON, modules=1, re_enabling=("\x1b[31m",)),
            "1 of 1 module turns the GIL on: \\x1b[31m",
        ),
        (DELEGATED, "delegated: another installed package, such as cffi, decides"),
        (UNREAD, "not known, the wheel could not be read: it was cut off"),
        (None, "not read yet, try ftbot xray demo"),
    ],
)
def test_what_the_wheel_declares_that_pip_takes(gil: Gil | None, fact: str) -> None:
    text = shown(declared({ONE: gil}))
    assert says(text, "GIL, 3.14t", fact)
    assert (" ".join(CAVEATS) in text) is (gil is not None)


def test_wheels_that_declare_something_else_are_told_apart_the_worst_first() -> None:
    fact = (
        "3 of 11 modules turn the GIL on: demo._a, demo._b, demo._c (on windows-amd64);"
        " keeps the GIL off, 11 of 11 modules declare it (on linux-x86_64)"
    )
    assert says(shown(declared({ONE: OFF, TWO: ON})), "GIL, 3.14t", fact)
    assert "GIL," not in shown(declared({ONE: ON}, status="quarantined"))
    assert "GIL," not in shown(declared({ONE: None}, reading=False))


def test_a_wheel_that_turns_the_gil_on_has_a_caveat() -> None:
    text = shown(declared({ONE: OFF, TWO: ON}))
    assert says(text, "linux-x86_64", "✓ wheel")
    assert says(text, "windows-amd64", "~ wheel")
    everywhere = shown(declared(dict.fromkeys(ALL_TARGETS, ON)))
    assert says(everywhere, "all platforms", "~ wheel  ~ wheel  ~ wheel")


def test_of_several_projects_those_that_turn_the_gil_on_are_noted() -> None:
    on, off = declared({ONE: ON, TWO: UNKNOWN}), declared({ONE: OFF, TWO: OFF}, name="other")
    assert (
        shown(on, off)
        == """\
project  newest  3.14t
demo     2.0     ~ wheel
other    2.0     ✓ wheel

demo: 3.14t 3 of 11 modules turn the GIL on: demo._a, demo._b, demo._c

~ with a caveat, or not everywhere
Which of the modules an import loads is another question.
as of 2026-11-22 12:00 UTC, 3 hours ago
"""
    )


def test_several_projects_in_a_pipe() -> None:
    assert (
        shown(MIXED, PURE)
        == """\
project  newest  3.13t              3.14t        3.15t        claimed
mixed    2.0     ~ older-wheel 1.9  ~ wheel 7/8  ~ wheel 7/8  2 - Beta, since 2.1.0
pure     2.0     ✓ pure             ✓ pure       ✓ pure

mixed: 3.14t, 3.15t sdist on windows-arm64

~ with a caveat, or not everywhere
as of 2026-11-22 12:00 UTC, 3 hours ago
"""
    )


def test_a_narrow_terminal_shows_claims_below() -> None:
    assert "mixed: claimed 2 - Beta, since 2.1.0" in shown(MIXED, PURE, columns=80)
    assert "claimed" in shown(MIXED, PURE, columns=100).splitlines()[0]


def test_the_smaller_part_is_named() -> None:
    rows = (
        support(target, Verdict.SDIST, SDIST, None, None)
        if target.platform != "macos-arm64"
        else support(target)
        for target in ALL_TARGETS[:8]
    )
    text = shown(answer(*rows), PURE)
    assert "~ wheel 1/8" in text
    assert "demo: 3.13t wheel on macos-arm64, elsewhere sdist" in text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"status": "archived"}, "archived, its owners plan no further releases"),
        ({"status": "quarantined"}, "quarantined by the index, do not install it"),
        ({"status": "new\x1b[31m"}, r"new\x1b[31m"),
        (
            {"as_of": AsOf(1, NOON, stale=True)},
            "the index did not answer, this is as of 2026-11-22 12:00 UTC, 3 hours ago",
        ),
        ({"imported_from": ("scikit-learn",)}, "it is also what scikit-learn is imported as"),
        ({"unreadable_files": 1}, "1 file name could not be read"),
        ({"unreadable_files": 2}, "2 file names could not be read"),
    ],
    ids=str,
)
def test_warnings(changes: dict[str, object], told: str) -> None:
    warned = answer(**changes)
    assert says(shown(warned), "note", told)
    assert f"demo: {told}\n" in shown(warned, PURE)


def test_claims_that_are_unknown() -> None:
    unknown = answer(claims=Claims(None, None, known=False))
    assert says(shown(unknown), "maintainers say", "unknown, the metadata could not be read")
    noted = Claims(None, TrackerClaim(None, None, tested_in_ci=False, notes=("a\nb",)))
    text = shown(answer(claims=noted))
    assert says(text, "community says", "no release with support listed")
    assert "a\\nb" in text


def test_a_project_without_releases() -> None:
    rows = (support(target, Verdict.NONE, None, None, None) for target in ALL_TARGETS)
    empty = replace(answer(*rows), latest=None)
    assert shown(empty).startswith("demo\n")
    assert re.search(r"demo +none +✗ none", shown(empty, PURE))


def test_a_placeholder_is_not_since_long_ago() -> None:
    rows = (support(target, Verdict.UNMARKED, first="0.1") for target in ALL_TARGETS)
    assert "since" not in shown(answer(*rows))


@pytest.mark.parametrize(
    ("ago", "told"),
    [
        ({"seconds": -500}, "just now"),
        ({"seconds": 59}, "just now"),
        ({"minutes": 1}, "1 minute ago"),
        ({"minutes": 59}, "59 minutes ago"),
        ({"hours": 47}, "1 day ago"),
        ({"days": 400}, "400 days ago"),
    ],
    ids=str,
)
def test_age(ago: dict[str, float], told: str) -> None:
    assert table.text([PURE], NOON + timedelta(**ago)).endswith(f" UTC, {told}\n")


verdicts = st.sampled_from(list(Verdict))


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    rows = [
        support(
            target,
            draw(verdicts),
            draw(st.sampled_from([None, SDIST, "demo-2.0-py3-none-any.whl"])),
            draw(st.sampled_from([None, OLDER])),
        )
        for target in ALL_TARGETS
    ]
    name = draw(st.text(min_size=1, max_size=60))
    tracker = TrackerClaim(name, name, tested_in_ci=True, notes=(name,))
    return replace(
        answer(*rows),
        name=name,
        latest=draw(st.none() | st.just(Latest("2.0", None))),
        claims=Claims(None, tracker),
        status=draw(st.sampled_from(["active", "archived", "quarantined", name])),
    )


@given(st.lists(answers(), min_size=1, max_size=3), st.sampled_from([None, 20, 80, 120]))
def test_colours_add_nothing_and_hide_nothing(found: list[Answer], columns: int | None) -> None:
    plain = shown(*found, columns=columns)
    coloured = shown(*found, columns=columns, colour=True)
    assert [line.rstrip() for line in ANSI.sub("", coloured).splitlines()] == plain.splitlines()
    assert "\x1b" not in plain
    if columns is None and len(found) > 1:
        assert len(plain.splitlines()) < 3 + len(found) * 10


def test_every_verdict_has_its_looks() -> None:
    for verdict in Verdict:
        rows = (support(target, verdict) for target in ALL_TARGETS)
        (line,) = [x for x in shown(answer(*rows), PURE).splitlines() if x.startswith("demo ")]
        assert line.count(str(verdict)) == 3
