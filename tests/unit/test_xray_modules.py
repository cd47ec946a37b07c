"""Modules of every kind, built for every system, are read as they were written."""

import struct

import pytest

from bot.xray.model import ModuleVerdict
from bot.xray.rules import declare
from bot.xray.source import Content
from tests.xray import sources
from tests.xray.build import CROSS, NATIVE, build
from tests.xray.mach import ADDRESS, OFFSET, bundle

KEEPS, LIKELY, RE_ENABLES, DELEGATED, UNKNOWN = ModuleVerdict

MULTI_PHASE = {
    "declared": KEEPS,
    "dotted": KEEPS,
    "used": RE_ENABLES,
    "absent": RE_ENABLES,
    "constants": RE_ENABLES,
    "empty_value": UNKNOWN,
    "pointer_value": UNKNOWN,
    "contradicts": UNKNOWN,
    "not_slots": UNKNOWN,
    "endless": UNKNOWN,
    "two": UNKNOWN,
    "otherwise_named": LIKELY,
    "otherwise_absent": UNKNOWN,
}
EXPORTS = {
    "declared": KEEPS,
    "old": KEEPS,
    "nested": KEEPS,
    "used": RE_ENABLES,
    "absent": RE_ENABLES,
    "unnamed": LIKELY,
    "unnamed_absent": UNKNOWN,
    "no_slots": UNKNOWN,
    "loop": UNKNOWN,
    "late": UNKNOWN,
}
TARGETS = (NATIVE, *CROSS)


def verdict(content: bytes, module: str, tag: str = "") -> ModuleVerdict | None:
    declared = declare(Content(content), module, tag)
    if declared is None:
        return None
    assert declared.evidence
    return declared.verdict


def read(library: bytes, modules: dict[str, ModuleVerdict]) -> dict[str, ModuleVerdict | None]:
    return {module: verdict(library, f"package.{module}") for module in modules}


@pytest.mark.parametrize("target", TARGETS)
def test_definitions_of_multi_phase_modules_are_followed_to_their_slots(target: str) -> None:
    assert read(build(sources.MULTI_PHASE, target), MULTI_PHASE) == MULTI_PHASE


@pytest.mark.parametrize(
    "options",
    [
        ("-s",),
        ("-O0",),
        ("-Os", "-fno-plt"),
        ("-Wl,-z,pack-relative-relocs",),
        ("-Wl,--hash-style=sysv", "-Wl,-z,norelro"),
        ("-Wl,-z,noseparate-code", "-fvisibility=hidden"),
    ],
)
def test_however_it_is_linked_it_says_the_same(options: tuple[str, ...]) -> None:
    library = build(sources.MULTI_PHASE, NATIVE, *options)
    assert read(library, MULTI_PHASE) == MULTI_PHASE


@pytest.mark.parametrize("target", TARGETS)
def test_a_definition_without_slots_declares_nothing_if_none_come_later(target: str) -> None:
    assert verdict(build(sources.MULTI_PHASE, target), "bare") is RE_ENABLES


@pytest.mark.parametrize("target", TARGETS)
def test_slots_made_at_run_time_are_likely_at_most(target: str) -> None:
    library = build(sources.MULTI_PHASE, target)
    for module in ("late_declared", "assigned"):
        assert verdict(library, module) is LIKELY, module
    for module in ("late_used", "late_absent", "grows"):
        assert verdict(library, module) is UNKNOWN, module


@pytest.mark.parametrize("target", TARGETS)
def test_slots_that_code_changes_are_not_believed(target: str) -> None:
    library = build(sources.MULTI_PHASE, target)
    for module in ("changed_to_not_used", "changed_to_used", "changed_far", "exchanged"):
        assert verdict(library, module) is UNKNOWN, module


