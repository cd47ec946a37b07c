"""Reading reports. All of them are made up, with real projects' names where rules need such."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import data
from bot.index.aliases import read_aliases
from bot.index.names import NameTable, shipped_ranking
from bot.reports.model import Fact, Facts, Kind, Reading, Submission
from bot.reports.reading.document import LOOKED_AT, clean, document
from bot.reports.reading.names import IndexNames
from bot.reports.reading.patterns import MOST, Passage, pattern
from bot.reports.reading.project import project_of
from bot.reports.reading.rules import read, read_submission
from bot.reports.reading.traces import LONGEST_EXCERPT, MOST_FRAMES


def warning(module: str) -> str:
    return (
        "<frozen importlib._bootstrap>:491: RuntimeWarning: The global interpreter lock (GIL) has "
        f"been enabled to load module '{module}', which has not declared that it can run safely "
        "without the GIL. To override this behavior and keep the GIL disabled (at your own risk), "
        "run with PYTHON_GIL=0 or -Xgil=0."
    )


TSAN = """WARNING: ThreadSanitizer: data race (pid=7)
  Write of size 8 at 0x7f0000000010 by thread T2 (mutexes: write M0):
    #0 _Py_atomic_store_ptr Include/cpython/pyatomic_gcc.h:565 (python3.14t+0x11)
    #1 widget_put src/widget.c:88:3 (widget.cpython-314t-x86_64-linux-gnu.so+0x12)
    #2 _PyEval_EvalFrameDefault Python/generated_cases.c.h:3886 (python3.14t+0x13)
  Previous read of size 8 at 0x7f0000000010 by thread T1:
    #0 widget_get src/widget.c:41:9 (widget.cpython-314t-x86_64-linux-gnu.so+0x14)
