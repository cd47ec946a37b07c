import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from bot.compat import tags
from bot.compat.model import Target
from bot.compat.tags import (
    COMPILED,
    MAX_LENGTH,
    OF_NO_USE,
    RELEVANT,
    RELEVANT_COMPILED,
    UNREADABLE,
    classify,
    parse_name,
    parse_suffix,
    parse_version,
)
from bot.compat.targets import ALL_TARGETS, PYTHONS, wheel_tags
from tests.unit.pages import judged


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        ("cp314-cp314t-win_amd64.whl", RELEVANT_COMPILED),
        ("1-cp314-cp314t-win_amd64.whl", RELEVANT_COMPILED),
        ("cp315-abi3.abi3t-musllinux_1_2_x86_64.whl", RELEVANT_COMPILED),
        ("CP314-CP314T-WIN_AMD64.whl", RELEVANT_COMPILED),
        ("py3-none-win_amd64.whl", RELEVANT_COMPILED),
        ("cp313-none-win_amd64.whl", RELEVANT_COMPILED),
        ("cp313t.cp314-cp313t.cp314-win_amd64.whl", RELEVANT_COMPILED),
        ("py3-none-any.whl", RELEVANT),
        ("py2.py3-none-any.whl", RELEVANT),
        ("cp314-cp314t-any.whl", RELEVANT),
        ("cp314-cp314-win_amd64.whl", COMPILED),
        ("cp39-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl", COMPILED),
        ("cp27-none-win32.whl", COMPILED),
        ("pp311-pypy311_pp73-win_amd64.whl", COMPILED),
        ("cp314-cp314td-win_amd64.whl", COMPILED),
        ("py2-none-any.whl", OF_NO_USE),
        ("cp39-abi3-any.whl", OF_NO_USE),
        ("", UNREADABLE),
        ("none.whl", UNREADABLE),
        ("py3-none-any", UNREADABLE),
        ("py3-none-any.zip", UNREADABLE),
        ("x-py3-none-any.whl", UNREADABLE),
        ("2.7-none-any.whl", UNREADABLE),
        ("cp313-cp313t-musllinux_1_2_x86_64-x86_64_v3.whl", UNREADABLE),
        ("1-2-py3-none-any.whl", UNREADABLE),
    ],
)
def test_endings_of_wheel_names(suffix: str, kind: int) -> None:
    assert classify(suffix) == kind
    assert classify(suffix) == kind  # from the memo


# What each interpreter takes; the files are for Windows or for all platforms.
TRUTH = [
    ("foo-1.0-cp313-cp313t-win_amd64.whl", "3.13t"),
    ("foo-1.0-cp314-cp314t-win_amd64.whl", "3.14t"),
    ("foo-1.0-cp315-cp315t-win_amd64.whl", "3.15t"),
    ("foo-1.0-cp39-abi3-win_amd64.whl", ""),
    ("foo-1.0-cp315-abi3-win_amd64.whl", ""),
    ("foo-1.0-cp315-abi3.abi3t-win_amd64.whl", "3.15t"),
    ("foo-1.0-cp315-abi3t.abi3-win_amd64.whl", "3.15t"),
    ("foo-1.0-cp315-abi3t-win_amd64.whl", "3.15t"),
    ("foo-1.0-cp316-abi3.abi3t-win_amd64.whl", ""),
    ("foo-1.0-cp314-abi3.abi3t-win_amd64.whl", "3.14t 3.15t"),
    ("foo-1.0-cp32-abi3.abi3t-win_amd64.whl", "3.13t 3.14t 3.15t"),
    ("foo-1.0-cp314.cp315-abi3t-win_amd64.whl", "3.14t 3.15t"),
    ("foo-1.0-cp315t-abi3t-win_amd64.whl", ""),
    ("foo-1.0-cp314t-cp314t-win_amd64.whl", ""),
    ("foo-1.0-py3-abi3t-win_amd64.whl", ""),
    ("foo-1.0-cp3-abi3t-win_amd64.whl", ""),
    ("foo-1.0-py3-cp314t-win_amd64.whl", ""),
    ("foo-1.0-cp314-cp314td-win_amd64.whl", ""),
    ("foo-1.0-1-cp314-cp314t-win_amd64.whl", "3.14t"),
    ("foo-1.0-cp313.cp314-cp313t.cp314t-win_amd64.whl", "3.13t 3.14t"),
    ("FOO-1.0-CP314-CP314T-win_amd64.whl", "3.14t"),
    ("foo-1.0-cp315-cp315t.cp315-win_amd64.whl", "3.15t"),
    ("foo-1.0-cp314-none-win_amd64.whl", "3.14t"),
    ("foo-1.0-py3-none-win_amd64.whl", "3.13t 3.14t 3.15t"),
    ("foo-1.0-py3-none-any.whl", "3.13t 3.14t 3.15t"),
    ("foo-1.0-py2.py3-none-any.whl", "3.13t 3.14t 3.15t"),
    ("foo-1.0-py314-none-any.whl", "3.14t 3.15t"),
    ("Foo-1.0-py3-none-any.whl", "3.13t 3.14t 3.15t"),
    ("foo-1.0-py2-none-any.whl", ""),
    ("foo-1.0-cp27-none-win32.whl", ""),
    ("foo-1.0-pp311-pypy311_pp73-win_amd64.whl", ""),
    ("foo-1.0-cp314-cp314t-win_arm64.whl", ""),
]


