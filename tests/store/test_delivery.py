"""The outbox over a real database, and a Discord in memory that forgets nonces after a while."""

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.announce.delivery import service
from bot.announce.delivery.model import Parcel
from bot.announce.delivery.service import Outbox
from bot.announce.delivery.store import DeliveryStore
from bot.announce.model import Among, Content, News, Subscription, Topic, What
from bot.announce.subscriptions.store import SubscriptionStore
from bot.db import Database, upgrade
from bot.errors import DatabaseError
from bot.messages import Destination, Done, Failure, Gone, Later, Place, Refused, Rejected, Sent

T = TypeVar("T")

START = 1_800_000_000.0
MINUTE, HOUR = 60.0, 3_600.0
NONCE_WINDOW = 5 * MINUTE
ROOM, HALL, ALICE = Destination("channel", 1), Destination("channel", 2), Destination("user", 3)


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Message:
    channel: int
    nonce: str
    marker: int
    news: tuple[News, ...]
    at: float
    role: int | None = None
    crossposted: bool = False
    edits: int = 0


@dataclass
class Discord:
    """Channels with messages. `script` says what befalls each request, by what comes first.

    An entry is an outcome instead of the real one, and whether it takes effect all the same; or
    an exception, before or after the effect.
    """

    now: float = START
    ready: bool = True
    news_channels: set[int] = field(default_factory=set)
    messages: dict[int, Message] = field(default_factory=dict)
    script: list[tuple[Failure | type[BaseException] | None, bool]] = field(default_factory=list)
    refuses: dict[Destination, str] = field(default_factory=dict)
    looks: int = 0
    tries: int = 0

    def is_ready(self) -> bool:
        return self.ready

    async def send(self, parcel: Parcel, subscription: Subscription | None) -> Sent | Failure:
        self.tries += 1
        role = subscription.role if subscription else None
        return await self._befallen(lambda: self._send(parcel, role))

    def _send(self, parcel: Parcel, role: int | None) -> Sent | Failure:
        if parcel.destination in self.refuses:
            return Refused(self.refuses[parcel.destination])
        channel = parcel.destination.id
        for number, each in self.messages.items():
            fresh = self.now - each.at < NONCE_WINDOW
            if (each.channel, each.nonce) == (channel, parcel.nonce) and fresh:
                return self._sent(number)
        number = len(self.messages) + 1
        self.messages[number] = Message(
            channel, parcel.nonce, parcel.marker, parcel.news, self.now, role
        )
        return self._sent(number)

    def _sent(self, number: int) -> Sent:
        channel = self.messages[number].channel
        return Sent(Place(channel, number), publishable=channel in self.news_channels)

    async def find(self, parcel: Parcel) -> Sent | Later | Refused | None:
        self.looks += 1
        for number, each in self.messages.items():
            if (each.channel, each.marker) == (parcel.destination.id, parcel.marker):
                return self._sent(number)
        return None

    async def edit(
        self, parcel: Parcel, place: Place, subscription: Subscription | None
    ) -> Done | Failure:
        del subscription

        def work() -> Done | Failure:
            if place.message not in self.messages:
                return Gone()
            self.messages[place.message].news = parcel.news
            self.messages[place.message].edits += 1
            return Done()

        return await self._befallen(work)

    async def publish(self, place: Place) -> Done | Failure:
        def work() -> Done | Failure:
            self.messages[place.message].crossposted = True
            return Done()

        return await self._befallen(work)

    async def _befallen(self, work: Callable[[], T]) -> T | Failure:
        await asyncio.sleep(0)
        trouble, effect = self.script.pop(0) if self.script else (None, True)
        if trouble is None:
            return work()
        if effect:
            work()
        if isinstance(trouble, type):
            raise trouble
        return trouble

    def versions(self, destination: Destination = ROOM) -> list[list[str]]:
        """Return what each message of a destination shows."""
        return [
            [shown(each.content) for each in message.news]
            for message in self.messages.values()
            if message.channel == destination.id
        ]


