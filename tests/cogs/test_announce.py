import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import discord
import msgspec
import pytest
import simcord
from discord import PermissionOverwrite, Permissions, app_commands

from bot.announce.model import Among, Subscription, What
from bot.announce.subscriptions.service import ABSENT
from bot.announce.subscriptions.store import SubscriptionStore
from bot.db import Database
from bot.errors import UserError
from bot.messages import Destination
from bot.permissions import postable
from bot.ui import subscriptions as view
from tests.cogs.conftest import World
from tests.cogs.showing import BUTTON, SELECT, parts, texts
from tests.ui.test_announce import GAIN


@dataclass(frozen=True, slots=True)
class Server:
    """A server whose administrator may use /announce."""

    world: World
    guild: simcord.GuildHandle
    admin: simcord.MemberActor
    store: SubscriptionStore

    async def run(self, command: str, **options: object) -> simcord.InteractionResult:
        return await self.admin.slash(self.world.channel, f"announce {command}", **options)


@pytest.fixture
def server(world: World, database: Database) -> Server:
    guild = world.env.guild
    role = guild.create_role("Staff", permissions=Permissions(manage_guild=True))
    admin = guild.add_member(world.env.create_user("ada"), roles=[role])
    return Server(world, guild, admin, SubscriptionStore(database))


def denied(server: Server, *permissions: str) -> simcord.ChannelHandle:
    """Make a channel where the bot may not do something."""
    assert server.world.env.bot.user is not None
    overwrite = PermissionOverwrite(**dict.fromkeys(permissions, False))
    return server.guild.create_text_channel(
        "closed", overwrites={server.world.env.bot.user: overwrite}
    )


async def test_a_channel_subscribes(server: Server) -> None:
    channel = server.world.channel
    result = await server.run("subscribe", channel=channel)
    assert result.ephemeral
    assert texts(result).splitlines()[0] == (
        f"**<#{channel.id}> hears of new support of the 15,000 most downloaded projects.**"
    )
    assert "published" not in texts(result)
    assert await server.store.get(channel.id) == Subscription(
        channel.id, server.guild.id, What.NEW_SUPPORT, Among.TOP_15000
    )


async def test_all_options_and_a_change_of_mind(server: Server) -> None:
    channel = server.world.channel
    role = server.guild.create_role("Wheels", mentionable=True)
    result = await server.run(
        "subscribe", channel=channel, what="all-releases", among="everything", role=role
    )
    assert f"of every project, mentioning <@&{role.id}>." in texts(result)
    result = await server.run("subscribe", channel=channel, among="top-1000")
    assert await server.store.get(channel.id) == Subscription(
        channel.id, server.guild.id, What.ALL_RELEASES, Among.TOP_1000, role.id
    )
    result = await server.run("unsubscribe", channel=channel)
    assert "hears no more" in texts(result)
    assert await server.store.get(channel.id) is None


async def test_news_channels_are_published(server: Server) -> None:
    channel = server.guild.create_news_channel("news")
    result = await server.run("subscribe", channel=channel)
    assert "published to the channels that follow it" in texts(result)


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (["view_channel"], "View Channel"),
        (["view_channel", "embed_links"], "View Channel"),
        (["embed_links"], "Embed Links"),
        (["read_message_history"], "Read Message History"),
        (["send_messages"], "Send Messages, Embed Links"),
        (["embed_links", "read_message_history"], "Embed Links, Read Message History"),
    ],
)
async def test_missing_permissions_are_named(server: Server, missing: list[str], said: str) -> None:
    channel = denied(server, *missing)
    result = await server.run("subscribe", channel=channel)
    simcord.assert_error(server.world.env, UserError)
    assert result.ephemeral
    assert f"It needs there: {said}." in texts(result)
    assert await server.store.get(channel.id) is None


async def test_a_role_has_to_be_mentionable(server: Server) -> None:
    channel = denied(server, "mention_everyone")
    role = server.guild.create_role("Wheels")
    result = await server.run("subscribe", channel=channel, role=role)
    simcord.assert_error(server.world.env, UserError)
    assert "It needs there: Mention @\u200beveryone, @\u200bhere, and All Roles. Or let" in texts(
        result
    )
    assert await server.store.get(channel.id) is None


