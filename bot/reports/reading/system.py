"""Where a problem was seen: system, machine, installer, and what became of the GIL."""

import re
from collections.abc import Iterator
from typing import Final

from bot.reports.model import Fact
from bot.reports.reading.document import Document, sentences
from bot.reports.reading.evidence import around
from bot.reports.reading.patterns import Passage, pattern

_LINUX, _MACOS, _WINDOWS = "linux", "macos", "windows"

_SAID: Final = (
    # What programs say of the system they run on
    (
        _LINUX,
        6.0,
        pattern(
            "linux",
            r"\bplatform linux\b|\] on linux|system='linux'|\blinux_x86_64\b"
            r"|^\W{0,8}(?:os|operating system)\W{1,6}linux\b",
        ),
    ),
    (
        _MACOS,
        6.0,
        pattern(
            "darwin|mac",
            r"\bplatform darwin\b|\] on darwin|system='darwin'|\bmacos-\d"
            r"|^\W{0,8}(?:os|operating system)\W{1,6}mac",
        ),
    ),
    (
        _WINDOWS,
        6.0,
        pattern(
            "win|msc",
            r"\bplatform win32\b|\] on win32|system='windows'|\[msc v\.|\bwindows-1\d-"
            r"|^\W{0,8}(?:os|operating system)\W{1,6}win",
        ),
    ),
    # Names that files have on one system only
    (
        _LINUX,
        3.0,
        pattern(
            "linux|/__w/|/opt/|/usr/|.fc|.el|gcc",
            r"\b(?:many|musl)linux|\blinux-(?:x86_64|aarch64)|linux-gnu|/__w/|/opt/python/cp3"
            r"|/usr/lib/x86_64|\.(?:fc|el)\d{1,2}\.|\[gcc \d|/usr/include/|/usr/src/debug/",
        ),
    ),
    (
        _MACOS,
        3.0,
        pattern(
            "macosx|dylib|darwin|/library/|/opt/homebrew|clang|/users/|arm64",
            r"\bmacosx_\d|\.dylib\b|-darwin\.so|/library/frameworks/|/opt/homebrew"
            r"|\bapple clang|/users/|:arm64\+0x",
        ),
    ),
    (
        _WINDOWS,
        3.0,
        pattern(
            "win|.pyd|.exe|:\\|lnk|vcx|msvc|.dll|.lib",
            r"\bwin_(?:amd64|arm64)|\bwin32\.whl|\.pyd\b|\bpython\S{0,6}\.exe\b|\b[a-z]:\\\w"
            r"|\blnk\d{4}|\bvcxproj\b|\bmsvc\b|\bcl\.exe\b|\bpython3\d{1,2}t?(?:_d)?\.(?:dll|lib)\b"
            r"|windows fatal exception",
        ),
    ),
    # What is rather seen there
    (
        _LINUX,
        1.5,
        pattern(
            "futex|malloc|_kill_|pyatomic|/home/|.so|docker|+0x",
            r"\b(?:do_)?futex|\./malloc/|__libc_|__pthread_kill_impl|\bpyatomic_gcc\.h|/home/\w"
            r"|\.so\.\d|\bdocker\b|\(python3\.\d{1,2}t?d?\+0x|\.so\+0x",
        ),
    ),
)
_NAMED: Final = (
    (
        _LINUX,
        pattern(
            "linux|ubuntu|debian|fedora|rhel|centos|alma|rocky|alpine|gentoo|nixos|suse|wsl"
            "|deadsnakes|raspbian",
            r"\b(?:linux(?!/)|ubuntu|debian|fedora|rhel|centos|almalinux|rocky|alpine|gentoo|nixos"
            r"|opensuse|wsl2?|deadsnakes|raspbian)\b",
        ),
    ),
    (
        _MACOS,
        pattern(
            "mac|osx|darwin|apple|sonoma|sequoia|tahoe|m1|m2|m3|m4|m5",
            r"\b(?:mac ?os(?: ?x)?|osx|darwin|macbook|mac|apple silicon|sonoma|sequoia|tahoe)\b"
            r"|\bM[1-5] (?:pro|max|mac|ultra)\b",
        ),
    ),
    (
        _WINDOWS,
        pattern(
            "win|msys|mingw",
            r"\b(?:windows|win ?(?:10|11)|win-?(?:32|64)|msys2?|mingw\w{0,3})\b",
        ),
    ),
)
_TITLE, _PROSE = 4.0, 2.0
_FOREIGN = pattern(
    "bsd|solaris|android|aix|wasi|wasm|emscripten",
    r"\b(?:free|open|net)bsd\b|\bsolaris\b|\bandroid\b|\baix\b|\bwasi\b|\bwasm\b|\bemscripten\b",
)
_FINE = re.compile(
    r"\b(?:fine|passe[sd]?|pass|works?|succeed\w{0,2}|unaffected|not reproduc\w*|can'?t reproduce"
    r"|cannot reproduce|doesn'?t|don'?t|all platforms|cross-platform|guess)\b",
    re.IGNORECASE,
)

_MACHINES: Final = (
    ("x86_64", pattern("64", r"(?<![a-z0-9])(?:x86[-_]64|amd64|x64|win-?64)(?![a-z0-9])")),
    (
        "aarch64",
        pattern(
            "64|apple|m1|m2|m3|m4|m5",
            r"(?<![a-z0-9])(?:aarch64|arm64e?)(?![a-z0-9])|\bapple silicon\b"
            r"|\bM[1-5] (?:pro|max|mac|ultra)\b",
        ),
    ),
)

