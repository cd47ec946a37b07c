"""What a file asks for on a target: the packages of a lock, or the requirements to be resolved.

Nothing is dropped for being odd: what cannot be judged keeps its place, with a reason.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from bot.audit.environment import applies
from bot.audit.model import Manifest, Pinned, Wanted
from bot.audit.resolver.model import Resolution
from bot.audit.rules import paths
from bot.compat.model import ProjectFiles, Target
from bot.language import phrase

_ORIGINS: Final = {
    "url": phrase("It is taken from an address, not from the index."),
    "vcs": phrase("It is taken from a repository, not from the index."),
    "path": phrase("It is a local file or folder, not from the index."),
    "editable": phrase("It is a local folder, not from the index."),
    "conda": phrase("It comes from conda, not from the index."),
}
_MARKER: Final = phrase("Whether it is needed here cannot be judged from its marker.")


@dataclass(frozen=True, slots=True)
class Dependency:
    """A package that is to be judged, or that cannot be: then `reason` says why.

    `specifier` narrows what may be taken where there is no `version`. The rest is as in `Package`.
    """

    name: str
    version: str | None = None
    specifier: str = ""
    direct: bool = True
    required_by: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    reason: str = ""


Edges = Mapping[str, Collection[str]]
"""Which names a name requires."""


def of_lock(manifest: Manifest, target: Target) -> tuple[Dependency, ...]:
    """Return what a lock installs on a target, exactly its versions."""
    here = [
        (pinned, needed)
        for pinned in manifest.pinned
        if (needed := applies(pinned.marker, target)) is not False
    ]
    names = {pinned.name for pinned, _ in here}
    every = _edges((pinned for pinned, _ in here), names, None)
    live = _edges((pinned for pinned, _ in here), names, target)
    told = {pinned.name for pinned, _ in here if pinned.direct}
    roots = _roots(names, told, every)
    chains = paths(roots, live)
    if any(pinned.requires is None and pinned.origin == "index" for pinned, _ in here):
        chains = {name: chains.get(name, ()) for name in names}  # some edges are unknown
    direct = told or roots
    above = _above(live, chains)
    return (
        *(
            Dependency(
                name=pinned.name,
                version=pinned.version,
                direct=pinned.name in direct,
                required_by=above.get(pinned.name, ()),
                path=chains[pinned.name],
                reason=_reason(pinned, needed),
            )
            for pinned, needed in here
            if pinned.name in chains
        ),
        *unresolved(each for each in manifest.wanted if each.name not in names),
    )


def of_resolution(found: Resolution, wanted: Iterable[Wanted]) -> tuple[Dependency, ...]:
    """Return what a resolver chose, and what it could not choose a version of.

    The latter keep what narrows them: the index is asked once more, and says best why. So does what
    a conflict left with a version that the file does not admit.
    """
    alone = {each.name: each for each in unresolved(wanted)}
    chains = paths(alone, found.edges)
    names = {*found.versions, *found.unknown, *alone}
    above = _above(found.edges, names)
    return tuple(
        replace(
            alone.get(name) or Dependency(name),
            version=_admitted(found.versions.get(name), alone.get(name)),
            direct=name in alone,
            required_by=above.get(name, ()),
            path=chains.get(name, ()),
        )
        for name in sorted(names)
    )


def needed(wanted: Iterable[Wanted], target: Target) -> tuple[list[Wanted], list[Dependency]]:
    """Split requirements into those that apply and those whose marker cannot be judged.

    Requirements that do not apply to the target are in neither.
    """
    here: list[Wanted] = []
    unclear: dict[str, Dependency] = {}
    for each in wanted:
        applies_here = applies(each.marker, target)
        if applies_here:
            here.append(each)
        elif applies_here is None and not each.constraint:
            unclear[each.name] = Dependency(each.name, reason=_MARKER)
    names = {each.name for each in here if not each.constraint}
    return here, [each for name, each in unclear.items() if name not in names]


def unresolved(wanted: Iterable[Wanted]) -> list[Dependency]:
    """Return each project that is required, with all that narrows its versions."""
    specifiers: dict[str, list[str]] = {}
    required: dict[str, Wanted] = {}
    for each in wanted:
        specifiers.setdefault(each.name, []).append(each.specifier)
        if not each.constraint:
            required.setdefault(each.name, each)
    return [
        Dependency(name, specifier=",".join(dict.fromkeys(filter(None, specifiers[name]))))
        if each.url is None
        else Dependency(name, reason=_ORIGINS[_origin(each.url)])
        for name, each in required.items()
    ]


def pin(specifier: str) -> str | None:
    """Return the one version that a specifier admits, None if it may admit several."""
    exact = [each.version for each in _set(specifier) if each.operator in {"==", "==="}]
    return exact[0] if len(exact) == 1 and not exact[0].endswith(".*") else None


def narrowed(files: ProjectFiles, specifier: str) -> ProjectFiles:
    """Return the same project with the releases alone that a specifier admits."""
    if not specifier:
        return files
    admitted = _set(specifier)
    releases = [each for each in files.releases if admitted.contains(each.version, True)]
    return ProjectFiles(files.suffixes, tuple(releases), files.unreadable)


def _admitted(version: str | None, required: Dependency | None) -> str | None:
    """Return the version, None if it is not what is required."""
    if version and required and not _set(required.specifier).contains(version, True):
        return None
    return version


@lru_cache(maxsize=2_000)
def _set(specifier: str) -> SpecifierSet:
    try:
        return SpecifierSet(specifier)
    except InvalidSpecifier:
        return SpecifierSet()


def _reason(pinned: Pinned, here: bool | None) -> str:
    if pinned.origin != "index":
        return _ORIGINS.get(pinned.origin, phrase("It is not from the index."))
    return "" if here else _MARKER


def _origin(url: str) -> str:
    """Return the kind of an address that is no index's, as `Pinned.origin` has it."""
    scheme, found, _ = url.partition("://")
    if not found or scheme.lower() == "file":
        return "path"
    return "vcs" if "+" in scheme else "url"


def _edges(
    pinned: Iterable[Pinned], names: Collection[str], target: Target | None
) -> dict[str, set[str]]:
    """Return who requires whom; with a target only what applies there."""
    edges: dict[str, set[str]] = {}
    for each in pinned:
        required = edges.setdefault(each.name, set())
        for name, marker in each.requires or ():
            if name in names and (target is None or applies(marker, target) is not False):
                required.add(name)
    return edges


def _roots(names: Collection[str], told: Collection[str], every: Edges) -> set[str]:
    """Return from where all packages can be reached if every marker holds.

    Those are the direct dependencies, what nothing requires, and one of each circle that is left.
    """
    required = {name for above, below in every.items() for name in below if name != above}
    roots = {*told, *(name for name in names if name not in required)}
    reached = set(paths(roots, every))
    for name in sorted(names):
        if name not in reached:
            roots.add(name)
            reached |= set(paths([name], every))
    return roots


def _above(edges: Edges, kept: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return for each name those that require it, sorted."""
    above: dict[str, set[str]] = {}
    for name, required in edges.items():
        if name in kept:
            for each in required:
                above.setdefault(each, set()).add(name)
    return {name: tuple(sorted(those - {name})) for name, those in above.items()}