==================
something that came later
"""
GDB = """Thread 3 "python" received signal SIGSEGV, Segmentation fault.
#0  0x00007ffff7a1 in widget_free (self=0xdd) at src/widget.c:120
#1  0x00007ffff7a2 in _PyEval_EvalFrameDefault (tstate=0x1) at Python/generated_cases.c.h:1
#2  0x00007ffff7a3 in widget_clear (self=0xdd) at ./src/widget.c:99
#3  0x00007ffff7a4 in pymain_run_python () at Modules/main.c:1
"""


@pytest.fixture(scope="module")
def names() -> IndexNames:
    table = NameTable(data.names(), shipped_ranking().names)
    return IndexNames(table, read_aliases(data.read("aliases.json")))


REPORTS: list[tuple[Kind, str, str]] = [
    (Kind.GIL_REENABLED, "Support no-GIL", f"I get\n```\n{warning('_widget')}\n```"),
    (Kind.GIL_REENABLED, "Importing widget turns the GIL back on", "Seen on 3.14t."),
    (Kind.GIL_REENABLED, "Please declare Py_MOD_GIL_NOT_USED", "Wheels for cp314t are there."),
    (Kind.NO_WHEEL, "cp314t wheels?", "There are wheels for cp314, none for cp314t."),
    (
        Kind.NO_WHEEL,
        "Cannot get it with uv",
        "```\nERROR: No matching distribution found for widget\n```\n3.14t on Linux",
    ),
    (Kind.NO_WHEEL, "Publish free-threaded wheels", "It works fine when I compile it myself."),
    (Kind.BUILD_FAILURE, "Fails to build on free-threaded Python", "pip install widget fails."),
    (
        Kind.BUILD_FAILURE,
        "3.14t",
        "```\nwidget.c:12:3: error: unknown type name '__pyx_thing'\n```",
    ),
    (
        Kind.BUILD_FAILURE,
        "Free-threaded compatibility",
        "```\nFAILED: [code=1] widget.o\ngcc -DPy_LIMITED_API -I/include/python3.14t\n```",
    ),
    (Kind.CRASH, "Segfault with 3.14t", "It dies when two threads call widget.put."),
    (Kind.CRASH, "widget and free threading", f"What I see:\n```\n{GDB}```"),
    (
        Kind.CRASH,
        "BUG: segfault on import on 3.13t",
        f"I would rather get a message like:\n{warning('PIL._imaging')}",
    ),
    (
        Kind.GIL_REENABLED,
        "Widget on 3.13t",
        f"I would expect no warning, but I get:\n{warning('widget')}",
    ),
    (Kind.DATA_RACE, "Sanitizer finding", f"```\n{TSAN}```"),
    (Kind.DATA_RACE, "`widget_put` is racy under free-threading", "Two threads may both see it."),
    (Kind.DATA_RACE, "Add a CI job with TSAN on 3.14t", f"It finds:\n```\n{TSAN}```"),
    (Kind.DEADLOCK, "Hangs for ever on 3.14t", "The main thread never returns from join()."),
    (
        Kind.DEADLOCK,
        "Lock order between registry and loop",
        "With the free-threaded build both threads are stuck in futex; a deadlock, py-spy says.",
    ),
    (Kind.WRONG_RESULT, "Inconsistent results without the GIL on 3.14t", "The sums differ."),
    (Kind.WRONG_RESULT, "cache returns wrong values on free-threaded Python", "once in 100 runs"),
    (Kind.PERFORMANCE, "Slower with more threads on 3.14t", "8 threads: 2.3x slower than one"),
    (Kind.PERFORMANCE, "Contention on the registry, free-threaded build", "0.4 s against 3.9 s"),
    (Kind.SUPPORT_REQUEST, "Support the free-threaded build", "Tracking issue: CI, audit, wheels."),
    (Kind.SUPPORT_REQUEST, "Free threading?", "Any plans?"),
    (Kind.SUPPORT_REQUEST, "Status of widget compatibility", "Tracking issue: widget 12."),
    (Kind.DOCS, "docs: which types are safe without the GIL", "This should be documented."),
    (Kind.DOCS, "The guide's free-threading page has a typo", "It says fre-threaded."),
    (Kind.NOT_FREE_THREADING, "Segmentation fault on Python 3.14 rc1", "macOS, it passes on 3.13."),
    (Kind.NOT_FREE_THREADING, "Deadlock between GIL and a mutex", "3.7, 2016, at shutdown."),
    (
        Kind.NOT_FREE_THREADING,
        "Python 3.13 wheels (non free-threaded) are missing",
        "cp313t is up.",
    ),
    (
        Kind.NOT_FREE_THREADING,
        "LINK : fatal error LNK1104: cannot open file 'python313t.lib'",
        "widget-1.0-cp313-cp313-win_amd64 does not link.",
    ),
    (
        Kind.NOT_FREE_THREADING,
        "Wheel builds fail on Windows",
        "Both errors point at free-threaded python, though neither build is free-threaded.",
    ),
    (
        Kind.NOT_FREE_THREADING,
        "prange crashes",
        "A segfault in a Cython function with nogil. Python 3.9.",
    ),
    (
        Kind.NOT_FREE_THREADING,
        "nogil branch has a gil?",
        "I built a gil-less pypy, and it is slow.",
    ),
    (
        Kind.NOT_FREE_THREADING,
        "Abort in a warning",
        "Fatal Python error: no lock\nPython 3.14.0a4+ (heads/main:e100, Feb 6 2025) [GCC 13.3.0]",
    ),
    (Kind.NOT_FREE_THREADING, "Race conditions found by ThreadSanitizer", "gcc -fsanitize=thread"),
    (Kind.NEEDS_INFO, "help", "it does not work"),
    (Kind.NEEDS_INFO, "", ""),
]


@pytest.mark.parametrize(("kind", "title", "text"), REPORTS)
def test_kind(kind: Kind, title: str, text: str, names: IndexNames) -> None:
    reading = read(title, text, names)
    assert reading.kind is kind
    assert 0 <= reading.confidence <= 1
    assert reading.also is not kind


def test_every_kind_is_tried() -> None:
    assert {kind for kind, *_ in REPORTS} == set(Kind)


@pytest.mark.parametrize(
    "symptom",
    ["It segfaults.", "It hangs: a deadlock.", "A data race.", "Wrong results.", "2x slower."],
)
def test_no_symptom_counts_without_a_sign_of_the_build(symptom: str, names: IndexNames) -> None:
    plain = read("Trouble with threads in 3.12", f"{symptom} The GIL is involved.", names)
    assert plain.kind is Kind.NOT_FREE_THREADING
    signed = read("Trouble with threads in 3.14t", symptom, names)
    assert signed.kind is not Kind.NOT_FREE_THREADING
    assert signed.facts.build
    assert "3.14t" in signed.facts.build.evidence


@pytest.mark.parametrize(
    ("text", "free_threaded"),
    [
        ("on 3.14t", True),
        ("cp315t", True),
        ("python3.13t", True),
        ("free-threading", True),
        ("freethreaded", True),
        ("no-GIL", True),
        ("nogil", True),
        ("built with --disable-gil", True),
        ("PYTHON_GIL=0", True),
        ("-X gil=0", True),
        ("the GIL is disabled", True),
        ("waits in _Py_qsbr_reserve", True),
        ("abi3t", True),
        ("while holding the GIL", False),
        ("called without the GIL held", False),
        ("cp314", False),
        ("with nogil: in Cython 0.29", False),
        ("python 3.14", False),
        ("gilded", False),
        ("latest 3.14 tests", False),
    ],
)
def test_signs_of_the_build(text: str, *, free_threaded: bool, names: IndexNames) -> None:
    reading = read("It crashes", f"A segfault {text} now and then.", names)
    assert (reading.kind is Kind.CRASH) is free_threaded


def test_a_build_that_works_for_comparison_denies_nothing(names: IndexNames) -> None:
    text = "The non-free-threaded build works fine."
    reading = read("Segfault on 3.13t", text, names)
    assert reading.kind is Kind.CRASH


FACTS: list[tuple[str, str, str, str]] = [
    # field, value, title, text
    ("python", "3.14t", "x", "Python 3.14.0 free-threading build (main, Oct 1 2025) [Clang 20]"),
    ("python", "3.13t", "x", "Python 3.13.0 experimental free-threading build (main) [GCC 14]"),
    ("python", "3.15t", "Free-threaded 3.15", "It also happens on 3.14t."),
    ("python", "3.14t", "x", "we use cpython-314t"),
    ("python", "3.13t", "x", "python 3.13 built with --disable-gil"),
    ("python", "3.14t", "x", "a typo such as cp34t"),
    ("python", "3.11", "It hangs", "on Python 3.11.7, since 3.10 was fine"),
    ("python", "2.7", "It hangs", "Python 2 only"),
    ("python", "3.14", "It crashes", "Python 3.14.0rc2 (main, Aug 1 2025) [Clang]"),
    ("os", "linux", "x", "widget-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl"),
    ("os", "linux", "x", "I use Ubuntu 24.04."),
    ("os", "macos", "x", "macOS 15 on an M3 Max"),
    ("os", "macos", "x", "/Users/me/widget/libwidget.dylib"),
    ("os", "windows", "x", "It fails on Windows 11. On Linux it works."),
    ("os", "windows", "x", "platform win32 -- Python 3.14.0, pytest-9"),
    ("architecture", "aarch64", "x", "linux-aarch64"),
    ("architecture", "x86_64", "x", "win_amd64"),
    ("installer", "uv", "x", "uv run --python 3.14t x.py"),
    ("installer", "conda", "x", "Python 3.14 | packaged by conda-forge"),
    ("installer", "pip", "x", "$ pip install widget"),
    ("python_gil", "0", "x", "I set PYTHON_GIL=0 for that"),
    ("python_gil", "1", "x", "with -Xgil=1"),
    ("gil_before", "off", "x", "gil_enabled=False"),
    ("gil_before", "off", "x", "print(sys._is_gil_enabled())\nFalse\nTrue\n"),
    ("gil_after", "on", "x", "print(sys._is_gil_enabled())\nFalse\nTrue\n"),
    ("gil_after", "on", "x", warning("widget")),
    ("project", "numpy", "x", "numpy 2.1.3 from the index"),
    ("project", "pillow", "x", warning("PIL._imaging")),
    ("project", "time-machine", "x", warning("_time_machine")),
    ("project", "pyyaml", "x", warning("yaml._yaml")),
    ("project", "greenlet", "Segfault", "greenlet==3.5.2 in requirements"),
    ("project", "lxml", "x", "pip install -U --no-binary lxml lxml --pre"),
    ("project", "scipy", "x", "scipy-1.16.0-cp314-cp314t-win_amd64.whl fails"),
    ("project", "opencv-python", "x", '  File "/v/lib/python3.14t/site-packages/cv2/__init__.py"'),
    ("project", "orjson", "orjson segfaults", "It does so with Flask 3.0 as well."),
    ("version", "3.5.2", "Segfault", "greenlet==3.5.2."),
    ("version", "2.17.0", "time-machine", "Package Version: 2.17.0"),
    ("wheel", "scipy-1.0-cp314-cp314t-win_amd64.whl", "x", "scipy-1.0-cp314-cp314t-win_amd64.whl"),
    ("build", "free-threaded", "x", "3.14t"),
]


@pytest.mark.parametrize(("field", "value", "title", "text"), FACTS)
def test_fact(field: str, value: str, title: str, text: str, names: IndexNames) -> None:
    fact = getattr(read(title, text, names).facts, field)
    assert fact is not None
    assert fact.value == value
    assert fact.evidence
    assert "\n" not in fact.evidence


SILENT: list[tuple[str, str]] = [
    # field, a text that does not say it
    ("python", "nothing about versions, widget 3.1 aside"),
    ("python", "free-threaded, on the 3.9 fork"),
    ("os", "tested on Windows and Linux"),
    ("os", "FreeBSD 14, where linux-x86_64 is emulated"),
    ("os", "it was fine"),
    ("architecture", "x86_64 and aarch64"),
    ("python_gil", warning("widget")),
    ("gil_after", "the GIL stays off"),
    ("project", "the code runs and threads wait in the cache for a click or a result"),
    ("project", "On 3.13 this is fast. Version 1.2 is not."),
    ("project", "pip install -e . and pip install -r requirements.txt"),
    ("project", "import threading, sys"),
    ("version", "numpy on Python 3.14"),
]


@pytest.mark.parametrize(("field", "text"), SILENT)
def test_nothing_is_invented(field: str, text: str, names: IndexNames) -> None:
    assert getattr(read("A report", text, names).facts, field) is None


def test_interpreter_reports_are_of_no_project(names: IndexNames) -> None:
    reading = read(
        "`cProfile.runctx` segfaults on 3.14t", "Seen in numpy's CI with 8 threads.", names
    )
    assert reading.facts.project is None
    assert not any("project" in gap for gap in reading.gaps)


@pytest.mark.parametrize(
    ("name", "project"),
    [
        ("PIL._imaging", "pillow"),
        ("yaml", "pyyaml"),
        ("numpy.linalg._umath", "numpy"),
        ("_lxml", "lxml"),
        ("threading", None),
        ("no_such_module_at_all_x", None),
        ("", None),
        ("...", None),
        ("é" * 9, None),
        ("a" * 500, None),
    ],
)
def test_project_of(name: str, project: str | None, names: IndexNames) -> None:
    assert project_of(name, names) == project


def test_names_know_what_is_not_on_the_index() -> None:
    aliases = read_aliases(b'{"imports":{},"namespaces":[],"tracker":{"Widget":[]},"forks":{}}')
    names = IndexNames(NameTable(b"numpy\nwidget\n", ["numpy"]), aliases)
    assert names.is_project("numpy")
    assert names.is_popular("numpy")
    assert not names.is_project("widget")
    assert not names.is_popular("widget")
    assert not names.is_project("NumPy ")


class TestSignature:
    def test_race(self, names: IndexNames) -> None:
        marks = read("Race on 3.14t", TSAN, names).signature
        assert marks.race == "widget.c:widget_get | widget.c:widget_put"
        assert marks.frames == ("widget.c:widget_put", "widget.c:widget_get")

    def test_stack(self, names: IndexNames) -> None:
        marks = read("Segfault on 3.14t", GDB, names).signature
        assert marks.frames == ("widget.c:widget_free", "widget.c:widget_clear")
        assert marks.race is None

    def test_is_the_same_on_another_machine(self, names: IndexNames) -> None:
        moved = GDB.replace("0x00007ffff7", "0x0000123456").replace(":120", ":131")
        moved = moved.replace("src/widget.c", "/home/me/widget/src/widget.c")
        assert read("", moved, names).signature == read("", GDB, names).signature

    def test_innermost_first_in_python_too(self, names: IndexNames) -> None:
        text = (
            "Traceback (most recent call last):\n"
            '  File "/a/outer.py", line 1, in start\n'
            '  File "/a/inner.py", line 2, in stop\n'
        )
        assert read("x", text, names).signature.frames == ("inner.py:stop", "outer.py:start")

    def test_modules_of_warnings(self, names: IndexNames) -> None:
        text = f"{warning('a.b')}\n{warning('c')}\n{warning('a.b')}"
        assert read("x", text, names).signature.modules == ("a.b", "c")


class TestExcerpt:
    def test_race_report_alone(self, names: IndexNames) -> None:
        logs = "line\n" * 300 + TSAN
        excerpt = read("3.14t", f"```\n{logs}\n```", names).excerpt
        assert "ThreadSanitizer" in excerpt
        assert "widget_get" in excerpt
        assert "something that came later" not in excerpt
        assert excerpt.count("line\n") <= 3

    def test_first_compiler_error(self, names: IndexNames) -> None:
        logs = "note\n" * 99 + "a.c:1:2: error: first\n" + "x\n" * 500 + "a.c:9:9: error: last\n"
        excerpt = read("Fails to build on 3.14t", f"```\n{logs}```", names).excerpt
        assert "first" in excerpt
        assert "last" not in excerpt

    def test_is_bounded(self, names: IndexNames) -> None:
        logs = "Fatal Python error: x\n" + "y" * 1_900 + "\n" + "z" * 90_000
        excerpt = read("3.14t", f"```\n{logs}\n```", names).excerpt
        assert excerpt.startswith("Fatal")
        assert excerpt.endswith("…")
        assert len(excerpt) <= LONGEST_EXCERPT

    def test_nothing_without_logs(self, names: IndexNames) -> None:
        assert read("Support 3.14t", "Please.", names).excerpt == ""


GAPS: list[tuple[str, str, str]] = [
    ("Segfault with 3.14t", "It dies.", "stack of the crash"),
    ("Data race on 3.14t", "It races.", "report of ThreadSanitizer"),
    ("Hangs on 3.14t", "For ever.", "stacks of all threads"),
    ("The GIL comes back on 3.14t", "After an import.", "whole warning"),
    ("Fails to build on 3.14t", "With pip.", "first error of the compiler"),
    ("Slow on 3.14t", "Very.", "times by number of threads"),
    ("Segfault with 3.14t", "It dies.", "PYTHON_GIL=1"),
    ("Segfault, free-threaded build", "It dies.", "python -VV"),
    ("Segfault with 3.14t", "It dies.", "the project that it is about"),
    ("numpy crashes on 3.14t", "It dies.", "the project's version"),
    ("help", "", "what was done"),
]


@pytest.mark.parametrize(("title", "text", "gap"), GAPS)
def test_gap(title: str, text: str, gap: str, names: IndexNames) -> None:
    assert any(gap in each for each in read(title, text, names).gaps)


def test_a_complete_report_has_no_gaps(names: IndexNames) -> None:
    text = (
        "numpy 2.3.0, Python 3.14.0 free-threading build (main, Oct 7 2025) [GCC 14], x86_64\n"
        "8 threads share one array; 3 of 10 runs; with PYTHON_GIL=1 it never happens.\n"
        f"```\nimport numpy\n```\n```\n{GDB}```\n"
    )
    assert read("Segfault in numpy on 3.14t", text, names).gaps == ()


class TestSubmission:
    def test_the_named_project_is_believed(self, names: IndexNames) -> None:
        submission = Submission("Pillow", "3.14t, Ubuntu", "It segfaults.", "numpy 2.1.3")
        facts = read_submission(submission, names).facts
        assert facts.project == Fact("pillow", "Pillow")
        assert facts.version is None
        assert facts.python
        assert facts.python.value == "3.14t"
        assert facts.os
        assert facts.os.value == "linux"

    def test_an_import_name_is_understood(self, names: IndexNames) -> None:
        facts = read_submission(Submission("PIL", "3.14t", "x"), names).facts
        assert facts.project == Fact("pillow", "PIL")

    def test_a_name_that_is_none_gives_way_to_the_text(self, names: IndexNames) -> None:
        submission = Submission("my own thing!", "3.14t", "numpy 2.1.3 crashes")
        facts = read_submission(submission, names).facts
        assert facts.project
        assert facts.project.value == "numpy"

    def test_logs_are_logs(self, names: IndexNames) -> None:
        reading = read_submission(Submission("numpy", "3.14t", "It dies.", GDB), names)
        assert reading.kind is Kind.CRASH
        assert "widget_free" in reading.excerpt

    def test_nothing_at_all(self, names: IndexNames) -> None:
        assert read_submission(Submission(), names).kind is Kind.NEEDS_INFO


CLEANED: list[tuple[str, str]] = [
    ("\x1b[31;1merror\x1b[0m: x", "error: x"),
    ("\x1b]0;title\x07text", "text"),
    ("a\r\nb\rc", "a\nb\nc"),
    ("a\u2028b\x85c", "a\nb\nc"),
    ("hello <@123> and <@!5> <@&7> <#9>", "hello  and   "),
    ("<:pythonheart:123456> <a:wave:1>", ":pythonheart: :wave:"),
    ("<t:1700000000:R> </check:42>", " "),
    ("a<!-- put your logs here -->b", "ab"),
    ("a<!-- never closed", "a<!-- never closed"),
    ("x\x00\u202ey\u200b", "xy"),
    ("#0 f <null> at <stdin>", "#0 f <null> at <stdin>"),
    ("<frozen importlib>", "<frozen importlib>"),
]


@pytest.mark.parametrize(("text", "cleaned"), CLEANED)
def test_cleaning(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_markup_hides_nothing(names: IndexNames) -> None:
    """The same reading with colours, mentions and Windows' line ends."""
    text = f"<@1> numpy 2.1.3 on Ubuntu:\n```\n{GDB}```"
    dressed = text.replace("Segmentation", "\x1b[1mSegmentation\x1b[0m").replace("\n", "\r\n")
    plain = read("Segfault on 3.14t", text, names)
    assert read("Segfault on 3.14t <@&5>\x1b[0m", dressed, names) == plain


