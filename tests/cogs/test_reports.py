"""The way of a report as its reporter goes it, and what all see of it."""

from dataclasses import replace
from typing import Any

import discord
import pytest
import simcord
from discord import ui

from bot.errors import ServiceError, UserError
from bot.reports.model import Hint, Likely, Problems, State, Submission
from bot.ui import custom_ids
from bot.ui.card import Card
from tests.cogs.conftest import World
from tests.cogs.fakes import ReportDesk, problem
from tests.cogs.showing import BUTTON, parts, texts

MENU = "Report free-threading problem"
TYPED = {
    "project": "numpy",
    "environment": "Python 3.14.0 free-threading build",
    "story": "I imported it.",
    "logs": "RuntimeWarning: the GIL is on",
}
LATE: list[Any] = [("error.log", b"Fatal Python error")]


@pytest.fixture
def desk(world: World) -> ReportDesk:
    found = world.services.reports
    assert isinstance(found, ReportDesk)
    return found


def labels(result: simcord.InteractionResult) -> list[str]:
    return [part["label"] for part in parts(result, BUTTON)]


def filled(result: simcord.InteractionResult) -> dict[str, str]:
    """What stands in a form before anybody types."""
    assert result.modal is not None
    inside = (label["component"] for label in result.modal["components"])
    return {part["custom_id"]: part.get("value", "") for part in inside}


async def opened(world: World, **options: str) -> simcord.InteractionResult:
    return await world.member.slash(world.channel, "report", **options)


async def previewed(world: World, **typed: Any) -> simcord.InteractionResult:  # noqa: ANN401 - values
    return await world.member.submit_modal(await opened(world), {**TYPED, **typed})


async def pressed(
    world: World, result: simcord.InteractionResult, label: str
) -> simcord.InteractionResult:
    assert result.response is not None
    return await world.member.click(result.response, label=label)


async def test_the_form_asks_for_five_things(world: World) -> None:
    form = await opened(world, project="numpy")
    assert form.modal is not None
    assert [label["label"] for label in form.modal["components"]] == [
        "Project",
        "Interpreter and platform",
        "What happened",
        "Logs as text",
        "Logs as a file",
    ]
    assert filled(form)["project"] == "numpy"


async def test_from_form_to_sent_and_taken_back(world: World, desk: ReportDesk) -> None:
    shown = await previewed(world)
    assert shown.ephemeral
    assert "**Importing it turns the GIL on**" in texts(shown)
    assert labels(shown) == [
        "Send to the triagers",
        "Change",
        "Discard",
        "Show my name on GitHub: no",
    ]
    assert desk.reports[1].submission == Submission(**TYPED)
    assert desk.reports[1].guild == world.member.guild.id
    assert desk.reports[1].channel == world.channel.id
    sent = await pressed(world, shown, "Send to the triagers")
    assert "## Sent, as report 1" in texts(sent)
    assert sent.response is not None
    assert shown.response is not None
    assert sent.response.id == shown.response.id
    assert [each.state for each in desk.reports.values()] == [State.OPEN]
    assert "Report 1 is taken back." in texts(await pressed(world, sent, "Withdraw"))
    assert [each.state for each in desk.reports.values()] == [State.WITHDRAWN]


async def test_every_step_works_after_a_restart(world: World, desk: ReportDesk) -> None:
    form = await opened(world, project="numpy")
    await world.restart()
    shown = await world.member.submit_modal(form, {**TYPED, "file": LATE})
    await world.restart()
    form = await pressed(world, shown, "Change")
    await world.restart()
    changed = await world.member.submit_modal(form, {**filled(form), "story": "Anew.", "file": []})
    await world.restart()
    assert "## Sent" in texts(await pressed(world, changed, "Send to the triagers"))
    submission = desk.reports[1].submission
    assert submission.story == "Anew."
    assert submission.log_name == "error.log"
    assert submission.logs == f"{TYPED['logs']}\n\n--- error.log ---\nFatal Python error"


