"""Answering interactions: at once where possible, deferred where not, and always.

Discord gives three seconds for the first answer. Most answers come from the cache in
milliseconds, and an answer given directly costs one REST call where a deferred one costs two.
"""

import asyncio
import io
import logging
import re
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

import discord
from discord import InteractionResponseType, app_commands, ui

from bot.errors import UserError
from bot.interactions import Outcome, begin, came_to, reference
from bot.language import phrase
from bot.ui import custom_ids, errors
from bot.ui.card import Card

log = logging.getLogger(__name__)

T = TypeVar("T")
Interaction = discord.Interaction[Any]

PATIENCE = 1.5
"""Seconds to wait for an answer before deferring; the rest of Discord's three is for the way."""

TYPED = "typed.txt"
"""The file in which people get back what they typed into a form that could not be taken."""

# Error codes of Discord's API, see "Opcodes and Status Codes" in its documentation.
_TOO_LATE, _ANSWERED_ALREADY = 10062, 40060


async def respond(
    interaction: Interaction,
    work: Coroutine[Any, Any, T],
    render: Callable[[T], Card],
    *,
    private: bool = False,
) -> None:
    """Answer with what `render` makes of the result of `work`.

    A command gets a new message; a component, and a form that one opened, have their own message
    edited. A `private` answer is always a new message, which only this person sees. Raises what
    `work` raises.
    """
    result = await _result(interaction, work, private=private)
    await (tell if private else _send)(interaction, render(result))


async def to_be_told(interaction: Interaction, work: Coroutine[Any, Any, T]) -> T:
    """Do what has ftbot write to this person later, and note in which language.

    Raises what `work` raises.
    """
    result = await work
    speakers = interaction.client.services.speakers
    await speakers.note(interaction.user.id, str(interaction.locale))
    return result


async def _result(interaction: Interaction, work: Coroutine[Any, Any, T], *, private: bool) -> T:
    """Wait for `work`, and defer the answer where that takes long."""
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
        return await work
    except asyncio.CancelledError:  # by nothing but the end of this process
        raise UserError(
            phrase("ftbot restarts just now and could not finish this."),
            phrase("Try again in a minute."),
        ) from None
    finally:
        timer.cancel()
        if deferral:
            await asyncio.gather(*deferral)


async def _send(interaction: Interaction, card: Card) -> None:
    files = _files(card)
    attachments = files or discord.utils.MISSING  # which leaves those that are there
    if interaction.response.is_done():
        await interaction.edit_original_response(view=card, attachments=attachments)
    elif interaction.message is not None:
        await interaction.response.edit_message(view=card, attachments=attachments)
    else:
        await interaction.response.send_message(view=card, files=files)


def _files(card: Card) -> list[discord.File]:
    return [discord.File(io.BytesIO(body), name) for name, body in card.files]


async def report(
    interaction: Interaction,
    error: BaseException,
    *,
    typed: str = "",
    row: ui.ActionRow[Any] | None = None,
) -> None:
    """Tell the person what went wrong; a mistake in ftbot goes to the log with its traceback.

    `typed` is given back as a file, `row` is what can be pressed besides.
    """
    if _is_settled(interaction, error):
        return
    explained, known = errors.explain(error), reference(interaction)
    more = (row, errors.given_back(TYPED)) if typed else (row,)
    if explained is None:
        came_to(Outcome.MISTAKE)
        log.error("%s failed", _name(interaction), exc_info=error)
        card = errors.mistake(known, *more)
    elif explained.exit_code == UserError.exit_code:
        came_to(Outcome.REFUSED)
        card = errors.failure(explained, *more)
    else:  # a service is down: operators want to know
        came_to(Outcome.UNAVAILABLE)
        log.warning("%s: %s", _name(interaction), explained)
        card = errors.failure(explained, *more, reference=known)
    await tell(interaction, card, typed=typed)


def _is_settled(interaction: Interaction, error: BaseException) -> bool:
    """Tell whether Discord takes no answer any more, so that there is nothing left to be done."""
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    code = error.code if isinstance(error, discord.HTTPException) else None
    if code == _ANSWERED_ALREADY:  # by another process, or by a request whose answer was lost
        came_to(Outcome.ANSWERED)
        log.info("%s was answered already", _name(interaction))
    elif code == _TOO_LATE:
        came_to(Outcome.UNANSWERED)
        log.warning("%s was answered too late", _name(interaction))
    return code in {_ANSWERED_ALREADY, _TOO_LATE}


