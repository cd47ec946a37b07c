"""The interpreters and platforms that verdicts are given for. A new interpreter is one line here.

Platform tags of a *foreign* system have to be written out: packaging only knows how to ask the
running one, except for macOS.
"""

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.version import Version

from bot.compat.model import Target
from bot.errors import UserError
from bot.language import phrase


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A free-threaded CPython; `version` is what Requires-Python is held against."""

    name: str
    version: Version

    @property
    def minor(self) -> tuple[int, int]:
        """The (3, 14) of 3.14.9."""
        return self.version.major, self.version.minor


INTERPRETERS = (
    Interpreter("3.13t", Version("3.13.11")),
    Interpreter("3.14t", Version("3.14.9")),
    Interpreter("3.15t", Version("3.15.0")),
)
PYTHONS = tuple(interpreter.name for interpreter in INTERPRETERS)

# The newest tag that each named platform supports; it takes the older ones of its family too.
_NAMED = {
    "linux-x86_64": "manylinux_2_28_x86_64",
    "linux-aarch64": "manylinux_2_28_aarch64",
    "musl-x86_64": "musllinux_1_2_x86_64",
    "musl-aarch64": "musllinux_1_2_aarch64",
    "macos-arm64": "macosx_15_0_arm64",
    "macos-x86_64": "macosx_15_0_x86_64",
    "windows-amd64": "win_amd64",
    "windows-arm64": "win_arm64",
}
PLATFORMS = tuple(_NAMED)
ALL_TARGETS = tuple(Target(python, platform) for python in PYTHONS for platform in PLATFORMS)

# PEP 600: what manylinux tags were called before they named their glibc.
_LEGACY_MANYLINUX = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_GLIBC_OF_LEGACY = {name: minor for minor, name in _LEGACY_MANYLINUX.items()}
_INTEL = ("x86_64", "i686")  # the only machines that had wheels before glibc 2.17
_RAW = re.compile(
    r"manylinux_2_(?P<glibc>\d{1,2})_(?P<glibc_arch>\w{1,20})"
    r"|(?P<legacy>manylinux1|manylinux2010|manylinux2014)_(?P<legacy_arch>\w{1,20})"
    r"|musllinux_1_(?P<musl>\d{1,2})_(?P<musl_arch>\w{1,20})"
    r"|macosx_(?P<mac>\d{1,2})_(?P<mac_minor>\d{1,2})_(?P<mac_arch>arm64|x86_64)"
    r"|(?P<literal>win32|win_amd64|win_arm64|linux_\w{1,20}|(?:ios|android|pyemscripten)_\w{1,40})",
    re.ASCII,
)


def parse_python(text: str) -> str:
    """Read an interpreter as people write it: `3.14t`, `3.14`, `cp314t`. Raises UserError."""
    found = re.fullmatch(r"(?:cp|py|python)?3\.?(\d{2})t?", text.strip().lower())
    name = f"3.{found[1]}t" if found else ""
    if name not in PYTHONS:
        raise UserError(
            phrase("{text} is not an interpreter that ftbot knows.", text=repr(text[:40])),
            phrase("Choose one of {names}.", names=", ".join(PYTHONS)),
        )
    return name


def parse_platform(text: str) -> str:
    """Read a platform: one of `PLATFORMS` or a raw platform tag. Raises UserError."""
    name = text.strip().lower()
    if name in _NAMED:
        return name
    if not _RAW.fullmatch(name):
        raise UserError(
            phrase("{text} is not a platform that ftbot knows.", text=repr(text[:60])),
            phrase(
                "Choose one of {names}, or a platform tag such as {example}.",
                names=", ".join(PLATFORMS),
                example="manylinux_2_39_x86_64",
            ),
        )
    return name


def interpreter(python: str) -> Interpreter:
    """Find the interpreter of that name. Raises UserError for an unknown one."""
    name = parse_python(python)
    return next(each for each in INTERPRETERS if each.name == name)


@cache
def _platform_tags(tag: str) -> tuple[str, ...]:
    """All platform tags that a system takes whose newest is `tag`, best first."""
    found = _RAW.fullmatch(tag)
    if found is None:
        raise UserError(
            phrase("{text} is not a platform tag.", text=repr(tag)),
            phrase("See the list of platforms."),
        )
    part = found.groupdict()
    if part["glibc"]:
        return _manylinux(int(part["glibc"]), part["glibc_arch"])
    if part["legacy"]:
        return _manylinux(_GLIBC_OF_LEGACY[part["legacy"]], part["legacy_arch"])
    if part["musl"]:
        newest, arch = int(part["musl"]), part["musl_arch"]
        return tuple(f"musllinux_1_{minor}_{arch}" for minor in range(newest, -1, -1))
    if part["mac"]:
        version = int(part["mac"]), int(part["mac_minor"])
        return tuple(mac_platforms(version, part["mac_arch"])) or (tag,)
    return (tag,)


def _manylinux(glibc: int, arch: str) -> tuple[str, ...]:
    """PEP 600: a glibc 2.N takes what was built for it or an older one, legacy names included."""
    tags: list[str] = []
    for minor in range(glibc, 4 if arch in _INTEL else 16, -1):
        tags.append(f"manylinux_2_{minor}_{arch}")
        if minor in _LEGACY_MANYLINUX:
            tags.append(f"{_LEGACY_MANYLINUX[minor]}_{arch}")
    return tuple(tags) or (f"manylinux_2_{glibc}_{arch}",)


@lru_cache(maxsize=256)
def wheel_tags(target: Target) -> tuple[Tag, ...]:
    """List the wheel tags that a target takes, in pip's order of preference."""
    minor = interpreter(target.python).minor
    platform = parse_platform(target.platform)
    platforms = _platform_tags(_NAMED.get(platform, platform))
    name = f"cp{minor[0]}{minor[1]}"
    # Free threading is decided by abis[0] alone; a further ABI there would bring `abi3` back.
    return (
        *cpython_tags(minor, [f"{name}t"], platforms),
        *compatible_tags(minor, name, platforms),
    )
