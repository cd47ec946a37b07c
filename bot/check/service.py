"""/check: the answer about a project, put together from the index and from what people claim."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from packaging.utils import NormalizedName

from bot.check.claims import decode_metadata, tracker_urls
from bot.check.model import Answer, AsOf, Claims, Latest, TrackerClaim
from bot.check.tracking import Tracker
from bot.compat.model import Target
from bot.compat.rules import support
from bot.compat.targets import ALL_TARGETS
from bot.errors import ProjectNotFound, UserError
from bot.index.aliases import Aliases
from bot.index.catalogue import Catalogue
from bot.index.model import Project
from bot.index.service import CachedIndex
from bot.xray.model import Gil, worth_reading

log = logging.getLogger(__name__)

_SUGGESTIONS = 5
_KEPT = 64
_Sources = tuple[Project, TrackerClaim | None, int | None]
"""What an answer is made of, but for what was read of wheels."""


@dataclass(frozen=True, slots=True)
class _Given:
    """An answer, which is given again while its sources are the same."""

    sources: _Sources
    answer: Answer
    wheels: tuple[str, ...]
    """Those that pip takes and that may hold modules."""


class Xray(Protocol):
    """What was read from wheels; see `XrayService`."""

    @property
    def reads(self) -> bool: ...

    def gil(
        self, project: NormalizedName, wheels: tuple[str, ...], *, want: bool = True
    ) -> Mapping[str, Gil]: ...


class CheckService:
    """Answers about projects. `site` is the address of the index for people, without slash.

    An index that does not answer within `patience` seconds (None: as long as it takes) is not
    waited for where the cache has an answer.
    """

    def __init__(
        self,
        index: CachedIndex,
        catalogue: Catalogue,
        aliases: Aliases,
        tracker: Tracker,
        *,
        site: str,
        patience: float | None = None,
        xray: Xray | None = None,
    ) -> None:
        self._index = index
        self._catalogue = catalogue
        self._aliases = aliases
        self._tracker = tracker
        self._site = site
        self._patience = patience
        self._xray = xray
        self._given: dict[tuple[str, tuple[Target, ...]], _Given] = {}

    async def answer(self, project: str, targets: Sequence[Target] = ALL_TARGETS) -> Answer:
        """Say all that is known of a project, judged on `targets`.

        Raises `UserError` for an impossible name, `ProjectNotFound` with names that were perhaps
        meant, and `IndexUnavailable` if nothing is known and the index is down.
        """
        try:
            found = await self._index.project(project, patience=self._patience)
        except ProjectNotFound as error:
            raise ProjectNotFound(project, await self.suggestions(project)) from error
        chosen = tuple(targets)
        sources = found, self._tracker.claim(found.name), self._catalogue.rank(found.name)
        given = self._given.pop((found.name, chosen), None)
        if given is None or given.sources != sources:
            answer = self._answer(found, chosen)
            wheels = _wheels(answer)
        else:
            answer, wheels = given.answer, given.wheels
        answer = self._with_gil(answer, found, wheels, want=True)
        # These sources, even if they equal those before: the same objects are soon compared.
        self._given[found.name, chosen] = _Given(sources, answer, wheels)
        if len(self._given) > _KEPT:
            del self._given[next(iter(self._given))]
        return answer

    async def known(self, project: str, targets: Sequence[Target] = ALL_TARGETS) -> Answer | None:
        """Say what the cache knows of a project, however old; None if that is nothing.

        The index is not asked. Raises `UserError` for an impossible name.
        """
        found = await self._index.known(project)
        if found is None:
            return None
        answer = self._answer(found, tuple(targets))
        return self._with_gil(answer, found, _wheels(answer), want=False)

    async def suggestions(self, name: str) -> tuple[str, ...]:
        """Name what provides a module of that name, then what is spelt alike."""
        alike = await self._catalogue.suggest(name, _SUGGESTIONS)
        both = (*self._aliases.projects_for_import(name), *alike)
        return tuple(dict.fromkeys(both))[:_SUGGESTIONS]

    def _answer(self, found: Project, targets: Sequence[Target]) -> Answer:
        latest = found.latest
        return Answer(
            project=found.name,
            name=found.display_name,
            status=found.status,
            latest=Latest(latest.version, latest.uploaded) if latest else None,
            as_of=AsOf(found.serial, found.fetched, found.stale),
            claims=self._claims(found),
            support=support(found.files, targets, found.status),
            unreadable_files=found.files.unreadable,
            page=f"{self._site}/project/{found.name}/",
            rank=self._catalogue.rank(found.name),
            imported_from=tuple(
                other
                for other in self._aliases.projects_for_import(found.name)
                if other != found.name
            ),
        )

    def _with_gil(
        self, answer: Answer, found: Project, wheels: tuple[str, ...], *, want: bool
    ) -> Answer:
        """Add what is known of its wheels; the same answer if that is in it."""
        if self._xray is None:
            return answer
        gil = self._xray.gil(found.name, wheels, want=want)
        reading = want and self._xray.reads
        if reading is answer.reading and (gil is answer.gil or gil == answer.gil):
            return answer
        return replace(answer, gil=gil, reading=reading)

    def _claims(self, project: Project) -> Claims:
        latest, metadata = project.latest, project.metadata
        tracker = self._tracker.claim(project.name)
        if not (metadata and metadata.text):
            return Claims(None, tracker, known=False)
        try:
            read = decode_metadata(metadata.text)
        except UserError as error:  # the verdicts do not depend on it
            log.warning("%s: %s", project.name, error)
            return Claims(None, tracker, known=False)
        urls = tracker_urls(read)
        if not (latest and metadata.version == latest.version):
            # A classifier is about its release; where issues are seldom changes.
            return Claims(None, tracker, known=False, urls=urls)
        return Claims(read.classifier, tracker, urls=urls)


def _wheels(answer: Answer) -> tuple[str, ...]:
    taken = (row.installs.file for row in answer.support if row.installs)
    return tuple(file for file in dict.fromkeys(taken) if worth_reading(file))
