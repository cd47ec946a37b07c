"""Backups: each whole or not there, some kept, before upgrades too; and put back."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot import db
from bot.db import Database, Memory, copies, load_migrations
from bot.errors import DatabaseError, UserError

SHIPPED = load_migrations()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ftbot.sqlite3"


def write(path: Path, value: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT OR REPLACE INTO memory VALUES ('it', ?)", (value,))


def read(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT value FROM memory WHERE key = 'it'").fetchone()[0])


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.fixture
def stamps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each copy be of another second."""
    numbers = iter(range(60))

    def new(path: Path, beginning: str) -> Path:
        folder = path.parent / copies.FOLDER
        folder.mkdir(exist_ok=True)
        return folder / f"{beginning}20260101T0000{next(numbers):02}Z{path.suffix}"

    monkeypatch.setattr(copies, "_new", new)


@pytest.mark.usefixtures("stamps")
def test_the_newest_daily_copies_are_kept(path: Path) -> None:
    db.upgrade(path)
    for number in range(5):
        write(path, str(number))
        db.keep_backup(path, 3)
    assert [read(each) for each in copies.kept(path)] == ["2", "3", "4"]
    assert all(db.check(each) == [] for each in copies.kept(path))
    assert names(path.parent / copies.FOLDER) == [each.name for each in copies.kept(path)]
    assert copies.taken(copies.kept(path)[-1]) is not None
    db.keep_backup(path, 1)
    assert len(copies.kept(path)) == 1


def test_a_copy_is_one_file_that_says_that_it_is_one(path: Path) -> None:
    db.upgrade(path)
    copy = db.keep_backup(path, 1)
    assert names(copy.parent) == [copy.name]
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("SELECT key FROM memory").fetchall() == [(copies.COPIED,)]


def test_what_a_killed_process_left_is_removed(path: Path) -> None:
    db.upgrade(path)
    folder = path.parent / copies.FOLDER
    folder.mkdir()
    old, new = folder / "ftbot-1.abc.partial", folder / "ftbot-2.abc.partial"
    for each in (old, new):
        each.write_bytes(b"half")
    os.utime(old, (0, 0))
    copy = db.keep_backup(path, 2)
    assert names(folder) == sorted([copy.name, new.name])


