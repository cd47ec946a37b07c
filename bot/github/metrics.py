"""What Prometheus is told of GitHub's limits."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.github.limits import Limits


class LimitMetrics(Collector):
    """How many requests are left, as of the last answers, and for how long nothing may be asked."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def collect(self) -> Iterable[Metric]:
        remaining = GaugeMetricFamily(
            "ftbot_github_remaining",
            "Requests that GitHub still takes until the limit is counted anew. Of several "
            "installations, the one with the fewest.",
            labels=["credentials", "resource"],
        )
        for (credentials, resource), count in self._limits.remaining().items():
            remaining.add_metric([credentials, resource], count)
        paused = GaugeMetricFamily(
            "ftbot_github_paused_seconds",
            "For how long nothing is asked of GitHub because of a limit.",
            value=self._limits.paused(),
        )
        return remaining, paused
