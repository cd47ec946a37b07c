import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.check.model import TrackerClaim
from bot.check.tracker import (
    MAX_LINKS,
    MAX_NAME,
    MAX_NOTE,
    MAX_NOTES,
    MAX_ROWS,
    MAX_TEXT,
    TrackerRow,
    TrackerTable,
    claims_by_project,
    parse_table,
    read_table,
    write_table,
)
from bot.errors import UserError
from bot.index.aliases import read_aliases

ROOT = Path(__file__).resolve().parents[2]
TRACKER = ROOT.parent / "shared" / "data" / "tracker"
needs_tracker = pytest.mark.skipif(
    not TRACKER.is_dir(), reason="the tracking table is not beside the project"
)

HEADER = (
    "| Project | Upstream issue | Tested in CI | PyPI release "
    "| First version with support | Nightly wheels | Nightly link |\n"
    "| :--- | :---: | :---: | :---: | :---: | :---: | :---: |\n"
)

# Every oddity of the real table, in rows of our own.
ODD = (
    "# Tracking\n\nWords before, with a | pipe.\n\n<!-- keep ordered -->\n\n"
    + HEADER
    + """\
| plain | [:simple-github:](https://github.com/o/plain/issues/1) | :material-check-bold: | \
:material-check-bold: | 1.2.0 | :simple-linux: :simple-apple: :material-microsoft-windows: | \
[:simple-anaconda:](https://anaconda.org/nightly/plain/) |
| noted[^1] | [:simple-github:](https://issues.apache.org/jira/browse/X-1) |  |  |  |  |  |
| ci_noted | [:simple-ubuntu:](https://bugs.launchpad.net/x/+bug/2) | [^2] | \
:meterial-check-bold: [^3] | 0.9 |  |  |
| short | [:simple-github:](https://github.com/o/short/pull/3) |
| wide | [x](https://github.com/o/wide/pull/4) | | | 3.0 | | | more | and more |
| bare |  |  |  | soon |  |  |
no pipes at all
|  |  |  |  |  |  |  |
| esc\\|aped |  | :material-check: |  | 2026.03.0 |  |  |
no leading pipe |  | :material-check-bold:

Words after.

[^1]: Works on 3.15t, see the
    [docs](https://example.org/a#b),
    module `a.b`.

    Second paragraph.

[^2]: Functional, CI is
disabled by name_with_underscore
[^3]: On its *own* registry
[^3]: A label's second definition

Not a part of the note.
"""
)


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def only(markdown: str) -> TrackerRow:
    (parsed,) = parse_table(markdown)
    return parsed


def test_reads_every_oddity() -> None:
    assert parse_table(ODD) == (
        TrackerRow(
            name="plain",
            since="1.2.0",
            upstream_issue="https://github.com/o/plain/issues/1",
            tested_in_ci=True,
            pypi_release=True,
            nightly_platforms=("linux", "macos", "windows"),
            nightly_links=("https://anaconda.org/nightly/plain/",),
        ),
        TrackerRow(
            name="noted",
            upstream_issue="https://issues.apache.org/jira/browse/X-1",
            notes=("Works on 3.15t, see the docs, module a.b. Second paragraph.",),
        ),
        TrackerRow(
            name="ci_noted",
            since="0.9",
            upstream_issue="https://bugs.launchpad.net/x/+bug/2",
            pypi_release=True,
            notes=(
                "Functional, CI is disabled by name_with_underscore",
                "On its own registry",
            ),
        ),
        TrackerRow(name="short", upstream_issue="https://github.com/o/short/pull/3"),
        TrackerRow(name="wide", since="3.0", upstream_issue="https://github.com/o/wide/pull/4"),
        TrackerRow(name="bare"),
        TrackerRow(name="esc|aped", since="2026.03.0", tested_in_ci=True),
        TrackerRow(name="no leading pipe", tested_in_ci=True),
    )


def test_counts_the_rows_it_leaves_out(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="bot.check.tracker"):
        parse_table(ODD)
    assert caplog.messages == ["tracking table: 2 of 10 rows left out"]


def test_finds_columns_by_their_names() -> None:
    moved = (
        "| First version with support | New column | PROJECT | Tested  in CI |\n|-|-|-|-|\n"
        "| 1.0 | ? | moved | :material-check-bold: |\n"
    )
    assert only(moved) == TrackerRow(name="moved", since="1.0", tested_in_ci=True)


