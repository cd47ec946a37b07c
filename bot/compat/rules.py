"""The verdicts: a project's files on targets → what pip takes there, and what that means.

Pip is the judge. The rules were read from its `package_finder` and `resolvelib/factory`, and the
tests hold them against pip itself: pre-releases count only where no final release has a candidate;
yanked files never count (PEP 592), but a yanked final still shuts out pre-releases; the newest
version wins, then the preferred wheel tag, then the build number, then what the index lists last;
a wheel wins over the source distribution of its version.

Sets of targets are bit masks here: the hot loops go over thousands of wheels.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import BuildTag
from packaging.version import Version

from bot.compat.model import FirstWheel, Pick, ProjectFiles, Release, Support, Target, Verdict
from bot.compat.tags import MAX_LENGTH, parse_suffix, remember
from bot.compat.targets import interpreter, wheel_tags

QUARANTINED: Final = "quarantined"
_OLDER_PYTHONS = (*(Version(f"3.{minor}") for minor in range(6, 13)), Version("2.7"))


def support(
    files: ProjectFiles, targets: Sequence[Target], status: str = "active"
) -> tuple[Support, ...]:
    """Judge a project on each target, in the order asked. `status` is PEP 792's."""
    if status == QUARANTINED or (files.releases and all(each.yanked for each in files.releases)):
        return tuple(Support(each, Verdict.UNAVAILABLE, None, None, None) for each in targets)
    project = _Project(files, _prepared(tuple(targets)))
    return tuple([project.judge(place) for place in range(len(targets))])


def admits(requires_python: str | None, python: Version) -> bool:
    """Whether a Requires-Python admits that Python; pip ignores a malformed one."""
    if requires_python is None or len(requires_python) > MAX_LENGTH:
        return True
    specifier = _specifier(requires_python)
    return specifier is None or specifier.contains(python, prereleases=True)


@lru_cache(maxsize=2_000)
def _specifier(requires_python: str) -> SpecifierSet | None:
    try:
        return SpecifierSet(requires_python)
    except InvalidSpecifier:
        return None


class _Match(NamedTuple):
    """How a target takes a wheel; of two matches pip prefers the greater (preference, build)."""

    preference: int
    build: BuildTag
    meaning: Verdict


class _Takers(NamedTuple):
    """The targets that take wheels whose names end alike."""

    mask: int
    matches: dict[int, _Match]
    """By the target's place."""
    families: dict[Verdict, int]
    """The mask split by what the wheel is there: free-threaded, platform, pure, unmarked."""


class _Wheel(NamedTuple):
    """A wheel that a target takes."""

    release: Release
    place: int  # in release.wheels
    match: _Match


class _Targets:
    """A choice of targets, prepared so that a suffix is matched once for all of them."""

    def __init__(self, targets: tuple[Target, ...]) -> None:
        self.targets = targets
        self.pythons = [interpreter(target.python).version for target in targets]
        self.all = (1 << len(targets)) - 1
        self._preferences: dict[Tag, list[tuple[int, int]]] = {}
        for place, target in enumerate(targets):
            for rank, tag in enumerate(wheel_tags(target)):
                self._preferences.setdefault(tag, []).append((place, -rank))
        self._takers: dict[str, _Takers] = {}
        self._admitted: dict[str | None, int] = {}

    def takers(self, suffix: str) -> _Takers:
        """Which targets take a wheel whose name ends so, and how."""
        known = self._takers.get(suffix)
        if known is None:
            known = remember(self._takers, suffix, self._match(suffix))
        return known

    def admitted(self, requires_python: str | None) -> int:
        """Mask the targets whose Python a Requires-Python admits."""
        known = self._admitted.get(requires_python)
        if known is None:
            if requires_python and len(requires_python) > MAX_LENGTH:  # not to be remembered
                return self.all
            places = (i for i, each in enumerate(self.pythons) if admits(requires_python, each))
            known = remember(self._admitted, requires_python, _mask(places))
        return known

    def _match(self, suffix: str) -> _Takers:
        build, tags = parse_suffix(suffix)
        matches: dict[int, _Match] = {}
        for tag in tags:
            for place, preference in self._preferences.get(tag, ()):
                if place not in matches or preference > matches[place].preference:
                    matches[place] = _Match(preference, build, _meaning(tag))
        families: dict[Verdict, int] = {}
        for place, match in matches.items():
            family = _family(match.meaning)
            families[family] = families.get(family, 0) | 1 << place
        return _Takers(_mask(matches), matches, families)