async def test_what_is_changed_takes_the_place_of_what_was_shown(
    world: World, desk: ReportDesk
) -> None:
    shown = await previewed(world)
    form = await pressed(world, shown, "Change")
    assert filled(form) == {**TYPED, "file": ""}
    changed = await world.member.submit_modal(form, {**TYPED, "story": "Again.", "file": []})
    assert changed.followups == []
    assert len(desk.reports) == 1
    assert desk.reports[1].submission.story == "Again."
    assert len(world.channel.history()) <= 1


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("error.log", b"PK\x03\x04" + bytes(60), "error.log was left out."),
        ("core", b"\x7fELF\x00\x01\x02\xff\xfe", "core was left out."),
        ("big.log", b"x" * (2**20 + 1), "big.log was left out. It is larger than 1 MiB."),
    ],
    ids=["zip", "binary", "too big"],
)
async def test_a_file_that_cannot_be_read_costs_nothing_else(
    world: World, desk: ReportDesk, name: str, body: bytes, *, said: str
) -> None:
    shown = await previewed(world, file=[(name, body)])
    assert said in texts(shown)
    assert "Send to the triagers" in labels(shown)
    assert desk.reports[1].submission == Submission(**TYPED)


async def test_a_refusal_gives_back_what_was_typed_and_opens_the_form_again(
    world: World, desk: ReportDesk
) -> None:
    form = await opened(world)
    desk.error = UserError("That were five reports in an hour.", "Wait a little.")
    refused = await world.member.submit_modal(form, {**TYPED, "file": LATE})
    assert "That were five reports in an hour." in texts(refused)
    assert labels(refused) == ["Open the form again"]
    assert desk.reports == {}
    desk.error = None
    await world.restart()
    form = await pressed(world, refused, "Open the form again")
    assert filled(form) == {**TYPED, "file": ""}
    shown = await world.member.submit_modal(form, {**TYPED, "file": []})
    assert "Send to the triagers" in labels(shown)
    assert desk.reports[1].submission == Submission(**TYPED)


async def test_nothing_is_lost_while_the_database_is_down(world: World, desk: ReportDesk) -> None:
    shown = await previewed(world)
    form = await pressed(world, shown, "Change")
    desk.error = RuntimeError("no database")
    failed = await world.member.submit_modal(form, {**TYPED, "story": "Anew.", "file": []})
    assert "Something went wrong in ftbot." in texts(failed)
    assert failed.response is not None
    (file,) = failed.response.attachments
    assert b"== story ==\nAnew.\n" in await file.read()
    desk.error = None
    form = await pressed(world, failed, "Open the form again")
    assert filled(form)["story"] == "Anew."
    await world.member.submit_modal(form, {**filled(form), "file": []})
    assert [each.submission.story for each in desk.reports.values()] == ["Anew."]


async def test_a_service_that_is_down_is_named(world: World, desk: ReportDesk) -> None:
    form = await opened(world)
    desk.error = ServiceError("The index does not answer.", "Try again in a minute.")
    assert "The index does not answer." in texts(await world.member.submit_modal(form, TYPED))


async def test_known_problems_are_offered_and_joined(world: World, desk: ReportDesk) -> None:
    desk.hints = (Hint("wheel-now", "numpy 2.1 has a wheel for 3.14t."),)
    url = "https://github.com/numpy/numpy/issues/34"
    desk.likely = (
        Likely("issue:numpy/numpy#34", "GIL enabled", url, 0.9, ("same module",)),
        Likely("report:7", "Like it", None, 0.6),
    )
    shown = await previewed(world)
    assert "💡 numpy 2.1 has a wheel for 3.14t." in texts(shown)
    assert f"[GIL enabled](<{url}>)" in texts(shown)
    assert labels(shown)[:3] == ["Mine is the same"] * 2 + ["Mine is different, send it"]
    assert shown.response is not None
    custom_id = custom_ids.build(custom_ids.REPORT_STEP, "join", "1", "report:7")
    done = await world.member.click(shown.response, custom_id=custom_id)
    assert "Counted: you have report 7 too" in texts(done)
    assert desk.reports[1].state is State.JOINED


