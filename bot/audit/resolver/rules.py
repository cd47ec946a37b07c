"""What pip may take of a project on a target, and what a requirement admits of that.

Sets of releases are bit masks, the newest release in the lowest bit: a resolver asks a million
times whether a release fits a requirement, and which ones fit several.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Final, Self

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import BuildTag, NormalizedName, canonicalize_name
from packaging.version import Version

from bot.audit.rules import READY, judge
from bot.compat.model import ProjectFiles, Release, Target, Verdict
from bot.compat.rules import admits
from bot.compat.tags import parse_suffix
from bot.compat.targets import interpreter, wheel_tags
from bot.language import phrase

MAX_LENGTH: Final = 4_000
"""Characters of a requirement without its marker; the longest real ones have some hundred."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A requirement as it was written: names normalised, `marker` not parsed, "" for none."""

    name: NormalizedName
    specifier: str
    extras: tuple[str, ...]
    marker: str
    url: str | None


@lru_cache(maxsize=20_000)
def parse(text: str) -> Asked | None:
    """Read a requirement (PEP 508), None if it is malformed.

    The marker is left to whoever judges it, for packaging would read it by recursion.
    """
    address = text.partition(";")[0].find("@") >= 0
    head, _, marker = text.partition(" ;" if address else ";")
    if len(head) > MAX_LENGTH:
        return None
    try:
        found = Requirement(head)
    except (InvalidRequirement, RecursionError):
        return None
    return Asked(
        canonicalize_name(found.name),
        str(found.specifier),
        tuple(sorted({canonicalize_name(extra) for extra in found.extras})),
        marker.strip(),
        found.url,
    )


@dataclass(frozen=True, slots=True)
class Clauses:
    """What pip reads from a version specifier besides the versions that it admits.

    `prereleases`: it names one, so that others count too. `exact`: it names a version that may be
    yanked (PEP 592). `pinned` and `bounded` (from above): such requirements are settled first.
    """

    versions: SpecifierSet
    prereleases: bool
    exact: bool
    pinned: bool
    bounded: bool

    @property
    def traits(self) -> tuple[bool, ...]:
        """All of it but the versions."""
        return self.prereleases, self.exact, self.pinned, self.bounded


