"""Wheels are summed up from their modules; what is wrong with one ends in a reason."""

import os
import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.xray.archive import Inflated, members
from bot.xray.model import ModuleVerdict, WheelReading, together
from bot.xray.source import Content, Unreadable
from bot.xray.wheel import candidates, read_wheel
from tests.xray import sources
from tests.xray.build import build
from tests.xray.wheels import NAME, SUFFIX, claiming, deflated_zeros, entry, joined, wheel

KEEPS, LIKELY, RE_ENABLES, DELEGATED, UNKNOWN = ModuleVerdict


def read(content: bytes) -> WheelReading:
    return read_wheel(NAME, Content(content))


def swallowing() -> bytes:
    """A wheel whose directory, damaged, makes of an entry a part of the name before it."""
    content = wheel({"package/__init__.py": b"", f"used{SUFFIX}": build(sources.MULTI_PHASE)})
    directory = content.index(b"PK\1\2")
    rest = content.index(b"PK\5\6") - directory - 46
    return content[: directory + 28] + struct.pack("<H", rest) + content[directory + 30 :]


@pytest.mark.parametrize("stored", [True, False])
def test_a_wheel_is_as_good_as_its_worst_module(stored: bool) -> None:
    library = build(sources.MULTI_PHASE)
    members = {
        f"package/declared{SUFFIX}": library,
        f"package/sub/absent{SUFFIX}": library,
        f"used{SUFFIX}": library,
        "package/libsqlite.so": build(sources.NO_MODULE),
        "made_up.libs/libm.so": library,
        "package/__init__.py": b"",
        "made_up-1.0.data/scripts/tool.so": library,
    }
    reading = read(wheel(members, stored=stored))
    assert (reading.verdict, reading.not_modules, reading.reason) == (RE_ENABLES, 1, None)
    assert [(m.module, m.verdict) for m in reading.modules] == [
        ("package.declared", KEEPS),
        ("package.sub.absent", RE_ENABLES),
        ("used", RE_ENABLES),
    ]
    assert reading.re_enabling == ("package.sub.absent", "used")
    assert reading.modules[0].member == f"package/declared{SUFFIX}"


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], KEEPS),
        ([KEEPS, KEEPS], KEEPS),
        ([KEEPS, LIKELY], LIKELY),
        ([LIKELY, DELEGATED], DELEGATED),
        ([DELEGATED, UNKNOWN], UNKNOWN),
        ([KEEPS, UNKNOWN, RE_ENABLES], RE_ENABLES),
    ],
)
def test_verdicts_together(verdicts: list[ModuleVerdict], expected: ModuleVerdict) -> None:
    assert together(verdicts) is expected


@pytest.mark.parametrize(
    ("member", "module"),
    [
        (f"a/b/c{SUFFIX}", "a.b.c"),
        ("a/c.so", "a.c"),
        ("c.cp314t-win_amd64.pyd", "c"),
        ("c.abi3t.so", "c"),
        (f"a/__init__{SUFFIX}", "a"),
        (f"made_up-1.0.data/platlib/a/c{SUFFIX}", "a.c"),
        (f"made_up-1.0.data/data/c{SUFFIX}", None),
        ("a.libs/c.so", None),
        ("a/.dylibs/c.so", None),
        ("a/libc.so.6", None),
        ("a/c.py", None),
        (f"../../c{SUFFIX}", "......c"),
    ],
)
def test_modules_are_named_as_they_are_imported(member: str, module: str | None) -> None:
    found = [c.module for c in candidates(Content(wheel({member: b""})))]
    assert found == [module] * bool(module)


def test_a_wheel_without_modules_keeps_the_gil_off() -> None:
    reading = read(wheel({"package/__init__.py": b""}))
    assert (reading.verdict, reading.modules, reading.reason) == (KEEPS, (), None)


def test_of_several_builds_of_a_module_the_free_threaded_one_counts() -> None:
    library = build(sources.MULTI_PHASE)
    reading = read(
        wheel(
            {
                "absent.cpython-313-x86_64-linux-gnu.so": library,
                "declared.abi3.so": build(sources.single_phase()),
                f"declared{SUFFIX}": library,
            }
        )
    )
    assert [(m.module, m.verdict) for m in reading.modules] == [
        ("absent", RE_ENABLES),
        ("declared", KEEPS),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no zip file"),
        (b"PK" * 100, "no zip file"),
        (wheel({"a.so": b"x"})[:-30], "no zip file"),
        (joined(b"", b"x" * 46, 1), "damaged directory"),
        (joined(b"", b"", 1)[:12] + b"\xff" * 8 + b"\0\0", "members in a directory"),
        (wheel({}), "no members"),
        (joined(b"", entry("a.py", b"", 0)[1] + b"x" * 9, 1), "damaged directory"),
        (joined(b"", entry("a.py", b"", 0)[1][:-1], 1), "damaged directory"),
        (swallowing(), "has 1 members in a directory of 2"),
    ],
)
def test_what_is_no_wheel_is_unknown_with_a_reason(content: bytes, reason: str) -> None:
    reading = read(content)
    assert reading.verdict is UNKNOWN
    assert reading.modules == ()
    assert reason in (reading.reason or "")


