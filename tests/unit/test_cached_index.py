"""The cached index over a real database, asking an index that fails in every way."""

import asyncio
import gc
import logging
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from bot.errors import DatabaseError, IndexUnavailable, ProjectNotFound, UserError
from bot.index.model import Project
from bot.index.service import Failures
from bot.pypi.client import SIMPLE_JSON
from tests.unit.standin import World, page, world

WHEEL = "demo-1.0-cp314-cp314t-win_amd64.whl"
NEWER = "demo-2.0-cp314-cp314t-win_amd64.whl"
PAGE, METADATA = "/simple/demo/", "/pypi/demo/1.0/json"
JSON = {"Content-Type": SIMPLE_JSON}
pytestmark = pytest.mark.usefixtures("no_pauses")

FAULTS: dict[str, httpx.Response | Exception] = {
    "truncated": httpx.Response(200, content=page("demo", [WHEEL])[:-9], headers=JSON),
    "not JSON": httpx.Response(200, content=b"<html>", headers=JSON),
    "HTML": httpx.Response(200, content=b"<html>", headers={"Content-Type": "text/html"}),
    "API version 2": httpx.Response(
        200, content=page("demo", [WHEEL], api_version="2.0"), headers=JSON
    ),
    "another project": httpx.Response(200, content=page("other", [WHEEL]), headers=JSON),
    "too large": httpx.Response(200, content=b" " * 60_000_000, headers=JSON),
    "403": httpx.Response(403),
    "429": httpx.Response(429),
    "500": httpx.Response(500),
    "503, later": httpx.Response(503, headers={"Retry-After": "120"}),
    "reset": httpx.ReadError("reset"),
    "refused": httpx.ConnectError("refused"),
    "timeout": httpx.ReadTimeout("slow"),
}


