"""Messages of ftbot's own accord: where they go, and what became of a try to send one."""

from dataclasses import dataclass
from typing import TypeAlias


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
