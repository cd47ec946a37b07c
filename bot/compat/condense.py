"""A project's page, up to 15,000 files, condensed to what verdicts need of it.

One pass over the names. Nine files of ten on a large page are wheels for other builds of Python,
whose names end as one before did: they cost a comparison and a look-up. What can be done once per
distinct project name, version or ending is done once.
"""

from operator import itemgetter
from typing import Final

from packaging.utils import NormalizedName, canonicalize_name

from bot.compat.model import ProjectFiles, Release
from bot.compat.tags import (
    COMPILED,
    MAX_LENGTH,
    RELEVANT,
    RELEVANT_COMPILED,
    UNREADABLE,
    FileVersion,
    Precedence,
    classify,
    other_builds,
    parse_name,
    parse_version,
)
from bot.pypi.wire import PageFile

# What pip unpacks besides wheels.
_SDIST_ENDS = (
    ".tar.gz", ".zip", ".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tlz", ".tar.lz",
    ".tar.lzma",
)  # fmt: skip
_NO_STEM: Final = "\0"  # no readable file name begins with it


def condense(files: list[PageFile], project: NormalizedName) -> ProjectFiles:
    """Keep what verdicts need of a page's files. Names that don't parse are counted, never fatal.

    Files of another project are left out, as pip does; where pip would choose between equals it
    takes the last one, so the index's order of files is kept. Requires-Python and being yanked are
    read from the files that some free-threaded build takes and from the first of each release.
    """
    page = _Page(project)
    stem, passed = page.stem, False
    for file in files:
        ending = file.filename.removeprefix(stem)
        if ending in other_builds:
            passed = True
            continue
        if passed:
            page.release.compiled, passed = True, False
        page.read(file, ending)
        stem = page.stem
    page.release.compiled |= passed
    return page.condensed()


class _Page:
    """A page in the reading.

    `release` is the one that the last file belonged to and `stem` how its wheels' names begin,
    `name-version`. The rest of a name is its ending.
    """

    def __init__(self, project: NormalizedName) -> None:
        self.project = project
        self.stem = _NO_STEM
        self.release = Release("", prerelease=False, requires_python=None, yanked=False)
        self._names: set[str] = set()  # how wheels spell the project's name
        self._suffixes: list[str] = []
        self._has_binaries: list[bool] = []
        self._places: dict[str, int] = {}  # of endings in both
        self._last: dict[str, Release] = {}  # by version; equal ones (1.0, 1.0.0) share a key
        self._sorted: list[tuple[Precedence, str, Release]] = []
        self._unreadable = 0

    def read(self, file: PageFile, ending: str) -> None:
        """Count in a file; those that pip does not unpack say nothing."""
        release, filename = self.release, file.filename
        if (
            ending != filename
            and release.requires_python == file.requires_python
            and (not release.yanked) is (not file.yanked)
        ):
            if ending == ".tar.gz":
                release.sdist = filename
                _note_upload(release, file.upload_time)
                return
            place = self._places.get(ending)
            if place is not None and (not release.stem or release.stem == self.stem):
                self._add_wheel(place, file)
                return
        if filename.endswith(".whl"):
            self._read_wheel(file)
        elif filename.endswith(_SDIST_ENDS):
            self._read_sdist(file)

    def _read_wheel(self, file: PageFile) -> None:
        name, _, rest = file.filename.partition("-")
        version_text, _, suffix = rest.partition("-")
        kind, version = classify(suffix), parse_version(version_text)
        project = self.project if name in self._names else parse_name(name)
        if kind == UNREADABLE or version is None or project is None:
            self._unreadable += 1
        elif project == self.project:
            self._names.add(name)
            stem = f"{name}-{version_text}"
            release = self._turn_to(version, file, stem)
            self.stem = stem
            if kind >= RELEVANT:
                self._add_wheel(self._place(suffix, kind), file)
            elif kind == COMPILED:
                release.compiled = True

    def _read_sdist(self, file: PageFile) -> None:
        stem = _without_end(file.filename)
        name, version_text = _split_sdist(stem, self.project)
        version = parse_version(version_text)
        if version is None:
            self._unreadable += 1
            return
        release = self._turn_to(version, file, "")
        # Most wheels' names begin as their sdist's, if they may.
        may_begin = "-" not in version_text and parse_name(name) is not None
        self.stem = stem if may_begin else _NO_STEM
        release.sdist = file.filename
        _note_upload(release, file.upload_time)

    def _add_wheel(self, place: int, file: PageFile) -> None:
        """Add a wheel to the release that stands in `release`."""
        release = self.release
        release.stem = self.stem
        release.wheels.append(place)
        if self._has_binaries[place]:
            release.compiled = True
        if file.upload_time is not None:
            release.wheel_times.append(file.upload_time)
            _note_upload(release, file.upload_time)

    def _turn_to(self, version: FileVersion, file: PageFile, stem: str) -> Release:
        """Go on with the release that the file belongs to, a new one if need be.

        `stem` is "" for a source distribution, whose name is kept whole.
        Where files of equal versions alternate, each run makes a release of its own: the last one
        is what pip takes.
        """
        release = self._last.get(version.key)
        if (
            release is None
            or release.version != version.text
            or release.requires_python != file.requires_python
            or (not release.yanked) is not (not file.yanked)
            or (release.stem and stem and release.stem != stem)
        ):
            release = Release(
                version.text,
                version.prerelease,
                file.requires_python,
                bool(file.yanked),
                uploaded=file.upload_time,
            )
            self._last[version.key] = release
            self._sorted.append((version.precedence, version.key, release))
        self.release = release
        return release

    def _place(self, suffix: str, kind: int) -> int:
        """Give a suffix its place among all that matter here."""
        place = self._places.setdefault(f"-{suffix}", len(self._suffixes))
        if place == len(self._suffixes):
            self._suffixes.append(suffix)
            self._has_binaries.append(kind == RELEVANT_COMPILED)
        return place

    def condensed(self) -> ProjectFiles:
        """Order the releases, once every file was read."""
        self._sorted.sort(key=itemgetter(0), reverse=True)
        order, newer = -1, ""
        for _, key, release in self._sorted:
            if key != newer:
                order, newer = order + 1, key
            release.order = order
        releases = tuple([release for *_, release in self._sorted])
        return ProjectFiles(tuple(self._suffixes), releases, self._unreadable)


def _note_upload(release: Release, time: str | None) -> None:
    if time is not None and (release.uploaded is None or time < release.uploaded):
        release.uploaded = time


def _without_end(filename: str) -> str:
    return filename[: -next(len(end) for end in _SDIST_ENDS if filename.endswith(end))]


def _split_sdist(stem: str, project: NormalizedName) -> tuple[str, str]:
    """Name and version of a source distribution, found as pip finds them; "" where there are none.

    Both may hold dashes: the name ends at the first dash before which the project's name stands.
    There are no more runs of separators in a name than dashes in its normalized form.
    """
    if len(stem) > MAX_LENGTH:
        return "", ""
    tries, dash = project.count("-") + 1, stem.find("-")
    while dash > 0 and tries:
        if stem[dash - 1] not in "-_.":
            if canonicalize_name(stem[:dash]) == project:
                return stem[:dash], stem[dash + 1 :]
            tries -= 1
        dash = stem.find("-", dash + 1)
    return "", ""
