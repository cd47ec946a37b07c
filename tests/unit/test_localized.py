"""Commands by the names of a language, in a Discord that is simulated."""

from collections.abc import Iterator
from typing import Any

import pytest

from bot.sandbox.localized import meant, shown

KO = "ko"
ADD = {
    "name": "add",
    "name_localizations": {"ko": "추가", "ja": "追加"},
    "description": "Hear of a project",
    "description_localizations": {"ko": "소식 받기"},
    "type": 1,
    "options": [
        {
            "name": "project",
            "name_localizations": {"ko": "프로젝트"},
            "description": "Its name",
            "type": 3,
            "choices": [{"name": "the first", "name_localizations": {"ko": "첫째"}, "value": "1"}],
        },
        {"name": "python", "description": "Which one", "name_localizations": None, "type": 3},
    ],
}
WATCH = {
    "id": "7",
    "name": "watch",
    "name_localizations": {"ko": "지켜보기"},
    "description": "",
    "options": [ADD],
}


def read(part: dict[str, Any]) -> Iterator[str]:
    """Yield what people read of a command."""
    yield from (part[key] for key in ("name", "description") if key in part)
    for inside in (*part.get("options", ()), *part.get("choices", ())):
        yield from read(inside)


def test_commands_are_shown_in_a_language() -> None:
    assert list(read(shown(WATCH, KO))) == [
        *("지켜보기", ""),
        *("추가", "소식 받기"),
        *("프로젝트", "Its name", "첫째"),
        *("python", "Which one"),
    ]
    assert shown(WATCH, KO)["id"] == "7"
    assert WATCH["name"] == "watch"


def test_what_has_no_translation_is_shown_as_it_is() -> None:
    assert shown(WATCH, "fr") == WATCH


@pytest.mark.parametrize("options", [[], [("프로젝트", "numpy")], [("python", "3.14t")]])
def test_the_bot_is_told_its_own_names(options: list[tuple[str, str]]) -> None:
    values = [{"name": name, "type": 3, "value": value} for name, value in options]
    picked = {
        "id": "7",
        "name": "지켜보기",
        "options": [{"name": "추가", "type": 1, "options": values}],
    }
    told = meant(picked, WATCH, KO)
    (added,) = told["options"]
    assert (told["id"], told["name"], added["name"]) == ("7", "watch", "add")
    own = {"프로젝트": "project", "python": "python"}
    assert [(each["name"], each["value"]) for each in added["options"]] == [
        (own[name], value) for name, value in options
    ]


def test_choices_keep_their_values() -> None:
    (choice,) = shown(ADD, KO)["options"][0]["choices"]
    assert (choice["name"], choice["value"]) == ("첫째", "1")
