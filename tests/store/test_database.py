"""Opening, reading and writing; what a fault of the file looks like from outside."""

import asyncio
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bot.db import Database, backup, check, upgrade
from bot.errors import DatabaseError, UserError

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "ftbot.sqlite3"


async def remember(db: Database, *names: str, value: str = "") -> None:
    async with db.write() as tx:
        for name in names:
            await tx.execute("INSERT INTO memory VALUES (?, ?)", (name, value))


async def keys(db: Database) -> list[str]:
    return [row["key"] for row in await db.read("SELECT key FROM memory ORDER BY key")]


async def test_both_connections_are_set_up(path: Path) -> None:
    async with Database.open(path) as db, db.write() as tx:
        writer = [
            (await tx.execute_fetchall(f"PRAGMA {name}"))[0][0]
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        ]
        reader = [
            (await db.read(f"PRAGMA {name}"))[0][0]
            for name in ("journal_mode", "query_only", "busy_timeout")
        ]
    assert writer == ["wal", 1, 1, 5000]
    assert reader == ["wal", 1, 5000]


async def test_a_transaction_takes_effect_at_its_end(path: Path) -> None:
    async with Database.open(path) as db:
        async with db.write() as tx:
            assert await tx.execute("INSERT INTO memory VALUES ('a', '1')") == 1
            assert (
                await tx.executemany(
                    "INSERT INTO memory VALUES (?, ?)", ((key, "1") for key in "bcd")
                )
                == 3
            )
            returned = await tx.execute_fetchall(
                "UPDATE memory SET value = '2' WHERE key > ? RETURNING key", ("b",)
            )
            assert {row["key"] for row in returned} == {"c", "d"}
            assert await keys(db) == []
        assert await keys(db) == ["a", "b", "c", "d"]
    async with Database.open(path) as db:
        assert await keys(db) == ["a", "b", "c", "d"]


async def test_an_exception_rolls_back_and_passes_through(path: Path) -> None:
    async with Database.open(path) as db:

        async def stumble() -> None:
            async with db.write() as tx:
                await tx.execute("INSERT INTO memory VALUES ('a', '')")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await stumble()
        with pytest.raises(sqlite3.IntegrityError):
            await remember(db, "b", "b")
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await db.read("SELECT * FROM absent")
        await remember(db, "c")
        assert await keys(db) == ["c"]


async def test_a_statement_after_the_end_is_refused(path: Path) -> None:
    async with Database.open(path) as db:
        async with db.write() as tx:
            pass
        for call in (
            tx.execute("INSERT INTO memory VALUES ('a', '')"),
            tx.executemany("INSERT INTO memory VALUES (?, '')", [("a",)]),
            tx.execute_fetchall("INSERT INTO memory VALUES ('a', '') RETURNING key"),
        ):
            with pytest.raises(RuntimeError, match="over"):
                await call
        assert await keys(db) == []


async def test_writing_inside_of_writing_is_refused(path: Path) -> None:
    async with Database.open(path) as db:
        with pytest.raises(RuntimeError, match="inside"):
            async with db.write(), db.write():
                pass
        await remember(db, "a")
        assert await keys(db) == ["a"]


async def test_the_reading_connection_cannot_write(path: Path) -> None:
    async with Database.open(path) as db:
        with pytest.raises(DatabaseError, match="read-only"):
            await db.read("DELETE FROM memory")


async def test_writers_take_turns(path: Path) -> None:
    async with Database.open(path) as db:
        async with db.write() as tx:
            await tx.execute("INSERT INTO memory VALUES ('n', '0')")

        async def increment() -> None:
            async with db.write() as tx:
                ((value,),) = await tx.execute_fetchall("SELECT value FROM memory")
                await tx.execute("UPDATE memory SET value = ?", (str(int(value) + 1),))

        await asyncio.gather(*(increment() for _ in range(50)))
        assert [tuple(row) for row in await db.read("SELECT value FROM memory")] == [("50",)]


