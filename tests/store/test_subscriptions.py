from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from bot.announce.model import Among, Content, Novelty, Subscription, Topic, What
from bot.announce.subscriptions.service import (
    ABSENT,
    MOST_CHANNELS,
    MOST_WATCHES,
    SubscriptionService,
    WatchService,
)
from bot.announce.subscriptions.store import SubscriptionStore
from bot.check.model import Answer
from bot.compat.model import Target
from bot.db import Database
from bot.errors import ProjectNotFound, UserError
from bot.messages import Destination
from tests.ui.answers import answer

ALICE, BOB = 901, 902
GUILD, OTHER = 1, 2


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        yield database


@pytest.fixture
def store(database: Database) -> SubscriptionStore:
    return SubscriptionStore(database)


@dataclass
class Clock:
    time: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


@dataclass
class Index:
    """Knows NumPy alone."""

    asked: list[str] = field(default_factory=list)

    async def answer(self, project: str, targets: Sequence[Target]) -> Answer:
        assert not targets
        self.asked.append(project)
        if project.lower() != "numpy":
            raise ProjectNotFound(project, ("numpy",))
        return replace(answer(), project="numpy", name="NumPy")


@pytest.fixture
def channels(store: SubscriptionStore) -> SubscriptionService:
    return SubscriptionService(store, site="https://index.example", now=Clock())


@pytest.fixture
def people(store: SubscriptionStore) -> WatchService:
    return WatchService(store, Index(), now=Clock())


def content(
    topic: Topic = Topic.GAIN,
    novelty: Novelty = Novelty.FIRST,
    version: str = "2.0",
    **more: object,
) -> Content:
    plain = Content("numpy", "NumPy", version, topic, novelty)
    return msgspec.structs.replace(plain, **more)


async def interested(database: Database, news: Content) -> list[str]:
    async with database.write() as tx:
        return [str(each) for each in await SubscriptionStore(database).interested(tx, news)]


def channel(number: int) -> Destination:
    return Destination("channel", number)


def user(number: int) -> Destination:
    return Destination("user", number)


@pytest.mark.parametrize(
    ("news", "hears"),
    [
        (content(), True),
        (content(novelty=Novelty.PYTHON), True),
        (content(novelty=Novelty.PLATFORM), True),
        (content(novelty=Novelty.NOTHING), False),
        (content(Topic.LOSS, Novelty.NOTHING), True),
        (content(Topic.WITHDRAWAL, Novelty.NOTHING), True),
    ],
)
async def test_new_support_is_more_than_another_release(
    database: Database, channels: SubscriptionService, news: Content, *, hears: bool
) -> None:
    await channels.subscribe(GUILD, 10, What.NEW_SUPPORT, Among.EVERYTHING)
    await channels.subscribe(GUILD, 11, What.ALL_RELEASES, Among.EVERYTHING)
    assert await interested(database, news) == ["channel:10"] * hears + ["channel:11"]


@pytest.mark.parametrize(
    ("rank", "hears"),
    [
        (1, [10, 11, 12]),
        (1_000, [10, 11, 12]),
        (1_001, [11, 12]),
        (15_000, [11, 12]),
        (15_001, [12]),
        (None, [12]),
    ],
)
@pytest.mark.parametrize("what", list(What))
async def test_ranks_decide_among_what(
    database: Database,
    channels: SubscriptionService,
    what: What,
    rank: int | None,
    hears: list[int],
) -> None:
    for number, among in enumerate(Among, 10):
        await channels.subscribe(GUILD, number, what, among)
    assert await interested(database, content(rank=rank)) == [f"channel:{n}" for n in hears]


async def test_people_hear_of_the_projects_they_watch(
    database: Database, store: SubscriptionStore, people: WatchService
) -> None:
    await people.add(BOB, "numpy")
    await people.add(ALICE, "numpy")
    await people.toggle(ALICE, "scipy")
    news = content(novelty=Novelty.NOTHING)
    assert await interested(database, news) == [f"user:{ALICE}", f"user:{BOB}"]
    assert await interested(database, msgspec.structs.replace(news, project="scipy")) == [
        f"user:{ALICE}"
    ]
    assert await store.watched() == {"numpy", "scipy"}


async def test_the_paused_are_interested_and_known_to_be_paused(
    database: Database,
    store: SubscriptionStore,
    channels: SubscriptionService,
    people: WatchService,
) -> None:
    await channels.subscribe(GUILD, 10, None, Among.EVERYTHING)
    await people.add(ALICE, "numpy")
    for place in (channel(10), user(ALICE)):
        await store.pause(place, "It is closed.")
        assert await store.paused(place) == "It is closed."
    assert await interested(database, content()) == ["channel:10", f"user:{ALICE}"]
    assert await store.destinations_paused() == {"channel:10", f"user:{ALICE}"}
    for place in (channel(10), user(ALICE)):
        await store.resume(place)
        assert await store.paused(place) is None
    assert await store.destinations_paused() == set()


async def test_a_channel_and_a_person_of_the_same_number_are_two(
    store: SubscriptionStore, channels: SubscriptionService
) -> None:
    await channels.subscribe(GUILD, 10)
    await store.pause(user(10), "It is closed.")
    assert await store.paused(channel(10)) is None
    assert await store.paused(user(10)) == "It is closed."
    await store.resume(channel(10))
    assert await store.destinations_paused() == {"user:10"}


async def test_pausing_what_is_gone_leaves_nothing(store: SubscriptionStore) -> None:
    await store.pause(channel(10), "It is deleted.")
    assert await store.paused(channel(10)) is None
    assert await store.get(10) is None


