"""What /announce and /watch answer."""

from collections.abc import Callable, Sequence
from typing import Any

from discord import ui

from bot.announce.model import Among, Subscription, What
from bot.announce.subscriptions.service import Watches
from bot.ui import custom_ids
from bot.ui.card import Card
from bot.ui.text import clean, escape, fit

GREEN, AMBER = 0x3BA55D, 0xF0B232
_TEXT = 3800
_OPTIONS, _LABEL = 25, 100  # Discord's limits of a select

WHAT = {
    What.NEW_SUPPORT: "new support",
    What.ALL_RELEASES: "all releases with free-threaded wheels",
}
AMONG = {
    Among.TOP_1000: "of the 1,000 most downloaded projects",
    Among.TOP_15000: "of the 15,000 most downloaded projects",
    Among.EVERYTHING: "of every project",
}


def subscribed(wish: Subscription, *, published: bool) -> Card:
    """Confirm a channel's wish; `published` where the channel has followers."""
    lines = [f"**{_channel(wish)} hears of {_wish(wish)}.**"]
    if published:
        lines.append("Messages are published to the channels that follow it, at most 10 an hour.")
    lines.append("-# `/announce preview` shows what a message looks like.")
    return _notice(lines)


def unsubscribed(channel: int) -> Card:
    """Confirm that a channel hears no more."""
    return _notice([f"**<#{channel}> hears no more of free-threaded wheels.**"])


def listing(wishes: Sequence[Subscription], find: Callable[[int], object | None]) -> Card:
    """List a server's wishes, with a select to end those that are paused.

    `find` gives a channel that is there, which is written as its name.
    """
    if not wishes:
        return _notice(["**No channel is subscribed.**", "Start with `/announce subscribe`."])
    lines = [f"{_channel(wish)}: {_wish(wish)}{_paused(wish)}" for wish in wishes]
    paused = [wish for wish in wishes if wish.paused is not None]
    return Card(
        ui.TextDisplay(fit(lines, _TEXT)), _ending(paused, find), colour=AMBER if paused else GREEN
    )


def _channel(wish: Subscription) -> str:
    return f"<#{wish.channel}>"


def _wish(wish: Subscription) -> str:
    role = f", mentioning <@&{wish.role}>" if wish.role is not None else ""
    return f"{WHAT[wish.what]} {AMONG[wish.among]}{role}"


def _paused(wish: Subscription) -> str:
    if wish.paused is None:
        return ""
    mend = "Mend that, then run `/announce subscribe` for the channel again."
    return f"\n-# ⏸️ Paused: {escape(wish.paused, 300)} {mend}"


def _ending(
    wishes: Sequence[Subscription], find: Callable[[int], object | None]
) -> ui.ActionRow[Any] | None:
    """Return the select for what no option of a command can name: channels that are deleted."""
    if not wishes:
        return None
    select: ui.Select[Any] = ui.Select(
        custom_id=custom_ids.build(custom_ids.UNSUBSCRIBE) or "",
        placeholder="Unsubscribe a paused channel …",
    )
    for wish in wishes[:_OPTIONS]:
        channel = find(wish.channel)
        name = "a channel that is gone" if channel is None else clean(f"#{channel}", _LABEL)
        select.add_option(label=name, description=f"{wish.channel}", value=str(wish.channel))
    return ui.ActionRow(select)


def watching(project: str, paused: str | None = None) -> Card:
    """Confirm that a person watches a project; `paused` is why nothing was sent until now."""
    lines = [f"**You watch {escape(project, 200)}.**"]
    if paused is None:
        lines.append("News of its free-threaded wheels comes to you by direct message.")
    else:
        lines.append(f"Direct messages to you were paused: {escape(paused, 300)}")
        lines.append(
            "ftbot tries again with the next news. Allow direct messages from it for that."
        )
    return _notice(lines, AMBER if paused else GREEN)


def not_watching(project: str) -> Card:
    """Confirm that a person doesn't watch a project any more."""
    return _notice([f"**You no longer watch {escape(project, 200)}.**"])


def watch_list(watches: Watches) -> Card:
    """List what a person watches."""
    if not watches.projects:
        return _notice(["**You watch nothing.**", "Start with `/watch add`."])
    count = len(watches.projects)
    lines = [f"**You watch {count} project{'s' if count > 1 else ''}.**"]
    if watches.paused is not None:
        lines.append(f"⏸️ Direct messages to you are paused: {escape(watches.paused, 300)}")
        lines.append("Allow direct messages from ftbot, then run `/watch add` for any of them.")
    lines += [f"- {escape(project, 200)}" for project in watches.projects]
    return _notice(lines, AMBER if watches.paused else GREEN)


def _notice(lines: Sequence[str], colour: int = GREEN) -> Card:
    return Card(ui.TextDisplay(fit(lines, _TEXT)), colour=colour)
