"""Messages that nothing is in the way of a project any more."""

import logging

import discord
from discord import ui

from bot.audit.watching.model import Note, Story
from bot.courier.carrier import Carrier, is_marked, mark
from bot.language import phrase, speaking
from bot.messages import Failure, Later, Refused, Rejected, Sent
from bot.ui import audit

log = logging.getLogger(__name__)


class AuditCourier:
    """Carries them."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    def is_ready(self) -> bool:
        """Say whether anything can be sent just now."""
        return self._carrier.is_ready()

    async def send(self, note: Note, story: Story) -> Sent | Failure:
        """Send a message; its nonce tells Discord that it is the same as before."""
        with speaking(await self._carrier.language(note.destination)):
            view = _message(note, story)
        if view is None:
            return Rejected(phrase("ftbot cannot show it."))
        nobody = discord.AllowedMentions.none()
        return await self._carrier.send(note.destination, view, note.nonce, nobody)

    async def find(self, note: Note) -> Sent | Later | Refused | None:
        """Look for a message that a try since `note.doubtful` may have sent."""

        def is_it(message: discord.Message) -> bool:
            return is_marked(message, note.marker)

        return await self._carrier.find(note.destination, note.doubtful or 0.0, note.nonce, is_it)


def _message(note: Note, story: Story) -> ui.LayoutView | None:
    """Render a message that carries its marker; None if that fails."""
    try:
        view = audit.ready(story)
        mark(view, note.marker)
    except Exception:
        log.exception("Audit %d cannot be shown", note.audit)
        return None
    return view
