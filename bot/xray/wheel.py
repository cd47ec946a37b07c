"""A wheel's verdict: what all of its modules declare."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from bot.xray.archive import Member, inside, members
from bot.xray.model import Module, ModuleVerdict, WheelReading, together
from bot.xray.rules import declare
from bot.xray.source import Source, Unreadable

_SUFFIXES: Final = (".so", ".pyd")
_BUNDLED: Final = (".libs", ".dylibs")
"""Folders of libraries that repairing tools add; nothing in them is a module."""
_INSTALLED: Final = ("platlib", "purelib")
_INIT: Final = "__init__"
_MOST_FILES: Final = 2_000
_LONGEST_NAMES: Final = 128 << 10
"""Bytes of the names of all members that may be modules."""
_MOST_BYTES: Final = 4 << 30
"""Bytes that the modules of one wheel may unpack to."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member that may be a module: its name when imported, and its file name's tag."""

    module: str
    tag: str
    member: Member


def candidates(source: Source) -> list[Candidate]:
    """Return the members that may be modules, smallest first; raises Unreadable.

    Where a module is there for free-threaded and for other builds, the others are left out.
    """
    found = [c for c in map(_candidate, members(source)) if c]
    if len(found) > _MOST_FILES:
        raise Unreadable(f"has {len(found)} files that may be modules")
    if sum(len(c.member.name) for c in found) > _LONGEST_NAMES:
        raise Unreadable(f"has modules whose names are longer than {_LONGEST_NAMES >> 10} KiB")
    if sum(c.member.size for c in found) > _MOST_BYTES:
        raise Unreadable(f"has modules of more than {_MOST_BYTES >> 30} GiB")
    free = {c.module for c in found if _is_free_threaded(c.tag)}
    chosen = [c for c in found if c.module not in free or _is_free_threaded(c.tag)]
    return sorted(chosen, key=lambda c: c.member.packed)


def read_module(source: Source, candidate: Candidate) -> Module | None:
    """Read one member; None if it is not a Python module. Raises nothing for what it holds."""
    try:
        content = inside(source, candidate.member)
        declared = declare(content, candidate.module, candidate.tag)
        if content.size:
            content.read(content.size - 1, 1)  # at its end it shows if it is damaged
    except Unreadable as error:
        verdict, evidence = ModuleVerdict.UNKNOWN, f"the file {error}"
    else:
        if declared is None:
            return None
        verdict, evidence = declared.verdict, declared.evidence
    return Module(candidate.module, candidate.member.name, verdict, evidence)


def read_wheel(
    name: str, source: Source, progress: Callable[[int, int], None] | None = None
) -> WheelReading:
    """Read all modules of a wheel; whatever its bytes are, nothing is raised.

    `progress` is told how many files of how many were read. A source may raise what it likes: it is
    how its owner stops the reading.
    """
    try:
        found = candidates(source)
    except Unreadable as error:
        return WheelReading(name, ModuleVerdict.UNKNOWN, reason=f"it {error}")
    return summed(name, found, _read(source, found, progress))


def summed(name: str, found: list[Candidate], read: Iterator[Module | None]) -> WheelReading:
    """Sum up what was read of all candidates."""
    modules = sorted((m for m in read if m), key=lambda module: module.member)
    return WheelReading(
        name,
        together(module.verdict for module in modules),
        tuple(modules),
        len(found) - len(modules),
    )


def _read(
    source: Source, found: list[Candidate], progress: Callable[[int, int], None] | None
) -> Iterator[Module | None]:
    for done, candidate in enumerate(found, 1):
        yield read_module(source, candidate)
        if progress:
            progress(done, len(found))


def _candidate(member: Member) -> Candidate | None:
    path = PurePosixPath(member.name.replace("\\", "/"))
    if path.suffix not in _SUFFIXES or any(p.endswith(_BUNDLED) for p in path.parts[:-1]):
        return None
    folders = path.parts[:-1]
    if folders and folders[0].endswith(".data"):  # PEP 427: what is installed elsewhere
        if len(folders) < 2 or folders[1] not in _INSTALLED:
            return None
        folders = folders[2:]
    stem, _, tag = path.name[: -len(path.suffix)].partition(".")
    names = folders if stem == _INIT and folders else (*folders, stem)
    return Candidate(".".join(names), tag, member)


def _is_free_threaded(tag: str) -> bool:
    """Tell if a tag (`cpython-314t-…`, `cp314t-win_amd64`, `abi3t`) is of free-threaded builds."""
    build = tag.removeprefix("cpython-").removeprefix("cp").partition("-")[0]
    return build.endswith("t")
