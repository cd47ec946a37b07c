"""Forms are taken one way, before and after a restart, and what was typed is never lost."""

import logging
from collections.abc import Callable
from typing import Any, ClassVar

import discord
import pytest
import simcord
from discord import ui
from hypothesis import given
from hypothesis import strategies as st

from bot import respond
from bot.client import FtBot
from bot.errors import UserError
from bot.respond import PersistentForm, PersistentItem, Values, typed_before
from bot.ui import custom_ids
from bot.ui.card import Card
from tests.cogs.conftest import World
from tests.cogs.showing import texts

Interaction = discord.Interaction[FtBot]


class Open(PersistentItem, template=custom_ids.template("open-demo", 1)):
    """Opens the form about what the field says."""

    async def used(self, interaction: Interaction, *fields: str) -> None:
        modal = ui.Modal(title="Demo", custom_id=custom_ids.build("demo", *fields) or "")
        modal.add_item(ui.TextDisplay("A word before"))
        modal.add_item(
            ui.Label(text="Story", component=ui.TextInput(custom_id="story", required=False))
        )
        options = [discord.SelectOption(label=each) for each in ("red", "blue")]
        modal.add_item(
            ui.Label(
                text="Colours",
                component=ui.Select(
                    custom_id="colours", options=options, max_values=2, required=False
                ),
            )
        )
        modal.add_item(
            ui.Label(
                text="Logs",
                component=ui.FileUpload(custom_id="logs", max_values=2, required=False),
            )
        )
        await respond.show_form(interaction, modal)


class Demo(PersistentForm):
    """Tells what it was given, or raises what `failure` makes."""

    template = custom_ids.template("demo", 1)
    failure: ClassVar[Callable[[], Exception] | None] = None

    @classmethod
    async def submitted(cls, interaction: Interaction, values: Values, *fields: str) -> None:
        if cls.failure is not None:
            raise cls.failure()
        lines = [f"about {fields}", f"{dict(values.texts)}", f"{dict(values.chosen)}"]
        for name, files in values.files.items():
            lines += [f"{name} {each.filename} {await each.read()!r}" for each in files]
        await respond.tell(interaction, Card(ui.TextDisplay("\n".join(lines)), colour=0))


def register(world: World) -> None:
    bot = world.env.bot
    assert isinstance(bot, FtBot)
    bot.add_dynamic_items(Open)
    bot.add_forms(Demo)


@pytest.fixture
async def shown(world: World, monkeypatch: pytest.MonkeyPatch) -> simcord.InteractionResult:
    """The form, open before somebody."""
    monkeypatch.setattr(Demo, "failure", None)
    register(world)
    channel = world.env.bot.get_channel(world.channel.id)
    assert isinstance(channel, discord.TextChannel)
    button: ui.Button[Any] = ui.Button(label="Open", custom_id="1open-demo:a%3Ab")
    message = await channel.send(view=Card(ui.ActionRow(button), colour=0))
    result = await world.member.click(message, label="Open")
    assert result.modal is not None
    return result


FILLED = {"story": "It broke.", "colours": ["blue", "red"], "logs": [("a.log", b"\xff\x00log")]}


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_form_is_taken_once_before_and_after_a_restart(
    world: World, shown: simcord.InteractionResult, *, restarted: bool
) -> None:
    if restarted:
        await world.restart()
        register(world)
    result = await world.member.submit_modal(shown, FILLED)
    assert texts(result).splitlines() == [
        "about ('a:b',)",
        "{'story': 'It broke.'}",
        "{'colours': ('blue', 'red')}",
        r"logs a.log b'\xff\x00log'",
    ]
    assert result.ephemeral
    assert result.followups == []


@pytest.mark.usefixtures("shown")
async def test_open_forms_are_not_kept_in_memory(world: World) -> None:
    assert world.env.bot._connection._view_store._modals == {}


async def test_what_is_left_empty_is_empty(world: World, shown: simcord.InteractionResult) -> None:
    result = await world.member.submit_modal(shown, {})
    assert texts(result).splitlines()[1:] == ["{'story': ''}", "{'colours': ()}"]


async def given_back(result: simcord.InteractionResult) -> list[bytes]:
    assert result.response is not None
    return [await each.read() for each in result.response.attachments]


async def test_a_refused_form_gives_back_what_was_typed(
    world: World, shown: simcord.InteractionResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Demo, "failure", lambda: UserError("Too fast.", "Wait an hour."))
    result = await world.member.submit_modal(shown, FILLED)
    assert result.ephemeral
    assert texts(result) == "**Too fast.**\nWait an hour."
    assert await given_back(result) == [b"== story ==\nIt broke."]


async def test_a_mistake_gives_it_back_too(
    world: World,
    shown: simcord.InteractionResult,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(Demo, "failure", lambda: RuntimeError("broken"))
    with caplog.at_level(logging.ERROR, logger="bot.respond"):
        result = await world.member.submit_modal(shown, FILLED)
    assert "Something went wrong in ftbot." in texts(result)
    assert await given_back(result) == [b"== story ==\nIt broke."]


async def test_nothing_typed_is_not_given_back(
    world: World, shown: simcord.InteractionResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Demo, "failure", lambda: UserError("Too fast."))
    result = await world.member.submit_modal(shown, {})
    assert texts(result) == "**Too fast.**"
    assert await given_back(result) == []


async def test_forms_of_other_versions_are_answered_with_what_was_typed(
    world: World, shown: simcord.InteractionResult
) -> None:
    await world.restart()  # and nothing is registered
    result = await world.member.submit_modal(shown, FILLED)
    assert result.ephemeral
    assert "This form is from an older version of ftbot." in texts(result)
    assert await given_back(result) == [b"== story ==\nIt broke."]


LINES = st.text(st.characters(exclude_characters="="), max_size=50)


@given(st.dictionaries(st.sampled_from(["project", "story", "logs"]), LINES))
def test_what_was_typed_can_be_read_again(typed: dict[str, str]) -> None:
    names = ["project", "story", "logs"]
    texts = {name: typed[name] for name in names if typed.get(name)}
    written = Values(texts, {}, {}).written()
    assert typed_before(written, names) == texts


@given(st.text(max_size=200), st.lists(st.sampled_from(["story", "logs", "x\n"]), max_size=4))
def test_any_file_can_be_read(text: str, names: list[str]) -> None:
    assert set(typed_before(text, names)) <= set(names)