@pytest.mark.parametrize("free", [0, 10_000])
def test_a_full_disk_leaves_no_half_copy(
    path: Path, free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.upgrade(path)
    before = db.keep_backup(path, 3)
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr("bot.db.copies.shutil.disk_usage", lambda _: usage)
    with pytest.raises(UserError, match="No space left on device") as caught:
        db.keep_backup(path, 3)
    assert "has room" in caught.value.hint
    assert names(before.parent) == [before.name]


def test_a_copy_that_fails_half_way_is_removed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db.upgrade(path)

    def fail(_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(copies, "mark", fail)
    with pytest.raises(UserError, match="disk is full"):
        db.keep_backup(path, 3)
    assert names(path.parent / copies.FOLDER) == []


# Upgrades


def test_a_database_is_copied_before_it_is_upgraded(path: Path) -> None:
    db.upgrade(path, migrations=SHIPPED[:4])
    assert not (path.parent / copies.FOLDER).exists()
    write(path, "before")
    db.upgrade(path)
    db.upgrade(path)
    (copy,) = (path.parent / copies.FOLDER).iterdir()
    assert copy.name.startswith(f"before-upgrade-{len(SHIPPED):04}-")
    assert read(copy) == "before"
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (4,)
    assert copies.kept(path) == []  # of the daily ones


@pytest.mark.usefixtures("stamps")
def test_the_last_copies_before_upgrades_are_kept(path: Path) -> None:
    for number in range(2, 7):
        db.upgrade(path, migrations=SHIPPED[:number])
        write(path, str(number))
    kept = sorted((path.parent / copies.FOLDER).iterdir())
    assert [read(each) for each in kept] == ["4", "5"]


def test_without_room_for_a_copy_nothing_is_upgraded(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.upgrade(path, migrations=SHIPPED[:4])
    write(path, "before")
    usage = type("Usage", (), {"free": 0})
    monkeypatch.setattr("bot.db.copies.shutil.disk_usage", lambda _: usage)
    with pytest.raises(DatabaseError, match="is not upgraded, for it cannot be copied before"):
        db.upgrade(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (4,)


# Putting back


async def test_a_backup_is_put_back(path: Path, tmp_path: Path) -> None:
    db.upgrade(path)
    write(path, "old")
    db.backup(path, tmp_path / "copy")
    write(path, "new")
    replaced = db.restore(path, tmp_path / "copy")
    assert replaced is not None
    assert (read(path), read(replaced)) == ("old", "new")
    assert names(path.parent) == sorted([path.name, replaced.name])
    assert db.check(replaced) == []
    async with Database.open(path) as database:
        assert await Memory(database).get("it") == "old"
    assert read(tmp_path / "copy") == "old"


def test_where_there_is_no_database(path: Path, tmp_path: Path) -> None:
    db.upgrade(path)
    write(path, "old")
    db.backup(path, tmp_path / "copy")
    copies.remove(path)
    assert db.restore(path, tmp_path / "copy") is None
    assert read(path) == "old"


def test_an_older_backup_is_upgraded_at_the_next_start(path: Path, tmp_path: Path) -> None:
    db.upgrade(tmp_path / "old", migrations=SHIPPED[:3])
    write(tmp_path / "old", "old")
    db.upgrade(path)
    db.restore(path, tmp_path / "old")
    assert db.upgrade(path).before == 3
    assert read(path) == "old"


def test_a_copy_by_hand_with_its_log_is_put_back_as_a_copy(path: Path, tmp_path: Path) -> None:
    db.upgrade(path)
    by_hand = tmp_path / "by hand"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with connection:
            connection.execute("INSERT INTO memory VALUES ('it', 'in the log')")
        for ending in ("", "-wal"):
            by_hand.with_name(f"by hand{ending}").write_bytes(
                path.with_name(f"{path.name}{ending}").read_bytes()
            )
    db.restore(path, by_hand)
    assert read(path) == "in the log"
    with closing(sqlite3.connect(path)) as connection:
        sql = "SELECT count(*) FROM memory WHERE key = ?"
        assert connection.execute(sql, (copies.COPIED,)).fetchone() == (1,)


def damaged(path: Path) -> None:
    db.upgrade(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xa5" * 16384 + whole[24576:])


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE memory (key, value)")


def newer(path: Path) -> None:
    db.upgrade(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (damaged, "damaged|malformed"),
        (foreign, "belongs to another program"),
        (newer, "is from a newer ftbot"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(b"no database" * 500), "is not an SQLite file"),
        (lambda _: None, "copy cannot be read: No such file"),
        (lambda path: path.mkdir(), "copy is not a file"),
        (os.mkfifo, "copy is not a file"),
    ],
)
def test_what_is_no_backup_is_not_put_back(
    path: Path, tmp_path: Path, make: object, what: str
) -> None:
    db.upgrade(path)
    write(path, "here")
    assert callable(make)
    make(tmp_path / "copy")
    with pytest.raises(DatabaseError, match=what) as caught:
        db.restore(path, tmp_path / "copy")
    assert str(tmp_path / "copy") in caught.value.text
    assert read(path) == "here"
    assert names(path.parent) == [path.name]


def test_the_database_itself_is_no_backup(path: Path) -> None:
    db.upgrade(path)
    with pytest.raises(UserError, match="is the database itself"):
        db.restore(path, path)


async def test_nothing_is_put_back_under_a_bot(path: Path, tmp_path: Path) -> None:
    async with Database.open(path) as database:
        db.backup(path, tmp_path / "copy")
        await Memory(database).set("it", "here")
        with pytest.raises(DatabaseError, match=r"is in use\. Stop the bot"):
            db.restore(path, tmp_path / "copy")
        assert await Memory(database).get("it") == "here"
        await Memory(database).set("it", "still")
    assert read(path) == "still"


def test_a_damaged_database_can_be_replaced(path: Path, tmp_path: Path) -> None:
    db.upgrade(path)
    write(path, "old")
    db.backup(path, tmp_path / "copy")
    path.write_bytes(b"no database any more" * 500)
    replaced = db.restore(path, tmp_path / "copy")
    assert replaced is not None
    assert replaced.read_bytes().startswith(b"no database")
    assert read(path) == "old"
