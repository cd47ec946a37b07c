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
from bot.reports.reading.patterns import Passage, exact, pattern

FREE_THREADED: Final = "free-threaded"
GIL: Final = "gil"
_FIRST: Final = 13
"""CPython 3.13 is the first with a free-threaded build."""
_LAST: Final = 20
"""Greater minor versions are those of something else."""

_SIGNS: Final = (
    pattern(
        "free|ft",
        r"\bfree[-_ ]?thread(?:ed|ing|s|edness)?\b|\bfreethread\w*|\b3\.1[3-9] ?\(?ft\b"
        r"|\bft[- ](?:build|python|support|wheels?|mode|compat\w*|ci|runtime|interpreter)\b",
    ),
    pattern(
        "3.1|31",
        r"(?<![\w.])(?:c?python|libpython)?[-@ ]?3\.1[3-9](?:\.\d{1,2})?"
        r"(?:(?:a|b|rc)\d{1,2})?td?(?!\w)"
        r"|(?<![a-z0-9])(?:cpython-|c?python|libpython|cp|py)?31[3-9]td?(?:_d)?(?![a-z0-9])",
    ),
    pattern(
        "gil",
        r"\bgil[- ]?(?:less|free)\b|\bgil[ =]?=[ ]?0|--disable-gil|\bpy_gil_disabled"
        r"|\bpython_?gil\b|-x ?gil\b|\b_is_gil_enabled\b|\bpy_mod_gil|\bmod_gil_not_used"
        r"|\bgil_used\b|module_setgil"
        r"|\bgil[- ](?:is |was )?(?:disabled|disabling|removal|off)\b"
        r"|(?:python|runs?|running|works?|safe(?:ly)?|build|mode|interpreter)(?: 3\.\S{1,6})?"
        r" without (?:the )?gil\b"
        r"|\bdisabl(?:e|es|ed|ing) (?:the )?gil\b"
        r"|\bturn(?:s|ed|ing)? (?:off the gil\b|the gil off\b)"
        r"|\bre-?enabl\w{0,4} (?:the )?gil\b|\bgil (?:is |was |gets |to be )?re-?enabl",
    ),
    pattern(
        "abi3t|pep|cp3|parallel",
        r"\babi3t\b|\bpep[ -]?(?:703|779)\b|\bcp3[3-9]t\b"
        r"|\brun-parallel\b|--parallel-threads\b",  # how tests are run in many threads
    ),
    pattern(  # what exists in this build alone
        "qsbr|ob_|parkinglot|_py|critical|gc_free|ft_atomic|contention|deferred ref|biased ref",
        r"_qsbr_|\bqsbr\b|\bob_mutex\b|\bob_tid\b|\bob_ref_(?:local|shared)\b|_pyparkinglot"
        r"|py_begin_critical_section|_pycriticalsection|_py_try(?:x?get|incref)|_py_decrefshared"
        r"|_py_mergezero|_py_brc_|\bgc_free_threading|\bft_atomic_"
        r"|\bref(?:erence )?(?:count|counting) contention\b"
        r"|\b(?:deferred|biased) ref(?:erence )?count",
    ),
)
_NOGIL = pattern(
    "nogil|no-gil|no gil|no_gil",
    r"\bno[-_ ]?gil\b(?<!with nogil)(?<!except nogil)"
    r"(?!:|=|\(| (?:block|section|function|context|code|release|sections|functions)\b)",
)
_CYTHON = pattern(
    "cython|numba|prange|cdef|.pyx|jit",
    r"\bcython\b|\bnumba\b|\bprange\b|\bcdef\b|\.pyx\b|@n?jit\b",
)
"""Where nogil is a word of a language, and says nothing of the interpreter."""
_MOSTLY_INSIDE = pattern(
    "world|type_lock|critical|threaded|mi_",
    r"\bstop[-_ ]?the[-_ ]?world|\btype_lock\b|\bcritical[-_ ]sections?|\bthreaded build\b"
    r"|\b_?mi_(?:heap|page|free|malloc)\w*",
)
_OF_PYTHON = pattern(
    "py|gh-|test_", r"\b_?Py[A-Z_][A-Za-z_]{2,60}|\bpython|\bgh-\d{4,6}\b|\btest_\w{2,60}"
)
_RACE = pattern(
    "tsan|t-san|sanitizer|rac|torn",
    r"\bt-?san\b|\bthread[ -]?sanitizer\b|\bdata[- ]rac(?:e|es|y)\b|\bracy\b|\btorn (?:read|write)",
)
_INTERNALS = pattern(
    "py", r"\b_?Py[A-Z][a-z]{2,20}_\w{2,60}|\bcpython\b|\b_PyEval|libpython3|\(python3\.\d"
)
_OTHERS = pattern(
    "py|ruby|julia|golang|kotlin|scala|erlang|haskell",
    r"\b(?:(?:py|graal)py\d?|jython|ironpython|micropython|pyston|ruby|julia|golang"
    r"|kotlin|scala|erlang|haskell)\b",
)
_CERTAIN = pattern("t", r"\bcp31[3-9]t|\bpython3\.1[3-9]t|\b3\.1[3-9]\S{0,8}t\b|free[-_ ]?thread")

