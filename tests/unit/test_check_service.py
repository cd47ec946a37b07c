"""The answer put together: index, names, claims; and as the document that programs read."""

import json
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bot import data
from bot.check.claims import CLASSIFIERS, Link, Metadata, encode_metadata
from bot.check.document import answer_document, not_found_document
from bot.check.model import TrackerClaim
from bot.check.service import CheckService
from bot.check.tracking import Tracker
from bot.compat.model import Target, Verdict
from bot.compat.targets import ALL_TARGETS
from bot.errors import IndexUnavailable, ProjectNotFound, UserError
from bot.http import http_client
from bot.index.aliases import read_aliases
from bot.index.catalogue import Catalogue
from bot.index.store import DocumentStore
from bot.xray.model import Gil, ModuleVerdict
from tests.clients.conftest import answer
from tests.unit.standin import World, world

WHEEL = "numpy-2.0-cp314-cp314t-win_amd64.whl"
SDIST = "numpy-2.0.tar.gz"
WINDOWS = Target("3.14t", "windows-amd64")
TABLE = """\
| Project | Upstream issue | Tested in CI | PyPI release | First version with support |
|---|---|---|---|---|
| numpy | [x](https://github.com/numpy/numpy/issues/1) | :material-check-bold: | | 2.1.0 |
"""
pytestmark = pytest.mark.usefixtures("no_pauses")


@dataclass
class Desk:
    """The service, and what it stands on."""

    world: World
    service: CheckService
    tracker: Tracker
    catalogue: Catalogue
    table: "Table"
    xray: "Wheels"


class Wheels:
    """What was read from wheels."""

    reads = True

    def __init__(self) -> None:
        self.known: dict[str, Gil] = {}
        self.wanted: list[tuple[str, str]] = []
        self._told: Mapping[str, Gil] = {}

    def gil(self, project: str, wheels: Sequence[str], *, want: bool = True) -> Mapping[str, Gil]:
        told = {file: self.known[file] for file in wheels if file in self.known}
        if want:
            self.wanted += [(project, file) for file in wheels]
        if told != self._told:
            self._told = told
        return self._told


class Table:
    """A site with the tracking table."""

    text = TABLE

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = self.text.encode()
        tag = {"ETag": f'"{zlib.crc32(body)}"'}
        if request.headers.get("If-None-Match") == tag["ETag"]:
            return answer(304, headers=tag)
        return answer(200, body, tag)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    table = Table()
    async with (
        world(tmp_path) as parts,
        http_client("http://table.test", transport=httpx.MockTransport(table)) as http,
    ):
        aliases = read_aliases(data.read("aliases.json"))
        documents = DocumentStore(parts.database)
        tracker = Tracker(documents, http, "http://table.test/tracking.md", aliases)
        catalogue = Catalogue(documents, parts.client, http, "http://table.test/top.json")
        xray = Wheels()
        service = CheckService(
            parts.cached,
            catalogue,
            aliases,
            tracker,
            site="https://index.test",
            patience=0.01,
            xray=xray,
        )
        parts.index.publish(
            "numpy", WHEEL, SDIST, serial=5, spelled="NumPy", classifiers=[CLASSIFIERS[2]]
        )
        yield Desk(parts, service, tracker, catalogue, table, xray)


async def test_all_that_is_known(desk: Desk) -> None:
    await desk.tracker.refresh()
    await desk.catalogue.load()
    found = await desk.service.answer("NumPy", [WINDOWS])
    assert (found.project, found.name, found.status) == ("numpy", "NumPy", "active")
    assert found.latest
    assert found.latest.version == "2.0"
    assert (found.as_of.serial, found.as_of.stale) == (5, False)
    assert found.claims.classifier == CLASSIFIERS[2]
    issue = "https://github.com/numpy/numpy/issues/1"
    assert found.claims.tracker == TrackerClaim("2.1.0", issue, tested_in_ci=True)
    assert found.page == "https://index.test/project/numpy/"
    assert found.rank
    (row,) = found.support
    assert (row.target, row.verdict) == (WINDOWS, Verdict.WHEEL)


async def test_wheels_are_wanted_by_who_asks_and_by_nobody_else(desk: Desk) -> None:
    await desk.service.answer("numpy", [WINDOWS])
    assert desk.xray.wanted == [("numpy", WHEEL)]
    known = await desk.service.known("numpy", [WINDOWS])
    assert known
    assert desk.xray.wanted == [("numpy", WHEEL)]
    assert known.gil_of(known.support[0]) is None
    assert not known.awaits_gil(known.support[0])


