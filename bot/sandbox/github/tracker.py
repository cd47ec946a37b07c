"""The issues of made-up repositories, in memory."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Final, Literal, TypeAlias

from bot.errors import UserError

LONGEST_BODY: Final = 65_536
LONGEST_TITLE: Final = 256
FTBOT: Final = "ftbot"
YOU: Final = "you"
MAINTAINER: Final = "maintainer"


@dataclass(slots=True)
class Comment:
    id: int
    author: str
    body: str
    created: datetime

    @property
    def association(self) -> str:
        """What the author is to the repository, in GitHub's words."""
        return "MEMBER" if self.author == MAINTAINER else "NONE"


@dataclass(slots=True)
class Issue:
    repository: str
    number: int
    id: int
    author: str
    title: str
    body: str
    created: datetime
    updated: datetime
    labels: list[str] = field(default_factory=list)
    state: Literal["open", "closed"] = "open"
    reason: str | None = None
    comments: list[Comment] = field(default_factory=list)


Listener: TypeAlias = Callable[[str, Issue, Comment | None, str], None]
"""Is told of each change: the action, the issue, the new comment and who did it."""


class Tracker:
    """All issues. Names of repositories and labels are compared without regard to case.

    Every repository exists, and is empty until an issue is opened there. Times are whole seconds,
    as GitHub's are; `clock` gives UTC seconds (Unix). Titles and bodies that GitHub would refuse
    raise UserError, unknown issues KeyError.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.listeners: list[Listener] = []
        self._clock = clock
        self._ids = count(1_000_001)
        self._issues: dict[str, list[Issue]] = {}

    def issues(self, repository: str) -> Sequence[Issue]:
        """List a repository's issues, oldest first."""
        return self._issues.get(repository.lower(), ())

    def everything(self) -> Iterable[Issue]:
        return (issue for issues in self._issues.values() for issue in issues)

    def issue(self, repository: str, number: int) -> Issue:
        issues = self.issues(repository)
        if not 1 <= number <= len(issues):
            raise KeyError(number)
        return issues[number - 1]

    def open(
        self, repository: str, author: str, title: str, body: str, labels: Iterable[str] = ()
    ) -> Issue:
        title = " ".join(title.split())
        if not title:
            raise UserError("The title is missing.", "Write one.")
        _require_length("title", title, LONGEST_TITLE)
        _require_length("body", body, LONGEST_BODY)
        issues = self._issues.setdefault(repository.lower(), [])
        number, now = len(issues) + 1, self._now()
        issue = Issue(repository, number, next(self._ids), author, title, body, now, now)
        issue.labels += dict.fromkeys(labels)
        issues.append(issue)
        self._tell("opened", issue, author)
        return issue

    def close(self, issue: Issue, reason: str, by: str) -> None:
        """Close an open issue; the reason is `completed` or `not_planned`."""
        if issue.state == "open":
            issue.state, issue.reason = "closed", reason
            self._changed("closed", issue, by)

    def reopen(self, issue: Issue, by: str) -> None:
        if issue.state == "closed":
            issue.state, issue.reason = "open", "reopened"
            self._changed("reopened", issue, by)

    def label(self, issue: Issue, labels: Iterable[str], by: str) -> None:
        if new := [label for label in dict.fromkeys(labels) if label not in issue.labels]:
            issue.labels += new
            self._changed("labeled", issue, by)

    def comment(self, issue: Issue, author: str, body: str) -> Comment:
        if not body.strip():
            raise UserError("The comment is empty.", "Write something.")
        _require_length("body", body, LONGEST_BODY)
        comment = Comment(next(self._ids), author, body, self._now())
        issue.comments.append(comment)
        self._changed("created", issue, author, comment)
        return comment

    def _changed(self, action: str, issue: Issue, by: str, comment: Comment | None = None) -> None:
        issue.updated = self._now()
        self._tell(action, issue, by, comment)

    def _tell(self, action: str, issue: Issue, by: str, comment: Comment | None = None) -> None:
        for listener in self.listeners:
            listener(action, issue, comment, by)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(int(self._clock()), UTC)


def _require_length(what: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise UserError(f"{what} is too long (maximum is {limit} characters).", "Shorten it.")
