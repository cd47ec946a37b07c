"""requirements.txt, as pip reads it, and what pip-compile and uv make of one: a lock file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Final

from packaging.utils import canonicalize_name

from bot.audit.manifests.files import File, OpenFile, called, decode, excerpt
from bot.audit.manifests.lines import Line, parse_lines
from bot.audit.manifests.pinning import unreadable
from bot.audit.manifests.requirement import (
    MAX_REQUIREMENTS,
    as_pinned,
    exact_version,
    parse,
)
from bot.audit.model import Manifest, Pinned, Problem, Wanted
from bot.errors import UserError
from bot.language import phrase, together

_MAX_FILES: Final = 100
_NESTING: Final = 20
_MAX_LINES: Final = 2 * MAX_REQUIREMENTS
"""Of all files, with continuations joined and comments left out."""
_ADDRESS: Final = re.compile(r"[A-Za-z][\w+.-]*:")
_GENERATED: Final = re.compile(r"^# .{0,40}\b(?:auto-?generated|generated) by (?:pip-compile|uv)\b")
_VIA: Final = re.compile(r"#\s{0,9}via\b(?P<parents>.*)")
_PARENT: Final = re.compile(r"\s{0,9}#\s{1,9}(?P<parents>\S.*)")
_REQUIRING: Final = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]{0,99})(?:\[[^\]]{0,200}\])?$")
_PROJECT: Final = re.compile(r"-r\s|.{1,200} \(.{1,200}\)$|.{1,200}\.(?:in|txt|toml|cfg|py)$")
_OTHER_INDEX: Final = frozenset({"-i", "--index-url", "--pypi-url", "--extra-index-url"})
_ELSEWHERE: Final = phrase("only files in the same folder, or below it, are opened.")
_HARMLESS: Final = frozenset(
    {"--require-hashes", "--no-require-hashes", "--trusted-host", "--use-feature"}
)


@dataclass(frozen=True, slots=True)
class _Item:
    """A requirement with what the line says besides."""

    wanted: Wanted
    editable: bool
    hashed: bool


@dataclass(slots=True)
class _Files:
    """The files that are read: what is included, once each, within limits."""

    open_file: OpenFile | None
    room: int
    """Bytes that the included ones may still have."""
    lines: int = 0
    """How many were read."""
    seen: set[tuple[str, bool]] = field(default_factory=set)
    stated: set[tuple[object, ...]] = field(default_factory=set)
    """Requirements that need not be read again."""

    def read(
        self, source: str, text: str, *, constraint: bool, inside: tuple[str, ...]
    ) -> Iterator[_Item | Problem]:
        """Yield the requirements of a file and of those it includes; `inside` leads to it."""
        for line in parse_lines(text):
            where = f"{source}:{line.number}"
            included = line.include or line.constraints
            self.lines += 1
            if self.lines > _MAX_LINES:
                most = f"{_MAX_LINES:,}"
                yield Problem(where, phrase("Only the first {most} lines are read.", most=most))
                return
            if line.malformed:
                yield Problem(where, unreadable(line.requirement, line.malformed))
            elif line.requirement:
                same = line.requirement, constraint, line.editable, line.hashed
                if same not in self.stated:
                    yield (item := _item(line, where, constraint))
                    if isinstance(item, _Item):  # of what is wrong, each line is told
                        self.stated.add(same)
            elif included:
                # pip takes what a constraints file includes by -r for requirements.
                yield from self._include(
                    included, where, constraint=not line.include, inside=inside
                )
            yield from _notes(line, where)

    def _include(
        self, path: str, where: str, *, constraint: bool, inside: tuple[str, ...]
    ) -> Iterator[_Item | Problem]:
        what = f"`{'-c' if constraint else '-r'} {excerpt(path)}`"
        try:
            resolved = _within(inside[-1], path)
            if (resolved, constraint) in self.seen and resolved not in inside:
                return
            text, problems = decode(resolved, self._open(resolved, inside))
        except UserError as error:
            reason = together(error.text, error.hint)
            yield Problem(
                where, phrase("{option} is not read: {reason}", option=what, reason=reason)
            )
            return
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else str(error)
            reason = excerpt(said) if said else phrase("no reason given")
            yield Problem(
                where, phrase("{option} cannot be opened: {reason}.", option=what, reason=reason)
            )
            return
        self.seen.add((resolved, constraint))
        yield from problems
        yield from self.read(resolved, text, constraint=constraint, inside=(*inside, resolved))

    def _open(self, path: str, inside: tuple[str, ...]) -> bytes:
        if path in inside:
            raise UserError(phrase("it includes itself."))
        if self.open_file is None:
            raise UserError(
                phrase("other files cannot be opened here."),
                phrase("Put what it holds into this file."),
            )
        if len(self.seen) >= _MAX_FILES:
            raise UserError(phrase("more than {most} files are included.", most=_MAX_FILES))
        body = self.open_file(path)
        self.room -= len(body)
        if self.room < 0:
            raise UserError(phrase("all files together are too large."))
        return body


def read(file: File) -> Manifest:
    """Read a requirements file with those that it includes.

    Raises UserError for a text in which nothing is a requirement.
    """
    items, problems = _collect(file)
    if problems and not items:
        raise UserError(
            phrase(
                "{file} holds nothing that can be judged. {where}: {problem}",
                file=called(file.source),
                where=problems[0].where,
                problem=problems[0].text,
            ),
            phrase("Send requirements, a lock file, pyproject.toml or the output of pip freeze."),
        )
    locked = _is_locked(file.text, items)
    return Manifest(
        source=file.source,
        format="requirements.txt",
        locked=locked,
        wanted=() if locked else tuple(each.wanted for each in items),
        pinned=_pinned(file.text, items) if locked else (),
        problems=tuple(problems),
    )


def collect(file: File) -> tuple[tuple[Wanted, ...], tuple[Problem, ...]]:
    """Return the requirements that a part of another file states, and what cannot be read."""
    items, problems = _collect(file)
    return tuple(each.wanted for each in items), tuple(problems)


def _collect(file: File) -> tuple[list[_Item], list[Problem]]:
    files = _Files(file.open_file, file.limit)
    # Paths are relative to the folder of the file that was given, whatever its own path is.
    top = PurePosixPath(file.source.replace("\\", "/")).name or "-"
    items: list[_Item] = []
    problems: list[Problem] = []
    for each in files.read(file.source, file.text, constraint=False, inside=(top,)):
        if isinstance(each, Problem):
            problems.append(each)
        elif len(items) < MAX_REQUIREMENTS:
            items.append(each)
        else:
            problems.append(Problem(each.wanted.where, only_the_first()))
            break
    return items, problems


def only_the_first() -> str:
    """Say that there are more requirements than are read."""
    return phrase("Only the first {most} requirements are read.", most=f"{MAX_REQUIREMENTS:,}")


def _item(line: Line, where: str, constraint: bool) -> _Item | Problem:
    found = parse(line.requirement, where, constraint=constraint, editable=line.editable)
    if isinstance(found, Problem):
        if line.variables:
            names = ", ".join(line.variables[:5])
            text = phrase(
                "{requirement} needs the environment variable {names}.",
                requirement=repr(excerpt(line.requirement)),
                names=names,
            )
            return Problem(where, together(text, phrase("Write its value there.")))
        return found
    if constraint and (found.extras or found.url):
        # pip refuses extras here; an address decides where something is taken from
        found = replace(found, extras=())
    return _Item(found, line.editable, line.hashed)


def _notes(line: Line, where: str) -> Iterator[Problem]:
    for name in dict.fromkeys(line.ignored):
        if name in _OTHER_INDEX:
            text = phrase("{option} is ignored: packages are judged as PyPI has them.", option=name)
            yield Problem(where, text, note=True)
        elif name not in _HARMLESS:
            yield Problem(where, phrase("{option} is ignored.", option=name), note=True)


def _within(including: str, path: str) -> str:
    """Return a path relative to the folder of the first file.

    Raises UserError for one that leads out of that folder, or that is an address.
    """
    plain = path.replace("\\", "/")
    if _ADDRESS.match(plain):
        raise UserError(
            phrase("addresses and drives are not opened."),
            phrase("Give it a path in this folder."),
        )
    if plain.startswith(("/", "~")) or "\0" in plain:
        raise UserError(_ELSEWHERE)
    parts: list[str] = []
    for part in (*PurePosixPath(including).parent.parts, *PurePosixPath(plain).parts):
        if part == "..":
            if not parts:
                raise UserError(_ELSEWHERE)
            parts.pop()
        else:
            parts.append(part)
    if not parts or len(parts) > _NESTING:
        raise UserError(phrase("this is no path of a file."))
    return "/".join(parts)


def _is_locked(text: str, items: list[_Item]) -> bool:
    """Say whether all is pinned by a tool that pins all that is needed.

    That is a file that pip-compile or uv say they made, or one with a hash for everything: then pip
    refuses to install what the file does not list.
    """
    required = [each for each in items if not each.wanted.constraint]
    pinned = all(exact_version(each.wanted.specifier) or each.wanted.url for each in required)
    if not required or not pinned:
        return False
    generated = any(_GENERATED.match(line) for line in text[:2000].splitlines()[:10])
    return generated or all(each.hashed for each in required if not each.editable)


def _pinned(text: str, items: list[_Item]) -> tuple[Pinned, ...]:
    """Return the packages, with who pulls them in where the comments of the tool say so."""
    required_by = _via(text)
    requires: dict[str, set[str]] = {}
    for name, parents in required_by.items():
        for parent in parents:
            requires.setdefault(parent, set()).add(name)
    pinned = []
    for item in items:
        if item.wanted.constraint:
            continue
        package = as_pinned(item.wanted, editable=item.editable)
        if required_by:
            package = replace(
                package,
                requires=tuple((name, "") for name in sorted(requires.get(package.name, ()))),
                direct="" in required_by.get(package.name, {""}),
            )
        pinned.append(package)
    return tuple(pinned)


def _via(text: str) -> dict[str, set[str]]:
    """Return who requires each package by the `# via` comments, "" standing for the project."""
    required_by: dict[str, set[str]] = {}
    current = ""
    listing = False
    for line in text.splitlines():
        if found := re.match(r"[A-Za-z0-9][\w.-]{0,99}", line):
            current = canonicalize_name(found[0])
        found = _VIA.search(line) or (_PARENT.match(line) if listing else None)
        listing = bool(found)
        if found and current:
            parents = required_by.setdefault(current, set())
            for parent in filter(None, map(str.strip, found["parents"].split(","))):
                if _PROJECT.match(parent):  # `-r requirements.in`, `name (pyproject.toml)`
                    parents.add("")
                elif named := _REQUIRING.match(parent):
                    parents.add(canonicalize_name(named["name"]))
    return required_by
