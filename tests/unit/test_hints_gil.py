"""What is chosen to check a report that the GIL comes back, and what is said of it. Made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reports.hints.gil import Taken, checked, taken
from bot.reports.model import DECLARED, Fact, Facts, Kind, Reading, Signature
from bot.xray.model import Module, ModuleVerdict, WheelReading, together
from tests.unit.pages import condensed

LINUX, ARM, MAC = "manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "macosx_11_0_arm64"
ON, OFF = ModuleVerdict.RE_ENABLES, ModuleVerdict.KEEPS_OFF


def reading(*modules: str, **facts: str) -> Reading:
    found = Facts(**{name: Fact(value, value) for name, value in facts.items()})
    return Reading(Kind.GIL_REENABLED, 0.9, found, signature=Signature(modules))


def wheel(version: str, platform: str = LINUX, tag: str = "cp314-cp314t") -> str:
    return f"foo-{version}-{tag}-{platform}.whl"


def chosen(about: Reading, *files: str) -> Taken | None:
    return taken(about, condensed(*files), "active")


FILES = (wheel("2.0"), wheel("2.0", MAC), wheel("1.0"), wheel("1.0", ARM), "foo-0.9.tar.gz")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, Taken(wheel("2.0"), "2.0", "linux-x86_64", installed=False)),
        ({"os": "macos"}, Taken(wheel("2.0", MAC), "2.0", "macos-arm64", installed=False)),
        ({"os": "windows"}, None),
        ({"version": "1.0", "os": "linux"}, Taken(wheel("1.0"), "1.0", "linux-x86_64")),
        ({"version": "1.0.0"}, Taken(wheel("1.0"), "1.0", "linux-x86_64")),
        (
            {"version": "1.0", "os": "linux", "architecture": "aarch64"},
            Taken(wheel("1.0", ARM), "1.0", "linux-aarch64"),
        ),
        # Built from its source, or never released: what pip takes now is the next best.
        ({"version": "0.9"}, Taken(wheel("2.0"), "2.0", "linux-x86_64", installed=False)),
        ({"version": "3.0"}, Taken(wheel("2.0"), "2.0", "linux-x86_64", installed=False)),
        ({"version": "1" * 300}, Taken(wheel("2.0"), "2.0", "linux-x86_64", installed=False)),
        ({"wheel": wheel("1.0", ARM)}, Taken(wheel("1.0", ARM), "1.0", "", named=True)),
        # Nobody is sent to look for files that are not there.
        ({"wheel": wheel("7.0")}, Taken(wheel("2.0"), "2.0", "linux-x86_64", installed=False)),
        (
            {"wheel": "bar-1.0-cp314-cp314t-win_amd64.whl", "version": "1.0"},
            Taken(wheel("1.0"), "1.0", "linux-x86_64"),
        ),
    ],
)
def test_which_wheel_it_is(facts: dict[str, str], expected: Taken | None) -> None:
    assert chosen(reading(**facts), *FILES) == expected


def test_a_yanked_version_that_was_installed_is_looked_at() -> None:
    files = wheel("2.0"), f"!{wheel('1.0')}"
    assert chosen(reading(version="1.0"), *files) == Taken(wheel("1.0"), "1.0", "linux-x86_64")


@pytest.mark.parametrize("file", ["foo-1.0.tar.gz", "foo-1.0-py3-none-any.whl"])
def test_what_has_no_modules_is_not_looked_at(file: str) -> None:
    assert chosen(reading(), file) is None
    assert chosen(reading(wheel=file, version="1.0"), file) is None


@given(st.text(max_size=400), st.text(max_size=400))
def test_no_text_breaks_it(name: str, version: str) -> None:
    found = chosen(reading(wheel=name, version=version), *FILES)
    assert found is not None
    assert found.file in FILES


HERE = Taken("foo-1.0-cp314-cp314t-win_amd64.whl", "1.0", "windows-amd64")
WHERE = "the wheel of Foo 1.0 for Windows"


def read(*verdicts: ModuleVerdict) -> WheelReading:
    modules = tuple(
        Module(f"foo._{place}", f"foo/_{place}.pyd", verdict, f"seen {place}")
        for place, verdict in enumerate(verdicts)
    )
    return WheelReading(HERE.file, together(verdicts), modules)


@pytest.mark.parametrize(
    ("verdicts", "code", "said"),
    [
        ([ON], "re-enables", "its only module turns the GIL on, foo._0."),
        ([OFF, ON, OFF], "re-enables", "1 of 3 modules turns the GIL on, foo._1."),
        ([OFF, ON, ON], "re-enables", "2 of 3 modules turn the GIL on, among them foo._1."),
        (
            [OFF],
            "keeps-off",
            (
                "all its modules declare that they keep the GIL off."
                " Another package may be the one that turns it on."
            ),
        ),
        (
            [],
            "keeps-off",
            "it has no modules that could turn the GIL on. Another package may be the one.",
        ),
        (
            [OFF, ModuleVerdict.LIKELY_KEEPS_OFF],
            "likely-keeps-off",
            (
                "by their machine code, its modules likely keep the GIL off."
                " Another package may be the one that turns it on."
            ),
        ),
        (
            [ModuleVerdict.DELEGATED],
            "delegated",
            "another package, such as cffi, decides whether it keeps the GIL off.",
        ),
        ([ModuleVerdict.UNKNOWN], "unknown", "it does not show whether it keeps the GIL off."),
    ],
)
def test_what_is_said(verdicts: list[ModuleVerdict], code: str, said: str) -> None:
    hint = checked(reading(), "Foo", HERE, read(*verdicts))
    assert hint.code == f"{DECLARED}{code}"
    assert hint.text == f"ftbot read {WHERE}: {said}"
    assert hint.evidence[0] == HERE.file


def test_the_module_that_the_report_names_comes_first() -> None:
    hint = checked(reading("other", "foo._2"), "Foo", HERE, read(ON, ON, ON, OFF))
    assert hint.text.endswith("3 of 4 modules turn the GIL on, among them foo._2.")
    assert hint.evidence == (HERE.file, "foo._2: seen 2", "foo._0: seen 0", "foo._1: seen 1")


@pytest.mark.parametrize(
    ("wheel", "said"),
    [
        (HERE, WHERE),
        (Taken(HERE.file, "1.0", "", named=True), HERE.file),
        (
            Taken(HERE.file, "1.0", "windows-amd64", installed=False),
            f"{WHERE}, which pip takes now",
        ),
    ],
)
def test_which_wheel_it_was_is_said(wheel: Taken, said: str) -> None:
    assert checked(reading(), "Foo", wheel, read(ON)).text.startswith(f"ftbot read {said}: its ")


def test_evidence_is_not_without_end() -> None:
    assert len(checked(reading(), "Foo", HERE, read(*[ON] * 500)).evidence) == 5
