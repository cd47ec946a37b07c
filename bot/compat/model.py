"""What the verdict rules take and give: values, comparable and without I/O."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """How a project installs on one target, best first; the wording is the ladder's."""

    WHEEL = "wheel"
    """The newest release has a free-threaded wheel of this very version (`cp314t`)."""
    ABI3T = "abi3t"
    """It has a stable-ABI free-threaded wheel (PEP 803)."""
    PLATFORM = "platform"
    """It has a wheel with binaries but no Python ABI (`py3-none-<platform>`)."""
    PURE = "pure"
    """It is pure Python."""
    PURE_FALLBACK = "pure-fallback"
    """A pure wheel here, while other builds get a compiled one."""
    OLDER_WHEEL = "older-wheel"
    """No wheel of the newest release here, but one of an older release."""
    UNMARKED = "unmarked"
    """A wheel without an ABI tag for exactly this Python, most likely built for the GIL."""
    SDIST = "sdist"
    """It must be compiled here."""
    NONE = "none"
    """Nothing can be installed here."""
    EXCLUDED = "excluded"
    """No release admits this Python (Requires-Python)."""
    UNAVAILABLE = "unavailable"
    """Every release is yanked, or the project is quarantined."""


@dataclass(frozen=True, slots=True)
class Target:
    """An interpreter (`3.14t`) on a platform: one of the names in `targets`, or a raw tag."""

    python: str
    platform: str


@dataclass(frozen=True, slots=True)
class Pick:
    """A file that pip would take. `uploaded` is the index's UTC time as text, None if not given."""

    version: str
    file: str
    uploaded: str | None = None


@dataclass(frozen=True, slots=True)
class FirstWheel:
    """Since when there are wheels like the newest one here; `uploaded` as in `Pick`."""

    version: str
    uploaded: str | None = None


@dataclass(frozen=True, slots=True)
class Support:
    """The verdict on one target with its evidence.

    `installs` is what pip takes there, a wheel or an sdist; `newest_wheel` is what it takes with
    `--only-binary=:all:`; `first_wheel` is the earliest release with a wheel of that kind.
    """

    target: Target
    verdict: Verdict
    installs: Pick | None
    newest_wheel: Pick | None
    first_wheel: FirstWheel | None


class Release(msgspec.Struct, array_like=True, gc=False):
    """What matters of a release's files, without those that no free-threaded build can take.

    A release whose files differ in Requires-Python, in being yanked or in how their names spell it
    makes several of these, and each run of files one of its own where equal versions alternate.
    PyPI sets the first two per release, other indexes per file.
    """

    version: str
    """As `str(packaging.version.Version)`."""
    prerelease: bool
    requires_python: str | None
    yanked: bool
    order: int = 0
    """0 for the project's newest version, and so on; equal versions (1.0, 1.0.0) share it."""
    uploaded: str | None = None
    """When its first file came: the index's UTC text, None if the index gives no times.

    Of wheels for other builds only one that stands first on the page is looked at.
    """
    compiled: bool = False
    """It has a wheel with binaries, for whatever build of Python."""
    sdist: str | None = None
    """The source distribution that pip takes."""
    stem: str = ""
    """How its wheels' names begin: `name-version`."""
    wheels: list[int] = []
    """Places in `ProjectFiles.suffixes`, in the index's order."""
    wheel_times: list[str | None] = []
    """When each of `wheels` came; empty if the index gives no times."""


class ProjectFiles(msgspec.Struct, frozen=True, gc=False):
    """All that verdicts need of a project's files, small enough to be kept for every project.

    `releases` go from the newest version to the oldest. `suffixes` are the distinct ends of wheel
    names, `[build-]python-abi-platform.whl`. `unreadable` counts the names that don't parse.
    """

    suffixes: tuple[str, ...]
    releases: tuple[Release, ...]
    unreadable: int = 0
