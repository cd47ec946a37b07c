"""Validates requests against Discord's OpenAPI description, and by rules that it cannot express.

The description says almost nowhere that other keys are forbidden, so a misspelt one would pass:
keys that it doesn't know are reported too. `EXPECTED` lists what discord.py itself sends beside
the description.
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DOCUMENT = Path(__file__).resolve().parents[2] / "../shared/data/discord/openapi.json.gz"

Json = Any
Schema = Mapping[str, Any]

EXPECTED = re.compile(
    r"PUT .*/commands: \d+\.nsfw: unknown key"  # documented, only the description lacks it
    r"|.*embeds\.\d+\.flags: unknown key"
    r"|(?:PATCH .*/messages/[^/]+|POST .*/callback): (?:data\.)?tts: unknown key"
    # Numbers are accepted for ids.
    r"|POST /users/@me/channels: recipient_id: \d+ is not valid under .*"
    r"|.*: allowed_mentions: {'users': \[\d+\], 'parse': \[\]} is not valid under .*"
)

V2_FLAG = 1 << 15
ROW, BUTTON, TEXT, LINK = 1, 2, 10, 5
SELECTS = frozenset({3, 5, 6, 7, 8})
V2_ONLY = frozenset({9, 10, 11, 12, 13, 14, 17})
COMPONENTS, TEXT_TOTAL = 40, 4000


class DiscordSpec:
    """The description, ready to judge requests."""

    def __init__(self, document: Json) -> None:
        self._document = document
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        self._registry = Registry().with_resource("discord:", resource)
        # Literal segments first: `@original` is also a {message_id}.
        self._paths = sorted(document["paths"], key=lambda path: path.count("{"))

    @classmethod
    def load(cls) -> "DiscordSpec":
        """Read the description; skips the test where it is not at hand."""
        if not DOCUMENT.exists():
            pytest.skip("Discord's OpenAPI description is not beside this checkout")
        return cls(json.loads(gzip.decompress(DOCUMENT.read_bytes())))

    def problems(self, method: str, path: str, body: Json) -> list[str]:
        """Return what is wrong with a request, `path` without /api/v10; nothing if it is fine."""
        where = f"{method} {path}"
        body = _with_named_files(body)
        operation = self._operation(method, path)
        if operation is None:
            return [f"{where}: no such operation"]
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        found: list[str] = []
        if content is not None and body is not None:
            schema = content["schema"]
            validator = Draft202012Validator(
                self._absolute(schema),
                registry=self._registry,
            )
            found += [
                f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
                for error in validator.iter_errors(body)
            ]
            found += self._unknown([schema], body, "")
        if method != "GET":
            found += own_rules(path, body)
        told = (f"{where}: {problem}" for problem in found)
        return [problem for problem in told if not EXPECTED.fullmatch(problem)]

    def _operation(self, method: str, path: str) -> Schema | None:
        for template in self._paths:
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
            operation = self._document["paths"][template].get(method.lower())
            if operation is not None and re.fullmatch(pattern, path):
                found: Schema = operation
                return found
        return None

    def _absolute(self, schema: Json) -> Json:
        """Let `#/…` mean the description, from wherever the schema is used."""
        if isinstance(schema, dict):
            return {
                key: f"discord:{value}"
                if key == "$ref" and str(value).startswith("#")
                else self._absolute(value)
                for key, value in schema.items()
            }
        if isinstance(schema, list):
            return [self._absolute(each) for each in schema]
        return schema

    def _flat(self, schema: Schema) -> Iterator[Schema]:
        """Yield a schema and all it is made of: references, unions, parts."""
        if "$ref" in schema:
            target = self._document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]
            yield from self._flat(target)
        yield schema
        for key in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(key, ()):
                yield from self._flat(part)

    def _admits(self, schema: Schema, value: Json) -> bool:
        """Tell whether a branch of a union is the one that the value's `type` names."""
        kinds = schema.get("properties", {}).get("type")
        if kinds is None or "type" not in value:
            return True
        allowed = [each for part in self._flat(kinds) for each in part.get("enum", ())]
        constants = [part["const"] for part in self._flat(kinds) if "const" in part]
        return not (allowed or constants) or value["type"] in (*allowed, *constants)

    def _unknown(self, schemas: list[Schema], value: Json, path: str) -> Iterator[str]:
        parts = [part for schema in schemas for part in self._flat(schema)]
        if isinstance(value, list):
            items = [part["items"] for part in parts if "items" in part]
            for place, each in enumerate(value):
                yield from self._unknown(items, each, f"{path}{place}.")
        elif isinstance(value, dict) and any("properties" in part for part in parts):
            fitting = [part for part in parts if self._admits(part, value)]
            for key, each in value.items():
                known = [
                    part["properties"][key] for part in fitting if key in part.get("properties", ())
                ]
                if known:
                    yield from self._unknown(known, each, f"{path}{key}.")
                else:
                    yield f"{path}{key}: unknown key"


