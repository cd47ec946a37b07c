import re
from datetime import UTC, datetime
from typing import Any

import pytest
from discord import ui
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.announce.model import Content, Held, News, Novelty, Topic, Wheel
from bot.compat.targets import PLATFORMS, PYTHONS
from bot.ui import announce
from bot.xray.model import ModuleVerdict
from tests.ui.reading import alive, message, parts, problems, text

BUTTON, SELECT = 2, 3
SITE = "https://index.example"
AT = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp())


def everywhere(*pythons: str) -> tuple[Held, ...]:
    return tuple(Held(python, platform) for python in pythons for platform in PLATFORMS)


GAIN = Content(
    project="demo",
    name="Demo",
    version="2.0",
    topic=Topic.GAIN,
    novelty=Novelty.FIRST,
    held=everywhere("3.14t"),
    new=everywhere("3.14t"),
    uploaded="2026-11-22T12:00:00Z",
    rank=12,
    wheels=8,
    upstream_issue="https://issues.example/demo/1",
)
LOSS = replace(
    GAIN,
    topic=Topic.LOSS,
    novelty=Novelty.NOTHING,
    new=(),
    lost=everywhere("3.13t"),
    before="1.9",
)


WHEEL = Wheel(
    "demo-2.0-cp314-cp314t-manylinux_2_28_x86_64.whl",
    "3.14t",
    "linux-x86_64",
    ModuleVerdict.RE_ENABLES,
    11,
    3,
    ("demo.a", "demo.b"),
)
READ = "3.14t Linux x86-64"
CAVEAT = "A declaration is its author's word, not a proof of thread safety."


def shown(*contents: Content, role: int | None = None, personal: bool = False) -> ui.LayoutView:
    news = [News(number, 1, content) for number, content in enumerate(contents, 1)]
    return announce.message(news, role=role, parcel=7, site=SITE, personal=personal)


def pressable(view: ui.LayoutView, kind: int = BUTTON) -> list[str]:
    return [each["custom_id"] for each in parts(view, kind) if "custom_id" in each]


def test_a_gain_at_a_glance() -> None:
    view = shown(GAIN)
    assert text(view).splitlines() == [
        "## Demo 2.0",
        "**🆕 Its first free-threaded wheels**",
        "**3.14t** everywhere",
        f"-# 8 free-threaded wheels · uploaded <t:{AT}:R> · rank 12 by downloads",
    ]
    assert [(each["label"], each.get("url")) for each in parts(view, BUTTON)] == [
        ("Check", None),
        ("Watch", None),
        ("Project page", "https://index.example/project/demo/"),
        ("Free-threading issue", "https://issues.example/demo/1"),
    ]
    assert pressable(view) == ["1look:7:demo", "1watch:7:demo"]
    assert problems(view) == []


@pytest.mark.parametrize(
    ("wheel", "line", "colour"),
    [
        (
            WHEEL,
            "⚠️ 3.14t Linux x86-64: 3 of 11 modules turn the GIL on: `demo.a`, `demo.b`, …",
            announce.AMBER,
        ),
        (
            replace(WHEEL, modules=1, turning_on=1, names=("demo",)),
            "⚠️ 3.14t Linux x86-64: its only module turns the GIL on: `demo`",
            announce.AMBER,
        ),
        (
            replace(WHEEL, verdict=ModuleVerdict.KEEPS_OFF, turning_on=0, names=()),
            "🔓 3.14t Linux x86-64: keeps the GIL off (11 of 11 modules declare it)",
            announce.GREEN,
        ),
        (
            replace(WHEEL, verdict=ModuleVerdict.UNKNOWN, turning_on=0, names=()),
            f"❔ {READ}: not known whether it keeps the GIL off: the file does not show it",
            announce.GREEN,
        ),
        (
            replace(WHEEL, verdict=ModuleVerdict.DELEGATED, turning_on=0, names=()),
            f"↪️ {READ}: another package, such as cffi, decides whether the GIL stays off",
            announce.GREEN,
        ),
    ],
)
def test_what_a_wheel_declares(wheel: Wheel, line: str, colour: int) -> None:
    view = shown(replace(GAIN, wheel=wheel))
    lines = text(view).splitlines()
    assert lines[2:4] == ["**3.14t** everywhere", line]
    assert lines[4].startswith(f"-# {CAVEAT}")
    assert ("Not known is neither" in lines[4]) is (wheel.verdict is ModuleVerdict.UNKNOWN)
    assert message(view)["components"][0]["accent_color"] == colour
    assert problems(view) == []


