"""Two threads against one, over a queue of pages with the largest first. Run by `make bench`.

Only a free-threaded build gains by it; on any other one a second thread costs.
"""

import statistics
import sysconfig
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console

from bot.pypi.wire import decode_page
from tests.bench.test_kernel import verdicts
from tests.unit.pages import documents

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(
        not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this build of Python has the GIL"
    ),
]

ROUNDS = 15
NOISE = 1.4

Way = Callable[[bytes], object]


def count(_: bytes) -> object:
    """Work that shares nothing: what two threads gain by it is all that this machine gives now."""
    return sum(number & 3 for number in range(30_000))


def test_two_threads() -> None:
    bodies = sorted(documents().values(), key=len, reverse=True)
    gains: dict[Way, list[float]] = {count: [], decode_page: [], verdicts: []}
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as two:
        for _ in range(ROUNDS):
            for way, found in gains.items():
                found.append(seconds(one, way, bodies) / seconds(two, way, bodies))
    possible, decoding, whole = (statistics.median(found) for found in gains.values())
    Console().print(
        f"two threads: counting {possible:.2f}, decoding {decoding:.2f}, verdicts {whole:.2f} times"
    )
    assert whole >= 1.6 / 2.0 * possible / NOISE


def seconds(pool: ThreadPoolExecutor, way: Way, bodies: list[bytes]) -> float:
    begin = time.perf_counter()
    list(pool.map(way, bodies))
    return time.perf_counter() - begin