@pytest.mark.parametrize("damage", [b"\0\0\0\0", b"\x01\0\0\0"])
@pytest.mark.parametrize("size", [0, 5 << 20])
def test_a_member_that_is_not_what_its_checksum_says_is_unknown(damage: bytes, size: int) -> None:
    content = wheel({f"declared{SUFFIX}": build(sources.MULTI_PHASE) + os.urandom(size)})
    assert read(content).verdict is KEEPS
    (member,) = members(Content(content))
    (module,) = read(content.replace(struct.pack("<I", member.crc), damage)).modules
    assert (module.verdict, module.evidence) == (UNKNOWN, "the file is damaged (CRC-32)")


@pytest.mark.parametrize(
    ("content", "evidence"),
    [
        (claiming(b"\x03\0", 10 << 30 & 0xFFFFFFFF), "more than is read"),
        (claiming(deflated_zeros(64 << 20), 64 << 20), "times its size"),
        (claiming(deflated_zeros(1 << 20), 4096), "damaged (CRC-32)"),
        (claiming(b"\x03\0", 4096), "ends before the size"),
        (claiming(b"\xff" * 100, 4096), "damaged way"),
        (claiming(b"x" * 10, 10, method=0, flags=1), "encrypted"),
        (claiming(b"x" * 10, 20, method=0), "sizes differ"),
        (claiming(b"x" * 10, 10, method=14), "not read (14)"),
        (claiming(b"x" * 10, 10, method=0, start=2**31), "past its end"),
        (claiming(b"", 0), "no ELF"),
    ],
)
def test_a_member_that_cannot_be_read_is_unknown_with_a_reason(
    content: bytes, evidence: str
) -> None:
    (module,) = read(content).modules
    assert (module.module, module.verdict) == ("module", UNKNOWN)
    assert evidence in module.evidence


def test_members_that_overlap_are_unknown() -> None:
    name = f"module{SUFFIX}"
    library = build(sources.MULTI_PHASE)
    local, first = entry(name, library, len(library), method=0)
    _, second = entry(name, library, len(library), method=0, start=20)
    reading = read(joined(local, first + second, 2))
    assert reading.verdict is UNKNOWN
    assert any("overlaps" in module.evidence for module in reading.modules)


def test_a_local_header_that_names_another_file_is_not_believed() -> None:
    local, _ = entry("other.so", b"", 0)
    _, central = entry("names.so", b"", 0)
    (module,) = read(joined(local, central, 1)).modules
    assert "says otherwise" in module.evidence


def test_a_large_member_takes_little_memory() -> None:
    noise = os.urandom(1 << 20)
    size = 96 << 20
    content = wheel({"large.so": noise * (size >> 20)})
    (member,) = members(Content(content))
    tracemalloc.start()
    reading = read(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert member.size == size
    assert reading.verdict is UNKNOWN
    assert peak < 50 << 20


@given(st.lists(st.tuples(st.integers(0, 9_500_000), st.integers(0, 5_000_000)), max_size=8))
@settings(max_examples=20, deadline=None)
def test_any_stretch_of_a_member_is_what_it_holds(stretches: list[tuple[int, int]]) -> None:
    content = (b"0123456789abcdef" * 64 + os.urandom(64)) * 9000
    archive = wheel({"large.so": content})
    (member,) = members(Content(archive))
    start = member.limit - member.packed
    source = Inflated(Content(archive[start : member.limit]), member.size, member.crc)
    for offset, length in stretches:
        if offset + length <= len(content):
            assert source.read(offset, length) == content[offset : offset + length]
        else:
            with pytest.raises(Unreadable):
                source.read(offset, length)


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_no_wheel(content: bytes) -> None:
    assert read(content + b"PK\5\6" + content).verdict is UNKNOWN


def test_nothing_is_written_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    read(wheel({f"../../escapes{SUFFIX}": build(sources.MULTI_PHASE)}))
    assert not list(tmp_path.iterdir())
