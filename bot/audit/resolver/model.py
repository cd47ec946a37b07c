"""What a resolution gives, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.audit.model import Problem


@dataclass(frozen=True, slots=True)
class Resolution:
    """The versions that were found. All names are normalised.

    `versions` are those of pip's choice, or ready ones if these were asked for. `edges` say which
    projects each one requires, `direct` are those that were asked for and apply to the target,
    `extras` which ones are chosen of a project, where there are any. `unknown` are projects
    without a version, and why in one sentence: not on the index, or taken from elsewhere. Projects
    whose requirements are not known have a version, and stand in `problems`, as do markers that
    cannot be judged.

    Where no versions fit together, `conflict` says in words which requirements disagree. Where
    the search was given up, it says so and `complete` is False. In both cases `versions` are the
    best ones that do justice to most requirements, one project after the other; for ready ones
    there are none.
    """

    versions: Mapping[str, str]
    edges: Mapping[str, tuple[str, ...]]
    direct: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    conflict: str | None = None
    complete: bool = True