async def test_everyone_is_no_role_to_mention(server: Server) -> None:
    role = server.guild.default_role
    result = await server.run("subscribe", channel=server.world.channel, role=role)
    simcord.assert_error(server.world.env, UserError)
    assert "ftbot does not mention everyone." in texts(result)


MAKERS: dict[str, Callable[[simcord.GuildHandle], simcord.ChannelHandle]] = {
    "forum": lambda guild: guild.create_forum_channel("place"),
    "voice": lambda guild: guild.create_voice_channel("place"),
    "stage voice": lambda guild: guild.create_stage_channel("place"),
    "category": lambda guild: guild.create_category("place"),
}


def chosen(
    server: Server, channel: int, kind: discord.ChannelType
) -> app_commands.AppCommandChannel:
    payload: Any = {"id": channel, "type": kind.value, "name": "place", "permissions": "0"}
    state = server.world.env.bot._connection
    return app_commands.AppCommandChannel(state=state, data=payload, guild_id=server.guild.id)


@pytest.mark.parametrize("kind", MAKERS)
async def test_other_channels_are_refused(server: Server, kind: str) -> None:
    place = MAKERS[kind](server.guild)
    await server.world.env.settle()
    guild = server.world.env.bot.get_guild(server.guild.id)
    found = server.world.env.bot.get_channel(place.id)
    assert guild is not None
    assert isinstance(found, discord.abc.GuildChannel)
    with pytest.raises(
        UserError, match=f"#place is a {kind} channel, where ftbot cannot write"
    ) as raised:
        postable(guild, chosen(server, place.id, found.type), None)
    assert "Choose a text channel" in raised.value.hint


async def test_what_cannot_be_seen_is_refused(server: Server) -> None:
    guild = server.world.env.bot.get_guild(server.guild.id)
    assert guild is not None
    with pytest.raises(UserError, match="cannot see #place"):
        postable(guild, chosen(server, 5, discord.ChannelType.text), None)


async def test_threads(server: Server) -> None:
    parent = server.world.env.bot.get_channel(server.world.channel.id)
    assert isinstance(parent, discord.TextChannel)
    thread = await parent.create_thread(name="wheels", type=discord.ChannelType.public_thread)
    await server.world.env.settle()
    (handle,) = server.world.channel.threads
    result = await server.run("subscribe", channel=handle)
    assert f"<#{thread.id}> hears of" in texts(result)
    assert await server.store.get(thread.id) is not None


@pytest.mark.parametrize("command", ["subscribe", "unsubscribe", "list", "preview"])
async def test_who_may_see_a_command_is_a_default_and_checked_again(
    server: Server, command: str
) -> None:
    world = server.world
    bot: Any = world.env.bot
    (registered,) = (each for each in await bot.tree.fetch_commands() if each.name == "announce")
    assert registered.default_member_permissions == Permissions(manage_guild=True)
    server.guild.set_command_permissions(registered, {world.member: True})
    options = {"channel": world.channel} if "subscribe" in command else {}
    result = await world.member.slash(world.channel, f"announce {command}", **options)
    simcord.assert_error(world.env, UserError)
    assert "It needs the permission Manage Server." in texts(result)
    assert await server.store.of_guild(server.guild.id) == []


async def test_the_commands_are_for_servers(server: Server) -> None:
    (payload,) = (e.json for e in server.world.env.http_requests if e.method == "PUT")
    assert payload is not None
    (command,) = (each for each in payload if each["name"] == "announce")
    assert (command["contexts"], command["integration_types"]) == ([0], [0])


async def test_an_empty_list_says_how_to_start(server: Server) -> None:
    assert "Start with `/announce subscribe`" in texts(await server.run("list"))


