"""What a target may take of a project, and a search over what is at hand."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version
from resolvelib.structs import Matches

from bot.audit.model import Wanted
from bot.audit.requirements.model import Requirements
from bot.audit.resolver.model import Resolution
from bot.audit.resolver.provider import Candidate, Provider, Requirement
from bot.audit.resolver.rules import Asked, Available, parse, places
from bot.audit.resolver.search import NOT_FOUND, Limits, search
from bot.compat.condense import condense
from bot.compat.model import Target
from bot.pypi.wire import PageFile
from tests.unit.pages import file

TARGET = Target("3.14t", "linux-x86_64")
HERE = "for 3.14t on linux-x86_64"
FOO = canonicalize_name("foo")
WHEEL = "cp314-cp314t-manylinux_2_28_x86_64"
WITH_GIL = "cp314-cp314-manylinux_2_28_x86_64"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Foo_Bar", Asked(canonicalize_name("foo-bar"), "", (), "", None)),
        ("foo[B,a.c] >=1 , <2", Asked(FOO, "<2,>=1", ("a-c", "b"), "", None)),
        ("foo (>=1)", Asked(FOO, ">=1", (), "", None)),
        ("foo; os_name == '@'", Asked(FOO, "", (), "os_name == '@'", None)),
        ("foo @ https://x.invalid/a;b ; x", Asked(FOO, "", (), "x", "https://x.invalid/a;b")),
        ("foo" + ";" + "(" * 5_000, Asked(FOO, "", (), "(" * 5_000, None)),
        ("", None),
        ("what is this", None),
        ("foo>=", None),
        ("foo==" + "1" * 4_000, None),
    ],
)
def test_requirements_as_they_are_written(text: str, asked: Asked | None) -> None:
    assert parse(text) == asked


def available(*files: str | PageFile, status: str = "active") -> Available:
    pages = [file(each) if isinstance(each, str) else each for each in files]
    return Available(FOO, condense(pages, FOO), status, TARGET)


def test_what_pip_takes_of_each_release() -> None:
    found = available(
        "foo-1.0-py3-none-any.whl",
        f"foo-1.0-{WHEEL}.whl",
        "foo-1.0.tar.gz",
        "foo-2.0.tar.gz",
        f"foo-2.0-{WITH_GIL}.whl",
        f"foo-3.0-{WITH_GIL}.whl",
        file("foo-4.0-py3-none-any.whl", ">=3.15"),
        f"foo-5.0-1-{WHEEL}.whl",
        f"foo-5.0-2-{WHEEL}.whl",
        "!foo-6.0-py3-none-any.whl",
        "foo-7.0b1-py3-none-any.whl",
    )
    assert [(each.file, each.installable) for each in found.offers] == [
        ("foo-7.0b1-py3-none-any.whl", True),
        ("foo-6.0-py3-none-any.whl", True),
        (f"foo-5.0-2-{WHEEL}.whl", True),
        ("foo-4.0-py3-none-any.whl", False),
        ("foo-3.0", False),
        ("foo-2.0.tar.gz", True),
        (f"foo-1.0-{WHEEL}.whl", True),
    ]
    assert [each.version for each in found.offers if each.yanked] == ["6.0"]
    assert [each.version for each in found.offers if each.prerelease] == ["7.0b1"]


def test_a_version_of_which_some_files_are_yanked() -> None:
    found = available("!foo-1.0-py3-none-any.whl", "foo-1.0.tar.gz")
    assert [(each.file, each.yanked) for each in found.offers] == [("foo-1.0.tar.gz", False)]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (available(), "foo has no releases on the index."),
        (available(status="quarantined"), "foo is in quarantine"),
        (Available.absent(FOO, TARGET, "Gone."), "Gone."),
        (available("foo-1.0.tar.gz"), ""),
    ],
)
def test_why_there_is_nothing(found: Available, reason: str) -> None:
    assert found.reason.startswith(reason)
    assert bool(found.reason) is not bool(found.offers)


@pytest.mark.parametrize(
    "specifier", ["", ">=1.1", "!=2.0", "==1.*", "===1.0", "<2.0", "~=1.0,<3", "==9"]
)
def test_admits_as_packaging_does(specifier: str) -> None:
    versions = ["3.0", "2.0", "2.0b1", "1.1", "1.0.post1", "1.0", "0.9"]
    found = available(*(f"foo-{version}-py3-none-any.whl" for version in versions))
    mask = found.admitted(specifier)
    admitted = {found.offers[place].version for place in places(mask & found.all)}
    whole = SpecifierSet(specifier)
    assert admitted == {v for v in versions if whole.contains(Version(v), prereleases=True)}
    assert mask >> 10_000 & 1  # what has no version fits everything


class Memory:
    """Knowledge that is at hand: releases by project, each with what it requires."""

    def __init__(self, projects: Mapping[str, Mapping[str, Sequence[str]]], **tags: str) -> None:
        self.asked: set[str] = set()
        self._projects: dict[str, Available] = {}
        self._requires: dict[tuple[str, str], Sequence[str]] = {}
        for name, releases in projects.items():
            tag = tags.get(name, "py3-none-any").split()
            wheels = [f"{name}-{v}-{t}.whl" for v in releases for t in tag]
            key = canonicalize_name(name)
            files = condense([file(each) for each in wheels], key)
            self._projects[name] = Available(key, files, "active", TARGET)
            self._requires.update({(name, v): requires for v, requires in releases.items()})

    def available(self, name: NormalizedName) -> Available:
        self.asked.add(name)
        if name in self._projects:
            return self._projects[name]
        return Available.absent(name, TARGET, f"There is no project named {name} on the index.")

    def requirements(self, available: Available, place: int) -> Requirements:
        version = available.offers[place].version
        return Requirements(tuple(self._requires[available.name, version]))

    def make_do(self) -> None:
        pass


def wanted(text: str) -> list[Wanted]:
    found = []
    for line, each in enumerate(text.splitlines(), start=1):
        asked = parse(each.strip().removeprefix("-c "))
        assert asked is not None
        found.append(
            Wanted(
                asked.name,
                f"r.txt:{line}",
                asked.specifier,
                asked.extras,
                asked.marker,
                asked.url,
                constraint=each.strip().startswith("-c "),
            )
        )
    return found


def resolve(
    memory: Memory, text: str, *, ready_only: bool = False, rounds: int = 500
) -> Resolution:
    provider = Provider(memory, TARGET, ready_only=ready_only)
    provider.ask(wanted(text))
    ticks = itertools.count()
    return search(provider, TARGET, Limits(rounds, 100_000, lambda: next(ticks)))


DIAMOND = Memory(
    {
        "top": {"1.0": ["left", "right"], "2.0": ["left>=2", "right>=2"]},
        "left": {"1.0": ["base<2"], "2.0": ["base<2"]},
        "right": {"1.0": ["base"], "2.0": ["base>=2"]},
        "base": {"1.0": [], "2.0": []},
        "loner": {"1.0": ["loner2>=9"]},
        "loner2": {"1.0": []},
    }
)


def test_versions_and_who_requires_whom() -> None:
    found = resolve(DIAMOND, "top\nleft; sys_platform == 'win32'")
    assert found.versions == {"base": "1.0", "left": "2.0", "right": "1.0", "top": "1.0"}
    assert found.edges == {"left": ("base",), "right": ("base",), "top": ("left", "right")}
    assert (found.direct, found.complete, found.conflict) == (("top",), True, None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("top>=2", "left 2.0 needs base<2 and right 2.0 needs base>=2."),
        ("base<2\nright>=2", "You ask for base<2 (r.txt:1) and right 2.0 needs base>=2."),
        ("base<2\nbase>=2", "You ask for base<2 (r.txt:1) and you ask for base>=2 (r.txt:2)."),
        ("right>=2\n-c base<2", "right 2.0 needs base>=2 and r.txt:2 allows base<2 only."),
        (
            "base>9",
            "You ask for base>9 (r.txt:1), but base has no such release (the newest is 2.0).",
        ),
        ("loner", "loner 1.0 needs loner2>=9, but loner2 has no such release (the newest is 1.0)."),
    ],
)
def test_conflicts_in_words(text: str, told: str) -> None:
    found = resolve(DIAMOND, text)
    assert (found.conflict, found.complete) == (told, True)


def test_what_is_best_where_nothing_fits_together() -> None:
    found = resolve(DIAMOND, "top>=2\nloner")
    assert found.versions == {
        "base": "1.0", "left": "2.0", "loner": "1.0", "loner2": "1.0", "right": "2.0", "top": "2.0",
    }  # fmt: skip
    assert found.edges["top"] == ("left", "right")


def test_a_release_that_does_not_install_is_named_all_the_same() -> None:
    memory = Memory({"app": {"1.0": ["gil>=2"]}, "gil": {"1.0": [], "2.0": ["x"]}}, gil=WITH_GIL)
    found = resolve(memory, "app")
    assert found.conflict == (
        f"app 1.0 needs gil>=2, but no release of gil that fits can be installed {HERE}."
    )
    assert found.versions == {"app": "1.0", "gil": "2.0"}
    assert found.unknown == {"x": "There is no project named x on the index."}


def test_a_search_that_is_given_up() -> None:
    found = resolve(DIAMOND, "top>=2", rounds=2)
    assert (found.conflict, found.complete) == (NOT_FOUND, False)
    assert found.versions["top"] == "2.0"
    assert "impossible" not in NOT_FOUND.lower()
    ready = resolve(DIAMOND, "top>=2", rounds=2, ready_only=True)
    assert (ready.versions, ready.complete) == ({}, False)


def test_a_search_that_takes_too_long() -> None:
    provider = Provider(DIAMOND, TARGET)
    provider.ask(wanted("top"))
    found = search(provider, TARGET, Limits(500, 3.0, lambda: 3.1))
    assert not found.complete


class Counting(Provider):
    """A provider that counts what resolvelib has it look at."""

    looked_at = 0

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[Requirement]],
        incompatibilities: Mapping[str, Iterator[Candidate]],
    ) -> Matches[Candidate]:
        found = {name: list(each) for name, each in requirements.items()}
        self.looked_at += len(found[identifier])
        again = {name: iter(each) for name, each in found.items()}
        return super().find_matches(identifier, again, incompatibilities)


@pytest.mark.parametrize(
    "line",
    [
        "top",
        "top>={number}",
        "top!=7.{number}",
        "top; python_version > '2.{number}'",
        "top; extra != 'x{number}'",
    ],
)
def test_thousands_of_lines_about_one_project_are_few_to_a_search(line: str) -> None:
    memory = Memory({"top": {"9999.0": []}})
    lines = [line.format(number=number) for number in range(1000)]
    provider = Counting(memory, TARGET)
    provider.ask(wanted("\n".join(lines)))
    found = search(provider, TARGET, Limits(500, 3.0, lambda: 0.0))
    assert (found.versions, found.conflict) == ({"top": "9999.0"}, None)
    assert provider.looked_at <= 10


def test_of_lines_that_come_to_the_same_a_conflict_names_the_first() -> None:
    memory = Memory({"app": {"1.0": ["top<2"]}, "top": {"1.0": [], "2.0": [], "3.0": []}})
    found = resolve(memory, "app\ntop>1.5\ntop>1.6\ntop>1.7\ntop>2.5")
    assert found.conflict == "You ask for top>1.5 (r.txt:2) and app 1.0 needs top<2."


def test_requirements_are_added_within_the_limit_too() -> None:
    provider = Provider(DIAMOND, TARGET)
    provider.ask(wanted("top\nleft\nright"))
    seconds = iter([0.0, 0.0])  # the third look at the clock would find the time over
    found = search(provider, TARGET, Limits(500, 3.0, lambda: next(seconds, 3.1)))
    assert (found.conflict, found.complete) == (NOT_FOUND, False)


def test_a_project_that_is_not_there() -> None:
    memory = Memory({"app": {"1.0": ["gone>=1", "gone[x]"]}})
    found = resolve(memory, "app\nlost")
    reasons = {n: f"There is no project named {n} on the index." for n in ("gone", "lost")}
    assert (found.versions, found.unknown, found.conflict) == ({"app": "1.0"}, reasons, None)
    assert found.edges == {"app": ("gone",)}


def test_addresses_are_taken_at_their_word() -> None:
    memory = Memory({"app": {"1.0": ["far>=2", "far[x]"]}})
    found = resolve(memory, "app\nfar @ https://x.invalid/far.zip")
    assert found.versions == {"app": "1.0"}
    assert list(found.unknown) == ["far"]
    assert "far" not in memory.asked
    assert found.conflict is None


def test_two_addresses_of_one_project_disagree() -> None:
    found = resolve(Memory({}), "far @ https://x.invalid/1\nfar @ https://x.invalid/2")
    assert found.conflict is not None
    assert found.unknown.keys() == {"far"}


def test_a_marker_that_cannot_be_judged_counts_as_true() -> None:
    deep = "(" * 5_000 + "os_name == 'nt'" + ")" * 5_000
    memory = Memory({"app": {"1.0": [f"dep; {deep}"]}, "dep": {"1.0": []}})
    found = resolve(memory, "app\ndep; platform_release > '5'")
    assert found.versions == {"app": "1.0", "dep": "1.0"}
    assert [each.where for each in found.problems] == ["r.txt:2", "app 1.0"]
    assert all("cannot be known" in each.text and len(each.text) < 200 for each in found.problems)


def test_extras_in_circles() -> None:
    memory = Memory(
        {
            "a": {"1.0": ["b[y]; extra == 'x'", "a[x]; extra == 'all'"]},
            "b": {"1.0": ["a[x]; extra == 'y'", "c; extra == 'y'"]},
            "c": {"1.0": ["a[all]"]},
        }
    )
    found = resolve(memory, "a[all]")
    assert found.versions == {"a": "1.0", "b": "1.0", "c": "1.0"}
    assert found.extras == {"a": ("all", "x"), "b": ("y",)}
    assert found.edges == {"a": ("b",), "b": ("a", "c"), "c": ("a",)}


def test_a_set_that_is_ready() -> None:
    memory = Memory({"app": {"1.0": ["lib"], "2.0": ["lib>=2"]}, "lib": {"1.0": [], "2.0": []}})
    lib = [f"lib-1.0-{WHEEL}.whl", "lib-2.0.tar.gz", f"lib-2.0-{WITH_GIL}.whl"]
    files = condense([file(each) for each in lib], canonicalize_name("lib"))
    memory._projects["lib"] = Available(canonicalize_name("lib"), files, "active", TARGET)
    assert resolve(memory, "app").versions == {"app": "2.0", "lib": "2.0"}
    assert resolve(memory, "app", ready_only=True).versions == {"app": "1.0", "lib": "1.0"}
    none = resolve(memory, "app>=2", ready_only=True)
    assert none.conflict == (
        f"app 2.0 needs lib>=2, but no release of lib that fits is ready {HERE}."
    )
    assert (none.versions, none.complete) == ({}, True)


def test_ready_in_a_pre_release_only() -> None:
    memory = Memory({"lib": {"1.0": [], "2.0b1": []}})
    lib = ["lib-1.0.tar.gz", f"lib-1.0-{WITH_GIL}.whl", f"lib-2.0b1-{WHEEL}.whl"]
    files = condense([file(each) for each in lib], canonicalize_name("lib"))
    memory._projects["lib"] = Available(canonicalize_name("lib"), files, "active", TARGET)
    assert resolve(memory, "lib").versions == {"lib": "1.0"}
    assert resolve(memory, "lib", ready_only=True).versions == {"lib": "2.0b1"}


def test_projects_in_a_circle_that_a_detour_leaves_behind() -> None:
    memory = Memory(
        {
            "app": {"1.0": [], "2.0": ["ring1", "z<1"]},
            "ring1": {"1.0": ["ring2"]},
            "ring2": {"1.0": ["ring3"]},
            "ring3": {"1.0": ["ring1", "z>=1"]},
            "z": {"0.5": [], "1.0": []},
        }
    )
    assert resolve(memory, "app").versions == {"app": "1.0"}


def test_a_placeholder_from_before_the_binaries_is_not_ready() -> None:
    found = available(
        "foo-0.1-py3-none-any.whl",
        f"foo-1.0-{WHEEL}.whl",
        f"foo-2.0-{WITH_GIL}.whl",
        "foo-3.0-py3-none-any.whl",
    )
    ready = [found.offers[place].version for place in found.ready(found.all, exact=False)]
    assert ready == ["3.0", "1.0"]


def test_a_specifier_that_cannot_be_read() -> None:
    provider = Provider(DIAMOND, TARGET)
    provider.ask([Wanted("base", "r.txt:1", "of the finest")])
    found = search(provider, TARGET, Limits(500, 10, lambda: 0))
    assert found.versions == {"base": "2.0"}
    assert [each.where for each in found.problems] == ["r.txt:1"]
