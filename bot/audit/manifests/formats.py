"""Which format a file has, by its content, and who reads it."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from bot.audit.manifests import (
    conda,
    freeze,
    pdm_lock,
    pipfile_lock,
    poetry_lock,
    pylock,
    pyproject,
    requirements,
    uv_lock,
)
from bot.audit.manifests.files import File, OpenFile, called, decode, parse_json, toml
from bot.audit.model import Manifest, Problem
from bot.errors import UserError
from bot.language import phrase, phrase_many

LIMIT: Final = 1 << 20
"""Bytes of a file, with those that it includes."""
_MOST_PROBLEMS: Final = 1_000

_READERS: Final[Mapping[str, Callable[[File], Manifest]]] = {
    "requirements.txt": requirements.read,
    "pyproject.toml": pyproject.read,
    "uv.lock": uv_lock.read,
    "pylock.toml": pylock.read,
    "poetry.lock": poetry_lock.read,
    "pdm.lock": pdm_lock.read,
    "Pipfile.lock": pipfile_lock.read,
    "pip freeze": freeze.read_freeze,
    "pip list": freeze.read_list,
    "environment.yml": conda.read,
}
FORMATS: Final = tuple(_READERS)

_TABLE: Final = re.compile(r"^\s{0,9}\[", re.MULTILINE)
_KEY: Final = re.compile(r"""["']?[\w.-]{1,100}["']?(?:\s{1,9}=\s|\s{0,9}=\s{0,9}["'\[{])""")
_BARE_KEY: Final = re.compile(r"[\w.-]{1,100}=(?!=)")  # also what conda writes for a pin
_YAML: Final = re.compile(r"(?:---|%YAML\b|[A-Za-z_][\w-]{0,60}\s{0,9}:(?:\s|$))")
_JSON: Final = re.compile(r"\s*(?:\{|\[\s*(?:\{|\]\s*$))")
_SEND: Final = phrase(
    "Send requirements.txt, pyproject.toml, uv.lock, pylock.toml, poetry.lock, pdm.lock, "
    "Pipfile.lock, environment.yml or the output of pip freeze."
)
_OTHERS: Final = (
    # What is sent by mistake: a sign of it, what it is, what to send instead.
    (re.compile(r"@EXPLICIT\b", re.MULTILINE), phrase("a list of conda's files"), _SEND),
    (re.compile(r"\s*<(?:!doctype|html|\?xml)", re.IGNORECASE), phrase("a web page"), _SEND),
    (re.compile(r"(?:#!.*python|(?:from \w+ )?import \w)"), phrase("a Python program"), _SEND),
)


def read(
    source: str,
    body: bytes,
    *,
    open_file: OpenFile | None = None,
    groups: Collection[str] | None = None,
    limit: int = LIMIT,
) -> Manifest:
    """Read what a file says a project depends on; its format is told by content.

    `open_file` opens what requirements include, by a path relative to the folder of the file and
    never out of it; where it is None they are refused with a problem, and the rest is read. It may
    raise OSError or UserError, and has to mind symbolic links. `groups` are the extras and
    dependency groups to read besides what is always needed, None for all that there are. `limit`
    counts bytes of all files.

    Raises UserError, with file, line and mend, when nothing of the file can be read. What cannot
    be judged is in the manifest's problems, or has an `origin` or a `url`.
    """
    file, name, problems = _open(source, body, limit)
    chosen = None if groups is None else frozenset(groups)
    found = _READERS[name](replace(file, groups=chosen, open_file=open_file))
    every = (*problems, *found.problems)
    if len(every) > _MOST_PROBLEMS:
        left = len(every) - _MOST_PROBLEMS
        more = phrase_many(
            "There is {number} more problem.",
            "There are {number} more problems.",
            left,
            number=f"{left:,}",
        )
        every = (*every[:_MOST_PROBLEMS], Problem(source, more))
    return replace(found, problems=every)


def recognise(source: str, body: bytes) -> str:
    """Return the format of a file, one of FORMATS, by its content; its name breaks ties.

    Raises UserError for what is none of them, as `read` does.
    """
    _, name, _ = _open(source, body, LIMIT)
    return name


def _open(source: str, body: bytes, limit: int) -> tuple[File, str, tuple[Problem, ...]]:
    """Return a file parsed as far as its format tells, and its format."""
    if len(body) >= limit:
        raise UserError(
            phrase(
                "{file} has {size} bytes; files of less than {limit} are read.",
                file=called(source),
                size=f"{len(body):,}",
                limit=f"{limit:,}",
            ),
            phrase("Leave out hashes, or send a lock file of one environment."),
        )
    text, problems = decode(source, body)
    file = File(source, text, limit=limit - len(body))
    first = _first_line(text)
    if not first:
        raise UserError(phrase("{file} is empty.", file=called(source)), _SEND)
    if _JSON.match(text):
        file = replace(file, data=parse_json(source, text))
        return file, _of_json(source, file.data), problems
    if _is_toml(first, text):
        file = replace(file, data=toml(source, text))
        return file, _of_toml(source, file.data), problems
    if _YAML.match(first):
        return file, "environment.yml", problems
    for sign, what, instead in _OTHERS:
        if sign.match(first):
            raise UserError(
                phrase(
                    "{file} is {what}, which names no dependencies.", file=called(source), what=what
                ),
                instead,
            )
    if freeze.is_columns(text):
        return file, "pip list", problems
    return file, "pip freeze" if freeze.is_freeze(source, text) else "requirements.txt", problems


def _is_toml(first: str, text: str) -> bool:
    """Say whether a text is meant to be TOML; no requirement begins with a bracket."""
    if first.startswith("[") or _KEY.match(first):
        return True
    return bool(_BARE_KEY.match(first) and _TABLE.search(text))


def _first_line(text: str) -> str:
    """Return the first line that is no comment, "" for none."""
    for line in text.splitlines():
        bare = line.strip()
        if bare and not bare.startswith("#"):
            return bare
    return ""


def _of_json(source: str, data: object) -> str:
    if isinstance(data, list):
        return "pip list"
    if isinstance(data, dict) and ("_meta" in data or "default" in data):
        return "Pipfile.lock"
    raise UserError(
        phrase("{file} is JSON, but not of a known format.", file=called(source)), _SEND
    )


def _of_toml(source: str, data: Mapping[str, Any]) -> str:
    """Return the format of a TOML document by the keys that only this one has."""
    metadata = data.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    package = data.get("package")
    cargo = isinstance(package, dict) or any(
        isinstance(each, dict) and str(each.get("source", "")).startswith("registry+")
        for each in (package if isinstance(package, list) else ())
    )
    if "lock-version" in data and "packages" in data:
        return "pylock.toml"
    if "lock-version" in known or "content-hash" in known:
        return "poetry.lock"
    if "lock_version" in known or "content_hash" in known:
        return "pdm.lock"
    if "version" in data and not cargo and ("package" in data or "requires-python" in data):
        return "uv.lock"
    if not cargo and {"project", "dependency-groups", "tool", "build-system"} & data.keys():
        return "pyproject.toml"
    if {"packages", "dev-packages"} & data.keys():
        raise UserError(
            phrase("{file} is a Pipfile, which is not read.", file=called(source)),
            phrase("Send Pipfile.lock."),
        )
    raise UserError(
        phrase("{file} is TOML, but not of a known format.", file=called(source)), _SEND
    )