def test_what_nobody_has_read_is_not_spoken_of() -> None:
    unread = Wheel(WHEEL.file, WHEEL.python, WHEEL.platform)
    assert text(shown(replace(GAIN, wheel=unread))) == text(shown(GAIN))
    gone = replace(GAIN, wheel=WHEEL, withdrawn="yanked")
    assert text(shown(gone)) == text(shown(replace(gone, wheel=None)))
    assert message(shown(gone))["components"][0]["accent_color"] == announce.GREY


def test_a_digest_names_what_turns_the_gil_on() -> None:
    off = replace(WHEEL, verdict=ModuleVerdict.KEEPS_OFF, turning_on=0, names=())
    view = shown(replace(GAIN, wheel=WHEEL), replace(GAIN, version="2.1", wheel=off))
    assert text(view).splitlines()[2:] == [
        "- **Demo 2.0** 3.14t everywhere. ⚠️ 3 of 11 modules turn the GIL on: `demo.a`, `demo.b`, …",
        "- **Demo 2.1** 3.14t everywhere",
        f"-# {CAVEAT} Which modules an `import` loads is another question.",
    ]
    assert message(view)["components"][0]["accent_color"] == announce.GREEN
    both = shown(replace(GAIN, wheel=WHEEL), replace(GAIN, version="2.1", wheel=WHEEL))
    assert message(both)["components"][0]["accent_color"] == announce.AMBER


def test_what_is_new_stands_before_what_is_there_too() -> None:
    new = (*everywhere("3.15t"), Held("3.14t", "windows-arm64"))
    content = replace(GAIN, novelty=Novelty.PYTHON, held=everywhere("3.14t", "3.15t"), new=new)
    assert text(shown(content)).splitlines()[1:5] == [
        "**🆕 Its first wheels for 3.15t**",
        "**3.14t** Windows ARM64",
        "**3.15t** everywhere",
        "-# Also: 3.14t Linux, musl Linux, macOS, Windows x64",
    ]


@pytest.mark.parametrize(
    ("held", "line"),
    [
        ([Held("3.15t", "linux-x86_64", abi3t=True)], "**3.15t** abi3t: Linux x86-64"),
        (
            [Held("3.15t", "linux-x86_64"), Held("3.15t", "macos-arm64", abi3t=True)],
            "**3.15t** Linux x86-64 · abi3t: macOS ARM64",
        ),
        ([Held("3.15t", name, abi3t=True) for name in PLATFORMS], "**3.15t** abi3t: everywhere"),
        ([Held("3.14t", "win32"), *everywhere("3.14t")], "**3.14t** everywhere, `win32`"),
        ([Held("3.14t", "win32")], "**3.14t** `win32`"),
    ],
)
def test_platforms(held: list[Held], line: str) -> None:
    content = replace(GAIN, novelty=Novelty.NOTHING, held=tuple(held), new=())
    assert text(shown(content)).splitlines()[2] == line


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"novelty": Novelty.PLATFORM}, "🆕 Free-threaded wheels for more platforms"),
        ({"novelty": Novelty.NOTHING, "new": ()}, "Has free-threaded wheels"),
        ({"prerelease": True}, "## Demo 2.0 (pre-release)"),
        ({"wheels": 1}, "1 free-threaded wheel ·"),
        (
            {"topic": Topic.WITHDRAWAL, "withdrawn": "yanked"},
            "## Demo 2.0\n**Withdrawn: yanked**\n-#",
        ),
        ({"topic": Topic.WITHDRAWAL}, "**Was withdrawn, and can be installed again**"),
    ],
)
def test_what_is_said(changes: dict[str, Any], said: str) -> None:
    view = shown(replace(GAIN, **changes))
    assert said in text(view)
    assert problems(view) == []


