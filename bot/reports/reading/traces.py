"""What recognises a problem whatever the words, and the telling part of its logs.

Addresses, line numbers, paths and what every stack has (signal handlers, the evaluation loop) are
left out of a signature, so that two machines give the same.
"""

import re
from typing import Final

from bot.reports.model import Kind, Signature
from bot.reports.reading.document import Document

LONGEST_EXCERPT: Final = 6_000
"""Characters."""
MOST_FRAMES: Final = 6
_MOST_MODULES = 10

_C_FRAME = re.compile(
    r"^[\s*]{0,12}(?:frame )?\#(?P<number>\d{1,3}):?\s{1,4}(?:0x[0-9a-f]{1,16}:? )?(?:in )?"
    r"(?:[\w.+-]{1,60}`)?(?P<function>~?[A-Za-z_][\w:~]{0,120})(?:<[^>\n]{0,200}>)?"
    r"(?:\.\w{1,20}){0,3}(?P<rest>[^\n]{0,400})",
)
_C_FILE = re.compile(r"(?P<file>[\w.+-]{1,60}\.(?:c|cc|cpp|cxx|h|hpp|rs|pyx|m|mm))(?=[:\s)]|$)")
_PYTHON_FRAME = re.compile(
    r"^\s{0,12}File \"(?P<path>[^\"\n]{1,400})\", line \d{1,7},? in (?P<function><?\w{1,100}>?)"
)
_WINDOWS_FRAME = re.compile(r"^\s{0,8}[\w.-]{1,60}!(?P<function>[A-Za-z_]\w{1,100})\(")
_COMMON = re.compile(
    r"(?:Py)?_?(?:EvalFrameDefault|PyEval_\w*|PyFunction_Vectorcall|PyVectorcall_Call\w*"
    r"|PyObject_(?:Vectorcall|Call|FastCall|MakeTpCall)\w*|method_vectorcall\w*|object_vacall"
    r"|cfunction_\w+|vectorcall_\w+|slot_tp_\w+|pymain_\w+|Py_RunMain|Py_BytesMain|run_mod"
    r"|run_eval_code_obj|pyrun_\w+|PyRun_\w+|builtin_exec|thread_run|pythread_wrapper|start_thread"
    r"|clone\d?|libc_start\w*|start|main|raise|abort|kill|gsignal|pthread_kill\w*|fatal_error\w*"
    r"|Py_FatalError\w*|faulthandler\w*|GI_\w+|assert_fail\w*|sigaction|tsan_\w+|interceptor_\w+"
    r"|call_function|bound_method_\w+|Py_atomic_\w+|Py_(?:X?INCREF|X?DECREF|TYPE|NewRef)\w*)",
    re.IGNORECASE,
)
"""Functions that are in every stack."""
_RACE = re.compile(r"WARNING: ThreadSanitizer: (?P<what>[a-z -]{1,60})")
_ACCESS = re.compile(
    r"^\s{0,8}(?:(?:Previous )?(?:atomic )?(?:read|write) of size|As if synchronized)",
    re.IGNORECASE,
)

_FATAL = re.compile(
    r"Fatal Python error|Segmentation fault|SIGSEGV|SIGABRT|Windows fatal exception"
    r"|access violation"
    r"|Assertion .{1,120} failed|core dumped|^\s{0,8}\#0\s",
    re.MULTILINE,
)
_COMPILER = re.compile(
    r"[\w)]\.\w{1,4}[:(]\d{1,6}[^\n]{0,24}?: {0,4}(?:fatal )?error\b|: error: |FAILED: "
    r"|^\s{0,12}(?:fatal )?error(?:\[E\d+\])?: |\bLNK\d{4}\b|fatal error C\d{4}"
    r"|\bundefined (?:symbol|reference)|\b\w{1,60}Error: ",
    re.MULTILINE,
)
_PIP = re.compile(r"^ERROR: |No matching distribution|satisfies the requirement", re.MULTILINE)
_STACK = re.compile(
    r"Thread 0x|Current thread|most recent call first|^\s{0,8}\#0\s|futex|py-spy", re.MULTILINE
)
_WARNING = re.compile(r"GIL\) has\s+been\s+enabled")
_WRONG = re.compile(r"\w*Error\b[:\s]|^E\s{3}|assert ", re.MULTILINE)

