"""Where the follower of the index stands, and what it found."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Source: TypeAlias = Literal["auto", "journal", "serials"]
"""What tells of changes: the index's journal, its list of all projects, or what answers."""


@dataclass(frozen=True, slots=True)
class Position:
    """Up to where the index was followed: every change up to `serial` has taken effect.

    `seen` (UTC seconds) is when that was so; `etag` is the entity tag of the list of projects
    that was compared last, None if none was.
    """

    serial: int
    seen: float
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What changed; projects by their normalised names.

    `serials` are the last serials of all that changed; `since` (UTC seconds) tells of those whose
    files may have changed when that began: files that are older are not new. Of projects that are
    not `certain` it matters only if they have free-threaded wheels.
    """

    serials: Mapping[str, int] = field(default_factory=dict)
    since: Mapping[str, float] = field(default_factory=dict)
    certain: AbstractSet[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Comparison:
    """The list of all projects beside a position.

    `serial` is the state that the list shows; `changed` are the last serials of projects that
    changed after the position; `vanished` are those that were expected but are not listed.
    """

    serial: int
    changed: Mapping[str, int]
    vanished: AbstractSet[str]
