"""One search, from requirements to versions: by resolvelib, within limits. It blocks."""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from packaging.utils import NormalizedName
from resolvelib import ResolutionImpossible
from resolvelib.reporters import BaseReporter
from resolvelib.resolvers import Criterion
from resolvelib.resolvers import Resolution as Search

from bot.audit.resolver.conflict import explain
from bot.audit.resolver.model import Resolution
from bot.audit.resolver.provider import (
    IMPOSSIBLE,
    Candidate,
    GaveUp,
    Information,
    Provider,
    Requirement,
)
from bot.compat.model import Target
from bot.language import phrase

ROUNDS: Final = 2_000
"""A project is settled in a round; real sets of requirements take one to a few hundred."""
SECONDS: Final = 4.0
"""Of work, besides the time in which the index is waited for."""
_PIPS_ROUNDS: Final = 200_000
"""With pip's own limit, resolvelib changes its strategy when it does so for pip."""

_MOST_CAUSES: Final = 200
NOT_FOUND: Final = phrase("No solution found within the limit.")


class Limits(BaseReporter[Requirement, Candidate, str]):
    """Ends a search with GaveUp. `seconds` tells for how long it has worked.

    `disputed` are the causes of all conflicts on the way: the last one alone often tells little.
    """

    def __init__(self, rounds: int, most_seconds: float, seconds: Callable[[], float]) -> None:
        self._rounds = rounds
        self._most_seconds = most_seconds
        self._seconds = seconds
        self.disputed: dict[Information, None] = {}

    def resolving_conflicts(self, causes: Collection[Information]) -> None:
        """Note who disagrees."""
        if len(self.disputed) < _MOST_CAUSES:
            self.disputed.update(dict.fromkeys(causes))

    def adding_requirement(
        self,
        requirement: Requirement,  # noqa: ARG002 - resolvelib's signature
        parent: Candidate | None,  # noqa: ARG002
    ) -> None:
        """Look at the clock before the first round too: a file may ask for thousands."""
        self._in_time()

    def starting_round(self, index: int) -> None:
        """Count the rounds."""
        if index >= self._rounds:
            raise GaveUp
        self._in_time()

    def rejecting_candidate(
        self,
        criterion: Criterion[Requirement, Candidate],  # noqa: ARG002 - resolvelib's signature
        candidate: Candidate,  # noqa: ARG002
    ) -> None:
        """Look at the clock within a long round too."""
        self._in_time()

    def _in_time(self) -> None:
        if self._seconds() > self._most_seconds:
            raise GaveUp


def search(provider: Provider, target: Target, limits: Limits) -> Resolution:
    """Find versions for what the provider was asked for. See `Resolution`."""
    try:
        provider.merge_roots()
        state = Search(provider, limits).resolve(provider.roots, max_rounds=_PIPS_ROUNDS)
    except ResolutionImpossible as error:
        last = {each.requirement.name for each in error.causes}
        earlier = (each for each in limits.disputed if each.requirement.name in last)
        causes = dict.fromkeys((*error.causes, *earlier))
        conflict, complete = explain(causes, provider, target), True
    except GaveUp:
        conflict, complete = NOT_FOUND, False
    else:
        return _resolution(provider, _picked(provider, state.mapping))
    if provider.ready_only:
        return Resolution({}, {}, conflict=conflict, complete=complete)
    provider.make_do()
    return _resolution(provider, _make_do(provider), conflict=conflict, complete=complete)


@dataclass(slots=True)
class _Picks:
    """What is chosen of each project, and what requires what, by name."""

    candidates: dict[NormalizedName, Candidate]
    all: dict[Candidate, None]
    """Those with extras too."""
    edges: defaultdict[str, set[str]]
    extras: defaultdict[str, set[str]]


def _picked(provider: Provider, chosen: Mapping[str, Candidate]) -> _Picks:
    """Keep of resolvelib's choices what is still required; what a detour required may be left.

    (Its own way of doing so does not end where projects in a circle are left.)
    """
    picks = _Picks({}, {}, defaultdict(set), defaultdict(set))
    waiting = deque(requirement.key for requirement in provider.roots)
    while waiting:
        candidate = chosen[waiting.popleft()]
        if candidate in picks.all:
            continue
        picks.candidates[candidate.name] = candidate.base
        picks.all[candidate] = None
        picks.extras[candidate.name].update(candidate.extras)
        for required in provider.get_dependencies(candidate):
            picks.edges[candidate.name].add(required.name)
            waiting.append(required.key)
    return picks


def _make_do(provider: Provider) -> _Picks:
    """Settle one project after the other, those that were asked for first, and never go back."""
    picks = _Picks({}, {}, defaultdict(set), defaultdict(set))
    asked: defaultdict[str, list[Requirement]] = defaultdict(list)
    for requirement in provider.roots:
        asked[requirement.name].append(requirement)
    waiting, seen = deque(provider.roots), set[str]()
    while waiting:
        requirement = waiting.popleft()
        name = requirement.name
        if requirement.key in seen:
            continue
        seen.add(requirement.key)
        if name not in picks.candidates:
            picks.candidates[name] = provider.closest(name, asked[name])
        picks.extras[name].update(requirement.extras)
        candidate = provider.with_extras(picks.candidates[name], requirement.extras)
        picks.all[candidate] = None
        for required in provider.get_dependencies(candidate):
            if required.key != IMPOSSIBLE:
                picks.edges[name].add(required.name)
                asked[required.name].append(required)
                waiting.append(required)
    return picks


def _resolution(
    provider: Provider, picks: _Picks, *, conflict: str | None = None, complete: bool = True
) -> Resolution:
    versions, unknown = {}, {}
    for name, candidate in sorted(picks.candidates.items()):
        if candidate.offer is not None:
            versions[str(name)] = candidate.offer.version
        else:
            unknown[str(name)] = provider.why_unknown(candidate)
    return Resolution(
        versions=versions,
        edges={
            name: tuple(sorted(required - {name}))
            for name, required in sorted(picks.edges.items())
            if required - {name}
        },
        direct=tuple(sorted({requirement.name for requirement in provider.roots})),
        extras={name: tuple(sorted(extras)) for name, extras in picks.extras.items() if extras},
        unknown=unknown,
        problems=provider.problems(picks.all),
        conflict=conflict,
        complete=complete,
    )
