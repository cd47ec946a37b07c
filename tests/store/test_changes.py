"""Following an index on loopback: what is noted of its changes, once, whatever tells of them."""

import asyncio
import json
import logging
import xmlrpc.client
from collections.abc import AsyncIterator, Iterable
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.utils import NormalizedName

from bot.announce.changes.model import Findings, Position, Source
from bot.announce.changes.service import LIST_LAG, LIST_PACE, LIST_PATIENCE, ChangesService
from bot.announce.changes.store import ChangeStore
from bot.compat.condense import condense
from bot.db import Database
from bot.errors import IndexUnavailable
from bot.http import Client, http_client
from bot.index.model import Project
from bot.index.store import ProjectStore, encode
from bot.pypi.client import SIMPLE_JSON, IndexClient
from bot.pypi.journal import PAGE, Journal, JournalRow, JournalUnavailable
from bot.pypi.wire import PageFile
from tests.clients.conftest import answer
from tests.conftest import Replica

Caplog: TypeAlias = pytest.LogCaptureFixture
pytestmark = [
    pytest.mark.usefixtures("no_pauses", "told"),
    pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey"),  # the stand-in
]

SETTLE = 120.0
NUMPY_2 = "numpy-2.0-cp314-cp314t-win_amd64.whl"
NUMPY_3 = "numpy-3.0-cp314-cp314t-win_amd64.whl"


class Follower:
    """A service on a database, with clocks that a test turns."""

    def __init__(
        self,
        database: Database,
        http: Client,
        *,
        source: Source,
        watched: AbstractSet[str] = frozenset(),
    ) -> None:
        self.now = 1_900_000_000.0  # after whatever the stand-in publishes by its own clock
        self.woken = 0
        self.ranks = {"numpy", "lxml"}
        self.database = database
        self.journal = Journal(http, clock=lambda: self.now)
        self.projects = ProjectStore(database)
        self.store = ChangeStore(database, self.projects)

        async def watching() -> AbstractSet[str]:
            return watched

        self.service = ChangesService(
            self.store,
            self.journal,
            IndexClient(http, clock=lambda: self.now),
            source=source,
            settle=SETTLE,
            ranked=lambda name: name in self.ranks,
            watched=watching,
            found=self.wake,
            clock=lambda: self.now,
            timer=lambda: self.now,
        )

    def wake(self) -> None:
        self.woken += 1

    async def follow(self, *, later: float = 1_000.0) -> dict[str, tuple[int, float, float]]:
        """Look once, some time later; return all changes that wait: serial, since, due."""
        self.now += later
        await self.service.follow()
        return await self.changes()

    async def examine(self) -> None:
        """Do as who examines the changes."""
        async with self.database.write() as tx:
            await tx.execute("DELETE FROM change")

    async def changes(self) -> dict[str, tuple[int, float, float]]:
        rows = await self.database.read("SELECT * FROM change ORDER BY project")
        return {row["project"]: (row["serial"], row["since"], row["due"]) for row in rows}

    async def serial(self) -> int | None:
        position = await self.store.position()
        return position.serial if position else None

    async def cache(self, name: str, serial: int, *filenames: str) -> None:
        """Store a project's page as it was at a serial."""
        key = NormalizedName(name)
        files = condense([PageFile(filename) for filename in filenames], key)
        moment = datetime.fromtimestamp(self.now, UTC)
        project = Project(key, name, "active", serial, None, moment, files)
        await self.projects.put(project, encode(files))

    async def wanted(self, name: str) -> int | None:
        project = await self.projects.get(NormalizedName(name))
        assert project
        return project.wanted_serial


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as opened:
        yield opened


@pytest.fixture
async def http(replica: Replica) -> AsyncIterator[Client]:
    async with http_client(replica.url) as client:
        yield client


@pytest.fixture(params=["journal", "auto", "serials"])
def follower(database: Database, http: Client, request: pytest.FixtureRequest) -> Follower:
    """By each source; what it is to hear of is ranked, so that all hear of it."""
    return Follower(database, http, source=request.param)


