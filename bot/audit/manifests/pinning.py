"""What the readers of lock files have in common."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec
from packaging.utils import canonicalize_name

from bot.audit.manifests.files import File, called, excerpt
from bot.audit.manifests.requirement import is_name, no_name
from bot.audit.model import Pinned, Problem
from bot.errors import UserError
from bot.language import phrase
from bot.settings import Settings

MAX_PACKAGES: Final = 10_000
_LONGEST_VERSION: Final = 200
_HOST: Final = re.compile(r"https?://(?:[^/@\s]{1,200}@)?(?P<host>[\w.:-]{1,100})", re.IGNORECASE)
_PUBLIC: Final = urlsplit(Settings.model_fields["pypi_url"].default).netloc
_NAMED: Final = 3

Seen = TypeVar("Seen")


class Package(msgspec.Struct, rename="kebab"):
    """What every lock file says of a package."""

    name: str
    version: str | None = None


Entry = TypeVar("Entry", bound=Package)


def entries(
    file: File, key: str, type_: type[Entry], problems: list[Problem]
) -> Iterator[tuple[str, Entry]]:
    """Yield each table of the list `key` with where it stands, its name normalised.

    `problems` hears of those that cannot be read. Raises UserError if there is no such list.
    """
    tables = file.data.get(key, [])
    if not isinstance(tables, list):
        raise UserError(
            phrase("{file}: `{key}` is not a list of packages.", file=called(file.source), key=key)
        )
    for index, table in enumerate(tables[:MAX_PACKAGES]):
        found = entry(table, f"{key}[{index}]", type_)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            yield f"{key}[{index}]", found
    if len(tables) > MAX_PACKAGES:
        problems.append(too_many(file))


def entry(table: object, where: str, type_: type[Entry]) -> Entry | Problem:
    """Read one package, its name normalised, or say why it cannot be read."""
    try:
        found = msgspec.convert(table, type_)
    except msgspec.ValidationError as error:
        name = table.get("name") if isinstance(table, dict) else None
        return Problem(where, unreadable(name, excerpt(str(error))))
    found.name = canonicalize_name(found.name)
    if not is_name(found.name):
        return Problem(where, no_name(found.name))
    if len(found.version or "") > _LONGEST_VERSION:
        text = phrase("{project} has a version that is too long.", project=found.name)
        return Problem(where, text)
    return found


def unreadable(name: object, reason: str) -> str:
    """Say that a package cannot be read; `name` is foreign data."""
    if isinstance(name, str):
        return phrase("{name} cannot be read: {reason}.", name=repr(excerpt(name)), reason=reason)
    return phrase("This package cannot be read: {reason}.", reason=reason)


def too_many(file: File) -> Problem:
    """Return the problem of a file with more packages than are read."""
    return Problem(
        file.source,
        phrase("Only the first {most} packages are read.", most=f"{MAX_PACKAGES:,}"),
    )


def of_version(file: File, version: object, newest: int) -> tuple[Problem, ...]:
    """Return a problem if a lock file is of a later major version than is known, or of none."""
    major = str(version).partition(".")[0]
    if major.isdecimal() and len(major) < 5 and 0 < int(major) <= newest:
        return ()
    told = {"file": called(file.source), "newest": newest}
    if version is None:
        text = phrase(
            "{file} is a lock file of no version; what version {newest} has is read.", **told
        )
    else:
        text = phrase(
            "{file} is a lock file of version {version}; what version {newest} has is read.",
            **told,
            version=excerpt(str(version)),
        )
    return (Problem(file.source, text),)


def of_registries(file: File, addresses: Iterable[object]) -> tuple[Problem, ...]:
    """Return a note if packages come from other indexes than the public one."""
    found = (_HOST.match(each) for each in addresses if isinstance(each, str))
    hosts = sorted({each["host"].lower() for each in found if each} - {_PUBLIC})
    if not hosts:
        return ()
    named = ", ".join(hosts[:_NAMED]) + (", …" if len(hosts) > _NAMED else "")
    text = phrase("What comes from {registries} is judged as PyPI has it.", registries=named)
    return (Problem(file.source, text, note=True),)


def sort_out_pinned(
    found: Iterable[Pinned | Problem], file: File
) -> tuple[tuple[Pinned, ...], tuple[Problem, ...]]:
    """Part packages from problems, up to `MAX_PACKAGES`; what is said twice counts once."""
    pinned: dict[Pinned, Pinned] = {}
    problems: list[Problem] = []
    for each in found:
        if isinstance(each, Problem):
            problems.append(each)
        elif len(pinned) < MAX_PACKAGES:
            pinned.setdefault(replace(each, where=""), each)
        else:
            problems.append(too_many(file))
            break
    return tuple(pinned.values()), tuple(problems)


def named_table(value: object) -> dict[str, object]:
    """Return a table of foreign data, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str | None:
    """Return a text of foreign data, None for anything else."""
    return value if isinstance(value, str) else None