def shown(content: Content) -> str:
    return f"{content.version} {content.withdrawn or ''}".strip()


LOST = Later("502", doubtful=True)
BUSY = Later("429", doubtful=True, seconds=20)
UNREACHED = Later("connection refused", doubtful=False)


class World:
    """A database, a Discord and the outbox between them."""

    def __init__(self, db: Database, discord: Discord) -> None:
        self.db = db
        self.discord = discord
        self.store = DeliveryStore(db)
        self.subscriptions = SubscriptionStore(db)
        self.found = 0
        self.restart()

    def restart(self) -> None:
        """Begin as a new process would: with nothing in memory."""
        self.outbox = Outbox(
            self.store,
            self.subscriptions,
            self.discord,
            clock=lambda: self.discord.now,
            jitter=lambda: 0.0,
        )

    async def subscribe(self, destination: Destination, role: int | None = None) -> None:
        moment = datetime.fromtimestamp(START, UTC)
        if destination.kind == "user":
            for number in range(100):
                await self.subscriptions.watch(destination.id, f"p{number}", moment, most=1000)
            return
        wish = Subscription(destination.id, 1, What.ALL_RELEASES, Among.EVERYTHING, role)
        await self.subscriptions.put(wish, moment, most=1000)

    async def announce(
        self, *destinations: Destination, count: int = 1, digest: bool = False
    ) -> list[int]:
        """Find so many pieces of news at once; the versions are their numbers."""
        ids = []
        async with self.db.write() as tx:
            for _ in range(count):
                content = Content(f"p{self.found % 100}", "P", str(self.found), Topic.GAIN)
                self.found += 1
                moment = datetime.fromtimestamp(self.discord.now, UTC).isoformat()
                rows = await tx.execute_fetchall(
                    "INSERT INTO news (project, version, topic, found, content)"
                    " VALUES (?, ?, ?, ?, ?) RETURNING id",
                    (
                        content.project,
                        content.version,
                        content.topic,
                        moment,
                        msgspec.json.encode(content).decode(),
                    ),
                )
                ids.append(rows[0]["id"])
                new = await self.store.enqueue(tx, ids[-1], destinations, digest=digest)
                assert new == len(destinations)
        return ids

    async def revise(self, news: int, withdrawn: str) -> None:
        """Change what a piece of news says."""
        async with self.db.write() as tx:
            await tx.execute(
                "UPDATE news SET revision = revision + 1,"
                " content = json_set(content, '$.withdrawn', ?) WHERE id = ?",
                (withdrawn, news),
            )

    async def deliver(self, seconds: float = 0.0) -> None:
        """Let a round run so much later."""
        self.discord.now += seconds
        await self.outbox.deliver()

    async def rows(self, columns: str) -> list[tuple[Any, ...]]:
        rows = await self.db.read(f"SELECT {columns} FROM delivery ORDER BY id")  # noqa: S608
        return [tuple(row) for row in rows]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as db:
        made = World(db, Discord())
        for destination in (ROOM, HALL, ALICE):
            await made.subscribe(destination)
        yield made


async def test_each_destination_gets_each_piece_once_in_order(world: World) -> None:
    await world.announce(ROOM, HALL, ALICE, count=3)
    await world.deliver()
    await world.deliver()
    for destination in (ROOM, HALL, ALICE):
        assert world.discord.versions(destination) == [["0"], ["1"], ["2"]]
    assert world.discord.tries == 9
    assert world.discord.looks == 0
    assert set(await world.rows("due, revision, dropped")) == {(None, 1, None)}


async def test_the_same_news_is_not_put_in_twice(world: World) -> None:
    (news,) = await world.announce(ROOM)
    async with world.db.write() as tx:
        assert await world.store.enqueue(tx, news, [ROOM, HALL]) == 1
        assert await world.store.enqueue(tx, news, []) == 0
    await world.deliver()
    assert world.discord.versions(ROOM) == world.discord.versions(HALL) == [["0"]]


