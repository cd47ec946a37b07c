"""What operators are told of the outbox, as of the last look at it."""

from datetime import datetime

from bot.announce.delivery.model import Backlog


def age(backlog: Backlog, now: datetime) -> float:
    """Return for how many seconds the oldest news has waited, 0 if none waits."""
    return max((now - backlog.oldest).total_seconds(), 0.0) if backlog.oldest else 0.0


def facts(backlog: Backlog, now: datetime) -> dict[str, float]:
    """Return how much waits, and for how long."""
    return {
        "waiting": backlog.waiting,
        "oldest_seconds": round(age(backlog, now), 1),
        "paused": backlog.paused,
    }
