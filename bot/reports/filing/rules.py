"""When the next issue may be made, and what to tell triagers if it cannot be."""

from collections.abc import Collection, Sequence
from typing import Final

from bot.language import Phrase, phrase, phrase_many, together

MINUTE, HOUR = 60.0, 3_600.0
A_MINUTE: Final = 20
"""Issues in a minute; GitHub lets a program make 80 (its page on rate limits)."""
AN_HOUR: Final = 200
"""Issues in an hour; GitHub lets a program make 500, people's on its site included."""
KEPT: Final = 24 * HOUR
"""How long it is kept when an issue was made, for a clock that is wrong for a while."""
PAUSE: Final = 1.0
"""Seconds between two issues, as GitHub asks for."""

LOOKS: Final = 2
"""So many looks in vain say that a POST had no effect."""
EARLIER: Final = HOUR
"""Seconds before the first POST from which on issues are looked through, for a clock that is fast.

A page or two more, at most."""

_LIST_AT_MOST: Final = 10
_SAID_AT_MOST: Final = 200


def next_post(recent: Sequence[float], now: float) -> float:
    """Return when the next issue may be made, if these were in the last hour; `now`: at once.

    All times are UTC seconds. Those in the future are of a clock that was wrong.
    """
    times = sorted(time for time in recent if now - HOUR < time <= now)
    earliest = now
    if times:
        earliest = max(earliest, times[-1] + PAUSE)
    for count, span in ((A_MINUTE, MINUTE), (AN_HOUR, HOUR)):
        if len(times) >= count:
            earliest = max(earliest, times[-count] + span)
    return earliest


def existing(wanted: Sequence[str], labels: Collection[str]) -> tuple[str, ...]:
    """Return the labels of `wanted` that a repository has; case makes no difference on GitHub."""
    known = {label.casefold() for label in labels}
    return tuple(label for label in wanted if label.casefold() in known)


def lacking(
    repository: str, wanted: Sequence[str], given: Collection[str], labels: Collection[str] | None
) -> str | None:
    """Say which labels an issue was to have and has not, and how to mend that.

    `labels` are the repository's, None if they are not known.
    """
    missing = [label for label in wanted if label not in existing(wanted, given)]
    if not missing:
        return None
    known = existing(missing, labels or ())
    if labels is not None and not known:
        return phrase(
            "{repository} has no label {labels}: create it there, or label by hand.",
            repository=repository,
            labels=_listed(missing),
        )
    return phrase(
        "GitHub left out the label {labels}: give ftbot the permission Issues: write on"
        " {repository}, or label by hand.",
        repository=repository,
        labels=_listed(known or missing),
    )


# Words for triagers: what is to be mended comes first, for cards cut what is long.


def forbidden(repository: str, *, said: str = "") -> str:
    """Tell triagers that ftbot may not make issues there; `said` are GitHub's own words."""
    text = phrase(
        "ftbot may not make issues in {repository}: give its GitHub App or token the permission"
        " Issues: write there, then file again.",
        repository=repository,
    )
    return together(text, _quoted(said))


def missing(repository: str) -> str:
    """Tell triagers that there is no such repository for ftbot."""
    return phrase(
        "GitHub shows ftbot no repository {repository}: check its name, and that ftbot's GitHub"
        " App or token reaches it, then file again.",
        repository=repository,
    )


def no_issues(repository: str) -> str:
    """Tell triagers that a repository takes no issues."""
    return phrase(
        "{repository} takes no issues: turn them on in its settings and file again, or hand the"
        " report over.",
        repository=repository,
    )


def invalid(repository: str, said: str) -> str:
    """Tell triagers that GitHub does not take this very issue."""
    text = phrase(
        "GitHub does not take this issue for {repository}: hand the report over, or tell ftbot's"
        " operator.",
        repository=repository,
    )
    return together(text, _quoted(said))


def unseen(repository: str) -> str:
    """Tell triagers that nobody knows whether the issue is there."""
    return phrase(
        "It is unclear whether this was filed, for ftbot may not look at {repository}: let it"
        " read issues there.",
        repository=repository,
    )


NO_CREDENTIALS: Final = phrase(
    "Filing waits: ftbot has no credentials for GitHub. Its operator must set"
    " FTBOT_GITHUB_TOKEN, or FTBOT_GITHUB_APP_ID and FTBOT_GITHUB_APP_KEY_FILE."
)
SILENT: Final = phrase("Filing waits: GitHub does not answer. ftbot tries again by itself.")
LIMITED: Final = phrase("Filing waits: GitHub's limit is reached. ftbot goes on by itself.")
BUSY: Final = phrase(
    "Filing waits: ftbot makes {most} issues an hour at most. It goes on by itself.", most=AN_HOUR
)
UNWANTED: Final = phrase("It was taken back before it was sent.")


def rejected(said: str) -> str:
    """Tell triagers that GitHub does not know ftbot any more; `said` names the mend."""
    return phrase("Filing waits for ftbot's operator: {said}", said=said)


def _listed(labels: Sequence[str]) -> str:
    more = len(labels) - _LIST_AT_MOST
    listed = ", ".join(labels[:_LIST_AT_MOST])
    if more <= 0:
        return listed
    return phrase_many(
        "{listed} and {count} more", "{listed} and {count} more", more, listed=listed
    )


def _quoted(said: str) -> str:
    if not isinstance(said, Phrase):
        text = " ".join(said.split()).rstrip(".")[:_SAID_AT_MOST]
        said = f"{text}." if text else ""
    return phrase("({said})", said=said) if said else ""
