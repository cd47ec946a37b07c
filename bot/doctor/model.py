"""What an examination finds, as values."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

PATIENCE: Final = 30.0
"""Seconds that a check may take."""


class State(StrEnum):
    """How something is."""

    OK = "ok"
    WARNING = "warning"
    """The bot works, but not as well as it could."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """It was not looked at, such as where a setting turns it off."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How one thing is: a sentence, and one that says how to mend it.

    `answered` is False if that is only because a service did not answer.
    """

    name: str
    state: State
    text: str
    mend: str = ""
    answered: bool = True


Findings: TypeAlias = Sequence[Finding]


@dataclass(frozen=True, slots=True)
class Check:
    """Looks at one thing, or at several of a kind, for `seconds` at most.

    What `look` raises is a finding too, under `name`.
    """

    name: str
    look: Callable[[], Awaitable[Findings]]
    seconds: float = PATIENCE


@dataclass(frozen=True, slots=True)
class Place:
    """A channel or thread where the bot writes by itself, with a role that it mentions there.

    `triage` if it is where a server decides on reports, and `paused` if nothing is sent there
    since the bot was refused.
    """

    channel: int
    guild: int
    role: int | None = None
    triage: bool = False
    paused: bool = False
