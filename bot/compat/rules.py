"""The verdicts: a project's files × targets → what pip takes there, and what that means.

Pip is the judge. The rules were read from its `package_finder` and `resolvelib/factory`, and the
tests hold them against pip itself: pre-releases count only where no final release has a candidate;
yanked files never count (PEP 592), but a yanked final still shuts out pre-releases; the newest
version wins, then the preferred wheel tag, then the build number, then what the index lists last;
a wheel wins over the source distribution of its version.

Sets of targets are bit masks here: the hot loops go over thousands of wheels.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Final, NamedTuple, TypeVar

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import BuildTag
from packaging.version import Version

from bot.compat.model import FirstWheel, Pick, ProjectFiles, Release, Support, Target, Verdict
from bot.compat.tags import parse_suffix
from bot.compat.targets import interpreter, wheel_tags

Key = TypeVar("Key")
Value = TypeVar("Value")

QUARANTINED: Final = "quarantined"
_OLDER_PYTHONS = tuple(Version(f"3.{minor}") for minor in range(6, 13)) + (Version("2.7"),)
_MEMO_SIZE: Final = 20_000


def support(
    files: ProjectFiles, targets: Sequence[Target], status: str = "active"
) -> tuple[Support, ...]:
    """Judge a project on each target, in the order asked. `status` is PEP 792's."""
    if status == QUARANTINED or (files.releases and all(each.yanked for each in files.releases)):
        return tuple(Support(each, Verdict.UNAVAILABLE, None, None, None) for each in targets)
    chosen = _prepared(tuple(targets))
    finals = _Stage(files, chosen, prerelease=False)
    early = _Stage(files, chosen, prerelease=True)
    return tuple(_judge(place, files, chosen, finals, early) for place in range(len(targets)))


def admits(requires_python: str | None, python: Version) -> bool:
    """Whether a Requires-Python admits that Python; pip ignores a malformed one."""
    specifier = _specifier(requires_python)
    return specifier is None or specifier.contains(python, prereleases=True)


@lru_cache(maxsize=2_000)
def _specifier(requires_python: str | None) -> SpecifierSet | None:
    try:
        return SpecifierSet(requires_python or "")
    except InvalidSpecifier:
        return None


class _Match(NamedTuple):
    """How a target takes a wheel; of two matches pip prefers the greater (preference, build)."""

    preference: int
    build: BuildTag
    verdict: Verdict


class _Wheel(NamedTuple):
    """A wheel that a target takes."""

    release: Release
    index: int  # in release.wheels
    match: _Match


class _Targets:
    """A choice of targets, prepared so that each wheel suffix is matched once for all of them."""

    def __init__(self, targets: tuple[Target, ...]) -> None:
        self.targets = targets
        self.pythons = [interpreter(target.python).version for target in targets]
        self.all = (1 << len(targets)) - 1
        self._preferences: dict[Tag, list[tuple[int, int]]] = {}
        for place, target in enumerate(targets):
            for rank, tag in enumerate(wheel_tags(target)):
                self._preferences.setdefault(tag, []).append((place, -rank))
        self._matches: dict[str, tuple[int, dict[int, _Match]]] = {}
        self._admitted: dict[str | None, int] = {}

    def matches(self, suffix: str) -> tuple[int, dict[int, _Match]]:
        """The mask of the targets that take a wheel whose name ends so, and how each does."""
        known = self._matches.get(suffix)
        if known is None:
            build, tags = parse_suffix(suffix)
            found: dict[int, _Match] = {}
            for tag in tags:
                for place, preference in self._preferences.get(tag, ()):
                    if place not in found or preference > found[place].preference:
                        found[place] = _Match(preference, build, _meaning(tag))
            known = sum(1 << place for place in found), found
            _remember(self._matches, suffix, known)
        return known

    def admitted(self, requires_python: str | None) -> int:
        """The mask of the targets whose Python a Requires-Python admits."""
        known = self._admitted.get(requires_python)
        if known is None:
            known = sum(
                1 << place
                for place, python in enumerate(self.pythons)
                if admits(requires_python, python)
            )
            _remember(self._admitted, requires_python, known)
        return known


