"""GitHub's webhooks: who may send them, and what they change, in whatever order they come."""

import asyncio
import hashlib
import hmac
import io
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import stamina
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from bot.errors import DatabaseError
from bot.github.errors import Missing, Unreachable
from bot.github.model import FailedDelivery
from bot.http import REDIRECTS_AT_MOST
from bot.reports.issue import marker
from bot.reports.model import Action, Issue, State, Submission
from bot.settings import HttpAddress
from bot.web import serving
from bot.webhook import PATH, routes
from tests.e2e.filing_parts import (
    HOME,
    KEY,
    LOGIN,
    TRIAGER,
    Clock,
    Parts,
    github,
    parts,
)
from tests.e2e.github_loopback import Loopback, app, module

SECRET = "It's a secret of this test"  # noqa: S105 - made up
ELSEWHERE = "library/project"
DAY = 86_400.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def gh(clock: Clock) -> AsyncIterator[Loopback]:
    async with github(clock) as server:
        server.repo(ELSEWHERE)
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


@pytest.fixture
async def report(bot: Parts) -> int:
    """Give a report that is issue 1."""
    number = await bot.enqueue("u-1")
    await bot.filing.file()
    return number


class Inbox:
    """Remembers what it is given."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, bytes]] = []
        self.error: Exception | None = None

    async def receive(self, event: str, delivery: str, body: bytes) -> None:
        if self.error:
            raise self.error
        self.got.append((event, delivery, body))


async def nothing() -> tuple[str, ...]:
    return ()


@asynccontextmanager
async def served(receiver: Any) -> AsyncIterator[str]:  # noqa: ANN401 - an inbox or Following
    async with serving(
        HttpAddress("127.0.0.1", 0),
        statuses=tuple,
        missing=nothing,
        registry=CollectorRegistry(),
        routes=routes(SECRET, receiver),
    ) as address:
        yield f"http://{address}{PATH}"


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    code = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": "issues",
        "X-GitHub-Delivery": "d-1",
        "X-Hub-Signature-256": f"sha256={code}",
    }


async def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,  # noqa: TID251 - the test is the other side
        session.post(url, data=io.BytesIO(body), headers=headers) as response,
    ):
        return response.status, await response.text()


BODY = b'{"action": "closed"}'
SHA1 = f"sha1={hmac.new(SECRET.encode(), BODY, 'sha1').hexdigest()}"


@pytest.mark.parametrize(
    ("changed", "status", "word"),
    [
        ({}, 202, ""),
        ({"Content-Type": "application/json; charset=utf-8"}, 202, ""),
        ({"X-Hub-Signature-256": None}, 401, ""),
        ({"X-Hub-Signature-256": ""}, 401, ""),
        ({"X-Hub-Signature-256": "sha256=" + "0" * 64}, 401, ""),
        ({"X-Hub-Signature-256": None, "X-Hub-Signature": SHA1}, 401, ""),
        ({"X-Hub-Signature-256": SHA1}, 401, ""),
        ({"X-Hub-Signature-256": None, "Content-Type": "text/plain"}, 401, ""),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "application/json"),
        ({"X-GitHub-Delivery": None}, 400, "X-GitHub-Delivery"),
        ({"X-GitHub-Delivery": "x" * 101}, 400, "X-GitHub-Delivery"),
        ({"X-GitHub-Event": None}, 400, "X-GitHub-Event"),
    ],
)
async def test_only_signed_webhooks_in_json_are_taken(
    changed: dict[str, str | None], status: int, word: str
) -> None:
    headers = {
        name: value for name, value in {**signed(BODY), **changed}.items() if value is not None
    }
    inbox = Inbox()
    async with served(inbox) as url:
        answered, text = await post(url, BODY, headers)
    assert answered == status
    assert word in text
    assert len(inbox.got) == (status == 202)
    if status == 401:
        assert text == ""


async def test_a_body_that_was_changed_is_not_taken() -> None:
    inbox = Inbox()
    async with served(inbox) as url:
        assert (await post(url, BODY + b" ", signed(BODY)))[0] == 401
        assert (await post(url, BODY, signed(BODY, "another secret")))[0] == 401
    assert inbox.got == []


async def test_ten_megabytes_are_refused_however_they_are_signed() -> None:
    inbox, body = Inbox(), b" " * 10_000_000
    async with served(inbox) as url:
        try:
            status, _ = await post(url, body, signed(body))
        except aiohttp.ClientConnectionError:  # it did not even listen to the end
            status = 413
    assert status == 413
    assert inbox.got == []


async def test_what_cannot_be_kept_is_not_said_to_be() -> None:
    inbox = Inbox()
    inbox.error = DatabaseError("The database is locked.")
    async with served(inbox) as url:
        assert (await post(url, BODY, signed(BODY)))[0] == 503


async def test_webhooks_are_answered_within_milliseconds(
    bot: Parts, gh: Loopback, report: int
) -> None:
    async with served(bot.following) as url:
        times = []
        for number in range(30):
            body = b'{"action": "labeled", "number": %d}' % number
            headers = {**signed(body), "X-GitHub-Delivery": f"d-{number}"}
            began = time.perf_counter()
            assert (await post(url, body, headers))[0] == 202
            times.append(time.perf_counter() - began)
    assert sorted(times)[15] < 0.05  # with the client's own share
    assert len(await bot.webhooks.waiting(100)) == 30
    asked = len(gh.requests)
    await bot.following.work()
    assert len(gh.requests) == asked  # none of them says of which issue
    assert await bot.webhooks.waiting(100) == []
    assert (await bot.get(report)).state is State.FILED


async def issue(bot: Parts, report: int) -> Issue:
    found = (await bot.get(report)).issue
    assert found is not None
    return found


def hooked(gh: Loopback, url: str) -> Callable[[], Awaitable[None]]:
    """Let webhooks be sent; call what is returned to wait until they arrived."""
    gh.on_event(url, SECRET)
    return gh.delivered  # type: ignore[no-any-return]  # it has no types


async def test_the_life_of_an_issue_is_followed(
    bot: Parts, gh: Loopback, clock: Clock, report: int
) -> None:
    repo = gh.repo(HOME)
    async with served(bot.following) as url:
        arrived = hooked(gh, url)

        async def then() -> Issue:
            await arrived()
            await bot.following.work()
            clock.skipped += 2
            return await issue(bot, report)

        clock.skipped += 2
        repo.label(1, "bug")
        assert (await then()).labels == ("bug",)
        repo.comment(1, "ned", "Me too")
        repo.comment(1, "mel", "Which wheel is it?")
        repo.update(1, title="A better title")
        assert (await then()).title == "A better title"
        repo.close(1, "not_planned")
        closed = await then()
        assert (closed.state, closed.reason) == ("closed", "not_planned")
        repo.reopen(1)
        assert (await then()).state == "open"
        new = repo.transfer(1, ELSEWHERE)
        moved = await then()
        assert (moved.repository, moved.number, moved.state) == (ELSEWHERE, new["number"], "open")
        gh.repo(ELSEWHERE).close(new["number"])
        assert (await then()).state == "closed"
        gh.repo(ELSEWHERE).delete(new["number"])
        assert (await then()).state == "gone"
    keys = [(key.partition(":")[0], note) for key, note in await bot.told(report)]
    assert keys == [
        ("filed", ""),
        ("comment", "Which wheel is it?"),
        ("closed", "not_planned"),
        ("reopened", ""),
        ("closed", "completed"),
        ("gone", ""),
    ]
    assert all(delivery.answers == [202] for delivery in gh.deliveries)


async def test_each_delivery_counts_once_but_only_when_it_is_done(
    bot: Parts, gh: Loopback, clock: Clock, report: int
) -> None:
    gh.hold = True
    gh.on_event("http://127.0.0.1:9/", SECRET)
    clock.skipped += 2
    gh.repo(HOME).close(1)
    (delivery,) = gh.deliveries
    await bot.following.receive(delivery.event, delivery.guid, delivery.body)
    await bot.following.receive(delivery.event, delivery.guid, delivery.body)
    assert len(await bot.webhooks.waiting(10)) == 1
    assert not await bot.webhooks.is_done(delivery.guid)
    await bot.following.work()
    assert await bot.webhooks.is_done(delivery.guid)
    await bot.following.receive(delivery.event, delivery.guid, delivery.body)
    assert await bot.webhooks.waiting(10) == []
    assert len(await bot.told(report)) == 2
    clock.skipped += 31 * DAY
    await bot.following.reconcile()
    assert not await bot.webhooks.is_done(delivery.guid)


async def test_what_ftbot_does_itself_is_no_news(
    bot: Parts, gh: Loopback, clock: Clock, report: int
) -> None:
    gh.hold = True
    gh.on_event("http://127.0.0.1:9/", SECRET)
    repo = gh.repo(HOME)
    repo.roles[LOGIN] = "MEMBER"
    clock.skipped += 2
    repo.comment(1, LOGIN, "A comment of ftbot's own")
    repo.close(1, login=LOGIN)
    await deliver(bot, gh.deliveries)
    assert await bot.told(report) == [("filed", "")]


async def test_other_repositories_pull_requests_and_unknown_actions_change_nothing(
    bot: Parts, gh: Loopback, clock: Clock, report: int
) -> None:
    gh.hold = True
    gh.on_event("http://127.0.0.1:9/", SECRET)
    clock.skipped += 2
    other = gh.repo(ELSEWHERE, roles={"mel": "MEMBER"})
    other.open("mel", "Another issue")
    other.close(1)
    other.comment(1, "mel", "A comment on it")
    gh.repo(HOME).issues[1]["pull_request"] = {"url": "x"}
    gh.repo(HOME).close(1)
    del gh.repo(HOME).issues[1]["pull_request"]
    gh.repo(HOME).issues[1]["state"] = "open"
    gh.repo(HOME)._tell("pinned", gh.issues(HOME)[0], "mel", {"title": "Pinned"})
    gh.emit("star", {"action": "created"})
    gh.emit("issues", {"action": "closed"})
    before = await bot.get(report)
    await deliver(bot, gh.deliveries)
    assert await bot.get(report) == before
    assert await bot.webhooks.waiting(10) == []


async def test_the_webhook_may_come_before_the_answer(
    bot: Parts, gh: Loopback, clock: Clock
) -> None:
    """The process dies at the POST; what tells of the issue is GitHub's own event."""
    gh.hold = True
    gh.on_event("http://127.0.0.1:9/", SECRET)
    first = await bot.enqueue("u-1")
    gh.faults.append({"method": "POST", "path_re": r"/issues$", "drop": "after"})
    # It cannot look at once.
    listing = {"method": "GET", "path_re": r"/issues$"}
    gh.faults += [dict(listing), {**listing, "status": 500, "times": 3}]
    await bot.filing.file()
    assert (await bot.get(first)).state is State.FILING
    await deliver(bot, gh.deliveries)
    assert (await bot.get(first)).state is State.FILED
    assert await bot.told(first) == [("filed", "")]
    clock.skipped += 7200
    await bot.filing.file()
    assert len(gh.issues(HOME)) == 1
    assert await bot.told(first) == [("filed", "")]