# Faults: each is a DatabaseError that names the file in one line and says what to do.


@contextmanager
def powerless(folder: Path) -> Iterator[None]:
    """Be a user whom file permissions bind, which they don't bind root, and who owns `folder`."""
    if os.geteuid() != 0:
        yield
        return
    for owned in (folder, *folder.iterdir()):
        os.chown(owned, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """Make a folder that every user can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)


def seal(folder: Path) -> None:
    folder.chmod(0o555)


async def assert_refused(path: Path, what: str) -> None:
    with pytest.raises(DatabaseError, match=what) as raised:
        async with Database.open(path, busy_timeout=0.05):
            pass
    assert str(path) in raised.value.text
    assert raised.value.hint
    assert "\n" not in str(raised.value)


def garbage(path: Path) -> None:
    path.write_bytes(b"not a database" * 1000)


def torn_header(path: Path) -> None:
    upgrade(path)
    content = bytearray(path.read_bytes())
    content[100:200] = b"\xff" * 100  # the first page of the schema
    path.write_bytes(content)


def newer(path: Path) -> None:
    upgrade(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 9999")


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE project (name)")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (garbage, "is not an SQLite file"),
        (torn_header, "is damaged"),
        (newer, "is from a newer ftbot"),
        (foreign, "belongs to another program"),
        (Path.mkdir, "is a folder"),
    ],
)
async def test_what_cannot_be_opened_is_left_alone(
    tmp_path: Path, make: Callable[[Path], None], what: str
) -> None:
    path = tmp_path / "ftbot.sqlite3"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    await assert_refused(path, what)
    assert (path.read_bytes() if path.is_file() else None) == before


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    await assert_refused(tmp_path / "file" / "var" / "ftbot.sqlite3", "cannot be made")
    await assert_refused(tmp_path / ("x" * 300) / "ftbot.sqlite3", "cannot be made")
    await assert_refused(tmp_path / ("x" * 300), "cannot be (made|opened)")


@pytest.mark.parametrize("newest", [True, False], ids=["newest schema", "empty"])
async def test_a_file_locked_by_another_program(path: Path, newest: bool) -> None:
    path.parent.mkdir()
    if newest:
        upgrade(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        await assert_refused(path, "is locked by another program")
    async with Database.open(path):
        pass


async def test_a_read_only_file_and_folder(path: Path, reachable: Path) -> None:
    async with Database.open(path):
        pass  # imports what is needed while it can be read
    readonly = reachable / "ftbot.sqlite3"
    upgrade(readonly)
    readonly.chmod(0o444)
    with powerless(reachable):
        await assert_refused(readonly, "is read-only")
    readonly.chmod(0o000)
    with powerless(reachable):
        await assert_refused(readonly, "cannot be opened")
    readonly.chmod(0o644)
    seal(reachable)
    with powerless(reachable):
        await assert_refused(readonly, "cannot be opened|is read-only")
        await assert_refused(reachable / "other.sqlite3", "cannot be opened")
        await assert_refused(reachable / "sub" / "other.sqlite3", "cannot be made")


async def test_a_lock_while_running_fails_one_write_only(path: Path) -> None:
    async with Database.open(path, busy_timeout=0.05) as db:
        await remember(db, "a")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseError, match="is locked"):
                await remember(db, "b")
            assert await keys(db) == ["a"]
        await remember(db, "c")
        assert await keys(db) == ["a", "c"]


async def test_a_full_disk_fails_one_write_only(path: Path) -> None:
    async with Database.open(path) as db:
        async with db.write() as tx:
            await tx.execute("PRAGMA max_page_count = 20")
        with pytest.raises(DatabaseError, match="disk is full"):
            await remember(db, "big", value="x" * 1_000_000)
        await remember(db, "small")
        assert await keys(db) == ["small"]


def damage(path: Path) -> None:
    """Fill the table `memory` and overwrite the middle of the file, where its rows are."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO memory VALUES (?, ?)", ((f"{n:06}", "x" * 200) for n in range(2000))
        )
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40960] = b"\xff" * 40960
    path.write_bytes(content)


