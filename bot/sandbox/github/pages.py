"""The stand-in's pages for people, as HTML."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Final

from bot.sandbox.github.markdown import render
from bot.sandbox.github.tracker import LONGEST_BODY, LONGEST_TITLE, Comment, Issue

STYLE: Final = "/-/style.css"

_CLOSED = {"not_planned": "Closed as not planned", "completed": "Closed as completed"}


def listing(repository: str, issues: Sequence[Issue]) -> str:
    """Show a repository's issues, the newest first."""
    opened = sum(issue.state == "open" for issue in issues)
    rows = "".join(map(_row, reversed(issues)))
    shown = f'<ul class="issues">{rows}</ul>' if rows else "<p>No issue was opened here yet.</p>"
    here = escape(f"/{repository}/issues")
    return _page(
        f"Issues · {repository}",
        f"""\
<p class="where">{escape(repository)}</p>
<h1>Issues</h1>
<div class="bar"><span>{opened} open, {len(issues) - opened} closed</span>
<a class="button first" href="{here}/new">New issue</a></div>
{shown}""",
    )


def issue(it: Issue) -> str:
    """Show an issue with what a maintainer can do about it."""
    here = escape(f"/{it.repository}/issues")
    return _page(
        f"{it.title} · Issue #{it.number} · {it.repository}",
        f"""\
<p class="where"><a href="{here}">{escape(it.repository)}</a></p>
<h1>{escape(it.title)} <span class="number">#{it.number}</span></h1>
<div class="bar">{_badge(it)}<span class="faint">opened by {escape(it.author)}</span>\
{_labels(it.labels)}</div>
{_said(it.author, "opened this", it.created, it.body)}
{"".join(map(_comment, it.comments))}
<h2>As a maintainer</h2>
<form method="post" action="{here}/{it.number}">
<label for="body">Comment</label>
<textarea id="body" name="body" maxlength="{LONGEST_BODY}"></textarea>
<div class="buttons">{_buttons(it)}</div>
</form>""",
    )


def form(repository: str, title: str, body: str, wrong: str = "") -> str:
    """Show the form that opens an issue, filled in. `wrong` says why it is shown again."""
    here = escape(f"/{repository}/issues")
    told = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    return _page(
        f"New issue · {repository}",
        f"""\
<p class="where"><a href="{here}">{escape(repository)}</a></p>
<h1>New issue</h1>
{told}<form class="new" method="post" action="{here}/new">
<label for="title">Title</label>
<input id="title" name="title" required maxlength="{LONGEST_TITLE}" value="{escape(title)}">
<label for="body">Description, in Markdown</label>
<textarea id="body" name="body" maxlength="{LONGEST_BODY}">
{escape(body)}</textarea>
<div class="buttons"><button class="first">Open it as “you”</button></div>
</form>""",
    )


def message(title: str, text: str) -> str:
    """Show what went wrong."""
    return _page(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>")


def _page(title: str, main: str) -> str:
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="stylesheet" href="{STYLE}">
</head>
<body>
<div class="stand-in"><p>This stands in for GitHub in the sandbox of ftbot. Nothing here leaves \
your computer, and it is gone when the sandbox ends.</p></div>
<main>
{main}
</main>
</body>
</html>
"""


def _row(it: Issue) -> str:
    comments = f" · {len(it.comments)} comment{'s' * (len(it.comments) > 1)}" if it.comments else ""
    here = escape(f"/{it.repository}/issues/{it.number}")
    opened = f"#{it.number} opened by {escape(it.author)} on {_time(it.created)}"
    return f"""\
<li>{_badge(it)} <a href="{here}">{escape(it.title)}</a>{_labels(it.labels)}
<p class="faint">{opened}{comments}</p></li>
"""


def _badge(it: Issue) -> str:
    kind = "open" if it.state == "open" else it.reason or "completed"
    return f'<span class="badge {kind}">{_CLOSED.get(kind, "Open")}</span>'


def _labels(labels: Iterable[str]) -> str:
    return "".join(f' <span class="label">{escape(label)}</span>' for label in labels)


def _comment(comment: Comment) -> str:
    return _said(comment.author, "commented", comment.created, comment.body, comment.id)


def _said(author: str, did: str, at: datetime, text: str, number: int | None = None) -> str:
    anchor = f' id="issuecomment-{number}"' if number else ""
    body = render(text) if text.strip() else '<p class="faint">No description.</p>'
    return f"""\
<article{anchor}><header><b>{escape(author)}</b> {did} on {_time(at)}</header>
<div class="said">{body}</div></article>
"""


def _buttons(it: Issue) -> str:
    changes = (
        (("completed", "Close as completed"), ("not_planned", "Close as not planned"))
        if it.state == "open"
        else (("reopened", "Reopen"),)
    )
    return "".join(
        f'<button name="do" value="{value}"{kind}>{words}</button>'
        for value, words, kind in (
            ("comment", "Comment", ' class="first"'),
            *((value, words, "") for value, words in changes),
        )
    )


def _time(moment: datetime) -> str:
    return f'<time datetime="{moment.isoformat()}">{moment:%Y-%m-%d %H:%M} UTC</time>'
