"""What machine code shows, by patterns of a few instructions; nothing is run or emulated.

A pattern may err, so what rests on one is "likely" at most.
"""

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from bot.xray.image import Image, Machine
from bot.xray.source import Unreadable

_INSTRUCTION: Final = 4
"""Bytes of an AArch64 instruction."""
_REACH: Final = 64
"""Bytes before a call in which its arguments are set."""
_INTRO: Final = 256
"""Bytes at a function's start in which it names what it returns."""
_MOST_CALLS: Final = 4096
_BEFORE, _AFTER = 24, 96
"""Instructions of AArch64 around one that names an address, where stores to it are looked for."""
_NEAR: Final = 16
"""Instructions of AArch64 after one that names a page, where the address is made."""
_NOP: Final = 0xD503_201F
_ONES: Final = frozenset({0x3200_03E0, 0xB240_03E0})
"""orr w or x, zero, #1; the register is in the lowest 5 bits."""

_MOVE_TO_MEMORY: Final = re.compile(rb"\xc7\x05")  # mov [rip+d], imm32; with REX.W it is 8 bytes
_REGISTER_TO_MEMORY: Final = re.compile(rb"[\x48\x4c]\x89[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]")
_THROUGH_CELL: Final = re.compile(rb"\xff[\x15\x25]")  # call [rip+d], jmp [rip+d]
_DIRECT: Final = re.compile(rb"[\xe8\xe9]")  # call, jmp
_CALLS: Final = re.compile(rb"\xe8....|\xff\x15....|\xff[\xd0-\xd7]", re.DOTALL)
_SET_ESI: Final = re.compile(  # a small constant, zero, or something else
    rb"\xbe(?P<constant>[\0-\xff]\0\0\0)|(?P<zero>[\x31\x33]\xf6)"
    rb"|\x83[\xc6\xce\xe6\xee\xf6]|\x19\xf6|\x89[\xc6\xce\xd6\xde\xe6\xee\xfe]"
    rb"|(?:[\x8b\x8d\x63]|\x0f[\x40-\x4f\xb6\xb7])[\x30-\x37\x70-\x77\xb0-\xb7\xf0-\xf7]",
    re.DOTALL,
)
_SET_EDX: Final = re.compile(
    rb"\xba(?P<constant>[\0-\xff]\0\0\0)|(?P<zero>[\x31\x33]\xd2)"
    rb"|\x83[\xc2\xca\xe2\xea\xf2]|\x19\xd2|\x89[\xc2\xca\xda\xe2\xea\xf2\xfa]"
    rb"|(?:[\x8b\x8d\x63]|\x0f[\x40-\x4f\xb6\xb7])[\x10-\x17\x50-\x57\x90-\x97\xd0-\xd7]",
    re.DOTALL,
)
_RETURNS_ADDRESS: Final = re.compile(
    rb"(?:\xf3\x0f\x1e\xfa)?(?:\x55\x48\x89\xe5)?\x48\x8d\x05(....)\x5d?\xc3", re.DOTALL
)
_LEAVES: Final = re.compile(rb"[\xc3\xe9]|\xff\x25")  # ret, jmp, jmp [rip+d]; or bytes that look so
_LOADS_ADDRESS: Final = re.compile(rb"[\x48\x4c]\x8d[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]")
_ADDRESSES: Final = re.compile(rb"\x8d[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]")  # lea; quicker to find


def stores(image: Image, start: int, end: int) -> Mapping[int, AbstractSet[int | None]]:
    """Return the constants that code stores to addresses from `start` to before `end`.

    A None among them stands for a value that is not seen.
    """
    if image.machine is Machine.AARCH64:
        return _stores_aarch64(image, start, end)
    found: dict[int, set[int | None]] = {}
    for address, content in image.memory.blocks(image.code, overlap=9):
        for match in _MOVE_TO_MEMORY.finditer(content, 0, max(0, len(content) - 8)):
            place = match.start()
            distance, value = struct.unpack_from("<2i", content, place + 2)
            target = address + place + 10 + distance
            if start <= target < end:
                found.setdefault(target, set()).add(value)
    return found


def may_store(image: Image, start: int, end: int) -> bool:
    """Tell if code stores to an address from `start` to before `end`, or makes one that is there.

    By that it may store there, or have another function do so.
    """
    if image.machine is Machine.AARCH64:
        return _may_store_aarch64(image, start, end)
    for address, content in image.memory.blocks(image.code, overlap=5):
        for match in _ADDRESSES.finditer(content, 0, max(0, len(content) - 4)):
            place = match.end()
            (distance,) = struct.unpack_from("<i", content, place)
            if start <= address + place + 4 + distance < end:
                return True
    return bool(stores(image, start, end))


