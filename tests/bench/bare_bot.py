"""A bot of discord.py alone, which answers always the same: what ftbot is compared with.

Its arguments are the address of Discord's API and a token.
"""

import sys
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import use_api


class BareBot(commands.AutoShardedBot):
    """Has the command /check."""

    async def setup_hook(self) -> None:
        self.tree.add_command(check)
        await self.tree.sync()


@app_commands.command(description="Answers always the same")
async def check(interaction: discord.Interaction[Any], project: str) -> None:
    del project
    await interaction.response.send_message("numpy 2.5.5 has a free-threaded wheel.")


if __name__ == "__main__":
    use_api(sys.argv[1])
    bot = BareBot(commands.when_mentioned, intents=discord.Intents(guilds=True), max_messages=None)
    bot.run(sys.argv[2], log_handler=None)
