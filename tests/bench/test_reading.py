"""How long it takes to read reports. Run with `pytest -m bench -s`."""

import json
import time

import pytest

from bot import data
from bot.index.aliases import read_aliases
from bot.index.names import NameTable, shipped_ranking
from bot.reports.reading.names import IndexNames
from bot.reports.reading.rules import read
from tests.conftest import SHARED

pytestmark = pytest.mark.bench

REPORT, LOG = 5, 200  # milliseconds
SLACK = 1.4  # for a machine that does other things
MIB = 2**20
LOGS = {
    "one letter": "a",
    "spaces": " ",
    "short lines": "x\n",
    "a plain log": "2026-01-01 12:00:00 INFO something happened in module foo.bar\n",
    "colours": "\x1b[31m",
    "broken colours": "\x1b[",
    "comments": "<!--",
    "control characters": "\x00a",
    "numbers": "1.",
    "dashes": "a-",
    "paths": "a/",
    "dots": "a.",
    "quotes": "'",
    "frames": "#0 f at a.c:1\n",
    "half frames": "#0 ",
    "race reports": "WARNING: ThreadSanitizer: data race\n  Read of size 8\n    #0 f a.c:1\n",
    "errors": "a.c:1:2: error: x\n",
    "other scripts": "é\u202e",
    "warnings": "The global interpreter lock (GIL) has been enabled to load module 'a' ",
    "projects": "numpy 1.2\n",
    "wheels": "a-1.0-cp314-cp314t-linux_x86_64.whl ",
    "names": "`a`",
    "sentences": "A b. ",
    "versions": "3.14t ",
}


@pytest.fixture(scope="module")
def names() -> IndexNames:
    table = NameTable(data.names(), shipped_ranking().names)
    return IndexNames(table, read_aliases(data.read("aliases.json")))


def milliseconds(title: str, text: str, names: IndexNames) -> float:
    """The best of three, which other processes disturb least."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        read(title, text, names)
        times.append(time.perf_counter() - begun)
    return min(times) * 1_000


@pytest.mark.parametrize("log", LOGS)
def test_a_mib_of_anything(log: str, names: IndexNames) -> None:
    taken = milliseconds("Crash on 3.14t", LOGS[log] * (MIB // len(LOGS[log])), names)
    print(f"\n{log}: {taken:.0f} ms")  # noqa: T201 - a figure
    assert taken < LOG * SLACK


def test_reports_of_people(names: IndexNames) -> None:
    labelled = SHARED / "data/reports/labelled.jsonl"
    if not labelled.exists():
        pytest.skip(f"the labelled reports are not at {labelled}")
    rows = [json.loads(line) for line in labelled.read_text(encoding="utf-8").splitlines()]
    taken = sorted(milliseconds(row["title"], row["text"], names) for row in rows)
    print(f"\nmedian {taken[len(taken) // 2]:.2f} ms, worst {taken[-1]:.2f} ms")  # noqa: T201
    assert taken[-1] < REPORT * SLACK
