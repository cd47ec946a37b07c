"""The real process on a database that was put back from a copy: nothing is told again."""

import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.db import copies
from tests.e2e.machine import Machine, machine

pytestmark = [
    pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey"),
    pytest.mark.slow,
]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine(tmp_path) as made:
        yield made


async def by_command(world: Machine) -> Path:
    copy = world.folder / "copy"
    code, _, err = await world.ftbot("db", "backup", str(copy))
    assert (code, err) == (0, "")
    return copy


async def by_hand(world: Machine) -> Path:
    """Copy the file as people do, which even works if nobody writes just then."""
    copy = world.folder / "copy"
    copies.remove(copy)
    for ending in ("", "-wal"):
        shutil.copyfile(f"{world.path}{ending}", f"{copy}{ending}")
    return copy


async def put_back_by_command(world: Machine, copy: Path) -> None:
    code, out, err = await world.ftbot("db", "restore", str(copy))
    assert (code, err) == (0, "")
    assert "ftbot-replaced-" in out


async def put_back_by_hand(world: Machine, copy: Path) -> None:
    copies.remove(world.path)
    for ending in ("", "-wal"):
        if (log := Path(f"{copy}{ending}")).exists():
            shutil.copyfile(log, f"{world.path}{ending}")


@pytest.mark.parametrize(
    ("taken", "put_back"), [(by_command, put_back_by_hand), (by_hand, put_back_by_command)]
)
async def test_nothing_is_announced_again(
    world: Machine,
    taken: Callable[[Machine], Awaitable[Path]],
    put_back: Callable[[Machine, Path], Awaitable[None]],
) -> None:
    async with world.bot():
        world.publish("early")
        await world.until_announced("early")
        copy = await taken(world)
        world.publish("lost", "gone")
        world.publish("early", version="2.0")
        await world.until_announced("lost", "gone")
        await world.until(lambda: world.announced()["early"] == 2)
    await put_back(world, copy)
    # What comes within a second of the last message cannot be told from what it told of.
    told = float(world.path.with_name(f"{world.path.name}.sent").read_text())
    await world.until(lambda: time.time() > told + 1)
    world.publish("meanwhile")
    world.publish("lost", version="2.0")
    async with world.bot():
        await world.until_announced("meanwhile")
        world.publish("after")
        await world.until_announced("after")
        await world.until(lambda: world.announced()["lost"] == 2)
        # A wheel that comes late belongs to news that the lost database told.
        world.index.publish("gone", "gone-1.0-cp314-cp314t-macosx_11_0_arm64.whl")
        world.publish("last")
        await world.until_announced("last")
    assert world.announced() == {
        "early": 2, "lost": 2, "gone": 1, "meanwhile": 1, "after": 1, "last": 1,
    }  # fmt: skip
    assert "The database was restored" in world.log()
    async with world.bot("again"):  # which is no restored one any more
        world.publish("again")
        await world.until_announced("again")
    assert "restored" not in world.log("again")


async def test_on_another_computer_nothing_from_before_is_announced(world: Machine) -> None:
    """Without the small file beside the database nobody knows how far the lost one came."""
    async with world.bot():
        world.publish("early")
        await world.until_announced("early")
        copy = await by_command(world)
        world.publish("lost")
        await world.until_announced("lost")
    world.path.with_name(f"{world.path.name}.sent").unlink()
    await put_back_by_hand(world, copy)
    world.publish("meanwhile")
    async with world.bot():
        await world.until(lambda: bool(world.query("SELECT 1 FROM news WHERE project='meanwhile'")))
        ((told,),) = world.query("SELECT value FROM memory WHERE key = 'restored.until'")
        await world.until(lambda: time.time() > float(told) + 1)
        world.publish("after")
        await world.until_announced("after")
    assert world.announced() == {"early": 1, "lost": 1, "after": 1}


async def test_what_waited_is_not_sent_twice(world: Machine) -> None:
    async with world.bot():
        world.publish("early")
        await world.until_announced("early")
        world.discord.faults.append(
            {"method": "POST", "path_re": "/messages$", "times": 1, "status": 500, "delay": 3}
        )
        world.publish("waiting")
        await world.until(
            lambda: world.query("SELECT count(*) FROM delivery WHERE message IS NULL") == [(1,)]
        )
        copy = await by_command(world)
        await world.until_announced("waiting")
    world.discord.nonces.clear()  # as after some minutes
    await put_back_by_command(world, copy)
    async with world.bot():
        world.publish("after")
        await world.until_announced("after")
    assert world.announced() == {"early": 1, "waiting": 1, "after": 1}


async def test_a_database_in_use_is_not_replaced(world: Machine) -> None:
    async with world.bot():
        copy = await by_command(world)
        code, out, err = await world.ftbot("db", "restore", str(copy))
        assert (code, out) == (2, "")
        assert "is in use. Stop the bot, then restore the backup." in err
        world.publish("early")
        await world.until_announced("early")
