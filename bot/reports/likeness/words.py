"""The words by which a text is recognised: error messages, names out of programs, rare words.

What stands in most reports of this field says nothing: everyday words, the names of symptoms and
tools (the kind of a report says those), and the texts that interpreters print for everybody.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

LONGEST_TEXT: Final = 20_000
"""Characters of a text that are looked at; the telling part of its logs comes besides."""
MOST_WORDS: Final = 200
"""A longer list says less of each word, and costs time in every comparison."""
_LONGEST_WORD = 80
_LONGEST_MESSAGE = 160
_LONGEST_LINE = 1_000

_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:(?:\.|::|-)[A-Za-z_][A-Za-z0-9_]*)*")
_PIN = re.compile(r"\b([A-Za-z][\w.-]{0,60})==(\d[\w.]{0,20})", re.ASCII)
_REFERENCE = re.compile(r"\b([\w.-]{1,40}/[\w.-]{1,80})(?:#|/issues/|/pull/)(\d{1,7})\b", re.ASCII)
_MESSAGE = re.compile(
    r"(?:\b[A-Za-z]\w{0,60}(?:Error|Exception)|\b(?:fatal )?(?:python )?error|\bpanicked at)"
    r"(?: [A-Z]{1,4}\d{1,5})?: (.+)",
    re.ASCII | re.IGNORECASE,
)
_GIL_WARNING = re.compile(
    r"The global interpreter lock \(GIL\) has been enabled.{0,600}?-X ?gil=0", re.DOTALL
)
_NUMBERS = re.compile(r"\b0x[0-9a-f]+|\d+", re.IGNORECASE)
_CAMEL = re.compile(r"[a-z0-9][A-Z]")


def telling(text: str) -> frozenset[str]:
    """Collect the telling words of a text: messages, then names, then others, the first ones."""
    text = _GIL_WARNING.sub(" ", text)
    messages: list[str] = []
    rest: list[str] = []
    for line in text.splitlines():
        found = _MESSAGE.search(line[:_LONGEST_LINE])
        message = _message(found[1]) if found else ""
        if found and message:  # its words are not to count twice
            messages.append(message)
            rest.append(line[: found.start()])
        else:
            rest.append(line)
    words = sorted(dict.fromkeys(_words("\n".join(rest))), key=weight, reverse=True)
    return frozenset([*dict.fromkeys(messages), *words][:MOST_WORDS])


def is_message(word: str) -> bool:
    """Tell whether a word is an error message."""
    return " " in word


def is_name(word: str) -> bool:
    """Tell whether a word is a name out of a program, a pin or a reference to an issue."""
    return " " not in word and (word != word.lower() or any(mark in word for mark in "_.:=#"))


def weight(word: str) -> float:
    """Say how much it tells, by the form of the word, that two texts have it in common."""
    if is_message(word):
        return 2.5
    return 1.5 if is_name(word) else 0.5


def telling_frames(frames: Iterable[str]) -> frozenset[str]:
    """Name the functions of frames (`file.c:function`) that are not on most stacks of CPython."""
    functions = (frame.rpartition(":")[2].strip() for frame in frames)
    return frozenset(each for each in functions if each and not _is_common_function(each))


def names_in(text: str) -> frozenset[str]:
    """Collect the identifiers of a text with the parts of dotted ones."""
    return frozenset(part for token in _TOKEN.findall(text) for part in (token, *_split(token)))


def _message(text: str) -> str:
    """Make an error message comparable; "" for one that says nothing. Numbers differ by run."""
    message = " ".join(_NUMBERS.sub("0", text[:_LONGEST_MESSAGE]).lower().split()).rstrip(".!")
    return message if message.count(" ") >= 2 and message not in _COMMON_MESSAGES else ""


def _words(text: str) -> Iterator[str]:
    for repository, number in _REFERENCE.findall(text):
        yield f"{repository.lower()}#{number}"
    for name, version in _PIN.findall(text):
        yield f"{name.lower()}=={version}"
    for token in _TOKEN.findall(text):
        if len(token) <= _LONGEST_WORD:
            yield from _readings(token)


def _readings(token: str) -> Iterator[str]:
    """Give a token and, if it is a path of names, its parts: `cProfile.run` is about cProfile."""
    pieces = _split(token)
    if len(pieces) > 1:
        if not _is_common_name(token):
            yield token
            for piece in pieces:
                yield from _readings(piece)
    elif "_" in token.strip("_") or token.startswith("_") or _CAMEL.search(token):
        if not _is_common_name(token):
            yield token
    else:
        for word in dict.fromkeys((token.lower(), *token.lower().split("-"))):
            if len(word) >= 3 and word not in STOP and word.removesuffix("s") not in STOP:
                yield word


def _split(token: str) -> list[str]:
    return token.replace("::", ".").split(".")


def _is_common_name(name: str) -> bool:
    folded = name.lower()
    return (
        folded in _COMMON_NAMES
        or folded.endswith(_FILE_ENDS)
        or folded.startswith(_COMMON_NAME_STARTS)
        or _is_common_function(name)
    )


def _is_common_function(name: str) -> bool:
    return name in _COMMON_FUNCTIONS or name.startswith(_COMMON_FUNCTION_STARTS)


_COMMON_MESSAGES = frozenset({
    "segmentation fault (core dumped)",
    "failed building wheel for package",
    "process completed with exit code 0",
    "subprocess exited with error",
    "can't install because no wheel",
})  # fmt: skip

# Functions on any stack of CPython: the interpreter's loop, calls, imports, start, threads,
# reference counts, allocation, and the C library below.
_COMMON_FUNCTION_STARTS = (
    "_PyEval_EvalFrame", "_PyEval_Vector", "PyEval_EvalCode", "PyEval_EvalFrame",
    "PyObject_Call", "PyObject_Vectorcall", "_PyObject_Call", "_PyObject_MakeTpCall",
    "_PyObject_Vectorcall", "PyVectorcall", "_PyVectorcall", "_PyFunction_Vectorcall",
    "PyCFunction_", "_PyCFunction_", "_PyStack_", "PyImport_", "_PyImport_", "PyRun_", "_PyRun_",
    "pyrun_", "pymain_", "run_mod", "run_eval_code", "Py_RunMain", "Py_BytesMain", "Py_Main",
    "Py_Finalize", "Py_INCREF", "Py_DECREF", "Py_XDECREF", "Py_XINCREF", "Py_NewRef", "Py_CLEAR",
    "_Py_INCREF", "_Py_DECREF", "_Py_Dealloc", "_Py_NewRef", "_Py_atomic_", "_Py_HandlePending",
    "_Py_MergeZeroLocal", "_Py_brc_", "PyThread_", "_PyThread_", "pythread_", "thread_run",
    "PyMem_", "_PyMem_", "PyObject_Malloc", "PyObject_Free", "_PyObject_Malloc", "_PyObject_Free",
    "_mi_", "mi_", "method_vectorcall", "cfunction_", "cfunc_", "object_vacall", "vectorcall_",
    "slot_tp_", "type_call", "tp_new_wrapper", "wrap_", "wrapperdescr_", "descr_",
    "builtin_exec", "builtin___import__", "builtin___build_class__", "import_", "exec_code",
    "__libc_", "__pthread_", "pthread_", "__tsan", "__asan", "__interceptor", "__GI_", "__clone",
    "__assert", "_Unwind", "faulthandler", "_find_and_load", "_load_", "_call_with_frames_removed",
    "_gcd_import", "_handle_fromlist", "fatal_error", "start_thread",
)  # fmt: skip
_COMMON_FUNCTIONS = frozenset(
    """
    main _start clone clone3 malloc calloc realloc free abort raise memcpy memmove memset strlen
    call_function do_call_core context_run partial_vectorcall <module> module _bootstrap
    _bootstrap_inner exec_module create_module run worker target func wrapper inner __init__
    __call__ __enter__ __exit__ __new__ __repr__ __del__ __main__ __name__ __file__ Py_TYPE
    _worker _run _main execute invoke test_main method_call
