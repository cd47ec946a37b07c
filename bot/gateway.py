"""Keeping a client on Discord: in one process at a time, watched, within what Discord allows.

discord.py gives up where a service should not: on a 503 at login, on an event it cannot read. It
also goes on where it should not: a connection on which nothing comes any more is resumed for ever,
and a session that is refused is begun anew every 5 seconds until Discord resets the token.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol

import aiohttp
import discord
import msgspec
from discord.ext import commands

from bot.background import Leases, Memory
from bot.errors import DatabaseError, SettingsError

log = logging.getLogger(__name__)

LEASE: Final = "gateway"
BACKOFF: Final = "discord.backoff"
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0  # seconds between two starts of a client
STEADY: Final = 600.0
"""Seconds after which a client counts as having worked."""
SILENCE: Final = 120.0
"""Seconds without a sign of life from Discord, which asks for a heartbeat every 41."""

_LOOK: Final = 5.0  # seconds between looks at the client
_STANDBY: Final = 0.25  # seconds between looks at whether another process has left
_RESERVE: Final = 10
"""Identifies of those that Discord says remain today which are left to other programs."""
_HOOK_PATIENCE: Final = 30.0
"""Seconds that an identify may be held up; discord.py gives a connection 60 for all it does."""
_LAST_WORDS: Final = 0.5
"""Seconds for closing connections; discord.py would give a silent Discord 30."""


class Identifies(Protocol):
    """How many identifies there were, of all processes. `shards` count as one."""

    async def pause(self, shards: int = 1) -> float:
        """Return the seconds until the next one may be."""

    async def take(self, shards: int = 1) -> float:
        """Count one that is about to be, and return 0; or return the seconds until it may be."""


class Paused(Exception):
    """No identify may be sent for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no session may begin for {seconds:.0f} seconds")
        self.seconds = seconds


class Silent(Exception):
    """The connection is there, and nothing comes."""


class Superseded(Exception):
    """Another process has the lease."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How many starts in a row failed, and until when there is no other (UTC seconds)."""

    failures: int = 0
    until: float = 0.0

    def after(self, now: float, jitter: float) -> "Backoff":
        """Return what another failure makes of it, the first of a row if it worked for long."""
        failures = self.failures + 1 if now - self.until < STEADY else 1
        pause = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 16), LONGEST_PAUSE)
        return Backoff(failures, now + pause * jitter)

    def paused(self, now: float, seconds: float) -> "Backoff":
        """Return what a pause that is no failure makes of it; a long one is looked at again."""
        return Backoff(self.failures, now + min(seconds, LONGEST_PAUSE))

    def remaining(self, now: float) -> float:
        """Return the seconds until the next start, not too many if the clock was set back."""
        return min(max(self.until - now, 0.0), 1.25 * LONGEST_PAUSE)


class Pulse:
    """When each shard's connection last gave a sign of life. Times are of any one clock.

    It is up from READY or RESUMED until the connection ends. Discord acknowledges heartbeats; with
    each discord.py measures another latency, so one that stays the same is a silence.
    """

    def __init__(self, now: float) -> None:
        self._grew = now
        self._signs: dict[int, float] = {}
        self._latencies: dict[int, float] = {}
        self._up: set[int] = set()

    def is_up(self, shards: int) -> bool:
        """Say whether all of so many shards are up."""
        return len(self._up) >= shards

    def up(self, shard: int, now: float) -> None:
        """Note that a shard's session began or goes on."""
        if shard not in self._signs:
            self._grew = now
        self._up.add(shard)
        self._signs[shard] = now

    def down(self, shard: int) -> None:
        """Note that a shard's connection ended."""
        self._up.discard(shard)

    def beat(self, latencies: Iterable[tuple[int, float]], now: float) -> None:
        """Note the latencies, by shard."""
        for shard, latency in latencies:
            new = math.isfinite(latency) and latency != self._latencies.get(shard)
            if new and shard in self._up:
                self._latencies[shard], self._signs[shard] = latency, now

    def silence(self, shards: int, now: float) -> float:
        """Return how long the quietest of so many shards has been silent.

        Shards come up one after the other; one that was never up has been silent since the last.
        """
        missing = [] if len(self._signs) >= shards else [self._grew]
        return now - min([*self._signs.values(), *missing])


