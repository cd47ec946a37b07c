"""Questions to the guide, written from what its headings mean, in other words than theirs.

Each comes with the section that answers it, or several where the guide says it more than once.
"""

from typing import Final, TypeAlias

_MSVC = "faq/#im-trying-to-build-a-library-on-windows-but-msvc-says-c-atomic-support-is-not-enabled"

Questions: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]

QUESTIONS: Final[Questions] = (
    (
        "a warning says that the lock came back when I imported a module",
        ("faq/#what-does-runtimewarning-the-global-interpreter-lock-gil-has-been-enabled-mean",),
    ),
    (
        "ask from inside my program whether the lock is really off now",
        ("running-gil-disabled/#at-runtime",),
    ),
    (
        "is my interpreter the nogil variant",
        ("running-gil-disabled/#check-if-using-a-free-threaded-build",),
    ),
    (
        "keep the lock off although a module asks for it",
        ("running-gil-disabled/#force-the-gil-to-be-disabled",),
    ),
    (
        "github actions job with uv",
        ("ci/#ci-setup-via-setup-uv",),
    ),
    (
        "make binary packages for all platforms automatically",
        ("ci/#building-free-threaded-wheels-with-cibuildwheel",),
    ),
    (
        "a pipeline job that hangs should be stopped after some minutes",
        ("ci/#ci-timeouts",),
    ),
    (
        "visual studio complains about C11",
        (_MSVC,),
    ),
    (
        "compiler stops: stable ABI macro cannot be used with nogil",
        ("faq/#what-does-py_limited_api-is-currently-incompatible-with-py_gil_disabled-mean",),
    ),
    (
        "cannot get notebooks installed",
        ("faq/#pip-install-jupyter-fails",),
    ),
    (
        "use notebooks with the nogil interpreter",
        ("installing-cpython/#installing-a-free-threaded-jupyter-kernel",),
    ),
    (
        "docker image with 3.14t",
        ("installing-cpython/#use-containers",),
    ),
    (
        "compile the interpreter myself",
        ("installing-cpython/#build-from-source",),
    ),
    (
        "apt or dnf package of nogil",
        ("installing-cpython/#linux-distribution-installers",),
    ),
    (
        "get the interpreter with conda or homebrew",
        ("installing-cpython/#multi-platform-package-managers",),
    ),
    (
        "say in my C module that it does not need the lock",
        ("porting-extensions/#declaring-free-threaded-support",),
    ),
    (
        "small fast mutex of the C API",
        ("porting-extensions/#pymutex",),
    ),
    (
        "lock an object for a stretch of C code without deadlock",
        ("porting-extensions/#critical-sections",),
    ),
    (
        "PyList_GetItem is dangerous, I need a strong reference",
        ("porting-extensions/#unsafe-apis-returning-borrowed-references",),
    ),
    (
        "my wrapper calls a C library that is not reentrant",
        ("porting-extensions/#dealing-with-thread-unsafe-native-libraries",),
    ),
    (
        "memoized results shared by all threads in C",
        ("porting-extensions/#making-global-caches-thread-safe",),
    ),
    (
        "compare and swap, counters without mutex",
        ("porting-extensions/#lock-free-concurrent-programming-with-atomics",),
    ),
    (
        "is my pyx code safe when several threads call it",
        ("porting-extensions/#cython-thread-safety",),
    ),
    (
        "module level variables that several threads change",
        ("porting/#dealing-with-mutable-global-state",),
    ),
    (
        "replace a structure instead of changing it, so that readers need no lock",
        ("porting/#copy-on-write",),
    ),
    (
        "throw an exception when two threads use one object",
        ("porting/#raising-errors-under-shared-concurrent-use",),
    ),
    (
        "a tool of the compiler that finds races",
        ("debugging/#using-thread-sanitizer-to-detect-thread-safety-issues", "thread_sanitizer/"),
    ),
    (
        "silence known race reports that others have collected",
        ("thread_sanitizer/#using-suppressions-files-from-other-projects",),
    ),
    (
        "run my whole test suite in many threads at once",
        ("testing/", "debugging/#pytest-plugins-to-discover-concurrency-issues"),
    ),
    (
        "where is time spent when several threads run",
        ("profiling/",),
    ),
)
"""Written first. The synonyms and weights were chosen by these and by `LATER`."""

