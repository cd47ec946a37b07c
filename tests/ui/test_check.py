from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.check.model import Answer, AsOf, Claims, Latest, TrackerClaim
from bot.compat.model import FirstWheel, Pick, Support, Target, Verdict
from bot.compat.targets import ALL_TARGETS, PLATFORMS, PYTHONS
from bot.guide.model import Pointer
from bot.reports.model import Kind
from bot.ui import check
from bot.xray.model import Gil, ModuleVerdict
from tests.e2e.discord_spec import TEXT
from tests.ui.answers import (
    CLAIMED,
    DELEGATED,
    LIKELY,
    NOON,
    NOON_STAMP,
    OFF,
    ON,
    UNKNOWN,
    UNREAD,
    answer,
    declared,
    support,
)
from tests.ui.reading import components, parts, problems, text
from tests.ui.samples.reports import PROBLEMS

WHEEL, SDIST = "demo-2.0-cp314-cp314t-any.whl", "demo-2.0.tar.gz"


def on(python: str) -> list[Target]:
    return [target for target in ALL_TARGETS if target.python == python]


def compiled(target: Target) -> Support:
    return support(target, Verdict.SDIST, SDIST, None, None)


def test_every_verdict_has_its_words() -> None:
    assert list(check.WORDING) == list(Verdict)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_one_verdict_everywhere_is_one_sentence(verdict: Verdict) -> None:
    shown = text(check.answer(answer(*(support(target, verdict) for target in ALL_TARGETS))))
    assert f"**{check.WORDING[verdict].sentence}**" in shown
    assert shown.count(", everywhere") == len(PYTHONS)


def test_a_wheel_everywhere_at_a_glance() -> None:
    lines = text(check.answer(answer(claims=CLAIMED))).splitlines()
    assert lines == [
        "## demo 2.0",
        "**Installs from a free-threaded wheel.**",
        "-# released <t:1793527200:D> · rank 12 by downloads",
        "**3.13t** ✅ wheel, everywhere",
        "**3.14t** ✅ wheel, everywhere",
        "**3.15t** ✅ wheel, everywhere",
        "-# pip takes the wheel of 2.0 · since 1.5, <t:1753315200:D>",
        "**Maintainers say:** classifier “2 - Beta”",
        "**Community table:** supported since 2.1.0, tested in CI",
        "-# Whether importing it keeps the GIL off is another question.",
        f"-# As of <t:{NOON_STAMP}:R>.",
    ]


def test_platforms_are_named_where_they_differ() -> None:
    rows = [
        compiled(target) if target.platform.startswith("windows") else support(target)
        for target in on("3.14t")
    ]
    lines = text(check.answer(answer(*rows))).splitlines()
    assert lines[1] == "**Installs without compiling on some platforms.**"
    assert lines[3:7] == [
        "**3.14t**",
        "✅ wheel: Linux, musl Linux, macOS",
        "🔧 compile: Windows",
        "-# since 1.5, <t:1753315200:D>",
    ]


def test_half_a_family_is_named_by_its_machine() -> None:
    rows = [
        compiled(target) if target.platform == "windows-arm64" else support(target)
        for target in on("3.14t")
    ]
    assert "macOS, Windows x64\n🔧 compile: Windows ARM64" in text(check.answer(answer(*rows)))


def test_interpreters_that_are_ready_are_named() -> None:
    rows = [compiled(each) for each in on("3.13t")]
    rows += [support(each) for each in (*on("3.14t"), *on("3.15t"))]
    assert "**Installs without compiling on 3.14t and 3.15t.**" in text(check.answer(answer(*rows)))


def test_an_older_wheel_is_named_beside_what_pip_compiles() -> None:
    rows = (
        support(target, Verdict.OLDER_WHEEL, SDIST, "demo-1.9-cp314t.whl") for target in ALL_TARGETS
    )
    shown = text(check.answer(answer(*rows)))
    assert "🕰️ wheel of 1.9, everywhere\n" in shown
    assert "-# pip compiles 2.0 · since 1.5" in shown


def test_what_pip_takes_is_said_for_the_platforms_it_is_true_of() -> None:
    older = {"macos-x86_64": "demo-1.9-a.whl", "windows-arm64": "demo-1.7-a.whl"}
    rows = [
        support(target, Verdict.OLDER_WHEEL, SDIST, older[target.platform])
        if target.platform in older
        else support(target)
        for target in on("3.14t")
    ]
    assert text(check.answer(answer(*rows))).splitlines()[3:8] == [
        "**3.14t**",
        "✅ wheel: Linux, musl Linux, macOS ARM64, Windows x64",
        "🕰️ wheel of 1.9: macOS Intel",
        "🕰️ wheel of 1.7: Windows ARM64",
        "-# pip compiles 2.0 on macOS Intel, Windows ARM64 · since 1.5, <t:1753315200:D>",
    ]