async def test_nothing_is_awaited_where_nothing_is_read(desk: Desk) -> None:
    desk.xray.reads = False
    found = await desk.service.answer("numpy", [WINDOWS])
    assert not found.awaits_gil(found.support[0])


async def test_only_wheels_with_modules_are_awaited(desk: Desk) -> None:
    desk.world.index.publish("pure", "pure-1.0-py3-none-any.whl", "pure-1.0.tar.gz", serial=6)
    desk.world.index.publish("source", "source-1.0.tar.gz", serial=7)
    for project in ("pure", "source"):
        found = await desk.service.answer(project, [WINDOWS])
        assert not found.awaits_gil(found.support[0])
    assert desk.xray.wanted == []


async def test_an_answer_is_the_same_until_more_is_known_of_its_wheels(desk: Desk) -> None:
    first = await desk.service.answer("numpy", [WINDOWS])
    assert await desk.service.answer("numpy", [WINDOWS]) is first
    gil = Gil(ModuleVerdict.KEEPS_OFF, WHEEL, 1)
    desk.xray.known[WHEEL] = gil
    second = await desk.service.answer("numpy", [WINDOWS])
    assert [each.awaits_gil(each.support[0]) for each in (first, second)] == [True, False]
    assert second.gil_of(second.support[0]) == gil
    assert await desk.service.answer("numpy", [WINDOWS]) is second


async def test_every_target_by_default(desk: Desk) -> None:
    found = await desk.service.answer("numpy")
    assert tuple(row.target for row in found.support) == ALL_TARGETS


async def test_unknown_projects_lead_to_those_that_were_meant(desk: Desk) -> None:
    for name, meant in (
        ("nunpy", "numpy"), ("cv2", "opencv-python"), ("PIL", "pillow"), ("yaml", "pyyaml"),
    ):  # fmt: skip
        with pytest.raises(ProjectNotFound) as caught:
            await desk.service.answer(name)
        assert meant in caught.value.suggestions
        assert caught.value.project == name
        document = not_found_document(caught.value)
        assert document == {
            "project": name,
            "status": "not-found",
            "suggestions": list(caught.value.suggestions),
        }


async def test_a_project_that_is_also_the_import_name_of_another(desk: Desk) -> None:
    desk.world.index.publish("sklearn", "sklearn-0.0.tar.gz")
    assert (await desk.service.answer("sklearn")).imported_from == ("scikit-learn",)
    assert (await desk.service.answer("numpy")).imported_from == ()


async def test_an_old_answer_while_the_index_is_down(desk: Desk) -> None:
    before = await desk.service.answer("numpy")
    desk.world.index.faults["/simple/numpy/"] = httpx.ConnectError("refused")
    desk.world.clock.pass_(hours=3)
    after = await desk.service.answer("numpy")
    assert (after.as_of.stale, after.as_of.fetched) == (True, before.as_of.fetched)
    assert after.support == before.support
    desk.world.index.faults["/simple/flask/"] = httpx.ConnectError("refused")
    with pytest.raises(IndexUnavailable):
        await desk.service.answer("flask")


async def test_an_old_answer_while_the_index_is_slow(desk: Desk) -> None:
    await desk.service.answer("numpy")
    desk.world.clock.pass_(hours=3)
    desk.world.hold()
    assert (await desk.service.answer("numpy")).as_of.stale
    desk.world.index.held.set()


