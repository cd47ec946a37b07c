"""What a version means for a move to a target, what would help, and who brings it in."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from msgspec import structs
from packaging.version import InvalidVersion, Version

from bot.audit.model import Best, Class
from bot.compat.model import ProjectFiles, Release, Support, Target, Verdict
from bot.compat.rules import QUARANTINED, admits, support
from bot.compat.targets import ALL_TARGETS, interpreter
from bot.language import phrase, phrase_many, together

READY: Final = frozenset({Verdict.WHEEL, Verdict.ABI3T, Verdict.PLATFORM, Verdict.PURE})
"""Verdicts with which nothing is left to do."""
LONGEST_PATH: Final = 32
"""Names in a chain: a made-up lock of one long chain would have millions of them."""
_ORDER: Final = (Class.BLOCKED, Class.UNKNOWN, Class.WORKS, Class.READY)


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one version, with its evidence; None for a version that is not there."""

    verdict: Verdict | None
    support: Support | None


def judge(files: ProjectFiles, status: str, target: Target, version: str | None = None) -> Judged:
    """Judge exactly `version`, or what pip would take now where none is given.

    A version that was chosen counts though it is yanked, as pip installs it (PEP 592), and no other
    one stands in for it: so its verdict is never `older-wheel`. `status` is PEP 792's.
    """
    if version is not None:
        chosen = releases_of(files, version)
        if not chosen:
            return Judged(None, None)
        files = replace_releases(files, [_unyanked(each) for each in chosen])
    (found,) = support(files, (target,), status)
    return Judged(found.verdict, found)


def best(
    files: ProjectFiles, status: str, target: Target, version: str | None = None
) -> Best | None:
    """Return another version that would be ready, None if there is none.

    A newer final release is best, the newest of them; then the newest final of all; then the newest
    pre-release. Yanked ones don't count.
    """
    if status == QUARANTINED:
        return None
    pinned = _version(version)
    older = early = None
    for release, verdict in _ready_releases(files, target, pinned):
        found = Best(release.version, verdict, release.prerelease)
        if release.prerelease:
            early = early or found
        elif pinned is None or Version(release.version) > pinned:
            return found
        else:
            older = older or found
    return older or early


def classify(verdict: Verdict | None, other: Best | None) -> Class:
    """Return the class of a verdict, where `other` is another version that would be ready."""
    if verdict is None or verdict is Verdict.UNMARKED:
        return Class.UNKNOWN
    if verdict in READY:
        return Class.READY
    if verdict is Verdict.PURE_FALLBACK or other is not None:
        return Class.WORKS
    return Class.BLOCKED


def ready_since(files: ProjectFiles, target: Target, version: str) -> str | None:
    """Return the oldest final release newer than `version` that is ready, None if there is none."""
    pinned = _version(version)
    since: str | None = None
    for release, _ in _ready_releases(files, target, pinned):
        if not release.prerelease and pinned and Version(release.version) > pinned:
            since = release.version
    return since


def missing_only(
    files: ProjectFiles, target: Target, version: str | None = None
) -> tuple[str, ...]:
    """Return the platforms that this Python lacks, if it has wheels for at least as many others."""
    if version is not None:
        files = replace_releases(files, [_unyanked(each) for each in releases_of(files, version)])
    targets = [each for each in ALL_TARGETS if each.python == target.python]
    if not files.releases or target not in targets:
        return ()
    judged = support(files, targets)
    missing = [each.target.platform for each in judged if each.verdict not in READY]
    return tuple(missing) if missing and 2 * len(missing) <= len(targets) else ()


def advise(
    files: ProjectFiles, target: Target, judged: Judged, version: str | None, other: Best | None
) -> str:
    """Return one plain sentence on what would help, "" where nothing has to.

    `version` is the one that was judged, `other` what `best` found.
    """
    verdict = judged.verdict
    if verdict in READY or verdict is None:
        return ""
    if verdict is Verdict.PURE_FALLBACK:
        slow = phrase("It runs as pure Python here, which may be slow.")
        better = _other_version(files, target, version, other) if other else ""
        return together(slow, better)
    if verdict is Verdict.UNMARKED:
        return phrase(
            "Its wheel does not say for which build it is, most likely the one with the GIL."
        )
    if other is not None:
        return _other_version(files, target, version, other)
    if missing := missing_only(files, target, version):
        return phrase_many(
            "Only {platforms} lacks it.",
            "Only {platforms} lack it.",
            len(missing),
            platforms=", ".join(missing),
        )
    if verdict is Verdict.EXCLUDED:
        python = target.python.removesuffix("t")
        return phrase("No release that is ready admits Python {python}.", python=python)
    return _HOPELESS[verdict]


