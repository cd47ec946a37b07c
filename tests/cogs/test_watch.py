import discord
import pytest
import simcord
from msgspec.structs import replace

from bot.announce.model import Content, News
from bot.announce.subscriptions.store import SubscriptionStore
from bot.db import Database, Speakers
from bot.errors import ProjectNotFound, UserError
from bot.messages import Destination
from bot.ui import announce
from tests.cogs.conftest import Tongues, World
from tests.cogs.showing import BUTTON, parts, texts
from tests.ui.test_announce import GAIN

NUMPY = replace(GAIN, project="numpy", name="NumPy")
NUMBA = replace(GAIN, project="numba", name="numba")


@pytest.fixture
def store(database: Database) -> SubscriptionStore:
    return SubscriptionStore(database)


async def announced(
    world: World, *contents: Content, person: simcord.UserHandle | None = None
) -> discord.Message:
    """Let the bot announce, in the channel or to a person."""
    news = [News(number, 1, content) for number, content in enumerate(contents, 1)]
    view = announce.message(news, role=None, parcel=7, personal=person is not None)
    bot = world.env.bot
    place = await bot.fetch_user(person.id) if person else bot.get_channel(world.channel.id)
    assert isinstance(place, discord.abc.Messageable)
    return await place.send(view=view)


async def test_from_beginning_to_end(world: World) -> None:
    member, channel = world.member, world.channel
    assert "You watch nothing" in texts(await member.slash(channel, "watch list"))
    result = await member.slash(channel, "watch add", project="numpy")
    assert result.ephemeral
    assert "**You watch numpy.**\nNews of its free-threaded wheels comes" in texts(result)
    await member.slash(channel, "watch add", project="numba")
    shown = texts(await member.slash(channel, "watch list"))
    assert shown == "**You watch 2 projects.**\n- numba\n- numpy"
    result = await member.slash(channel, "watch remove", project="NumPy")
    assert "You no longer watch NumPy" in texts(result)
    assert texts(await member.slash(channel, "watch list")).endswith("1 project.**\n- numba")


async def test_in_direct_messages(world: World) -> None:
    bob = world.env.create_user("bob")
    assert "You watch numpy" in texts(await bob.slash("watch add", project="numpy"))
    assert "- numpy" in texts(await bob.slash("watch list"))


async def test_unknown_projects_lead_to_what_was_meant(
    world: World, store: SubscriptionStore
) -> None:
    result = await world.member.slash(world.channel, "watch add", project="nunpy")
    simcord.assert_error(world.env, ProjectNotFound)
    assert "There is no project named nunpy" in texts(result)
    assert [each["label"] for each in parts(result, BUTTON)] == ["numpy", "numba"]
    assert await store.watches(world.member.id) == []


async def test_what_is_not_watched_cannot_be_removed(world: World) -> None:
    result = await world.member.slash(world.channel, "watch remove", project="numpy")
    simcord.assert_error(world.env, UserError)
    assert "You don't watch numpy." in texts(result)


@pytest.mark.parametrize(
    "typed", ["@everyone <@1>", "# **x** [y](https://evil.example)", "y" * 4_000, "\u202egnp", " "]
)
async def test_what_is_no_name_cannot_be_removed(world: World, typed: str) -> None:
    result = await world.member.slash(world.channel, "watch remove", project=typed)
    simcord.assert_error(world.env, UserError)
    assert "name of a project" in texts(result)  # the sentence is whole, whatever is quoted
    assert len(texts(result)) < 200


async def test_autocomplete(world: World) -> None:
    member, channel = world.member, world.channel
    for project in ("numpy", "numba"):
        await member.slash(channel, "watch add", project=project)

    async def offered(command: str, typed: str) -> list[str]:
        choices = await member.autocomplete(channel, command, "project", typed)
        return [choice["value"] for choice in choices]

    assert await offered("watch add", "sci") == ["scikit-learn"]
    assert await offered("watch remove", "") == ["numba", "numpy"]
    assert await offered("watch remove", " BA") == ["numba"]
    assert await offered("watch remove", "scikit") == []


async def test_closed_direct_messages_are_told_and_tried_again(
    world: World, store: SubscriptionStore
) -> None:
    member, channel = world.member, world.channel
    await member.slash(channel, "watch add", project="numpy")
    await store.pause(Destination("user", member.id), "They are closed.")
    assert "are paused: They are closed." in texts(await member.slash(channel, "watch list"))
    result = await member.slash(channel, "watch add", project="numba")
    assert "were paused: They are closed." in texts(result)
    assert await store.destinations_paused() == set()


async def test_the_button_below_news_toggles_even_after_a_restart(
    world: World, store: SubscriptionStore
) -> None:
    message = await announced(world, NUMPY)
    shown = str(message.components)
    on = await world.member.click(message, label="Watch")
    assert on.ephemeral
    assert "You watch numpy" in texts(on)
    await world.restart()
    off = await world.member.click(message, label="Watch")
    assert "You no longer watch numpy" in texts(off)
    assert await store.watches(world.member.id) == []
    (kept,) = world.channel.history()
    assert str(kept.components) == shown


async def test_the_check_below_news_leaves_the_news(world: World) -> None:
    message = await announced(world, NUMPY)
    checked = await world.member.click(message, label="Check")
    assert checked.ephemeral
    assert "## numpy 2.0" in texts(checked)
    (kept,) = world.channel.history()
    assert "NumPy 2.0" in str(kept.components[0].to_dict())


async def test_a_digest_is_chosen_from(world: World, store: SubscriptionStore) -> None:
    message = await announced(world, NUMPY, NUMBA)
    await world.member.select(message, ["numba"], custom_id="1watch:7:")
    assert await store.watches(world.member.id) == ["numba"]
    checked = await world.member.select(message, ["numpy"], custom_id="1look:7:")
    assert "## numpy 2.0" in texts(checked)


async def test_a_direct_message_ends_what_it_came_from(
    world: World, store: SubscriptionStore
) -> None:
    bob = world.env.create_user("bob")
    await bob.slash("watch add", project="numpy")
    message = await announced(world, NUMPY, person=bob)
    await world.restart()
    result = await bob.click(message, label="Stop watching")
    assert "You no longer watch numpy" in texts(result)
    assert await store.watches(bob.id) == []
    again = await bob.click(message, label="Stop watching")
    assert "You don't watch numpy." in texts(again)


async def test_a_name_too_long_for_a_button_is_said(world: World) -> None:
    message = await announced(world, replace(NUMPY, project="x" * 188))
    result = await world.member.click(message, label="Watch")
    assert "Its name is too long for a button." in texts(result)


async def test_ftbot_knows_its_messages_again(world: World) -> None:
    for contents in ((NUMPY,), (NUMPY, NUMBA), (replace(NUMPY, project="x" * 188),)):
        message = await announced(world, *contents)
        fetched = await message.channel.fetch_message(message.id)
        assert announce.parcel_of(fetched) == 7
    result = await world.member.slash(world.channel, "check", project="numpy")
    assert result.response is not None
    assert announce.parcel_of(world.channel.history()[-1]) is None


async def test_the_language_of_who_watches_is_noted(
    world: World, database: Database, tongues: Tongues
) -> None:
    speakers, member = Speakers(database), world.member
    tongues.person(member, "ko")
    await member.slash(world.channel, "watch list")
    await member.slash(world.channel, "watch add", project="nunpy")
    simcord.assert_error(world.env, ProjectNotFound)
    assert await speakers.language(member.id) is None
    result = await member.slash(world.channel, "watch add", project="numpy")
    assert "ko:You watch numpy." in texts(result)
    assert await speakers.language(member.id) == "ko"
