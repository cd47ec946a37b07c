"""The catalogues that ship: complete, right in form, and in step with the source."""

import ast
import asyncio
import importlib.util
import re
import string
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message

from bot import language, translations
from bot.client import FtBot
from bot.errors import UserError
from bot.translator import Translator

pytestmark = pytest.mark.slow  # the same sentences, whichever Python says them

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/languages.py"
FILES = sorted((ROOT / "data/languages").glob("*.po"))
CODES = [file.stem for file in FILES]

# https://docs.discord.com/developers/interactions/application-commands, "Naming"; \w is letters,
# digits and the underscore of every script.
NAME = re.compile(r"[-_'\w]{1,32}")
LONGEST_TEXT, LONGEST_COMMAND = 100, 8_000
SLASH_COMMAND = 1

HEAD = """\
# A language that is made up.
msgid ""
msgstr ""
"Language: de\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
"""


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ftbot_languages_script", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


script = load_script()


@pytest.fixture(scope="module")
def template() -> Catalog:
    found: Catalog = script.template()
    return found


@pytest.fixture(params=FILES, ids=CODES)
def file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def catalogue(file: Path) -> Catalog:
    return translations.read(file.read_bytes(), file.name)


@pytest.fixture(autouse=True)
def only_english_afterwards() -> Iterator[None]:
    yield
    language.install({})


def messages(catalogue: Catalog) -> list[Message]:
    return [each for each in catalogue if each.id]


def test_there_is_korean() -> None:
    assert "ko" in CODES


# Each catalogue


def test_it_is_in_step_with_the_source(file: Path, template: Catalog) -> None:
    text = file.read_text("utf-8")
    assert script.merged(text, file.name, template) == text, "run: make languages"


def test_everything_is_translated(catalogue: Catalog) -> None:
    missing = [
        each.id
        for each in messages(catalogue)
        if not all(translations.texts(each.string)) or each.fuzzy
    ]
    assert missing == []


def test_plurals_are_complete(catalogue: Catalog) -> None:
    wrong = [
        each.id
        for each in messages(catalogue)
        if each.pluralizable and len(translations.texts(each.string)) != catalogue.num_plurals
    ]
    assert wrong == []


def test_translations_name_the_same_values(catalogue: Catalog) -> None:
    assert [each.id for each in messages(catalogue) if not translations.fits(each)] == []


def test_translations_are_marked_up_alike(catalogue: Catalog) -> None:
    wrong = [
        each.id
        for each in messages(catalogue)
        for said in translations.texts(each.string)
        if said and marks(said) != marks(translations.texts(each.id)[0])
    ]
    assert wrong == []


def marks(text: str) -> tuple[int, ...]:
    return tuple(text.count(mark) for mark in ("`", "**", "\n", "](", "{{"))


def test_commands_that_are_mentioned_are_called_so(
    catalogue: Catalog, commands: Mapping[str, Sequence[str]]
) -> None:
    """A translated sentence names `/watch add` as Discord shows it in that language.

    It does so as often, and as code where that is code.
    """
    language.install({"it": translations.translations(catalogue)})
    wrong = []
    for message in messages(catalogue):
        called = Counter(
            mark + "/" + " ".join(language.named("command", each, "it") or each for each in path)
            for mark, path in mentioned(translations.texts(message.id)[0], commands)
        )
        wrong += [
            said
            for said in translations.texts(message.string)
            for name, times in called.items()
            if said and len(re.findall(rf"(?<![`\w/]){re.escape(name)}(?![-\w])", said)) < times
        ]
    assert wrong == []