@pytest.fixture
def auto(database: Database, http: Client) -> Follower:
    return Follower(database, http, source="auto")


@pytest.fixture
def serials(database: Database, http: Client) -> Follower:
    return Follower(database, http, source="serials", watched={"watched"})


@pytest.fixture
def told(caplog: Caplog) -> None:
    caplog.set_level(logging.INFO)


def journal_requests(replica: Replica) -> list[str]:
    return [request.rpc[0] for request in replica.requests if request.rpc]


class TestBySource:
    async def test_the_first_look_notes_where_the_index_stands(
        self, follower: Follower, replica: Replica
    ) -> None:
        assert await follower.follow() == {}
        assert await follower.serial() == replica.serial
        assert follower.woken == 0

    async def test_a_wheel_waits_until_its_release_is_quiet(
        self, follower: Follower, replica: Replica
    ) -> None:
        await follower.follow()
        replica.clock = lambda: follower.now
        serial = replica.publish("numpy", NUMPY_3)
        ((name, (noted, since, due)),) = (await follower.follow()).items()
        assert (name, noted, due) == ("numpy", serial, follower.now + SETTLE)
        assert follower.now - 1_000 - LIST_LAG - 1_000 <= since <= follower.now - 1_000
        assert follower.woken == 1
        later = replica.publish("numpy", "numpy-3.0-cp314-cp314t-musllinux_1_2_x86_64.whl")
        assert await follower.follow() == {"numpy": (later, since, follower.now + SETTLE)}

    async def test_nothing_new_changes_nothing(self, follower: Follower, replica: Replica) -> None:
        await follower.follow()
        replica.publish("numpy", NUMPY_3)
        before = await follower.follow()
        assert await follower.follow() == await follower.follow() == before
        assert follower.woken == 1

    async def test_every_cached_project_is_wanted_anew(
        self, follower: Follower, replica: Replica
    ) -> None:
        old = replica.publish("pure", "pure-1.0-py3-none-any.whl")
        await follower.cache("pure", old)
        await follower.follow()
        new = replica.publish("pure", "pure-1.1-py3-none-any.whl")
        await follower.follow()
        assert await follower.wanted("pure") == new
        await follower.cache("pure", new)
        assert await follower.wanted("pure") is None

    async def test_removals_and_yanks_of_a_known_project(
        self, follower: Follower, replica: Replica
    ) -> None:
        old = replica.publish("known", "known-1.0-cp314-cp314t-win_amd64.whl")
        await follower.cache("known", old, "known-1.0-cp314-cp314t-win_amd64.whl")
        await follower.follow()
        serial = replica.yank("known", "1.0")
        assert (await follower.follow())["known"][0] == serial
        await follower.cache("known", serial, "known-1.0-cp314-cp314t-win_amd64.whl")
        await follower.examine()
        replica.remove_project("known")
        assert "known" in await follower.follow()
        await follower.projects.delete(NormalizedName("known"))
        await follower.examine()
        assert await follower.follow() == {}
        assert follower.woken == 2

    async def test_a_project_that_had_news_is_known(
        self, follower: Follower, replica: Replica
    ) -> None:
        replica.publish("gone-pure", "gone_pure-1.0-py3-none-any.whl")
        await follower.follow()
        async with follower.database.write() as tx:
            await tx.execute(
                "INSERT INTO support (project, python, platform, prerelease, version)"
                " VALUES ('gone-pure', '3.14t', 'linux-x86_64', 0, '0.9')"
            )
        serial = replica.publish("Gone.Pure", "gone_pure-1.1-py3-none-any.whl")
        assert (await follower.follow())["gone-pure"][0] == serial

    async def test_what_nobody_follows_does_not_wait(
        self, follower: Follower, replica: Replica
    ) -> None:
        await follower.follow()
        replica.publish("pure", "pure-1.1-py3-none-any.whl")
        assert await follower.follow() == {}
        assert await follower.serial() == replica.serial

    async def test_a_look_that_is_cut_short_is_repeated_whole(
        self, follower: Follower, replica: Replica
    ) -> None:
        """Killed at any moment: position and findings take effect together."""
        await follower.follow()
        serial = replica.publish("numpy", NUMPY_3)
        position = await follower.serial()
        for steps in range(400):
            task = asyncio.create_task(follower.follow(later=0))
            for _ in range(steps):
                if task.done():
                    break
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if await follower.serial() != position:
                break
            assert await follower.changes() == {}
            follower.service._list_rest_until = 0  # a new process has not read the list yet
        changes = await follower.follow()
        assert {name: change[0] for name, change in changes.items()} == {"numpy": serial}
        assert await follower.serial() == replica.serial