def assigned(image: Image, cell: int) -> AbstractSet[int | None]:
    """Return the addresses that code puts into a cell.

    A None among them stands for a value that is not an address loaded close before.
    """
    if image.machine is Machine.AARCH64:
        return _stores_aarch64(image, cell, cell + 1).get(cell, set())
    found: set[int | None] = set()
    for address, content in image.memory.blocks(image.code, overlap=6):
        for match in _REGISTER_TO_MEMORY.finditer(content, 0, max(0, len(content) - 4)):
            place = match.start()
            (distance,) = struct.unpack_from("<i", content, place + 3)
            if address + place + 7 + distance == cell:
                found.add(_loaded(image, address + place, match[0][0] & 4, match[0][2]))
    return found


def _loaded(image: Image, place: int, extension: int, register: int) -> int | None:
    """Return the address that `lea` has put into a register shortly before."""
    load = bytes((0x48 | extension, 0x8D, register))
    segment = image.memory.segment(place)
    start = max(place - _REACH, segment.address if segment else place)
    content = image.memory.read(start, place - start)
    found = content.rfind(load, 0, max(0, len(content) - 4))
    if found < 0:
        return None
    (distance,) = struct.unpack_from("<i", content, found + 3)
    return start + found + 7 + int(distance)


def second_arguments(image: Image, cells: AbstractSet[int]) -> set[int | None]:
    """Return the constants that calls through `cells` take as second argument.

    None stands for a call whose argument is not set by a constant close before it.
    """
    if image.machine is Machine.X86_64:
        return set(_arguments_x86_64(image, cells))
    return set(_arguments_aarch64(image, cells))


def returned(image: Image, function: int) -> int | None:
    """Return the address that a function does nothing but return."""
    content = _start(image, function, 32)
    if image.machine is Machine.X86_64:
        match = _RETURNS_ADDRESS.match(content)
        if match:
            (distance,) = struct.unpack("<i", match[1])
            return function + match.end(1) + int(distance)
        return None
    body = _body_aarch64(content)
    return dict(_addresses_aarch64(function, body)).get(0) if len(body) <= 16 else None


def named_addresses(image: Image, function: int) -> Iterator[int]:
    """Give the addresses that a function names, as it would pass a definition on."""
    content = _start(image, function, _INTRO)
    if image.machine is Machine.AARCH64:
        body = _body_aarch64(content)
        yield from (address for _, address in _addresses_aarch64(function, body))
        return
    limit = len(content) - 4
    for match in _LOADS_ADDRESS.finditer(content, 0, max(0, limit)):
        if match.start() < limit:
            (distance,) = struct.unpack_from("<i", content, match.end())
            yield function + match.end() + 4 + int(distance)
            left = _LEAVES.search(content, match.end() + 4)
            limit = left.start() if left else limit


def _start(image: Image, function: int, length: int) -> bytes:
    segment = image.memory.segment(function)
    if segment is None or not segment.executable:
        return b""
    return image.memory.read(function, min(length, segment.end - function))


def _arguments_x86_64(image: Image, cells: AbstractSet[int]) -> Iterator[int | None]:
    calls: set[int] = set()
    stubs: set[int] = set()
    for address, content in image.memory.blocks(image.code, overlap=5):
        for match in _THROUGH_CELL.finditer(content, 0, max(0, len(content) - 4)):
            place = match.start()
            (distance,) = struct.unpack_from("<i", content, place + 2)
            if address + place + 6 + distance in cells:
                calls.add(address + place)
                # A stub may begin with endbr64, or with a prefix.
                stubs.update(address + place - before for before in (0, 1, 4, 5))
    for address, content in image.memory.blocks(image.code, overlap=4) if stubs else ():
        for match in _DIRECT.finditer(content, 0, max(0, len(content) - 4)):
            place = match.start()
            (distance,) = struct.unpack_from("<i", content, place + 1)
            if address + place + 5 + distance in stubs:
                calls.add(address + place)
        if len(calls) > _MOST_CALLS:
            raise Unreadable("has too many calls of one function")
    for call in calls - stubs | {c for c in calls if _argument_x86_64(image, c) is not None}:
        yield _argument_x86_64(image, call)


def _argument_x86_64(image: Image, call: int) -> int | None:
    """Return the constant last put into the second argument's register since the last call."""
    segment = image.memory.segment(call)
    start = max(call - _REACH, segment.address if segment else call)
    before = image.memory.read(start, call - start)
    since = max((match.end() for match in _CALLS.finditer(before)), default=0)
    found = list((_SET_EDX if image.windows else _SET_ESI).finditer(before, since))
    if not found:
        return None
    if found[-1]["zero"]:
        return 0
    constant = found[-1]["constant"]
    return int.from_bytes(constant, "little") if constant else None


