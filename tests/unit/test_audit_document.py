"""An audit as programs read it, as Markdown, and as a terminal shows it."""

import json
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.audit.document import audit_document, audit_markdown, chain, escape, gil_notes
from bot.audit.model import Audit, Best, Class, Package, Problem, ReadySet
from bot.cli import audit_table
from bot.compat.model import Target, Verdict
from bot.xray.model import Gil, ModuleVerdict
from tests.ui.audits import declared

LINUX = Target("3.14t", "linux-x86_64")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def package(name: str, class_: Class, verdict: Verdict | None, **more: object) -> Package:
    found = Package(name, "1.0", False, (), (), verdict, class_)
    return replace(found, **more)  # type: ignore[arg-type]  # the tests' own values


BLOCKED = package(
    "orjson",
    Class.BLOCKED,
    Verdict.SDIST,
    version="3.13.0",
    required_by=("some-app",),
    path=("web", "some-app"),
    advice="It has to be compiled here: no release has a wheel.",
    upstream_issue="https://github.test/ijl/orjson/issues/1",
    reports=2,
)
UNKNOWN = package(
    "nunpy", Class.UNKNOWN, None, version=None, direct=True, advice="It is not on the index."
)
WORKS = package(
    "old",
    Class.WORKS,
    Verdict.SDIST,
    required_by=("web",),
    path=("web",),
    best=Best("2.0b1", Verdict.ABI3T, prerelease=True),
    advice="An abi3t wheel is in the pre-release 2.0b1.",
)
READY = tuple(
    package(f"ready-{number}", Class.READY, Verdict.PURE, direct=True) for number in range(3)
)
WHOLE = Audit(LINUX, "uv.lock", "uv.lock", True, (BLOCKED, UNKNOWN, WORKS, *READY))
ODD = replace(
    WHOLE,
    resolved=False,
    conflict="pip wants pup>2 and pap wants pup<1.",
    ready_set=ReadySet((("old", "2.0b1"), ("ready-1", "1.0")), found=True),
    problems=(Problem("uv.lock:3", "This cannot be read."),),
    stale=True,
    unanswered=1,
)


def test_the_document() -> None:
    document = audit_document(WHOLE)
    assert json.loads(json.dumps(document)) == document
    assert document["packages"][0] == {
        "project": "orjson",
        "version": "3.13.0",
        "direct": False,
        "required_by": ["some-app"],
        "path": ["web", "some-app"],
        "verdict": "sdist",
        "class": "blocked",
        "best": None,
        "advice": "It has to be compiled here: no release has a wheel.",
        "upstream_issue": "https://github.test/ijl/orjson/issues/1",
        "reports": 2,
        "gil": None,
    }
    assert document["packages"][1]["verdict"] is None
    assert document["packages"][2]["best"] == {
        "version": "2.0b1",
        "verdict": "abi3t",
        "prerelease": True,
    }
    del document["packages"]
    assert document == {
        "python": "3.14t",
        "platform": "linux-x86_64",
        "source": "uv.lock",
        "format": "uv.lock",
        "resolved": True,
        "conflict": None,
        "stale": False,
        "summary": {"ready": 3, "works": 1, "blocked": 1, "unknown": 1, "gil_reenabled": 0},
        "gil_unread": 0,
        "ready_set": None,
        "problems": [],
    }


def test_the_document_of_an_odd_one() -> None:
    document = audit_document(ODD)
    assert document["resolved"] is False
    assert document["conflict"] == ODD.conflict
    assert document["problems"] == [{"where": "uv.lock:3", "text": "This cannot be read."}]
    assert document["ready_set"] == {
        "found": True,
        "complete": True,
        "versions": {"old": "2.0b1", "ready-1": "1.0"},
    }