def test_reads_all_tables_of_the_page_and_carriage_returns() -> None:
    text = HEADER + row("a") + "\n| Other | Table |\n|-|-|\n| x | y |\n\n" + HEADER + row("b")
    assert [r.name for r in parse_table(text.replace("\n", "\r\n"))] == ["a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no table",
        "| Project |\n|---|\n| alone |\n",
        "| Name | Version |\n|---|---|\n| a | 1 |\n",
        HEADER.splitlines()[0],
        HEADER.splitlines()[0] + "\n| not | a | delimiter |\n",
        "<!doctype html><title>Sign in</title>",
    ],
)
def test_a_text_without_the_table_is_an_error(text: str) -> None:
    with pytest.raises(UserError, match="no tracking table"):
        parse_table(text)


def test_an_empty_table_is_a_table() -> None:
    assert parse_table(HEADER) == ()


def test_a_page_that_is_too_large_is_an_error() -> None:
    with pytest.raises(UserError, match="too large"):
        parse_table(HEADER + " " * MAX_TEXT)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://github.com/a/b/issues/1#c", True),
        ("https://sourceforge.net/p/x/tickets/44/", True),
        ("http://github.com/a/b", False),
        ("javascript:alert(1)", False),
        ("//github.com/a", False),
        ("/project/x", False),
        ("https://user:secret@github.com/a", False),
        ("https://github.com:8443/a", False),
        ("https://127.0.0.1/a", False),
        ("https://[::1]/a", False),
        ("https://localhost/a", False),
        ("https://printer.local/a", False),
        ("https://githüb.com/a", False),
        ("https://github.com/a`b", False),
        ("https://github.com/" + "a" * 600, False),
    ],
)
def test_only_safe_links_are_kept(url: str, kept: bool) -> None:
    parsed = only(HEADER + row("a", f"[:simple-github:]({url})", "", "", "", "", f"[x]({url})"))
    assert parsed.upstream_issue == (url if kept else None)
    assert parsed.nightly_links == ((url,) if kept else ())


def test_parentheses_of_a_link_cannot_end_it() -> None:
    parsed = only(HEADER + row("a", '[wiki](https://example.org/a_(b) "a title")'))
    assert parsed.upstream_issue == "https://example.org/a_%28b%29"


def test_limits_hold() -> None:
    links = " ".join(f"[x](https://host.org/{n})" for n in range(50))
    references = "".join(f"[^{n}]" for n in range(50))
    notes = "".join(f"\n[^{n}]: {'word ' * 900}\n" for n in range(50))
    text = (
        HEADER
        + row("n" * (MAX_NAME + 1))
        + row("x" * 20_000)
        + row(f"a{references}", "", "", "", "1" * 5_000, "", links)
        + notes
    )
    parsed = only(text)
    assert parsed.name == "a"
    assert parsed.since is None
    assert len(parsed.nightly_links) == MAX_LINKS
    assert len(parsed.notes) == MAX_NOTES
    assert all(len(note) <= MAX_NOTE and note.endswith("…") for note in parsed.notes)


def test_rows_beyond_the_limit_are_left_out() -> None:
    assert len(parse_table(HEADER + row("a") * (MAX_ROWS + 5))) == MAX_ROWS


def test_texts_have_no_control_characters() -> None:
    parsed = only(HEADER + row("a\x00b\u202e[^1]", "") + "\n[^1]: c\x1b[31m\td\n")
    assert parsed.name == "a b"
    assert parsed.notes == ("c [31m d",)


def test_claims_go_to_projects_by_alias_or_by_name() -> None:
    rows = (
        TrackerRow(name="OpenCV", upstream_issue="https://github.com/o/cv/issues/1"),
        TrackerRow(name="PyTorch", since="2.6.0", tested_in_ci=True, notes=("A note.",)),
        TrackerRow(name="mamba", since="2.3.2"),
        TrackerRow(name="Ruamel.Yaml_clib"),
        TrackerRow(name="No Project (here)"),
        TrackerRow(name="torch", since="9.9"),
    )
    aliases = {"opencv": ("opencv-python", "opencv-x"), "pytorch": ("torch",), "Mamba": ()}
    cv = TrackerClaim(None, "https://github.com/o/cv/issues/1", False)
    assert claims_by_project(rows, aliases) == {
        "opencv-python": cv,
        "opencv-x": cv,
        "torch": TrackerClaim("2.6.0", None, True, ("A note.",)),
        "ruamel-yaml-clib": TrackerClaim(None, None, False),
    }


