"""Environment markers, judged for the target and not for the machine that runs ftbot.

The variables are those of the dependency specifiers specification (PEP 508). Two of them, the
release and the version of the operating system's kernel, are unknown for a target: a marker that
asks for them cannot be judged.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName

from bot.compat.model import Target
from bot.compat.targets import PLATFORMS, interpreter
from bot.errors import UserError
from bot.language import phrase

MAX_LENGTH: Final = 4_000
"""Characters of a marker that is judged; the longest real ones have a few hundred."""
MAX_DEPTH: Final = 40
"""How deep parentheses may be nested: packaging reads them by recursion."""

_UNKNOWABLE = re.compile(r"\bplatform_(?:release|version)\b|\bplatform\.version\b")
_SYSTEMS: Final = {
    # of platform tags: os_name, sys_platform, platform_system
    "linux": ("posix", "linux", "Linux"),
    "macos": ("posix", "darwin", "Darwin"),
    "windows": ("nt", "win32", "Windows"),
    "ios": ("posix", "ios", "iOS"),
    "android": ("posix", "android", "Android"),
    "pyemscripten": ("posix", "emscripten", "Emscripten"),
}
_FAMILIES: Final = (
    ("linux", re.compile(r"(?:(?:many|musl)?linux\d*(?:_\d+)*_|(?:linux|musl)-)(?P<machine>\w+)")),
    ("macos", re.compile(r"(?:macosx_\d+_\d+_|macos-)(?P<machine>\w+)")),
    ("windows", re.compile(r"win(?:dows-|_)?(?P<machine>\w+)")),
    ("ios", re.compile(r"ios_\d+_\d+_(?P<machine>arm64|x86_64)\w*")),
    ("android", re.compile(r"android_\d+_(?P<machine>\w+)")),
    ("pyemscripten", re.compile(r"pyemscripten_\w*?(?P<machine>wasm\d+)")),
)
_MACHINES: Final = {
    # as `platform.machine()` writes them
    ("windows", "amd64"): "AMD64",
    ("windows", "arm64"): "ARM64",
    ("windows", "32"): "x86",
    ("android", "arm64_v8a"): "aarch64",
    ("android", "armeabi_v7a"): "armv7l",
}


@lru_cache(maxsize=256)
def environment(target: Target) -> dict[str, str]:
    """Return the marker variables of a target but `extra`; not to be changed.

    Raises UserError for a platform tag that does not tell its system.
    """
    python = interpreter(target.python).version
    family, machine = _system(target.platform)
    os_name, sys_platform, platform_system = _SYSTEMS[family]
    return {
        "implementation_name": "cpython",
        "implementation_version": str(python),
        "os_name": os_name,
        "platform_machine": _MACHINES.get((family, machine), machine),
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": platform_system,
        "platform_version": "",
        "python_full_version": str(python),
        "python_version": f"{python.major}.{python.minor}",
        "sys_platform": sys_platform,
    }


def applies(marker: str, target: Target, extras: Iterable[str] = ()) -> bool | None:
    """Say whether a marker holds on a target for any of `extras`, or for none chosen.

    None if that cannot be known: a marker that is malformed, too long or too deep, or that asks
    for the release of the operating system. "" always holds.
    """
    if not marker:
        return True
    chosen = tuple(sorted(set(extras)))
    if "extra" not in marker:
        chosen = ()
    return _applies(marker, target, chosen)


@lru_cache(maxsize=20_000)
def _applies(marker: str, target: Target, extras: tuple[str, ...]) -> bool | None:
    if len(marker) > MAX_LENGTH or depth(marker) > MAX_DEPTH or _UNKNOWABLE.search(marker):
        return None
    known = environment(target)
    try:
        parsed = Marker(marker)
        return any(parsed.evaluate({**known, "extra": extra}) for extra in extras or ("",))
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName):
        return None


def _system(platform: str) -> tuple[str, str]:
    """Split a platform, named or raw, into its family and the machine as the tag writes it."""
    for family, pattern in _FAMILIES:
        if found := pattern.fullmatch(platform):
            return family, found["machine"]
    raise UserError(
        phrase(
            "{platform} says too little about a system to judge markers.",
            platform=repr(platform[:60]),
        ),
        phrase("Choose one of {platforms}.", platforms=", ".join(PLATFORMS)),
    )


def depth(marker: str) -> int:
    """Return how deep parentheses are nested, counting those within quotes too."""
    depth = deepest = 0
    for char in marker:
        if char == "(":
            depth += 1
            deepest = max(deepest, depth)
        elif char == ")":
            depth -= 1
    return deepest