async def test_an_enqueueing_that_is_rolled_back_leaves_nothing(world: World) -> None:
    (news,) = await world.announce(ROOM)
    with suppress(ZeroDivisionError):
        async with world.db.write() as tx:
            await world.store.enqueue(tx, news, [HALL])
            raise ZeroDivisionError
    assert await world.rows("destination") == [(str(ROOM),)]


@pytest.mark.parametrize(
    ("trouble", "effect"),
    [(LOST, True), (LOST, False), (BUSY, True), (BUSY, False), (UNREACHED, False)],
)
@pytest.mark.parametrize("pause", [30.0, HOUR / 2])
async def test_a_try_that_fails_is_repeated_without_repeating_the_message(
    world: World, trouble: Later, effect: bool, pause: float
) -> None:
    world.discord.script = [(trouble, effect)]
    await world.announce(ROOM, count=2)
    await world.deliver()
    assert world.discord.tries == 1, "the second message waits for the first"
    await world.deliver()
    assert world.discord.tries == 1, "nothing is tried again at once"
    await world.deliver(pause)
    assert world.discord.versions() == [["0"], ["1"]]
    assert world.discord.looks == int(trouble.doubtful)


async def test_newcomers_wait_for_what_failed(world: World) -> None:
    world.discord.script = [(LOST, False)]
    await world.announce(ROOM)
    await world.deliver()
    await world.announce(ROOM)
    await world.deliver(0.5)
    assert world.discord.tries == 1
    await world.deliver(5)
    assert world.discord.versions() == [["0"], ["1"]]


async def test_the_limit_of_discord_is_waited_for(world: World) -> None:
    world.discord.script = [(Later("429", doubtful=False, seconds=100), False)]
    await world.announce(ROOM)
    await world.deliver()
    await world.deliver(99)
    assert world.discord.tries == 1
    await world.deliver(2)
    assert world.discord.versions() == [["0"]]


async def test_pauses_between_tries_grow(world: World) -> None:
    world.discord.script = [(UNREACHED, False)] * 10
    await world.announce(ROOM)
    tries = []
    for second in range(3600):
        before = world.discord.tries
        await world.deliver(1 if second else 0)
        tries += [second] * (world.discord.tries - before)
        if world.discord.messages:
            break
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


async def test_one_channel_in_trouble_does_not_hold_up_the_others(world: World) -> None:
    world.discord.refuses[ROOM] = "It is gone."
    await world.announce(ROOM, HALL, ALICE, count=3)
    await world.deliver()
    assert world.discord.versions(HALL) == [["0"], ["1"], ["2"]]
    assert world.discord.versions(ALICE) == [["0"], ["1"], ["2"]]
    assert world.outbox.backlog.waiting == 0
    assert world.outbox.backlog.paused == 3


@pytest.mark.parametrize("destination", [ROOM, ALICE])
async def test_a_refusal_pauses_and_keeps_what_waits(
    world: World, destination: Destination
) -> None:
    world.discord.refuses[destination] = "It may not."
    await world.announce(destination, count=2)
    await world.deliver()
    await world.deliver(HOUR / 2)
    assert world.discord.tries == 1
    assert await world.subscriptions.paused(destination) == "It may not."
    world.discord.refuses.clear()
    await world.subscriptions.resume(destination)
    await world.deliver()
    assert world.discord.versions(destination) == [["0"], ["1"]]


@pytest.mark.parametrize("destination", [ROOM, ALICE])
async def test_the_backlog_of_a_long_pause_is_one_message(
    world: World, destination: Destination
) -> None:
    world.discord.refuses[destination] = "It may not."
    await world.announce(destination, count=3)
    await world.deliver()
    await world.announce(destination, count=4)
    world.discord.refuses.clear()
    await world.subscriptions.resume(destination)
    await world.deliver(49 * HOUR)
    assert world.discord.versions(destination) == [list("0123456")]


