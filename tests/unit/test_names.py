import functools
import json
import random
import string
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from bot.errors import ServiceError
from bot.index import names
from bot.index.names import (
    MAX_RANKED,
    NameTable,
    Ranking,
    normalise,
    parse_top_packages,
    shipped_names,
    shipped_ranking,
)

untimed = settings(deadline=None)
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"


@functools.cache
def shipped() -> NameTable:
    return shipped_names()


def typing_error(name: str, chance: random.Random) -> str:
    """One insertion, deletion, substitution or transposition."""
    at = chance.randrange(len(name))
    letter = chance.choice(LETTERS)
    head, tail = name[:at], name[at:]
    return chance.choice(
        (
            head + letter + tail,
            head + tail[1:],
            head + letter + tail[1:],
            head + tail[1::-1] + tail[2:],
        )
    )


def typing_errors(pool: list[str], count: int) -> list[tuple[str, str]]:
    """(meant, typed): what was typed is not a name itself."""
    chance = random.Random(20261122)
    pairs: list[tuple[str, str]] = []
    while len(pairs) < count:
        meant = chance.choice(pool)
        typed = normalise(typing_error(meant, chance))
        if meant in shipped() and typed and typed not in shipped():
            pairs.append((meant, typed))
    return pairs


# Few letters, so that names share beginnings and lie near each other.
name = st.from_regex(r"[abn1]{1,3}(-[abn1]{1,3}){0,2}", fullmatch=True)
tables = st.tuples(st.lists(name, max_size=40), st.lists(name, max_size=12, unique=True))
anything = st.text(st.characters(codec=None), max_size=300) | st.text(string.printable)


def test_normalising() -> None:
    cases = {
        "Scikit_Learn": "scikit-learn",
        " ruamel..yaml ": "ruamel-yaml",
        "scikit learn": "scikit-learn",
        "zope.": "zope-",
        "numpy\n": "numpy",
        "nümpy": "n?mpy",
        "\ud800": "?",
        "": "",
    }
    assert {text: normalise(text) for text in cases} == cases
    assert len(normalise("x" * 10_000)) < 300


def test_building_takes_names_as_they_are_spelled() -> None:
    table = NameTable.build(
        [
            "zope.interface",
            "Zope_Interface",
            "numpy",
            "PyYAML",
            "a",
            "../etc",
            "x\ny",
            "é",
            "x" * 999,
        ],
        ["Numpy", "absent", "pyyaml"],
    )
    assert table.lines == b"a\nnumpy\npyyaml\nzope-interface\n"
    assert len(table) == 4
    assert [name in table for name in ("numpy", "zope-interface", "nump", "numpy\npyyaml", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert [table.rank(name) for name in ("numpy", "absent", "pyyaml", "a")] == [1, None, 3, None]


def test_an_empty_table_answers_nothing() -> None:
    table = NameTable(b"", ["numpy"])
    assert len(table) == 0
    assert "numpy" not in table
    assert table.complete("") == table.complete("numpy") == table.suggest("numpy") == []


@untimed
@given(tables, name | st.just(""), st.integers(-1, 50))
def test_completing_is_ranked_names_then_the_rest_by_letter(
    given_names: tuple[list[str], list[str]], prefix: str, limit: int
) -> None:
    known, ranking = given_names
    table = NameTable.build(known, ranking)
    matching = [name for name in set(known) if name.startswith(prefix)]
    order = {name: place for place, name in enumerate(ranking)}
    expected = sorted(matching, key=lambda name: (order.get(name, len(order)), name))
    found = table.complete(prefix, limit)
    if set(expected) & set(ranking) or len(prefix) < 3:
        assert found == expected[: max(limit, 0)]
    else:
        near = [name for name in found if name not in expected]
        assert found == expected[: len(found) - len(near)] + near
        assert set(near) <= set(known) & set(ranking)
        assert len(found) <= max(limit, 0)


@pytest.mark.parametrize("few", [0, 16_384])
@untimed
@given(known=st.sets(name, max_size=40), typed=name)
def test_suggesting_finds_every_name_one_error_away(few: int, known: set[str], typed: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(names, "_FEW", few)  # both ways of finding them
        found = NameTable.build(known).suggest(typed, 1_000)
    assert set(found) == {name for name in known if OSA.distance(name, typed) == 1}
    assert len(set(found)) == len(found)


@untimed
@given(tables, name)
def test_suggestions_are_near_and_the_nearest_ranked_ones_come_first(
    given_names: tuple[list[str], list[str]], typed: str
) -> None:
    known, ranking = given_names
    table = NameTable.build(known, ranking)
    found = table.suggest(typed, 1_000)
    keys = [
        (OSA.distance(name, typed), rank is None, rank or 0)
        for name in found
        for rank in [table.rank(name)]
    ]
    assert keys == sorted(keys)
    assert all(distance in (1, 2) for distance, _, _ in keys)
    assert set(found) <= set(known)


@untimed
@given(anything, st.integers(-3, 30))
def test_no_text_is_too_odd(text: str, limit: int) -> None:
    table = shipped()
    for found in (table.complete(text, limit), table.suggest(text, limit)):
        assert len(found) <= max(limit, 0)
        assert len(set(found)) == len(found)
        assert all(name in table for name in found)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10_000,
        "-" * 10_000,
        "\0",
        "numpy\0",
        "🙂" * 5_000,
        "\ud83d",
        "../../etc/passwd",
        "%",
        "_",
    ],
)
def test_hostile_text_has_a_bounded_answer(text: str) -> None:
    assert len(shipped().complete(text)) <= 25
    assert len(shipped().suggest(text)) <= 5


def test_no_text_gives_the_most_downloaded() -> None:
    present = [name for name in shipped_ranking().names if name in shipped()]
    assert shipped().complete("") == shipped().complete("  ") == present[:25]
    assert shipped().complete("", MAX_RANKED)[: len(present)] == present


@pytest.mark.parametrize(
    "prefix", ["p", "py", "a", "django-", "sciki", "numpy", "zz", "q", "0", "mcp-s"]
)
def test_completing_over_all_names_is_the_whole_answer(prefix: str) -> None:
    table = shipped()
    matching = [name for name in table.lines.decode().split() if name.startswith(prefix)]
    expected = sorted(matching, key=lambda name: (table.rank(name) or MAX_RANKED + 1, name))
    assert table.complete(prefix) == expected[:25]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("nunpy", "numpy"),
        ("umpy", "numpy"),
        ("scikt-le", "scikit-learn"),
        ("Scikit_Leran", "scikit-learn"),
        ("sckit-lern", "scikit-learn"),
        ("reqeusts", "requests"),
        ("dajngo", "django"),
        ("fastpai", "fastapi"),
        ("beautifulsop", "beautifulsoup4"),
        ("tensorfow", "tensorflow"),
        ("panads", "pandas"),
        ("crptograph", "cryptography"),
    ],
)
def test_typing_errors_are_forgiven(typed: str, meant: str) -> None:
    assert meant in shipped().complete(typed)[:10]
    assert meant in shipped().suggest(meant[:-1] + "x" + meant[-1:])


