"""PE: dynamic libraries of Windows (.pyd). Microsoft's "PE Format".

An own reader, since what a hostile file costs must be bounded: pefile takes its tables at their
word, and has no types.
"""

import struct
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Final, NamedTuple

from bot.xray.image import (
    WORD,
    Image,
    Machine,
    Memory,
    Segment,
    Word,
    is_init,
    word_in,
    words_among,
)
from bot.xray.source import Source, Unreadable

MAGIC: Final = b"MZ"
_MACHINES: Final = {0x8664: Machine.X86_64, 0xAA64: Machine.AARCH64}
_PE32_PLUS: Final = 0x20B
_MOST_SECTIONS: Final = 512
_EXECUTE: Final = 0x2000_0000
_MOST_EXPORTS: Final = 1 << 16
_MOST_LIBRARIES: Final = 1 << 10
_MOST_IMPORTS: Final = 1 << 16
_LONGEST_RELOCATIONS: Final = 4 << 20
_MOST_PAGES: Final = 1 << 16
_PAGE: Final = 0x1000
_DIR64: Final = 10
"""The relocation type of a 64-bit address."""

_FILE: Final = struct.Struct("<4s2H3I2H")
_OPTIONAL: Final = struct.Struct("<H22xQ76xI")
_SECTION: Final = struct.Struct("<8s6I2HI")
_EXPORTS: Final = struct.Struct("<20x5I")
_LIBRARY: Final = struct.Struct("<I8x2I")
_BLOCK: Final = struct.Struct("<2I")


class _Directory(NamedTuple):
    address: int
    size: int


class _Directories(NamedTuple):
    exports: _Directory
    imports: _Directory
    relocations: _Directory


def read_pe(source: Source) -> Image:
    """Read a 64-bit dynamic library; raises Unreadable. Addresses are those it prefers."""
    machine, base, directories, segments = _headers(source)
    memory = Memory(source, segments)
    return Image(
        machine,
        memory,
        _Pointers(memory, base, directories.relocations),
        dict(_exports(memory, base, directories.exports)),
        _imports(memory, base, directories.imports),
        windows=True,
    )


def _headers(source: Source) -> tuple[Machine, int, _Directories, list[Segment]]:
    if source.size < 64:
        raise Unreadable("ends within its header")
    start = int.from_bytes(source.read(60, 4), "little")
    signature, number, count, _, _, _, size, _ = _FILE.unpack(source.read(start, _FILE.size))
    if signature != b"PE\0\0":
        raise Unreadable("has no PE header")
    if number not in _MACHINES:
        raise Unreadable(f"is for a processor that is not read (PE machine {number:#x})")
    optional = source.read(start + _FILE.size, size)
    if size < _OPTIONAL.size + 6 * _BLOCK.size or count > _MOST_SECTIONS:
        raise Unreadable(f"has {count} sections and an optional header of {size} bytes")
    magic, base, directories = _OPTIONAL.unpack_from(optional)
    if magic != _PE32_PLUS or directories < 6 or base + (1 << 32) >= 1 << 63:
        raise Unreadable("has no header of a 64-bit library")
    entry = [_Directory(*_BLOCK.unpack_from(optional, _OPTIONAL.size + 8 * n)) for n in range(6)]
    table = source.read(start + _FILE.size + size, count * _SECTION.size)
    segments = [
        Segment(
            base + address,
            virtual or raw,
            offset,
            min(raw, virtual or raw),
            executable=bool(flags & _EXECUTE),
        )
        for _, virtual, address, raw, offset, _, _, _, _, flags in _SECTION.iter_unpack(table)
        if virtual or raw
    ]
    return _MACHINES[number], base, _Directories(entry[0], entry[1], entry[5]), segments


def _exports(memory: Memory, base: int, directory: _Directory) -> Iterator[tuple[str, int]]:
    if not directory.address:
        return
    content = memory.read(base + directory.address, _EXPORTS.size)
    functions, count, functions_at, names_at, ordinals_at = _EXPORTS.unpack(content)
    if functions > _MOST_EXPORTS or count > _MOST_EXPORTS:
        raise Unreadable(f"has {max(functions, count)} exports")
    if not count:
        return
    names = memoryview(memory.read(base + names_at, count * 4)).cast("I")
    ordinals = memoryview(memory.read(base + ordinals_at, count * 2)).cast("H")
    addresses = memoryview(memory.read(base + functions_at, functions * 4)).cast("I")
    for name_at, ordinal in zip(names, ordinals, strict=True):
        name = memory.string(base + name_at).decode("latin-1")
        if is_init(name) and ordinal < functions:
            yield name, base + addresses[ordinal]


def _imports(memory: Memory, base: int, directory: _Directory) -> Mapping[str, AbstractSet[int]]:
    """Return the cells of what is imported by a name of Python's."""
    cells: dict[str, set[int]] = {}
    left = _MOST_IMPORTS
    for library in range(_MOST_LIBRARIES if directory.address else 0):
        content = memory.read(base + directory.address + library * 20, _LIBRARY.size)
        lookup, _, address = _LIBRARY.unpack(content)
        if not address:
            break
        place = base + (lookup or address)
        for entry in _entries(memory, place, left):
            left -= 1
            if not entry >> 63:  # by name
                name = memory.string(base + (entry & 0x7FFFFFFF) + 2).decode("latin-1")
                if name.startswith(("Py", "_Py")):
                    cells.setdefault(name, set()).add(base + address)
            address += WORD
    return dict(cells)


def _entries(memory: Memory, address: int, most: int) -> Iterator[int]:
    table = memory.read(address, min(memory.room(address), most * WORD) // WORD * WORD)
    for entry in memoryview(table).cast("Q"):
        if not entry:
            return
        yield entry
    raise Unreadable("has a table of imports without an end")


class _Pointers:
    """Base relocations: words that hold an address already. Imports are bound into other cells."""

    __slots__ = ("_blocks", "_memory", "_relocations")

    def __init__(self, memory: Memory, base: int, directory: _Directory) -> None:
        if directory.size > _LONGEST_RELOCATIONS:
            raise Unreadable(f"has {directory.size} bytes of relocations")
        self._memory = memory
        self._relocations = b""
        if directory.address and directory.size:
            self._relocations = memory.read(base + directory.address, directory.size)
        self._blocks = dict(islice(self._pages(base), _MOST_PAGES))

    def _pages(self, base: int) -> Iterator[tuple[int, tuple[int, int]]]:
        """Give, by page, where its entries start and end."""
        place = 0
        while place + _BLOCK.size <= len(self._relocations):
            page, size = _BLOCK.unpack_from(self._relocations, place)
            if size < _BLOCK.size:
                return
            end = min(place + size, len(self._relocations))
            yield base + page, (place + _BLOCK.size, end - (end - place) % 2)
            place += size

    def _relocates(self, address: int) -> bool:
        page = address - address % _PAGE
        start, end = self._blocks.get(page, (0, 0))
        self._memory.spend(4 * (end - start))
        wanted = _DIR64 << 12 | address % _PAGE
        return wanted in memoryview(self._relocations)[start:end].cast("H")

    def word(self, address: int) -> Word:
        pointer = self._relocates(address)
        return Word(word_in(self._memory, address), pointer)

    def to(self, targets: AbstractSet[int]) -> Iterator[int]:
        data = [segment for segment in self._memory.segments if not segment.executable]
        for address, _ in words_among(self._memory, data, targets):
            if self._relocates(address):
                yield address
