"""Sixteen ways in which Discord fails a bot, and one more: it is serving again in time."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from discord import AllowedMentions, ui

from bot.client import FtBot
from bot.courier.carrier import Carrier
from bot.db import Database, Identifies, Leases, Memory
from bot.errors import SettingsError
from bot.gateway import Gateway
from bot.messages import Destination, Later, Refused, Sent
from bot.ui.card import Card
from tests.cogs.fakes import Index, ReportDesk, services_on
from tests.e2e.loopback import (
    TOKEN,
    Loopback,
    answered,
    sent,
    shown,
)
from tests.e2e.relay import LIMIT, relay
from tests.e2e.reports_world import BEN, World, holds, world

# The loopback server stores things on requests under plain names.
pytestmark = [
    pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey"),
    pytest.mark.slow,
]

AT_ONCE: Final = 2.0
"""Seconds in which the bot serves again where nothing makes it wait."""
LIBRARY: Final = 5.0
"""Seconds that discord.py waits before it tries to connect again, and before another session."""
PAUSE: Final = 5.0 * 1.25
"""Seconds at most before a client that failed for the first time is started again."""
START: Final = 10.0
"""Seconds in which a process starts, on a machine that does other things."""
PROJECT: Final = {"type": 3, "name": "project", "value": "numpy"}
GENERAL: Final = Destination("channel", 4000000000000000001)
MESSAGES: Final = f"/channels/{GENERAL.id}/messages"
EPHEMERAL: Final = 64


class Bot:
    """The real client in this process, on a real database, and the Discord around it."""

    def __init__(self, fake: Loopback, database: Database, **times: Any) -> None:  # noqa: ANN401 - of Gateway
        self.fake = fake
        self.database = database
        self.desk: Any = ReportDesk()  # knows nothing of triagers
        self.gateway = Gateway(Leases(database), Memory(database), Identifies(database), **times)
        self.carrier = Carrier(lambda: self.gateway.client)

    def build(self) -> FtBot:
        index = Index()
        services = services_on(self.database, index, index, Memory(self.database), self.desk)
        client = FtBot(services, before_identify=self.gateway.identify)
        client._connection.guild_ready_timeout = 0.01  # there is one server, which comes at once
        return client

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.gateway.run(self.build, TOKEN))
        try:
            yield
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            async with asyncio.timeout(5):
                while beats():  # noqa: ASYNC110 - they are threads, which use this loop
                    await asyncio.sleep(0.01)

    async def serves(self, seconds: float) -> None:
        """Assert that people are answered again in so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                while not await answers(self.fake):  # noqa: ASYNC110 - it is over there
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"Nobody was answered for {seconds} seconds.") from None
        assert self.gateway.is_ready()

    async def identifies(self) -> int:
        return len(await self.database.read("SELECT at FROM identify"))

    async def send(self, nonce: str = "a nonce") -> object:
        """Send a message, and say what became of it."""
        assert self.gateway.client is not None
        await asyncio.wait_for(self.gateway.client.wait_until_ready(), 5)
        return await self.carrier.send(
            GENERAL, Card(ui.TextDisplay("News"), colour=0), nonce, AllowedMentions.none()
        )

    def messages(self) -> list[dict[str, Any]]:
        everything = self.fake.messages.values()
        return [
            each
            for each in everything
            if each["channel_id"] == str(GENERAL.id) and not each["type"]  # which answers have
        ]


def beats() -> bool:
    """Tell whether heartbeats are still sent for a connection."""
    return any(each.name.startswith("keep-alive-handler") for each in threading.enumerate())


def fail(fake: Loopback, method: str, path: str, times: int = 1, **what: object) -> None:
    fake.faults.append({"method": method, "path_re": path, "times": times, **what})


async def answers(fake: Loopback) -> bool:
    """Ask, and say whether an answer came."""
    if not (fake.sessions and fake.commands[None]):
        return False
    record = await fake.slash("check", [PROJECT])
    try:
        await asyncio.wait_for(record["ack_ev"].wait(), 1)
    except TimeoutError:
        return False
    return True


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        yield database


@pytest.fixture
async def bot(discord_api: Loopback, database: Database) -> AsyncIterator[Bot]:
    """A bot that serves."""
    bot = Bot(discord_api, database)
    async with bot.running():
        await bot.serves(START)
        yield bot


@pytest.fixture
async def around(tmp_path: Path) -> AsyncIterator[World]:
    """All that is around a process, which the test starts."""
    async with world(tmp_path, webhook=False) as everything:
        everything.index.publish("numpy", "numpy-2.0-cp314-cp314t-win_amd64.whl")
        yield everything


