"""Bring the catalogues in step with what ftbot says: `make languages`.

Sentences are taken from the calls of `bot.language` in the source, names and descriptions from the
commands themselves. Each file in data/languages keeps its translations, gets what is new without
any, and loses what nobody says any more. `make languages LANGUAGE=de` starts a new one.
"""

import argparse
import ast
import asyncio
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from discord import app_commands

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bot import translations  # noqa: E402 - needs the path
from bot.client import EXTENSIONS, FtBot  # noqa: E402 - see above
from bot.compat.targets import PLATFORMS, PYTHONS  # noqa: E402 - see above
from bot.sandbox.commands import Sandbox  # noqa: E402 - see above
from bot.translator import kind  # noqa: E402 - see above

LANGUAGES: Final = ROOT / "data/languages"
SOURCES: Final = ("bot", "cogs")
TEMPLATES: Final = {"say": 1, "phrase": 1, "say_many": 2, "phrase_many": 2, "Template": 1}
"""The calls that take templates, with how many they take."""
_VALUES: Final = {*PYTHONS, *PLATFORMS}
"""Choices that are the same in all languages."""
_WIDTH: Final = 100


class Text(NamedTuple):
    """Something to translate: one template or two, under a context of gettext."""

    texts: tuple[str, ...]
    place: str
    """The file where it is said, or the command that it belongs to."""
    context: str | None = None


def sentences(root: Path = ROOT) -> Iterator[Text]:
    """Find the sentences in the source. SystemExit for one that is no literal."""
    for path in sorted(file for folder in SOURCES for file in (root / folder).rglob("*.py")):
        place = path.relative_to(root).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and (count := TEMPLATES.get(_called(node.func))):
                texts = [getattr(each, "value", None) for each in node.args[:count]]
                if not all(isinstance(each, str) for each in texts):
                    if place == "bot/language.py":  # which hands on what it is given
                        continue
                    sys.exit(f"{place}:{node.lineno}: a template is a literal string")
                yield Text(tuple(map(str, texts)), place)


def _called(function: ast.expr) -> str:
    """Return the name of what is called, if that can be one of `bot.language`."""
    match function:
        case ast.Name(name) | ast.Attribute(ast.Name("language"), name):
            return name
    return ""


class _Listener(app_commands.Translator):
    """Hears what Discord would be told."""

    def __init__(self) -> None:
        self.heard: list[Text] = []

    async def translate(
        self,
        string: app_commands.locale_str,
        _locale: object,
        context: app_commands.TranslationContextTypes,
    ) -> None:
        of = kind(context)
        if of != "choice" or string.message not in _VALUES:
            self.heard.append(Text((string.message,), _command(context.data), of))


def _command(data: Any) -> str:  # noqa: ANN401 - whatever discord.py translates
    """Return the command that something is part of, as people type it; "" for a choice."""
    owner = data.command if isinstance(data, app_commands.Parameter) else data
    name = getattr(owner, "qualified_name", "")
    return f"/{name}" if name and not isinstance(owner, app_commands.ContextMenu) else name


async def tree() -> FtBot:
    """Build the bot with its commands, away from Discord."""
    bot = FtBot(None)  # type: ignore[arg-type] # commands are not called here
    for extension in EXTENSIONS:
        await bot.load_extension(extension)
    bot.tree.add_command(Sandbox(None))  # type: ignore[arg-type] # see above
    return bot


async def names() -> list[Text]:
    """Find the names and descriptions of commands, their options and choices."""
    bot = await tree()
    listener = _Listener()
    for command in bot.tree.get_commands():
        await command.get_translated_payload(bot.tree, listener)
    return listener.heard


def template() -> Catalog:
    """Return all there is to translate."""
    found = Catalog(charset="utf-8")
    for text in (*sentences(), *asyncio.run(names())):
        said = text.texts[0] if len(text.texts) == 1 else text.texts
        if text.context is None:
            found.add(said, locations=[(text.place, 0)])
        else:
            comments = [text.place] if text.place else []
            found.add(said, auto_comments=comments, context=text.context)
    for message in found:
        message.auto_comments = sorted(set(message.auto_comments))
    return found


def merged(text: str, name: str, wanted: Catalog) -> str:
    """Return a catalogue's text with what is `wanted`; its head stays as it is."""
    catalogue = translations.read(text.encode(), name)
    catalogue.update(wanted, no_fuzzy_matching=True)
    body = io.BytesIO()
    write_po(
        body,
        catalogue,
        width=_WIDTH,
        omit_header=True,
        sort_output=True,
        ignore_obsolete=True,
        include_lineno=False,
    )
    head = text.partition("\n\n")[0].rstrip()
    return f"{head}\n\n{body.getvalue().decode().strip()}\n"


def begin(code: str) -> Path:
    """Start a catalogue. SystemExit for what is no language."""
    try:
        locale = Locale.parse(code, sep="-")
    except (UnknownLocaleError, ValueError) as error:
        sys.exit(f"{code} is not a language: {error}. Name one as Discord does, such as de, pt-BR.")
    plurals = Catalog(locale=locale).plural_forms
    file = LANGUAGES / f"{code}.po"
    if not file.exists():
        file.write_text(
            f'# {locale.english_name}.\nmsgid ""\nmsgstr ""\n"Language: {locale}\\n"\n'
            '"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
            f'"Content-Transfer-Encoding: 8bit\\n"\n"Plural-Forms: {plurals};\\n"\n',
            "utf-8",
        )
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("language", nargs="?", help="a language to begin, such as de or pt-BR")
    language = parser.parse_args().language
    if language:
        begin(language)
    wanted = template()
    for file in sorted(LANGUAGES.glob("*.po")):
        file.write_text(merged(file.read_text("utf-8"), file.name, wanted), "utf-8")
        catalogue = translations.read(file.read_bytes(), file.name)
        missing = sum(not all(translations.texts(each.string)) for each in catalogue if each.id)
        print(f"{file.name}: {len(catalogue)} texts, {missing} without a translation")  # noqa: T201 - a program


if __name__ == "__main__":
    main()
