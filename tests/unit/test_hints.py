"""What the index answers to a report. The projects are made up, the verdicts are real."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.check.model import Answer, Claims, Latest, TrackerClaim
from bot.compat.model import Target, Verdict
from bot.compat.rules import support
from bot.compat.targets import ALL_TARGETS
from bot.pypi.wire import PageFile
from bot.reports.hints.rules import CURRENT, MOST, hints, targets
from bot.reports.model import Fact, Facts, Hint, Kind, Reading
from tests.ui.answers import answer
from tests.ui.answers import support as row
from tests.unit.pages import condensed, file

LINUX, MAC, WINDOWS = "manylinux_2_28_x86_64", "macosx_11_0_arm64", "win_amd64"


def reading(kind: Kind, **facts: str) -> Reading:
    return Reading(kind, 0.9, Facts(**{name: Fact(value, value) for name, value in facts.items()}))


def wheel(version: str, tag: str = "cp314-cp314t", platform: str = LINUX) -> str:
    return f"foo-{version}-{tag}-{platform}.whl"


def index(about: Reading, *files: str | PageFile, claims: Claims | None = None) -> Answer:
    """The index's answer on what `hints` asks for; the first file's version is the newest."""
    found = condensed(*files)
    return answer(
        *support(found, targets(about)),
        project="foo",
        name="Foo",
        latest=Latest(found.releases[0].version, None),
        claims=claims or Claims(None, None),
    )


def said(about: Reading, *files: str | PageFile) -> dict[str, str]:
    return {hint.code: hint.text for hint in hints(about, index(about, *files))}


@pytest.mark.parametrize("kind", [Kind.NO_WHEEL, Kind.BUILD_FAILURE, Kind.SUPPORT_REQUEST])
def test_the_wheel_is_there_now(kind: Kind) -> None:
    about = reading(kind, python="3.14t", os="linux")
    assert said(about, wheel("2.0"), "foo-1.0.tar.gz") == {
        "wheel-now": "Foo 2.0 has a wheel for 3.14t on Linux (x86-64) now: pip install -U foo"
    }


def test_a_stable_abi_wheel_is_one_too() -> None:
    about = reading(Kind.NO_WHEEL, python="3.15t", os="linux")
    assert set(said(about, wheel("2.0", "cp315-abi3.abi3t"), "foo-2.0.tar.gz")) == {"wheel-now"}


def test_a_newer_release_has_it() -> None:
    about = reading(Kind.BUILD_FAILURE, python="3.14t", os="windows", version="1.0")
    files = [wheel(version, platform=WINDOWS) for version in ("2.0", "1.5")]
    assert said(about, *files, "foo-1.0.tar.gz") == {
        "newer-release": "Foo has wheels for 3.14t on Windows since 1.5, and the report is about"
        " 1.0: pip install -U foo"
    }


def test_a_release_between_is_old_but_has_it() -> None:
    about = reading(Kind.BUILD_FAILURE, python="3.14t", os="linux", version="1.6")
    assert set(said(about, wheel("2.0"), wheel("1.5"))) == {"wheel-now"}


def test_the_newest_release_has_it_and_pip_did_not_take_it() -> None:
    about = reading(Kind.NO_WHEEL, python="3.14t", os="linux", version="2.0")
    assert said(about, wheel("2.0"))["wheel-there"].startswith(
        "Foo 2.0 has a wheel for 3.14t on Linux (x86-64): see that pip is a recent one"
    )


def test_without_a_platform_all_usual_ones_are_named() -> None:
    about = reading(Kind.NO_WHEEL, python="3.14t")
    files = wheel("2.0"), wheel("2.0", platform=MAC), wheel("2.0", platform=WINDOWS)
    assert said(about, *files)["wheel-now"] == (
        "Foo 2.0 has a wheel for 3.14t on Linux (x86-64), macOS (Apple silicon) and Windows now:"
        " pip install -U foo"
    )


def test_a_wheel_for_another_platform_answers_nothing() -> None:
    about = reading(Kind.NO_WHEEL, python="3.14t", os="macos")
    assert said(about, wheel("2.0"), "foo-2.0.tar.gz") == {}


def test_pure_python_needs_no_wheel() -> None:
    about = reading(Kind.NO_WHEEL, python="3.14t", os="linux")
    assert said(about, "foo-2.0-py3-none-any.whl") == {
        "pure": "Foo 2.0 installs as pure Python, so it needs no wheel for 3.14t."
    }


def test_an_older_release_has_it() -> None:
    about = reading(Kind.BUILD_FAILURE, python="3.14t", os="linux")
    assert said(about, "foo-2.0.tar.gz", wheel("1.5")) == {
        "older-wheel": "The newest release has no wheel for 3.14t on Linux (x86-64),"
        " but 1.5 has one: pip install foo==1.5"
    }


def test_the_first_free_threaded_python_is_no_longer_served() -> None:
    about = reading(Kind.NO_WHEEL, python="3.13t", os="linux")
    assert said(about, wheel("2.0"), "foo-2.0.tar.gz") == {
        "newer-python": "Foo has wheels for 3.14t on Linux (x86-64), but none for 3.13t,"
        " which many projects no longer serve."
    }


def test_no_release_admits_this_python() -> None:
    about = reading(Kind.BUILD_FAILURE, python="3.14t", os="linux")
    assert said(about, file("foo-2.0.tar.gz", "<3.14"))["excluded"].startswith(
        "No release of Foo admits Python 3.14 (Requires-Python)"
    )
    older = reading(Kind.NO_WHEEL, python="3.13t", os="linux")
    assert set(said(older, file(wheel("2.0"), ">=3.14"))) == {"excluded", "newer-python"}


def test_what_was_read_of_a_wheel_comes_first_where_the_project_is_not_quarantined() -> None:
    about = reading(Kind.GIL_REENABLED, version="1.0", python="3.14t", os="linux")
    found = index(about, wheel("2.0"), wheel("1.0"))
    more = Hint("gil-re-enables", "It was read.")
    assert [hint.code for hint in hints(about, found, more)] == ["gil-re-enables", "outdated"]
    quarantined = replace(found, status="quarantined")
    assert [hint.code for hint in hints(about, quarantined, more)] == ["quarantined"]


def test_withdrawn_releases() -> None:
    about = reading(Kind.NO_WHEEL, python="3.14t", os="linux")
    assert set(said(about, "!foo-1.0.tar.gz")) == {"yanked"}


def test_a_quarantined_project_says_that_alone() -> None:
    about = reading(Kind.CRASH, version="1.0")
    found = replace(index(about, wheel("2.0")), status="quarantined")
    assert [hint.code for hint in hints(about, found)] == ["quarantined"]


@pytest.mark.parametrize(
    ("version", "codes"),
    [
        ("2.1", {"no-such-version"}),
        ("2.0", set()),
        ("1.0", {"outdated"}),
        ("2.1.dev3", set()),  # built from its source
        ("2.1+local", set()),
        ("2.1rc1", set()),
        ("no version", set()),
        ("1" * 5_000, set()),
    ],
)
def test_the_version_that_is_reported(version: str, codes: set[str]) -> None:
    about = reading(Kind.CRASH, python="3.14t", os="linux", version=version)
    assert set(said(about, wheel("2.0"))) == codes


def test_a_wheel_without_an_abi_that_crashes() -> None:
    about = reading(Kind.CRASH, python="3.14t", os="linux")
    assert said(about, f"foo-2.0-cp314-none-{LINUX}.whl")["unmarked"].startswith(
        f"pip takes foo-2.0-cp314-none-{LINUX}.whl here, which does not say"
    )


@pytest.mark.parametrize(
    ("name", "facts", "expected"),
    [
        (wheel("2.0", "cp314-cp314"), {"python": "3.14t"}, True),
        (wheel("2.0", "cp314-cp314"), {"build": "free-threaded"}, True),
        (wheel("2.0", "cp39-abi3"), {"python": "3.14t"}, True),
        (wheel("2.0", "cp314-cp314t"), {"python": "3.14t"}, False),
        (wheel("2.0", "cp315-abi3.abi3t"), {"python": "3.15t"}, False),
        (wheel("2.0", "cp314-cp314t"), {"python": "3.14"}, True),
        (wheel("2.0", "cp314-cp314t"), {"build": "gil"}, True),
        (wheel("2.0", "cp314-cp314"), {"python": "3.14"}, False),
        (wheel("2.0", "cp314-cp314"), {}, False),
        ("foo-2.0-py3-none-any.whl", {"python": "3.14t"}, False),
        ("no wheel at all", {"python": "3.14t"}, False),
        ("a" * 9_000 + ".whl", {"python": "3.14t"}, False),
    ],
)
@pytest.mark.parametrize("kind", [Kind.NO_WHEEL, Kind.NOT_FREE_THREADING])
def test_a_wheel_for_the_other_build(
    kind: Kind, name: str, facts: dict[str, str], *, expected: bool
) -> None:
    about = reading(kind, wheel=name, **facts)
    assert ("wrong-wheel" in said(about, "foo-2.0.tar.gz")) is expected


def test_what_the_community_claims() -> None:
    claims = Claims(None, TrackerClaim("2.1.0", None, tested_in_ci=True))
    about = reading(Kind.GIL_REENABLED, python="3.14t", os="linux", version="2.0")
    found = hints(about, index(about, wheel("2.2"), claims=claims))
    assert [hint.code for hint in found] == ["outdated", "tracker"]
    assert "supports free threading since 2.1.0" in found[1].text
    newer = reading(Kind.GIL_REENABLED, version="2.1.0")
    assert "tracker" not in {hint.code for hint in hints(newer, index(newer, wheel("2.2")))}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"python": "3.14t", "os": "linux"}, ["3.14t linux-x86_64", "3.14t linux-aarch64"]),
        (
            {"python": "3.14t", "os": "linux", "architecture": "aarch64"},
            ["3.14t linux-aarch64"],
        ),
        ({"python": "3.15t", "os": "macos"}, ["3.15t macos-arm64", "3.14t macos-arm64"]),
        ({"python": "3.15t", "os": "macos", "architecture": "x86_64"}, ["3.15t macos-x86_64"]),
        ({"os": "windows", "architecture": "x86_64"}, ["3.14t windows-amd64"]),
        ({"os": "windows", "architecture": "aarch64"}, ["3.14t windows-arm64"]),
        ({"python": "3.14", "os": "windows"}, ["3.14t windows-amd64"]),
        ({"python": "3.99t", "os": "windows"}, ["3.14t windows-amd64"]),
        (
            {
                "os": "linux",
                "architecture": "x86_64",
                "wheel": "f-1-cp314-cp314t-musllinux_1_2.whl",
            },
            ["3.14t musl-x86_64"],
        ),
        ({"os": "plan9", "architecture": "sparc"}, ["3.14t linux-x86_64"]),
    ],
)
def test_what_to_ask_for(facts: dict[str, str], expected: list[str]) -> None:
    found = targets(reading(Kind.NO_WHEEL, **facts))
    assert [f"{each.python} {each.platform}" for each in found[: len(expected)]] == expected
    assert {each.python for each in found} >= {CURRENT}


def test_any_targets_that_can_be_asked_for_can_be_judged() -> None:
    for python in (None, "3.13t", "3.14t", "3.15t", "3.14"):
        for system in (None, "linux", "macos", "windows"):
            facts = {"python": python, "os": system}
            given_facts = {name: value for name, value in facts.items() if value}
            asked = targets(reading(Kind.NO_WHEEL, **given_facts))
            assert set(asked) <= set(ALL_TARGETS)
            assert len(set(asked)) == len(asked)


TEXT = st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["3.13t", "linux", "2.0", "1.9"]))
READINGS = st.builds(
    lambda kind, facts: Reading(
        kind, 0.5, Facts(**{name: Fact(text, text) for name, text in facts.items() if text})
    ),
    st.sampled_from(Kind),
    st.fixed_dictionaries(
        dict.fromkeys(
            ("version", "python", "build", "os", "architecture", "wheel", "project"), TEXT
        )
    ),
)
ROWS = st.lists(
    st.builds(
        row,
        st.one_of(st.sampled_from(ALL_TARGETS), st.just(Target("3.14t", "win32"))),
        st.sampled_from(Verdict),
        newest=st.sampled_from([None, "demo-1.0-cp314-cp314t-any.whl"]),
        first=st.sampled_from([None, "1.5"]),
    ),
    max_size=8,
)


@given(READINGS, ROWS, st.sampled_from(["active", "archived", "quarantined"]))
def test_any_report_gets_a_few_sentences(about: Reading, rows: list[object], status: str) -> None:
    found = hints(about, replace(answer(), support=tuple(rows), status=status))  # type: ignore[arg-type]  # as ROWS makes them
    assert len(found) <= MOST
    assert len({hint.code for hint in found}) == len(found)
    assert all(hint.text and "\n" not in hint.text for hint in found)
    assert targets(about)


def test_an_answer_without_releases_says_nothing() -> None:
    about = reading(Kind.NO_WHEEL, python="3.14t", version="1.0")
    empty = answer(*support(condensed(), targets(about)), latest=None)
    assert hints(about, empty) == ()