@pytest.mark.parametrize("target", TARGETS)
def test_slots_of_the_stable_abi_are_read(target: str) -> None:
    assert read(build(sources.EXPORTS, target), EXPORTS) == EXPORTS


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("cpython-314t-x86_64-linux-gnu", RE_ENABLES),
        ("cp314t-win_amd64", RE_ENABLES),
        ("cpython-315t-x86_64-linux-gnu", KEEPS),
        ("abi3t", KEEPS),
        ("", RE_ENABLES),
    ],
)
def test_the_init_function_is_the_one_that_the_interpreter_calls(
    tag: str, expected: ModuleVerdict
) -> None:
    assert verdict(build(sources.EXPORTS), "both", tag) is expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [("", RE_ENABLES), (sources.SET_USED, UNKNOWN), (sources.SET_LATER, UNKNOWN)],
)
def test_single_phase_modules_that_declare_nothing(call: str, expected: ModuleVerdict) -> None:
    assert verdict(build(sources.single_phase(call)), "single") is expected


@pytest.mark.parametrize("target", TARGETS)
def test_single_phase_modules_are_judged_by_what_they_call(target: str) -> None:
    library = build(sources.single_phase(sources.SET_NOT_USED), target)
    assert verdict(library, "single") is LIKELY


@pytest.mark.parametrize("options", [("-O0",), ("-Os",), ("-fno-plt",), ("-fcf-protection=full",)])
def test_calls_are_found_however_they_are_compiled(options: tuple[str, ...]) -> None:
    library = build(sources.single_phase(sources.SET_NOT_USED), NATIVE, *options)
    assert verdict(library, "single") is LIKELY


def test_a_call_in_a_single_phase_module_of_cython_proves_nothing() -> None:
    library = build(sources.single_phase(sources.SET_NOT_USED, sources.CYTHON))
    assert verdict(library, "single") is UNKNOWN


def test_modules_of_cffi_are_delegated() -> None:
    assert verdict(build(sources.CFFI), "package._api") is DELEGATED


def test_a_library_without_init_functions_is_no_module() -> None:
    assert verdict(build(sources.NO_MODULE), "series") is None


def test_a_module_by_another_name_than_its_file_is_unknown() -> None:
    assert verdict(build(sources.MULTI_PHASE), "nothing_like_it") is UNKNOWN


def test_a_fat_file_is_as_good_as_its_worst_slice() -> None:
    slices = [build(sources.MULTI_PHASE, t) for t in ("x86_64-macos", "aarch64-macos")]
    assert verdict(_fat(slices), "declared") is KEEPS
    assert verdict(_fat(slices), "absent") is RE_ENABLES
    one_used = [slices[0], build(sources.single_phase(), "aarch64-macos")]
    assert verdict(_fat(one_used), "declared") is UNKNOWN


def _fat(slices: list[bytes]) -> bytes:
    """Join thin Mach-O files, as lipo does."""
    header = struct.pack(">4sI", b"\xca\xfe\xba\xbe", len(slices))
    offset, body = 0x4000, b""
    for content in slices:
        cpu, kind = struct.unpack_from("<II", content, 4)
        header += struct.pack(">5I", cpu, kind, offset + len(body), len(content), 14)
        body += content + bytes(-len(content) % 0x4000)
    return header.ljust(offset, b"\0") + body


@pytest.mark.parametrize("form", [OFFSET, ADDRESS])
@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ([(2, 0), (4, 1), (0, 0)], KEEPS),
        ([(4, 0), (0, 0)], RE_ENABLES),
        ([(2, 0), (0, 0)], RE_ENABLES),
        ([(4, 9), (0, 0)], UNKNOWN),
    ],
)
def test_chained_fixups_are_followed(
    form: int, slots: list[tuple[int, int]], expected: ModuleVerdict
) -> None:
    assert verdict(bundle(slots, form), "chained") is expected


def test_chained_fixups_of_another_format_are_unknown() -> None:
    assert verdict(bundle([(4, 1), (0, 0)], 1), "chained") is UNKNOWN