@pytest.fixture
async def all_(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as parts:
        parts.index.publish("demo", WHEEL)
        yield parts


def file(project: Project) -> str:
    (release,) = project.files.releases
    return f"{release.stem}-{project.files.suffixes[release.wheels[0]]}"


async def many(all_: World, count: int, patience: float | None = None) -> list[Project]:
    asking = (all_.cached.project("demo", patience=patience) for _ in range(count))
    return await asyncio.gather(*asking)


class TestFresh:
    async def test_fetched_once_and_then_from_the_cache(self, all_: World) -> None:
        first = await all_.cached.project("Demo")
        assert (first.name, file(first), first.serial, first.stale) == ("demo", WHEEL, 1, False)
        all_.clock.pass_(minutes=9, seconds=59)
        assert (await all_.cached.project("demo")).fetched == first.fetched
        assert all_.index.requests == [PAGE, METADATA]
        assert all_.cached.answers == {"fetched": 1, "cached": 1}

    async def test_confirmed_when_no_longer_fresh(self, all_: World) -> None:
        await all_.cached.project("demo")
        all_.clock.pass_(minutes=10)
        again = await all_.cached.project("demo")
        assert (again.fetched, again.stale, file(again)) == (all_.clock.now, False, WHEEL)
        stored = await all_.store.get(again.name)
        assert stored == again
        assert all_.index.pages() == [PAGE, PAGE]

    async def test_a_change_is_fetched_at_once(self, all_: World) -> None:
        known = await all_.cached.project("demo")
        await all_.want(5)
        all_.index.publish("demo", NEWER, serial=5)
        changed = await all_.cached.project("demo")
        assert (file(changed), changed.serial, changed.wanted_serial) == (NEWER, 5, None)
        assert known.serial == 1
        assert (await all_.cached.project("demo")) == changed
        assert len(all_.index.pages()) == 2

    async def test_a_page_older_than_the_change_is_refused(self, all_: World) -> None:
        await all_.cached.project("demo")
        await all_.want(5)
        old = await all_.cached.project("demo")
        assert (file(old), old.stale) == (WHEEL, True)
        all_.index.publish("demo", NEWER, serial=5)
        all_.clock.pass_(seconds=Failures.REST)
        assert file(await all_.cached.project("demo")) == NEWER

    async def test_a_page_older_than_the_stored_one_is_refused(self, all_: World) -> None:
        all_.index.publish("demo", NEWER, serial=9)
        await all_.cached.project("demo")
        all_.index.publish("demo", WHEEL, serial=8)
        all_.clock.pass_(hours=1)
        kept = await all_.cached.project("demo")
        assert (file(kept), kept.stale) == (NEWER, True)

    async def test_an_index_without_serials(self, all_: World) -> None:
        all_.index.publish("demo", WHEEL, serial=None)
        assert (await all_.cached.project("demo")).serial is None
        await all_.want(5)
        assert not (await all_.cached.project("demo")).stale
        await all_.cached.project("demo")
        assert len(all_.index.pages()) == 2  # a page that tells no serial answers every wish

    @pytest.mark.parametrize("jump", [{"days": -400}, {"days": 400}], ids=["back", "forth"])
    async def test_a_clock_that_jumps_costs_a_request(
        self, all_: World, jump: dict[str, float]
    ) -> None:
        await all_.cached.project("demo")
        all_.clock.now += timedelta(**jump)
        again = await all_.cached.project("demo")
        assert (again.fetched, again.stale) == (all_.clock.now, False)
        await all_.cached.project("demo")
        assert len(all_.index.pages()) == 2

    async def test_refresh_asks_even_if_it_is_fresh(self, all_: World) -> None:
        await all_.cached.project("demo")
        await all_.cached.refresh("demo")
        assert len(all_.index.pages()) == 2


class TestGone:
    async def test_an_unknown_project(self, all_: World) -> None:
        with pytest.raises(ProjectNotFound):
            await all_.cached.project("nothing")

    async def test_a_deleted_project_is_forgotten(self, all_: World) -> None:
        project = await all_.cached.project("demo")
        all_.index.projects.clear()
        all_.clock.pass_(hours=1)
        with pytest.raises(ProjectNotFound):
            await all_.cached.project("demo")
        assert await all_.store.get(project.name) is None

    async def test_a_deleted_project_that_cannot_be_forgotten(
        self, all_: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await all_.cached.project("demo")
        all_.index.projects.clear()
        all_.clock.pass_(hours=1)
        full(all_, monkeypatch)
        with pytest.raises(ProjectNotFound):
            await all_.cached.project("demo")

    @pytest.mark.parametrize("name", ["", "../x", "a\x00b", "😀", "x" * 10_000, "a b"])
    async def test_an_impossible_name_is_never_sent(self, all_: World, name: str) -> None:
        with pytest.raises(UserError):
            await all_.cached.project(name)
        assert all_.index.requests == []


class TestFaults:
    @pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
    async def test_what_was_known_stays(
        self, all_: World, fault: httpx.Response | Exception
    ) -> None:
        known = await all_.cached.project("demo")
        all_.index.faults[PAGE] = fault
        all_.clock.pass_(hours=1)
        stale = await all_.cached.project("demo")
        assert stale.stale
        assert (stale.files, stale.fetched) == (known.files, known.fetched)
        assert await all_.store.get(known.name) == known
        all_.index.faults.clear()
        all_.clock.pass_(minutes=3)
        assert not (await all_.cached.project("demo")).stale

    @pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
    async def test_one_sentence_where_nothing_is_known(
        self, all_: World, fault: httpx.Response | Exception
    ) -> None:
        all_.index.faults[PAGE] = fault
        for _ in range(2):  # from the fetch, and then from memory
            with pytest.raises(IndexUnavailable) as caught:
                await all_.cached.project("demo")
            assert caught.value.text.endswith(".")
            assert caught.value.hint
            assert "\n" not in str(caught.value)
        assert all_.cached.answers == {"failed": 2}

    async def test_a_304_for_nobody(self, all_: World) -> None:
        all_.index.faults[PAGE] = httpx.Response(304)
        with pytest.raises(IndexUnavailable, match="has not changed, but ftbot has no copy"):
            await all_.cached.project("demo")

    async def test_a_project_rests_after_its_failure(self, all_: World) -> None:
        await all_.cached.project("demo")
        all_.index.faults[PAGE] = httpx.Response(403)
        all_.clock.pass_(hours=1)
        await many(all_, 5)
        all_.clock.pass_(seconds=29)
        await many(all_, 5)
        assert len(all_.index.pages()) == 2
        all_.clock.now -= timedelta(days=1)  # only seconds count here
        all_.clock.seconds += 1
        await many(all_, 5)
        assert len(all_.index.pages()) == 3

    async def test_an_index_that_is_down_is_left_alone(self, all_: World) -> None:
        names = [f"p{number}" for number in range(Failures.ENOUGH)]
        for name in names:
            all_.index.faults[f"/simple/{name}/"] = httpx.ConnectError("refused")
            with pytest.raises(IndexUnavailable, match="cannot be reached"):
                await all_.cached.project(name)
        asked = len(all_.index.requests)
        with pytest.raises(IndexUnavailable, match="does not answer just now"):
            await all_.cached.project("demo")
        assert len(all_.index.requests) == asked
        all_.clock.pass_(seconds=Failures.REST)
        assert file(await all_.cached.project("demo")) == WHEEL

    async def test_an_answer_in_between_means_that_it_is_up(self, all_: World) -> None:
        all_.index.publish("fine", "fine-1.0.tar.gz")
        for number in range(6):
            all_.index.faults[f"/simple/p{number}/"] = httpx.ConnectError("refused")
            with pytest.raises(IndexUnavailable, match="cannot be reached"):
                await all_.cached.project(f"p{number}")
            if number % 2:
                await all_.cached.refresh("fine")

    async def test_bad_pages_do_not_mean_that_it_is_down(self, all_: World) -> None:
        for number in range(6):
            all_.index.faults[f"/simple/p{number}/"] = FAULTS["not JSON"]
            with pytest.raises(IndexUnavailable, match="cannot be read"):
                await all_.cached.project(f"p{number}")
        assert file(await all_.cached.project("demo")) == WHEEL

    async def test_failures_do_not_pile_up(self, all_: World) -> None:
        all_.index.faults[PAGE] = httpx.Response(403)
        depths = []
        for _ in range(20):
            with pytest.raises(IndexUnavailable) as caught:
                await all_.cached.project("demo")
            depths.append(len(caught.traceback))
        assert max(depths[1:]) == min(depths[1:])  # no frame for each who asked


class TestManyAskers:
    async def test_one_fetch_for_all(self, all_: World) -> None:
        assert len({id(project) for project in await many(all_, 200)}) == 1
        assert all_.index.requests == [PAGE, METADATA]

    async def test_one_failure_for_all(self, all_: World) -> None:
        all_.index.faults[PAGE] = httpx.Response(403)
        asking = (all_.cached.project("demo") for _ in range(200))
        errors = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(error) for error in errors} == {IndexUnavailable}
        assert len(set(map(id, errors))) == 200  # each has a traceback of its own
        assert all_.index.requests == [PAGE]

    async def test_who_gives_up_leaves_the_fetch_to_the_others(self, all_: World) -> None:
        all_.hold()
        impatient = [asyncio.create_task(all_.cached.project("demo")) for _ in range(20)]
        patient = asyncio.create_task(all_.cached.project("demo"))
        await all_.index.asked.wait()
        for task in impatient:
            task.cancel()
        await asyncio.wait(impatient)
        assert all(task.cancelled() for task in impatient)
        all_.index.held.set()
        assert file(await patient) == WHEEL
        assert all_.index.pages() == [PAGE]

    @pytest.mark.parametrize(
        ("fault", "told"),
        [(FAULTS["500"], ""), (RuntimeError("a mistake"), "Fetching demo failed")],
    )
    async def test_a_failure_that_nobody_waits_for_any_more(
        self,
        all_: World,
        caplog: pytest.LogCaptureFixture,
        fault: httpx.Response | Exception,
        told: str,
    ) -> None:
        all_.index.faults[PAGE] = fault
        all_.hold()
        asker = asyncio.create_task(all_.cached.project("demo"))
        await all_.index.asked.wait()
        asker.cancel()
        await asyncio.wait([asker])
        all_.index.held.set()
        await all_.rest()
        gc.collect()
        messages = [each.getMessage() for each in caplog.records if each.levelname != "INFO"]
        assert [each for each in messages if "retry" not in each] == ([told] if told else [])

    async def test_an_answer_from_the_cache_when_patience_ends(self, all_: World) -> None:
        await all_.cached.project("demo")
        all_.clock.pass_(hours=1)
        all_.hold()
        (stale,) = await many(all_, 1, patience=0.01)
        assert stale.stale
        all_.clock.pass_(seconds=60)
        async with asyncio.timeout(5):  # this fetch has been waited for long enough
            (late,) = await many(all_, 1, patience=50)
        assert late.stale
        all_.index.held.set()
        await all_.rest()
        assert not (await all_.cached.project("demo")).stale
        assert len(all_.index.pages()) == 2

    async def test_close_ends_fetches(self, all_: World) -> None:
        all_.hold()
        asker = asyncio.create_task(all_.cached.project("demo"))
        await all_.index.asked.wait()
        await all_.cached.close()
        with pytest.raises(asyncio.CancelledError):
            await asker
        assert all_.cached._fetching == {}


class TestMetadata:
    async def test_how_its_owners_spell_it(self, all_: World) -> None:
        all_.index.publish("demo", WHEEL, spelled="DeMo")
        assert (await all_.cached.project("demo")).display_name == "DeMo"
        all_.index.publish("demo", NEWER, serial=2)  # a page without metadata
        all_.clock.pass_(hours=1)
        again = await all_.cached.project("demo")
        assert (file(again), again.display_name) == (NEWER, "DeMo")
        assert await all_.store.get(again.name) == again

    @pytest.mark.parametrize("spelled", ["other", "De Mo\n", ""])
    async def test_a_spelling_of_something_else_does_not_count(
        self, all_: World, spelled: str
    ) -> None:
        all_.index.publish("demo", WHEEL, spelled=spelled)
        assert (await all_.cached.project("demo")).display_name == "demo"

    @pytest.mark.parametrize(
        "fault", [*FAULTS.values(), httpx.Response(200, content=b"[]")], ids=[*FAULTS, "a list"]
    )
    async def test_answers_do_without(self, all_: World, fault: httpx.Response | Exception) -> None:
        all_.index.faults[METADATA] = fault
        project = await all_.cached.project("demo")
        assert (file(project), project.metadata, project.stale) == (WHEEL, None, False)
        assert file(await all_.cached.project("demo")) == WHEEL

    async def test_nobody_waits_long_for_it(
        self, all_: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.index.service._METADATA_PATIENCE", 0.01)

        async def never(*_: str) -> bytes | None:
            await asyncio.Event().wait()
            return None

        monkeypatch.setattr(all_.client, "metadata", never)
        assert (await all_.cached.project("demo")).metadata is None

    async def test_asked_for_again_after_a_week_or_soon_if_there_was_none(
        self, all_: World
    ) -> None:
        all_.index.publish("demo", WHEEL)
        await all_.cached.project("demo")
        all_.index.publish("demo", WHEEL, spelled="demo")
        for hours, expected in ((0.5, 1), (0.5, 2), (6 * 24, 2), (24, 3)):
            all_.clock.pass_(hours=hours)
            await all_.cached.project("demo")
            assert all_.index.requests.count(METADATA) == expected

    async def test_a_new_release_has_metadata_of_its_own(self, all_: World) -> None:
        all_.index.publish("demo", WHEEL, spelled="demo")
        await all_.cached.project("demo")
        all_.index.publish("demo", NEWER, serial=2, spelled="demo")
        all_.clock.pass_(hours=1)
        project = await all_.cached.project("demo")
        assert project.metadata
        assert project.metadata.version == "2.0"


class TestDatabase:
    async def test_answers_while_nothing_can_be_stored(
        self, all_: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        full(all_, monkeypatch)
        assert file(await all_.cached.project("demo")) == WHEEL
        assert "cannot grow, its disk is full" in caplog.text
        assert not [record for record in caplog.records if record.exc_info]

    async def test_an_unreadable_file_is_one_sentence(
        self, all_: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def glance(*_: object) -> None:
            raise DatabaseError("The database is damaged.", "Restore a backup.")

        monkeypatch.setattr(all_.database, "glance", glance)
        with pytest.raises(DatabaseError):
            await all_.cached.project("demo")

    async def test_a_damaged_row_is_fetched_anew(
        self, all_: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.WARNING)
        await all_.cached.project("demo")
        for column, value in (("document", "[]"), ("document", '["\\ud800'), ("fetched", "today")):
            async with all_.database.write() as tx:
                await tx.execute(f"UPDATE project SET {column} = ?", (value,))  # noqa: S608
            assert file(await all_.cached.project("demo")) == WHEEL
        assert caplog.text.count("damaged") == 3


def full(all_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every transaction fail as it does on a full disk."""
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL

    async def execute(*_: object) -> None:
        raise error

    monkeypatch.setattr(all_.database._writer, "execute", execute)