def test_interpreters_that_differ_stand_apart() -> None:
    rows = [compiled(each) for each in on("3.13t")] + [support(each) for each in on("3.14t")]
    _, one, two, _ = (each["content"] for each in parts(check.answer(answer(*rows)), TEXT))
    assert one == "**3.13t** 🔧 compile, everywhere\n-# pip compiles 2.0"
    assert two.startswith("**3.14t** ✅ wheel, everywhere\n-# pip takes the wheel of 2.0 · since")


@pytest.mark.parametrize(
    ("platforms", "said"),
    [
        (("macos-arm64", "macos-x86_64"), "**3.14t** ✅ wheel on macOS\n"),
        (("macos-arm64",), "**3.14t** ✅ wheel on macOS ARM64\n"),
        (("win32",), "**3.14t** ✅ wheel\n"),
    ],
)
def test_fewer_platforms_are_named(platforms: tuple[str, ...], said: str) -> None:
    rows = (support(Target("3.14t", platform)) for platform in platforms)
    assert said in text(check.answer(answer(*rows)))


def test_the_newest_wheel_is_the_newest_by_version() -> None:
    one, two = on("3.14t")[:2]
    rows = [support(one, newest="demo-1.9-a.whl"), support(two, newest="demo-1.10-b.whl")]
    assert "newest wheel 1.10" in text(check.answer(answer(*rows)))


def test_one_target_shows_its_file_and_no_select() -> None:
    row = support(Target("3.14t", "manylinux_2_39_x86_64"))
    shown = check.answer(answer(row), python="3.14t", platform="manylinux_2_39_x86_64")
    assert f"`{WHEEL}`" in text(shown)
    assert "**3.14t** ✅ wheel\n" in text(shown)
    assert parts(shown, 3) == []


def test_details_list_files_per_platform() -> None:
    rows = [
        compiled(target) if target.platform == "windows-arm64" else support(target)
        for target in ALL_TARGETS
    ]
    shown = check.answer(answer(*rows), details="3.14t")
    assert "### 3.14t, per platform" in text(shown)
    assert (
        f"✅ wheel: **Linux, musl Linux, macOS, Windows x64**\n-# `{WHEEL}`\n"
        f"🔧 compile: **Windows ARM64**\n-# `{SDIST}`"
    ) in text(shown)
    (select,) = parts(shown, 3)
    chosen = [option["value"] for option in select["options"] if option.get("default")]
    assert chosen == ["3.14t"]


def test_details_say_which_file_pip_takes() -> None:
    rows = (support(each, Verdict.OLDER_WHEEL, SDIST, "demo-1.9-a.whl") for each in ALL_TARGETS)
    shown = text(check.answer(answer(*rows), details="3.14t"))
    assert f"-# pip compiles `{SDIST}`\n-# newest wheel `demo-1.9-a.whl`" in shown


def test_the_select_carries_what_was_asked() -> None:
    (select,) = parts(check.answer(answer(), python="3.14t", platform="macos-arm64"), 3)
    assert select["custom_id"] == "1details:demo:3.14t:macos-arm64"
    assert [option["value"] for option in select["options"]] == list(PYTHONS)
    (select,) = parts(check.answer(answer(), details="3.14t"), 3)
    assert [option["value"] for option in select["options"]] == ["overview", *PYTHONS]


def test_a_name_too_long_for_a_custom_id_has_no_select() -> None:
    shown = check.answer(answer(project="x" * 90))
    assert parts(shown, 3) == []
    assert "✅ wheel, everywhere" in text(shown)


def test_archived_is_said_and_quarantined_offers_nothing_to_install() -> None:
    assert "Archived" in text(check.answer(answer(status="archived")))
    rows = tuple(support(target, Verdict.UNAVAILABLE) for target in ALL_TARGETS)
    quarantined = answer(*rows, status="quarantined")
    for details in ("overview", "3.14t"):
        shown = text(check.answer(quarantined, details=details))
        assert "Don't install it." in shown
        assert "pip" not in shown
        assert "Installs" not in shown


