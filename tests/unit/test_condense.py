import time
import tracemalloc

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from bot.compat import tags
from bot.compat.condense import condense
from bot.compat.model import ProjectFiles, Release
from bot.compat.rules import support
from bot.compat.targets import ALL_TARGETS
from bot.pypi.wire import PageFile
from tests.unit.pages import FOO, SDIST_ENDS, condensed, file, pages
from tests.unit.test_pip_oracle import page_files

FT = "cp314-cp314t-win_amd64.whl"
GIL = "cp314-cp314-win_amd64.whl"
PURE = "py3-none-any.whl"


def wheels(files: ProjectFiles, release: Release) -> list[str]:
    return [f"{release.stem}-{files.suffixes[place]}" for place in release.wheels]


def test_a_release_keeps_what_matters() -> None:
    found = condensed(
        file(f"Foo-1.0-{GIL}", ">=3.9", "2026-01-03T00:00:00Z"),
        file(f"Foo-1.0-{FT}", ">=3.9", "2026-01-04T00:00:00Z"),
        file(f"Foo-1.0-{PURE}", ">=3.9", "2026-01-02T00:00:00Z"),
        file("foo-1.0.tar.gz", ">=3.9", "2026-01-01T00:00:00Z"),
    )
    (release,) = found.releases
    assert release == Release(
        version="1.0",
        prerelease=False,
        requires_python=">=3.9",
        yanked=False,
        order=0,
        uploaded="2026-01-01T00:00:00Z",
        compiled=True,
        sdist="foo-1.0.tar.gz",
        stem="Foo-1.0",
        wheels=[0, 1],
        wheel_times=["2026-01-04T00:00:00Z", "2026-01-02T00:00:00Z"],
    )
    assert wheels(found, release) == [f"Foo-1.0-{FT}", f"Foo-1.0-{PURE}"]
    assert found.unreadable == 0


def test_releases_go_from_the_newest_to_the_oldest_and_equal_ones_share_their_place() -> None:
    found = condensed(
        "foo-1.0.zip", "foo-10.0.zip", "foo-2.0rc1.zip", "foo-2.0.zip", f"foo-1.0.0-{PURE}",
        "foo-1!0.1.zip", "foo-2.0.post1.zip",
    )  # fmt: skip
    assert [(each.version, each.order) for each in found.releases] == [
        ("1!0.1", 0), ("10.0", 1), ("2.0.post1", 2), ("2.0", 3), ("2.0rc1", 4), ("1.0", 5),
        ("1.0.0", 5),
    ]  # fmt: skip
    assert [each.prerelease for each in found.releases] == [False] * 4 + [True] + [False] * 2


def test_files_of_a_release_need_not_stand_together() -> None:
    found = condensed(f"foo-1.0-{FT}", f"foo-2.0-{FT}", f"foo-1.0-{PURE}", f"foo-2.0-{GIL}")
    assert [(each.version, wheels(found, each), each.compiled) for each in found.releases] == [
        ("2.0", [f"foo-2.0-{FT}"], True),
        ("1.0", [f"foo-1.0-{FT}", f"foo-1.0-{PURE}"], True),
    ]


@pytest.mark.parametrize(
    "files",
    [
        [file("foo-1.0.zip", ">=3.9"), file(f"foo-1.0-{FT}", ">=3.10")],
        [file("foo-1.0.zip"), file(f"!foo-1.0-{FT}")],
        [file(f"foo-1.0-{FT}"), file(f"Foo-1.0-{FT}")],
        [file(f"foo-1.0-{FT}"), file(f"foo-1.0.0-{FT}")],
    ],
    ids=["requires-python", "yanked", "spelling", "version"],
)
def test_files_that_differ_in_their_facts_stand_apart(files: list[PageFile]) -> None:
    first, second = condensed(*files).releases
    assert (first.order, second.order) == (0, 0)


@pytest.mark.parametrize(
    "first", [f"foo-1.0-{GIL}", f"foo-1.0-{FT}", f"foo-1.0-{PURE}", "foo-1.0.zip"]
)
def test_wheels_for_other_builds_only_say_that_a_release_is_compiled(first: str) -> None:
    (release,) = condensed(first, f"foo-1.0-{GIL}", "foo-1.0-cp27-cp27m-win32.whl").releases
    assert release.compiled
    assert len(release.wheels) == (first.endswith((FT, PURE)))


@pytest.mark.parametrize("last", [PURE, "py2-none-any.whl"])
def test_pure_wheels_are_not_compiled(last: str) -> None:
    (release,) = condensed("foo-1.0.zip", f"foo-1.0-{last}").releases
    assert not release.compiled


@pytest.mark.parametrize("end", SDIST_ENDS)
def test_source_distributions(end: str) -> None:
    (release,) = condensed(f"foo-1.0{end}").releases
    assert (release.version, release.sdist, release.stem) == ("1.0", f"foo-1.0{end}", "")


@pytest.mark.parametrize(
    ("project", "name", "version"),
    [
        ("discord-py", "discord.py-2.7.1.tar.gz", "2.7.1"),
        ("discord-py", "discord-py-2.7.1.tar.gz", "2.7.1"),
        ("discord-py", "Discord__Py-1.0-1.zip", "1.0.post1"),
        ("discord-py", "discord--py-1.0.zip", "1.0"),
        ("foo", "foo-1.0-rc.1.zip", "1.0rc1"),
        ("foo", "foo-bar-1.0.zip", None),
        ("foo", "bar-1.0.zip", None),
        ("foo", "foo.zip", None),
        ("foo", "foo-.zip", None),
        ("foo", "-1.0.zip", None),
        ("foo", ".tar.gz", None),
        ("foo", "foo-1.0-py3.14.tar.gz", None),
    ],
)
def test_the_version_of_a_source_distribution(project: str, name: str, version: str | None) -> None:
    found = condense([file(name)], project)  # type: ignore[arg-type]  # normalized as it stands
    assert [each.version for each in found.releases] == ([version] if version else [])
    assert found.unreadable == (version is None)


