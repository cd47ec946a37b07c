"""Lock files are taken at their word: which packages, which versions, under which markers."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.pylock import Pylock

from bot.audit.environment import applies, environment
from bot.audit.manifests import read
from bot.audit.manifests.markers import settle
from bot.audit.manifests.poetry_constraint import specifier
from bot.audit.manifests.reach import reach, tops
from bot.audit.model import Manifest, Pinned
from bot.compat.model import Target
from bot.compat.targets import wheel_tags
from bot.errors import UserError
from bot.settings import Settings

DATA = Path(__file__).resolve().parents[1] / "data/manifests"
LINUX = Target("3.14t", "linux-x86_64")
WINDOWS = Target("3.13t", "windows-amd64")
TARGETS = (LINUX, WINDOWS, Target("3.15t", "macos-arm64"))


def lock(text: str, groups: tuple[str, ...] | None = None, source: str = "x.lock") -> Manifest:
    return read(source, text.encode(), groups=groups)


def sample(name: str, groups: tuple[str, ...] | None = None) -> Manifest:
    return read(name, (DATA / name).read_bytes(), groups=groups)


def here(manifest: Manifest, target: Target) -> dict[str, str | None]:
    """The versions that are installed on a target."""
    return {each.name: each.version for each in manifest.pinned if applies(each.marker, target)}


def by_name(manifest: Manifest) -> dict[str, Pinned]:
    return {each.name: each for each in manifest.pinned}


def test_uv_lock_of_an_application() -> None:
    found = sample("datasette.uv.lock")
    assert (found.format, found.locked, found.requires_python) == ("uv.lock", True, ">=3.10")
    assert found.groups == found.chosen == ("rich", "test")
    assert [each.text for each in found.problems if not each.note] == []
    packages = by_name(found)
    assert "datasette" not in packages  # it is the project itself
    assert here(found, LINUX)["numpy"] == "2.3.4"
    assert here(found, LINUX).keys() - here(found, WINDOWS).keys() == {"uvloop"}
    assert here(found, WINDOWS).keys() - here(found, LINUX).keys() == {"colorama"}
    assert "tomli" not in here(found, LINUX)  # for Python 3.10 alone
    assert packages["datasette-site"].origin == "vcs"
    assert packages["httpx"].direct
    assert packages["h11"].direct is False
    assert packages["anyio"].requires == (
        ("idna", ""),
        ("sniffio", ""),
        ("typing-extensions", "python_full_version < '3.13'"),
    )
    # of the extra that the project asks of it
    assert "uvloop" in dict(packages["uvicorn"].requires or ())


def test_uv_lock_without_groups() -> None:
    every, few = sample("datasette.uv.lock"), sample("datasette.uv.lock", groups=())
    left_out = by_name(every).keys() - by_name(few).keys()
    assert {"rich", "black", "pytest", "tomli", "mdurl"} <= left_out
    assert {"click", "pluggy", "uvicorn"}.isdisjoint(left_out)
    assert few.chosen == ()
    assert few.groups == every.groups
    assert "rich" in by_name(sample("datasette.uv.lock", groups=("Rich",)))


def test_uv_lock_of_a_workspace() -> None:
    found = lock(
        """
version = 1
revision = 3
[manifest]
members = ["one", "Two"]
[manifest.dependency-groups]
lint = [{ name = "ruff" }]
[[package]]
name = "one"
version = "1"
source = { editable = "packages/one" }
dependencies = [{ name = "two" }, { name = "torch" }]
[[package]]
name = "two"
source = { virtual = "packages/two" }
dependencies = [{ name = "local" }, { name = "file" }, { name = "addressed" }]
[[package]]
name = "torch"
version = "2.9"
source = { registry = "https://index.invalid/simple" }
[[package]]
name = "local"
version = "1"
source = { directory = "../local" }
[[package]]
name = "file"
version = "1"
source = { path = "file-1-py3-none-any.whl" }
[[package]]
name = "addressed"
version = "1"
source = { url = "https://files.invalid/a.whl" }
[[package]]
name = "ruff"
version = "1"
source = { registry = "wheels" }
[[package]]
name = "stray"
version = "1"
source = { registry = "https://index.invalid/simple" }
"""
    )
    assert {name: (each.origin, each.direct) for name, each in by_name(found).items()} == {
        "torch": ("index", True),
        "local": ("path", True),
        "file": ("path", True),
        "addressed": ("url", True),
        "ruff": ("path", True),
        "stray": ("index", False),  # nothing needs it, and yet the lock has it
    }
    assert found.groups == ("lint",)


def test_uv_lock_of_a_script_has_no_project() -> None:
    found = lock(
        """
