"""Validates requests against GitHub's OpenAPI description, and by rules that it cannot express.

The description admits keys and parameters that it does not know, so a misspelt one would pass:
they are reported too.
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.conftest import SHARED

DOCUMENT = SHARED / "data/github/issues-openapi.json.gz"

Json = Any
Schema = Mapping[str, Any]


class GitHubSpec:
    """The description, ready to judge requests."""

    def __init__(self, document: Json) -> None:
        self._document = _nullable(document)
        resource = Resource.from_contents(self._document, default_specification=DRAFT202012)
        self._registry = Registry().with_resource("github:", resource)
        self._paths = sorted(document["paths"], key=lambda path: path.count("{"))

    @classmethod
    def load(cls) -> "GitHubSpec":
        """Read the description; skips the test where it is not at hand."""
        if not DOCUMENT.exists():
            pytest.skip("GitHub's OpenAPI description is not beside this checkout")
        return cls(json.loads(gzip.decompress(DOCUMENT.read_bytes())))

    def problems(self, request: Mapping[str, Json]) -> list[str]:
        """Return what is wrong with a request; nothing if it is fine.

        It has `method`, `path` without the API's base, `query`, `headers` and `body` (decoded JSON
        or None), as the loopback server keeps them.
        """
        method, path, query = request["method"], request["path"], request["query"]
        where = f"{method} {path}"
        # Redirects lead to addresses that name a repository by its id.
        named = re.sub(r"^/repositories/\d+(?=/|$)", "/repos/o/r", path)
        template, operation = self._operation(method, named)
        if operation is None:
            return [f"{where}: no such operation"]
        values = re.fullmatch(_pattern(template), named)
        given = {**(values.groupdict() if values else {}), **query}
        found = [*self._parameters(operation, given), *self._body(operation, request["body"])]
        found += own_rules(method, template, request)
        return [f"{where}: {problem}" for problem in found]

    def _operation(self, method: str, path: str) -> tuple[str, Schema | None]:
        for template in self._paths:
            operation = self._document["paths"][template].get(method.lower())
            if operation is not None and re.fullmatch(_pattern(template), path):
                return template, operation
        return "", None

    def _parameters(self, operation: Schema, given: Mapping[str, str]) -> Iterator[str]:
        known = {each["name"]: each for each in map(self._resolved, operation["parameters"])}
        for name, each in known.items():
            if each.get("required") and name not in given:
                yield f"{name} is missing"
        for name, text in given.items():
            if name not in known:
                yield f"{name}: unknown parameter"
                continue
            schema = self._resolved(known[name]["schema"])
            value: Json = text
            if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", text):
                value = int(text)
            yield from self._violations(schema, value, name)
            if name == "per_page" and not 1 <= int(text) <= 100:
                yield "per_page: 1 to 100"

    def _body(self, operation: Schema, body: Json) -> Iterator[str]:
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            if body is not None:
                yield "a body where none is described"
            return
        if body is None:
            if operation["requestBody"].get("required"):
                yield "the body is missing"
            return
        yield from self._violations(content["schema"], body, "body")
        yield from self._unknown([content["schema"]], body, "")

    def _violations(self, schema: Schema, value: Json, name: str) -> Iterator[str]:
        validator = Draft202012Validator(_absolute(schema), registry=self._registry)
        for error in validator.iter_errors(value):
            place = ".".join(map(str, (name, *error.absolute_path)))
            yield f"{place}: {error.message[:300]}"

    def _unknown(self, schemas: list[Schema], value: Json, path: str) -> Iterator[str]:
        parts = [part for schema in schemas for part in self._flat(schema)]
        if isinstance(value, list):
            items = [part["items"] for part in parts if "items" in part]
            for place, each in enumerate(value):
                yield from self._unknown(items, each, f"{path}{place}.")
        elif isinstance(value, dict) and any("properties" in part for part in parts):
            for key, each in value.items():
                known = [
                    part["properties"][key] for part in parts if key in part.get("properties", ())
                ]
                if known:
                    yield from self._unknown(known, each, f"{path}{key}.")
                else:
                    yield f"{path}{key}: unknown key"

    def _flat(self, schema: Schema) -> Iterator[Schema]:
        """Yield a schema and all it is made of: references, unions, parts."""
        schema = self._resolved(schema)
        yield schema
        for key in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(key, ()):
                yield from self._flat(part)

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            target = self._document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]
            schema = target
        return schema


def own_rules(method: str, template: str, request: Mapping[str, Json]) -> Iterator[str]:
    """Check what GitHub's documentation asks for beside the description."""
    headers = {name.lower(): value for name, value in request["headers"].items()}
    if headers.get("accept") != "application/vnd.github+json":
        yield "Accept is not GitHub's media type"
    if not re.fullmatch(r"20\d\d-\d\d-\d\d", headers.get("x-github-api-version", "")):
        yield "X-GitHub-Api-Version is missing"
    if not headers.get("user-agent", "").startswith("ftbot/"):
        yield "the program does not say its name"
    if request["body"] is not None and "json" not in headers.get("content-type", ""):
        yield "a body that does not say that it is JSON"
    if (method, template) == ("GET", "/repos/{owner}/{repo}/issues"):
        query = request["query"]
        if "state" not in query and query.get("per_page") != "1":
            yield "state is open unless the request says otherwise"
    title = (request["body"] or {}).get("title")
    if isinstance(title, str) and not 0 < len(title.strip()) <= 256:
        yield "a title of no or over 256 characters"


def _pattern(template: str) -> str:
    return re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))


def _nullable(schema: Json) -> Json:
    """Write OpenAPI 3.0's `nullable` as JSON Schema does."""
    if isinstance(schema, list):
        return [_nullable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _nullable(value) for key, value in schema.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


def _absolute(schema: Json) -> Json:
    """Let `#/…` mean the description, from wherever the schema is used."""
    if isinstance(schema, dict):
        return {
            key: f"github:{value}"
            if key == "$ref" and str(value).startswith("#")
            else _absolute(value)
            for key, value in schema.items()
        }
    if isinstance(schema, list):
        return [_absolute(each) for each in schema]
    return schema