class Gateway:
    """Keeps a client on Discord, as long as `run` runs.

    Of several processes on a database one does so; the others stand by, and one of them takes over
    when that one leaves or dies. `sleep` is for the pauses between starts.
    """

    def __init__(
        self,
        leases: Leases,
        memory: Memory,
        identifies: Identifies,
        *,
        silence: float = SILENCE,
        look: float = _LOOK,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._leases = leases
        self._memory = memory
        self._identifies = identifies
        self._silence = silence
        self._look = look
        self._sleep = sleep
        self._clock = clock
        self._client: commands.AutoShardedBot | None = None
        self._pulse = Pulse(time.monotonic())
        self._backoff = Backoff()
        self._stands_by = False

    @property
    def client(self) -> commands.AutoShardedBot | None:
        """The client of the moment."""
        return self._client

    @property
    def stands_by(self) -> bool:
        """Whether another process is on Discord, and this one waits for its end."""
        return self._stands_by

    def is_ready(self) -> bool:
        """Say whether people are answered, be it by the process that this one stands by for."""
        return self._stands_by or (self._client is not None and self._pulse.is_up(self._shards))

    @property
    def _shards(self) -> int:
        """How many shards the client has; it knows when Discord has told."""
        return (self._client and self._client.shard_count) or 1

    async def identify(self) -> None:
        """Count an identify that is about to be sent; wait for it to be allowed. Raises Paused."""
        while wait := await self._identifies.take(self._shards):
            if wait > _HOOK_PATIENCE:
                raise Paused(wait)
            await self._sleep(wait)

    async def run(self, build: Callable[[], commands.AutoShardedBot], token: str) -> NoReturn:
        """Keep a client on Discord until cancelled; one that dies is built anew after a pause.

        Its `before_identify_hook` has to call `identify`. Pauses are remembered across restarts.
        Raises SettingsError for a refused token.
        """
        self._backoff = await self._recall()
        while True:
            if seconds := self._backoff.remaining(self._clock()):
                log.info("Connecting to Discord in about %.0f seconds", seconds)
                await self._sleep(seconds)
            await self._stand_by()
            try:
                await self._serve(build, token)
                log.warning("Discord closed the connection")
            except discord.LoginFailure as error:
                raise SettingsError(
                    "Discord refused the token.",
                    "Set FTBOT_DISCORD_TOKEN to the token on the application's Bot page.",
                ) from error
            except Superseded:
                log.warning("Another process is on Discord now")
                continue
            except Paused as pause:
                log.warning("Too many sessions were begun on Discord: %s", pause)
                await self._remember(self._backoff.paused(self._clock(), pause.seconds))
                continue
            except Exception as error:
                if _is_outage(error):
                    log.warning("Discord is out of reach: %s: %s", type(error).__name__, error)
                else:
                    log.exception("The Discord client stopped")
            jitter = random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, guards nothing
            await self._remember(self._backoff.after(self._clock(), jitter))

    async def _stand_by(self) -> None:
        """Wait until no other process is on Discord."""
        refused = False
        try:
            while not await self._may_connect():
                if not refused:
                    log.info("Another process is on Discord, this one stands by")
                refused = self._stands_by = True
                await asyncio.sleep(_STANDBY)
        finally:
            self._stands_by = False

    async def _may_connect(self) -> bool:
        while True:
            try:
                return await self._leases.take(LEASE)
            except DatabaseError as error:
                log.warning("Whether another process is on Discord cannot be known: %s", error)
                await asyncio.sleep(FIRST_PAUSE)

    async def _serve(self, build: Callable[[], commands.AutoShardedBot], token: str) -> None:
        """Run a client until it ends, is dead, or another process has the lease."""
        client, pulse = build(), Pulse(time.monotonic())
        _listen(client, pulse)
        self._client, self._pulse = client, pulse
        try:
            async with client:
                try:
                    await _first_to_end(self._session(client, token), self._watch(), self._hold())
                finally:
                    await _hang_up(client)  # what is asked from now on is the next process's
                    await self._release()
        finally:
            self._client = None

    async def _session(self, client: commands.AutoShardedBot, token: str) -> None:
        """Log in and stay connected, if Discord allows another session today. Raises Paused."""
        if wait := await self._identifies.pause(self._shards):
            raise Paused(wait)
        await client.login(token)
        limits = await client.fetch_session_start_limits()
        if limits.remaining < self._shards + _RESERVE:
            raise Paused(limits.reset_after / 1000)
        await client.connect()

    async def _watch(self) -> None:
        """Look at the client from time to time. Raises Silent if it is dead."""
        while True:
            await asyncio.sleep(self._look)
            now = time.monotonic()
            if self._client is not None:
                self._pulse.beat(self._client.latencies, now)
            if (silence := self._pulse.silence(self._shards, now)) > self._silence:
                raise Silent(f"nothing was heard for {silence:.0f} seconds")

    async def _hold(self) -> None:
        """Renew the lease. Raises Superseded if another process got it.

        While the database cannot be written, no other process can get it either.
        """
        while True:
            await asyncio.sleep(self._leases.ttl / 3)
            try:
                held = await self._leases.take(LEASE)
            except DatabaseError as error:
                log.warning("The lease of Discord's gateway is not renewed: %s", error)
            else:
                if not held:
                    raise Superseded

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(_LAST_WORDS):
                await self._leases.release(LEASE)
        except (DatabaseError, TimeoutError) as error:
            log.warning("The lease of Discord's gateway was not given back: %s", error)

    async def _recall(self) -> Backoff:
        try:
            text = await self._memory.get(BACKOFF)
            return msgspec.json.decode(text, type=Backoff) if text else Backoff()
        except (DatabaseError, msgspec.MsgspecError) as error:
            log.warning("Earlier failures to connect to Discord are not known: %s", error)
            return Backoff()

    async def _remember(self, backoff: Backoff) -> None:
        self._backoff = backoff
        try:
            await self._memory.set(BACKOFF, msgspec.json.encode(backoff).decode())
        except DatabaseError as error:
            log.warning("The pause is not remembered: %s", error)


def _listen(client: commands.AutoShardedBot, pulse: Pulse) -> None:
    """Let the pulse know what happens to the client's connections."""

    async def up(shard: int) -> None:
        pulse.up(shard, time.monotonic())

    async def down(shard: int) -> None:
        pulse.down(shard)

    client.add_listener(up, "on_shard_connect")
    client.add_listener(up, "on_shard_resumed")
    client.add_listener(down, "on_shard_disconnect")


async def _first_to_end(*works: Coroutine[Any, Any, None]) -> None:
    """Do several things until one ends, and raise what it raises."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _hang_up(client: discord.AutoShardedClient) -> None:
    """Close the connections to the gateway, as far as Discord takes part in that."""
    closing = [asyncio.create_task(shard.disconnect()) for shard in client.shards.values()]
    if closing:
        _, unclosed = await asyncio.wait(closing, timeout=_LAST_WORDS)
        for task in unclosed:
            task.cancel()
        await asyncio.gather(*closing, return_exceptions=True)


def _is_outage(error: Exception) -> bool:
    """Whether an error means that Discord or the network is down, rather than a mistake here."""
    if isinstance(error, discord.HTTPException):
        return error.status == 429 or error.status >= 500  # the former as of a proxy
    return isinstance(
        error,
        OSError | aiohttp.ClientError | discord.GatewayNotFound | discord.ConnectionClosed | Silent,
    )
