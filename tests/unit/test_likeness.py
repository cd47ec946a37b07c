"""Reports of one problem are found, others are left alone. All reports here are made up."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reports.likeness.model import Known
from bot.reports.likeness.rules import (
    SURE,
    WORTH_SHOWING,
    known,
    likely,
    nearly_identical,
    related,
)
from bot.reports.likeness.words import (
    LONGEST_TEXT,
    MOST_WORDS,
    is_message,
    is_name,
    telling,
    telling_frames,
)
from bot.reports.model import Fact, Facts, Kind, Reading, Signature
from tests.conftest import SHARED

LABELLED = SHARED / "data/reports/labelled.jsonl"
WARNING = (
    "<frozen importlib._bootstrap>:491: RuntimeWarning: The global interpreter lock (GIL) has been"
    " enabled to load module '{}', which has not declared that it can run safely without the GIL."
    " To override this behavior and keep the GIL disabled (at your own risk), run with PYTHON_GIL=0"
    " or -Xgil=0."
)


def reading(
    kind: Kind = Kind.CRASH,
    project: str | None = None,
    *,
    python: str | None = None,
    modules: Sequence[str] = (),
    frames: Sequence[str] = (),
    race: str | None = None,
) -> Reading:
    facts = Facts(
        project=Fact(project, project) if project else None,
        python=Fact(python, python) if python else None,
    )
    signature = Signature(tuple(modules), tuple(frames), race)
    return Reading(kind, 1.0, facts, signature=signature)


def report(key: str, title: str, text: str, about: Reading) -> Known:
    return known(f"report:{key}", title, text, about)


def score(new: Known, other: Known, *more: Known) -> float:
    """How much `new` is like `other`, among `more`; 0 if it is not worth showing."""
    found = likely(new, [other, *more], limit=len(more) + 1)
    return next((each.score for each in found if each.key == other.key), 0.0)


CRASH = report(
    "1",
    "Segfault in Gadget.turn with four threads",
    "Turning one Gadget from four threads crashes. The bolt_table is shared, it seems.",
    reading(project="widget", frames=("gadget.c:turn_locked", "gadget.c:gadget_turn")),
)
GIL = report(
    "2",
    "GIL is back",
    WARNING.format("widget._speedups"),
    reading(Kind.GIL_REENABLED, "widget", modules=("widget._speedups",)),
)
NO_WHEEL = report(
    "3",
    "Please build for free-threaded Python",
    "pip compiles it each time.",
    reading(Kind.NO_WHEEL, "widget", python="3.14t"),
)
MESSAGE = report(
    "4",
    "Worker dies",
    "Fatal Python error: spindle_release: spindle 0x7f00 was not held by thread 5\nNo idea why.",
    reading(project="spindle"),
)


@pytest.mark.parametrize(
    ("new", "other"),
    [
        (
            report(
                "5",
                "Free-threaded build crashes",
                "I only call gadgets in a pool. See the stack, it ends in bolt_table handling.",
                reading(project="widget", frames=("turn_locked", "gadget.c:gadget_turn")),
            ),
            CRASH,
        ),
        (
            report(
                "5",
                "importing turns the lock on",
                f"At import: `{WARNING.format('widget._speedups')}`",
                reading(Kind.GIL_REENABLED, "widget", modules=("widget._speedups",)),
            ),
            GIL,
        ),
        (
            report(
                "5",
                "Declare that it is safe without the GIL",
                "It says nothing in its slots.",
                reading(Kind.GIL_REENABLED, "widget"),
            ),
            GIL,
        ),
        (
            report(
                "5",
                "cp314t wheels, please",
                "There are none.",
                reading(Kind.NO_WHEEL, "widget", python="3.14t"),
            ),
            NO_WHEEL,
        ),
        (
            report(
                "5",
                "carousel stops",
                "carousel runs on spindle.\n"
                "```\nFatal Python error: spindle_release: spindle 0x55aa was not held by thread 2"
                "\n```",
                reading(project="carousel"),
            ),
            MESSAGE,
        ),
    ],
    ids=["frames", "module", "declaration", "wheels", "message"],
)
def test_one_problem_told_twice_is_found(new: Known, other: Known) -> None:
    assert score(new, other) >= SURE
    assert score(other, new) >= SURE


@pytest.mark.parametrize(
    "new",
    [
        report("5", "It crashes", "Nothing but a crash, on import.", reading(project="widget")),
        report(
            "5",
            "Segfault in Lathe.cut with four threads",
            "Cutting with one Lathe crashes.",
            reading(project="widget", frames=("lathe.c:cut_locked", "lathe.c:lathe_cut")),
        ),
        report(
            "5",
            "Slow",
            "Gadget.turn scales badly, all threads wait for the bolt_table.",
            reading(Kind.PERFORMANCE, "widget"),
        ),
        report("5", "GIL is back", WARNING.format("lathe"), reading(Kind.GIL_REENABLED, "lathe")),
        report(
            "5",
            "Please build for free-threaded Python",
            "There is an sdist only.",
            reading(Kind.NO_WHEEL, "lathe", python="3.14t"),
        ),
        report(
            "5",
            "Windows wheels",
            "Only for Linux so far.",
            reading(Kind.NO_WHEEL, "widget", python="3.13t"),
        ),
        report(
            "5",
            "Other module",
            WARNING.format("widget._lathe"),
            reading(Kind.GIL_REENABLED, "widget", modules=("widget._lathe",)),
        ),
        report("5", "Help", "", reading(Kind.NEEDS_INFO)),
    ],
    ids=[
        "project",
        "other-frames",
        "other-kind",
        "other-project",
        "other-wheels",
        "other-python",
        "other-module",
        "empty",
    ],
)
def test_other_problems_are_not_taken_for_known_ones(new: Known) -> None:
    for other in (CRASH, GIL, NO_WHEEL, MESSAGE):
        assert score(new, other) < SURE


def test_reports_made_from_one_recipe_are_not_alike() -> None:
    """The program that reproduces a race says little: its author writes another for each race."""
    text = (
        "```python\nimport threading\nimport widget as w\n\nbarrier = threading.Barrier(8)\n\n"
        "def closure(x):\n    barrier.wait()\n    for _ in range(100):\n        w.{}(x)\n```\n"
        "```\nWARNING: ThreadSanitizer: data race (pid=1)\n    #0 {} gadget.c:10\n"
        "    #1 _PyEval_EvalFrameDefault ceval.c:5\n```"
    )
    races = [
        report(
            name,
            f"Race in widget_{name}",
            text.format(name, f"widget_{name}"),
            reading(
                Kind.DATA_RACE, "widget", frames=(f"widget_{name}", "_PyEval_EvalFrameDefault")
            ),
        )
        for name in ("turn", "fasten", "lift")
    ]
    assert score(races[0], races[1], races[2]) < WORTH_SHOWING


def test_frames_that_are_on_every_stack_say_nothing() -> None:
    stack = (
        "ceval.c:_PyEval_EvalFrameDefault",
        "call.c:PyObject_Vectorcall",
        "_PyFunction_Vectorcall",
        "method_vectorcall_VARARGS",
        "pymain_run_file_obj",
        "Py_RunMain",
        "__libc_start_main",
        "PyEval_EvalCode",
        "thread_run",
        "start_thread",
    )
    assert not telling_frames(stack)
    assert telling_frames(("ceval.c:PyEval_SetProfileAllThreads", *stack)) == {
        "PyEval_SetProfileAllThreads"
    }
    one, other = (report(key, "", "", reading(frames=stack)) for key in "12")
    assert score(one, other) < WORTH_SHOWING


def test_a_word_that_all_use_tells_nothing() -> None:
    others = [
        report(
            str(number), f"Trouble {number}", "The flux_gate is open.", reading(project="widget")
        )
        for number in range(60)
    ]
    new = report("new", "Trouble", "My flux_gate broke.", reading(project="widget"))
    assert score(new, others[0]) > score(new, others[0], *others[1:])


def test_a_text_that_names_an_issue_is_nearer_to_it() -> None:
    url = "https://github.com/acme/widget/issues/7"
    issue = known("issue:acme/widget#7", "Gadget.turn hangs", "Always.", reading(), url=url)
    names = report("5", "It hangs", f"Perhaps as in {url}?", reading(project="lathe"))
    with_name, without = (
        likely(new, [replace(issue, project="widget")])
        for new in (
            replace(names, project="widget"),
            replace(names, project="widget", words=names.words - {"acme/widget#7"}),
        )
    )
    assert "one names the other" in with_name[0].reasons
    assert with_name[0].score < SURE  # it may say that it is another problem
    assert without == ()


@pytest.mark.parametrize(
    ("race", "other", "sure"),
    [
        ("a.c:f | b.c:g", "b.c:g | a.c:f", True),
        ("a.c:f", "f", True),
        ("a.c:f | b.c:g", "a.c:f", True),
        ("a.c:f", "a.c:h", False),
        ("ceval.c:_PyEval_EvalFrameDefault", "ceval.c:_PyEval_EvalFrameDefault", False),
    ],
)
def test_races_are_known_by_their_functions(race: str, other: str, *, sure: bool) -> None:
    one, two = (
        report(key, "A race", "Found by chance." * int(key), reading(Kind.DATA_RACE, "w", race=at))
        for key, at in (("1", race), ("2", other))
    )
    assert (score(one, two) >= SURE) is sure
    assert score(one, two) == score(two, one)


def test_reasons_are_plain_phrases() -> None:
    (found,) = likely(replace(CRASH, key="report:9", sketch=(1,)), [CRASH])
    assert found.reasons[:3] == (
        "same project: widget",
        "same kind of problem",
        "same frames: gadget_turn, turn_locked",
    )
    assert all(reason == reason.strip() and "\n" not in reason for reason in found.reasons)
    (module,) = likely(replace(GIL, key="report:9", sketch=(1,)), [GIL])
    assert "same module in the warning: widget._speedups" in module.reasons


def test_what_is_known_of_an_issue_comes_with_it() -> None:
    other = replace(CRASH, key="issue:a/b#1", url="https://github.com/a/b/issues/1", state="closed")
    (found,) = likely(CRASH, [other])
    assert (found.key, found.title, found.url, found.state) == (
        "issue:a/b#1",
        CRASH.title,
        "https://github.com/a/b/issues/1",
        "closed",
    )


def test_a_report_is_not_its_own_duplicate_and_the_limit_holds() -> None:
    copies = [replace(CRASH, key=f"report:{number}") for number in range(10, 20)]
    found = likely(CRASH, [CRASH, *copies], limit=3)
    assert len(found) == 3
    assert CRASH.key not in {each.key for each in found}
    assert likely(CRASH, []) == ()


def test_likeliest_first() -> None:
    worse = replace(CRASH, key="report:8", sketch=(1,), words=frozenset(), subject=frozenset())
    found = likely(CRASH, [worse, replace(CRASH, key="report:9")])
    assert [each.key for each in found] == ["report:9", "report:8"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The FT_Face is shared.", {"FT_Face", "shared"} - {"shared"}),
        ("`zlib.crc32` fails", {"zlib.crc32", "zlib", "crc32"}),
        ("numpy==2.3.1 crashes", {"numpy==2.3.1", "numpy"}),
        ("see python/cpython#123", {"python/cpython#123"}),
        ("https://github.com/a-b/c.d/issues/7", {"a-b/c.d#7"}),
        (WARNING.format("widget._speedups"), set()),
        ("NumPy and PyTorch", {"numpy", "pytorch"}),
        ("it is on python 3.14t, thanks!", set()),
        ("```\nvalue = spindle.turn()\n```\nThe pulley breaks.", {"pulley", "breaks"}),
        ("    indented = code_of_theirs", set()),
        ("  #4 spindle_turn at spindle.c:4", set()),
        ('  File "spindle.py", line 3 in turn_it', set()),
        ("SpindleError: no spindle at 0x7fff", {"no spindle at 0"}),
        ("```\nValueError: bad pulley of size 12.\n```", {"bad pulley of size 0"}),
        ("fatal error LNK1104: cannot open file 'pulley.lib'", {"cannot open file 'pulley.lib'"}),
        ("ThreadSanitizer: heap-use-after-free (pid=1)", {"heap-use-after-free"}),
        ("WARNING: ThreadSanitizer: data race (pid=1)", set()),
        ("", set()),
    ],
)  # fmt: skip
def test_words_that_tell(text: str, words: set[str]) -> None:
    found = telling(text)
    assert found >= words
    if not words:
        assert not found


def test_messages_and_names_are_told_from_words() -> None:
    assert is_message("no spindle at 0")
    assert not is_message("spindle")
    names = ("FT_Face", "FreeTypeFont", "zlib.crc32", "numpy==2.0", "a/b#1", "heap-use-after-free")
    assert all(map(is_name, names))
    assert not any(map(is_name, ("pulley", "no spindle at 0", "free-running")))


def test_a_list_of_words_is_limited_and_keeps_the_best() -> None:
    text = " ".join(f"w{chr(97 + n // 26)}{chr(97 + n % 26)}x" for n in range(600)) + " The_Name"
    found = telling(text)
    assert len(found) == MOST_WORDS
    assert "The_Name" in found


def test_floods_are_recognised() -> None:
    text = "Turning {0} gadgets with widget kills my machine, {1} please look at bolt number {0}!"
    one, other = (
        report(key, "widget is broken", text.format(number, who), reading(project="widget"))
        for key, number, who in (("1", 12, "@ann"), ("2", 7_000, "@bob"))
    )
    assert nearly_identical(one, other)
    spaced = report(
        "3", "Widget  is BROKEN", text.format(1, "").replace(" ", "\n  "), reading(project="widget")
    )
    assert nearly_identical(one, spaced)
    assert not nearly_identical(one, CRASH)
    assert not nearly_identical(one, replace(other, project="lathe"))
    assert score(one, other) == 1


def test_two_empty_texts_are_no_flood() -> None:
    empty = report("1", "", "", reading())
    assert not nearly_identical(empty, replace(empty, key="report:2"))
    numbers = report("1", "12", "3 4 @ann", reading())
    assert not nearly_identical(numbers, replace(numbers, key="report:2"))


@pytest.mark.parametrize("kind", Kind)
def test_related_kinds_are_so_both_ways(kind: Kind) -> None:
    assert kind in related(kind)
    for other in related(kind) - {Kind.NEEDS_INFO}:
        assert kind in related(other)


TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(
        st.sampled_from(
            [
                "FT_Face",
                "zlib.crc32",
                "pulley",
                "spindle",
                "```",
                "\n",
                "Error: a b c d",
                "numpy==2",
            ]
        ),
        max_size=30,
    ).map(" ".join),
)
NAMES = st.sampled_from(["numpy", "widget", "pulley"])
READINGS = st.builds(
    reading,
    st.sampled_from(Kind),
    st.one_of(st.none(), NAMES),
    python=st.sampled_from([None, "3.13t", "3.14t"]),
    modules=st.lists(st.sampled_from(["a._b", "c"]), max_size=2),
    frames=st.lists(st.sampled_from(["a.c:f", "f", "g", "_PyEval_EvalFrameDefault"]), max_size=3),
    race=st.sampled_from([None, "f", "g"]),
)
KNOWN = st.builds(known, st.just("report:1"), TEXTS, TEXTS, READINGS)


@given(KNOWN, KNOWN)
def test_likeness_is_the_same_both_ways(one: Known, other: Known) -> None:
    other = replace(other, key="report:2")
    there, back = likely(one, [other]), likely(other, [one])
    assert [round(each.score, 9) for each in there] == [round(each.score, 9) for each in back]


@given(KNOWN, st.lists(KNOWN, max_size=6))
def test_scores_are_in_order_and_in_bounds(new: Known, others: list[Known]) -> None:
    named = [replace(each, key=f"report:{number}") for number, each in enumerate(others, 10)]
    found = likely(new, named, limit=4)
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True)
    assert all(WORTH_SHOWING <= each <= 1 for each in scores)
    assert len(found) <= 4


@given(KNOWN, st.lists(KNOWN, max_size=5))
def test_nothing_is_more_like_a_report_than_its_copy(new: Known, others: list[Known]) -> None:
    named = [replace(each, key=f"report:{number}") for number, each in enumerate(others, 10)]
    copy = replace(new, key="report:2")
    found = likely(new, [*named, copy], limit=9)
    if new.sketch:
        assert nearly_identical(new, copy)
        assert found[0].score == 1
        assert "report:2" in {each.key for each in found if each.score == 1}


@given(KNOWN, KNOWN)
def test_being_nearly_identical_goes_both_ways(one: Known, other: Known) -> None:
    assert nearly_identical(one, other) == nearly_identical(other, one)


@pytest.mark.parametrize(
    "piece",
    [
        "a/", "a", "A_", "`", " Error: ", "a.", "@", "\n", "- ", "Error: a b c\n", "https://",
        "The global interpreter lock (GIL) has been enabled", "x==1 ", "a-", "\u202e", "[", "```\n",
        "a" * 59 + "Error",
    ],
)  # fmt: skip
def test_hostile_text_takes_no_time(piece: str) -> None:
    text = piece * (1_100_000 // len(piece))
    begun = time.process_time()
    made = known("report:1", text, text, replace(reading(), excerpt=text))
    assert time.process_time() - begun < 1.5  # it takes a twentieth; quadratic rules take minutes
    assert len(made.words) <= MOST_WORDS
    assert all(len(word) <= LONGEST_TEXT for word in made.words)


@pytest.fixture(scope="module")
def labelled() -> list[dict[str, Any]]:
    if not LABELLED.exists():
        pytest.skip(f"the labelled reports are not at {LABELLED}")
    return [json.loads(line) for line in LABELLED.read_text(encoding="utf-8").splitlines()]


def test_labelled_duplicates_are_found_and_few_others(labelled: list[dict[str, Any]]) -> None:
    """With kind and project as people labelled them."""
    reports = [
        report(
            str(row["id"]),
            row["title"],
            row["text"],
            reading(Kind(row["kind"]), row["package"], python=row["python"]),
        )
        for row in labelled
    ]
    pairs = {
        frozenset((f"report:{row['id']}", f"report:{row['duplicate_of']}"))
        for row in labelled
        if row["duplicate_of"]
    }
    found = set()
    for place, new in enumerate(reports):
        for best in likely(new, reports[:place], 1):
            if best.score >= SURE:
                found.add(frozenset((new.key, best.key)))
    assert len(found & pairs) >= len(pairs) * 2 / 3
    assert len(found - pairs) <= len(reports) / 100


@pytest.mark.bench
def test_ten_thousand_known_ones_take_50_ms() -> None:
    vocabulary = [f"word_{number}" for number in range(5_000)]
    others = [
        replace(
            CRASH,
            key=f"report:{number}",
            project=f"project-{number % 50}",
            sketch=(number,),
            words=frozenset(vocabulary[number % 4_900 :][:60]) | {"bolt_table"},
        )
        for number in range(10_000)
    ]
    new = replace(CRASH, key="report:new", words=frozenset(vocabulary[::80]) | {"bolt_table"})
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        likely(new, others)
        seconds.append(time.perf_counter() - begun)
    assert min(seconds) < 0.05