async def test_a_refusal_after_a_doubtful_try_forgets_nothing(world: World) -> None:
    world.discord.script = [(LOST, True)]
    await world.announce(ROOM)
    await world.deliver()
    kept = dict(world.discord.messages)
    world.discord.messages.clear()  # the channel cannot be seen just now
    world.discord.refuses[ROOM] = "It may not."
    await world.deliver(HOUR / 2)
    assert await world.subscriptions.paused(ROOM) is not None
    world.discord.messages.update(kept)
    world.discord.refuses.clear()
    await world.subscriptions.resume(ROOM)
    await world.deliver(50 * HOUR)
    assert world.discord.versions() == [["0"]]


async def test_an_hour_without_discord(world: World) -> None:
    """What waited long is folded into one message; what is fresh keeps its own; nothing is lost."""
    world.discord.ready = False
    for _ in range(10):
        await world.announce(ROOM)
        await world.deliver(10 * MINUTE)
    world.discord.ready = True
    assert world.discord.tries == 0
    assert world.outbox.backlog.waiting == 10
    oldest = world.outbox.backlog.oldest
    assert oldest is not None
    assert world.discord.now - oldest.timestamp() == 100 * MINUTE
    await world.deliver(40 * MINUTE)
    assert world.discord.versions() == [list("01234567"), ["8"], ["9"]]


async def test_an_hour_of_errors(world: World) -> None:
    world.discord.script = [(LOST, False)] * 14
    await world.announce(ROOM, count=10)
    while world.discord.script:
        await world.deliver(30)
    await world.deliver(5 * MINUTE)
    assert world.discord.versions() in (
        [["0"], list("123456789")],
        [[each] for each in "0123456789"],
    )


async def test_a_message_refused_for_good_is_left_out(world: World) -> None:
    world.discord.script = [(Rejected("400 Invalid Form Body"), False)]
    await world.announce(ROOM, count=2)
    await world.deliver()
    assert world.discord.versions() == [["1"]]
    (why,), _ = await world.rows("dropped")
    assert why == "Discord rejects the message: 400 Invalid Form Body"


async def test_a_message_that_was_deleted_before_it_was_known_is_not_sent_again(
    world: World,
) -> None:
    world.discord.script = [(LOST, True), (Gone(), False)]
    await world.announce(ROOM)
    await world.deliver()
    world.discord.messages.clear()
    await world.deliver(MINUTE)
    await world.deliver(HOUR)
    assert world.discord.versions() == []
    assert await world.rows("dropped, due") == [("The message was deleted.", None)]


async def test_news_that_change_are_edited(world: World) -> None:
    news, _ = await world.announce(ROOM, HALL, count=2)
    await world.deliver()
    await world.revise(news, "yanked")
    assert await world.store.due(world.discord.now) == [ROOM, HALL]
    await world.deliver()
    await world.deliver()
    for destination in (ROOM, HALL):
        assert world.discord.versions(destination) == [["0 yanked"], ["1"]]
    assert sum(each.edits for each in world.discord.messages.values()) == 2


async def test_a_digest_is_edited_as_a_whole(world: World) -> None:
    _, news, _ = await world.announce(ROOM, count=3, digest=True)
    await world.deliver()
    await world.revise(news, "yanked")
    await world.deliver()
    assert world.discord.versions() == [["0", "1 yanked", "2"]]


async def test_news_that_change_before_they_are_sent_are_sent_as_they_are(world: World) -> None:
    (news,) = await world.announce(ROOM)
    await world.revise(news, "yanked")
    await world.deliver()
    assert world.discord.versions() == [["0 yanked"]]
    assert world.discord.messages[1].edits == 0


@pytest.mark.parametrize("effect", [True, False])
async def test_news_that_change_between_two_tries(world: World, effect: bool) -> None:
    """Whichever try worked, the message shows in the end what the news are."""
    world.discord.script = [(LOST, effect)]
    (news,) = await world.announce(ROOM)
    await world.deliver()
    await world.revise(news, "yanked")
    await world.deliver(MINUTE)
    await world.deliver()
    assert world.discord.versions() == [["0 yanked"]]
    assert await world.rows("due, revision") == [(None, 2)]


