"""Announcements on their way through the real client to a Discord on loopback."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from bot.announce.delivery.service import Outbox
from bot.announce.delivery.store import DeliveryStore
from bot.announce.model import Among, Content, Held, Novelty, Subscription, Topic, What
from bot.announce.subscriptions.store import SubscriptionStore
from bot.client import FtBot
from bot.courier import carrier
from bot.courier.carrier import Carrier
from bot.courier.news import NewsCourier
from bot.db import Database
from bot.messages import Destination
from bot.ui import announce
from tests.cogs.fakes import Index, services_on
from tests.e2e.loopback import Loopback, loopback, pointed_at, running, shown

# The loopback server stores things on requests under plain names.
pytestmark = pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")

HOUR = 3_600.0
GUILD = 3000000000000000001
GENERAL = Destination("channel", 4000000000000000001)
RELEASES = Destination("channel", 4000000000000000002)  # a news channel
DELETED = Destination("channel", 4000000000000000008)
ALICE = Destination("user", 2000000000000000001)
DIRECT = 4000000000000000009
TO_GENERAL = f"/channels/{GENERAL.id}/messages$"


class World:
    """A bot on Discord, its outbox, and a clock that can be set forward."""

    def __init__(self, db: Database, fake: Loopback) -> None:
        self.db = db
        self.fake = fake
        self.ahead = 0.0
        self.clients: list[FtBot] = []
        self.store = DeliveryStore(db)
        self.subscriptions = SubscriptionStore(db)
        self.courier = NewsCourier(
            Carrier(lambda: self.clients[-1] if self.clients else None),
            site="https://index.example",
        )
        self.outbox = Outbox(
            self.store,
            self.subscriptions,
            self.courier,
            clock=lambda: time.time() + self.ahead,
            jitter=lambda: 0.0,
        )

    def build(self) -> FtBot:
        index = Index()
        client = FtBot(services_on(self.db, index, index))
        client._connection.guild_ready_timeout = 0.01  # there is one server, which comes at once
        self.clients.append(client)
        return client

    async def subscribe(self, destination: Destination, role: int | None = None) -> None:
        now = datetime.now(UTC)
        if destination.kind == "user":
            await self.subscriptions.watch(destination.id, "numpy", now, most=9)
        wish = Subscription(destination.id, GUILD, What.ALL_RELEASES, Among.EVERYTHING, role)
        await self.subscriptions.put(wish, now, most=9)

    async def announce(self, destination: Destination, version: str = "2.0") -> None:
        content = Content(
            project="numpy",
            name="NumPy",
            version=version,
            topic=Topic.GAIN,
            novelty=Novelty.PYTHON,
            held=(Held("3.14t", "linux-x86_64"), Held("3.15t", "linux-x86_64")),
            new=(Held("3.15t", "linux-x86_64"),),
            rank=20,
            wheels=2,
        )
        async with self.db.write() as tx:
            rows = await tx.execute_fetchall(
                "INSERT INTO news (project, version, topic, found, content)"
                " VALUES ('numpy', ?, 'gain', ?, ?) RETURNING id",
                (version, datetime.now(UTC).isoformat(), msgspec.json.encode(content).decode()),
            )
            await self.store.enqueue(tx, rows[0]["id"], [destination])

    async def withdraw(self) -> None:
        async with self.db.write() as tx:
            await tx.execute(
                "UPDATE news SET revision = revision + 1,"
                " content = json_set(content, '$.withdrawn', 'broken on Windows')"
            )

    async def deliver(self, ahead: float = 0.0) -> None:
        self.ahead += ahead
        await self.outbox.deliver()

    async def chat(self, count: int) -> None:
        """Let people write so much, and the bot something that is no news."""
        for _ in range(count):
            self.fake.user_message("Chat", str(GENERAL.id))
        await self.clients[-1].get_partial_messageable(GENERAL.id).send("Not news")

    def messages(self, channel: int = GENERAL.id) -> list[dict[str, Any]]:
        return [
            each
            for each in self.fake.messages.values()
            if each["channel_id"] == str(channel) and each["author"].get("bot")
        ]

    def fail(self, method: str, path: str, **what: object) -> None:
        self.fake.faults.append({"method": method, "path_re": path, "times": 1, **what})

    def requests(self, method: str, ending: str) -> list[dict[str, Any]]:
        return [
            each
            for each in self.fake.requests
            if each["method"] == method and each["path"].endswith(ending)
        ]

    async def fate(self) -> tuple[str | None, float | None]:
        ((dropped, due),) = await self.db.read("SELECT dropped, due FROM delivery")
        return dropped, due


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with (
        Database.open(tmp_path / "ftbot.sqlite3") as db,
        loopback() as fake,
    ):
        world = World(db, fake)
        for destination in (GENERAL, RELEASES, DELETED, ALICE):
            await world.subscribe(destination)
        with pointed_at(fake):
            async with running(fake, world.build):
                await asyncio.wait_for(world.clients[-1].wait_until_ready(), 10)
                yield world


async def test_messages_go_as_soon_as_each_server_is_there(world: World) -> None:
    client = world.clients[-1]
    client._ready.clear()  # as while discord.py waits for more of them
    assert world.courier.is_ready()
    await world.fake.dispatch("GUILD_DELETE", {"id": str(GUILD), "unavailable": True})
    while client.guilds[0].unavailable is False:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)
    assert not world.courier.is_ready()


@pytest.mark.parametrize(
    ("servers", "shards", "ready"),
    [
        ([], None, False),  # it has not logged in
        ([], 1, False),
        ([(0, False)], 1, True),
        ([(0, False), (0, True)], 1, False),
        ([(0, False)], 2, False),  # the other one's are not named yet
        ([(0, False), (1, True)], 2, False),
        ([(0, False), (1, False), (1, False)], 2, True),
    ],
)
def test_all_shards_servers_are_waited_for(
    servers: list[tuple[int, bool]], shards: int | None, ready: bool
) -> None:
    guilds = [SimpleNamespace(shard_id=shard, unavailable=there) for shard, there in servers]
    client: Any = SimpleNamespace(
        guilds=guilds, shard_count=shards, is_ready=lambda: False, is_closed=lambda: False
    )
    assert Carrier(lambda: client).is_ready() is ready


async def test_a_message_arrives(world: World) -> None:
    await world.announce(GENERAL)
    await world.deliver()
    await world.deliver(HOUR)
    (message,) = world.messages()
    assert "## NumPy 2.0" in shown(message)
    assert "https://index.example/project/numpy/" in str(message["components"])
    (request,) = world.requests("POST", f"/channels/{GENERAL.id}/messages")
    assert request["body"]["enforce_nonce"] is True
    assert 20 <= len(request["body"]["nonce"]) <= 25


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize("long_ago", [True, False])
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503},
        {"drop": True},
        {"status": 429, "body": {"retry_after": 999}},
        {"status": 429, "headers": {"Via": ""}, "body": {}},
    ],
    ids=["503", "reset", "rate limit", "banned for a while"],
)
async def test_a_try_that_fails_is_repeated_without_repeating_the_message(
    world: World, fault: dict[str, Any], effect: bool, long_ago: bool
) -> None:
    world.fail("POST", TO_GENERAL, after=effect, **fault)
    await world.announce(GENERAL)
    await world.announce(GENERAL, "2.1")
    await world.deliver()
    assert len(world.messages()) == int(effect)
    if long_ago:
        world.fake.nonces.clear()
        await world.chat(60)
    await world.deliver(HOUR / 3)
    assert [shown(each)[:12] for each in world.messages() if each["components"]] == [
        "## NumPy 2.0",
        "## NumPy 2.1",
    ]
    assert len(world.requests("GET", f"/channels/{GENERAL.id}/messages")) == 1


async def test_it_looks_further_back_than_a_page(world: World) -> None:
    world.fail("POST", TO_GENERAL, after=True, drop=True)
    await world.announce(GENERAL)
    await world.deliver()
    world.fake.nonces.clear()
    page = world.fake.user_message("Chat", str(GENERAL.id))
    world.fail("GET", TO_GENERAL, status=200, body=[page] * 100)
    await world.deliver(HOUR / 3)
    assert len(world.messages()) == 1
    first, second = world.requests("GET", f"/channels/{GENERAL.id}/messages")
    assert "before" not in first["query"]
    assert second["query"]["before"] == page["id"]


async def test_a_first_try_in_the_future_is_looked_for_all_the_same(world: World) -> None:
    """The clock was ahead by a year when it was tried, and is right again."""
    world.fail("POST", TO_GENERAL, after=True, drop=True)
    await world.announce(GENERAL)
    await world.deliver(365 * 24 * HOUR)
    world.fake.nonces.clear()
    await world.chat(60)
    await world.deliver(-365 * 24 * HOUR)
    assert len([each for each in world.messages() if each["components"]]) == 1


REFUSALS = [
    (403, 50001, "ftbot cannot see the channel: it needs the permission View Channel there."),
    (
        403,
        50013,
        "ftbot may not write in the channel: it needs the permission Send Messages there.",
    ),
    (403, 160005, "Discord lets ftbot send nothing there: Thread is locked."),
    (400, 50008, "The channel is not one for text messages."),
]


@pytest.mark.parametrize(("status", "code", "reason"), REFUSALS)
async def test_a_channel_that_refuses_is_paused_with_a_reason(
    world: World, status: int, code: int, reason: str
) -> None:
    body = {"code": code, "message": "Thread is locked"}
    world.fail("POST", TO_GENERAL, status=status, body=body)
    await world.announce(GENERAL)
    await world.deliver()
    assert await world.subscriptions.paused(GENERAL) == reason
    await world.deliver(HOUR)
    assert world.messages() == []
    await world.subscriptions.resume(GENERAL)
    await world.deliver()
    assert len(world.messages()) == 1


async def test_a_channel_that_was_deleted_does_not_hold_up_the_others(world: World) -> None:
    await world.announce(DELETED)
    await world.announce(GENERAL, "2.1")
    await world.deliver()
    assert await world.subscriptions.paused(DELETED) == "The channel no longer exists."
    assert len(world.messages()) == 1


@pytest.mark.parametrize("status", [403, 404, 500, 520])
async def test_what_stands_before_discord_pauses_nobody(world: World, status: int) -> None:
    """A proxy's page about a fault has no code of Discord's."""
    world.fail(
        "POST", TO_GENERAL, status=status, body="<html>", headers={"Content-Type": "text/html"}
    )
    await world.announce(GENERAL)
    await world.deliver()
    assert await world.subscriptions.paused(GENERAL) is None
    await world.deliver(HOUR / 3)
    assert len(world.messages()) == 1


async def test_a_message_that_was_deleted_at_once_is_not_sent_again(world: World) -> None:
    world.fail("POST", TO_GENERAL, status=404, body={"code": 10008, "message": "Unknown Message"})
    await world.announce(GENERAL)
    await world.deliver()
    await world.deliver(HOUR)
    assert world.messages() == []
    assert await world.fate() == ("The message was deleted.", None)


async def test_a_message_that_discord_rejects_is_left_out(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"code": 50035, "message": "Invalid Form Body"}
    world.fail("POST", TO_GENERAL, status=400, body=body)
    await world.announce(GENERAL)
    await world.announce(GENERAL, "2.1")
    await world.deliver()
    assert "## NumPy 2.1" in shown(*world.messages())
    assert "Invalid Form Body" in caplog.text


async def test_news_that_cannot_be_shown_are_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(announce, "message", None)
        await world.announce(GENERAL)
        await world.deliver()
    await world.announce(GENERAL, "2.1")
    await world.deliver()
    assert "## NumPy 2.1" in shown(*world.messages())
    assert "cannot be shown" in caplog.text


async def test_a_withdrawn_release_is_edited(world: World) -> None:
    await world.announce(GENERAL)
    await world.deliver()
    (message,) = world.messages()
    await world.withdraw()
    world.fail("PATCH", TO_GENERAL.replace("$", ""), status=503, after=True)
    await world.deliver()
    await world.deliver(HOUR / 3)
    assert world.messages() == [message]
    assert "broken on Windows" in shown(message)
    assert await world.fate() == (None, None)


async def test_a_message_that_was_deleted_is_not_edited(world: World) -> None:
    await world.announce(GENERAL)
    await world.deliver()
    world.fake.messages.clear()
    await world.withdraw()
    await world.deliver()
    assert await world.fate() == ("The message was deleted.", None)


async def test_a_news_channel_is_crossposted(world: World) -> None:
    await world.announce(RELEASES)
    await world.deliver()
    (message,) = world.messages(RELEASES.id)
    assert message["flags"] & 1
    assert len(world.requests("POST", "/crosspost")) == 1


@pytest.mark.parametrize(
    ("status", "body", "again"),
    [
        (429, {"retry_after": 1800.0}, True),
        (503, {}, True),
        (400, {"code": 40033, "message": "Already"}, False),
        (403, {"code": 50013, "message": "Missing Permissions"}, False),
    ],
)
async def test_crossposting_is_put_off_or_given_up(
    world: World, status: int, body: dict[str, Any], again: bool
) -> None:
    world.fail("POST", "/crosspost$", status=status, body=body)
    await world.announce(RELEASES)
    await asyncio.wait_for(world.deliver(), 5)
    await world.deliver()
    assert len(world.requests("POST", "/crosspost")) == 1
    await world.deliver(HOUR - 60)
    assert len(world.requests("POST", "/crosspost")) == 1 + again
    assert await world.subscriptions.paused(RELEASES) is None
    assert await world.fate() == (None, None)


async def test_a_direct_message_arrives(world: World) -> None:
    await world.announce(ALICE)
    await world.deliver()
    (message,) = world.messages(DIRECT)
    assert "Stop watching" in str(message["components"])
    (request,) = world.requests("POST", "/users/@me/channels")
    assert request["body"]["recipient_id"] == ALICE.id
    await world.withdraw()
    await world.deliver()
    assert "broken on Windows" in shown(message)


async def test_closed_direct_messages_are_paused(world: World) -> None:
    body = {"code": 50007, "message": "Cannot send messages to this user"}
    world.fail("POST", f"/channels/{DIRECT}/messages$", status=403, body=body)
    await world.announce(ALICE)
    await world.deliver()
    await world.deliver(HOUR)
    assert len(world.requests("POST", f"/channels/{DIRECT}/messages")) == 1
    reason = await world.subscriptions.paused(ALICE)
    assert reason == "The person does not accept direct messages from ftbot."


@pytest.mark.parametrize(("role", "mentioned"), [(GUILD, True), (999, False)])
async def test_a_role_is_mentioned_while_it_exists(
    world: World, role: int, mentioned: bool
) -> None:
    await world.subscribe(GENERAL, role)
    await world.announce(GENERAL)
    await world.deliver()
    (request,) = world.requests("POST", f"/channels/{GENERAL.id}/messages")
    assert request["body"]["allowed_mentions"] == (
        {"parse": [], "roles": [role]} if mentioned else {"parse": []}
    )
    (message,) = world.messages()
    assert (f"<@&{role}>" in shown(message)) is mentioned
    world.fake.requests.remove(request)  # no other message may mention anything


async def test_without_a_client_everything_waits(world: World) -> None:
    await world.announce(GENERAL)
    client = world.clients.pop()
    await world.deliver()
    assert world.outbox.backlog.waiting == 1
    assert not world.courier.is_ready()
    world.clients.append(FtBot(client.services))  # one that has not logged in yet
    await world.deliver()
    assert world.messages() == []
    world.clients[:] = [client]
    await world.deliver()
    assert len(world.messages()) == 1


async def test_a_request_without_an_answer_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "_PATIENCE", 0.2)
    world.fail("POST", TO_GENERAL, after=True, delay=1)
    await world.announce(GENERAL)
    await world.deliver()
    await world.deliver(HOUR / 3)
    assert len(world.messages()) == 1
    assert await world.fate() == (None, None)
