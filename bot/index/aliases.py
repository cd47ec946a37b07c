"""Names under which people know a project, other than the index's own.

The document that ships as `data/aliases.json` is kept by hand:

    imports     import name (or a name of everyday use, `pytorch`) → the projects that provide it
    namespaces  import names below which each project has its own, so that a name speaks for
                itself alone: `google.cloud` says nothing about `google.cloud.spanner`
    tracker     display name in the tracking table → its projects; an empty list means that it is
                not on the index, whatever there has a like name
    forks       project → interpreter → the project that stands in for it there
"""

from types import MappingProxyType
from typing import Final

import msgspec

from bot.errors import UserError

MAX_IMPORT_NAME: Final = 200
"""Longer names are no import names that anybody types; characters."""


class _Document(msgspec.Struct, frozen=True):
    imports: dict[str, tuple[str, ...]]
    namespaces: frozenset[str]
    tracker: dict[str, tuple[str, ...]]
    forks: dict[str, dict[str, str]]


class Aliases:
    """The aliases, ready to be asked. All answers are normalised project names (PEP 503)."""

    __slots__ = ("_forks", "_imports", "_namespaces", "tracker")

    def __init__(self, document: _Document) -> None:
        self._imports = {name.casefold(): names for name, names in document.imports.items()}
        self._namespaces = {name.casefold() for name in document.namespaces}
        self._forks = document.forks
        self.tracker = MappingProxyType(document.tracker)

    def projects_for_import(self, name: str) -> tuple[str, ...]:
        """Return the projects that provide the module `name`, the most downloaded first.

        Case does not matter. Of a dotted path the longest known part counts: `cv2.dnn` is
        opencv-python's. Only names that differ from their project's are known, so `numpy` gives
        nothing. Nothing is ever raised.
        """
        if len(name) > MAX_IMPORT_NAME:
            return ()
        module = name.strip().casefold()
        if module in self._imports:
            return self._imports[module]
        while module := module.rpartition(".")[0]:
            if module in self._imports and module not in self._namespaces:
                return self._imports[module]
        return ()

    def fork_for(self, project: str, python: str) -> str | None:
        """Return the fork that serves the interpreter `python` (`3.13t`) in place of `project`."""
        return self._forks.get(project, {}).get(python)


def read_aliases(body: bytes) -> Aliases:
    """Read the shipped document; raise UserError if it is damaged."""
    try:
        return Aliases(msgspec.json.decode(body, type=_Document))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(
            "The shipped file of aliases cannot be read.", "Install ftbot again."
        ) from error
