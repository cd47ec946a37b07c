"""Judging in a process of its own, pictures that are drawn once, and files for others."""

import asyncio
import gzip
import io
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from packaging.utils import canonicalize_name
from PIL import Image

from bot.compat.model import Target
from bot.compat.rules import support
from bot.compat.targets import PLATFORMS
from bot.db import Database
from bot.errors import DatabaseError, ServiceError, UserError
from bot.index.fill import Progress
from bot.index.store import ProjectStore
from bot.programs import run
from bot.progress import pictures as drawing
from bot.progress.judging import TABLE, Order, judge
from bot.progress.model import Among, Declared, Judged
from bot.progress.pictures import REST, Pictures
from bot.progress.service import SUMMARY, ProgressService, in_a_process
from bot.progress.store import ProgressStore
from bot.xray.model import ModuleVerdict, WheelReading
from bot.xray.store import XrayStore
from tests.unit.progress_pages import NOW, compiled, days_ago, fill, page, release

NAMES = ("numpy", "requests", "grpcio", "absent")


@dataclass
class World:
    """A service on a database, whose clock and fill a test turns."""

    folder: Path
    database: Database
    now: datetime = NOW
    cached: Progress = field(default_factory=Progress)
    judged: int = 0
    fails: ServiceError | None = None

    @property
    def service(self) -> ProgressService:
        return ProgressService(
            ProgressStore(self.database),
            self,  # type: ignore[arg-type]  # as much of the catalogue as is needed
            Pictures(self.folder),
            database=self.database.path,
            folder=self.folder,
            filling=lambda: self.cached,
            judge=self.judge,
            clock=lambda: self.now,
        )

    async def judge(self, order: Order) -> Judged:
        self.judged += 1
        if self.fails:
            raise self.fails
        return await asyncio.to_thread(judge, order)

    def most_downloaded(self, count: int) -> list[str]:
        return list(NAMES)[:count]

    def rank(self, name: str) -> int | None:
        return NAMES.index(name) + 1


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with populated(tmp_path) as database:
        yield World(tmp_path / "progress", database)


