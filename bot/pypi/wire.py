"""Documents of the package index: bytes → model, with only the fields that answers need.

The shapes are those of the Simple repository API (PEP 691, 700, 592, 792). Keys that are not
named here are skipped by the decoder without being built. The largest pages take some 20 ms, so
callers decode off the event loop; what is long is decoded in pieces, between which a thread gives
way.
"""

import re
from collections.abc import Container, Iterator
from contextlib import suppress
from itertools import chain
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from bot.errors import IndexUnavailable
from bot.language import phrase

_MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

API_MAJOR = "1"
"""Only this major version of the API has the meaning that is read here (PEP 629)."""


_SERIAL = re.compile(r"[0-9]{1,18}", re.ASCII)


class PageFile(msgspec.Struct, frozen=True, gc=False, rename="kebab"):
    """A file of a project. `yanked` is true or a reason (PEP 592); times are UTC text (PEP 700)."""

    filename: str
    requires_python: str | None = None
    yanked: bool | str = False
    upload_time: str | None = None


class FileAddress(msgspec.Struct, frozen=True, gc=False, rename="kebab"):
    """Where a file of a project is: `url` may be relative to the page.

    The index may serve the file's core metadata at that address with `.metadata` behind it: true,
    or hashes of it by algorithm (PEP 658; PEP 714 gave the field its second name).
    """

    filename: str
    url: str
    core_metadata: bool | dict[str, str] | None = None
    dist_info_metadata: bool | dict[str, str] | None = None

    @property
    def metadata_hashes(self) -> dict[str, str] | None:
        """The hashes of the file's core metadata, None if the index serves none."""
        told = self.dist_info_metadata if self.core_metadata is None else self.core_metadata
        if isinstance(told, dict):
            return told
        return {} if told else None


class FileContent(msgspec.Struct, frozen=True, gc=False):
    """What a project's file is: `url` as in `FileAddress`, hashes by algorithm, bytes (PEP 700)."""

    filename: str
    url: str
    hashes: dict[str, str] = {}
    size: int | None = None


class Serial(msgspec.Struct, frozen=True, gc=False):
    """What has a serial, the state of the index that it shows. Some mirrors write it as text."""

    written: int | str | None = msgspec.field(name="_last-serial", default=None)

    @property
    def last_serial(self) -> int | None:
        if isinstance(self.written, str):
            return int(self.written) if _SERIAL.fullmatch(self.written) else None
        return self.written


class Meta(Serial, frozen=True, gc=False, kw_only=True):
    """What a document says of itself."""

    api_version: str = msgspec.field(name="api-version")


class ProjectStatus(msgspec.Struct, frozen=True, gc=False):
    """PEP 792."""

    status: str = "active"


class ProjectPage(msgspec.Struct, frozen=True, rename="kebab"):
    """`/simple/<name>/`: all files of a project."""

    meta: Meta
    name: str
    files: list[PageFile]
    project_status: ProjectStatus = ProjectStatus()


class AddressPage(msgspec.Struct, frozen=True):
    """`/simple/<name>/` once more, for the addresses of its files."""

    meta: Meta
    files: list[FileAddress]


class ContentPage(msgspec.Struct, frozen=True):
    """`/simple/<name>/` once more, for what its files are."""

    meta: Meta
    files: list[FileContent]


class ListedProject(Serial, frozen=True, gc=False, kw_only=True):
    """A project of the index's list, with its name as its owners spell it."""

    name: str


class ProjectList(msgspec.Struct, frozen=True):
    """`/simple/`: all projects."""

    meta: Meta
    projects: list[ListedProject]


_Document = TypeVar("_Document", ProjectPage, AddressPage, ContentPage, ProjectList)
_PAGE = msgspec.json.Decoder(ProjectPage)
_ADDRESSED = msgspec.json.Decoder(AddressPage)
_CONTENT = msgspec.json.Decoder(ContentPage)
_LIST = msgspec.json.Decoder(ProjectList)
_FILES = msgspec.json.Decoder(list[PageFile])
_ADDRESSES = msgspec.json.Decoder(list[FileAddress])
_CONTENTS = msgspec.json.Decoder(list[FileContent])
_PROJECTS = msgspec.json.Decoder(list[ListedProject])

