"""The commands of /triage: where a server decides on reports, and who may."""

from collections.abc import Sequence

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import FtBot
from bot.errors import UserError
from bot.language import phrase
from bot.permissions import ChannelOption, Chosen, Postable, managed, out_of_reach, postable
from bot.reports.model import Waiting
from bot.respond import respond
from bot.ui import desk as view
from cogs.decisions import ITEMS, DecisionForm, triager

Interaction = discord.Interaction[FtBot]


@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.default_permissions(manage_guild=True)
class Triage(commands.GroupCog, group_name="triage", group_description="Deciding on reports"):
    """The commands. Servers can open them to their triagers, who may use all but the first."""

    @app_commands.command(description="Where reports are decided on, and who decides")
    @app_commands.describe(channel="Where reports go", role="Who decides on them")
    async def setup(
        self,
        interaction: Interaction,
        channel: app_commands.Transform[Chosen, ChannelOption],
        role: discord.Role,
    ) -> None:
        guild = managed(interaction)
        place = postable(guild, channel, None)
        if role.is_default():
            raise UserError(
                phrase("Not everyone can be a triager."), phrase("Choose another role.")
            )
        await respond(
            interaction,
            interaction.client.services.reports.setup(guild.id, place.id, role.id),
            lambda desk: view.ready(desk, public=_is_public(place)),
            private=True,
        )

    @app_commands.command(name="list", description="Which reports wait, and who is blocked")
    async def list_(self, interaction: Interaction) -> None:
        guild, _ = await triager(interaction)
        reports = interaction.client.services.reports

        async def found() -> tuple[Waiting, Sequence[int], str]:
            amiss = await out_of_reach(interaction.client, await reports.desk(guild))
            return await reports.waiting(guild), await reports.blocked(guild), amiss

        await respond(interaction, found(), lambda all_: view.waiting(*all_), private=True)

    @app_commands.command(description="Take no more reports of somebody")
    @app_commands.describe(member="Whose")
    async def block(self, interaction: Interaction, member: discord.User) -> None:
        guild, by = await triager(interaction)
        work = interaction.client.services.reports.block(guild, by, member.id)
        await respond(interaction, work, lambda _: view.blocked(member.id), private=True)

    @app_commands.command(description="Take somebody's reports again")
    @app_commands.describe(member="Whose")
    async def unblock(self, interaction: Interaction, member: discord.User) -> None:
        guild, _ = await triager(interaction)
        work = interaction.client.services.reports.unblock(guild, member.id)
        await respond(interaction, work, lambda _: view.unblocked(member.id), private=True)


def _is_public(place: Postable) -> bool:
    """Tell whether everyone on the server can see a channel or thread."""
    if isinstance(place, discord.Thread) and place.is_private():
        return False
    return place.permissions_for(place.guild.default_role).view_channel


async def setup(bot: FtBot) -> None:
    """Load the cog: called by discord.py."""
    bot.add_dynamic_items(*ITEMS)
    bot.add_forms(DecisionForm)
    await bot.add_cog(Triage())