def mentioned(
    text: str, commands: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each command with what marks it as code, which is "" where nothing does."""
    for mark, first, second in re.findall(r"(?<![`\w/])(`?)/([a-z]+)(?: ([a-z]+))?", text):
        if first in commands:
            yield mark, [first, second] if second in commands[first] else [first]


@pytest.fixture(scope="module")
def tree() -> FtBot:
    bot: FtBot = asyncio.run(script.tree())
    return bot


@pytest.fixture(scope="module")
def commands(tree: FtBot) -> dict[str, list[str]]:
    """The commands with their subcommands."""
    return {
        command.name: [each.name for each in getattr(command, "commands", ())]
        for command in tree.tree.get_commands()
    }


# Commands in each language


@pytest.mark.parametrize("code", ["en", *CODES])
async def test_names_obey_discords_rules(tree: FtBot, code: str) -> None:
    translations.load()
    translator = Translator()
    payload = [
        await command.get_translated_payload(tree.tree, translator)
        for command in tree.tree.get_commands()
    ]
    assert broken(payload, code) == []
    for command in payload:
        assert sum(map(len, everything(command))) <= LONGEST_COMMAND, command["name"]


def broken(siblings: Sequence[Mapping[str, Any]], code: str) -> list[str]:
    """Return what breaks the rules in that language, of commands or options and all in them."""
    found = []
    kinds = [(each["type"] if each.get("type", 1) in {2, 3} else 0) for each in siblings]
    names = [called(each, "name", code) for each in siblings]
    if len(set(zip(kinds, names, strict=True))) < len(names):
        found.append(f"not unique: {names}")
    for each, name in zip(siblings, names, strict=True):
        is_menu = "description" not in each or not each["description"]
        if not (0 < len(name) <= 32 if is_menu else NAME.fullmatch(name) and name == name.lower()):
            found.append(f"name {name!r}")
        text = called(each, "description", code) if not is_menu else "-"
        if not 1 <= len(text) <= LONGEST_TEXT:
            found.append(f"description {text!r}")
        choices = [called(choice, "name", code) for choice in each.get("choices", ())]
        if len(set(choices)) < len(choices) or not all(1 <= len(it) <= 100 for it in choices):
            found.append(f"choices {choices}")
        found += broken(each.get("options", ()), code)
    return found


def called(each: Mapping[str, Any], key: str, code: str) -> str:
    said: str = each.get(f"{key}_localizations", {}).get(code, each[key])
    return said


def everything(part: Mapping[str, Any]) -> Iterator[str]:
    """Yield all that counts into Discord's limit of a command, in all languages."""
    for key in ("name", "description"):
        yield part.get(key, "")
        yield from part.get(f"{key}_localizations", {}).values()
    yield str(part.get("value", ""))
    for inside in (*part.get("options", ()), *part.get("choices", ())):
        yield from everything(inside)


# The source


def test_templates_hold_plain_places(template: Catalog) -> None:
    for message in messages(template):
        for text in translations.texts(message.id):
            for _, name, form, conversion in string.Formatter().parse(text):
                assert name is None or (name.isidentifier() and not form and not conversion), text


# What jobs, programs and operators alone meet: it goes to the log, a terminal or an answer in JSON.
OPERATORS = re.compile(
    r"bot/(app|cli|db|doctor|sandbox|xray)/.*|bot/(api|client|data|gateway|programs|settings|web)\.py"
    r"|bot/translations\.py|bot/announce/(changes|news)/.*|bot/check/tracker\.py"
    r"|bot/guide/(mkdocs|service|store)\.py|bot/index/(names|catalogue|fill|aliases|listing)\.py"
    r"|bot/progress/(judging|pictures|service)\.py|bot/pypi/journal\.py"
    r"|bot/github/(auth|keys|webhooks)\.py"
)


def test_failures_that_members_meet_are_phrases() -> None:
    errors = expected_errors(UserError)
    bare = [
        f"{place}:{call.lineno}"
        for path in sorted([*(ROOT / "bot").rglob("*.py"), *(ROOT / "cogs").rglob("*.py")])
        if not OPERATORS.fullmatch(place := path.relative_to(ROOT).as_posix())
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") in errors
        and any(map(is_bare, call.args[:2]))
    ]
    assert bare == []


def expected_errors(error: type[UserError]) -> set[str]:
    """Return the names of an error and those below it that are made of a text and a hint."""
    below = {name for each in error.__subclasses__() for name in expected_errors(each)}
    return {error.__name__, *below} - {"ProjectNotFound", "SettingsError", "StalePage"}


def is_bare(argument: ast.expr) -> bool:
    match argument:
        case ast.Constant(value):
            return bool(value)
        case ast.IfExp():
            return is_bare(argument.body) or is_bare(argument.orelse)
    return isinstance(argument, ast.JoinedStr)


# The script


def sources(root: Path, text: str) -> Path:
    (root / "bot").mkdir()
    (root / "bot/said.py").write_text(text, "utf-8")
    return root


def test_sentences_are_found_wherever_they_are_said(tmp_path: Path) -> None:
    text = (
        'A = phrase("one {x}", x=f(phrase("two")))\n'
        'say_many("three "\n    "{count}", "threes", 3, y=say("four"))\n'
        'language.say("five")\nother.say("six")\nsay_many("same", "same", 2)\n'
        'TABLE = {1: Template("seven {x}")}\nTABLE[1].say(x=1)\nTABLE[1].phrase(x=1)\n'
    )
    found = [each.texts for each in script.sentences(sources(tmp_path, text))]
    assert sorted(found) == [
        ("five",),
        ("four",),
        ("one {x}",),
        ("same", "same"),
        ("seven {x}",),
        ("three {count}", "threes"),
        ("two",),
    ]


@pytest.mark.parametrize(
    "call", ["say(text)", 'say(f"{x}")', 'phrase("a" if x else "b")', 'say_many("a", x)']
)
def test_templates_are_literals(tmp_path: Path, call: str) -> None:
    with pytest.raises(SystemExit, match=r"bot/said\.py:1"):
        list(script.sentences(sources(tmp_path, call)))


def wanted(*texts: str | tuple[str, str]) -> Catalog:
    catalogue = Catalog()
    for text in texts:
        catalogue.add(text, locations=[("bot/said.py", 0)])
    return catalogue


def test_what_is_translated_stays_and_what_nobody_says_goes() -> None:
    old = f'{HEAD}\nmsgid "gone"\nmsgstr "weg"\n\n# Mind the tone.\nmsgid "kept"\nmsgstr "da"\n'
    new = script.merged(old, "de.po", wanted("kept", "new", ("{count} a", "{count} as")))
    assert new.startswith(HEAD)
    assert "gone" not in new
    assert '# Mind the tone.\n#: bot/said.py\nmsgid "kept"\nmsgstr "da"\n' in new
    assert 'msgid "new"\nmsgstr ""\n' in new
    assert 'msgid_plural "{count} as"\nmsgstr[0] ""\nmsgstr[1] ""\n' in new
    assert script.merged(new, "de.po", wanted("kept", "new", ("{count} a", "{count} as"))) == new


@pytest.mark.parametrize(
    ("code", "plurals"), [("de", "nplurals=2"), ("pt-BR", "nplurals=2"), ("zh-CN", "nplurals=1")]
)
def test_a_language_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, plurals: str
) -> None:
    monkeypatch.setattr(script, "LANGUAGES", tmp_path)
    text = script.begin(code).read_text("utf-8")
    assert plurals in text
    new = script.merged(text, f"{code}.po", wanted("new"))
    assert 'msgid "new"\nmsgstr ""\n' in new
    assert script.begin(code).read_text("utf-8") == text


def test_what_is_no_language_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "LANGUAGES", tmp_path)
    with pytest.raises(SystemExit, match="not a language"):
        script.begin("klingon-x")
    assert list(tmp_path.iterdir()) == []


def test_names_of_commands_are_among_what_is_translated(template: Catalog) -> None:
    for context, text in [
        ("command", "check"),
        ("command", "watch"),
        ("option", "project"),
        ("description", "Does a project install on free-threaded Python?"),
        ("choice", "top-1000"),
        ("menu", "Report free-threading problem"),
    ]:
        assert template.get(text, context) is not None, text
    assert template.get("3.14t", "choice") is None
