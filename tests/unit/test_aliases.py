import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from bot.errors import UserError
from bot.index.aliases import MAX_IMPORT_NAME, Aliases, read_aliases

ROOT = Path(__file__).resolve().parents[2]
POPULARITY = ROOT.parent / "shared" / "data" / "popularity"
BODY = (ROOT / "data" / "aliases.json").read_bytes()
DOCUMENT = json.loads(BODY)


@pytest.fixture(scope="module")
def aliases() -> Aliases:
    return read_aliases(BODY)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("cv2", "opencv-python"),
        ("CV2", "opencv-python"),
        ("cv2.dnn", "opencv-python"),
        ("PIL", "pillow"),
        ("pil.Image", "pillow"),
        ("yaml", "pyyaml"),
        ("sklearn", "scikit-learn"),
        ("sklearn.linear_model._base", "scikit-learn"),
        ("skimage", "scikit-image"),
        ("bs4", "beautifulsoup4"),
        ("dateutil", "python-dateutil"),
        ("dotenv", "python-dotenv"),
        ("jwt", "pyjwt"),
        ("Crypto", "pycryptodome"),
        ("Crypto.Cipher.AES", "pycryptodome"),
        ("OpenSSL", "pyopenssl"),
        ("serial", "pyserial"),
        ("usb", "pyusb"),
        ("git", "gitpython"),
        ("google", "protobuf"),
        ("google.protobuf", "protobuf"),
        ("google.protobuf.message", "protobuf"),
        ("google.cloud.secretmanager_v1", None),
        ("google.cloud.secretmanager.types", "google-cloud-secret-manager"),
        ("azure.mgmt.nothing", None),
        ("attr", "attrs"),
        ("magic", "python-magic"),
        ("docx", "python-docx"),
        ("pptx", "python-pptx"),
        ("fitz", "pymupdf"),
        ("MySQLdb", "mysqlclient"),
        ("psycopg2", "psycopg2-binary"),
        ("win32api", "pywin32"),
        ("zmq", "pyzmq"),
        ("discord", "discord-py"),
        ("telegram", "python-telegram-bot"),
        ("_brotli", "brotli"),
        ("pytorch", "torch"),
        (" yaml ", "pyyaml"),
        ("numpy", None),
        ("cv2x", None),
        ("", None),
        (".", None),
        ("..cv2", None),
        ("x" * 10_000, None),
    ],
)
def test_import_names_lead_to_projects(aliases: Aliases, name: str, first: str | None) -> None:
    assert next(iter(aliases.projects_for_import(name)), None) == first


def test_there_are_several_hundred() -> None:
    assert len(DOCUMENT["imports"]) >= 500


def test_an_interpreter_may_need_a_fork(aliases: Aliases) -> None:
    assert aliases.fork_for("pyyaml", "3.13t") == "pyyaml-ft"
    assert aliases.fork_for("pyyaml", "3.14t") is None
    assert aliases.fork_for("numpy", "3.13t") is None


def test_the_document_is_consistent() -> None:
    imports: dict[str, list[str]] = DOCUMENT["imports"]
    assert len({name.casefold() for name in imports}) == len(imports)
    assert list(imports) == sorted(imports, key=str.casefold)
    assert set(DOCUMENT["namespaces"]) <= imports.keys()
    for name, projects in imports.items():
        assert len(name) <= MAX_IMPORT_NAME
        assert projects != [canonicalize_name(name)], f"{name} is its project's own name"
    for projects in [*imports.values(), *DOCUMENT["tracker"].values()]:
        assert projects == [canonicalize_name(project) for project in projects]
        assert len(set(projects)) == len(projects)


@pytest.mark.skipif(
    not POPULARITY.is_dir(), reason="the names of all projects are not beside the project"
)
def test_all_projects_exist_and_the_most_downloaded_comes_first() -> None:
    with gzip.open(POPULARITY / "names.txt.gz", "rt", encoding="utf-8") as lines:
        names = set(lines.read().split())
    with gzip.open(POPULARITY / "ranks.tsv.gz", "rt", encoding="utf-8") as lines:
        table = [line.split("\t") for line in lines][1:]
    ranks: dict[str, int] = {canonicalize_name(name): int(rank) for rank, name, *_ in table}

    imports: dict[str, list[str]] = DOCUMENT["imports"]
    mentioned = {project for projects in imports.values() for project in projects}
    mentioned |= {project for projects in DOCUMENT["tracker"].values() for project in projects}
    mentioned |= {fork for forks in DOCUMENT["forks"].values() for fork in forks.values()}
    assert mentioned <= names
    for name, projects in imports.items():
        by_rank = sorted(projects, key=lambda project: ranks.get(project, len(names)))
        assert projects == by_rank, name


@pytest.mark.parametrize("body", [b"", b"[]", b'{"imports": {"a": 1}}', b"\xff", BODY[:-20]])
def test_a_damaged_document_is_an_error(body: bytes) -> None:
    with pytest.raises(UserError, match="aliases cannot be read"):
        read_aliases(body)


@given(st.text() | st.lists(st.sampled_from([".", "google", "cv2", "İ", " "])).map("".join))
def test_any_name_gives_projects_or_nothing(name: str) -> None:
    projects = read_aliases(BODY).projects_for_import(name)
    assert all(project == canonicalize_name(project) for project in projects)
