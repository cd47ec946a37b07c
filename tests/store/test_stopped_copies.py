"""Copies that are stopped, since their process leaves, and such that others write into."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.db import copies, keep_backup
from bot.errors import UserError

ROWS, BYTES = 40, 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ftbot.sqlite3"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE memory (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        rows = [(f"before {number}", "x" * BYTES) for number in range(ROWS)]
        database.executemany("INSERT INTO memory VALUES (?, ?)", rows)
    return path


def test_of_a_copy_that_is_stopped_nothing_is_left(path: Path) -> None:
    with pytest.raises(UserError, match="it was stopped"):
        keep_backup(path, 7, stopped=lambda: True)
    assert list((path.parent / copies.FOLDER).iterdir()) == []


def test_what_is_written_meanwhile_neither_waits_nor_is_copied(path: Path) -> None:
    looks = 0

    def write() -> bool:
        nonlocal looks
        looks += 1
        with closing(sqlite3.connect(path, timeout=0)) as other, other:
            other.execute("INSERT INTO memory VALUES (?, '')", (f"after {looks}",))
        return False

    copied = keep_backup(path, 7, stopped=write)
    pages = ROWS * BYTES / 4096
    assert 1 < looks <= pages / copies._AT_A_TIME + 2  # it did not begin again
    with closing(sqlite3.connect(copied)) as copy:
        keys = {key for (key,) in copy.execute("SELECT key FROM memory")}
    assert keys == {copies.COPIED, *(f"before {number}" for number in range(ROWS))}