@lru_cache(maxsize=256)
def _prepared(targets: tuple[Target, ...]) -> _Targets:
    return _Targets(targets)


def _remember(memo: dict[Key, Value], key: Key, value: Value) -> None:
    if len(memo) >= _MEMO_SIZE:  # hostile names must not fill the memory
        memo.clear()
    memo[key] = value


def _meaning(tag: Tag) -> Verdict:
    """What a wheel means that a free-threaded build takes by this tag."""
    if tag.abi == "abi3t":
        return Verdict.ABI3T
    if tag.abi != "none":
        return Verdict.WHEEL
    if tag.platform == "any":
        return Verdict.PURE
    return Verdict.UNMARKED if tag.interpreter.startswith("cp") else Verdict.PLATFORM


class _Stage:
    """What pip finds among the finals, or among the pre-releases, for each target.

    `newest` is the newest release that admits the target's Python, `wheels` and `sdists` what pip
    takes; `wheels_shown` and `sdists_shown` are masks of the targets that have such a candidate at
    all, yanked ones included.
    """

    def __init__(self, files: ProjectFiles, chosen: _Targets, *, prerelease: bool) -> None:
        self.newest: dict[int, Release] = {}
        self.wheels: dict[int, _Wheel] = {}
        self.sdists: dict[int, Release] = {}
        self.wheels_shown = self.sdists_shown = 0
        self.releases = [each for each in files.releases if each.prerelease is prerelease]
        self._scan(files, chosen)

    @cached_property
    def by_age(self) -> list[Release]:
        """The releases that have wheels, the oldest first; by version where times are missing."""
        available = [each for each in self.releases if each.wheels and not each.yanked]
        return sorted(available, key=lambda each: (each.uploaded or "", -each.order))

    def _scan(self, files: ProjectFiles, chosen: _Targets) -> None:
        """Go from the newest release to the oldest until every target has all it can have."""
        no_newest = no_sdist = open_wheels = no_wheel = chosen.all
        order = -1
        for release in self.releases:
            if release.order != order:  # equal versions compete, an older one comes too late
                order, open_wheels = release.order, no_wheel
            if not (no_newest or no_sdist or open_wheels):
                break
            admitted = chosen.admitted(release.requires_python)
            if release.sdist:
                self.sdists_shown |= admitted
            if release.yanked:
                if open_wheels & admitted:
                    self.wheels_shown |= admitted & _takers(release, files, chosen)
                continue
            for place in _bits(no_newest & admitted):
                self.newest[place] = release
            no_newest &= ~admitted
            if release.sdist:
                for place in _bits(no_sdist & admitted):
                    self.sdists[place] = release
                no_sdist &= ~admitted
            if open_wheels & admitted and release.wheels:
                no_wheel &= ~self._take_wheels(release, open_wheels & admitted, files, chosen)
        self.wheels_shown |= chosen.all & ~no_wheel

    def _take_wheels(
        self, release: Release, wanted: int, files: ProjectFiles, chosen: _Targets
    ) -> int:
        """Keep each wanted target's best wheel of a release; return the mask of those it serves."""
        served = 0
        for index, suffix in enumerate(release.wheels):
            mask, matches = chosen.matches(files.suffixes[suffix])
            for place in _bits(mask & wanted):
                match, best = matches[place], self.wheels.get(place)
                if best is None or match[:2] >= best.match[:2]:
                    self.wheels[place] = _Wheel(release, index, match)
            served |= mask & wanted
        return served