def test_a_loss_is_told_without_blame() -> None:
    assert text(shown(LOSS)).splitlines() == [
        "## Demo 2.0",
        "**No free-threaded wheels for 3.13t any more**",
        "**3.13t** everywhere",
        "-# Still there: 3.14t everywhere",
        f"-# 1.9 had them · 8 free-threaded wheels · uploaded <t:{AT}:R> · rank 12 by downloads",
    ]


@pytest.mark.parametrize(
    ("content", "reason", "said"),
    [
        (GAIN, "yanked", "**Withdrawn: yanked**\n🆕 Its first"),
        (LOSS, "the wheels came later", "**No longer so: the wheels came later**\nNo free"),
    ],
)
def test_what_is_no_longer_so_is_struck_through(content: Content, reason: str, said: str) -> None:
    view = shown(replace(content, withdrawn=reason))
    assert text(view).startswith("## ~~Demo 2.0~~\n" + said)
    assert message(view)["components"][0]["accent_color"] == announce.GREY


def test_facts_that_are_missing_are_not_spoken_of() -> None:
    bare = Content("demo", "Demo", "2.0", Topic.GAIN)
    view = announce.message([News(1, 1, bare)], role=None, parcel=7)
    assert text(view) == "## Demo 2.0\n**Has free-threaded wheels**"
    assert [each["label"] for each in parts(view, BUTTON)] == ["Check", "Watch"]


def test_the_role_alone_is_mentioned() -> None:
    content = replace(GAIN, name="<@&99> @everyone", version="<@1>")
    view = shown(content, role=42)
    assert text(view).splitlines()[0] == "<@&42>"
    assert alive(text(view).removeprefix("<@&42>")) == []


def test_a_direct_message_offers_to_stop() -> None:
    assert pressable(shown(GAIN, personal=True)) == ["1look:7:demo", "1unwatch:7:demo"]
    many = shown(GAIN, replace(GAIN, project="other"), personal=True)
    assert pressable(many, SELECT) == ["1look:7:", "1unwatch:7:"]


def test_a_name_too_long_for_a_button_leaves_the_parcel() -> None:
    view = shown(replace(GAIN, project="x" * 188))
    assert pressable(view) == ["1watch:7:"]
    assert problems(view) == []


def test_a_digest_in_groups_by_rank() -> None:
    contents = [
        replace(LOSS, project="lost", name="lost"),
        replace(GAIN, project="late", name="late", rank=None),
        replace(GAIN, project="plain", name="plain", novelty=Novelty.NOTHING, new=()),
        replace(GAIN, project="early", name="early", rank=3, prerelease=True),
        replace(GAIN, project="gone", name="gone", withdrawn="yanked"),
        replace(GAIN, project="out", name="out", topic=Topic.WITHDRAWAL, withdrawn="removed"),
    ]
    view = shown(*contents)
    assert text(view).splitlines() == [
        "## 6 pieces of news about free-threaded wheels",
        "### First free-threaded wheels",
        "- **early 2.0** (pre-release) 3.14t everywhere",
        "- ~~gone 2.0~~ Withdrawn: yanked",
        "- **late 2.0** 3.14t everywhere",
        "### Releases with free-threaded wheels",
        "- **plain 2.0** 3.14t everywhere",
        "### No wheels any more",
        "- **lost 2.0** none for 3.13t",
        "### Withdrawn",
        "- ~~out 2.0~~ Withdrawn: removed",
    ]
    selects = parts(view, SELECT)
    assert [each["custom_id"] for each in selects] == ["1look:7:", "1watch:7:"]
    assert {option["value"] for option in selects[0]["options"]} == {
        each.project for each in contents
    }
    assert problems(view) == []


def test_one_project_in_a_digest_has_buttons() -> None:
    view = shown(GAIN, replace(GAIN, version="2.1"))
    assert pressable(view) == ["1look:7:demo", "1watch:7:demo"]


