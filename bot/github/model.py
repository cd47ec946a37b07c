"""Issues, comments and events of GitHub, as values.

All text in them is foreign. Times are aware datetimes in UTC.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RemoteIssue:
    """An issue as GitHub tells it.

    `repository` is `owner/name` as it is called now, `id` is unique on GitHub; `url` is the page
    for people. `state` is `open` or `closed`, `reason` GitHub's `state_reason` (`completed`,
    `not_planned`, `duplicate`, `reopened` or None). `author` is "" if the account is gone.
    `comments` counts them; `etag` is there if the issue was asked for by itself, and then it may be
    a pull request, which has a number among them.
    """

    repository: str
    number: int
    id: int
    url: str
    title: str
    body: str
    state: str
    reason: str | None
    labels: tuple[str, ...]
    author: str
    created: datetime
    updated: datetime
    etag: str | None = None
    comments: int = 0
    is_pull_request: bool = False


@dataclass(frozen=True, slots=True)
class IssuePage:
    """Issues of a repository, without pull requests.

    `etag` is for the same question next time; `more` says that there are further pages.
    """

    issues: tuple[RemoteIssue, ...]
    etag: str | None
    more: bool


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on the issue `number`.

    `association` is what its author is to the repository: `OWNER`, `MEMBER`, `COLLABORATOR`,
    `CONTRIBUTOR`, `NONE` …
    """

    id: int
    repository: str
    number: int
    url: str
    body: str
    author: str
    association: str
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True)
class Access:
    """What ftbot may do in a repository. `labels` are the names of those that exist there."""

    may_read: bool
    may_write: bool
    has_issues: bool
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Event:
    """What a webhook tells.

    `name` is the kind of event (`issues`, `issue_comment`, `ping` …), `action` what happened, ""
    for events without. `sender` is who did it; `by_app` the slug of the app through which it was
    done, where GitHub says so: of an issue only when it is opened, for later it still names who
    opened it. `moved_to` is the repository and number that a transferred issue has now, and
    `moved_from` those that an issue had which is `opened` only because it was transferred.
    """

    name: str
    action: str
    repository: str
    issue: RemoteIssue | None = None
    comment: Comment | None = None
    sender: str = ""
    by_app: str | None = None
    moved_to: tuple[str, int] | None = None
    moved_from: tuple[str, int] | None = None
    is_pull_request: bool = False


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """A webhook of the app that did not arrive. `guid` is its X-GitHub-Delivery."""

    id: int
    guid: str
    event: str
    action: str
    delivered: datetime
