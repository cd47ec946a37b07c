"""What ftbot writes about a report by itself, as values."""

from dataclasses import dataclass
from enum import StrEnum

from bot.messages import Destination, Place


class Purpose(StrEnum):
    """What a message is for."""

    CARD = "card"
    """The report for triagers; edited whenever it changes."""
    QUESTION = "question"
    """What triagers ask its reporter."""
    OUTCOME = "outcome"
    """What became of it."""


@dataclass(frozen=True, slots=True)
class Post:
    """One message about a report.

    `key` says which question or outcome it is, `note` is the foreign text in it. `nonce` (at most
    25 characters) and `marker` (31 bits) are the same at each try. `place` is where it is, None
    before it was sent. `attempts` counts how often it failed in a row if this try does; `doubtful`
    since when (UTC seconds) an earlier try may have sent it, None if none has. With `mention`, it
    goes to a channel and mentions this person, who takes no direct messages.
    """

    id: int
    report: int
    purpose: Purpose
    key: str
    note: str
    destination: Destination
    fallback: int | None
    nonce: str
    marker: int
    attempts: int
    mention: int | None = None
    place: Place | None = None
    doubtful: float | None = None
