"""The rules of the design that neither the linter nor the import contracts can hold."""

import ast
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bot.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*ROOT.glob("bot/**/*.py"), *ROOT.glob("cogs/**/*.py")])
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
COGS = sorted(ROOT.glob("cogs/*.py"))

MOST_LINES_OF_A_COG = 150
MOST_LINES_OF_A_CALLBACK = 25

SQL = re.compile(
    r"\b(?:SELECT\b.+\bFROM|INSERT (?:OR \w+ )?INTO|UPDATE \w+\s+SET|DELETE FROM|REPLACE INTO"
    r"|(?:CREATE|DROP|ALTER) (?:UNIQUE |TEMP )?(?:TABLE|INDEX|TRIGGER|VIEW)|PRAGMA \w+)\b",
    re.DOTALL,
)
CLIENTS = {"AsyncClient", "Client", "ClientSession", "HTTPTransport", "AsyncHTTPTransport"}
INDEX = urlsplit(Settings.model_fields["pypi_url"].default).hostname or ""
REGISTRIES = re.compile(rf"{re.escape(INDEX)}|pythonhosted\.org|registry\.npmjs|deb\.debian")


def parsed(paths: list[Path]) -> Iterator[tuple[str, ast.AST]]:
    for path in paths:
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"), name)):
            yield name, node


def texts(node: ast.AST) -> str:
    """The text of a literal, an f-string's gaps filled."""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values
        )
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_there_is_something_to_look_at() -> None:
    assert len(SOURCES) > 20
    assert len(COGS) > 1


def test_only_settings_reads_the_environment() -> None:
    readers = {
        name
        for name, node in parsed(SOURCES)
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"})
        or (isinstance(node, ast.ImportFrom) and node.module == "os")
    }
    assert readers == {"bot/settings.py"}


def test_only_stores_hold_sql() -> None:
    holders = {name for name, node in parsed(SOURCES) if SQL.search(texts(node))}
    stores = re.compile(r"bot/db/|.+/store(?:\.py$|/)")  # a module, or a package of them
    assert {name for name in holders if not stores.match(name)} == set()
    assert holders  # the search finds what there is


def test_only_one_module_builds_http_clients() -> None:
    builders = {
        name
        for name, node in parsed(SOURCES)
        if isinstance(node, ast.Attribute)
        and node.attr in CLIENTS
        and isinstance(node.value, ast.Name)
        and node.value.id in {"httpx", "aiohttp"}
    }
    assert builders == {"bot/http.py"}
    imported = {
        name
        for name, node in parsed(SOURCES)
        if isinstance(node, ast.ImportFrom)
        and node.module in {"httpx", "aiohttp"}
        and CLIENTS & {alias.name for alias in node.names}
    }
    assert imported == set()


def test_the_layers_that_people_read_of_are_those_that_are_held() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    held = [re.findall(r"\w+", layer) for layer in contracts["contracts"][0]["layers"]]
    rows = re.findall(r"^\| (`cogs`|`bot\..+?`) \|", CONTRIBUTING, re.MULTILINE)
    read_of = [re.findall(r"`(?:bot\.)?(\w+)`", row) for row in rows]
    assert [sorted(row) for row in read_of] == [["cogs"], *(sorted(row) for row in held[1:])]
    assert held[0] == ["__main__"]  # which is the command line


@pytest.mark.parametrize("path", COGS, ids=lambda path: path.name)
def test_cogs_are_thin(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= MOST_LINES_OF_A_COG
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and node.body[1:] else node.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1
            assert lines <= MOST_LINES_OF_A_CALLBACK, f"{path.name}: {node.name}"
        if isinstance(node, ast.AsyncFunctionDef):
            # Services raise UserError, and the command tree's one handler renders it.
            assert not any(isinstance(each, ast.Try) for each in ast.walk(node)), node.name


def test_no_committed_file_names_a_package_registry() -> None:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("only a git checkout knows which files are committed")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    hits = {
        path.relative_to(ROOT).as_posix(): REGISTRIES.findall(text)
        for path in paths
        if path.is_file()
        and path != Path(__file__)
        and REGISTRIES.search(text := path.read_bytes().decode("utf-8", "replace"))
    }
    assert hits == {"bot/settings.py": [INDEX]}
