"""Which message comes next for a destination."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.announce.delivery.model import Waiting
from bot.messages import is_due

HOUR: Final = 3_600.0
TOO_OLD: Final = 48 * HOUR
"""News that waited longer, in seconds, get no message of their own."""
FLOOD: Final = 5
"""So many messages of more than an hour ago are still sent one by one."""
DIRECT_AN_HOUR: Final = 3
"""So many direct messages an hour a person gets; if there are more, one digest an hour."""


@dataclass(frozen=True, slots=True)
class Next:
    """The deliveries that one message carries; none: then not before `until` (UTC seconds)."""

    ids: tuple[int, ...] = ()
    until: float | None = None


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
