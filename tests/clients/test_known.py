"""Keeping up with issues, against the stand-in of GitHub."""

import importlib.util
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bot import data
from bot.db import Database
from bot.github.auth import App
from bot.github.client import GitHub
from bot.github.errors import GitHubError, Limited, Missing, Removed, Unreachable
from bot.http import http_client
from bot.index.aliases import read_aliases
from bot.index.names import NameTable
from bot.reports.known.service import FRESH, KnownIssues
from bot.reports.known.store import KnownStore
from bot.reports.reading.names import IndexNames
from tests.clock import Clock
from tests.conftest import SHARED

HOME = "acme/widget"
NAMES = IndexNames(NameTable(b"widget\n", ["widget"]), read_aliases(data.read("aliases.json")))

Server: TypeAlias = Any
"""The stand-in's module is loaded by path, so it comes without types."""


@dataclass
class Parts:
    server: Server
    repo: Server
    clock: Clock
    issues: KnownIssues

    async def titles(self, repository: str = HOME, *, later: float = FRESH) -> list[str]:
        """Give the titles of what is known of a repository after so many seconds."""
        self.clock.now += later
        return [each.title for each in await self.issues.about(repository, patience=30)]

    def lists(self) -> list[Any]:
        return [each for each in self.server.requests if each["path"].endswith("/issues")]


@cache
def app() -> App:
    """Credentials of a GitHub App; the stand-in takes any."""
    return App("1204733", rsa.generate_private_key(public_exponent=65537, key_size=2048))


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    path = SHARED / "tools/github_loopback.py"
    if not path.exists():
        pytest.skip(f"the stand-in of GitHub is not at {path}")
    spec = importlib.util.spec_from_file_location("github_loopback", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["github_loopback"] = module
    spec.loader.exec_module(module)
    clock = Clock(1_780_000_000.0)
    server = module.LoopbackGitHub(clock=clock)
    await server.start()
    try:
        async with (
            Database.open(tmp_path / "ftbot.sqlite3") as database,
            http_client(server.url) as http,
        ):
            issues = KnownIssues(
                KnownStore(database),
                GitHub(http, app(), clock=clock),
                NAMES,
                repositories=[HOME],
                marker_key=b"made up for tests",
                clock=clock,
            )
            yield Parts(server, server.repo(HOME), clock, issues)
            await issues.close()
    finally:
        await server.stop()


async def test_all_pages_are_read_and_pull_requests_left_out(parts: Parts) -> None:
    for number in range(1, 131):
        parts.repo.open("mona", f"Trouble {number}", "It hangs.")
    parts.repo.issues[130]["pull_request"] = {"url": "made up"}
    assert len(await parts.titles()) == 129
    assert len(parts.lists()) == 2


async def test_changes_are_followed_by_conditional_requests(parts: Parts) -> None:
    parts.repo.open("mona", "First")
    assert await parts.titles() == ["First"]
    parts.clock.now += 1
    parts.repo.open("mona", "Second")
    assert await parts.titles() == ["Second", "First"]
    await parts.titles()
    before = len(parts.lists())
    await parts.titles()
    (last,) = parts.lists()[before:]
    assert last["status"] == 304
    parts.repo.close(1)
    parts.clock.now += 1
    parts.repo.update(1, title="First, closed")
    assert await parts.titles() == ["First, closed", "Second"]


async def test_a_repository_without_issues_yet_is_asked_again(parts: Parts) -> None:
    assert await parts.titles() == []
    parts.repo.open("mona", "First")
    assert await parts.titles() == ["First"]


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ({"status": 502}, Unreachable),
        ({"drop": "before"}, Unreachable),
        ({"status": 200, "body": "<html>"}, Unreachable),
        ({"status": 404}, Missing),
        ({"status": 410}, Removed),
    ],
)
async def test_faults_leave_what_is_kept(
    parts: Parts, fault: dict[str, Any], failure: type[GitHubError]
) -> None:
    parts.repo.open("mona", "First")
    assert await parts.titles() == ["First"]
    parts.server.faults.append({**fault, "times": 9})
    assert await parts.titles() == ["First"]
    with pytest.raises(failure):
        await parts.issues.refresh()


async def test_under_a_limit_nothing_more_is_sent(parts: Parts) -> None:
    parts.repo.open("mona", "First")
    await parts.titles()
    parts.server.secondary_limit(retry_after=3_600)
    with pytest.raises(Limited):
        await parts.issues.refresh()
    sent = len(parts.server.requests)
    assert await parts.titles() == ["First"]
    with pytest.raises(Limited):
        await parts.issues.refresh()
    assert len(parts.server.requests) == sent


async def test_a_repository_that_is_not_there_is_empty(parts: Parts) -> None:
    assert await parts.titles("acme/gone") == []
    assert await parts.titles("no repository at all") == []


async def test_a_renamed_repository_is_followed(parts: Parts) -> None:
    parts.server.repo("acme/renamed").open("mona", "First")
    there = f"{parts.server.url}/repos/acme/renamed/issues?state=all"
    parts.server.faults.append(
        {
            "status": 301,
            "headers": {"Location": there},
            "path_re": "^/repos/acme/old/issues",
            "times": 99,
        }
    )
    parts.server.repo("acme/old")
    assert await parts.titles("acme/old") == ["First"]
    (known,) = await parts.issues.about("acme/old", patience=0)
    assert known.key == "issue:acme/renamed#1"
