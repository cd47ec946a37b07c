"""Announcements as messages."""

import logging
from typing import Final

import discord
from discord import ui

from bot.announce.delivery.model import Parcel
from bot.announce.model import Subscription
from bot.courier.carrier import Carrier
from bot.language import phrase, speaking
from bot.messages import Done, Failure, Later, Place, Refused, Rejected, Sent
from bot.ui import announce

log = logging.getLogger(__name__)

_UNSHOWABLE: Final = Rejected(phrase("ftbot cannot show it."))


class NewsCourier:
    """Carries parcels of news. `site` is the index's address for people, for links to projects."""

    def __init__(self, carrier: Carrier, *, site: str = "") -> None:
        self._carrier = carrier
        self._site = site

    def is_ready(self) -> bool:
        """Say whether anything can be sent just now."""
        return self._carrier.is_ready()

    async def send(self, parcel: Parcel, subscription: Subscription | None) -> Sent | Failure:
        """Send a message; its nonce tells Discord that it is the same as before."""
        role = self._role(subscription)
        view = await self._message(parcel, subscription, role)
        if view is None:
            return _UNSHOWABLE
        return await self._carrier.send(parcel.destination, view, parcel.nonce, _mentions(role))

    async def find(self, parcel: Parcel) -> Sent | Later | Refused | None:
        """Look for a message that a try since `parcel.doubtful` may have sent."""

        def is_it(message: discord.Message) -> bool:
            return announce.parcel_of(message) == parcel.marker

        return await self._carrier.find(
            parcel.destination, parcel.doubtful or 0.0, parcel.nonce, is_it
        )

    async def edit(
        self, parcel: Parcel, place: Place, subscription: Subscription | None
    ) -> Done | Failure:
        """Show the news as they are now."""
        role = self._role(subscription)
        view = await self._message(parcel, subscription, role)
        if view is None:
            return _UNSHOWABLE
        return await self._carrier.edit(place, view, _mentions(role))

    async def publish(self, place: Place) -> Done | Failure:
        """Crosspost the message to the channels that follow this one."""
        return await self._carrier.publish(place)

    async def _message(
        self, parcel: Parcel, subscription: Subscription | None, role: int | None
    ) -> ui.LayoutView | None:
        """Render a message; None if that fails, which must not hold up the others."""
        guild = subscription.guild if subscription else None
        language = await self._carrier.language(parcel.destination, guild)
        try:
            with speaking(language):
                return announce.message(
                    parcel.news,
                    role=role,
                    parcel=parcel.marker,
                    site=self._site,
                    personal=parcel.destination.kind == "user",
                )
        except Exception:
            log.exception("News %s cannot be shown", [each.id for each in parcel.news])
            return None

    def _role(self, subscription: Subscription | None) -> int | None:
        """Return the role to mention, if it still exists."""
        client = self._carrier.client
        if client is None or subscription is None or subscription.role is None:
            return None
        guild = client.get_guild(subscription.guild)
        gone = guild is not None and guild.get_role(subscription.role) is None
        return None if gone else subscription.role


def _mentions(role: int | None) -> discord.AllowedMentions:
    if role is None:
        return discord.AllowedMentions.none()
    return discord.AllowedMentions(
        everyone=False, users=False, replied_user=False, roles=[discord.Object(role)]
    )
