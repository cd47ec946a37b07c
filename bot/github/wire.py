"""GitHub's JSON: only the fields that ftbot uses, and tolerant of what is not said.

The shapes are those of GitHub's REST API description; payloads of webhooks hold the same objects.
What GitHub leaves out or sets to null in old or partial objects has a default here.
"""

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec

from bot.github.model import Comment, FailedDelivery, RemoteIssue

MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises (`msgspec.ValidationError` is a DecodeError)."""

Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

_REPOSITORY = re.compile(r"/repos/([^/\s]{1,100}/[^/\s]{1,100})/?")
_WEB_ADDRESS = re.compile(r"https?://[!-~]{1,2000}")
_ISSUE_ADDRESS = re.compile(r".{0,500}/issues/([0-9]{1,18})/?")


class User(msgspec.Struct, frozen=True):
    login: str = ""


class App(msgspec.Struct, frozen=True):
    slug: str | None = None


class Label(msgspec.Struct, frozen=True):
    name: str | None = None


class Issue(msgspec.Struct, frozen=True):
    """An issue, or a pull request if it has the key `pull_request`."""

    number: Number
    id: Number
    title: str
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    html_url: str = ""
    repository_url: str = ""
    body: str | None = None
    state_reason: str | None = None
    labels: list[Label | str] = []
    user: User | None = None
    performed_via_github_app: App | None = None
    pull_request: Any = None
    comments: Number = 0

    def value(self, repository: str, etag: str | None = None) -> RemoteIssue:
        """Give the issue as a value; `repository` is for answers that do not name it."""
        labels = (each if isinstance(each, str) else each.name for each in self.labels)
        found = _REPOSITORY.search(self.repository_url)
        return RemoteIssue(
            repository=found[1] if found else repository,
            number=self.number,
            id=self.id,
            url=web_address(self.html_url),
            title=self.title,
            body=self.body or "",
            state=self.state,
            reason=self.state_reason,
            labels=tuple(label for label in labels if label),
            author=self.user.login if self.user else "",
            created=utc(self.created_at),
            updated=utc(self.updated_at),
            etag=etag,
            comments=self.comments,
            is_pull_request=self.pull_request is not None,
        )


class IssueComment(msgspec.Struct, frozen=True):
    id: Number
    created_at: datetime
    updated_at: datetime
    html_url: str = ""
    issue_url: str = ""
    body: str | None = None
    user: User | None = None
    author_association: str = "NONE"
    performed_via_github_app: App | None = None

    def value(self, repository: str, number: int = 0) -> Comment:
        """Give the comment as a value; its own address names the issue, else `number` does."""
        found = _REPOSITORY.search(self.issue_url)
        issue = _ISSUE_ADDRESS.fullmatch(self.issue_url)
        return Comment(
            id=self.id,
            repository=found[1] if found else repository,
            number=int(issue[1]) if issue else number,
            url=web_address(self.html_url),
            body=self.body or "",
            author=self.user.login if self.user else "",
            association=self.author_association,
            created=utc(self.created_at),
            updated=utc(self.updated_at),
        )


class SearchResult(msgspec.Struct, frozen=True):
    items: list[Issue] = []


class Permissions(msgspec.Struct, frozen=True):
    """What an installation was granted."""

    issues: str = ""


class Installation(msgspec.Struct, frozen=True):
    id: Number
    app_slug: str = ""
    permissions: Permissions = Permissions()


class InstallationToken(msgspec.Struct, frozen=True):
    token: str
    expires_at: datetime


class Roles(msgspec.Struct, frozen=True):
    """What a person may do in a repository."""

    push: bool = False
    triage: bool = False


class Repository(msgspec.Struct, frozen=True):
    full_name: str = ""
    has_issues: bool = True
    permissions: Roles | None = None


class Refusal(msgspec.Struct, frozen=True):
    """The body of an answer that is no success. `errors` are objects or texts."""

    message: str = ""
    errors: Any = None


class Delivery(msgspec.Struct, frozen=True):
    """A delivery of a webhook; `status_code` is 0 where nothing answered."""

    id: Number
    guid: str
    delivered_at: datetime
    status_code: int = 0
    event: str = ""
    action: str | None = None

    def value(self) -> FailedDelivery:
        delivered = utc(self.delivered_at)
        return FailedDelivery(self.id, self.guid, self.event, self.action or "", delivered)


class Numbered(msgspec.Struct, frozen=True):
    number: Number


class Changes(msgspec.Struct, frozen=True):
    """The other place: `transferred` tells the new one, the `opened` that follows the old one."""

    new_issue: Numbered | None = None
    new_repository: Repository | None = None
    old_issue: Numbered | None = None
    old_repository: Repository | None = None


class Payload(msgspec.Struct, frozen=True):
    """The body of a webhook."""

    action: str = ""
    issue: Issue | None = None
    comment: IssueComment | None = None
    repository: Repository | None = None
    sender: User | None = None
    changes: Changes | None = None


T = TypeVar("T")
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


def decode(body: bytes, shape: type[T]) -> T:
    """Read a document. Raises one of `MALFORMED`."""
    return msgspec.json.decode(body, type=shape)


def decode_list(body: bytes, shape: type[T]) -> list[T]:
    """Read a list, item by item, between which a thread gives way. Raises one of `MALFORMED`."""
    return [msgspec.json.decode(item, type=shape) for item in _ITEMS.decode(body)]


def web_address(text: str) -> str:
    """Give an address that is one, else nothing."""
    return text if _WEB_ADDRESS.fullmatch(text) else ""


def utc(moment: datetime) -> datetime:
    """Give a moment in UTC; GitHub's times are, even where they do not say so."""
    with suppress(OverflowError):  # at the ends of the calendar
        moment = moment.astimezone(UTC) if moment.tzinfo else moment
    return moment.replace(tzinfo=UTC)
