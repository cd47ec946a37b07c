"""pdm.lock, version 4."""

from collections.abc import Sequence
from typing import Final

import msgspec
from packaging.utils import canonicalize_name

from bot.audit.manifests.files import File
from bot.audit.manifests.groups import choose
from bot.audit.manifests.markers import either, settle
from bot.audit.manifests.pinning import Package, entries, named_table, of_version, text_of
from bot.audit.manifests.reach import places_of, reach, tops
from bot.audit.manifests.requirement import parse
from bot.audit.model import Manifest, Pinned, Problem, Wanted

_NEWEST: Final = 4
_DEFAULT: Final = "default"


class _PdmPackage(Package, rename=None):
    """A package; one with `extras` stands beside that without and adds what they require."""

    groups: tuple[str, ...] = ()
    marker: str = ""
    extras: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    git: str | None = None
    hg: str | None = None
    svn: str | None = None
    url: str | None = None
    path: str | None = None
    editable: bool = False


class _Merged(msgspec.Struct):
    """All entries of one package in one version."""

    where: str
    package: _PdmPackage
    required: list[Wanted]


def read(file: File) -> Manifest:
    """Read a lock. It does not tell direct dependencies from others."""
    metadata = named_table(file.data.get("metadata"))
    problems = list(of_version(file, metadata.get("lock_version"), _NEWEST))
    packages = _merged(file, problems)
    offered = {group for each in packages for group in _groups(each.package)}
    offered.update(_texts(metadata.get("groups")))
    choice = choose(file, sorted(offered - {_DEFAULT}))
    wanted = {_DEFAULT, *choice.chosen}
    # Without the strategy inherit_metadata, pdm writes neither groups nor markers.
    inherits = any(each.package.groups for each in packages)
    kept = [
        each for each in packages if not inherits or not wanted.isdisjoint(_groups(each.package))
    ]
    followed = {} if inherits else _followed(kept)
    return Manifest(
        source=file.source,
        format="pdm.lock",
        locked=True,
        pinned=tuple(
            Pinned(
                name=each.package.name,
                version=each.package.version,
                where=each.where,
                marker=settle(each.package.marker, choice.chosen) or followed.get(place, ""),
                requires=_requires(each.required),
                origin=_origin(each.package),
            )
            for place, each in enumerate(kept)
        ),
        problems=(*problems, *choice.problems),
        requires_python=_requires_python(metadata),
        groups=choice.offered,
        chosen=tuple(sorted(choice.chosen)),
    )


def _merged(file: File, problems: list[Problem]) -> list[_Merged]:
    """Return the packages, those with extras merged into those without."""
    found: dict[tuple[str, str | None], _Merged] = {}
    for where, package in entries(file, "package", _PdmPackage, problems):
        same = found.setdefault((package.name, package.version), _Merged(where, package, []))
        if same.package is not package:
            same.package.groups = (*same.package.groups, *package.groups)
            if not (same.package.marker and package.marker):
                same.package.marker = ""
            else:
                same.package.marker = either(same.package.marker, package.marker)
        for dependency in package.dependencies:
            required = parse(dependency, where)
            if isinstance(required, Problem):
                problems.append(required)
            elif required.name != package.name:
                same.required.append(required)
    return list(found.values())


def _groups(package: _PdmPackage) -> frozenset[str]:
    return frozenset(map(canonicalize_name, package.groups))


def _texts(value: object) -> list[str]:
    names = value if isinstance(value, list) else []
    return [canonicalize_name(name) for name in names if isinstance(name, str)]


def _followed(packages: Sequence[_Merged]) -> dict[int, str]:
    """Return under which markers packages are reached from those that nothing requires."""
    places = places_of(each.package.name for each in packages)
    edges = {
        place: [
            (to, required.marker)
            for required in each.required
            for to in places.get(required.name, ())
        ]
        for place, each in enumerate(packages)
    }
    return reach(tops(range(len(packages)), edges), edges)


def _requires(required: Sequence[Wanted]) -> tuple[tuple[str, str], ...]:
    markers: dict[str, list[str]] = {}
    for each in required:
        markers.setdefault(each.name, []).append(each.marker)
    return tuple((name, either(*found)) for name, found in sorted(markers.items()))


def _requires_python(metadata: dict[str, object]) -> str | None:
    """Return what all targets of the lock have in common, None if they differ."""
    targets = metadata.get("targets")
    stated = {
        text_of(named_table(each).get("requires_python"))
        for each in (targets if isinstance(targets, list) else [metadata])
    }
    return stated.pop() if len(stated) == 1 else None


def _origin(package: _PdmPackage) -> str:
    if package.git or package.hg or package.svn:
        return "vcs"
    if package.path:
        return "editable" if package.editable else "path"
    return "url" if package.url else "index"
