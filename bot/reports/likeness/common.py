"""What stands in most reports about free threading, and so tells nothing of any.

Everyday words, words of the field and of issue forms, what CPython prints for everybody, and the
functions that are on any of its stacks.
"""

from typing import Final

_WORDS = """
    free-threaded free-threading gil-free no-gil non-free-threaded use-after-free double-free
    freed heads free-threadedness multi-thread multi-threaded multi-threading thread-unsafe
    fuzz fuzzed fuzzing flaky nightly pre-release cp313 cp314 cp315 python3 setup-python
    buildid pid array static iter iterator iterators struct deps blocker blockers findings
    subprocess download downloading downloads collecting collected successfully satisfied already
    pytest-run-parallel pytest-freethreaded pytest-xdist cibuildwheel threadsanitizer
    addresssanitizer hello team folks dear kindly asap everyone
    abi abort aborted about above accept access across actual actually add added adding addition
    additional address affect affected after again against ago all allow allowed almost alone
    along already also although always amd amount and another answer any anybody anyone anything
    anyway appear apply appreciate approach apr april arch architecture are area aren arg arm
    around ask asked assert assertion assume async asyncio atomic attached aug august available
    avoid aware away back backtrace bad based basic basically because become been before
    behavior behaviour behind being below best better between beyond big binaries binary bit
    block bool bot both branch bring bug build building built but call called calling came can
    cannot care case cause caused causing certain chance change changed changing char check
    checked checking clang class classes classifier clean clear clearly client close closed code
    com come coming command comment commit common compat compatibility compatible compile
    compiled compiler compiling complete completely concurrency concurrent concurrently conda
    config configuration configure confirm confirmed consider const contain content contention
    context continue copy core correct correctly corrupt corrupted corruption could couldn
    course cpu cpython crash crashed crashes crashing create created creating critical current
    currently data date day dead deadlock deadlocked deal debian debug dec december declaration
    declare declared def default define defined depend dependencies dependency describe
    described description despite detail determine dev develop developer development did didn
    differ difference different direct directly directory disable disabled discussion
    distribution doc docker documentation documented does doesn doing don done down due dump
    dumped during each earlier early easily easy edit effect effort either elif else empty
    enable enabled end enough ensure entire enumerate environment error especially etc even
    eventually ever every everything exact exactly example exc except exception executable
    execute execution exist existing exit expect expected experience experimental explain
    explicit explicitly expr extension extra fact fail failed failing failure false far fast
    fatal fault feature feb february fedora feel few file final finally find fine first fix
    fixed fixes fixing flag folder follow following for force found four frame free freethreaded
    freethreading freeze fri from frozen ftp full fully function further future gcc gdb general
    generally generate generated get getting gil git github give given global goes going good
    got great guarantee guard guess guide had handled handling hang hanging happen happened
    happening happy hard has hasn have haven having head header heap hello help helpful hence
    here high hit hold home hooks hope hour how however html http idea ignore impact implement
    implementation implemented import important imported importing improve include included
    including indeed index indicate info information init initial inside install installation
    installed installer installing instance instead int intend intended interest interested
    interesting internal interpreter into introduce introduced invalid investigate invoke issue
    item iteration its itself jan january job join jul july jun june just keep kept kind know
    known kwargs lang large last late later latest lead leak least leave left len less let level
    lib libraries library like likely limit limited line link linked linker linux list little
    lldb load loaded loading local lock locked locking log long longer look looking loop lot low
    lower mac machine macos made main mainly maintainer major make making manage many manylinux
    mar march mark marked master matrix matter may maybe mean meant memory mention mentioned
    merge merged message method might mind minimal minor minute miss missing mod mode modern
    module moment mon month more most mostly move moved much multi multiple multithread
    multithreaded multithreading musllinux must mutex myself name named native near necessary
    need needed neither net never new newer next nice nightlies nightly nobody nogil non none
    nor normal normally not note nothing notice noticed nov november now null nullptr number obj
    object obvious obviously occur occurred oct october off official often okay old older once
    one only onto open opened openssl operating optimization option optional order org original
    other otherwise our out output outside over overall override own package page parallel
    parallelism param parent part particular pass passed passes passing past patch path perf
    perform performance perhaps person pin pinned place plan planned platform please plus point
    pointer ports posix possible possibly post potential potentially prefer present pretty
    prevent previous previously print printed prior probably problem proceed process produce
    program project proper properly provide provided providing pthread public pull push put pypi
    pyproject pytest python question queue quick quickly quite race racing racy raise raised ran
    random range rather read reading ready real really reason reasonable receive recent recently
    recommend reduce refer reference regression related release released releasing remain remove
    removed repo report reported reporter repository repro reproduce reproduced reproducer
    reproducible reproducing request require required requirement resolve resolved respect rest
    result resulting return returned returning review right root run running runtime rust rustc
    safe safely safety said same sample sanitizer sat say saying script sdist search second
    section see seeing seem seen segfault segfaulted segfaulting segmentation self send sep
    separate september sequential serious session set setting setup several shall share shared
    shell ship short should shouldn show showing shown side sigabrt signal sigsegv similar
    simple simply since single size slightly slow slowdown slower small snippet software
    solution solve solved some someone something sometimes somewhere soon sorry sort source
    spawn specific specifically speed stable stack start started starting state statement stderr
    stdlib stdout step still stop stopped story str straight struct stuff subject submit succeed
    success successful successfully such suggest suggested suggestion summary sun support
    supported supporting supposed sure symbol sync system tag take taken taking talk task team
    tell temporary test tested testing text than thank that the their them then there therefore
    these they thing think this those though thought thread thread-local thread-safe
    thread-safety threaded threading threadsafe three through thu time timeout title tmp today
    together toml too took tool top total toward trace traceback track tracked tracker tracking
    tried trigger triggered true try trying tsan tue tuple turn turned two type ubuntu unable
    under underlying understand unexpected unfortunately uninstall unless unsafe until update
    updated upgrade upgraded upload upon upstream usage use used useful user using usr usual
    usually valid value var variable various venv version very via virtual virtualenv void wait
    waiting want wanted warn warning was wasn way wed week welcome well went were weren what
    whatever wheel when where whether which while who whole why will window wish with within
    without won wonder word work workaround worked worker workflow working world worse worst
    worth would wouldn write writing written wrong www xgil yaml year yes yet you your zero zip
"""
WORDS: Final = frozenset(_WORDS.split())
"""In lower case, without a plural's s."""

