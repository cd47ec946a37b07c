"""What Prometheus is told of the whole bot, as it is at the moment when it asks."""

import math
from collections.abc import Iterable, Mapping
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
from bot.db.identifies import A_DAY, Identifies

if TYPE_CHECKING:
    from bot.app.running import Running
    from bot.gateway import Gateway


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
    """Whether Discord is there, how far away, and how often it may still be identified to."""

    def __init__(self, gateway: "Gateway", identifies: Identifies) -> None:
        self._gateway = gateway
        self._identifies = identifies

    def collect(self) -> Iterable[Metric]:
        connected = GaugeMetricFamily(
            "ftbot_gateway_connected",
            "1 while people are answered: every shard is connected to Discord, or this process "
            "stands by for one where it is so.",
            value=self._gateway.is_ready(),
        )
        stands_by = GaugeMetricFamily(
            "ftbot_gateway_standing_by",
            "1 while another process is on Discord, and this one waits for its end.",
            value=self._gateway.stands_by,
        )
        identifies = GaugeMetricFamily(
            "ftbot_gateway_identifies_today",
            "Sessions that were begun on Discord within the last day, by all processes.",
            value=self._identifies.today(),
        )
        limit = GaugeMetricFamily(
            "ftbot_gateway_identifies_day_limit",
            "How many ftbot allows itself; Discord resets the token beyond 1000.",
            value=A_DAY,
        )
        latency = GaugeMetricFamily(
            "ftbot_gateway_latency_seconds",
            "Between a shard's last heartbeat and its acknowledgement.",
            labels=["shard"],
        )
        servers = GaugeMetricFamily("ftbot_servers", "Servers that ftbot is on.")
        client = self._gateway.client
        if client is not None:
            servers.add_metric([], len(client.guilds))
            for shard, seconds in client.latencies:
                if math.isfinite(seconds):
                    latency.add_metric([str(shard)], seconds)
        return connected, stands_by, identifies, limit, latency, servers


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