""".split()
)

_COMMON_NAME_STARTS = (
    "cp3", "cpython", "python", "manylinux", "musllinux", "macosx", "win_", "linux_", "linux-",
    "x86_", "importlib", "_bootstrap", "sys._is_gil", "github.com", "site-packages", "self.",
    "__pyx_", "py_mod_", "free_thread", "free-thread", "os.path", "gil_",
)  # fmt: skip
_COMMON_NAMES = frozenset("""
    _is_gil_enabled is_gil_enabled python_gil py_gil_disabled py_limited_api mod_gil_not_used
    pyunstable_module_setgil runtimewarning py_debug threading.thread threadpoolexecutor
    concurrent.futures concurrent.futures.threadpoolexecutor sys.version sys.flags sys.path
    py_limited_api='cp310' runtimeerror valueerror typeerror importerror modulenotfounderror
    attributeerror oserror assertionerror keyerror indexerror systemerror memoryerror
    pytest_current_test github_actions ubuntu_latest setup.py pyproject.toml next_step i.e e.g
    nogil_ gil_enabled threadsanitizer addresssanitizer macos pypi github pytorch numpy cpython
    pyo3 stackoverflow javascript py_build_core py_true py_false py_none freethreading
    c++ x86_64 arm64 amd64 aarch64 opensource todo_ sysconfig.get_config_var get_config_var
    if_ else_ typing.any os.environ time.sleep time.time logging.getlogger threading.lock
    threading.barrier threading.event thread.start thread.join
