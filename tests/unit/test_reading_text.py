"""Uploaded files as text, and titles. What is reported is made up."""

import gzip
import io
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.reports.model import Fact, Facts, Kind, Reading, Signature, Submission
from bot.reports.reading.text import LONGEST_TITLE, decode, title_of


@pytest.mark.parametrize(
    "body",
    [
        "héllo".encode(),
        b"\xef\xbb\xbf" + "héllo".encode(),
        "héllo".encode("utf-16"),
        b"\xfe\xff" + "héllo".encode("utf-16-be"),
    ],
)
def test_text_is_read(body: bytes) -> None:
    assert decode(body) == "héllo"


def test_an_empty_file_is_text() -> None:
    assert decode(b"") == ""


def zipped() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.log", "text")
    return archive.getvalue()


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (zipped(), "zip archive"),
        (gzip.compress(b"text"), "gzip archive"),
        (b"\x7fELF\x02\x01\x01", "program"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"%PDF-1.7", "PDF"),
        (b"SQLite format 3\x00", "database"),
        (b"a\x00b", "binary"),
        ("héllo".encode("latin-1"), "byte 2"),
        (b"\xff\xfea", "not text"),
        ("x".encode("utf-32"), "not text"),
    ],
)
def test_what_is_no_text_is_named(body: bytes, what: str) -> None:
    with pytest.raises(UserError, match=what) as raised:
        decode(body)
    assert "UTF-8" in raised.value.hint


@given(st.binary(max_size=300))
def test_any_file_is_text_or_refused(body: bytes) -> None:
    with suppress(UserError):
        assert "\0" not in decode(body) or body.startswith((b"\xff\xfe", b"\xfe\xff"))


NUMPY = Facts(project=Fact("numpy", "numpy"), python=Fact("3.14t", "3.14t"))


@pytest.mark.parametrize(
    ("reading", "title"),
    [
        (
            Reading(Kind.CRASH, 1, NUMPY, signature=Signature(frames=("a.c:put", "b.c:get"))),
            "numpy crashes on 3.14t in put",
        ),
        (
            Reading(Kind.GIL_REENABLED, 1, NUMPY, signature=Signature(modules=("numpy._core",))),
            "numpy re-enables the GIL on 3.14t (module numpy._core)",
        ),
        (
            Reading(Kind.NO_WHEEL, 1, Facts(NUMPY.project, Fact("2.3.0", "2.3.0"))),
            "numpy 2.3.0: no free-threaded wheel",
        ),
    ],
)
def test_title_names_project_and_what_broke(reading: Reading, title: str) -> None:
    assert title_of(Submission(story="It broke."), reading) == title


def test_title_of_an_unknown_project_is_how_the_story_begins() -> None:
    story = "My\nserver <@12> dies \x1b[1mnow\x1b[0m and then."
    assert (
        title_of(Submission(story=story), Reading(Kind.CRASH, 1)) == "My server dies now and then."
    )


def test_title_without_anything() -> None:
    assert title_of(Submission(), Reading(Kind.NEEDS_INFO, 0)) == "Problem"


@given(story=st.text(max_size=500), kind=st.sampled_from(sorted(Kind)), known=st.booleans())
def test_a_title_is_one_short_line(story: str, kind: Kind, *, known: bool) -> None:
    marks = Signature(modules=(story[:200],), frames=(story,))
    reading = Reading(kind, 1, NUMPY if known else Facts(), signature=marks)
    title = title_of(Submission(story=story), reading)
    assert title
    assert title.splitlines() == [title]
    assert len(title) <= LONGEST_TITLE