_NAMES = """
    _is_gil_enabled addresssanitizer assertionerror attributeerror concurrent.futures
    concurrent.futures.threadpoolexecutor cpython freethreading get_config_var gil_enabled
    github github_actions importerror indexerror is_gil_enabled javascript keyerror
    logging.getlogger macos memoryerror mod_gil_not_used modulenotfounderror next_step
    opensource os.environ oserror py_build_core py_debug py_false py_gil_disabled py_limited_api
    py_none py_true pypi pyproject.toml pytest_current_test python_gil pyunstable_module_setgil
    runtimeerror runtimewarning setup.py stackoverflow sys.flags sys.path sys.version
    sysconfig.get_config_var systemerror thread.join thread.start threading.barrier
    threading.event threading.lock threading.thread threadpoolexecutor threadsanitizer
    time.sleep time.time typeerror typing.any ubuntu_latest valueerror
"""
NAMES: Final = frozenset(_NAMES.split())
"""In lower case."""

NAME_STARTS: Final = (
    "__pyx_", "_bootstrap", "cp3", "cpython", "free-thread", "free_thread", "gil_",
    "github.com", "importlib", "linux-", "linux_", "macosx", "manylinux", "musllinux",
    "os.path", "py_mod_", "python", "self.", "site-packages", "sys._is_gil", "win_", "x86_",
)  # fmt: skip
NAME_ENDS: Final = (
    ".c", ".cc", ".cfg", ".com", ".cpp", ".dev", ".dll", ".dylib", ".exe", ".gz", ".h", ".hpp",
    ".html", ".io", ".json", ".log", ".md", ".net", ".org", ".py", ".pyi", ".pyx", ".rs", ".sh",
    ".so", ".tar", ".toml", ".txt", ".whl", ".yaml", ".yml",
)  # fmt: skip
"""Of files and hosts."""

