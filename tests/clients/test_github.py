"""The client of GitHub against a server with faults. Every request fits GitHub's description."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.github.auth import Token
from bot.github.client import GitHub
from bot.github.errors import (
    Forbidden,
    GitHubError,
    Invalid,
    Limited,
    Missing,
    Removed,
    Unauthorised,
    Unclear,
    Unreachable,
)
from bot.github.model import IssuePage, RemoteIssue
from bot.http import Client, NotModified, http_client
from tests.clock import Clock
from tests.e2e.github_loopback import Loopback, app, serving
from tests.e2e.github_spec import GitHubSpec

HOME = "quansight/ftcompat"
ELSEWHERE = "numpy/numpy"
START = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
async def server(clock: Clock) -> AsyncIterator[Loopback]:
    """GitHub with a repository of ours and one where the App is not installed."""
    spec = GitHubSpec.load()
    async with serving(clock=clock) as server:
        server.repo(HOME, labels=["bug", "free-threading"], roles={"alice": "MEMBER"})
        server.repo(ELSEWHERE, labels=["00 - Bug"]).installed = False
        yield server
        assert [problem for each in server.requests for problem in spec.problems(each)] == []


@pytest.fixture
async def http(server: Loopback) -> AsyncIterator[Client]:
    async with http_client(server.url) as client:
        yield client


@pytest.fixture
def github(http: Client, clock: Clock) -> GitHub:
    return GitHub(http, app(), home=HOME, clock=clock)


def sent(server: Loopback, method: str = "", part: str = "/") -> list[tuple[str, str, int | None]]:
    """What the server was asked for: method, path, status."""
    return [
        (each["method"], each["path"], each["status"])
        for each in server.requests
        if each["method"].startswith(method) and part in each["path"]
    ]


async def found(github: GitHub, repository: str, number: int) -> RemoteIssue:
    issue = await github.issue(repository, number)
    assert isinstance(issue, RemoteIssue)
    return issue


async def listed(github: GitHub, repository: str = HOME, pages: int = 1) -> IssuePage:
    page = await github.issues(repository, pages=pages)
    assert isinstance(page, IssuePage)
    return page


async def test_an_issue_is_opened_and_read(server: Loopback, github: GitHub) -> None:
    made = await github.create_issue(HOME, "Title", "Body — ünï", ["bug"])
    assert (made.repository, made.number, made.state, made.labels) == (HOME, 1, "open", ("bug",))
    assert (
        (made.author, made.body)
        == (await github.login(), "Body — ünï")
        == (
            "ftbot[bot]",
            "Body — ünï",
        )
    )
    assert made.url == f"https://github.com/{HOME}/issues/1"
    assert made.created == datetime.fromtimestamp(START, UTC)
    assert made.id > 2**31
    read = await found(github, HOME, 1)
    assert read.etag
    assert await github.issue(HOME, 1, etag=read.etag) == NotModified()
    server.repo(HOME).close(1, "not_planned")
    closed = await github.issue(HOME, 1, etag=read.etag)
    assert isinstance(closed, RemoteIssue)
    assert (closed.state, closed.reason) == ("closed", "not_planned")


async def test_a_token_is_for_one_repository_and_one_permission(
    server: Loopback, github: GitHub
) -> None:
    await github.create_issue(HOME, "a", "", [])
    await github.create_issue(HOME, "b", "", [])
    bought = [each for each in server.requests if each["path"].endswith("/access_tokens")]
    assert [each["body"] for each in bought] == [
        {"repositories": ["ftcompat"], "permissions": {"issues": "write"}}
    ]


async def test_a_token_is_bought_anew_shortly_before_its_end(
    server: Loopback, github: GitHub, clock: Clock
) -> None:
    await listed(github)
    clock.now += server.token_life - 61
    await listed(github)
    clock.now += 2
    await listed(github)
    assert len(sent(server, "POST", "/access_tokens")) == 2
    assert [status for *_, status in sent(server, "GET", "/issues")] == [200] * 3


async def test_a_revoked_token_is_bought_anew_once_and_the_write_is_made(
    server: Loopback, github: GitHub
) -> None:
    await github.create_issue(HOME, "a", "", [])
    server.tokens.clear()
    assert (await github.create_issue(HOME, "b", "", ["bug"])).number == 2
    server.tokens.clear()
    assert len((await listed(github)).issues) == 2
    posts = [status for *_, status in sent(server, "POST", "/issues")]
    assert posts == [201, 401, 201]


async def test_credentials_that_are_never_accepted(server: Loopback, http: Client) -> None:
    github = GitHub(http, app(), home=HOME, clock=lambda: START + 7200)  # its JWT is of the future
    with pytest.raises(Unauthorised, match="FTBOT_GITHUB_APP_ID"):
        await github.create_issue(HOME, "a", "", [])
    with pytest.raises(Unauthorised):
        await GitHub(http, Token("ghp_wrong")).create_issue(HOME, "a", "", [])
    assert server.issues(HOME) == []
    assert len(sent(server, "POST", "/issues")) == 1


async def test_a_token_that_was_made_elsewhere(
    server: Loopback, http: Client, github: GitHub
) -> None:
    await listed(github)
    token, *_ = server.tokens
    assert (await GitHub(http, Token(token)).create_issue(HOME, "a", "", ["bug"])).labels == (
        "bug",
    )


async def test_what_is_allowed_is_known_before_anything_is_tried(
    server: Loopback, github: GitHub
) -> None:
    access = await github.access(HOME)
    assert (access.may_read, access.may_write, access.has_issues) == (True, True, True)
    assert access.labels == {"bug", "free-threading"}
    access = await github.access(ELSEWHERE)
    assert (access.may_read, access.may_write, access.has_issues) == (True, False, True)
    access = await github.access("nobody/nothing")
    assert (access.may_read, access.may_write) == (False, False)
    with pytest.raises(Forbidden, match=f"not installed in {ELSEWHERE}"):
        await github.create_issue(ELSEWHERE, "a", "", [])
    assert sent(server, "POST", "/issues") == []


async def test_permission_that_comes_later_counts_at_once(server: Loopback, github: GitHub) -> None:
    server.permissions["issues"] = "read"
    assert not (await github.access(HOME)).may_write
    with pytest.raises(Forbidden, match="may not write issues"):
        await github.create_issue(HOME, "a", "", [])
    assert sent(server, "POST", "/issues") == []
    server.permissions["issues"] = "write"
    assert (await github.access(HOME)).may_write
    assert (await github.create_issue(HOME, "a", "", ["bug"])).labels == ("bug",)


async def test_an_app_without_permission_for_issues_still_reads(
    server: Loopback, github: GitHub
) -> None:
    del server.permissions["issues"]
    server.repo(HOME).open("alice", "a")
    assert len((await listed(github)).issues) == 1
    assert server.requests[-2]["body"]["permissions"] == {"metadata": "read"}


async def test_without_credentials_nothing_is_written(server: Loopback, http: Client) -> None:
    github = GitHub(http, None)
    assert not github.can_write
    assert await github.login() == ""
    with pytest.raises(Forbidden, match="no credentials"):
        await github.create_issue(HOME, "a", "", [])
    assert server.requests == []
    with pytest.raises(Unauthorised):  # which the real GitHub would answer
        await listed(github)


async def test_issues_are_listed_over_pages_without_pull_requests(
    server: Loopback, github: GitHub, clock: Clock
) -> None:
    repo = server.repo(HOME)
    for number in range(1, 231):
        clock.now += 1
        issue = repo.open("alice" if number % 2 else "ftbot[bot]", f"issue {number}")
        if number % 10 == 0:
            issue["pull_request"] = {"url": "https://example.org"}
    first = await listed(github)
    assert [issue.number for issue in first.issues[:3]] == [229, 228, 227]
    assert (len(first.issues), first.more) == (90, True)
    whole = await listed(github, pages=5)
    assert (len(whole.issues), whole.more) == (207, False)
    assert await github.issues(HOME, etag=first.etag) == NotModified()
    page = await github.issues(
        HOME,
        since=datetime.fromtimestamp(START, UTC) + timedelta(seconds=200),
        creator="ftbot[bot]",
        sort="created",
        direction="asc",
    )
    assert isinstance(page, IssuePage)
    assert {issue.author for issue in page.issues} == {"ftbot[bot]"}
    assert [issue.number for issue in page.issues][:2] == [202, 204]


async def test_closed_issues_are_listed_too(server: Loopback, github: GitHub) -> None:
    server.repo(HOME).open("alice", "a")
    server.repo(HOME).close(1)
    (issue,) = (await listed(github)).issues
    assert (issue.state, issue.reason) == ("closed", "completed")


async def test_comments_since_a_moment(server: Loopback, github: GitHub, clock: Clock) -> None:
    repo = server.repo(HOME)
    for title in "ab":
        repo.open("bob", title)
    repo.comment(1, "bob", "old")
    clock.now += 60
    moment = datetime.fromtimestamp(clock.now, UTC)
    repo.comment(1, "alice", "new on 1")
    clock.now += 1
    repo.comment(2, "bob", "new on 2")
    comments = await github.comments(HOME, since=moment)
    assert [(each.number, each.author, each.association, each.body) for each in comments] == [
        (1, "alice", "MEMBER", "new on 1"),
        (2, "bob", "NONE", "new on 2"),
    ]
    assert {each.repository for each in comments} == {HOME}
    assert comments[0].url.startswith(f"https://github.com/{HOME}/issues/1#issuecomment-")
    assert len(await github.comments(HOME, since=moment, among={2})) == 1
    assert [each.body for each in await github.issue_comments(HOME, 1)] == ["old", "new on 1"]


async def test_labels_are_added(github: GitHub) -> None:
    await github.create_issue(HOME, "a", "", ["bug"])
    await github.add_labels(HOME, 1, ["free-threading"])
    assert (await found(github, HOME, 1)).labels == ("bug", "free-threading")


async def test_a_search_takes_words_as_words(
    server: Loopback, github: GitHub, clock: Clock
) -> None:
    server.repo(HOME).open("alice", "numpy crashes")
    server.repo(ELSEWHERE).open("alice", "numpy crashes")
    clock.now += server.search_lag + 1
    (issue,) = await github.search_issues(
        HOME, f'"NumPy" crashes repo:{ELSEWHERE}'.split(" repo")[0]
    )
    assert issue.repository == HOME
    assert await github.search_issues(HOME, f"numpy repo:{ELSEWHERE} is:open") == ()
    asked = server.requests[-1]["query"]["q"]
    assert asked == f"numpy repo numpy numpy is open repo:{HOME} is:issue"
    before = len(server.requests)
    assert await github.search_issues(HOME, ' "" :: ') == ()
    assert len(server.requests) == before
    await github.search_issues(HOME, "word AND NOT " * 500)
    asked = server.requests[-1]["query"]["q"]
    assert len(asked) <= 256
    assert "AND" not in asked


async def test_a_transferred_issue_is_followed(server: Loopback, github: GitHub) -> None:
    await github.create_issue(HOME, "a", "", [])
    server.repo(HOME).transfer(1, ELSEWHERE)
    moved = await found(github, HOME, 1)
    assert (moved.repository, moved.number) == (ELSEWHERE, 1)
    assert moved.url == f"https://github.com/{ELSEWHERE}/issues/1"


async def test_a_pull_request_is_told_from_an_issue(server: Loopback, github: GitHub) -> None:
    await github.create_issue(HOME, "a", "", [])
    assert not (await found(github, HOME, 1)).is_pull_request
    server.issues(HOME)[0]["pull_request"] = {"url": "https://example.org"}
    assert (await found(github, HOME, 1)).is_pull_request


async def test_a_deleted_issue_and_one_that_never_was(server: Loopback, github: GitHub) -> None:
    await github.create_issue(HOME, "a", "", [])
    server.repo(HOME).delete(1)
    with pytest.raises(Removed):
        await github.issue(HOME, 1)
    with pytest.raises(Missing):
        await github.issue(HOME, 2)
    server.repo(HOME).has_issues = False
    with pytest.raises(Removed):
        await github.create_issue(HOME, "b", "", [])


async def test_what_github_refuses_is_told_in_its_words(server: Loopback, github: GitHub) -> None:
    with pytest.raises(Invalid, match=r"body is too long \(maximum is 65536 characters\)"):
        await github.create_issue(HOME, "a", "x" * 65_537, [])
    assert server.issues(HOME) == []


@pytest.mark.usefixtures("no_pauses")
class TestFaults:
    """What goes wrong on the way."""

    @pytest.mark.parametrize(
        "fault",
        [
            {"drop": "before"},
            {"drop": "after"},
            {"status": 500},
            {"status": 502, "body": "<html>Bad gateway</html>", "effect": True},
            {"status": 503, "effect": True},
            {"status": 201, "body": "<html>Welcome to the hotel's network</html>"},
            {"status": 201, "body": {"number": "one"}, "effect": True},
            {"status": 200, "body": []},
        ],
        ids=str,
    )
    async def test_a_write_is_never_made_twice(
        self, server: Loopback, github: GitHub, fault: dict[str, object]
    ) -> None:
        had_effect = fault.get("effect") or fault.get("drop") == "after"
        server.faults.append({"method": "POST", "path_re": "/issues$", **fault})
        with pytest.raises(Unclear):
            await github.create_issue(HOME, "a", "", [])
        assert len(sent(server, "POST", "/issues")) == 1
        assert len(server.issues(HOME)) == (1 if had_effect else 0)

    async def test_a_server_that_is_not_there_leaves_nothing_unclear(
        self, server: Loopback, github: GitHub
    ) -> None:
        await listed(github)
        await server.stop()
        with pytest.raises(Unreachable):
            await github.create_issue(HOME, "a", "", [])
        with pytest.raises(Unreachable, match="cannot be reached"):
            await listed(github)

    @pytest.mark.parametrize(
        "fault",
        [{"drop": "before"}, {"status": 500}, {"status": 503, "headers": {"Retry-After": "1"}}],
        ids=str,
    )
    async def test_a_read_is_tried_three_times(
        self, server: Loopback, github: GitHub, fault: dict[str, object]
    ) -> None:
        server.faults.append({"method": "GET", "path_re": "/issues$", "times": 2, **fault})
        assert (await listed(github)).issues == ()
        server.faults.append({"method": "GET", "path_re": "/issues$", "times": 9, **fault})
        with pytest.raises(Unreachable):
            await listed(github)
        assert len(sent(server, "GET", "/issues")) == 6

    async def test_a_key_that_cannot_be_bought_leaves_nothing_unclear(
        self, server: Loopback, github: GitHub
    ) -> None:
        fault = {"method": "POST", "path_re": "/access_tokens$", "drop": "after"}
        server.faults.append({**fault, "times": 2})
        assert (await github.create_issue(HOME, "a", "", [])).number == 1
        server.tokens.clear()
        server.faults.append({**fault, "times": 3})
        with pytest.raises(Unreachable):
            await github.create_issue(HOME, "b", "", [])
        assert len(server.issues(HOME)) == 1

    async def test_an_answer_that_is_no_json(self, server: Loopback, github: GitHub) -> None:
        for body in ("<html>", "", '{"number": 1', '[{"number": "x"}]', "[" * 100_000, "\x00"):
            server.faults.append(
                {"method": "GET", "path_re": "/issues$", "status": 200, "body": body}
            )
            with pytest.raises(Unreachable):
                await listed(github)

    async def test_refusals_without_json(self, server: Loopback, github: GitHub) -> None:
        for status, kind in ((400, Invalid), (403, Forbidden), (404, Missing), (410, Removed)):
            server.faults.append(
                {"path_re": "/issues$", "status": status, "body": "<html>no</html>"}
            )
            with pytest.raises(kind) as caught:
                await github.create_issue(HOME, "a", "", [])
            assert "<html>" not in str(caught.value)
        assert server.issues(HOME) == []

    async def test_needed_permissions_are_logged(
        self, server: Loopback, github: GitHub, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.faults.append(
            {
                "method": "POST",
                "path_re": "/issues$",
                "status": 403,
                "body": {"message": "Resource not accessible by integration"},
                "headers": {"X-Accepted-GitHub-Permissions": "issues=write"},
            }
        )
        with pytest.raises(Forbidden, match="Resource not accessible by integration"):
            await github.create_issue(HOME, "a", "", [])
        assert "issues=write" in caplog.text

    async def test_redirects_are_followed_on_the_apis_own_origin_alone(
        self, server: Loopback, github: GitHub
    ) -> None:
        repository = server.repo(HOME)
        at = {"method": "POST", "path_re": "^/repos/.*/issues$", "status": 307}
        new = f"{server.url}/repositories/{repository.id}/issues"
        server.faults.append({**at, "headers": {"Location": new}})
        assert (await github.create_issue(HOME, "a", "", [])).number == 1
        for target in ("https://evil.example/issues", "//evil.example/", "http://127.0.0.1:1/x"):
            server.faults.append({**at, "headers": {"Location": target}})
            with pytest.raises(Missing, match="does not follow"):
                await github.create_issue(HOME, "b", "", [])
        assert len(server.issues(HOME)) == 1

    async def test_a_next_page_elsewhere_is_not_asked_for(
        self, server: Loopback, github: GitHub
    ) -> None:
        link = '<https://evil.example/?page=2>; rel="next"'
        server.faults.append(
            {"path_re": "/issues$", "status": 200, "body": "[]", "headers": {"Link": link}}
        )
        with pytest.raises(Missing):
            await listed(github, pages=2)

    async def test_a_renamed_repository_gets_its_key_by_its_id(
        self, server: Loopback, github: GitHub
    ) -> None:
        repository = server.repo(HOME)
        server.faults.append(
            {
                "path_re": "/installation$",
                "status": 301,
                "headers": {"Location": f"{server.url}/repositories/{repository.id}/installation"},
            }
        )
        with pytest.raises(GitHubError):  # this server does not know tokens by id
            await github.create_issue("old/name", "a", "", [])
        bought = [each["body"] for each in server.requests if "access_tokens" in each["path"]]
        assert bought[0]["repository_ids"] == [repository.id]


class TestLimits:
    """While GitHub asks to be left alone, nothing is sent."""

    @pytest.mark.parametrize("status", [403, 429])
    async def test_a_secondary_limit_stops_everything(
        self, server: Loopback, github: GitHub, clock: Clock, status: int
    ) -> None:
        server.secondary_limit(90, status=status, method="POST", path_re="/issues$")
        with pytest.raises(Limited) as caught:
            await github.create_issue(HOME, "a", "", [])
        assert caught.value.until == START + 90
        assert "2 minutes" in caught.value.hint
        before = len(server.requests)
        for _ in range(3):
            with pytest.raises(Limited):
                await listed(github)
        assert len(server.requests) == before
        clock.now += 90
        assert (await github.create_issue(HOME, "a", "", [])).number == 1

    async def test_a_primary_limit_lasts_until_its_reset(
        self, server: Loopback, github: GitHub, clock: Clock
    ) -> None:
        server.primary_limit(500, path_re="/issues$")
        with pytest.raises(Limited) as caught:
            await listed(github)
        assert caught.value.until == START + 500
        with pytest.raises(Limited):
            await github.create_issue(HOME, "a", "", [])
        server.limits["search"] = (30, 60)
        await github.search_issues(HOME, "words")  # which has a limit of its own
        clock.now += 501
        await listed(github)

    async def test_the_last_request_of_an_hour_is_known_as_such(
        self, server: Loopback, github: GitHub, clock: Clock
    ) -> None:
        server.limits["core"] = (3, 3600)
        await listed(github)
        await listed(github)
        await listed(github)
        with pytest.raises(Limited) as caught:
            await listed(github)
        assert caught.value.until == START + 3600
        assert 403 not in [status for *_, status in sent(server)]
        clock.now += 3600
        await listed(github)

    async def test_a_limit_that_says_nothing_grows(
        self, server: Loopback, github: GitHub, clock: Clock
    ) -> None:
        pauses = []
        refusal = {"status": 429, "body": "slow down", "path_re": "/issues$"}
        for _ in range(8):
            server.faults.append(refusal.copy())
            with pytest.raises(Limited) as caught:
                await listed(github)
            pauses.append(caught.value.until - clock.now)
            clock.now = caught.value.until
        assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600]
        await listed(github)
        server.faults.append(refusal)
        with pytest.raises(Limited) as caught:
            await listed(github)
        assert caught.value.until - clock.now == 60

    @pytest.mark.parametrize(
        "mistaken", ["999999999", "-5", "soon", "Wed, 21 Oct 2099 07:28:00 GMT"]
    )
    async def test_a_mistaken_header_stops_nothing_for_long(
        self, server: Loopback, github: GitHub, clock: Clock, mistaken: str
    ) -> None:
        server.faults.append(
            {"status": 429, "headers": {"Retry-After": mistaken}, "path_re": "/issues$"}
        )
        with pytest.raises(Limited) as caught:
            await listed(github)
        assert 60 <= caught.value.until - clock.now <= 3600


async def test_writes_are_made_one_after_the_other(server: Loopback, github: GitHub) -> None:
    server.faults.append({"method": "POST", "path_re": "/issues$", "delay": 0.05, "times": 1})
    made = await asyncio.gather(*(github.create_issue(HOME, f"{n}", "", []) for n in range(4)))
    assert sorted(issue.number for issue in made) == [1, 2, 3, 4]
    assert [issue["title"] for issue in server.issues(HOME)] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    "name", ["", "numpy", "a/b/c", "a/..", "../b", "a b/c", "a/b?x=1", "a/b#1", "a/\n", "é/b"]
)
async def test_what_is_no_repository_is_never_asked_for(
    server: Loopback, github: GitHub, name: str
) -> None:
    with pytest.raises(Invalid, match="not a repository"):
        await github.issue(name, 1)
    with pytest.raises(Invalid, match="not a repository"):
        await github.search_issues(name, "words")
    with pytest.raises(Invalid, match="not a repository"):
        await github.create_issue(name, "a", "", [])
    assert server.requests == []
