"""What Prometheus is told of the cached index, as it is at the moment when it asks."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.index.fill import Fill
from bot.index.service import CachedIndex


class IndexMetrics(Collector):
    """How projects were answered, and how far the background fill is."""

    def __init__(self, index: CachedIndex, fill: Fill) -> None:
        self._index = index
        self._fill = fill

    def collect(self) -> Iterable[Metric]:
        answers = CounterMetricFamily(
            "ftbot_index_answers",
            "Answers about projects: cached, fetched, stale (the index was down) or failed.",
            labels=["how"],
        )
        for how, count in self._index.answers.items():
            answers.add_metric([how], count)
        projects = GaugeMetricFamily(
            "ftbot_fill_projects",
            "Projects that the background fill keeps, and how many of them are cached.",
            labels=["state"],
        )
        progress = self._fill.progress
        projects.add_metric(["cached"], progress.cached)
        projects.add_metric(["wanted"], progress.wanted)
        return answers, projects