@pytest.mark.parametrize(
    ("name", "unreadable"),
    [("foo-1.0.exe", 0), ("foo-1.0.egg", 0), ("foo-1.0.rpm", 0), ("foo-1.0.msi", 0), ("", 0),
     (f"bar-1.0-{FT}", 0), ("bar-1.0.zip", 1), ("foo-1.0-x.whl", 1), ("bar-1.0-x.whl", 1),
     (".whl", 1), ("foo.whl", 1), (f"foo-bad-{FT}", 1), (f"foo__bar-1.0-{FT}", 1),
     (f"-1.0-{FT}", 1), (f"foo--{FT}", 1), ("foo-bad.zip", 1), (f"foo-1.0-x-{FT}", 1)],
)  # fmt: skip
def test_what_counts_as_unreadable(name: str, unreadable: int) -> None:
    found = condensed(f"foo-1.0-{FT}", "foo-1.0.tar.gz", name, f"foo-1.0-{GIL}")
    assert found.unreadable == unreadable
    assert [each.version for each in found.releases] == ["1.0"]


@given(st.lists(st.from_regex(r"[fF]oo-[\w.!+-]{0,12}-[\w.-]{0,20}\.whl", fullmatch=True)))
def test_a_wheel_is_unreadable_exactly_if_the_standard_refuses_it(names: list[str]) -> None:
    refused = 0
    for name in names:
        try:
            parse_wheel_filename(name)
        except InvalidWheelFilename:
            refused += 1
    assert condensed(*names).unreadable == refused


def test_the_memos_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    warm = {name: condense(page.files, name) for name, page in pages().items()}
    for memo in ("other_builds", "_suffixes", "_names", "_versions"):
        getattr(tags, memo).clear()
    monkeypatch.setattr(tags, "_MEMO_SIZE", 7)  # cleared over and over
    for name in list(warm)[:4]:
        assert condense(pages()[name].files, name) == warm[name]


@given(page_files)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_kept_survives_storage(files: list[PageFile]) -> None:
    kept = condense(files, FOO)
    again = msgspec.json.decode(msgspec.json.encode(kept), type=ProjectFiles)
    assert again == kept
    assert support(again, ALL_TARGETS) == support(kept, ALL_TARGETS)


def test_real_projects_survive_storage_and_are_small() -> None:
    for name, page in pages().items():
        kept = condense(page.files, name)
        body = msgspec.json.encode(kept)
        assert msgspec.json.decode(body, type=ProjectFiles) == kept
        assert len(body) < 60_000


any_name = st.text(max_size=60) | st.builds(
    "{}{}".format,
    st.text("foO-_.0123456789abcpytnr\0\n٣²İ+!", max_size=40),
    st.sampled_from([".whl", ".zip", ".tar.gz", "-py3-none-any.whl", f"-1.0-{FT}"]),
)


@given(st.lists(any_name, max_size=8), st.text(max_size=20) | st.none(), st.booleans() | st.text())
@settings(deadline=None)
@example(["foo-" + "1" * 5_000 + ".zip"], None, False)
@example(["foo-1.0-" + "1" * 5_000 + "-py3-none-any.whl"], ">=" + "1" * 5_000, True)
@example(["foo-\N{SUPERSCRIPT TWO}.zip", "foo-1.0-\N{SUPERSCRIPT TWO}-py3-none-any.whl"], None, "")
def test_no_name_is_fatal(names: list[str], requires: str | None, yanked: bool | str) -> None:
    found = condense([PageFile(name, requires, yanked) for name in names], FOO)
    assert 0 <= found.unreadable <= len(names)
    assert len(support(found, ALL_TARGETS)) == 24


HOSTILE = {
    "long": "foo-" + "1" * 10_000 + ".zip",
    "long wheel": f"foo-1.0-{'a' * 10_000}-{PURE}",
    "dashes": "-" * 10_000 + ".zip",
    "the name over and over": "foo-" * 2_500 + ".zip",
    "dots": "foo" + "._-" * 3_000 + "-1.0.zip",
    "nul": "foo-1.0\0.zip",
    "path": "../../foo-1.0.zip",
    "tag bomb": "foo-1.0-"
    + "-".join(".".join(f"{c}{n}" for n in range(99)) for c in "abc")
    + ".whl",
    "big bomb": "foo-1.0-" + "-".join(".".join("ab" * 99) for _ in range(3)) + ".whl",
    "version bomb": "foo-1" + ".0" * 5_000 + f"-{PURE}",
    "emoji": "foo-\N{PILE OF POO}.whl",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_names_cost_little(case: str) -> None:
    """A second and 20 MB for 300 of them leave room for slow machines: they take milliseconds."""
    names = [file(f"{n % 7}{HOSTILE[case]}"[n % 2 :]) for n in range(300)]
    tracemalloc.start()
    begin = time.process_time()
    found = condense(names, FOO)
    taken = time.process_time() - begin
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.unreadable == 300
    assert taken < 1
    assert peak < 20_000_000


def test_distinct_hostile_endings_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "_MEMO_SIZE", 100)
    condense([file(f"foo-1.0-cp39-cp39-x{n}.whl") for n in range(1_000)], FOO)
    assert len(tags.other_builds) <= 100
    assert len(tags._suffixes) <= 100
