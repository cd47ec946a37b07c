from dataclasses import replace

import pytest
from discord import ui
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.audit.model import Audit, Best, Class, Package, Problem, ReadySet
from bot.audit.rules import order
from bot.audit.watching.model import Story, Watch, Wish
from bot.compat.model import Target, Verdict
from bot.ui import audit as view
from tests.ui.answers import NOON, NOON_STAMP
from tests.ui.audits import OFF, ON, TARGET, audit, declared, kept, package, packages
from tests.ui.reading import components, parts, problems, text
from tests.ui.test_check import HOSTILE

BUTTON, SELECT, FILE = 2, 3, 13
ALL_READY = packages(Class.READY, "app", "numpy")


def wrong(shown: ui.LayoutView) -> list[str]:
    """What is wrong with a message, but for the links that we put there."""
    return [each for each in problems(shown) if each not in {"<", "](", "://"}]


def test_at_a_glance() -> None:
    shown = view.answer(kept())
    assert text(shown).splitlines() == [
        "## uv.lock on 3.14t",
        "**2 of 7 packages are in the way.**",
        "🟥🟥🟥⬜🟨🟩🟩🟩🟩🟩🟩🟩",
        (
            "✅\xa0**3**\xa0ready · ☑️\xa0**1**\xa0works"
            " · ⛔\xa0**2**\xa0blocked · ❔\xa0**1**\xa0unknown"
        ),
        "-# Linux x86-64 · uv.lock",
        "### ⛔ In the way",
        "🔧 **old-c** 1.0 · compile",
        "-# Pulled in by app",
        "It has to be compiled here: no release has a wheel.",
        "🔧 **orjson** 1.0 · compile",
        "-# Pulled in by app",
        "It has to be compiled here: no release has a wheel.",
        "### ❔ Cannot be judged",
        "❔ **private** 1.0",
        "-# A direct dependency. It is not on the index.",
        "### ☑️ Works with a fallback, or with another version",
        "🔧 **pinned** 1.0 · compile",
        "Ready from 2.0, this is 1.0.",
        "### ✅ Ready",
        "app 1.0 · numpy 1.0 · requests 1.0",
        f"-# as of <t:{NOON_STAMP}:R>, kept for 30 days",
    ]
    assert [each["label"] for each in parts(shown, BUTTON)] == ["Tell me when this is ready"]
    assert [each["file"]["url"] for each in parts(shown, FILE)] == [
        "attachment://audit.md",
        "attachment://audit.json",
    ]
    assert [name for name, _ in shown.files] == ["audit.md", "audit.json"]
    assert wrong(shown) == []


@pytest.mark.parametrize(
    ("found", "said", "colour"),
    [
        ([*packages(Class.BLOCKED, "a")], "1 of 1 package is in the way.", view.RED),
        (
            [*packages(Class.UNKNOWN, "a", "b"), *ALL_READY],
            "Nothing is known to be in the way, but 2 packages can't be judged.",
            view.AMBER,
        ),
        ([*packages(Class.WORKS, "a"), *ALL_READY], "Nothing is in the way.", view.AMBER),
        (ALL_READY, "Everything is ready.", view.GREEN),
    ],
)
def test_headlines(found: list[Package], said: str, colour: int) -> None:
    shown = view.answer(kept(audit(found)))
    assert f"**{said}**" in text(shown)
    assert components(shown)[0]["accent_color"] == colour
    waits = [each["label"] for each in parts(shown, BUTTON)]
    assert waits == (["Tell me when this is ready"] if colour == view.RED else [])


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (packages(Class.WORKS, "a"), "Nothing is in the way, of what could be read."),
        (ALL_READY, "Everything is ready, of what could be read."),
    ],
)
def test_a_file_that_could_not_be_read_whole(found: list[Package], said: str) -> None:
    problems = (Problem("a.txt:2", "It is not read."),)
    shown = view.answer(kept(replace(audit(found), problems=problems)))
    assert f"**{said}**" in text(shown)
    assert components(shown)[0]["accent_color"] == view.AMBER


def test_nothing_found() -> None:
    shown = view.answer(kept(replace(audit(), packages=())))
    assert "**No package was found in it.**" in text(shown)
    assert wrong(shown) == []


def test_a_bar_has_a_square_of_each_class_that_is_there() -> None:
    many = [package(f"p{number}") for number in range(500)]
    bar = text(view.answer(kept(audit([*packages(Class.BLOCKED, "a"), *many])))).splitlines()[2]
    assert bar == "🟥" + 11 * "🟩"


def test_a_long_chain_is_shortened() -> None:
    deep = package("deep", Class.BLOCKED, path=("app", "b", "c", "d", "e"))
    assert "Pulled in by app → b → … → e\n" in text(view.answer(kept(audit([deep]))))


def test_what_is_known_of_a_blocker() -> None:
    known = package(
        "known", Class.BLOCKED, reports=2, upstream_issue="https://issues.example/known/1"
    )
    shown = text(view.answer(kept(audit([known]))))
    assert " · 2 problems reported · [free-threading issue](<https://issues.example/" in shown


