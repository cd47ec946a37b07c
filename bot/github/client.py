"""What ftbot asks of GitHub: issues, their comments and labels, and what it may do where."""

import asyncio
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from bot.github import wire
from bot.github.api import Answer, Api
from bot.github.auth import Credentials, Token
from bot.github.errors import (
    Forbidden,
    Invalid,
    Missing,
    Removed,
    Unauthorised,
)
from bot.github.keys import Keys
from bot.github.limits import Limits
from bot.github.model import Access, Comment, FailedDelivery, IssuePage, RemoteIssue
from bot.http import Client, NotModified
from bot.language import phrase

T = TypeVar("T")

PER_PAGE: Final = 100
LABEL_PAGES: Final = 10
COMMENT_PAGES: Final = 10
DELIVERY_PAGES: Final = 10

_REPOSITORY = "/repos/{owner}/{repo}"
_ISSUES = f"{_REPOSITORY}/issues"
_ISSUE = f"{_ISSUES}/{{number}}"
_DELIVERIES = "/app/hook/deliveries"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_WORD = re.compile(r"[\w.-]+")
_LONGEST_QUESTION = 200
_OPERATORS = frozenset({"AND", "OR", "NOT"})


class GitHub:
    """GitHub's REST API, through a client whose base address is the API's.

    `home` is a repository of ours, whose key serves to read public repositories where the App is
    not installed. `clock` gives UTC seconds (Unix). Every method raises subclasses of
    `GitHubError`; only `Unclear` leaves open whether something was changed. No write is ever made
    twice, and while GitHub asks to be left alone nothing is sent.
    """

    def __init__(
        self,
        http: Client,
        credentials: Credentials | None,
        *,
        home: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._api = Api(http, clock)
        self._credentials = credentials
        self._keys = Keys(self._api, credentials, home, clock)
        self._writing = asyncio.Lock()
        self._login: str | None = None

    @property
    def limits(self) -> Limits:
        """What GitHub's answers told of its limits."""
        return self._api.limits

    @property
    def can_write(self) -> bool:
        """Whether there are credentials; `access` tells what they are good for."""
        return self._credentials is not None

    async def login(self) -> str:
        """Give the name under which ftbot writes: `slug[bot]` of an App, or a token's owner.

        "" if that cannot be known: without credentials, before the App is installed anywhere, or
        for a token that may not ask about its owner.
        """
        if self._login is None and isinstance(self._credentials, Token):
            try:
                answer = await self._call("", "GET", "/user")
                self._login = (await answer.read(wire.User)).login
            except Unauthorised:
                raise
            except (Forbidden, Missing):  # an installation's token, which is nobody's
                self._login = ""
        elif not self._login and self._credentials is not None:
            slug = await self._keys.slug()
            self._login = f"{slug}[bot]" if slug else None
        return self._login or ""

    async def create_issue(
        self, repository: str, title: str, body: str, labels: Sequence[str]
    ) -> RemoteIssue:
        """Open an issue, by one POST that is never repeated.

        GitHub drops labels without a word where the credentials may not set them: compare.
        """
        data = {"title": title, "body": body, "labels": list(labels)}
        answer = await self._write(repository, _ISSUES, data)
        return (await answer.read(wire.Issue)).value(repository)

    async def add_labels(self, repository: str, number: int, labels: Sequence[str]) -> None:
        """Add labels to those that an issue has; naming an unknown one creates it."""
        data = {"labels": list(labels)}
        await self._write(repository, f"{_ISSUE}/labels", data, number=number)

    async def issue(
        self, repository: str, number: int, *, etag: str | None = None
    ) -> RemoteIssue | NotModified:
        """Get one issue, unless it is still the one of that entity tag.

        One that was transferred is followed: repository and number may differ from what was asked
        for. Raises `Missing`, also for one that moved to where ftbot may not read, and `Removed`.
        """
        answer = await self._read(repository, _ISSUE, etag=etag, number=number)
        if answer.response.status == 304:
            return NotModified()
        found = await answer.read(wire.Issue)
        return found.value(repository, answer.response.etag)

    async def issues(
        self,
        repository: str,
        *,
        since: datetime | None = None,
        etag: str | None = None,
        creator: str | None = None,
        sort: str = "updated",
        direction: str = "desc",
        pages: int = 1,
    ) -> IssuePage | NotModified:
        """List issues, open and closed, without pull requests: up to `pages` pages of 100.

        `since` is about the last update; `sort` is `created`, `updated` or `comments`. With `etag`
        the answer may be that the first page has not changed.
        """
        answer = await self._read(
            repository,
            _ISSUES + "{?state,sort,direction,since,creator,per_page}",
            etag=etag,
            state="all",
            sort=sort,
            direction=direction,
            since=_stamp(since),
            creator=creator or None,
            per_page=PER_PAGE,
        )
        if answer.response.status == 304:
            return NotModified()
        found, following = await self._rest(repository, answer, wire.Issue, pages)
        issues = tuple(each.value(repository) for each in found if each.pull_request is None)
        return IssuePage(issues, answer.response.etag, following is not None)

    async def search_issues(
        self, repository: str, words: str, limit: int = 20
    ) -> tuple[RemoteIssue, ...]:
        """Search a repository's issues for all of some words, best first.

        The index of the search lags behind by minutes: it is good for suggestions only. Words are
        looked for as they are; GitHub's qualifiers and operators have no meaning in them.
        """
        question = ""
        for word in _WORD.findall(words):
            longer = f"{question} {word.lower() if word in _OPERATORS else word}"
            if len(longer) > _LONGEST_QUESTION:
                break
            question = longer
        if not question:
            return ()
        _where(repository)  # it must not bring qualifiers of its own
        variables = {"q": f"{question.strip()} repo:{repository} is:issue", "per_page": limit}
        answer = await self._call(repository, "GET", "/search/issues{?q,per_page}", variables)
        found = await answer.read(wire.SearchResult)
        issues = (each for each in found.items[:limit] if each.pull_request is None)
        return tuple(each.value(repository) for each in issues)

    async def comments(
        self, repository: str, *, since: datetime, among: Collection[int] | None = None
    ) -> tuple[Comment, ...]:
        """List the comments on issues that were written or edited since then, oldest first.

        `among` are the numbers of issues to look at, None for all. Only those that were updated
        since are asked for, each by a request of its own.
        """
        page = await self.issues(repository, since=since, pages=COMMENT_PAGES)
        found: list[Comment] = []
        for issue in page.issues if isinstance(page, IssuePage) else ():
            if issue.comments and (among is None or issue.number in among):
                found += await self.issue_comments(repository, issue.number, since)
        return tuple(sorted(found, key=lambda comment: (comment.updated, comment.id)))

    async def issue_comments(
        self, repository: str, number: int, since: datetime | None = None
    ) -> tuple[Comment, ...]:
        """List the comments on an issue, oldest first; `since` is about their last update."""
        answer = await self._read(
            repository,
            f"{_ISSUE}/comments{{?since,per_page}}",
            number=number,
            since=_stamp(since),
            per_page=PER_PAGE,
        )
        found, _ = await self._rest(repository, answer, wire.IssueComment, COMMENT_PAGES)
        return tuple(each.value(repository, number) for each in found)

    async def access(self, repository: str) -> Access:
        """Ask what may be done in a repository, so that nothing has to be tried.

        Any token can open issues in any public repository, but without labels; so `may_write`
        means that ftbot was let in there. Raises `GitHubError` if that cannot be found out now.
        """
        try:
            labels = await self._labels(repository)
        except (Missing, Forbidden) as error:
            if isinstance(error, Unauthorised):
                raise
            return Access(may_read=False, may_write=False, has_issues=False, labels=frozenset())
        has_issues = await self._has_issues(repository)
        may_write = self.can_write and await self._may_write(repository)
        return Access(True, may_write, has_issues, labels)

    async def failed_deliveries(self, since: datetime) -> tuple[FailedDelivery, ...]:
        """List the App's webhooks that did not arrive since then, and did not later either."""
        address, variables = f"{_DELIVERIES}{{?per_page}}", {"per_page": PER_PAGE}
        answer = await self._api.call("GET", address, variables, key=self._keys.app())
        failed: dict[str, FailedDelivery] = {}
        arrived: set[str] = set()
        for _ in range(DELIVERY_PAGES):
            page = await answer.read_list(wire.Delivery)
            for each in page:
                if 200 <= each.status_code < 300:
                    arrived.add(each.guid)
                elif wire.utc(each.delivered_at) >= since:
                    failed.setdefault(each.guid, each.value())
            if not answer.following or any(wire.utc(each.delivered_at) < since for each in page):
                break
            answer = await self._api.call("GET", answer.following, key=self._keys.app())
        return tuple(each for guid, each in failed.items() if guid not in arrived)

    async def redeliver(self, delivery: int) -> None:
        """Have GitHub send a webhook of the App again, which works for three days."""
        address = _DELIVERIES + "/{id}/attempts"
        await self._api.call("POST", address, {"id": str(delivery)}, key=self._keys.app())

    async def _labels(self, repository: str) -> frozenset[str]:
        answer = await self._read(
            repository, f"{_REPOSITORY}/labels{{?per_page}}", per_page=PER_PAGE
        )
        found, _ = await self._rest(repository, answer, wire.Label, LABEL_PAGES)
        return frozenset(label.name for label in found if label.name)

    async def _has_issues(self, repository: str) -> bool:
        try:
            await self._read(repository, _ISSUES + "{?per_page}", per_page=1)
        except Removed:
            return False
        return True

    async def _may_write(self, repository: str) -> bool:
        if not isinstance(self._credentials, Token):
            return await self._keys.may_write(repository)
        try:
            answer = await self._read(repository, _REPOSITORY)
        except (Missing, Forbidden):  # its issues may be read, so only this cannot be told
            return True
        roles = (await answer.read(wire.Repository)).permissions
        return roles is None or roles.push or roles.triage

    async def _rest(
        self, repository: str, answer: Answer, shape: type[T], pages: int
    ) -> tuple[list[T], str | None]:
        """Read a list's first page and those that follow; gives the address of the next one."""
        found = await answer.read_list(shape)
        for _ in range(pages - 1):
            if answer.following is None:
                break
            answer = await self._call(repository, "GET", answer.following)
            found += await answer.read_list(shape)
        return found, answer.following

    async def _read(
        self, repository: str, address: str, *, etag: str | None = None, **variables: object
    ) -> Answer:
        where = {**_where(repository), **variables}
        return await self._call(repository, "GET", address, where, etag=etag)

    async def _write(
        self, repository: str, address: str, data: object, **variables: object
    ) -> Answer:
        """POST, one at a time: GitHub asks programs not to write side by side."""
        where = {**_where(repository), **variables}
        async with self._writing:
            return await self._call(repository, "POST", address, where, data=data)

    async def _call(
        self,
        repository: str,
        method: str,
        address: str,
        variables: Mapping[str, object] | None = None,
        *,
        data: object = None,
        etag: str | None = None,
    ) -> Answer:
        """Call with the key for a repository; one that has become invalid is bought anew, once."""
        choose = self._keys.reading if method == "GET" else self._keys.writing
        key = await choose(repository)
        try:
            return await self._api.call(method, address, variables, key=key, data=data, etag=etag)
        except Unauthorised:  # so nothing was done
            if not key.renewable:
                raise
        self._keys.drop(repository)
        key = await choose(repository)
        return await self._api.call(method, address, variables, key=key, data=data, etag=etag)


def _where(repository: str) -> dict[str, str]:
    """Give the variables of an address. Raises `Invalid` for what is no repository."""
    if not _NAME.fullmatch(repository):
        raise Invalid(
            phrase("This is not a repository on GitHub."),
            phrase("Write it as owner/name, as in its address."),
        )
    owner, _, name = repository.partition("/")
    return {"owner": owner, "repo": name}


def _stamp(moment: datetime | None) -> str | None:
    """Write a moment as GitHub's `since` takes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
