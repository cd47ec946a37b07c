"""Requirements files are read as pip reads them: pip's own parser is the oracle."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pip._internal.exceptions import InstallationError, PipError, RequirementsFileParseError
from pip._internal.network.session import PipSession
from pip._internal.req.constructors import install_req_from_parsed_requirement
from pip._internal.req.req_file import ParsedRequirement, parse_requirements

from bot.audit.environment import applies
from bot.audit.manifests import read
from bot.audit.manifests.lines import parse_lines
from bot.audit.manifests.requirement import parse
from bot.audit.model import Manifest, Pinned, Problem, Wanted
from bot.compat.model import Target
from bot.errors import UserError

LINUX = Target("3.14t", "linux-x86_64")
HASH = f"--hash=sha256:{'0' * 64}"


def read_text(text: str, source: str = "requirements.txt", **files: str) -> Manifest:
    """Read requirements beside which `files` lie, `_` standing for the dot in their names."""
    beside = {name.replace("__", "/").replace("_", "."): body for name, body in files.items()}

    def open_file(path: str) -> bytes:
        if path not in beside:
            raise FileNotFoundError(2, "No such file or directory", path)
        return beside[path].encode()

    return read(source, text.encode(), open_file=open_file if beside else None)


def pip_reads(path: Path, text: str) -> list[ParsedRequirement] | None:
    """What pip makes of a file; None if it refuses it."""
    path.write_bytes(text.encode())
    try:
        return list(parse_requirements(str(path), PipSession()))
    except (RequirementsFileParseError, InstallationError):
        return None


def line_of(parsed: ParsedRequirement) -> int:
    return int(parsed.comes_from.rpartition("(line ")[2].rstrip(")"))


names = st.sampled_from(
    [
        *("numpy", "Pillow", "ruamel.yaml", "zope-interface", "a", "3to2", "numpy[extra]", "é"),
        *("httpx[http2,socks]", "numpy==2.0", "numpy>=1,<3", "numpy~=1.4", "numpy!=1.5.*", "!"),
        *("numpy===2", "numpy==1.*", 'numpy<2;python_version<"3.9"', "numpy(>=1)", "numpy=1"),
        *(
            "numpy[x]>=1;extra=='y'",
            "numpy==2.0rc1",
            "numpy@https://x/y.zip",
            "-x",
            "==1",
            "#",
            ";",
        ),
    ]
)
words = st.one_of(
    names,
    st.sampled_from(
        [
            *("numpy >= 1.0", 'numpy ; sys_platform == "win32"', "numpy @ https://x.example/n.whl"),
            *("# a comment", "#", " # via numpy", "numpy # why", "numpy#not", "\t#", "\\", "\\\\"),
            *("-e git+https://x.example/r.git#egg=thing", "-e .", "--editable=./x", "-e", "-i x"),
            *(
                "--index-url https://x.example/simple",
                "--pre",
                "--pr",
                "--no-binary :all:",
                "--nope",
            ),
            *(
                "--hash=sha256:abc",
                "--hash sha256:abc",
                f" {HASH}",
                "--config-settings a=b",
                "-C a=b",
            ),
            *("'unclosed", '"closed"', "${HOME_OF_NONE}", "--require-hashes", "-f ./x", "-"),
            *(
                "git+https://x.example/r.git@v1#egg=thing[a,b]&subdirectory=s",
                "https://x.example/a.zip",
            ),
            *(
                "https://x.example/foo-1.0-py3-none-any.whl",
                "svn+ssh://x.example/r#egg=q ; os_name",
            ),
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="$"), max_size=8),
)
blanks = st.sampled_from(
    ["", " ", "  ", "\t", "\n", "\n", "\n", "\r\n", "\\\n", " \\\n", "\n\n", "\f"]
)
files = st.lists(st.tuples(words, blanks), max_size=12).map(
    lambda all_: "".join(map("".join, all_))
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=files)
@example(text="numpy \\\n# why\n>=1\n")
@example(text="numpy \\\n  --hash=sha256:abc \\\n  # via x\nscipy\\")
@example(text="numpy # a \\\nscipy")
@example(text="-e . --hash=sha256:abc\nnumpy --pre -e x")
def test_lines_are_those_of_pip(text: str, tmp_path: Path) -> None:
    text = text.replace("-r", "").replace("-c ", "").replace("-c", "")
    theirs = pip_reads(tmp_path / "requirements.txt", text)
    # pip reads the file from disk by universal codecs; a mark or a comment on coding is read apart.
    ours = list(parse_lines(text.removeprefix("\ufeff")))
    if theirs is None:
        assert any(line.malformed for line in ours)
        return
    assert not any(line.malformed for line in ours)
    assert [
        (line.number, line.requirement, line.editable, line.hashed and not line.editable)
        for line in ours
        if line.requirement
    ] == [
        (
            line_of(each),
            each.requirement,
            each.is_editable,
            "sha256" in ((each.options or {}).get("hashes") or {}),
        )
        for each in theirs
    ]


requirement_texts = st.one_of(
    names,
    st.sampled_from(
        [
            "numpy >= 1.0 ; python_version < '3.9' and extra == 'x'",
            "numpy @ https://x.example/numpy-1.0.tar.gz ; os_name == 'nt'",
            "Name_One[b,A] @ git+https://x.example/r.git@main",
            "https://x.example/foo_bar-1.0-py3-none-any.whl",
            "https://x.example/foo-1.0-py3-none-any.whl ; os_name == 'nt'",
            "https://x.example/foo.zip#egg=Foo[b]",
            "git+ssh://git@x.example/o/r.git#egg=some.thing&subdirectory=x",
            "git+https://x.example/r.git#subdirectory=x&egg=thing ; os_name == 'nt'",
            "https://x.example/foo.zip#egg=not a name",
            "https://x.example/foo-1.0-notawheel.whl",
            "http://[/x-1.0-py3-none-any.whl",
            "numpy ; nonsense == 'x'",
            "numpy ; os_name",
            "numpy>=1.0.*",
            "numpy>=1,",
            "numpy==1.0-custom",
            "numpy>=1.0 <2",
            "numpy scipy",
            "numpy[",
            "[x]",
            "_x",
        ]
    ),
)


@settings(deadline=None, max_examples=300)
@given(text=requirement_texts)
def test_requirements_are_those_of_pip(text: str) -> None:
    parsed = ParsedRequirement(text, False, "-r x (line 1)", False, None, None)
    ours = parse(text, "x:1")
    try:
        theirs = install_req_from_parsed_requirement(parsed)
    except (PipError, ValueError):
        # What is taken from an address is not judged, so its name is told more generously.
        # One whose marker alone is odd keeps its place, as one that cannot be judged.
        assert isinstance(ours, Problem) or ours.url or applies(ours.marker, LINUX) is None, ours
        return
    assert isinstance(ours, Wanted), ours
    assert theirs.req is not None
    assert ours.name == theirs.req.name.lower().replace("_", "-").replace(".", "-")
    assert set(ours.extras) == {extra.lower() for extra in theirs.req.extras}
    assert ours.marker == str(theirs.markers or "")
    assert ours.specifier == str(theirs.req.specifier)
    assert (ours.url is None) is (theirs.link is None)


def test_whole_file() -> None:
    found = read_text(
        """\ufeff# what it runs on
