"""pylock.toml (PEP 751), validated by packaging one package at a time."""

from collections.abc import Iterator
from typing import Final

import msgspec
from packaging.pylock import Pylock, PylockValidationError
from packaging.utils import canonicalize_name as _normal

from bot.audit.environment import MAX_DEPTH, MAX_LENGTH, depth
from bot.audit.manifests.files import File, called, excerpt
from bot.audit.manifests.groups import choose
from bot.audit.manifests.markers import settle
from bot.audit.manifests.pinning import (
    Package,
    entry,
    named_table,
    of_registries,
    of_version,
    sort_out_pinned,
    text_of,
)
from bot.audit.model import Manifest, Pinned, Problem
from bot.errors import UserError
from bot.language import phrase

_NEWEST: Final = 1


class _Required(msgspec.Struct):
    """What a package says that it requires; mostly the name alone."""

    name: str


class _PylockPackage(Package):
    """The part of a package that is of use; packaging judges the whole of it."""

    marker: str = ""
    dependencies: list[_Required] | None = None
    vcs: dict[str, object] | None = None
    directory: dict[str, object] | None = None
    archive: dict[str, object] | None = None


def read(file: File) -> Manifest:
    """Read a lock; its default groups are always read."""
    data = file.data
    packages = data.get("packages")
    if not isinstance(packages, list):
        raise UserError(
            phrase(
                "{file}: `{key}` is not a list of packages.",
                file=called(file.source),
                key="packages",
            )
        )
    default = _names(data.get("default-groups"))
    choice = choose(
        file,
        (
            name
            for key in ("extras", "dependency-groups")
            for name in _names(data.get(key))
            if name not in default
        ),
    )
    chosen = choice.chosen | default
    found = (
        each
        for index, table in enumerate(packages)
        for each in _package(table, f"packages[{index}]", chosen)
    )
    pinned, problems = sort_out_pinned(found, file)
    return Manifest(
        source=file.source,
        format="pylock.toml",
        locked=True,
        pinned=pinned,
        problems=(
            *of_version(file, data.get("lock-version"), _NEWEST),
            *choice.problems,
            *problems,
            *of_registries(file, (named_table(each).get("index") for each in packages)),
        ),
        requires_python=text_of(data.get("requires-python")),
        groups=choice.offered,
        chosen=tuple(sorted(choice.chosen)),
    )


def _names(value: object) -> frozenset[str]:
    names = value if isinstance(value, list) else []
    return frozenset(_normal(name) for name in names if isinstance(name, str))


def _package(table: object, where: str, chosen: frozenset[str]) -> Iterator[Pinned | Problem]:
    """Yield a package; one that breaks the standard comes with a problem, if it has a name."""
    known = entry(table, where, _PylockPackage)
    if isinstance(known, Problem):
        yield known
        return
    if len(known.marker) > MAX_LENGTH or depth(known.marker) > MAX_DEPTH:
        text = phrase("{project} has a marker that is too long or too deep.", project=known.name)
        yield Problem(where, text)
    else:
        document = {"lock-version": "1.0", "created-by": "", "packages": [table]}
        try:
            Pylock.from_dict(document)
        except PylockValidationError as error:
            reason = excerpt(error.message).rstrip(".")
            text = phrase(
                "{project} is not as the standard says: {reason}.",
                project=known.name,
                reason=reason,
            )
            yield Problem(where, text, note=True)  # it is judged all the same
    yield Pinned(
        name=known.name,
        version=known.version,
        where=where,
        marker=settle(known.marker, chosen),
        requires=_requires(known.dependencies),
        origin=_origin(known),
    )


def _requires(dependencies: list[_Required] | None) -> tuple[tuple[str, str], ...] | None:
    if dependencies is None:
        return None
    return tuple((name, "") for name in sorted({_normal(each.name) for each in dependencies}))


def _origin(package: _PylockPackage) -> str:
    if package.vcs is not None:
        return "vcs"
    if package.directory is not None:
        return "editable" if package.directory.get("editable") is True else "path"
    if package.archive is not None:
        return "url" if package.archive.get("url") else "path"
    return "index"
