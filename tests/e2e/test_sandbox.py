"""The parts of the sandbox: its index and its simulated Discord."""

import asyncio
import contextlib
import gzip
import itertools
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from discord import Locale

from bot import data, language, translations
from bot.client import FtBot
from bot.compat.model import Target
from bot.db import Database
from bot.errors import ProjectNotFound
from bot.http import Client, http_client
from bot.sandbox.index import serve_index
from bot.sandbox.readings import FILE, SnapshotReading, store_readings, write_readings
from bot.sandbox.snapshot import (
    Snapshot,
    SnapshotProject,
    SnapshotWriter,
    shipped_snapshot,
    write_snapshot,
)
from bot.xray.model import ModuleVerdict
from bot.xray.store import XrayStore
from tests.cogs.fakes import services_on
from tests.e2e.browser import Tab

pytest.importorskip("simcord.preview", reason="the extra `sandbox` is not installed")

from simcord.preview._markdown import markdown_tokens

from bot.sandbox.simulation import Simulation, parsed_once, simulate

ROOT = Path(__file__).resolve().parents[2]
TRUTH = ROOT / "../shared/data/xray/truth.jsonl"
PAGES = sorted((ROOT / "../shared/data/simple").glob("*.json.gz"))


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return shipped_snapshot()


@pytest.mark.skipif(not PAGES, reason="the pages that the snapshot was made of are not here")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name.partition(".")[0])
def test_snapshot_says_what_the_pages_said(path: Path, snapshot: Snapshot) -> None:
    page = json.loads(gzip.decompress(path.read_bytes()))
    shown = json.loads(snapshot.page(page["name"]))

    def facts(document: dict[str, Any]) -> list[str]:
        files = document["files"]
        return sorted(
            f"{file['filename']} {file.get('requires-python')} {file['yanked']}" for file in files
        )

    assert facts(shown) == facts(page)
    assert shown["versions"] == page["versions"]


def test_snapshot_makes_up_nothing(snapshot: Snapshot) -> None:
    for name, project in snapshot.projects.items():
        assert name.startswith("made-up-") == project.made_up
        for file in json.loads(snapshot.page(name))["files"]:
            assert file.keys() == {"filename", "url", "hashes", "requires-python", "yanked"}


def test_snapshot_is_small() -> None:
    assert (ROOT / "data/snapshot.json.xz").stat().st_size < 150_000


def test_snapshot_keeps_names_of_any_shape() -> None:
    names = (
        *("a-1.0-py3-none-any.whl", "a-1.0.tar.gz", "a-1.0.win32-py2.4.exe", "a.whl", "a-1.whl"),
        *("nonsense", "", ".tar.gz", "a-1.0-1-cp314-cp314t-win_amd64.whl", "a-1.0.zip"),
    )
    writer = SnapshotWriter("2026-11-22")
    files = [(name, None, False) for name in names]
    writer.add("a", files, SnapshotProject("A", ()))
    document = json.loads(writer.snapshot().page("a"))
    assert sorted(file["filename"] for file in document["files"]) == sorted(names)
    assert write_snapshot(writer.snapshot()) == write_snapshot(writer.snapshot())


async def test_readings_are_of_wheels_that_pip_takes(snapshot: Snapshot, tmp_path: Path) -> None:
    readings = data.read_json(FILE, list[SnapshotReading])
    files = {
        file["filename"]
        for name in snapshot.projects
        for file in json.loads(snapshot.page(name))["files"]
    }
    assert {each.reading.wheel for each in readings} <= files
    assert len({each.sha256 for each in readings}) == len(readings)
    assert all(len(bytes.fromhex(each.sha256)) == 32 for each in readings)
    verdicts = {each.reading.verdict for each in readings}
    assert verdicts == {*ModuleVerdict} - {ModuleVerdict.DELEGATED}
    assert any(each.reading.wheel.startswith("numpy-") for each in readings)
    content = write_readings(readings)
    assert content == data.read(FILE)
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        store = XrayStore(database)
        await store_readings(store)
        assert await store.count() == len(readings)
        known = await store.known(files)
    for each in readings:
        assert known[each.reading.wheel].re_enabling == each.reading.re_enabling


