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

_MOVE_TO_MEMORY: Final = re.compile(rb"\xc7\x05")  # mov [rip+d], imm32; with REX.W it is 8 bytes
_REGISTER_TO_MEMORY: Final = re.compile(rb"[\x48\x4c]\x89[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]")
_THROUGH_CELL: Final = re.compile(rb"\xff[\x15\x25]")  # call [rip+d], jmp [rip+d]
_DIRECT: Final = re.compile(rb"[\xe8\xe9]")  # call, jmp
_SECOND_ARGUMENT: Final = re.compile(  # esi for System V, edx for Windows
    rb"\xbe(?P<sysv>[\0-\xff]\0\0\0)|\xba(?P<win>[\0-\xff]\0\0\0)"
    rb"|(?P<sysv_zero>[\x31\x33]\xf6)|(?P<win_zero>[\x31\x33]\xd2)",
    re.DOTALL,
)
_RETURNS_ADDRESS: Final = re.compile(
    rb"(?:\xf3\x0f\x1e\xfa)?(?:\x55\x48\x89\xe5)?\x48\x8d\x05(....)\x5d?\xc3", re.DOTALL
)
_LOADS_ADDRESS: Final = re.compile(rb"[\x48\x4c]\x8d[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]")


def stores(image: Image, start: int, end: int) -> Mapping[int, AbstractSet[int]] | None:
    """Return the constants that code stores to addresses from `start` to before `end`.

    None if that cannot be told for this processor.
    """
    if image.machine is not Machine.X86_64:
        return None
    found: dict[int, set[int]] = {}
    for address, content in image.memory.blocks(image.code, overlap=9):
        for match in _MOVE_TO_MEMORY.finditer(content, 0, max(0, len(content) - 8)):
            place = match.start()
            distance, value = struct.unpack_from("<2i", content, place + 2)
            target = address + place + 10 + distance
            if start <= target < end:
                found.setdefault(target, set()).add(value)
    return found


def assigned(image: Image, cell: int) -> AbstractSet[int | None] | None:
    """Return the addresses that code puts into a cell; None if that cannot be told.

    A None among them stands for a value that is not an address loaded close before.
    """
    if image.machine is not Machine.X86_64:
        return None
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
    named = dict(_addresses_aarch64(function, content))
    return named.get(0) if _ends_at_once(content) else None


def named_addresses(image: Image, function: int) -> Iterator[int]:
    """Give the addresses that a function names at its start, as it would pass a definition on."""
    content = _start(image, function, _INTRO)
    if image.machine is Machine.X86_64:
        for match in _LOADS_ADDRESS.finditer(content, 0, max(0, len(content) - 4)):
            (distance,) = struct.unpack_from("<i", content, match.end())
            yield function + match.end() + 4 + int(distance)
    else:
        yield from (address for _, address in _addresses_aarch64(function, content))


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
    segment = image.memory.segment(call)
    start = max(call - _REACH, segment.address if segment else call)
    found = list(_SECOND_ARGUMENT.finditer(image.memory.read(start, call - start)))
    if not found:
        return None
    last = found[-1]
    constant = last["sysv"] or last["win"] or bytes(4)
    return int.from_bytes(constant, "little")


def _arguments_aarch64(image: Image, cells: AbstractSet[int]) -> Iterator[int | None]:
    stubs: set[int] = set()
    calls: set[int] = set()
    for here, code, place in _cell_loads(image, cells):
        call = _indirect_call(code, place + 2, code[place + 1] & 0x1F)
        if call is not None:
            calls.add(here + (call - place) * _INSTRUCTION)
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


def _cell_loads(image: Image, cells: AbstractSet[int]) -> Iterator[tuple[int, Sequence[int], int]]:
    """Give where adrp and ldr load one of `cells`: address, the code around, the place in it."""
    for address, content in image.memory.blocks(image.code, overlap=16 * _INSTRUCTION):
        code = _instructions(content)
        for place, word in enumerate(code[:-1]):
            if word & 0x9F00_0000 == 0x9000_0000:  # adrp
                load = code[place + 1]
                here = address + place * _INSTRUCTION
                offset = (load >> 10 & 0xFFF) * 8
                if load & 0xFFC0_0000 == 0xF940_0000 and _page_of(here, word) + offset in cells:
                    yield here, code, place


def _instructions(content: bytes) -> Sequence[int]:
    return memoryview(content)[: len(content) // _INSTRUCTION * _INSTRUCTION].cast("I")


def _indirect_call(code: Sequence[int], place: int, register: int) -> int | None:
    """Return where a function whose address is in a register is called within a few steps."""
    for further in range(place, min(place + 12, len(code))):
        if code[further] & ~0x3E0 == 0xD63F_0000 and code[further] >> 5 & 0x1F == register:  # blr
            return further
    return None


def _argument_aarch64(image: Image, call: int) -> int | None:
    segment = image.memory.segment(call)
    start = max(call - _REACH, segment.address if segment else call)
    for word in reversed(memoryview(image.memory.read(start, call - start)).cast("I")):
        if word & 0x7FE0_001F == 0x5280_0001:  # mov w1 or x1, #imm
            return int(word >> 5 & 0xFFFF)
        if word & 0x7FFF_FFFF == 0x2A1F_03E1:  # mov w1 or x1, zero
            return 0
        if word in {0x3200_03E1, 0xB240_03E1}:  # orr w1 or x1, zero, #1
            return 1
    return None


def _page_of(here: int, adrp: int) -> int:
    """Return the page that an adrp instruction names."""
    pages = (adrp >> 5 & 0x7_FFFF) << 2 | adrp >> 29 & 3
    pages = (pages ^ 0x10_0000) - 0x10_0000
    return (here & ~0xFFF) + (pages << 12)


def _addresses_aarch64(function: int, content: bytes) -> Iterator[tuple[int, int]]:
    """Give (register, address) for each address that adrp and add, or adr, make."""
    pages: dict[int, int] = {}
    code = _instructions(content)
    for place, word in enumerate(code):
        here = function + place * _INSTRUCTION
        if word & 0x9F00_0000 == 0x9000_0000:  # adrp
            pages[word & 0x1F] = _page_of(here, word)
        elif word & 0x9F00_0000 == 0x1000_0000:  # adr
            distance = (word >> 5 & 0x7_FFFF) << 2 | word >> 29 & 3
            yield word & 0x1F, here + (distance ^ 0x10_0000) - 0x10_0000
        elif word & 0xFFC0_0000 == 0x9100_0000 and (word >> 5 & 0x1F) in pages:  # add x, x, #
            yield word & 0x1F, pages[word >> 5 & 0x1F] + (word >> 10 & 0xFFF)


def _ends_at_once(content: bytes) -> bool:
    """Tell if a function returns after the few instructions that make an address."""
    return 0xD65F_03C0 in _instructions(content)[:4]  # ret
