"""What can go wrong with GitHub, by what the caller can do about it.

GitHubError
  Limited           asked too much; not before `until`
  Forbidden         these credentials may not do it
    Unauthorised    these credentials are not accepted at all
  Missing           there is no such thing, or these credentials may not see it
  Removed           it was deleted, or issues are turned off there
  Invalid           GitHub refuses what was sent: sending it again is in vain
  Unclear           a write that may have taken effect all the same
  Unreachable       there was no usable answer; if it was a write, it had no effect
"""

from bot.errors import ServiceError
from bot.language import phrase, phrase_many


class GitHubError(ServiceError):
    """GitHub did not do what it was asked for."""


class Limited(GitHubError):
    """GitHub's limits are reached. `until` is in seconds of the client's clock (UTC, Unix)."""

    def __init__(self, until: float, now: float) -> None:
        minutes = max(1, round((until - now) / 60))
        super().__init__(
            phrase("GitHub wants no more requests from ftbot for now."),
            phrase_many(
                "It goes on by itself in about {count} minute.",
                "It goes on by itself in about {count} minutes.",
                minutes,
            ),
        )
        self.until = until


class Forbidden(GitHubError):
    """The credentials may not do this (403)."""


class Unauthorised(Forbidden):
    """The credentials are wrong, revoked or too old (401)."""


class Missing(GitHubError):
    """It does not exist, or the credentials may not see it (404)."""


class Removed(GitHubError):
    """An issue that was deleted, or a repository without issues (410)."""


class Invalid(GitHubError):
    """GitHub does not take what was sent (400, 422)."""


class Unclear(GitHubError):
    """A write without a usable answer: it may have taken effect, so it must not be repeated."""


class Unreachable(GitHubError):
    """A read without a usable answer, or a write that never got there."""