@asynccontextmanager
async def populated(folder: Path) -> AsyncIterator[Database]:
    free = compiled(["313t", "314t"])
    async with Database.open(folder / "ftbot.sqlite3") as database:
        await fill(
            database,
            [
                ("numpy", page("numpy", release("numpy", "2.0", days_ago(200), *free))),
                ("requests", page("requests", release("requests", "2.0", NOW, "py3-none-any"))),
                ("grpcio", page("grpcio", release("grpcio", "1.0", NOW, *compiled(["314"])))),
            ],
        )
        yield database


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be drawn, which takes a second."""

    async def none(*_: Any, **__: Any) -> bytes:  # noqa: ANN401 - whatever
        raise ServiceError("Nothing is drawn here.")

    monkeypatch.setattr(drawing, "run", none)


async def test_a_report_judges_first_if_nobody_did(world: World) -> None:
    report = await world.service.figures()
    assert world.judged == 1
    assert report.counts.projects == 3
    assert (report.counts.binaries, report.counts.binaries_ready) == (2, 1)
    assert report.unknown == 1
    assert [each.project for each in report.missing] == ["grpcio"]
    assert [each.project for each in report.arrived] == []
    days = report.history["3.14t"]
    assert days[-1].day == NOW.date()
    assert not days[-1].derived
    assert all(each.derived for each in days[:-1])
    await world.service.figures(Among.TOP_360, "3.13t", "windows-amd64")
    assert world.judged == 1


@pytest.mark.parametrize("platform", ["manylinux_2_39_x86_64", "amiga", "*" * 4_000, ""])
async def test_other_platforms_are_refused(world: World, platform: str) -> None:
    with pytest.raises(UserError, match="not counted for") as caught:
        await world.service.figures(platform=platform)
    assert caught.value.hint == f"Choose one of {', '.join(PLATFORMS)}."  # and nothing else
    assert len(caught.value.text) < 100


async def test_the_process_of_its_own_finds_the_same(world: World) -> None:
    order = world.service._order()
    there, here = await in_a_process(order), judge(order)
    assert there == here
    assert there.standing.known[Among.TOP_15000] == 3


async def test_the_table_is_whole_and_also_compressed(world: World) -> None:
    await world.service.refresh()
    plain = (world.folder / TABLE).read_bytes()
    assert gzip.decompress((world.folder / f"{TABLE}.gz").read_bytes()) == plain
    document = json.loads(plain)
    assert document["as_of"] == "2026-11-22T12:00:00Z"
    assert document["ranked"] == 4
    numpy, requests, grpcio = document["projects"]
    assert numpy["project"] == "numpy"
    assert numpy["rank"] == 1
    assert numpy["binaries"] is True
    assert numpy["latest"] == {"version": "2.0", "uploaded": "2026-05-06T12:00:00.000000Z"}
    assert numpy["verdicts"]["3.14t"]["linux-x86_64"] == "wheel"
    assert requests["verdicts"]["3.15t"]["macos-arm64"] == "pure"
    assert grpcio["verdicts"]["3.14t"]["linux-x86_64"] == "sdist"
    assert {path.name for path in world.folder.iterdir()} == {
        TABLE, f"{TABLE}.gz", SUMMARY, f"{SUMMARY}.gz",
    }  # fmt: skip


async def test_equal_projects_make_an_equal_table(world: World) -> None:
    paths = [world.folder / TABLE, world.folder / f"{TABLE}.gz"]
    await world.service.refresh()
    before = [path.read_bytes() for path in paths]
    await world.service.refresh()
    assert [path.read_bytes() for path in paths] == before


async def test_an_empty_table_is_json_too(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "file") as database:
        judge(Order(str(database.path), [], NOW, str(tmp_path)))
    assert json.loads((tmp_path / TABLE).read_bytes())["projects"] == []


async def test_the_summary_says_it_for_every_choice_of_projects(world: World) -> None:
    await world.service.refresh()
    parts = json.loads((world.folder / SUMMARY).read_bytes())["progress"]
    assert [part["among"] for part in parts] == list(Among)
    part = parts[1]
    assert part == await world.service.document(Among.TOP_1000)
    assert (part["projects"], part["unknown"]) == (4, 1)
    target = next(
        each
        for each in part["targets"]
        if (each["python"], each["platform"]) == ("3.14t", "linux-x86_64")
    )
    assert target["all"] == {"projects": 3, "ready": 2}
    assert target["with_binaries"] == {"projects": 2, "ready": 1}
    assert target["gil"] == {"read": 0, "keeps_off": 0, "re_enables": 0}
    assert target["missing"] == [{"project": "grpcio", "rank": 3, "verdict": "sdist"}]
    assert target["arrived"] == []
    assert target["history"][0]["derived"] is True
    assert target["history"][-1]["day"] == "2026-11-22"
    assert target["history"][-1]["with_binaries"] == {"projects": 2, "ready": 1}


async def test_what_was_read_of_wheels_is_counted(world: World) -> None:
    linux = ("3.14t", "linux-x86_64")
    numpy = await ProjectStore(world.database).get(canonicalize_name("numpy"))
    assert numpy is not None
    (row,) = support(numpy.files, [Target(*linux)])
    assert row.installs is not None
    reading = WheelReading(row.installs.file, ModuleVerdict.RE_ENABLES)
    unread = WheelReading("other.whl", ModuleVerdict.UNKNOWN, reason="it is gone")
    for each, digest in ((reading, "0" * 64), (unread, None)):
        await XrayStore(world.database).put(each, digest, whole=True, moment=NOW)
    standing = await world.service.refresh()
    on_linux = standing.on(*linux)
    assert on_linux is not None
    assert on_linux.declared[Among.TOP_360] == Declared(read=1, turn_on=1)
    assert (await world.service.figures()).declared == Declared(read=1, turn_on=1)


async def test_a_database_that_is_gone_is_one_sentence(world: World) -> None:
    order = msgspec.structs.replace(world.service._order(), database="/nowhere/file")
    with pytest.raises(ServiceError, match=r"judging failed: .*nowhere"):
        await in_a_process(order)
    with pytest.raises(DatabaseError):
        judge(order)


async def test_a_folder_that_cannot_be_written_is_one_sentence(world: World) -> None:
    world.folder.write_bytes(b"")
    with pytest.raises(UserError, match="cannot be written") as caught:
        await world.service.refresh()
    assert "FTBOT_DATA_DIR" in caught.value.hint


@pytest.mark.usefixtures("no_pictures")
async def test_the_job_judges_once_a_day_and_while_the_cache_fills(world: World) -> None:
    service = world.service
    for _ in range(3):
        await service.look()
    assert world.judged == 1
    world.cached = Progress(3, 3)
    await service.look()
    assert world.judged == 1  # these were known
    world.cached = Progress(50, 100)
    world.now += timedelta(minutes=1)
    await service.look()
    await service.look()
    assert world.judged == 2
    world.now += timedelta(days=1)
    await service.look()
    assert world.judged == 3
    world.cached = Progress()
    await world.service.look()  # after a restart
    assert world.judged == 3


async def test_while_the_cache_fills_who_asks_sees_what_came(world: World) -> None:
    service = world.service
    await service.figures()
    world.cached = Progress(50, 100)
    world.now += timedelta(minutes=1)
    reports = await asyncio.gather(*(service.figures() for _ in range(5)))
    assert world.judged == 2  # once for all who wait
    assert {each.standing.as_of for each in reports} == {world.now}
    await service.figures()
    assert world.judged == 2


async def test_who_asks_gets_what_is_known_where_judging_fails(world: World) -> None:
    world.fails = ServiceError("The program judging took longer than 900 seconds.")
    with pytest.raises(ServiceError, match=r"Progress cannot be worked out.*Try again"):
        await world.service.figures()
    world.fails = None
    known = await world.service.refresh()
    world.fails = ServiceError("Again.")
    world.cached = Progress(50, 100)
    assert (await world.service.figures()).standing == known


@pytest.mark.usefixtures("no_pictures")
async def test_a_failure_is_tried_again(world: World) -> None:
    service = world.service
    world.fails = ServiceError("It took too long.")
    for _ in range(2):
        with pytest.raises(ServiceError):
            await service.look()
    world.fails = None
    await service.look()
    assert world.judged == 3
    assert (world.folder / SUMMARY).exists()


@pytest.mark.usefixtures("no_pictures")
async def test_today_is_judged_anew_while_much_is_unknown(world: World) -> None:
    await world.service.today()
    world.now += timedelta(seconds=1)
    await world.service.today()
    assert world.judged == 2  # one of four is not known
    async with world.database.write() as tx:
        await tx.execute(
            "INSERT INTO project (name, display_name, status, fetched, document)"
            " SELECT 'absent', 'absent', status, fetched, document FROM project LIMIT 1"
        )
    world.now += timedelta(seconds=1)
    await world.service.today()
    await world.service.today()
    assert world.judged == 3


async def test_a_picture_is_drawn_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await world.service.report()
    assert first.picture is not None
    shown = Image.open(io.BytesIO(first.picture))
    assert shown.format == "PNG"
    assert shown.width == 1080
    assert shown.height <= 1.2 * shown.width
    assert len(first.picture) < 200_000

    async def never(*_: Any, **__: Any) -> bytes:  # noqa: ANN401 - whatever
        raise AssertionError

    monkeypatch.setattr(drawing, "run", never)
    again = await world.service.report(python="3.13t")  # the picture shows all of them
    assert again.picture == first.picture


async def test_pictures_of_nothing_and_of_one_day(world: World) -> None:
    report = await world.service.figures(platform="windows-arm64")
    assert all(len(days) == 1 for days in report.history.values())
    empty = msgspec.structs.replace(report, history={})
    pictures = Pictures(world.folder)
    heights = []
    for each in (report, empty):
        picture = await pictures.of(each)
        assert picture is not None
        heights.append(Image.open(io.BytesIO(picture)).height)
    assert heights[0] == heights[1]  # a single day is no line


async def test_without_matplotlib_there_is_text(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "chart.py"
    broken.write_text("import matplotlib_that_is_not_installed\n", "utf-8")
    monkeypatch.setattr(drawing, "CHART", broken)
    now = 0.0
    pictures = Pictures(world.folder, timer=lambda: now)
    report = await world.service.figures()
    with caplog.at_level(logging.WARNING):
        assert await pictures.of(report) is None
        assert await pictures.of(report) is None
    (record,) = caplog.records  # the second time nobody tries
    assert "matplotlib_that_is_not_installed" in record.getMessage()
    broken.write_text(
        "import sys; sys.stdout.buffer.write(b'\\x89PNG\\r\\n made up')", encoding="utf-8"
    )
    now = REST + 1
    assert await pictures.of(report) == b"\x89PNG\r\n made up"


async def test_something_else_than_a_picture_is_not_taken(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "chart.py"
    other.write_text("print('<html>')", "utf-8")
    monkeypatch.setattr(drawing, "CHART", other)
    assert await Pictures(world.folder).of(await world.service.figures()) is None


async def test_old_pictures_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "KEPT", 2)
    for number in range(4):
        drawing._keep(world.folder / f"{number}.png", b"x")
    assert len(list(world.folder.glob("*.png"))) == 2


async def test_a_picture_that_cannot_be_kept_is_shown(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = await world.service.figures()
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")

    async def draw(*_: Any, **__: Any) -> bytes:  # noqa: ANN401 - whatever
        return b"\x89PNG\r\n made up"

    monkeypatch.setattr(drawing, "run", draw)
    assert await Pictures(blocked).of(report) == b"\x89PNG\r\n made up"


async def test_programs_get_no_settings_and_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTBOT_DISCORD_TOKEN", "secret")
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    told = json.loads(await run("-c", code, stdin=b"", seconds=30, environment={"X": "1"}))
    assert told["X"] == "1"
    assert not [name for name in told if name.startswith("FTBOT_")]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import time; time.sleep(60)", "longer than 0.5 seconds"),
        ("raise SystemExit('the disk is full')", "failed: the disk is full"),
        ("import os; os._exit(3)", "failed: it does not say why"),
        ("raise ValueError('x' * 10_000)", "failed: ValueError: x"),
    ],
)
async def test_programs_that_fail_are_one_sentence(code: str, said: str) -> None:
    with pytest.raises(ServiceError) as caught:
        await run("-c", code, stdin=b"", seconds=0.5 if "sleep" in code else 30)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 400


async def test_a_program_ends_with_whoever_waits_for_it() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await reader.read()  # until the program is no more
        ended.set()
        writer.close()

    async with await asyncio.start_server(met, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        code = f"import socket, time; s = socket.create_connection(('127.0.0.1', {port}))"
        task = asyncio.create_task(run("-c", f"{code}; time.sleep(60)", stdin=b"", seconds=60))
        async with asyncio.timeout(30):
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await ended.wait()