async def test_the_name_is_shown_only_if_that_is_wished(world: World, desk: ReportDesk) -> None:
    shown = await previewed(world)
    assert "your name is not shown" in texts(shown)
    on = await pressed(world, shown, "Show my name on GitHub: no")
    assert "“alice” is shown" in texts(on)
    assert desk.reports[1].credit
    off = await pressed(world, on, "Show my name on GitHub: yes")
    assert "your name is not shown" in texts(off)
    assert not desk.reports[1].credit


async def test_what_is_thrown_away_is_gone(world: World, desk: ReportDesk) -> None:
    assert "Thrown away." in texts(await pressed(world, await previewed(world), "Discard"))
    assert desk.reports == {}


async def test_nobody_else_can_press_what_one_was_shown(world: World, desk: ReportDesk) -> None:
    await previewed(world)
    desk.reports[1] = replace(desk.reports[1], reporter=replace(desk.reports[1].reporter, id=1))  # type: ignore[type-var] # it has one
    button: ui.Button[Any] = ui.Button(label="Send", custom_id="1report-step:send:1:")
    refused = await world.member.click(await said(world, Card(ui.ActionRow(button), colour=0)))
    assert "That report is not yours." in texts(refused)
    assert desk.reports[1].state is State.DRAFT


async def said(world: World, card: Card) -> discord.Message:
    channel = world.env.bot.get_channel(world.channel.id)
    assert isinstance(channel, discord.TextChannel)
    return await channel.send(view=card)


async def test_without_triagers_the_form_of_github_is_filled_in(
    world: World, desk: ReportDesk
) -> None:
    desk.can_send = False
    bob = world.env.create_user("bob")
    shown = await bob.submit_modal(await bob.slash("report"), TYPED)
    assert "Nobody decides on reports here" in texts(shown)
    assert labels(shown) == ["Open GitHub's form", "Change", "Discard"]
    assert parts(shown, BUTTON)[0]["url"] == desk.address
    assert desk.reports[1].guild is None
    desk.address = "https://github.com/numpy/numpy/issues/new?body=" + "x" * 600
    form = await bob.click(shown.response, label="Change")
    long = await bob.submit_modal(form, {**TYPED, "file": []})
    link = await bob.click(long.response, label="Open GitHub's form")
    assert f"(<{desk.address}>)" in texts(link)


async def test_a_form_that_took_too_long_is_opened_by_a_button(
    world: World, desk: ReportDesk
) -> None:
    shown = await previewed(world)
    desk.seconds = 5
    waiting = await pressed(world, shown, "Change")
    await world.env.advance_time(6)
    assert waiting.modal is None
    assert waiting.ephemeral
    desk.seconds = 0
    form = await pressed(world, waiting, "Open the form")
    assert filled(form)["story"] == TYPED["story"]


async def test_a_preview_that_takes_long_is_shown_late(world: World, desk: ReportDesk) -> None:
    form = await opened(world)
    desk.seconds = 5
    shown = await world.member.submit_modal(form, TYPED)
    await world.env.advance_time(2)
    assert shown.deferred
    assert shown.ephemeral
    await world.env.advance_time(4)
    assert labels(shown)[0] == "Send to the triagers"


# From a message


async def wrote(world: World, text: str, *files: tuple[str, bytes]) -> discord.Message:
    await world.member.send(world.channel, text, attachments=files)
    channel = world.env.bot.get_channel(world.channel.id)
    assert isinstance(channel, discord.TextChannel)
    return await anext(channel.history(limit=1))