Django>=5.2,<6 ; python_version >= "3.11"   # the framework
psycopg[binary, pool] \\
    ~=3.2
numpy==2.3.2 --hash=sha256:0123 --hash=sha256:4567\r
-e git+https://user:secret@code.example/o/thing.git@v1#egg=Thing[x]
./wheels/foo_bar-1.2-cp314-cp314t-win_amd64.whl
https://files.example/other-3.0.tar.gz
local @ file:///srv/local
./plugins/audit-plugin
-e src
--index-url https://token@index.example/simple --no-binary numpy
--require-hashes
"""
    )
    assert found.format == "requirements.txt"
    assert not found.locked
    by_name = {each.name: each for each in found.wanted}
    assert by_name["django"].marker == 'python_version >= "3.11"'
    assert by_name["django"].specifier == "<6,>=5.2"
    assert by_name["django"].where == "requirements.txt:2"
    assert by_name["psycopg"].extras == ("binary", "pool")
    assert by_name["psycopg"].where == "requirements.txt:3"
    assert by_name["numpy"].specifier == "==2.3.2"
    assert by_name["thing"].url == "git+https://code.example/o/thing.git@v1#egg=Thing[x]"
    assert by_name["thing"].extras == ("x",)
    assert by_name["foo-bar"].specifier == "==1.2"
    assert by_name["foo-bar"].url == "./wheels/foo_bar-1.2-cp314-cp314t-win_amd64.whl"
    assert by_name["other"].specifier == "==3.0"
    assert by_name["local"].url == "file:///srv/local"
    assert by_name["src"].url == "src"
    assert by_name["audit-plugin"].url == "./plugins/audit-plugin"
    assert [each.text for each in found.problems] == [
        "--index-url is ignored: packages are judged as PyPI has them.",
        "--no-binary is ignored.",
    ]
    assert "secret" not in repr(found)
    assert "token" not in repr(found)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("numpy=1.26", "pip writes a pin with `==`"),
        ("numpy=1.26.4=py312h_0", "pip writes a pin with `==`"),
        ("numpy >= 1 scipy", "is not a requirement"),
        ("-e .", "names no project"),
        (".", "names no project"),
        ("--no-such-option", "cannot be read: no such option"),
        ("numpy --hash 'x", "cannot be read: No closing quotation"),
        ("${TOKEN}", "needs the environment variable TOKEN"),
        ("numpy==${VERSION}", "needs the environment variable VERSION"),
        ("-r https://files.example/r.txt", "addresses and drives are not opened"),
        ("-r C:\\r.txt", "addresses and drives are not opened"),
        ("-r /etc/passwd", "only files in the same folder, or below it"),
        ("-r ../../etc/passwd", "only files in the same folder, or below it"),
        ("-r '..\\..\\etc\\passwd'", "only files in the same folder, or below it"),
        ("-c a/../../passwd", "only files in the same folder, or below it"),
        ("-r ~/r.txt", "only files in the same folder, or below it"),
        ("-r missing.txt", "cannot be opened: No such file or directory"),
        ("-r requirements.txt", "includes itself"),
        ("-r .", "no path of a file"),
        ("numpy==" + "1" * 5000, "too long or nests too deeply"),
        ("numpy" + "(" * 50, "too long or nests too deeply"),
        ("(" * 5000 + " ; os_name", "too long or nests too deeply"),
        ("x" * 200 + " ; pyton", "is not a requirement"),
        ("a" * 200, "no name of a project"),
        ("x" * 300_000, "more than 200,000 characters"),
        ("http://[/foo.zip", "names no project"),
    ],
)
def test_what_cannot_be_judged_is_told_and_the_rest_read(line: str, says: str) -> None:
    found = read_text(f"flask\n{line}\nrich", other_txt="")
    assert [each.name for each in found.wanted] == ["flask", "rich"]
    (problem,) = found.problems
    assert says in problem.text
    assert problem.where == "requirements.txt:2"
    assert len(problem.text) < 300


@pytest.mark.parametrize(
    "marker",
    [
        "pyton == 'x'",
        "os_name",
        "(" * 5000 + "os_name == 'nt'" + ")" * 5000,
        "(" * 100 + "os_name == 'nt'" + ")" * 100,
        "os_name == 'nt' and " * 5000 + "os_name == 'nt'",
    ],
)
def test_a_requirement_whose_marker_is_odd_keeps_its_place(marker: str) -> None:
    found = read_text(f"flask\nnumpy[x]>=2 ; {marker}\nrich")
    assert [each.name for each in found.wanted] == ["flask", "numpy", "rich"]
    assert found.wanted[1].specifier == ">=2"
    assert applies(found.wanted[1].marker, LINUX) is None
    assert len(found.wanted[1].marker) < 5000


def test_included_files() -> None:
    found = read_text(
        "flask\n-r sub/base.txt\n-c constraints.txt\n-rsub/base.txt\n",
        sub__base_txt="jinja2\n-r ../more.txt\n-r base.txt\n",
        more_txt="rich ; python_version > '3'\n--constraint=constraints.txt\n",
        constraints_txt="numpy<3\n-r deep.txt\nrich[extra]==1\n",
        deep_txt="click\n",
    )
    assert [(each.name, each.where, each.constraint) for each in found.wanted] == [
        ("flask", "requirements.txt:1", False),
        ("jinja2", "sub/base.txt:1", False),
        ("rich", "more.txt:1", False),
        ("numpy", "constraints.txt:1", True),
        ("click", "deep.txt:1", False),  # as pip has it
        ("rich", "constraints.txt:3", True),
    ]
    assert found.wanted[-1].extras == ()
    assert [each.where for each in found.problems] == ["sub/base.txt:3"]
    assert "includes itself" in found.problems[0].text


def test_without_a_folder_other_files_are_refused_and_the_rest_is_read() -> None:
    found = read_text("flask\n-r base.txt\n-c c.txt\nrich\n")
    assert [each.name for each in found.wanted] == ["flask", "rich"]
    assert [each.where for each in found.problems] == ["requirements.txt:2", "requirements.txt:3"]
    assert "Put what it holds into this file" in found.problems[0].text


def test_includes_that_double_are_read_once() -> None:
    """Thirty files, each of which includes the next one twice, are not 2^30 files."""
    asked: list[str] = []

    def open_file(path: str) -> bytes:
        asked.append(path)
        number = int(path.removesuffix(".txt")) + 1
        return f"project-{number}\n-r {number}.txt\n-r {number}.txt\n".encode()

    found = read("requirements.txt", b"flask\n-r 0.txt\n", open_file=open_file)
    assert len(asked) == len(set(asked)) <= 100
    assert found.problems


def test_files_together_have_a_limit() -> None:
    found = read(
        "requirements.txt",
        b"flask\n-r big.txt\n-r big2.txt\n",
        open_file=lambda _: b"# " + b"x" * 600_000,
    )
    assert [each.name for each in found.wanted] == ["flask"]
    assert [each.where for each in found.problems] == ["requirements.txt:3"]
    assert "too large" in found.problems[0].text


def test_what_a_tool_has_pinned_is_a_lock() -> None:
    found = read_text(
        f"""\