LATER: Final[Questions] = (
    (
        "a flaky test: run it over and over until it fails",
        ("debugging/#repeated-test-execution",),
    ),
    (
        "memory corruption, use after free in an extension",
        ("debugging/#using-addresssanitizer-to-detect-thread-safety-issues",),
    ),
    (
        "the yaml parser that I require is not ready",
        ("dependencies/#depending-on-pyyaml",),
    ),
    (
        "whom can I ask, is there a chat",
        ("#news-and-getting-help", "contributing/#news-and-getting-help"),
    ),
    (
        "which libraries are ready already",
        ("tracking/",),
    ),
    (
        "storage per thread instead of static variables in C",
        ("porting-extensions/#converting-global-state-to-thread-local-state",),
    ),
    (
        "videos of presentations",
        ("resources/#conference-talks",),
    ),
    (
        "what do I promise users who call my library from several threads",
        ("porting/#define-and-document-thread-safety-guarantees",),
    ),
    (
        "catch_warnings misbehaves in parallel tests",
        ("testing/#the-warnings-module-is-not-thread-safe-before-python-314",),
    ),
    (
        "temporary files collide when tests run in parallel",
        ("testing/#file-system-thread-safety",),
    ),
    (
        "how much faster is a simulation with random numbers",
        ("examples/monte-carlo/", "examples/monte-carlo/#understanding-the-results"),
    ),
    (
        "in which order should I go about moving my project",
        ("porting/#suggested-plan-of-attack",),
    ),
    (
        "header that brings new C functions to older versions",
        ("porting-extensions/#adopt-pythoncapi-compat-to-use-new-c-api-functions",),
    ),
    (
        "nogil on windows runners, downloaded by hand",
        ("ci/#windows-ci-setup-via-custom-powershell",),
    ),
    (
        "the profile lacks names of my functions on ubuntu",
        ("profiling/#python-stack-frames-on-linux",),
    ),
    (
        "step through the generated C of pyx files with a debugger",
        ("debugging/#cython-debugging",),
    ),
    (
        "module compiled from type annotated python",
        ("dependencies/#mypyc",),
    ),
    (
        "tests fail only because they share state with one another",
        ("testing/#fixing-thread-unsafe-tests",),
    ),
    (
        "crawl many web pages faster",
        ("examples/asyncio/", "examples/asyncio/#web-scraping-example-with-free-threaded-python"),
    ),
    (
        "I want to help a package become ready",
        ("contributing/#implementing-support-for-free-threading-in-a-package",),
    ),
    (
        "ready-made concurrent containers",
        ("porting/#third-party-libraries",),
    ),
    (
        "see it in the version that the command prints",
        ("running-gil-disabled/#from-the-command-line",),
    ),
    (
        "std::mutex or the locks of Rust",
        ("porting-extensions/#native-mutexes",),
    ),
    (
        "how do I write a test that starts threads by itself",
        ("debugging/#writing-explicitly-concurrent-test-cases",),
    ),
    (
        "I think the bug is in the interpreter itself",
        ("debugging/#detecting-issues-in-cpython",),
    ),
    (
        "compression package that the standard library replaces",
        ("dependencies/#zstandard",),
    ),
    (
        "why should docs not just claim that something is fine with threads",
        ("documentation-principles/#vague-statements",),
    ),
    (
        "function may be entered again from a signal handler",
        ("documentation-principles/#reentrant",),
    ),
    (
        "old cython cannot build it, unknown type",
        ("faq/#cython-compilation-errors-unknown-type-name-__pyx_vectorcallfunc",),
    ),
    (
        "checkbox in the official installer",
        ("installing-cpython/#install-binaries-directly",),
    ),
    (
        "can I ship one abi3 file for every version",
        (
            "porting-extensions/#limited-api-support",
            "faq/#what-does-py_limited_api-is-currently-incompatible-with-py_gil_disabled-mean",
        ),
    ),
    (
        "macros that write list items without protection",
        ("porting-extensions/#some-low-level-apis-dont-enforce-locking",),
    ),
    (
        "contextvars for settings instead of a shared variable",
        ("porting/#converting-global-state-to-context-local-or-thread-local-state",),
    ),
    (
        "guard a shared dictionary in python so that one thread at a time gets in",
        ("porting/#locking",),
    ),
    (
        "pytest never returns, abort a stuck test",
        ("testing/#configure-timeouts-to-avoid-hanging-tests",),
    ),
    (
        "ready-made image with an instrumented interpreter",
        ("thread_sanitizer/#cpython_sanity-docker-images",),
    ),
    (
        "the race is in someone else's package, what now",
        ("thread_sanitizer/#reporting-tsan-issues-in-your-dependencies",),
    ),
    (
        "share a recorded profile with a colleague",
        ("profiling/#uploading-profiler-data-to-profilerfirefoxcom",),
    ),
)
"""Asked one after the other while the means were made."""

HELD_OUT: Final[Questions] = (
    (
        "how do I know from the shell that it is the t build",
        ("running-gil-disabled/#from-the-command-line",),
    ),
    (
        "segfault only when threads run, get a backtrace",
        ("debugging/#debugging-tests-that-depend-on-native-calls",),
    ),
    (
        "tutorial for ThreadPoolExecutor",
        ("porting/#multithreaded-python-programming",),
    ),
    (
        "fortran routines with common blocks",
        ("porting-extensions/#dealing-with-thread-unsafe-native-libraries",),
    ),
    (
        "is there a formula for brew",
        ("installing-cpython/#multi-platform-package-managers",),
    ),
    (
        "my counter object loses increments",
        ("porting/#dealing-with-thread-unsafe-objects",),
    ),
    (
        "why did nothing break before",
        ("porting/#why-do-projects-need-updates",),
    ),
    (
        "who pays for this effort",
        ("#about-this-site",),
    ),
    (
        "history of the PEP",
        ("resources/#free-threading-pre-history-and-background",),
    ),
    (
        "halt at the first race",
        ("thread_sanitizer/#useful-tsan-options",),
    ),
    (
        "may I use monkeypatch from threads",
        ("testing/#pytest-is-not-thread-safe",),
    ),
    (
        "do I still need Py_BEGIN_ALLOW_THREADS",
        ("porting-extensions/#working-with-the-free-threaded-cpython-interpreter-runtime",),
    ),
    (
        "picture of a fractal",
        ("examples/mandelbrot/", "examples/mandelbrot-threads/"),
    ),
    (
        "macro to tell the builds apart in C",
        ("porting-extensions/#porting-c-extensions",),
    ),
    (
        "does single threaded speed suffer",
        ("porting/#general-considerations-for-porting",),
    ),
)
"""Written when all was done, and asked once: nothing was changed for them."""
