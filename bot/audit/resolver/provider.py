"""What resolvelib asks while it searches, answered as pip's own provider does.

The order in which projects are settled decides what is found where several sets would fit, so
`narrow_requirement_selection` and `get_preference` follow pip's provider rule by rule; the tests
hold the picks against pip itself. What is asked a million times is a look-up or a bit operation.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Final, Protocol, TypeAlias, overload

from packaging.specifiers import InvalidSpecifier
from packaging.utils import NormalizedName
from resolvelib.providers import AbstractProvider
from resolvelib.resolvers import RequirementInformation
from resolvelib.structs import Matches

from bot.audit.environment import applies
from bot.audit.model import Problem, Wanted
from bot.audit.requirements.model import Requirements
from bot.audit.resolver.rules import Asked, Available, Clauses, Offer, clauses, parse
from bot.compat.model import Target
from bot.compat.rules import admits
from bot.compat.targets import interpreter
from bot.language import phrase

IMPOSSIBLE: Final = "\0"
"""Identifies what a candidate requires that cannot be had: another Python, readable metadata."""
UNREADABLE: Final = "metadata that can be read"
_ELSEWHERE: Final = 32_768
"""Where candidates from addresses have their places: beyond all releases."""
_OFTEN: Final = 5
"""So many conflicts of a project that waits for its turn make it the next one (pip's number)."""


class GaveUp(Exception):
    """A search has reached a limit."""


class Knowledge(Protocol):
    """What is known of projects and releases. It may take its time, or raise to end a search."""

    def available(self, name: NormalizedName) -> Available:
        """Return a project's releases."""

    def requirements(self, available: Available, place: int) -> Requirements:
        """Return what a release requires."""

    def make_do(self) -> None:
        """Go on with what is known, without raising."""


class Requirement:
    """A requirement in a search. There is one object for all that say the same.

    `allowed` are the releases that fit, known once the project is `looked_up`; `base` is the
    candidate that a candidate with extras stands on, or the one of an address.
    """

    __slots__ = (
        "allowed", "base", "clauses", "extras", "key", "looked_up", "name", "specifier", "url",
    )  # fmt: skip

    def __init__(
        self,
        name: NormalizedName,
        specifier: str = "",
        extras: tuple[str, ...] = (),
        *,
        url: str | None = None,
        base: "Candidate | None" = None,
    ) -> None:
        self.name = name
        self.key = identifier(name, extras)
        self.extras = extras
        self.specifier = specifier
        self.url = url
        self.base = base
        self.clauses: Clauses = clauses(specifier)
        self.allowed = -1 if base is None else base.bit
        self.looked_up = base is not None

    def __str__(self) -> str:
        return f"{self.key}{self.specifier}"


class Candidate:
    """A release, or one with the extras that are chosen of it: `base` is then that without them.

    Nothing is known of a candidate without an `offer`; it may be at a `url`.
    """

    __slots__ = ("base", "bit", "extras", "key", "name", "offer", "place", "url")

    def __init__(
        self,
        name: NormalizedName,
        extras: tuple[str, ...],
        place: int,
        offer: Offer | None,
        base: "Candidate | None" = None,
        *,
        url: str | None = None,
    ) -> None:
        self.name = name
        self.key = identifier(name, extras)
        self.extras = extras
        self.place = place
        self.bit = 1 << place
        self.offer = offer
        self.base = base or self
        self.url = url

    def __str__(self) -> str:
        return f"{self.name} {self.offer.version}" if self.offer else self.name


Information: TypeAlias = RequirementInformation[Requirement, Candidate]


def identifier(name: str, extras: tuple[str, ...]) -> str:
    """Name what is settled on its own: a project, or a project with a set of extras."""
    return f"{name}[{','.join(extras)}]" if extras else name


class _Lazy(Sequence[Candidate]):
    """Candidates that are made when somebody looks at them: mostly that is the first one."""

    def __init__(self, order: Sequence[int], make: Callable[[int], Candidate]) -> None:
        self._order = order
        self._make = make

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, index: int) -> Candidate: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Candidate]: ...
    def __getitem__(self, index: int | slice) -> Candidate | Sequence[Candidate]:
        if isinstance(index, slice):
            return [self._make(place) for place in self._order[index]]
        return self._make(self._order[index])

    def __iter__(self) -> Iterator[Candidate]:
        return map(self._make, self._order)


