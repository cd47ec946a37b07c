"""What a service that asks to be left alone gets: silence, for as long as it asked."""

from collections.abc import Callable


class Silence:
    """Until when a service is not asked.

    It lasts `longest` seconds at most, so that a mistaken Retry-After cannot stop ftbot. `clock`
    gives seconds that never go backwards.
    """

    def __init__(self, longest: float, clock: Callable[[], float]) -> None:
        self._longest = longest
        self._clock = clock
        self._until = 0.0

    def left(self) -> float:
        """Return for how many seconds it lasts, 0 or less if it is over."""
        return self._until - self._clock()

    def heed(self, retry_after: float | None) -> None:
        """Keep silent for as long as an answer asked for, if it did."""
        if retry_after:
            self._until = self._clock() + min(retry_after, self._longest)