def test_stale_answers_say_so() -> None:
    shown = text(check.answer(answer(as_of=AsOf(None, NOON, stale=True))))
    assert f"could not be reached; this was known <t:{NOON_STAMP}:R>." in shown


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        (Claims(None, None), "nothing about free threading"),
        (Claims(None, None, known=False), "unknown, the metadata could not be read"),
        (Claims("A :: Free Threading :: 4 - Resilient", None), "classifier “4 - Resilient”"),
    ],
)
def test_claims(claims: Claims, said: str) -> None:
    assert f"**Maintainers say:** {said}" in text(check.answer(answer(claims=claims)))


@pytest.mark.parametrize(
    ("tracker", "said"),
    [
        (TrackerClaim("2.1", None, tested_in_ci=False), "supported since 2.1"),
        (TrackerClaim(None, None, tested_in_ci=True), "no release with support listed, tested in"),
    ],
)
def test_the_community_table(tracker: TrackerClaim, said: str) -> None:
    shown = text(check.answer(answer(claims=Claims(None, tracker))))
    assert f"**Community table:** {said}" in shown


def test_import_names_lead_to_their_project() -> None:
    shown = check.answer(answer(imported_from=("scikit-learn",)))
    assert "`demo` is also what **scikit-learn** is imported as." in text(shown)
    assert "1check:scikit-learn" in [part.get("custom_id") for part in parts(shown, 2)]


def test_links_are_buttons() -> None:
    shown = check.answer(answer(claims=CLAIMED))
    assert [(part["label"], part["url"]) for part in parts(shown, 2)] == [
        ("Project page", "https://index.example/project/demo/"),
        ("Free-threading issue", "https://issues.example/demo/26157"),
    ]


@pytest.mark.parametrize(("count", "said"), [(1, "1 file name could"), (7, "7 file names could")])
def test_unreadable_files_are_counted(count: int, said: str) -> None:
    assert said in text(check.answer(answer(unreadable_files=count)))


def test_an_equal_answer_is_shown_again_and_another_anew() -> None:
    first = check.answer(answer())
    assert check.answer(answer()) is first
    assert "## demo 3.0" in text(check.answer(answer(latest=Latest("3.0", None))))
    assert check.answer(answer(), details="3.14t") is not first


def test_few_cards_are_kept() -> None:
    for number in range(200):
        check.answer(answer(project=f"demo{number}"))
    assert len(check._shown) <= 64


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "@everyone",
            "<@123456789012345678>",
            "[click](https://evil.example)",
            "https://evil.example/" + "a" * 600,
            "`" * 10,
            "**" * 200,
            "x" * 10_000,
            "é\u0301" * 400,
            "\u202e\u200b\x00\n\n# big",
            "🦀" * 3_000,
            "",
        ]
    ),
)
PICK = st.builds(Pick, version=HOSTILE, file=HOSTILE, uploaded=st.none() | HOSTILE)
FIRST = st.builds(FirstWheel, version=HOSTILE, uploaded=st.none() | HOSTILE)
PYTHON = st.sampled_from([*PYTHONS, "3.16t", "4.0t"])
PLATFORM = st.sampled_from(PLATFORMS) | HOSTILE
ROW = st.builds(
    Support,
    target=st.builds(Target, PYTHON, PLATFORM),
    verdict=st.sampled_from(Verdict),
    installs=st.none() | PICK,
    newest_wheel=st.none() | PICK,
    first_wheel=st.none() | FIRST,
)
TRACKER = st.builds(
    TrackerClaim,
    since=st.none() | HOSTILE,
    upstream_issue=st.none() | HOSTILE,
    tested_in_ci=st.booleans(),
    notes=st.lists(HOSTILE, max_size=6).map(tuple),
)
ANSWER = st.builds(
    Answer,
    project=HOSTILE,
    name=HOSTILE,
    status=st.sampled_from(["active", "archived", "quarantined"]) | HOSTILE,
    latest=st.none() | st.builds(Latest, version=HOSTILE, uploaded=st.none() | HOSTILE),
    as_of=st.builds(
        AsOf,
        serial=st.none() | st.integers(),
        fetched=st.datetimes(min_value=datetime(1970, 1, 2), timezones=st.just(UTC)),  # noqa: DTZ001 - zone is drawn
        stale=st.booleans(),
    ),
    claims=st.builds(
        Claims,
        classifier=st.none() | HOSTILE,
        tracker=st.none() | TRACKER,
        known=st.booleans(),
    ),
    support=st.lists(ROW, max_size=40).map(tuple),
    unreadable_files=st.integers(0, 10**9),
    page=HOSTILE,
    rank=st.none() | st.integers(1, 10**6),
    imported_from=st.lists(HOSTILE, max_size=8).map(tuple),
    reading=st.booleans(),
)
GIL = st.builds(
    Gil,
    verdict=st.sampled_from(ModuleVerdict),
    wheel=st.just(""),
    modules=st.integers(0, 10**6),
    re_enabling=st.lists(HOSTILE, max_size=20).map(tuple),
    reason=st.none() | HOSTILE,
)


