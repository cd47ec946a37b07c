"""What a maintainer would ask for: short phrases, in the order in which they help."""

import re
from collections.abc import Iterator

from bot.reports.model import Facts, Kind, Signature
from bot.reports.reading.document import Document
from bot.reports.reading.interpreter import Build

_WITHOUT = frozenset({Kind.SUPPORT_REQUEST, Kind.DOCS, Kind.NOT_FREE_THREADING})
"""Kinds of which nobody asks for more than what is meant."""
_ABOUT_A_RUN = frozenset(
    {Kind.CRASH, Kind.DATA_RACE, Kind.DEADLOCK, Kind.WRONG_RESULT, Kind.PERFORMANCE}
)
_CODE = re.compile(
    r"\b(?:import \w|def \w{1,60}\(|>>> |threading\.Thread|ThreadPoolExecutor|\$ \w)"
)
_THREADS = re.compile(r"\b(?:\d{1,4}|two|three|four|eight|ten|twenty|many|several) (?:\w{1,12} )?threads\b"
                      r"|max_workers|num_threads", re.IGNORECASE)  # fmt: skip
_RATE = re.compile(
    r"\b\d{1,5} (?:of|out of|in|times)\b|\b(?:always|every time|sometimes|rarely|often|once in|usually)\b",
    re.IGNORECASE,
)
_WITH_GIL = re.compile(
    r"PYTHON_?GIL ?= ?1|-X ?gil=1|\bgil[ =]?=? ?on\b|with (?:the )?gil\b|default build|non-?free|regular python|gil build",
    re.IGNORECASE,
)
_ERROR = re.compile(r"\berror\b|\bFAILED\b|LNK\d{4}", re.IGNORECASE)
_NUMBERS = re.compile(
    r"\d(?:\.\d+)? ?(?:s|ms|x|×|MFLOPS|sec|seconds|%)\b|\b\d+(?:\.\d+)?x ", re.IGNORECASE
)


def gaps(
    text: Document, kind: Kind, facts: Facts, built: Build, signature: Signature
) -> tuple[str, ...]:
    """Name what is missing for somebody to act on the report."""
    return tuple(_gaps(text, kind, facts, built, signature))


def _gaps(
    text: Document, kind: Kind, facts: Facts, built: Build, signature: Signature
) -> Iterator[str]:
    if kind is Kind.NOT_FREE_THREADING:
        if built.value is None:
            yield "whether it is a free-threaded build (`python -VV`)"
        return
    if kind is Kind.NEEDS_INFO:
        yield "what was done, what was expected, and what happened"
    if facts.project is None:
        yield "the project that it is about"
    if facts.python is None:
        yield "the interpreter (`python -VV`)"
    if kind in _WITHOUT:
        return
    if facts.version is None and facts.project is not None and kind is not Kind.NO_WHEEL:
        yield "the project's version"
    if facts.os is None:
        yield "the operating system and the architecture"
    yield from _by_kind(text, kind, facts, signature)


def _by_kind(text: Document, kind: Kind, facts: Facts, signature: Signature) -> Iterator[str]:
    match kind:
        case Kind.CRASH:
            if not signature.frames:
                yield "a stack of the crash (`python -X faulthandler`, gdb or lldb)"
        case Kind.DATA_RACE:
            if signature.race is None:
                yield "the report of ThreadSanitizer"
        case Kind.DEADLOCK:
            if not signature.frames:
                yield "the stacks of all threads while it hangs (py-spy, gdb)"
        case Kind.GIL_REENABLED:
            if not signature.modules:
                yield "the whole warning with the module's name"
        case Kind.NO_WHEEL:
            if facts.installer is None:
                yield "the installer with its version, and what it printed"
        case Kind.BUILD_FAILURE:
            if not _ERROR.search(text.logs):
                yield "the first error of the compiler, not the last line"
            if facts.installer is None:
                yield "how it was installed (pip, uv, conda, from source)"
        case Kind.PERFORMANCE:
            if not _NUMBERS.search(text.body):
                yield "times by number of threads"
        case Kind.WRONG_RESULT | _:
            pass
    if kind in _ABOUT_A_RUN:
        yield from _of_a_run(text)


def _of_a_run(text: Document) -> Iterator[str]:
    if not _CODE.search(text.body):
        yield "the smallest script that shows it"
    if not _THREADS.search(text.whole):
        yield "how many threads, and what they share"
    if not _RATE.search(text.whole):
        yield "how often it happens"
    if not _WITH_GIL.search(text.whole):
        yield "whether it happens with PYTHON_GIL=1 too"
