"""`ftbot classify`: what triage would make of reports, a JSON line for each."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from bot import data
from bot.cli.terminal import progress
from bot.errors import UserError
from bot.index.aliases import read_aliases
from bot.index.names import NameTable, shipped_ranking
from bot.reports.issue.destination import repository
from bot.reports.known.rules import at_home
from bot.reports.likeness.model import Known
from bot.reports.likeness.rules import SURE, known, likely
from bot.reports.model import Fact, Reading
from bot.reports.reading.names import IndexNames, Names
from bot.reports.reading.rules import read

STDIN: Final = "-"
_LONGEST_LINE: Final = 64 * 2**20
"""Bytes; no report is as long, and a file without line ends is not read into memory whole."""
_BOM: Final = b"\xef\xbb\xbf"
_MEND: Final = 'Give one object a line: {"id": 1, "title": "…", "text": "…"}.'


class _Number(str):
    """A number as it is written, so that no digit of an id is lost."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Report:
    """A line's content; `id` is JSON, `url` the address of the issue if it is one."""

    id: str
    title: str
    text: str
    url: str | None


def print_readings(file: str) -> None:
    """Read reports, a JSON object a line, from a file or `-`; print a JSON object for each.

    Raises UserError that names file, line and mend; what stands before that line is printed.
    """
    earlier: list[Known] = []
    ids: dict[str, str] = {}
    with _opened(file) as stream, _progress(stream) as advance:
        for number, line in _lines(file, stream):
            report = _parse(file, number, line)
            if report:
                reading, new = _read(f"report:{number}", report, _names())
                duplicate = next(iter(likely(new, earlier, 1)), None)
                of = ids[duplicate.key] if duplicate and duplicate.score >= SURE else "null"
                earlier.append(new)
                ids[new.key] = report.id
                sys.stdout.write(_document(report.id, reading, of) + "\n")
            advance(len(line))


@cache
def _names() -> Names:
    """Read the names that ship with ftbot, which takes longer than to find a file's mistakes."""
    table = NameTable(data.names(), shipped_ranking().names)
    return IndexNames(table, read_aliases(data.read("aliases.json")))


def _read(key: str, report: _Report, names: Names) -> tuple[Reading, Known]:
    reading = read(report.title, report.text, names)
    if report.url and (tracker := repository(report.url)):
        reading = at_home(reading, tracker, names)
    return reading, known(key, report.title, report.text, reading, url=report.url)


def _document(identity: str, reading: Reading, duplicate_of: str) -> str:
    """Give a reading as JSON; the ids are JSON already."""
    facts = reading.facts
    before = {
        "kind": reading.kind,
        "confidence": reading.confidence,
        "package": _value(facts.project),
        "package_version": _value(facts.version),
        "python": _value(facts.python),
        "os": _value(facts.os),
    }
    return (
        f'{{"id": {identity}, {json.dumps(before)[1:-1]}, "duplicate_of": {duplicate_of}, '
        f'"evidence": {json.dumps(reading.evidence)}}}'
    )


def _value(fact: Fact | None) -> str | None:
    return fact.value if fact else None


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == STDIN:
        yield sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115 - only that it opens is guarded here
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UserError(
            f"{file} cannot be read: {reason}.", "Name a file of JSON lines, or - to read them in."
        ) from error
    with stream:
        yield stream


def _lines(file: str, stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while True:
        try:
            line = stream.readline(_LONGEST_LINE + 1)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise UserError(f"{file} cannot be read: {reason}.", "Name a file.") from error
        if not line:
            return
        number += 1
        if len(line) > _LONGEST_LINE:
            megabytes = _LONGEST_LINE // 2**20
            raise _refused(file, number, f"is longer than {megabytes} MiB", "Cut the logs in it.")
        yield number, line.removeprefix(_BOM) if number == 1 else line


def _parse(file: str, number: int, line: bytes) -> _Report | None:
    """Read a line; None if it is empty."""
    if not line.strip():
        return None
    try:
        parsed = json.loads(
            line.decode(), parse_int=_Number, parse_float=_Number, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 at byte {error.start + 1}"
        raise _refused(file, number, what, "Save the file as UTF-8.") from error
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", "") or "it is nested too deep or has no JSON value"
        raise _refused(file, number, f"is not JSON: {reason}", _MEND) from error
    if not isinstance(parsed, dict):
        raise _refused(file, number, "is not a JSON object", _MEND)
    url = parsed.get("url")
    told = *_texts(file, number, parsed), url if type(url) is str else None
    return _Report(_identity(file, number, parsed), *told)


def _identity(file: str, number: int, parsed: dict[str, Any]) -> str:
    identity = parsed.get("id")
    if isinstance(identity, _Number):
        return str(identity)
    if isinstance(identity, str):
        return json.dumps(identity)
    raise _refused(file, number, 'has no "id" that is a number or a string', _MEND)


def _texts(file: str, number: int, parsed: dict[str, Any]) -> tuple[str, str]:
    """Take title and text; null stands for an empty one, as for issues without a body."""
    for key in ("title", "text"):
        value = parsed.get(key, _Number())
        if isinstance(value, _Number) or not isinstance(value, str | None):
            raise _refused(file, number, f'has no "{key}" that is a string', _MEND)
    return parsed["title"] or "", parsed["text"] or ""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _refused(file: str, number: int, what: str, mend: str) -> UserError:
    name = "standard input" if file == STDIN else file
    return UserError(f"{name}, line {number} {what}.", mend)


@contextmanager
def _progress(stream: BinaryIO) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how far it is, unless the lines themselves show it."""
    if sys.stdout.isatty():
        yield lambda _: None
        return
    total = os.fstat(stream.fileno()).st_size or None  # a pipe does not know
    done = 0
    with progress("Reading reports", share=True) as show:

        def advance(read: int) -> None:
            nonlocal done
            done += read
            show(done, total)

        yield advance
