"""poetry.lock of Poetry 1 and 2.

From 2.1 on the file states for each package the groups and markers under which it is installed.
Before that only its dependencies have markers, and those of the project are not in the file: the
markers then are followed from the packages that nothing requires.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from bot.audit.manifests.files import File
from bot.audit.manifests.groups import choose
from bot.audit.manifests.markers import either, settle
from bot.audit.manifests.pinning import (
    Package,
    entries,
    named_table,
    of_registries,
    of_version,
    text_of,
)
from bot.audit.manifests.poetry_constraint import specifier
from bot.audit.manifests.reach import places_of, reach, tops
from bot.audit.model import Manifest, Pinned

_NEWEST: Final = 2


class _Constraint(msgspec.Struct):
    version: str = ""
    markers: str = ""


class _Source(msgspec.Struct):
    type: str = ""
    url: str = ""


_Dependency: TypeAlias = str | _Constraint | list[str | _Constraint]


class _PoetryPackage(Package):
    optional: bool = False
    develop: bool = False
    category: str = "main"
    groups: list[str] | None = None
    markers: str | dict[str, str] = ""
    dependencies: dict[str, _Dependency] = msgspec.field(default_factory=dict)
    source: _Source = msgspec.field(default_factory=_Source)


Edges: TypeAlias = Mapping[int, Sequence[tuple[int, str]]]


def read(file: File) -> Manifest:
    """Read a lock. It does not tell direct dependencies from others."""
    metadata = named_table(file.data.get("metadata"))
    problems = list(of_version(file, metadata.get("lock-version"), _NEWEST))
    found = list(entries(file, "package", _PoetryPackage, problems))
    packages = [package for _, package in found]
    extras = _extras(file.data.get("extras"))
    groups = sorted({group for package in packages for group in _groups(package)} - {"main"})
    choice = choose(file, (*extras, *groups))
    edges = _edges(packages)
    places = _places(packages, extras, choice.chosen, edges)
    stated = any(package.groups is not None for package in packages)
    followed = {} if stated else reach(tops(places, edges), edges)
    return Manifest(
        source=file.source,
        format="poetry.lock",
        locked=True,
        pinned=tuple(
            Pinned(
                name=packages[place].name,
                version=packages[place].version,
                where=found[place][0],
                marker=_marker(packages[place], choice.chosen)
                if stated
                else followed.get(place, ""),
                requires=_requires(place, packages, edges),
                origin=_origin(packages[place]),
            )
            for place in places
        ),
        problems=(
            *problems,
            *choice.problems,
            *of_registries(file, (_registry(package.source) for package in packages)),
        ),
        requires_python=text_of(metadata.get("python-versions")),
        groups=choice.offered,
        chosen=tuple(sorted(choice.chosen)),
    )


def _extras(value: object) -> dict[str, list[str]]:
    """Return the extras of the project with the names that each needs."""
    return {
        canonicalize_name(extra): [
            canonicalize_name(name.partition(" ")[0]) for name in names if isinstance(name, str)
        ]
        for extra, names in named_table(value).items()
        if isinstance(names, list)
    }


def _groups(package: _PoetryPackage) -> list[str]:
    if package.groups is not None:
        return list(map(canonicalize_name, package.groups))
    return [canonicalize_name(package.category)]


def _edges(packages: Sequence[_PoetryPackage]) -> Edges:
    """Return what each package requires; its own extras count as asked for."""
    places = places_of(package.name for package in packages)
    return {
        place: [
            (to, settle(constraint.markers, None))
            for name, dependency in package.dependencies.items()
            for constraint in _constraints(dependency)
            for to in _admitted(constraint, places.get(canonicalize_name(name), ()), packages)
            if to != place
        ]
        for place, package in enumerate(packages)
    }


def _constraints(dependency: _Dependency) -> Iterator[_Constraint]:
    for each in dependency if isinstance(dependency, list) else [dependency]:
        yield _Constraint(each) if isinstance(each, str) else each


def _admitted(
    constraint: _Constraint, places: Sequence[int], packages: Sequence[_PoetryPackage]
) -> Sequence[int]:
    """Return those of several packages of one name whose version is meant."""
    admitted = specifier(constraint.version) if len(places) > 1 else None
    if not admitted:
        return places
    versions = SpecifierSet(admitted)
    try:
        return [
            to for to in places if versions.contains(packages[to].version or "0", prereleases=True)
        ]
    except InvalidVersion:
        return places


def _places(
    packages: Sequence[_PoetryPackage],
    extras: Mapping[str, Sequence[str]],
    chosen: frozenset[str],
    edges: Edges,
) -> list[int]:
    """Return the packages of the main group and of what was chosen."""
    kept = [
        place
        for place, package in enumerate(packages)
        if not {"main", *chosen}.isdisjoint(_groups(package))
    ]
    if chosen.issuperset(extras):
        return kept
    names = {name for extra in chosen & extras.keys() for name in extras[extra]}
    asked = [place for place in kept if packages[place].name in names]
    needed = reach(asked, edges)
    return [place for place in kept if not packages[place].optional or place in needed]


def _marker(package: _PoetryPackage, chosen: frozenset[str]) -> str:
    """Return where a package is installed, as the file states it."""
    if isinstance(package.markers, str):
        return settle(package.markers, chosen)
    stated: dict[str, str] = {
        canonicalize_name(group): marker for group, marker in package.markers.items()
    }
    groups = {"main", *chosen}.intersection(_groups(package))
    return either(*(settle(stated.get(group, ""), chosen) for group in sorted(groups)))


def _requires(
    place: int, packages: Sequence[_PoetryPackage], edges: Edges
) -> tuple[tuple[str, str], ...]:
    markers: dict[str, list[str]] = {}
    for to, marker in edges[place]:
        markers.setdefault(packages[to].name, []).append(marker)
    return tuple((name, either(*found)) for name, found in sorted(markers.items()))


def _registry(source: _Source) -> str | None:
    return source.url if source.type == "legacy" else None  # so Poetry calls an index


def _origin(package: _PoetryPackage) -> str:
    if package.source.type in {"file", "directory"}:
        return "editable" if package.develop else "path"
    return {"git": "vcs", "url": "url"}.get(package.source.type, "index")