async def test_a_message_fills_the_form(world: World, desk: ReportDesk) -> None:
    message = await wrote(world, "importing numpy turns the GIL on", ("me.png", b"\x89PNG"))
    form = await world.member.context_menu(world.channel, MENU, message)
    assert filled(form)["story"] == "importing numpy turns the GIL on"
    assert desk.reports == {}
    await world.restart()
    await world.member.submit_modal(form, {**filled(form), "file": []})
    submission = desk.reports[1].submission
    assert submission.message == message.jump_url
    assert submission.story == "importing numpy turns the GIL on"


async def test_its_text_files_are_read_whole(world: World, desk: ReportDesk) -> None:
    log = "line\n" * 20_000
    message = await wrote(world, "it broke", ("a.log", log.encode()), ("b.txt", b"PK\x03\x04\x00"))
    form = await world.member.context_menu(world.channel, MENU, message)
    assert filled(form)["story"] == "it broke"
    assert filled(form)["logs"].startswith("b.txt was left out.")
    await world.restart()
    shown = await world.member.submit_modal(
        form, {"project": "numpy", "story": "it broke badly", "file": []}
    )
    assert "Send to the triagers" in labels(shown)
    (report,) = desk.reports.values()
    assert report.submission == Submission(
        "numpy", "", "it broke badly", log, "a.log", message.jump_url
    )


# Questions


async def test_a_question_is_answered(world: World, desk: ReportDesk) -> None:
    await previewed(world)
    button: ui.Button[Any] = ui.Button(label="Answer", custom_id="1answer:1")
    message = await said(world, Card(ui.ActionRow(button), colour=0))
    form = await world.member.click(message, label="Answer")
    await world.restart()
    thanks = await world.member.submit_modal(form, {"answer": "It is 3.14t."})
    assert thanks.ephemeral
    assert "Thank you: the triagers have your answer." in texts(thanks)
    assert desk.answers == [(1, "It is 3.14t.")]
    assert "Answer" in str(world.channel.history()[-1].components)


# What is known


async def test_known_problems_in_pages(world: World, desk: ReportDesk) -> None:
    many = tuple(problem(number, title=f"title {number}") for number in range(1, 20))
    desk.known = Problems("numpy", 38, many)
    first = await world.member.slash(world.channel, "reports", project="numpy")
    assert not first.ephemeral
    assert "## numpy: 38 reports" in texts(first)
    assert labels(first) == ["More", "Report a problem"]
    second = await pressed(world, first, "More")
    assert "title 9" in texts(second)
    assert labels(second) == ["Back", "More", "Report a problem"]
    await world.restart()
    assert labels(await pressed(world, second, "More")) == ["Back", "Report a problem"]


async def test_no_problems_lead_to_the_form(world: World) -> None:
    none = await world.member.slash(world.channel, "reports", project="numpy")
    assert "No problem of numpy is known here." in texts(none)
    form = await pressed(world, none, "Report a problem")
    assert filled(form)["project"] == "numpy"


async def test_a_report_from_a_public_message_leaves_it(world: World) -> None:
    none = await world.member.slash(world.channel, "reports", project="numpy")
    form = await pressed(world, none, "Report a problem")
    shown = await world.member.submit_modal(form, {**TYPED, "file": []})
    assert shown.ephemeral
    assert "No problem of numpy" in str(world.channel.history()[-1].components)


async def test_check_says_what_was_reported(world: World, desk: ReportDesk) -> None:
    plain = await world.member.slash(world.channel, "check", project="numpy")
    assert "🐞" not in texts(plain)
    desk.known = Problems("numpy", 2, (problem(),))
    told = await world.member.slash(world.channel, "check", project="numpy")
    assert "🐞 **2 reports:** importing 2.0 turns the GIL on ([numpy/numpy" in texts(told)


@pytest.mark.parametrize("command", ["report", "reports"])
async def test_autocomplete(world: World, command: str) -> None:
    choices = await world.member.autocomplete(world.channel, command, "project", "num")
    assert [choice["value"] for choice in choices] == ["numpy", "numba"]
