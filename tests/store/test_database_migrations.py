"""Migrations: from an empty file and every earlier version, applied and recorded together."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.db import Database, Migration, Upgrade, check, load_migrations, upgrade
from bot.db.schema import statements
from bot.errors import DatabaseError

ROOT = Path(__file__).resolve().parents[2]

THREE = (
    Migration(1, "0001_parents", "CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT;"),
    Migration(
        2,
        "0002_children",
        """
        -- a comment; with a semicolon
        CREATE TABLE child (parent INTEGER REFERENCES parent (id)) STRICT;
        CREATE TRIGGER born AFTER INSERT ON parent BEGIN
            INSERT INTO child VALUES (new.id); INSERT INTO child VALUES (new.id);
        END;
        INSERT INTO parent VALUES (1); INSERT INTO parent VALUES (2)
        """,
    ),
    Migration(
        3,
        "0003_parents_with_names",
        """
        CREATE TABLE newer (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
        INSERT INTO newer SELECT id, ';' FROM parent;
        DROP TABLE parent;
        ALTER TABLE newer RENAME TO parent;
        """,
    ),
)


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return [f"version {version}", *connection.iterdump()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ftbot.sqlite3"


@pytest.mark.parametrize("migrations", [load_migrations(), THREE], ids=["shipped", "synthetic"])
def test_every_earlier_version_becomes_what_an_empty_file_becomes(
    tmp_path: Path, migrations: tuple[Migration, ...]
) -> None:
    fresh = tmp_path / "fresh"
    newest = len(migrations)
    assert upgrade(fresh, migrations=migrations) == Upgrade(0, newest)
    for earlier in range(newest + 1):
        path = tmp_path / f"from{earlier}"
        assert upgrade(path, migrations=migrations[:earlier]) == Upgrade(0, earlier)
        assert upgrade(path, migrations=migrations) == Upgrade(earlier, newest)
        assert dump(path) == dump(fresh)
        assert check(path) == []
        assert upgrade(path, migrations=migrations) == Upgrade(newest, newest)


async def test_opening_upgrades(path: Path) -> None:
    upgrade(path, migrations=THREE[:2])
    async with Database.open(path, migrations=THREE) as db:
        assert [tuple(row) for row in await db.read("SELECT * FROM parent")] == [(1, ";"), (2, ";")]
        with pytest.raises(DatabaseError, match="newer"):
            async with Database.open(path, migrations=THREE[:2]):
                pass


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("CREATE TABLE half (a); INSERT INTO nowhere VALUES (1);", "no such table: nowhere"),
        ("CREATE TABLE half (a); CREATE TABL", "syntax error"),
        ("CREATE TABLE half (a); DELETE FROM parent WHERE id = 1;", "rows that do not exist"),
    ],
)
def test_a_migration_that_fails_changes_nothing(path: Path, script: str, what: str) -> None:
    upgrade(path, migrations=THREE[:2])
    before = dump(path)
    with pytest.raises(DatabaseError, match=what) as raised:
        upgrade(path, migrations=(*THREE[:2], Migration(3, "0003_wrong", script)))
    assert "0003_wrong" in raised.value.text
    assert dump(path) == before
    assert upgrade(path, migrations=THREE) == Upgrade(2, 3)


def test_those_before_a_failing_migration_stay(path: Path) -> None:
    wrong = Migration(3, "0003_wrong", "CREATE TABLE parent (a);")
    with pytest.raises(DatabaseError, match="already exists"):
        upgrade(path, migrations=(*THREE[:2], wrong))
    assert dump(path)[0] == "version 2"


def test_migrations_come_from_a_folder_in_order(tmp_path: Path) -> None:
    for migration in reversed(THREE):
        (tmp_path / f"{migration.name}.sql").write_text(migration.script)
    assert load_migrations(tmp_path) == THREE


@pytest.mark.parametrize(
    "names",
    [
        ["0002_first.sql"],
        ["0001_a.sql", "0003_c.sql"],
        ["0001_a.sql", "0001_b.sql"],
        ["0001_a.sql", "0002_b.txt"],
        ["1_a.sql"],
    ],
)
def test_a_gap_or_a_strange_name_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match="stands where migration"):
        load_migrations(tmp_path)


@given(
    st.lists(
        st.sampled_from(
            [
                "SELECT 1;",
                "INSERT INTO t VALUES ('a;b', \"c;d\", [e;f], `g;h`);",
                "-- a; comment\nSELECT 2;",
                "/* a; comment */ SELECT 3;",
                "CREATE TRIGGER t AFTER INSERT ON u BEGIN SELECT 4; SELECT 5; END;",
                "CREATE TABLE t (a TEXT DEFAULT 'it''s; so');",
            ]
        )
    ),
    st.sampled_from(["", " ", "\n", "\n\n  "]),
)
def test_a_script_is_split_where_statements_end(parts: list[str], space: str) -> None:
    assert [statement.strip() for statement in statements(space.join(parts))] == parts


def test_switching_to_wal_waits_for_a_writer_that_has_not_switched(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite itself does not wait here: two processes would wait for one another."""
    upgrade(path, migrations=THREE[:1])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("bot.db.schema.time.sleep", lambda _: other.rollback())
        assert upgrade(path, migrations=THREE) == Upgrade(1, 3)


OPENER = """
import sys
from pathlib import Path
from bot.db import upgrade
for line in sys.stdin:
    print(upgrade(Path(line.strip())).after, flush=True)
"""


def test_processes_that_open_a_new_file_at_once_all_succeed(tmp_path: Path) -> None:
    newest = str(len(load_migrations()))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    try:
        for number in range(25):
            path = tmp_path / f"{number}" / "ftbot.sqlite3"
            for process in processes:
                assert process.stdin is not None
                process.stdin.write(f"{path}\n")
                process.stdin.flush()
            answers = [process.stdout and process.stdout.readline() for process in processes]
            assert answers == [f"{newest}\n"] * 4
            assert check(path) == []
    finally:
        for process in processes:
            process.communicate()
