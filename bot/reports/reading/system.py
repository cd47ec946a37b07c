"""Where a problem was seen: system, machine, installer, and what became of the GIL."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from bot.reports.model import Fact
from bot.reports.reading.document import Document, sentences
from bot.reports.reading.evidence import around
from bot.reports.reading.warning import warnings, without_warnings

_LINUX, _MACOS, _WINDOWS = "linux", "macos", "windows"

# What programs say of the system they run on, and names that files have on one system only.
_SAID: Final = (
    (_LINUX, 6.0, re.compile(r"\bplatform linux\b|\] on linux|system='Linux'|\blinux_x86_64\b|^\W*(?:OS|operating system)\W{1,6}linux\b", re.I | re.M)),
    (_MACOS, 6.0, re.compile(r"\bplatform darwin\b|\] on darwin|system='Darwin'|\bmacOS-\d|^\W*(?:OS|operating system)\W{1,6}mac", re.I | re.M)),
    (_WINDOWS, 6.0, re.compile(r"\bplatform win32\b|\] on win32|system='Windows'|\[MSC v\.|\bWindows-1\d-|^\W*(?:OS|operating system)\W{1,6}win", re.I | re.M)),
    (_LINUX, 3.0, re.compile(r"\b(?:many|musl)linux|\blinux-(?:x86_64|aarch64)|linux-gnu|/__w/|/opt/python/cp3|/usr/lib/x86_64|\.(?:fc|el)\d{1,2}\.|\[GCC \d|/usr/include/|/usr/src/debug/", re.I)),
    (_MACOS, 3.0, re.compile(r"\bmacosx_\d|\.dylib\b|-darwin\.so|/Library/Frameworks/|/opt/homebrew|\bApple clang|/Users/|\+?:?arm64\+0x", re.I)),
    (_WINDOWS, 3.0, re.compile(r"\bwin_(?:amd64|arm64)|\bwin32\.whl|\.pyd\b|\bpython\S{0,6}\.exe\b|\b[A-Z]:\\|\bLNK\d{4}|\bvcxproj\b|\bMSVC\b|\bcl\.exe\b|\bpython3\d{1,2}t?(?:_d)?\.(?:dll|lib)\b|Windows fatal exception", re.I)),
    (_LINUX, 1.5, re.compile(r"\bfutex|\./malloc/|__libc_|__pthread_kill_impl|\bpyatomic_gcc\.h|/home/\w|\.so\.\d|\bdocker\b|\(python3\.\d{1,2}t?d?\+0x|\.so\+0x|\bRIP\b", re.I)),
)  # fmt: skip
_NAMED: Final = (
    (_LINUX, re.compile(r"\b(?:linux(?!/)|ubuntu|debian|fedora|rhel|centos|almalinux|rocky|alpine|gentoo|nixos|opensuse|wsl2?|deadsnakes|raspbian)\b", re.I)),
    (_MACOS, re.compile(r"\b(?:mac ?os(?: ?x)?|osx|macos|darwin|macbook|mac|apple silicon|sonoma|sequoia|tahoe)\b|\bM[1-5] (?:pro|max|mac|ultra)\b", re.I)),
    (_WINDOWS, re.compile(r"\b(?:windows|win ?(?:10|11)|win-?(?:32|64)|msys2?|mingw\w{0,3})\b", re.I)),
)  # fmt: skip
_TITLE, _PROSE = 4.0, 2.0
_FOREIGN = re.compile(
    r"\b(?:free|open|net)bsd\b|\bsolaris\b|\bandroid\b|\baix\b|\bwasi\b|\bwasm\b|\bemscripten\b",
    re.I,
)
_FINE = re.compile(
    r"\b(?:fine|passe[sd]?|pass|works?|succeed\w{0,2}|unaffected|not reproduc\w*|can'?t reproduce"
    r"|cannot reproduce|doesn'?t|don'?t|all platforms|cross-platform|guess)\b",
    re.I,
)

_MACHINES: Final = (
    ("x86_64", re.compile(r"(?<![a-z0-9])(?:x86[-_]64|amd64|x64|win-?64)(?![a-z0-9])", re.I)),
    ("aarch64", re.compile(r"(?<![a-z0-9])(?:aarch64|arm64(?:e)?)(?![a-z0-9])|\bapple silicon\b|\bM[1-5] (?:pro|max|mac|ultra)\b", re.I)),
)  # fmt: skip

_INSTALLERS: Final[Mapping[str, re.Pattern[str]]] = {
    "pyenv": re.compile(r"\bpyenv\b", re.I),
    "poetry": re.compile(r"\bpoetry (?:add|install|run|lock)\b", re.I),
    "pdm": re.compile(r"\bpdm (?:add|install|run|lock)\b", re.I),
    "pixi": re.compile(r"\bpixi (?:add|install|run)\b|\.pixi/", re.I),
    "conda": re.compile(r"\b(?:conda|mamba|micromamba) (?:create|install|env)\b|\bconda-forge\b|\bminiconda", re.I),
    "uv": re.compile(r"\buvx\b|\buv (?:run|pip|add|sync|python|venv|tool|build)\b|\.local/share/uv/", re.I),
    "pipx": re.compile(r"\bpipx (?:install|run)\b", re.I),
    "deadsnakes": re.compile(r"\bdeadsnakes\b", re.I),
    "homebrew": re.compile(r"\bbrew install\b|/opt/homebrew/", re.I),
    "python.org": re.compile(r"\bpython\.org installer\b|\bfrom python\.org\b|/Library/Frameworks/Python", re.I),
    "pip": re.compile(r"\bpip3? (?:install|wheel|download)\b|\bpip\d?\.\d\d", re.I),
    "source": re.compile(r"\./configure\b|\bbuilt from source\b|\bheads/(?:main|3\.)", re.I),
}  # fmt: skip

_ENABLED = re.compile(
    r"gil[ _]?(?:is[ _])?enabled(?:\(\))?['\"]?\s{0,3}[:=]{1,2}>?\s{0,3}(True|False|1|0)\b", re.I
)
_BOTH = re.compile(
    r"_is_gil_enabled\(\)(?:[^\n]{0,200}\n){0,12}?\W{0,4}(?P<before>True|False)\b[^\n]{0,60}\n"
    r"\W{0,4}(?P<after>True|False)\b"
)
_PYTHON_GIL = re.compile(r"\bPYTHON_?GIL\s?=\s?[\"']?([01])\b|-X ?gil=([01])\b", re.I)


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
    for name, weight, pattern in _SAID:
        said = pattern.search(text.whole)
        if said:
            yield name, weight, around(text.whole, *said.span())
    for sentence, weight in (
        (text.title, _TITLE),
        *((each, _PROSE) for each in sentences(text.prose)),
    ):
        named = [(name, found) for name, pattern in _NAMED if (found := pattern.search(sentence))]
        # A sentence about several systems says where it is tested, built, or fine.
        if len(named) == 1 and not (weight == _PROSE and _FINE.search(sentence)):
            name, found = named[0]
            yield name, weight, around(sentence, *found.span())


def architecture(text: Document) -> Fact | None:
    """Find the machine; None where none is stated, or two are."""
    found = [
        Fact(name, around(text.whole, *match.span()))
        for name, pattern in _MACHINES
        if (match := pattern.search(text.whole))
    ]
    return found[0] if len(found) == 1 else None


def installer(text: Document) -> Fact | None:
    """Find by what the interpreter or the project was installed."""
    for name, pattern in _INSTALLERS.items():
        found = pattern.search(text.whole)
        if found:
            return Fact(name, around(text.whole, *found.span()))
    return None


def gil(text: Document) -> tuple[Fact | None, Fact | None]:
    """Find whether the GIL was on before and after an import."""
    both = _BOTH.search(text.body)
    if both:
        said = around(text.body, both.start("before"), both.end("after"))
        return Fact(_on(both["before"]), said), Fact(_on(both["after"]), said)
    before = after = None
    enabled = _ENABLED.search(text.body)
    if enabled:
        before = Fact(_on(enabled[1]), around(text.body, *enabled.span()))
    for warned in warnings(text.body):
        if not warned.wished:
            said = around(text.body, warned.start, warned.end)
            before, after = before or Fact("off", said), Fact("on", said)
            break
    return before, after


def python_gil(text: Document) -> Fact | None:
    """Find what PYTHON_GIL or -X gil was set to; the warning's own advice doesn't count."""
    whole = without_warnings(text.whole)
    found = _PYTHON_GIL.search(whole)
    return Fact(found[1] or found[2], around(whole, *found.span())) if found else None


def _on(value: str) -> str:
    return "on" if value.lower() in {"true", "1"} else "off"
