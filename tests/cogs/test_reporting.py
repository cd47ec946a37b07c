"""The way of a report with all its real parts but the index and GitHub, on a simulated Discord.

Every request that is made of Discord on the way is judged by Discord's own description.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import discord
import pytest
import simcord
from discord import ui

from bot.announce.delivery.store import DeliveryStore
from bot.announce.subscriptions.store import SubscriptionStore
from bot.audit.members import AuditMembers
from bot.audit.store import AuditStore
from bot.audit.watching.store import WatchStore
from bot.client import Services
from bot.db import Database, Speakers
from bot.errors import ProjectNotFound
from bot.reports.filing.store import FilingStore
from bot.reports.likeness.model import Known
from bot.reports.model import Action, Actor, Kind, State
from bot.reports.posts.store import PostStore
from bot.reports.reading.rules import read_submission
from bot.reports.service import ReportService
from bot.reports.service.lookups import Lookups
from bot.reports.store import ReportStore
from bot.ui.card import Card
from tests.cogs.conftest import World
from tests.cogs.fakes import Index, services_on
from tests.cogs.showing import SELECT, parts, texts
from tests.cogs.test_reports import MENU, filled, labels, opened, pressed, said, wrote
from tests.e2e.discord_spec import DiscordSpec

STORY = "Importing numpy 2.0 on 3.14t turned the GIL on."
LOGS = (
    "<frozen importlib._bootstrap>:488: RuntimeWarning: The global interpreter lock (GIL) has been "
    "enabled to load module 'numpy._core', which has not declared that it can run safely without "
    "the GIL."
)
TYPED: dict[str, Any] = {
    "project": "numpy",
    "environment": "Python 3.14.0 free-threading build (main, Oct 7 2025), Linux x86_64",
    "story": STORY,
    "logs": LOGS,
}


class Nowhere:
    """An index without projects, repositories without issues, names of one project."""

    async def answer(self, project: str, _targets: Sequence[object]) -> Any:  # noqa: ANN401 - never
        raise ProjectNotFound(project)

    async def all(self, _project: str | None, _kind: Kind | None) -> list[Known]:
        return []

    async def about(self, _repository: str, *, patience: float) -> list[Known]:
        del patience
        return []

    def is_project(self, name: str) -> bool:
        return name == "numpy"

    def is_popular(self, name: str) -> bool:
        return self.is_project(name)

    def projects_for_import(self, name: str) -> tuple[str, ...]:
        return ("numpy",) if name == "numpy" else ()


@pytest.fixture
def service(database: Database) -> ReportService:
    nothing, store = Nowhere(), ReportStore(database)
    return ReportService(
        database=database,
        store=store,
        posts=PostStore(database),
        filings=FilingStore(database),
        lookups=Lookups(store, nothing, nothing, home="owner/home"),
        reader=lambda submission: read_submission(submission, nothing),
        home="owner/home",
        watches=SubscriptionStore(database),
        news=DeliveryStore(database),
        audits=AuditMembers(AuditStore(database), WatchStore(database)),
        speakers=Speakers(database),
        can_file=True,
        key=b"made up",
    )


@pytest.fixture
def services(index: Index, database: Database, service: ReportService) -> Services:
    return services_on(database, index, index, reports=service)


@pytest.fixture(autouse=True)
async def judged(world: World) -> AsyncIterator[None]:
    """Judge all requests when the test is over."""
    spec = DiscordSpec.load()
    yield
    found = [
        problem
        for each in world.env.http_requests
        for problem in spec.problems(each.method, each.path, each.json)
    ]
    assert found == []


@pytest.fixture
async def server(world: World, service: ReportService) -> World:
    """A server whose triagers decide."""
    guild = world.env.guild
    channel, role = guild.create_text_channel("triage"), guild.create_role("Triagers")
    await service.setup(guild.id, channel.id, role.id)
    return world


def triager(world: World) -> Actor:
    return Actor(world.env.guild.id, "ada")


async def pressable(world: World, *buttons: tuple[str, str]) -> discord.Message:
    """Post a message with buttons, as ftbot does elsewhere."""
    row: ui.ActionRow[Any] = ui.ActionRow()
    for label, custom_id in buttons:
        row.add_item(ui.Button(label=label, custom_id=custom_id))
    return await said(world, Card(row, colour=0))


async def reported(world: World, **typed: Any) -> simcord.InteractionResult:  # noqa: ANN401 - values
    return await world.member.submit_modal(await opened(world), {**TYPED, **typed})


async def test_what_a_member_wrote_is_understood_and_sent(
    server: World, service: ReportService, database: Database
) -> None:
    shown = await reported(server, file=[("numpy.log", b"line\n" * 2000)])
    assert "**Project** numpy" in texts(shown)
    assert "Send to the triagers" in labels(shown)
    await server.restart()
    sent = await pressed(server, shown, "Send to the triagers")
    assert "## Sent, as report 1" in texts(sent)
    report = await ReportStore(database).get(1)
    assert report is not None
    assert report.state is State.OPEN
    assert report.submission.story == STORY
    assert report.submission.logs.startswith(f"{LOGS}\n\n--- numpy.log ---\nline\n")
    assert [step.action for step in report.steps] == [Action.SEND]
    (waiting,) = (await service.waiting(server.env.guild.id)).reports
    assert waiting.id == 1
    listed = await server.member.slash(server.channel, "reports", project="NumPy")
    assert "1 report waits here for a triager: #1" in texts(listed)
    assert STORY[:20] not in texts(listed)
    checked = await server.member.slash(server.channel, "check", project="numpy")
    assert "🐞" not in texts(checked)
    await service.link(1, server.env.guild.id, triager(server), "#3")
    listed = await server.member.slash(server.channel, "reports", project="NumPy")
    assert "## numpy: 1 report\n" in texts(listed)
    assert "waits here" not in texts(listed)
    checked = await server.member.slash(server.channel, "check", project="numpy")
    assert "🐞 **1 report:**" in texts(checked)


async def test_who_sends_hears_that_the_triagers_are_out_of_reach(
    server: World, service: ReportService
) -> None:
    await service.setup(server.env.guild.id, 404, 9)
    sent = await pressed(server, await reported(server), "Send to the triagers")
    assert "## Sent, as report 1" in texts(sent)
    assert "channel is out of reach: The channel no longer exists." in texts(sent)


async def test_a_question_is_answered_and_the_report_taken_back(
    server: World, service: ReportService, database: Database
) -> None:
    shown = await pressed(server, await reported(server), "Send to the triagers")
    await service.ask(1, server.env.guild.id, triager(server), "Which wheel?")
    form = await server.member.click(
        await pressable(server, ("Answer", "1answer:1")), label="Answer"
    )
    await server.restart()
    thanks = await server.member.submit_modal(form, {"answer": "numpy-2.0-cp314-cp314t.whl"})
    assert "Thank you: the triagers have your answer." in texts(thanks)
    back = await pressed(server, shown, "Withdraw")
    assert "Report 1 is taken back." in texts(back)
    late = await server.member.click(
        await pressable(server, ("Answer", "1answer:1")), label="Answer"
    )
    refused = await server.member.submit_modal(late, {"answer": "Too late."})
    assert refused.response is not None
    (file,) = refused.response.attachments
    assert await file.read() == b"== answer ==\nToo late."
    found = await ReportStore(database).get(1)
    assert found is not None
    assert found.state is State.WITHDRAWN


async def test_limits_give_back_what_was_typed(server: World) -> None:
    for number in range(5):
        assert "Discard" in labels(await reported(server, story=f"Story {number}"))
    refused = await reported(server, story="One too many")
    assert labels(refused) == ["Open the form again"]
    form = await pressed(server, refused, "Open the form again")
    assert filled(form)["story"] == "One too many"


async def test_the_same_again_is_counted_with_the_first(server: World) -> None:
    await pressed(server, await reported(server), "Send to the triagers")
    bob = server.env.guild.add_member(server.env.create_user("bob"))
    shown = await bob.submit_modal(await bob.slash(server.channel, "report"), TYPED)
    assert shown.response is not None
    (send,) = (label for label in labels(shown) if label.lower().endswith(("send it", "triagers")))
    done = await bob.click(shown.response, label=send)
    assert "Counted: you have report 1 too" in texts(done)


async def test_nobody_else_reads_or_sends_a_draft(server: World) -> None:
    await reported(server)
    bob = server.env.guild.add_member(server.env.create_user("bob"))
    card = await pressable(server, ("Send", "1report-step:send:1:"), ("Change", "1report-change:1"))
    for label in ("Send", "Change"):
        refused = await bob.click(card, label=label)
        assert "You have no report 1." in texts(refused)


async def test_without_triagers_the_form_is_filled_in(world: World) -> None:
    shown = await reported(world)
    assert "Nobody decides on reports here" in texts(shown)
    assert labels(shown) == ["Open GitHub's form", "Change", "Discard"]


async def test_a_message_with_files_becomes_a_draft(server: World, database: Database) -> None:
    message = await wrote(server, STORY, ("numpy.log", LOGS.encode("utf-16")), ("x.png", b"\x89"))
    form = await server.member.context_menu(server.channel, MENU, message)
    await server.restart()
    shown = await server.member.submit_modal(form, {**filled(form), "file": []})
    assert "Send to the triagers" in labels(shown)
    report = await ReportStore(database).get(1)
    assert report is not None
    assert report.submission.logs == LOGS
    assert report.submission.message == message.jump_url


async def test_a_draft_out_of_sight_is_found_again(server: World) -> None:
    await reported(server, story="Dismissed by mistake")
    await reported(server, story="And another")
    await server.restart()
    shown = await server.member.slash(server.channel, "privacy")
    (select,) = parts(shown, SELECT)
    assert [option["label"] for option in select["options"]] == ["Report 2", "Report 1"]
    assert shown.response is not None
    again = await server.member.select(shown.response, ["1"])
    assert again.ephemeral
    assert filled(await pressed(server, again, "Change"))["story"] == "Dismissed by mistake"
    assert "## Sent, as report 1" in texts(await pressed(server, again, "Send to the triagers"))


async def test_what_is_stored_is_shown_and_deleted(server: World, database: Database) -> None:
    await pressed(server, await reported(server), "Send to the triagers")
    await reported(server, story="Not sent")
    shown = await server.member.slash(server.channel, "privacy")
    assert "- 1 report not sent yet" in texts(shown)
    assert "- 1 report with your name and id" in texts(shown)
    done = await pressed(server, await pressed(server, shown, "Delete it"), "Yes, delete it")
    assert "**It is deleted.**\nDeleted: 1 report not sent, your language." in texts(done)
    assert "Your name is off 1 report" in texts(done)
    kept = await ReportStore(database).get(1)
    assert kept is not None
    assert kept.reporter is None
    assert await ReportStore(database).get(2) is None
    assert "Nothing." in texts(await server.member.slash(server.channel, "privacy"))