class TestJournal:
    async def test_one_request_a_look_and_nothing_else(
        self, auto: Follower, replica: Replica
    ) -> None:
        for _ in range(20):
            await auto.follow()
        assert journal_requests(replica) == [
            "changelog_last_serial",
            *["changelog_since_serial"] * 19,
        ]
        assert len(replica.requests) == 20

    async def test_one_request_where_the_journal_is_empty(
        self, database: Database, replica_module: Replica
    ) -> None:
        replica = replica_module.IndexReplica()
        await replica.start()
        async with http_client(replica.url) as http:
            follower = Follower(database, http, source="auto")
            for _ in range(10):
                await follower.follow()
        await replica.stop()
        assert len(replica.requests) == 10

    async def test_the_first_wheel_of_a_project_never_seen(
        self, auto: Follower, replica: Replica
    ) -> None:
        await auto.follow()
        serial = replica.publish("Brand.New", "brand_new-1-cp314-cp314t-win_amd64.whl", when=777.9)
        assert await auto.follow() == {"brand-new": (serial, 777.0, auto.now + SETTLE)}

    async def test_the_name_of_the_file_decides_not_the_uploaders_tag(
        self, auto: Follower, replica: Replica
    ) -> None:
        await auto.follow()
        replica.publish("sham", "sham-1-cp314-cp314-win_amd64.whl", pyversion="cp314t")
        replica.publish("true", "true-1-cp314-cp314t-win_amd64.whl", pyversion="source")
        assert (await auto.follow()).keys() == {"true"}

    async def test_other_files_of_a_release_put_its_examination_off(
        self, auto: Follower, replica: Replica
    ) -> None:
        await auto.follow()
        replica.publish("new", "new-1-cp314-cp314t-win_amd64.whl", when=500)
        await auto.follow()
        serial = replica.publish("new", "new-1-cp314-cp314-win_amd64.whl", when=400)
        assert await auto.follow() == {"new": (serial, 400.0, auto.now + SETTLE)}

    async def test_a_long_downtime_is_caught_up_with_page_by_page(
        self, auto: Follower, replica: Replica
    ) -> None:
        await auto.follow()
        first = replica.publish("first", "first-1-cp314-cp314t-win_amd64.whl")
        replica.add_noise(PAGE)
        middle = replica.publish("middle", "middle-1-cp314-cp314t-win_amd64.whl")
        replica.add_noise(2 * PAGE)
        last = replica.publish("last", "last-1-cp314-cp314t-win_amd64.whl")
        changes = await auto.follow()
        assert {name: change[0] for name, change in changes.items()} == {
            "first": first,
            "middle": middle,
            "last": last,
        }
        assert await auto.serial() == replica.serial
        assert len(journal_requests(replica)) == 5

    async def test_a_failure_in_the_middle_keeps_the_pages_before(
        self, auto: Follower, replica: Replica, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await auto.follow()
        replica.publish("first", "first-1-cp314-cp314t-win_amd64.whl")
        replica.add_noise(PAGE)
        replica.publish("last", "last-1-cp314-cp314t-win_amd64.whl")
        since, serial = auto.journal.since, await auto.serial()
        assert serial

        async def only_the_first_page(after: int) -> list[JournalRow]:
            if after > serial:
                raise JournalUnavailable("cut short", "")
            return await since(after)

        with monkeypatch.context() as patch:
            patch.setattr(auto.journal, "since", only_the_first_page)
            with pytest.raises(IndexUnavailable, match="cut short"):
                await auto.follow()
        assert await auto.serial() == serial - 1 + PAGE
        assert (await auto.changes()).keys() == {"first"}
        assert (await auto.follow()).keys() == {"first", "last"}
        assert await auto.serial() == replica.serial

    async def test_an_overtaken_process_changes_nothing(self, auto: Follower) -> None:
        await auto.follow()
        position = await auto.store.position()
        assert position
        found = Findings({"a": 7}, {"a": 1.0}, {"a"})
        ahead = Position(position.serial + 9, 1.0, '"e"')
        assert await auto.store.advance(position, ahead, found, 5.0) == 1
        assert (
            await auto.store.advance(position, position, Findings({"b": 7}, {"b": 1.0}), 5) is None
        )
        await auto.store.start(Position(1, 1.0))
        assert await auto.store.position() == ahead
        assert await auto.changes() == {"a": (7, 1.0, 5.0)}


class TestAuto:
    async def test_the_list_while_the_journal_fails(
        self, auto: Follower, replica: Replica, replica_module: Replica, caplog: Caplog
    ) -> None:
        await auto.follow()
        down = replica_module.Fault("^/pypi", status=503, times=float("inf"))
        replica.faults.append(down)
        first = replica.publish("numpy", NUMPY_3)
        for _ in range(2):
            with pytest.raises(JournalUnavailable, match="503"):
                await auto.follow()
            assert await auto.changes() == {}
        assert (await auto.follow())["numpy"][0] == first
        assert await auto.serial() == replica.serial
        second = replica.publish("lxml", "lxml-7.0-cp314-cp314t-win_amd64.whl")
        assert (await auto.follow())["lxml"][0] == second
        replica.faults.remove(down)
        before = await auto.changes()
        assert await auto.follow() == before
        third = replica.publish("fresh", "fresh-1-cp314-cp314t-win_amd64.whl")
        assert (await auto.follow())["fresh"][0] == third
        told = [record.getMessage() for record in caplog.records]
        assert sum("by its list of projects meanwhile" in text for text in told) == 1
        assert sum("answers again" in text for text in told) == 1

    @pytest.mark.parametrize(
        "trouble",
        [{"status": 404}, {"rpc": (-32601, "server error; requested method not found")}],
    )
    async def test_the_list_at_once_where_there_is_no_journal(
        self,
        auto: Follower,
        replica: Replica,
        replica_module: Replica,
        trouble: dict[str, Any],
        caplog: Caplog,
    ) -> None:
        gone = replica_module.Fault("^/pypi", times=float("inf"), **trouble)
        replica.faults.append(gone)
        await auto.follow()
        assert await auto.serial() == replica.serial
        serial = replica.publish("numpy", NUMPY_3)
        assert (await auto.follow())["numpy"][0] == serial
        for _ in range(5):
            await auto.follow()
        assert sum("meanwhile" in record.getMessage() for record in caplog.records) == 1
        replica.faults.remove(gone)
        replica.publish("fresh", "fresh-1-cp314-cp314t-win_amd64.whl")
        assert "fresh" in await auto.follow()

    async def test_no_list_if_the_journal_is_wished_for(
        self, database: Database, http: Client, replica: Replica, replica_module: Replica
    ) -> None:
        follower = Follower(database, http, source="journal")
        replica.faults.append(replica_module.Fault("^/pypi", status=404, times=float("inf")))
        for _ in range(5):
            with pytest.raises(JournalUnavailable):
                await follower.follow()
        assert {request.path for request in replica.requests} == {"/pypi"}

    async def test_a_limit_on_questions_is_one_more_failure(
        self, auto: Follower, replica: Replica, replica_module: Replica
    ) -> None:
        await auto.follow()
        replica.faults.append(replica_module.rate_limited(50))
        replica.publish("numpy", NUMPY_3)
        for _ in range(2):
            with pytest.raises(JournalUnavailable):
                await auto.follow(later=1)
        assert "numpy" in await auto.follow(later=1)
        assert len(journal_requests(replica)) == 2
        await auto.follow(later=50)
        assert len(journal_requests(replica)) == 3

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(st.sampled_from(["publish", "noise", "fail", "mend", "look"]), max_size=25))
    async def test_switching_loses_and_repeats_nothing(
        self, tmp_path_factory: pytest.TempPathFactory, replica_module: Replica, steps: list[str]
    ) -> None:
        replica = replica_module.IndexReplica()
        await replica.start()
        down = replica_module.Fault("^/pypi", status=404, times=float("inf"))
        folder = tmp_path_factory.mktemp("changes")
        published: dict[str, int] = {}
        taken: list[tuple[str, int]] = []
        async with (
            Database.open(folder / "ftbot.sqlite3") as database,
            http_client(replica.url) as http,
        ):
            follower = Follower(database, http, source="auto")
            follower.ranks = {f"p{n}" for n in range(30)}

            async def look() -> None:
                changes = await follower.follow()
                taken.extend((name, change[0]) for name, change in changes.items())
                await follower.examine()

            await look()
            for step in [*steps, "look", "look"]:
                match step:
                    case "publish":
                        name = f"p{len(published)}"
                        published[name] = replica.publish(
                            name, f"{name}-1-cp314-cp314t-win_amd64.whl"
                        )
                    case "noise":
                        replica.add_noise(7)
                    case "fail" if down not in replica.faults:
                        replica.faults.append(down)
                    case "mend" if down in replica.faults:
                        replica.faults.remove(down)
                    case "look":
                        await look()
        await replica.stop()
        assert sorted(taken) == sorted(published.items())