def test_in_a_pipe() -> None:
    assert (
        audit_table.text(ODD)
        == """\
uv.lock on 3.14t, linux-x86_64
✗ 1 blocked  ? 1 unknown  ~ 1 works  ✓ 3 ready
pip wants pup>2 and pap wants pup<1.
Everything is ready with other versions: old 2.0b1.
The index did not answer for 1 of them.
The index did not answer for some: they are as they were known before.

✗ blocked (1) in the way: no version of it is ready
  orjson 3.13.0  sdist  web → some-app  It has to be compiled here: no release has a wheel. \
2 problems reported. https://github.test/ijl/orjson/issues/1

? unknown (1) cannot be judged
  nunpy  -  direct  It is not on the index.

~ works (1) with a fallback, or with another version
  old 1.0  sdist  web  An abi3t wheel is in the pre-release 2.0b1.

✓ ready (3) nothing to do
  ready-0 1.0, ready-1 1.0, ready-2 1.0

! not judged (1)
  uv.lock:3: This cannot be read.
"""
    )


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_on_a_terminal(columns: int) -> None:
    shown = audit_table.text(ODD, columns=columns, colour=True)
    assert "\x1b[31m✗ 1 blocked\x1b[0m" in shown
    plain = ANSI.sub("", shown)
    assert all(len(line) <= columns for line in plain.splitlines())
    for word in ("orjson", "3.13.0", "sdist", "ready-2", "uv.lock:3"):
        assert word in plain


@pytest.mark.parametrize(("columns", "lines"), [(60, 4), (200, 2)])
def test_a_link_is_whole_on_a_terminal(columns: int, lines: int) -> None:
    shown = audit_table.text(replace(ODD, packages=(BLOCKED,)), columns=columns)
    told = shown.partition("is ready\n")[2].partition("\n\n")[0].splitlines()
    assert len(told) == lines
    assert told[0].split()[:3] == ["orjson", "3.13.0", "sdist"]
    assert told[-1].split() == [BLOCKED.upstream_issue]


def test_nothing_to_install() -> None:
    empty = replace(WHOLE, packages=())
    assert "nothing to install" in audit_table.text(empty)
    assert audit_table.text(replace(empty, source="-")).startswith("standard input on 3.14t")
    assert "| package |" not in audit_markdown(empty)


@pytest.mark.parametrize(
    ("ready", "said"),
    [
        (ReadySet(), "No set of versions that the file admits has everything ready."),
        (ReadySet(complete=False), "found within the limit"),
        (
            ReadySet(tuple((f"p{number}", "1") for number in range(12)), found=True),
            "p9 1 and 2 more.",
        ),
    ],
    ids=["none", "limit", "many"],
)
def test_a_set_that_is_ready(ready: ReadySet, said: str) -> None:
    assert said in audit_table.text(replace(WHOLE, ready_set=ready))


def test_who_pulls_it_in() -> None:
    assert chain(BLOCKED) == "web → some-app"
    assert chain(UNKNOWN) == "direct"
    assert chain(replace(BLOCKED, path=())) == "some-app"


