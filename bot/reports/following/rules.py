"""What GitHub tells of an issue: whether it is newer than what is known, and who is to hear of it.

GitHub's webhooks come late, twice and in any order, so only an issue's `updated_at` says which of
two states is the newer one. Its resolution is a second.
"""

from enum import Enum, auto
from typing import Final

from bot.github.model import Comment, Event, RemoteIssue
from bot.reports.model import Issue

FOLLOWED: Final = frozenset(
    {"opened", "closed", "reopened", "labeled", "unlabeled", "edited", "transferred", "deleted"}
)
"""Actions of the event `issues` that change what ftbot shows. All others are ignored."""
MOVING: Final = frozenset({"transferred", "deleted"})
"""Those after which the issue is elsewhere or nowhere: GitHub is asked where."""
MAINTAINERS: Final = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
"""Associations of those whose comments are passed on."""
GONE: Final = "gone"
LONGEST_COMMENT: Final = 4_000
"""Characters of a comment that are passed on."""


class Verdict(Enum):
    """What to do with what GitHub tells of an issue."""

    IGNORE = auto()
    """It is old, or known."""
    APPLY = auto()
    ASK = auto()
    """Nobody can say whether it is newer: GitHub is to be asked for the issue as it is."""


def seen(remote: RemoteIssue) -> Issue:
    """Return an issue as reports know it."""
    return Issue(
        repository=remote.repository,
        number=remote.number,
        url=remote.url,
        title=remote.title,
        state=remote.state,
        reason=remote.reason,
        labels=remote.labels,
        updated=remote.updated,
    )


def judge(known: Issue, told: Issue, *, asked: bool) -> Verdict:
    """Compare what is told with what is known. `asked`: it is GitHub's answer, not its event."""
    if known.updated is not None and told.updated is not None:
        if told.updated < known.updated:
            return Verdict.IGNORE
        if told.updated == known.updated and _content(told) == _content(known):
            return Verdict.IGNORE
    if asked:
        return Verdict.APPLY
    # An event of a second that is known already, or of an issue that was gone, may be either.
    if known.updated is None or told.updated == known.updated or known.state == GONE:
        return Verdict.ASK
    return Verdict.APPLY


def outcome(known: Issue, told: Issue) -> str | None:
    """Return the key of what reporters are to hear when `told` follows on `known`, if anything."""
    if told.state == known.state:
        return None
    moment = told.updated.isoformat() if told.updated else ""
    match told.state:
        case "closed":
            return f"closed:{moment}"
        case "open" if known.state == "closed":
            return f"reopened:{moment}"
        case "gone":
            return GONE
    return None


def is_by(login: str, event: Event) -> bool:
    """Say whether the account `login` did it, or the app behind it."""
    return same(event.sender, login) or (
        event.by_app is not None and same(f"{event.by_app}[bot]", login)
    )


def is_worth_telling(comment: Comment, login: str) -> bool:
    """Say whether a comment is a maintainer's; ftbot's own, `login`, never is."""
    return comment.association in MAINTAINERS and not same(comment.author, login)


def passed_on(comment: Comment) -> str:
    """Return a comment's text as it is passed on."""
    text = comment.body.strip()
    return text if len(text) <= LONGEST_COMMENT else f"{text[: LONGEST_COMMENT - 1]}…"


def _content(issue: Issue) -> tuple[object, ...]:
    return issue.state, issue.reason, issue.title, sorted(issue.labels)


def same(one: str, other: str) -> bool:
    """Say whether two logins are one account's; "" is nobody's."""
    return bool(one) and one.casefold() == other.casefold()