version = 1
[manifest]
requirements = [{ name = "httpx", specifier = ">=0.28" }]
[[package]]
name = "httpx"
version = "0.28.1"
dependencies = [{ name = "idna" }]
[[package]]
name = "idna"
version = "3.11"
"""
    )
    assert {each.name: each.direct for each in found.pinned} == {"httpx": True, "idna": False}


def test_uv_extras_that_exclude_each_other_are_settled_by_choice() -> None:
    text = """
version = 1
conflicts = [[{ package = "app", extra = "cpu" }, { package = "app", extra = "gpu" }]]
[[package]]
name = "app"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "numpy", marker = "extra != 'extra-3-app-gpu'" }]
[package.optional-dependencies]
cpu = [{ name = "torch", version = "2.9", marker = "extra == 'extra-3-app-cpu'" }]
gpu = [{ name = "torch", version = "2.9+cu", marker = "extra == 'extra-3-app-gpu'" }]
[[package]]
name = "torch"
version = "2.9"
[[package]]
name = "torch"
version = "2.9+cu"
[[package]]
name = "numpy"
version = "2"
"""
    assert here(lock(text, ("cpu",)), LINUX) == {"torch": "2.9", "numpy": "2"}
    assert here(lock(text, ("gpu",)), LINUX) == {"torch": "2.9+cu"}
    assert [each.version for each in lock(text).pinned if each.name == "torch"] == ["2.9", "2.9+cu"]


def test_poetry_lock_of_an_application() -> None:
    found = sample("mealie.poetry.lock")
    assert (found.format, found.locked) == ("poetry.lock", True)
    assert found.requires_python == ">=3.12,<3.15"
    assert set(found.groups) == {"dev", "pgsql"}
    packages = by_name(found)
    assert packages["mealie-recipes"].origin == "editable"
    assert packages["psycopg2-binary"].marker == ""
    assert "colorama" in here(found, WINDOWS)
    assert "colorama" not in here(found, LINUX)
    assert "uvloop" in dict(packages["uvicorn"].requires or ())
    few = sample("mealie.poetry.lock", groups=())
    assert by_name(found).keys() - here(few, WINDOWS).keys() == {
        *("psycopg2-binary", "pytest", "pluggy", "iniconfig", "packaging", "uvloop")
    }
    assert by_name(few)["colorama"].marker == 'platform_system == "Windows"'


OLD_POETRY = """
[[package]]
name = "click"
version = "8.1"
category = "main"
optional = false
[package.dependencies]
colorama = {version = "*", markers = "platform_system == \\"Windows\\""}
[[package]]
name = "colorama"
version = "0.4.6"
category = "main"
optional = false
[[package]]
name = "numpy"
version = "1.26.4"
optional = false
[[package]]
name = "numpy"
version = "2.3.0"
optional = false
[[package]]
name = "pandas"
version = "2"
optional = true
[package.dependencies]
numpy = [
    {version = ">=1.20,<2", markers = "python_version < \\"3.11\\""},
    {version = "^2.1", markers = "python_version >= \\"3.11\\""},
]
[[package]]
name = "pytest"
version = "8"
category = "dev"
optional = false
[package.source]
type = "git"
url = "https://code.invalid/pytest"
[extras]
frames = ["pandas"]
[metadata]
lock-version = "1.1"
python-versions = "^3.10"
"""


def test_old_poetry_lock_takes_markers_from_who_requires_a_package() -> None:
    found = lock(OLD_POETRY)
    assert by_name(found)["colorama"].marker == 'platform_system == "Windows"'
    assert here(found, LINUX) == {"click": "8.1", "numpy": "2.3.0", "pandas": "2", "pytest": "8"}
    assert by_name(found)["pytest"].origin == "vcs"
    assert set(found.groups) == {"frames", "dev"}
    assert here(lock(OLD_POETRY, ()), LINUX).keys() == {"click", "numpy"}
    assert here(lock(OLD_POETRY, ("frames",)), LINUX).keys() == {"click", "numpy", "pandas"}


PDM = """
[metadata]
groups = ["default", "dev", "socks"]
strategy = ["inherit_metadata"]
lock_version = "4.5.0"
content_hash = "sha256:made-up"
[[metadata.targets]]
requires_python = ">=3.11"
[[package]]
name = "colorama"
version = "0.4.6"
groups = ["default"]
marker = "sys_platform == \\"win32\\""
[[package]]
name = "httpx"
version = "0.28.1"
groups = ["default"]
dependencies = ["idna", "colorama; sys_platform == \\"win32\\""]
[[package]]
name = "httpx"
version = "0.28.1"
extras = ["socks"]
groups = ["socks"]
dependencies = ["httpx==0.28.1", "socksio==1.*"]
[[package]]
name = "idna"
version = "3.11"
groups = ["default"]
[[package]]
name = "pytest"
version = "8"
groups = ["dev"]
git = "https://code.invalid/pytest"
[[package]]
name = "local"
version = "0"
groups = ["dev"]
path = "./local"
editable = true
[[package]]
name = "socksio"
version = "1.0.0"
groups = ["socks"]
"""


def test_pdm_lock() -> None:
    found = lock(PDM)
    assert (found.format, found.requires_python) == ("pdm.lock", ">=3.11")
    assert set(found.groups) == {"dev", "socks"}
    packages = by_name(found)
    assert len(found.pinned) == 6
    assert packages["httpx"].requires == (
        ("colorama", 'sys_platform == "win32"'),
        ("idna", ""),
        ("socksio", ""),
    )
    assert packages["pytest"].origin == "vcs"
    assert packages["local"].origin == "editable"
    assert here(found, LINUX).keys() == packages.keys() - {"colorama"}
    assert here(lock(PDM, ()), WINDOWS).keys() == {"colorama", "httpx", "idna"}


def test_pdm_lock_without_inherited_metadata_takes_markers_from_who_requires() -> None:
    text = "\n".join(
        line for line in PDM.splitlines() if not line.startswith(("groups", "marker", "strategy"))
    )
    found = lock(text)
    assert by_name(found)["colorama"].marker == 'sys_platform == "win32"'
    assert len(found.pinned) == 6


def test_pipfile_lock() -> None:
    text = json.dumps(
        {
            "_meta": {"pipfile-spec": 6, "requires": {"python_version": "3.14"}},
            "default": {
                "Requests": {"version": "==2.32.5", "markers": "python_version >= '3.9'"},
                "colorama": {"version": "==0.4.6", "markers": "sys_platform == 'win32'"},
                "thing": {"git": "https://code.invalid/thing", "ref": "0123"},
                "local": {"path": ".", "editable": True},
                "unpinned": {"version": "*"},
            },
            "develop": {"requests": {"version": "==2.32.5"}, "pytest": {"version": "==8.4.2"}},
        }
    )
    found = lock(text)
    assert (found.format, found.requires_python) == ("Pipfile.lock", "==3.14.*")
    assert [(each.name, each.version, each.origin, each.where) for each in found.pinned] == [
        ("requests", "2.32.5", "index", "default.Requests"),
        ("colorama", "0.4.6", "index", "default.colorama"),
        ("thing", None, "vcs", "default.thing"),
        ("local", None, "editable", "default.local"),
        ("pytest", "8.4.2", "index", "develop.pytest"),
    ]
    assert [each.where for each in found.problems] == ["default.unpinned"]
    assert found.groups == ("develop",)
    assert "pytest" not in by_name(lock(text, ()))


PYLOCK = """
lock-version = "1.0"
created-by = "made up"
requires-python = ">=3.12"
environments = ["sys_platform == 'linux'", "sys_platform == 'win32'"]
extras = ["socks"]
dependency-groups = ["dev", "docs", "core"]
default-groups = ["core"]
[[packages]]
name = "httpx"
version = "0.28.1"
dependencies = [{ name = "idna" }]
sdist = { path = "httpx-0.28.1.tar.gz", hashes = { sha256 = "00" } }
[[packages]]
name = "idna"
version = "3.11"
marker = "'core' in dependency_groups"
wheels = [{ path = "idna-3.11-py3-none-any.whl", hashes = { sha256 = "00" } }]
[[packages]]
name = "socksio"
version = "1.0.0"
marker = "'socks' in extras and python_version >= '3.9'"
wheels = [{ path = "socksio-1.0.0-py3-none-any.whl", hashes = { sha256 = "00" } }]
[[packages]]
name = "colorama"
version = "0.4.6"
marker = "sys_platform == 'win32' and ('dev' in dependency_groups or 'docs' in dependency_groups)"
wheels = [{ path = "colorama-0.4.6-py3-none-any.whl", hashes = { sha256 = "00" } }]
[[packages]]
name = "quiet"
version = "1"
marker = "'dev' not in dependency_groups"
wheels = [{ path = "quiet-1-py3-none-any.whl", hashes = { sha256 = "00" } }]
[[packages]]
name = "checkout"
vcs = { type = "git", url = "https://code.invalid/x", commit-id = "0123" }
[[packages]]
name = "folder"
directory = { path = "folder", editable = true }
[[packages]]
name = "archive"
archive = { path = "archive.zip", hashes = { sha256 = "00" } }
"""


@pytest.mark.parametrize("groups", [(), ("dev",), ("docs", "socks"), ("dev", "docs", "socks")])
@pytest.mark.parametrize("target", [LINUX, WINDOWS])
def test_pylock_selects_as_packaging_does(groups: tuple[str, ...], target: Target) -> None:
    found = lock(PYLOCK, groups)
    theirs = Pylock.from_dict(tomllib.loads(PYLOCK)).select(
        environment=environment(target),  # type: ignore[arg-type] # a TypedDict of the same keys
        tags=list(wheel_tags(target)),
        extras=[group for group in groups if group == "socks"],
        dependency_groups=["core", *(group for group in groups if group != "socks")],
    )
    assert here(found, target).keys() == {package.name for package, _ in theirs}
    assert not found.problems


def test_pylock() -> None:
    found = lock(PYLOCK)
    assert (found.format, found.requires_python) == ("pylock.toml", ">=3.12")
    assert set(found.chosen) == {"socks", "dev", "docs"}
    packages = by_name(found)
    assert packages["httpx"].requires == (("idna", ""),)
    assert packages["idna"].requires is None
    assert [packages[name].origin for name in ("checkout", "folder", "archive")] == [
        *("vcs", "editable", "path")
    ]


def test_pylock_package_that_breaks_the_standard_is_read_with_a_word() -> None:
    found = lock(
        """