_DENIAL = pattern(
    "no|neither|missing|without|lack",
    r"\bnon?[- ](?:a )?free[- ]?thread\w*|\bnon[- ]?(?:no-?gil|freethread\w*)"
    r"|\bnot (?:a |the |using )?free[- ]?thread\w*(?: (?:build|python|mode|interpreter))?\b"
    r"|\bneither\b[^.\n]{0,60}\bfree[- ]?thread\w*|\bnone of\b[^.\n]{0,60}\bfree[- ]?thread\w*"
    r"|\b(?:missing|no|without|not for the|lack\w{0,3})(?: the)?(?: \S{1,16}){0,2}"
    r" (?:regular|standard|plain|normal|gil|gil-enabled|default)"
    r" (?:(?:c?python )?3\.1\d|cp31\d|c?python|builds?|version|wheels?)\b",
)
_CONTROL = re.compile(
    r"\b(?:works?|worked|working|fine|passe?[sd]?|ok|okay|correct(?:ly)?|succeeds?|unaffected"
    r"|compar\w{1,6}|unlike|whereas|while|instead|previously|no (?:crash|segfault|problem|such)\w*"
    r"|not (?:cause|crash|fail|segfault|happen|hang|occur|affect)\w*|(?:does|do|did|is|are)n't"
    r"|does not|do not|did not|on both|as well|also)\b",
    re.IGNORECASE,
)
"""What is said of a build for comparison."""
_IMPORT_LIBRARY = pattern(".lib|.dll", r"\bpython31\dt(?:_d)?\.(?:lib|dll)\b")
_GIL_TAG = pattern("cp3", r"\bcp(3\d{1,2})-cp\1(?![t\d])")
_BANNER = exact(
    "python 3.",
    r"\bPython (?P<minor>3\.\d{1,2})\.\d{1,2}\S{0,12} "
    r"(?P<free>(?:experimental )?free-threading build )?"
    r"(?:\||\((?:main|heads|tags|default|v3|[0-9a-f]{6,12},|Python))",
)

_T_NAME = pattern(
    "3",
    r"(?<![\w.])(?:c?python|py|cp|cpython-|libpython|@)?[- ]?3\.(?P<minor>1[3-9])(?:\.\d{1,2})?"
    r"(?:(?:a|b|rc)\d{1,2}|-dev)?td?(?!\w)"
    r"|(?<![a-z0-9])(?:c?python|cp|cpython-|libpython|py)3(?P<short>1[3-9])td?(?![a-z0-9])"
    r"|\bcp3(?P<slip>[3-9])t\b",  # a slip of the pen: cp34t
)
_T_WORDS = pattern(
    "thread|gil|ft",
    r"(?<![\w.])3\.(?P<before>1[3-9])(?:\.\d{1,2})?(?:\.?(?:a|b|rc|alpha|beta)\.?\d{1,2})?\+?"
    r"[^.;:!?\n]{0,40}?(?:free[- ]?thread|no-?gil\b|without (?:the )?gil|gil[ -]?less"
    r"|--disable-gil|\bft\b)"
    r"|(?:free[- ]?thread\w{0,4}|no-?gil|gil-less|--disable-gil)"
    r"[^.;:!?\n]{0,30}?(?<![\w.=])3\.(?P<after>1[3-9])(?!\d)",
)
_NAMED = pattern(
    "py|cp",
    r"(?<![a-z0-9_])(?:c?python|py|cpython@)[- ]{0,2}(?:version|:|=|v|\(|/){0,3}[ :=]{0,3}v?"
    r"(?P<major>[23])\.(?P<minor>\d{1,2})(?!\d|-\d)"
    r"|(?<![a-z0-9])(?:python|cp|py|cpython-)3(?P<short>\d{1,2})(?![\dt.a-z])",
)
_BARE = pattern(
    "3.|2.7",
    r"(?<![\w.=/<>~-])(?:(?P<three>3)\.(?P<minor>\d{1,2})|2\.7)(?:\.\d{1,2})?"
    r"(?:(?:a|b|rc)\d{1,2}\+?)?(?![\w.]{0,20}\d|[-\w])",
)
_TWO = pattern("python", r"\bpython ?2\b(?!\.)")