@lru_cache(maxsize=20_000)
def clauses(specifier: str) -> Clauses:
    """Read a version specifier. Raises InvalidSpecifier."""
    versions = SpecifierSet(specifier)
    each = [(clause.operator, clause.version) for clause in versions]
    return Clauses(
        versions,
        prereleases=bool(versions.prereleases),
        exact=any(op == "===" or (op == "==" and not v.endswith(".*")) for op, v in each),
        pinned=any(op[:2] == "==" and "*" not in v for op, v in each),
        bounded=any(op in {"<", "<=", "~="} or (op == "==" and "*" in v) for op, v in each),
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """A release as a target sees it. `file` is what pip takes of it, or might tell of it."""

    version: str
    file: str
    prerelease: bool
    yanked: bool
    installable: bool
    compiled: bool = False
    """It has a wheel with binaries, for whatever build."""


class Available:
    """A project's releases, as a target sees them, the newest first.

    `reason` says why there are none, "" if there are some. What is worked out is remembered; two
    threads at once may do so twice, with the same outcome.
    """

    def __init__(
        self,
        name: NormalizedName,
        files: ProjectFiles,
        status: str,
        target: Target,
        reason: str = "",
    ) -> None:
        self.name = name
        self.files = files
        self.status = status
        self.target = target
        self.offers = () if reason else tuple(_offers(name, files, target))
        self.reason = reason or ("" if self.offers else _nothing(name, status))
        self.all = (1 << len(self.offers)) - 1
        self.installable = _mask(each.installable for each in self.offers)
        self._early = _mask(each.prerelease for each in self.offers)
        self._yanked = _mask(each.yanked for each in self.offers)
        self._compiled = _mask(each.compiled for each in self.offers)
        self._versions: list[Version] | None = None
        self._admitted: dict[str, int] = {"": -1}
        self._ordered: dict[tuple[int, bool, bool], tuple[int, ...]] = {}
        self._ready: dict[int, bool] = {}

    @classmethod
    def absent(cls, name: NormalizedName, target: Target, reason: str) -> Self:
        """Make one of a project of which nothing is known."""
        return cls(name, ProjectFiles((), ()), "", target, reason)

    def admitted(self, specifier: str) -> int:
        """Return which releases a specifier admits, pre-releases included.

        The bits above those of the releases are set: what comes from elsewhere fits everything, as
        its version is not known.
        """
        known = self._admitted.get(specifier)
        if known is None:
            if self._versions is None:
                self._versions = [Version(each.version) for each in self.offers]
            fitting = clauses(specifier).versions.filter(
                range(len(self.offers)), prereleases=True, key=self._versions.__getitem__
            )
            known = ~self.all
            for place in fitting:
                known |= 1 << place
            self._admitted[specifier] = known
        return known

    def ordered(self, mask: int, *, prereleases: bool, exact: bool) -> tuple[int, ...]:
        """Return the releases of a mask that pip would try, the first one first.

        Pre-releases count if a requirement names one or nothing else is left. Yanked releases
        count if all are yanked and a requirement names a version.
        """
        key = mask, prereleases, exact
        known = self._ordered.get(key)
        if known is None:
            if not prereleases and mask & ~self._early:
                mask &= ~self._early
            if not exact or mask & ~self._yanked:
                mask &= ~self._yanked
            known = self._ordered[key] = tuple(places(mask))
        return known

    def ready(self, mask: int, *, exact: bool) -> Iterator[int]:
        """Yield the releases of a mask that are ready on the target: finals, then pre-releases."""
        if not exact or mask & ~self._yanked:
            mask &= ~self._yanked
        for part in (mask & ~self._early, mask & self._early):
            yield from filter(self._is_ready, places(part))

    def _is_ready(self, place: int) -> bool:
        known = self._ready.get(place)
        if known is None:
            offer, newer = self.offers[place], (1 << place) - 1
            verdict = judge(self.files, self.status, self.target, offer.version).verdict
            # A pure release from before the project was compiled is mostly a placeholder.
            outgrown = not offer.compiled and bool(self._compiled & newer)
            known = verdict in READY and not (verdict is Verdict.PURE and outgrown)
            self._ready[place] = known
        return known


def places(mask: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _mask(flags: Iterator[bool]) -> int:
    mask = 0
    for place, flag in enumerate(flags):
        if flag:
            mask |= 1 << place
    return mask


def _nothing(name: str, status: str) -> str:
    if status == "quarantined":
        return phrase(
            "{project} is in quarantine: the index suspects it and gives out no files.",
            project=name,
        )
    return phrase("{project} has no releases on the index.", project=name)


def _offers(name: str, files: ProjectFiles, target: Target) -> Iterator[Offer]:
    """Make of each version what pip sees in it: files for the target, yanked ones last."""
    python = interpreter(target.python).version
    preferences = [_preference(suffix, target) for suffix in files.suffixes]
    for _, group in groupby(files.releases, key=attrgetter("order")):
        releases = list(group)
        taken: tuple[Release, str] | None = None
        for yanked in (False, True):
            usable = [
                each
                for each in releases
                if each.yanked is yanked and admits(each.requires_python, python)
            ]
            taken = taken or _taken(usable, files.suffixes, preferences)
        release, file = taken or (releases[-1], _any_file(name, releases, files.suffixes))
        compiled = any(each.compiled for each in releases)
        yield Offer(
            release.version, file, release.prerelease, release.yanked, bool(taken), compiled
        )


_Preference = tuple[int, BuildTag]


def _taken(
    releases: Sequence[Release], suffixes: Sequence[str], preferences: Sequence[_Preference | None]
) -> tuple[Release, str] | None:
    """Return the file that pip takes: the preferred wheel, of equal ones the last, or an sdist."""
    best: tuple[_Preference, Release, str] | None = None
    sdist: tuple[Release, str] | None = None
    for release in releases:
        for place in release.wheels:
            preference = preferences[place]
            if preference is not None and (best is None or preference >= best[0]):
                best = preference, release, f"{release.stem}-{suffixes[place]}"
        if release.sdist:
            sdist = release, release.sdist
    return best[1:] if best else sdist


def _any_file(name: str, releases: Sequence[Release], suffixes: Sequence[str]) -> str:
    """Name a release that cannot be installed, by one of its files if any is known."""
    for release in releases:
        if release.wheels:
            return f"{release.stem}-{suffixes[release.wheels[0]]}"
        if release.sdist:
            return release.sdist
    return f"{name}-{releases[-1].version}"


@lru_cache(maxsize=20_000)
def _preference(suffix: str, target: Target) -> _Preference | None:
    """How much a target prefers a wheel whose name ends so, None if it does not take it."""
    build, tags = parse_suffix(suffix)
    ranks = _ranks(target)
    rank = min((ranks[tag] for tag in tags if tag in ranks), default=None)
    return None if rank is None else (-rank, build)


@lru_cache(maxsize=64)
def _ranks(target: Target) -> dict[object, int]:
    return {tag: rank for rank, tag in enumerate(wheel_tags(target))}