_HOPELESS: Final = {
    Verdict.SDIST: phrase("It has to be compiled here: no release has a wheel."),
    Verdict.NONE: phrase("No release can be installed here."),
    Verdict.UNAVAILABLE: phrase("Every release is yanked or in quarantine."),
}


def _other_version(files: ProjectFiles, target: Target, version: str | None, other: Best) -> str:
    """Say which other version would be ready."""
    if other.prerelease:
        return _prerelease(other)
    pinned, ready = _version(version), Version(other.version)
    if pinned is None:
        return phrase("{version} has a wheel.", version=other.version)
    if ready > pinned:
        since = ready_since(files, target, str(pinned)) or other.version
        return phrase("Ready from {since}, this is {version}.", since=since, version=pinned)
    return phrase("{other} had a wheel, {version} has none.", other=other.version, version=pinned)


def _prerelease(other: Best) -> str:
    match other.verdict:
        case Verdict.ABI3T:
            return phrase("An abi3t wheel is in the pre-release {version}.", version=other.version)
        case Verdict.PURE:
            return phrase("A pure wheel is in the pre-release {version}.", version=other.version)
    return phrase("A wheel is in the pre-release {version}.", version=other.version)


def releases_of(files: ProjectFiles, version: str) -> list[Release]:
    """Return what the project has of a version, however it is spelt; yanked ones too."""
    wanted = _version(version)
    if wanted is None:
        return []
    # Equal versions stand side by side, and most are spelt alike: parsing 400 takes a millisecond.
    spelt = str(wanted)
    exact = next((each.order for each in files.releases if each.version == spelt), None)
    if exact is None:
        exact = next(
            (each.order for each in files.releases if _version(each.version) == wanted), None
        )
    return [each for each in files.releases if each.order == exact] if exact is not None else []


def replace_releases(files: ProjectFiles, releases: Sequence[Release]) -> ProjectFiles:
    """Return the same project with these releases alone."""
    return ProjectFiles(files.suffixes, tuple(releases), files.unreadable)


def paths(
    direct: Collection[str], requires: Mapping[str, Iterable[str]]
) -> dict[str, tuple[str, ...]]:
    """Return for each package that can be reached the shortest chain of who pulls it in.

    The chain goes from a direct dependency down to the one that requires the package; it is empty
    for direct ones. Of equally short chains the first by name counts. Circles do no harm. Of a
    chain that is longer than LONGEST_PATH only the beginning and the end are given.
    """
    found: dict[str, tuple[str, ...]] = dict.fromkeys(sorted(direct), ())
    waiting = deque(found)
    while waiting:
        name = waiting.popleft()
        for required in sorted(requires.get(name, ())):
            if required not in found:
                found[required] = (*found[name][: LONGEST_PATH - 1], name)
                waiting.append(required)
    return found


def order(class_: Class) -> int:
    """Return the place of a class among the answers: blockers first."""
    return _ORDER.index(class_)


def _ready_releases(
    files: ProjectFiles, target: Target, pinned: Version | None
) -> Iterator[tuple[Release, Verdict]]:
    """Yield the releases other than the pinned one that are ready, the newest first.

    A pure release from before the project was compiled is mostly a placeholder, and no answer.
    """
    python = interpreter(target.python).version
    compiled = False
    for _, group in groupby(files.releases, key=lambda each: each.order):
        releases = [each for each in group if not each.yanked]
        if not any(each.wheels and admits(each.requires_python, python) for each in releases):
            compiled = compiled or any(each.compiled for each in releases)
            continue
        (found,) = support(replace_releases(files, releases), (target,))
        here = any(each.compiled for each in releases)
        placeholder = found.verdict is Verdict.PURE and compiled and not here
        compiled = compiled or here
        if found.verdict in READY and not placeholder and Version(releases[0].version) != pinned:
            yield releases[0], found.verdict


def _unyanked(release: Release) -> Release:
    return structs.replace(release, yanked=False) if release.yanked else release


def _version(text: str | None) -> Version | None:
    try:
        return Version(text) if text is not None else None
    except InvalidVersion:
        return None
