"""Documents of the package index: bytes → model, with only the fields that answers need.

The shapes are those of the Simple repository API (PEP 691, 700, 592, 792). Keys that are not
named here are skipped by the decoder without being built. Decoding holds the interpreter for up
to 15 ms on the largest real pages, so callers do it off the event loop.
"""

from typing import TypeVar

import msgspec

from bot.errors import IndexUnavailable

API_MAJOR = "1"
"""Only this major version of the API has the meaning that is read here (PEP 629)."""


class PageFile(msgspec.Struct, frozen=True, gc=False, rename="kebab"):
    """A file of a project. `yanked` is true or a reason (PEP 592); times are UTC text (PEP 700)."""

    filename: str
    requires_python: str | None = None
    yanked: bool | str = False
    upload_time: str | None = None


class Meta(msgspec.Struct, frozen=True, gc=False):
    """What a document says of itself; `last_serial` is the state of the index that it shows."""

    api_version: str = msgspec.field(name="api-version")
    last_serial: int | None = msgspec.field(name="_last-serial", default=None)


class ProjectStatus(msgspec.Struct, frozen=True, gc=False):
    """PEP 792."""

    status: str = "active"


class ProjectPage(msgspec.Struct, frozen=True, rename="kebab"):
    """`/simple/<name>/`: all files of a project."""

    meta: Meta
    name: str
    files: list[PageFile]
    project_status: ProjectStatus = ProjectStatus()


class ListedProject(msgspec.Struct, frozen=True, gc=False):
    """A project of the index's list, with its name as its owners spell it."""

    name: str
    last_serial: int | None = msgspec.field(name="_last-serial", default=None)


class ProjectList(msgspec.Struct, frozen=True):
    """`/simple/`: all projects."""

    meta: Meta
    projects: list[ListedProject]


_Document = TypeVar("_Document", ProjectPage, ProjectList)
_PAGE = msgspec.json.Decoder(ProjectPage)
_LIST = msgspec.json.Decoder(ProjectList)


def decode_page(body: bytes) -> ProjectPage:
    """Read `/simple/<name>/`. Raises IndexUnavailable if it is not such a document."""
    return _decode(_PAGE, body, "project page")


def decode_list(body: bytes) -> ProjectList:
    """Read `/simple/`. Raises IndexUnavailable if it is not such a document."""
    return _decode(_LIST, body, "list of projects")


def _decode(decoder: "msgspec.json.Decoder[_Document]", body: bytes, what: str) -> _Document:
    try:
        document = decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise IndexUnavailable(
            f"The index sent a {what} that cannot be read ({str(error)[:120]}).",
            "This usually mends itself; try again in a few minutes.",
        ) from error
    major = document.meta.api_version.partition(".")[0]
    if major != API_MAJOR:
        raise IndexUnavailable(
            f"The index sent a {what} of API version {document.meta.api_version[:20]}, "
            f"and this ftbot reads version {API_MAJOR}.x.",
            "Update ftbot, or set FTBOT_PYPI_URL to an index that speaks that version.",
        )
    return document