def test_near_names_leave_room_for_names_that_begin_with_the_text() -> None:
    unranked = [f"nunpy{number}" for number in range(40)]
    table = NameTable.build([*unranked, "numpy", "numpydoc", "pandas"], ["numpy", "pandas"])
    assert table.complete("nunpy", 10) == [*sorted(unranked)[:9], "numpy"]
    assert table.complete("nunpy1", 20) == [*sorted(n for n in unranked if n[5] == "1"), "numpy"]


def test_the_meant_name_is_among_five_suggestions() -> None:
    ranked = typing_errors(list(shipped_ranking().names), 300)
    assert sum(meant in shipped().suggest(typed) for meant, typed in ranked) >= 0.98 * len(ranked)
    everything = typing_errors(shipped().lines.decode().split(), 200)
    assert sum(meant in shipped().suggest(typed) for meant, typed in everything) >= 0.95 * len(
        everything
    )


def test_all_names_take_at_most_20_mib() -> None:
    tracemalloc.start()
    try:
        table = shipped_names()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(table) > 800_000
    assert taken <= 20 * 2**20


def test_threads_share_a_table() -> None:
    texts = [*string.ascii_lowercase, "nunpy", "scikt", "djang", "zzzz"]
    expected = [(shipped().complete(text), shipped().suggest(text)) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        rounds = [
            pool.map(lambda text: (shipped().complete(text), shipped().suggest(text)), texts)
            for _ in range(4)
        ]
        assert [list(answers) for answers in rounds] == [expected] * 4


# The published list of downloads


def top_packages(*rows: tuple[object, object], **changes: object) -> bytes:
    document = {
        "last_update": "2026-04-01 06:34:06",
        "rows": [{"download_count": count, "project": project} for project, count in rows],
    }
    return json.dumps({**document, **changes}).encode()


def test_ranks_go_by_downloads() -> None:
    document = top_packages(
        ("b", 5), ("Zope.Interface", 9), ("../x", 8), ("zope_interface", 1), ("a", 5)
    )
    assert parse_top_packages(document) == Ranking(date(2026, 4, 1), ("zope-interface", "b", "a"))


def test_ranks_end_where_the_published_list_does() -> None:
    rows = [(f"p{number}", -number) for number in range(MAX_RANKED + 5)]
    assert parse_top_packages(top_packages(*rows)).names[-1] == f"p{MAX_RANKED - 1}"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b"<html>",
        b"\xff",
        b"[" * 100_000,
        top_packages(),
        top_packages(("../x", 1)),
        top_packages(("x" * 999, 1)),
        top_packages(("a", "many")),
        top_packages((7, 1)),
        top_packages(("a", 1), last_update="yesterday"),
        top_packages(("a", 1), last_update=None),
        top_packages(("a", 1), rows=None),
        top_packages(("a", 1))[:-3],
    ],
)
def test_what_is_no_list_of_downloads_is_refused(document: bytes) -> None:
    with pytest.raises(ServiceError, match="most downloaded projects cannot be read") as raised:
        parse_top_packages(document)
    assert len(raised.value.text) < 250


@untimed
@given(st.binary(max_size=200))
def test_no_bytes_break_the_reading_of_ranks(document: bytes) -> None:
    with pytest.raises(ServiceError):
        parse_top_packages(document)