_FUNCTIONS = """
    <module> Py_TYPE __call__ __del__ __enter__ __exit__ __file__ __init__ __main__ __name__
    __new__ __repr__ _bootstrap _bootstrap_inner _main _run _start _worker abort call_function
    calloc clone clone3 context_run create_module do_call_core exec_module execute free func
    inner invoke main malloc memcpy memmove memset method_call module partial_vectorcall raise
    realloc run strlen target test_main worker wrapper
"""
FUNCTIONS: Final = frozenset(_FUNCTIONS.split())
FUNCTION_STARTS: Final = (
    "_PyEval_EvalFrame", "_PyEval_Vector", "PyEval_EvalCode", "PyEval_EvalFrame",
    "PyObject_Call", "PyObject_Vectorcall", "_PyObject_Call", "_PyObject_MakeTpCall",
    "_PyObject_Vectorcall", "PyVectorcall", "_PyVectorcall", "_PyFunction_Vectorcall",
    "PyCFunction_", "_PyCFunction_", "_PyStack_", "PyImport_", "_PyImport_", "PyRun_",
    "_PyRun_", "pyrun_", "pymain_", "run_mod", "run_eval_code", "Py_RunMain", "Py_BytesMain",
    "Py_Main", "Py_Finalize", "Py_INCREF", "Py_DECREF", "Py_XDECREF", "Py_XINCREF", "Py_NewRef",
    "Py_CLEAR", "_Py_INCREF", "_Py_DECREF", "_Py_Dealloc", "_Py_NewRef", "_Py_atomic_",
    "_Py_HandlePending", "_Py_MergeZeroLocal", "_Py_brc_", "PyThread_", "_PyThread_",
    "pythread_", "thread_run", "PyMem_", "_PyMem_", "PyObject_Malloc", "PyObject_Free",
    "_PyObject_Malloc", "_PyObject_Free", "_mi_", "mi_", "method_vectorcall", "cfunction_",
    "cfunc_", "object_vacall", "vectorcall_", "slot_tp_", "type_call", "tp_new_wrapper",
    "wrap_", "wrapperdescr_", "descr_", "builtin_exec", "builtin___import__",
    "builtin___build_class__", "import_", "exec_code", "__libc_", "__pthread_", "pthread_",
    "__tsan", "__asan", "__interceptor", "__GI_", "__clone", "__assert", "_Unwind",
    "faulthandler", "_find_and_load", "_load_", "_call_with_frames_removed", "_gcd_import",
    "_handle_fromlist", "fatal_error", "start_thread",
)  # fmt: skip
"""The interpreter's loop, calls, imports, start and end, threads, reference counts, allocation, and
the C library below."""

PRODUCTS: Final = frozenset({
    "fastapi", "graalpy", "libcst", "mongodb", "mysql", "numpy", "opencv", "openmp", "openssl",
    "opentelemetry", "postgresql", "pyo3", "pypy", "pyqt", "pyside", "pytorch", "pyyaml",
    "rapidfuzz", "scipy", "sqlalchemy",
})  # fmt: skip
"""Spelt as names out of programs are, in prose no more than words."""

MESSAGES: Final = frozenset(
    {
        "can't install because no wheel",
        "failed building wheel for package",
        "metadata-generation-failed",
        "process completed with exit code 0",
        "segmentation fault (core dumped)",
        "subprocess exited with error",
    }
)
"""Error messages that any installation or crash ends with; digits are 0."""

FINDINGS: Final = frozenset(
    {
        "alloc-dealloc-mismatch",
        "bad-free",
        "container-overflow",
        "dynamic-stack-buffer-overflow",
        "global-buffer-overflow",
        "heap-buffer-overflow",
        "heap-use-after-free",
        "lock-order-inversion",
        "stack-buffer-overflow",
        "stack-buffer-underflow",
        "stack-overflow",
        "stack-use-after-return",
        "stack-use-after-scope",
        "use-after-poison",
        "use-of-uninitialized-value",
    }
)
"""What sanitizers of Clang and GCC call what they find, besides data races."""
