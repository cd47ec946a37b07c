"""Which Python a report is about, and whether it is a free-threaded build.

A problem counts as one of free threading only after a positive sign: the words for the build, what
only its files are called, its switches, or what exists inside of it alone. The word GIL is none:
most reports that have it are about the other build.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.reports.model import Fact
from bot.reports.reading.document import Document, sentences
from bot.reports.reading.evidence import around

FREE_THREADED: Final = "free-threaded"
GIL: Final = "gil"
_FIRST = 13
"""CPython 3.13 is the first with a free-threaded build."""

_SIGNS = re.compile(
    r"""(?ix)
      \bfree[-_ ]?thread(?:ed|ing|s|edness)?\b | \bfreethread\w*
    | \bgil[- ]?less\b | \bgil[- ]free\b | \bgil[ =]?=[ ]?0
    | (?:python|runs?|running|works?|safely|build|mode|interpreter)(?:[ ]3\.\S{1,6})?[ ]without[ ](?:the[ ])?gil\b
    | \bgil[- ](?:is[ ]|was[ ])?(?:disabled|disabling|removal|off)\b
    | \b(?:disabl(?:e|es|ed|ing)|turn(?:s|ed|ing)?[ ]off|without)[ ]the[ ]gil\b(?![ ](?:held|being))(?<!without[ ]the[ ]gil)
    | \bdisabl(?:e|es|ed|ing)[ ]gil\b | \bturn(?:s|ed|ing)?[ ]the[ ]gil[ ]off\b
    | \bcp3[3-9]t\b  # a slip of the pen
    | (?<![\w.])(?:c?python|libpython)?[-@ ]?3\.1[3-9](?:\.\d{1,2})?(?:(?:a|b|rc)\d{1,2})?td?(?!\w)
    | (?<![a-z0-9])(?:cpython-|c?python|libpython|cp|py)?31[3-9]td?(?:_d)?(?![a-z0-9])
    | --disable-gil | \bpy_gil_disabled | \bpython_?gil\b | -x[ ]?gil\b
    | \b_is_gil_enabled\b | \bpy_mod_gil | \bmod_gil_not_used | \bgil_used\b | \bunstable_module_setgil
    | \bgil\)[ ]has[ ]been\s+(?:re-?)?enabled
    | \bre-?enabl\w{0,4}[ ](?:the[ ])?gil\b | \bgil[ ](?:is|was|gets|to[ ]be)?[ ]?re-?enabl
    | \babi3t\b | \bpep[ -]?(?:703|779)\b | \b3\.1[3-9][ ]?\(?ft\b
    | \bft[- ](?:build|python|support|wheels?|mode|compat\w*|ci|runtime|interpreter)\b
    | \bpytest-(?:run-parallel|freethreaded)\b
    """
)
_NOGIL = re.compile(
    r"(?<!with )(?<!except )\bno[-_ ]?gil\b"
    r"(?!:|=|\(| (?:block|section|function|context|code|release|sections|functions)\b)",
    re.IGNORECASE,
)
_CYTHON = re.compile(r"\bcython\b|\bnumba\b|\bprange\b|\bcdef\b|\.pyx\b|@n?jit\b", re.IGNORECASE)
"""Where nogil is a word of a language, and says nothing of the interpreter."""
_ONLY_INSIDE = re.compile(
    r"""(?ix)
      _qsbr_ | \bqsbr\b | \bob_mutex\b | \bob_tid\b | \bob_ref_(?:local|shared)\b | _pyparkinglot
    | py_begin_critical_section | _pycriticalsection | _py_try(?:x?get|incref) | _py_decrefshared
    | _py_mergezero | _py_brc_ | \bgc_free_threading | \bft_atomic_
    """
)
_MOSTLY_INSIDE = re.compile(
    r"""(?ix)
      \bstop[-_ ]?the[-_ ]?world | \btype_lock\b | \bcritical[-_ ]sections? | \bthreaded[ ]build\b
    | \bbiased[ ]ref | \b_?mi_(?:heap|page|free|malloc)\w*
    """
)
_OF_PYTHON = re.compile(
    r"\b_?Py[A-Z_][A-Za-z_]{2,60}|\bpython|\bnumpy\b|\bgh-\d{4,6}\b|\btest_\w{2,60}", re.IGNORECASE
)
_RACE = re.compile(
    r"\bt-?san\b|\bthread[ -]?sanitizer\b|\bdata[- ]rac(?:e|es|y)\b|\bracy\b|\btorn (?:read|write)",
    re.IGNORECASE,
)
_INTERNALS = re.compile(
    r"\b_?Py[A-Z][a-z]{2,20}_\w{2,60}|\bcpython\b|\b_PyEval|libpython3|\(python3\.\d", re.IGNORECASE
)
_OTHERS = re.compile(
    r"\b(?:pypy\d?|jython|ironpython|graalpy|micropython|pyston|ruby|julia|golang|kotlin|scala"
    r"|erlang|haskell|ocaml)\b",
    re.IGNORECASE,
)
_CERTAIN = re.compile(
    r"\bcp31[3-9]t|\bpython3\.1[3-9]t|\b3\.1[3-9]\S{0,8}t\b|free[-_ ]?thread", re.IGNORECASE
)

_DENIAL = re.compile(
    r"\bnon?[- ](?:a[ ])?free[- ]?thread\w*|\bnon[- ]?(?:no-?gil|freethread\w*)"
    r"|\bnot (?:a |the |using )?free[- ]?thread(?:ed|ing)(?: (?:build|python|mode|interpreter))?\b"
    r"|\bneither\b[^.\n]{0,60}\bfree[- ]?thread\w*|\bnone of\b[^.\n]{0,60}\bfree[- ]?thread\w*"
    r"|\bnot free[- ]?thread\w*"
    r"|\b(?:missing|no|without|not for the|lack\w{0,3})(?: the)?(?: \S{1,16}){0,2}"
    r" (?:regular|standard|plain|normal|gil|gil-enabled|default)"
    r" (?:(?:c?python )?3\.1\d|cp31\d|c?python|builds?|version|wheels?)\b",
    re.IGNORECASE,
)
_CONTROL = re.compile(
    r"\b(?:works?|worked|working|fine|passe?[sd]?|ok|okay|correct(?:ly)?|succeeds?|unaffected"
    r"|compar\w{1,6}|unlike|whereas|while|instead|previously|not (?:cause|crash|fail|segfault|happen|"
    r"hang|occur|affect)\w*|no (?:crash|segfault|problem|issue|such)\w*|(?:does|do|did|is|are)n't"
    r"|does not|do not|did not|on both|as well|also)\b",
    re.IGNORECASE,
)
_IMPORT_LIBRARY = re.compile(r"\bpython31\dt(?:_d)?\.(?:lib|dll)\b", re.IGNORECASE)
_GIL_TAG = re.compile(r"\bcp(3\d{1,2})-cp\1(?![t\d])")
_BANNER = re.compile(
    r"\bPython (?P<minor>3\.\d{1,2})\.\d{1,2}\S{0,12} (?P<free>(?:experimental )?free-threading build )?"
    r"(?:\||\((?:main|heads|tags|default|v3|[0-9a-f]{6,12},|Python))"
)

_T_NAME = re.compile(
    r"(?<![\w.])(?:c?python|py|cp|cpython-|libpython|@)?[- ]?3\.(?P<minor>1[3-9])(?:\.\d{1,2})?"
    r"(?:(?:a|b|rc)\d{1,2}|-dev)?td?(?![\w])"
    r"|(?<![A-Za-z0-9])(?:c?python|cp|cpython-|libpython|py)3(?P<short>1[3-9])td?(?![A-Za-z0-9])"
    r"|\bcp3(?P<slip>[3-9])t\b",
    re.IGNORECASE,
)
_T_WORDS = re.compile(
    r"(?<![\w.])3\.(?P<before>1[3-9])(?:\.\d{1,2})?(?:\.?(?:a|b|rc|alpha|beta)\.?\d{1,2})?\+?"
    r"[^.;:!?\n]{0,40}?(?:free[- ]?thread|no-?gil\b|without (?:the )?gil|gil[ -]?less|--disable-gil"
    r"|\bft\b)"
    r"|(?:free[- ]?thread\w{0,4}|no-?gil|gil-less|--disable-gil)"
    r"[^.;:!?\n]{0,30}?(?<![\w.=])3\.(?P<after>1[3-9])(?![\d])",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?<![A-Za-z0-9_])(?:c?python|py|cpython@)[- ]{0,2}(?:version|:|=|v|\(|/){0,3}[ :=]{0,3}v?"
    r"(?P<major>[23])\.(?P<minor>\d{1,2})(?!\d|-\d)"
    r"|(?<![A-Za-z0-9])(?:python|cp|py|cpython-)3(?P<short>\d{1,2})(?![\dt.A-Za-z])",
    re.IGNORECASE,
)
_BARE = re.compile(r"(?<![\w.=/<>~-])(?:(?P<three>3)\.(?P<minor>\d{1,2})|2\.7)(?:\.\d{1,2})?"
                   r"(?:(?:a|b|rc)\d{1,2}\+?)?(?![\w.]*\d|[-\w])")  # fmt: skip
_TWO = re.compile(r"\bpython ?2\b(?!\.)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Build:
    """Whether it is about free threading. `value` is a build or None, `sure` that words say so."""

    value: str | None
    evidence: str = ""

    @property
    def free_threaded(self) -> bool:
        """Whether there is a positive sign that stands."""
        return self.value == FREE_THREADED


def build(text: Document) -> Build:
    """Tell which build the report is about, by a positive sign or a denial of it."""
    denied = _denied(text)
    if denied:
        return Build(GIL, denied)
    sign = _first_sign(text)
    if sign:
        return Build(FREE_THREADED, sign)
    banner = _BANNER.search(text.whole)
    return Build(GIL, banner[0]) if banner else Build(None)


def _denied(text: Document) -> str:
    """Find where it says that what fails is not the free-threaded build."""
    in_title = _DENIAL.search(text.title)
    if in_title:
        return in_title[0]
    if _SIGNS.search(_IMPORT_LIBRARY.sub(" ", text.title)) or _NOGIL.search(text.title):
        return ""
    for sentence in sentences(text.prose):
        denial = _DENIAL.search(sentence)
        if denial and not _CONTROL.search(sentence):
            return around(sentence, *denial.span())
    tag, library = _GIL_TAG.search(text.whole), _IMPORT_LIBRARY.search(text.whole)
    if tag and library:  # the linker looks for the other build's library
        return tag[0]
    return ""


def _first_sign(text: Document) -> str:
    whole = _IMPORT_LIBRARY.sub(" ", _DENIAL.sub(" ", text.whole))
    other = _OTHERS.search(text.title) or _OTHERS.search(text.prose)
    if other and not _CERTAIN.search(whole):
        return ""
    sign = _SIGNS.search(whole) or _ONLY_INSIDE.search(whole)
    if sign is None and not (_CYTHON.search(whole) and _too_old(whole)):
        sign = _NOGIL.search(whole)
    if sign is None and _OF_PYTHON.search(whole):
        sign = _MOSTLY_INSIDE.search(whole)
    if sign is None and _INTERNALS.search(whole):
        # Where one lock is around everything there are no races to find.
        sign = _RACE.search(whole)
    return around(whole, *sign.span()) if sign else ""


def _too_old(whole: str) -> bool:
    """Tell whether no version is named that has a free-threaded build."""
    return not any(
        version.startswith("3.") and int(version[2:]) >= _FIRST for version, *_ in _versions(whole)
    )


def python(text: Document, built: Build) -> Fact | None:
    """Find the interpreter: `3.14t`, or `3.14` for the build with the GIL, or one too old for it.

    What says most of all is what the interpreter says of itself, then names that only one build
    has, then a version near the word for it; and the title before the text.
    """
    found = list(_pythons(text, built))
    if not found:
        return None
    _, fact = max(found, key=lambda each: each[0])  # the first of the best
    return fact


def _pythons(text: Document, built: Build) -> Iterator[tuple[float, Fact]]:
    for place, bonus in ((text.title, 1.5), (text.body, 0.0)):
        if built.value != GIL:
            yield from _free_threaded(place, bonus)
        for version, strength, evidence in _versions(place):
            minor = int(version.partition(".")[2])
            if built.free_threaded:
                if version.startswith("3.") and minor >= _FIRST:
                    yield strength + bonus, Fact(f"{version}t", evidence)
            else:
                yield strength + bonus, Fact(version, evidence)


def _free_threaded(place: str, bonus: float) -> Iterator[tuple[float, Fact]]:
    for banner in _BANNER.finditer(place):
        if banner["free"]:
            yield 6.0, Fact(f"{banner['minor']}t", banner[0].strip(" (|"))
    name = _T_NAME.search(place)
    if name:
        minor = name["minor"] or name["short"] or f"1{name['slip']}"
        yield 4.0 + bonus, Fact(f"3.{minor}t", around(place, *name.span()))
    words = _T_WORDS.search(place)
    if words:
        minor = words["before"] or words["after"]
        yield 4.0 + bonus, Fact(f"3.{minor}t", around(place, *words.span()))


def _versions(place: str) -> Iterator[tuple[str, float, str]]:
    banner = _BANNER.search(place)
    if banner and not banner["free"]:
        yield banner["minor"], 3.5, banner[0].strip(" (|")
    for named in _NAMED.finditer(place):
        minor = named["minor"] or named["short"]
        if int(minor) <= 20:
            yield f"{named['major'] or 3}.{minor}", 3.0, around(place, *named.span())
    for bare in _BARE.finditer(place):
        if bare["three"] is None:
            yield "2.7", 1.0, around(place, *bare.span())
        elif 5 < int(bare["minor"]) <= 20:
            yield f"3.{bare['minor']}", 1.0, around(place, *bare.span())
    two = _TWO.search(place)
    if two:
        yield "2.7", 0.5, two[0]
