"""What an audit costs: cached, and beside the fetches that it cannot do without.

Run with `pytest -m bench -s`. The index answers from a process of its own: 100 projects with the
recorded pages, each under several names.
"""

import asyncio
import gc
import gzip
import json
import re
import statistics
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.app.core import Core, core
from bot.audit.answering import Audits
from bot.audit.manifests import read
from bot.audit.model import Audit, Manifest, Pinned
from bot.audit.requirements.store import RequirementStore
from bot.audit.resolver.service import Resolver
from bot.audit.service import AT_ONCE, AuditService
from bot.audit.store import AuditStore
from bot.audit.watching.store import WatchStore
from bot.compat.model import Target
from bot.settings import Settings
from bot.ui.audit import answer
from tests.conftest import REPLICA, SHARED

pytestmark = pytest.mark.bench

PAGES = SHARED / "data/simple"
PACKAGES = 100
LARGE = 10_000
LINUX = Target("3.14t", "linux-x86_64")
CACHED = 150  # milliseconds
COLD = 1.2  # of the time that the fetches alone take
SLACK = 1.4  # for a machine that does other things
LAG = 20  # milliseconds
ROUNDS = 7


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Write 100 pages below a folder; return the newest version of each project."""
    if not (PAGES.exists() and REPLICA.exists()):
        pytest.skip("the recorded pages and the stand-in of the index are not beside this checkout")
    folder = tmp_path_factory.mktemp("pages")
    paths = sorted(PAGES.glob("*.json.gz"))
    newest: dict[str, str] = {"": str(folder)}
    for number in range(PACKAGES):
        original = paths[number % len(paths)].name.removesuffix(".json.gz")
        page = json.loads(gzip.decompress(paths[number % len(paths)].read_bytes()))
        name = f"{original}-copy{number}"
        stem = re.compile(rf"^{original.replace('-', '[-_.]')}(?=-)", re.IGNORECASE)
        for file in page["files"]:
            file["filename"] = file["url"] = stem.sub(name.replace("-", "_"), file["filename"])
        page["name"] = name
        (folder / f"{name}.json").write_text(json.dumps(page))
        newest[name] = page["files"][-1]["filename"].split("-")[1].removesuffix(".tar.gz")
    return newest


@asynccontextmanager
async def index_process(folder: str) -> AsyncIterator[str]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(REPLICA), "--docs", folder, "--port", "0", stdout=PIPE, stderr=DEVNULL
    )
    assert child.stdout is not None
    try:
        yield (await child.stdout.readline()).decode().split()[-1]
    finally:
        child.terminate()
        await child.communicate()


@asynccontextmanager
async def parts(folder: Path, url: str) -> AsyncIterator[tuple[Core, AuditService]]:
    settings = Settings(data_dir=folder, pypi_url=url, fill=0, http=None)
    async with core(settings) as found:
        resolver = Resolver(found.index, RequirementStore(found.database), found.client)
        yield (
            found,
            AuditService(found.index, found.tracker, resolver, suggest=found.check.suggestions),
        )


def lock(projects: dict[str, str]) -> Manifest:
    pinned = tuple(Pinned(name, version, "x") for name, version in projects.items() if name)
    return Manifest("uv.lock", "uv.lock", locked=True, pinned=pinned)


async def fetch_all(found: Core, names: list[str]) -> None:
    """Fetch the projects as many at a time as an audit does, and do nothing else."""
    waiting = iter(names)

    async def worker() -> None:
        for name in waiting:
            await found.index.project(name)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def longest_pause(stop: asyncio.Event) -> float:
    """Return how many milliseconds the loop was late at most, looking every millisecond."""
    longest, before = 0.0, time.perf_counter()
    while not stop.is_set():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest, before = max(longest, now - before - 0.001), now
    return 1000 * longest


async def timed(service: AuditService, manifest: Manifest) -> tuple[float, Audit]:
    start = time.perf_counter()
    audit = await service.audit(manifest, LINUX)
    return 1000 * (time.perf_counter() - start), audit


def report(text: str) -> None:
    print(text)  # noqa: T201 - its report


async def test_a_cached_lock(projects: dict[str, str], tmp_path: Path) -> None:
    sys.setswitchinterval(0.001)  # as the bot does
    manifest = lock(projects)
    async with index_process(projects[""]) as url, parts(tmp_path, url) as (found, service):
        await fetch_all(found, [name for name in projects if name])
        first, audit = await timed(service, manifest)
        assert len(audit.packages) == PACKAGES
        assert audit.unanswered == 0
        gc.freeze()  # as the bot does
        stop = asyncio.Event()
        watch = asyncio.create_task(longest_pause(stop))
        times = [(await timed(service, manifest))[0] for _ in range(ROUNDS)]
        stop.set()
        pause = await watch
        gc.unfreeze()
    median = statistics.median(times)
    report(f"{PACKAGES} cached: {first:.0f} ms, then {median:.0f} ms, longest pause {pause:.1f} ms")
    assert median <= CACHED * SLACK
    assert pause <= LAG * SLACK


async def test_a_large_lock_on_discord(projects: dict[str, str], tmp_path: Path) -> None:
    """From the file's bytes to the rendered answer with its attachments, and again from storage."""
    sys.setswitchinterval(0.001)  # as the bot does
    pins = [(name, version) for name, version in projects.items() if name]
    lines = [f'[[package]]\nname = "{name}"\nversion = "{version}"' for name, version in pins]
    body = ("version = 1\n" + "\n".join(lines * (LARGE // len(lines)))).encode()
    async with index_process(projects[""]) as url, parts(tmp_path, url) as (found, service):
        audits = Audits(
            read, service, AuditStore(found.database), WatchStore(found.database), xray=found.xray
        )
        await fetch_all(found, [name for name, _ in pins])
        gc.collect()
        gc.freeze()  # as the bot does
        stop = asyncio.Event()
        watch = asyncio.create_task(longest_pause(stop))
        start = time.perf_counter()
        kept = await audits.audit(1, "uv.lock", body, LINUX)
        assert answer(kept).files
        taken = time.perf_counter() - start
        kept = await audits.get(kept.id)
        assert answer(kept, 2).files
        stop.set()
        pause = await watch
        gc.unfreeze()
    report(f"a lock of {len(kept.audit.packages):,}: {taken:.1f} s, longest pause {pause:.1f} ms")
    assert len(kept.audit.packages) == LARGE
    assert pause <= LAG * SLACK


async def test_cold_beside_the_fetches_alone(projects: dict[str, str], tmp_path: Path) -> None:
    manifest = lock(projects)
    names = [name for name in projects if name]
    ratios = []
    async with index_process(projects[""]) as url:
        async with parts(tmp_path / "first", url) as (found, service):
            await fetch_all(found, names)  # the index reads its files
            await timed(service, manifest)
        for number in range(3):
            async with parts(tmp_path / f"a{number}", url) as (found, _):
                start = time.perf_counter()
                await fetch_all(found, names)
                fetches = 1000 * (time.perf_counter() - start)
            async with parts(tmp_path / f"b{number}", url) as (_, service):
                whole, _ = await timed(service, manifest)
            ratios.append(whole / fetches)
            report(f"cold: {whole:.0f} ms, the fetches alone {fetches:.0f} ms")
    ratio = statistics.median(ratios)
    report(f"ratio {ratio:.2f}")
    assert ratio <= COLD * SLACK