_PIECE = 1_048_576
"""Bytes that are decoded in one go, which takes some 3 ms.

The largest page as a whole would hold the interpreter for 20 ms, the list of projects for 150.
"""
_A_PAGE, _A_LIST = phrase("project page"), phrase("list of projects")
_WHOLE = 4 * _PIECE
"""Shorter pages are not worth cutting."""
_FILES_OPEN = re.compile(rb'"files"\s*:\s*\[')
_PROJECTS_OPEN = re.compile(rb'"projects"\s*:\s*\[')


def decode_page(body: bytes) -> ProjectPage:
    """Read `/simple/<name>/`. Raises IndexUnavailable if it is not such a document."""
    if len(body) > _WHOLE:
        with suppress(IndexUnavailable, *_MALFORMED):  # it could not be cut
            rest, pieces = _cut(body, _FILES_OPEN)
            page = _decode(_PAGE, rest, _A_PAGE)
            files = list(chain.from_iterable(map(_FILES.decode, pieces)))
            if not page.files:
                return replace(page, files=files)
    return _decode(_PAGE, body, _A_PAGE)


def decode_addresses(body: bytes) -> Iterator[FileAddress]:
    """Read from `/simple/<name>/` where its files are, a piece at a time.

    Raises IndexUnavailable if it is not such a document. One that cannot be cut is decoded as a
    whole after all, so a file may come twice.
    """
    try:
        rest, pieces = _cut(body, _FILES_OPEN)
        yield from _decode(_ADDRESSED, rest, _A_PAGE).files
        for piece in pieces:
            yield from _ADDRESSES.decode(piece)
    except (IndexUnavailable, *_MALFORMED):
        yield from _decode(_ADDRESSED, body, _A_PAGE).files


def find_files(body: bytes, names: Container[str]) -> dict[str, FileContent]:
    """Read from `/simple/<name>/` what files of these names are, a piece at a time.

    Raises IndexUnavailable if it is not such a document.
    """
    try:
        rest, pieces = _cut(body, _FILES_OPEN)
        files = [*_decode(_CONTENT, rest, _A_PAGE).files]
        for piece in pieces:
            files += [file for file in _CONTENTS.decode(piece) if file.filename in names]
    except (IndexUnavailable, *_MALFORMED):
        files = _decode(_CONTENT, body, _A_PAGE).files
    return {file.filename: file for file in files if file.filename in names}


def decode_list(body: bytes) -> Iterator[ListedProject]:
    """Read `/simple/`, a piece at a time. Raises IndexUnavailable if it is not such a document.

    A document that cannot be cut is decoded as a whole after all, so a project may come twice.
    """
    try:
        rest, pieces = _cut(body, _PROJECTS_OPEN)
        yield from _decode(_LIST, rest, _A_LIST).projects
        for piece in pieces:
            yield from _PROJECTS.decode(piece)
    except (IndexUnavailable, *_MALFORMED):
        yield from _decode(_LIST, body, _A_LIST).projects


def _cut(body: bytes, opening: re.Pattern[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Cut the long array out of a document: what is left, and the array in arrays of some 1 MB.

    It is cut where one object ends and the next begins. Text or white space in between can mislead
    that, and then a part is no JSON.
    """
    found = opening.search(body)
    start = found.end() if found else 0
    end = body.rfind(b"}]", start) + 1
    return body[:start] + body[end:], _arrays(body, start, end)


def _arrays(body: bytes, start: int, end: int) -> Iterator[bytes]:
    view = memoryview(body)
    while start < end:
        cut = body.find(b"},{", start + _PIECE, end) + 1 or end
        yield b"".join((b"[", view[start:cut], b"]"))
        start = cut + 1


def _decode(decoder: "msgspec.json.Decoder[_Document]", body: bytes, what: str) -> _Document:
    try:
        document = decoder.decode(body)
    except _MALFORMED as error:
        raise IndexUnavailable(
            phrase(
                "The index sent a {document} that cannot be read ({reason}).",
                document=what,
                reason=str(error)[:120],
            ),
            phrase("This usually mends itself; try again in a few minutes."),
        ) from error
    major = document.meta.api_version.partition(".")[0]
    if major != API_MAJOR:
        raise IndexUnavailable(
            phrase(
                "The index sent a {document} of API version {version}, "
                "and this ftbot reads version {known}.",
                document=what,
                version=document.meta.api_version[:20],
                known=f"{API_MAJOR}.x",
            ),
            phrase("Update ftbot, or set FTBOT_PYPI_URL to an index that speaks that version."),
        )
    return document