async def test_an_edit_that_fails_is_repeated(world: World) -> None:
    (news,) = await world.announce(ROOM)
    await world.deliver()
    await world.revise(news, "yanked")
    world.discord.script = [(LOST, False), (BUSY, True)]
    for _ in range(3):
        await world.deliver(MINUTE)
    assert world.discord.versions() == [["0 yanked"]]
    assert not world.discord.script


async def test_a_failing_edit_does_not_hold_up_new_messages(world: World) -> None:
    (news,) = await world.announce(ROOM)
    await world.deliver()
    await world.revise(news, "yanked")
    world.discord.script = [(LOST, False)]
    await world.deliver()
    await world.announce(ROOM)
    await world.deliver()
    assert world.discord.versions() == [["0"], ["1"]]


async def test_a_message_that_was_deleted_is_not_edited_any_more(world: World) -> None:
    (news,) = await world.announce(ROOM)
    await world.deliver()
    world.discord.messages.clear()
    await world.revise(news, "yanked")
    await world.deliver()
    await world.revise(news, "removed")
    await world.deliver()
    assert await world.rows("dropped, due") == [("The message was deleted.", None)]


async def test_a_message_of_a_news_channel_is_crossposted(world: World) -> None:
    world.discord.news_channels = {ROOM.id}
    await world.announce(ROOM, HALL)
    await world.deliver()
    await world.deliver()
    posted = {each.channel: each.crossposted for each in world.discord.messages.values()}
    assert posted == {ROOM.id: True, HALL.id: False}
    assert await world.rows("published, due") == [(2, None), (0, None)]


async def test_crossposting_waits_for_its_limit_and_holds_up_nothing(world: World) -> None:
    world.discord.news_channels = {ROOM.id}
    limit = Later("limit", doubtful=True, seconds=3000)
    world.discord.script = [(None, True), (limit, False)]
    (news,) = await world.announce(ROOM)
    await world.deliver()
    assert not world.discord.messages[1].crossposted
    await world.revise(news, "yanked")
    world.discord.script = [(None, True), (limit, False)]
    await world.deliver(MINUTE)
    assert world.discord.versions() == [["0 yanked"]]
    await world.announce(ROOM)
    await world.deliver()
    assert [each.crossposted for each in world.discord.messages.values()] == [False, True]
    await world.deliver(3001)
    assert [each.crossposted for each in world.discord.messages.values()] == [True, True]


async def test_what_forbids_crossposting_does_not_forbid_posting(world: World) -> None:
    world.discord.news_channels = {ROOM.id}
    world.discord.script = [(None, True), (Rejected("no"), False)]
    await world.announce(ROOM)
    await world.deliver()
    await world.deliver(HOUR)
    assert await world.rows("published, due, dropped") == [(0, None, None)]
    assert await world.subscriptions.paused(ROOM) is None


async def test_a_role_is_handed_on(world: World) -> None:
    await world.subscribe(ROOM, role=77)
    await world.announce(ROOM)
    await world.deliver()
    assert world.discord.messages[1].role == 77


async def test_what_nobody_wants_any_more_is_not_sent(world: World) -> None:
    await world.announce(ROOM, ALICE, count=2)
    await world.subscriptions.delete(1, ROOM.id)
    await world.subscriptions.unwatch(ALICE.id, "p0")
    await world.deliver()
    assert world.discord.versions(ROOM) == []
    assert world.discord.versions(ALICE) == [["1"]]
    assert world.outbox.backlog.waiting == 0


async def test_a_channel_that_is_gone_and_unsubscribed_is_left_alone(world: World) -> None:
    """There is no subscription to pause, so nothing may be tried for ever."""
    world.discord.script = [(None, True), (LOST, False)]
    news, _ = await world.announce(ROOM, count=2)
    await world.deliver()
    await world.subscriptions.delete(1, ROOM.id)
    await world.revise(news, "yanked")
    gone = Refused("The channel no longer exists.")
    world.discord.script = [(gone, False), (gone, False)]
    await world.deliver(MINUTE)
    await world.deliver(MINUTE)
    assert world.discord.script == []
    assert {due for (due,) in await world.rows("due")} == {None}
    assert await world.store.due(world.discord.now + HOUR) == []


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)