@given(ANSWER, st.lists(GIL, max_size=6), PYTHON, PLATFORM, PYTHON | HOSTILE)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_answer_breaks_discords_limits_or_comes_alive(
    found: Answer, gils: list[Gil], python: str, platform: str, details: str
) -> None:
    files = [row.installs.file for row in found.support if row.installs]
    found = replace(found, gil=dict(zip(files, gils, strict=False)))
    shown = check.answer(found, python=python, platform=platform, details=details)
    assert problems(shown) == []


ONE, TWO, *_ = on("3.14t")
AWAITED = "whether it keeps the GIL off is being read, ask again in a moment"


@pytest.mark.parametrize(
    ("gil", "line"),
    [
        (OFF, "🔓 keeps the GIL off (11 of 11 modules declare it)"),
        (replace(OFF, modules=1), "🔓 keeps the GIL off (its only module declares it)"),
        (
            replace(OFF, modules=0),
            "🔓 keeps the GIL off (it has no modules that could turn it on)",
        ),
        (ON, "⚠️ 3 of 11 modules turn the GIL on: `demo._a`, `demo._b`, `demo._c`"),
        (
            replace(ON, re_enabling=tuple("abcd")),
            "⚠️ 4 of 11 modules turn the GIL on: `a`, `b`, `c`, …",
        ),
        (replace(ON, re_enabling=("a",)), "⚠️ 1 of 11 modules turns the GIL on: `a`"),
        (
            replace(ON, modules=1, re_enabling=("demo",)),
            "⚠️ its only module turns the GIL on: `demo`",
        ),
        (LIKELY, "🔓 likely keeps the GIL off, by its machine code"),
        (DELEGATED, "↪️ another package, such as cffi, decides whether the GIL stays off"),
        (UNKNOWN, "❔ not known whether it keeps the GIL off: the file does not show it"),
        (UNREAD, "❔ not known whether it keeps the GIL off: the wheel could not be read"),
        (None, f"-# ⏳ {AWAITED}"),
    ],
)
def test_what_wheels_declare_is_one_line_where_they_agree(gil: Gil | None, line: str) -> None:
    one = text(check.answer(declared({ONE: gil}))).splitlines()
    assert one[3:5] == ["**3.14t** ✅ wheel on Linux x86-64", line]
    everywhere = text(check.answer(declared(dict.fromkeys(ALL_TARGETS, gil)))).splitlines()
    assert everywhere[3:8] == [
        *(f"**{python}** ✅ wheel, everywhere" for python in PYTHONS),
        line,
        "-# pip takes the wheel of 2.0 · since 1.5, <t:1753315200:D>",
    ]


def test_interpreters_that_declare_something_else_have_a_line_each() -> None:
    gils = {target: ON if target.python == "3.14t" else OFF for target in ALL_TARGETS}
    lines = text(check.answer(declared(gils))).splitlines()
    off = "🔓 keeps the GIL off (11 of 11 modules declare it)"
    assert lines[3:10] == [
        "**3.13t** ✅ wheel, everywhere",
        off,
        "**3.14t** ✅ wheel, everywhere",
        "⚠️ 3 of 11 modules turn the GIL on: `demo._a`, `demo._b`, `demo._c`",
        "**3.15t** ✅ wheel, everywhere",
        off,
        "-# pip takes the wheel of 2.0 · since 1.5, <t:1753315200:D>",
    ]


def test_platforms_that_declare_something_else_are_named_the_worst_first() -> None:
    kinds = [OFF, replace(OFF, modules=9), ON, replace(ON, modules=9), UNKNOWN, None, None, None]
    lines = text(check.answer(declared(dict(zip(on("3.14t"), kinds, strict=True))))).splitlines()
    assert lines[3:8] == [
        "**3.14t** ✅ wheel, everywhere",
        "⚠️ musl Linux: modules of it turn the GIL on: `demo._a`, `demo._b`, `demo._c`",
        "❔ macOS ARM64: not known whether it keeps the GIL off: the file does not show it",
        "🔓 Linux: keeps the GIL off (all of its modules declare it)",
        f"-# ⏳ macOS Intel, Windows: {AWAITED}",
    ]