lock-version = "1.0"
created-by = "made up"
[[packages]]
name = "numpy"
version = "2.3.0"
[[packages]]
name = 3
[[packages]]
name = "deep"
version = "1"
marker = "MARKER"
[[packages]]
name = "scipy"
version = "1.16"
wheels = [{ path = "other-1.16-py3-none-any.whl", hashes = { sha256 = "00" } }]
""".replace("MARKER", "(" * 5000 + "os_name == 'nt'" + ")" * 5000)
    )
    assert [each.name for each in found.pinned] == ["numpy", "deep", "scipy"]
    assert [each.where for each in found.problems] == [f"packages[{i}]" for i in range(4)]
    assert applies(by_name(found)["deep"].marker, LINUX) is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('version = 2\n[[package]]\nname = "numpy"\nversion = "2"\n', "version 2"),
        ('[[package]]\nname = "numpy"\nversion = "2"\n[metadata]\nlock-version = "3.0"', "3.0"),
        ('[[package]]\nname = "numpy"\nversion = "2"\n[metadata]\nlock_version = "5"', "5"),
        ('lock-version = "2.0"\n[[packages]]\nname = "numpy"\nversion = "2"', "version 2.0"),
        ('{"_meta": {"pipfile-spec": 7}, "default": {"numpy": {"version": "==2"}}}', "version 7"),
    ],
)
def test_a_lock_of_a_version_to_come_is_read_as_far_as_it_goes(text: str, word: str) -> None:
    found = lock(text)
    assert here(found, LINUX) == {"numpy": "2"}
    assert word in found.problems[0].text


def test_odd_packages_do_not_hide_the_others() -> None:
    found = lock(
        """
