"""The locks pin all that pyproject asks for, by hash, and say nothing of where it comes from."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
RUNTIME, DEV, BUILD = "requirements.lock", "requirements-dev.lock", "requirements-build.lock"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
GROUPS = PROJECT["dependency-groups"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
DIRECT: dict[str, list[str]] = {
    RUNTIME: PROJECT["project"]["dependencies"],
    DEV: [
        *PROJECT["project"]["dependencies"],
        *EXTRAS["sandbox"],
        *GROUPS["build"],
        *(each for each in GROUPS["dev"] if isinstance(each, str)),
    ],
    BUILD: [*GROUPS["build"], *PROJECT["build-system"]["requires"]],
}


def pins(lock: str) -> dict[str, str]:
    """Names and versions of a lock. Fails on any line that is not a pin, a hash or a comment."""
    found: dict[str, str] = {}
    text = (ROOT / lock).read_text("utf-8").replace("\\\n", " ")
    for line in filter(None, (line.partition("#")[0].strip() for line in text.splitlines())):
        requirement, *hashes = re.split(r"\s+--hash=", line)
        assert hashes, line
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each.strip()) for each in hashes), line
        pinned = Requirement(requirement)
        (specifier,) = pinned.specifier
        assert (specifier.operator, pinned.url) == ("==", None), line
        found[canonicalize_name(pinned.name)] = specifier.version
    return found


@pytest.mark.parametrize("lock", DIRECT)
def test_pins_what_pyproject_asks_for(lock: str) -> None:
    pinned = pins(lock)
    for requirement in map(Requirement, DIRECT[lock]):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)])


def test_locks_agree() -> None:
    dev = pins(DEV).items()
    assert pins(RUNTIME).items() <= dev
    assert pins(BUILD).items() <= dev


@pytest.mark.parametrize("lock", DIRECT)
def test_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert not re.search(r"://|--(?!hash=)", text)