async def test_a_first_wish_and_what_is_left_out_later(
    store: SubscriptionStore, channels: SubscriptionService
) -> None:
    first = Subscription(10, GUILD, What.NEW_SUPPORT, Among.TOP_15000)
    assert await channels.subscribe(GUILD, 10) == first == await store.get(10)
    changed = replace(first, what=What.ALL_RELEASES, role=77)
    assert await channels.subscribe(GUILD, 10, What.ALL_RELEASES, None, 77) == changed
    assert await channels.subscribe(GUILD, 10, None, Among.TOP_1000) == replace(
        changed, among=Among.TOP_1000
    )
    assert len(await channels.subscriptions(GUILD)) == 1


async def test_subscribing_again_resumes(
    store: SubscriptionStore, channels: SubscriptionService
) -> None:
    await channels.subscribe(GUILD, 10)
    await store.pause(channel(10), "It is closed.")
    assert [wish.paused for wish in await channels.subscriptions(GUILD)] == ["It is closed."]
    assert (await channels.subscribe(GUILD, 10)).paused is None
    assert await store.destinations_paused() == set()


async def test_servers_see_and_end_their_own_only(channels: SubscriptionService) -> None:
    await channels.subscribe(GUILD, 11)
    await channels.subscribe(GUILD, 10)
    await channels.subscribe(OTHER, 20)
    assert [wish.channel for wish in await channels.subscriptions(GUILD)] == [11, 10]
    with pytest.raises(UserError, match="not subscribed"):
        await channels.unsubscribe(GUILD, 20)
    await channels.unsubscribe(OTHER, 20)
    assert await channels.subscriptions(OTHER) == []
    with pytest.raises(UserError, match="not subscribed"):
        await channels.unsubscribe(OTHER, 20)


async def test_a_server_has_a_limit(channels: SubscriptionService) -> None:
    for number in range(MOST_CHANNELS):
        await channels.subscribe(GUILD, number)
    with pytest.raises(UserError, match="which is the most"):
        await channels.subscribe(GUILD, 5_000)
    await channels.subscribe(GUILD, 0, What.ALL_RELEASES)
    await channels.subscribe(OTHER, 5_000)


async def test_a_server_left_waits_for_the_return(
    store: SubscriptionStore, channels: SubscriptionService
) -> None:
    for guild, number in ((GUILD, 10), (GUILD, 11), (OTHER, 20)):
        await channels.subscribe(guild, number)
    await store.pause(channel(11), "It is closed.")
    await channels.left(GUILD)
    assert {wish.paused for wish in await channels.subscriptions(GUILD)} == {ABSENT}
    await store.pause(channel(20), "It is closed.")
    await channels.returned({GUILD, OTHER})
    assert await store.destinations_paused() == {"channel:20"}
    await channels.returned({OTHER})
    assert await store.destinations_paused() == {"channel:20"}


async def test_the_example_is_the_newest_that_can_be_had(
    database: Database, channels: SubscriptionService
) -> None:
    assert await channels.example() is None
    told = [
        content(version="1"),
        content(version="2"),
        content(version="3", withdrawn="yanked"),
        content(Topic.LOSS, version="4"),
    ]
    async with database.write() as tx:
        for each in told:
            await tx.execute(
                "INSERT INTO news (project, version, topic, found, content)"
                " VALUES (?, ?, ?, '', ?)",
                (each.project, each.version, each.topic, msgspec.json.encode(each).decode()),
            )
    found = await channels.example()
    assert found is not None
    assert (found.content, found.revision) == (told[1], 1)


async def test_watching(people: WatchService) -> None:
    assert await people.add(ALICE, "NumPy") is None
    assert await people.add(ALICE, "numpy") is None
    assert (await people.watches(ALICE)).projects == ("numpy",)
    assert (await people.watches(BOB)).projects == ()
    await people.remove(ALICE, "NumPy")
    assert (await people.watches(ALICE)).projects == ()
    with pytest.raises(UserError, match="don't watch numpy"):
        await people.remove(ALICE, "numpy")


async def test_only_what_exists_is_watched(people: WatchService) -> None:
    with pytest.raises(ProjectNotFound) as raised:
        await people.add(ALICE, "nunpy")
    assert raised.value.suggestions == ("numpy",)
    assert (await people.watches(ALICE)).projects == ()


async def test_toggling(people: WatchService) -> None:
    states = [await people.toggle(ALICE, "Scikit_Learn") for _ in range(3)]
    assert states == [True, False, True]
    assert (await people.watches(ALICE)).projects == ("scikit-learn",)


async def test_a_person_has_a_limit(people: WatchService) -> None:
    for number in range(MOST_WATCHES):
        await people.toggle(ALICE, f"project-{number}")
    for attempt in (people.toggle(ALICE, "scipy"), people.add(ALICE, "numpy")):
        with pytest.raises(UserError, match="which is the most"):
            await attempt
    assert len((await people.watches(ALICE)).projects) == MOST_WATCHES
    assert await people.toggle(BOB, "scipy")
    await people.toggle(ALICE, "project-0")
    assert await people.toggle(ALICE, "scipy")


async def test_watching_again_opens_closed_direct_messages(
    store: SubscriptionStore, people: WatchService
) -> None:
    await people.add(ALICE, "numpy")
    await store.pause(user(ALICE), "They are closed.")
    assert (await people.watches(ALICE)).paused == "They are closed."
    assert await people.add(ALICE, "numpy") == "They are closed."
    assert await people.add(ALICE, "numpy") is None
    assert (await people.watches(ALICE)).paused is None
