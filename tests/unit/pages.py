"""Made-up index pages, the real ones that lie beside the project, and a slow reference for both."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import pytest
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import (
    BuildTag,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from bot.compat.condense import condense
from bot.compat.model import ProjectFiles, Support, Target
from bot.compat.rules import support
from bot.compat.targets import interpreter, wheel_tags
from bot.pypi.wire import PageFile, ProjectPage, decode_page

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"
SDIST_ENDS = (
    ".tar.gz", ".zip", ".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tlz", ".tar.lz",
    ".tar.lzma",
)  # fmt: skip
FOO = canonicalize_name("foo")


def file(name: str, requires_python: str | None = None, time: str | None = None) -> PageFile:
    """A file of a page; one whose name begins with `!` is yanked."""
    return PageFile(name.removeprefix("!"), requires_python, name.startswith("!"), time)


def condensed(*files: str | PageFile) -> ProjectFiles:
    """What is kept of a page of the project `foo`."""
    return condense([file(each) if isinstance(each, str) else each for each in files], FOO)


def judged(
    *files: str | PageFile, python: str = "3.14t", platform: str = "windows-amd64"
) -> Support:
    (found,) = support(condensed(*files), [Target(python, platform)])
    return found


def documents() -> dict[str, bytes]:
    """The recorded documents by project; skips the test where they are not at hand."""
    paths = sorted((SHARED / "simple").glob("*.json.gz"))
    if not paths:
        pytest.skip("the recorded index documents do not lie beside this checkout")
    return {
        path.name.removesuffix(".json.gz"): gzip.decompress(path.read_bytes()) for path in paths
    }


@cache
def pages() -> dict[NormalizedName, ProjectPage]:
    return {canonicalize_name(name): decode_page(body) for name, body in documents().items()}


@dataclass(frozen=True)
class Archive:
    """A file read with packaging; `tags` is None for a source distribution."""

    file: PageFile
    version: Version
    tags: frozenset[Tag] | None = None
    build: BuildTag = ()


@dataclass(frozen=True)
class Candidate:
    key: tuple[Version, int, BuildTag, int]
    archive: Archive


def read_archives(files: list[PageFile], project: NormalizedName) -> list[Archive]:
    """Read a page file by file; what can't be read is left out, as pip leaves it out."""
    return list(_read(files, project))


def _read(files: list[PageFile], project: NormalizedName) -> Iterator[Archive]:
    for each in files:
        if each.filename.endswith(".whl"):
            try:
                name, version, build, tags = parse_wheel_filename(each.filename)
            except InvalidWheelFilename:
                continue
            if name == project:
                yield Archive(each, version, tags, build)
        elif ends := [end for end in SDIST_ENDS if each.filename.endswith(end)]:
            sdist = _sdist_version(each.filename.removesuffix(max(ends, key=len)), project)
            if sdist is not None:
                yield Archive(each, sdist)


def _sdist_version(stem: str, project: NormalizedName) -> Version | None:
    for place, char in enumerate(stem):
        if char == "-" and canonicalize_name(stem[:place]) == project:
            try:
                return Version(stem[place + 1 :])
            except InvalidVersion:
                return None
    return None


def naive_picks(archives: list[Archive], target: Target) -> tuple[str | None, str | None]:
    """The files that pip takes: with source distributions, and of wheels only."""
    ranks = {tag: rank for rank, tag in enumerate(wheel_tags(target))}
    python = interpreter(target.python).version
    candidates = []
    for place, each in enumerate(archives):
        if not _admits(each.file.requires_python, python):
            continue
        if each.tags is None:
            candidates.append(Candidate((each.version, -len(ranks), (), place), each))
        elif matched := [ranks[tag] for tag in each.tags if tag in ranks]:
            candidates.append(Candidate((each.version, -min(matched), each.build, place), each))
    return _best(candidates), _best([each for each in candidates if each.archive.tags is not None])


def _best(candidates: list[Candidate]) -> str | None:
    finals = [each for each in candidates if not each.archive.version.is_prerelease]
    left = [each for each in finals or candidates if not each.archive.file.yanked]
    return max(left, key=lambda each: each.key).archive.file.filename if left else None


@lru_cache(maxsize=2_000)
def _admits(requires_python: str | None, python: Version) -> bool:
    try:
        return SpecifierSet(requires_python or "").contains(python, prereleases=True)
    except InvalidSpecifier:
        return True