async def process_serves(around: World, seconds: float) -> None:
    """Assert that the process answers people again in so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            while not await answers(around.discord):  # noqa: ASYNC110 - it is in another process
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError("\n".join(around.log)) from None


# At the start


async def test_1_the_first_connect_to_the_gateway_is_refused(around: World) -> None:
    async with relay(around.discord) as way:
        starting = asyncio.create_task(around.start())
        await around.until(lambda: "Failed to connect for shard_id: 0" in "".join(around.log))
        await way.open()
        await process_serves(around, 2 * LIBRARY + AT_ONCE)  # before each of both
        await starting
        await around.kill()


async def test_2_the_token_is_refused(around: World) -> None:
    fail(around.discord, "GET", "users/@me$", status=401, body={"code": 0, "message": "no"})
    with pytest.raises(AssertionError):
        await asyncio.wait_for(around.start(), START)
    assert around.process is not None
    assert await around.process.wait() == SettingsError.exit_code
    said = "".join(around.log)
    assert "Discord refused the token." in said
    assert "FTBOT_DISCORD_TOKEN" in said
    assert "Traceback" not in said
    assert TOKEN not in said


async def test_3_discord_is_unavailable_at_login(around: World) -> None:
    fail(around.discord, "GET", "users/@me$", status=503)
    async with around.bot():
        said = "".join(around.log)
        assert "Discord is out of reach: DiscordServerError: 503" in said
        assert "Connecting to Discord in about" in said
        await process_serves(around, AT_ONCE)
    assert waited(around.discord, "users/@me") <= PAUSE + AT_ONCE


def waited(fake: Loopback, ending: str) -> float:
    """Return the seconds between the first two requests of that kind."""
    first, second, *_ = (each["t"] for each in fake.requests if each["path"].endswith(ending))
    return float(second - first)


async def test_a_pause_is_remembered_by_the_next_process(
    discord_api: Loopback, database: Database
) -> None:
    fail(discord_api, "GET", "users/@me$", times=2, status=503)
    pauses: list[float] = []

    async def end(seconds: float) -> None:
        pauses.append(seconds)
        raise asyncio.CancelledError

    async def go_on(seconds: float) -> None:
        pauses.append(seconds)

    first = Bot(discord_api, database, sleep=end)
    with pytest.raises(asyncio.CancelledError):
        await first.gateway.run(first.build, TOKEN)
    second = Bot(discord_api, database, sleep=go_on)
    async with second.running():
        await second.serves(START)
    before, rest, after = pauses
    assert before - AT_ONCE < rest < before
    assert 10 * 0.75 <= after <= 10 * 1.25


# While it runs


async def test_4_the_connection_is_closed_by_an_unknown_error(bot: Bot) -> None:
    (session,) = bot.fake.sessions
    await session.ws.close(code=4000)
    await bot.serves(AT_ONCE)
    assert await bot.identifies() == 1
    assert bot.fake.sessions[0].id == session.id  # it was resumed


async def test_5_discord_asks_for_another_connection(bot: Bot) -> None:
    (session,) = bot.fake.sessions
    await session.send(7)
    await bot.serves(AT_ONCE)
    assert await bot.identifies() == 1
    assert bot.fake.sessions[0].id == session.id


async def test_6_the_session_is_invalid(bot: Bot) -> None:
    (session,) = bot.fake.sessions
    session.ready = False  # it is asked no more
    await session.send(9, False)
    await bot.serves(LIBRARY + AT_ONCE)
    assert await bot.identifies() == 2
    assert bot.fake.sessions[0].id != session.id


SLOWER: Final = {"message": "slow", "retry_after": 0.5, "global": False}


async def test_7_a_rate_limit_is_waited_for(bot: Bot) -> None:
    fail(bot.fake, "POST", MESSAGES, status=429, body=SLOWER, headers={"Via": "1.1 fake"})
    before = time.monotonic()
    assert isinstance(await bot.send(), Sent)
    assert 0.5 <= time.monotonic() - before < AT_ONCE
    await bot.serves(AT_ONCE)


async def test_8_a_ban_of_the_address_is_no_answer(bot: Bot) -> None:
    # The stand-in would add the header by which discord.py knows Discord itself.
    fail(bot.fake, "POST", MESSAGES, status=429, body={}, headers={"Via": ""})
    assert isinstance(await bot.send(), Later)
    assert isinstance(await bot.send(), Sent)
    await bot.serves(AT_ONCE)


async def test_9_a_bad_gateway_is_tried_again(bot: Bot) -> None:
    fail(bot.fake, "POST", MESSAGES, times=2, status=502)
    before = time.monotonic()
    sending = asyncio.create_task(bot.send())
    await bot.serves(AT_ONCE)  # others are answered meanwhile
    assert isinstance(await sending, Sent)
    assert time.monotonic() - before < 4 + AT_ONCE
    assert len(bot.messages()) == 1


async def test_10_what_was_taken_is_not_sent_twice(bot: Bot) -> None:
    fail(bot.fake, "POST", MESSAGES, status=502, after=True)
    assert isinstance(await bot.send(), Sent)
    assert len(sent(bot.fake, "POST", MESSAGES)) == 2
    assert len(bot.messages()) == 1
    await bot.serves(AT_ONCE)


async def test_11_a_missing_permission_is_named(bot: Bot) -> None:
    body = {"code": 50013, "message": "Missing Permissions"}
    fail(bot.fake, "POST", MESSAGES, status=403, body=body)
    refused = await bot.send()
    assert isinstance(refused, Refused)
    assert "Send Messages" in refused.reason
    await bot.serves(AT_ONCE)


async def test_12_an_event_cannot_be_read(around: World) -> None:
    async with around.bot():
        await process_serves(around, AT_ONCE)
        around.discord.identified.clear()
        await around.discord.dispatch("GUILD_CREATE", {"nonsense": True})
        await process_serves(around, PAUSE + AT_ONCE)
        assert "The Discord client stopped" in "".join(around.log)
        around.log.clear()  # which holds its traceback


async def test_13_a_button_of_before_the_restart_works(around: World) -> None:
    async with around.bot():
        record = await around.discord.slash("check", [PROJECT])
        message = await around.answer(record)
    async with around.bot():
        clicked = await around.discord.click(message, "1details:numpy::", 3, ["3.14t"])
        assert "### 3.14t, per platform" in shown(await around.answer(clicked))


async def test_14_a_form_of_before_the_restart_is_taken(around: World) -> None:
    async with around.bot():
        form = await around.command(BEN, "report")
    async with around.bot():
        draft = await around.submit(BEN, form, project="numpy", story="It turns the GIL on.")
        assert holds(draft, "numpy")
        unknown = await around.discord.submit("a form of another version", [])
        assert "older version of ftbot" in shown((await answered(unknown))["data"])


async def test_15_a_command_that_is_no_more_is_answered(bot: Bot) -> None:
    bot.fake.commands[None].append({"id": "1", "name": "gone"})
    answer = await answered(await bot.fake.slash("gone"))
    assert answer["data"]["flags"] & EPHEMERAL
    assert "This command has changed" in shown(answer["data"])
    await bot.serves(AT_ONCE)


async def test_16_an_answer_that_comes_too_late(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    record = bot.fake._new(2, {**bot.fake._find("check"), "type": 1, "options": [PROJECT]})
    await bot.fake.fire(record)
    record["t0"] -= 3.0
    async with asyncio.timeout(5):
        while "was answered too late" not in caplog.text:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
    assert record["callback"] is None
    await bot.serves(AT_ONCE)


# What no error tells


async def test_17_nothing_comes_any_more(
    discord_api: Loopback, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "bot.gateway")
    discord_api.heartbeat_ms = 50
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    bot = Bot(discord_api, database, silence=0.5, look=0.05, sleep=sleep)
    async with bot.running():
        await bot.serves(START)
        await asyncio.sleep(1)
        assert pauses == []  # it lives as long as heartbeats are acknowledged
        (session,) = discord_api.sessions
        session.send = silence
        before = time.monotonic()
        while not pauses:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
        assert 0.4 < time.monotonic() - before < AT_ONCE
        assert not bot.gateway.is_ready()
        await bot.serves(AT_ONCE)
    assert "nothing was heard for" in caplog.text
    assert len(pauses) == 1
    assert await bot.identifies() == 2


async def silence(*_: object) -> None:
    """Send nothing."""


# What Discord allows


async def test_what_discord_says_remains_is_obeyed(
    discord_api: Loopback, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    limit = {**LIMIT, "remaining": 3, "reset_after": 7_200_000}
    body = {"url": "ws://127.0.0.1:1/gateway", "shards": 1, "session_start_limit": limit}
    fail(discord_api, "GET", "gateway/bot$", status=200, body=body)
    paused = asyncio.Event()

    async def sleep(seconds: float) -> None:
        assert 290 < seconds <= 300  # then it looks again
        paused.set()

    bot = Bot(discord_api, database, sleep=sleep)
    async with bot.running():
        await asyncio.wait_for(paused.wait(), 5)
        assert await bot.identifies() == 0
        await bot.serves(AT_ONCE)
    assert "no session may begin for 7200 seconds" in caplog.text


async def test_sessions_that_are_refused_again_and_again_do_not_use_up_the_day(
    discord_api: Loopback, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop of invalid sessions, in which discord.py alone would begin one every 5 seconds."""
    now = [time.time()]
    monkeypatch.setattr(FtBot, "before_identify_hook", hook)
    asked: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        asked.append(seconds)
        now[0] += seconds
        if sum(asked) > 6 * 3600:
            enough.set()
        await asyncio.sleep(0)

    bot = Bot(discord_api, database, sleep=sleep, clock=lambda: now[0])
    bot.gateway._identifies = Identifies(database, clock=lambda: now[0])
    discord_api.heartbeat_ms = 50  # at which a connection that was given up is noticed
    refuse(discord_api)
    async with bot.running():
        await asyncio.wait_for(enough.wait(), 20)
    assert await bot.identifies() < 20 + 15 * sum(asked) / 3600


async def hook(self: FtBot, shard_id: int | None, *, initial: bool = False) -> None:
    """Wait for what counts, and not 5 seconds."""
    del shard_id, initial
    assert self._before_identify is not None
    await self._before_identify()


def refuse(fake: Loopback) -> None:
    """Let every session be invalid."""

    async def identified(*_: object) -> None:
        for session in list(fake.sessions):
            session.ready = False
            await session.send(9, False)

    fake.identified.set = lambda: asyncio.get_running_loop().create_task(identified())
