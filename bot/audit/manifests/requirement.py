"""One requirement, as pip takes it: PEP 508, or an address or a path instead of a name."""

import re
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from bot.audit.environment import MAX_DEPTH, MAX_LENGTH, depth
from bot.audit.manifests.files import excerpt, without_password
from bot.audit.model import Pinned, Problem, Wanted
from bot.language import phrase

MAX_REQUIREMENTS: Final = 10_000
"""Of one file and those that it includes."""

_ARCHIVES: Final = (
    *(".whl", ".zip", ".tar", ".tgz", ".tbz", ".txz", ".tlz"),
    *(".tar.gz", ".tar.bz2", ".tar.xz", ".tar.lz", ".tar.lzma"),
)
_SCHEME: Final = re.compile(
    r"(?:https?|file|ftp|ssh|sftp|svn|(?:git|hg|bzr|svn)(?:\+[a-z]{2,6})?):", re.IGNORECASE
)
_EGG: Final = re.compile(r"[#&]egg=([^&]*)")
_EXTRAS: Final = re.compile(r"\[[^\[\]]*\]$")
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_SINGLE_EQUALS: Final = re.compile(r"[\w.-]+\s*=\s*[\w.*]+(?:=\w*)?$")


def parse(
    text: str, where: str, *, constraint: bool = False, editable: bool = False
) -> Wanted | Problem:
    """Read a requirement, without options; never raises. One whose marker is odd keeps it as it is.

    An address or a path becomes the `url`, without password; its name is the one that it states or
    that its file name has, or else the last part of its path.
    """
    text = text.strip()
    if len(text) > MAX_LENGTH or (text.count("(") > MAX_DEPTH and depth(text) > MAX_DEPTH):
        too_long = phrase(
            "{requirement} is too long or nests too deeply to be judged.",
            requirement=repr(excerpt(text)),
        )
        return _with_odd_marker(text, where, constraint) or Problem(where, too_long)
    if _SCHEME.match(text) or _is_path(text):
        return _from_address(text, where, constraint)
    try:
        found = Requirement(text)
    except ValueError as error:  # InvalidRequirement, or a number that Python refuses
        if editable:
            return _from_address(text, where, constraint)
        reason = _reason(text, error)
        return _with_odd_marker(text, where, constraint) or Problem(where, reason)
    if editable and not found.url:  # `-e src` is a folder, not the project of that name
        return _from_address(text, where, constraint)
    return _wanted(found, where, constraint)


def _with_odd_marker(text: str, where: str, constraint: bool) -> Wanted | None:
    """Return a requirement with its marker as it is, if it is the marker that cannot be read.

    So it keeps its place among the others, as one of which nobody can say whether it is needed.
    """
    stated, _, marker = text.partition(";")
    if len(stated) > MAX_LENGTH or not marker.strip() or _is_path(stated):
        return None
    try:
        found = _wanted(Requirement(stated), where, constraint)
    except ValueError:
        return None
    if isinstance(found, Problem):
        return None
    return replace(found, marker=marker.strip()[: MAX_LENGTH + 1])  # too long still


def _wanted(found: Requirement, where: str, constraint: bool) -> Wanted | Problem:
    name = canonicalize_name(found.name)
    if not is_name(name):
        return Problem(where, no_name(found.name))
    return Wanted(
        name=name,
        where=where,
        specifier=str(found.specifier),
        extras=tuple(sorted(map(canonicalize_name, found.extras))),
        marker=str(found.marker) if found.marker else "",
        url=without_password(found.url) if found.url else None,
        constraint=constraint,
    )


