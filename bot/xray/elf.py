"""ELF: shared libraries of Linux, as its loader sees them - by segments, never by sections.

System V ABI, chapters 4 and 5; DT_RELR by the generic ABI's proposal of 2018.

An own reader, since what a hostile file costs must be bounded and real files have tens of thousands
of symbols and relocations: pyelftools makes an object of each of them.
"""

import struct
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Final, NamedTuple

from bot.xray.image import (
    ELSEWHERE,
    LONGEST_NAME,
    MOST_SYMBOLS,
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

MAGIC: Final = b"\x7fELF"
_CLASS64, _LITTLE_ENDIAN = 2, 1
_SHARED: Final = 3
_MACHINES: Final = {62: Machine.X86_64, 183: Machine.AARCH64}
_MOST_HEADERS: Final = 512
_LOAD, _DYNAMIC = 1, 2
_EXECUTE, _WRITE = 1, 2
_LONGEST_DYNAMIC: Final = 1 << 16
_FAST, _SLOW = 16, 4
"""How much faster than other work bytes are found, and how much slower bits are decoded."""


class _Tag:
    PLTRELSZ = 2
    HASH = 4
    STRTAB = 5
    SYMTAB = 6
    RELA = 7
    RELASZ = 8
    STRSZ = 10
    JMPREL = 23
    RELRSZ = 35
    RELR = 36
    GNU_HASH = 0x6FFFFEF5


_HEADER: Final = struct.Struct("<4s5B7x2HI3QI6H")
_PROGRAM: Final = struct.Struct("<2I6Q")
_SYMBOL: Final = struct.Struct("<I2BH2Q")
_RELA: Final = struct.Struct("<2Qq")


class _Types(NamedTuple):
    """Relocation types: base + addend, symbol + addend, and a cell that holds a symbol."""

    relative: int
    absolute: int
    cells: frozenset[int]


_TYPES: Final = {
    Machine.X86_64: _Types(8, 1, frozenset({6, 7})),
    Machine.AARCH64: _Types(1027, 257, frozenset({1025, 1026})),
}


class _Symbol(NamedTuple):
    name: int
    section: int
    value: int


def read_elf(source: Source) -> Image:
    """Read a 64-bit little-endian shared library; raises Unreadable."""
    machine, program = _header(source)
    headers = list(_PROGRAM.iter_unpack(program))
    segments = [
        Segment(address, size, offset, filled, executable=bool(flags & _EXECUTE))
        for kind, flags, offset, address, _, filled, size, _ in headers
        if kind == _LOAD and size
    ]
    writable = {
        address for kind, flags, _, address, *_ in headers if kind == _LOAD and flags & _WRITE
    }
    memory = Memory(source, segments)
    tags = _dynamic(memory, headers)
    symbols = _Symbols(memory, tags)
    pointers = _Pointers(
        memory,
        [segment for segment in memory.segments if segment.address in writable],
        symbols,
        _Tables(
            _table(memory, tags, _Tag.RELA, _Tag.RELASZ, _RELA.size),
            _table(memory, tags, _Tag.JMPREL, _Tag.PLTRELSZ, _RELA.size),
            _table(memory, tags, _Tag.RELR, _Tag.RELRSZ, WORD),
        ),
        _TYPES[machine],
    )
    return Image(machine, memory, pointers, symbols.exports, pointers.cells())


def _header(source: Source) -> tuple[Machine, bytes]:
    """Return the processor and the program headers."""
    if source.size < _HEADER.size:
        raise Unreadable("ends within its header")
    header = _HEADER.unpack(source.read(0, _HEADER.size))
    bits, order, kind, number = header[1], header[2], header[6], header[7]
    if bits != _CLASS64 or order != _LITTLE_ENDIAN or number not in _MACHINES:
        raise Unreadable(f"is for a processor that is not read (ELF machine {number})")
    if kind != _SHARED:
        raise Unreadable("is an ELF file, but not a shared library")
    offset, size, count = header[10], header[14], header[15]
    if size != _PROGRAM.size or count > _MOST_HEADERS:
        raise Unreadable(f"has {count} program headers of {size} bytes")
    return _MACHINES[number], source.read(offset, size * count)


def _dynamic(memory: Memory, headers: list[tuple[int, ...]]) -> Mapping[int, int]:
    """Return the dynamic section: the first value of each tag."""
    found = next(((h[3], h[6]) for h in headers if h[0] == _DYNAMIC), None)
    if found is None:
        raise Unreadable("has no dynamic section")
    address, size = found
    if size > _LONGEST_DYNAMIC:
        raise Unreadable(f"has a dynamic section of {size} bytes")
    tags: dict[int, int] = {}
    for tag, value in struct.iter_unpack("<2Q", memory.read(address, size // 16 * 16)):
        if not tag:
            break
        tags.setdefault(tag, value)
    return tags


def _table(memory: Memory, tags: Mapping[int, int], start: int, size: int, entry: int) -> bytes:
    if start not in tags or not tags.get(size):
        return b""
    return memory.read(tags[start], tags[size] // entry * entry)


class _Symbols:
    """The dynamic symbols. Most are of no interest, so that few are decoded."""

    __slots__ = ("_names", "_table", "exports")

    def __init__(self, memory: Memory, tags: Mapping[int, int]) -> None:
        if _Tag.SYMTAB not in tags or _Tag.STRTAB not in tags:
            raise Unreadable("has no dynamic symbols")
        count = _count(memory, tags)
        self._table: Final = memory.read(tags[_Tag.SYMTAB], count * _SYMBOL.size)
        self._names: Final = memory.read(tags[_Tag.STRTAB], tags.get(_Tag.STRSZ, 0))
        self.exports: Final = dict(islice(self._exports(), MOST_SYMBOLS))

    def _exports(self) -> Iterator[tuple[str, int]]:
        names = self._names
        for name, _, _, section, value, _ in _SYMBOL.iter_unpack(self._table):
            if section and names.startswith((b"PyInit", b"PyModExport"), name):
                text = self._name(name)
                if is_init(text):
                    yield text, value

    def _name(self, offset: int) -> str:
        end = self._names.find(b"\0", offset, offset + LONGEST_NAME)
        if end < 0:
            raise Unreadable("has a symbol whose name does not end")
        return self._names[offset:end].decode("latin-1")

    def get(self, index: int) -> _Symbol:
        if (index + 1) * _SYMBOL.size > len(self._table):
            raise Unreadable(f"relocates by symbol {index}, which it has not")
        name, _, _, section, value, _ = _SYMBOL.unpack_from(self._table, index * _SYMBOL.size)
        return _Symbol(name, section, value)

    def undefined(self) -> Iterator[tuple[int, str]]:
        """Give index and name of the functions and data of Python that are imported."""
        for index, (name, _, _, section, _, _) in enumerate(_SYMBOL.iter_unpack(self._table)):
            if not section and self._names.startswith((b"Py", b"_Py"), name):
                yield index, self._name(name)


def _count(memory: Memory, tags: Mapping[int, int]) -> int:
    """Return the number of dynamic symbols, which only the hash tables tell."""
    if _Tag.HASH in tags:
        return int(struct.unpack("<2I", memory.read(tags[_Tag.HASH], 8))[1])
    if _Tag.GNU_HASH not in tags:
        raise Unreadable("has no hash table of its symbols")
    start = tags[_Tag.GNU_HASH]
    buckets, first, bloom, _ = struct.unpack("<4I", memory.read(start, 16))
    place = start + 16 + bloom * 8
    last = max(memoryview(memory.read(place, buckets * 4)).cast("I"), default=0)
    if last < first:
        return int(first)
    chain = place + buckets * 4 + (last - first) * 4
    rest = memory.read(chain, min(memory.room(chain), 1 << 20) // 4 * 4)
    for further, value in enumerate(memoryview(rest).cast("I"), 1):
        if value & 1:  # the chain's end
            return int(last) + further
    raise Unreadable("has a hash table without an end")


class _Tables(NamedTuple):
    rela: bytes
    plt: bytes
    relr: bytes


class _Pointers:
    """Relocations of the three kinds; tables are searched, not decoded."""

    __slots__ = ("_memory", "_symbols", "_tables", "_types", "_writable")

    def __init__(
        self,
        memory: Memory,
        writable: list[Segment],
        symbols: _Symbols,
        tables: _Tables,
        types: _Types,
    ) -> None:
        self._memory = memory
        self._writable = writable
        self._symbols = symbols
        self._tables = tables
        self._types = types

    def word(self, address: int) -> Word:
        entry = self._entry(address)
        if entry:
            return self._relocated(*entry)
        return Word(word_in(self._memory, address), self._in_relr(address))

    def _entry(self, address: int) -> tuple[int, int] | None:
        """Return info and addend of the relocation of a word."""
        pattern = address.to_bytes(8, "little")
        for table in (self._tables.rela, self._tables.plt):
            self._memory.spend(len(table) // _FAST)
            place = table.find(pattern)
            while place >= 0:
                if place % _RELA.size == 0:
                    _, info, addend = _RELA.unpack_from(table, place)
                    return info, addend
                self._memory.spend(_RELA.size)
                place = table.find(pattern, place + 1)
        return None

    def _relocated(self, info: int, addend: int) -> Word:
        kind = info & 0xFFFFFFFF
        if kind == self._types.relative:
            return Word(addend, pointer=True)
        if kind == self._types.absolute or kind in self._types.cells:
            symbol = self._symbols.get(info >> 32)
            if symbol.section:
                return Word(symbol.value + addend, pointer=True)
        return Word(ELSEWHERE, pointer=True)

    def _in_relr(self, address: int) -> bool:
        base = 0
        self._memory.spend(_SLOW * len(self._tables.relr))
        for entry in memoryview(self._tables.relr).cast("Q"):
            if not entry & 1:
                if entry == address:
                    return True
                base = entry + WORD
                continue
            bit, odd = divmod(address - base, WORD)
            if not odd and 0 <= bit < 63 and entry >> (bit + 1) & 1:
                return True
            base += 63 * WORD
        return False

    def to(self, targets: AbstractSet[int]) -> Iterator[int]:
        types = self._types
        for offset, info, addend in _RELA.iter_unpack(self._tables.rela):
            kind = info & 0xFFFFFFFF
            if kind == types.relative:
                if addend in targets:
                    yield offset
            elif kind == types.absolute and self._relocated(info, addend).value in targets:
                yield offset
        if self._tables.relr:
            for address, _ in words_among(self._memory, self._writable, targets):
                if self._in_relr(address):
                    yield address

    def cells(self) -> dict[str, AbstractSet[int]]:
        """Return the cells of what is imported of Python, by name."""
        names = dict(islice(self._symbols.undefined(), MOST_SYMBOLS))
        cells: dict[str, set[int]] = {name: set() for name in names.values()}
        for table in (self._tables.rela, self._tables.plt):
            for offset, info, _ in _RELA.iter_unpack(table):
                name = names.get(info >> 32)
                if name is not None and info & 0xFFFFFFFF in self._types.cells:
                    cells[name].add(offset)
        return dict(cells)