async def test_metadata_that_is_missing_or_damaged_is_unknown(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.world.index.faults["/pypi/numpy/2.0/json"] = httpx.Response(500)
    claims = (await desk.service.answer("numpy")).claims
    assert (claims.known, claims.classifier) == (False, None)
    desk.world.index.faults.clear()
    desk.world.clock.pass_(hours=1)
    assert (await desk.service.answer("numpy")).claims.known
    async with desk.world.database.write() as tx:
        await tx.execute("UPDATE project SET metadata = ?", ("{",))
    claims = (await desk.service.answer("numpy")).claims
    assert (claims.known, claims.classifier) == (False, None)
    assert "damaged" in caplog.text


@pytest.mark.parametrize(("version", "known"), [("2.0", True), ("1.0", False)])
async def test_where_issues_may_be_is_told_by_metadata_of_any_release(
    desk: Desk, version: str, known: bool
) -> None:
    await desk.service.answer("numpy")
    desk.world.index.faults["/pypi/numpy/2.0/json"] = httpx.Response(500)
    text = encode_metadata(Metadata(links=(Link("Source", "https://github.com/numpy/numpy"),)))
    async with desk.world.database.write() as tx:
        await tx.execute("UPDATE project SET metadata = ?, metadata_version = ?", (text, version))
    claims = (await desk.service.answer("numpy")).claims
    assert (claims.known, claims.urls) == (known, ("https://github.com/numpy/numpy",))


async def test_no_metadata_at_all_is_unknown(desk: Desk) -> None:
    desk.world.index.publish("plain", "plain-1.0.tar.gz")
    claims = (await desk.service.answer("plain")).claims
    assert (claims.known, claims.classifier, claims.tracker) == (False, None, None)


@pytest.mark.parametrize("files", [[], ["nonsense.whl", "other.whl"]], ids=["none", "unreadable"])
async def test_a_project_without_releases(desk: Desk, files: list[str]) -> None:
    desk.world.index.publish("empty", *files)
    found = await desk.service.answer("empty", [WINDOWS])
    assert found.latest is None
    assert found.support[0].verdict is Verdict.NONE
    assert found.unreadable_files == len(files)


class TestTracker:
    async def test_starts_from_what_ships(self, desk: Desk) -> None:
        assert desk.tracker.claim("numpy") is None
        await desk.tracker.load()
        assert desk.tracker.claim("numpy")

    async def test_what_was_fetched_outlives_a_restart(self, desk: Desk) -> None:
        desk.table.text = TABLE.replace("2.1.0", "9.9")
        await desk.tracker.refresh()
        await desk.tracker.refresh()  # unchanged
        await desk.tracker.load()
        claim = desk.tracker.claim("numpy")
        assert claim
        assert claim.since == "9.9"

    async def test_a_page_that_has_become_something_else_changes_nothing(self, desk: Desk) -> None:
        await desk.tracker.refresh()
        desk.table.text = "# Moved\n"
        with pytest.raises(UserError):
            await desk.tracker.refresh()
        assert desk.tracker.claim("numpy")

    async def test_a_damaged_document_does_not_stop_the_start(
        self, desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with desk.world.database.write() as tx:
            await tx.execute(
                "INSERT INTO document (name, fetched, body) VALUES (?, ?, ?)",
                ("tracker", "2026-11-22T12:00:00+00:00", b"{"),
            )
        await desk.tracker.load()
        assert desk.tracker.claim("numpy")
        assert "cannot be used" in caplog.text


class TestDocument:
    async def test_the_shape_to_the_letter(self, desk: Desk) -> None:
        await desk.tracker.refresh()
        targets = [Target("3.13t", "windows-amd64"), WINDOWS]
        document = answer_document(await desk.service.answer("numpy", targets))
        wheel = {"version": "2.0", "file": WHEEL}
        assert json.loads(json.dumps(document)) == {
            "project": "numpy",
            "name": "NumPy",
            "status": "active",
            "latest": {"version": "2.0", "uploaded": None},
            "as_of": {"serial": 5, "fetched": "2026-11-22T12:00:00Z", "stale": False},
            "claims": {
                "classifier": CLASSIFIERS[2],
                "tracker": {
                    "since": "2.1.0",
                    "upstream_issue": "https://github.com/numpy/numpy/issues/1",
                    "tested_in_ci": True,
                    "notes": [],
                },
            },
            "support": [
                {
                    "python": "3.13t",
                    "platform": "windows-amd64",
                    "verdict": "sdist",
                    "installs": {"version": "2.0", "file": SDIST},
                    "newest_wheel": None,
                    "first_wheel": None,
                    "gil": None,
                },
                {
                    "python": "3.14t",
                    "platform": "windows-amd64",
                    "verdict": "wheel",
                    "installs": wheel,
                    "newest_wheel": wheel,
                    "first_wheel": {"version": "2.0", "uploaded": None},
                    "gil": None,
                },
            ],
            "unreadable_files": 0,
        }

    async def test_what_the_wheel_declares_that_pip_takes(self, desk: Desk) -> None:
        gil = Gil(ModuleVerdict.RE_ENABLES, WHEEL, 2, ("numpy.a",))
        desk.xray.known[WHEEL] = gil
        document = answer_document(
            await desk.service.answer("numpy", [Target("3.13t", WINDOWS.platform), WINDOWS])
        )
        assert [row["gil"] for row in document["support"]] == [
            None,
            {
                "verdict": "re-enables",
                "wheel": WHEEL,
                "modules": 2,
                "re_enabling": ["numpy.a"],
            },
        ]
        desk.xray.known[WHEEL] = replace(gil, reason="it was replaced")
        document = answer_document(await desk.service.answer("numpy", [WINDOWS]))
        assert document["support"][0]["gil"]["reason"] == "it was replaced"

    async def test_times_are_whole_seconds_of_utc(self, desk: Desk) -> None:
        desk.world.clock.now = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
        document = answer_document(await desk.service.answer("numpy"))
        assert document["as_of"]["fetched"] == "2026-01-02T03:04:05Z"
