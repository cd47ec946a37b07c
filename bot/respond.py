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
from bot.ui.card import Card

log = logging.getLogger(__name__)

T = TypeVar("T")
Interaction = discord.Interaction[Any]

PATIENCE = 1.5
"""Seconds to wait for an answer before deferring; the rest of Discord's three is for the way."""


async def respond(
    interaction: Interaction,
    work: Coroutine[Any, Any, T],
    render: Callable[[T], Card],
    *,
    private: bool = False,
) -> None:
    """Answer with what `render` makes of the result of `work`.

    A command gets a new message, a component its own message edited. A `private` answer is always
    a new message, which only this person sees. Raises what `work` raises.
    """
    deferral: list[asyncio.Task[Any]] = []
    loop = asyncio.get_running_loop()
    # A timer costs less than a task for `work`, and most answers are there long before it fires.
    timer = loop.call_later(
        PATIENCE,
        lambda: deferral.append(
            loop.create_task(interaction.response.defer(ephemeral=private, thinking=private))
        ),
    )
    try:
        result = await work
    finally:
        timer.cancel()
        await asyncio.gather(*deferral)
    await (tell if private else _send)(interaction, render(result))


async def _send(interaction: Interaction, card: Card) -> None:
    if interaction.response.is_done():
        await interaction.edit_original_response(view=card)
    elif interaction.type is InteractionType.component:
        await interaction.response.edit_message(view=card)
    else:
        await interaction.response.send_message(view=card)


async def report(interaction: Interaction, error: BaseException) -> None:
    """Tell the person what went wrong; a mistake in ftbot goes to the log with its traceback."""
    explained = errors.explain(error)
    if explained is None:
        reference = secrets.token_hex(4)
        log.error("%s failed, reference %s", _name(interaction), reference, exc_info=error)
        card = errors.mistake(reference)
    else:
        card = errors.failure(explained)
        if explained.exit_code != UserError.exit_code:  # a service is down: operators want to know
            log.warning("%s: %s", _name(interaction), explained)
    await tell(interaction, card)


async def tell(interaction: Interaction, card: Card) -> None:
    """Show `card` to this person alone, except where the answer was deferred for all to see."""
    try:
        if not interaction.response.is_done():
            await interaction.response.send_message(view=card, ephemeral=True)
        elif interaction.response.type is InteractionResponseType.deferred_channel_message:
            await interaction.edit_original_response(view=card)
        else:
            await interaction.followup.send(view=card, ephemeral=True)
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

    def chosen(self, otherwise: str) -> str:
        """Return the option that was chosen of a select, `otherwise` where this is a button."""
        values: list[str] = getattr(self.item, "values", [])
        return values[0] if values else otherwise

    async def used(self, interaction: Interaction, *fields: str) -> None:
        raise NotImplementedError