def _with_named_files(body: Json) -> Json:
    """Write the numbers of files as the description wants them; Discord takes numbers as well."""
    if not isinstance(body, dict):
        return body
    data = body["data"] if isinstance(body.get("data"), dict) else body
    if not data.get("attachments"):
        return body
    named = {**data, "attachments": [{**e, "id": str(e["id"])} for e in data["attachments"]]}
    return named if data is body else {**body, "data": named}


def own_rules(path: str, body: Json) -> Iterator[str]:
    """Check what the description cannot say, for commands, autocomplete and messages."""
    if path.endswith("/commands"):
        yield from _command_problems(body)
    elif path.endswith("/callback"):
        data = body.get("data") or {}
        if body["type"] == 8:
            for choice in data.get("choices", ()):
                if len(str(choice["value"])) > 100:
                    yield f"the choice {choice['name']!r} has a value of over 100 characters"
        if body["type"] in (4, 7):
            yield from message_problems(data)
        if body["type"] == 9 and len(data["components"]) > 5:
            yield "over 5 parts of a form"
    elif re.search(r"/messages(?:/[^/]+)?$", path) or path.startswith("/webhooks/"):
        yield from message_problems(body or {})


_NAME = re.compile(r"[-_\w]{1,32}")


def _command_problems(body: Json) -> Iterator[str]:
    names = Counter((command.get("type", 1), command["name"]) for command in body)
    yield from (f"the command {name} is there twice" for (_, name), n in names.items() if n > 1)
    if sum(kind == 1 for kind, _ in names) > 100:
        yield "over 100 commands"
    menus = [command for command in body if command.get("type", 1) != 1]
    for menu in menus:  # their names are free, and shown alone
        if not 1 <= len(menu["name"]) <= 32 or menu.get("description"):
            yield f"{menu['name']!r} is not a menu's name, or is described"
    pending = [command for command in body if command not in menus]
    while pending:
        node = pending.pop()
        options = node.get("options") or []
        if not _NAME.fullmatch(node["name"]) or node["name"] != node["name"].lower():
            yield f"{node['name']!r} is not a name"
        if not node.get("description"):
            yield f"{node['name']} has no description"
        required = [option.get("required", False) for option in options]
        if required != sorted(required, reverse=True):
            yield f"{node['name']} has a required option after an optional one"
        pending += options


def message_problems(message: Mapping[str, Json]) -> Iterator[str]:
    """Check the rules across the fields of a message, Components V2 above all."""
    components = message.get("components") or []
    every = list(walk(components))
    is_v2 = bool((message.get("flags") or 0) & V2_FLAG)
    if any(each["type"] in V2_ONLY for each in every) != is_v2:
        yield "flag and components disagree about Components V2"
    if is_v2 and (message.get("content") or message.get("embeds")):
        yield "Components V2 beside content or embeds"
    shown = ("components", "content", "embeds", "attachments")
    if not any(message.get(part) for part in shown):
        yield "an empty message"
    if len(every) > COMPONENTS:
        yield f"{len(every)} components"
    total = sum(len(each["content"]) for each in every if each["type"] == TEXT)
    if total > TEXT_TOTAL:
        yield f"{total} characters of text"
    ids = Counter(each["custom_id"] for each in every if "custom_id" in each)
    yield from (f"the custom_id {each!r} is there {n} times" for each, n in ids.items() if n > 1)
    for each in every:
        yield from _component_problems(each)


def _component_problems(component: Mapping[str, Json]) -> Iterator[str]:
    kind = component["type"]
    if kind == TEXT and not component["content"].strip():
        yield "an empty text"
    if kind == BUTTON and component["style"] == LINK and "custom_id" in component:
        yield "a link button with a custom_id"
    if kind == BUTTON and not (component.get("label") or component.get("emoji")):
        yield "a button without a label"
    if kind == ROW:
        children = component["components"]
        if any(child["type"] in SELECTS for child in children) and len(children) > 1:
            yield "a select that shares its row"


def walk(components: Iterable[Mapping[str, Json]]) -> Iterator[Mapping[str, Json]]:
    """Yield all components, nested ones included."""
    for component in components:
        yield component
        yield from walk(component.get("components", ()))
        for key in ("accessory", "component"):
            if key in component:
                yield from walk((component[key],))