def test_prose_and_logs_are_told_apart() -> None:
    read_ = document("t", "before\n```text\ninside\n```\nTraceback (most recent call last):\nafter")
    assert str(read_.prose).split() == ["before", "after"]
    assert "inside" in str(read_.logs)
    assert "Traceback" in str(read_.logs)


@pytest.mark.parametrize("fence", ["```", "````", "~~~", "   ```"])
def test_an_open_fence_reaches_to_the_end(fence: str) -> None:
    assert str(document("", f"a\n{fence}\nb\nc").logs) == "b\nc"


def test_what_tells_is_found_in_the_middle_of_a_long_log(names: IndexNames) -> None:
    noise = "2026-01-01 INFO nothing to see\n" * 12_000
    reading = read("Crash", f"3.14t\n{noise}{GDB}{noise}", names)
    assert reading.kind is Kind.CRASH
    assert reading.signature.frames[0] == "widget.c:widget_free"


def test_what_tells_is_found_in_one_long_line(names: IndexNames) -> None:
    noise = "nothing to see " * 60_000
    reading = read("It", f"{noise}3.14t free-threaded {warning('numpy.core')}{noise}", names)
    assert reading.kind is Kind.GIL_REENABLED


def test_a_pattern_is_tried_where_a_needle_occurs() -> None:
    word = pattern("needle|pin", r"\bneedle\b")
    assert word.search(Passage("a NEEDLE here"))
    assert word.search(Passage("a pin here")) is None
    assert word.search(Passage("hay")) is None
    assert len(list(word.some(Passage("needle " * 100)))) == MOST
    # The lower case of this letter is longer, so places would not agree.
    assert word.search(Passage("İ needle"))