""".split())  # fmt: skip
_FILE_ENDS = (
    ".py", ".pyx", ".pyi", ".c", ".h", ".cpp", ".hpp", ".cc", ".rs", ".so", ".txt", ".toml",
    ".yml", ".yaml", ".md", ".json", ".cfg", ".whl", ".tar", ".gz", ".log", ".html", ".com",
    ".org", ".io", ".net", ".dev", ".dll", ".exe", ".dylib", ".sh",
)  # fmt: skip

STOP: Final = frozenset(
    """
    about above accept access across actual actually add added adding addition additional address
    affect affected after again against ago all allow allowed allows almost alone along already
    also although always amount and another answer any anybody anyone anything anyway appear appears
    apply appreciate approach are aren area around ask asked assume available avoid aware away back
    bad based basic basically because become been before behavior behaviour behind being below best
    better between beyond big bit block both bring bug bugs but call called calling calls came can
    cannot care case cases cause caused causes causing certain chance change changed changes changing
    check checked checking checks clean clear clearly close closed code come comes coming command
    comment commit common complete completely config configuration configure confirm confirmed
    consider contain contains content context continue copy correct correctly could couldn course
    create created creates creating current currently custom data date day days deal debug declare
    declared default define defined depend dependencies dependency depends describe described
    description despite detail details determine develop developer development did didn differ
    difference different direct directly directory disable disabled discussion does doesn doing done
    don down due during each earlier early easily easy edit effect effort either else empty enable
    enabled end enough ensure entire environment error errors especially etc even eventually ever
    every everything exact exactly example examples exception except execute exist existing exists
    exit expect expected experience experimental explain explicit explicitly extension extensions
    extra fact fail failed failing fails failure failures false far fast feature features feel few
    file files final finally find fine first fix fixed fixes fixing folder follow following follows
    for force found four free freethreaded freethreading from full fully function functions further
    future general generally generate generated get gets getting gil gils give given gives global goes
    going good got great guess guide had handle handled handling happen happened happening happens
    happy hard has hasn have haven having head hello help helpful helps hence here high hit hold holds
    home hope hour hours how however idea ignore impact implement implementation implemented import
    important imported importing imports improve include included includes including indeed indicate
    info information init initial inside install installation installed installer installing installs
    instance instead intend intended interest interested interesting internal interpreter into introduce
    introduced invalid investigate issue issues item its itself job just keep keeps kept kind know known
    large last late later latest lead leads least leave left less let level lib library libraries like
    likely limit limited line lines link linked linux list little load loaded loading loads local log
    logs long longer look looking looks lot low lower mac machine macos made main mainly maintainer
    maintainers major make makes making manage many mark marked master matter may maybe mean means
    meant memory mention mentioned merge merged message method methods might mind minimal minor
    minute minutes miss missing mode modern module modules moment month more most mostly move moved
    much multi multiple must myself name named names native near necessary need needed needs neither
    never new newer next nice nightly nobody nogil non none nor normal normally not note notes nothing
    notice noticed now number object objects obvious obviously occur occurred occurs off official often
    okay old older once one ones only onto open opened operating option optional options order original
    other others otherwise our out output outside over overall override own package packages page parent
    part particular pass passed passes passing past patch path perform perhaps person place plan
    planned plans platform platforms please plus point points possible possibly post potential potentially
    prefer present pretty prevent prevents previous previously print printed prints prior probably problem
    problems proceed process produce produces program project projects proper properly provide provided
    provides providing public pull push put python question quick quickly quite raise raised raises ran
    random rather read reading reads ready real really reason reasonable receive recent recently
    recommend reduce refer reference related release released releases releasing remain remove removed
    report reported reporter reports repository reproduce reproduced reproducer reproducible reproducing
    request require required requirement requirements requires resolve resolved respect rest result
    resulting results return returned returning returns review right root run running runs safe safely
    safety said same sample say saying says script search second section see seeing seem seems seen
    self send separate serious set sets setting settings setup several shall share shared ship ships
    short should shouldn show showing shown shows side similar simple simply since single size slightly
    small snippet software solution solve solved some someone something sometimes somewhere soon sorry
    sort source sources specific specifically stable start started starting starts state statement
    step steps still stop stopped story straight stuff subject submit succeed succeeds success
    successful successfully such suggest suggested suggestion summary support supported supporting
    supports supposed sure system take taken takes taking talk task team tell temporary test tested
    testing tests text than thank thanks that the their them then there therefore these they thing
    things think this those though thought three through thus time times title today together too
    took tool tools top total toward traceback track tracked tracker tracking tried trigger triggered
    triggers true try trying turn turned turns two type types ubuntu unable under underlying
    understand unexpected unfortunately unless until update updated updates upgrade upgraded upload
    upon upstream usage use used useful user users uses using usual usually valid value values variable
    various version versions very via virtual wait waiting want wanted wants warn warning warnings was
    wasn way ways week welcome well went were weren what whatever when where whether which while who
    whole why will window windows wish with within without won wonder word work workaround worked
    working works world worse worst worth would wouldn write writing written wrong year years yes yet
    you your zero

    abi abis abort aborted aborts access amd arch architecture arm assert assertion async asyncio atomic
    attached backtrace binaries binary bot branch bt build building builds built cause ci clang class
    classes classifier client compat compatibility compatible compile compiled compiler compiles
    compiling concurrency concurrent concurrently conda contention context core corrupt corrupted
    corruption cpu cpython crash crashed crashes crashing critical dead deadlock deadlocked
    deadlocks debian declaration dev distribution doc docs documentation documented docker dump dumped
    error executable execution fatal fault fedora flag flags frame frames freeze freezes frozen ftp
    gcc gdb git github guard guarantee hang hanging hangs header heap hooks html http https index ints
    invoke issue iteration iterations job jobs join lang leak linker lldb lock locked locking locks
    loop make manylinux matrix mod multithread multithreaded multithreading musllinux mutex nogil
    nullptr null nightlies openssl optimization parallel parallelism perf performance pin pinned
    pointer ports posix pthread pull pypi pyproject pytest queue race races racing racy rc regression
    repo repro runtime rust rustc sanitizer sdist seconds segfault segfaulted segfaulting segfaults
    segmentation sequential session shell sigabrt signal sigsegv slow slowdown slower source spawn
    speed stack stacks stdlib stderr stdout symbol sync tag tags thread threaded threading threads
    threadsafe thread-safe thread-safety thread-local timeout toml trace tsan uninstall unsafe venv
    virtualenv wheel wheels worker workers workflow write xgil yaml zip
    arg args bool char const def elif enumerate exc expr int kwargs len obj param params range str
    struct tmp tuple usr var void www com org net
    january february march april may june july august september october november december
    jan feb mar apr jun jul aug sep oct nov dec mon tue wed thu fri sat sun
""".split()
)
