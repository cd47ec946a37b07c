"""Messages of ftbot's own accord: where they go, and what became of a try to send one."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final, TypeAlias

SOON: Final = 10.0
"""Seconds within which an outbox looks again by itself for what is due."""
LONGEST_WAIT: Final = 3_600.0
"""Nothing is put off for longer, in seconds: what is due later was put off by a wrong clock."""

COMPONENT_IDS: Final = 0x7FFF_FFFF
"""The bits of a marker that a component of Discord's can have as its id: they are signed."""

_FIRST_DELAY, _LONGEST_DELAY = 2.0, 300.0


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a message goes: a channel, or a person's direct messages. Written `channel:123`."""

    kind: str
    id: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message is. Of direct messages, `channel` is the one they go through."""

    channel: int
    message: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that is there; `publishable` if it can be crossposted."""

    place: Place
    publishable: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """The message was edited or crossposted."""


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: after `seconds`, or after a back-off. `doubtful`: it may have taken effect."""

    reason: str
    doubtful: bool
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The destination takes no messages. `reason` is a sentence for those who can mend that."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """This very message will never do, which says nothing about others."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The message was deleted."""


Failure: TypeAlias = Later | Refused | Rejected | Gone


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many messages of an outbox wait, and how many of them failed before."""

    waiting: int = 0
    failing: int = 0


def is_due(due: float, now: float) -> bool:
    """Say whether it is time, also after the clock was set back."""
    return not now < due <= now + LONGEST_WAIT


def delay(attempts: int, jitter: float) -> float:
    """Return the seconds until the next try after so many; `jitter` is from 0 to 1."""
    longest = min(_FIRST_DELAY * 2.0 ** min(attempts - 1, 16), _LONGEST_DELAY)
    return longest * (1 - jitter / 2)


def pause(outcome: Later, attempts: int, jitter: float) -> float:
    """Return the seconds until the next try, as Discord says or else by a back-off."""
    seconds = delay(attempts, jitter) if outcome.seconds is None else outcome.seconds
    return min(seconds, LONGEST_WAIT)


def identity(number: int, destination: Destination, content: str) -> tuple[str, int]:
    """Return the nonce and the marker of a message: the same for the same message, always.

    `content` says what it tells, so that both differ for a new database whose messages have the
    same numbers. The nonce has at most 25 characters, as Discord wants; the marker is a number for
    the message to carry.
    """
    digest = hashlib.sha256(f"{number} {destination} {content}".encode(errors="replace")).digest()
    return base64.b32encode(digest).decode()[:24], int.from_bytes(digest[-4:], "big")