@dataclass(frozen=True, slots=True)
class Build:
    """Which build it is about, `FREE_THREADED` or `GIL`; None where nothing says so."""

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
    sign = text.warned[0].text[:160] if text.warned else _first_sign(text)
    if sign:
        return Build(FREE_THREADED, sign)
    banner = _BANNER.search(text.whole)
    return Build(GIL, banner[0].rstrip(" (|")) if banner else Build(None)


def _denied(text: Document) -> str:
    """Find where it says that what fails is not the free-threaded build."""
    in_title = _DENIAL.search(text.title)
    if in_title:
        return in_title[0]
    if text.warned or _sign(Passage(_IMPORT_LIBRARY.without(text.title.text))):
        return ""
    for sentence in sentences(text.prose.text) if _DENIAL.search(text.prose) else ():
        denial = _DENIAL.search(Passage(sentence))
        if denial and not _CONTROL.search(sentence):
            return around(sentence, *denial.span())
    tag, library = _GIL_TAG.search(text.whole), _IMPORT_LIBRARY.search(text.whole)
    return tag[0] if tag and library else ""  # the linker looks for the other build's library


def _first_sign(text: Document) -> str:
    whole = Passage(_IMPORT_LIBRARY.without(_DENIAL.without(text.whole.text)))
    if _OTHERS.search(text.story) and not _CERTAIN.search(whole):
        return ""
    sign = _sign(whole)
    if sign is None and _OF_PYTHON.search(whole):
        sign = _MOSTLY_INSIDE.search(whole)
    if sign is None and _INTERNALS.search(whole):
        # Where one lock is around everything there are no races to find.
        sign = _RACE.search(whole)
    return around(whole.text, *sign.span()) if sign else ""


def _sign(passage: Passage) -> re.Match[str] | None:
    for each in _SIGNS:
        sign = each.search(passage)
        if sign:
            return sign
    nogil = _NOGIL.search(passage)
    return None if nogil and _CYTHON.search(passage) and _names_no_new_one(passage) else nogil


def _names_no_new_one(passage: Passage) -> bool:
    """Tell whether no version is named that has a free-threaded build."""
    return not any(
        version.startswith("3.") and int(version[2:]) >= _FIRST
        for version, *_ in _versions(passage)
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


def too_old(version: Fact | None) -> bool:
    """Tell whether a version is one that has no free-threaded build."""
    if version is None:
        return False
    major, _, minor = version.value.rstrip("t").partition(".")
    return (int(major), int(minor)) < (3, _FIRST)


def _pythons(text: Document, built: Build) -> Iterator[tuple[float, Fact]]:
    for place, bonus in ((text.title, 1.5), (text.body, 0.0)):
        if built.value != GIL:
            yield from _free_threaded(place, bonus)
        for version, strength, evidence in _versions(place):
            if not built.free_threaded:
                yield strength + bonus, Fact(version, evidence)
            elif version.startswith("3.") and int(version[2:]) >= _FIRST:
                yield strength + bonus, Fact(f"{version}t", evidence)


def _free_threaded(place: Passage, bonus: float) -> Iterator[tuple[float, Fact]]:
    for banner in _BANNER.some(place):
        if banner["free"]:
            yield 6.0, Fact(f"{banner['minor']}t", banner[0].rstrip(" (|"))
    name = _T_NAME.search(place)
    if name:
        minor = name["minor"] or name["short"] or f"1{name['slip']}"
        yield 4.0 + bonus, Fact(f"3.{minor}t", around(place.text, *name.span()))
    words = _T_WORDS.search(place)
    if words:
        minor = words["before"] or words["after"]
        yield 4.0 + bonus, Fact(f"3.{minor}t", around(place.text, *words.span()))


def _versions(place: Passage) -> Iterator[tuple[str, float, str]]:
    """Give versions of Python with how surely they are meant, and the evidence."""
    banner = _BANNER.search(place)
    if banner and not banner["free"]:
        yield banner["minor"], 3.5, banner[0].rstrip(" (|")
    for named in _NAMED.some(place):
        minor = named["minor"] or named["short"]
        if int(minor) <= _LAST:
            yield f"{named['major'] or 3}.{minor}", 3.0, around(place.text, *named.span())
    for bare in _BARE.some(place):
        if bare["three"] is None:
            yield "2.7", 1.0, around(place.text, *bare.span())
        elif 5 < int(bare["minor"]) <= _LAST:
            yield f"3.{bare['minor']}", 1.0, around(place.text, *bare.span())
    two = _TWO.search(place)
    if two:
        yield "2.7", 0.5, two[0]
