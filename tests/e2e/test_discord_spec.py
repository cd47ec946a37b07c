"""The judge of requests is itself judged: what is wrong must be found, what is right must pass."""

from typing import Any

import pytest

from tests.e2e.discord_spec import V2_FLAG, DiscordSpec

CALLBACK = "/interactions/1/token/callback"
ORIGINAL = "/webhooks/1/token/messages/@original"
COMMANDS = "/applications/1/commands"
NO_MENTIONS: dict[str, list[str]] = {"parse": []}


@pytest.fixture(scope="module")
def spec() -> DiscordSpec:
    return DiscordSpec.load()


def text(content: str = "hello") -> dict[str, Any]:
    return {"type": 10, "content": content}


def button(custom_id: str = "1check:numpy", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"type": 2, "style": 2, "label": "numpy", "custom_id": custom_id, **changes}


def row(*components: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(components)}


def message(*components: dict[str, Any], **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"components": list(components), "flags": V2_FLAG, **changes}


def answer(*components: dict[str, Any], **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    data = message(*components, allowed_mentions=NO_MENTIONS, **changes)
    return {"type": 4, "data": data}


def command(**changes: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    return [{"name": "check", "description": "Checks", "type": 1, **changes}]


def option(name: str, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "description": "An option", "type": 3, "required": required}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", CALLBACK, answer(text(), row(button()))),
        ("POST", CALLBACK, {"type": 5}),
        ("POST", CALLBACK, {"type": 8, "data": {"choices": [{"name": "a", "value": "a"}]}}),
        ("PATCH", ORIGINAL, message(text())),
        ("PUT", COMMANDS, command(options=[option("a", required=True), option("b")])),
        ("GET", "/gateway/bot", None),
    ],
)
def test_what_is_right_passes(spec: DiscordSpec, method: str, path: str, body: object) -> None:
    assert spec.problems(method, path, body) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("POST", "/interactions/1/callback", {"type": 5}, "no such operation"),
        ("POST", CALLBACK, answer(text(), contnet="x"), "data.contnet: unknown key"),
        ("POST", CALLBACK, answer(row(button("x" * 101))), ""),
        ("POST", CALLBACK, answer(text(), row(button(), button())), "is there 2 times"),
        ("POST", CALLBACK, answer(text("x" * 2001), text("y" * 2000)), "4001 characters"),
        ("POST", CALLBACK, answer(*(text() for _ in range(41))), "41 components"),
        ("POST", CALLBACK, answer(text(), flags=0), "disagree"),
        ("POST", CALLBACK, answer(text(), content="beside"), "beside content"),
        ("POST", CALLBACK, answer(text(" ")), "an empty text"),
        ("POST", CALLBACK, answer(row(button(style=5, url="https://a.example"))), "link button"),
        ("POST", CALLBACK, {"type": 4, "data": {}}, "an empty message"),
        (
            "POST",
            CALLBACK,
            {"type": 8, "data": {"choices": [{"name": "a", "value": "a" * 101}]}},
            "over 100 characters",
        ),
        ("PUT", COMMANDS, command(name="Check"), "is not a name"),
        ("PUT", COMMANDS, command(description=""), "no description"),
        ("PUT", COMMANDS, command() * 2, "is there twice"),
        (
            "PUT",
            COMMANDS,
            command(options=[option("a"), option("b", required=True)]),
            "required option after",
        ),
    ],
)
def test_what_is_wrong_is_found(
    spec: DiscordSpec, method: str, path: str, body: object, *, said: str
) -> None:
    assert any(said in problem for problem in spec.problems(method, path, body))