class TestAJournalThatGoesBack:
    async def restored(
        self, replica: Replica, replica_module: Replica, rows: int
    ) -> tuple[Replica, int]:
        """Start the index anew, as it was some rows ago; return it and how many are left."""
        kept = replica._journal[:-rows]
        await replica.stop()
        index = replica_module.IndexReplica(port=replica.port)
        index._journal = list(kept)
        index.serial = kept[-1][-1]
        await index.start()
        return index, index.serial

    async def test_is_followed_from_where_it_is_new(
        self, auto: Follower, replica: Replica, replica_module: Replica, caplog: Caplog
    ) -> None:
        await auto.follow()
        replica.clock = lambda: auto.now
        replica.publish("old", "old-1-cp314-cp314t-win_amd64.whl")
        replica.add_noise(50)
        auto.now += 60
        last = replica.publish("lost", "lost-1-cp314-cp314t-win_amd64.whl")
        await auto.cache("old", last, "old-1-cp314-cp314t-win_amd64.whl")
        assert (await auto.follow()).keys() == {"old", "lost"}
        async with auto.database.write() as tx:
            await tx.execute("DELETE FROM change WHERE project = 'old'")
        index, _ = await self.restored(replica, replica_module, 30)
        index.clock = lambda: auto.now
        serial = index.publish("new", "new-1-cp314-cp314t-win_amd64.whl")
        for _ in range(3):
            assert "new" not in await auto.follow()
        changes = await auto.follow()
        assert changes.keys() == {"lost", "new"}
        assert changes["new"][0] == serial
        assert changes["lost"][0] < serial, "the page will never show the serial that was lost"
        project = await auto.projects.get(NormalizedName("old"))
        assert project
        assert (project.serial, project.wanted_serial) == (None, None)
        assert sum("went back" in record.getMessage() for record in caplog.records) == 1
        asked = len(index.requests)
        await auto.follow()
        assert len(index.requests) == asked + 1
        await index.stop()

    async def test_once_is_not_believed(
        self, auto: Follower, replica: Replica, replica_module: Replica
    ) -> None:
        """One of several servers behind the address lags."""
        await auto.follow()
        replica.publish("numpy", NUMPY_3)
        await auto.follow()
        serial = replica.serial
        for _ in range(5):
            body = xmlrpc.client.dumps(([],), methodresponse=True)
            replica.faults.append(replica_module.Fault("^/pypi", body=body))
            body = xmlrpc.client.dumps((serial - 3,), methodresponse=True)
            replica.faults.append(replica_module.Fault("^/pypi", body=body))
            for _ in range(3):
                await auto.follow()
        assert await auto.serial() == serial

    async def test_a_contradiction_is_not_believed(
        self, auto: Follower, replica: Replica, replica_module: Replica
    ) -> None:
        await auto.follow()
        replica.publish("numpy", NUMPY_3)
        await auto.follow()
        serial = replica.serial
        empty = xmlrpc.client.dumps(([],), methodresponse=True)
        zero = xmlrpc.client.dumps((0,), methodresponse=True)
        for _ in range(3):
            for body in empty, zero:
                replica.faults.append(replica_module.Fault("^/pypi", body=body))
            await auto.follow()
        assert await auto.serial() == serial


