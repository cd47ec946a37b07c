"""The resolver beside a plain provider on packaging, on synthetic graphs with metadata at hand."""

import asyncio
import math
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement as PlainRequirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version
from resolvelib import ResolutionImpossible
from resolvelib.providers import AbstractProvider
from resolvelib.reporters import BaseReporter
from resolvelib.resolvers import Resolver

from bot.audit.environment import environment
from bot.audit.model import Wanted
from bot.audit.requirements.model import Requirements
from bot.audit.resolver.provider import Provider
from bot.audit.resolver.rules import Available
from bot.audit.resolver.search import Limits, search
from bot.compat.condense import condense
from bot.compat.model import Target
from bot.http import Client, fetch, http_client
from bot.pypi.client import PAGE_LIMIT
from bot.pypi.wire import PageFile
from tests.e2e.package_index import layered, resolver, served

pytestmark = pytest.mark.bench

TARGET = Target("3.14t", "linux-x86_64")
PROJECTS, VERSIONS, REQUIREMENTS = 300, 20, 5
ROOTS = ("p0", "p1", "p2", "p3")
GRAPHS = ((0.0, 3), (0.01, 4), (0.02, 3), (0.03, 5), (0.04, 4))
"""The share of requirements that exclude the newest release, and a seed."""
ROUNDS = 400
FACTOR = 3.5
LONGER = 1.2
MARKERS = (
    'python_version >= "3.9"',
    'sys_platform == "linux" or sys_platform == "darwin"',
    'sys_platform == "win32"',
    'python_full_version < "3.12" and implementation_name == "cpython"',
    'platform_machine != "s390x"',
)

Graph = Mapping[str, Mapping[str, tuple[str, ...]]]


def graph(seed: int, conflicts: float) -> Graph:
    """Acyclic: a project requires later ones; a share of the requirements excludes the newest."""
    chance = random.Random(seed)
    versions = [f"1.{minor}" for minor in range(VERSIONS)]
    projects: dict[str, dict[str, tuple[str, ...]]] = {}
    for number in range(PROJECTS):
        later = range(number + 1, PROJECTS)
        projects[f"p{number}"] = {
            version: tuple(
                requirement(chance, f"p{required}", conflicts)
                for required in chance.sample(later, min(REQUIREMENTS, len(later)))
            )
            for version in versions
        }
    return projects


def requirement(chance: random.Random, name: str, conflicts: float) -> str:
    lowest = chance.randrange(VERSIONS // 2)
    specifier = f">=1.{lowest}"
    if chance.random() < conflicts:
        specifier += f",<1.{lowest + chance.randrange(1, VERSIONS // 2)}"
    marker = f"; {chance.choice(MARKERS)}" if chance.random() < 0.5 else ""
    return f"{name}{specifier}{marker}"


class Memory:
    """Knowledge of a graph that is all at hand."""

    def __init__(self, projects: Graph) -> None:
        self._projects: dict[str, Available] = {}
        self._requirements: dict[tuple[str, int], Requirements] = {}
        for name, releases in projects.items():
            files = [PageFile(f"{name}-{version}-py3-none-any.whl") for version in releases]
            key = canonicalize_name(name)
            available = Available(key, condense(files, key), "active", TARGET)
            self._projects[name] = available
            for place, offer in enumerate(available.offers):
                self._requirements[name, place] = Requirements(releases[offer.version], ())

    def available(self, name: NormalizedName) -> Available:
        return self._projects[name]

    def requirements(self, available: Available, place: int) -> Requirements:
        return self._requirements[available.name, place]

    def make_do(self) -> None:
        pass


class PlainCandidate:
    def __init__(self, name: str, version: str) -> None:
        self.name = name
        self.version = Version(version)


class PlainProvider(AbstractProvider[PlainRequirement, PlainCandidate, str]):
    """What one writes first: packaging is asked each time. Projects are settled in pip's order."""

    def __init__(self, projects: Graph, roots: Sequence[str]) -> None:
        self._projects = projects
        self._roots = list(roots)
        self._conflicts: Counter[str] = Counter()
        self._environment = {**environment(TARGET), "extra": ""}
        self._candidates = {
            name: [PlainCandidate(name, version) for version in reversed(list(releases))]
            for name, releases in projects.items()
        }

    def identify(self, requirement_or_candidate: PlainRequirement | PlainCandidate) -> str:
        return requirement_or_candidate.name

    def narrow_requirement_selection(
        self,
        identifiers: Iterable[str],
        resolutions: Mapping[str, Any],
        candidates: Any,  # noqa: ANN401, ARG002 - resolvelib's signature
        information: Any,  # noqa: ANN401, ARG002
        backtrack_causes: Sequence[Any],
    ) -> Iterable[str]:
        disputed = set()
        for each in backtrack_causes:
            for name in (each.requirement.name, *([each.parent.name] if each.parent else [])):
                disputed.add(name)
                if name not in resolutions:
                    self._conflicts[name] += 1
        identifiers = list(identifiers)
        return (
            [each for each in identifiers if each in disputed]
            or [each for each in identifiers if self._conflicts[each] >= 5]
            or identifiers
        )

    def get_preference(
        self,
        identifier: str,
        resolutions: Any,  # noqa: ANN401, ARG002 - resolvelib's signature
        candidates: Any,  # noqa: ANN401, ARG002
        information: Mapping[str, Iterator[Any]],
        backtrack_causes: Any,  # noqa: ANN401, ARG002
    ) -> tuple[bool, bool, bool, float, bool, str]:
        operators = {
            clause.operator
            for each in information[identifier]
            for clause in each.requirement.specifier
        }
        return (
            self._conflicts[identifier] < 5,
            "==" not in operators,
            operators.isdisjoint({"<", "<=", "~="}),
            self._roots.index(identifier) if identifier in self._roots else math.inf,
            not operators,
            identifier,
        )

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[PlainRequirement]],
        incompatibilities: Mapping[str, Iterator[PlainCandidate]],
    ) -> list[PlainCandidate]:
        wanted = list(requirements[identifier])
        excluded = {each.version for each in incompatibilities[identifier]}
        return [
            each
            for each in self._candidates[identifier]
            if each.version not in excluded and all(each.version in r.specifier for r in wanted)
        ]

    def is_satisfied_by(self, requirement: PlainRequirement, candidate: PlainCandidate) -> bool:
        return candidate.version in requirement.specifier

    def get_dependencies(self, candidate: PlainCandidate) -> list[PlainRequirement]:
        found = map(PlainRequirement, self._projects[candidate.name][str(candidate.version)])
        return [each for each in found if not each.marker or self._holds(each.marker)]

    def _holds(self, marker: Marker) -> bool:
        return marker.evaluate(self._environment)