def test_written_tables_are_read_back() -> None:
    table = TrackerTable("somewhere", "0BSD", "2026-06-28", parse_table(ODD))
    assert read_table(write_table(table)) == table


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"rows": 1}', b"\xff", b"[" * 100_000, write_table.__name__.encode()],
)
def test_a_damaged_stored_table_is_an_error(body: bytes) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_table(body)


def test_the_shipped_table_says_where_it_comes_from_and_speaks_for_the_right_projects() -> None:
    table = read_table((ROOT / "data" / "tracker.json").read_bytes())
    assert "Quansight-Labs" in table.source
    assert table.licence == "MIT OR 0BSD"
    assert len(table.rows) == 149

    aliases = read_aliases((ROOT / "data" / "aliases.json").read_bytes())
    claims = claims_by_project(table.rows, aliases.tracker)
    assert claims["torch"].since == "2.6.0"
    assert claims["lxml"].since == "7.0.0"
    assert claims["numpy"].tested_in_ci
    assert claims["greenlet"].notes == (
        "It is fully supported on Python 3.15t and above, on 3.14t it may crash at runtime exit.",
    )
    on_the_index = "opencv-python av tables ujson connectorx nvidia-cutlass-dsl jaxlib mypy"
    assert claims.keys() >= set(on_the_index.split())
    only_like_names = (
        "pytorch mamba pixi spack swig conda pyo3 rust-numpy boost-python mypyc ultrajson bazel"
    )
    assert claims.keys().isdisjoint(only_like_names.split())


@needs_tracker
def test_agrees_with_the_reference_reading() -> None:
    """The reference keeps Markdown in notes and links that were cut; else it is the same."""
    rows = parse_table((TRACKER / "tracking.md").read_text(encoding="utf-8"))
    reference = json.loads((TRACKER / "tracking.json").read_text(encoding="utf-8"))["rows"]
    assert len(rows) == len(reference) == 149
    for parsed, expected in zip(rows, reference, strict=True):
        links = [link for link in expected["nightly_links"] if link.startswith("https:")]
        links_cut = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", note) for note in expected["notes"])
        assert parsed == TrackerRow(
            name=expected["project"],
            since=expected["first_version"],
            upstream_issue=expected["upstream_issue"],
            tested_in_ci=expected["tested_in_ci"],
            pypi_release=expected["pypi_release"],
            nightly_platforms=tuple(expected["nightly_platforms"]),
            nightly_links=tuple(links),
            notes=tuple(note.replace("`", "") for note in links_cut),
        )


@needs_tracker
def test_the_script_makes_the_shipped_table(tmp_path: Path) -> None:
    made = tmp_path / "tracker.json"
    script = ROOT / "scripts" / "derive_tracker.py"
    arguments = [str(TRACKER / "tracking.md"), "--date", "2026-06-28", "--output", str(made)]
    subprocess.run([sys.executable, script, *arguments], check=True, capture_output=True)
    assert made.read_bytes() == (ROOT / "data" / "tracker.json").read_bytes()


PIECES = st.sampled_from(
    [
        "|",
        "\n",
        "\\|",
        "[^1]",
        "[^1]: ",
        "[x](",
        ")",
        "https://a.org/",
        "`",
        "*",
        "    ",
        "\r",
        "[",
        "(",
        "1.0",
        "é",
        "\x00",
        "\u2028",
        ":material-check-bold:",
        ":simple-linux:",
    ]
)


@given(st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=5))).map("".join)))
def test_any_text_gives_rows_or_a_user_error(text: str) -> None:
    for candidate in (text, HEADER + text, text + HEADER + text):
        try:
            rows = parse_table(candidate)
        except UserError:
            continue
        for parsed in rows:
            assert parsed.name.isprintable()
            assert len(parsed.name) <= MAX_NAME
            assert all(url.startswith("https://") for url in parsed.nightly_links)
            assert "|" not in (parsed.upstream_issue or "")
        table = TrackerTable("", "", "", rows)
        assert read_table(write_table(table)) == table
        claims_by_project(rows, {})