async def follow_made_up(database: Database, *pages: Iterable[JournalRow]) -> Follower:
    """Follow a journal that answers with these pages, one a question, then with nothing."""
    left = [list(page) for page in pages]

    def handler(request: httpx.Request) -> httpx.Response:
        _, method = xmlrpc.client.loads(request.content)
        page = [list(row) for row in (left.pop(0) if left else [])]
        value = 10 if method == "changelog_last_serial" else page
        body = xmlrpc.client.dumps((value,), methodresponse=True, allow_none=True)
        return answer(body=body.encode())

    transport = httpx.MockTransport(handler)
    async with http_client("https://index.test", transport=transport) as http:
        follower = Follower(database, http, source="journal")
        await follower.store.start(Position(10, 0.0))
        while left:
            await follower.follow()
    return follower


WHEEL = "add cp314 file {}-1-cp314-cp314t-win_amd64.whl"


class TestOddRows:
    async def test_rows_out_of_order_repeated_and_old(self, database: Database) -> None:
        rows = [
            JournalRow("b", "1", 300, WHEEL.format("b"), 13),
            JournalRow("old", "1", 90, WHEEL.format("old"), 9),
            JournalRow("a", "1", 200, WHEEL.format("a"), 12),
            JournalRow("A", None, 100, WHEEL.format("a"), 11),
            JournalRow("b", "1", 300, WHEEL.format("b"), 13),
            JournalRow("c", None, 300, "what is this?", 14),
            JournalRow("../etc", None, 300, WHEEL.format("x"), 15),
            JournalRow("", None, 300, "", 16),
        ]
        follower = await follow_made_up(database, rows, rows, rows[::-1])
        changes = await follower.changes()
        assert {name: change[:2] for name, change in changes.items()} == {
            "a": (12, 100.0),
            "b": (13, 300.0),
        }
        assert await follower.serial() == 16
        assert follower.woken == 1

    async def test_a_page_full_of_one_project(self, database: Database) -> None:
        action = WHEEL.format("spam")
        rows = (JournalRow("spam", f"0.{n}", 500 + n, action, 11 + n) for n in range(PAGE))
        follower = await follow_made_up(database, rows)
        assert (await follower.changes())["spam"][:2] == (PAGE + 10, 500.0)

    async def test_a_full_page_of_old_rows_ends_the_look(self, database: Database) -> None:
        rows = [JournalRow("spam", None, 500, WHEEL.format("spam"), 10)] * PAGE
        follower = await follow_made_up(database, rows)
        assert (await follower.changes(), await follower.serial()) == ({}, 10)

    async def test_the_largest_serial(self, database: Database) -> None:
        row = JournalRow("a", None, 9_999_999_999, WHEEL.format("a"), 2**31 - 1)
        follower = await follow_made_up(database, [row._replace(at=2**31 - 1)])
        assert (await follower.changes())["a"][1] <= follower.now
        assert await follower.serial() == 2**31 - 1


