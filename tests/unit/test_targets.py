import pytest
from packaging.tags import Tag, mac_platforms

from bot.compat.model import Target
from bot.compat.targets import (
    ALL_TARGETS,
    INTERPRETERS,
    PLATFORMS,
    PYTHONS,
    interpreter,
    parse_platform,
    parse_python,
    wheel_tags,
)
from bot.errors import UserError


def platforms(platform: str, python: str = "3.14t") -> list[str]:
    """The platform tags of version-specific wheels, best first."""
    name = f"cp{python[:-1].replace('.', '')}"
    found = wheel_tags(Target(python, platform))
    return [tag.platform for tag in found if (tag.interpreter, tag.abi) == (name, f"{name}t")]


def test_every_interpreter_is_crossed_with_every_platform() -> None:
    assert PYTHONS == ("3.13t", "3.14t", "3.15t")
    assert len(PLATFORMS) == 8
    assert len(set(ALL_TARGETS)) == len(ALL_TARGETS) == 24


@pytest.mark.parametrize(
    ("text", "name"),
    [("3.14t", "3.14t"), ("3.14", "3.14t"), (" 3.13T ", "3.13t"), ("cp315t", "3.15t"),
     ("python3.14t", "3.14t"), ("314", "3.14t"), ("cp313", "3.13t")],
)  # fmt: skip
def test_reads_interpreters_as_people_write_them(text: str, name: str) -> None:
    assert parse_python(text) == name


@pytest.mark.parametrize(
    "text",
    ["", "3.12t", "3.9", "2.7", "3.99t", "3.14td", "pypy3.11", "3.14t\0", "٣.١٤", "3" * 9_999],
)
def test_refuses_other_interpreters_in_one_short_sentence(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_python(text)
    assert "3.13t, 3.14t, 3.15t" in caught.value.hint
    assert len(caught.value.text) < 200


@pytest.mark.parametrize(
    "text",
    [*PLATFORMS, "manylinux_2_39_x86_64", "manylinux2014_aarch64", "manylinux1_i686", "win32",
     "musllinux_1_1_armv7l", "macosx_11_0_arm64", "linux_riscv64", "ios_13_0_arm64_iphoneos",
     "android_24_arm64_v8a", "pyemscripten_2026_0_wasm32"],
)  # fmt: skip
def test_reads_names_and_raw_tags_of_platforms(text: str) -> None:
    assert parse_platform(f" {text.upper()} ") == text
    tags = wheel_tags(Target("3.14t", text))
    assert Tag("py3", "none", "any") in tags
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize(
    "text",
    ["", "linux", "any", "beos", "manylinux_3_1_x86_64", "manylinux_2_x_x86_64", "macosx_11_0_ppc",
     "manylinux_2_999_x86_64", "manylinux_2_28_" + "x" * 99, "win_amd64;rm -rf", "win_amd64\n."],
)  # fmt: skip
def test_refuses_what_is_no_platform_in_one_short_sentence(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_platform(text)
    assert "linux-x86_64" in caught.value.hint
    assert len(caught.value.text) < 200


def test_an_unknown_target_is_refused_before_tags_are_made() -> None:
    with pytest.raises(UserError):
        wheel_tags(Target("3.14t", "beos"))
    with pytest.raises(UserError):
        wheel_tags(Target("3.12t", "win_amd64"))


def test_glibc_takes_its_own_and_older_builds_by_both_kinds_of_name() -> None:
    found = platforms("linux-x86_64")
    assert found[:2] == ["manylinux_2_28_x86_64", "manylinux_2_27_x86_64"]
    place = found.index("manylinux_2_17_x86_64")
    assert found[place + 1] == "manylinux2014_x86_64"
    assert found[-2:] == ["manylinux_2_5_x86_64", "manylinux1_x86_64"]
    assert "manylinux_2_29_x86_64" not in found


def test_arm_has_no_glibc_before_2_17() -> None:
    assert platforms("linux-aarch64")[-2:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]


@pytest.mark.parametrize(
    ("platform", "newest", "length"),
    [("manylinux_2_39_x86_64", "manylinux_2_39_x86_64", 38), ("win32", "win32", 1),
     ("manylinux2014_x86_64", "manylinux_2_17_x86_64", 16), ("win_arm64", "win_arm64", 1),
     ("musllinux_1_1_x86_64", "musllinux_1_1_x86_64", 2), ("linux_armv7l", "linux_armv7l", 1),
     ("musl-aarch64", "musllinux_1_2_aarch64", 3),
     ("manylinux_2_3_x86_64", "manylinux_2_3_x86_64", 1)],
)  # fmt: skip
def test_a_tag_stands_for_itself_and_the_older_ones(
    platform: str, newest: str, length: int
) -> None:
    found = platforms(platform)
    assert found[0] == newest
    assert len(found) == length


def test_macos_takes_universal_builds_and_only_older_systems() -> None:
    found = platforms("macos-arm64")
    assert found == list(mac_platforms((15, 0), "arm64"))
    assert {"macosx_11_0_arm64", "macosx_10_9_universal2", "macosx_15_0_universal2"} <= set(found)
    assert not {"macosx_26_0_arm64", "macosx_11_0_x86_64"} & set(found)
    assert "macosx_12_0_arm64" not in platforms("macosx_11_0_arm64")
    assert {"macosx_10_9_x86_64", "macosx_10_9_intel"} <= set(platforms("macos-x86_64"))


@pytest.mark.parametrize("target", ALL_TARGETS, ids=lambda each: f"{each.python}-{each.platform}")
def test_no_free_threaded_build_takes_the_stable_abi_of_the_gil(target: Target) -> None:
    minor = interpreter(target.python).minor[1]
    abis = {tag.abi for tag in wheel_tags(target)}
    assert abis == {f"cp3{minor}t", "abi3t", "none"}


def test_tags_come_in_the_order_of_preference() -> None:
    tags = [str(tag) for tag in wheel_tags(Target("3.15t", "windows-amd64"))]
    order = [
        "cp315-cp315t-win_amd64", "cp315-abi3t-win_amd64", "cp315-none-win_amd64",
        "cp314-abi3t-win_amd64", "py3-none-win_amd64", "cp315-none-any", "py3-none-any",
    ]  # fmt: skip
    places = [tags.index(each) for each in order]
    assert places == sorted(places)


@pytest.mark.parametrize("python", PYTHONS)
def test_requires_python_is_held_against_a_release_of_that_python(python: str) -> None:
    found = interpreter(python)
    assert found in INTERPRETERS
    assert f"{found.minor[0]}.{found.minor[1]}t" == python
    assert not found.version.is_prerelease
