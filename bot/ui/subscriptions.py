"""What /announce and /watch answer."""

from collections.abc import Callable, Sequence
from typing import Any

from discord import ui

from bot.announce.model import Among, Subscription, What
from bot.announce.subscriptions.service import Watches
from bot.language import phrase, say, say_many, spoken
from bot.ui import custom_ids
from bot.ui.card import Card
from bot.ui.text import clean, escape, fit

GREEN, AMBER = 0x3BA55D, 0xF0B232
_TEXT = 3800
_OPTIONS, _LABEL = 25, 100  # Discord's limits of a select

WISHES = {
    (What.NEW_SUPPORT, Among.TOP_1000): phrase("new support of the 1,000 most downloaded projects"),
    (What.NEW_SUPPORT, Among.TOP_15000): phrase(
        "new support of the 15,000 most downloaded projects"
    ),
    (What.NEW_SUPPORT, Among.EVERYTHING): phrase("new support of every project"),
    (What.ALL_RELEASES, Among.TOP_1000): phrase(
        "all releases with free-threaded wheels of the 1,000 most downloaded projects"
    ),
    (What.ALL_RELEASES, Among.TOP_15000): phrase(
        "all releases with free-threaded wheels of the 15,000 most downloaded projects"
    ),
    (What.ALL_RELEASES, Among.EVERYTHING): phrase(
        "all releases with free-threaded wheels of every project"
    ),
}


def subscribed(wish: Subscription, *, published: bool) -> Card:
    """Confirm a channel's wish; `published` where the channel has followers."""
    hears = say("{channel} hears of {news}.", channel=_channel(wish.channel), news=_wish(wish))
    lines = [f"**{hears}**"]
    if published:
        lines.append(
            say("Messages are published to the channels that follow it, at most 10 an hour.")
        )
    lines.append(f"-# {say('`/announce preview` shows what a message looks like.')}")
    return _notice(lines)


def unsubscribed(channel: int) -> Card:
    """Confirm that a channel hears no more."""
    end = say("{channel} hears no more of free-threaded wheels.", channel=_channel(channel))
    return _notice([f"**{end}**"])


def listing(wishes: Sequence[Subscription], find: Callable[[int], object | None]) -> Card:
    """List a server's wishes, with a select to end those that are paused.

    `find` gives a channel that is there, which is written as its name.
    """
    if not wishes:
        none = say("No channel is subscribed.")
        return _notice([f"**{none}**", say("Start with `/announce subscribe`.")])
    lines = [f"{_channel(wish.channel)}: {_wish(wish)}{_paused(wish)}" for wish in wishes]
    paused = [wish for wish in wishes if wish.paused is not None]
    return Card(
        ui.TextDisplay(fit(lines, _TEXT)), _ending(paused, find), colour=AMBER if paused else GREEN
    )


def _channel(number: int) -> str:
    return f"<#{number}>"


def _wish(wish: Subscription) -> str:
    news = spoken(WISHES[wish.what, wish.among])
    if wish.role is None:
        return news
    return say("{news}, mentioning {role}", news=news, role=f"<@&{wish.role}>")


def _paused(wish: Subscription) -> str:
    if wish.paused is None:
        return ""
    paused = say(
        "⏸️ Paused: {reason} Mend that, then run `/announce subscribe` for the channel again.",
        reason=_reason(wish.paused),
    )
    return f"\n-# {paused}"


def _reason(paused: str) -> str:
    return escape(spoken(paused), 300)


def _ending(
    wishes: Sequence[Subscription], find: Callable[[int], object | None]
) -> ui.ActionRow[Any] | None:
    """Return the select for what no option of a command can name: channels that are deleted."""
    if not wishes:
        return None
    select: ui.Select[Any] = ui.Select(
        custom_id=custom_ids.build(custom_ids.UNSUBSCRIBE) or "",
        placeholder=say("Unsubscribe a paused channel …"),
    )
    for wish in wishes[:_OPTIONS]:
        channel = find(wish.channel)
        name = say("a channel that is gone") if channel is None else f"#{channel}"
        label = clean(name, _LABEL)
        select.add_option(label=label, description=f"{wish.channel}", value=str(wish.channel))
    return ui.ActionRow(select)


def watching(project: str, paused: str | None = None) -> Card:
    """Confirm that a person watches a project; `paused` is why nothing was sent until now."""
    lines = [f"**{say('You watch {project}.', project=escape(project, 200))}**"]
    if paused is None:
        lines.append(say("News of its free-threaded wheels comes to you by direct message."))
    else:
        lines.append(say("Direct messages to you were paused: {reason}", reason=_reason(paused)))
        lines.append(
            say("ftbot tries again with the next news. Allow direct messages from it for that.")
        )
    return _notice(lines, AMBER if paused else GREEN)


def not_watching(project: str) -> Card:
    """Confirm that a person doesn't watch a project any more."""
    return _notice([f"**{say('You no longer watch {project}.', project=escape(project, 200))}**"])


def watch_list(watches: Watches) -> Card:
    """List what a person watches."""
    if not watches.projects:
        return _notice([f"**{say('You watch nothing.')}**", say("Start with `/watch add`.")])
    count = len(watches.projects)
    total = say_many("You watch {count} project.", "You watch {count} projects.", count)
    lines = [f"**{total}**"]
    if watches.paused is not None:
        reason = _reason(watches.paused)
        lines.append(say("⏸️ Direct messages to you are paused: {reason}", reason=reason))
        lines.append(
            say("Allow direct messages from ftbot, then run `/watch add` for any of them.")
        )
    lines += [f"- {escape(project, 200)}" for project in watches.projects]
    return _notice(lines, AMBER if watches.paused else GREEN)


def _notice(lines: Sequence[str], colour: int = GREEN) -> Card:
    return Card(ui.TextDisplay(fit(lines, _TEXT)), colour=colour)