def test_wheels_that_turn_the_gil_on() -> None:
    plain = [package("app"), package("numpy"), package("h3", direct=False, path=("app", "geo"))]
    shown = view.answer(kept(declared(audit(plain), {"h3": ON, "numpy": OFF})))
    lines = text(shown).splitlines()
    assert lines[1] == "**Everything installs, but the GIL comes back.**"
    assert lines[4:11] == [
        "⚠️ Installable, but the GIL comes back: **1**",
        "-# Linux x86-64 · uv.lock",
        "### These turn the GIL on",
        "**h3** 1.0 · 4 of 11 modules turn the GIL on: `demo._a`, …",
        "-# Pulled in by app → geo",
        (
            "-# What wheels declare is their authors' word, no proof of thread safety. Which"
            " modules an `import` loads is another question."
        ),
        "### ✅ Ready",
    ]
    assert lines[11] == "app 1.0 · numpy 1.0 · h3 1.0\xa0⚠️"
    assert components(shown)[0]["accent_color"] == view.AMBER
    (closer,) = parts(shown, SELECT)
    assert [each["value"] for each in closer["options"]] == ["h3"]
    assert parts(shown, BUTTON) == []
    assert wrong(shown) == []


def test_who_is_in_the_way_stays_first() -> None:
    found = declared(audit([*packages(Class.BLOCKED, "a"), *ALL_READY]), {"app": ON}, 2)
    shown = view.answer(kept(found))
    assert "**1 of 3 packages is in the way.**" in text(shown)
    assert components(shown)[0]["accent_color"] == view.RED
    assert "-# 2 wheels are not read yet: whether they keep the GIL off is not known." in text(
        shown
    )
    again, watch = parts(shown, BUTTON)
    assert (again["label"], again["custom_id"]) == ("Look again", "1audit-page:7:0")
    assert watch["label"] == "Tell me when this is ready"


def test_what_turns_the_gil_on_is_told_on_the_first_page_and_counted_on_each() -> None:
    names = [f"p{number}" for number in range(50)]
    found = declared(audit(package(name) for name in names), dict.fromkeys(names[:9], ON))
    first, second = (text(view.answer(kept(found), page)) for page in (0, 1))
    assert "-# … and 4 more, in the whole table" in first
    assert first.count("modules turn the GIL on") == 5
    for page in (first, second):
        assert "⚠️ Installable, but the GIL comes back: **9**" in page
    assert "modules turn the GIL on" not in second


def test_long_names_of_modules_leave_room_for_the_list() -> None:
    long = replace(ON, re_enabling=("`@everyone`" * 40,) * 5)
    names = [f"{number}-{'long' * 20}" for number in range(8)]
    every = [package(name, Class.BLOCKED, path=("x" * 60,) * 4) for name in names]
    found = declared(audit(every, conflict="y" * 2000, resolved=False), dict.fromkeys(names, long))
    found = replace(found, problems=tuple(Problem("z" * 99, "z" * 999) for _ in range(5)))
    assert wrong(view.answer(kept(found))) == []


def test_conflicts_and_problems_are_said_on_the_first_page() -> None:
    found = audit(
        [package(f"p{number}", Class.BLOCKED) for number in range(20)],
        resolved=False,
        conflict="a wants c<2, b wants c>=2. So each package is judged by itself.",
        ready_set=ReadySet(complete=False),
        problems=tuple(Problem(f"uv.lock:{line}", "It is not from PyPI.") for line in range(5)),
    )
    first, second = (text(view.answer(kept(found), page)) for page in (0, 1))
    assert "⚠️ a wants c\\<2, b wants c\\>=2. So each" in first
    assert "⚠️ `uv.lock:2`: It is not from PyPI.\n-# … and 2 more problems like these" in first
    assert "💡 No set of versions in which everything is ready was found" in first
    assert "💡" not in second
    assert "⚠️" not in second


def test_every_package_is_on_one_page() -> None:
    found = [
        *(package(f"blocked{number}x", Class.BLOCKED) for number in range(11)),
        *(package(f"works{number}x", Class.WORKS) for number in range(9)),
        *(package(f"ready{number}x") for number in range(90)),
    ]
    pages = [view.answer(kept(audit(found)), page) for page in range(5)]
    texts = [text(each) for each in pages]
    assert [sum(each.project in shown for shown in texts) for each in found] == [1] * len(found)
    assert [shown.count("Page") for shown in texts] == [1] * 5
    assert "Page 5 of 5" in texts[-1]
    buttons = [parts(each, BUTTON)[:2] for each in pages]
    assert [[each.get("disabled", False) for each in row] for row in buttons] == [
        [True, False], *[[False, False]] * 3, [False, True],
    ]  # fmt: skip
    assert [each["custom_id"] for each in buttons[1]] == ["1audit-page:7:0", "1audit-page:7:2"]
    assert text(view.answer(kept(audit(found)), 99)) == texts[-1]
    assert text(view.answer(kept(audit(found)), -99)) == texts[0]


