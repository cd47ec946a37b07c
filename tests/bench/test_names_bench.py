"""Autocomplete and "did you mean" over all names, against the ways one would try first.

Rivals and ours take turns with the same texts in one run, since a machine's speed drifts; what
counts is the ratios. Run by `make bench`.
"""

import random
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence

import pytest
from rapidfuzz import process
from rich.console import Console
from rich.table import Table

from bot.index.names import NameTable, normalise, shipped_names, shipped_ranking

pytestmark = pytest.mark.bench

Ask = Callable[[str], object]
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"


@pytest.fixture(scope="module")
def table() -> NameTable:
    return shipped_names()


@pytest.fixture(scope="module")
def all_names(table: NameTable) -> list[str]:
    return table.lines.decode().split()


def test_autocomplete(table: NameTable, all_names: list[str]) -> None:
    chance = random.Random(1)
    texts = [name[: chance.randint(1, 8)] for name in chance.sample(shipped_ranking().names, 2_000)]
    database = _sqlite(table, all_names)

    def like(text: str) -> list[str]:
        rows = database.execute(
            "SELECT name FROM names WHERE name LIKE ? ORDER BY rank LIMIT 25", (text + "%",)
        )
        return [name for (name,) in rows]

    ranked = [text for text in texts[:100] if len(text) > 4]
    assert [table.complete(text)[:1] for text in ranked] == [like(text)[:1] for text in ranked]
    ours, theirs = _in_turns(texts, table.complete, like)
    _show("25 names by rank", len(texts), {"NameTable.complete": ours, "LIKE on an index": theirs})
    assert _percentile(ours, 99) <= 1e-3
    assert _percentile(theirs, 99) >= 25 * _percentile(ours, 99)


def test_autocomplete_with_typing_errors(table: NameTable) -> None:
    texts = [typed[:9] for _, typed in _typing_errors(table, shipped_ranking().names, 1_000)]
    (ours,) = _in_turns(texts, table.complete)
    _show("25 names, text with an error", len(texts), {"NameTable.complete": ours})
    assert _percentile(ours, 99) <= 5e-3


@pytest.mark.parametrize("of", ["ranked names", "all names"])
def test_did_you_mean(table: NameTable, all_names: list[str], of: str) -> None:
    pool: Sequence[str] = shipped_ranking().names if of == "ranked names" else all_names
    errors = _typing_errors(table, pool, 1_000)
    (ours,) = _in_turns([typed for _, typed in errors], table.suggest)
    # The rival takes seconds: it answers a few of the same texts.
    _, theirs = _in_turns(
        [typed for _, typed in errors[:5]],
        table.suggest,
        lambda typed: process.extract(typed, all_names, limit=5),
        rounds=1,
    )
    found = sum(meant in table.suggest(typed) for meant, typed in errors) / len(errors)
    _show(
        f"5 names, one error in {of}: {found:.1%} found",
        len(errors),
        {"NameTable.suggest": ours, "rapidfuzz.process.extract": theirs},
    )
    assert found >= 0.95
    assert _percentile(theirs, 50) >= 50 * _percentile(ours, 99)


def test_building(benchmark: Callable[[Callable[[], NameTable]], NameTable]) -> None:
    assert len(benchmark(shipped_names)) > 800_000


def _sqlite(table: NameTable, all_names: Iterable[str]) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    # LIKE ignores case, so it uses an index only if the index does too.
    database.execute("CREATE TABLE names (name TEXT COLLATE NOCASE PRIMARY KEY, rank INTEGER)")
    rows = ((name, table.rank(name) or 10**9) for name in all_names)
    database.executemany("INSERT INTO names VALUES (?, ?)", rows)
    return database


def _typing_errors(table: NameTable, pool: Sequence[str], count: int) -> list[tuple[str, str]]:
    """(meant, typed) with one insertion, deletion, substitution or transposition."""
    chance = random.Random(2)
    pairs: list[tuple[str, str]] = []
    while len(pairs) < count:
        meant, letter = chance.choice(pool), chance.choice(LETTERS)
        at = chance.randrange(len(meant))
        head, tail = meant[:at], meant[at:]
        made = (letter + tail, tail[1:], letter + tail[1:], tail[1::-1] + tail[2:])
        typed = normalise(head + chance.choice(made))
        if meant in table and typed and typed not in table:
            pairs.append((meant, typed))
    return pairs


def _in_turns(texts: Sequence[str], *asks: Ask, rounds: int = 3) -> list[list[float]]:
    """Seconds that each way takes for each text, the best of some rounds: others interrupt."""
    best = [[float("inf")] * len(texts) for _ in asks]
    for _ in range(rounds):
        for place, text in enumerate(texts):
            for ask, times in zip(asks, best, strict=True):
                start = time.perf_counter()
                ask(text)
                times[place] = min(times[place], time.perf_counter() - start)
    return best


def _percentile(times: list[float], percent: int) -> float:
    return sorted(times)[len(times) * percent // 100]


def _show(title: str, texts: int, ways: dict[str, list[float]]) -> None:
    shown = Table("µs", "p50", "p99", "max", "p99 to the first", title=f"{title} ({texts} texts)")
    first = _percentile(next(iter(ways.values())), 99)
    for way, times in ways.items():
        figures = [_percentile(times, 50), _percentile(times, 99), max(times)]
        shown.add_row(
            way, *(f"{figure * 1e6:,.0f}" for figure in figures), f"{figures[1] / first:,.1f}"
        )
    Console(stderr=True).print(shown)
