"""Webhooks of GitHub: whether they are GitHub's, and what they tell.

Source: GitHub's documentation, "Validating webhook deliveries" and "Webhook events and payloads".
"""

import hashlib
import hmac
from typing import Final

from bot.errors import UserError
from bot.github import wire
from bot.github.model import Event

BODY_LIMIT: Final = 1024 * 1024
"""Bytes; an issue's texts have at most 65,536 characters each, and an edit tells old and new."""

EVENTS: Final = frozenset(
    {"issues", "issue_comment", "ping", "installation", "installation_repositories"}
)
"""What ftbot listens to, or is always sent."""

_PREFIX = "sha256="


def verify(secret: str, body: bytes, signature: str | None) -> bool:
    """Tell whether `X-Hub-Signature-256` is the secret's for these very bytes.

    The older SHA-1 signature is not accepted, and neither is an empty secret.
    """
    if not secret or not signature or not signature.startswith(_PREFIX):
        return False
    expected = _PREFIX + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


def parse(event: str, body: bytes) -> Event | None:
    """Read what a webhook tells; None if it is nothing that ftbot uses.

    `event` is its X-GitHub-Event. Raises UserError if the body is not such a document.
    """
    if event not in EVENTS:
        return None
    try:
        payload = wire.decode(body, wire.Payload)
    except wire.MALFORMED as error:
        raise UserError(
            f"The body of this webhook cannot be read: {str(error)[:120]}.",
            "Set the webhook's content type to application/json.",
        ) from error
    if event in {"issues", "issue_comment"}:
        return _about_an_issue(event, payload)
    return Event(event, payload.action, _repository(payload), sender=_login(payload.sender))


def _about_an_issue(name: str, payload: wire.Payload) -> Event:
    repository, issue, comment = _repository(payload), payload.issue, payload.comment
    if not (payload.action and repository and issue) or (name == "issue_comment") != bool(comment):
        raise UserError(
            f"This webhook says {name}, but not of which issue.",
            "Send what GitHub sent, without changes.",
        )
    by = comment or (issue if payload.action == "opened" else None)
    app = by.performed_via_github_app if by else None
    changes = payload.changes or wire.Changes()
    return Event(
        name,
        payload.action,
        repository,
        issue=issue.value(repository),
        comment=comment.value(repository, issue.number) if comment else None,
        sender=_login(payload.sender),
        by_app=app.slug if app else None,
        moved_to=_place(changes.new_repository, changes.new_issue),
        moved_from=_place(changes.old_repository, changes.old_issue),
        is_pull_request=issue.pull_request is not None,
    )


def _place(
    repository: wire.Repository | None, issue: wire.Numbered | None
) -> tuple[str, int] | None:
    return (repository.full_name, issue.number) if repository and issue else None


def _repository(payload: wire.Payload) -> str:
    return payload.repository.full_name if payload.repository else ""


def _login(user: wire.User | None) -> str:
    return user.login if user else ""
