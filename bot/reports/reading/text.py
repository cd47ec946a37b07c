"""Uploaded files as text, and a report's title."""

import codecs
from typing import Final

from bot.errors import UserError
from bot.language import phrase
from bot.reports.model import Kind, Reading, Submission
from bot.reports.reading.document import clean

LONGEST_TITLE: Final = 120
"""Characters."""

_KNOWN_FILES: Final = (
    (b"PK\x03\x04", phrase("a zip archive")),
    (b"\x1f\x8b", phrase("a gzip archive")),
    (b"BZh", phrase("a bzip2 archive")),
    (b"\xfd7zXZ\x00", phrase("an xz archive")),
    (b"7z\xbc\xaf", phrase("a 7z archive")),
    (b"(\xb5/\xfd", phrase("a zstd archive")),
    (b"Rar!", phrase("a rar archive")),
    (b"\x7fELF", phrase("a program")),
    (b"MZ", phrase("a program")),
    (b"\xcf\xfa\xed\xfe", phrase("a program")),
    (b"%PDF", phrase("a PDF")),
    (b"\x89PNG", phrase("a picture")),
    (b"\xff\xd8\xff", phrase("a picture")),
    (b"GIF8", phrase("a picture")),
    (b"SQLite format 3", phrase("a database")),
)
_UTF32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MEND = phrase("Send it as a text file in UTF-8.")

_SAYS: Final = {
    Kind.NO_WHEEL: ": no free-threaded wheel",
    Kind.BUILD_FAILURE: " fails to build",
    Kind.GIL_REENABLED: " re-enables the GIL",
    Kind.CRASH: " crashes",
    Kind.DATA_RACE: ": data race",
    Kind.DEADLOCK: " deadlocks",
    Kind.WRONG_RESULT: " gives wrong results",
    Kind.PERFORMANCE: " is slow",
    Kind.SUPPORT_REQUEST: ": support for free threading",
    Kind.DOCS: ": documentation",
    Kind.NOT_FREE_THREADING: ": problem",
    Kind.NEEDS_INFO: ": problem",
}


def decode(body: bytes) -> str:
    """Read an uploaded file as text: UTF-8, with a mark or without, or UTF-16 with its mark.

    Raises UserError that names what the file is instead.
    """
    for start, what in _KNOWN_FILES:
        if body.startswith(start):
            raise UserError(phrase("This file is {what}, not text.", what=what), _MEND)
    try:
        if body.startswith(_UTF16) and not body.startswith(_UTF32):
            return body.decode("utf-16")
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            phrase(
                "This file is not text in UTF-8: its byte {number} cannot be read.",
                number=error.start + 1,
            ),
            _MEND,
        ) from error
    if "\0" in text:
        raise UserError(phrase("This file holds binary data, not text."), _MEND)
    return text


def title_of(submission: Submission, reading: Reading) -> str:
    """Make a title: the project and what broke, or else how the reporter's story begins.

    One line of at most `LONGEST_TITLE` characters; foreign text where the story gives it.
    """
    facts = reading.facts
    version = f" {facts.version.value}" if facts.version else ""
    who = f"{facts.project.value}{version}" if facts.project else ""
    on = f" on {facts.python.value}" if facts.python else ""
    detail = _detail(reading)
    if who:
        return _line(f"{who}{_SAYS[reading.kind]}{on}{detail}")
    story = _line(clean(submission.story))
    return story or _line(_SAYS[reading.kind].lstrip(": ").capitalize())


def _detail(reading: Reading) -> str:
    """Name the place where it breaks, if it is known."""
    marks = reading.signature
    if reading.kind is Kind.GIL_REENABLED and marks.modules:
        return f" (module {marks.modules[0]})"
    if reading.kind in {Kind.CRASH, Kind.DATA_RACE, Kind.DEADLOCK} and marks.frames:
        return f" in {marks.frames[0].rpartition(':')[2]}"
    return ""


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1].rstrip() + "…"
