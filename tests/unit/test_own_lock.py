"""ftbot's own dependencies, as its lock pins them, are ready for the Python that it speaks of."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.audit.environment import applies
from bot.audit.manifests import read
from bot.audit.model import Class, Manifest, Wanted
from bot.audit.resolver.model import Resolution
from bot.audit.service import AuditService, Progress
from bot.check.model import TrackerClaim
from bot.compat.model import Target
from bot.compat.targets import PLATFORMS
from tests.unit.standin import world

ROOT = Path(__file__).resolve().parents[2]
LOCK = "requirements.lock"
FACTS: dict[str, Any] = json.loads((ROOT / "tests/data/own_lock.json").read_text("utf-8"))
COMPILED_HERE = {
    # cryptography, which only the keys of GitHub Apps need, has no free-threaded wheels for these
    "macos-x86_64": {"cryptography"},
    "windows-arm64": {"cryptography"},
    # matplotlib, which only the pictures of /progress need
    "musl-aarch64": {"matplotlib"},
}


class Nothing:
    """No claims, and nothing to resolve: a lock is taken at its word."""

    def claim(self, project: str) -> TrackerClaim | None:
        del project
        return None

    async def resolve(
        self,
        wanted: Sequence[Wanted],
        target: Target,
        *,
        ready_only: bool = False,
        progress: Progress | None = None,
    ) -> Resolution:
        raise AssertionError((wanted, target, ready_only, progress))


def lock() -> Manifest:
    return read(LOCK, (ROOT / LOCK).read_bytes())


def test_the_facts_are_of_this_lock() -> None:
    targets = [Target(FACTS["python"], platform) for platform in PLATFORMS]
    pins = {
        each.name: each.version
        for each in lock().pinned
        if any(applies(each.marker, target) for target in targets)
    }
    assert len(pins) > 20
    known = {name: each["version"] for name, each in FACTS["packages"].items()}
    assert known == pins, "run scripts/derive_own_lock.py"


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_every_dependency_is_ready(tmp_path: Path, platform: str) -> None:
    target = Target(FACTS["python"], platform)
    async with world(tmp_path) as parts:
        for name, each in FACTS["packages"].items():
            sdist = f"{name.replace('-', '_')}-{each['version']}.tar.gz"
            parts.index.publish(name, sdist, *each["wheels"])
        nothing = Nothing()
        service = AuditService(parts.cached, nothing, nothing, suggest=_suggest)
        audit = await service.audit(lock(), target)
    others = {each.project for each in audit.packages if each.class_ is not Class.READY}
    assert others == COMPILED_HERE.get(platform, set())
    assert audit.count(Class.READY) > 30
    assert audit.problems == ()


async def _suggest(name: str) -> tuple[str, ...]:
    raise AssertionError(name)