async def tell(interaction: Interaction, card: Card, *, typed: str = "") -> None:
    """Show `card` to this person alone, except where the answer was deferred for all to see.

    `typed` is the text of the file that the card shows, if it shows one.
    """
    files = _files(card)
    if typed:
        files.append(discord.File(io.BytesIO(typed.encode("utf-8", "replace")), TYPED))
    try:
        if not interaction.response.is_done():
            await interaction.response.send_message(view=card, files=files, ephemeral=True)
        elif interaction.response.type is InteractionResponseType.deferred_channel_message:
            await interaction.edit_original_response(view=card, attachments=files)
        else:
            await interaction.followup.send(view=card, files=files, ephemeral=True)
    except discord.HTTPException as failure:  # too late, or Discord is down: there is no other way
        came_to(Outcome.UNANSWERED)
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
        begin(interaction, custom_ids.kind(self.custom_id))
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


async def show_form(interaction: Interaction, modal: ui.Modal) -> None:
    """Open a form whose custom_id a registered `PersistentForm` knows.

    discord.py keeps no form that is stopped. So every submit comes one way, through
    `FtBot.on_interaction`, whether the bot was restarted while somebody typed or not.
    """
    modal.stop()
    await interaction.response.send_modal(modal)


async def prepare_form(
    interaction: Interaction,
    work: Coroutine[Any, Any, T],
    form: Callable[[T], ui.Modal],
    otherwise: Callable[[T], Card],
) -> None:
    """Open the form that is made of the result of `work`.

    A form can only be the first answer: where `work` takes too long for that, this person is shown
    what `otherwise` makes of the result, which should hold a button that opens the form.
    """
    result = await _result(interaction, work, private=True)
    if interaction.response.is_done():
        await tell(interaction, otherwise(result))
    else:
        await show_form(interaction, form(result))


@dataclass(frozen=True, slots=True)
class Values:
    """What a form was submitted with, by the custom_ids of its parts."""

    texts: Mapping[str, str]
    chosen: Mapping[str, tuple[str, ...]]
    files: Mapping[str, tuple[discord.Attachment, ...]]

    @classmethod
    def of(cls, interaction: Interaction) -> Self:
        """Read a submit as Discord sends it: labels and rows around parts, files by their ids."""
        data: dict[str, Any] = dict(interaction.data or {})
        uploads = (data.get("resolved") or {}).get("attachments", {})
        texts: dict[str, str] = {}
        chosen: dict[str, tuple[str, ...]] = {}
        files: dict[str, tuple[discord.Attachment, ...]] = {}
        for part in _filled(data.get("components", ())):
            name, values = part["custom_id"], tuple(part.get("values") or ())
            if part["type"] == discord.ComponentType.file_upload.value:
                found = (uploads[key] for key in values if key in uploads)
                files[name] = tuple(_attachment(interaction, each) for each in found)
            elif isinstance(part.get("value"), str):
                texts[name] = part["value"]
            else:
                chosen[name] = values
        return cls(texts, chosen, files)

    def written(self) -> str:
        """Return all that was typed as one text, "" if nothing was; `typed_before` reads it."""
        return "\n\n".join(_heading(name) + text for name, text in self.texts.items() if text)


def typed_before(text: str, names: Sequence[str]) -> dict[str, str]:
    """Return what stands below the headings of `names`, in this order, in what was `written`."""
    found: dict[str, str] = {}
    for name in reversed(names):
        before, heading, typed = f"\n\n{text}".rpartition(f"\n\n{_heading(name)}")
        if heading:
            found[name], text = typed, before.removeprefix("\n\n")
    return found


def _heading(name: str) -> str:
    return f"== {name} ==\n"


def _filled(parts: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for part in parts:
        inside = [part["component"]] if "component" in part else part.get("components", ())
        yield from _filled(inside)
        if "custom_id" in part:
            yield part


def _attachment(interaction: Interaction, payload: Any) -> discord.Attachment:  # noqa: ANN401 - JSON
    # discord.py makes attachments of its own forms with this state; there is no public way to it.
    return discord.Attachment(data=payload, state=interaction._state)  # noqa: SLF001


class PersistentForm:
    """A form that is taken after any restart, since its custom_id says what it is about.

    Subclasses give a `template` and say in `submitted` what happens. Register them with
    `FtBot.add_forms`, open them with `show_form`.
    """

    template: ClassVar[re.Pattern[str]]

    @classmethod
    async def take(cls, interaction: Interaction, custom_id: str) -> None:
        """Answer a submit. Failures end where those of commands do, with what was typed."""
        values, fields = Values.of(interaction), custom_ids.fields(custom_id)
        try:
            await cls.submitted(interaction, values, *fields)
        except Exception as error:  # noqa: BLE001 - discord.py would log it and leave the person waiting
            await report(interaction, error, typed=values.written(), row=cls.again(*fields))

    @classmethod
    async def submitted(cls, interaction: Interaction, values: Values, *fields: str) -> None:
        raise NotImplementedError

    @classmethod
    def again(cls, *_fields: str) -> ui.ActionRow[Any] | None:
        """Return what opens the form again below a failure, if that can be done."""
        return None
