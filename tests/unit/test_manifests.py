"""Files are told by their content, read as far as they go, and never bring the reader down."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.audit.manifests import FORMATS, LIMIT, read, recognise
from bot.audit.model import Manifest, Pinned, Wanted
from bot.errors import UserError
from tests.unit.test_manifests_locks import OLD_POETRY, PDM, PYLOCK

DATA = Path(__file__).resolve().parents[1] / "data/manifests"

FREEZE = """\
aiohttp==3.14.5
# Editable install with no version control (made-up==0.1)
-e /srv/made-up
-e git+https://code.invalid/thing@0123#egg=thing
discord.py==2.7.1
local @ file:///srv/wheels/local-1.0-py3-none-any.whl
pydantic==2.12
pydantic-settings==2.11
pydantic_core==2.41
"""
LIST = json.dumps(
    [
        {"name": "aiohttp", "version": "3.14.5"},
        {"name": "made-up", "version": "0.1", "editable_project_location": "/srv/made-up"},
        {"name": "old", "version": "2004d-custom"},
    ]
)
COLUMNS = """\
Package    Version      Editable project location
---------- ------------ -------------------------
aiohttp    3.14.5
made_up    0.1          /srv/made-up

[notice] A new release of pip is available: 26.2 -> 26.3
"""
CONDA = """\
name: made-up
channels: [conda-forge]
dependencies:
  - python=3.13
  - numpy>=2.0
  - conda-forge::scipy=1.16.2=py313h11c21cd_0
  - pip
  - pip:
    - -r base.txt
    - httpx[http2]>=0.28 ; sys_platform != "win32"
    - "orjson==3.11"
