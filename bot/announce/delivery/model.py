"""Messages on their way, as values."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from bot.announce.model import Destination, News


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that was not sent yet. Times are UTC seconds.

    `parcel` is set while a try may have sent it, and says with which others.
    """

    id: int
    found: float
    due: float
    attempts: int = 0
    digest: bool = False
    parcel: int | None = None


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
class Parcel:
    """One message to send: a piece of news in full, or several as a digest.

    `id` is the least id of its deliveries. `nonce` (at most 25 characters) and `marker` (32
    bits) are the same at each try. `doubtful` since when (UTC seconds) an earlier try may have
    sent it, None if none has. `attempts` counts how often it failed in a row if this try does.
    """

    id: int
    destination: Destination
    news: tuple[News, ...]
    nonce: str
    marker: int
    attempts: int
    doubtful: float | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """A message that was sent and of which something is left to do.

    `stale` if it does not show its news as they are now, `publish` if it is to be crossposted.
    """

    parcel: Parcel
    place: Place
    stale: bool
    publish: bool


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many pieces of news wait to be sent, and since when (UTC) the oldest does.

    Those for destinations that are paused are counted apart, in `paused`.
    """

    waiting: int = 0
    oldest: datetime | None = None
    paused: int = 0


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