async def test_a_channel_is_tried_again_while_others_take_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round lasts as long as its slowest destination, which must be nobody else's loss."""
    monkeypatch.setattr(service, "LOOK_EVERY", 0.01)
    send, slow = world.discord.send, asyncio.Event()

    async def wait(parcel: Parcel, subscription: Subscription | None) -> Sent | Failure:
        if parcel.destination == HALL:
            await slow.wait()
        return await send(parcel, subscription)

    monkeypatch.setattr(world.discord, "send", wait)
    world.discord.script = [(LOST, False)]
    await world.announce(ROOM, HALL)
    delivering = asyncio.create_task(world.outbox.deliver())
    await until(lambda: world.discord.tries > 0)
    await world.announce(ROOM)
    world.discord.now += MINUTE
    await until(lambda: len(world.discord.messages) == 2)
    slow.set()
    await delivering
    assert world.discord.versions(ROOM) == [["0"], ["1"]]
    assert world.discord.versions(HALL) == [["0"]]


async def test_a_row_that_is_due_for_nothing_is_put_to_rest(world: World) -> None:
    await world.announce(ROOM)
    await world.deliver()
    async with world.db.write() as tx:
        await tx.execute("UPDATE delivery SET due = 0")
    await world.deliver()
    assert await world.rows("due") == [(None,)]
    assert world.discord.messages[1].edits == 0


async def test_much_at_once_is_one_direct_message_an_hour(world: World) -> None:
    await world.announce(ALICE, count=3)
    await world.deliver()
    await world.announce(ALICE, count=3)
    await world.deliver()
    await world.announce(ALICE)
    await world.deliver(30 * MINUTE)
    assert world.discord.versions(ALICE) == [["0"], ["1"], ["2"]]
    await world.deliver(31 * MINUTE)
    assert world.discord.versions(ALICE) == [["0"], ["1"], ["2"], ["3", "4", "5", "6"]]


