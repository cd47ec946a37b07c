"""What the end of a wheel's name says, `[build-]python-abi-platform.whl`, through packaging's parser.

A project has thousands of wheels and a few hundred distinct ends, so each end is read once.
"""

import re
from dataclasses import dataclass
from typing import Final, TypeVar

from packaging.tags import Tag
from packaging.utils import BuildTag, InvalidWheelFilename, NormalizedName, parse_wheel_filename
from packaging.version import InvalidVersion, Version

Value = TypeVar("Value")

MAX_TAGS: Final = 2_000
"""A compressed tag set may stand for so many tags; real ones stay below 100."""
_MEMO_SIZE: Final = 50_000
_FREE_THREADED_ABI = re.compile(r"cp3\d+t|abi3t", re.ASCII)
_WITHOUT_ABI = re.compile(r"(?:py|cp)3\d*", re.ASCII)


UNREADABLE: Final = -2  # so that no flag is set in it
"""The end of a wheel's name is malformed."""
OF_NO_USE: Final = 0
"""No free-threaded build takes it, and it has no binaries."""
COMPILED: Final = 1
"""It is for a platform, so it has binaries; no free-threaded build takes it."""
RELEVANT: Final = 2
"""Some free-threaded build may take it: a free-threaded ABI, or none at all."""
RELEVANT_COMPILED: Final = 3
"""Both."""


@dataclass(frozen=True, slots=True, eq=False)
class FileVersion:
    """A version that a file name carries; equal texts give the same object, so it hashes fast."""

    version: Version
    text: str
    prerelease: bool


_suffixes: dict[str, int] = {}
_names: dict[str, NormalizedName | None] = {}
_versions: dict[str, FileVersion | None] = {}


def classify(suffix: str) -> int:
    """Say what the end of a wheel's name means to free-threaded builds in general."""
    kind = _suffixes.get(suffix)
    if kind is None:
        kind = _classify(suffix)
        _remember(_suffixes, suffix, kind)
    return kind


def parse_suffix(suffix: str) -> tuple[BuildTag, frozenset[Tag]]:
    """Build tag and tags of a wheel name's end. Raises InvalidWheelFilename."""
    expanded = 1
    for part in suffix.removesuffix(".whl").split("-")[-3:]:
        expanded *= part.count(".") + 1
    if expanded > MAX_TAGS:
        raise InvalidWheelFilename(f"{expanded} tags in one name")
    _, _, build, tags = parse_wheel_filename(f"x-1-{suffix}")
    return build, tags


def parse_name(text: str) -> NormalizedName | None:
    """The project that the first part of a wheel's name means, None if it is malformed."""
    if text not in _names:
        try:
            name, *_ = parse_wheel_filename(f"{text}-1-py3-none-any.whl")
        except InvalidWheelFilename:
            name = None
        _remember(_names, text, name)
    return _names.get(text)


def parse_version(text: str) -> FileVersion | None:
    """The version that a file name carries, None if it is none (PEP 440)."""
    try:
        return _versions[text]
    except KeyError:
        pass
    try:
        version = Version(text)
    except InvalidVersion:
        known = None
    else:
        canonical = str(version)
        known = _versions.get(canonical) or FileVersion(version, canonical, version.is_prerelease)
        _remember(_versions, canonical, known)
    _remember(_versions, text, known)
    return known


def _remember(memo: "dict[str, Value]", key: str, value: "Value") -> None:
    if len(memo) >= _MEMO_SIZE:  # hostile names must not fill the memory
        memo.clear()
    memo[key] = value


def _classify(suffix: str) -> int:
    try:
        _, tags = parse_suffix(suffix)
    except InvalidWheelFilename:
        return UNREADABLE
    compiled = any(tag.platform != "any" for tag in tags)
    if any(
        _FREE_THREADED_ABI.fullmatch(tag.abi)
        or (tag.abi == "none" and _WITHOUT_ABI.fullmatch(tag.interpreter))
        for tag in tags
    ):
        return RELEVANT_COMPILED if compiled else RELEVANT
    return COMPILED if compiled else OF_NO_USE
