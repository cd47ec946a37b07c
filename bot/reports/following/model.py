"""What follows issues, as values."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that waits.

    `id` is GitHub's; `received` is when it came (UTC seconds), `attempts` how often it failed.
    """

    id: str
    event: str
    body: bytes
    received: float
    attempts: int


@dataclass(frozen=True, slots=True)
class Tracked:
    """An issue that reports belong to; `etag` is for asking whether it changed."""

    repository: str
    number: int
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """How far a repository was looked through: up to what changed at `since`, inclusively.

    `etag` is of the answer to the question for what changed since then.
    """

    since: datetime
    etag: str | None = None
