"""A bot of discord.py alone, which answers always the same: what ftbot is compared with.

Its arguments are the address of Discord's API and a token. /check answers with a line of text,
/card with a message that is made once and is like those of ftbot, in parts and in size.
"""

import sys
from typing import Any

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.client import use_api

TEXTS = (120, 85, 85, 85, 200)
"""Characters of each part of the answer of /check about numpy."""
PYTHONS = ("3.13t", "3.14t", "3.15t")


class BareBot(commands.AutoShardedBot):
    """Has the two commands."""

    async def setup_hook(self) -> None:
        self.card = constant_card()
        self.tree.add_command(check)
        self.tree.add_command(card)
        await self.tree.sync()


@app_commands.command(description="Answers always the same line")
async def check(interaction: discord.Interaction[Any], project: str) -> None:
    del project
    await interaction.response.send_message("numpy 2.5.5 has a free-threaded wheel.")


@app_commands.command(description="Answers always the same card")
async def card(interaction: discord.Interaction[BareBot]) -> None:
    await interaction.response.send_message(view=interaction.client.card)


def constant_card() -> ui.LayoutView:
    every: list[ui.Item[Any]] = [ui.TextDisplay("x" * size) for size in TEXTS]
    parts = [item for text in every for item in (ui.Separator[Any](visible=False), text)][1:]
    options = [discord.SelectOption(label=f"{name}: files per platform") for name in PYTHONS]
    links = [ui.Button[Any](label="Project page", url="https://example.org/numpy") for _ in "ab"]
    select = ui.Select[Any](custom_id="details", placeholder="Files per platform", options=options)
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.Container(*parts, ui.ActionRow(select), ui.ActionRow(*links), accent_colour=1))
    view.stop()  # so that discord.py keeps none of the messages
    return view


if __name__ == "__main__":
    use_api(sys.argv[1])
    bot = BareBot(commands.when_mentioned, intents=discord.Intents(guilds=True), max_messages=None)
    bot.run(sys.argv[2], log_handler=None)