def _from_address(text: str, where: str, constraint: bool) -> Wanted | Problem:
    """Read an address or a path, which pip parts from a marker by `; `, or `;` after a path."""
    address, _, marker = text.partition("; " if _SCHEME.match(text) else ";")
    address = address.strip()
    stated, version = _name_of(address)
    if stated is None:
        text = phrase(
            "{address} names no project, so it cannot be judged; write it as: name @ address.",
            address=repr(excerpt(address)),
        )
        return Problem(where, text)
    try:
        found = Requirement(f"{stated} ; {marker}" if marker.strip() else stated)
    except ValueError as error:
        return Problem(where, _reason(text, error))
    wanted = _wanted(found, where, constraint)
    if isinstance(wanted, Problem):
        return wanted
    return replace(
        wanted, url=without_password(address), specifier=f"=={version}" if version else ""
    )


def _name_of(address: str) -> tuple[str | None, str | None]:
    """Return the name, with extras, and the version that an address or a path tells of."""
    if found := _EGG.search(address):
        return unquote(found[1]) or None, None
    extras = _EXTRAS.search(address)
    plain = address[: extras.start()] if extras else address
    try:
        path = unquote(urlsplit(plain).path) if _SCHEME.match(plain) else plain
    except ValueError:  # a host that is none
        return None, None
    last = PurePosixPath(path.replace("\\", "/")).name
    name, version = file_name(last)
    if name is None:
        last = last.partition("@")[0].removesuffix(".git")
        name = last if is_name(last) else None
    return (name + extras[0] if name and extras else name), version


def file_name(name: str) -> tuple[str | None, str | None]:
    """Return project and version of a wheel's or an sdist's file name, None and None for others."""
    try:
        if name.endswith(".whl"):
            project, version, _, _ = parse_wheel_filename(name)
        else:
            project, version = parse_sdist_filename(name)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None, None
    return project, str(version)


def is_name(text: str) -> bool:
    """Say whether a text is a name that a project can have; the longest have 80 characters."""
    return bool(_NAME.fullmatch(text))


def no_name(text: str) -> str:
    """Say that a text is no name that a project can have."""
    return phrase("{name} is no name of a project.", name=repr(excerpt(text)))


def origin(url: str | None) -> str:
    """Return where something with this `url` is taken from, as `Pinned.origin` has it."""
    if url is None:
        return "index"
    scheme = (found[0].lower() if (found := _SCHEME.match(url)) else "file:").rstrip(":")
    if scheme in {"http", "https", "ftp"}:
        return "url"
    return "path" if scheme == "file" else "vcs"


def exact_version(specifier: str) -> str | None:
    """Return the only version that a specifier admits: that of `==1.2` or `===1.2`, not `==1.*`."""
    if "," in specifier or specifier.endswith(".*") or not specifier.startswith("=="):
        return None
    return specifier.lstrip("=")


def as_pinned(wanted: Wanted, *, editable: bool = False) -> Pinned:
    """Return a requirement that a lock file states for the package that it pins."""
    where_from = origin(wanted.url)
    return Pinned(
        name=wanted.name,
        version=exact_version(wanted.specifier),
        where=wanted.where,
        marker=wanted.marker,
        origin="editable" if editable and where_from != "index" else where_from,
    )


def _is_path(text: str) -> bool:
    """Say whether pip takes a text for a path, as far as that shows without looking for a file."""
    path = text.partition(";")[0].strip()
    if "@" in path and not {"/", "\\"}.intersection(path.partition("@")[0]) and path[0] != ".":
        return False
    bare = _EXTRAS.sub("", path)
    return path.startswith(".") or "/" in path or "\\" in path or bare.lower().endswith(_ARCHIVES)


def _reason(text: str, error: ValueError) -> str:
    if _SINGLE_EQUALS.match(text[:200]):
        return phrase(
            "{requirement} is not a requirement; pip writes a pin with `==`.",
            requirement=repr(excerpt(text)),
        )
    reason = str(error).partition("\n")[0] if isinstance(error, InvalidRequirement) else ""
    return phrase(
        "{requirement} is not a requirement: {reason}.",
        requirement=repr(excerpt(text)),
        reason=excerpt(reason) or phrase("a number is too large"),
    )
