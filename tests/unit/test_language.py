"""Sentences in the language of whom they are for."""

import asyncio
import copy
import pickle
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog
from hypothesis import given
from hypothesis import strategies as st

from bot import language, translations
from bot.errors import UserError
from bot.language import (
    Template,
    listed,
    phrase,
    phrase_many,
    say,
    say_many,
    speak,
    speaking,
    spoken,
)

PO = """\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Language: ko\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

msgid "There is no project named {project}."
msgstr "{project}라는 프로젝트가 없습니다."

msgid "{count} wheel"
msgid_plural "{count} wheels"
msgstr[0] "휠 {count}개"

msgid "As of {age}."
msgstr "{agee} 기준."

msgid "{first} and {last}"
msgstr "{first} 및 {last}"

msgctxt "command"
msgid "check"
msgstr "확인"
"""


@pytest.fixture(autouse=True)
def languages() -> Iterator[None]:
    language.install({"ko": translations.translations(catalogue())})
    yield
    language.install({})


def catalogue(text: str = PO) -> Catalog:
    return translations.read(text.encode(), "ko.po")


def test_a_template_is_said_with_the_values_of_the_moment() -> None:
    table = {
        "age": Template("As of {age}."),
        "no": Template("There is no project named {project}."),
    }
    assert table["age"].say(age="now") == "As of now."
    missing = table["no"].phrase(project="demo")
    assert missing == "There is no project named demo."
    with speaking("ko"):
        assert spoken(missing) == table["no"].say(project="demo") == "demo라는 프로젝트가 없습니다."


def test_english_is_what_stands_in_the_code() -> None:
    assert say("As of {age}.", age="now") == "As of now."
    assert [say_many("{count} wheel", "{count} wheels", n) for n in (0, 1, 2)] == [
        "0 wheels",
        "1 wheel",
        "2 wheels",
    ]


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("ko", "휠 3개"),
        ("ko-KR", "휠 3개"),
        ("en-US", "3 wheels"),
        ("xx", "3 wheels"),
        (None, "3 wheels"),
    ],
)
def test_the_locale_chooses_the_language(locale: str | None, said: str) -> None:
    with speaking(locale):
        assert say_many("{count} wheel", "{count} wheels", 3) == said
    assert say_many("{count} wheel", "{count} wheels", 3) == "3 wheels"


def test_a_phrase_is_english_until_it_is_said() -> None:
    text = phrase("There is no project named {project}.", project="numpyy")
    assert text == "There is no project named numpyy."
    with speaking("ko"):
        assert str(text) == "There is no project named numpyy."
        assert spoken(text) == "numpyy라는 프로젝트가 없습니다."
        assert spoken("numpyy") == "numpyy"


def test_phrases_inside_of_phrases_are_said_too() -> None:
    wheels = phrase_many("{count} wheel", "{count} wheels", 2)
    text = phrase("There is no project named {project}.", project=wheels)
    assert text == "There is no project named 2 wheels."
    with speaking("ko"):
        assert spoken(text) == "휠 2개라는 프로젝트가 없습니다."


@pytest.mark.parametrize(
    ("items", "english", "korean"),
    [
        (["a"], "a", "a"),
        (["a", "b"], "a and b", "a 및 b"),
        (["a", "b", "c", "d"], "a, b, c and d", "a, b, c 및 d"),
    ],
)
def test_things_are_listed(items: list[str], english: str, korean: str) -> None:
    assert listed(items) == english
    with speaking("ko"):
        assert spoken(listed(items)) == korean


def test_what_is_listed_is_said_too() -> None:
    wheels = [phrase_many("{count} wheel", "{count} wheels", number) for number in (1, 2)]
    assert listed(wheels) == "1 wheel and 2 wheels"
    with speaking("ko"):
        assert spoken(listed(wheels)) == "휠 1개 및 휠 2개"


def test_the_language_of_the_moment_tells_things_apart() -> None:
    english = language.current()
    with speaking("ko-KR"):
        korean = language.current()
    with speaking("ko"):
        assert language.current() is korean
    assert english is not korean


def test_phrases_survive_being_copied_and_pickled() -> None:
    text = phrase_many("{count} wheel", "{count} wheels", 1)
    for same in (copy.deepcopy(text), pickle.loads(pickle.dumps(text))):  # noqa: S301 - our own
        assert same == "1 wheel"
        with speaking("ko"):
            assert spoken(same) == "휠 1개"


def test_phrases_can_be_stored_and_said_later() -> None:
    wheels = phrase_many("{count} wheel", "{count} wheels", 2)
    text = phrase("There is no project named {project}.", project=wheels)
    stored = language.dumps(text)
    assert stored.isprintable() is False  # it is told from what people write
    assert language.loads(stored) == text
    with speaking("ko"):
        assert spoken(language.loads(stored)) == "휠 2개라는 프로젝트가 없습니다."


@given(text=st.text())
def test_what_is_no_phrase_never_passes_for_one(text: str) -> None:
    stored = language.dumps(text)
    assert stored == text.lstrip("\x1e")
    assert language.loads(stored) == stored
    assert type(language.loads(stored)) is str


@given(text=st.text(), number=st.integers())
def test_values_survive_being_stored(text: str, number: int) -> None:
    made = phrase("{text} {number} {version}", text=text, number=number, version=1.5)
    again = language.loads(language.dumps(made))
    assert again == f"{text.lstrip(chr(0x1E))} {number} 1.5"


def test_a_translation_that_names_other_values_is_left_out() -> None:
    with speaking("ko"):
        assert say("As of {age}.", age="now") == "As of now."


def test_names_have_a_context_of_their_own() -> None:
    assert language.named("command", "check", "ko") == "확인"
    assert language.named("command", "audit", "ko") is None
    assert language.named("command", "check", "fr") is None
    with speaking("ko"):
        assert say("check") == "check"


def test_commands_are_named_as_discord_shows_them() -> None:
    assert language.command("check all") == "/check all"
    with speaking("ko"):
        assert language.command("check all") == "/확인 all"


async def test_each_task_speaks_its_own_language() -> None:
    async def one(locale: str) -> str:
        speak(locale)
        await asyncio.sleep(0)
        return say_many("{count} wheel", "{count} wheels", 1)

    assert tuple(await asyncio.gather(one("ko"), one("en-GB"))) == ("휠 1개", "1 wheel")


def test_a_damaged_catalogue_is_named() -> None:
    with pytest.raises(UserError, match=r"ko\.po"):
        translations.read(b"nonsense", "ko.po")


@pytest.mark.parametrize(
    ("template", "names"),
    [("{a} and {b}", ["a", "b"]), ("{{a}} {b}", ["b"]), ("none", [])],
)
def test_places_of_a_template(template: str, names: list[str]) -> None:
    assert translations.places(template) == names
