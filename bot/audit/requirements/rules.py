"""Documents about a release → what it requires, and which of its files can tell."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from packaging.metadata import parse_email
from packaging.utils import canonicalize_name

from bot.audit.requirements.model import Requirements
from bot.compat.tags import RELEVANT, classify, parse_version
from bot.errors import IndexUnavailable
from bot.language import phrase
from bot.pypi.wire import FileAddress

MOST_REQUIREMENTS: Final = 5_000
"""A release requires a few hundred projects at most, extras and all."""


def read_core_metadata(body: bytes) -> Requirements:
    """Read a METADATA file. Only its head counts: what follows a blank line is the description."""
    head = min((body.find(end) for end in (b"\n\n", b"\r\n\r\n") if end in body), default=len(body))
    raw, _ = parse_email(body[:head])
    return _requirements(
        [text.strip() for text in raw.get("requires_dist", ())],
        raw.get("provides_extra", ()),
        raw.get("requires_python"),
    )


def read_release(body: bytes) -> Requirements | None:
    """Read the JSON API's document about a release, which has the metadata of its first file.

    None if that tells nothing: the metadata of a source distribution alone may leave out what is
    only known once it is built. Raises IndexUnavailable if it is not such a document.
    """
    try:
        document = _RELEASE.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise IndexUnavailable(phrase("The index sent metadata that cannot be read.")) from error
    info = document.info
    if info.requires_dist is None and not any(
        file.packagetype == "bdist_wheel" for file in document.urls
    ):
        return None
    return _requirements(info.requires_dist or (), info.provides_extra, info.requires_python)


def telling(files: Iterable[FileAddress]) -> dict[str, FileAddress]:
    """Choose the files that may be asked for core metadata, by name.

    Of wheels that no free-threaded build takes, one a release is enough: it stands in for a release
    that has to be built, for a build's metadata is mostly the same.
    """
    chosen: dict[str, FileAddress] = {}
    stand_ins: set[str] = set()
    for file in files:
        if file.metadata_hashes is None:
            continue
        _, _, rest = file.filename.partition("-")
        version, _, suffix = rest.partition("-")
        if not file.filename.endswith(".whl") or classify(suffix) >= RELEVANT:
            chosen[file.filename] = file
        elif version not in stand_ins:
            stand_ins.add(version)
            chosen[file.filename] = file
    return chosen


def choose(files: Mapping[str, FileAddress], taken: str, version: str) -> FileAddress | None:
    """Return the file to ask: the one that pip takes, else another wheel of that version."""
    if taken in files:
        return files[taken]
    wanted = parse_version(version)
    for name, file in files.items():
        if name.endswith(".whl") and wanted is not None:
            found = parse_version(name.split("-")[1])
            if found is not None and found.key == wanted.key:
                return file
    return None


class _Info(msgspec.Struct):
    requires_dist: list[str] | None = None
    provides_extra: list[str] | None = None
    requires_python: str | None = None


class _File(msgspec.Struct):
    packagetype: str = ""


class _Release(msgspec.Struct):
    info: _Info
    urls: list[_File] = []


_RELEASE = msgspec.json.Decoder(_Release)


def _requirements(
    requires: Iterable[str], extras: Iterable[str] | None, requires_python: str | None
) -> Requirements:
    return Requirements(
        tuple(requires)[:MOST_REQUIREMENTS],
        None if extras is None else tuple(sorted({canonicalize_name(extra) for extra in extras})),
        requires_python or None,
    )