prefix: /srv/envs/made-up
"""
PYPROJECT = """\
[build-system]
requires = ["hatchling"]
[project]
name = "Made.Up"
version = "1"
requires-python = ">=3.12"
dependencies = ["httpx>=0.28", "made-up[cli]", "odd thing", "local"]
[project.optional-dependencies]
cli = ["typer", "made-up[colour]"]
colour = ["rich ; sys_platform != 'win32'", "made_up[cli]"]
docs = ["mkdocs"]
[dependency-groups]
dev = [{ include-group = "Test" }, "ruff"]
test = ["pytest>=8", { include-group = "no-such" }]
[tool.uv.sources]
local = { path = "../local" }
"""
POETRY = """\
[tool.poetry]
name = "made-up"
[tool.poetry.dependencies]
python = "^3.11"
httpx = { version = "^0.28", extras = ["http2"], markers = "os_name == 'nt'" }
numpy = [{ version = "<2", python = "<3.12" }, { version = "^2", python = ">=3.12" }]
thing = { git = "https://user:word@code.invalid/thing" }
winner = { version = "*", platform = "win32" }
orjson = { version = "3.*", optional = true }
either = "^1 || ^3"
[tool.poetry.extras]
fast = ["orjson"]
[tool.poetry.group.docs.dependencies]
mkdocs = "~1.6"
[tool.poetry.dev-dependencies]
pytest = ">=8"
"""
SAMPLES = {
    "netbox.txt": ("requirements.txt", (DATA / "netbox.txt").read_text()),
    "uv.lock": ("uv.lock", (DATA / "datasette.uv.lock").read_text()),
    "poetry.lock": ("poetry.lock", (DATA / "mealie.poetry.lock").read_text()),
    "old.lock": ("poetry.lock", OLD_POETRY),
    "pdm.lock": ("pdm.lock", PDM),
    "pylock.toml": ("pylock.toml", PYLOCK),
    "Pipfile.lock": ("Pipfile.lock", '{"_meta": {}, "default": {"numpy": {"version": "==2"}}}'),
    "freeze": ("pip freeze", FREEZE),
    "list.json": ("pip list", LIST),
    "columns": ("pip list", COLUMNS),
    "environment.yml": ("environment.yml", CONDA),
    "pyproject.toml": ("pyproject.toml", PYPROJECT),
    "poetry.toml": ("pyproject.toml", POETRY),
}


def parse(text: str, source: str = "-", groups: tuple[str, ...] | None = None) -> Manifest:
    return read(source, text.encode(), groups=groups)


def names(manifest: Manifest) -> list[str]:
    return [each.name for each in manifest.wanted]


@pytest.mark.parametrize("name", SAMPLES)
def test_formats_are_told_by_content(name: str) -> None:
    format_, text = SAMPLES[name]
    for source in ("-", name, "data.bin", "pyproject.toml", "uv.lock"):
        assert recognise(source, text.encode()) == format_
    found = parse(text, name)
    assert (found.source, found.format) == (name, format_)
    assert found.pinned or found.wanted
    assert recognise(name, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()) == format_


def test_every_format_has_a_sample() -> None:
    assert {format_ for format_, _ in SAMPLES.values()} == set(FORMATS)


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("-", "a==1\nb==2\nc==3\n", "pip freeze"),
        ("requirements.txt", "a==1\nb==2\nc==3\n", "requirements.txt"),
        ("requirements/dev.in", "a==1\nb==2\nc==3\n", "requirements.txt"),
        ("-", "a==1\nc==3\nb==2\n", "requirements.txt"),
        ("-", "a==1\nb==2\n", "requirements.txt"),
        ("-", "a==1\nb==2\nc==3 ; os_name == 'nt'\n", "requirements.txt"),
        ("-", "a==1\nb==2\nc>=3\n", "requirements.txt"),
        ("-", "[]", "pip list"),
        ("-", "[tool.ruff]\n", "pyproject.toml"),
        ("-", "# c\n\ndependencies:\n- a\n", "environment.yml"),
        ("-", "---\ndependencies:\n- a\n", "environment.yml"),
        ("-", "# nothing but this\n-e .\nflask\n", "requirements.txt"),
    ],
)
def test_names_break_ties_alone(source: str, text: str, expected: str) -> None:
    assert recognise(source, text.encode()) == expected


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "is empty"),
        (b"\n# only a comment\n", "is empty"),
        (b"PK\x03\x04rest", "is a zip archive or a wheel"),
        (b"\x7fELF", "is a program"),
        (b"\x1f\x8b\x08", "is a gzip archive"),
        (b"flask\n\0\0\0", "holds binary data"),
        (bytes(range(128, 256)) * 4, "holds binary data"),
        (b"x" * LIMIT, "has 1,048,576 bytes"),
        (
            b"[project]\nname = 'a'\ndependencies = [\n  'b' 'c'\n]",
            "line 4, column 7: Unclosed array",
        ),
        (b"[project]\nname = ", "line 2, column 8: Invalid value"),
        (b"[project\nname = 'a'", "line 1, column 9: Expected"),
        (b"numpy=1.26.4=py312_0\n", "a pin with `==`"),
        (b"numpy=1.26\n", "a pin with `==`"),
        (b"version = 1\nversion = 1", "line 2, column 12: Cannot overwrite"),
        (b"[project]\nx = " + b"[" * 90_000, "nests tables or lists too deeply"),
        (b"a.b = 1\nb = {" + b"a." * 5000 + b"a = 1}", "line 2: this key has too many parts"),
        # wherever it begins: a file is looked through in pieces
        (
            b"b = 1\n#" + b"." * 65_500 + b"\n" + b"a." * 70 + b"a = 1",
            "line 3: this key has too many parts",
        ),
        (b"[project]\nx = " + b"9" * 5000, "not valid TOML"),
        (b'{"default": {"a": }}', "line 1, column 19: Expecting value"),
        (b'{"default":' * 90_000, "nests tables or lists too deeply"),
        (b'{"x": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"name": "an app", "dependencies": {}}', "JSON, but not of a known format"),
        (b"[package]\nname = 'x'\nversion = '1'\n[dependencies]\nserde = '1'", "not of a known"),
        (b"version = 4\n[[package]]\nname='a'\nsource='registry+x'", "not of a known"),
        (b"[[source]]\nname = 'x'\n[packages]\nflask = '*'", "is a Pipfile"),
        (b"name: a\nsteps: [1]\n", "no environment of conda"),
        (b"dependencies:\n- a\n b: [\n", "line 3, column"),
        (b"dependencies: " + b"[" * 5000, "too deeply"),
        (b"dependencies: \x07", "not valid YAML"),
        (b"@EXPLICIT\nconda-forge/noarch/a.conda", "list of conda's files"),
        (b"<!DOCTYPE html><p>", "is a web page"),
        (b"import os\n", "is a Python program"),
        (b"from setuptools import setup\n", "is a Python program"),
        (b"Hello there,\nhow are you?", "holds nothing that can be judged"),
        (b"[metadata]\nname = a\n", "line 2, column 8"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_word(body: bytes, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        read("some file", body)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    with pytest.raises(UserError):
        read("-", body)


def test_the_limit_can_be_set() -> None:
    assert len(read("r", b"flask\n" + b"#" * LIMIT, limit=2 * LIMIT).wanted) == 1
    with pytest.raises(UserError, match="files of less than 10"):
        read("r", b"flask\n#####", limit=10)


def test_pip_freeze() -> None:
    found = parse(FREEZE, "freeze.txt")
    assert found.locked
    assert found.pinned == (
        Pinned("aiohttp", "3.14.5", "freeze.txt:1"),
        Pinned("made-up", "0.1", "freeze.txt:3", origin="editable"),
        Pinned("thing", None, "freeze.txt:4", origin="editable"),
        Pinned("discord-py", "2.7.1", "freeze.txt:5"),
        Pinned("local", None, "freeze.txt:6", origin="path"),
        Pinned("pydantic", "2.12", "freeze.txt:7"),
        Pinned("pydantic-settings", "2.11", "freeze.txt:8"),
        Pinned("pydantic-core", "2.41", "freeze.txt:9"),
    )
    assert not found.problems


def test_pip_list() -> None:
    found = parse(LIST)
    assert found.locked
    assert [(each.name, each.version, each.origin) for each in found.pinned] == [
        ("aiohttp", "3.14.5", "index"),
        ("made-up", "0.1", "editable"),
        ("old", "2004d-custom", "index"),
    ]
    assert parse(COLUMNS).pinned == (
        Pinned("aiohttp", "3.14.5", "-:3"),
        Pinned("made-up", "0.1", "-:4", origin="editable"),
    )
    odd = parse('[{"name": "a", "version": "1"}, {"name": "b"}, 3]')
    assert [each.name for each in odd.pinned] == ["a"]
    assert [each.where for each in odd.problems] == ["[1]", "[2]"]


def test_conda_environment() -> None:
    found = read("environment.yml", CONDA.encode(), open_file=lambda _: b"flask\n")
    assert not found.locked
    assert found.requires_python == "==3.13.*"
    assert [(each.name, each.version, each.where) for each in found.pinned] == [
        ("numpy", None, "environment.yml:5"),
        ("scipy", "1.16.2", "environment.yml:6"),
        ("pip", None, "environment.yml:7"),
    ]
    assert {each.origin for each in found.pinned} == {"conda"}
    assert found.wanted == (
        Wanted("flask", "base.txt:1"),
        Wanted(
            "httpx",
            "environment.yml:10",
            ">=0.28",
            ("http2",),
            'sys_platform != "win32"',
        ),
        Wanted("orjson", "environment.yml:11", "==3.11"),
    )


def test_an_environment_whose_aliases_multiply_is_bounded() -> None:
    items = ", ".join(f"flask-{number}" for number in range(5000))
    text = f"p: &p {{pip: [{items}]}}\ndependencies: [{', '.join(['*p'] * 5000)}]"
    found = parse(text)
    assert [each.name for each in found.wanted] == items.split(", ")


def test_pyproject() -> None:
    found = parse(PYPROJECT, "pyproject.toml")
    assert not found.locked
    assert found.requires_python == ">=3.12"
    assert found.groups == ("cli", "colour", "docs", "dev", "test")
    assert set(found.chosen) == set(found.groups)
    assert sorted(names(found)) == [
        *("httpx", "local", "mkdocs", "pytest", "rich", "ruff", "typer")
    ]
    wanted = {each.name: each for each in found.wanted}
    assert wanted["rich"].marker == 'sys_platform != "win32"'
    assert wanted["rich"].where == "project.optional-dependencies.colour[0]"
    assert wanted["local"].url == "../local"
    assert [each.where for each in found.problems] == [
        "project.dependencies[2]",
        "dependency-groups.test",
    ]
    assert "no group 'no-such'" in found.problems[1].text


def test_pyproject_without_groups_takes_what_the_project_asks_of_itself() -> None:
    assert sorted(names(parse(PYPROJECT, groups=()))) == ["httpx", "local", "rich", "typer"]
    assert "pytest" in names(parse(PYPROJECT, groups=("dev",)))


def test_pyproject_of_poetry() -> None:
    found = parse(POETRY)
    assert found.requires_python == "<4.0,>=3.11"
    wanted = {(each.name, each.specifier): each for each in found.wanted}
    assert wanted.keys() == {
        ("httpx", "<0.29,>=0.28"),
        ("numpy", "<2"),
        ("numpy", "<3,>=2"),
        ("thing", ""),
        ("winner", ""),
        ("orjson", "==3.*"),
        ("mkdocs", "<1.7,>=1.6"),
        ("pytest", ">=8"),
    }
    assert wanted["httpx", "<0.29,>=0.28"].extras == ("http2",)
    assert wanted["numpy", "<2"].marker == 'python_full_version < "3.12"'
    assert wanted["winner", ""].marker == 'sys_platform == "win32"'
    assert wanted["thing", ""].url == "git+https://code.invalid/thing"
    assert [each.where for each in found.problems] == ["tool.poetry.dependencies.either"]
    assert set(found.groups) == {"fast", "docs", "dev"}
    assert {"orjson", "mkdocs", "pytest"}.isdisjoint(names(parse(POETRY, groups=())))
    assert "orjson" in names(parse(POETRY, groups=("fast",)))


def test_pyproject_whose_requirements_are_in_other_files() -> None:
    text = """
