"""GitHub's limits, as its answers tell them.

The primary limit is per credentials and resource (`core`, `search`); the secondary one is for all
that ftbot does. GitHub bans programs that go on asking while they are limited, so until a limit
ends nothing is asked.
Source: GitHub's documentation, "Rate limits for the REST API" and "Best practices".
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from bot.github.errors import Limited
from bot.http import Response, parse_retry_after

SECONDARY_PAUSE = 60.0
"""Seconds to wait at least where GitHub does not say how many; twice as many each time again."""
LONGEST_PAUSE = 3_600.0
"""Primary limits end within the hour; a mistaken header or clock must not stop ftbot for longer."""

_TOLD = re.compile(rb"rate limit|abuse detection", re.IGNORECASE)


class Limits:
    """Until when which limit holds. `clock` gives UTC seconds (Unix)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._left: dict[str, tuple[int, float]] = {}  # requests, and until when they are counted
        self._refused: dict[str, int] = {}

    def require(self, scope: str) -> None:
        """Raise `Limited` if nothing may be asked in a scope: credentials and resource."""
        now = self._clock()
        until = max(self._until.get(scope, 0.0), self._until.get("", 0.0))
        if until > now:
            raise Limited(until, now)

    def remaining(self) -> dict[tuple[str, str], int]:
        """Return how many requests are left, by kind of credentials and resource.

        The kinds are `anonymous`, `token`, `app` and `installation`: of several installations, it
        is the one with the fewest.
        """
        now, left = self._clock(), dict[tuple[str, str], int]()
        for scope, (count, until) in self._left.items():
            if until > now:
                words = scope.split()
                key = words[0], words[-1]
                left[key] = min(count, left.get(key, count))
        return left

    def paused(self) -> float:
        """Return the longest time, in seconds, for which something may not be asked."""
        return max(0.0, max(self._until.values(), default=0.0) - self._clock())

    def heed(self, scope: str, response: Response) -> None:
        """Remember what an answer tells of limits. Raises `Limited` if it is a refusal by one."""
        refused = response.status in {403, 429}
        remaining = response.headers.get("X-RateLimit-Remaining", "").strip()
        reset = _seconds(response.headers.get("X-RateLimit-Reset", ""))
        if re.fullmatch(r"[0-9]{1,9}", remaining):
            self._left[scope] = int(remaining), reset
        now = self._clock()
        asked = parse_retry_after(
            response.headers.get("Retry-After"), datetime.fromtimestamp(now, UTC)
        )
        if refused and asked is not None:
            raise self._limited(scope, now + asked, everything=True)
        if remaining == "0":
            if refused:
                raise self._limited(scope, reset)
            self._until[scope] = min(reset, now + LONGEST_PAUSE)
        elif refused and (response.status == 429 or _TOLD.search(response.body[:4096])):
            raise self._limited(scope, 0.0, everything=True)
        if response.status < 400:
            self._refused.pop(scope, None)

    def _limited(self, scope: str, until: float, *, everything: bool = False) -> Limited:
        now, before = self._clock(), self._refused.get(scope, 0)
        if until <= now or before:  # it does not say, or what it said was not enough
            until = max(until, now + SECONDARY_PAUSE * 2.0 ** min(before, 6))
        self._refused[scope] = before + 1
        until = min(until, now + LONGEST_PAUSE)
        self._until["" if everything else scope] = until
        return Limited(until, now)


def _seconds(text: str) -> float:
    return float(text) if re.fullmatch(r"[0-9]{1,12}", text.strip()) else 0.0
