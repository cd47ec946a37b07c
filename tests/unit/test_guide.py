"""What is looked for in the guide, what is offered, and what is kept of it."""

import gzip
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.db import Database
from bot.errors import ServiceError, UserError
from bot.guide.edition import Edition
from bot.guide.model import Section
from bot.guide.rules import (
    LONGEST_LABEL,
    Helps,
    Synonym,
    completions,
    is_foreign,
    labels,
    terms,
    words,
)
from bot.guide.service import LIMIT_BYTES, GuideService, read_sections
from bot.guide.spelling import Spelling
from bot.guide.store import SearchIndex
from bot.http import Client, http_client
from bot.index.store import DocumentStore, StoredDocument
from tests.clients.conftest import answer

SITE = "https://guide.example/en/"
URL = f"{SITE}search/search_index.json"

SYNONYMS = (
    Synonym(("the lock", "gil*"), ("gil", "global interpreter lock")),
    Synonym(("lock",), ("lock*", "mutex*")),
    Synonym(("compil*", "build"), ("compile", "build")),
)
SECTIONS = (
    Section("", "A Guide", "A Guide", "", "welcome"),
    Section("install/", "Installing", "Installing", "How to.", "download a build"),
    Section("install/#linux", "On Linux", "Installing", "", "compile the sources"),
    Section("locks/", "Locking", "Locking", "", "a mutex protects data"),
    Section("locks/deep/", "Deeper", "Deeper", "", "a page below another one"),
    Section("locks/#more", "More", "Locking", "", "deadlocks"),
    Section("gil/#more", "More", "The GIL", "It is off.", "global interpreter lock"),
)
OWN = (Section("install/#linux", "On Linux", "Installing", "Use the distribution's package."),)
HELPS = Helps(SYNONYMS, {"kinds": {"crash": "locks/#gone", "docs": "gone/", "slow": "gil/#more"}})


@pytest.fixture
def guide() -> Iterator[Edition]:
    edition = Edition(SECTIONS, OWN, HELPS, URL)
    yield edition
    edition.close()


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", ()),
        ("how do I get it?", ()),
        ("Deadlocks", ("deadlocks",)),
        ("is the lock off", ("gil", "global interpreter lock")),
        ("lock it", ("lock*", "mutex*")),
        ("GILs", ("gil", "global interpreter lock")),
        ("re-compiling re-compiled", ("compile", "build", "re")),
        ("clock", ("clock",)),
        ("3.14t", ("3.14t",)),
        ('"quoted" OR (this)', ("quoted",)),
        ("x" * 500, ("x" * 200,)),
    ],
)
def test_terms(query: str, wanted: tuple[str, ...]) -> None:
    assert terms(query, SYNONYMS) == wanted


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("compiled", ["Installing", "On Linux"]),  # a synonym, and by its stem
        ("mutexes", ["Locking"]),
        ("the lock", ["More"]),
        ("distribution", ["On Linux"]),  # what ftbot itself says of a section
        ("More (Locking)", ["More", "Locking"]),
        ("", []),
        ("zebra", []),
        ("'", []),
        ('" NEAR(', []),
        ("title:welcome", ["A Guide"]),
        ("\0", []),
    ],
)
def test_search(guide: Edition, query: str, titles: list[str]) -> None:
    assert [hit.title for hit in guide.search(query, 4)][: len(titles)] == titles
    assert bool(guide.search(query, 4)) == bool(titles)


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("mutx", ["Locking"]),
        ("Comiple", ["Installing", "On Linux"]),  # a synonym's word
        ("deadlosck", ["More"]),  # as long as that, two errors
        ("daedlosck", []),
        ("the dedalock sorces", ["More", "On Linux"]),
        ("distirbution", ["On Linux"]),  # what ftbot itself says of a section
        ("eadlocks", []),  # few err in the first letter
        ("geet", []),
        ("참조 카운팅", []),
        ("zebra", []),
    ],
)
def test_a_misspelt_word_is_found(guide: Edition, query: str, titles: list[str]) -> None:
    found = [hit.title for hit in guide.search(query, 4)]
    assert set(titles) <= set(found)
    assert bool(found) == bool(titles)


