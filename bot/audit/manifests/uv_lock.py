"""uv.lock, version 1 with all its revisions."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import msgspec
from packaging.utils import canonicalize_name

from bot.audit.manifests.files import File
from bot.audit.manifests.groups import Choice, choose
from bot.audit.manifests.markers import either, settle
from bot.audit.manifests.pinning import (
    Package,
    entries,
    named_table,
    of_registries,
    of_version,
    text_of,
)
from bot.audit.manifests.reach import places_of, reach, tops
from bot.audit.model import Manifest, Pinned, Problem
from bot.language import phrase

_NEWEST: Final = 1

Node: TypeAlias = tuple[int, str]
"""The place of a package, and one of its extras or `group:name`; "" for the package itself."""
Edges: TypeAlias = dict[Node, list[tuple[Node, str]]]


class _Source(msgspec.Struct):
    registry: str | None = None
    git: str | None = None
    url: str | None = None
    path: str | None = None
    directory: str | None = None
    editable: str | None = None
    virtual: str | None = None


class _Dependency(msgspec.Struct):
    name: str
    version: str | None = None
    extra: tuple[str, ...] = ()
    marker: str = ""


class _UvPackage(Package, rename="kebab"):
    source: _Source = msgspec.field(default_factory=_Source)
    resolution_markers: tuple[str, ...] = ()
    dependencies: tuple[_Dependency, ...] = ()
    optional_dependencies: dict[str, tuple[_Dependency, ...]] = msgspec.field(default_factory=dict)
    dev_dependencies: dict[str, tuple[_Dependency, ...]] = msgspec.field(default_factory=dict)


class _Requirement(msgspec.Struct):
    """A requirement of a script, or of a workspace that is no package."""

    name: str
    extras: tuple[str, ...] = ()
    marker: str = ""


class _Workspace(msgspec.Struct, rename="kebab"):
    members: tuple[str, ...] = ()
    requirements: tuple[_Requirement, ...] = ()
    dependency_groups: dict[str, tuple[_Requirement, ...]] = msgspec.field(default_factory=dict)


def read(file: File) -> Manifest:
    """Read a lock: what its project needs, and under which markers, is followed from the roots.

    The project itself and other members of its workspace are no packages of it.
    """
    problems = list(of_version(file, file.data.get("version"), _NEWEST))
    found = list(entries(file, "package", _UvPackage, problems))
    packages = [package for _, package in found]
    workspace = _workspace(file, problems)
    members = _members(packages, workspace)
    choice = choose(file, _offered(packages, members, workspace))
    edges = _edges(packages, members, workspace, choice)
    own = [(-1, ""), *((place, "") for place in members)]
    chosen = [(place, part) for place, _ in own for part in (*choice.chosen, *_groups(choice))]
    roots = [node for node in (*own, *chosen) if node in edges]
    known = any(edges[node] for node in roots)
    others = [(place, "") for place in range(len(packages)) if place not in members]
    if not known:
        roots = tops(others, edges)
    reached = reach(roots, edges)
    direct = {packages[to].name for node in roots for (to, _), _ in edges[node]}
    pinned = []
    for place, _ in others:
        where, package = found[place]
        marker = reached.get((place, ""))
        if marker is None:
            if file.groups is not None:
                continue  # of a group that was not chosen
            marker = either(*package.resolution_markers)
        pinned.append(
            Pinned(
                name=package.name,
                version=package.version,
                where=where,
                marker=marker,
                requires=_requires(place, packages, edges, reached),
                direct=package.name in direct if known else None,
                origin=_origin(package.source),
            )
        )
    return Manifest(
        source=file.source,
        format="uv.lock",
        locked=True,
        pinned=tuple(pinned),
        problems=(
            *problems,
            *choice.problems,
            *of_registries(file, (package.source.registry for package in packages)),
        ),
        requires_python=text_of(file.data.get("requires-python")),
        groups=choice.offered,
        chosen=tuple(sorted(choice.chosen)),
    )


def _workspace(file: File, problems: list[Problem]) -> _Workspace:
    try:
        return msgspec.convert(named_table(file.data.get("manifest")), _Workspace)
    except msgspec.ValidationError as error:
        text = phrase("The workspace cannot be read: {reason}.", reason=error)
        problems.append(Problem("manifest", text))
        return _Workspace()


def _members(packages: Sequence[_UvPackage], workspace: _Workspace) -> frozenset[int]:
    """Return the places of the packages whose lock this is."""
    names = frozenset(map(canonicalize_name, workspace.members))
    return frozenset(
        place
        for place, package in enumerate(packages)
        if package.name in names
        or "." in (package.source.virtual, package.source.editable, package.source.directory)
    )


def _offered(
    packages: Sequence[_UvPackage], members: frozenset[int], workspace: _Workspace
) -> Iterator[str]:
    for place in sorted(members):
        yield from packages[place].optional_dependencies
        yield from packages[place].dev_dependencies
    yield from workspace.dependency_groups


def _groups(choice: Choice) -> Iterator[str]:
    return (f"group:{name}" for name in sorted(choice.chosen))


def _edges(
    packages: Sequence[_UvPackage],
    members: frozenset[int],
    workspace: _Workspace,
    choice: Choice,
) -> Edges:
    """Return what each package, with each of its extras and groups, requires."""
    places = places_of(package.name for package in packages)
    # What uv calls extras and groups that exclude each other, in the variable `extra`.
    chosen = frozenset(
        f"{kind}-{len(packages[member].name)}-{packages[member].name}-{name}"
        for member in members
        for name in choice.chosen
        for kind in ("extra", "group")
    )

    def targets(dependencies: Sequence[_Dependency]) -> list[tuple[Node, str]]:
        found = (
            ((place, part), settle(each.marker, chosen))
            for each in dependencies
            for place in places.get(canonicalize_name(each.name), ())
            if each.version in (None, packages[place].version)
            for part in ("", *map(canonicalize_name, each.extra))
        )
        return list(dict.fromkeys(found))

    edges: Edges = {}
    for place, package in enumerate(packages):
        edges[place, ""] = targets(package.dependencies)
        for name, dependencies in package.optional_dependencies.items():
            edges[place, canonicalize_name(name)] = targets(dependencies)
        for name, dependencies in package.dev_dependencies.items():
            edges[place, f"group:{canonicalize_name(name)}"] = targets(dependencies)
    edges[-1, ""] = targets(_as_dependencies(workspace.requirements))
    for name, requirements in workspace.dependency_groups.items():
        key = (-1, f"group:{canonicalize_name(name)}")
        edges[key] = targets(_as_dependencies(requirements))
    return edges


def _as_dependencies(requirements: Sequence[_Requirement]) -> list[_Dependency]:
    return [_Dependency(each.name, extra=each.extras, marker=each.marker) for each in requirements]


def _requires(
    place: int, packages: Sequence[_UvPackage], edges: Edges, reached: dict[Node, str]
) -> tuple[tuple[str, str], ...]:
    """Return what a package requires, with those of its extras that something asks for."""
    parts = ("", *map(canonicalize_name, packages[place].optional_dependencies))
    markers: dict[str, list[str]] = {}
    for part in parts:
        if part and (place, part) not in reached:
            continue
        for (to, extra), marker in edges[place, part]:
            if not extra and to != place:
                markers.setdefault(packages[to].name, []).append(marker)
    return tuple((name, either(*found)) for name, found in sorted(markers.items()))


def _origin(source: _Source) -> str:
    if source.git is not None:
        return "vcs"
    if source.url is not None:
        return "url"
    if source.editable is not None:
        return "editable"
    if source.path is not None or source.directory is not None or source.virtual is not None:
        return "path"
    registry = source.registry or "https:"
    return "index" if registry.lower().startswith(("http:", "https:")) else "path"