def rows(markdown: str) -> list[list[str]]:
    """Return the cells of the rendered table's rows, without the header."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    cells: list[list[str]] = []
    for token, following in pairwise(tokens):
        if token.type == "tr_open":
            cells.append([])
        elif token.type == "td_open":
            cells[-1].append("".join(each.content for each in following.children or ()))
    return cells[1:]


def test_markdown() -> None:
    text = audit_markdown(ODD)
    found = rows(text)
    assert len(found) == len(ODD.packages)
    assert found[0][:5] == ["Blocked", "orjson", "3.13.0", "sdist", "web → some-app"]
    assert found[0][5].endswith("https://github.test/ijl/orjson/issues/1")
    assert "1 blocked, 1 unknown, 1 works, 3 ready." in text
    assert "This cannot be read." in text


ON = Gil(ModuleVerdict.RE_ENABLES, "", 11, ("demo._a", "demo._b", "demo._c", "demo._d"))
OFF = Gil(ModuleVerdict.KEEPS_OFF, "", 1)
DECLARED = declared(
    replace(WHOLE, packages=(UNKNOWN, WORKS, *READY)), {"old": ON, "ready-1": OFF}, 2
)
ODDLY = replace(OFF, verdict=ModuleVerdict.DELEGATED)


def test_what_wheels_declare() -> None:
    document = audit_document(DECLARED)
    assert document["summary"] == {
        "ready": 3, "works": 1, "blocked": 0, "unknown": 1, "gil_reenabled": 1,
    }  # fmt: skip
    assert document["gil_unread"] == 2
    found = {each["project"]: each["gil"] for each in document["packages"]}
    assert found.pop("old") == {
        "verdict": "re-enables",
        "wheel": "old-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl",
        "modules": 11,
        "re_enabling": ["demo._a", "demo._b", "demo._c", "demo._d"],
    }
    assert found.pop("ready-1")["verdict"] == "keeps-off"
    assert set(found.values()) == {None}


def test_what_wheels_declare_in_a_pipe() -> None:
    text = audit_table.text(DECLARED)
    assert text.partition("✓ 3 ready\n")[2].partition("\n\n? unknown")[0] == (
        "\n! installable, but the GIL comes back (1) their wheels turn it on\n"
        "  old 1.0  4 of 11 modules turn the GIL on: demo._a, demo._b, demo._c, …  web\n"
        "2 wheels are not read yet: whether they keep the GIL off is not known.\n"
        "A declaration is its author's word, not a proof of thread safety."
        " Which of the modules an import loads is another question."
    )
    assert "GIL" not in audit_table.text(WHOLE)


def test_what_wheels_declare_in_markdown() -> None:
    text = audit_markdown(DECLARED)
    assert "## Installable, but the GIL comes back: 1\n" in text
    assert "| old | 1.0 | 4 of 11 modules turn the GIL on: demo.\\_a, demo.\\_b," in text
    assert "\n2 wheels are not read yet:" in text
    assert text.count("author's word") == 1
    assert "GIL" not in audit_markdown(WHOLE)


@pytest.mark.parametrize(
    ("unread", "gils", "said"),
    [
        (0, {"old": ON}, []),
        (0, {"old": OFF}, ["The 1 wheel that was read does not turn the GIL on."]),
        (1, {}, ["1 wheel is not read yet: whether it keeps the GIL off is not known."]),
        (
            0,
            {"old": ON, "ready-1": ODDLY},
            ["1 wheel does not show whether it keeps the GIL off: neither a pass nor a failure."],
        ),
        (
            3,
            {"old": OFF, "ready-1": ODDLY},
            [
                "None of the 2 wheels that were read turns the GIL on.",
                "1 wheel does not show whether it keeps the GIL off: neither a pass nor a failure.",
                "3 wheels are not read yet: whether they keep the GIL off is not known.",
            ],
        ),
    ],
    ids=["on", "off", "unread", "undecided", "all"],
)
def test_what_is_said_of_wheels(unread: int, gils: dict[str, Gil], said: list[str]) -> None:
    assert list(gil_notes(declared(WHOLE, gils, unread))) == said


HOSTILE = (
    "a|b](http://x.test)<b>@everyone\n# `c` ![x](y) *d* \x1b[31m\u202e https://x.test www.x.test"
)


def test_foreign_text_stays_text() -> None:
    bad = replace(
        BLOCKED,
        project=HOSTILE,
        version=HOSTILE,
        advice=HOSTILE,
        path=(HOSTILE,),
        upstream_issue="https://x.test/|<b>",
    )
    audit = replace(ODD, source=HOSTILE, packages=(bad,), conflict=HOSTILE)
    audit = replace(audit, problems=(Problem(HOSTILE, HOSTILE),))
    (row,) = rows(audit_markdown(audit))
    assert len(row) == 6
    assert row[1].startswith("a|b](http://x.test)<b>@everyone # `c`")
    html = MarkdownIt("commonmark").enable("table").render(audit_markdown(audit))
    assert not re.search(r"<(?:b|a|img|em|code)\b", html)
    for text in (audit_markdown(audit), audit_table.text(audit)):
        assert "\x1b" not in text
        assert "\u202e" not in text


@given(st.text(max_size=600))
def test_any_text_in_a_cell_is_one_cell(text: str) -> None:
    (row,) = rows(audit_markdown(replace(WHOLE, packages=(replace(UNKNOWN, advice=text),))))
    assert len(row) == 6
    assert "\n" not in escape(text)
