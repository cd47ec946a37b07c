"""What is kept of members, and for how long."""

import asyncio
import logging
from dataclasses import replace

from bot.db import Transaction
from bot.reports import rules
from bot.reports.issue.marker import sign
from bot.reports.issue.rules import compose
from bot.reports.model import Forgotten, Stored
from bot.reports.service.base import Base

log = logging.getLogger(__name__)


class Privacy(Base):
    """A member's right to know and to be forgotten, and what is forgotten without a word."""

    async def stored(self, user: int) -> Stored:
        """Return what is kept of a member, in all of ftbot."""
        here = await self._store.stored(user)
        audits, awaited, notes = await self._audits.stored(user)
        return replace(
            here,
            watches=await self._watches.stored(user),
            messages=here.messages + await self._news.stored(user) + notes,
            audits=audits,
            awaited=awaited,
            languages=await self._speakers.stored(user),
        )

    async def forget(self, user: int) -> Forgotten:
        """Delete what is kept of a member, in all of ftbot.

        Reports that were sent stay, as facts without an author. A server's block stays, and what
        is public on GitHub is not ftbot's to delete; both are named. For a day, a digest without
        the number counts towards the limits.
        """
        async with self._database.write() as tx:
            for report, repository in await self._store.named_filings(tx, user):
                await self._unname(tx, report, repository)
            forgotten = await self._store.forget(tx, user)
            watches = await self._watches.forget(tx, user)
            news = await self._news.forget(tx, user)
            audits, awaited, notes = await self._audits.forget(tx, user)
            languages = await self._speakers.forget(tx, user)
        await self._store.empty_log()
        return replace(
            forgotten,
            watches=watches,
            messages=forgotten.messages + news + notes,
            audits=audits,
            awaited=awaited,
            languages=languages,
        )

    async def tidy(self) -> None:
        """Delete what was kept long enough; a job."""
        now = self._clock()
        async with self._database.write() as tx:
            drafts = await self._store.expire_drafts(tx, now - rules.DRAFTS_KEPT)
            await self._store.expire_tries(tx, now - rules.TRIES_KEPT)
        refused = await self._store.refused(now - rules.REFUSED_KEPT)
        for report in refused:
            async with self._database.write() as tx:
                await self._store.empty(tx, report)
        ended = await self._store.ended(now - rules.AUTHORS_KEPT)
        for report in ended:
            async with self._database.write() as tx:
                await self._store.drop_author(tx, report)
        if drafts or refused or ended:
            log.info(
                "Kept long enough: %d drafts, the texts of %d reports, the authors of %d",
                drafts,
                len(refused),
                len(ended),
            )

    async def _unname(self, tx: Transaction, report: int, repository: str) -> None:
        """Let an issue that was not opened yet be anonymous."""
        found = await self._store.get_in(tx, report)
        if found is not None:
            anonymous = replace(found, reporter=None, credit=False)
            marker = sign(found.uid, self._key)
            text = await asyncio.to_thread(compose, anonymous, marker, repository=repository)
            await self._store.refile(tx, report, text.body)
