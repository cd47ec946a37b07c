"""What the journal's rows and the list of projects say to those who follow free-threaded wheels."""

import json
import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.announce.changes.rules import (
    adds_free_threaded,
    compare,
    normalised,
    sift,
    touches_files,
)
from bot.errors import IndexUnavailable
from bot.pypi.journal import JournalRow

NOW = 2_000_000_000.0


def row(action: str, *, name: str = "numpy", at: int = 100, serial: int = 1) -> JournalRow:
    return JournalRow(name, None, at, action, serial)


@pytest.mark.parametrize(
    "action",
    [
        "add cp314 file numpy-2.0-cp314-cp314t-win_amd64.whl",
        "add cp315 file cryptography-50.0-cp315-abi3.abi3t-win_amd64.whl",
        "add cp315 file a-1-cp315-abi3t.abi3-win_amd64.whl",
        "add cp313 file a-1-cp313.cp314-cp313t.cp314t-manylinux_2_28_x86_64.whl",
        "add cp314 file torch-2.10.0-3-cp314-cp314t-manylinux_2_28_x86_64.whl",
        "add cp314 file A-1-CP314-CP314T-WIN_AMD64.whl",
        "add py3 file a-1-cp314-cp314t-win_amd64.whl",
        "add source file a-1-cp314-cp314t-win_amd64.whl",
        "add my own tag file a-1-cp314-cp314t-win_amd64.whl",
        "add Owner file a-1-cp314-cp314t-win_amd64.whl",
        "add  file a-1-cp314-cp314t-win_amd64.whl",
        "add x file y file a-1-cp314-cp314t-win_amd64.whl",
    ],
)
def test_wheels_for_free_threaded_python(action: str) -> None:
    assert adds_free_threaded(action)
    assert touches_files(action)


@pytest.mark.parametrize(
    "action",
    [
        "add cp314t file numpy-2.0-cp314-cp314-win_amd64.whl",
        "add cp314-cp314t-win_amd64 file numpy-2.0.tar.gz",
        "add cp314 file numpy-2.0-cp314-cp314td-win_amd64.whl",
        "add cp39 file numpy-2.0-cp39-abi3-win_amd64.whl",
        "add py3 file cp314t-1.0-py3-none-any.whl",
        "add py3 file t-cp314t-1.0-py3-none-any.whl",
        "add py3 file pytest-8.0-py3-none-any.whl",
        "add cp314 file a-1-cp314-cp314t-win_amd64.whl.asc",
        "add cp314 file a-1-cp314-cp314t.whl",
        "add cp314 file -cp314t-.whl",
        "add cp314 file a-1-cp314-cp314t-linux-x86_64.whl",
        "add cp314 file a-1-x-cp314-cp314t-win_amd64.whl",
        "remove file numpy-2.0-cp314-cp314t-win_amd64.whl",
        "add cp314 file ",
        "add py3 file a-1-cp314-" + "cp314t." * 5_000 + "x-win_amd64.whl",
        "add py3 file " + "t-" * 50_000,
        "yank release",
    ],
)
def test_other_changes_of_files(action: str) -> None:
    assert not adds_free_threaded(action)
    assert touches_files(action)


@pytest.mark.parametrize(
    ("action", "touching"),
    [
        ("create", False),
        ("new release", False),
        ("add Owner publisher", False),
        ("remove Maintainer somebody", False),
        ("change Owner somebody to Maintainer", False),
        ("invite Maintainer somebody", False),
        ("revoke_invite Maintainer somebody", False),
        ("accepted Owner somebody", False),
        ("remove release", True),
        ("remove project", True),
        ("unyank release", True),
        ("project quarantined", True),
        ("project quarantine cleared", True),
        ("release quarantined", True),
        ("release quarantine cleared", True),
        ("add Ownership of something", True),
        ("an action of the years to come", True),
        ("", True),
    ],
)
def test_what_may_have_changed_files(action: str, touching: bool) -> None:
    assert touches_files(action) == touching


