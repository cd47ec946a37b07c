"""What the documents say exists, and what exists is said."""

import re
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from bot.cli.main import app
from bot.settings import PREFIX, Settings, load

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "Dockerfile"]
}
FIELDS = {PREFIX + name.upper(): name for name in Settings.model_fields}
ROWS = {
    name: (default, meaning)
    for name, default, meaning in re.findall(
        r"^\| `(FTBOT_\w+)` \| (.+?) \| (.+) \|$", README, re.MULTILINE
    )
}
TARGETS = set(" ".join(re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)).split())


def test_settings_table_is_complete_and_in_order() -> None:
    assert list(ROWS) == list(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_setting_is_described_as_in_the_code(name: str) -> None:
    default, meaning = ROWS[name]
    field = Settings.model_fields[FIELDS[name]]
    assert meaning.replace("\\<", "<") == field.description
    if default.startswith("`"):
        assert getattr(load({name: default.strip("`")}), FIELDS[name]) == field.default
    elif default in {"none", "empty"}:
        assert not field.default
    else:  # an address, named by its owner
        assert name.endswith("_URL")
        assert re.fullmatch(r"[\w ]+'s( list)?", default)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_settings_that_are_mentioned_exist(document: str) -> None:
    mentioned = set(re.findall(r"FTBOT_[A-Z][A-Z_]*", DOCUMENTS[document]))
    assert mentioned <= FIELDS.keys()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_that_are_mentioned_exist(document: str) -> None:
    mentioned = set(re.findall(r"(?:`|^)make ([a-z]+)", DOCUMENTS[document], re.MULTILINE))
    assert mentioned <= TARGETS


def test_every_make_target_is_in_the_readme() -> None:
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", README, re.MULTILINE)) == TARGETS


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_files(document: str) -> None:
    links = re.findall(r"(?:\]\(|src=\")(?!https?:|#)([^)#\"]+)", DOCUMENTS[document])
    missing = [link for link in links if not (ROOT / document).parent.joinpath(link).exists()]
    assert missing == []


def test_every_picture_is_in_the_readme() -> None:
    shown = set(re.findall(r'src="docs/images/([^"]+)"', README))
    assert shown == {path.name for path in (ROOT / "docs/images").iterdir()}


def commands(program: TyperGroup, before: str = "") -> dict[str, str | None]:
    """All commands by their full name, with what their help says."""
    found: dict[str, str | None] = {}
    for name, command in program.commands.items():
        if isinstance(command, TyperGroup):
            found |= commands(command, f"{before}{name} ")
        else:
            found[before + name] = command.help
    return found


def test_commands_are_those_of_the_program() -> None:
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    exist = commands(program)
    assert all(exist.values())
    assert set(re.findall(r"^\| `ftbot ([a-z ]+)`", README, re.MULTILINE)) == exist.keys()
    for document, text in DOCUMENTS.items():
        for mentioned in re.findall(r"(?:`|bin/)ftbot ([a-z ]*[a-z])", text):
            assert any(mentioned.startswith(name) for name in exist), (document, mentioned)
