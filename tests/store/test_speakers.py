"""In which language people are written to."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.db import Database, Speakers
from bot.db.retention import SPEAKERS_KEPT, prune

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ADA, BEN = 11, 12


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        yield database


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def speakers(database: Database, clock: Clock) -> Speakers:
    return Speakers(database, clock=clock)


async def test_the_last_language_counts(speakers: Speakers) -> None:
    assert await speakers.language(ADA) is None
    await speakers.note(ADA, "ko")
    await speakers.note(BEN, "en-US")
    await speakers.note(ADA, "pt-BR")
    assert await speakers.language(ADA) == "pt-BR"
    assert await speakers.language(BEN) == "en-US"


async def test_who_is_forgotten_leaves_nothing(speakers: Speakers, database: Database) -> None:
    await speakers.note(ADA, "ko")
    await speakers.note(BEN, "ko")
    assert await speakers.stored(ADA) == 1
    async with database.write() as tx:
        assert await speakers.forget(tx, ADA) == 1
    async with database.write() as tx:
        assert await speakers.forget(tx, ADA) == 0
    assert await speakers.stored(ADA) == 0
    assert await speakers.language(BEN) == "ko"


async def test_who_is_written_to_is_remembered_and_others_are_not(
    speakers: Speakers, database: Database, clock: Clock
) -> None:
    await speakers.note(ADA, "ko")
    await speakers.note(BEN, "ko")
    for _ in range(SPEAKERS_KEPT // DAY // 60):
        clock.now += 60 * DAY
        assert await speakers.language(ADA) == "ko"
    clock.now = NOON + SPEAKERS_KEPT + DAY
    assert await prune(database, clock.now) == {"speaker": 1}
    assert await speakers.language(ADA) == "ko"
    assert await speakers.language(BEN) is None