def test_a_long_digest_is_cut_at_a_line_and_counts_the_rest() -> None:
    contents = [replace(GAIN, project=f"p-{n}", name=f"p-{n}", rank=n) for n in range(1, 501)]
    view = shown(*contents, role=10**18)
    *_, last, rest = text(view).splitlines()
    listed = text(view).count("\n- ")
    assert last == f"- **p-{listed} 2.0** 3.14t everywhere"
    assert rest.startswith(f"-# … and {500 - listed} more.")
    assert listed > 50
    assert problems_beside_the_role(view, 10**18) == []


def test_175_wheels_fit() -> None:
    held = tuple(
        Held(python, f"manylinux_2_{number}_{'x' * 40}", abi3t=number % 2 == 0)
        for python in PYTHONS
        for number in range(58)
    )
    view = shown(replace(GAIN, held=held, new=held[:100], wheels=175))
    assert problems(view) == []
    assert "175 free-threaded wheels" in text(view)
    assert "more" in text(view)


def test_an_example_is_real_or_says_that_it_is_made_up() -> None:
    real = announce.preview(News(1, 1, GAIN), SITE)
    assert "## Demo 2.0" in text(real)
    assert [each["label"] for each in parts(real, BUTTON)][:2] == ["Check", "Watch"]
    made_up = announce.preview(None, SITE)
    assert "this example is made up" in text(made_up)
    assert parts(made_up, BUTTON) == []
    assert problems(real) == problems(made_up) == []


def problems_beside_the_role(view: ui.LayoutView, role: int | None) -> list[str]:
    mention = f"<@&{role}>"
    found = problems(view)
    if role is None:
        return found
    assert text(view).startswith(mention)
    found.remove("<")
    return found


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "@everyone",
            "<@123456789012345678>",
            "<@&123456789012345678>",
            "[click](https://evil.example)",
            "https://evil.example/" + "a" * 600,
            "`" * 10,
            "~~**" * 200,
            "x" * 10_000,
            "-" * 100,
            "\u202e\u200b\x00\n\n# big",
            "🦀" * 3_000,
            "",
        ]
    ),
)
HELD = st.lists(
    st.builds(
        Held,
        python=st.sampled_from([*PYTHONS, "3.16t"]) | HOSTILE,
        platform=st.sampled_from(PLATFORMS) | HOSTILE,
        abi3t=st.booleans(),
    ),
    max_size=40,
).map(tuple)
CONTENT = st.builds(
    Content,
    project=HOSTILE,
    name=HOSTILE,
    version=HOSTILE,
    topic=st.sampled_from(Topic),
    novelty=st.sampled_from(Novelty),
    held=HELD,
    new=HELD,
    lost=HELD,
    before=st.none() | HOSTILE,
    uploaded=st.none() | HOSTILE,
    prerelease=st.booleans(),
    rank=st.none() | st.integers(1, 10**6),
    wheels=st.integers(0, 10**6),
    withdrawn=st.none() | HOSTILE,
    upstream_issue=st.none() | HOSTILE,
    wheel=st.none()
    | st.builds(
        Wheel,
        file=HOSTILE,
        python=HOSTILE,
        platform=st.sampled_from(PLATFORMS) | HOSTILE,
        verdict=st.none() | st.sampled_from(ModuleVerdict),
        modules=st.integers(0, 10**6),
        turning_on=st.integers(0, 10**6),
        names=st.lists(HOSTILE, max_size=3).map(tuple),
    ),
)


@given(
    st.lists(CONTENT, min_size=1, max_size=6),
    st.none() | st.integers(1, 2**63 - 1),
    st.integers(0, 2**63 - 1),
    st.booleans(),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_message_breaks_discords_limits_or_comes_alive(
    contents: list[Content],
    role: int | None,
    parcel: int,
    personal: bool,
) -> None:
    news = [News(number, 1, content) for number, content in enumerate(contents)]
    view = announce.message(news, role=role, parcel=parcel, site=SITE, personal=personal)
    assert problems_beside_the_role(view, role) == []
    ids = [
        each["custom_id"]
        for kind in (BUTTON, SELECT)
        for each in parts(view, kind)
        if "custom_id" in each
    ]
    assert ids
    assert all(re.match(rf"1\w+:{parcel}:", custom_id) for custom_id in ids)
