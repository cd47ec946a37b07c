"""A report's form against a Discord on loopback: real REST with files, real gateway, restarts."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.client import FtBot, Services
from bot.db import Database
from bot.errors import UserError
from tests.cogs.fakes import Index, ReportDesk, services_on
from tests.e2e.discord_spec import BUTTON, walk
from tests.e2e.loopback import MODAL, Loopback, answered, running, shown

# The loopback server stores things on requests under plain names.
pytestmark = pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")

MESSAGE = 4
EPHEMERAL = 64
TEXT_INPUT, LABEL, FILE_UPLOAD = 4, 18, 19


@pytest.fixture
def desk() -> ReportDesk:
    return ReportDesk()


@pytest.fixture
async def services(desk: ReportDesk, tmp_path: Path) -> AsyncIterator[Services]:
    index = Index()
    reports: Any = desk  # knows nothing of triagers
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        yield services_on(database, index, index, reports=reports)


def typed(files: list[str] | None = None, **texts: str) -> list[dict[str, Any]]:
    """What a client sends for a form: labels around parts."""
    parts: list[dict[str, Any]] = [
        {"type": TEXT_INPUT, "custom_id": name, "value": text} for name, text in texts.items()
    ]
    parts.append({"type": FILE_UPLOAD, "custom_id": "file", "values": files or []})
    return [{"type": LABEL, "component": part} for part in parts]


async def test_a_form_and_its_file_are_taken_after_a_restart(
    discord_api: Loopback, services: Services, desk: ReportDesk
) -> None:
    async with running(discord_api, lambda: FtBot(services)):
        form = await answered(await discord_api.slash("report"))
        assert form["type"] == MODAL
    async with running(discord_api, lambda: FtBot(services)):
        file = discord_api.attachment("error.log", "Fatal Python error 🧵".encode())
        record = await discord_api.submit(
            form["data"]["custom_id"],
            typed([file["id"]], project="numpy", story="It crashes."),
            resolved={"attachments": {file["id"]: file}},
        )
        answer = await answered(record)
    assert answer["type"] == MESSAGE
    assert answer["data"]["flags"] & EPHEMERAL
    assert "numpy 2.0" in shown(answer["data"])
    submission = desk.reports[1].submission
    assert (submission.project, submission.story) == ("numpy", "It crashes.")
    assert (submission.log_name, submission.logs) == ("error.log", "Fatal Python error 🧵")


async def test_what_was_typed_into_a_refused_form_comes_back_as_a_file(
    discord_api: Loopback, services: Services, desk: ReportDesk
) -> None:
    desk.error = UserError("Five reports an hour are enough.")
    async with running(discord_api, lambda: FtBot(services)):
        record = await discord_api.submit("1report:::", typed(project="numpy", story="A story 🧵"))
        answer = await answered(record)
    assert "Five reports an hour are enough." in shown(answer["data"])
    assert [each["filename"] for each in answer["data"]["attachments"]] == ["typed.txt"]
    (button,) = (each for each in walk(answer["data"]["components"]) if each["type"] == BUTTON)
    assert button["label"] == "Open the form again"


async def test_the_menu_opens_the_form_with_a_message_and_its_files(
    discord_api: Loopback, services: Services, desk: ReportDesk
) -> None:
    message = discord_api.user_message("It crashes.")
    async with running(discord_api, lambda: FtBot(services)):
        message["attachments"] = [discord_api.attachment("a.log", b"log " * 2000)]
        form = await answered(
            await discord_api.context_menu("Report free-threading problem", message)
        )
    assert form["type"] == MODAL
    values = {
        part["custom_id"]: part.get("value")
        for part in walk(form["data"]["components"])
        if "custom_id" in part
    }
    assert values["story"] == "It crashes."
    assert desk.reports[1].submission.logs == "log " * 2000


async def test_a_file_that_is_gone_costs_nothing_else(
    discord_api: Loopback, services: Services, desk: ReportDesk
) -> None:
    async with running(discord_api, lambda: FtBot(services)):
        file = discord_api.attachment("a.log", b"log")
        discord_api.files.clear()
        record = await discord_api.submit(
            "1report:::",
            typed([file["id"]], project="numpy", story="It crashes."),
            resolved={"attachments": {file["id"]: file}},
        )
        answer = await answered(record)
    assert "a.log was left out. Discord did not hand it out." in shown(answer["data"])
    assert desk.reports[1].submission.story == "It crashes."
