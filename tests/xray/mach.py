"""A Mach-O bundle with chained fixups, byte by byte: only Apple's linker makes them.

One segment of code, one of data with a PyModuleDef and its slots, and one of tables.
"""

import struct
from typing import Final

_PAGE: Final = 0x4000
_BASE: Final = 0x1000
"""Where the first segment prefers to lie; most are at zero, where two formats look the same."""
_DEFINITION: Final = 0x100
_SLOTS: Final = 0x200
OFFSET, ADDRESS = 6, 2
"""Formats of pointers: from the start of the image, or addresses."""


def bundle(slots: list[tuple[int, int]], form: int = OFFSET, *, pages: int = 1) -> bytes:
    """Return a bundle whose module `chained` has slots of (id, value); ids of 2 get a function."""
    text, trie = _text()
    data = bytearray(_PAGE * pages)
    fixups = {_DEFINITION + 56: _name_at(text), _DEFINITION + 88: _PAGE + _SLOTS}
    for number, (identity, value) in enumerate(slots):
        struct.pack_into("<QQ", data, _SLOTS + 16 * number, identity, value)
        if identity == 2:
            fixups[_SLOTS + 16 * number + 8] = _PAGE - 16
    _chain(data, fixups, form)
    return _file(text, bytes(data), trie, _starts(form, pages))


def _text() -> tuple[bytes, bytes]:
    code = b"chained\0".ljust(_PAGE - 0x800, b"\0")
    function = _PAGE - 16
    edge = b"_PyInit_chained\0"
    value = _uleb(0) + _uleb(function)
    node = bytes([len(value)]) + value + b"\0"
    root = b"\0\x01" + edge
    return code, root + _uleb(len(root) + 1) + node


def _name_at(text: bytes) -> int:
    return 0x800 + text.index(b"chained")


def _chain(data: bytearray, fixups: dict[int, int], form: int) -> None:
    places = sorted(fixups)
    for place, following in zip(places, [*places[1:], None], strict=True):
        target = fixups[place] + (_BASE if form == ADDRESS else 0)
        step = (following - place) // 4 if following is not None else 0
        struct.pack_into("<Q", data, place, target | step << 51)


def _starts(form: int, pages: int) -> bytes:
    header = struct.pack("<7I", 0, 32, 0, 0, 0, 1, 0).ljust(32, b"\0")
    in_image = struct.pack("<4I", 3, 0, 16, 0)  # of three segments, the second has a chain
    starts = [_DEFINITION + 56, *[0xFFFF] * (pages - 1)]
    size = 22 + 2 * len(starts)
    in_segment = struct.pack("<IHHQIH", size, _PAGE, form, _PAGE, 0, len(starts))
    return header + in_image + in_segment + struct.pack(f"<{len(starts)}H", *starts)


def _file(text: bytes, data: bytes, trie: bytes, fixups: bytes) -> bytes:
    names = b"\0_PyModuleDef_Init\0"
    symbol = struct.pack("<IBBHQ", 1, 1, 0, 0, 0)
    tables = _PAGE + len(data)
    commands = [
        _segment(b"__TEXT", 0, _PAGE, 5),
        _segment(b"__DATA", _PAGE, len(data), 3),
        _segment(b"__LINKEDIT", tables, _PAGE, 1),
        struct.pack("<4I", 0x8000_0034, 16, tables, len(fixups)),
        struct.pack("<4I", 0x8000_0033, 16, tables + 0x800, len(trie)),
        struct.pack("<6I", 2, 24, tables + 0xC00, 1, tables + 0xD00, len(names)),
    ]
    body = b"".join(commands)
    head = struct.pack("<8I", 0xFEEDFACF, 0x0100_000C, 0, 8, len(commands), len(body), 0, 0) + body
    linked = bytearray(_PAGE)
    for place, content in ((0, fixups), (0x800, trie), (0xC00, symbol), (0xD00, names)):
        linked[place : place + len(content)] = content
    return head.ljust(0x800, b"\0") + text + data + bytes(linked)


def _segment(name: bytes, place: int, size: int, protection: int) -> bytes:
    where = struct.pack("<4Q", _BASE + place, size, place, size)
    return struct.pack("<2I16s", 0x19, 72, name) + where + struct.pack("<4I", 7, protection, 0, 0)


def _uleb(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
