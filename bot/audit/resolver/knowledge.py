"""What a resolution knows of projects and releases, and how it comes to know more.

A search wants one thing after the other. So that it does not wait for each of them, its first
choices are followed ahead of it: what is asked for, the releases that would be tried first, and
what they require in turn, all fetched as soon as they are known of.
"""

import queue
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Final, Protocol, TypeAlias

from packaging.utils import NormalizedName

from bot.audit.requirements.model import Requirements
from bot.audit.resolver.provider import IMPOSSIBLE, Candidate, GaveUp, Provider, Requirement
from bot.audit.resolver.rules import Available, places
from bot.compat.model import Target
from bot.errors import UserError
from bot.index.model import Project
from bot.language import phrase

MOST_PROJECTS: Final = 1_500
"""A resolution looks at so many; real ones at up to a few hundred."""
MOST_RELEASES: Final = 4_000
"""It reads the requirements of so many releases."""
MOST_AHEAD: Final = 8
"""When a search goes down a project's releases, so many are read ahead of it."""

Answer: TypeAlias = Project | Requirements | BaseException
Done: TypeAlias = Callable[[Answer], None]
_Release: TypeAlias = tuple[NormalizedName, int]


class Fetches(Protocol):
    """Begins to fetch something without waiting for it; `done` is called with the outcome."""

    def project(self, name: NormalizedName, done: Done) -> None:
        """Fetch a project."""

    def requirements(self, name: NormalizedName, version: str, file: str, done: Done) -> None:
        """Fetch what a release requires; `file` is what pip takes of it."""