PIECES = [
    "3.14t ", "free-threaded ", "\x1b[31m", "\x1b[", "<@12>", "<@", "`numpy` ", "import numpy\n",
    "pip install ", "numpy==1.2 ", "wheel ", "error: ", "Fatal Python error", "\n", "\r\n", "\x00",
    '  File "/x/y.py", line 3, in f\n', "WARNING: ThreadSanitizer: data race\n", "```", "~~~~",
    "  Read of size 8\n", "#0 0x1 in f at a.c:1\n", "#0 ", "<!--", "-->", "é", "\u202e", "\ud800",
    "GIL) has been enabled to load module 'a.b'", "GIL) has been enabled", "-Xgil=0", "a.", "1.",
    "non-free-threaded ", "cp314-cp314t-", "a-1.0-cp314-cp314t-linux_x86_64.whl", "_", "/", "\\",
    "Python 3.14.0 (", "Python 3.99.1", "neither ", "PYTHON_GIL=", "_is_gil_enabled()", "False\n",
    "True\n", "Extension modules: ", "(total: 3)", "macOS", "Windows ", "İ", " ", "\t", "'", '"',
]  # fmt: skip
HOSTILE = st.one_of(
    st.text(max_size=400),
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
    st.builds(lambda piece, times: piece * times, st.sampled_from(PIECES), st.integers(0, 400)),
)


