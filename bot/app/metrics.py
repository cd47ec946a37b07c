"""What Prometheus is told of the whole bot, as it is at the moment when it asks."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from bot import logs
from bot.announce.delivery import metrics as news
from bot.app.about import versions

if TYPE_CHECKING:
    from discord import AutoShardedClient

    from bot.app.running import Running


def outboxes(running: "Running") -> Mapping[str, Mapping[str, float]]:
    """Return how much waits in each outbox, by what about it."""
    return {
        "news": news.facts(running.outbox.backlog, datetime.now(UTC)),
        "posts": asdict(running.reporting.posts.waiting),
        "audit_notes": asdict(running.auditing.outbox.waiting),
        "filing": asdict(running.reporting.filing.backlog),
    }


class OutboxMetrics(Collector):
    """How much waits to be sent, as of the last look at each outbox."""

    def __init__(self, running: "Running") -> None:
        self._running = running

    def collect(self) -> Iterable[Metric]:
        length = GaugeMetricFamily(
            "ftbot_outbox_length",
            "What waits to be sent. Among it, failing has failed before, and of unclear it is not "
            "known whether it was sent. News for paused destinations are counted apart.",
            labels=["outbox", "state"],
        )
        oldest = GaugeMetricFamily(
            "ftbot_outbox_oldest_seconds",
            "For how long the oldest piece of news has waited.",
        )
        for outbox, facts in outboxes(self._running).items():
            for state, value in facts.items():
                if state == "oldest_seconds":
                    oldest.add_metric([], value)
                else:
                    length.add_metric([outbox, state], value)
        return length, oldest


class GatewayMetrics(Collector):
    """Whether Discord is there, and how far away; `connected` says the former."""

    def __init__(
        self, client: "Callable[[], AutoShardedClient | None]", connected: Callable[[], bool]
    ) -> None:
        self._client = client
        self._connected = connected

    def collect(self) -> Iterable[Metric]:
        connected = GaugeMetricFamily(
            "ftbot_gateway_connected",
            "1 while people are answered: every shard is connected to Discord, or this process "
            "stands by for one where it is so.",
            value=self._connected(),
        )
        latency = GaugeMetricFamily(
            "ftbot_gateway_latency_seconds",
            "Between a shard's last heartbeat and its acknowledgement.",
            labels=["shard"],
        )
        servers = GaugeMetricFamily("ftbot_servers", "Servers that ftbot is on.")
        client = self._client()
        if client is not None:
            servers.add_metric([], len(client.guilds))
            for shard, seconds in client.latencies:
                if math.isfinite(seconds):
                    latency.add_metric([str(shard)], seconds)
        return connected, latency, servers


class ProcessMetrics(Collector):
    """What runs here, and how much it had to say."""

    def collect(self) -> Iterable[Metric]:
        info = InfoMetricFamily("ftbot", "What runs.", value=asdict(versions()))
        records = CounterMetricFamily(
            "ftbot_log_records", "Records that were written to the log.", labels=["level"]
        )
        for level, count in sorted(logs.written.items()):
            records.add_metric([level], count)
        return info, records
