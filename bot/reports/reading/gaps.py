"""What a maintainer would ask for: short phrases, in the order in which they help."""

from collections.abc import Callable, Iterator
from typing import Final

from bot.language import phrase
from bot.reports.model import Facts, Kind, Signature
from bot.reports.reading.document import Document
from bot.reports.reading.interpreter import Build, too_old
from bot.reports.reading.patterns import pattern

_ABOUT_A_RUN: Final = frozenset(
    {Kind.CRASH, Kind.DATA_RACE, Kind.DEADLOCK, Kind.WRONG_RESULT, Kind.PERFORMANCE}
)
_ABOUT_TEXTS: Final = frozenset({Kind.SUPPORT_REQUEST, Kind.DOCS})
_ABOUT_AN_INSTALL: Final = frozenset({Kind.NO_WHEEL, Kind.BUILD_FAILURE})

_CODE = pattern(
    "import|def|>>>|thread|$",
    r"\bimport \w|\bdef \w{1,60}\(|>>> |threading\.Thread|ThreadPoolExecutor|\$ \w",
)
_THREADS = pattern(
    "thread|workers",
    r"\b(?:\d{1,4}|two|three|four|eight|ten|twenty|many|several) (?:\w{1,12} )?threads\b"
    r"|max_workers|num_threads",
)
_RATE = pattern(
    "of|in|times|always|every|rarely|often|usually",
    r"\b\d{1,5} (?:of|out of|in|times)\b"
    r"|\b(?:always|every time|sometimes|rarely|often|once in|usually)\b",
)
_WITH_GIL = pattern(
    "gil|default|free|regular",
    r"PYTHON_?GIL ?= ?1|-X ?gil=1|\bgil[ =]?=? ?on\b|with (?:the )?gil\b|default build"
    r"|non-?free|regular python|gil build",
)
_ERROR = pattern("error|failed|lnk", r"\berror\b|\bFAILED\b|LNK\d{4}")
_NUMBERS = pattern("s|x|\xd7|%", r"\d(?:\.\d+)? ?(?:s|ms|x|\xd7|MFLOPS|sec|seconds|%)(?!\w)")

_OF_KIND: Final[dict[Kind, tuple[tuple[str, Callable[[Document, Signature], bool]], ...]]] = {
    Kind.CRASH: (
        (
            phrase("a stack of the crash (`python -X faulthandler`, gdb or lldb)"),
            lambda _, s: not s.frames,
        ),
    ),
    Kind.DATA_RACE: ((phrase("the report of ThreadSanitizer"), lambda _, s: s.race is None),),
    Kind.DEADLOCK: (
        (
            phrase("the stacks of all threads while it hangs (py-spy, gdb)"),
            lambda _, s: not s.frames,
        ),
    ),
    Kind.GIL_REENABLED: (
        (phrase("the whole warning with the module's name"), lambda _, s: not s.modules),
    ),
    Kind.BUILD_FAILURE: (
        (
            phrase("the first error of the compiler, not the last line"),
            lambda text, _: _ERROR.search(text.logs) is None,
        ),
    ),
    Kind.PERFORMANCE: (
        (phrase("times by number of threads"), lambda text, _: _NUMBERS.search(text.body) is None),
    ),
}
_OF_A_RUN: Final = (
    (phrase("the smallest script that shows it"), _CODE),
    (phrase("how many threads, and what they share"), _THREADS),
    (phrase("how often it happens"), _RATE),
    (phrase("whether it happens with PYTHON_GIL=1 too"), _WITH_GIL),
)


def gaps(
    text: Document, kind: Kind, facts: Facts, built: Build, marks: Signature, *, of_python: bool
) -> tuple[str, ...]:
    """Name what is missing for somebody to act on the report.

    `of_python` says that it is about the interpreter, so that no project is missing.
    """
    if kind is Kind.NOT_FREE_THREADING:
        asked = built.value is None and not too_old(facts.python)
        return (phrase("whether it is a free-threaded build (`python -VV`)"),) if asked else ()
    missing = list(_where(kind, facts, of_python=of_python))
    if kind is Kind.NEEDS_INFO:
        missing.insert(0, phrase("what was done, what was expected, and what happened"))
    missing += [gap for gap, lacks in _OF_KIND.get(kind, ()) if lacks(text, marks)]
    if kind in _ABOUT_A_RUN:
        missing += [gap for gap, said in _OF_A_RUN if said.search(text.whole) is None]
    return tuple(missing)


def _where(kind: Kind, facts: Facts, *, of_python: bool) -> Iterator[str]:
    if facts.project is None and not of_python:
        yield phrase("the project that it is about")
    if facts.python is None:
        yield phrase("the interpreter (`python -VV`)")
    if kind in _ABOUT_TEXTS:
        return
    if facts.project and facts.version is None and kind is not Kind.NO_WHEEL:
        yield phrase("the project's version")
    if facts.os is None:
        yield phrase("the operating system and the architecture")
    if facts.installer is None and kind in _ABOUT_AN_INSTALL:
        yield phrase("the installer (pip, uv, conda…) with its version")
