"""Who waits for an audit, and what they are told, as values."""

from dataclasses import dataclass
from datetime import datetime

from bot.audit.model import Kept
from bot.compat.model import Target
from bot.messages import Destination


@dataclass(frozen=True, slots=True)
class Watch:
    """That a member waits for an audit, at the longest `until` (UTC). `source` is its file."""

    audit: int
    source: str
    target: Target
    until: datetime


@dataclass(frozen=True, slots=True)
class Wish:
    """What became of a member's wish to hear of an audit.

    `watch` is None if there are too many; `every` is what the member waits for now.
    """

    watch: Watch | None
    every: tuple[Watch, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A message that nothing is in the way any more: of the audit `watched`, as `audit` found.

    `nonce` (at most 25 characters) and `marker` (31 bits) are the same at each try. `attempts`
    counts how often it failed in a row if this try does; `made` (UTC seconds) is when it was
    found; `doubtful` since when an earlier try may have sent it, None if none has.
    """

    id: int
    watched: int
    audit: int
    destination: Destination
    made: float
    nonce: str
    marker: int
    attempts: int
    doubtful: float | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """What such a message tells: how it was, and how it is."""

    before: Kept
    now: Kept