class TestSerials:
    async def test_an_unchanged_list_is_not_sent_again(
        self, serials: Follower, database: Database, http: Client, replica: Replica
    ) -> None:
        await serials.follow()
        for _ in range(3):
            await serials.follow()
        await Follower(database, http, source="serials").follow()  # after a restart
        assert [request.status for request in replica.requests] == [200, 304, 304, 304, 304]
        assert {request.path for request in replica.requests} == {"/simple/"}

    async def test_watched_projects_and_the_limit_for_others(
        self, serials: Follower, replica: Replica
    ) -> None:
        await serials.follow()
        serial = replica.publish("watched", "watched-1-cp314-cp314t-win_amd64.whl")
        replica.publish("unheard-of", "unheard_of-1-cp314-cp314t-win_amd64.whl")
        changes = await serials.follow()
        assert {name: change[0] for name, change in changes.items()} == {"watched": serial}

    async def test_a_large_list_is_not_read_all_the_time(self, database: Database) -> None:
        projects = [{"name": f"project-{n}", "_last-serial": n} for n in range(20_000)]
        document = {"meta": {"api-version": "1.4"}, "projects": projects}
        body = json.dumps(document).encode()
        asked = 0

        def handler(_: httpx.Request) -> httpx.Response:
            nonlocal asked
            asked += 1
            return answer(body=body, headers={"Content-Type": SIMPLE_JSON})

        transport = httpx.MockTransport(handler)
        async with http_client("https://index.test", transport=transport) as http:
            follower = Follower(database, http, source="serials")
            rest = len(body) / LIST_PACE
            assert rest > 10
            for later, expected in ((0.0, 1), (rest - 1, 1), (1.5, 2)):
                await follower.follow(later=later)
                assert asked == expected

    async def test_an_old_list_after_the_journal_is_no_step_back(
        self, auto: Follower, replica: Replica, replica_module: Replica
    ) -> None:
        await auto.follow()
        async with http_client(replica.url) as http:
            await IndexClient(http).index()  # from now on a cache has it
        replica.publish("numpy", NUMPY_3)
        before = await auto.follow()
        replica.stale["/simple/"] = 1_000
        replica.faults.append(replica_module.Fault("^/pypi", status=404, times=float("inf")))
        for _ in range(5):
            assert await auto.follow() == before
        assert await auto.serial() == replica.serial
        replica.stale.clear()
        serial = replica.publish("lxml", "lxml-7.0-cp314-cp314t-win_amd64.whl")
        changes = await auto.follow()
        assert changes["lxml"][0] == serial
        assert changes["numpy"] == before["numpy"]

    async def test_a_list_that_stays_old_for_a_day_is_the_index_as_it_is(
        self, serials: Follower, replica: Replica, caplog: Caplog
    ) -> None:
        await serials.follow()
        position = await serials.store.position()
        assert position
        ahead = Position(position.serial + 500, position.seen)
        assert await serials.store.advance(position, ahead, Findings(), 0) == 0
        await serials.follow(later=LIST_PATIENCE - 2_000)
        await serials.follow()
        assert await serials.serial() == ahead.serial
        await serials.follow(later=LIST_PATIENCE)
        assert await serials.serial() == position.serial
        assert any("went back" in record.getMessage() for record in caplog.records)
        serial = replica.publish("numpy", NUMPY_3)
        assert (await serials.follow())["numpy"][0] == serial

    async def test_a_project_newer_than_the_list_has_not_vanished(
        self, serials: Follower, replica: Replica
    ) -> None:
        await serials.follow()
        async with http_client(replica.url) as http:
            await IndexClient(http).index()
        await serials.cache("brand-new", replica.serial + 5, "brand_new-1-cp314-cp314t-any.whl")
        replica.publish("numpy", NUMPY_3)
        assert (await serials.follow()).keys() == {"numpy"}

    async def test_a_list_without_serials_is_refused(self, database: Database) -> None:
        body = json.dumps(
            {"meta": {"api-version": "1.0"}, "projects": [{"name": "numpy"}]}
        ).encode()
        transport = httpx.MockTransport(
            lambda _: answer(body=body, headers={"Content-Type": SIMPLE_JSON})
        )
        async with http_client("https://index.test", transport=transport) as http:
            with pytest.raises(IndexUnavailable, match="no serials"):
                await Follower(database, http, source="serials").follow()
