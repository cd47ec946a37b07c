"""Rows that are kept for as long as nothing was committed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.db.glances import AGE, KEPT, Glances, Row
from tests.clock import Clock

SELECT = "SELECT value FROM fact WHERE name = ?"


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """The connection of somebody else, each of whose statements is a commit."""
    with closing(sqlite3.connect(tmp_path / "file", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE fact (name TEXT PRIMARY KEY, value INTEGER) STRICT")
        connection.execute("INSERT INTO fact VALUES ('a', 1)")
        yield connection


@pytest.fixture
def asked(elsewhere: sqlite3.Connection, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    assert elsewhere.total_changes == 1
    with closing(sqlite3.connect(tmp_path / "file")) as connection:
        yield connection


@pytest.fixture
def glances(asked: sqlite3.Connection, clock: Clock) -> Glances:
    return Glances(asked, clock)


@pytest.fixture
def statements(asked: sqlite3.Connection) -> list[str]:
    """What SQLite was asked, but for its version of the data."""
    seen: list[str] = []
    asked.set_trace_callback(lambda sql: None if "PRAGMA" in sql else seen.append(sql))
    return seen


def of(glances: Glances, name: str) -> Row:
    return glances.row(SELECT, (name,))


def test_a_row_is_read_once(glances: Glances, statements: list[str]) -> None:
    assert [of(glances, name) for name in ("a", "b", "a", "b")] == [(1,), None, (1,), None]
    assert len(statements) == 2


def test_a_commit_of_this_process_is_seen_at_once(
    glances: Glances, elsewhere: sqlite3.Connection
) -> None:
    assert of(glances, "a") == (1,)
    elsewhere.execute("UPDATE fact SET value = 2")
    glances.changed()
    assert of(glances, "a") == (2,)


def test_a_commit_of_another_process_is_seen_soon(
    glances: Glances, elsewhere: sqlite3.Connection, clock: Clock, statements: list[str]
) -> None:
    assert (of(glances, "a"), of(glances, "b")) == ((1,), None)
    elsewhere.execute("UPDATE fact SET value = 2")
    elsewhere.execute("INSERT INTO fact VALUES ('b', 3)")
    clock.now += AGE
    assert (of(glances, "a"), of(glances, "b")) == ((2,), (3,))
    clock.now += AGE
    assert (of(glances, "a"), of(glances, "b")) == ((2,), (3,))
    assert len(statements) == 4


def test_few_rows_are_kept(glances: Glances, statements: list[str]) -> None:
    for number in range(10 * KEPT):
        of(glances, str(number))
    assert len(glances._rows) <= KEPT
    of(glances, str(10 * KEPT - 1))
    assert len(statements) == 10 * KEPT
