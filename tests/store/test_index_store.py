"""The tables of the cached index, in a real file."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import NormalizedName

from bot.compat.condense import condense
from bot.compat.model import ProjectFiles
from bot.db import Database, glances
from bot.index.model import Metadata, Project
from bot.index.store import _FILES, DocumentStore, ProjectStore, StoredDocument, encode
from bot.pypi.wire import PageFile

DEMO = NormalizedName("demo")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
FILES = condense(
    [
        PageFile("demo-1.0.tar.gz", ">=3.9", False, "2026-01-01T00:00:00Z"),
        PageFile("demo-1.0-cp314-cp314t-win_amd64.whl", ">=3.9", "broken", "2026-01-02T00:00:00Z"),
        PageFile("demo-nonsense.whl"),
    ],
    DEMO,
)
PROJECT = Project(DEMO, "Demo", "active", 7, '"tag"', NOON, FILES)
METADATA = Metadata("1.0", NOON, '{"classifier":null}')


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> ProjectStore:
    return ProjectStore(database)


async def put(store: ProjectStore, project: Project) -> None:
    await store.put(project, encode(project.files))


async def want(database: Database, store: ProjectStore, serial: int) -> None:
    async with database.write() as tx:
        await store.want(tx, {DEMO: serial})


class TestProject:
    async def test_comes_back_as_it_was(self, store: ProjectStore) -> None:
        assert await store.get(DEMO) is None
        await put(store, PROJECT)
        assert await store.get(DEMO) == PROJECT
        bare = replace(
            PROJECT, serial=None, etag=None, status="archived", files=ProjectFiles((), ())
        )
        await put(store, bare)
        assert await store.get(DEMO) == bare
        assert await store.count() == 1

    async def test_metadata_survives_a_new_page(self, store: ProjectStore) -> None:
        await put(store, PROJECT)
        await store.put_metadata(DEMO, METADATA, "DeMo")
        await put(store, replace(PROJECT, serial=8))
        found = await store.get(DEMO)
        assert found == replace(PROJECT, serial=8, metadata=METADATA)
        none = replace(METADATA, text=None)
        await store.put_metadata(DEMO, none, "DeMo")
        assert await store.get(DEMO) == replace(found, metadata=none, display_name="DeMo")

    @pytest.mark.parametrize("how", ["put", "confirm"])
    @pytest.mark.parametrize(
        ("wanted", "shown", "left"), [(9, 8, 9), (9, 9, None), (9, 10, None), (9, None, None)]
    )
    async def test_a_change_is_wanted_until_a_page_shows_it(
        self,
        database: Database,
        store: ProjectStore,
        *,
        how: str,
        wanted: int,
        shown: int | None,
        left: int | None,
    ) -> None:
        await put(store, PROJECT)
        await want(database, store, wanted)
        if how == "put":
            await put(store, replace(PROJECT, serial=shown))
        else:
            await store.confirm(DEMO, NOON + timedelta(hours=1), shown)
        found = await store.get(DEMO)
        assert found
        assert found.wanted_serial == left

    async def test_confirming_moves_the_time_alone(self, store: ProjectStore) -> None:
        await put(store, PROJECT)
        later = NOON + timedelta(hours=1)
        await store.confirm(DEMO, later, None)
        assert await store.get(DEMO) == replace(PROJECT, fetched=later)

    async def test_what_is_not_there_stays_away(self, store: ProjectStore) -> None:
        await store.confirm(DEMO, NOON, 3)
        await store.put_metadata(DEMO, METADATA, "Demo")
        await store.delete(DEMO)
        assert await store.get(DEMO) is None

    async def test_deleted(self, store: ProjectStore) -> None:
        await put(store, PROJECT)
        await store.delete(DEMO)
        assert (await store.get(DEMO), await store.count()) == (None, 0)

    async def test_fetched_since(self, store: ProjectStore) -> None:
        for hour, name in enumerate(("a", "b", "c")):
            moment = NOON + timedelta(hours=hour)
            await put(store, replace(PROJECT, name=NormalizedName(name), fetched=moment))
        assert await store.fetched_since(["a", "b", "d"], NOON) == {"b"}
        assert await store.fetched_since(["a", "b"], NOON - timedelta(microseconds=1)) == {"a", "b"}


class TestDocument:
    async def test_comes_back_and_is_replaced(self, database: Database) -> None:
        store = DocumentStore(database)
        assert await store.get("ranks") is None
        for document in (
            StoredDocument(b"\x00\xff", '"tag"', NOON),
            StoredDocument(b"", None, NOON + timedelta(days=1)),
        ):
            await store.put("ranks", document)
            assert await store.get("ranks") == document


@given(
    st.lists(
        st.builds(
            PageFile,
            st.sampled_from(
                ["demo-1.0.tar.gz", "demo-2.0rc1-py3-none-any.whl", "demo-1-1-cp39-abi3-any.whl"]
            )
            | st.text(max_size=30),
            st.none() | st.text(max_size=10),
            st.booleans() | st.text(max_size=10),
            st.none() | st.text(max_size=10),
        )
    )
)
def test_whatever_a_page_lists_comes_back_from_its_document(files: list[PageFile]) -> None:
    condensed = condense(files, DEMO)
    assert _FILES.decode(encode(condensed)) == condensed


async def test_an_unchanged_row_gives_the_same_object_and_another_process_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glances, "AGE", 0.0)
    async with (
        Database.open(tmp_path / "file") as database,
        Database.open(tmp_path / "file") as other,
    ):
        store, elsewhere = ProjectStore(database), ProjectStore(other)
        await store.put(PROJECT, encode(PROJECT.files))
        first = await store.get(PROJECT.name)
        assert await store.get(PROJECT.name) is first
        async with other.write() as tx:
            await elsewhere.want(tx, {PROJECT.name: 10**9})
        changed = await store.get(PROJECT.name)
        assert changed
        assert changed.wanted_serial == 10**9
        await elsewhere.delete(PROJECT.name)
        assert await store.get(PROJECT.name) is None
