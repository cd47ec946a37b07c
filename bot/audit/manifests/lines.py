"""The lines of a requirements file, as pip's grammar parts them; nothing is looked up or expanded.

pip's own parser is no library, and those that are made of copies of it lag behind by years; the
grammar is small, and the tests hold it against pip itself.
"""

import optparse
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from bot.audit.manifests.files import excerpt
from bot.language import phrase

MAX_LINE: Final = 200_000
"""Characters of a line with all its continuations; hundreds of hashes take 30,000."""

_VARIABLE: Final = re.compile(r"\$\{([A-Z0-9_]{1,100})\}")
_PLAIN_HASH: Final = re.compile(r"--hash=\w{1,20}:[0-9A-Za-z]{1,200}")
_IGNORED: Final = (
    # long and short names of what pip knows, by whether a value follows
    (("-i", "--index-url", "--pypi-url"), True),
    (("--extra-index-url",), True),
    (("-f", "--find-links"), True),
    (("--no-binary",), True),
    (("--only-binary",), True),
    (("--all-releases",), True),
    (("--only-final",), True),
    (("--trusted-host",), True),
    (("--use-feature",), True),
    (("--no-index",), False),
    (("--prefer-binary",), False),
    (("--require-hashes",), False),
    (("--no-require-hashes",), False),
    (("--pre",), False),
)


@dataclass(frozen=True, slots=True)
class Line:
    """What one line asks for: a requirement, another file, or nothing but options.

    `number` is that of its first line. `ignored` are the options that change where pip looks or
    what it prefers; `variables` are names of environment variables that it mentions.
    """

    number: int
    requirement: str = ""
    editable: bool = False
    hashed: bool = False
    include: str = ""
    constraints: str = ""
    ignored: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    malformed: str = ""


class _Malformed(Exception):
    """The options of a line cannot be read."""


class _Options(optparse.OptionParser):
    """pip's options of a line; pip uses the same module, so abbreviations mean the same."""

    def __init__(self) -> None:
        super().__init__(add_help_option=False)
        self.add_option("-r", "--requirement", action="append", dest="include")
        self.add_option("-c", "--constraint", action="append", dest="constraints")
        self.add_option("-e", "--editable", action="append", dest="editable")
        self.add_option("--hash", action="append", dest="hashes")
        self.add_option("-C", "--config-settings", "--config-setting", action="append")
        for names, takes_value in _IGNORED:
            self.add_option(
                *names,
                dest="ignored",
                action="callback",
                type="string" if takes_value else None,
                callback=_note,
            )

    def error(self, msg: str) -> NoReturn:
        raise _Malformed(msg)


def _note(_: optparse.Option, name: str, __: object, parser: optparse.OptionParser) -> None:
    assert parser.values  # noqa: S101 - optparse sets them before it calls
    parser.values.ignored = [*(parser.values.ignored or ()), name]


def parse_lines(text: str) -> Iterator[Line]:
    """Yield what the lines of a file ask for."""
    options = _Options()  # it keeps what it parses, so each thread needs its own
    for number, line in _logical_lines(text):
        if len(line) > MAX_LINE:
            yield Line(
                number, malformed=phrase("it has more than {most} characters", most=f"{MAX_LINE:,}")
            )
            continue
        try:
            yield _parse_line(number, line, options)
        except (_Malformed, ValueError) as error:  # shlex says ValueError
            yield Line(number, requirement=line, malformed=excerpt(str(error)))


def _parse_line(number: int, line: str, parser: _Options) -> Line:
    requirement, options = _part(line)
    variables = tuple(_VARIABLE.findall(line)) if "${" in line else ()
    if all(_PLAIN_HASH.fullmatch(each) for each in options.split()):
        # As nearly all lines are; splitting like a shell, as pip does, takes long.
        return Line(number, requirement, hashed=bool(options), variables=variables)
    values, _ = parser.parse_args(shlex.split(options))
    if not requirement and values.editable:
        requirement = values.editable[0]
    return Line(
        number,
        requirement=requirement,
        editable=bool(values.editable),
        hashed=bool(values.hashes),
        include=values.include[0] if values.include else "",
        constraints=values.constraints[0] if values.constraints else "",
        ignored=tuple(values.ignored or ()),
        variables=variables,
    )


def _part(line: str) -> tuple[str, str]:
    """Part a line into requirement and options; those begin with a word that begins with `-`."""
    if line.startswith("-"):
        return "", line
    requirement, dash, options = line.partition(" -")
    return requirement, f"-{options}" if dash else ""


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines joined over their continuations, without comments and empty ones."""
    for number, line in _joined(text):
        bare = without_comment(line).strip()
        if bare:
            yield number, bare


def _joined(text: str) -> Iterator[tuple[int, str]]:
    first = 0
    parts: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not comment:
            first = first if parts else number
            parts.append(line.strip("\\"))
            continue
        # The blank keeps a comment apart from what it ends.
        yield (first if parts else number), "".join([*parts, " " + line if comment else line])
        parts = []
    if parts:
        yield first, "".join(parts)


def without_comment(line: str) -> str:
    """Return a line up to its comment, which begins the line or follows a blank."""
    place = line.find("#")
    while place > 0 and not line[place - 1].isspace():
        place = line.find("#", place + 1)
    return line if place < 0 else line[:place]
