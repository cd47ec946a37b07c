"""Wheels: the members of a zip file, and the inside of one, read at random.

PKWARE's APPNOTE 6.3. zipfile makes an object of every member, and enters a compressed one from its
start only, so that what a large one takes in memory or time could not be bounded.
"""

import struct
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from bot.xray.source import Part, Source, Unreadable

_MOST_MEMBERS: Final = 100_000
_LONGEST_DIRECTORY: Final = 16 << 20
_LARGEST: Final = 512 << 20
"""Bytes of a member that is looked into."""
_RATIO: Final = 200
"""How many times larger than packed a member may be; those of real modules are below 30."""
_FREE: Final = 8 << 20
"""Bytes up to which the ratio does not matter."""
_STEP: Final = 2 << 20
"""Bytes of a member from one place where it can be entered to the next."""
_HELD: Final = 8
"""Pieces of `_STEP` bytes that are kept unpacked."""
_PACKED: Final = 1 << 16

_END: Final = struct.Struct("<4s4H2IH")
_LOCATOR: Final = struct.Struct("<4sIQI")
_END64: Final = struct.Struct("<4sQ2H2I4Q")
_ENTRY: Final = struct.Struct("<4s6H3I5H2I")
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_ENCRYPTED, _UTF8 = 0x1, 0x800
_STORED, _DEFLATED = 0, 8
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a wheel, from its local header at `start` to before the next one at `limit`."""

    name: str
    method: int
    flags: int
    start: int
    limit: int
    packed: int
    size: int
    crc: int


def members(source: Source) -> list[Member]:
    """Return the members, sorted by place; raises Unreadable."""
    directory, count, end, prefix = _directory(source)
    found = sorted(_entries(directory, prefix), key=lambda member: member.start)
    if len(found) & _FULL16 != count & _FULL16:  # more of them than that say so without Zip64, too
        raise Unreadable(f"has {len(found)} members in a directory of {count}")
    if not found:
        raise Unreadable("has no members")
    limits = [*(member.start for member in found[1:]), end]
    return [replace(m, limit=limit) for m, limit in zip(found, limits, strict=True)]


def inside(source: Source, member: Member) -> Source:
    """Give random access to a member's content; raises Unreadable, also later while reading."""
    if member.flags & _ENCRYPTED:
        raise Unreadable("is encrypted")
    if member.size > _LARGEST:
        raise Unreadable(f"unpacks to {member.size >> 20} MiB, more than is read of one file")
    if member.size > _FREE and member.size > _RATIO * member.packed:
        raise Unreadable(f"unpacks to {member.size // max(1, member.packed)} times its size")
    header = source.read(member.start, _LOCAL.size)
    signature, *_, name_length, extra = _LOCAL.unpack(header)
    name = source.read(member.start + _LOCAL.size, name_length)
    if signature != b"PK\3\4" or _text(name, member.flags) != member.name:
        raise Unreadable("has a local header that says otherwise")
    offset = member.start + _LOCAL.size + name_length + extra
    if offset + member.packed > member.limit:
        raise Unreadable("overlaps another member")
    packed = Part(source, offset, member.packed)
    if member.method == _STORED:
        if member.size != member.packed:
            raise Unreadable("is stored, but its sizes differ")
        return packed
    if member.method == _DEFLATED:
        return Inflated(packed, member.size, member.crc)
    raise Unreadable(f"is packed by a method that is not read ({member.method})")


def _directory(source: Source) -> tuple[bytes, int, int, int]:
    """Return the central directory, how many members it tells of, and where it starts.

    The last are the bytes that precede the archive.
    """
    tail, place = _end(source)
    _, _, _, _, count, size, offset, _ = _END.unpack_from(tail, place)
    end = source.size - len(tail) + place
    locator = end - _LOCATOR.size
    if locator >= 0 and (content := source.read(locator, _LOCATOR.size)).startswith(b"PK\6\7"):
        _, _, at, _ = _LOCATOR.unpack(content)
        signature, *_, count, size, offset = _END64.unpack(source.read(at, _END64.size))
        if signature != b"PK\6\6":
            raise Unreadable("has a damaged directory")
        end = at
    if count > _MOST_MEMBERS or size > _LONGEST_DIRECTORY:
        raise Unreadable(f"has {count} members in a directory of {size} bytes")
    prefix = end - size - offset
    if prefix < 0:
        raise Unreadable("has a directory that points past its end")
    return source.read(end - size, size), count, end - size, prefix


