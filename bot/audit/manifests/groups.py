"""Which extras and dependency groups of a file are read."""

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from bot.audit.manifests.files import File, called, excerpt
from bot.audit.model import Problem
from bot.language import phrase


@dataclass(frozen=True, slots=True)
class Choice:
    """Extras and groups, normalised: those that a file offers, and those of them to be read.

    `problems` has one for each that was asked for and is not there.
    """

    offered: tuple[str, ...]
    chosen: frozenset[str]
    problems: tuple[Problem, ...]


def choose(file: File, offered: Iterable[str]) -> Choice:
    """Return those of the extras and groups in `offered` that were asked for."""
    names = tuple(dict.fromkeys(canonicalize_name(name) for name in offered))
    if file.groups is None:
        return Choice(names, frozenset(names), ())
    problems = tuple(
        Problem(
            file.source,
            phrase(
                "{file} has no extra or group {name}.",
                file=called(file.source),
                name=repr(excerpt(name)),
            ),
        )
        for name in sorted(file.groups)
        if canonicalize_name(name) not in names
    )
    return Choice(names, frozenset(map(canonicalize_name, file.groups)) & set(names), problems)
