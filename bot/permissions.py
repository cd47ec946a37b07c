"""What ftbot may do in a channel, asked before it is to speak there by itself; what members may."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import aiohttp
import discord
from discord import AppCommandOptionType, ChannelType, app_commands

from bot.errors import UserError
from bot.language import enumerated, phrase, together
from bot.reports.model import Desk

log = logging.getLogger(__name__)

Chosen = app_commands.AppCommandChannel | app_commands.AppCommandThread
Postable = discord.TextChannel | discord.Thread

_PATIENCE = 5.0  # seconds that somebody waits for Discord to tell of a channel
_WRITABLE = (
    ChannelType.text,
    ChannelType.news,
    ChannelType.news_thread,
    ChannelType.public_thread,
    ChannelType.private_thread,
)
_OTHERS = {
    ChannelType.voice: phrase("voice"),
    ChannelType.stage_voice: phrase("stage voice"),
    ChannelType.category: phrase("category"),
    ChannelType.forum: phrase("forum"),
    ChannelType.media: phrase("media"),
}


class ChannelOption(app_commands.Transformer):
    """An option that offers channels and threads in which one can write.

    Others may come all the same: `postable` says what it thinks of them.
    """

    @property
    def type(self) -> AppCommandOptionType:
        return AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[ChannelType]:
        return list(_WRITABLE)

    async def transform(self, _interaction: discord.Interaction, value: Chosen, /) -> Chosen:
        return value


# By discord.py's names, with those that Discord shows.
_IN_CHANNELS = {
    "send_messages": phrase("Send Messages"),
    "embed_links": phrase("Embed Links"),
    "read_message_history": phrase("Read Message History"),
}
# discord.py derives Embed Links from Send Messages, which says nothing about threads.
_IN_THREADS = {
    "send_messages_in_threads": phrase("Send Messages in Threads"),
    "read_message_history": phrase("Read Message History"),
}
_MENTION = phrase("Mention @everyone, @here, and All Roles")


def managed(interaction: discord.Interaction[Any]) -> discord.Guild:
    """Return the server, if this person manages it; raise UserError otherwise.

    Who may see a command is only a default that servers can change.
    """
    if interaction.guild is None:
        raise UserError(phrase("This works in servers only."))
    granted = interaction.permissions
    if not (granted.manage_guild or granted.administrator):
        raise UserError(
            phrase("You may not do that here."), phrase("It needs the permission Manage Server.")
        )
    return interaction.guild


def deciding(interaction: discord.Interaction[Any], role: int | None) -> discord.Member:
    """Return the member who acts, if they may decide on a server's reports; else UserError.

    That takes the role of the server's triagers, or the right to manage the server.
    """
    member = interaction.user
    if interaction.guild is None or not isinstance(member, discord.Member):
        raise UserError(phrase("This works in servers only."))
    chosen = role is not None and member.get_role(role) is not None
    granted = interaction.permissions
    if not (chosen or granted.manage_guild or granted.administrator):
        raise UserError(
            phrase("You may not decide on reports here."),
            phrase("It needs the role of triagers, or the permission Manage Server."),
        )
    return member


def postable(guild: discord.Guild, chosen: Chosen, role: discord.Role | None) -> Postable:
    """Return the channel or thread, if ftbot can write there and mention `role`.

    Raises UserError that says what is missing, or that it is no place for messages at all.
    """
    name = f"#{chosen.name}"
    if chosen.type not in _WRITABLE:
        kind = _OTHERS.get(chosen.type) or str(chosen.type).replace("_", " ")
        raise UserError(
            phrase(
                "{channel} is a {kind} channel, where ftbot cannot write.", channel=name, kind=kind
            ),
            phrase("Choose a text channel, an announcement channel or a thread."),
        )
    channel = chosen.resolve()
    if not isinstance(channel, Postable):
        raise UserError(
            phrase("ftbot cannot see {channel}.", channel=name),
            phrase(
                "It needs the permission View Channel there; an archived thread has to be opened."
            ),
        )
    if role is not None and role.is_default():
        raise UserError(phrase("ftbot does not mention everyone."), phrase("Choose another role."))
    if missing := list(_missing(channel, guild.me, role)):
        alone = missing == [_MENTION]
        otherwise = phrase("Or let anyone mention the role.") if alone else ""
        raise UserError(
            phrase("ftbot may not write in {channel}.", channel=name),
            together(_needed(missing), otherwise),
        )
    return channel


async def out_of_reach(client: discord.Client, desk: Desk | None) -> str:
    """Return what keeps ftbot from writing where a server decides on reports, "" if nothing does.

    Also "" where that cannot be told, such as while Discord does not answer.
    """
    guild = client.get_guild(desk.guild) if desk else None
    if desk is None or guild is None:
        return ""
    channel: object = guild.get_channel_or_thread(desk.channel)
    if channel is None:  # an archived thread is not in sight, but there: a message opens it
        try:
            async with asyncio.timeout(_PATIENCE):
                channel = await guild.fetch_channel(desk.channel)
        except discord.NotFound:
            return phrase("The channel no longer exists.")
        except discord.Forbidden:
            return phrase(
                "ftbot cannot see the channel: it needs the permission View Channel there."
            )
        except (discord.DiscordException, OSError, aiohttp.ClientError) as error:
            log.warning("Channel %d cannot be looked at: %r", desk.channel, error)
            return ""
    missing = list(_missing(channel, guild.me, None)) if isinstance(channel, Postable) else []
    return _needed(missing) if missing else ""


def _needed(permissions: Sequence[str]) -> str:
    return phrase("It needs there: {permissions}.", permissions=enumerated(permissions))


def _missing(channel: Postable, me: discord.Member, role: discord.Role | None) -> Iterator[str]:
    """Yield the names of permissions that are missing, as Discord shows them."""
    granted = channel.permissions_for(me)
    if not granted.view_channel:
        yield phrase("View Channel")  # without it, discord.py counts all others as missing
        return
    needed = _IN_THREADS if isinstance(channel, discord.Thread) else _IN_CHANNELS
    yield from (shown for name, shown in needed.items() if not getattr(granted, name))
    if role is not None and not (role.mentionable or granted.mention_everyone):
        yield _MENTION