class Known:
    """Knowledge of one resolution, in its thread; it is the `Knowledge` of its provider.

    `see` makes of a project what the target sees. After `seconds` of waiting in all, or too many
    projects, a question that takes a fetch raises GaveUp; once the search has to make do, what is
    not known counts as absent instead.
    """

    def __init__(
        self,
        fetches: Fetches,
        target: Target,
        see: Callable[[Project, Target], Available],
        timer: Callable[[], float],
        seconds: float,
    ) -> None:
        self.waited = 0.0
        """Seconds that were spent waiting."""
        self._fetches = fetches
        self._target = target
        self._see = see
        self._timer = timer
        self._seconds = seconds
        self._making_do = False
        self._stopped = False
        self._outcomes: queue.SimpleQueue[tuple[NormalizedName | _Release, Answer] | None] = (
            queue.SimpleQueue()
        )
        self._begun_projects: set[NormalizedName] = set()
        self._begun_releases: set[_Release] = set()
        self._under_way = 0
        self._projects: dict[NormalizedName, Available] = {}
        self._requirements: dict[_Release, Requirements] = {}
        self._provider: Provider | None = None
        self._asked: defaultdict[NormalizedName, dict[Requirement, None]] = defaultdict(dict)
        self._followed: set[Candidate] = set()
        self._waiting: defaultdict[_Release, list[Candidate]] = defaultdict(list)
        self._tries: defaultdict[NormalizedName, int] = defaultdict(int)

    def stop(self) -> None:
        """Have every further question raise GaveUp; called in any thread."""
        self._stopped = True
        self._outcomes.put(None)

    def make_do(self) -> None:
        """Have what would take longer than the limits count as absent from now on."""
        self._making_do = True

    # What the provider asks.

    def available(self, name: NormalizedName) -> Available:
        """Return a project's releases, waiting for them if need be."""
        known = self._projects.get(name)
        if known is None:
            try:
                self._fetch_project(name)
                while name not in self._projects:
                    self._take_one()
                return self._projects[name]
            except GaveUp:
                self._raise_unless_making_do()
            reason = phrase("{project} was not looked at within the limit.", project=name)
            known = self._projects[name] = Available.absent(name, self._target, reason)
        return known

    def requirements(self, available: Available, place: int) -> Requirements:
        """Return what a release requires, waiting for it if need be."""
        release = available.name, place
        known = self._requirements.get(release)
        if known is None:
            try:
                self._fetch_requirements(available, place)
                self._fetch_ahead(available, place)
                while release not in self._requirements:
                    self._take_one()
                return self._requirements[release]
            except GaveUp:
                self._raise_unless_making_do()
            text = phrase("What it requires was not looked at within the limit.")
            known = self._requirements[release] = Requirements(problem=text)
        return known

    def _raise_unless_making_do(self) -> None:
        if self._stopped or not self._making_do:
            raise GaveUp

    # What is known of early.

    def crawl(self, provider: Provider) -> None:
        """Fetch all that the first choices bring in, as far as the limits go."""
        self._provider = provider
        for requirement in provider.roots:
            self._follow(requirement)
        with suppress(GaveUp):
            while self._under_way:
                self._take_one()

    def _follow(self, requirement: Requirement) -> None:
        """Look for the release that a requirement brings in, and for what that requires."""
        name = requirement.name
        if requirement.key == IMPOSSIBLE or requirement in self._asked[name]:
            return
        self._asked[name][requirement] = None
        if name in self._projects:
            self._follow_choice(name)
        elif requirement.url is None:
            self._fetch_project(name)

    def _follow_choice(self, name: NormalizedName) -> None:
        """Follow the release that fits all that is asked for so far."""
        if self._provider is None:
            return
        asked = list(self._asked[name])
        choice = self._provider.first(name, asked)
        if choice is None or choice.offer is None:
            return
        for requirement in asked:
            candidate = self._provider.with_extras(choice, requirement.extras)
            if candidate in self._followed:
                continue
            self._followed.add(candidate)
            release = name, choice.place
            if release in self._requirements:
                self._follow_dependencies(candidate)
            else:
                self._waiting[release].append(candidate)
                self._fetch_requirements(self._projects[name], choice.place)

    def _follow_dependencies(self, candidate: Candidate) -> None:
        if self._provider is not None:
            for requirement in self._provider.get_dependencies(candidate):
                if requirement.base is None:
                    self._follow(requirement)

    def _fetch_ahead(self, available: Available, place: int) -> None:
        """Fetch the requirements of more and more releases that will be tried next, maybe."""
        tries = self._tries[available.name] = self._tries[available.name] + 1
        older = available.installable >> (place + 1) << (place + 1)
        for following in islice(places(older), min(2 ** (tries - 1) - 1, MOST_AHEAD)):
            self._fetch_requirements(available, following)

    # How it comes to be known.

    def _fetch_project(self, name: NormalizedName) -> None:
        begun = self._begun_projects
        if name not in begun and len(begun) < MOST_PROJECTS and self._may_begin():
            begun.add(name)
            self._fetches.project(name, partial(self._done, name))

    def _fetch_requirements(self, available: Available, place: int) -> None:
        release, begun = (available.name, place), self._begun_releases
        if release not in begun and len(begun) < MOST_RELEASES and self._may_begin():
            begun.add(release)
            offer = available.offers[place]
            self._fetches.requirements(
                available.name, offer.version, offer.file, partial(self._done, release)
            )

    def _may_begin(self) -> bool:
        """Count a fetch that is to begin, unless there is no time left for it."""
        if self._stopped or self.waited >= self._seconds:
            return False
        self._under_way += 1
        return True

    def _done(self, what: NormalizedName | _Release, answer: Answer) -> None:
        """Take in the outcome of a fetch, in the event loop."""
        self._outcomes.put((what, answer))

    def _take_one(self) -> None:
        """Wait for the outcome of a fetch, and follow where it leads."""
        left = self._seconds - self.waited
        if self._stopped or not self._under_way or left <= 0:
            raise GaveUp
        since = self._timer()
        try:
            outcome = self._outcomes.get(timeout=left)
        except queue.Empty:
            outcome = None
        self.waited += self._timer() - since
        if outcome is None:
            raise GaveUp
        self._under_way -= 1
        what, answer = outcome
        if isinstance(what, str):
            self._projects.setdefault(what, self._seen(what, answer))
            self._follow_choice(what)
        else:
            self._requirements.setdefault(what, _told(answer))
            for candidate in self._waiting.pop(what, ()):
                self._follow_dependencies(candidate)

    def _seen(self, name: NormalizedName, answer: Answer) -> Available:
        if isinstance(answer, Project):
            return self._see(answer, self._target)
        if isinstance(answer, UserError):
            return Available.absent(name, self._target, answer.text)
        raise _unexpected(answer)


def _told(answer: Answer) -> Requirements:
    if isinstance(answer, Requirements):
        return answer
    raise _unexpected(answer)


def _unexpected(answer: Answer) -> BaseException:
    return answer if isinstance(answer, BaseException) else TypeError(repr(answer))
