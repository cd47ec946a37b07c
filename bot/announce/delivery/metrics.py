"""What Prometheus is told of the outbox, as of the last look at it."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.announce.delivery.model import Backlog


def age(backlog: Backlog, now: datetime) -> float:
    """Return for how many seconds the oldest news has waited, 0 if none waits."""
    return max((now - backlog.oldest).total_seconds(), 0.0) if backlog.oldest else 0.0


def facts(backlog: Backlog, now: datetime) -> dict[str, float]:
    """Return what /healthz tells of the outbox."""
    return {
        "waiting": backlog.waiting,
        "oldest_seconds": round(age(backlog, now), 1),
        "paused": backlog.paused,
    }


class OutboxMetrics(Collector):
    """How much waits, and for how long."""

    def __init__(self, backlog: Callable[[], Backlog]) -> None:
        self._backlog = backlog

    def collect(self) -> Iterable[Metric]:
        backlog = self._backlog()
        length = GaugeMetricFamily(
            "ftbot_outbox_length",
            "Pieces of news that wait to be sent; those of paused destinations apart.",
            labels=["state"],
        )
        length.add_metric(["waiting"], backlog.waiting)
        length.add_metric(["paused"], backlog.paused)
        oldest = GaugeMetricFamily(
            "ftbot_outbox_oldest_seconds",
            "For how long the oldest piece of news has waited.",
            value=age(backlog, datetime.now(UTC)),
        )
        return length, oldest
