"""What reading modules costs, and how right it is on real wheels. Run by `make bench`.

The wheels are fetched into WHEELS by scripts/fetch_truth_wheels.py.
"""

import json
import tempfile
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from bot.xray.model import ModuleVerdict
from bot.xray.source import Content
from bot.xray.wheel import read_wheel
from tests.conftest import SHARED
from tests.xray import sources
from tests.xray.build import build
from tests.xray.wheels import wheel

pytestmark = pytest.mark.bench

TRUTH = SHARED / "data/xray/truth.jsonl"
WHEELS = Path(tempfile.gettempdir()) / "ftbot-xray-wheels"
MODULES_IN_2_S = 256
KEEPING = {ModuleVerdict.KEEPS_OFF, ModuleVerdict.LIKELY_KEEPS_OFF}


@pytest.fixture(scope="module")
def truth() -> dict[tuple[str, str], bool]:
    """Tell by wheel and member whether importing it keeps the GIL off."""
    if not TRUTH.exists():
        pytest.skip(f"there is no {TRUTH}")
    lines = [json.loads(line) for line in TRUTH.read_text().splitlines()]
    missing = {line["wheel"] for line in lines if not (WHEELS / line["wheel"]).exists()}
    if missing:
        pytest.skip(f"{len(missing)} wheels are not in {WHEELS}: run fetch_truth_wheels.py")
    return {(line["wheel"], line["member"]): line["truth"] == "keeps_off" for line in lines}


def test_verdicts_on_real_wheels(truth: dict[tuple[str, str], bool]) -> None:
    begun = time.process_time()
    found: dict[tuple[str, str], ModuleVerdict] = {}
    read = 0
    for name in sorted({key[0] for key in truth}):
        reading = read_wheel(name, Content((WHEELS / name).read_bytes()))
        read += len(reading.modules)
        found |= {(name, module.member): module.verdict for module in reading.modules}
    took = time.process_time() - begun
    counted = Counter((keeps, found.get(key)) for key, keeps in truth.items())
    undecided = sum(count for (_, verdict), count in counted.items() if _is_undecided(verdict))
    assert not any(verdict in KEEPING for keeps, verdict in counted if not keeps)
    assert not any(verdict is ModuleVerdict.RE_ENABLES for keeps, verdict in counted if keeps)
    assert undecided <= 0.03 * len(truth)
    assert took / read * MODULES_IN_2_S < 2


def _is_undecided(verdict: ModuleVerdict | None) -> bool:
    return verdict not in KEEPING | {ModuleVerdict.RE_ENABLES}


def test_memory_of_a_large_wheel() -> None:
    library = build(sources.MULTI_PHASE)
    noise = bytes(range(256)) * 4096
    members = {f"declared{number}.so": library + noise * 60 for number in range(10)}
    content = wheel(members, stored=True)
    assert len(content) > 60 << 20
    tracemalloc.start()
    reading = read_wheel("large.whl", Content(content))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(reading.modules) == len(members)
    assert peak < 100 << 20