def _end(source: Source) -> tuple[bytes, int]:
    """Return the last bytes and where in them the end record is; few wheels have a comment."""
    for most in (_END.size, _END.size + 0xFFFF):
        length = min(source.size, most)
        tail = source.read(source.size - length, length)
        place = tail.rfind(b"PK\5\6", 0, length - _END.size + 4) if length >= _END.size else -1
        if place >= 0:
            return tail, place
    raise Unreadable("is no zip file, or was cut off")


def _entries(directory: bytes, prefix: int) -> Iterator[Member]:
    place = 0
    while place < len(directory):
        if place + _ENTRY.size > len(directory):
            raise Unreadable("has a damaged directory")
        entry = _ENTRY.unpack_from(directory, place)
        signature, flags, method, crc = entry[0], entry[3], entry[4], entry[7]
        packed, size = entry[8], entry[9]
        name_length, extra_length, comment, start = entry[10], entry[11], entry[12], entry[16]
        if signature != b"PK\1\2":
            raise Unreadable("has a damaged directory")
        name_at = place + _ENTRY.size
        name = directory[name_at : name_at + name_length]
        extra = directory[name_at + name_length : name_at + name_length + extra_length]
        size, packed, start = _large(extra, size, packed, start)
        yield Member(_text(name, flags), method, flags, prefix + start, 0, packed, size, crc)
        place = name_at + name_length + extra_length + comment
        if place > len(directory):
            raise Unreadable("has a damaged directory")


def _large(extra: bytes, *values: int) -> tuple[int, ...]:
    """Replace the values that do not fit in 32 bits by those of the Zip64 field."""
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        if kind == 1:
            field = extra[place + 4 : place + 4 + length]
            wide = iter(struct.unpack_from(f"<{len(field) // 8}Q", field))
            return tuple(next(wide, v) if v == _FULL32 else v for v in values)
        place += 4 + length
    return values


def _text(name: bytes, flags: int) -> str:
    return name.decode("utf-8" if flags & _UTF8 else "cp437", "replace")


class Inflated:
    """Random access to a deflated member: the state of unpacking is kept every few MiB.

    Of the content itself a few pieces are held, however large it is. Whoever reads its end learns
    by Unreadable if the whole is not of the CRC-32 that is told.
    """

    __slots__ = ("_crc", "_held", "_packed", "_states", "_told", "size")

    def __init__(self, packed: Source, size: int, crc: int) -> None:
        self.size = size
        self._told = crc
        self._crc = 0  # of what comes before the last state
        self._packed = packed
        start = zlib.decompressobj(-zlib.MAX_WBITS)
        self._states = [(start, 0)]  # before each piece: the state, and how much was taken in
        self._held: OrderedDict[int, bytes] = OrderedDict()

    def read(self, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise Unreadable(f"points to {length} bytes at {offset:#x}, past its end")
        first, last = offset // _STEP, (offset + max(length, 1) - 1) // _STEP
        start = offset - first * _STEP
        if first == last:
            return self._piece(first)[start : start + length]
        pieces = [self._piece(number) for number in range(first, last + 1)]
        pieces[0] = pieces[0][start:]
        pieces[-1] = pieces[-1][: offset + length - last * _STEP]
        return b"".join(pieces)

    def _piece(self, number: int) -> bytes:
        if number * _STEP >= self.size:
            return b""
        while len(self._states) <= number:
            self._unpack(len(self._states) - 1)
        if number not in self._held:
            return self._unpack(number)
        self._held.move_to_end(number)
        return self._held[number]

    def _unpack(self, number: int) -> bytes:
        """Unpack a piece that follows a known state, and keep the state after it."""
        state, taken = self._states[number]
        state = state.copy()
        wanted = min(_STEP, self.size - number * _STEP)
        content: list[bytes] = []
        while wanted:
            packed = self._packed.read(taken, min(_PACKED, self._packed.size - taken))
            try:
                piece = state.decompress(packed, wanted)
            except zlib.error as error:
                raise Unreadable("is packed in a damaged way") from error
            taken += len(packed) - len(state.unconsumed_tail) - len(state.unused_data)
            wanted -= len(piece)
            content.append(piece)
            if not piece and (not packed or state.eof):
                raise Unreadable("ends before the size that its archive tells")
        whole = b"".join(content)
        if number + 1 == len(self._states):
            crc = zlib.crc32(whole, self._crc)
            if (number + 1) * _STEP >= self.size and crc != self._told:
                raise Unreadable("is damaged (CRC-32)")
            self._crc = crc
            self._states.append((state, taken))
        self._held[number] = whole
        if len(self._held) > _HELD:
            self._held.popitem(last=False)
        return whole