class Rounds(BaseReporter[Any, Any, Any]):
    """Gives up where ours does."""

    def starting_round(self, index: int) -> None:
        if index >= ROUNDS:
            raise TimeoutError


def seconds(call: Callable[[], object]) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun


async def fetched_alone(url: str, paths: Sequence[str]) -> float:
    """Seconds that it takes to fetch all of these, eight at a time."""
    slots = asyncio.Semaphore(8)

    async def one(http: Client, path: str) -> None:
        async with slots:
            await fetch(http, path, limit_bytes=PAGE_LIMIT)

    async with http_client(url) as http:
        begun = time.perf_counter()
        await asyncio.gather(*(one(http, path) for path in paths))
        return time.perf_counter() - begun


async def test_hardly_longer_than_the_fetches_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = [Wanted(f"p0-{place}", "requirements.txt") for place in range(12)]
    ratios = []
    with served(layered(12, 5), delay=0.05) as index:
        for turn in range(5):
            folder = tmp_path / str(turn)
            folder.mkdir()
            index.requests.clear()
            async with resolver(index, folder) as cold:
                begun = time.perf_counter()
                found = await cold.resolve(wanted, TARGET)
                took = time.perf_counter() - begun
            assert len(found.versions) == 60
            alone = await fetched_alone(index.url, tuple(index.requests))
            ratios.append(took / alone)
            with capsys.disabled():
                print(  # noqa: T201 - figures are what this is for
                    f"\n{took:.2f} s, fetches alone {alone:.2f} s: {ratios[-1]:.2f} times"
                )
    assert statistics.median(ratios) <= LONGER


def test_faster_than_a_plain_provider(capsys: pytest.CaptureFixture[str]) -> None:
    ratios = []
    for conflicts, seed in GRAPHS:
        projects = graph(seed, conflicts)
        memory = Memory(projects)
        assert ours(memory) == plain(projects)
        times = [
            (seconds(partial(ours, memory)), seconds(partial(plain, projects))) for _ in range(7)
        ]
        ratios += [slow / fast for fast, slow in times]
        fast, slow = (statistics.median(each) * 1e3 for each in zip(*times, strict=True))
        with capsys.disabled():
            print(  # noqa: T201 - figures are what this is for
                f"\nconflicts {conflicts}, seed {seed}: {len(ours(memory)) or 'no'} picks,"
                f" {fast:.0f} ms, plain {slow:.0f} ms, {statistics.median(ratios[-7:]):.1f} times"
            )
    assert statistics.median(ratios) >= FACTOR


def ours(memory: Memory) -> dict[str, str]:
    provider = Provider(memory, TARGET)
    provider.ask([Wanted(name, "requirements.txt") for name in ROOTS])
    found = search(provider, TARGET, Limits(ROUNDS, 60, lambda: 0))
    return dict(found.versions) if found.complete and not found.conflict else {}


def plain(projects: Graph) -> dict[str, str]:
    resolver = Resolver(PlainProvider(projects, ROOTS), Rounds())
    try:
        found = resolver.resolve(map(PlainRequirement, ROOTS), max_rounds=200_000)
    except (ResolutionImpossible, TimeoutError):
        return {}
    return {name: str(each.version) for name, each in found.mapping.items()}
