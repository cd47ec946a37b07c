"""Which message comes next for a destination, when to try again, and how a message is known."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.announce.delivery.model import Waiting
from bot.messages import Destination

HOUR: Final = 3_600.0
TOO_OLD: Final = 48 * HOUR
"""News that waited longer, in seconds, get no message of their own."""
FLOOD: Final = 5
"""So many messages of more than an hour ago are still sent one by one."""
DIRECT_AN_HOUR: Final = 3
"""So many direct messages an hour a person gets; if there are more, one digest an hour."""
LONGEST_WAIT: Final = HOUR
"""Nothing is put off for longer, in seconds: what is due later was put off by a wrong clock."""

_FIRST_DELAY, _LONGEST_DELAY = 2.0, 300.0


@dataclass(frozen=True, slots=True)
class Next:
    """The deliveries that one message carries; none: then not before `until` (UTC seconds)."""

    ids: tuple[int, ...] = ()
    until: float | None = None


def is_due(due: float, now: float) -> bool:
    """Say whether it is time, also after the clock was set back."""
    return not now < due <= now + LONGEST_WAIT


def plan(kind: str, waiting: Sequence[Waiting], recent: Sequence[float], now: float) -> Next:
    """Choose the next message of a destination of `kind` from all that waits, in order of ids.

    `recent` is when messages were first sent there. A message that was begun comes first, with
    the same deliveries as before, and holds up all others until it is through: so each channel
    keeps its order.
    """
    begun = next((each for each in waiting if each.parcel is not None), None)
    held = next((each for each in waiting if each.attempts), begun)
    if held is not None and not is_due(held.due, now):
        return Next(until=held.due)
    if begun is not None:
        return Next(tuple(each.id for each in waiting if each.parcel == begun.parcel))
    due = [each for each in waiting if is_due(each.due, now)]
    if not due:
        return Next()
    if kind == "user":
        return _direct(due, recent, now)
    digest = _outdated(due, now)
    if due[0] in digest:
        return Next(tuple(each.id for each in digest))
    return Next((due[0].id,))


def _outdated(due: Sequence[Waiting], now: float) -> list[Waiting]:
    """Return what is too old for messages of its own: the digest of it."""
    late = [each for each in due if now - each.found > HOUR]
    if len(late) > FLOOD:
        return late
    return [each for each in due if each.digest or now - each.found > TOO_OLD]


def _direct(due: Sequence[Waiting], recent: Sequence[float], now: float) -> Next:
    lately = [time for time in recent if now - HOUR < time <= now]
    if _outdated(due, now) or len(due) + len(lately) > DIRECT_AN_HOUR:
        if lately:
            return Next(until=max(lately) + HOUR)
        return Next(tuple(each.id for each in due))
    return Next((due[0].id,))


def delay(attempts: int, jitter: float) -> float:
    """Return the seconds until the next try after so many; `jitter` is from 0 to 1."""
    longest = min(_FIRST_DELAY * 2.0 ** min(attempts - 1, 16), _LONGEST_DELAY)
    return longest * (1 - jitter / 2)


def identity(parcel: int, destination: Destination, first: str) -> tuple[str, int]:
    """Return the nonce and the marker of a message: the same for the same message, always.

    `first` says what its first piece of news is, so that both differ for a new database whose
    parcels have the same numbers. The nonce has at most 25 characters, as Discord wants; the
    marker is a number for the message to carry.
    """
    digest = hashlib.sha256(f"{parcel} {destination} {first}".encode(errors="replace")).digest()
    return base64.b32encode(digest).decode()[:24], int.from_bytes(digest[-4:], "big")
