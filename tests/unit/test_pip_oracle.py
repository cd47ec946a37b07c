"""pip is the oracle: on any list of files the rules take what pip's own machinery takes."""

from functools import cache
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pip import __version__ as pip_version
from pip._internal.index.package_finder import CandidateEvaluator, LinkEvaluator, LinkType
from pip._internal.models.candidate import InstallationCandidate
from pip._internal.models.link import Link
from pip._internal.models.target_python import TargetPython
from pip._vendor.packaging.tags import Tag as PipTag
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import InvalidVersion as PipInvalidVersion

from bot.compat.condense import condense
from bot.compat.model import Target
from bot.compat.rules import support
from bot.compat.targets import ALL_TARGETS, interpreter, wheel_tags
from bot.pypi.wire import PageFile
from tests.unit.pages import FOO, SDIST_ENDS, file, naive_picks, read_archives

RAW = ("manylinux_2_39_x86_64", "manylinux2014_aarch64", "win32", "macosx_11_0_arm64")
TARGETS = (*ALL_TARGETS, *(Target("3.14t", platform) for platform in RAW))
PIP_FOO = canonicalize_name("foo")
WITH_SOURCE, WHEELS_ONLY = frozenset({"binary", "source"}), frozenset({"binary"})


@cache
def pip_python(target: Target) -> TargetPython:
    """What pip holds files against: our tags of the target, and its version of Python."""
    python = TargetPython(py_version_info=interpreter(target.python).version.release)
    python._valid_tags = [
        PipTag(tag.interpreter, tag.abi, tag.platform) for tag in wheel_tags(target)
    ]
    return python


def pip_takes(files: list[PageFile], target: Target, formats: frozenset[str]) -> str | None:
    """What pip's finder and resolver take of a page."""
    python = pip_python(target)
    judge = LinkEvaluator("foo", PIP_FOO, formats, python, allow_yanked=True)
    candidates = []
    for each in files:
        yanked = None if not each.yanked else "" if each.yanked is True else each.yanked
        link = Link(
            "https://index.invalid/foo/" + quote(each.filename),
            requires_python=each.requires_python,
            yanked_reason=yanked,
        )
        result, version = judge.evaluate_link(link)
        if result is LinkType.candidate:
            try:
                candidates.append(InstallationCandidate(name="foo", version=version, link=link))
            except PipInvalidVersion:  # as PackageFinder.get_install_candidate does
                continue
    evaluator = CandidateEvaluator.create("foo", python)
    for candidate in reversed(evaluator.get_applicable_candidates(candidates)):
        if not candidate.link.is_yanked:  # as Factory._iter_found_candidates does
            return candidate.link.filename
    return None


def ours(files: list[PageFile], target: Target) -> tuple[str | None, str | None]:
    (found,) = support(condense(files, FOO), [target])
    return (
        found.installs.file if found.installs else None,
        found.newest_wheel.file if found.newest_wheel else None,
    )


def words(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from(text.split())


versions = words(
    """1.0 1.0.0 1 1.1 2.0 2.0.post1 2.0rc1 2.0a1 2.1.dev3 3.0b2 3.0rc1 1!0.1 1.0+local.1 2.0-1 2_0
    v2 bad 10 0.9"""
)
builds = st.sampled_from(["", "", "", "1-", "2-", "10-", "2a-", "x-"])
pythons = words(
    "cp313 cp314 cp315 py3 py2.py3 cp313.cp314 py314 py313 cp39 CP314 py2 cp314t pp311 cp32"
)
abis = words(
    """cp313t cp314t cp315t abi3t abi3.abi3t abi3 none cp314 cp313t.cp314t CP314T NONE cp314td
    none.cp314t cp315t.cp315 pypy311_pp73"""
)
platforms = words(
    """any win_amd64 win_arm64 win32 manylinux_2_17_x86_64 manylinux2014_x86_64
    manylinux2014_x86_64.manylinux_2_17_x86_64 manylinux_2_28_x86_64.manylinux_2_27_x86_64
    manylinux_2_34_x86_64 manylinux_2_28_aarch64 musllinux_1_1_x86_64 musllinux_1_2_aarch64
    macosx_11_0_arm64 macosx_10_13_universal2 macosx_14_0_x86_64 macosx_26_0_arm64 linux_x86_64
    Win_AMD64"""
)
names = words("foo foo foo foo Foo FOO bar foo_bar foo.bar")
wheels = st.builds("{}-{}-{}{}-{}-{}.whl".format, names, versions, builds, pythons, abis, platforms)
sdists = st.builds("{}-{}{}".format, names, versions, st.sampled_from(SDIST_ENDS))
oddities = words(
    """foo-1.0-py3.14.tar.gz foo-2.0-py3.zip foo.whl foo-1.0.whl foo-1.0-py3-none.whl foo-9.0.exe
    foo-9.0.egg foo-9.0-py3.14.egg foo-9.TAR.GZ foo-9.WHL foo-.zip foo-macosx10-1.0.zip
    foo-9.0-macosx10.5.zip foo.zip -9.zip foo--9.tar.gz foo-9.0.tar.Z foo-9.0.7z foo-9.0.rpm
    foo-1.0-cp314-cp314t-win_amd64-x86_64_v3.whl"""
)
specifiers = words(
    """>=3.9 >=3.14 <3.15 >=3.15 <3.14,>=3.9 ==3.14.* >=3.6.* ~=3.13 >=3.15.0rc1 !=3.14.* >2,<4
    ===3.14.9 >=3.99 nonsense"""
)
requirements = st.none() | st.just("") | specifiers
yanks = st.sampled_from([False, False, False, False, True, "broken", ""])
releases = st.builds(
    lambda files, required, yanked: [PageFile(each, required, yanked) for each in files],
    st.lists(wheels | wheels | sdists | oddities, min_size=1, max_size=5),
    requirements,
    yanks,
)
loose = st.builds(PageFile, wheels | sdists | oddities, requirements, yanks)
page_files = st.builds(
    lambda together, apart: [each for release in together for each in release] + apart,
    st.lists(releases, max_size=5),
    st.lists(loose, max_size=5),
).flatmap(lambda files: st.just(files) | st.permutations(files))


@given(page_files, st.sampled_from(TARGETS))
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([file("foo-1.0-py3-none-any.whl"), file("foo-1.0.0-py3-none-any.whl")], TARGETS[0])
@example([file("!foo-1.0.zip"), file("foo-2.0rc1-py3-none-any.whl")], TARGETS[0])
@example([file("foo-1.0.zip"), file("foo-1.0.tar.gz"), file("!foo-1.0.tgz")], TARGETS[0])
def test_takes_what_pip_takes(files: list[PageFile], target: Target) -> None:
    expected = pip_takes(files, target, WITH_SOURCE), pip_takes(files, target, WHEELS_ONLY)
    assert ours(files, target) == expected


@given(page_files, st.sampled_from(TARGETS))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_takes_what_packaging_says_file_by_file(files: list[PageFile], target: Target) -> None:
    assert ours(files, target) == naive_picks(read_archives(files, FOO), target)


def test_pip_knows_the_stable_abi_of_free_threaded_builds() -> None:
    assert tuple(map(int, pip_version.split(".")[:2])) >= (26, 1)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.python}-{target.platform}")
def test_each_target_takes_its_own_wheel(target: Target) -> None:
    tags = wheel_tags(target)
    files = [file(f"foo-1.{place}-{tag}.whl") for place, tag in enumerate(tags[:3])]
    assert ours(files, target)[1] == pip_takes(files, target, WHEELS_ONLY) == files[-1].filename
