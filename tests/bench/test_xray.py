"""What reading modules costs, and how right it is on real wheels. Run by `make bench`.

The wheels are fetched into WHEELS by scripts/fetch_truth_wheels.py.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bot.xray.model import ModuleVerdict
from bot.xray.source import Content
from bot.xray.wheel import read_wheel
from tests.conftest import SHARED
from tests.xray import sources
from tests.xray.build import build
from tests.xray.server import WheelServer, serving
from tests.xray.wheels import SUFFIX, wheel

pytestmark = pytest.mark.bench

TRUTH = SHARED / "data/xray/truth.jsonl"
ROOT = Path(__file__).resolve().parents[2]
WHEELS = Path(tempfile.gettempdir()) / "ftbot-xray-wheels"
MODULES_IN_2_S = 256
MANY = ("h3", "fonttools", "lxml", "blosc2", "scikit-image")
"""Projects whose wheels have many modules that turn the GIL on; those are read that are there."""
LINUX = "manylinux_2_28_x86_64"
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


async def remotely(
    project: str, file: str, content: bytes, folder: Path
) -> tuple[dict[str, Any], int]:
    """Run `ftbot xray` on a project of an index; return what it says, and its peak memory in MB."""
    measured = (
        "import re, sys; from bot.cli.main import _run;"
        "code = _run(sys.argv[1:], debug=False);"
        "peak = re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1];"
        "print(int(peak) >> 10); sys.exit(code)"
    )
    async with serving(WheelServer({file: content}, project)) as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", measured, "xray", project, "--json"),
            *("--platform", "linux-x86_64"),
            cwd=folder,
            env={
                "PYTHONPATH": str(ROOT),
                "FTBOT_PYPI_URL": server.url,
                "FTBOT_DATA_DIR": str(folder),
            },
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
    said, megabytes = out.splitlines()
    return json.loads(said), int(megabytes)


@pytest.mark.parametrize("project", MANY)
async def test_bytes_until_it_is_known_that_the_gil_is_turned_on(
    project: str, tmp_path: Path
) -> None:
    path = next(WHEELS.glob(f"{project.replace('-', '_')}-*x86_64.whl"), None)
    if path is None:
        pytest.skip(f"no wheel of {project} is in {WHEELS}: run fetch_truth_wheels.py")
    said, _ = await remotely(project, path.name, path.read_bytes(), tmp_path)
    assert said["verdict"] == "re-enables"
    assert said["fetched"]["until_known"] < 0.1 * said["fetched"]["of"]


async def test_memory_of_a_large_wheel_that_is_fetched(tmp_path: Path) -> None:
    library = build(sources.MULTI_PHASE)
    content = wheel({f"declared{SUFFIX}": library + os.urandom(60 << 20)})
    file = f"large-1.0-cp314-cp314t-{LINUX}.whl"
    said, megabytes = await remotely("large", file, content, tmp_path)
    assert said["verdict"] == "keeps-off"
    assert said["fetched"]["bytes"] == len(content)
    assert megabytes < 100


async def test_256_modules_that_are_fetched(tmp_path: Path) -> None:
    library = build(sources.MULTI_PHASE)
    content = wheel({f"{n}/declared{SUFFIX}": library + os.urandom(90_000) for n in range(256)})
    file = f"many-1.0-cp314-cp314t-{LINUX}.whl"
    begun = os.times()
    said, _ = await remotely("many", file, content, tmp_path)
    took = os.times()
    assert len(said["modules"]) == MODULES_IN_2_S
    assert (
        took.children_user + took.children_system - (begun.children_user + begun.children_system)
        < 2 + 1
    )  # a second to start