[project]
name = "made-up"
dynamic = ["dependencies", "optional-dependencies"]
[tool.setuptools.dynamic]
dependencies = { file = ["requirements.txt"] }
optional-dependencies.docs = { file = "docs.txt" }
"""
    files = {"requirements.txt": b"flask\n", "docs.txt": b"mkdocs\n"}
    found = read("pyproject.toml", text.encode(), open_file=files.__getitem__)
    assert found.wanted == (Wanted("flask", "requirements.txt:1"),)
    assert not found.problems
    assert "other files cannot be opened" in parse(text).problems[0].text
    computed = parse('[project]\nname = "x"\ndynamic = ["dependencies"]')
    assert "only known once it is built" in computed.problems[0].text


def test_groups_in_a_circle_are_read_once_and_told() -> None:
    chain = "".join(f'g{i} = ["p{i}", {{include-group = "g{i + 1}"}}]\n' for i in range(3000))
    found = parse(f'[dependency-groups]\n{chain}g3000 = [{{include-group = "g0"}}]\n')
    assert len(found.wanted) == 3000
    assert [each.text for each in found.problems] == [
        "Groups include each other in a circle; each is read once."
    ]
    double = "".join(f'g{i} = [{{include-group = "g{i + 1}"}}]\n' for i in range(40)).replace(
        "]\n", ', "x"]\n'
    )
    assert not parse(f'[dependency-groups]\n{double}g40 = ["y"]\n').problems


def test_extras_in_a_circle_are_read_once() -> None:
    chain = "".join(f'e{i} = ["p{i}", "me[e{i + 1}]"]\n' for i in range(3000))
    text = f'[project]\nname = "me"\n[project.optional-dependencies]\n{chain}e3000 = ["me[e0]"]\n'
    assert len(parse(text).wanted) == 3000
    assert names(parse(text, groups=())) == []
    assert len(parse(text, groups=("e2999",)).wanted) == 3000


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ('[project]\ndependencies = "flask"', "project.dependencies", "no list"),
        ("[project]\ndependencies = [1]", "project.dependencies[0]", "it is no text"),
        ('[project]\nname = "x"\ndependencies = ["x[y]"]', "project.dependencies[0]", "extra 'y'"),
        ("[dependency-groups]\na = [{ x = 1 }]", "dependency-groups.a[0]", "it is no text"),
        ("[tool.ruff]", "-", "states no dependencies"),
        ("[tool.poetry.dependencies]\nx = 1", "tool.poetry.dependencies.x", "cannot be read"),
        ("[tool.poetry.dependencies]\n'x!' = '1'", "tool.poetry.dependencies.x!", "no name"),
        ("version = 1\n[manifest]\nmembers = 1\n[[package]]\nname='a'", "manifest", "workspace"),
        (f"a==1\nb==2\n-e {'x' * 200}\nc==3", "-:3", "names no project"),
        ("a==1\nb==2\n-e\nc==3", "-:3", "requires 1 argument"),
        ("dependencies: [{x: 1}, '!!']", "-:1", "neither a package"),
        ("dependencies: ['!!']", "-:1", "no package of conda"),
    ],
)
def test_odd_parts_are_told(text: str, where: str, says: str) -> None:
    problem = parse(text).problems[0]
    assert problem.where == where
    assert says in problem.text


def test_groups_of_uv_and_pdm_from_before_the_standard() -> None:
    found = parse(
        """
