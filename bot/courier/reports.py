"""Messages about reports: cards for triagers, questions and outcomes for reporters."""

import logging
from collections.abc import Callable

import discord
from discord import ui

from bot.courier.carrier import Carrier, is_marked, mark
from bot.guide.model import Pointer
from bot.language import phrase, speaking
from bot.messages import Done, Failure, Later, Refused, Rejected, Sent
from bot.reports.model import Report
from bot.reports.posts.model import Post, Purpose
from bot.ui import triage

log = logging.getLogger(__name__)


class ReportCourier:
    """Carries messages about reports.

    `site` is the index's address for people; `guide` finds the section that helps with a kind.
    """

    def __init__(
        self,
        carrier: Carrier,
        *,
        site: str = "",
        guide: Callable[[str], Pointer | None] = lambda _: None,
    ) -> None:
        self._carrier = carrier
        self._site = site
        self._guide = guide

    def is_ready(self) -> bool:
        """Say whether anything can be sent just now."""
        return self._carrier.is_ready()

    async def send(self, post: Post, report: Report) -> Sent | Failure:
        """Send a message; its nonce tells Discord that it is the same as before."""
        view = await self._message(post, report)
        if view is None:
            return Rejected(phrase("ftbot cannot show it."))
        return await self._carrier.send(post.destination, view, post.nonce, _mentions(post))

    async def find(self, post: Post) -> Sent | Later | Refused | None:
        """Look for a message that a try since `post.doubtful` may have sent."""

        def is_it(message: discord.Message) -> bool:
            return is_marked(message, post.marker)

        return await self._carrier.find(post.destination, post.doubtful or 0.0, post.nonce, is_it)

    async def edit(self, post: Post, report: Report) -> Done | Failure:
        """Let the message at `post.place` show the report as it is now."""
        view = await self._message(post, report)
        if view is None or post.place is None:
            return Rejected(phrase("ftbot cannot show it."))
        return await self._carrier.edit(post.place, view, _mentions(post))

    async def _message(self, post: Post, report: Report) -> ui.LayoutView | None:
        """Render a message that carries its marker; None if that fails."""
        language = await self._carrier.language(post.destination, report.guild)
        try:
            with speaking(language):
                view = self._view(post, report)
            mark(view, post.marker)
            if post.mention is not None:
                view.add_item(ui.TextDisplay(f"<@{post.mention}>"))
        except Exception:
            log.exception("Report %d cannot be shown", post.report)
            return None
        return view

    def _view(self, post: Post, report: Report) -> ui.LayoutView:
        match post.purpose:
            case Purpose.CARD:
                pointer = self._guide(report.reading.kind)
                return triage.card(report, site=self._site, pointer=pointer)
            case Purpose.QUESTION:
                return triage.question(report, post.note)
            case Purpose.OUTCOME:
                return triage.outcome(report, post.key, post.note)


def _mentions(post: Post) -> discord.AllowedMentions:
    if post.mention is None:
        return discord.AllowedMentions.none()
    return discord.AllowedMentions(
        everyone=False, roles=False, replied_user=False, users=[discord.Object(post.mention)]
    )
