"""What /progress tells, and the job behind it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import msgspec

from bot.compat.targets import parse_python
from bot.errors import ServiceError
from bot.index.catalogue import Catalogue
from bot.language import phrase
from bot.programs import run
from bot.progress.document import document
from bot.progress.files import replaced_both
from bot.progress.judging import Order
from bot.progress.model import PLATFORM, PYTHON, Among, Judged, Report, Standing
from bot.progress.pictures import Pictures
from bot.progress.rules import is_complete, is_due, parse_platform, thinned, with_today
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
        self._seen = 0  # how many were cached when all was judged here
        self._drawn: datetime | None = None

    async def look(self) -> None:
        """Judge all projects if that is due: once a day, and while the cache fills."""
        standing = await self._standing(self._is_due)
        if standing.as_of != self._drawn:
            for among in Among:  # so that most who ask find their picture drawn
                await self.report(among)
            self._drawn = standing.as_of

    async def refresh(self) -> Standing:
        """Judge all projects that are cached, and keep what comes of it. Raises UserError."""
        return await self._standing(lambda _: True)

    async def today(self) -> Standing:
        """Return how things stand today, judged anew if much was unknown. Raises UserError."""
        today = self._clock().date()
        return await self._standing(
            lambda known: known.as_of.date() != today or not is_complete(known, Among.TOP_15000)
        )

    async def _standing(self, is_old: Callable[[Standing], bool]) -> Standing:
        """Return how things stand, judged anew if that is old."""
        known = await self._store.standing()
        if known and not is_old(known):
            return known
        async with self._judging:
            later = await self._store.standing()  # others may have waited for the same
            if later and (known is None or later.as_of > known.as_of):
                return later
            return await self._judge_all()

    async def _judge_all(self) -> Standing:
        cached = self._filling().cached
        order = await asyncio.to_thread(self._order)
        judged = await self._judge(order)
        await self._store.put(judged)
        self._seen = cached
        await self._write_summary(judged.standing)
        known = judged.standing.known[Among.TOP_15000]
        log.info("Judged %d of the %d most downloaded projects", known, len(order.ranked))
        return judged.standing

    def _is_due(self, known: Standing) -> bool:
        seen = max(known.known[Among.TOP_15000], self._seen)
        filling, today = self._filling(), self._clock().date()
        return is_due((known.as_of.date(), seen), today, filling.cached, filling.wanted)

    def _order(self) -> Order:
        names = self._catalogue.most_downloaded(Among.TOP_15000.size)
        ranked = [(name, rank) for name in names if (rank := self._catalogue.rank(name))]
        return Order(str(self._database), ranked, self._clock(), str(self._folder))

    async def report(
        self, among: Among = Among.TOP_1000, python: str = PYTHON, platform: str = PLATFORM
    ) -> Report:
        """Tell how things stand, with a picture. Raises UserError."""
        report = await self.figures(among, python, platform)
        return msgspec.structs.replace(report, picture=await self._pictures.of(report))

    async def figures(
        self, among: Among = Among.TOP_1000, python: str = PYTHON, platform: str = PLATFORM
    ) -> Report:
        """Tell how things stand, without one. Raises UserError.

        While the cache fills for the first time, what came meanwhile is judged before.
        """
        standing = await self._current(among)
        target = standing.on(parse_python(python), parse_platform(platform))
        if target is None:  # new since all was judged
            raise _not_now()
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

    async def _current(self, among: Among) -> Standing:
        """Return how things stand as far as can be found out now. Raises UserError."""
        try:
            return await self._standing(
                lambda known: not is_complete(known, among) and self._is_due(known)
            )
        except ServiceError as error:
            log.warning("Projects cannot be judged: %s", error)
            if known := await self._store.standing():
                return known
            raise _not_now() from error

    async def document(self, among: Among) -> dict[str, object]:
        """Return all that is known among so many projects as an object of JSON values."""
        standing = await self._standing(lambda _: False)
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


def _not_now() -> ServiceError:
    return ServiceError(
        phrase("Progress cannot be worked out just now."), phrase("Try again in a minute.")
    )
