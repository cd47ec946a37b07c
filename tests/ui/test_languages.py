"""All messages in other languages: those that ship, and one that marks what is translated."""

import gettext
import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest
from discord import ui

from bot import data, language, translations
from tests.e2e.discord_spec import walk
from tests.ui import samples
from tests.ui.reading import components, problems

pytestmark = pytest.mark.slow  # the same sentences, whichever Python says them

MODULES = {
    each.name: importlib.import_module(f"{samples.__name__}.{each.name}")
    for each in pkgutil.iter_modules(samples.__path__)
}
SAMPLES = [(module, name) for module, found in MODULES.items() for name in found.SAMPLES]
SHIPPED = [name.removesuffix(".po") for name in data.listing("languages")]

_TRANSLATED = re.compile("⟦[^⟦⟧]*(?:⟧|$)")
_SAME_EVERYWHERE = re.compile(
    r"`[^`\n]*`"  # code
    r"|<(?:t:-?\d+:[A-Za-z]|[@#][&!]?\d+)>"  # moments, people, channels, roles
    r"|https://[^\s>)]+"  # addresses
    r"|\b[\w.-]+\.(?:example|py|txt|toml|whl|tar\.gz|lock)\b"  # hosts and files
)
_READ = ("content", "label", "placeholder", "description", "title")
_OURS = {"<", "](", "://"}
"""What may be alive in a message: channels and roles that are mentioned, and our links."""
_WORD = re.compile("[A-Za-z]{3,}")


class Marked(gettext.NullTranslations):
    """A language of marks: every piece of a template stands in brackets, its values do not."""

    def gettext(self, message: str) -> str:
        return re.sub(r"((?:\{\w*\})+)|([^{}]+|\{\{|\}\})", self._mark, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    def pgettext(self, _context: str, message: str) -> str:
        return self.gettext(message)

    @staticmethod
    def _mark(piece: re.Match[str]) -> str:
        return piece[1] or f"⟦{piece[2]}⟧"


@pytest.fixture(scope="module", autouse=True)
def languages() -> Iterator[None]:
    translations.load()
    known = {code: language._languages[code] for code in SHIPPED}
    language.install({**known, "marked": Marked()})
    yield
    language.install({})


def shown(module: str, name: str) -> ui.LayoutView | ui.Modal:
    made = MODULES[module].SAMPLES[name]()
    assert isinstance(made, ui.LayoutView | ui.Modal)
    return made


def texts(sample: ui.LayoutView | ui.Modal) -> Iterator[str]:
    """Yield all that people read in a message or a form."""
    if isinstance(sample, ui.Modal):
        parts: list[Any] = [sample.to_dict(), *walk(sample.to_dict()["components"])]
    else:
        parts = list(walk(components(sample)))
    for part in parts:
        for each in (part, *part.get("options", ())):
            yield from (each[key] for key in _READ if each.get(key))


@pytest.mark.parametrize(("module", "name"), SAMPLES)
def test_nothing_is_said_in_english_alone(module: str, name: str) -> None:
    with language.speaking("marked"):
        read = list(texts(shown(module, name)))
    assert any("⟦" in text for text in read)
    bare = {
        word
        for text in read
        for word in _WORD.findall(_SAME_EVERYWHERE.sub(" ", _TRANSLATED.sub(" ", text)))
    }
    assert bare - set(_WORD.findall(" ".join(MODULES[module].DATA))) == set()


@pytest.mark.parametrize("code", ["en", "marked", *SHIPPED])
@pytest.mark.parametrize("module", MODULES)
def test_messages_fit_in_every_language(module: str, code: str) -> None:
    with language.speaking(code):
        for name in MODULES[module].SAMPLES:
            sample = shown(module, name)
            if isinstance(sample, ui.LayoutView):
                assert set(problems(sample)) <= _OURS, name
            else:
                assert len(sample.title) <= 45, name


def test_marks_show_what_is_not_translated() -> None:
    with language.speaking("marked"):
        said = language.say("{project} has {{no}} wheel for {python}.", project="demo", python="x")
    assert said == "demo⟦ has ⟧⟦{⟧⟦no⟧⟦}⟧⟦ wheel for ⟧x⟦.⟧"
