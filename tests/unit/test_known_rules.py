"""What an issue is recognised by. All issues here are made up."""

from datetime import UTC, datetime

import pytest

from bot import data
from bot.github.model import RemoteIssue
from bot.index.aliases import read_aliases
from bot.index.names import NameTable
from bot.reports.known.rules import at_home, project_of, recognised
from bot.reports.model import Fact, Facts, Kind, Reading
from bot.reports.reading.names import IndexNames

LISTED = ["cpython", "lathe", "numpy", "opencv-python", "pillow", "torch", "widget"]
POPULAR = ["numpy", "pillow", "torch"]
NAMES = IndexNames(
    NameTable(b"".join(f"{name}\n".encode() for name in LISTED), POPULAR),
    read_aliases(data.read("aliases.json")),
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


def test_an_issue_keeps_its_place() -> None:
    moment = datetime(2026, 6, 1, tzinfo=UTC)
    issue = RemoteIssue(
        repository="acme/widget",
        number=7,
        id=70,
        url="https://github.com/Acme/Widget/issues/7",
        title="Gadget.turn hangs",
        body="See Acme/Lathe#3.",
        state="closed",
        reason="completed",
        labels=(),
        author="mona",
        created=moment,
        updated=moment,
    )
    known = recognised(issue, NAMES)
    assert (known.key, known.url, known.state) == ("issue:acme/widget#7", issue.url, "closed")
    assert known.reference == "acme/widget#7"
    assert known.project == "widget"
    assert "acme/lathe#3" in known.words
    assert "Gadget.turn" in known.subject
