"""Answers for whoever asks over HTTP, whom nobody knows: the index is asked within limits."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from bot.check.model import Answer
from bot.compat.model import Target
from bot.compat.targets import ALL_TARGETS
from bot.errors import IndexUnavailable, ProjectNotFound, ServiceError
from bot.language import phrase
from bot.pypi.names import normalise

FRESH: Final = timedelta(days=1)
"""What was read so lately is told as it is known: the background fill reads all once a day."""
BURST, PER_SECOND = 20, 0.5
"""So many projects may be asked for at once, and so many a second in the long run."""
GUESSES, GUESSES_PER_SECOND = 20, 5.0
"""The same of names that were perhaps meant, each of which takes some 4 ms to find."""
PATIENCE: Final = 5.0
"""Seconds that somebody waits for the index."""


class Checks(Protocol):
    """What answers; see `CheckService`."""

    async def answer(self, project: str, targets: Sequence[Target] = ...) -> Answer: ...

    async def known(self, project: str, targets: Sequence[Target] = ...) -> Answer | None: ...

    async def suggestions(self, name: str) -> tuple[str, ...]: ...


class Names(Protocol):
    """All names of the index."""

    def __contains__(self, name: str, /) -> bool: ...


class NotYet(ServiceError):
    """Nothing is known of a project, and the index is not to be asked just now."""


class Allowance:
    """How often something may be done: `burst` times at once, `per_second` in the long run."""

    def __init__(self, burst: int, per_second: float, timer: Callable[[], float]) -> None:
        self._burst = burst
        self._per_second = per_second
        self._timer = timer
        self._left = float(burst)
        self._since = timer()

    def take(self) -> bool:
        """Say whether it may be done once more, and count that."""
        now = self._timer()
        self._left = min(self._burst, self._left + (now - self._since) * self._per_second)
        self._since = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class PublicCheck:
    """Answers from the cache; what is not there, or old, is fetched as often as is polite.

    `names` are all projects of the index: what is not among them is never asked for.
    """

    def __init__(
        self,
        check: Checks,
        names: Names,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._check = check
        self._names = names
        self._clock = clock
        self._allowance = Allowance(BURST, PER_SECOND, timer)
        self._guesses = Allowance(GUESSES, GUESSES_PER_SECOND, timer)

    async def answer(self, project: str, targets: Sequence[Target] = ALL_TARGETS) -> Answer:
        """Say what is known of a project.

        Raises UserError for an impossible name, ProjectNotFound, and ServiceError if nothing is
        known and the index cannot be asked now.
        """
        known = await self._check.known(project, targets)
        if known and self._clock() - known.as_of.fetched < FRESH:
            return known
        if known is None and normalise(project) not in self._names:
            raise ProjectNotFound(project)
        if self._allowance.take():
            try:
                async with asyncio.timeout(PATIENCE):  # the fetch goes on if it takes longer
                    return await self._check.answer(project, targets)
            except (TimeoutError, IndexUnavailable):
                pass  # so what is known is told
        if known:
            return known
        raise NotYet(
            phrase("{project} was not read from the index yet.", project=project),
            phrase("Try again in a minute."),
        )

    async def suggestions(self, name: str) -> tuple[str, ...]:
        """Name projects that were perhaps meant, as often as is cheap; none beyond that."""
        return await self._check.suggestions(name) if self._guesses.take() else ()
