"""Small extension modules for all systems, built once a run: gcc for this one, Zig for the others.

No system's libraries are linked, nor Python: what a module imports is left to be found later.
"""

import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

NATIVE: Final = "native"
CROSS: Final = (
    "x86_64-linux-musl",
    "aarch64-linux-musl",
    "x86_64-windows-gnu",
    "aarch64-windows-gnu",
    "x86_64-macos",
    "aarch64-macos",
)
_PYTHON: Final = (
    "PyModuleDef_Init",
    "PyModule_Create2",
    "PyUnstable_Module_SetGIL",
    "PyImport_ImportModule",
)


def build(source: str, target: str = NATIVE, *options: str) -> bytes:
    """Return a shared library of a C source; skips the test where nothing can build it."""
    return _built(source, target, options)


@cache
def _built(source: str, target: str, options: tuple[str, ...]) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        code, library = folder / "module.c", folder / "module.so"
        code.write_text(source)
        command = _compiler(target)
        _run(
            *command,
            "-shared",
            "-O2",
            "-w",
            *options,
            str(code),
            "-o",
            str(library),
            *_linked(target, folder),
        )
        return library.read_bytes()


def _compiler(target: str) -> list[str]:
    if target == NATIVE:
        if sys.platform != "linux" or not (gcc := shutil.which("gcc")):
            pytest.skip("there is no gcc for Linux")
        return [gcc, "-fPIC", "-nostdlib"]
    command = [*_zig(), "cc", "-target", target, "-nostdlib"]
    return command if "windows" in target else [*command, "-fPIC"]


def _linked(target: str, folder: Path) -> list[str]:
    """Return what a linker needs to let Python's functions be found later."""
    if "macos" in target:
        return ["-Wl,-undefined,dynamic_lookup"]
    if "windows" not in target:
        return []
    names = folder / "python.def"
    names.write_text("\n".join(["LIBRARY python314t.dll", "EXPORTS", *_PYTHON]))
    library = folder / "python.a"
    machine = "arm64" if target.startswith("aarch64") else "i386:x86-64"
    _run(*_zig(), "dlltool", "-d", str(names), "-m", machine, "-l", str(library))
    return [str(library), "-Wl,--no-entry"]


@cache
def _zig() -> tuple[str, ...]:
    if not find_spec("ziglang"):
        pytest.skip("ziglang, which builds for other systems, is not installed")
    return (sys.executable, "-m", "ziglang")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
