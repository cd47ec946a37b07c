"""Keeping up with issues, against a GitHub made up here."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import data
from bot.db import Database
from bot.github.errors import GitHubError, Limited, Missing, Removed, Unreachable
from bot.github.model import IssuePage, RemoteIssue
from bot.http import NotModified
from bot.index.aliases import read_aliases
from bot.index.names import NameTable
from bot.reports.issue.marker import sign
from bot.reports.known.service import FRESH, KEPT, REST, KnownIssues
from bot.reports.known.store import KnownStore
from bot.reports.likeness.rules import likely
from bot.reports.model import Kind
from bot.reports.reading.names import IndexNames
from tests.clock import Clock

MOMENT = datetime(2026, 6, 1, tzinfo=UTC)
HOME, OTHER = "acme/widget", "acme/gadget"
KEY = b"made up for tests"


NAMES = IndexNames(NameTable(b"widget\n", ["widget"]), read_aliases(data.read("aliases.json")))


def issue(number: int, *, day: int = 0, title: str = "", body: str = "") -> RemoteIssue:
    return RemoteIssue(
        repository=HOME,
        number=number,
        id=number,
        url=f"https://github.com/{HOME}/issues/{number}",
        title=title or f"Trouble {number}",
        body=body,
        state="open",
        reason=None,
        labels=(),
        author="mona",
        created=MOMENT,
        updated=MOMENT + timedelta(days=day),
    )


@dataclass
class FakeGitHub:
    """Lists `issues` newest first and notes the questions. `gate` holds answers back."""

    found: list[RemoteIssue] = field(default_factory=list)
    older: list[RemoteIssue] = field(default_factory=list)
    failure: GitHubError | None = None
    search_failure: GitHubError | None = None
    gate: asyncio.Event | None = None
    asked: list[tuple[str, datetime | None, str | None]] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)

    async def issues(
        self,
        repository: str,
        *,
        since: datetime | None = None,
        etag: str | None = None,
        pages: int = 1,
    ) -> IssuePage | NotModified:
        assert pages > 1
        self.asked.append((repository, since, etag))
        if self.gate:
            await self.gate.wait()
        if self.failure:
            raise self.failure
        found = [each for each in self.found if since is None or each.updated >= since]
        found.sort(key=lambda each: each.updated, reverse=True)
        tag = f'"{hash((since, *found))}"'
        return NotModified() if tag == etag else IssuePage(tuple(found), tag, bool(self.older))

    async def search_issues(
        self, repository: str, words: str, limit: int = 20
    ) -> tuple[RemoteIssue, ...]:
        self.searched.append(f"{repository}: {words}")
        if self.search_failure:
            raise self.search_failure
        return tuple(self.older[:limit])


@dataclass
class Parts:
    github: FakeGitHub
    clock: Clock
    store: KnownStore
    issues: KnownIssues

    async def numbers(self, repository: str = HOME) -> set[int]:
        return {int(each.key.rpartition("#")[2]) for each in await self.store.of(repository)}


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as database:
        github, clock, store = FakeGitHub(), Clock(1_000_000.0), KnownStore(database)
        issues = KnownIssues(store, github, NAMES, repositories=[HOME], marker_key=KEY, clock=clock)
        yield Parts(github, clock, store, issues)
        await issues.close()


async def test_what_is_listed_is_known(parts: Parts) -> None:
    parts.github.found = [issue(1), replace(issue(2), state="closed")]
    await parts.issues.refresh()
    assert parts.github.asked == [(HOME, None, None)]
    assert parts.github.searched == []
    first, second = sorted(await parts.issues.all(None, None), key=lambda each: each.key)
    assert (first.key, first.title, first.state) == (f"issue:{HOME}#1", "Trouble 1", "open")
    assert second.url == f"https://github.com/{HOME}/issues/2"
    assert second.state == "closed"


async def test_then_it_asks_for_what_is_newer_and_at_last_whether_anything_is(parts: Parts) -> None:
    parts.github.found = [issue(1, day=1)]
    for _ in range(3):
        await parts.issues.refresh()
    (_, first, _), (_, second, none), (_, third, tag) = parts.github.asked
    assert (first, second, none, third) == (None, MOMENT + timedelta(days=1), None, second)
    assert tag
    parts.github.found.append(issue(2, day=2))
    await parts.issues.refresh()
    assert await parts.numbers() == {1, 2}


async def test_an_issue_that_changes_is_read_again(parts: Parts) -> None:
    parts.github.found = [issue(1)]
    await parts.issues.refresh()
    parts.github.found = [replace(issue(1, day=1, title="New words"), state="closed")]
    await parts.issues.refresh()
    (known,) = await parts.issues.about(HOME, patience=0)
    assert (known.title, known.state) == ("New words", "closed")


async def test_what_is_too_old_for_the_list_is_searched(parts: Parts) -> None:
    parts.github.found, parts.github.older = [issue(9)], [issue(1, day=-900)]
    await parts.issues.refresh()
    assert parts.github.searched == [f"{HOME}: free-threading"]
    assert await parts.numbers() == {1, 9}


async def test_a_failed_search_costs_only_what_it_would_find(parts: Parts) -> None:
    parts.github.found, parts.github.older = [issue(9)], [issue(1)]
    parts.github.search_failure = Unreachable("The search is down.")
    await parts.issues.refresh()
    assert await parts.numbers() == {9}


async def test_issues_that_ftbot_filed_are_left_out(parts: Parts) -> None:
    ours, forged = sign("uid-1", KEY), sign("uid-2", b"another key")
    parts.github.found = [issue(1, body=f"Text\n{ours}"), issue(2, body=forged), issue(3)]
    await parts.issues.refresh()
    assert await parts.numbers() == {2, 3}
    parts.github.found = [issue(3, day=1, body=ours)]  # the reporter of a crash pastes it whole
    await parts.issues.refresh()
    assert await parts.numbers() == {2}


@pytest.mark.parametrize(
    "failure",
    [
        Unreachable("GitHub answered with status 502."),
        Limited(1_000_600.0, 1_000_000.0),
        Missing("GitHub has no such thing."),
        Removed("Issues are disabled."),
    ],
)
async def test_with_github_in_trouble_what_is_kept_serves(
    parts: Parts, failure: GitHubError
) -> None:
    parts.github.found = [issue(1)]
    await parts.issues.refresh()
    parts.github.failure = failure
    parts.clock.now += FRESH
    assert [each.key for each in await parts.issues.about(HOME, patience=5)] == [f"issue:{HOME}#1"]
    mirror = await parts.store.mirror(HOME)
    assert (mirror.problem, mirror.since) == (failure.text, MOMENT)
    assert await parts.issues.about(OTHER, patience=5) == []


async def test_the_job_tells_of_a_failure_after_all_repositories_had_their_turn(
    parts: Parts,
) -> None:
    issues = KnownIssues(
        parts.store, parts.github, NAMES, repositories=[OTHER, HOME], marker_key=KEY
    )
    parts.github.failure = Missing("GitHub has no such thing.")
    with pytest.raises(Missing):
        await issues.refresh()
    assert [repository for repository, *_ in parts.github.asked] == [OTHER, HOME]


async def test_one_that_is_fresh_is_not_asked_for(parts: Parts) -> None:
    parts.github.found = [issue(1)]
    for seconds in (0.0, FRESH - 1, 1.0):
        parts.clock.now += seconds
        assert len(await parts.issues.about(HOME, patience=5)) == 1
    assert len(parts.github.asked) == 2


async def test_one_that_cannot_be_read_rests_longer(parts: Parts) -> None:
    parts.github.failure = Missing("GitHub has no such thing.")
    for seconds in (0.0, FRESH, REST - FRESH - 1, 1.0):
        parts.clock.now += seconds
        assert await parts.issues.about(HOME, patience=5) == []
    assert len(parts.github.asked) == 2
    parts.github.failure, parts.github.found = None, [issue(1)]
    parts.clock.now += REST
    assert len(await parts.issues.about(HOME, patience=5)) == 1
    assert (await parts.store.mirror(HOME)).problem is None


async def test_a_clock_that_was_set_back_makes_nothing_fresh_for_years(parts: Parts) -> None:
    await parts.issues.about(HOME, patience=5)
    parts.clock.now -= 1e6
    await parts.issues.about(HOME, patience=5)
    assert len(parts.github.asked) == 2


async def test_patience_ends_and_the_update_goes_on(parts: Parts) -> None:
    parts.github.found, parts.github.gate = [issue(1)], asyncio.Event()
    assert await parts.issues.about(HOME, patience=0) == []
    waiting = asyncio.create_task(parts.issues.about(HOME, patience=60))
    parts.github.gate.set()
    assert len(await waiting) == 1
    assert len(parts.github.asked) == 1


async def test_closing_ends_an_update(parts: Parts) -> None:
    parts.github.gate = asyncio.Event()
    assert await parts.issues.about(HOME, patience=0) == []
    await asyncio.sleep(0)
    await parts.issues.close()
    assert (await parts.store.mirror(HOME)).looked == 0


async def test_repositories_nobody_asks_for_are_dropped(parts: Parts) -> None:
    parts.github.found = [issue(1)]
    await parts.issues.about(OTHER, patience=5)
    parts.clock.now += KEPT + 1
    await parts.issues.refresh()
    assert await parts.numbers(OTHER) == set()
    assert await parts.numbers(HOME) == {1}


async def test_project_and_kind_narrow_what_is_compared(parts: Parts) -> None:
    parts.github.found = [issue(1)]
    await parts.issues.refresh()
    (known,) = await parts.issues.all(None, None)
    assert await parts.issues.all("widget", known.kind) == [known]
    assert await parts.issues.all("lathe", known.kind) == []
    expected = [known] if known.kind in {Kind.NEEDS_INFO, Kind.DOCS} else []
    assert await parts.issues.all(None, Kind.DOCS) == expected


async def test_hostile_issues_are_kept_like_others(parts: Parts) -> None:
    texts = ["\0\ud7ff\u202e", "@everyone " * 5_000, "`" * 60_000, "a.b" * 20_000]
    parts.github.found = [issue(n, title=text[:256], body=text) for n, text in enumerate(texts, 1)]
    await parts.issues.refresh()
    assert await parts.numbers() == {1, 2, 3, 4}
    for each in await parts.issues.all(None, None):
        likely(each, await parts.issues.all(None, None))