def test_rows_of_a_project_are_one_finding() -> None:
    found = sift(
        [
            row("create", serial=1, at=50),
            row("new release", serial=2, at=99),
            row("add cp314 file numpy-2-cp314-cp314t-win_amd64.whl", serial=3, at=105),
            row("add source file numpy-2.tar.gz", serial=4, at=100),
            row("add Owner x", serial=5, at=110, name="NumPy"),
            row("yank release", serial=6, at=120, name="other"),
            row("add Owner x", serial=7, name="third"),
        ],
        NOW,
    )
    assert found.serials == {"numpy": 5, "other": 6, "third": 7}
    assert found.since == {"numpy": 100, "other": 120}
    assert found.certain == {"numpy"}


def test_a_time_to_come_is_now() -> None:
    assert sift([row("yank release", at=9_999_999_999)], NOW).since == {"numpy": NOW}


@pytest.mark.parametrize(
    "name", ["", "-", "foo/../x", "a b", "x\n", "ü", "a" * 256, "@everyone", "a" * 10_000, "."]
)
def test_impossible_names_are_left_out(name: str) -> None:
    assert normalised(name) is None
    assert sift([row("yank release", name=name)] * 3, NOW).serials == {}


@pytest.mark.parametrize(
    ("name", "expected"), [("Foo.Bar__baz", "foo-bar-baz"), ("a", "a"), ("a-b", "a-b"), ("A", "a")]
)
def test_names_are_normalised(name: str, expected: str) -> None:
    assert normalised(name) == expected


ACTIONS = (
    "create",
    "yank release",
    "add py3 file a-1-py3-none-any.whl",
    "add cp314 file a-1-cp314-cp314t-win_amd64.whl",
    "add Owner a",
)
ROWS = st.lists(
    st.builds(
        row,
        st.sampled_from(ACTIONS),
        name=st.sampled_from(("a", "A", "b.c", "B-c")),
        at=st.integers(0, 10),
        serial=st.integers(1, 50),
    ),
    max_size=12,
)


@given(ROWS, st.randoms())
def test_order_and_repetition_do_not_matter(rows: list[JournalRow], chance: random.Random) -> None:
    shuffled = rows + chance.sample(rows, len(rows) // 2)
    chance.shuffle(shuffled)
    assert sift(shuffled, NOW) == sift(rows, NOW)


@given(ROWS)
def test_what_may_be_news_has_changed(rows: list[JournalRow]) -> None:
    found = sift(rows, NOW)
    assert set(found.certain) <= found.since.keys() <= found.serials.keys()


def listing(*projects: tuple[str, int | None]) -> bytes:
    entries = [{"name": name, "_last-serial": serial} for name, serial in projects]
    return json.dumps({"meta": {"api-version": "1.4"}, "projects": entries}).encode()


class TestList:
    def test_what_changed_since(self) -> None:
        found = compare(
            listing(("a", 5), ("B.c", 9), ("b_C", 8), ("d", 6), ("E e", 9), ("f", None)), 12, 6
        )
        assert found.serial == 12
        assert found.changed == {"b-c": 9}

    def test_its_state_is_that_of_its_newest_project_if_the_index_does_not_say(self) -> None:
        assert compare(listing(("a", 5), ("b", 9), ("c", 7)), None, 0).serial == 9

    def test_what_vanished(self) -> None:
        expected = {"a", "b-c", "d", "e"}
        found = compare(listing(("a", 5), ("B.c", 5), ("D", 9)), 9, 6, expected)
        assert found.vanished == {"e"}
        assert found.changed == {"d": 9}

    @pytest.mark.parametrize(
        "document",
        [listing(), listing(("a", None)), listing(("a", 0)), b"", b"<html>", b"[]"],
    )
    def test_a_list_that_tells_nothing(self, document: bytes) -> None:
        with pytest.raises(IndexUnavailable):
            compare(document, 5, 1, {"numpy"})
        with pytest.raises(IndexUnavailable):
            compare(document, None, 1)

    def test_a_new_index_lists_nothing_yet(self) -> None:
        assert compare(listing(), 5, 5).serial == 5

    @given(
        st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 20), min_size=1),
        st.integers(0, 20),
        st.sets(st.sampled_from("abcdefghij")),
    )
    def test_every_project_is_told_apart(
        self, projects: dict[str, int], position: int, expected: Iterable[str]
    ) -> None:
        found = compare(listing(*projects.items()), None, position, frozenset(expected))
        assert found.changed == {n: s for n, s in projects.items() if s > position}
        assert found.vanished == set(expected) - projects.keys()
