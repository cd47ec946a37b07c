"""Pipfile.lock. It tells neither direct dependencies from others nor what requires what."""

from collections.abc import Iterator, Mapping
from typing import Final

from packaging.utils import canonicalize_name

from bot.audit.manifests.files import File
from bot.audit.manifests.groups import choose
from bot.audit.manifests.pinning import (
    Package,
    entry,
    named_table,
    of_version,
    sort_out_pinned,
    text_of,
)
from bot.audit.manifests.requirement import exact_version
from bot.audit.model import Manifest, Pinned, Problem
from bot.language import phrase

_NEWEST: Final = 6
_DEFAULT: Final = "default"


class _PipfilePackage(Package, rename=None):
    markers: str = ""
    git: str | None = None
    hg: str | None = None
    svn: str | None = None
    bzr: str | None = None
    file: str | None = None
    path: str | None = None
    editable: bool = False


def read(file: File) -> Manifest:
    """Read a lock: the default packages, and other categories as groups."""
    meta = named_table(file.data.get("_meta"))
    choice = choose(file, (key for key in file.data if key not in {"_meta", _DEFAULT}))
    found = [
        each
        for category in file.data
        if category == _DEFAULT or canonicalize_name(category) in choice.chosen
        for each in _packages(category, named_table(file.data[category]))
    ]
    once: dict[object, Pinned | Problem] = {}
    for each in found:  # a package of several categories, in the same version, counts once
        once.setdefault(each if isinstance(each, Problem) else (each.name, each.version), each)
    pinned, problems = sort_out_pinned(once.values(), file)
    python = text_of(named_table(meta.get("requires")).get("python_version"))
    return Manifest(
        source=file.source,
        format="Pipfile.lock",
        locked=True,
        pinned=pinned,
        problems=(
            *of_version(file, meta.get("pipfile-spec"), _NEWEST),
            *choice.problems,
            *problems,
        ),
        requires_python=f"=={python}.*" if python else None,
        groups=choice.offered,
        chosen=tuple(sorted(choice.chosen)),
    )


def _packages(category: str, tables: Mapping[str, object]) -> Iterator[Pinned | Problem]:
    for name, table in tables.items():
        where = f"{category}.{name}"
        found = entry({**named_table(table), "name": name}, where, _PipfilePackage)
        if isinstance(found, Problem):
            yield found
            continue
        origin = _origin(found)
        version = exact_version(found.version or "")
        if version is None and origin == "index":
            text = phrase("{project} is not pinned to a version.", project=found.name)
            yield Problem(where, text)
            continue
        yield Pinned(found.name, version, where, marker=found.markers, origin=origin)


def _origin(package: _PipfilePackage) -> str:
    if package.git or package.hg or package.svn or package.bzr:
        return "vcs"
    if package.path:
        return "editable" if package.editable else "path"
    if package.file:
        return "url" if "://" in package.file else "path"
    return "index"
