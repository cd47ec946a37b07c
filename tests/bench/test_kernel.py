"""From a page's bytes to the verdicts of all targets, against decoding alone and against packaging.

The ways take turns in one run, since a machine's speed drifts, and are timed by the processor time
that they use; what counts is the ratios of medians. Run by `make bench`.
"""

import statistics
import time
from collections.abc import Callable, Mapping

import msgspec
import pytest
from packaging.utils import canonicalize_name
from rich.console import Console
from rich.table import Table

from bot.compat import rules, tags
from bot.compat.condense import condense
from bot.compat.rules import support
from bot.compat.targets import ALL_TARGETS
from bot.pypi.wire import decode_page
from tests.unit.pages import documents, naive_picks, read_archives

pytestmark = pytest.mark.bench

ROUNDS = 25
NOISE = 1.4
"""So much may a ratio be off on a busy machine."""


class File(msgspec.Struct, gc=False, rename="kebab"):
    """The least that any answer needs of a file."""

    filename: str
    yanked: bool | str = False
    requires_python: str | None = None


class Page(msgspec.Struct, gc=False):
    name: str
    files: list[File]


_DECODER = msgspec.json.Decoder(Page)


def verdicts(body: bytes) -> object:
    page = decode_page(body)
    return support(condense(page.files, canonicalize_name(page.name)), ALL_TARGETS)


def file_by_file(body: bytes) -> object:
    page = _DECODER.decode(body)
    archives = read_archives(page.files, canonicalize_name(page.name))  # type: ignore[arg-type]  # alike
    return [naive_picks(archives, target) for target in ALL_TARGETS]


def forget() -> None:
    """Start as a new process does, but for the targets' own tags, which are made once."""
    for memo in (tags.other_builds, tags._suffixes, tags._names, tags._versions):
        memo.clear()
    prepared = rules._prepared(ALL_TARGETS)
    prepared._takers.clear()
    prepared._admitted.clear()
    rules._specifier.cache_clear()


def test_documents_to_verdicts() -> None:
    bodies = list(documents().values())
    ways: dict[str, Callable[[bytes], object]] = {
        "msgspec, three fields": _DECODER.decode,
        "decode_page": decode_page,
        "verdicts": verdicts,
    }
    taken = in_turns(ways, bodies)
    taken["verdicts, nothing remembered"] = [cold(bodies) for _ in range(5)]
    taken["packaging, file by file"] = [processor_time(file_by_file, bodies) for _ in range(2)]
    ratios = show("26 documents to 24 verdicts each", taken)
    assert ratios["verdicts"] <= 2.0 * NOISE
    assert ratios["packaging, file by file"] >= 25 * ratios["verdicts"] / NOISE


def test_each_document() -> None:
    table = Table("document", "files", "msgspec ms", "verdicts ms", "ratio")
    for name, body in documents().items():
        ways = {"decode": _DECODER.decode, "verdicts": verdicts}
        taken = {way: statistics.median(times) for way, times in in_turns(ways, [body], 9).items()}
        files = len(_DECODER.decode(body).files)
        ratio = taken["verdicts"] / taken["decode"]
        table.add_row(name, f"{files:,}", *(f"{1e3 * each:.2f}" for each in taken.values()),
                      f"{ratio:.2f}")  # fmt: skip
    Console().print(table)


def in_turns(
    ways: Mapping[str, Callable[[bytes], object]], bodies: list[bytes], rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """Processor time of each way for all bodies, in seconds, a round after a round."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-1, rounds):
        for name, way in ways.items():
            seconds = processor_time(way, bodies)
            if number >= 0:  # the first one warms up
                taken[name].append(seconds)
    return taken


def cold(bodies: list[bytes]) -> float:
    forget()
    return processor_time(verdicts, bodies)


def processor_time(way: Callable[[bytes], object], bodies: list[bytes]) -> float:
    begin = time.process_time()
    for body in bodies:
        way(body)
    return time.process_time() - begin


def show(title: str, taken: Mapping[str, list[float]]) -> dict[str, float]:
    """Print the medians; return them as multiples of the first one's."""
    medians = {name: statistics.median(times) for name, times in taken.items()}
    unit = next(iter(medians.values()))
    table = Table("way", "median ms", "ratio", title=title)
    for name, median in medians.items():
        table.add_row(name, f"{1e3 * median:.1f}", f"{median / unit:.2f}")
    Console().print(table)
    return {name: median / unit for name, median in medians.items()}
