"""What the suffix of a wheel's name, `[build-]python-abi-platform.whl`, says; packaging reads it.

A project has thousands of wheels and a few hundred distinct ends, so each end is read once.
"""

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias, TypeVar

from packaging.tags import Tag
from packaging.utils import (
    BuildTag,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_version,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

Key = TypeVar("Key")
Value = TypeVar("Value")

MAX_TAGS: Final = 500
"""A compressed tag set may stand for so many tags; real ones stay below 100."""
MAX_LENGTH: Final = 500
"""So many characters may a text of the index have that is read; file systems take 255 for a name.
It bounds the memos, and the digits of numbers, of which `int` refuses 4,301."""
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


Precedence: TypeAlias = tuple[
    int, tuple[int, ...], tuple[str, int], int, float, tuple[tuple[int, int, str], ...]
]


@dataclass(frozen=True, slots=True, eq=False)
class FileVersion:
    """A version that a file name carries.

    `key` is a text that equal versions share; `precedence` sorts as the versions themselves, and
    six times as fast.
    """

    text: str
    key: str
    precedence: Precedence
    prerelease: bool


other_builds: dict[str, None] = {}
"""Endings of names (`-cp39-cp39-win_amd64.whl`) known to be COMPILED, for the hottest loop."""
_suffixes: dict[str, int] = {}
_names: dict[str, NormalizedName | None] = {}
_versions: dict[str, FileVersion | None] = {}


def classify(suffix: str) -> int:
    """Say what the end of a wheel's name means to free-threaded builds in general."""
    kind = _suffixes.get(suffix)
    if kind is None:
        if len(suffix) > MAX_LENGTH:
            return UNREADABLE
        kind = _classify(suffix)
        remember(_suffixes, suffix, kind)
        if kind == COMPILED:
            remember(other_builds, f"-{suffix}", None)
    return kind


@lru_cache(maxsize=4_096)
def has_free_threaded_abi(suffix: str) -> bool:
    """Say whether the end of a wheel's name is that of a build for free-threaded Python."""
    if len(suffix) > MAX_LENGTH:
        return False
    try:
        _, tags = parse_suffix(suffix)
    except InvalidWheelFilename:
        return False
    return any(_FREE_THREADED_ABI.fullmatch(tag.abi) for tag in tags)


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
    """Read the first part of a wheel's name as a project's, None if it is malformed."""
    try:
        return _names[text]
    except KeyError:
        if len(text) > MAX_LENGTH:
            return None
    name: NormalizedName | None
    try:
        name, *_ = parse_wheel_filename(f"{text}-1-py3-none-any.whl")
    except InvalidWheelFilename:
        name = None
    return remember(_names, text, name)


def parse_version(text: str) -> FileVersion | None:
    """Read the version that a file name carries, None if it is none (PEP 440)."""
    try:
        return _versions[text]
    except KeyError:
        if len(text) > MAX_LENGTH:
            return None
    try:
        version = Version(text)
    except InvalidVersion:
        known = None
    else:
        canonical = str(version)
        known = _versions.get(canonical) or FileVersion(
            canonical, canonicalize_version(version), _precedence(version), version.is_prerelease
        )
        remember(_versions, canonical, known)
    return remember(_versions, text, known)


def _precedence(version: Version) -> Precedence:
    """Say in a tuple what comes before what (PEP 440, "Summary of permitted suffixes")."""
    digits = len(version.release)
    while digits > 1 and version.release[digits - 1] == 0:
        digits -= 1
    if version.pre is None and version.post is None and version.dev is not None:
        pre = ("", 0)  # 1.0.dev1 comes before 1.0a1
    else:
        pre = version.pre or ("~", 0)  # after a, b and rc
    local = version.local.split(".") if version.local else ()
    return (
        version.epoch,
        version.release[:digits],
        pre,
        -1 if version.post is None else version.post,
        math.inf if version.dev is None else version.dev,
        tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in local),
    )


def remember(memo: dict[Key, Value], key: Key, value: Value) -> Value:
    """Store and return a value; a memo that hostile names have filled starts anew."""
    if len(memo) >= _MEMO_SIZE:
        memo.clear()
    memo[key] = value
    return value


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