def test_what_nobody_reads_is_not_spoken_of() -> None:
    shown = text(check.answer(declared({ONE: OFF, TWO: None}, reading=False)))
    assert "🔓 Linux x86-64: keeps the GIL off" in shown
    assert "being read" not in shown
    pure = support(ONE, Verdict.PURE, "demo-2.0-py3-none-any.whl", "demo-2.0-py3-none-any.whl")
    assert "being read" not in text(check.answer(answer(pure, compiled(TWO), reading=True)))


def test_details_tell_what_each_wheel_declares() -> None:
    many = replace(ON, re_enabling=tuple(f"demo._{number}" for number in range(11)))
    shown = text(check.answer(declared({ONE: many, TWO: None}), details="3.14t"))
    names = ", ".join(f"`demo._{number}`" for number in range(10))
    assert shown.splitlines()[4:10] == [
        "✅ wheel: **Linux x86-64**",
        "-# `demo-2.0-3.14t-linux-x86_64.whl`",
        f"⚠️ 11 of 11 modules turn the GIL on: {names}, …",
        "✅ wheel: **Linux ARM64**",
        "-# `demo-2.0-3.14t-linux-aarch64.whl`",
        f"-# ⏳ {AWAITED}",
    ]


def test_what_a_verdict_does_not_mean_is_said_with_it() -> None:
    another = "-# Whether importing it keeps the GIL off is another question."
    word = "-# A declaration is its author's word, not a proof of thread safety."
    unknown = "Not known is neither a pass nor a failure."
    for gils, said in (
        ({ONE: OFF}, word),
        ({ONE: OFF, TWO: UNKNOWN}, word),
        ({ONE: None}, another),
    ):
        shown = text(check.answer(declared(gils)))
        assert (another in shown, word in shown) == (said == another, said == word)
        assert (unknown in shown) == (TWO in gils)


@pytest.mark.parametrize(
    ("gils", "colour"),
    [
        ({ONE: OFF, TWO: None}, check.GREEN),
        ({ONE: UNKNOWN, TWO: OFF}, check.GREEN),
        ({ONE: OFF, TWO: ON}, check.AMBER),
    ],
)
def test_a_gil_that_comes_back_is_not_green(gils: dict[Target, Gil | None], colour: int) -> None:
    shown = check.answer(declared(gils))
    assert components(shown)[0]["accent_color"] == colour
    assert "**Installs from a free-threaded wheel.**" in text(shown)


def test_nothing_is_said_of_a_quarantined_projects_wheels() -> None:
    for details in (check.OVERVIEW, "3.14t"):
        shown = text(check.answer(declared({ONE: ON}, status="quarantined"), details=details))
        assert "turn" not in shown
        assert "another question" in shown


def test_a_reading_shows_once_it_is_there() -> None:
    before = check.answer(declared({ONE: None}))
    assert "being read" in text(before)
    assert "11 of 11" in text(check.answer(declared({ONE: OFF})))


def test_175_different_wheels_are_cut_at_a_line() -> None:
    rows = [
        support(
            Target("3.14t", f"manylinux_2_{number}_x86_64"),
            installs=f"demo-2.0-{number}-{'x' * 150}.whl",
            newest=f"demo-1.0-{number}-{'y' * 150}.whl",
        )
        for number in range(175)
    ]
    found: Any = replace(answer(), support=tuple(rows))
    shown = check.answer(found, details="3.14t")
    assert problems(shown) == []
    assert "more lines" in text(shown)


def test_the_guide_is_pointed_to() -> None:
    found = answer(compiled(ALL_TARGETS[0]))
    pointer = Pointer("Porting a package", "https://guide.example/porting/#package")
    line = "-# 📖 In the guide: [Porting a package](<https://guide.example/porting/#package>)"
    assert line in text(check.answer(found, None, pointer)).splitlines()
    assert "In the guide" not in text(check.answer(found))


def test_the_guide_is_asked_about_reports_first_and_then_the_best_verdict() -> None:
    rows = [compiled(ALL_TARGETS[0]), support(ALL_TARGETS[1], Verdict.NONE)]
    (known,) = PROBLEMS.problems[:1]
    assert list(check.questions(answer(*rows), None)) == [Verdict.SDIST]
    asked = check.questions(answer(*rows), replace(PROBLEMS, problems=(known,)))
    assert list(asked) == [known.kind, Verdict.SDIST]
    assert list(check.questions(replace(answer(), support=()), None)) == []
    assert list(check.questions(declared({ONE: ON}), None)) == [Kind.GIL_REENABLED, Verdict.WHEEL]
