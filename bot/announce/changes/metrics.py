"""What Prometheus is told of following the index, as it is at the moment when it asks."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.announce.changes.store import ChangeStore


class ChangeMetrics(Collector):
    """Up to where the index was followed, by whichever process; nothing before the first time."""

    def __init__(self, store: ChangeStore) -> None:
        self._store = store

    def collect(self) -> Iterable[Metric]:
        serial, seen = self._store.reached()
        if not serial:
            return
        yield GaugeMetricFamily(
            "ftbot_index_serial", "The last change of the index that took effect.", value=serial
        )
        yield GaugeMetricFamily(
            "ftbot_index_seen_timestamp_seconds", "When that change was made.", value=seen
        )
