from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.ui.text import clean, code, escape, fit, timestamp, web_address
from tests.ui.reading import alive


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("scikit-learn", "scikit-learn"),
        ("typing_extensions", r"typing\_extensions"),
        ("**bold** ~~gone~~ ||secret||", r"\*\*bold\*\* \~\~gone\~\~ \|\|secret\|\|"),
        ("@everyone <@1> <#2>", "@\u200beveryone \\<@\u200b1\\> \\<\\#2\\>"),
        ("https://evil.example", r"https\://evil.example"),
        ("[a](https://b)", r"\[a\]\(https\://b\)"),
        ("two\nlines\r\n\tand  more", "two lines and more"),
        ("right\u202eto\u200bleft\x00", "righttoleft"),
        ("", ""),
    ],
)
def test_escape(text: str, shown: str) -> None:
    assert escape(text) == shown


@given(st.text(), st.integers(2, 50))
def test_escaped_text_is_dead_and_short(text: str, limit: int) -> None:
    assert alive(escape(text, limit)) == []
    assert alive(code(text, limit)) == []
    assert len(clean(text, limit)) <= limit
    assert len(escape(text, limit)) <= 2 * limit
    assert "\n" not in escape(text, limit)


@given(st.text("`ab \\", max_size=30))
def test_code_spans_are_never_broken_out_of(text: str) -> None:
    shown = code(text)
    assert shown.count("`") == 2
    assert shown.startswith("`")
    assert shown.endswith("`")
    assert shown != "``"


def test_cutting_shows_an_ellipsis() -> None:
    assert clean("abcdefgh", 5) == "abcd…"
    assert clean("abcde", 5) == "abcde"


@given(st.lists(st.text("ab", max_size=40), max_size=30), st.integers(60, 200))
@example(["a" * 17, "a" * 26, "a" * 26], 70)
def test_fit_keeps_whole_lines(lines: list[str], limit: int) -> None:
    shown = fit(lines, limit)
    assert len(shown) <= limit
    *kept, last = shown.split("\n")
    if last.startswith("-#"):
        left = len(lines) - len(kept)
        assert kept == lines[: len(kept)]
        assert last == f"-# … and {left} more {'line' if left == 1 else 'lines'}"
    else:
        assert shown == "\n".join(lines)


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), "<t:1767225600:D>"),
        ("2026-01-01T00:00:00Z", "<t:1767225600:D>"),
        ("2026-01-01T00:00:00", "<t:1767225600:D>"),
        ("2026-01-01T01:00:00.123456+01:00", "<t:1767225600:D>"),
        ("yesterday", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_timestamp(moment: datetime | str | None, shown: str) -> None:
    assert timestamp(moment) == shown


@given(st.text() | st.datetimes().map(str))
def test_any_timestamp_is_survived(text: str) -> None:
    assert alive(timestamp(text)) == []


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://index.example/project/demo/", True),
        ("http://127.0.0.1:8000/x", True),
        ("javascript:alert(1)", False),
        ("discord://-/settings", False),
        ("https://", False),
        ("https://[broken", False),
        ("https://a.example/with space", False),
        ("https://a.example/" + "x" * 512, False),
        ("https://é.example/", False),
        (None, False),
    ],
)
def test_web_address(url: str | None, *, kept: bool) -> None:
    assert web_address(url) == (url if kept else None)
