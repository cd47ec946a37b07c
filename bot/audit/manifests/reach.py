"""Under which markers a lock file's packages are reached from what its project requires."""

from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from bot.audit.environment import MAX_LENGTH
from bot.audit.manifests.markers import both, either

Node = TypeVar("Node", bound=Hashable)

# Ways to a package: each is a set of markers that must all hold.
_Ways = frozenset[frozenset[str]]
_ALWAYS: Final[_Ways] = frozenset({frozenset()})
_MAX_WAYS: Final = 12
"""Real locks have up to four; a package with more counts as reached everywhere."""
_MAX_VERSIONS: Final = 20
"""Of one package, that others are held to require; real locks have a handful."""
_MAX_MARKERS: Final = 8
"""Markers in a row that a way may have."""


def places_of(names: Iterable[str]) -> dict[str, list[int]]:
    """Return where each name stands in a list, at most `_MAX_VERSIONS` times."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        same = places.setdefault(name, [])
        if len(same) < _MAX_VERSIONS:
            same.append(place)
    return places


def reach(
    roots: Iterable[Node], edges: Mapping[Node, Sequence[tuple[Node, str]]]
) -> dict[Node, str]:
    """Return the nodes that can be reached, each with the marker under which it is.

    `edges` are those that a node requires, with the marker of that. Circles do no harm. Where the
    marker would grow too long it is "", everywhere: a package too many is judged rather than one
    too few.
    """
    found: dict[Node, _Ways] = dict.fromkeys(roots, _ALWAYS)
    waiting = deque(found)
    queued = set(found)
    while waiting:
        node = waiting.popleft()
        queued.discard(node)
        for target, marker in edges.get(node, ()):
            before = found.get(target, frozenset())
            if before == _ALWAYS:
                continue
            ways = found[node]
            if marker:
                ways = frozenset(way | {marker} for way in ways)
            after = _shortest(before | ways)
            if after != before:
                found[target] = after
                if target not in queued:
                    queued.add(target)
                    waiting.append(target)
    return {node: _marker(ways) for node, ways in found.items()}


def tops(nodes: Iterable[Node], edges: Mapping[Node, Sequence[tuple[Node, str]]]) -> list[Node]:
    """Return nodes from which all can be reached: those that no other requires, one of a circle."""
    every = tuple(nodes)
    required = {to for node in every for to, _ in edges.get(node, ()) if to != node}
    found: list[Node] = []
    reached: set[Node] = set()
    for top in (*(node for node in every if node not in required), *every):
        if top in reached:
            continue
        found.append(top)
        waiting = [top]
        while waiting:
            node = waiting.pop()
            if node not in reached:
                reached.add(node)
                waiting.extend(to for to, _ in edges.get(node, ()))
    return found


def _shortest(ways: _Ways) -> _Ways:
    """Leave out ways that demand more than another one does."""
    kept = frozenset(way for way in ways if not any(other < way for other in ways))
    if len(kept) > _MAX_WAYS or any(len(way) > _MAX_MARKERS for way in kept):
        return _ALWAYS
    return kept


def _marker(ways: _Ways) -> str:
    marker = either(*sorted(both(*sorted(way)) for way in ways))
    return marker if len(marker) <= MAX_LENGTH else ""