def test_a_word_that_is_there_means_itself() -> None:
    index = Edition(
        (Section("a/", "A", "A", text="thread"), Section("b/", "B", "B", text="threat")),
        (),
        HELPS,
        URL,
    )
    assert [hit.title for hit in index.search("threat", 4)] == ["B"]
    assert [hit.title for hit in index.search("threads", 4)] == ["A"]  # by its stem
    index.close()


def test_the_most_frequent_of_the_nearest_words_is_meant() -> None:
    spelling = Spelling(["Lock-free locks, blocks", "lucks LOCKS"])
    assert spelling.meant("lacks") == "locks"
    assert spelling.meant("lock") == "lock"
    assert spelling.meant("zebras") is None


@given(st.text(), st.lists(st.text()))
def test_any_word_can_be_misspelt(word: str, texts: list[str]) -> None:
    meant = Spelling(texts).meant(word)
    assert meant is None or meant in " ".join(texts).lower()


@pytest.mark.parametrize(
    ("query", "foreign"),
    [
        ("참조 카운팅", True),
        ("Zählung", True),
        ("refcount", False),
        ("3.14t 😀 “”", False),
        ("", False),
    ],
)
def test_queries_in_other_languages(query: str, foreign: bool) -> None:
    assert is_foreign(query) is foreign


def test_a_hit_has_a_gist_and_a_link(guide: Edition) -> None:
    (hit, *_) = guide.search("compile the sources", 1)
    assert (hit.title, hit.page) == ("On Linux", "Installing")
    assert hit.gist == "Use the distribution's package."  # the guide says nothing there
    assert hit.url == f"{SITE}install/#linux"


def test_contents_are_the_chapters(guide: Edition) -> None:
    assert [hit.url for hit in guide.contents()] == [SITE, f"{SITE}install/", f"{SITE}locks/"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("", ["A Guide", "Installing", "Locking"]),
        (" ", ["A Guide", "Installing", "Locking"]),
        ("loc", ["Locking", "More (Locking)"]),
        ("mor gil", ["More (The GIL)"]),
        ("linux", ["On Linux"]),
        ("mutex", ["Locking"]),
        ("zebra", []),
    ],
)
def test_completions(guide: Edition, typed: str, offered: list[str]) -> None:
    assert guide.complete(typed, 25)[: len(offered)] == offered
    assert bool(guide.complete(typed, 25)) == bool(offered)


def test_what_is_offered_finds_its_own_section(guide: Edition) -> None:
    for label, section in zip(labels(SECTIONS), SECTIONS, strict=True):
        assert guide.search(label, 1)[0].url == SITE + section.location


def test_labels_fit_into_a_choice() -> None:
    long = [Section(f"{place}", "x" * 150, "page") for place in range(2)]
    assert {len(label) for label in labels(long)} == {LONGEST_LABEL}
    assert completions("x", [words(label) for label in labels(long)], 1) == [0]


@pytest.mark.parametrize(
    ("key", "leads_to"),
    [("slow", "gil/#more"), ("crash", "locks/"), ("docs", None), ("unheard of", None)],
)
def test_a_pointer_to_what_is_gone_leads_to_its_page(
    guide: Edition, key: str, leads_to: str | None
) -> None:
    pointer = guide.pointer(key)
    assert (pointer.url if pointer else None) == (SITE + leads_to if leads_to else None)
    assert guide.pointer("unheard of", "docs", key) == pointer


@pytest.mark.parametrize(
    ("url", "base"), [(URL, SITE), ("http://127.0.0.1:1/guide.json", "http://127.0.0.1:1/")]
)
def test_links_begin_where_the_guide_does(url: str, base: str) -> None:
    edition = Edition(SECTIONS, (), HELPS, url)
    assert edition.contents()[1].url == f"{base}install/"
    edition.close()


@given(st.text())
def test_any_text_can_be_asked(query: str) -> None:
    index = SearchIndex(SECTIONS, {})
    assert set(index.search(terms(query, SYNONYMS), 3)) <= set(range(len(SECTIONS)))
    index.close()


@given(st.lists(st.text(), max_size=80))
def test_any_term_can_be_looked_for(wanted: list[str]) -> None:
    index = SearchIndex(SECTIONS, {})
    index.search(wanted, 3)
    index.close()


