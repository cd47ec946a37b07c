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


@pytest.mark.parametrize(("way", "least"), [(decode_page, 1.0), (verdicts, 1.6)])
def test_two_threads(way: Callable[[bytes], object], least: float) -> None:
    bodies = sorted(documents().values(), key=len, reverse=True)
    taken: dict[int, list[float]] = {1: [], 2: []}
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as two:
        for _ in range(ROUNDS):
            for threads, pool in ((1, one), (2, two)):
                begin = time.perf_counter()
                list(pool.map(way, bodies))
                taken[threads].append(time.perf_counter() - begin)
    alone, both = (1e3 * statistics.median(taken[threads]) for threads in (1, 2))
    Console().print(f"{way.__name__}: {alone:.1f} ms -> {both:.1f} ms, {alone / both:.2f} times")
    assert alone / both >= least / NOISE