async def test_a_flood_takes_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel with much to tell does not keep the others waiting."""
    monkeypatch.setattr(service, "AT_A_TIME", 1)
    world.restart()
    await world.announce(ROOM, count=4 * service.TURN)
    await world.announce(HALL)
    await world.deliver()
    channels = [each.channel for each in world.discord.messages.values()]
    assert channels.index(HALL.id) <= service.TURN
    assert world.discord.versions() == [[str(number)] for number in range(4 * service.TURN)]


@pytest.mark.parametrize("jump", [-1000 * HOUR, -5 * MINUTE, 5 * MINUTE, 1000 * HOUR])
@pytest.mark.parametrize("effect", [True, False])
async def test_a_clock_that_jumps_neither_loses_nor_repeats(
    world: World, jump: float, effect: bool
) -> None:
    world.discord.script = [(LOST, effect)]
    await world.announce(ROOM, ALICE, count=2)
    await world.deliver()
    for each in world.discord.messages.values():
        each.at -= 10 * HOUR  # no nonce helps
    await world.deliver(jump)
    await world.announce(ROOM, ALICE)
    for _ in range(8):
        await world.deliver(10 * MINUTE)
    for destination in (ROOM, ALICE):
        found = Counter(chain.from_iterable(world.discord.versions(destination)))
        assert found == Counter("012")


async def test_two_processes_send_it_once(world: World) -> None:
    """A lease keeps them apart; if it fails, the rows and the nonce do."""
    await world.announce(ROOM, HALL, count=5)
    other = World(world.db, world.discord)
    await asyncio.gather(world.outbox.deliver(), other.outbox.deliver())
    for destination in (ROOM, HALL):
        assert world.discord.versions(destination) == [[each] for each in "01234"]
    assert len({message for (message,) in await world.rows("message")}) == 10


async def test_a_database_in_trouble_is_told_after_the_others_were_served(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = world.subscriptions.get

    async def fail(channel: int) -> Subscription | None:
        if channel == ROOM.id:
            raise DatabaseError("The file is locked.")
        return await get(channel)

    monkeypatch.setattr(world.subscriptions, "get", fail)
    await world.announce(ROOM, HALL)
    with pytest.raises(DatabaseError, match="locked"):
        await world.deliver()
    assert world.discord.versions(HALL) == [["0"]]


async def test_an_end_in_the_middle_leaves_no_task(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = asyncio.Event()

    async def hang(parcel: Parcel, subscription: Subscription | None) -> Sent:
        del parcel, subscription
        stuck.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(world.discord, "send", hang)
    await world.announce(ROOM)
    before = asyncio.all_tasks()
    round_ = asyncio.create_task(world.outbox.deliver())
    await stuck.wait()
    round_.cancel()
    with pytest.raises(asyncio.CancelledError):
        await round_
    assert asyncio.all_tasks() == before


async def test_looking_for_work_reads_no_table_as_a_whole(world: World) -> None:
    """Nothing is due most of the time, and the table has a row for each message ever sent."""
    conditions = [
        "due <= 1 OR due > 2",
        "destination = 'channel:1' AND message IS NULL AND dropped IS NULL",
        "message IS NULL AND dropped IS NULL GROUP BY destination",
        "parcel = 1",
    ]
    query = "EXPLAIN QUERY PLAN SELECT destination FROM delivery WHERE "
    plans = [await world.db.read(query + each) for each in conditions]
    details = [row["detail"] for rows in plans for row in rows]
    assert not [each for each in details if each == "SCAN delivery"]


# Whatever happens, in whatever order


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "ftbot.sqlite3"
    upgrade(path)
    return path


TROUBLES: Sequence[Failure | type[BaseException]] = (LOST, BUSY, Killed, UNREACHED)
EVENTS = ["announce", "revise", "deliver", "wait", "long wait", "restart"]


@given(
    seed=st.integers(0, 2**32),
    events=st.lists(st.sampled_from(EVENTS), min_size=5, max_size=40),
)
@settings(max_examples=30, deadline=None)
def test_exactly_once_whatever_happens(template: Path, seed: int, events: list[str]) -> None:
    asyncio.run(live(template, random.Random(seed), events))


async def live(template: Path, chance: random.Random, events: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(template, folder))
        async with Database.open(path) as db:
            world = World(db, Discord(news_channels={ROOM.id}))
            for destination in (ROOM, HALL, ALICE):
                await world.subscribe(destination)
            for event in events:
                await happen(world, event, chance)
            world.discord.script.clear()
            for _ in range(20):
                await world.deliver(20 * MINUTE)
            await judge(world)


async def happen(world: World, event: str, chance: random.Random) -> None:
    if event == "announce":
        await world.announce(ROOM, HALL, ALICE, count=chance.randrange(1, 4))
    elif event == "revise" and world.found:
        await world.revise(chance.randrange(world.found) + 1, str(chance.random()))
    elif event == "restart":
        world.restart()
    else:
        world.discord.script = [trouble(chance) for _ in range(chance.randrange(6))]
        pause = {"wait": 10.0, "long wait": 40 * MINUTE}.get(event, 0.1)
        try:
            await world.deliver(pause)
        except Killed:
            world.restart()


def trouble(chance: random.Random) -> tuple[Failure | type[BaseException] | None, bool]:
    kind = chance.choice([None, *TROUBLES])
    return kind, kind is not UNREACHED and chance.random() < 0.5


async def judge(world: World) -> None:
    """Every piece is in just one message of each destination, as it is now."""
    rows = await world.db.read("SELECT id, content FROM news ORDER BY id")
    now = {row["id"]: shown(msgspec.json.decode(row["content"], type=Content)) for row in rows}
    for destination in (ROOM, HALL, ALICE):
        found = [
            (news.id, shown(news.content))
            for message in world.discord.messages.values()
            if message.channel == destination.id
            for news in message.news
        ]
        assert sorted(found) == sorted(now.items())
    assert all(
        each.crossposted for each in world.discord.messages.values() if each.channel == ROOM.id
    )
    assert {row[0] for row in await world.rows("due")} <= {None}
