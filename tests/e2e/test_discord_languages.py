"""Languages on a Discord on loopback: what commands are called, and how members are answered."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import language, translations
from bot.client import FtBot, Services
from bot.db import Database
from tests.cogs.fakes import Index, services_on
from tests.e2e.loopback import Loopback, answered, running, sent, shown

# The loopback server stores things on requests under plain names.
pytestmark = pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")

PO = """\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

msgid "As of {age}."
msgstr "{age} 기준."

msgid "Did you mean one of these?"
msgstr "혹시 이것인가요?"

msgctxt "command"
msgid "check"
msgstr "확인"

msgctxt "command"
msgid "list"
msgstr "목록"

msgctxt "option"
msgid "project"
msgstr "프로젝트"

msgctxt "choice"
msgid "everything"
msgstr "전부"

msgctxt "description"
msgid "Its name on PyPI"
msgstr "PyPI에서의 이름"

msgctxt "menu"
msgid "Report free-threading problem"
msgstr "문제 신고"
"""


def install(text: str) -> None:
    language.install({"ko": translations.translations(translations.read(text.encode(), "ko.po"))})


@pytest.fixture(autouse=True)
def korean() -> Iterator[None]:
    install(PO)
    yield
    language.install({})


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    index = Index()
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        yield services_on(database, index, index)


def named(command: dict[str, Any]) -> dict[str, str]:
    localised: dict[str, str] = command.get("name_localizations", {})
    return localised


async def test_discord_is_told_what_commands_are_called(
    discord_api: Loopback, services: Services
) -> None:
    async with running(discord_api, lambda: FtBot(services)):
        pass
    (told,) = sent(discord_api, "PUT", "/commands")
    commands = {each["name"]: each for each in told}
    check = commands["check"]
    assert named(check) == {"ko": "확인"}
    (project,) = (each for each in check["options"] if each["name"] == "project")
    assert named(project) == {"ko": "프로젝트"}
    assert project["description_localizations"] == {"ko": "PyPI에서의 이름"}
    assert named(commands["Report free-threading problem"]) == {"ko": "문제 신고"}
    inside = {each["name"]: each for each in commands["announce"]["options"]}
    assert named(inside["list"]) == {"ko": "목록"}
    (among,) = (each for each in inside["subscribe"]["options"] if each["name"] == "among")
    assert {"ko": "전부"} in [named(each) for each in among["choices"]]


async def test_other_names_are_told_again(discord_api: Loopback, services: Services) -> None:
    for text, times in [(PO, 1), (PO, 1), (PO.replace("확인", "점검"), 2)]:
        install(text)
        async with running(discord_api, lambda: FtBot(services)):
            pass
        assert len(sent(discord_api, "PUT", "/commands")) == times


@pytest.mark.parametrize(
    ("locale", "said", "mended"),
    [("ko", " 기준.", "혹시 이것인가요?"), ("fr", "-# As of", "Did you mean one of these?")],
)
async def test_members_are_answered_in_their_language(
    discord_api: Loopback, services: Services, locale: str, said: str, mended: str
) -> None:
    async def check(project: str) -> str:
        option = {"type": 3, "name": "project", "value": project}
        record = await discord_api.slash("check", [option], locale=locale)
        return shown((await answered(record))["data"])

    async with running(discord_api, lambda: FtBot(services)):
        found, missing = await asyncio.gather(check("numpy"), check("nunpy"))
    assert said in found
    assert mended in missing
