"""The commands of /announce: news in channels."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.announce.model import Among, What
from bot.client import FtBot
from bot.permissions import ChannelOption, Chosen, managed, postable
from bot.respond import PersistentItem, respond
from bot.ui import announce, custom_ids
from bot.ui import subscriptions as view

Interaction = discord.Interaction[FtBot]

_EXPLAINED = {
    What.NEW_SUPPORT: "first wheels, for a Python or a platform; wheels lost or withdrawn",
    What.ALL_RELEASES: "every release with free-threaded wheels",
}


class UnsubscribeSelect(PersistentItem, template=custom_ids.template(custom_ids.UNSUBSCRIBE, 0)):
    """Lets a channel hear no more that was paused."""

    async def used(self, interaction: Interaction, *_fields: str) -> None:
        await _unsubscribe(interaction, int(self.chosen("0")))


async def _unsubscribe(interaction: Interaction, channel: int) -> None:
    guild = managed(interaction)
    await respond(
        interaction,
        interaction.client.services.announce.unsubscribe(guild.id, channel),
        lambda _: view.unsubscribed(channel),
        private=True,
    )


@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.default_permissions(manage_guild=True)
class Announce(commands.GroupCog, group_name="announce", group_description="News in channels"):
    """The commands, and what happens to servers."""

    def __init__(self, bot: FtBot) -> None:
        self.bot = bot

    @app_commands.command(description="Let a channel hear of free-threaded wheels")
    @app_commands.describe(
        channel="Where messages go",
        what="Which news (at first: new-support)",
        among="Of which projects, by downloads (at first: top-15000)",
        role="A role to mention",
    )
    @app_commands.choices(
        what=[app_commands.Choice(name=f"{key}: {_EXPLAINED[key]}", value=key) for key in What],
        among=[app_commands.Choice(name=key, value=key) for key in Among],
    )
    async def subscribe(
        self,
        interaction: Interaction,
        channel: app_commands.Transform[Chosen, ChannelOption],
        what: What | None = None,
        among: Among | None = None,
        role: discord.Role | None = None,
    ) -> None:
        guild = managed(interaction)
        place = postable(guild, channel, role)
        wish = interaction.client.services.announce.subscribe(
            guild.id,
            place.id,
            what,
            among,
            role.id if role else None,
        )
        published = isinstance(place, discord.TextChannel) and place.is_news()
        await respond(
            interaction, wish, lambda wish: view.subscribed(wish, published=published), private=True
        )

    @app_commands.command(description="Let a channel hear no more")
    @app_commands.describe(channel="One that is subscribed")
    async def unsubscribe(
        self, interaction: Interaction, channel: app_commands.Transform[Chosen, ChannelOption]
    ) -> None:
        await _unsubscribe(interaction, channel.id)

    @app_commands.command(name="list", description="Which channels hear of what")
    async def list_(self, interaction: Interaction) -> None:
        guild = managed(interaction)
        wishes = interaction.client.services.announce.subscriptions(guild.id)
        await respond(
            interaction,
            wishes,
            lambda found: view.listing(found, guild.get_channel_or_thread),
            private=True,
        )

    @app_commands.command(description="What a message looks like")
    async def preview(self, interaction: Interaction) -> None:
        managed(interaction)
        service = interaction.client.services.announce
        await respond(
            interaction,
            service.example(),
            lambda news: announce.preview(news, service.site),
            private=True,
        )

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self.bot.services.announce.left(guild.id)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        await self.bot.services.announce.returned({guild.id})

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        await self.bot.services.announce.returned({guild.id for guild in self.bot.guilds})


async def setup(bot: FtBot) -> None:
    """Load the cog: called by discord.py."""
    bot.add_dynamic_items(UnsubscribeSelect)
    await bot.add_cog(Announce(bot))