def test_an_sqlite_without_full_text_search_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.guide.store._CREATE", "CREATE VIRTUAL TABLE section USING nothing()")
    with pytest.raises(UserError, match="FTS5"):
        SearchIndex((), {})


# What is fetched and kept


@dataclass
class Site:
    """The guide's site, whose search index lists pages of these titles."""

    titles: tuple[str, ...] = ("Fetched page",)
    status: int = 200
    body: bytes | None = None
    compressed: bool = False
    asked: list[int] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        docs = [{"location": f"{each}/", "title": each, "text": ""} for each in self.titles]
        body = self.body or json.dumps({"docs": docs}).encode()
        tag = f'"{hash(body)}"'
        known = self.status == 200 and request.headers.get("If-None-Match") == tag
        status = 304 if known else self.status
        self.asked.append(status)
        encoding = {"Content-Encoding": "gzip"} if self.compressed else {}
        return answer(status, b"" if known else body, {"ETag": tag, **encoding})


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as opened:
        yield opened


@pytest.fixture
async def http(site: Site, no_pauses: None) -> AsyncIterator[Client]:
    del no_pauses
    async with http_client(transport=httpx.MockTransport(site)) as client:
        yield client


@pytest.fixture
async def service(database: Database, http: Client) -> AsyncIterator[GuideService]:
    made = GuideService(DocumentStore(database), http, URL)
    yield made
    made.close()


def titles(service: GuideService) -> list[str]:
    return [hit.title for hit in service.contents()]


async def test_starts_from_what_ships(service: GuideService, site: Site) -> None:
    assert service.contents() == service.search("gil") == ()
    assert service.complete("gil") == []
    assert service.pointer("gil_reenabled") is None
    await service.load()
    assert len(titles(service)) > 15
    assert "GIL" in service.search("the gil came back")[0].title
    assert service.search("gil")[0].url.startswith(SITE)
    assert service.pointer("gil_reenabled")
    assert site.asked == []


async def test_what_was_fetched_outlives_a_restart(
    service: GuideService, database: Database, http: Client, site: Site
) -> None:
    await service.load()
    await service.refresh()
    assert titles(service) == ["Fetched page"]
    again = GuideService(DocumentStore(database), http, URL)
    await again.load()
    assert titles(again) == ["Fetched page"]
    await again.refresh()
    assert site.asked == [200, 304]
    site.titles = ("Another",)
    await again.refresh()
    assert titles(again) == ["Another"]
    again.close()


@pytest.mark.parametrize(
    ("status", "body", "compressed"),
    [
        (404, b"gone", False),
        (410, b"gone", False),
        (500, b"down", False),
        (200, b"<!doctype html>", False),
        (200, b'{"docs": []}', False),
        (200, b"[" * 100_000, False),
        (200, b" " * (LIMIT_BYTES + 1), False),
        (200, gzip.compress(b" " * (LIMIT_BYTES + 1)), True),
        (200, b"no gzip", True),
    ],
)
async def test_what_cannot_be_used_changes_nothing(
    service: GuideService, site: Site, *, status: int, body: bytes, compressed: bool
) -> None:
    await service.load()
    await service.refresh()
    site.status, site.body, site.compressed = status, body, compressed
    with pytest.raises((UserError, ServiceError)) as caught:
        await service.refresh()
    assert caught.value.text
    assert titles(service) == ["Fetched page"]
    site.status, site.body, site.compressed = 200, None, False
    await service.refresh()
    assert site.asked[-1] == 304  # what is stored is still what was


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'[{"location": 1}]', b"[" * 100_000])
async def test_a_damaged_copy_is_fetched_anew(
    service: GuideService,
    database: Database,
    site: Site,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
) -> None:
    await service.refresh()
    stored = await DocumentStore(database).get("guide")
    assert stored
    await DocumentStore(database).put("guide", StoredDocument(body, stored.etag, datetime.now(UTC)))
    other = GuideService(service._store, service._http, URL)
    with caplog.at_level(logging.WARNING, logger="bot.guide.service"):
        await other.load()
    assert "cannot be used" in caplog.text
    assert len(titles(other)) > 15
    await other.refresh()
    assert site.asked == [200, 200]
    assert titles(other) == ["Fetched page"]
    other.close()


def test_sections_are_stored_as_they_ship() -> None:
    with pytest.raises(UserError, match="no section"):
        read_sections(b"[]")