def _judge(
    place: int, files: ProjectFiles, chosen: _Targets, finals: _Stage, early: _Stage
) -> Support:
    target, bit = chosen.targets[place], 1 << place
    binary = finals if finals.wheels_shown & bit else early
    either = finals if (finals.wheels_shown | finals.sdists_shown) & bit else early
    wheel = binary.wheels.get(place)
    taken, sdist = either.wheels.get(place), either.sdists.get(place)
    if sdist and (taken is None or sdist.order < taken.release.order):
        installs = Pick(sdist.version, sdist.sdist or "", sdist.uploaded)
    else:
        installs = _pick(taken, files)
    newest = finals.newest.get(place) or early.newest.get(place)
    if newest is None:
        verdict = Verdict.EXCLUDED if files.releases else Verdict.NONE
    else:
        verdict = _verdict(newest, wheel, sdist, files, chosen.pythons[place])
    first = _first_wheel(place, wheel, binary, files, chosen) if wheel else None
    return Support(target, verdict, installs, _pick(wheel, files), first)


def _verdict(
    newest: Release,
    wheel: _Wheel | None,
    sdist: Release | None,
    files: ProjectFiles,
    python: Version,
) -> Verdict:
    """Name what a target gets whose newest admitted release is `newest`."""
    compiled = _compiled(files, newest.order)
    without_wheel = Verdict.SDIST if sdist else Verdict.NONE
    if wheel is None:
        return without_wheel
    meaning, order = wheel.match.verdict, wheel.release.order
    if order > newest.order:
        if meaning is Verdict.UNMARKED:
            return meaning
        # A pure wheel from before the project was compiled is no answer, often a placeholder.
        placeholder = meaning is Verdict.PURE and compiled and not _compiled(files, order)
        return without_wheel if placeholder else Verdict.OLDER_WHEEL
    if order < newest.order and sdist:  # a pre-release, which pip only takes without sdists
        return without_wheel
    if meaning is not Verdict.PURE:
        return meaning
    if compiled:
        return Verdict.PURE_FALLBACK
    return Verdict.EXCLUDED if _outgrown(newest, files, python) else meaning


def _compiled(files: ProjectFiles, order: int) -> bool:
    return any(each.compiled for each in files.releases if each.order == order)


def _outgrown(pure: Release, files: ProjectFiles, python: Version) -> bool:
    """Whether a pure release is only left over because compiled ones don't admit a Python so new.

    Such a left-over is mostly a placeholder that was uploaded without Requires-Python.
    """
    return any(
        each.compiled
        and not each.yanked
        and not each.prerelease
        and not admits(each.requires_python, python)
        and any(admits(each.requires_python, older) for older in _OLDER_PYTHONS)
        for each in files.releases
        if each.order < pure.order
    )


def _pick(wheel: _Wheel | None, files: ProjectFiles) -> Pick | None:
    if wheel is None:
        return None
    release = wheel.release
    suffix = files.suffixes[release.wheels[wheel.index]]
    return Pick(release.version, f"{release.stem}-{suffix}", _uploaded(release, wheel.index))


def _uploaded(release: Release, index: int) -> str | None:
    """When a wheel came; an index may give the times of some files only."""
    whole = len(release.wheel_times) == len(release.wheels)
    return release.wheel_times[index] if whole else release.uploaded


def _first_wheel(
    place: int, wheel: _Wheel, stage: _Stage, files: ProjectFiles, chosen: _Targets
) -> FirstWheel | None:
    """The earliest release with a wheel of the same kind as the newest one: free-threaded, or not."""
    bit, kind = 1 << place, _kind(wheel.match.verdict)
    for release in stage.by_age:
        if not chosen.admitted(release.requires_python) & bit:
            continue
        times = [
            _uploaded(release, index)
            for index, suffix in enumerate(release.wheels)
            if (match := chosen.matches(files.suffixes[suffix])[1].get(place))
            and _kind(match.verdict) is kind
        ]
        if times:
            return FirstWheel(release.version, min(filter(None, times), default=None))
    return None


def _kind(verdict: Verdict) -> Verdict:
    return Verdict.WHEEL if verdict is Verdict.ABI3T else verdict


def _takers(release: Release, files: ProjectFiles, chosen: _Targets) -> int:
    mask = 0
    for suffix in release.wheels:
        mask |= chosen.matches(files.suffixes[suffix])[0]
    return mask


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