@pytest.mark.skipif(not TRUTH.exists(), reason="what modules do when imported is not here")
def test_readings_say_what_modules_do() -> None:
    truth: dict[str, set[tuple[str, bool]]] = {}
    for line in TRUTH.read_text().splitlines():
        fact = json.loads(line)
        truth.setdefault(fact["wheel"], set()).add((fact["module"], fact["truth"] == "keeps_off"))
    readings = {
        each.reading.wheel: each.reading for each in data.read_json(FILE, list[SnapshotReading])
    }
    kept = {ModuleVerdict.KEEPS_OFF, ModuleVerdict.LIKELY_KEEPS_OFF}
    shared = truth.keys() & readings.keys()
    assert shared
    for wheel in shared:
        for module in readings[wheel].modules:
            assert (module.module, module.verdict in kept) in truth[wheel]


@pytest.fixture
async def index(snapshot: Snapshot) -> AsyncIterator[Client]:
    async with serve_index(snapshot) as url, http_client(url) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/simple/", 200),
        ("/simple/numpy/", 200),
        ("/simple/discord-py/", 200),
        ("/simple/Discord.py/", 301),
        ("/simple/scipy/", 404),
        ("/simple/..%2fx/", 404),
        ("/project/numpy/", 200),
        ("/pypi/numpy/json", 200),
        ("/pypi/numpy/1.0/json", 404),
        ("/pypi/made-up-tool/json", 404),
        ("/pypi/made-up-quarantined/json", 404),
        ("/tracker", 404),
    ],
)
async def test_index_answers_like_the_real_one(index: Client, path: str, status: int) -> None:
    assert (await index.get(path)).status_code == status


