import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import data
from bot.check.model import TrackerClaim
from bot.reports.issue.destination import Address, address, repository
from bot.reports.issue.labels import labels
from bot.reports.model import Kind

HOME = "Community/Tracker"
ALLOWED = ("Lib/Allowed", "lib/other")
ISSUE = "https://github.com/up/stream/issues/7"
TRACKED = TrackerClaim("1.0", ISSUE, tested_in_ci=True)
NOT_TRACKED = TrackerClaim("1.0", None, tested_in_ci=True)


def found(
    *urls: str,
    project: str | None = "lib",
    kind: Kind = Kind.CRASH,
    tracker: TrackerClaim | None = None,
) -> Address:
    return address(project, kind, tracker=tracker, urls=urls, home=HOME, allowed=ALLOWED)


@pytest.mark.parametrize("kind", Kind)
def test_what_is_about_no_project_goes_home(kind: Kind) -> None:
    assert found(project=None, kind=kind) == Address(
        HOME, True, None, "It is about no one project of the index."
    )


def test_guides_are_the_communitys_whatever_project_they_name() -> None:
    where = found("https://github.com/lib/lib", kind=Kind.DOCS, tracker=TRACKED)
    assert (where.repository, where.may_file, where.issue) == (HOME, True, ISSUE)


@pytest.mark.parametrize(
    ("urls", "tracker", "expected", "named"),
    [
        (["https://github.com/lib/lib/issues"], None, "lib/lib", "metadata"),
        (["https://github.com/lib/lib"], TRACKED, "lib/lib", "metadata"),
        (["https://lib.org", "https://github.com/lib/lib"], TRACKED, "lib/lib", "metadata"),
        (["https://lib.org"], TRACKED, "up/stream", "table"),
        ([], TRACKED, "up/stream", "table"),
        (["https://github.com/lib"], TRACKED, "up/stream", "table"),
        (["https://bugs.lib.org", "https://github.com/lib/lib"], TRACKED, None, "bugs.lib.org"),
        (["https://gitlab.com/l/l/-/issues", "https://github.com/l/l"], None, None, "gitlab.com"),
        (["https://lib.org/issues/", "https://github.com/lib/lib"], None, None, "lib.org/issues/"),
        (["https://lib.org"], NOT_TRACKED, None, "https://lib.org"),
        (["https://github.com/../../settings"], None, None, "settings"),
    ],
)
def test_a_librarys_bug_goes_to_the_library(
    urls: list[str], tracker: TrackerClaim | None, expected: str | None, named: str
) -> None:
    where = found(*urls, tracker=tracker)
    assert where.repository == expected
    assert not where.may_file
    assert where.issue == (tracker.upstream_issue if tracker else None)
    assert named in where.why


def test_the_home_takes_what_nothing_is_known_of() -> None:
    where = found(tracker=NOT_TRACKED)
    assert (where.repository, where.may_file) == (HOME, True)
    assert "lib" in where.why


@pytest.mark.parametrize(
    ("url", "spelt"),
    [
        ("https://github.com/lib/allowed", "Lib/Allowed"),
        ("https://github.com/LIB/OTHER/issues", "lib/other"),
        ("https://github.com/community/tracker.git", HOME),
    ],
)
def test_ftbot_files_only_where_it_may(url: str, spelt: str) -> None:
    where = found(url)
    assert (where.repository, where.may_file) == (spelt, True)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/a/b", "a/b"),
        ("http://www.github.com/a/b/", "a/b"),
        ("HTTPS://GitHub.com/A/b.git", "A/b"),
        ("https://github.com/a/b/issues/new/choose?x=1#y", "a/b"),
        ("https://github.com//a/b", "a/b"),
        ("https://github.com/a/.github", "a/.github"),
        ("https://github.com/a", None),
        ("https://github.com/a/", None),
        ("https://github.com/a/..", None),
        ("https://github.com/a/.git", None),
        ("https://github.com/-a/b", None),
        ("https://github.com/a/b%2f..", None),
        ("https://github.com/a/b c", None),
        ("https://github.com/orgs/a/discussions", None),
        ("https://github.com/sponsors/a", None),
        ("https://gist.github.com/a/b", None),
        ("https://github.com.evil.org/a/b", None),
        ("https://github.com@evil.org/a/b", None),
        ("https://user@github.com/a/b", None),
        ("https://github.com:8080/a/b", None),
        ("https://gitlab.com/a/b", None),
        ("https://a.github.io/b", None),
        ("git@github.com:a/b.git", None),
        ("ssh://github.com/a/b", None),
        ("javascript://github.com/a/b", None),
        ("https://[", None),
        ("", None),
    ],
)
def test_repositories_are_read_off_addresses(url: str, expected: str | None) -> None:
    assert repository(url) == expected


@given(st.lists(st.text() | st.text("/.:-@ab").map("https://github.com/".__add__), max_size=4))
def test_any_addresses_give_a_repository_or_none(urls: list[str]) -> None:
    where = found(*urls)
    if where.repository is None:
        assert not where.may_file
    else:
        owner, name = where.repository.split("/")
        assert owner
        assert name.strip(".")
        assert where.may_file == (where.repository in (HOME, *ALLOWED))


def test_every_kind_has_labels_or_none_on_purpose() -> None:
    table = data.read_json("labels.json", dict[str, dict[str, tuple[str, ...]]])
    assert set().union(*table.values()) <= {*(kind.value for kind in Kind), "*"}
    assert all("*" in entry for entry in table.values())
    for kind in Kind:
        assert isinstance(labels("some/body", kind), tuple)
    assert labels("some/body", Kind.NOT_FREE_THREADING) == ()


def test_a_repository_has_labels_of_its_own() -> None:
    assert labels("Python/CPython", Kind.CRASH) == ("type-crash", "topic-free-threading")
    assert labels("some/body", Kind.CRASH) == ("bug", "free-threading")
    assert labels("python/cpython", Kind.NEEDS_INFO) == ("topic-free-threading",)


@pytest.mark.parametrize(
    ("available", "expected"),
    [
        (None, ("bug", "free-threading")),
        (frozenset({"Bug", "free-threading", "x"}), ("Bug", "free-threading")),
        (frozenset({"free-threading"}), ("free-threading",)),
        (frozenset[str](), ()),
    ],
)
def test_only_labels_that_the_repository_has(
    available: frozenset[str] | None, expected: tuple[str, ...]
) -> None:
    assert labels("some/body", Kind.CRASH, available) == expected
