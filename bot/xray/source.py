"""Bytes that are read at random, from a file, a server or out of an archive."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

BLOCK: Final = 1 << 20
"""Bytes that are looked at together where something is searched."""
TABLE: Final = 32 << 20
"""Bytes of the largest table that is held in memory; those of real modules are a tenth of it."""


class Unreadable(Exception):
    """A file is damaged, hostile or of a kind that is not read.

    The message completes a sentence about the file: "ends within its header".
    """


class Source(Protocol):
    """Random access to `size` bytes."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes, or raise Unreadable if the source has not as many."""
        ...


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes in memory as a source."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        _check(offset, length, len(self.data))
        return self.data[offset : offset + length]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of another source: a stored member, a slice of a fat file."""

    whole: Source
    offset: int
    size: int

    def __post_init__(self) -> None:
        _check(self.offset, self.size, self.whole.size)

    def read(self, offset: int, length: int) -> bytes:
        _check(offset, length, self.size)
        return self.whole.read(self.offset + offset, length)


def blocks(size: int, step: int = BLOCK) -> Iterator[tuple[int, int]]:
    """Cut `size` bytes into (offset, length)."""
    for offset in range(0, size, step):
        yield offset, min(step, size - offset)


def _check(offset: int, length: int, size: int) -> None:
    if offset < 0 or length < 0 or offset + length > size:
        raise Unreadable(f"points to {length} bytes at {offset:#x}, past its end")
