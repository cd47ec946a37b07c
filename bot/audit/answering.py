"""What members may ask: an audit of a file, its pages again, and to hear when it is ready."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from bot.audit.declared import Xray, with_gil
from bot.audit.document import audit_document, audit_markdown
from bot.audit.garbage import no_full_looks
from bot.audit.model import Audit, Kept, Manifest
from bot.audit.store import AuditStore, pack
from bot.audit.watching.model import Watch, Wish
from bot.audit.watching.rules import KEPT, MOST_WATCHES, in_the_way
from bot.audit.watching.service import LONGEST_AUDIT, Auditor
from bot.audit.watching.store import WatchStore
from bot.compat.model import Target
from bot.errors import UserError
from bot.language import phrase

MARKDOWN, JSON = "audit.md", "audit.json"
_AT_ONCE: Final = 4
"""Audits at the same time; more wait for their turn."""


class Audits:
    """Audits for members, who are known by Discord's number alone.

    `read` makes a manifest of a file's name and content, as `bot.audit.manifests.read`. `watched`
    is called when somebody begins to wait for an audit. `xray` knows what wheels declare.
    """

    def __init__(
        self,
        read: Callable[[str, bytes], Manifest],
        auditor: Auditor,
        audits: AuditStore,
        watches: WatchStore,
        *,
        xray: Xray | None = None,
        watched: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._read = read
        self._auditor = auditor
        self._audits = audits
        self._watches = watches
        self._xray = xray
        self._watched = watched
        self._clock = clock
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._busy: set[int] = set()

    async def audit(self, user: int, source: str, body: bytes, target: Target) -> Kept:
        """Audit a file, and keep the answer.

        Raises UserError for a file that cannot be read, and for a second one at the same time.
        """
        with self._alone(user), no_full_looks():
            async with self._turns:
                manifest = await asyncio.to_thread(self._read, source, body)
                audit = await self._judged(manifest, target)
            now = self._clock()
            packed = await asyncio.to_thread(pack, audit, manifest)
            number = await self._audits.add(packed, user, now)
            return await self._whole(Kept(number, datetime.fromtimestamp(now, UTC), audit))

    async def get(self, audit: int) -> Kept:
        """Return an audit that was answered. UserError if it is kept no more."""
        with no_full_looks():
            return await self._whole(await self._kept(audit))

    async def watch(self, audit: int, user: int) -> Wish:
        """Let a member hear when nothing is in an audit's way any more.

        UserError if there is nothing to wait for.
        """
        kept = await self._kept(audit)
        if not in_the_way(kept.audit):
            raise UserError(phrase("Nothing is in the way: there is nothing to wait for."))
        if await self._watches.told(audit, user):
            raise UserError(
                phrase("You were told already that nothing is in the way any more."),
                phrase("Run /audit with the file as it is now."),
            )
        added = await self._watches.watch(audit, user, self._clock(), most=MOST_WATCHES)
        every = await self.watches(user)
        if not added:
            return Wish(None, every)
        self._watched()
        return Wish(next(each for each in every if each.audit == audit), every)

    async def unwatch(self, audit: int, user: int) -> tuple[Watch, ...]:
        """Let a member wait for an audit no more; return what the member still waits for.

        UserError if the member does not wait for it.
        """
        if not await self._watches.unwatch(audit, user):
            raise UserError(phrase("You don't wait for this audit, or were told already."))
        return await self.watches(user)

    async def watches(self, user: int) -> tuple[Watch, ...]:
        """Return what a member waits for, the newest first."""
        return tuple(await self._watches.watches(user))

    async def _judged(self, manifest: Manifest, target: Target) -> Audit:
        try:
            async with asyncio.timeout(LONGEST_AUDIT):
                return await self._auditor.audit(manifest, target)
        except TimeoutError as error:
            raise UserError(
                phrase(
                    "This audit takes longer than {minutes} minutes.",
                    minutes=round(LONGEST_AUDIT / 60),
                ),
                phrase("Run it again: what was fetched is kept."),
            ) from error

    async def _kept(self, audit: int) -> Kept:
        kept = await self._audits.get(audit)
        if kept is None:
            raise UserError(
                phrase(
                    "This audit is not kept any more, as audits are for {days} days.",
                    days=KEPT.days,
                ),
                phrase("Run /audit with the file again."),
            )
        return kept

    async def _whole(self, kept: Kept) -> Kept:
        """Add what is known of the wheels by now, and the files."""
        audit = await with_gil(kept.audit, self._xray, want=True) if self._xray else kept.audit
        return replace(kept, audit=audit, files=await asyncio.to_thread(_files, audit))

    @contextmanager
    def _alone(self, user: int) -> Iterator[None]:
        """Let a member have one audit at a time."""
        if user in self._busy:
            raise UserError(
                phrase("Your last audit is still running."), phrase("Wait for its answer first.")
            )
        self._busy.add(user)
        try:
            yield
        finally:
            self._busy.remove(user)


def _files(audit: Audit) -> tuple[tuple[str, bytes], ...]:
    """Write the whole table, as Markdown and as JSON."""
    document = json.dumps(audit_document(audit), indent=1)
    return (
        (MARKDOWN, audit_markdown(audit).encode(errors="replace")),
        (JSON, document.encode()),
    )