def test_packages_are_looked_at_closer_by_the_answer_of_check() -> None:
    (select,) = parts(view.answer(kept()), SELECT)
    assert select["custom_id"] == "1look::"
    assert [each["value"] for each in select["options"]] == ["old-c", "orjson", "private", "pinned"]
    assert parts(view.answer(kept(audit(ALL_READY))), SELECT) == []


def test_files_too_large_for_discord_are_left_out() -> None:
    large = replace(kept(), files=(("audit.md", b"x" * (9 << 20)),))
    shown = view.answer(large)
    assert shown.files == ()
    assert parts(shown, FILE) == []


WATCH = Watch(7, "uv.lock", TARGET, NOON)
OTHER = Watch(8, "@everyone.lock", TARGET, NOON)


def test_waiting() -> None:
    shown = view.wished(Wish(WATCH, (WATCH, OTHER)))
    assert "when nothing is in the way of uv.lock on 3.14t any more." in text(shown)
    assert f"It ends by itself on <t:{NOON_STAMP}:D>." in text(shown)
    assert [each["custom_id"] for each in parts(shown, BUTTON)] == ["1audit-unwatch:7"]
    (select,) = parts(shown, SELECT)
    assert select["custom_id"] == "1audit-unwatch:"
    assert [each["value"] for each in select["options"]] == ["8"]
    alone = view.wished(Wish(WATCH, (WATCH,)))
    assert parts(alone, SELECT) == []


def test_waiting_for_too_many() -> None:
    every = tuple(replace(WATCH, audit=number) for number in range(10))
    shown = view.wished(Wish(None, every))
    assert "You wait for 10 audits, which is the most." in text(shown)
    assert len(parts(shown, SELECT)[0]["options"]) == 10
    assert wrong(shown) == []
    assert "1audit-unwatch:" in str(components(view.unwatched(every)))
    assert parts(view.unwatched(()), SELECT) == []


def test_the_message_says_what_became_of_each_blocker() -> None:
    before = audit(packages(Class.BLOCKED, "gone", "newer", "ready"))
    now = audit([package("newer", Class.WORKS), package("ready"), package("other")])
    shown = view.ready(Story(kept(before), kept(now, 9)))
    assert text(shown).splitlines() == [
        "## uv.lock can move to 3.14t",
        "**Nothing is in the way any more**, on Linux x86-64.",
        (
            "✅\xa0**2**\xa0ready · ☑️\xa0**1**\xa0works"
            " · ⛔\xa0**0**\xa0blocked · ❔\xa0**0**\xa0unknown"
        ),
        "- gone is not needed any more",
        "- **newer** 1.0: Ready from 2.0, this is 1.0.",
        "- **ready** 1.0 is ready",
        f"-# You asked for this below the audit of <t:{NOON_STAMP}:D>. It was the only message.",
    ]
    assert [each["custom_id"] for each in parts(shown, BUTTON)] == ["1audit:9"]


NAMES = st.lists(HOSTILE, max_size=6).map(tuple)
PACKAGE = st.builds(
    Package,
    project=HOSTILE,
    version=st.none() | HOSTILE,
    direct=st.booleans(),
    required_by=NAMES,
    path=NAMES,
    verdict=st.none() | st.sampled_from(Verdict),
    class_=st.sampled_from(Class),
    best=st.none() | st.builds(Best, HOSTILE, st.sampled_from(Verdict), st.booleans()),
    advice=HOSTILE,
    upstream_issue=st.none() | st.sampled_from(["https://issues.example/1", "javascript:x"]),
    reports=st.integers(0, 10**9),
)
AUDIT = st.builds(
    Audit,
    target=st.builds(Target, st.sampled_from(["3.13t", "3.14t"]), HOSTILE),
    source=HOSTILE,
    format=HOSTILE,
    resolved=st.booleans(),
    packages=st.lists(PACKAGE, max_size=70).map(
        lambda found: tuple(sorted(found, key=lambda each: order(each.class_)))
    ),
    problems=st.lists(st.builds(Problem, HOSTILE, HOSTILE), max_size=5).map(tuple),
    conflict=st.none() | HOSTILE,
    ready_set=st.none()
    | st.builds(
        ReadySet,
        st.lists(st.tuples(HOSTILE, HOSTILE), max_size=4).map(tuple),
        st.booleans(),
        st.booleans(),
    ),
    stale=st.booleans(),
    unanswered=st.integers(0, 10**6),
)


@given(AUDIT, st.integers(-1, 12))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_no_audit_breaks_discords_limits_or_comes_alive(found: Audit, page: int) -> None:
    assert wrong(view.answer(kept(found, (1 << 62) - 1), page)) == []
    assert wrong(view.ready(Story(kept(found), kept(found)))) == []
    watch = Watch(3, found.source, found.target, NOON)
    assert wrong(view.wished(Wish(watch, (watch, replace(watch, audit=4))))) == []


def test_thousands_of_packages_are_shown_at_once() -> None:
    found = audit([package(f"p{number}", Class.BLOCKED) for number in range(10_000)])
    shown = view.answer(kept(found), 1_249)
    assert "Page 1250 of 1250" in text(shown)
    assert "**p9999** 1.0" in text(shown)
