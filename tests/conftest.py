"""A stand-in of the package index on loopback, and retries without pauses."""

import importlib.util
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import hypothesis
import pytest
import stamina

SHARED = Path(__file__).resolve().parents[1] / "../shared"
REPLICA = SHARED / "tools/index_replica.py"

# Examples are not timed: a busy machine would fail them.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

_SHORT = 12  # bytes that are shown in the name of a test

Replica: TypeAlias = Any
"""The stand-in's module is loaded by path, so it comes without types."""


@pytest.fixture
def no_pauses() -> Iterator[None]:
    """Three attempts as always, but one right after the other."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture(scope="session")
def replica_module() -> Replica:
    if not REPLICA.exists():
        pytest.skip(f"the stand-in of the index is not at {REPLICA}")
    spec = importlib.util.spec_from_file_location("index_replica", REPLICA)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["index_replica"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def replica(replica_module: Replica) -> AsyncIterator[Replica]:
    """An index with one project, numpy, of one wheel."""
    index = replica_module.IndexReplica()
    await index.start()
    index.publish("numpy", "numpy-2.0-cp314-cp314t-win_amd64.whl", classifiers=["Topic :: Math"])
    yield index
    await index.stop()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name cases of many bytes by their place: compressed ones differ from second to second.

    Processes that share the tests must agree on their names.
    """
    return argname if isinstance(val, bytes) and len(val) > _SHORT else None