_TELLING: Final = {
    Kind.DATA_RACE: (_RACE, _FATAL),
    Kind.BUILD_FAILURE: (_COMPILER, _PIP),
    Kind.CRASH: (_FATAL, _RACE),
    Kind.DEADLOCK: (_STACK, _FATAL),
    Kind.GIL_REENABLED: (_WARNING,),
    Kind.NO_WHEEL: (_PIP,),
    Kind.WRONG_RESULT: (_WRONG,),
}
_ANY: Final = (_RACE, _FATAL, _WARNING, _COMPILER)
_LINES_BEFORE, _LINES_AFTER = 3, 60
_REPORT_END = re.compile(r"^={6,}\s*$")


def signature(text: Document) -> Signature:
    """Reduce a report to what it shares with others of the same problem."""
    modules = dict.fromkeys(
        warned.module for warned in text.warned if warned.module and not warned.wished
    )
    race = _race(text.body.text)
    frames = race or _frames(text.body.text)
    return Signature(
        tuple(modules)[:_MOST_MODULES],
        tuple(dict.fromkeys(frames))[:MOST_FRAMES],
        " | ".join(sorted(dict.fromkeys(race))[:2]) if race else None,
    )


def excerpt(text: Document, kind: Kind) -> str:
    """Cut logs to what tells of the problem, at most `LONGEST_EXCERPT` characters; "" without."""
    logs = text.printed.strip("\n")
    if not logs.strip():
        return ""
    found = next(
        (match for pattern in (*_TELLING.get(kind, ()), *_ANY) if (match := pattern.search(logs))),
        None,
    )
    lines = logs.split("\n")
    if found is None:
        return _bounded(lines)
    at = logs.count("\n", 0, found.start())
    last = at + 1
    for line in lines[at + 1 : at + _LINES_AFTER]:
        last += 1
        if _REPORT_END.match(line):
            break
    return _bounded(lines[max(0, at - _LINES_BEFORE) : last])


def _bounded(lines: list[str]) -> str:
    kept: list[str] = []
    left = LONGEST_EXCERPT
    for line in lines:
        if len(line) >= left:
            kept.append(line[: max(left - 2, 0)] + "…")
            break
        kept.append(line)
        left -= len(line) + 1
    return "\n".join(kept).strip("\n")


def _race(body: str) -> list[str]:
    """Give where the accesses of the first race report are: the innermost telling frames."""
    report = _RACE.search(body)
    if report is None:
        return []
    places: list[str] = []
    wanted = False
    for line in body[report.start() : report.start() + 4 * LONGEST_EXCERPT].split("\n")[1:]:
        if _REPORT_END.match(line):
            break
        if _ACCESS.match(line):
            wanted = True
            continue
        frame = _frame(line) if wanted else None
        if frame:
            places.append(frame)
            wanted = False
    return places


def _frames(body: str) -> list[str]:
    """Give the first stack's telling frames, the innermost first."""
    frames: list[str] = []
    python: list[str] = []
    number = -1
    outermost_first = "most recent call last" in body
    for line in body.split("\n"):
        match = _C_FRAME.match(line)
        if match and int(match["number"]) <= number and len(frames) > 1:
            break  # the next thread's
        if match:
            number = int(match["number"])
        frame = _frame(line)
        if frame:
            frames.append(frame)
        found = _PYTHON_FRAME.match(line)
        if found:
            name = re.split(r"[/\\]", found["path"])[-1]
            python.append(f"{name}:{found['function']}")
    if outermost_first:
        python.reverse()
    return [*frames, *python]


def _frame(line: str) -> str | None:
    match = _C_FRAME.match(line) or _WINDOWS_FRAME.match(line)
    if match is None or _COMMON.fullmatch(match["function"].lstrip("_")):
        return None
    rest = match.groupdict().get("rest") or ""
    file = _C_FILE.search(rest)
    return f"{file['file']}:{match['function']}" if file else match["function"]