[project]
name = "made-up"
[tool.uv]
dev-dependencies = ["pytest"]
[tool.pdm.dev-dependencies]
lint = ["ruff"]
"""
    )
    assert names(found) == ["pytest", "ruff"]
    assert set(found.groups) == {"dev", "lint"}


def test_problems_are_bounded() -> None:
    found = parse("flask\n" + "!\n" * 5000)
    assert len(found.problems) == 1001
    assert found.problems[-1].text == "There are 4,000 more problems."


def test_nobodys_password_is_repeated() -> None:
    for text in (
        "https://user:hunter2@files.invalid/thing-1.zip\n!git+https://hunter2@x.invalid/y",
        "!https://user:hunter2@files.invalid/\nflask",
        "--index-url https://hunter2@index.invalid\nflask",
        "-r https://user:hunter2@files.invalid/r.txt\nflask",
        '[tool.uv.sources]\na={url="https://hunter2@x.invalid/a"}\n[dependency-groups]\na=["a"]',
    ):
        assert "hunter2" not in repr(parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"project-{i}>=1.{i},<3\n" for i in range(10_000)),
        "".join(f"p{i}=={i} --hash=sha256:{'0' * 64}\n" for i in range(10_000)),
        "x" + " " * 1_000_000 + "#",
        "-\n" * 500_000,
        "!\n" * 500_000,
        "-i 'a' " * 100_000,
        "\\\n" * 500_000,
        "# via " * 100_000 + "\nflask",
        "a" + ".a" * 500_000 + " = 1",
        "[[package]]\nname = 'p'\ndependencies = [{name='p'}]\n" * 15_000 + "[x]\n",
        "version = 1\n"
        + "[[package]]\nname = 'p'\nversion='1'\ndependencies = [{name='p'}]\n" * 15_000,
        "? " * 500_000,
    ],
)
def test_hostile_files_take_no_time(text: str) -> None:
    started = time.perf_counter()
    try:
        found = read("-", text.encode()[: LIMIT - 1])
    except UserError:
        found = None
    assert time.perf_counter() - started < 8  # a second on an idle machine; minutes if it explodes
    assert found is None or len(found.wanted) + len(found.pinned) <= 10_000


def survives(body: bytes) -> None:
    """Whatever the bytes, a manifest or a UserError comes back."""
    for open_file in (None, lambda _: body):
        try:
            found = read("file", body, open_file=open_file)
        except UserError:
            continue
        for name in (*names(found), *(each.name for each in found.pinned)):
            assert name == name.lower()
            assert 0 < len(name) <= 100
        for problem in found.problems:
            assert problem.text.endswith((".", "?"))
            assert "\n" not in problem.text


@settings(deadline=None)
@given(body=st.binary(max_size=300))
@example(body=b"# coding: utf-7\n+AG")
@example(body=b"# coding: unicode_escape\n\\u0000")
@example(body=b"\xff\xfe\x00\xd8")
def test_random_bytes_do_no_harm(body: bytes) -> None:
    survives(body)


pieces = st.sampled_from(
    [
        *(b"\n", b" ", b'"', b"'", b"[", b"]", b"[[", b"{", b"}", b"(", b")", b"=", b"==", b":"),
        *(
            b";",
            b"#",
            b"\\",
            b"-",
            b"- ",
            b"-r ",
            b"-e ",
            b"@",
            b" @ ",
            b"${A}",
            b"..",
            b"/",
            b"&a ",
        ),
        *(
            b"*a",
            b"null",
            b"true",
            b"1",
            b"-1",
            b"1.5",
            b"[]",
            b"{}",
            b"\xff",
            b"\x00",
            b"\xf0\x9f",
        ),
        *(
            b"name",
            b"version",
            b"package",
            b"marker",
            b"extra",
            b"1979-05-27",
            b"nan",
            b"\r",
            b"\f",
        ),
    ]
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sample in which some places are overwritten, cut out or doubled."""
    body = draw(st.sampled_from(sorted(SAMPLES.values())))[1].encode()
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 40)))
        piece = draw(st.one_of(pieces, st.just(body[start:end] * 2), st.binary(max_size=3)))
        body = body[:start] + piece + body[end:]
    return body


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(body=mutated())
def test_damaged_files_do_no_harm(body: bytes) -> None:
    survives(body)


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.sampled_from(["", "1.0", "numpy", "os_name == 'nt'", "numpy>=1", "../x", "é"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["name", "version", "marker", "markers", "dependencies", "x", "extras"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)
HEADS = (
    *('"_meta": {}', '"default": {}', '"_meta": {"pipfile-spec": 6}'),
    *('"develop": 1', '"default": {"a": 1}'),
)


@settings(deadline=None)
@given(value=values, head=st.sampled_from(HEADS))
def test_values_of_any_type_do_no_harm(value: object, head: str) -> None:
    survives(json.dumps([value]).encode())
    survives(f'{{{head}, "other": {json.dumps(value)}}}'.encode())
