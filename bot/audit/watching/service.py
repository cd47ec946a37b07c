"""Judging again what people wait for, and letting them be told when the last blocker has fallen.

An audit is judged again, as a whole, soon after the index changed the page of something that was in
its way, and once a day in any case: a resolver may find another way, and an index that is not
followed tells of no change. Nothing is kept of it but what is in the way now, so a look that is
lost is made again, and all who wait are told and wait no more in one transaction.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from bot.audit.model import Audit, Manifest
from bot.audit.store import AuditStore, pack
from bot.audit.watching.rules import LONGEST_WATCH, has_fallen, in_the_way
from bot.audit.watching.store import WatchStore
from bot.compat.model import Target
from bot.errors import DatabaseError, UserError

log = logging.getLogger(__name__)

LONGEST_AUDIT: Final = 600.0
"""Seconds that an audit may take; what was fetched until then is there for the next one."""
CALM: Final = 600.0
"""Seconds between two looks at a page that changes: a release comes file by file."""
_AGAIN, _DAILY = 3_600.0, 86_400.0


class Auditor(Protocol):
    """What judges, as `AuditService`."""

    async def audit(self, manifest: Manifest, target: Target) -> Audit: ...


class Watching:
    """The jobs about audits that people wait for. `calm` is `CALM` but where time flies."""

    def __init__(
        self,
        audits: AuditStore,
        watches: WatchStore,
        auditor: Auditor,
        *,
        calm: float = CALM,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._audits = audits
        self._watches = watches
        self._auditor = auditor
        self._calm = calm
        self._clock = clock

    async def look(self) -> None:
        """Judge again what is due, one after the other. One audit's trouble holds up no other.

        Raises DatabaseError.
        """
        now = self._clock()
        for audit in await self._watches.due(now, now - self._calm):
            try:
                await self._look(audit)
            except DatabaseError:
                raise
            except (UserError, TimeoutError) as error:
                log.warning("An audit cannot be judged again yet: %r", error)
                await self._put_off(audit)
            except Exception:
                log.exception("Audit %d cannot be judged again", audit)
                await self._put_off(audit)

    async def _look(self, audit: int) -> None:
        before, manifest = await self._audits.get(audit), await self._audits.manifest(audit)
        if before is None or manifest is None:
            return  # it was deleted meanwhile
        async with asyncio.timeout(LONGEST_AUDIT):
            found = await self._auditor.audit(manifest, before.audit.target)
        now = self._clock()
        if has_fallen(before.audit, found):
            told = await self._watches.fallen(
                audit, await asyncio.to_thread(pack, found, manifest), now
            )
            log.info("Nothing is in the way of an audit any more: %d people hear of it", told)
        else:
            again = _AGAIN if found.unanswered else _DAILY
            await self._watches.still(audit, in_the_way(found), now, now + again)

    async def _put_off(self, audit: int) -> None:
        now = self._clock()
        await self._watches.put_off(audit, now, now + _AGAIN)

    async def tidy(self) -> None:
        """Delete what was kept long enough; a job."""
        now = self._clock()
        watches = await self._watches.expire(now - LONGEST_WATCH.total_seconds())
        audits = await self._audits.prune(now)
        if watches or audits:
            log.info("Kept long enough: %d audits, %d that were waited for", audits, watches)
