import json
from collections import Counter

import pytest

from bot.compat.condense import condense
from bot.compat.model import FirstWheel, Pick, Target, Verdict
from bot.compat.rules import admits, support
from bot.compat.targets import ALL_TARGETS, interpreter
from bot.errors import UserError
from bot.pypi.wire import PageFile
from tests.unit.pages import (
    SHARED,
    condensed,
    file,
    judged,
    naive_picks,
    pages,
    read_archives,
)

Files = list[str | PageFile]

FT = "cp314-cp314t-win_amd64.whl"
GIL = "cp314-cp314-win_amd64.whl"
PURE = "py3-none-any.whl"

# Small projects on 3.14t, Windows: (files, verdict, installs, newest_wheel).
LADDER: dict[str, tuple[Files, str, str | None, str | None]] = {
    "wheel": (
        [f"foo-1.0-{FT}", "foo-1.0.tar.gz", f"foo-0.9-{PURE}"],
        "wheel", f"foo-1.0-{FT}", f"foo-1.0-{FT}",
    ),
    "abi3t": (
        ["foo-1.0-cp314-abi3.abi3t-win_amd64.whl", "foo-1.0.tar.gz"],
        "abi3t", "foo-1.0-cp314-abi3.abi3t-win_amd64.whl", "foo-1.0-cp314-abi3.abi3t-win_amd64.whl",
    ),
    "a version-specific wheel before a stable one": (
        [f"foo-1.0-{FT}", "foo-1.0-cp314-abi3.abi3t-win_amd64.whl"],
        "wheel", f"foo-1.0-{FT}", f"foo-1.0-{FT}",
    ),
    "platform (ruff)": (
        ["foo-1.0-py3-none-win_amd64.whl", "foo-1.0-py3-none-any.whl"],
        "platform", "foo-1.0-py3-none-win_amd64.whl", "foo-1.0-py3-none-win_amd64.whl",
    ),
    "pure": (
        [f"foo-1.0-{PURE}", "foo-1.0.tar.gz"],
        "pure", f"foo-1.0-{PURE}", f"foo-1.0-{PURE}",
    ),
    "pure fallback (protobuf)": (
        ["foo-1.0-cp310-abi3-win_amd64.whl", f"foo-1.0-{PURE}", "foo-1.0.tar.gz"],
        "pure-fallback", f"foo-1.0-{PURE}", f"foo-1.0-{PURE}",
    ),
    "pure fallback where the compiled wheel has an equal version": (
        ["foo-1.0.0-cp310-abi3-win_amd64.whl", f"foo-1.0-{PURE}"],
        "pure-fallback", f"foo-1.0-{PURE}", f"foo-1.0-{PURE}",
    ),
    "older wheel (numpy on 3.13t)": (
        ["foo-2.0.tar.gz", f"foo-2.0-{GIL}", f"foo-1.0-{FT}"],
        "older-wheel", "foo-2.0.tar.gz", f"foo-1.0-{FT}",
    ),
    "older wheel without any source (torch on 3.13t)": (
        [f"foo-2.0-{GIL}", f"foo-1.0-{FT}"],
        "older-wheel", f"foo-1.0-{FT}", f"foo-1.0-{FT}",
    ),
    "unmarked": (
        ["foo-1.0-cp314-none-win_amd64.whl", "foo-1.0.tar.gz"],
        "unmarked", "foo-1.0-cp314-none-win_amd64.whl", "foo-1.0-cp314-none-win_amd64.whl",
    ),
    "unmarked and older (orjson on 3.13t)": (
        ["foo-2.0.tar.gz", f"foo-2.0-{GIL}", "foo-1.0-cp314-none-win_amd64.whl"],
        "unmarked", "foo-2.0.tar.gz", "foo-1.0-cp314-none-win_amd64.whl",
    ),
    "a wheel for exactly this Python on all platforms is pure": (
        ["foo-1.0-cp314-none-any.whl"],
        "pure", "foo-1.0-cp314-none-any.whl", "foo-1.0-cp314-none-any.whl",
    ),
    "sdist": (
        ["foo-1.0.tar.gz", f"foo-1.0-{GIL}"],
        "sdist", "foo-1.0.tar.gz", None,
    ),
    "sdist, as only a yanked release has a wheel": (
        ["foo-1.0.tar.gz", f"!foo-0.9-{FT}"],
        "sdist", "foo-1.0.tar.gz", None,
    ),
    "an ancient pure placeholder is no older wheel (pydantic-core 0.0.1)": (
        ["foo-2.0.tar.gz", f"foo-2.0-{GIL}", f"foo-0.0.1-{PURE}"],
        "sdist", "foo-2.0.tar.gz", f"foo-0.0.1-{PURE}",
    ),
    "the placeholder of a project without source": (
        [f"foo-2.0-{GIL}", f"foo-0.0.1-{PURE}"],
        "none", f"foo-0.0.1-{PURE}", f"foo-0.0.1-{PURE}",
    ),
    "a pure fallback of an older compiled release is an older wheel": (
        ["foo-2.0.tar.gz", f"foo-2.0-{GIL}", f"foo-1.0-{GIL}", f"foo-1.0-{PURE}"],
        "older-wheel", "foo-2.0.tar.gz", f"foo-1.0-{PURE}",
    ),
    "a pure project whose newest release forgot its wheel": (
        ["foo-2.0.tar.gz", f"foo-1.0-{PURE}"],
        "older-wheel", "foo-2.0.tar.gz", f"foo-1.0-{PURE}",
    ),
    "none": ([f"foo-1.0-{GIL}", "foo-1.0-cp39-abi3-win_amd64.whl"], "none", None, None),
    "none for this platform (onnxruntime)": (
        ["foo-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl"], "none", None, None,
    ),
    "no files": ([], "none", None, None),
    "only files that pip doesn't know": (["foo-1.0.exe", "foo-1.0-py3.14.egg"], "none", None, None),
    "excluded": (
        [file("foo-1.0.tar.gz", "<3.14"), file(f"foo-1.0-{FT}", "<3.14")], "excluded", None, None,
    ),
    "excluded, with a pure left-over from before Requires-Python": (
        [file(f"foo-2.0-{GIL}", "<3.14,>=3.9"), file(f"foo-0.1-{PURE}")],
        "excluded", f"foo-0.1-{PURE}", f"foo-0.1-{PURE}",
    ),
    "a pure release is no left-over of ones for newer Pythons": (
        [file(f"foo-2.0-{GIL}", ">=3.99"), file(f"foo-0.1-{PURE}")],
        "pure", f"foo-0.1-{PURE}", f"foo-0.1-{PURE}",
    ),
    "the newest release that is admitted counts": (
        [file("foo-3.0.tar.gz", ">=3.15"), file(f"foo-2.0-{FT}", ">=3.9")],
        "wheel", f"foo-2.0-{FT}", f"foo-2.0-{FT}",
    ),
    "Requires-Python per file": (
        [file("foo-1.0.tar.gz", ">=3.15"), file(f"foo-1.0-{FT}", ">=3.14")],
        "wheel", f"foo-1.0-{FT}", f"foo-1.0-{FT}",
    ),
    "an invalid Requires-Python admits all": (
        [file(f"foo-1.0-{FT}", ">=3.6.*")], "wheel", f"foo-1.0-{FT}", f"foo-1.0-{FT}",
    ),
    "an endless Requires-Python admits all": (
        [file(f"foo-1.0-{FT}", ">=" + "9" * 9_999)], "wheel", f"foo-1.0-{FT}", f"foo-1.0-{FT}",
    ),
    "all yanked": ([f"!foo-1.0-{FT}", "!foo-1.0.tar.gz"], "unavailable", None, None),
    "a yanked release gives way to an older one": (
        [f"!foo-2.0-{FT}", "!foo-2.0.tar.gz", f"foo-1.0-{FT}"],
        "wheel", f"foo-1.0-{FT}", f"foo-1.0-{FT}",
    ),
    "yanked finals shut out the pre-release": (
        [f"!foo-1.0-{FT}", f"foo-2.0rc1-{FT}"], "none", None, None,
    ),
    "a pre-release where there is nothing else": (
        [f"foo-2.0rc1-{FT}", f"foo-2.0b1-{PURE}"], "wheel", f"foo-2.0rc1-{FT}", f"foo-2.0rc1-{FT}",
    ),
    "a pre-release doesn't count beside finals": (
        [f"foo-2.0rc1-{FT}", f"foo-1.0-{PURE}"], "pure", f"foo-1.0-{PURE}", f"foo-1.0-{PURE}",
    ),
    "a pre-release's wheel beside a final's source (safetensors)": (
        [f"foo-2.0rc1-{FT}", "foo-1.0.tar.gz"], "sdist", "foo-1.0.tar.gz", f"foo-2.0rc1-{FT}",
    ),
    "a pre-release's wheel beside finals for other builds only": (
        [f"foo-2.0rc1-{FT}", f"foo-1.0-{GIL}"], "wheel", f"foo-2.0rc1-{FT}", f"foo-2.0rc1-{FT}",
    ),
    "the highest build number wins (torch)": (
        [f"foo-1.0-{FT}", f"foo-1.0-10-{FT}", f"foo-1.0-9-{FT}"],
        "wheel", f"foo-1.0-10-{FT}", f"foo-1.0-10-{FT}",
    ),
    "a better tag beats a higher build number": (
        [f"foo-1.0-{FT}", "foo-1.0-9-cp314-none-win_amd64.whl"],
        "wheel", f"foo-1.0-{FT}", f"foo-1.0-{FT}",
    ),
    "of equal versions the last file counts": (
        [f"foo-1.0.0-{FT}", f"foo-1.0-{FT}"], "wheel", f"foo-1.0-{FT}", f"foo-1.0-{FT}",
    ),
    "of equal versions the last file counts, in the other order": (
        [f"foo-1.0-{FT}", f"foo-1.0.0-{FT}"], "wheel", f"foo-1.0.0-{FT}", f"foo-1.0.0-{FT}",
    ),
    "equal sources that differ in Requires-Python": (
        ["foo-1.0.zip", file("foo-1.0.tar.gz", ""), "foo-1.0.tgz"], "sdist", "foo-1.0.tgz", None,
    ),
    "a post-release is newer": (
        [f"foo-1.0-{GIL}", "foo-1.0.post1.tar.gz", f"foo-1.0-{FT}"],
        "older-wheel", "foo-1.0.post1.tar.gz", f"foo-1.0-{FT}",
    ),
    "compressed tag sets": (
        ["foo-1.0-cp313.cp314-cp313t.cp314t-win_arm64.win_amd64.whl"],
        "wheel", *2 * ("foo-1.0-cp313.cp314-cp313t.cp314t-win_arm64.win_amd64.whl",),
    ),
    "upper-case tags and names": (
        ["FOO-1.0-CP314-CP314T-WIN_AMD64.whl"],
        "wheel", *2 * ("FOO-1.0-CP314-CP314T-WIN_AMD64.whl",),
    ),
    "files of other projects": (
        [f"foobar-9.0-{FT}", "bar-9.0.tar.gz", f"foo_bar-9.0-{FT}", f"foo-1.0-{PURE}"],
        "pure", f"foo-1.0-{PURE}", f"foo-1.0-{PURE}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LADDER)
def test_ladder(case: str) -> None:
    files, verdict, installs, newest_wheel = LADDER[case]
    found = judged(*files)
    assert (found.verdict, found.installs and found.installs.file) == (verdict, installs)
    assert (found.newest_wheel and found.newest_wheel.file) == newest_wheel


@pytest.mark.parametrize("case", LADDER)
def test_ladder_in_any_order_of_releases(case: str) -> None:
    """An index may list releases in any order; only among equals the order counts."""
    files, verdict, *_ = LADDER[case]
    assert judged(*reversed(files)).verdict == verdict


def test_the_ladder_has_a_case_of_every_verdict() -> None:
    assert {verdict for _, verdict, *_ in LADDER.values()} == set(Verdict)


def test_an_upper_limit_excludes_from_its_first_version() -> None:
    files = [file("foo-1.0-py3-none-any.whl", "<3.15")]
    assert [judged(*files, python=each).verdict for each in ("3.13t", "3.14t", "3.15t")] == [
        "pure", "pure", "excluded",
    ]  # fmt: skip


@pytest.mark.parametrize("status", ["active", "archived", "deprecated", "quarantined", "invented"])
def test_only_quarantine_makes_a_project_unavailable(status: str) -> None:
    (found,) = support(condensed(f"foo-1.0-{FT}"), [Target("3.14t", "windows-amd64")], status)
    if status == "quarantined":
        assert (found.verdict, found.installs, found.newest_wheel) == ("unavailable", None, None)
    else:
        assert found.verdict == "wheel"


@pytest.mark.parametrize(
    ("tag", "platform", "fits"),
    [
        ("manylinux_2_34_x86_64", "linux-x86_64", False),
        ("manylinux_2_34_x86_64", "manylinux_2_39_x86_64", True),
        ("manylinux2014_x86_64.manylinux_2_17_x86_64", "linux-x86_64", True),
        ("manylinux_2_28_aarch64", "linux-x86_64", False),
        ("manylinux_2_17_aarch64", "manylinux2014_aarch64", True),
        ("manylinux_2_28_aarch64", "manylinux2014_aarch64", False),
        ("musllinux_1_1_x86_64", "musl-x86_64", True),
        ("musllinux_1_2_x86_64", "musllinux_1_1_x86_64", False),
        ("manylinux_2_17_x86_64", "musl-x86_64", False),
        ("macosx_10_13_universal2", "macos-arm64", True),
        ("macosx_10_13_universal2", "macos-x86_64", True),
        ("macosx_14_0_arm64", "macos-arm64", True),
        ("macosx_14_0_arm64", "macosx_11_0_arm64", False),
        ("macosx_26_0_arm64", "macos-arm64", False),
        ("win32", "win32", True),
        ("win32", "windows-amd64", False),
        ("win_arm64", "windows-arm64", True),
    ],
)
def test_platforms(tag: str, platform: str, *, fits: bool) -> None:
    found = judged(f"foo-1.0-cp314-cp314t-{tag}.whl", platform=platform)
    assert found.verdict == ("wheel" if fits else "none")


def test_what_is_picked_carries_its_version_and_time() -> None:
    early, late = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
    found = judged(
        file(f"foo-1.0-{FT}", time=early),
        file("foo-2.0.tar.gz", time=late),
        file(f"foo-2.0-{GIL}", time=early),
    )
    assert found.installs == Pick("2.0", "foo-2.0.tar.gz", late)
    assert found.newest_wheel == Pick("1.0", f"foo-1.0-{FT}", early)


FIRST: dict[str, tuple[Files, FirstWheel | None]] = {
    "none": (["foo-1.0.tar.gz"], None),
    "the oldest version without times": (
        [f"foo-3.0-{FT}", f"foo-2.0-{FT}", f"foo-1.0-{GIL}", f"foo-1.0-{PURE}"],
        FirstWheel("2.0"),
    ),
    "the earliest by time, though its version is newer": (
        [file(f"foo-3.0-{FT}", time="2026-01"), file(f"foo-2.5-{FT}", time="2026-03")],
        FirstWheel("3.0", "2026-01"),
    ),
    "the time of the wheel, not of its release": (
        [file("foo-1.0.tar.gz", time="2026-01"), file(f"foo-1.0-{FT}", time="2026-02")],
        FirstWheel("1.0", "2026-02"),
    ),
    "the first of several builds": (
        [file(f"foo-1.0-2-{FT}", time="2026-03"), file(f"foo-1.0-1-{FT}", time="2026-02")],
        FirstWheel("1.0", "2026-02"),
    ),
    "of the newest one's kind": (
        [f"foo-3.0-{PURE}", f"foo-2.0-{FT}", f"foo-1.0-{PURE}", "foo-0.5-cp314-none-win_amd64.whl"],
        FirstWheel("1.0"),
    ),
    "version-specific and stable ABI are of one kind": (
        ["foo-2.0-cp314-abi3.abi3t-win_amd64.whl", f"foo-1.0-{FT}"], FirstWheel("1.0"),
    ),
    "not a yanked one": ([f"foo-2.0-{FT}", f"!foo-1.0-{FT}"], FirstWheel("2.0")),
    "not one that excludes this Python": (
        [f"foo-2.0-{FT}", file(f"foo-1.0-{FT}", "<3.14")], FirstWheel("2.0"),
    ),
    "not a pre-release": ([f"foo-2.0-{FT}", f"foo-1.0rc1-{FT}"], FirstWheel("2.0")),
    "a pre-release among themselves": (
        [f"foo-2.0rc2-{FT}", f"foo-2.0rc1-{FT}"], FirstWheel("2.0rc1"),
    ),
    "not one for another platform": (
        [f"foo-2.0-{FT}", "foo-1.0-cp314-cp314t-win32.whl"], FirstWheel("2.0"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FIRST)
def test_since_when(case: str) -> None:
    files, first = FIRST[case]
    assert judged(*files).first_wheel == first


def test_each_target_has_its_own_beginning() -> None:
    files = condensed(
        "foo-1.0-cp313-cp313t-win_amd64.whl",
        "foo-2.0-cp314-cp314t-win_amd64.whl",
        "foo-2.0-cp313-cp313t-win_amd64.whl",
        "foo-3.0-cp314-cp314t-win_amd64.whl",
        "foo-3.0-cp315-cp315t-win_amd64.whl",
        "foo-3.0-cp313-cp313t-win_amd64.whl",
    )
    targets = [Target(python, "windows-amd64") for python in ("3.13t", "3.14t", "3.15t")]
    assert [each.first_wheel and each.first_wheel.version for each in support(files, targets)] == [
        "1.0", "2.0", "3.0",
    ]  # fmt: skip


def test_answers_come_in_the_order_asked() -> None:
    targets = [ALL_TARGETS[5], Target("3.14t", "win32"), ALL_TARGETS[0], ALL_TARGETS[5]]
    assert [each.target for each in support(condensed("foo-1.0.zip"), targets)] == targets
    assert support(condensed("foo-1.0.zip"), []) == ()


def test_an_unknown_target_is_an_error_for_people() -> None:
    with pytest.raises(UserError):
        judged("foo-1.0.zip", platform="beos")


@pytest.mark.parametrize(
    ("requires", "admitted"),
    [(None, True), ("", True), ("<3.15", False), (">=3.15", True), (">=3.16", False),
     ("<3.16,>=3.10", True), (">=3.6.*", True), ("==3.15.*", True), ("!=3.15.0", False),
     (">=3.15.0rc1", True), ("nonsense", True), ("~=3.9", True), ("<4", True), ("x" * 9_999, True)],
)  # fmt: skip
def test_requires_python(requires: str | None, *, admitted: bool) -> None:
    assert admits(requires, interpreter("3.15t").version) is admitted


def test_a_flood_of_hostile_requirements_is_not_remembered() -> None:
    files = [file(f"foo-1.{n}-{FT}", f">={'9' * 600}{n}") for n in range(50)]
    assert judged(*files).installs == Pick("1.49", f"foo-1.49-{FT}")


def test_every_row_of_the_oracle() -> None:
    path = SHARED / "oracle.jsonl"
    if not path.exists():
        pytest.skip("the recorded choices of pip do not lie beside this checkout")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found = {name: condense(page.files, name) for name, page in pages().items()}
    wrong = []
    for row in rows:
        (given,) = support(found[row["project"]], [Target(row["python"], row["platform"])])
        if (given.newest_wheel and given.newest_wheel.file) != row["file"]:
            wrong.append((row, given))
    assert (len(rows), wrong) == (504, [])


def test_recorded_documents_equal_packaging_file_by_file() -> None:
    compared: Counter[str] = Counter()
    for name, page in pages().items():
        archives = read_archives(page.files, name)
        for given in support(condense(page.files, name), ALL_TARGETS):
            picks = tuple(each and each.file for each in (given.installs, given.newest_wheel))
            assert picks == naive_picks(archives, given.target), (name, given)
            compared[given.verdict] += 1
    assert compared.total() == 24 * len(pages())
    assert {"wheel", "abi3t", "pure", "pure-fallback", "older-wheel", "sdist"} <= set(compared)
