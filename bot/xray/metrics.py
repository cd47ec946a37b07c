"""What Prometheus is told of reading wheels, as it is at the moment when it asks."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.xray.service import XrayService


class XrayMetrics(Collector):
    """What came of reading here, and how much waits; the queue and the bytes are all processes'."""

    def __init__(self, xray: XrayService) -> None:
        self._xray = xray

    def collect(self) -> Iterable[Metric]:
        readings = CounterMetricFamily(
            "ftbot_xray_readings", "Wheels that were read, by their verdict.", labels=["verdict"]
        )
        for verdict, count in self._xray.readings.items():
            readings.add_metric([verdict], count)
        failures = CounterMetricFamily(
            "ftbot_xray_failures",
            "Wheels that were not read: outage (no answer), limit (too costly), missing (the index"
            " has it no more), doubtful (not the file that it was), other, or a mistake.",
            labels=["kind"],
        )
        for kind, count in self._xray.failures.items():
            failures.add_metric([kind], count)
        state = self._xray.state()
        waiting = GaugeMetricFamily(
            "ftbot_xray_waiting", "Wheels that wait to be read.", value=state.waiting
        )
        fetched = GaugeMetricFamily(
            "ftbot_xray_fetched_today_bytes",
            "Bytes of wheels that were fetched on this day (UTC).",
            value=state.fetched_today,
        )
        limit = GaugeMetricFamily(
            "ftbot_xray_day_limit_bytes",
            "Bytes of wheels that may be fetched in the background on one day.",
            value=state.a_day,
        )
        return readings, failures, waiting, fetched, limit