def _arguments_aarch64(image: Image, cells: AbstractSet[int]) -> Iterator[int | None]:
    stubs: set[int] = set()
    calls: set[int] = set()
    for here, load, code, place in _cell_loads(image, cells):
        steps = _steps_to_call(code, place)
        if steps is not None:
            calls.add(load + steps * _INSTRUCTION)
        stubs.update((here, here - _INSTRUCTION))  # which may begin with bti
    for address, content in image.memory.blocks(image.code) if stubs else ():
        for place, word in enumerate(_instructions(content)):
            if word & 0x7C00_0000 == 0x1400_0000:  # b, bl
                here = address + place * _INSTRUCTION
                distance = (word & 0x03FF_FFFF ^ 0x0200_0000) - 0x0200_0000
                if here + distance * _INSTRUCTION in stubs:
                    calls.add(here)
        if len(calls) > _MOST_CALLS:
            raise Unreadable("has too many calls of one function")
    for call in calls:
        yield _argument_aarch64(image, call)


def _cell_loads(
    image: Image, cells: AbstractSet[int]
) -> Iterator[tuple[int, int, Sequence[int], int]]:
    """Give where adrp and ldr load one of `cells`: addresses of both, code, place of ldr in it."""
    for address, content in image.memory.blocks(image.code, overlap=16 * _INSTRUCTION):
        code = _instructions(content)
        for place, word in enumerate(code):
            if word & 0x9F00_0000 != 0x9000_0000:  # adrp
                continue
            here = address + place * _INSTRUCTION
            page = _page_of(here, word)
            for further in range(place + 1, min(place + 8, len(code))):
                load = code[further]
                if load & 0xFFC0_0000 == 0xF940_0000 and load >> 5 & 0x1F == word & 0x1F:  # ldr
                    if page + (load >> 10 & 0xFFF) * 8 in cells:
                        yield here, address + further * _INSTRUCTION, code, further
                    break


