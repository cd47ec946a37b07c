"""Issues in the shapes of GitHub's REST API, as far as ftbot reads them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bot.sandbox.github.tracker import FTBOT, Comment, Issue


def issue_json(issue: Issue, base: str) -> dict[str, Any]:
    """Give an issue; `base` is the stand-in's own address."""
    repository = f"{base}/repos/{issue.repository}"
    return {
        "id": issue.id,
        "number": issue.number,
        "url": f"{repository}/issues/{issue.number}",
        "repository_url": repository,
        "html_url": page_of(issue, base),
        "title": issue.title,
        "body": issue.body or None,
        "user": user_json(issue.author),
        "labels": [{"name": label} for label in issue.labels],
        "state": issue.state,
        "state_reason": issue.reason,
        "comments": len(issue.comments),
        "created_at": stamp(issue.created),
        "updated_at": stamp(issue.updated),
        "author_association": "NONE",
        "performed_via_github_app": None,
    }


def comment_json(comment: Comment, issue: Issue, base: str) -> dict[str, Any]:
    return {
        "id": comment.id,
        "issue_url": f"{base}/repos/{issue.repository}/issues/{issue.number}",
        "html_url": f"{page_of(issue, base)}#issuecomment-{comment.id}",
        "body": comment.body,
        "user": user_json(comment.author),
        "author_association": comment.association,
        "created_at": stamp(comment.created),
        "updated_at": stamp(comment.created),
    }


def repository_json(repository: str, *, ours: bool) -> dict[str, Any]:
    owner, _, name = repository.partition("/")
    return {
        "full_name": repository,
        "name": name,
        "owner": {"login": owner},
        "private": False,
        "has_issues": True,
        "permissions": {"pull": True, "triage": ours, "push": ours},
    }


def user_json(login: str) -> dict[str, str]:
    return {"login": login, "type": "Bot" if login == FTBOT else "User"}


def labels_json(labels: Iterable[str]) -> list[dict[str, str]]:
    return [{"name": label} for label in labels]


def page_of(issue: Issue, base: str) -> str:
    """Give the address of an issue's page for people."""
    return f"{base}/{issue.repository}/issues/{issue.number}"


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