# This file is autogenerated by pip-compile with Python 3.14
click==8.1 {HASH}
    # via
    #   -r requirements.in
    #   flask
colorama==0.4.6 ; sys_platform == "win32" {HASH}
    # via click
flask[async]==3.1
    # via made-up (pyproject.toml)
thing @ https://files.example/thing.zip
    # via flask[async]
"""
    )
    assert found.locked
    assert not found.wanted
    assert found.pinned == (
        Pinned("click", "8.1", "requirements.txt:2", "", (("colorama", ""),), direct=True),
        Pinned(
            "colorama", "0.4.6", "requirements.txt:6", 'sys_platform == "win32"', (), direct=False
        ),
        Pinned(
            "flask",
            "3.1",
            "requirements.txt:8",
            "",
            (("click", ""), ("thing", "")),
            direct=True,
        ),
        Pinned("thing", None, "requirements.txt:10", "", (), direct=False, origin="url"),
    )


@pytest.mark.parametrize(
    ("text", "locked"),
    [
        (f"flask==3.1 {HASH}\nrich==14 {HASH}", True),
        (f"flask==3.1 {HASH}\nrich==14", False),
        ("flask==3.1\nrich==14", False),
        (f"# generated by uv\nflask>=3.1 {HASH}", False),
        (f"flask==3.* {HASH}", False),
        ("# This file was autogenerated by uv via the following command:\nflask==3.1", True),
    ],
)
def test_a_lock_is_told_from_pins_that_somebody_wrote(text: str, locked: bool) -> None:
    assert read_text(text).locked is locked


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("# -*- coding: latin-1 -*-\n# für\nflask".encode("latin-1"), "flask"),
        ("# vim: set fileencoding=cp1251 :\n# для\nflask".encode("cp1251"), "flask"),
        ("flask\n# für".encode("utf-16"), "flask"),
        ("flask\n# für".encode("utf-32"), "flask"),
        ("\ufeffflask # für".encode(), "flask"),
        (b"# coding: punycode\nflask", "flask"),
        (b"# coding: no-such-codec\nflask", "flask"),
        (b"flask\r\nrich\r\n", "flask"),
    ],
)
def test_encodings_are_those_of_pip(body: bytes, name: str) -> None:
    found = read("requirements.txt", body)
    assert found.wanted[0].name == name
    assert not found.problems


def test_a_comment_in_another_encoding_does_not_hide_the_rest() -> None:
    found = read("requirements.txt", "flask\n# für\nrich".encode("latin-1"))
    assert [each.name for each in found.wanted] == ["flask", "rich"]
    assert [each.where for each in found.problems] == ["requirements.txt:2"]


def test_ten_thousand_requirements_and_no_more() -> None:
    found = read_text("".join(f"project-{i}>=1.{i}\n" for i in range(10_050)))
    assert len(found.wanted) == 10_000
    assert found.wanted[-1].name == "project-9999"
    assert [each.text for each in found.problems] == [
        "Only the first 10,000 requirements are read."
    ]


def test_what_holds_no_requirement_is_refused() -> None:
    with pytest.raises(UserError, match=r"holds nothing that can be judged.*notes\.txt:1"):
        read("notes.txt", b"Dear all,\nplease find enclosed\n")


def test_included_files_are_those_of_pip(tmp_path: Path) -> None:
    files = {
        "requirements.txt": "a\n-r sub/b.txt\n-c c.txt\n--requirement=e.txt\nz\n",
        "sub/b.txt": "b\n-r ../d.txt\n-c more/f.txt\n",
        "c.txt": "c<1\n-r g.txt\n-c h.txt\n",
        "d.txt": "d\n",
        "e.txt": "e\n-r./i.txt\n",
        "sub/more/f.txt": "f\n",
        "g.txt": "g\n",
        "h.txt": "h\n",
        "i.txt": "i\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    theirs = parse_requirements(str(tmp_path / "requirements.txt"), PipSession())
    found = read(
        "requirements.txt",
        files["requirements.txt"].encode(),
        open_file=lambda path: files[path].encode(),
    )
    assert [(each.name + each.specifier, each.constraint) for each in found.wanted] == [
        (each.requirement, each.constraint) for each in theirs
    ]
    assert not found.problems


def test_many_threads_read_at_once() -> None:
    texts = [
        f"-i x\nproject-{i} --hash='sha256:0'\n-e git+https://x/{i}#egg=e-{i}" for i in range(60)
    ]
    with ThreadPoolExecutor(8) as threads:
        for i, found in enumerate(threads.map(read_text, texts)):
            assert [each.name for each in found.wanted] == [f"project-{i}", f"e-{i}"]


def test_what_is_said_twice_is_read_once() -> None:
    lines = ["numpy>=1", "numpy>=1", "?", "?", "numpy[x]>=1", "numpy>=1; os_name=='nt'", "numpy>=1"]
    found = read_text("\n".join(lines), "app.in")
    assert [(each.where, each.extras, bool(each.marker)) for each in found.wanted] == [
        ("app.in:1", (), False),
        ("app.in:5", ("x",), False),
        ("app.in:6", (), True),
    ]
    assert [each.where for each in found.problems] == ["app.in:3", "app.in:4"]


def test_as_many_lines_as_are_read_may_say_the_same() -> None:
    found = read_text("numpy\n" * 15_000 + "scipy\n" * 15_000)
    assert [each.where for each in found.wanted] == [
        "requirements.txt:1",
        "requirements.txt:15001",
    ]
    assert [each.text for each in found.problems] == ["Only the first 20,000 lines are read."]


def test_a_constraint_is_none_of_what_is_required() -> None:
    found = read_text("numpy<3\n-c c.txt", c_txt="numpy<3\nnumpy<3\n")
    assert [(each.where, each.constraint) for each in found.wanted] == [
        ("requirements.txt:1", False),
        ("c.txt:1", True),
    ]


def test_pins_that_are_said_twice_count_once() -> None:
    found = read_text("a==1\n" * 500 + "b==1\nb==2\n", "frozen.txt")
    assert (found.format, found.problems) == ("pip freeze", ())
    assert [(each.name, each.version, each.where) for each in found.pinned] == [
        ("a", "1", "frozen.txt:1"),
        ("b", "1", "frozen.txt:501"),
        ("b", "2", "frozen.txt:502"),
    ]