@lru_cache(maxsize=256)
def _prepared(targets: tuple[Target, ...]) -> _Targets:
    return _Targets(targets)


def _meaning(tag: Tag) -> Verdict:
    """Say what a wheel is to a free-threaded build that takes it by this tag."""
    if tag.abi == "abi3t":
        return Verdict.ABI3T
    if tag.abi != "none":
        return Verdict.WHEEL
    if tag.platform == "any":
        return Verdict.PURE
    return Verdict.UNMARKED if tag.interpreter.startswith("cp") else Verdict.PLATFORM


def _family(meaning: Verdict) -> Verdict:
    return Verdict.WHEEL if meaning is Verdict.ABI3T else meaning


class _Project:
    """A project's files in the light of a choice of targets."""

    def __init__(self, files: ProjectFiles, chosen: _Targets) -> None:
        self.files = files
        self.chosen = chosen
        self.takers = [chosen.takers(suffix) for suffix in files.suffixes]
        self.compiled = {each.order for each in files.releases if each.compiled}
        self.finals = _Stage(self, [each for each in files.releases if not each.prerelease])
        self._picks: dict[tuple[int, int | None], Pick] = {}

    @cached_property
    def early(self) -> "_Stage":
        return _Stage(self, [each for each in self.files.releases if each.prerelease])

    def judge(self, place: int) -> Support:
        """Give the verdict on the target at that place, with its evidence."""
        finals, bit = self.finals, 1 << place
        binary = finals if finals.wheels_shown & bit else self.early
        either = finals if (finals.wheels_shown | finals.sdists_shown) & bit else self.early
        wheel, sdist = binary.wheels.get(place), either.sdists.get(place)
        taken = either.wheels.get(place)
        newest_wheel = self._pick(wheel.release, wheel.place) if wheel else None
        if sdist and (taken is None or sdist.order < taken.release.order):
            installs: Pick | None = self._pick(sdist, None)
        elif taken is wheel:
            installs = newest_wheel
        else:
            installs = self._pick(taken.release, taken.place) if taken else None
        newest = finals.newest.get(place) or self.early.newest.get(place)
        if newest is None:
            verdict = Verdict.EXCLUDED if self.files.releases else Verdict.NONE
        else:
            verdict = self._verdict(newest, wheel, sdist, self.chosen.pythons[place])
        first = binary.first_wheels.get(place)
        return Support(self.chosen.targets[place], verdict, installs, newest_wheel, first)

    def _verdict(
        self, newest: Release, wheel: _Wheel | None, sdist: Release | None, python: Version
    ) -> Verdict:
        """Name what a target gets whose newest admitted release is `newest`."""
        without_wheel = Verdict.SDIST if sdist else Verdict.NONE
        if wheel is None:
            return without_wheel
        meaning, order = wheel.match.meaning, wheel.release.order
        compiled = newest.order in self.compiled
        if order > newest.order:
            if meaning is Verdict.UNMARKED:
                return meaning
            # A pure wheel from before the project was compiled is no answer, often a placeholder.
            placeholder = meaning is Verdict.PURE and compiled and order not in self.compiled
            return without_wheel if placeholder else Verdict.OLDER_WHEEL
        if order < newest.order and sdist:  # a pre-release, which pip only takes without sdists
            return without_wheel
        if meaning is not Verdict.PURE:
            return meaning
        if compiled:
            return Verdict.PURE_FALLBACK
        return Verdict.EXCLUDED if self._outgrown(newest, python) else meaning

    def _outgrown(self, pure: Release, python: Version) -> bool:
        """Whether a pure release is left over because compiled ones don't admit a Python so new.

        It is mostly a placeholder that was uploaded without Requires-Python.
        """
        return any(
            not admits(requires_python, python)
            and any(admits(requires_python, older) for older in _OLDER_PYTHONS)
            for requires_python in {
                each.requires_python
                for each in self._compiled_finals
                if each.order < pure.order and not each.yanked
            }
        )

    @cached_property
    def _compiled_finals(self) -> list[Release]:
        return [each for each in self.finals.releases if each.compiled]

    def _pick(self, release: Release, place: int | None) -> Pick:
        """Name the wheel at that place of a release, or its source distribution."""
        known = self._picks.get((id(release), place))
        if known is None:
            if place is None:
                known = Pick(release.version, release.sdist or "", release.uploaded)
            else:
                file = f"{release.stem}-{self.files.suffixes[release.wheels[place]]}"
                known = Pick(release.version, file, _uploaded(release, place))
            self._picks[id(release), place] = known
        return known


