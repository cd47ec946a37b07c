"""A project's page, up to 15,000 files, condensed to what verdicts need of it.

One pass over the names: what can be done once per distinct project name, version or suffix is
done once, which makes it some 30 times faster than parsing each name by itself.
"""

from functools import lru_cache
from operator import itemgetter

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from bot.compat.model import ProjectFiles, Release
from bot.compat.tags import (
    COMPILED,
    RELEVANT,
    OF_NO_USE,
    UNREADABLE,
    FileVersion,
    classify,
    parse_name,
    parse_version,
)
from bot.pypi.wire import PageFile

# What pip unpacks besides wheels.
_SDIST_ENDS = (
    ".tar.gz", ".zip", ".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tlz", ".tar.lz",
    ".tar.lzma",
)  # fmt: skip

_NOTHING = "\0"  # no readable file name begins with it
_Key = tuple[str, str | None, bool | str]
"""A stem or a version with what files of one release may differ in: Requires-Python and yanked."""
_canonical = lru_cache(maxsize=1_000)(canonicalize_name)


def condense(files: list[PageFile], project: NormalizedName) -> ProjectFiles:
    """Keep what verdicts need of a page's files. Names that don't parse are counted, never fatal.

    Files of another project are left out, as pip does; where pip would choose between equals it
    takes the last one, so the index's order of files is kept.
    """
    page = _Page(project)
    prefix, start = _NOTHING, len(_NOTHING)  # `name-version-` of the last wheel
    release = Release("", prerelease=False, requires_python=None, yanked=False)
    gil_only: set[str] = set()
    for file in files:
        filename = file.filename
        if filename.startswith(prefix):
            if (
                filename[start:] in gil_only
            ):  # nine files of ten on large pages: nothing more to learn
                release.compiled = True
                continue
        if filename[-4:] != ".whl":
            page.add_sdist(file)
            continue
        if not filename.startswith(prefix):
            start = filename.find("-", filename.find("-") + 1) + 1
            prefix = filename[:start]
        suffix = filename[start:]
        added = page.add_wheel(file, prefix[:-1], suffix)
        if added is None:
            prefix = _NOTHING
            continue
        release = added
        if classify(suffix) == COMPILED:
            gil_only.add(suffix)
    return page.condensed()


class _Page:
    """A page in the reading."""

    def __init__(self, project: NormalizedName) -> None:
        self.project = project
        self.by_stem: dict[_Key, Release] = {}
        self.by_version: dict[_Key, Release] = {}
        self.sorted: list[tuple[Version, Release]] = []
        self.suffixes: dict[str, int] = {}
        self.unreadable = 0

    def add_wheel(self, file: PageFile, stem: str, suffix: str) -> Release | None:
        """Count in a wheel; None if no wheel whose name begins so is of this project."""
        kind = classify(suffix)
        release = self.by_stem.get((stem, file.requires_python, file.yanked))
        if release is None:
            name, _, version_text = stem.partition("-")
            project, version = parse_name(name), parse_version(version_text)
            if project is None or version is None:
                self.unreadable += 1
                return None
            if project != self.project:
                return None
            release = self._release(version, file, stem)
        if kind >= RELEVANT:
            release.wheels.append(self.suffixes.setdefault(suffix, len(self.suffixes)))
            if file.upload_time is not None:
                release.wheel_times.append(file.upload_time)
        if kind & COMPILED:
            release.compiled = True
        if kind == UNREADABLE:
            self.unreadable += 1
        elif file.upload_time is not None:
            _note_upload(release, file.upload_time)
        return release

    def add_sdist(self, file: PageFile) -> None:
        """Count in a file that is no wheel; those that pip does not unpack say nothing."""
        if not file.filename.endswith(_SDIST_ENDS):
            return
        version = _sdist_version(file.filename, self.project)
        if version is None:
            self.unreadable += 1
            return
        release = self._release(version, file, "")
        release.sdist = file.filename
        if file.upload_time is not None:
            _note_upload(release, file.upload_time)

    def _release(self, version: FileVersion, file: PageFile, stem: str) -> Release:
        """The release that the file belongs to, a new one if need be."""
        facts = file.requires_python, file.yanked
        release = self.by_version.get((version.text, *facts))
        if release is None or (stem and release.stem):
            release = Release(version.text, version.prerelease, facts[0], bool(facts[1]))
            self.by_version.setdefault((version.text, *facts), release)
            self.sorted.append((version.version, release))
        if stem:
            release.stem = stem
            self.by_stem[stem, *facts] = release
        return release

    def condensed(self) -> ProjectFiles:
        """What is known once every file was read."""
        self.sorted.sort(key=itemgetter(0), reverse=True)
        order, newer = -1, None
        for version, release in self.sorted:
            if version is not newer and version != newer:
                order += 1
            newer = version
            release.order = order
        releases = tuple([release for _, release in self.sorted])
        return ProjectFiles(tuple(self.suffixes), releases, self.unreadable)


def _note_upload(release: Release, time: str) -> None:
    if release.uploaded is None or time < release.uploaded:
        release.uploaded = time


def _sdist_version(filename: str, project: NormalizedName) -> FileVersion | None:
    """The version of a source distribution, found as pip finds it.

    Names and versions may both hold dashes: the name ends at the first dash before which the
    project's name stands.
    """
    if filename.endswith(".tar.gz"):
        stem = filename[:-7]
    else:
        stem = filename[: -next(len(end) for end in _SDIST_ENDS if filename.endswith(end))]
    dash = stem.find("-")
    while dash > 0:
        if _canonical(stem[:dash]) == project:
            return parse_version(stem[dash + 1 :])
        dash = stem.find("-", dash + 1)
    return None
