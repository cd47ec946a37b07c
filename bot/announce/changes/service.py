"""Follows the index: by its journal, or by the serials of its list of projects."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from typing import Final

from bot.announce.changes.model import Findings, Position, Source
from bot.announce.changes.rules import compare, sift
from bot.announce.changes.store import ChangeStore
from bot.http import NotModified
from bot.pypi.client import IndexClient
from bot.pypi.journal import PAGE, Journal, JournalRow, JournalUnavailable

log = logging.getLogger(__name__)

PATIENCE: Final = 3
"""So many looks in a row must fail, or find that the index went back, before that is believed."""

LIST_LAG: Final = 3_600.0
"""Seconds by which the list may lag behind the index; PyPI's caches hold it for 35 minutes."""

LIST_PACE: Final = 75_000.0
"""Bytes of the list that are read per second: PyPI's 45 MB every ten minutes, small ones at once.
Whether it changed at all may be asked at any time."""

LIST_PATIENCE: Final = 86_400.0
"""Seconds for which a list may be older than what is known already, while the index is ill."""

_GOING_BACK: Final = 1_000
"""Rows of an index that went back which are looked through for new ones."""


async def _nobody() -> AbstractSet[str]:
    return frozenset()


class ChangesService:
    """Notes which projects changed and which may be news, wherever it hears of it.

    Every source tells the same serials, and what is found takes effect together with the position
    that was reached. So nothing is lost or found twice between sources, restarts and processes.

    The journal tells file names. The list does not, so by it a project may be news if it has
    free-threaded wheels already, if it is `ranked` by downloads or if it is `watched`; the first
    wheel of any other project is missed while the journal fails.

    `settle` is for how many seconds files must have ceased to come before a project is examined;
    `found` is called when projects wait for that. `clock` tells UTC seconds, and `timer` seconds
    that never go backwards.
    """

    def __init__(
        self,
        store: ChangeStore,
        journal: Journal,
        index: IndexClient,
        *,
        source: Source,
        settle: float,
        ranked: Callable[[str], bool],
        watched: Callable[[], Awaitable[AbstractSet[str]]] = _nobody,
        found: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._journal = journal
        self._index = index
        self._source = source
        self._settle = settle
        self._ranked = ranked
        self._watched = watched
        self._found = found
        self._clock = clock
        self._timer = timer
        self._failures = 0
        self._unproven: int | None = None  # a position whose row the journal does not have
        self._times_behind = 0
        self._list_rest_until = 0.0
        self._list_behind_since: float | None = None

    async def follow(self) -> None:
        """Look once for changes; the very first look only notes where the index stands.

        Raises IndexUnavailable if nothing tells.
        """
        if self._source == "serials":
            await self._follow_list()
            return
        try:
            await self._follow_journal()
        except JournalUnavailable as error:
            self._failures += 1
            if self._source == "journal" or not (error.gone or self._failures >= PATIENCE):
                raise
            if self._failures <= PATIENCE:
                log.warning("Following the index by its list of projects meanwhile: %s", error)
                self._failures = PATIENCE
            await self._follow_list()
        else:
            if self._failures >= PATIENCE:
                log.info("The journal answers again")
            self._failures = 0

    # By the journal

    async def _follow_journal(self) -> None:
        position = await self._store.position()
        if position is None:
            serial = await self._journal.last_serial()
            self._unproven = serial
            await self._start(serial)
            return
        while True:
            # The row of the position comes along and proves that the index has not gone back.
            rows = await self._journal.since(max(position.serial - 1, 0))
            new = [row for row in rows if row.serial > position.serial]
            if not new:
                await self._require_progress(position, rows)
                return
            self._times_behind = 0
            reached = await self._take(position, new)
            if reached is None or len(rows) < PAGE:
                return
            log.info(
                "Caught up with %d changes of the index, to serial %d", len(new), reached.serial
            )
            position = reached

    async def _take(self, position: Position, rows: list[JournalRow]) -> Position | None:
        """Note what rows tell; return the position after them, None if it was noted elsewhere."""
        now = self._clock()
        findings = await asyncio.to_thread(sift, rows, now)
        seen = min(max(row.at for row in rows), now)
        reached = Position(max(row.serial for row in rows), seen, position.etag)
        return reached if await self._advance(position, reached, findings) else None

    async def _require_progress(self, position: Position, rows: list[JournalRow]) -> None:
        """Find out whether a journal without new rows has gone back behind the position."""
        if any(row.serial == position.serial for row in rows):
            self._times_behind, self._unproven = 0, None
            return
        if position.serial == self._unproven:
            return
        last = await self._journal.last_serial()
        if last >= position.serial:
            self._times_behind, self._unproven = 0, position.serial
            return
        self._times_behind += 1
        # Not at once: one of several servers behind the address may lag.
        if self._times_behind >= PATIENCE:
            await self._go_back(position, last)

    async def _go_back(self, position: Position, last: int) -> None:
        """Follow a journal that was restored from a copy, from its first row that is new to us."""
        rows = await self._journal.since(max(last - _GOING_BACK, 0))
        if len(rows) >= PAGE or any(row.serial >= position.serial for row in rows):
            return  # it contradicts itself
        unseen = [row.serial for row in rows if row.at >= position.seen]
        await self._restart(position, min(unseen) - 1 if unseen else last)

    # By the list of projects

    async def _follow_list(self) -> None:
        if self._timer() < self._list_rest_until:
            return
        position = await self._store.position()
        answer = await self._index.index(etag=position.etag if position else None)
        if isinstance(answer, NotModified):
            return
        self._list_rest_until = self._timer() + len(answer.body) / LIST_PACE
        known = await self._store.free_threaded() if position else {}
        after = position.serial if position else 0
        listed = await asyncio.to_thread(compare, answer.body, answer.serial, after, known.keys())
        if position is None:
            await self._start(listed.serial, etag=answer.etag)
            return
        if listed.serial < position.serial:
            await self._judge_old_list(position, listed.serial)
            return
        self._list_behind_since = None
        # Removed and quarantined projects are not listed, nor those that are newer than the list.
        gone = {name: known[name] + 1 for name in listed.vanished if known[name] <= listed.serial}
        serials = {**listed.changed, **gone}
        watched = await self._watched()
        now = self._clock()
        findings = Findings(
            serials,
            dict.fromkeys(serials, min(position.seen, now) - LIST_LAG),
            {name for name in serials if name in watched or self._ranked(name)},
        )
        reached = Position(listed.serial, now, answer.etag)
        await self._advance(position, reached, findings)

    async def _judge_old_list(self, position: Position, serial: int) -> None:
        """Disregard a list from before the position, unless the index has gone back for good."""
        now = self._timer()
        if self._list_behind_since is None:
            self._list_behind_since = now
        elif now - self._list_behind_since > LIST_PATIENCE:
            await self._restart(position, serial)

    # The position

    async def _start(self, serial: int, *, etag: str | None = None) -> None:
        await self._store.start(Position(serial, self._clock(), etag))
        log.info("Following the index from serial %d", serial)

    async def _advance(self, old: Position, new: Position, findings: Findings) -> bool:
        waiting = await self._store.advance(old, new, findings, self._clock() + self._settle)
        if waiting:
            self._found()
        return waiting is not None

    async def _restart(self, old: Position, serial: int) -> None:
        log.warning(
            "The index went back from serial %d; following it from %d. Changes may be missing",
            old.serial,
            serial,
        )
        await self._store.go_back(old, Position(serial, old.seen))
        self._times_behind, self._list_behind_since = 0, None