class _Stage:
    """What pip finds among the finals, or among the pre-releases, for each target.

    `newest` is the newest release that admits the target's Python, `wheels` and `sdists` what pip
    takes; `wheels_shown` and `sdists_shown` are masks of the targets that have such a candidate at
    all, yanked ones included.
    """

    def __init__(self, project: _Project, releases: list[Release]) -> None:
        self.takers, self.chosen = project.takers, project.chosen
        self.releases = releases
        self.newest: dict[int, Release] = {}
        self.wheels: dict[int, _Wheel] = {}
        self.sdists: dict[int, Release] = {}
        self.wheels_shown = self.sdists_shown = 0
        self._scan()

    def _scan(self) -> None:
        """Go from the newest release to the oldest until every target has all it can have."""
        no_newest = no_sdist = no_wheel = want_sdist = want_wheel = self.chosen.all
        order = -1
        for release in self.releases:
            if release.order != order:  # equal versions compete, an older one comes too late
                order, want_sdist, want_wheel = release.order, no_sdist, no_wheel
                if not (no_newest or no_sdist or no_wheel):
                    break
            admitted = self.chosen.admitted(release.requires_python)
            if release.sdist:
                self.sdists_shown |= admitted
            if release.yanked:
                if want_wheel & admitted:
                    self.wheels_shown |= admitted & self._mask_of(release)
                continue
            if no_newest & admitted:
                self.newest.update(dict.fromkeys(_bits(no_newest & admitted), release))
                no_newest &= ~admitted
            if release.sdist and want_sdist & admitted:
                self.sdists.update(dict.fromkeys(_bits(want_sdist & admitted), release))
                no_sdist &= ~admitted
            if release.wheels and want_wheel & admitted:
                no_wheel &= ~self._take_wheels(release, want_wheel & admitted)
        self.wheels_shown |= self.chosen.all & ~no_wheel

    def _take_wheels(self, release: Release, wanted: int) -> int:
        """Keep each wanted target's best wheel of a release; return the mask of those it serves."""
        served = 0
        for place, suffix in enumerate(release.wheels):
            mask = self.takers[suffix].mask & wanted
            if not mask:
                continue
            served |= mask
            matches = self.takers[suffix].matches
            for target in _bits(mask):
                match, best = matches[target], self.wheels.get(target)
                if best is None or match[:2] >= best.match[:2]:
                    self.wheels[target] = _Wheel(release, place, match)
        return served

    def _mask_of(self, release: Release) -> int:
        mask = 0
        for suffix in release.wheels:
            mask |= self.takers[suffix].mask
        return mask

    @cached_property
    def first_wheels(self) -> dict[int, FirstWheel]:
        """For each target the earliest release with a wheel of the newest one's family."""
        sought: dict[Verdict, int] = {}
        for target, wheel in self.wheels.items():
            family = _family(wheel.match.meaning)
            sought[family] = sought.get(family, 0) | 1 << target
        first: dict[int, FirstWheel] = {}
        for release in self._by_age() if sought else ():
            times = self._first_times(release, sought)
            if times:
                found = {time: FirstWheel(release.version, time) for time in set(times.values())}
                first.update({target: found[time] for target, time in times.items()})
                served = _mask(times)
                sought = {
                    family: left for family, mask in sought.items() if (left := mask & ~served)
                }
                if not sought:
                    break
        return first

    def _by_age(self) -> list[Release]:
        """Sort the releases that have wheels, oldest first; by version where times are missing."""
        available = [each for each in reversed(self.releases) if each.wheels and not each.yanked]
        return sorted(available, key=lambda each: each.uploaded or "")

    def _first_times(self, release: Release, sought: dict[Verdict, int]) -> dict[int, str | None]:
        """When a release got its first wheel of the sought family, by target."""
        times: dict[int, str | None] = {}
        admitted = self.chosen.admitted(release.requires_python)
        for place, suffix in enumerate(release.wheels):
            for family, mask in self.takers[suffix].families.items():
                found = mask & admitted & sought.get(family, 0)
                if found:
                    time = _uploaded(release, place)
                    for target in _bits(found):
                        times[target] = _earlier(time, times.get(target))
        return times


def _uploaded(release: Release, place: int) -> str | None:
    """When a wheel came; an index may give the times of some files only."""
    whole = len(release.wheel_times) == len(release.wheels)
    return release.wheel_times[place] if whole else release.uploaded


def _earlier(time: str | None, other: str | None) -> str | None:
    return min(time, other) if time and other else time or other


def _mask(places: Iterable[int]) -> int:
    mask = 0
    for place in places:
        mask |= 1 << place
    return mask


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