version = 1
package = [
  1, { version = "1" }, { name = 3 }, { name = "bad", dependencies = "x" },
  { name = "../../etc", version = "1" }, { name = "long", version = "VERSION" },
  { name = "good", version = "1" },
]
""".replace("VERSION", "9" * 5000)
    )
    assert [each.name for each in found.pinned] == ["good"]
    assert [each.where for each in found.problems] == [f"package[{i}]" for i in range(6)]
    assert "'bad' cannot be read" in found.problems[3].text


def test_a_group_that_is_not_there_is_told() -> None:
    found = sample("datasette.uv.lock", groups=("docs", "test"))
    assert found.chosen == ("test",)
    assert "has no extra or group 'docs'" in found.problems[0].text


@pytest.mark.parametrize(
    "text", ["version = 1\npackage = 3", "version = 1\n[package]\nx = 1", "[[package]]\nx = 1"]
)
def test_what_is_no_lock_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        lock(text)


@pytest.mark.parametrize(
    ("marker", "chosen", "settled"),
    [
        ("extra == 'x'", {"x"}, ""),
        ("extra == 'X_y'", {"x-y"}, ""),
        ("'x' != extra", {"x"}, 'os_name == ""'),
        ("extra == 'x' and os_name == 'nt'", None, "os_name != \"\" and os_name == 'nt'"),
        ("'x' not in extras", set[str](), ""),
        ("'x' in dependency_groups", set[str](), 'os_name == ""'),
        ("platform_version == \"extra == 'x'\"", {"x"}, "platform_version == \"extra == 'x'\""),
        ("os_name == 'nt'", {"x"}, "os_name == 'nt'"),
    ],
)
def test_extras_in_markers_are_settled(marker: str, chosen: set[str] | None, settled: str) -> None:
    assert settle(marker, chosen) == settled


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("^1.2.3", "<2.0.0,>=1.2.3"),
        ("^0.2.3", "<0.3.0,>=0.2.3"),
        ("^0.0.3", "<0.0.4,>=0.0.3"),
        ("^0", "<1,>=0"),
        ("^3.11", "<4.0,>=3.11"),
        ("~1.2.3", "<1.3.0,>=1.2.3"),
        ("~1.2", "<1.3,>=1.2"),
        ("~1", "<2,>=1"),
        ("~=1.4", "~=1.4"),
        ("1.2.3", "==1.2.3"),
        ("=1.2.3", "==1.2.3"),
        ("1.*", "==1.*"),
        ("!=1.5.*", "!=1.5.*"),
        ("*", ""),
        ("", ""),
        (">=1.0,<2.0,!=1.5", "!=1.5,<2.0,>=1.0"),
        (">= 1.0 < 2.0", "<2.0,>=1.0"),
        ("^1 || ^3", None),
        ("nonsense", None),
        ("^", None),
        ("^" + "9" * 5000, None),
    ],
)
def test_constraints_of_poetry(constraint: str, expected: str | None) -> None:
    assert specifier(constraint) == expected


MARKERS = (
    *("", "", "sys_platform == 'linux'", "sys_platform == 'win32'", "os_name == 'posix'"),
    *("python_version < '3.14'", "python_version >= '3.14'", "platform_machine == 'arm64'"),
)
graphs = st.lists(
    st.lists(st.tuples(st.integers(0, 7), st.sampled_from(MARKERS)), max_size=4),
    min_size=8,
    max_size=8,
).map(lambda lists: dict(enumerate(lists)))


@settings(deadline=None)
@given(edges=graphs, roots=st.sets(st.integers(0, 7), max_size=3))
def test_packages_are_reached_under_their_markers(
    edges: dict[int, list[tuple[int, str]]], roots: set[int]
) -> None:
    found = reach(roots, edges)
    for target in TARGETS:
        reached = set(roots)
        waiting = list(roots)
        while waiting:
            for to, marker in edges[waiting.pop()]:
                if to not in reached and applies(marker, target):
                    reached.add(to)
                    waiting.append(to)
        assert {node for node, marker in found.items() if applies(marker, target)} == reached


@given(edges=graphs)
def test_all_is_reached_from_the_tops(edges: dict[int, list[tuple[int, str]]]) -> None:
    assert reach(tops(edges, edges), edges).keys() == edges.keys()


def test_markers_that_would_grow_too_long_mean_everywhere() -> None:
    ways: dict[Any, list[tuple[Any, str]]] = {
        "root": [(i, f"os_name == '{i}'") for i in range(40)],
        **{i: [("end", "")] for i in range(40)},
    }
    assert reach(["root"], ways)["end"] == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "uv.lock",
            (
                "version = 1\n"
                '[[package]]\nname = "a"\nversion = "1"\n'
                'source = {{ registry = "{public}/simple" }}\n'
                '[[package]]\nname = "b"\nversion = "1"\nsource = {{ registry = "{other}" }}\n'
                '[[package]]\nname = "c"\nversion = "1"\nsource = {{ registry = "../wheels" }}\n'
            ),
        ),
        (
            "poetry.lock",
            (
                '[[package]]\nname = "a"\nversion = "1"\n'
                '[[package]]\nname = "b"\nversion = "1"\n'
                '[package.source]\ntype = "legacy"\nurl = "{other}"\nreference = "corp"\n'
                '[[package]]\nname = "c"\nversion = "1"\n'
                '[package.source]\ntype = "git"\nurl = "https://git.test/c"\n'
                '[metadata]\nlock-version = "2.1"\n'
            ),
        ),
        (
            "pylock.toml",
            (
                'lock-version = "1.0"\ncreated-by = "x"\n'
                '[[packages]]\nname = "a"\nversion = "1"\nindex = "{public}/simple"\n'
                'sdist = {{name = "a-1.tar.gz", path = "x", hashes = {{sha256 = "00"}}}}\n'
                '[[packages]]\nname = "b"\nversion = "1"\nindex = "{other}"\n'
                'sdist = {{name = "b-1.tar.gz", path = "x", hashes = {{sha256 = "00"}}}}\n'
            ),
        ),
    ],
)
def test_another_registry_is_named_without_its_password(name: str, text: str) -> None:
    public = Settings.model_fields["pypi_url"].default
    body = text.format(public=public, other="https://ada:secret@Corp.test:8443/simple")
    notes = [each for each in read(name, body.encode()).problems if each.note]
    assert [(each.where, each.text) for each in notes] == [
        (name, "What comes from corp.test:8443 is judged as PyPI has it.")
    ]
    alone = text.format(public=public, other=f"{public}/simple")
    assert not [each for each in read(name, alone.encode()).problems if each.note]
