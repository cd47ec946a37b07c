"""What an issue is recognised by. All issues here are made up."""

import json
from datetime import UTC, datetime

import pytest

from bot import data
from bot.github.model import RemoteIssue
from bot.index.aliases import read_aliases
from bot.index.names import NameTable, shipped_names
from bot.reports.known.rules import at_home, project_of, recognised
from bot.reports.likeness.rules import SURE, likely
from bot.reports.model import Fact, Facts, Kind, Reading
from bot.reports.reading.names import IndexNames
from tests.conftest import SHARED

LABELLED = SHARED / "data/reports/labelled.jsonl"
ALIASES = read_aliases(data.read("aliases.json"))
LISTED = ["cpython", "lathe", "numpy", "opencv-python", "pillow", "torch", "widget"]
POPULAR = ["numpy", "pillow", "torch"]
NAMES = IndexNames(
    NameTable(b"".join(f"{name}\n".encode() for name in LISTED), POPULAR),
    ALIASES,
)


@pytest.mark.parametrize(
    ("repository", "project"),
    [
        ("numpy/numpy", "numpy"),
        ("python-pillow/Pillow", "pillow"),
        ("acme/Widget", "widget"),
        ("pytorch/pytorch", "torch"),
        ("acme/nothing", None),
        ("python/cpython", None),
        ("", None),
        ("a/" + "b" * 500, None),
    ],
)
def test_projects_by_their_repository(repository: str, project: str | None) -> None:
    assert project_of(repository, NAMES) == project


@pytest.mark.parametrize(
    ("named", "repository", "project"),
    [
        (None, "acme/widget", "widget"),
        ("lathe", "acme/widget", "lathe"),  # nobody knows widget: the text does
        ("lathe", "numpy/numpy", "numpy"),
        (None, "acme/nothing", None),
        ("lathe", "acme/nothing", "lathe"),
        ("lathe", "python/cpython", "lathe"),
    ],
)
def test_an_issue_is_on_its_own_project(
    named: str | None, repository: str, project: str | None
) -> None:
    facts = Facts(project=Fact(named, named) if named else None)
    found = at_home(Reading(Kind.CRASH, 1.0, facts), repository, NAMES).facts.project
    assert (found.value if found else None) == project


def issue(
    repository: str, number: int, title: str, body: str, *, url: str = "", state: str = "open"
) -> RemoteIssue:
    moment = datetime(2026, 6, 1, tzinfo=UTC)
    return RemoteIssue(
        repository=repository,
        number=number,
        id=number,
        url=url or f"https://github.com/{repository}/issues/{number}",
        title=title,
        body=body,
        state=state,
        reason=None,
        labels=(),
        author="mona",
        created=moment,
        updated=moment,
    )


def test_an_issue_keeps_its_place() -> None:
    closed = issue("acme/widget", 7, "Gadget.turn hangs", "See Acme/Lathe#3.", state="closed")
    known = recognised(closed, NAMES)
    assert (known.key, known.url, known.state) == ("issue:acme/widget#7", closed.url, "closed")
    assert known.reference == "acme/widget#7"
    assert known.project == "widget"
    assert "acme/lathe#3" in known.words
    assert "Gadget.turn" in known.subject


def test_labelled_duplicates_are_found_among_issues() -> None:
    """Everything as ftbot reads it itself, from issues that stand in their repositories."""
    if not LABELLED.exists():
        pytest.skip(f"the labelled reports are not at {LABELLED}")
    rows = [json.loads(line) for line in LABELLED.read_text(encoding="utf-8").splitlines()]
    names = IndexNames(shipped_names(), ALIASES)
    issues = {
        row["id"]: recognised(
            issue(row["repo"], row["id"], row["title"], row["text"], url=row["url"]), names
        )
        for row in rows
    }
    pairs = {
        frozenset((issues[row["id"]].key, issues[row["duplicate_of"]].key))
        for row in rows
        if row["duplicate_of"]
    }
    linked = set()
    for place, new in enumerate(issues.values()):
        for best in likely(new, list(issues.values())[:place], 1):
            if best.score >= SURE:
                linked.add(frozenset((new.key, best.key)))
    assert len(linked & pairs) >= len(pairs) * 2 / 3
    assert len(linked - pairs) <= len(rows) / 100
