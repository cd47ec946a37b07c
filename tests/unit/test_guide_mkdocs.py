"""What MkDocs writes for its search, read as sections, however odd or hostile it is."""

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.guide.mkdocs import (
    LONGEST_GIST,
    LONGEST_LOCATION,
    LONGEST_TEXT,
    LONGEST_TITLE,
    MOST_SECTIONS,
    read_index,
)
from bot.guide.model import Section
from tests.conftest import SHARED

REAL = SHARED / "data/guide/search_index.json"
needs_guide = pytest.mark.skipif(
    not REAL.exists(), reason="the guide's search index is not beside the project"
)


def index(*documents: tuple[str, str, str]) -> bytes:
    docs = [{"location": where, "title": title, "text": text} for where, title, text in documents]
    return json.dumps({"config": {"lang": ["en"]}, "docs": docs}).encode()


def only(text: str, title: str = "Title") -> Section:
    (section,) = read_index(index(("page/", title, text)))
    return section


def test_pages_are_followed_by_their_parts() -> None:
    sections = read_index(
        index(
            ("", "Home", "<p>Welcome.</p>"),
            ("faq/", "Questions", ""),
            ("faq/#what", "What is <code>PYTHON_GIL</code>?", "<p>A variable.</p>"),
            ("faq/#what", "The same place again", ""),
        )
    )
    assert sections == (
        Section("", "Home", "Home", "Welcome.", "Welcome."),
        Section("faq/", "Questions", "Questions"),
        Section("faq/#what", "What is PYTHON_GIL?", "Questions", "A variable.", "A variable."),
    )
    assert [section.is_page for section in sections] == [True, True, False]


@pytest.mark.parametrize(
    ("text", "gist"),
    [
        ("<p>One. Two.</p> <p>Three.</p>", "One. Two. Three."),
        ("no tags at all", "no tags at all"),
        ("<p>Use <code>x &lt; y</code> &amp; see.</p>", "Use x < y & see."),
        ("<p>Say:</p><pre><code>print(1)</code></pre><p>Done.</p>", "Say: Done."),
        ("<ul><li>First</li><li>Second</li></ul>", "First Second"),
        ("<p>Fine&nbsp;print\u202e\x00 here</p>", "Fine print here"),
        ("<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>", "<script>alert(1)</script>"),
        ("<script>alert(1)</script>", "alert(1)"),
        ("<p>unclosed <b", "unclosed <b"),
        ("a < b and c > d", "a d"),
        ("<pre>never closed", ""),
        ("</pre>said", "said"),
        ("&#1114112; &#xD800;", "\ufffd \ufffd"),
        ("", ""),
    ],
)
def test_the_gist_is_plain_text_of_what_is_said(text: str, gist: str) -> None:
    assert only(text).gist == gist


def test_code_is_searched_though_it_is_not_said() -> None:
    section = only("<p>Run it:</p><pre><code>PYTHON_GIL=0 python</code></pre>")
    assert section.text == "Run it: PYTHON_GIL=0 python"


def test_a_gist_ends_with_a_sentence() -> None:
    section = only(f"<p>Short one. {'word ' * 60}end. More {'more ' * 60}end.</p>")
    assert section.gist == f"Short one. {'word ' * 60}end."
    assert only(f"<p>{'word ' * 200}</p>").gist == ("word " * 80)[: LONGEST_GIST - 1].rstrip() + "…"


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("faq/#what-is-it", "faq/#what-is-it"),
        ("가이드/#질문", "%EA%B0%80%EC%9D%B4%EB%93%9C/#%EC%A7%88%EB%AC%B8"),
        ("faq/#a<b>", "faq/#a%3Cb%3E"),
        ("faq/#a) [b](c", "faq/#a%29%20%5Bb%5D%28c"),
        ("a\nb/", "a%0Ab/"),
        ("/etc/", None),
        ("../../elsewhere/", None),
        ("a/../b/", None),
        ("x" * (LONGEST_LOCATION + 1), None),
        ("질" * LONGEST_LOCATION, None),
    ],
)
def test_locations_can_stand_in_links(location: str, kept: str | None) -> None:
    sections = read_index(index(("", "Home", ""), (location, "There", "")))
    assert [each.location for each in sections[1:]] == ([kept] if kept else [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><title>Not found</title>",
        b"[]",
        b"{}",
        b'{"docs": {}}',
        b'{"docs": [{"location": 1, "title": "x", "text": ""}]}',
        b'{"docs": [{"title": "x", "text": ""}]}',
        b'{"docs": [',
        b'{"docs": ' + b"[" * 100_000,
        b"\xff\xfe",
        index(("\ud800/", "lone surrogate", "")),
    ],
)
def test_what_is_no_search_index_is_an_error(body: bytes) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_index(body)


@pytest.mark.parametrize("documents", [(), (("page/", "<b></b>", "text"),), (("/", "Title", ""),)])
def test_an_index_without_sections_is_an_error(documents: tuple[tuple[str, str, str], ...]) -> None:
    with pytest.raises(UserError, match="no section"):
        read_index(index(*documents))


def test_limits_hold() -> None:
    many = [(f"{number}/", "Title", "") for number in range(MOST_SECTIONS + 5)]
    assert len(read_index(index(*many))) == MOST_SECTIONS
    section = only("<p>" + "word " * LONGEST_TEXT, "t" * 1_000)
    assert len(section.title) == LONGEST_TITLE
    assert len(section.text) <= LONGEST_TEXT
    assert len(section.gist) <= LONGEST_GIST


@pytest.mark.parametrize("piece", ["<", "<p", "<p>", "</pre>", "<!--", "&", "&#", ". A", "<pre>"])
def test_the_time_grows_with_the_length_alone(piece: str) -> None:
    start = time.perf_counter()
    only(piece * LONGEST_TEXT)
    assert time.perf_counter() - start < 1


TAGS = st.sampled_from(["<p>", "</p>", "<pre>", "</pre>", "<", ">", "&lt;", "&#0;", "\u202e", ". "])
HTML = st.lists(st.one_of(TAGS, st.text(max_size=8))).map("".join)


@given(st.lists(st.tuples(st.text(max_size=30), HTML, HTML), max_size=5))
@example([("x/", "T", "<p>a</p><pre>b<p>c</pre>")])
def test_any_index_gives_sections_or_a_user_error(documents: list[tuple[str, str, str]]) -> None:
    try:
        sections = read_index(index(*documents))
    except UserError:
        return
    for section in sections:
        assert section.location.isascii()
        assert " " not in section.location
        for text in (section.title, section.page, section.gist, section.text):
            assert text.isprintable()
            assert text == " ".join(text.split())


@given(st.binary())
def test_any_bytes_are_an_error(body: bytes) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_index(body)


@needs_guide
def test_the_real_guide_is_read_whole() -> None:
    documents = json.loads(REAL.read_bytes())["docs"]
    sections = read_index(REAL.read_bytes())
    assert [section.location for section in sections] == [each["location"] for each in documents]
    assert len({section.page for section in sections}) > 15
    gists = [section.gist for section in sections]
    assert not [gist for gist in gists if "<p" in gist or "<code" in gist or "</" in gist]
    assert sum(gist.endswith((".", ":", "!", "?")) for gist in gists) > 100
