"""What ftbot says, in the language of whom it speaks to.

Every sentence for people stands in the code in English, as a template with named places:

    say("As of {age}.", age=age)                              in the language of the moment, at once
    say_many("{count} wheel", "{count} wheels", number)       the same with a number
    phrase("There is no project named {project}.", project=…) to be said later, by `spoken`
    phrase_many("{count} report", "{count} reports", number)  the same with a number
    Template("{who} filed it")                                for tables, with both as methods

Services don't know who will read them, so they make phrases; whoever renders them says them. A
phrase is the English text, wherever a text is wanted. The language of the moment belongs to the
task (contextvars) and is chosen by `speak`. Values are put in as they are: escape them before.

Translations are gettext catalogues, one file a language: `data/languages/ko.po`. What a catalogue
lacks is said in English.
"""

import gettext
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import reduce
from typing import Any, Self

ENGLISH = gettext.NullTranslations()

_PHRASE = "\x1e"  # ASCII's record separator: no text that people write begins with it

_languages: dict[str, gettext.NullTranslations] = {}
_moment: ContextVar[gettext.NullTranslations] = ContextVar("language", default=ENGLISH)


class Phrase(str):
    """A text in English that knows how it was made, so that it can be said in other languages."""

    __slots__ = ("many", "template", "values")

    template: str
    many: str | None
    """The template for other numbers than one of `values["count"]`, None where none is counted."""
    values: Mapping[str, object]

    def __new__(cls, template: str, many: str | None, values: Mapping[str, object]) -> Self:
        text = template if many is None or values["count"] == 1 else many
        made = super().__new__(cls, text.format_map(values))
        made.template, made.many, made.values = template, many, values
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.template, self.many, self.values)


class Template(str):
    """A template that stands apart from the values for it, as in a table."""

    __slots__ = ()

    def say(self, **values: object) -> str:
        """Say it in the language of the moment."""
        return say(self, **values)

    def phrase(self, **values: object) -> Phrase:
        """Return a text to be said later."""
        return phrase(self, **values)


def phrase(template: str, /, **values: object) -> Phrase:
    """Return a text to be said later, with `values` at the places that `template` names."""
    return Phrase(template, None, values)


def phrase_many(one: str, many: str, count: int, /, **values: object) -> Phrase:
    """Return a text to be said later about a number, which is the value `count`."""
    return Phrase(one, many, {**values, "count": count})


def listed(items: Sequence[str]) -> str:
    """Return things as one text to be said later: "a", "a and b", "a, b and c"."""
    *most, last = items
    return phrase("{first} and {last}", first=enumerated(most), last=last) if most else last


def enumerated(items: Sequence[str]) -> str:
    """Return things as one text to be said later: "a", "a, b", "a, b, c"."""
    return reduce(lambda text, item: phrase("{first}, {second}", first=text, second=item), items)


def together(first: str, second: str) -> str:
    """Return two sentences as one text to be said later."""
    return (
        phrase("{first} {second}", first=first, second=second)
        if first and second
        else (first or second)
    )


def dumps(text: str) -> str:
    """Return a text as tables hold it: of a phrase all that it takes to say it later."""
    if not isinstance(text, Phrase):
        return text.lstrip(_PHRASE)  # or else it could pass for a phrase
    values = {name: _storable(value) for name, value in text.values.items()}
    return _PHRASE + json.dumps([text.template, text.many, values])


def _storable(value: object) -> str | int:
    if isinstance(value, int):
        return value
    return dumps(value if isinstance(value, str) else str(value))


def loads(text: str) -> str:
    """Return the text, or phrase, of which `dumps` made this."""
    if not text.startswith(_PHRASE):
        return text
    template, many, values = json.loads(text.removeprefix(_PHRASE))
    return Phrase(
        template,
        many,
        {name: loads(value) if isinstance(value, str) else value for name, value in values.items()},
    )


def spoken(text: str) -> str:
    """Say a phrase in the language of the moment; any other text is returned as it is."""
    if not isinstance(text, Phrase):
        return text
    values = {
        name: spoken(value) if isinstance(value, str) else value
        for name, value in text.values.items()
    }
    if text.many is None:
        return say(text.template, **values)
    count = values.pop("count")
    return say_many(text.template, text.many, int(str(count)), **values)


def say(template: str, /, **values: object) -> str:
    """Say something in the language of the moment, with `values` at the places it names."""
    return _moment.get().gettext(template).format_map(values)


def say_many(one: str, many: str, count: int, /, **values: object) -> str:
    """Say something about a number, which is the value `count`."""
    template = _moment.get().ngettext(one, many, count)
    return template.format_map({**values, "count": count})


def named(kind: str, text: str, locale: str) -> str | None:
    """Return what `text` is called in that language where names are needed, None if not known.

    `kind` is gettext's context: the name of a command is another word than the same in a sentence.
    """
    translations = _languages.get(_code(locale))
    if translations is None:
        return None
    name = translations.pgettext(kind, text)
    return name if name != text else None


def command(path: str) -> str:
    """Return a command as Discord shows it in the language of the moment: `/watch list`."""
    moment = _moment.get()
    return "/" + " ".join(moment.pgettext("command", name) for name in path.split())


def install(languages: Mapping[str, gettext.NullTranslations]) -> None:
    """Know these languages besides English, by their codes."""
    _languages.clear()
    _languages.update(languages)


def known() -> tuple[str, ...]:
    """Return the codes of all languages, English first."""
    return ("en", *sorted(_languages))


def current() -> gettext.NullTranslations:
    """Return the language of the moment: what was made in it is no use in another one."""
    return _moment.get()


def speak(locale: str | None) -> None:
    """Speak that language in this task from now on: `ko`, `pt-BR`; English if it is not known."""
    _moment.set(_translations(locale))


@contextmanager
def speaking(locale: str | None) -> Iterator[None]:
    """Speak that language inside the block."""
    token = _moment.set(_translations(locale))
    try:
        yield
    finally:
        _moment.reset(token)


def _translations(locale: str | None) -> gettext.NullTranslations:
    return _languages.get(_code(locale or ""), ENGLISH)


def _code(locale: str) -> str:
    """Return the code by which a locale's language is known: its own, or else without region."""
    return locale if locale in _languages else locale.partition("-")[0]