@settings(max_examples=150, deadline=None)
@given(HOSTILE, HOSTILE)
def test_any_text_is_read(names: IndexNames, title: str, text: str) -> None:
    reading = read(title, text, names)
    assert reading == read(title, text, names)
    assert 0 <= reading.confidence <= 1
    assert len(reading.excerpt) <= LONGEST_EXCERPT
    assert len(reading.signature.frames) <= MOST_FRAMES
    facts = [getattr(reading.facts, name) for name in Facts.__slots__]
    for fact in filter(None, facts):
        assert fact.value
        assert len(fact.evidence) <= 700
    project = reading.facts.project
    assert project is None or names.is_project(project.value)


@settings(max_examples=100, deadline=None)
@given(HOSTILE)
def test_cleaning_is_bounded_and_leaves_no_controls(text: str) -> None:
    cleaned = clean(text * 50)
    assert len(cleaned) <= LOOKED_AT + 100
    assert not any(ord(char) < 32 and char not in "\n\t" for char in cleaned)
    assert "\u202e" not in cleaned


@given(st.text(max_size=200), st.sampled_from(sorted(Kind)))
def test_wishing_for_a_kind_does_not_change_the_reading(text: str, kind: Kind) -> None:
    """Words that are no sign add nothing: a kind's name in an HTML comment."""
    table = NameTable(b"numpy\n", ["numpy"])
    names = IndexNames(
        table, read_aliases(b'{"imports":{},"namespaces":[],"tracker":{},"forks":{}}')
    )
    body = text.replace("<", "").replace(">", "").replace("-", "")
    assert read("t", f"{body}<!-- {kind} -->", names) == read("t", body, names)


@pytest.mark.parametrize(
    "text",
    ["x" * 10_485_760, "<!--" * 500_000, "\x1b[" * 500_000, "`a`" * 700_000, "a\n" * 900_000],
)
def test_huge_texts_are_read(text: str, names: IndexNames) -> None:
    reading = read("Segfault on 3.14t", text, names)
    assert reading.kind is Kind.CRASH
    assert isinstance(replace(reading), Reading)
