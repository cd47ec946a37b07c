"""An extension module as the loader lays it out in memory, whatever its container."""

import struct
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from bot.xray.source import TABLE, Source, Unreadable, blocks

WORD: Final = 8
"""Bytes of a pointer."""
ELSEWHERE: Final = -1
"""Value of a word that the loader fills with an address outside of the file."""
LONGEST_NAME: Final = 1024
"""Characters of a symbol's name that is looked at."""
MOST_SYMBOLS: Final = 20_000
"""Functions and data of Python that a module may import, and init functions it may have."""
_PASSES: Final = 10
"""How many times all of a file may be looked at; a few are enough for real ones."""
_FREE: Final = 4 << 20
"""Bytes that may be looked at of any file, however small."""


class Machine(StrEnum):
    """Processors whose modules are read; both are little-endian and have words of 8 bytes."""

    X86_64 = "x86_64"
    AARCH64 = "aarch64"


class Word(NamedTuple):
    """Eight bytes as the loader leaves them: an address of the image if `pointer`, else a number.

    The value of a pointer out of the image is ELSEWHERE.
    """

    value: int
    pointer: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of memory: `filled` bytes from the file at `offset`, then zeros up to `size`."""

    address: int
    size: int
    offset: int
    filled: int
    executable: bool = False

    @property
    def end(self) -> int:
        return self.address + self.size


class Memory:
    """Segments by address. Every read is limited and raises Unreadable where nothing lies.

    So is the work in all, in proportion to the file's size: what a hostile file makes a reader do
    over and over ends in Unreadable.
    """

    __slots__ = ("_left", "_source", "_starts", "segments")

    def __init__(self, source: Source, segments: Collection[Segment]) -> None:
        self._source = source
        self._left = _PASSES * source.size + _FREE
        self.segments: Final = sorted(segments, key=lambda segment: segment.address)
        self._starts: Final = [segment.address for segment in self.segments]
        for segment in self.segments:
            if segment.offset + segment.filled > source.size or segment.filled > segment.size:
                raise Unreadable("ends before its segments do")
        for before, after in zip(self.segments, self.segments[1:], strict=False):
            if before.end > after.address:
                raise Unreadable("has segments that overlap")

    def spend(self, work: int) -> None:
        """Count work, in bytes looked at; raises Unreadable when it was too much."""
        self._left -= work
        if self._left < 0:
            raise Unreadable("takes more work than any real module")

    def segment(self, address: int) -> Segment | None:
        """Return the segment that holds an address."""
        place = bisect_right(self._starts, address) - 1
        if place < 0 or address >= self.segments[place].end:
            return None
        return self.segments[place]

    def __contains__(self, address: int) -> bool:
        return self.segment(address) is not None

    def room(self, address: int) -> int:
        """Bytes from an address to the end of its segment."""
        segment = self.segment(address)
        return segment.end - address if segment else 0

    def read(self, address: int, length: int) -> bytes:
        """Return bytes that lie in one segment."""
        segment = self.segment(address)
        if segment is None or length > segment.end - address:
            raise Unreadable(f"points to {length} bytes at {address:#x}, where nothing is loaded")
        if length > TABLE:
            raise Unreadable(f"has a table of {length >> 20} MiB")
        self.spend(length)
        start = address - segment.address
        held = max(0, min(length, segment.filled - start))
        content = self._source.read(segment.offset + start, held) if held else b""
        return content + bytes(length - held)

    def string(self, address: int, longest: int = LONGEST_NAME) -> bytes:
        """Return the bytes before the next NUL, or Unreadable if there are more than `longest`."""
        content = self.read(address, min(longest + 1, self.room(address)))
        text, nul, _ = content.partition(b"\0")
        if not nul:
            raise Unreadable(f"has a string without an end at {address:#x}")
        return text

    def blocks(
        self, segments: Collection[Segment], *, overlap: int = 0
    ) -> Iterator[tuple[int, bytes]]:
        """Give what the file holds of segments, piece by piece, as (address, content).

        Each piece goes on for `overlap` bytes into the next one.
        """
        for segment in segments:
            for start, length in blocks(segment.filled):
                more = min(length + overlap, segment.filled - start)
                self.spend(more)
                yield segment.address + start, self._source.read(segment.offset + start, more)

    def find(self, pattern: bytes) -> Iterator[int]:
        """Give the addresses of a pattern in all that the file holds."""
        overlap = len(pattern) - 1
        for address, content in self.blocks(self.segments, overlap=overlap):
            place = content.find(pattern)
            while place >= 0:
                yield address + place
                place = content.find(pattern, place + 1)


class Pointers(Protocol):
    """What the loader relocates, and binds to other libraries."""

    def word(self, address: int) -> Word:
        """Return a word as the loader leaves it."""
        ...

    def to(self, targets: AbstractSet[int]) -> Iterator[int]:
        """Give the addresses of the words that point to one of `targets`."""
        ...


@dataclass(frozen=True, slots=True)
class Image:
    """A module in memory.

    `exports` are addresses by name, of the init functions only; `imports` are, by name, the cells
    through which a function of another library is called. Names are as in C. `windows` tells how
    functions are called.
    """

    machine: Machine
    memory: Memory
    pointers: Pointers
    exports: Mapping[str, int]
    imports: Mapping[str, AbstractSet[int]]
    windows: bool = False

    def words(self, address: int, count: int) -> list[Word]:
        """Return words that follow each other."""
        return [self.pointers.word(address + WORD * place) for place in range(count)]

    @property
    def code(self) -> list[Segment]:
        return [segment for segment in self.memory.segments if segment.executable]


def is_init(name: str) -> bool:
    """Tell if a function is one that an interpreter calls to import a module."""
    return name.startswith(("PyInit_", "PyInitU_", "PyModExport_", "PyModExportU_"))


def words_among(
    memory: Memory, segments: Collection[Segment], targets: AbstractSet[int]
) -> Iterator[tuple[int, int]]:
    """Give (address, value) of the aligned words whose value is one of `targets`."""
    for address, content in memory.blocks(segments):
        skipped = -address % WORD
        usable = (len(content) - skipped) // WORD * WORD
        if usable <= 0:
            continue
        for place, value in enumerate(memoryview(content)[skipped : skipped + usable].cast("Q")):
            if value in targets:
                yield address + skipped + place * WORD, value


def word_in(memory: Memory, address: int) -> int:
    """Return the eight bytes at an address as they stand in the file."""
    return int(struct.unpack("<Q", memory.read(address, WORD))[0])
