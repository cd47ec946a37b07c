"""What rules need to know of the index to find a project in a text."""

import re
from typing import Final, Protocol

from packaging.utils import canonicalize_name

from bot.index.aliases import Aliases

POPULAR: Final = 15_000
"""A project of this rank or better is likely meant where prose has its name."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,198}[a-z0-9])?", re.ASCII)


class Names(Protocol):
    """The names of the index. Nothing is ever raised, whatever the text."""

    def is_project(self, name: str) -> bool:
        """Tell whether a normalised name (PEP 503) is a project's."""

    def is_popular(self, name: str) -> bool:
        """Tell whether it is one of the most downloaded projects, which prose may name."""

    def projects_for_import(self, name: str) -> tuple[str, ...]:
        """Return the projects that provide a module whose name is not its project's own."""


class Listed(Protocol):
    """The list of all projects: `bot.index.names.NameTable` or `bot.index.catalogue.Catalogue`."""

    def __contains__(self, name: str) -> bool: ...

    def rank(self, name: str) -> int | None:
        """Return a project's place by downloads."""


class IndexNames:
    """The names of the index and its aliases, as they are in memory."""

    def __init__(self, listed: Listed, aliases: Aliases) -> None:
        self._listed = listed
        self._aliases = aliases
        self._absent = {
            canonicalize_name(name) for name, projects in aliases.tracker.items() if not projects
        }

    def is_project(self, name: str) -> bool:
        """As `Names`; what the tracking table says is not on the index has no project there."""
        return bool(_NAME.fullmatch(name)) and name not in self._absent and name in self._listed

    def is_popular(self, name: str) -> bool:
        """As `Names`."""
        rank = self._listed.rank(name)
        return rank is not None and rank <= POPULAR and name not in self._absent

    def projects_for_import(self, name: str) -> tuple[str, ...]:
        """As `Names`."""
        return self._aliases.projects_for_import(name)