async def test_nobody_else_can_pass_an_issue_off_as_a_filed_report(
    bot: Parts, gh: Loopback, clock: Clock
) -> None:
    """Markers can be read by all, but ftbot only believes those of its own account."""
    gh.hold = True
    gh.on_event("http://127.0.0.1:9/", SECRET)
    report = await bot.enqueue("u-1")
    gh.faults.append({"method": "POST", "path_re": r"/issues$", "drop": "before"})
    await bot.filing.file()
    gh.repo(HOME).open("mallory", "Mine", f"See {marker.sign('u-1', KEY)}")
    await deliver(bot, gh.deliveries)
    assert (await bot.get(report)).state is State.FILING
    clock.skipped += 61
    await bot.filing.file()
    assert (await issue(bot, report)).number == 2


async def deliver(bot: Parts, deliveries: list[Any]) -> None:
    for each in deliveries:
        await bot.following.receive(each.event, each.guid, each.body)
    await bot.following.work()


@pytest.mark.parametrize("status", [500, 401])
async def test_a_webhook_waits_while_github_cannot_be_asked(
    bot: Parts, gh: Loopback, clock: Clock, report: int, status: int
) -> None:
    gh.hold = True
    gh.on_event("http://127.0.0.1:9/", SECRET)
    clock.skipped += 2
    gh.repo(HOME).delete(1)
    gh.faults.append({"status": status, "times": 10**6})
    with pytest.raises(Exception, match="GitHub"):
        await deliver(bot, gh.deliveries)
    assert len(await bot.webhooks.waiting(10)) == 1
    gh.faults.clear()
    clock.skipped += 60
    await bot.following.work()
    assert (await issue(bot, report)).state == "gone"


