import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import default_environment

from bot.audit.environment import MAX_DEPTH, applies, environment
from bot.compat.model import Target
from bot.compat.targets import ALL_TARGETS, INTERPRETERS
from bot.errors import UserError

LINUX = Target("3.14t", "linux-x86_64")
WINDOWS = Target("3.13t", "windows-arm64")

# A platform: os_name, sys_platform, platform_system, platform_machine.
SYSTEMS = {
    "linux-aarch64": ("posix", "linux", "Linux", "aarch64"),
    "musl-x86_64": ("posix", "linux", "Linux", "x86_64"),
    "macos-arm64": ("posix", "darwin", "Darwin", "arm64"),
    "macos-x86_64": ("posix", "darwin", "Darwin", "x86_64"),
    "windows-amd64": ("nt", "win32", "Windows", "AMD64"),
    "windows-arm64": ("nt", "win32", "Windows", "ARM64"),
    "manylinux_2_39_x86_64": ("posix", "linux", "Linux", "x86_64"),
    "manylinux2014_aarch64": ("posix", "linux", "Linux", "aarch64"),
    "manylinux1_i686": ("posix", "linux", "Linux", "i686"),
    "musllinux_1_1_ppc64le": ("posix", "linux", "Linux", "ppc64le"),
    "linux_armv7l": ("posix", "linux", "Linux", "armv7l"),
    "macosx_11_0_arm64": ("posix", "darwin", "Darwin", "arm64"),
    "win32": ("nt", "win32", "Windows", "x86"),
    "win_amd64": ("nt", "win32", "Windows", "AMD64"),
    "ios_13_0_arm64_iphoneos": ("posix", "ios", "iOS", "arm64"),
    "android_24_arm64_v8a": ("posix", "android", "Android", "aarch64"),
}


@pytest.mark.parametrize("platform", SYSTEMS)
def test_the_variables_of_a_platform(platform: str) -> None:
    found = environment(Target("3.14t", platform))
    shown = ("os_name", "sys_platform", "platform_system", "platform_machine")
    assert tuple(found[name] for name in shown) == SYSTEMS[platform]


def test_the_variables_are_those_that_packaging_asks_the_running_python_for() -> None:
    known = environment(LINUX)
    assert known.keys() == default_environment().keys()
    assert known["python_version"] == "3.14"
    assert known["python_full_version"].startswith("3.14.")


@pytest.mark.skipif(
    sys.platform != "linux"
    or f"{sys.version_info[0]}.{sys.version_info[1]}t" not in {each.name for each in INTERPRETERS},
    reason="runs on one of the interpreters that verdicts are given for, on Linux",
)
def test_they_are_what_the_running_python_says_of_itself() -> None:
    running: dict[str, str] = {**default_environment()}  # type: ignore[dict-item] # a TypedDict of texts
    python = f"{sys.version_info[0]}.{sys.version_info[1]}t"
    known = environment(Target(python, f"linux-{running['platform_machine']}"))
    micro = {"implementation_version", "python_full_version"}
    unknown = {"platform_release", "platform_version"}
    same = known.keys() - micro - unknown
    assert {name: known[name] for name in same} == {name: running[name] for name in same}


MARKERS = [
    ("", LINUX, (), True),
    ("sys_platform == 'win32'", LINUX, (), False),
    ("sys_platform == 'win32'", WINDOWS, (), True),
    ("python_version < '3.14'", LINUX, (), False),
    ("python_version < '3.14'", WINDOWS, (), True),
    ("python_full_version >= '3.14.1'", LINUX, (), True),
    ("python_version in '3.13 3.14'", LINUX, (), True),
    ("platform_machine == 'ARM64' and os_name == 'nt'", WINDOWS, (), True),
    ("implementation_name == 'pypy' or platform_python_implementation == 'PyPy'", LINUX, (), False),
    ("extra == 'fast'", LINUX, (), False),
    ("extra == 'fast'", LINUX, ("fast", "docs"), True),
    ("extra == 'fast' and sys_platform == 'linux'", LINUX, ("docs",), False),
    ("extra == 'Fast_Path'", LINUX, ("fast-path",), True),
    ("platform_release >= '5'", LINUX, (), None),
    ("sys_platform == 'linux' or platform_version >= '5'", LINUX, (), None),
    ("colour == 'red'", LINUX, (), None),
    ("os_name", LINUX, (), None),
    ("python_version ~ '3'", LINUX, (), None),
    ("(" * MAX_DEPTH + "os_name == 'nt'" + ")" * MAX_DEPTH, LINUX, (), False),
    ("(" * 5_000 + "os_name == 'nt'" + ")" * 5_000, LINUX, (), None),
    ("os_name == 'nt' or " * 5_000 + "os_name == 'nt'", LINUX, (), None),
]


@pytest.mark.parametrize(("marker", "target", "extras", "expected"), MARKERS)
def test_markers(
    marker: str, target: Target, extras: tuple[str, ...], expected: bool | None
) -> None:
    assert applies(marker, target, extras) is expected


def test_a_tag_that_tells_no_system() -> None:
    with pytest.raises(UserError, match="says too little"):
        environment(Target("3.14t", "plan9"))


@given(
    marker=st.text()
    | st.lists(
        st.sampled_from(
            [
                "os_name",
                "extra",
                "python_version",
                "==",
                "<",
                "in",
                "'3.14'",
                "'nt'",
                "and",
                "(",
                ")",
            ]
        )
    ).map(" ".join),
    target=st.sampled_from(ALL_TARGETS),
)
def test_no_marker_raises(marker: str, target: Target) -> None:
    assert applies(marker, target, ("a",)) in {True, False, None}
