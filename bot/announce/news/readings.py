"""What the wheels of a release declare is told where the release was: its messages are edited."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, Protocol

from msgspec.structs import replace

from bot.announce.model import News, Wheel
from bot.announce.news.store import NewsStore
from bot.db import Database
from bot.xray.model import Gil
from bot.xray.service import FIRST

log = logging.getLogger(__name__)

RECENT: Final = 48 * 3_600.0
"""Seconds after which nobody looks at a message again for what its release declares."""
_NAMED: Final = 3


class Xray(Protocol):
    """What was read from wheels; see `XrayService`."""

    async def known(self, wheels: Collection[str]) -> Mapping[str, Gil]: ...

    async def want(self, wheels: Iterable[tuple[str, str]], priority: int) -> None: ...


class Readings:
    """Has the wheels read that news tell of. A reading changes news, and never makes any.

    `arrived` is called when there is something to edit.
    """

    def __init__(
        self,
        database: Database,
        store: NewsStore,
        xray: Xray,
        *,
        arrived: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._store = store
        self._xray = xray
        self._arrived = arrived
        self._clock = clock
        self._wanted: frozenset[str] = frozenset()

    async def tell(self) -> None:
        """Add what was read meanwhile to the news, and have the rest read."""
        since = datetime.fromtimestamp(self._clock() - RECENT, UTC)
        unread = {
            news.content.wheel.file: news
            for news in await self._store.unread(since)
            if news.content.wheel
        }
        known = await self._xray.known(unread) if unread else {}
        for file, gil in known.items():
            # One without modules has nothing to tell; one that could not be read may be tomorrow.
            if gil.modules and not gil.reason:
                await self._tell(unread[file], gil)
        wanted = unread.keys() - known.keys()
        asked = [(unread[file].content.project, file) for file in sorted(wanted - self._wanted)]
        self._wanted = frozenset(wanted)
        if asked:
            await self._xray.want(asked, FIRST)

    async def _tell(self, unread: News, gil: Gil) -> None:
        project, wheel = unread.content.project, unread.content.wheel
        async with self._database.write() as tx:
            told = await self._store.told(tx, project)
            news = next((each for each in told if each.id == unread.id), None)
            if wheel is None or news is None or news.content.wheel != wheel:
                return  # it changed meanwhile
            content = replace(news.content, wheel=_read(wheel, gil))
            await self._store.revise(tx, news, content)
        log.info("News of %s %s: %s", project, content.version, gil.verdict)
        self._arrived()


def _read(wheel: Wheel, gil: Gil) -> Wheel:
    return replace(
        wheel,
        verdict=gil.verdict,
        modules=gil.modules,
        turning_on=len(gil.re_enabling),
        names=gil.re_enabling[:_NAMED],
    )
