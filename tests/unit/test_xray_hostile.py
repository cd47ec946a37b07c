"""Whatever a file holds, reading it ends soon, in a verdict, and takes little memory."""

import random
import struct
import time
import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.xray.model import Declaration, ModuleVerdict
from bot.xray.rules import declare
from bot.xray.source import Content
from tests.xray import sources
from tests.xray.build import CROSS, NATIVE, build
from tests.xray.mach import bundle

TARGETS = (NATIVE, *CROSS)
MODULES = ("declared", "late_declared", "otherwise_named", "bare", "chained")
NUMBERS = (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 2**63, 2**64 - 1)


def read(content: bytes, module: str) -> Declaration | None:
    """Read within the limits that hold for any bytes."""
    begun = time.process_time()
    declared = declare(Content(content), module)
    assert time.process_time() - begun < 5
    return declared


def libraries() -> list[bytes]:
    return [build(sources.MULTI_PHASE, target) for target in TARGETS] + [bundle([(4, 1), (0, 0)])]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_damaged_files_raise_nothing(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(libraries())))
    for _ in range(data.draw(st.integers(1, 8))):
        reach = data.draw(st.sampled_from([64, 600, 4000, len(content)]))
        place = data.draw(st.integers(0, min(reach, len(content)) - 1))
        width = data.draw(st.sampled_from([1, 2, 4, 8]))
        number = data.draw(st.sampled_from(NUMBERS) | st.integers(0, 2**64 - 1))
        content[place : place + width] = struct.pack("<Q", number)[:width]
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    read(bytes(content), data.draw(st.sampled_from(MODULES)))


@pytest.mark.parametrize("target", TARGETS)
def test_files_cut_anywhere_never_pass(target: str) -> None:
    whole = build(sources.MULTI_PHASE, target)
    chance = random.Random(7)
    for _ in range(60):
        declared = read(whole[: chance.randrange(len(whole) // 2)], "absent")
        assert declared
        assert declared.verdict is ModuleVerdict.UNKNOWN


@given(
    st.sampled_from([b"\x7fELF\2\1\1", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"]),
    st.binary(max_size=2000),
)
@settings(max_examples=200, deadline=None)
def test_bytes_that_begin_like_a_library_are_unknown(magic: bytes, rest: bytes) -> None:
    declared = read(magic + rest, "module")
    assert declared
    assert declared.verdict is ModuleVerdict.UNKNOWN


def elf(segments: Sequence[tuple[int, ...]], body: bytes) -> bytes:
    """Make an ELF library of program headers and whatever follows them."""
    head = struct.pack("<4s5B7x", b"\x7fELF", 2, 1, 1, 0, 0)
    head += struct.pack("<2HI3QI6H", 3, 62, 1, 0, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    return head + b"".join(struct.pack("<2I6Q", *segment) for segment in segments) + body


def relocating(entries: bytes, kind: str) -> bytes:
    """Make a library whose only table of relocations is `entries`, and that names its module."""
    start, tables = 64 + 2 * 56, 0x1000
    names = b"\0PyInit_chained\0PyModuleDef_Init\0chained\0"
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 0x12, 0, 1, 0, 0)
    symbols += struct.pack("<IBBHQQ", 16, 0x12, 0, 0, 0, 0)
    size_tag, tag = {"rela": (8, 7), "relr": (35, 36)}[kind]
    tags = [(5, 0x800), (6, 0x900), (10, len(names)), (4, 0xA00), (tag, tables)]
    tags += [(size_tag, len(entries)), (0, 0)]
    dynamic = b"".join(struct.pack("<2Q", *pair) for pair in tags)
    body = bytearray(tables - start)
    for place, content in (
        (0x400, dynamic),
        (0x800, names),
        (0x900, symbols),
        (0xA00, struct.pack("<2I", 1, 3)),
    ):
        body[place - start : place - start + len(content)] = content
    size = tables + len(entries)
    segments = [
        (1, 7, 0, 0, 0, size, size, 4096),
        (2, 6, 0x400, 0x400, 0, len(dynamic), len(dynamic), 8),
    ]
    return elf(segments, bytes(body) + entries)


def chains_everywhere(pages: int = 600) -> bytes:
    """Make a bundle each of whose words is a fixup that points to the module's name."""
    page = 0x4000
    content = bytearray(bundle([(4, 1), (0, 0)], pages=pages))
    name = content.index(b"chained\0")
    content[page : page * (1 + pages)] = struct.pack("<Q", name | 2 << 51) * (page // 8 * pages)
    starts = content.index(struct.pack("<HH", 0x138, 0xFFFF))
    content[starts : starts + 2 * pages] = bytes(2 * pages)
    return bytes(content)


def exports_in_a_loop() -> bytes:
    """Make a bundle whose exports are a node with 255 edges that lead to itself."""
    content = bytearray(bundle([(4, 1), (0, 0)]))
    node = b"\0\xff" + b"\0\0" * 255
    place = content.index(b"\0\x01_PyInit_chained")
    content[place : place + len(node)] = node
    struct.pack_into("<I", content, content.index(struct.pack("<I", 0x8000_0033)) + 12, len(node))
    return bytes(content)


NAME_AT = 0x800 + 33


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(elf([(1, 7, 0, 0, 0, 2**63, 2**63, 1)], b""), id="segment past the end"),
        pytest.param(elf([(1, 5, 0, 0, 0, 64, 2**40, 1)] * 9, b""), id="segments that overlap"),
        pytest.param(elf([(2, 6, 0, 0, 0, 2**40, 2**40, 8)], b""), id="dynamic past the end"),
        pytest.param(elf([(1, 7, 0, 0, 0, 64, 64, 1)] * 600, b""), id="many segments"),
        pytest.param(
            relocating(struct.pack("<2QQ", 0x800, 8, NAME_AT) * 400_000, "rela"), id="relocations"
        ),
        pytest.param(relocating(b"\xff" * 8_000_000, "relr"), id="bitmaps of relocations"),
        pytest.param(relocating(struct.pack("<Q", NAME_AT) * 100_000, "relr"), id="its own target"),
        pytest.param(relocating(b"chained\0" * 1_000_000, "relr"), id="its name everywhere"),
        pytest.param(chains_everywhere(), id="chains of fixups everywhere"),
        pytest.param(exports_in_a_loop(), id="exports in a loop"),
        pytest.param(b"\xca\xfe\xba\xbe" + b"\xff" * 5000, id="many slices"),
        pytest.param(
            b"\xca\xfe\xba\xbe" + struct.pack(">6I", 1, 0x0100_0007, 3, 0, 4096, 0) + bytes(9000),
            id="a fat file within itself",
        ),
    ],
)
def test_bombs_are_unknown_in_bounded_time_and_memory(content: bytes) -> None:
    declared = read(content, "chained")
    tracemalloc.start()
    declare(Content(content), "chained")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert declared
    assert declared.verdict is ModuleVerdict.UNKNOWN
    assert peak < 64 << 20


def test_a_million_sections_of_a_windows_library_are_refused() -> None:
    content = bytearray(build(sources.MULTI_PHASE, "x86_64-windows-gnu"))
    header = struct.unpack_from("<I", content, 60)[0]
    struct.pack_into("<H", content, header + 6, 0xFFFF)
    declared = read(bytes(content), "declared")
    assert declared
    assert "65535 sections" in declared.evidence