async def test_a_webhook_that_ftbot_stumbles_over_is_given_up(
    bot: Parts, gh: Loopback, report: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stumble(*_: object) -> None:
        raise RuntimeError("a mistake in ftbot")

    gh.hold = True
    gh.on_event("http://127.0.0.1:9/", SECRET)
    gh.repo(HOME).label(1, "bug")
    with monkeypatch.context() as patch:
        patch.setattr(bot.following, "_issue", stumble)
        await deliver(bot, gh.deliveries)
        assert len(await bot.webhooks.waiting(10)) == 1
        for _ in range(4):
            await bot.following.work()
    assert await bot.webhooks.waiting(10) == []
    await bot.following.reconcile()
    assert (await issue(bot, report)).labels == ("bug",)


# Whatever the order


OPERATIONS = ("label", "unlabel", "close", "reopen", "title", "comment", "transfer", "delete")


def operate(gh: Loopback, place: tuple[str, int] | None, operation: str, number: int) -> Any:  # noqa: ANN401
    """Let a person do something with the issue at a place; return where it is then."""
    if place is None:
        return None
    name, issue_number = place
    repo = gh.repo(name)
    match operation:
        case "label":
            repo.label(issue_number, f"label {number}")
        case "unlabel":
            repo.update(issue_number, labels=[])
        case "close":
            repo.close(issue_number, "completed" if number % 2 else "not_planned")
        case "reopen":
            repo.reopen(issue_number)
        case "title":
            repo.update(issue_number, title=f"Title {number}")
        case "comment":
            repo.comment(issue_number, "mel", f"Comment {number}")
        case "transfer":
            other = ELSEWHERE if name == HOME else HOME
            return other, repo.transfer(issue_number, other)["number"]
        case "delete":
            repo.delete(issue_number)
            return None
    return place


@given(
    operations=st.lists(
        st.tuples(st.sampled_from(OPERATIONS), st.sampled_from([0, 0, 1, 60])),
        min_size=1,
        max_size=10,
    ),
    chance=st.randoms(use_true_random=False),
)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_in_the_end_what_is_known_is_the_newest_whatever_the_order(
    operations: list[tuple[str, int]], chance: random.Random
) -> None:
    module()
    asyncio.run(in_any_order(operations, chance))


async def in_any_order(operations: list[tuple[str, int]], chance: random.Random) -> None:
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder, stamina.set_testing(True, attempts=1):
        async with (
            github(clock) as gh,
            parts(Path(folder), gh.url, clock=clock, credentials=app()) as bot,
        ):
            gh.repo(ELSEWHERE)
            gh.hold = True
            gh.on_event("http://127.0.0.1:9/", SECRET)
            report = await bot.enqueue("u-1")
            await bot.filing.file()
            place: Any = (HOME, 1)
            transfers = 0
            for number, (operation, seconds) in enumerate(operations):
                clock.skipped += seconds
                transfers += operation == "transfer"
                if operation == "transfer" and transfers > REDIRECTS_AT_MOST:
                    continue  # nobody follows so many
                place = operate(gh, place, operation, number)
            deliveries = [*gh.deliveries, *chance.sample(gh.deliveries, len(gh.deliveries) // 2)]
            chance.shuffle(deliveries)
            for each in deliveries:
                await bot.following.receive(each.event, each.guid, each.body)
                if chance.random() < 0.5:
                    await bot.following.work()
            await bot.following.work()
            seen = await issue(bot, report)
            if place is None:
                assert seen.state == "gone"
            else:
                true = gh.repo(place[0]).issues[place[1]]
                assert (seen.repository, seen.number) == place
                assert (seen.state, seen.reason) == (true["state"], true["state_reason"])
                assert seen.title == true["title"]
                assert sorted(seen.labels) == sorted(each["name"] for each in true["labels"])
            told = await bot.told(report)
            assert len(told) == len(set(told))
            known = await bot.get(report)
            await deliver(bot, deliveries)  # all of it once more
            assert (await bot.get(report), await bot.told(report)) == (known, told)


# Without a webhook


async def test_polling_finds_what_people_do(
    bot: Parts, gh: Loopback, clock: Clock, report: int
) -> None:
    repo = gh.repo(HOME)
    await bot.following.poll()
    clock.skipped += 100
    repo.comment(1, "mel", "Which wheel is it?")
    repo.comment(1, LOGIN, "It is ftbot's own")
    repo.comment(1, "ned", "Me too")
    repo.close(1)
    await bot.following.poll()
    await bot.following.poll()
    assert (await issue(bot, report)).state == "closed"
    keys = [(key.partition(":")[0], note) for key, note in await bot.told(report)]
    assert keys == [("filed", ""), ("closed", "completed"), ("comment", "Which wheel is it?")]


async def test_polling_costs_nothing_while_nothing_happens(
    bot: Parts, gh: Loopback, clock: Clock, report: int
) -> None:
    clock.skipped += 100
    gh.repo(HOME).label(1, "bug")
    for _ in range(3):
        await bot.following.poll()
    asked = [each["status"] for each in gh.requests if "since" in each["query"]]
    assert asked[0] == 200
    assert asked[-1] == 304
    assert (await issue(bot, report)).labels == ("bug",)


async def test_polling_goes_on_with_other_repositories_when_one_cannot_be_read(
    bot: Parts, gh: Loopback, clock: Clock, report: int
) -> None:
    other = await bot.enqueue("u-2", ELSEWHERE)
    await bot.filing.file()
    clock.skipped += 100
    gh.repo(HOME).close(1)
    gh.repo(ELSEWHERE).close(1)
    gh.faults.append({"path_re": f"/repos/{HOME}/issues$", "status": 404})
    await bot.following.poll()
    assert (await issue(bot, other)).state == "closed"
    await bot.following.poll()
    assert (await issue(bot, report)).state == "closed"


async def test_old_comments_are_not_told_to_whom_they_did_not_concern(
    bot: Parts, gh: Loopback, clock: Clock
) -> None:
    repo = gh.repo(HOME)
    repo.open("ned", "A known problem")
    repo.comment(1, "mel", "Told long before")
    clock.skipped += 3000
    at = datetime.fromtimestamp(clock(), UTC)
    async with bot.database.write() as tx:
        number = await bot.reports.insert(
            tx,
            uid="u-9",
            submission=Submission(story="made up"),
            reporter=TRIAGER,
            guild=1,
            channel=2,
            at=at,
        )
        for action in (Action.SEND, Action.LINK):
            await bot.reports.step(tx, number, action, TRIAGER, at=at)
        link = Issue(HOME, 1, "https://github.com/community/reports/issues/1")
        await bot.reports.set_issue(tx, number, link)
    await bot.following.reconcile()
    assert (await issue(bot, number)).title == "A known problem"
    await bot.following.poll()
    assert await bot.told(number) == []
    clock.skipped += 600
    repo.comment(1, "mel", "News")
    await bot.following.poll()
    assert [note for _, note in await bot.told(number)] == ["News"]


# Once a day


async def test_reconciling_finds_what_no_webhook_told(
    bot: Parts, gh: Loopback, clock: Clock
) -> None:
    reports = [await bot.enqueue(f"u-{number}") for number in range(4)]
    await bot.filing.file()
    await bot.following.reconcile()
    asked = len(gh.requests)
    await bot.following.reconcile()
    assert len(gh.requests) == asked  # each is asked for once a day
    clock.skipped += DAY + 60
    repo = gh.repo(HOME)
    repo.close(1)
    repo.delete(2)
    new = repo.transfer(3, ELSEWHERE)
    await bot.following.reconcile()
    seen = [await issue(bot, report) for report in reports]
    assert [each.state for each in seen] == ["closed", "gone", "open", "open"]
    assert (seen[2].repository, seen[2].number) == (ELSEWHERE, new["number"])
    assert gh.requests[-1]["status"] in {200, 304}
    told = [[key.partition(":")[0] for key, _ in await bot.told(report)] for report in reports]
    assert told == [["filed", "closed"], ["filed", "gone"], ["filed"], ["filed"]]


@pytest.mark.parametrize("what", ["uninstalled", "issues off"])
async def test_a_repository_out_of_sight_does_not_make_all_its_issues_gone(
    bot: Parts, gh: Loopback, clock: Clock, report: int, what: str
) -> None:
    if what == "uninstalled":
        gh.faults.append({"path_re": f"/repos/{HOME}/", "status": 404, "times": 100})
    else:
        gh.repo(HOME).has_issues = False
        gh.faults.append({"path_re": f"/repos/{HOME}/issues$", "status": 410, "times": 100})
    clock.skipped += DAY + 60
    await bot.following.reconcile()
    assert (await issue(bot, report)).state == "open"
    assert await bot.told(report) == [("filed", "")]
    gh.faults.clear()
    gh.repo(HOME).has_issues = True
    gh.repo(HOME).close(1)
    clock.skipped += DAY + 60
    await bot.following.reconcile()
    assert (await issue(bot, report)).state == "closed"


async def test_reconciling_stops_at_limits_and_fails_without_github(
    bot: Parts, gh: Loopback, clock: Clock, report: int
) -> None:
    clock.skipped += DAY + 60
    gh.repo(HOME).close(1)
    gh.secondary_limit(60, method="GET")
    await bot.following.reconcile()
    assert (await issue(bot, report)).state == "open"
    clock.skipped += 61
    gh.faults.append({"status": 502, "times": 3})
    with pytest.raises(Unreachable):
        await bot.following.reconcile()
    clock.skipped += 3600
    await bot.following.reconcile()
    assert (await issue(bot, report)).state == "closed"


async def test_one_issue_without_an_answer_does_not_hold_up_the_others(
    bot: Parts, gh: Loopback, clock: Clock
) -> None:
    reports = [await bot.enqueue(f"u-{number}") for number in range(2)]
    await bot.filing.file()
    gh.hold = True
    gh.on_event("http://127.0.0.1:9/", SECRET)
    gh.faults.append({"path_re": "/issues/1$", "status": 500, "times": 10**6})
    clock.skipped += 2
    repo = gh.repo(HOME)
    repo.delete(1)
    repo.delete(2)
    with pytest.raises(Unreachable):
        await deliver(bot, gh.deliveries)
    with pytest.raises(Unreachable):
        await bot.following.work()
    assert [(await issue(bot, report)).state for report in reports] == ["open", "gone"]
    clock.skipped += DAY
    await bot.following.work()
    assert await bot.webhooks.waiting(10) == []
    gh.faults.clear()
    await bot.following.reconcile()
    assert (await issue(bot, reports[0])).state == "gone"


async def test_a_renamed_repository_is_found_again(
    bot: Parts, gh: Loopback, clock: Clock, report: int
) -> None:
    """Events tell the new name, the old one redirects."""
    repo = gh.repos.pop(HOME)
    gh.hold = True
    gh.on_event("http://127.0.0.1:9/", SECRET)
    repo.full_name = "community/problems"
    repo.name, repo.url = "problems", f"{gh.url}/repos/community/problems"
    gh.repos["community/problems"] = repo
    repo.issues[1]["repository_url"] = repo.url
    clock.skipped += 2
    repo.close(1)
    gh.faults.append(
        {
            "path_re": f"/repos/{HOME}/issues/1$",
            "status": 301,
            "body": {"message": "Moved Permanently"},
            "headers": {"Location": f"{gh.url}/repositories/{repo.id}/issues/1"},
        }
    )
    await deliver(bot, gh.deliveries)
    seen = await issue(bot, report)
    assert (seen.repository, seen.number, seen.state) == ("community/problems", 1, "closed")
    assert [key.partition(":")[0] for key, _ in await bot.told(report)] == ["filed", "closed"]


async def test_webhooks_that_did_not_arrive_are_asked_for_again(
    bot: Parts, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    async def failed(since: datetime) -> tuple[FailedDelivery, ...]:
        assert since.timestamp() == pytest.approx(clock() - 3 * DAY, abs=60)
        return tuple(
            FailedDelivery(number, f"d-{number}", event, "closed", since)
            for number, event in enumerate(["issues", "installation", "issues", "issue_comment"])
        )

    async def redeliver(number: int) -> None:
        asked.append(number)
        if len(asked) == 4:
            raise Missing("There is no such delivery any more.")

    monkeypatch.setattr(bot.github, "failed_deliveries", failed)
    monkeypatch.setattr(bot.github, "redeliver", redeliver)
    await bot.following.reconcile()
    assert asked == []  # a token has no webhooks
    monkeypatch.setattr(bot.following, "_redelivers", True)
    await bot.following.receive("issues", "d-2", BODY)
    await bot.following.work()
    await bot.following.reconcile()
    assert asked == [0, 3]
    await bot.following.reconcile()
    assert asked == [0, 3, 0, 3]


async def test_a_burst_of_webhooks_is_dealt_with_at_once(
    bot: Parts, gh: Loopback, clock: Clock, report: int
) -> None:
    gh.hold = True
    gh.on_event("http://127.0.0.1:9/", SECRET)
    for number in range(60):
        clock.skipped += 2
        gh.repo(HOME).update(1, title=f"Title {number}")
    await deliver(bot, gh.deliveries)
    assert await bot.webhooks.waiting(100) == []
    assert (await issue(bot, report)).title == "Title 59"
