"""Mach-O: bundles and dynamic libraries of macOS, for one processor (thin) or several (fat).

Apple's <mach-o/loader.h>, <mach-o/fat.h>, <mach-o/nlist.h> and <mach-o/fixup-chains.h>. An own
reader, since macholib reads neither rebases nor chained fixups nor exports.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from bot.xray.image import (
    ELSEWHERE,
    LONGEST_NAME,
    MOST_SYMBOLS,
    WORD,
    Image,
    Machine,
    Memory,
    Pointers,
    Segment,
    Word,
    is_init,
    word_in,
    words_among,
)
from bot.xray.source import Part, Source, Unreadable

MAGIC: Final = b"\xcf\xfa\xed\xfe"
FAT_MAGICS: Final = (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")
_MACHINES: Final = {0x0100_0007: Machine.X86_64, 0x0100_000C: Machine.AARCH64}
_MOST_SLICES: Final = 16
_LONGEST_COMMANDS: Final = 1 << 20
_MOST_SEGMENTS: Final = 128
_LONGEST_FIXUPS: Final = 8 << 20
_MOST_EDGES: Final = 1 << 16
_MOST_RUNS: Final = 1 << 17
_MOST_PAGES: Final = 1 << 17
_EXECUTE, _WRITE = 4, 2

_HEADER: Final = struct.Struct("<8I")
_SEGMENT: Final = struct.Struct("<8x16s4Q4I")
_SECTION: Final = struct.Struct("<32x2QI12x3I4x")
_SYMBOL: Final = struct.Struct("<I2BHQ")


class _Command:
    SYMTAB = 0x2
    DYSYMTAB = 0xB
    SEGMENT = 0x19
    DYLD_INFO = 0x22
    DYLD_INFO_ONLY = 0x8000_0022
    EXPORTS_TRIE = 0x8000_0033
    CHAINED_FIXUPS = 0x8000_0034


def read_macho(source: Source) -> list[Image]:
    """Read the 64-bit slices for processors that are known; raises Unreadable if there is none."""
    if source.read(0, 4) == MAGIC:
        return [_thin(source)]
    return [_thin(part) for part in _slices(source)]


def _slices(source: Source) -> list[Part]:
    magic, count = struct.unpack(">4sI", source.read(0, 8))
    if count > _MOST_SLICES:
        raise Unreadable(f"has {count} slices")
    layout = struct.Struct(">I4x2Q8x" if magic == FAT_MAGICS[1] else ">I4x2I4x")
    entries = layout.iter_unpack(source.read(8, count * layout.size))
    known = [Part(source, offset, size) for cpu, offset, size in entries if cpu in _MACHINES]
    if not known:
        raise Unreadable("is for processors that are not read")
    return known


class _Section(NamedTuple):
    """A section of pointers to imports; the first one's place in the table of indirect symbols."""

    address: int
    cells: int
    first: int


class _Commands(NamedTuple):
    segments: list[Segment]
    writable: set[int]
    sections: list[_Section]
    others: Mapping[int, bytes]


def _thin(source: Source) -> Image:
    if source.size < _HEADER.size:
        raise Unreadable("ends within its header")
    magic, cpu, _, _, count, size, _, _ = _HEADER.unpack(source.read(0, _HEADER.size))
    if magic != int.from_bytes(MAGIC, "little") or cpu not in _MACHINES:
        raise Unreadable("is for a processor that is not read")
    if size > _LONGEST_COMMANDS:
        raise Unreadable(f"has {size} bytes of load commands")
    commands = _commands(source.read(_HEADER.size, size), count)
    memory = Memory(source, [segment for segment in commands.segments if segment.size])
    return Image(
        _MACHINES[cpu],
        memory,
        _pointers(source, memory, commands),
        dict(_exports(source, memory, commands)),
        _imports(source, commands),
    )


def _commands(content: bytes, count: int) -> _Commands:
    others: dict[int, bytes] = {}
    commands = _Commands([], set(), [], others)
    place = 0
    for _ in range(count):
        if place + 8 > len(content):
            raise Unreadable("ends within its load commands")
        command, size = struct.unpack_from("<2I", content, place)
        if size < 8 or place + size > len(content):
            raise Unreadable("has a load command of an impossible size")
        if command == _Command.SEGMENT:
            _segment(content[place : place + size], commands)
        else:
            others.setdefault(command, content[place : place + size].ljust(48, b"\0"))
        place += size
    return commands