def _instructions(content: bytes) -> Sequence[int]:
    return memoryview(content)[: len(content) // _INSTRUCTION * _INSTRUCTION].cast("I")


def _steps_to_call(code: Sequence[int], load: int) -> int | None:
    """Return after how many instructions a function is called whose address was loaded."""
    call = 0xD63F_0000 | (code[load] & 0x1F) << 5  # blr
    return next((n for n, word in enumerate(code[load : load + 12]) if word == call), None)


def _argument_aarch64(image: Image, call: int) -> int | None:
    segment = image.memory.segment(call)
    start = max(call - _REACH, segment.address if segment else call)
    for word in reversed(_instructions(image.memory.read(start, call - start))):
        if word & 0xFC00_0000 == 0x9400_0000 or word & 0xFFFF_FC1F == 0xD63F_0000:  # bl, blr
            return None
        if word & 0x1F == 1:
            return _made(0, word, {31: 0})
    return None


def _page_of(here: int, adrp: int) -> int:
    """Return the page that an adrp instruction names."""
    return (here & ~0xFFF) + (_near(adrp) << 12)


def _near(word: int) -> int:
    """Return the signed number of an adr or adrp instruction."""
    number = (word >> 5 & 0x7_FFFF) << 2 | word >> 29 & 3
    return (number ^ 0x10_0000) - 0x10_0000


def _addresses_aarch64(function: int, content: bytes) -> Iterator[tuple[int, int]]:
    """Give (register, address) for each address that adrp and add, or adr, make."""
    pages: dict[int, int] = {}
    code = _instructions(content)
    for place, word in enumerate(code):
        here = function + place * _INSTRUCTION
        if word & 0x9F00_0000 == 0x9000_0000:  # adrp
            pages[word & 0x1F] = _page_of(here, word)
        elif word & 0x9F00_0000 == 0x1000_0000:  # adr
            yield word & 0x1F, here + _near(word)
        elif word & 0xFFC0_0000 == 0x9100_0000 and (word >> 5 & 0x1F) in pages:  # add x, x, #
            yield word & 0x1F, pages[word >> 5 & 0x1F] + (word >> 10 & 0xFFF)


def _may_store_aarch64(image: Image, start: int, end: int) -> bool:
    """Follow the register of each adrp that names a page of the range, for a few instructions."""
    pages = range(start >> 12, (end - 1 >> 12) + 1)
    for address, content in image.memory.blocks(image.code, overlap=_NEAR * _INSTRUCTION):
        code = _instructions(content)
        for place, word in enumerate(code):
            named = _named_page(address + place * _INSTRUCTION, word)
            if named is None or named >> 12 not in pages:
                continue
            if word >> 31:
                if any(start <= a < end for a in _made_of(named, word & 0x1F, code, place + 1)):
                    return True
            # Linkers make adr of adrp and add, with a nop; other data in code may look like adr.
            elif start <= named < end and _NOP in code[max(0, place - 1) : place + 2]:
                return True
    return False


def _made_of(page: int, register: int, code: Sequence[int], place: int) -> Iterator[int]:
    """Give the addresses that are made of a page in a register, or stored to by it."""
    for step in code[place : place + _NEAR]:
        base, stored = step >> 5 & 0x1F, _store_of(step)
        if stored:
            if base == register:
                yield page + stored[0]
        elif step & 0xFFC0_0000 == 0x9100_0000 and base == register:  # add x, x, #
            yield page + (step >> 10 & 0xFFF)
        if not stored and step & 0x1F == register:  # it holds something else now
            return


def _body_aarch64(content: bytes) -> bytes:
    """Cut code where it returns, or jumps away, for the first time."""
    for place, word in enumerate(_instructions(content)):
        if word & 0xFC00_0000 == 0x1400_0000 or word & 0xFFBF_FC1F == 0xD61F_0000:  # b, br, ret
            return content[: place * _INSTRUCTION]
    return content


def _stores_aarch64(image: Image, start: int, end: int) -> Mapping[int, AbstractSet[int | None]]:
    """Follow registers through the code around each place that names a page of the range."""
    found: dict[int, set[int | None]] = {}
    pages = range(start >> 12, (end - 1 >> 12) + 1)
    for address, content in image.memory.blocks(image.code, overlap=_AFTER * _INSTRUCTION):
        code = _instructions(content)
        for place, word in enumerate(code):
            here = address + place * _INSTRUCTION
            named = _named_page(here, word)
            if named is not None and named >> 12 in pages:
                first = max(0, place - _BEFORE)
                steps = code[first : place + _AFTER]
                for target, value in _stored(address + first * _INSTRUCTION, steps):
                    if start <= target < end:
                        found.setdefault(target, set()).add(value)
    return found


def _named_page(here: int, word: int) -> int | None:
    """Return the address that adrp or adr gives."""
    match word & 0x9F00_0000:
        case 0x9000_0000:
            return _page_of(here, word)
        case 0x1000_0000:
            return here + _near(word)
    return None


def _stored(here: int, code: Sequence[int]) -> Iterator[tuple[int, int | None]]:
    """Give what straight code stores, as (address, value), of the addresses that it makes."""
    registers: dict[int, int] = {31: 0}
    for number, word in enumerate(code):
        stored = _store_of(word)
        if stored is not None:
            offset, size, values = stored
            base = registers.get(word >> 5 & 0x1F) if word >> 5 & 0x1F != 31 else None
            if base is not None:
                for place, register in enumerate(values):
                    yield base + offset + place * size, registers.get(register)
        elif word & 0xFC00_0000 == 0x9400_0000:  # bl: what it leaves is not known
            registers = {register: v for register, v in registers.items() if register > 18}
        elif word & 0x1F != 31:
            value = _made(here + number * _INSTRUCTION, word, registers)
            if value is None:
                registers.pop(word & 0x1F, None)
            else:
                registers[word & 0x1F] = value


def _store_of(word: int) -> tuple[int, int, tuple[int, ...]] | None:
    """Return offset, size and registers of a store to [x, #]."""
    if word & 0xBFC0_0000 == 0xB900_0000:  # str w or x
        size = 8 if word >> 30 & 1 else 4
        return (word >> 10 & 0xFFF) * size, size, (word & 0x1F,)
    if word & 0xBFE0_0C00 == 0xB800_0000:  # stur w or x
        return (word >> 12 & 0x1FF ^ 0x100) - 0x100, 8, (word & 0x1F,)
    if word & 0x7FC0_0000 == 0x2900_0000:  # stp w or x
        size = 8 if word >> 31 else 4
        offset = ((word >> 15 & 0x7F ^ 0x40) - 0x40) * size
        return offset, size, (word & 0x1F, word >> 10 & 0x1F)
    return None


def _made(here: int, word: int, registers: Mapping[int, int]) -> int | None:
    """Return the number that an instruction makes, as far as it can be told."""
    named = _named_page(here, word)
    if named is not None:
        return named
    if word & 0x7FE0_0000 == 0x5280_0000:  # mov w or x, #
        return word >> 5 & 0xFFFF
    if word & 0xFFFF_FFE0 in _ONES:
        return 1
    if word & 0x7FE0_FFE0 == 0x2A00_03E0:  # mov w or x, register
        return registers.get(word >> 16 & 0x1F)
    if word & 0xFFC0_0000 == 0x9100_0000 and word >> 5 & 0x1F in registers:  # add x, x, #
        return registers[word >> 5 & 0x1F] + (word >> 10 & 0xFFF)
    return None
