"""The figures on reports that people labelled by reading them."""

import json
from collections import defaultdict
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from bot import data
from bot.index.aliases import read_aliases
from bot.index.names import NameTable, shipped_ranking
from bot.reports.model import Kind, Reading
from bot.reports.reading.names import IndexNames
from bot.reports.reading.rules import read
from tests.conftest import SHARED

LABELLED = SHARED / "data/reports/labelled.jsonl"
Row = dict[str, Any]
Read = list[tuple[Row, Reading]]


@pytest.fixture(scope="module")
def readings() -> Read:
    if not LABELLED.exists():
        pytest.skip(f"the labelled reports are not at {LABELLED}")
    table = NameTable(data.names(), shipped_ranking().names)
    names = IndexNames(table, read_aliases(data.read("aliases.json")))
    rows = [json.loads(line) for line in LABELLED.read_text(encoding="utf-8").splitlines()]
    return [(row, read(row["title"], row["text"], names)) for row in rows]


def right(row: Row, reading: Reading) -> bool:
    return reading.kind in {row["kind"], row["also"]}


def share(readings: Read) -> float:
    return sum(right(*each) for each in readings) / len(readings)


def test_kinds(readings: Read) -> None:
    assert share(readings) >= 0.9


def test_kinds_where_people_were_sure(readings: Read) -> None:
    assert share([each for each in readings if not each[0]["unsure"]]) >= 0.92


def test_no_kind_is_neglected(readings: Read) -> None:
    by_kind: dict[str, Read] = defaultdict(list)
    for row, reading in readings:
        by_kind[row["kind"]].append((row, reading))
    shares = {kind: share(rows) for kind, rows in by_kind.items() if len(rows) >= 5}
    assert len(shares) >= 8
    assert min(shares.values()) >= 0.75, shares


def test_both_halves_fare_alike(readings: Read) -> None:
    """Rules that were fitted to single reports would not."""
    halves = [[each for each in readings if each[0]["id"] % 2 == odd] for odd in (0, 1)]
    assert abs(share(halves[0]) - share(halves[1])) <= 0.1


def test_what_is_not_about_free_threading(readings: Read) -> None:
    other = Kind.NOT_FREE_THREADING
    said = [(row, reading) for row, reading in readings if reading.kind is other]
    meant = [(row, reading) for row, reading in readings if row["kind"] == other]
    assert share(said) >= 0.85
    assert share(meant) >= 0.85


def names_itself(row: Row) -> bool:
    """Whether a text has the project's name, or the module's that is it without `py`."""
    text = canonicalize_name(f"{row['title']} {row['text']}")
    package = row["package"]
    return bool(package) and any(
        name in text for name in (package, package.removeprefix("py").strip("-"))
    )


def test_projects_that_are_named(readings: Read) -> None:
    named = [each for each in readings if names_itself(each[0])]
    found = [
        reading.facts.project is not None and reading.facts.project.value == row["package"]
        for row, reading in named
    ]
    assert len(found) >= 35
    assert sum(found) / len(found) >= 0.9


def test_no_project_is_invented(readings: Read) -> None:
    none = [reading.facts.project for row, reading in readings if row["package"] is None]
    assert sum(project is None for project in none) / len(none) >= 0.95


@pytest.mark.parametrize("field", ["python", "os"])
def test_what_is_stated_is_found_and_nothing_else(field: str, readings: Read) -> None:
    """Where a text states nothing, people sometimes knew from elsewhere; where ftbot says
    something, it is to be right."""
    said = [
        (row[field], fact.value)
        for row, reading in readings
        if (fact := getattr(reading.facts, field))
    ]
    assert sum(label == value for label, value in said) / len(said) >= 0.97
    labelled = [row for row, _ in readings if row[field]]
    assert len(said) / len(labelled) >= 0.8