def _segment(command: bytes, commands: _Commands) -> None:
    if len(command) < _SEGMENT.size or len(commands.segments) > _MOST_SEGMENTS:
        raise Unreadable("has impossible segments")
    _, address, size, offset, filled, _, protection, count, _ = _SEGMENT.unpack_from(command)
    if len(command) < _SEGMENT.size + count * _SECTION.size:
        raise Unreadable("has a segment that ends within its sections")
    executable = bool(protection & _EXECUTE)
    commands.segments.append(Segment(address, size, offset, min(filled, size), executable))
    if protection & _WRITE:
        commands.writable.add(address)
    for number in range(count):
        start, length, _, flags, first, _ = _SECTION.unpack_from(
            command, _SEGMENT.size + number * _SECTION.size
        )
        if flags & 0xFF in {6, 7}:  # non-lazy and lazy pointers to symbols
            commands.sections.append(_Section(start, length // WORD, first))


def _linkedit(source: Source, command: bytes, place: int) -> bytes:
    """Read what a load command points to by offset and size."""
    offset, size = struct.unpack_from("<2I", command, place)
    if size > _LONGEST_FIXUPS:
        raise Unreadable(f"has {size} bytes of fixups or exports")
    return source.read(offset, size) if size else b""


def _info(commands: _Commands) -> bytes | None:
    others = commands.others
    return others.get(_Command.DYLD_INFO_ONLY) or others.get(_Command.DYLD_INFO)


def _exports(source: Source, memory: Memory, commands: _Commands) -> Iterator[tuple[str, int]]:
    """Give the init functions that the trie of exports names."""
    trie, info = commands.others.get(_Command.EXPORTS_TRIE), _info(commands)
    if trie is not None:
        content = _linkedit(source, trie, 8)
    elif info is not None:
        content = _linkedit(source, info, 40)
    else:
        raise Unreadable("has no table of its exports")
    start = next((s.address for s in memory.segments if s.offset == 0 and s.filled), 0)
    for name, value in _trie(content):
        yield name, start + value


def _trie(content: bytes) -> Iterator[tuple[str, int]]:
    if not content:
        return
    left = _MOST_EDGES
    nodes = [(0, b"")]
    while nodes:
        node, name = nodes.pop()
        size, place = _uleb(content, node)
        if size and is_init(text := name[1:].decode("latin-1")):
            flags, after = _uleb(content, place)
            if not flags & 0x8:  # not another library's
                yield text, _uleb(content, after)[0]
        place += size
        count = content[place] if place < len(content) else 0
        place += 1
        left -= 1 + count
        if left < 0:
            raise Unreadable("has exports in a loop")
        for _ in range(count):
            end = content.find(b"\0", place)
            if end < 0:
                raise Unreadable("has a trie of exports without an end")
            child, after = _uleb(content, end + 1)
            longer = name + content[place:end]
            if _leads_to_init(longer):
                nodes.append((child, longer))
            place = after


_INITS: Final = (b"_PyInit_", b"_PyInitU_", b"_PyModExport_", b"_PyModExportU_")


def _leads_to_init(name: bytes) -> bool:
    return len(name) < 1024 and any(
        name.startswith(init) or init.startswith(name) for init in _INITS
    )


def _uleb(content: bytes, place: int) -> tuple[int, int]:
    """Return an unsigned LEB128 number and where it ends."""
    value = shift = 0
    while place < len(content) and shift < 70:
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place += 1
        shift += 7
        if not byte & 0x80:
            return value, place
    raise Unreadable("has a number without an end")


def _imports(source: Source, commands: _Commands) -> Mapping[str, AbstractSet[int]]:
    """Return the cells of what is imported of Python, by name."""
    symtab = commands.others.get(_Command.SYMTAB)
    if symtab is None:
        raise Unreadable("has no symbols")
    offset, count, names_at, names_size = struct.unpack_from("<4I", symtab, 8)
    if count * _SYMBOL.size > 32 << 20 or names_size > 32 << 20:
        raise Unreadable(f"has {count} symbols")
    table = source.read(offset, count * _SYMBOL.size)
    names = source.read(names_at, names_size)
    cells: dict[str, set[int]] = {}
    by_index: dict[int, str] = {}
    for index, (name_at, kind, _, _, _) in enumerate(_SYMBOL.iter_unpack(table)):
        # Neither a debugging entry nor defined here.
        if not kind & 0xE0 and not kind & 0xE and names.startswith((b"_Py", b"__Py"), name_at):
            end = names.find(b"\0", name_at, name_at + LONGEST_NAME)
            if end < 0 or len(cells) > MOST_SYMBOLS:
                raise Unreadable("has impossible symbols")
            name = names[name_at + 1 : end].decode("latin-1")
            cells.setdefault(name, set())
            by_index[index] = name
    for address, index in _indirect(source, commands):
        if index in by_index:
            cells[by_index[index]].add(address)
    return dict(cells)


def _indirect(source: Source, commands: _Commands) -> Iterator[tuple[int, int]]:
    """Give the cells of imports and the index of each one's symbol."""
    dysymtab = commands.others.get(_Command.DYSYMTAB)
    if dysymtab is None:
        return
    offset, count = struct.unpack_from("<2I", dysymtab, 56) if len(dysymtab) >= 64 else (0, 0)
    if count * 4 > _LONGEST_FIXUPS:
        raise Unreadable(f"has {count} indirect symbols")
    table = memoryview(source.read(offset, count * 4)).cast("I")
    for section in commands.sections:
        for number, index in enumerate(table[section.first : section.first + section.cells]):
            yield section.address + number * WORD, index


def _pointers(source: Source, memory: Memory, commands: _Commands) -> Pointers:
    writable = [segment for segment in memory.segments if segment.address in commands.writable]
    chained, info = commands.others.get(_Command.CHAINED_FIXUPS), _info(commands)
    if chained is not None:
        return _Chained(memory, writable, _linkedit(source, chained, 8))
    rebases = _rebases(commands.segments, _linkedit(source, info, 8)) if info else []
    return _Rebased(memory, writable, rebases)


class _Run(NamedTuple):
    """Addresses at a regular distance; the file may claim any number of them."""

    start: int
    words: int
    stride: int

    def __contains__(self, address: object) -> bool:
        if not isinstance(address, int):
            return False
        place, odd = divmod(address - self.start, self.stride)
        return not odd and 0 <= place < self.words


class _Opcode:
    DONE = 0x00
    SET_TYPE = 0x10
    SET_SEGMENT = 0x20
    ADD = 0x30
    ADD_SCALED = 0x40
    DO = 0x50
    DO_COUNT = 0x60
    DO_ADD = 0x70
    DO_COUNT_SKIPPING = 0x80


_OPERANDS: Final = {
    _Opcode.SET_SEGMENT: 1,
    _Opcode.ADD: 1,
    _Opcode.DO_COUNT: 1,
    _Opcode.DO_ADD: 1,
    _Opcode.DO_COUNT_SKIPPING: 2,
}
_ADDRESSES: Final = (1 << 64) - 1


def _rebases(segments: Sequence[Segment], opcodes: bytes) -> list[_Run]:
    """Run the opcodes of classic rebases."""
    runs: list[_Run] = []
    place = address = 0
    while place < len(opcodes):
        opcode, small = opcodes[place] & 0xF0, opcodes[place] & 0xF
        numbers = []
        place += 1
        for _ in range(_OPERANDS.get(opcode, 0)):
            number, place = _uleb(opcodes, place)
            numbers.append(number)
        match opcode:
            case _Opcode.DONE:
                break
            case _Opcode.SET_TYPE:
                pass
            case _Opcode.SET_SEGMENT:
                address = _segment_address(segments, small) + numbers[0]
            case _Opcode.ADD:
                address += numbers[0]
            case _Opcode.ADD_SCALED:
                address += small * WORD
            case _:
                run = _run(opcode, small, numbers, address & _ADDRESSES)
                runs.append(run)
                if len(runs) > _MOST_RUNS:
                    raise Unreadable("has too many rebases")
                address = run.start + run.words * run.stride
    return runs


def _run(opcode: int, small: int, numbers: Sequence[int], address: int) -> _Run:
    match opcode:
        case _Opcode.DO:
            return _Run(address, small, WORD)
        case _Opcode.DO_COUNT:
            return _Run(address, numbers[0], WORD)
        case _Opcode.DO_ADD:
            return _Run(address, 1, WORD + numbers[0])
        case _Opcode.DO_COUNT_SKIPPING:
            return _Run(address, numbers[0], WORD + numbers[1])
        case _:
            raise Unreadable(f"has a rebase opcode {opcode:#x} that is not known")


def _segment_address(segments: Sequence[Segment], index: int) -> int:
    if index >= len(segments):
        raise Unreadable(f"rebases segment {index}, which it has not")
    return segments[index].address


class _Rebased:
    """Classic rebases: words that hold an address already."""

    __slots__ = ("_memory", "_runs", "_starts", "_writable")

    def __init__(self, memory: Memory, writable: list[Segment], runs: list[_Run]) -> None:
        self._memory = memory
        self._writable = writable
        self._runs = sorted(runs)
        self._starts = [run.start for run in self._runs]

    def _rebases(self, address: int) -> bool:
        """Tell if a word is rebased; real runs don't overlap, except the few that skip."""
        place = bisect_right(self._starts, address)
        return any(address in run for run in self._runs[max(0, place - 64) : place])

    def word(self, address: int) -> Word:
        return Word(word_in(self._memory, address), self._rebases(address))

    def to(self, targets: AbstractSet[int]) -> Iterator[int]:
        for address, _ in words_among(self._memory, self._writable, targets):
            if self._rebases(address):
                yield address


class _Format(NamedTuple):
    """How a chained pointer is packed: bytes per step, bits of the target, base added or not."""

    stride: int
    from_base: bool


_PTR_64, _PTR_64_OFFSET = 2, 6
_FORMATS: Final = {_PTR_64: _Format(4, from_base=False), _PTR_64_OFFSET: _Format(4, from_base=True)}
_NO_CHAIN: Final = 0xFFFF
_SEVERAL_CHAINS: Final = 0x8000


class _Pages(NamedTuple):
    """The chains of one segment: bytes of a page, and where each page's chain starts in it."""

    address: int
    page: int
    format: _Format
    starts: Sequence[int]


class _Chained:
    """Chained fixups: each word that is relocated also says where the next one of its page is."""

    __slots__ = ("_base", "_chains", "_memory")

    def __init__(self, memory: Memory, writable: list[Segment], content: bytes) -> None:
        self._memory = memory
        self._base = next((s.address for s in memory.segments if s.offset == 0 and s.filled), 0)
        writable_at = {segment.address for segment in writable}
        self._chains: list[_Pages] = []
        left = _MOST_PAGES
        for pages in _chains(memory, content):
            left -= len(pages.starts)
            if left < 0:
                raise Unreadable("has too many pages of fixups")
            if pages.address in writable_at:
                self._chains.append(pages)

    def word(self, address: int) -> Word:
        for pages in self._chains:
            page, _ = divmod(address - pages.address, pages.page)
            if 0 <= page < len(pages.starts):
                for place, raw in self._page(pages, page):
                    if place == address:
                        return self._decoded(raw, pages.format)
        return Word(word_in(self._memory, address), pointer=False)

    def to(self, targets: AbstractSet[int]) -> Iterator[int]:
        for pages in self._chains:
            for page in range(len(pages.starts)):
                for address, raw in self._page(pages, page):
                    if self._decoded(raw, pages.format).value in targets:
                        yield address

    def _decoded(self, raw: int, form: _Format) -> Word:
        if raw >> 63:  # bound to another library
            return Word(ELSEWHERE, pointer=True)
        target = raw & ((1 << 36) - 1)
        return Word(target + self._base if form.from_base else target, pointer=True)

    def _page(self, pages: _Pages, page: int) -> Iterator[tuple[int, int]]:
        """Walk the chain of a page, which only leads forward."""
        place = pages.starts[page]
        start = pages.address + page * pages.page
        length = min(pages.page, self._memory.room(start))
        if place == _NO_CHAIN or length < WORD:
            return
        if place & _SEVERAL_CHAINS:
            raise Unreadable("has a page of several chains of fixups")
        content = self._memory.read(start, length)
        self._memory.spend(8 * length)
        while place + WORD <= length:
            raw = int.from_bytes(content[place : place + WORD], "little")
            yield start + place, raw
            step = raw >> 51 & 0xFFF
            if not step:
                return
            place += step * pages.format.stride


def _chains(memory: Memory, content: bytes) -> Iterator[_Pages]:
    """Read the starts of all chains; raises Unreadable for formats of other systems."""
    try:
        _, starts_at = struct.unpack_from("<2I", content)
        (count,) = struct.unpack_from("<I", content, starts_at)
        if count > _MOST_SEGMENTS:
            raise Unreadable(f"has fixups for {count} segments")
        for offset in struct.unpack_from(f"<{count}I", content, starts_at + 4):
            if offset:
                yield _pages(memory, content, starts_at + offset)
    except struct.error as error:
        raise Unreadable("ends within its fixups") from error


def _pages(memory: Memory, content: bytes, place: int) -> _Pages:
    _, page, form, offset, _, count = struct.unpack_from("<I2HQIH", content, place)
    if form not in _FORMATS:
        raise Unreadable(f"has chained fixups of a format that is not read ({form})")
    if page < 16:
        raise Unreadable(f"has pages of {page} bytes")
    starts = struct.unpack_from(f"<{count}H", content, place + 22)
    base = next((s.address for s in memory.segments if s.offset == 0 and s.filled), 0)
    return _Pages(base + offset, page, _FORMATS[form], starts)
