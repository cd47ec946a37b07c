"""The text of a file, and what TOML and JSON make of it. All of it is hostile."""

import codecs
import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from bot.audit.model import Problem
from bot.errors import UserError
from bot.language import phrase, together

OpenFile: TypeAlias = Callable[[str], bytes]
"""Opens a file by its path, relative to the folder of the file that is read."""

_BINARY: Final = (
    (b"PK\x03\x04", phrase("a zip archive or a wheel")),
    (b"\x1f\x8b", phrase("a gzip archive")),
    (b"BZh", phrase("a bzip2 archive")),
    (b"\xfd7zXZ\x00", phrase("an xz archive")),
    (b"\x7fELF", phrase("a program")),
    (b"MZ", phrase("a program")),
    (b"%PDF", phrase("a PDF")),
    (b"\x89PNG", phrase("a picture")),
    (b"\xff\xd8\xff", phrase("a picture")),
    (b"SQLite format 3", phrase("a database")),
)
_MARKS: Final = (  # that of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING: Final = re.compile(rb"coding[:=]\s{0,9}([-\w.]{1,40})")
_CODECS: Final = frozenset(
    # Those that people write in and that take time in proportion to the text: punycode does not.
    {
        *("ascii", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"),
        *("utf-32", "utf-32-le", "utf-32-be", "koi8-r", "koi8-u", "mac-roman"),
        *("iso8859-1", "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-9", "iso8859-15"),
        *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
        *("cp437", "cp850", "cp866", "cp932", "cp949", "big5", "big5hkscs", "gb18030", "gb2312"),
        *("gbk", "euc_jp", "euc_kr", "iso2022_jp", "shift_jis"),
    }
)
_POSITION: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_DEEP_KEY: Final = re.compile(  # tomllib takes time with the square of a dotted key's parts
    r"""(?<![\w"'-])(?:[\w"'-]{1,64}[ \t]{0,4}\.[ \t]{0,4}){60}"""
)
_AT_ONCE, _LONGEST_KEY = 65_536, 8_192
"""Characters that an expression looks through in one go: it keeps the GIL as long as it does."""
_TOO_DEEP: Final = phrase("It nests tables or lists too deeply.")
_WRITE_UTF8: Final = phrase("Save it as a text file in UTF-8.")


@dataclass(frozen=True, slots=True)
class File:
    """A file to read: `data` is what TOML or JSON make of it, None for any other text.

    `groups` are the extras and groups asked for, None for all; `limit` counts bytes of all files.
    """

    source: str
    text: str
    data: Any = None
    groups: frozenset[str] | None = None
    open_file: OpenFile | None = None
    limit: int = 1 << 20


def called(source: str) -> str:
    """Return what messages call a file."""
    return phrase("Standard input") if source == "-" else excerpt(source)


def excerpt(text: str) -> str:
    """Return the beginning of a foreign text, on one line, without a password in its addresses."""
    return " ".join(without_password(text[:300]).split())[:100]


def without_password(url: str) -> str:
    """Return an address without user and password, which lock files and requirements may hold."""
    return re.sub(r"//[^/@\s]{1,200}@", "//", url)


def decode(source: str, body: bytes) -> tuple[str, tuple[Problem, ...]]:
    """Return the text of a file, as pip reads requirements: by a mark, or a comment, or in UTF-8.

    What cannot be decoded is replaced, with a problem. Raises UserError for what is not text.
    """
    for start, what in _BINARY:
        if body.startswith(start):
            raise UserError(
                phrase("{file} is {what}, not text.", file=called(source), what=what), _WRITE_UTF8
            )
    codec, mark = _codec(body)
    problems: tuple[Problem, ...] = ()
    try:
        text = body[mark:].decode(codec)
    except UnicodeDecodeError as error:
        text = body[mark:].decode(codec, errors="replace")
        line = body.count(b"\n", 0, error.start) + 1
        odd = phrase("This is not {codec}.", codec=codec.upper())
        problems = (Problem(f"{source}:{line}", together(odd, _WRITE_UTF8)),)
    if "\0" in text or text.count("�") > 20 + len(text) // 100:
        raise UserError(
            phrase("{file} holds binary data, not text.", file=called(source)), _WRITE_UTF8
        )
    return text, problems


def _codec(body: bytes) -> tuple[str, int]:
    """Return the name of a file's codec, and how many bytes its mark takes."""
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return codec, len(mark)
    for line in body.split(b"\n", 2)[:2]:
        if line.startswith(b"#") and (found := _CODING.search(line)):
            try:
                codec = codecs.lookup(found[1].decode("ascii")).name
            except (LookupError, UnicodeDecodeError):
                continue
            if codec in _CODECS:
                return codec, 0
    return "utf-8", 0


def toml(source: str, text: str) -> dict[str, Any]:
    """Parse TOML. Raises UserError with the line and the column."""
    name = called(source)
    pieces = range(0, len(text), _AT_ONCE)
    deepest = (_DEEP_KEY.search(text, at, at + _AT_ONCE + _LONGEST_KEY) for at in pieces)
    if deep := next(filter(None, deepest), None):
        line = text.count("\n", 0, deep.start()) + 1
        raise UserError(
            phrase("{file}, line {line}: this key has too many parts.", file=name, line=line),
            phrase("Shorten it."),
        )
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise UserError(phrase("{file} cannot be read.", file=name), _TOO_DEEP) from None
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
        if found := _POSITION.search(reason):
            reason = reason[: found.start()]
            line, column = int(found[1] or line), int(found[2] or column)
        raise UserError(
            malformed(name, line, column, excerpt(reason)), phrase("Correct the TOML there.")
        ) from None
    except ValueError as error:  # a number with thousands of digits
        raise UserError(
            phrase("{file} is not valid TOML: {reason}.", file=name, reason=excerpt(str(error)))
        ) from None


def parse_json(source: str, text: str) -> Any:  # noqa: ANN401 - it is what the file says
    """Parse JSON. Raises UserError with the line and the column."""
    name = called(source)
    try:
        return json.loads(text)
    except RecursionError:
        raise UserError(phrase("{file} cannot be read.", file=name), _TOO_DEEP) from None
    except json.JSONDecodeError as error:
        raise UserError(
            malformed(name, error.lineno, error.colno, error.msg),
            phrase("Correct the JSON there."),
        ) from None
    except ValueError as error:  # a number with thousands of digits
        raise UserError(
            phrase("{file} is not valid JSON: {reason}.", file=name, reason=excerpt(str(error)))
        ) from None


def malformed(name: str, line: int, column: int, reason: str) -> str:
    """Say where a file breaks the rules of its format."""
    return phrase(
        "{file}, line {line}, column {column}: {reason}.",
        file=name,
        line=line,
        column=column,
        reason=reason,
    )
