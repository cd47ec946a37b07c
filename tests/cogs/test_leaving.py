"""The bot's end: what people wait for is finished as far as that is quick."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot import client
from bot.client import FtBot, Services


@pytest.fixture
async def bot(services: Services) -> AsyncIterator[FtBot]:
    async with FtBot(services, shard_count=1) as bot:
        yield bot


async def test_an_answer_under_way_is_given(bot: FtBot) -> None:
    going_on, answered = asyncio.Event(), []

    async def answer() -> None:
        going_on.set()
        await asyncio.sleep(0)
        answered.append("an answer")

    task = asyncio.create_task(answer(), name="CommandTree-invoker")
    await going_on.wait()
    await bot.close()
    assert task.done()
    assert answered == ["an answer"]


async def test_one_that_takes_long_is_ended_before_what_it_needs_is_closed(
    bot: FtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_LAST_ANSWERS", 0.01)
    task = asyncio.create_task(asyncio.Event().wait(), name="discord-ui-view-dispatch-1")
    other = asyncio.create_task(asyncio.Event().wait(), name="a job")
    await bot.close()
    assert task.cancelled()
    assert not other.done()
    other.cancel()
