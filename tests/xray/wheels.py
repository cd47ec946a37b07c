"""Wheels, well-formed and not, made in memory."""

import struct
import zipfile
import zlib
from contextlib import suppress
from io import BytesIO

NAME = "made_up-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl"
SUFFIX = ".cpython-314t-x86_64-linux-gnu.so"


def wheel(members: dict[str, bytes], *, stored: bool = False) -> bytes:
    out = BytesIO()
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def entry(
    name: str, packed: bytes, size: int, *, method: int = 8, flags: int = 0, start: int = 0
) -> tuple[bytes, bytes]:
    """Return a local header with its content, and the directory's entry, which claim anything."""
    encoded = name.encode()
    crc = _crc(packed, method)
    common = struct.pack(
        "<5H3I2H", 20, flags, method, 0, 0, crc, len(packed), size, len(encoded), 0
    )
    local = b"PK\3\4" + common + encoded + packed
    central = b"PK\1\2" + struct.pack("<H", 20) + common
    return local, central + struct.pack("<3H2I", 0, 0, 0, 0, start) + encoded


def _crc(packed: bytes, method: int) -> int:
    with suppress(zlib.error):
        unpacked = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, 1 << 20)
        return zlib.crc32(unpacked if method == 8 else packed)
    return 0


def joined(locals_: bytes, directory: bytes, count: int) -> bytes:
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), len(locals_), 0)
    return locals_ + directory + end


def claiming(packed: bytes, size: int, **claims: int) -> bytes:
    """Return a wheel of one module whose headers claim a size, a method or flags."""
    local, central = entry(f"module{SUFFIX}", packed, size, **claims)
    return joined(local, central, 1)


def deflated_zeros(size: int) -> bytes:
    """Return `size` zeros, deflated as small as can be."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    pieces = [packer.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join(pieces) + packer.flush()