async def test_damage_inside_shows_when_it_is_met(path: Path) -> None:
    upgrade(path)
    damage(path)
    async with Database.open(path) as db:
        with pytest.raises(DatabaseError, match=f"{re.escape(str(path))} is damaged"):
            await db.read("SELECT value FROM memory")


def test_check_tells_of_damage(path: Path) -> None:
    upgrade(path)
    damage(path)
    try:
        damages = check(path)
    except DatabaseError as error:  # where SQLite cannot go on after the first damage
        damages = [error.text]
    assert damages


# What an operator does to the file.


def test_check_finds_orphans_and_is_silent_otherwise(path: Path) -> None:
    upgrade(path)
    assert check(path) == []
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE child (parent TEXT REFERENCES memory (key))")
        connection.execute("INSERT INTO child VALUES ('gone')")
    assert check(path) == ["row 1 of child refers to a row of memory that does not exist"]


def partial_files(folder: Path) -> list[Path]:
    return list(folder.glob("*.partial"))


async def test_backup_is_one_moment_of_a_database_in_use(path: Path, tmp_path: Path) -> None:
    async with Database.open(path) as db:

        async def write() -> None:
            for n in range(200):
                async with db.write() as tx:
                    await tx.executemany(
                        "INSERT INTO memory VALUES (?, '')", [(f"{n}.{i}",) for i in range(5)]
                    )

        writing = asyncio.create_task(write())
        copies = [tmp_path / f"copy{n}" for n in range(5)]
        for copy in copies:
            await asyncio.to_thread(backup, path, copy)
        await writing
        backup(path, tmp_path / "last")
    for copy in copies:
        assert check(copy) == []
        with closing(sqlite3.connect(copy)) as connection:
            rows = connection.execute("SELECT count(*) % 5 FROM memory WHERE key <> 'copied'")
            assert rows.fetchone() == (0,)
    async with Database.open(tmp_path / "last") as db:
        assert len(await keys(db)) == 1000 + 1  # it says that it is a copy
    assert partial_files(tmp_path) == []


def test_backup_spares_what_is_there(path: Path, tmp_path: Path) -> None:
    upgrade(path)
    (tmp_path / "precious").write_text("old")
    with pytest.raises(UserError, match="exists already"):
        backup(path, tmp_path / "precious")
    with pytest.raises(UserError, match="exists already"):
        backup(path, path)
    with pytest.raises(UserError, match="cannot be written"):
        backup(path, tmp_path / "nowhere" / "copy")
    with pytest.raises(UserError, match="cannot be written"):
        backup(path, tmp_path / ("x" * 300))
    assert (tmp_path / "precious").read_text() == "old"


def test_check_and_backup_make_no_database(path: Path, tmp_path: Path) -> None:
    for absent in (path, tmp_path / ("x" * 300)):
        with pytest.raises(DatabaseError, match="There is no database"):
            check(absent)
    with pytest.raises(DatabaseError, match="There is no database"):
        backup(path, tmp_path / "copy")
    (tmp_path / "garbage").write_bytes(b"garbage" * 1000)
    with pytest.raises(DatabaseError, match="not an SQLite file"):
        check(tmp_path / "garbage")
    with pytest.raises(DatabaseError, match="not an SQLite file"):
        backup(tmp_path / "garbage", tmp_path / "copy")
    assert not path.exists()
    assert not (tmp_path / "copy").exists()


async def test_a_glance_sees_the_last_commit_and_waits_for_no_writer(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "file") as database:
        sql = "SELECT value FROM memory WHERE key = ?"
        assert database.glance(sql, ("a",)) is None
        async with database.write() as tx:
            await tx.execute("INSERT INTO memory VALUES ('a', '1')")
            assert database.glance(sql, ("a",)) is None
        assert database.glance(sql, ("a",)) == ("1",)
        with pytest.raises(DatabaseError):
            database.glance("DELETE FROM memory")
