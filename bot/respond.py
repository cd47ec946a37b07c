"""Answering interactions: at once where possible, deferred where not, and always.

Discord gives three seconds for the first answer. Most answers come from the cache in
milliseconds, and an answer given directly costs one REST call where a deferred one costs two.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

import discord
from discord import InteractionResponseType, InteractionType, ui

from bot.errors import UserError
from bot.ui import custom_ids, errors

log = logging.getLogger(__name__)

T = TypeVar("T")
Interaction = discord.Interaction[Any]

PATIENCE = 1.5
"""Seconds to wait for an answer before deferring; the rest of Discord's three is for the way."""


async def respond(
    interaction: Interaction,
    work: Coroutine[Any, Any, T],
    render: Callable[[T], ui.LayoutView],
) -> None:
    """Answer with what `render` makes of the result of `work`.

    A command gets a new message, a component its own message edited. Raises what `work` raises.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait((task,), timeout=PATIENCE)
        if not done:
            await interaction.response.defer()
        await _send(interaction, render(await task))
    finally:
        task.cancel()


async def _send(interaction: Interaction, view: ui.LayoutView) -> None:
    _forget(view)
    if interaction.response.is_done():
        await interaction.edit_original_response(view=view)
    elif interaction.type is InteractionType.component:
        await interaction.response.edit_message(view=view)
    else:
        await interaction.response.send_message(view=view)


def _forget(view: ui.LayoutView) -> None:
    """Keep discord.py from storing the view: clicks are answered by persistent items alone."""
    view.stop()


async def report(interaction: Interaction, error: BaseException) -> None:
    """Tell the person what went wrong; a mistake in ftbot goes to the log with its traceback."""
    explained = errors.explain(error)
    if explained is None:
        reference = secrets.token_hex(4)
        log.error("%s failed, reference %s", _name(interaction), reference, exc_info=error)
        view = errors.mistake(reference)
    else:
        view = errors.failure(explained)
        if explained.exit_code != UserError.exit_code:  # a service is down: operators want to know
            log.warning("%s: %s", _name(interaction), explained)
    await tell(interaction, view)


async def tell(interaction: Interaction, view: ui.LayoutView) -> None:
    """Show `view` to this person alone, except where the answer was deferred for all to see."""
    _forget(view)
    try:
        if not interaction.response.is_done():
            await interaction.response.send_message(view=view, ephemeral=True)
        elif interaction.response.type is InteractionResponseType.deferred_channel_message:
            await interaction.edit_original_response(view=view)
        else:
            await interaction.followup.send(view=view, ephemeral=True)
    except discord.HTTPException as failure:  # too late, or Discord is down: there is no other way
        log.warning("%s could not be answered: %s", _name(interaction), failure)


def _name(interaction: Interaction) -> str:
    data: dict[str, Any] = dict(interaction.data or {})
    return f"{interaction.type.name} {data.get('name') or data.get('custom_id')!r}"


class PersistentItem(ui.DynamicItem[ui.Item[Any]], template=r"(?!)"):
    """A button or select that works after any restart, since its custom_id says everything.

    Subclasses give a `template` and say in `used` what happens. Register them with
    `FtBot.add_dynamic_items`. Failures end in the same place as those of commands.
    """

    @classmethod
    async def from_custom_id(
        cls, _interaction: Interaction, item: ui.Item[Any], _match: re.Match[str], /
    ) -> Self:
        return cls(item)

    async def callback(self, interaction: Interaction) -> None:
        try:
            await self.used(interaction, *custom_ids.fields(self.custom_id))
        except Exception as error:  # noqa: BLE001 - discord.py would log it and leave the person waiting
            await report(interaction, error)

    async def used(self, interaction: Interaction, *fields: str) -> None:
        raise NotImplementedError