async def test_the_list_shows_why_a_channel_is_paused_and_ends_it(server: Server) -> None:
    first, second = server.world.channel, server.guild.create_text_channel("second")
    await server.run("subscribe", channel=first)
    await server.run("subscribe", channel=second, what="all-releases")
    result = await server.run("list")
    assert f"<#{first.id}>: new support of the 15,000" in texts(result)
    assert parts(result, SELECT) == []
    await server.store.pause(Destination("channel", second.id), "It is *deleted*.")
    result = await server.run("list")
    assert "Paused: It is \\*deleted\\*. Mend that, then run `/announce subscribe`" in texts(result)
    (select,) = parts(result, SELECT)
    assert [option["label"] for option in select["options"]] == ["#second"]
    assert result.response is not None
    await server.world.restart()
    ended = await server.admin.select(result.response, [str(second.id)])
    assert f"<#{second.id}> hears no more" in texts(ended)
    assert [wish.channel for wish in await server.store.of_guild(server.guild.id)] == [first.id]


async def test_a_channel_that_is_gone_can_be_ended(server: Server) -> None:
    gone = 10**17
    await server.world.services.announce.subscribe(server.guild.id, gone, None, None, None)
    await server.store.pause(Destination("channel", gone), "The channel no longer exists.")
    result = await server.run("list")
    (select,) = parts(result, SELECT)
    assert [option["label"] for option in select["options"]] == ["a channel that is gone"]
    assert result.response is not None
    await server.admin.select(result.response, [str(gone)])
    assert await server.store.get(gone) is None


async def test_a_select_is_for_managers_too(server: Server) -> None:
    channel = server.world.channel
    await server.run("subscribe", channel=channel)
    await server.store.pause(Destination("channel", channel.id), "It is closed.")
    wishes = await server.store.of_guild(server.guild.id)
    place = server.world.env.bot.get_channel(channel.id)
    assert isinstance(place, discord.TextChannel)
    message = await place.send(view=view.listing(wishes, lambda _: place))
    result = await server.world.member.select(message, [str(channel.id)])
    assert "It needs the permission Manage Server." in texts(result)
    assert await server.store.of_guild(server.guild.id) == wishes


async def test_subscribing_again_mends(server: Server) -> None:
    channel = server.world.channel
    await server.run("subscribe", channel=channel)
    await server.store.pause(Destination("channel", channel.id), "It is closed.")
    await server.run("subscribe", channel=channel)
    assert await server.store.destinations_paused() == set()


async def test_a_preview_is_made_up_until_there_is_news(server: Server, database: Database) -> None:
    result = await server.run("preview")
    assert result.ephemeral
    assert "this example is made up" in texts(result)
    async with database.write() as tx:
        await tx.execute(
            "INSERT INTO news (project, version, topic, found, content) VALUES (?, ?, ?, '', ?)",
            (GAIN.project, GAIN.version, GAIN.topic, msgspec.json.encode(GAIN).decode()),
        )
    result = await server.run("preview")
    assert "made up" not in texts(result)
    assert "## Demo 2.0" in texts(result)
    assert "https://index.example/project/demo/" in [
        each.get("url") for each in parts(result, BUTTON)
    ]


async def until_paused(server: Server, *channels: int) -> None:
    """Wait until just these are paused: nothing else tells when an event has been dealt with."""
    expected = {f"channel:{each}" for each in channels}
    async with asyncio.timeout(5):
        while await server.store.destinations_paused() != expected:
            pass


async def test_a_server_that_is_left_waits_with_its_reason(server: Server) -> None:
    channel = server.world.channel
    await server.run("subscribe", channel=channel)
    server.world.env.backend.remove_guild(server.guild.id)
    await until_paused(server, channel.id)
    assert await server.store.paused(Destination("channel", channel.id)) == ABSENT


async def test_a_server_that_is_back_hears_again(server: Server) -> None:
    env, announcements = server.world.env, server.world.services.announce
    await announcements.subscribe(5, 50, None, None, None)
    await announcements.subscribe(6, 60, None, None, None)
    await announcements.left(5)
    await announcements.left(6)
    env.create_guild("Back", id=5)
    await env.settle()
    # The simulation says that it is available, as Discord does of servers already joined.
    env.bot.dispatch("guild_join", env.bot.get_guild(5))
    await until_paused(server, 60)


async def test_a_return_while_the_bot_was_down_is_noticed(server: Server) -> None:
    channel = server.world.channel
    await server.run("subscribe", channel=channel)
    await server.world.services.announce.left(server.guild.id)
    await server.world.restart()
    await until_paused(server)
