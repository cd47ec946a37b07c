"""What is called when a transaction has taken effect."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.db import Database


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as db:
        yield db


async def test_it_is_called_once_and_sees_what_was_written(db: Database) -> None:
    seen: list[object] = []

    def look() -> None:
        seen.append(db.glance("SELECT value FROM memory WHERE key = 'a'"))

    async with db.write() as tx:
        tx.on_commit(look)
        tx.on_commit(look)
        await tx.execute("INSERT INTO memory (key, value) VALUES ('a', 'b')")
        assert seen == []
    assert seen == [("b",)]


async def test_it_is_not_called_for_what_was_rolled_back(db: Database) -> None:
    seen: list[int] = []

    async def fail() -> None:
        async with db.write() as tx:
            tx.on_commit(lambda: seen.append(1))
            raise OSError("made up")

    with pytest.raises(OSError, match="made up"):
        await fail()
    async with db.write():
        pass
    assert seen == []
