"""Project names: what is let through, and how the rest is refused."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.utils import is_normalized_name

from bot.errors import UserError
from bot.pypi.names import LONGEST_NAME, harmless, normalise

HOSTILE = [
    "",
    "   ",
    "a" * 10_000,
    "numpy\x00",
    "num\npy",
    "../../etc/passwd",
    "foo/../x",
    "numpy/",
    "\U0001f600",
    "n\u0443mpy",
    "\u202eypmun",
    "numpy\u200b",
    "\ud800",
    "-numpy",
    "numpy-",
    "_",
    "%2e%2e",
    "numpy?x=1",
    "numpy#",
    "@everyone",
    "http://x.test/",
    "\u017fix",  # a long s, which lower() and IGNORECASE know as s
    "\u212aeras",
]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("numpy", "numpy"),
        (" Discord.Py\n", "discord-py"),
        ("zope.interface", "zope-interface"),
        ("a__b--c..d", "a-b-c-d"),
        ("0", "0"),
        ("z" * LONGEST_NAME, "z" * LONGEST_NAME),
    ],
)
def test_names(typed: str, name: str) -> None:
    assert normalise(typed) == name


@pytest.mark.parametrize("typed", HOSTILE, ids=ascii)
def test_what_is_not_a_name(typed: str) -> None:
    with pytest.raises(UserError) as caught:
        normalise(typed)
    error = caught.value
    assert error.exit_code == 2
    assert error.text.endswith(".")
    assert error.hint.endswith(".")
    assert str(error).isprintable()
    assert len(str(error)) < 200


@pytest.mark.parametrize(
    ("typed", "alone"),
    [
        ("numpy==2.0", "numpy"),
        ("numpy >= 2", "numpy"),
        ("httpx[http2]", "httpx"),
        ("a @ https://x", "a"),
        ("numpy, pandas", "numpy"),
        ("x; python_version > '3'", "x"),
    ],
)
def test_a_requirement_leads_to_its_name(typed: str, alone: str) -> None:
    with pytest.raises(UserError) as caught:
        normalise(typed)
    assert caught.value.hint == f"Give the name alone: {alone}."


@given(st.text() | st.text("aZ0-_.@[ \t\x00é😀", max_size=300))
@example("a" * LONGEST_NAME + " ")
@example("a" * 99 + "." * 50 + "@")
def test_every_text_is_a_name_or_refused_in_a_short_sentence(typed: str) -> None:
    told, name = "", ""
    try:
        name = normalise(typed)
    except UserError as error:
        told = str(error)
    assert told.isprintable()
    assert len(told) < 250
    if name:
        assert is_normalized_name(name)
        assert re.fullmatch(r"[a-z0-9-]{1,255}", name)
        assert normalise(name) == name


@given(st.text())
def test_harmless_text_is_short_and_printable(text: str) -> None:
    shown = harmless(text)
    assert shown.isprintable()
    assert len(shown) <= 41
    assert shown == text or len(text) > 40 or not text.isprintable()