async def test_index_confirms_what_is_known_by_its_entity_tag(index: Client) -> None:
    first = await index.get("/simple/numpy/")
    again = await index.get("/simple/numpy/", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_index_hides_what_is_quarantined(index: Client) -> None:
    listed = {project["name"] for project in (await index.get("/simple/")).json()["projects"]}
    page = (await index.get("/simple/made-up-quarantined/")).json()
    assert "numpy" in listed
    assert "made-up-quarantined" not in listed
    assert (page["project-status"], page["files"]) == ({"status": "quarantined"}, [])


class Nothing:
    """Services of a bot that knows no project."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def answer(self, project: str, _targets: Sequence[Target] = ()) -> NoReturn:
        raise self.error or ProjectNotFound(project, ("numpy",))

    def complete(self, text: str, _limit: int = 25) -> list[str]:
        return [f"{text}mpy"]

    async def get(self, _key: str) -> str | None:
        return None

    async def set(self, key: str, value: str) -> None:
        pass


@pytest.fixture
def nothing() -> Nothing:
    return Nothing()


@pytest.fixture
async def bot(nothing: Nothing, tmp_path: Path) -> AsyncIterator[FtBot]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        yield FtBot(services_on(database, nothing, nothing, nothing), shard_count=1)


@pytest.fixture
async def simulation(bot: FtBot) -> AsyncIterator[Simulation]:
    async with simulate(bot) as running:
        yield running


async def test_time_passes_in_the_simulation(simulation: Simulation) -> None:
    async with Tab.open(simulation.server) as tab:
        before = datetime.now(UTC)
        await simulation.say("What time is it?")
        (message,) = await tab.shows(lambda messages: len(messages) == 1)
    sent = datetime.fromisoformat(message["timestamp"])
    assert timedelta(0) <= sent - before < timedelta(seconds=5)


async def test_expected_failures_are_answers(simulation: Simulation) -> None:
    async with Tab.open(simulation.server) as tab:
        receipt = await tab.run("check", project="nunpy")
        assert (receipt["settlement"], receipt["diagnostics"]) == ("settled", [])
        assert "nunpy" in str(tab.messages[-1]["components"])
        assert tab.messages[-1]["ephemeral"]
    assert simulation.env.errors == []


async def test_mistakes_are_shown_as_mistakes(simulation: Simulation, nothing: Nothing) -> None:
    nothing.error = RuntimeError("a mistake in ftbot")
    async with Tab.open(simulation.server) as tab:
        receipt = await tab.run("check", project="numpy")
    assert receipt["settlement"] == "failed"
    assert len(simulation.env.errors) == 1


async def test_autocomplete_is_quick(simulation: Simulation) -> None:
    async with Tab.open(simulation.server) as tab:
        began = time.perf_counter()
        assert await tab.complete("check", "project", "nu") == ["numpy"]
        assert time.perf_counter() - began < 0.5


async def test_both_people_can_be_looked_through(simulation: Simulation) -> None:
    async with (
        Tab.open(simulation.server, viewer="ada") as ada,
        Tab.open(simulation.server, viewer="ben") as ben,
    ):
        await ada.run("check", project="nunpy")
        await simulation.say("for all")
        seen = await ben.shows(bool)
        assert [message["content"] for message in seen] == ["for all"]  # hers is for her alone
        assert len(await ada.shows(lambda messages: len(messages) == 2)) == 2


async def test_direct_messages_appear_on_their_page(simulation: Simulation, bot: FtBot) -> None:
    ada, ben = simulation.people
    async with Tab.open(ada.direct_messages) as hers, Tab.open(ben.direct_messages) as his:
        user = await bot.fetch_user(int(hers.state["viewerId"]))
        await user.send("Wheels for numpy are out.")
        (message,) = await hers.shows(bool)
        assert message["content"] == "Wheels for numpy are out."
        await his.refresh()
        assert his.messages == []


async def test_commands_work_in_direct_messages(simulation: Simulation) -> None:
    async with Tab.open(simulation.people[1].direct_messages) as tab:
        receipt = await tab.run("check", project="nunpy")
        assert receipt["settlement"] == "settled"
        assert "nunpy" in str(tab.messages[-1]["components"])


@pytest.fixture
def languages() -> Iterator[None]:
    translations.load()
    yield
    language.install({})


@pytest.mark.usefixtures("languages")
async def test_people_may_speak_another_language(bot: FtBot) -> None:
    async with simulate(bot, locale=Locale.korean) as simulation:
        async with Tab.open(simulation.server) as tab:
            assert await tab.complete("확인", "프로젝트", "nu") == ["numpy"]
            receipt = await tab.run("확인", 프로젝트="nunpy")
            assert (receipt["settlement"], receipt["diagnostics"]) == ("settled", [])
            assert "인덱스에 nunpy 프로젝트가 없습니다" in str(tab.messages[-1]["components"])
            await tab.run("지켜보기 목록")
            assert "지켜보는 프로젝트가 없습니다" in str(tab.messages[-1]["components"])
        async with Tab.open(simulation.people[1].direct_messages) as tab:
            await tab.run("확인", 프로젝트="nunpy")
            assert "인덱스에 nunpy 프로젝트가 없습니다" in str(tab.messages[-1]["components"])
        (guild,) = bot.guilds
        assert guild.preferred_locale is Locale.korean


async def _work_forever() -> NoReturn:
    for pause in itertools.repeat(0.001):
        await asyncio.sleep(pause)
    raise AssertionError


async def test_long_work_outside_does_not_keep_commands_waiting(bot: FtBot) -> None:
    job = asyncio.create_task(_work_forever())
    async with simulate(bot) as simulation, Tab.open(simulation.server) as tab:
        began = time.perf_counter()
        await tab.run("check", project="nunpy")
        assert time.perf_counter() - began < 1
    job.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await job


@pytest.mark.parametrize("profile", ["message", "text_display", "label"])
def test_messages_look_the_same_when_parsed_once(profile: str) -> None:
    texts = ("## numpy\n-# `a`", "**x** [y](http://z/)\n- a\n- b", "<t:1700000000:R> ||s||", "<@1>")
    contexts: tuple[dict[str, Any], ...] = ({}, {"users": {"1": "ada"}})

    def parsed() -> list[Any]:
        return [markdown_tokens(t, profile, context=each) for t in texts for each in contexts]

    plain = parsed()
    with parsed_once():
        assert [parsed(), parsed()] == [plain, plain]
