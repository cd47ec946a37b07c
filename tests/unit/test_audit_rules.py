import json
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from bot.audit.model import Best, Class
from bot.audit.rules import READY, advise, best, classify, judge, missing_only, paths
from bot.compat.condense import condense
from bot.compat.model import ProjectFiles, Target, Verdict
from bot.compat.targets import ALL_TARGETS
from tests.unit.pages import SHARED, condensed, file, pages

WINDOWS = Target("3.14t", "windows-amd64")
FT = "cp314-cp314t-win_amd64.whl"
GIL = "cp314-cp314-win_amd64.whl"
PURE = "py3-none-any.whl"

ALL_OF_314 = [
    "win_amd64", "win_arm64", "manylinux_2_28_x86_64", "manylinux_2_28_aarch64",
    "musllinux_1_2_x86_64", "musllinux_1_2_aarch64", "macosx_11_0_arm64", "macosx_11_0_x86_64",
]  # fmt: skip

# Files, the pin, its verdict, its class, the other version, what would help.
CASES: dict[str, tuple[list[str], str | None, str | None, str, str | None, str]] = {
    "ready": ([f"foo-1.0-{FT}", "foo-1.0.tar.gz"], "1.0", "wheel", "ready", None, ""),
    "pure": ([f"foo-1.0-{PURE}"], "1.0", "pure", "ready", None, ""),
    "spelt otherwise": ([f"foo-1.0.0-{FT}"], "1.0", "wheel", "ready", None, ""),
    "an older wheel than the pin": (
        [f"foo-2.0-{GIL}", "foo-2.0.tar.gz", f"foo-1.0-{FT}"],
        "2.0", "sdist", "works", "1.0", "1.0 had a wheel, 2.0 has none.",
    ),
    "a newer wheel than the pin": (
        [f"foo-3.0-{FT}", f"foo-2.0-{FT}", "foo-1.0.tar.gz"],
        "1.0", "sdist", "works", "3.0", "Ready from 2.0, this is 1.0.",
    ),
    "newer ones come first": (
        [f"foo-3.0-{FT}", "foo-2.0.tar.gz", f"foo-1.0-{FT}"],
        "2.0", "sdist", "works", "3.0", "Ready from 3.0, this is 2.0.",
    ),
    "only a pre-release": (
        ["foo-2.0b1-cp314-abi3.abi3t-win_amd64.whl", "foo-1.0.tar.gz"],
        "1.0", "sdist", "works", "2.0b1", "An abi3t wheel is in the pre-release 2.0b1.",
    ),
    "finals before pre-releases": (
        [f"foo-3.0rc1-{FT}", "foo-2.0.tar.gz", f"foo-1.0-{FT}"],
        "2.0", "sdist", "works", "1.0", "1.0 had a wheel, 2.0 has none.",
    ),
    "no pin, an older wheel": (
        ["foo-2.0.tar.gz", f"foo-2.0-{GIL}", f"foo-1.0-{FT}"],
        None, "older-wheel", "works", "1.0", "1.0 has a wheel.",
    ),
    "nothing but sources": (
        ["foo-2.0.tar.gz", "foo-1.0.tar.gz"],
        "2.0", "sdist", "blocked", None, "It has to be compiled here: no release has a wheel.",
    ),
    "wheels of the other build": (
        [f"foo-1.0-{GIL}"], "1.0", "none", "blocked", None, "No release can be installed here.",
    ),
    "no such version": ([f"foo-1.0-{FT}"], "1.1", None, "unknown", "1.0", ""),
    "no version at all": ([f"foo-1.0-{FT}"], "latest", None, "unknown", "1.0", ""),
    "a yanked pin is installed all the same": (
        [f"foo-2.0-{FT}", f"!foo-1.0-{FT}"], "1.0", "wheel", "ready", "2.0", "",
    ),
    "yanked ones help nobody": (
        [f"!foo-2.0-{FT}", "foo-1.0.tar.gz"],
        "1.0", "sdist", "blocked", None, "It has to be compiled here: no release has a wheel.",
    ),
    "a placeholder is no answer": (
        [f"foo-2.0-{GIL}", f"foo-0.0.1-{PURE}"],
        "2.0", "none", "blocked", None, "No release can be installed here.",
    ),
    "a fallback": (
        ["foo-1.0-cp310-abi3-win_amd64.whl", f"foo-1.0-{PURE}"],
        "1.0", "pure-fallback", "works", None, "It runs as pure Python here, which may be slow.",
    ),
    "a fallback now, a wheel later": (
        ["foo-1.0-cp310-abi3-win_amd64.whl", f"foo-1.0-{PURE}", f"foo-1.1-{FT}"],
        "1.0", "pure-fallback", "works", "1.1",
        "It runs as pure Python here, which may be slow. Ready from 1.1, this is 1.0.",
    ),
    "unmarked": (
        ["foo-1.0-cp314-none-win_amd64.whl"], "1.0", "unmarked", "unknown", None,
        "Its wheel does not say for which build it is, most likely the one with the GIL.",
    ),
    "only Windows lacks it": (
        [f"foo-1.0-cp314-cp314t-{tag}.whl" for tag in ALL_OF_314[2:]] + ["foo-1.0.tar.gz"],
        "1.0", "sdist", "blocked", None, "Only windows-amd64, windows-arm64 lack it.",
    ),
    "only this one lacks it": (
        [f"foo-1.0-cp314-cp314t-{tag}.whl" for tag in ALL_OF_314[1:]] + ["foo-1.0.tar.gz"],
        "1.0", "sdist", "blocked", None, "Only windows-amd64 lacks it.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_version_and_what_would_help(name: str) -> None:
    files, pin, verdict, class_, other, advice = CASES[name]
    project = condensed(*files)
    judged = judge(project, "active", WINDOWS, pin)
    found = best(project, "active", WINDOWS, pin)
    assert judged.verdict == verdict
    assert (found.version if found else None) == other
    assert classify(judged.verdict, found) == class_
    assert advise(project, WINDOWS, judged, pin, found) == advice


def test_a_python_that_is_not_admitted() -> None:
    files = condensed(file(f"foo-1.0-{PURE}", "<3.14"))
    judged = judge(files, "active", WINDOWS, "1.0")
    assert judged.verdict is Verdict.EXCLUDED
    assert classify(judged.verdict, None) is Class.BLOCKED
    assert "admits Python 3.14" in advise(files, WINDOWS, judged, "1.0", None)


def test_a_quarantined_project() -> None:
    files = condensed(f"foo-1.0-{FT}")
    assert judge(files, "quarantined", WINDOWS, "1.0").verdict is Verdict.UNAVAILABLE
    assert best(files, "quarantined", WINDOWS, "1.0") is None


def test_a_project_without_files() -> None:
    nothing = ProjectFiles((), ())
    assert judge(nothing, "active", WINDOWS).verdict is Verdict.NONE
    assert judge(nothing, "active", WINDOWS, "1.0").verdict is None
    assert best(nothing, "active", WINDOWS) is None
    assert missing_only(nothing, WINDOWS) == ()


@pytest.mark.parametrize("verdict", [*Verdict, None])
def test_every_verdict_has_a_class_and_advice(verdict: Verdict | None) -> None:
    alone, helped = classify(verdict, None), classify(verdict, Best("9", Verdict.WHEEL))
    if verdict in READY:
        assert alone is helped is Class.READY
    elif verdict in {None, Verdict.UNMARKED}:
        assert alone is helped is Class.UNKNOWN
    else:
        assert helped is Class.WORKS
        assert alone is (Class.WORKS if verdict is Verdict.PURE_FALLBACK else Class.BLOCKED)


def test_a_long_chain_is_known_by_its_ends() -> None:
    chain = {f"p{number}": [f"p{number + 1}"] for number in range(5_000)}
    found = paths(["p0"], chain)
    assert found["p32"] == tuple(f"p{number}" for number in range(32))
    assert found["p5000"] == (*(f"p{number}" for number in range(31)), "p4999")


def test_paths_are_the_shortest_chains() -> None:
    requires = {"app": ["b", "c"], "b": ["d"], "c": ["e"], "d": ["e", "app"], "e": ["b"]}
    assert paths(["app"], requires) == {
        "app": (),
        "b": ("app",),
        "c": ("app",),
        "d": ("app", "b"),
        "e": ("app", "c"),
    }
    assert paths(["x", "app"], {})["x"] == ()


NAMES = st.sampled_from("abcdefgh")


@given(direct=st.sets(NAMES), requires=st.dictionaries(NAMES, st.lists(NAMES)))
def test_every_path_is_a_chain_of_requirements(
    direct: set[str], requires: dict[str, list[str]]
) -> None:
    for name, path in paths(direct, requires).items():
        chain = [*path, name]
        assert chain[0] in direct
        assert all(after in requires[before] for before, after in pairwise(chain))
        assert len(set(chain)) == len(chain)


@cache
def projects() -> dict[str, ProjectFiles]:
    """Return what is kept of the recorded pages."""
    return {name: condense(page.files, name) for name, page in pages().items()}


def test_the_oracle_implies_every_class() -> None:
    rows = SHARED / "oracle.jsonl"
    if not rows.exists():
        pytest.skip("pip's recorded answers do not lie beside this checkout")
    known = projects()
    judged = 0
    for line in rows.read_text().splitlines():
        row = json.loads(line)
        target = Target(row["python"], row["platform"])
        files = known[row["project"]]
        if row["file"] is None:
            found = judge(files, "active", target)
            assert found.verdict not in READY
            assert best(files, "active", target) is None
            continue
        judged += 1
        verdict = judge(files, "active", target, row["version"]).verdict
        assert verdict in _meanings(row["file"]), row
        newest = judge(files, "active", target)
        other = best(files, "active", target)
        if verdict in READY and newest.verdict not in {Verdict.SDIST, Verdict.NONE}:
            assert other is not None, row
            assert Version(other.version) == Version(row["version"]), row
    assert judged > 300


def _meanings(wheel: str) -> set[Verdict]:
    """Return what a wheel of this name may be to a free-threaded build that takes it."""
    tags = parse_wheel_filename(wheel)[3]
    abis = {tag.abi for tag in tags}
    if any(abi.endswith("t") and abi.startswith("cp") for abi in abis):
        return {Verdict.WHEEL}
    if "abi3t" in abis:
        return {Verdict.ABI3T}
    if any(tag.platform == "any" for tag in tags):
        return {Verdict.PURE, Verdict.PURE_FALLBACK}
    cpython = any(tag.interpreter.startswith("cp") for tag in tags)
    return {Verdict.UNMARKED} if cpython else {Verdict.PLATFORM}


@pytest.mark.parametrize("target", ALL_TARGETS, ids=str)
def test_the_other_version_is_ready_if_it_is_pinned(target: Target) -> None:
    for files in projects().values():
        if other := best(files, "active", target, "0.0.1"):
            verdict = judge(files, "active", target, other.version).verdict
            assert verdict == other.verdict
            assert other.verdict in READY
