"""Health and figures of the bot while it runs, over HTTP."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Final

from prometheus_client import REGISTRY, disable_created_metrics

from bot.announce.changes.metrics import ChangeMetrics
from bot.announce.changes.store import ChangeStore
from bot.app.core import Core
from bot.app.metrics import GatewayMetrics, OutboxMetrics, ProcessMetrics, outboxes
from bot.db import Identifies
from bot.db.probe import probe
from bot.errors import DatabaseError
from bot.github.metrics import LimitMetrics
from bot.index.metrics import IndexMetrics
from bot.settings import HttpAddress
from bot.web import serving
from bot.xray.metrics import XrayMetrics
from bot.xray.service import XrayService

if TYPE_CHECKING:
    from aiohttp.web import AbstractRouteDef

    from bot.app.running import Running
    from bot.gateway import Gateway

log = logging.getLogger(__name__)

GRACE: Final = 60.0
"""Seconds for which Discord may be away: it asks for a new connection every few hours."""
_READ_PATIENCE: Final = 2.0


class Readiness:
    """Whether people can be answered.

    `connected` says whether Discord is there just now; `read` reads a little of the database, in a
    thread, and raises DatabaseError if it cannot.
    """

    def __init__(
        self,
        connected: Callable[[], bool],
        read: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connected = connected
        self._read = read
        self._clock = clock
        self._reading: asyncio.Task[None] | None = None
        self._was_there = False
        self._away_since: float | None = None

    async def missing(self) -> tuple[str, ...]:
        """Return what is missing for that: `discord`, `database`, or nothing."""
        discord = self._discord_is_there()
        database = await self._database_is_readable()
        return tuple(
            name for name, there in (("discord", discord), ("database", database)) if not there
        )

    def _discord_is_there(self) -> bool:
        now = self._clock()
        if self._connected():
            self._was_there, self._away_since = True, None
        elif self._away_since is None:
            self._away_since = now
        if self._away_since is None:
            return True
        return self._was_there and now - self._away_since < GRACE

    async def _database_is_readable(self) -> bool:
        if self._reading is None or self._reading.done():  # one at a time, should a disk hang
            self._reading = asyncio.create_task(asyncio.to_thread(self._read))
        reading = self._reading
        await asyncio.wait((reading,), timeout=_READ_PATIENCE)
        if not reading.done():
            log.warning("Not ready: the database does not answer")
            return False
        try:
            reading.result()
        except DatabaseError as error:
            log.warning("Not ready: %s", error)
            return False
        return True


def _reading(xray: XrayService) -> dict[str, object]:
    """Say how reading wheels fares; a database that does not answer keeps back no more than it."""
    facts: dict[str, object] = {"readings": xray.readings, "failures": xray.failures}
    with suppress(DatabaseError):
        facts |= asdict(xray.state())
    return facts


@asynccontextmanager
async def observed(
    address: HttpAddress,
    parts: Core,
    running: "Running",
    gateway: "Gateway",
    routes: "Iterable[AbstractRouteDef]" = (),
) -> AsyncIterator[None]:
    """Serve health, figures and `routes` until the block ends."""
    # Each would double the lines of counters and histograms.
    disable_created_metrics()  # type: ignore[no-untyped-call] # as it is in prometheus_client

    def facts() -> dict[str, object]:
        return {
            "fill": asdict(parts.fill.progress),
            "outboxes": outboxes(running),
            "xray": _reading(parts.xray),
        }

    collectors = (
        IndexMetrics(parts.index, parts.fill),
        ChangeMetrics(ChangeStore(parts.database, parts.projects)),
        OutboxMetrics(running),
        XrayMetrics(parts.xray),
        LimitMetrics(running.reporting.github.limits),
        GatewayMetrics(gateway, Identifies(parts.database)),
        ProcessMetrics(),
    )
    for collector in collectors:
        REGISTRY.register(collector)
    try:
        async with serving(
            address,
            statuses=running.services.jobs,
            missing=Readiness(gateway.is_ready, partial(probe, parts.database.path)).missing,
            facts=facts,
            routes=routes,
        ) as bound:
            log.info("Health and metrics on http://%s", bound)
            yield
    finally:
        for collector in collectors:
            REGISTRY.unregister(collector)
