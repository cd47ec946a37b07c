"""Filing to a GitHub on loopback through the real client: once, whatever goes wrong."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.reports.model import State
from tests.e2e.filing_parts import HOME, LOGIN, Clock, Parts, github, parts
from tests.e2e.github_loopback import Loopback, app, module

OTHER = "library/project"
POST = {"method": "POST", "path_re": r"/issues$"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def gh(clock: Clock) -> AsyncIterator[Loopback]:
    async with github(clock) as server:
        yield server


@pytest.fixture
async def bot(
    tmp_path: Path,
    gh: Loopback,
    clock: Clock,
    no_pauses: None,  # noqa: ARG001 - a setting
) -> AsyncIterator[Parts]:
    async with parts(tmp_path, gh.url, clock=clock, credentials=app()) as put_together:
        yield put_together


def posts(gh: Loopback) -> int:
    return sum(
        each["method"] == "POST" and each["path"].endswith("/issues") for each in gh.requests
    )


async def later(bot: Parts, clock: Clock, seconds: float = 0.0) -> None:
    """File what is due after some time."""
    clock.skipped += seconds
    await bot.filing.file()


async def test_a_report_becomes_an_issue_and_its_reporter_hears_of_it(
    bot: Parts, gh: Loopback
) -> None:
    report = await bot.enqueue("u-1", labels=("free-threading", "bug"))
    await bot.filing.file()
    (issue,) = gh.issues(HOME)
    assert issue["user"]["login"] == LOGIN
    assert [label["name"] for label in issue["labels"]] == ["free-threading", "bug"]
    found = await bot.get(report)
    assert found.state is State.FILED
    assert found.problem is None
    assert found.issue is not None
    assert (found.issue.repository, found.issue.number) == (HOME, 1)
    assert found.issue.url == issue["html_url"]
    assert found.steps[-1].actor.name == "ftbot"
    assert await bot.told(report) == [("filed", "")]
    assert bot.filing.backlog.waiting == 0


@pytest.mark.parametrize(
    "fault",
    [
        {"drop": "after"},
        {"drop": "before"},
        {"status": 502, "effect": True},
        {"status": 500},
        {"status": 201, "body": "<html>not JSON</html>", "effect": True},
    ],
    ids=lambda fault: " ".join(f"{key}={value}" for key, value in fault.items()),
)
async def test_a_cut_connection_never_makes_two_issues(
    bot: Parts, gh: Loopback, clock: Clock, fault: dict[str, Any]
) -> None:
    report = await bot.enqueue("u-1")
    gh.faults.append({**POST, **fault})
    await bot.filing.file()
    effect = fault.get("drop") == "after" or fault.get("effect", False)
    assert len(gh.issues(HOME)) == effect
    if not effect:
        assert (await bot.get(report)).state is State.FILING
        await later(bot, clock, 30)
        assert posts(gh) == 1  # the POST may still be on its way
        await later(bot, clock, 31)
    assert len(gh.issues(HOME)) == 1
    assert posts(gh) == (1 if effect else 2)
    assert (await bot.get(report)).state is State.FILED
    assert await bot.told(report) == [("filed", "")]


async def test_github_is_down_for_a_day(bot: Parts, gh: Loopback, clock: Clock) -> None:
    reports = [await bot.enqueue(f"u-{number}") for number in range(3)]
    gh.faults.append({"status": 503, "times": 10**6})
    for _ in range(24 * 6):
        await later(bot, clock, 600)
    asked = len(gh.requests)
    await bot.filing.file()
    assert len(gh.requests) == asked  # it waits
    revisions = []
    for report in reports:
        found = await bot.get(report)
        assert found.state is State.FILING
        assert found.problem is not None
        assert found.problem.startswith("Filing waits: GitHub does not answer.")
        revisions.append(found.revision)
    assert max(revisions) <= 4  # so the card was edited once, not at each try
    gh.faults.clear()
    await later(bot, clock, 600)
    assert len(gh.issues(HOME)) == 3
    assert {(await bot.get(report)).state for report in reports} == {State.FILED}
    assert {(await bot.get(report)).problem for report in reports} == {None}


@pytest.mark.parametrize(
    ("status", "message", "word"),
    [
        (403, "Resource not accessible by integration", "the permission Issues: write"),
        (404, "Not Found", "check its name"),
        (410, "Issues are disabled for this repo", "turn them on"),
        (422, "Validation Failed", "hand the report over"),
    ],
)
async def test_a_refusal_gives_the_report_back_to_its_triagers(
    bot: Parts, gh: Loopback, status: int, message: str, word: str
) -> None:
    report = await bot.enqueue("u-1")
    gh.faults.append({**POST, "status": status, "body": {"message": message}})
    await bot.filing.file()
    found = await bot.get(report)
    assert found.state is State.OPEN
    assert word in found.steps[-1].note
    assert found.problem == found.steps[-1].note
    assert await bot.told(report) == []
    await bot.refile(report, "u-1")
    await bot.filing.file()
    assert posts(gh) == 2
    assert (await bot.get(report)).state is State.FILED
    assert (await bot.get(report)).problem is None


@pytest.mark.parametrize("what", ["installed", "permission", "issues", "repository"])
async def test_what_ftbot_may_do_is_asked_before_the_first_issue(
    bot: Parts, gh: Loopback, what: str
) -> None:
    repo = gh.repo(OTHER)
    match what:
        case "installed":
            repo.installed = False
        case "permission":
            gh.permissions["issues"] = "read"
        case "issues":
            repo.has_issues = False
            gh.faults.append({"method": "GET", "path_re": r"/issues$", "status": 410})
        case "repository":
            del gh.repos[OTHER]
    report = await bot.enqueue("u-1", OTHER)
    await bot.filing.file()
    found = await bot.get(report)
    assert posts(gh) == 0
    assert found.state is State.OPEN
    assert OTHER in found.steps[-1].note
    assert len(found.steps[-1].note) < 250


async def test_wrong_credentials_wait_for_the_operator(
    bot: Parts, gh: Loopback, clock: Clock
) -> None:
    report = await bot.enqueue("u-1")
    gh.faults.append({"status": 401, "body": {"message": "Bad credentials"}, "times": 10**6})
    await bot.filing.file()
    found = await bot.get(report)
    assert found.state is State.FILING
    assert found.problem is not None
    assert "Check FTBOT_GITHUB_TOKEN" in found.problem
    gh.faults.clear()
    await later(bot, clock, 600)
    assert (await bot.get(report)).state is State.FILED


async def test_a_revoked_token_is_bought_anew(bot: Parts, gh: Loopback) -> None:
    await bot.enqueue("u-1")
    await bot.filing.file()
    gh.tokens.clear()
    report = await bot.enqueue("u-2")
    await bot.filing.file()
    assert (await bot.get(report)).state is State.FILED
    assert len(gh.issues(HOME)) == 2


@pytest.mark.parametrize("limit", ["primary_limit", "secondary_limit"])
async def test_limits_are_waited_for(bot: Parts, gh: Loopback, clock: Clock, limit: str) -> None:
    report = await bot.enqueue("u-1")
    getattr(gh, limit)(600, **POST)
    await bot.filing.file()
    asked = len(gh.requests)
    await later(bot, clock, 590)
    assert len(gh.requests) == asked
    found = await bot.get(report)
    assert found.problem == "Filing waits: GitHub's limit is reached. ftbot goes on by itself."
    await later(bot, clock, 12)
    assert posts(gh) == 2
    assert (await bot.get(report)).state is State.FILED


async def test_labels_that_are_missing_are_told(bot: Parts, gh: Loopback) -> None:
    report = await bot.enqueue("u-1", labels=("Bug", "crash"))
    await bot.filing.file()
    (issue,) = gh.issues(HOME)
    assert [label["name"] for label in issue["labels"]] == ["bug"]
    found = await bot.get(report)
    assert found.problem == f"{HOME} has no label crash: create it there, or label by hand."


async def test_labels_that_github_drops_are_told(
    bot: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module().Call, "_may_push", lambda _: False)
    report = await bot.enqueue("u-1", labels=("bug",))
    await bot.filing.file()
    found = await bot.get(report)
    assert found.state is State.FILED
    assert found.problem is not None
    assert found.problem.startswith("GitHub left out the label bug: give ftbot the permission")


async def test_without_credentials_filing_waits(tmp_path: Path, gh: Loopback, clock: Clock) -> None:
    async with parts(tmp_path, gh.url, clock=clock, credentials=None) as bot:
        report = await bot.enqueue("u-1")
        await bot.filing.file()
        found = await bot.get(report)
        assert found.state is State.FILING
        assert found.problem is not None
        assert "FTBOT_GITHUB_TOKEN" in found.problem
        assert gh.requests == []


async def test_where_ftbot_may_not_look_a_filing_stays_open_for_triagers_to_see(
    bot: Parts, gh: Loopback, clock: Clock
) -> None:
    report = await bot.enqueue("u-1")
    gh.faults.append({**POST, "drop": "after"})
    gh.faults.append(
        {"method": "GET", "path_re": r"/issues$", "status": 403, "body": {"message": "No"}}
    )
    # The first GET of issues is that of what ftbot may do, before the POST.
    gh.faults.insert(0, {"method": "GET", "path_re": r"/issues$"})
    await bot.filing.file()
    found = await bot.get(report)
    assert found.state is State.FILING
    assert found.problem is not None
    assert "may not look" in found.problem
    await later(bot, clock, 301)
    assert (await bot.get(report)).state is State.FILED
    assert posts(gh) == 1


async def test_a_deleted_issue_is_not_filed_again(bot: Parts, gh: Loopback, clock: Clock) -> None:
    report = await bot.enqueue("u-1")
    await bot.filing.file()
    gh.repo(HOME).delete(1)
    await later(bot, clock, 10**6)
    assert gh.issues(HOME) == []
    assert posts(gh) == 1
    assert (await bot.get(report)).state is State.FILED


async def test_a_renamed_repository_is_followed(bot: Parts, gh: Loopback) -> None:
    """As GitHub does, the loopback answers for the old name with a redirect."""
    repo = gh.repo(HOME)
    moved = {"message": "Moved Permanently", "url": f"{gh.url}/repositories/{repo.id}/issues"}
    report = await bot.enqueue("u-1")
    gh.faults.append({**POST, "status": 307, "body": moved, "headers": {"Location": moved["url"]}})
    await bot.filing.file()
    assert len(gh.issues(HOME)) == 1
    assert (await bot.get(report)).state is State.FILED
