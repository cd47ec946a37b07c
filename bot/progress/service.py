"""What /progress tells, and the job behind it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import msgspec

from bot.compat.targets import parse_platform, parse_python
from bot.errors import ServiceError, UserError
from bot.index.catalogue import Catalogue
from bot.language import phrase
from bot.progress.document import document
from bot.progress.files import replaced_both
from bot.progress.judging import Order
from bot.progress.model import PLATFORM, PYTHON, Among, Judged, Report, Standing
from bot.progress.pictures import Pictures
from bot.programs import run
from bot.progress.rules import is_complete, is_due, thinned, with_today
from bot.progress.store import ProgressStore

log = logging.getLogger(__name__)

Judge: TypeAlias = Callable[[Order], Awaitable[Judged]]
SUMMARY: Final = "progress.json"
"""The file, beside the table of all projects, with what `document` says of each `Among`."""
SECONDS: Final = 900.0
"""That judging 15,000 projects may take; it is some ten seconds."""
_JUDGED = msgspec.json.Decoder(Judged)


class Filling(Protocol):
    """How many of the projects that are wanted are cached."""

    @property
    def cached(self) -> int: ...

    @property
    def wanted(self) -> int: ...


async def in_a_process(order: Order) -> Judged:
    """Judge in a process of its own. Raises ServiceError."""
    told = await run(
        "-m", "bot.progress.judging", stdin=msgspec.json.encode(order), seconds=SECONDS
    )
    try:
        return await asyncio.to_thread(_JUDGED.decode, told)
    except msgspec.MsgspecError as error:
        raise ServiceError("The program judging gave something that cannot be read.") from error


class ProgressService:
    """Tells how far the most downloaded projects are, and finds that out by `judge`.

    The table of all projects and the summary lie as files in `folder`. `filling` tells how far the
    background fill of the cache is.
    """

    def __init__(
        self,
        store: ProgressStore,
        catalogue: Catalogue,
        pictures: Pictures,
        *,
        database: Path,
        folder: Path,
        filling: Callable[[], Filling],
        judge: Judge = in_a_process,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._pictures = pictures
        self._database = database
        self._folder = folder
        self._filling = filling
        self._judge = judge
        self._clock = clock
        self._judging = asyncio.Lock()
        self._last: tuple[date, int] | None = None
        """The day on which all was judged, and how many were cached then."""

    async def look(self) -> None:
        """Judge all projects if that is due: once a day, and while the cache fills."""
        if self._last is None and (standing := await self._store.standing()):
            self._last = standing.as_of.date(), standing.known[Among.TOP_15000]
        filling = self._filling()
        if is_due(self._last, self._clock().date(), filling.cached, filling.wanted):
            await self.refresh()
            for among in Among:  # so that most who ask find their picture drawn
                await self.report(among)

    async def refresh(self) -> Standing:
        """Judge all projects that are cached, and keep what comes of it. Raises UserError."""
        async with self._judging:
            cached = self._filling().cached
            order = await asyncio.to_thread(self._order)
            judged = await self._judge(order)
            await self._store.put(judged)
            known = judged.standing.known[Among.TOP_15000]
            self._last = judged.standing.as_of.date(), max(cached, known)
            await self._write_summary(judged.standing)
            log.info("Judged %d of the %d most downloaded projects", known, len(order.ranked))
            return judged.standing

    def _order(self) -> Order:
        names = self._catalogue.most_downloaded(Among.TOP_15000.size)
        ranked = [(name, rank) for name in names if (rank := self._catalogue.rank(name))]
        return Order(str(self._database), ranked, self._clock(), str(self._folder))

    async def today(self) -> Standing:
        """Return how things stand today, judged anew if much was unknown. Raises UserError."""
        standing = await self._store.standing()
        if standing is None or standing.as_of.date() != self._clock().date():
            return await self.refresh()
        return standing if is_complete(standing, Among.TOP_15000) else await self.refresh()

    async def report(
        self, among: Among = Among.TOP_1000, python: str = PYTHON, platform: str = PLATFORM
    ) -> Report:
        """Tell how things stand, with a picture. Raises UserError."""
        report = await self.figures(among, python, platform)
        return msgspec.structs.replace(report, picture=await self._pictures.of(report))

    async def figures(
        self, among: Among = Among.TOP_1000, python: str = PYTHON, platform: str = PLATFORM
    ) -> Report:
        """Tell how things stand, without one; judge first if nobody ever did. Raises UserError."""
        standing = await self._store.standing() or await self.refresh()
        target = standing.on(parse_python(python), parse_platform(platform))
        if target is None:
            raise UserError(
                phrase("Progress is not counted for {platform}.", platform=platform),
                phrase("Choose one of the platforms that have a name."),
            )
        today = standing.as_of.date()
        known = {
            each.python: each.days for each in await self._store.history(among, target.platform)
        }
        history = {
            each.python: with_today(
                thinned(known.get(each.python, ()), today), each.counts[among], today
            )
            for each in standing.targets
            if each.platform == target.platform
        }
        return Report(among, standing, target, history)

    async def document(self, among: Among) -> dict[str, object]:
        """Return all that is known among so many projects as an object of JSON values."""
        standing = await self._store.standing() or await self.refresh()
        return await self._document(standing, among)

    async def _document(self, standing: Standing, among: Among) -> dict[str, object]:
        history = await self._store.history(among)
        return await asyncio.to_thread(document, standing, among, history)

    async def _write_summary(self, standing: Standing) -> None:
        """Write the summary's files. What could not be written is tried again the next day."""
        parts = [
            # One after another: as objects they are large.
            await asyncio.to_thread(msgspec.json.encode, await self._document(standing, among))
            for among in Among
        ]
        body = b'{"progress":[' + b",\n".join(parts) + b"]}\n"
        try:
            await asyncio.to_thread(replaced_both, self._folder / SUMMARY, body)
        except OSError as error:
            log.warning("The summary of progress cannot be written: %s", error)