@pytest.mark.parametrize(("name", "takers"), TRUTH, ids=[name for name, _ in TRUTH])
def test_which_interpreters_take_a_wheel(name: str, takers: str) -> None:
    found = [python for python in PYTHONS if judged(name, python=python).newest_wheel]
    assert found == takers.split()


@pytest.mark.parametrize(
    "name",
    ["foo__bar-1.0-py3-none-any.whl", "foo_bar-1.0-2.7-none-any.whl", "foo-1.0-py3-none.whl",
     "foo-1.0-cp313-cp313t-musllinux_1_2_x86_64-x86_64_v3.whl", "foo-0.0.1_1-py2-none-any.whl",
     "foo-1.0-cp27-none-linux-x86_64.whl", "foo-3.1.0p1-py3-none-any.whl", "foo.whl"],
)  # fmt: skip
def test_names_that_the_standard_refuses(name: str) -> None:
    found = judged(name)
    assert found.newest_wheel is None
    assert found.verdict == "none"


def test_no_target_misses_a_wheel_that_was_put_aside() -> None:
    """What is dropped for good must be of no use to any target there may be."""
    for target in (*ALL_TARGETS, Target("3.14t", "win32"), Target("3.15t", "linux_armv7l")):
        for tag in wheel_tags(target):
            assert classify(f"{tag}.whl") >= RELEVANT


def test_a_bomb_of_compressed_tags_is_not_expanded() -> None:
    bomb = "-".join(".".join(f"{part}{n}" for n in range(50)) for part in ("cp", "abi", "any"))
    with pytest.raises(InvalidWheelFilename, match="125000 tags"):
        parse_suffix(f"{bomb}.whl")
    assert classify(f"{bomb}.whl") == UNREADABLE


def test_hostile_texts_are_neither_parsed_nor_remembered() -> None:
    long = "1" * (MAX_LENGTH + 1)
    assert parse_version(long) is None
    assert parse_name(long) is None
    assert classify(f"{long}-py3-none-any.whl") == UNREADABLE
    for memo in (tags._versions, tags._names, tags._suffixes):
        assert max(map(len, memo), default=0) <= MAX_LENGTH


def test_memos_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "_MEMO_SIZE", 10)
    memo: dict[int, int] = {}
    assert [tags.remember(memo, n, -n) for n in range(25)] == [-n for n in range(25)]
    assert memo == {n: -n for n in range(20, 25)}


@pytest.mark.parametrize(
    ("text", "canonical", "key", "prerelease"),
    [("1.0", "1.0", "1", False), ("1.0.0", "1.0.0", "1", False), ("v1.0", "1.0", "1", False),
     ("1.0-RC1", "1.0rc1", "1rc1", True), ("1.0.dev3", "1.0.dev3", "1.dev3", True),
     ("1!2.0+abc_1", "1!2.0+abc.1", "1!2+abc.1", False), ("1.0-1", "1.0.post1", "1.post1", False)],
)  # fmt: skip
def test_versions(text: str, canonical: str, key: str, *, prerelease: bool) -> None:
    found = parse_version(text)
    assert found is not None
    assert (found.text, found.key, found.prerelease) == (canonical, key, prerelease)
    assert parse_version(canonical) is found


@pytest.mark.parametrize("text", ["", "bad", "1.0_1.x", "1..0", "1.0 beta x", "٣"])
def test_what_is_no_version(text: str) -> None:
    assert parse_version(text) is None


numbers = st.integers(0, 12).map(str)
VERSIONS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "", "1!"]),
        st.lists(numbers, min_size=1, max_size=4).map(".".join),
        st.sampled_from(["", "", "a", "b", "rc"]).flatmap(
            lambda letter: numbers.map(lambda number: letter + number if letter else "")
        ),
        st.sampled_from(["", "", ".post0", ".post3"]),
        st.sampled_from(["", "", ".dev0", ".dev4"]),
        st.sampled_from(["", "", "+a", "+1", "+1.a", "+a.10", "+a.9", "+b"]),
    ),
)


@given(
    st.lists(st.sampled_from(["1.0", "1.0.0", "1", "1.0.post0", "1!1", "1.0a0", "1.0+x", "01.0"]))
)
def test_versions_share_a_key_exactly_if_they_are_equal(texts: list[str]) -> None:
    found = [parse_version(text) for text in texts]
    for left in found:
        for right in found:
            assert left
            assert right
            assert (left.key == right.key) is (Version(left.text) == Version(right.text))


@given(VERSIONS, VERSIONS)
@settings(max_examples=2_000)
def test_precedence_is_the_order_of_versions(one: str, other: str) -> None:
    left, right = parse_version(one), parse_version(other)
    assert left
    assert right
    assert (left.precedence < right.precedence) is (Version(one) < Version(other))
    assert (left.precedence == right.precedence) is (Version(one) == Version(other))


@given(st.text(max_size=40), st.text(max_size=60))
def test_names_are_read_as_the_standard_reads_them(name: str, suffix: str) -> None:
    expected: str | None
    try:
        expected, *_ = parse_wheel_filename(f"{name}-1.0-py3-none-any.whl")
    except InvalidWheelFilename:
        expected = None
    if "-" not in name:
        assert parse_name(name) == expected
    assert classify(suffix) in {UNREADABLE, OF_NO_USE, COMPILED, RELEVANT, RELEVANT_COMPILED}


def test_a_name_is_normalized() -> None:
    assert parse_name("Foo.Bar_baz") == canonicalize_name("foo-bar-baz")
