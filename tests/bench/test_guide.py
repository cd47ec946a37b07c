"""How long a search in the guide takes, and how much memory the guide. Run by `make bench`."""

import time
import tracemalloc
from collections.abc import Callable

import pytest

from bot import data
from bot.guide.edition import Edition
from bot.guide.mkdocs import LONGEST_TEXT, read_index
from bot.guide.model import Section
from bot.guide.rules import Helps
from bot.guide.service import HELPS, LIMIT_BYTES, SHIPPED, read_sections
from tests.unit.guide_questions import HELD_OUT, LATER, QUESTIONS
from tests.unit.test_guide_mkdocs import REAL

pytestmark = pytest.mark.bench

ASKED = [question for question, _ in (*QUESTIONS, *LATER, *HELD_OUT)]
MISSPELT = " ".join(f"{letter}xtendsion" for letter in "ctsrpiadlbmwefgo")
WORST = [" ".join(ASKED)[:200], "x " * 3_000, "lock " * 40, "a* b* c* d* e*", MISSPELT]
OWN = read_sections(data.read(SHIPPED))


def sections() -> tuple[Section, ...]:
    return read_index(REAL.read_bytes()) if REAL.exists() else OWN


def edition(of: tuple[Section, ...]) -> Edition:
    return Edition(of, OWN, data.read_json(HELPS, Helps), "https://guide.example/")


def slowest(ask: Callable[[str], object], texts: list[str], rounds: int = 3) -> float:
    """Seconds of the slowest text, the best of some rounds: others interrupt."""
    best = [float("inf")] * len(texts)
    for _ in range(rounds):
        for place, text in enumerate(texts):
            start = time.perf_counter()
            ask(text)
            best[place] = min(best[place], time.perf_counter() - start)
    return max(best)


def test_a_search_takes_less_than_5_ms() -> None:
    guide = edition(sections())
    search = slowest(lambda text: guide.search(text, 4), ASKED + WORST)
    typed = [text[:end] for text in ASKED for end in (1, 3, 8)]
    complete = slowest(lambda text: guide.complete(text, 25), typed + WORST)
    guide.close()
    print(f"search {search * 1e3:.2f} ms, complete {complete * 1e3:.2f} ms")  # noqa: T201
    assert search < 5e-3
    assert complete < 5e-3


def test_the_largest_guide_that_is_taken_is_searched_too() -> None:
    text = sections()[-1].text or "word"
    many = LIMIT_BYTES // LONGEST_TEXT
    large = tuple(
        Section(f"{place}/", f"Title {place}", "Page", text=(text * LONGEST_TEXT)[:LONGEST_TEXT])
        for place in range(many)
    )
    guide = edition(large)
    took = slowest(lambda text: guide.search(text, 4), ASKED + WORST)
    guide.close()
    print(f"search in {LIMIT_BYTES:,} bytes {took * 1e3:.2f} ms")  # noqa: T201
    assert took < 20e-3


def test_reading_and_memory() -> None:
    start = time.perf_counter()
    guide = edition(sections())
    took = time.perf_counter() - start
    guide.close()
    tracemalloc.start()
    again = edition(sections())
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    again.close()
    print(f"read in {took * 1e3:.0f} ms, {kept / 1024:,.0f} KiB and SQLite's pages")  # noqa: T201
    assert took < 0.2
    assert kept < 1 << 20
