"""The HTTP server that tells operators and their programs how ftbot fares.

    /healthz  200 while the process lives, with how each job fares, as JSON
    /readyz   200 when ftbot can answer people, else 503; says what is missing for that
    /metrics  the same and more in Prometheus' text format

It tells nothing about people or servers. More routes, such as webhooks, are handed in.
"""

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.background import JobStatus
from bot.errors import UserError
from bot.logs import redacted
from bot.settings import HttpAddress

log = logging.getLogger(__name__)

BODY_LIMIT = 1 << 20
"""Bytes of a request; GitHub's webhooks stay far below."""

SHUTDOWN_SECONDS = 1.0
"""How long requests may go on after the end was asked for."""

IN_USE_SECONDS = 5.0
"""How long an address may be in use: a process that was asked to end takes less."""
_IN_USE_PAUSE = 0.25

Statuses = Callable[[], Iterable[JobStatus]]
Missing = Callable[[], Awaitable[Sequence[str]]]


class JobMetrics(Collector):
    """The jobs' statuses as they are at the moment when somebody asks."""

    def __init__(self, statuses: Statuses) -> None:
        self._statuses = statuses

    def collect(self) -> Iterable[Metric]:
        failures = GaugeMetricFamily(
            "ftbot_job_failures", "Failures since the last success.", labels=["name"]
        )
        success = GaugeMetricFamily(
            "ftbot_job_last_success_timestamp_seconds",
            "When a job last succeeded.",
            labels=["name"],
        )
        for status in self._statuses():
            failures.add_metric([status.name], status.failures)
            if status.last_success:
                success.add_metric([status.name], status.last_success.timestamp())
        return failures, success


def application(
    statuses: Statuses,
    missing: Missing,
    registry: CollectorRegistry = REGISTRY,
    routes: Iterable[web.AbstractRouteDef] = (),
    facts: Callable[[], Mapping[str, object]] = dict,
) -> web.Application:
    """Build the server's routes; `statuses`, `missing` and `facts` are asked for each request.

    `missing` names what keeps ftbot from answering people, `facts` are further keys of /healthz.
    """

    async def health(_: web.Request) -> web.Response:
        jobs = {
            status.name: {
                "last_success": _utc(status.last_success),
                "last_error": status.last_error and redacted(status.last_error),
                "failures": status.failures,
                "running": status.running,
            }
            for status in statuses()
        }
        return web.json_response({"status": "ok", "jobs": jobs, **facts()})

    async def readiness(_: web.Request) -> web.Response:
        names = await missing()
        answer = {"ready": not names, "missing": list(names)}
        return web.json_response(answer, status=503 if names else 200)

    async def metrics(_: web.Request) -> web.Response:
        content = generate_latest(registry)
        return web.Response(body=content, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application(client_max_size=BODY_LIMIT)
    app.router.add_get("/healthz", health)
    app.router.add_get("/readyz", readiness)
    app.router.add_get("/metrics", metrics)
    app.router.add_routes(routes)
    return app


@asynccontextmanager
async def serving(
    address: HttpAddress,
    *,
    statuses: Statuses,
    missing: Missing,
    registry: CollectorRegistry = REGISTRY,
    routes: Iterable[web.AbstractRouteDef] = (),
    facts: Callable[[], Mapping[str, object]] = dict,
    patience: float = IN_USE_SECONDS,
) -> AsyncIterator[HttpAddress]:
    """Serve until the block ends; give the address with the port that is really used.

    An address that is in use is waited for, `patience` seconds at most. Raises UserError if it
    cannot be had.
    """
    runner = web.AppRunner(
        application(statuses, missing, registry, routes, facts),
        access_log=None,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    jobs = JobMetrics(statuses)
    await runner.setup()
    try:
        await _listen(runner, address, patience)
        registry.register(jobs)
        try:
            yield HttpAddress(address.host, runner.addresses[0][1])
        finally:
            registry.unregister(jobs)
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, address: HttpAddress, patience: float) -> None:
    """Listen, as soon as the address is free."""
    clock = asyncio.get_running_loop().time
    begun, waits = clock(), False
    while True:
        try:
            return await web.TCPSite(runner, *address).start()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or clock() - begun >= patience:
                raise _unusable(address, error) from error
        if not waits:
            log.info("The address %s is in use, this process waits for it", address)
            waits = True
        await asyncio.sleep(_IN_USE_PAUSE)


def _unusable(address: HttpAddress, error: OSError) -> UserError:
    if error.errno == errno.EADDRINUSE:
        text = f"The address {address} of FTBOT_HTTP is in use by another program."
        return UserError(text, "Stop that program, or set FTBOT_HTTP to a free port.")
    reason = error.strerror or "unknown reason"
    return UserError(
        f"The HTTP server cannot listen on {address}: {reason[:200]}.",
        "Set FTBOT_HTTP to another address, or to nothing for no server.",
    )


def _utc(time: datetime | None) -> str | None:
    return time.isoformat().replace("+00:00", "Z") if time else None
