"""In which language ftbot writes by itself: the person's, or that of the channel's server."""

import discord
import pytest

from bot.announce.delivery.model import Parcel
from bot.announce.model import News
from bot.courier.carrier import Carrier
from bot.courier.news import NewsCourier
from bot.db import Database, Speakers
from bot.messages import Destination, Sent
from tests.cogs.conftest import Tongues, World
from tests.ui.test_announce import GAIN

ELSEWHERE = 4  # a channel that ftbot doesn't see


@pytest.fixture
def speakers(database: Database) -> Speakers:
    return Speakers(database)


@pytest.fixture
def carrier(world: World, speakers: Speakers) -> Carrier:
    return Carrier(lambda: world.env.bot, language=speakers.language)


def parcel(destination: Destination) -> Parcel:
    return Parcel(1, destination, (News(1, 1, GAIN),), "nonce", 7, 1)


def shown(messages: list[discord.Message]) -> str:
    return str([each.to_dict() for message in messages for each in message.components])


async def test_a_channel_hears_in_its_servers_language(
    world: World, carrier: Carrier, speakers: Speakers, tongues: Tongues
) -> None:
    tongues.server("ko")
    await speakers.note(world.member.id, "de")
    channel = Destination("channel", world.channel.id)
    sent = await NewsCourier(carrier).send(parcel(channel), None)
    assert isinstance(sent, Sent)
    assert world.channel.last_message is not None
    assert "ko:" in shown([world.channel.last_message])
    tongues.server("de")
    await NewsCourier(carrier).edit(parcel(channel), sent.place, None)
    await world.env.settle()
    assert "de:" in shown([world.channel.last_message])


@pytest.mark.parametrize("noted", ["de", "fr", None])
async def test_a_person_is_written_to_in_the_language_that_is_noted(
    world: World, carrier: Carrier, speakers: Speakers, tongues: Tongues, noted: str | None
) -> None:
    tongues.server("ko")
    if noted:
        await speakers.note(world.member.id, noted)
    person = Destination("user", world.member.id)
    assert isinstance(await NewsCourier(carrier).send(parcel(person), None), Sent)
    text = shown(world.member.user.dm_channel.history())
    assert "free-threaded" in text
    assert "ko:" not in text
    assert ("de:" in text) == (noted == "de")


async def test_what_is_not_known_is_no_obstacle(
    world: World, carrier: Carrier, tongues: Tongues
) -> None:
    tongues.server("ko")
    unseen = Destination("channel", ELSEWHERE)
    assert await carrier.language(unseen) is None
    assert await carrier.language(unseen, guild=ELSEWHERE) is None
    assert await carrier.language(unseen, guild=world.env.guild.id) == "ko"
    assert await Carrier(lambda: None).language(unseen, guild=world.env.guild.id) is None
    assert await Carrier(lambda: world.env.bot).language(Destination("user", 5)) is None


async def test_a_thread_speaks_as_its_server_does(
    world: World, carrier: Carrier, tongues: Tongues
) -> None:
    tongues.server("ko")
    channel = world.env.bot.get_channel(world.channel.id)
    assert isinstance(channel, discord.TextChannel)
    thread = await channel.create_thread(name="more", type=discord.ChannelType.public_thread)
    await world.env.settle()
    assert await carrier.language(Destination("channel", thread.id)) == "ko"