_Key: TypeAlias = tuple[NormalizedName, str, tuple[str, ...], str | None]


class Provider(AbstractProvider[Requirement, Candidate, str]):
    """Answers for one search, for a target.

    With `ready_only`, only releases that are ready there are candidates, and pre-releases come
    last wherever a requirement admits them.
    """

    def __init__(self, knowledge: Knowledge, target: Target, *, ready_only: bool = False) -> None:
        self._problems: defaultdict[Candidate | None, dict[Problem, None]] = defaultdict(dict)
        self.roots: list[Requirement] = []
        self.asked_at: dict[Requirement, str] = {}
        self.constraints: dict[NormalizedName, list[Requirement]] = {}
        self.constrained_at: dict[Requirement, str] = {}
        self._knowledge = knowledge
        self._target = target
        self._python = interpreter(target.python).version
        self.ready_only = ready_only
        self._order: dict[str, int] = {}
        self._requirements: dict[_Key, Requirement] = {}
        self._bases: dict[Candidate, Requirement] = {}
        self._candidates: dict[tuple[str, int], Candidate] = {}
        self._matches: dict[tuple[str, int, bool, bool], Sequence[Candidate]] = {}
        self._dependencies: dict[Candidate, tuple[Requirement, ...]] = {}
        self._conflicts: defaultdict[str, int] = defaultdict(int)
        self._promoted: set[str] = set()
        self._addresses: defaultdict[str, int] = defaultdict(int)

    def ask(self, wanted: Sequence[Wanted]) -> None:
        """Take in what is wanted on the target, those with extras last, as pip does."""
        for order, each in enumerate(wanted):
            if not self._applies(each.marker, (), None, each.where):
                continue
            asked = self._asked(each)
            if each.constraint:
                (found,) = self._required(Asked(asked.name, asked.specifier, (), "", asked.url))
                self.constraints.setdefault(asked.name, []).append(found)
                self.constrained_at.setdefault(found, each.where)
                continue
            for place, requirement in enumerate(self._required(asked)):
                if place == 0:
                    self._order.setdefault(requirement.key, order)
                if requirement not in self.asked_at:  # a file may say the same a thousand times
                    self.roots.append(requirement)
                    self.asked_at[requirement] = each.where
        self.roots.sort(key=lambda requirement: bool(requirement.extras))

    def merge_roots(self) -> None:
        """Keep one of each project's requirements that come to the same; the first one.

        resolvelib looks at all of a project's requirements again with each one more.
        """
        different: dict[tuple[object, ...], Requirement] = {}
        for each in self.roots:
            if each.base is None:
                self._meet(each.name, [each])
            same = each.key, each.allowed, bool(each.specifier), each.base, *each.clauses.traits
            different.setdefault(same, each)
        self.roots = list(different.values())

    def _asked(self, wanted: Wanted) -> Asked:
        specifier = wanted.specifier
        try:
            clauses(specifier)
        except InvalidSpecifier:
            text = phrase(
                "{specifier} says nothing about versions.", specifier=repr(specifier[:80])
            )
            self._note(None, wanted.where, text)
            specifier = ""
        name, extras = NormalizedName(wanted.name), tuple(sorted(set(wanted.extras)))
        return Asked(name, specifier, extras, "", wanted.url)

    # What resolvelib asks.

    def identify(self, requirement_or_candidate: Requirement | Candidate) -> str:
        """Say what a requirement or candidate is about."""
        return requirement_or_candidate.key

    def narrow_requirement_selection(
        self,
        identifiers: Iterable[str],
        resolutions: Mapping[str, Candidate],
        candidates: Mapping[str, Iterator[Candidate]],  # noqa: ARG002 - resolvelib's signature
        information: Mapping[str, Iterator[Information]],  # noqa: ARG002
        backtrack_causes: Sequence[Information],
    ) -> Iterable[str]:
        """Settle first what the last conflict was about, then what often is in conflicts."""
        disputed: set[str] = set()
        for requirement, parent in backtrack_causes:
            names = [requirement.key] if parent is None else [requirement.key, parent.key]
            for name in names:
                disputed.add(name)
                if name not in resolutions:
                    self._conflicts[name] += 1
                    if self._conflicts[name] >= _OFTEN:
                        self._promoted.add(name)
        identifiers = list(identifiers)
        return (
            [each for each in identifiers if each in disputed]
            or [each for each in identifiers if each in self._promoted]
            or identifiers
        )

    def get_preference(
        self,
        identifier: str,
        resolutions: Mapping[str, Candidate],  # noqa: ARG002 - resolvelib's signature
        candidates: Mapping[str, Iterator[Candidate]],  # noqa: ARG002
        information: Mapping[str, Iterator[Information]],
        backtrack_causes: Sequence[Information],  # noqa: ARG002
    ) -> tuple[bool, bool, bool, bool, float, bool, str]:
        """Say how early a project's turn comes, the least first."""
        fixed = pinned = bounded = narrowed = False
        for requirement, _ in information[identifier]:
            if requirement.specifier:
                narrowed = True
                clauses = requirement.clauses
                pinned = pinned or clauses.pinned
                bounded = bounded or clauses.bounded
            elif requirement.base is not None:
                fixed = True
        return (
            identifier not in self._promoted,
            not fixed,
            not pinned,
            not bounded,
            self._order.get(identifier, math.inf),
            not narrowed,
            identifier,
        )

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[Requirement]],
        incompatibilities: Mapping[str, Iterator[Candidate]],
    ) -> Matches[Candidate]:
        """List the candidates that fit all requirements, the best one first."""
        if identifier == IMPOSSIBLE:
            return ()
        found = list(requirements[identifier])
        name, extras = found[0].name, found[0].extras
        if extras and name in requirements:
            found += requirements[name]
        excluded = set(incompatibilities[identifier])
        if self.ready_only:
            return lambda: (
                each for each in self._ready(name, extras, found) if each not in excluded
            )
        matches = self.matches(name, extras, found)
        return [each for each in matches if each not in excluded] if excluded else matches

    @staticmethod
    def is_satisfied_by(requirement: Requirement, candidate: Candidate) -> bool:
        """Whether a candidate fits a requirement that `find_matches` has seen."""
        return requirement.allowed & candidate.bit != 0

    def get_dependencies(self, candidate: Candidate) -> Sequence[Requirement]:
        """List what a candidate requires on the target."""
        known = self._dependencies.get(candidate)
        if known is None:
            known = self._dependencies[candidate] = tuple(self._depends_on(candidate))
        return known

    def problems(self, candidates: Iterable[Candidate]) -> tuple[Problem, ...]:
        """Return what could not be judged of what was asked for, and of these candidates."""
        noted = (self._problems.get(each, {}) for each in (None, *candidates))
        return tuple(dict.fromkeys(chain.from_iterable(noted)))

    def first(self, name: NormalizedName, found: Sequence[Requirement]) -> Candidate | None:
        """Return the candidate that would be tried first, without extras."""
        if self.ready_only:
            return next(self._ready(name, (), found), None)
        return next(iter(self.matches(name, (), found)), None)

    def make_do(self) -> None:
        """Go on with what is known already."""
        self._knowledge.make_do()

    def why_unknown(self, candidate: Candidate) -> str:
        """Say in one sentence why a candidate has no version."""
        if candidate.url is not None:
            return phrase("It is not taken from the index, and nothing is fetched from elsewhere.")
        return self._knowledge.available(candidate.name).reason

    def available(self, name: NormalizedName) -> Available:
        """Return a project's releases."""
        return self._knowledge.available(name)

    def usable(self, name: NormalizedName, found: Sequence[Requirement]) -> int:
        """Return the releases of a project that requirements like these leave to choose from."""
        if any(each.base is not None and each.base.url is not None for each in found):
            return -1
        available, _, exact, _ = self._meet(name, found)
        if available.reason:
            return -1
        mask = available.installable
        if self.ready_only:
            return sum(1 << place for place in available.ready(mask, exact=exact))
        # Finals may shut out pre-releases, but not where these are all that fits.
        order = available.ordered(mask, prereleases=True, exact=exact)
        return sum(1 << place for place in order)

    # How that is found.

    def matches(
        self, name: NormalizedName, extras: tuple[str, ...], found: Sequence[Requirement]
    ) -> Sequence[Candidate]:
        """List the candidates that fit all requirements found of a project."""
        if (fixed := self._fixed(name, extras, found)) is not None:
            return fixed
        available, mask, exact, prereleases = self._meet(name, found)
        if available.reason:
            return [self._candidate(available, extras, 0)]
        mask &= available.installable
        key = identifier(name, extras), mask, prereleases, exact
        known = self._matches.get(key)
        if known is None:
            order = available.ordered(mask, prereleases=prereleases, exact=exact)
            known = _Lazy(order, partial(self._candidate, available, extras))
            self._matches[key] = known
        return known

    def _ready(
        self, name: NormalizedName, extras: tuple[str, ...], found: Sequence[Requirement]
    ) -> Iterator[Candidate]:
        if (fixed := self._fixed(name, extras, found)) is not None:
            yield from fixed
            return
        available, mask, exact, _ = self._meet(name, found)
        if available.reason:
            yield self._candidate(available, extras, 0)
        for place in available.ready(mask & available.installable, exact=exact):
            yield self._candidate(available, extras, place)

    def closest(self, name: NormalizedName, found: Sequence[Requirement]) -> Candidate:
        """Return the candidate that does justice to most requirements, the earlier ones first.

        If none can be installed, it is one that cannot.
        """
        for requirement in found:
            if requirement.base is not None:
                return requirement.base
        available, *_ = self._meet(name, found)
        if available.reason:
            return self._candidate(available, (), 0)
        for usable in (available.installable, available.all):
            mask, exact, prereleases = usable, False, False
            for requirement in (*self.constraints.get(name, ()), *found):
                if mask & requirement.allowed:
                    mask &= requirement.allowed
                    exact = exact or requirement.clauses.exact
                    prereleases = prereleases or requirement.clauses.prereleases
            fits_first = not found or mask & found[0].allowed
            order = available.ordered(mask, prereleases=prereleases, exact=exact)
            if order and (fits_first or usable == available.all):
                return self._candidate(available, (), order[0])
        return self._candidate(available, (), 0)

    def _fixed(
        self, name: NormalizedName, extras: tuple[str, ...], found: Sequence[Requirement]
    ) -> Sequence[Candidate] | None:
        """Return the only candidate that can be, if a requirement names one, or none."""
        named = next((each.base for each in found if each.base is not None), None)
        if named is None:
            constraints = self.constraints.get(name, ())
            named = next((each.base for each in constraints if each.base is not None), None)
        if named is None:
            return None
        if named.url is None:
            self._meet(name, found)
        everything = (*found, *self.constraints.get(name, ()))
        if not all(each.allowed & named.bit for each in everything):
            return ()
        return [self.with_extras(named, extras)]

    def _meet(
        self, name: NormalizedName, found: Sequence[Requirement]
    ) -> tuple[Available, int, bool, bool]:
        """Join requirements and constraints: the releases that fit them all.

        And whether they let a yanked release be taken, and pre-releases.
        """
        available = self._knowledge.available(name)
        mask, exact, prereleases = available.all, False, False
        for requirement in (*found, *self.constraints.get(name, ())):
            if not requirement.looked_up:
                requirement.allowed = available.admitted(requirement.specifier)
                requirement.looked_up = True
            mask &= requirement.allowed
            exact = exact or requirement.clauses.exact
            prereleases = prereleases or requirement.clauses.prereleases
        return available, mask, exact, prereleases

    def with_extras(self, base: Candidate, extras: tuple[str, ...]) -> Candidate:
        """Return the candidate that is the same release with extras."""
        if not extras:
            return base
        key = identifier(base.name, extras), base.place
        known = self._candidates.get(key)
        if known is None:
            known = Candidate(base.name, extras, base.place, base.offer, base)
            self._candidates[key] = known
        return known

    def _candidate(self, available: Available, extras: tuple[str, ...], place: int) -> Candidate:
        key = available.name, place
        base = self._candidates.get(key)
        if base is None:
            offer = available.offers[place] if available.offers else None
            base = self._candidates[key] = Candidate(available.name, (), place, offer)
        return self.with_extras(base, extras)

    def _depends_on(self, candidate: Candidate) -> Iterator[Requirement]:
        if candidate.extras:
            yield self._on_base(candidate)
        if candidate.offer is None:
            return
        available = self._knowledge.available(candidate.name)
        known = self._knowledge.requirements(available, candidate.place)
        where = f"{candidate.name} {candidate.offer.version}"
        if known.problem:
            self._note(candidate, where, known.problem)
        if not admits(known.requires_python, self._python):
            yield self._impossible(f"Python {known.requires_python}")
        extras = candidate.extras
        if known.extras is not None:
            extras = tuple(extra for extra in extras if extra in known.extras)
        for text in known.requires:
            asked = parse(text)
            if asked is None:
                what = phrase(
                    "It states a requirement that cannot be read: {requirement}.",
                    requirement=repr(text[:80]),
                )
                self._note(candidate, where, what)
                yield self._impossible(UNREADABLE)
            elif self._applies(asked.marker, extras, candidate, where):
                yield from self._required(asked)

    def _applies(
        self, marker: str, extras: tuple[str, ...], candidate: Candidate | None, where: str
    ) -> bool:
        """Judge a marker; one that cannot be judged counts as one that holds."""
        if not marker:
            return True
        holds = applies(marker, self._target, extras)
        if holds is None:
            text = phrase(
                "Whether {marker} holds cannot be known, so it counts as if it did.",
                marker=repr(marker[:80]),
            )
            self._note(candidate, where, text)
        return holds is not False

    def _required(self, asked: Asked) -> Iterator[Requirement]:
        """Make what pip makes of a requirement: with extras and versions, it is two."""
        if asked.url is not None:
            yield self._at(asked.name, asked.url)
            return
        if asked.extras and asked.specifier:
            yield self._requirement(asked.name, asked.specifier, ())
        yield self._requirement(asked.name, asked.specifier, asked.extras)

    def _requirement(
        self, name: NormalizedName, specifier: str, extras: tuple[str, ...]
    ) -> Requirement:
        key = name, specifier, extras, None
        known = self._requirements.get(key)
        if known is None:
            known = self._requirements[key] = Requirement(name, specifier, extras)
        return known

    def _at(self, name: NormalizedName, url: str) -> Requirement:
        """Require what is at an address: a candidate of which nothing is known, beyond all others.

        Of what is there, nothing is fetched.
        """
        key: _Key = name, "", (), url
        known = self._requirements.get(key)
        if known is None:
            base = Candidate(name, (), _ELSEWHERE + self._addresses[name], None, url=url)
            self._addresses[name] += 1
            known = self._requirements[key] = Requirement(name, url=url, base=base)
        return known

    def _on_base(self, candidate: Candidate) -> Requirement:
        base = candidate.base
        known = self._bases.get(base)
        if known is None:
            known = self._bases[base] = Requirement(candidate.name, base=base)
        return known

    def _impossible(self, what: str) -> Requirement:
        return Requirement(NormalizedName(IMPOSSIBLE), url=what)

    def _note(self, candidate: Candidate | None, where: str, text: str) -> None:
        self._problems[candidate].setdefault(Problem(where, text))
