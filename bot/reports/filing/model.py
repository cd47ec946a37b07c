"""Reports on their way to GitHub, as values."""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """How far a filing is."""

    WAITING = "waiting"
    """It was not sent yet."""
    SENDING = "sending"
    """A POST may have taken effect: the issue is to be looked for before there is another one."""
    FILED = "filed"
    FAILED = "failed"
    """GitHub refused; a triager may file the report anew."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the outbox.

    `started` is when it was first sent (UTC seconds), None before; `looked` how often it was
    looked for in vain since it was last sent; `attempts` how often it was sent. `problem` is a
    sentence for triagers.
    """

    report: int
    uid: str
    repository: str
    title: str
    body: str
    labels: tuple[str, ...]
    stage: Stage = Stage.WAITING
    started: float | None = None
    looked: int = 0
    attempts: int = 0
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many filings wait, and of how many it is unclear whether they are there."""

    waiting: int = 0
    unclear: int = 0