# What says most of where an interpreter came from goes first.
_INSTALLERS: Final = (
    ("pyenv", pattern("pyenv", r"\bpyenv\b")),
    ("poetry", pattern("poetry", r"\bpoetry (?:add|install|run|lock)\b")),
    ("pdm", pattern("pdm", r"\bpdm (?:add|install|run|lock)\b")),
    ("pixi", pattern("pixi", r"\bpixi (?:add|install|run)\b|\.pixi/")),
    (
        "conda",
        pattern(
            "conda|mamba",
            r"\b(?:conda|mamba|micromamba) (?:create|install|env)\b|\bconda-forge\b|\bminiconda",
        ),
    ),
    (
        "uv",
        pattern(
            "uv", r"\buvx\b|\buv (?:run|pip|add|sync|python|venv|tool|build)\b|\.local/share/uv/"
        ),
    ),
    ("pipx", pattern("pipx", r"\bpipx (?:install|run)\b")),
    ("deadsnakes", pattern("deadsnakes", r"\bdeadsnakes\b")),
    ("homebrew", pattern("brew", r"\bbrew install\b|/opt/homebrew/")),
    (
        "python.org",
        pattern(
            "python.org|/library/",
            r"\bpython\.org installer\b|\bfrom python\.org\b|/library/frameworks/python",
        ),
    ),
    ("pip", pattern("pip", r"\bpip3? (?:install|wheel|download)\b")),
    (
        "source",
        pattern("configure|source|heads/", r"\./configure\b|\bbuilt from source\b|\bheads/\w"),
    ),
)

_ENABLED = pattern(
    "enabled",
    r"gil[ _]?(?:is[ _])?enabled(?:\(\))?['\"]?\s{0,3}[:=]{1,2}>?\s{0,3}(True|False|1|0)\b",
)
_BOTH = pattern(
    "_is_gil_enabled",
    r"_is_gil_enabled\(\)(?:[^\n]{0,200}\n){0,12}?\W{0,4}(?P<before>True|False)\b[^\n]{0,60}\n"
    r"\W{0,4}(?P<after>True|False)\b",
)
_PYTHON_GIL = pattern(
    "python_gil|pythongil|gil=", r"\bPYTHON_?GIL\s?=\s?[\"']?([01])\b|-X ?gil=([01])\b"
)


def system(text: Document) -> Fact | None:
    """Find the operating system; None where none is stated, or several are on a par."""
    if _FOREIGN.search(text.whole):
        return None
    weights: dict[str, float] = {}
    evidence: dict[str, str] = {}
    for name, weight, said in _systems(text):
        weights[name] = weights.get(name, 0.0) + weight
        evidence.setdefault(name, said)
    ranked = sorted(weights, key=weights.__getitem__, reverse=True)
    if not ranked or (len(ranked) > 1 and weights[ranked[0]] == weights[ranked[1]]):
        return None
    return Fact(ranked[0], evidence[ranked[0]])


def _systems(text: Document) -> Iterator[tuple[str, float, str]]:
    for name, weight, said in _SAID:
        found = said.search(text.whole)
        if found:
            yield name, weight, around(text.whole.text, *found.span())
    if not any(named.search(text.story) for _, named in _NAMED):
        return
    yield from _named(text.title, _TITLE)
    for sentence in sentences(text.prose.text):
        if not _FINE.search(sentence):
            yield from _named(Passage(sentence), _PROSE)


def _named(sentence: Passage, weight: float) -> Iterator[tuple[str, float, str]]:
    """Give the system that a sentence is about; one about several says where it is tested."""
    found = [(name, match) for name, named in _NAMED if (match := named.search(sentence))]
    if len(found) == 1:
        name, match = found[0]
        yield name, weight, around(sentence.text, *match.span())


def architecture(text: Document) -> Fact | None:
    """Find the machine; None where none is stated, or two are."""
    found = [
        Fact(name, around(text.whole.text, *match.span()))
        for name, machine in _MACHINES
        if (match := machine.search(text.whole))
    ]
    return found[0] if len(found) == 1 else None


def installer(text: Document) -> Fact | None:
    """Find by what the interpreter or the project was installed."""
    for name, used in _INSTALLERS:
        found = used.search(text.whole)
        if found:
            return Fact(name, around(text.whole.text, *found.span()))
    return None


def gil(text: Document) -> tuple[Fact | None, Fact | None]:
    """Find whether the GIL was on before and after an import."""
    both = _BOTH.search(text.body)
    if both:
        said = around(text.body.text, both.start("before"), both.end("after"))
        return Fact(_on(both["before"]), said), Fact(_on(both["after"]), said)
    enabled = _ENABLED.search(text.body)
    before = enabled and Fact(_on(enabled[1]), around(text.body.text, *enabled.span()))
    for warned in text.warned:
        if not warned.wished:
            said = warned.text[:160]
            return before or Fact("off", said), Fact("on", said)
    return before, None


def python_gil(text: Document) -> Fact | None:
    """Find what PYTHON_GIL or -X gil was set to; the warning's own advice doesn't count."""
    found = _PYTHON_GIL.search(text.whole)
    if found is None:
        return None
    return Fact(found[1] or found[2], around(text.whole.text, *found.span()))


def _on(value: str) -> str:
    return "on" if value.lower() in {"true", "1"} else "off"
