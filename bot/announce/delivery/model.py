"""Messages on their way, as values."""

from dataclasses import dataclass
from datetime import datetime

from bot.announce.model import News
from bot.messages import Destination, Place


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
