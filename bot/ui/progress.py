"""What /progress shows: a picture, and all that it tells as text."""

from collections.abc import Iterator, Sequence
from datetime import date

import discord
from discord import ui

from bot.compat.targets import PLATFORMS
from bot.language import say, say_many, spoken
from bot.progress.model import Arrival, Missing, Report
from bot.progress.rules import percent
from bot.ui import custom_ids
from bot.ui.card import Card
from bot.ui.check import WORDING
from bot.ui.platforms import NAMES
from bot.ui.text import escape, fit, timestamp

BLUE = 0x5865F2
PICTURE = "progress.png"

# Together below the 4000 characters that Discord gives all text of a message.
_HEAD, _TABLE, _LIST, _NOTES = 600, 700, 900, 700
_LISTED = 7
_ALT = 1024  # Discord's limit of a picture's description
_NAME_WIDTH, _SHARE_WIDTH = 13, 7  # characters: a line fits on a phone


def answer(report: Report) -> Card:
    """Return the message for a report, with its picture if it has one."""
    files = ((PICTURE, report.picture),) if report.picture else ()
    counted = report.counts.binaries > 0
    return Card(
        ui.TextDisplay(fit(_head(report), _HEAD)),
        _picture(report) if files else None,
        ui.TextDisplay(fit(_table(report), _TABLE)) if counted else None,
        ui.TextDisplay(fit(_arrived(report), _LIST)) if counted else None,
        ui.TextDisplay(fit(_missing(report), _LIST)) if report.missing else None,
        ui.Separator(),
        ui.TextDisplay(fit(_notes(report), _NOTES)),
        *_selects(report),
        colour=BLUE,
        files=files,
    )


def described(report: Report) -> str:
    """Say in words what the picture shows, for those who cannot see it."""
    shares = ", ".join(
        f"{target.python} {percent(target.counts[report.among].share)}"
        for target in report.standing.targets
        if target.platform == report.target.platform
    )
    text = say(
        "Of the {count} most downloaded projects, how many of those with binaries are ready on"
        " {platform}: {shares}. A chart shows how that grew, a table the other platforms.",
        count=report.among.size,
        platform=_platform(report.target.platform),
        shares=shares,
    )
    return text[:_ALT]


def _head(report: Report) -> Iterator[str]:
    counts = report.counts
    yield f"## {say('The {count} most downloaded projects', count=report.among.size)}"
    if not counts.projects:
        yield f"**{say('None of them was read from the index yet.')}**"
    elif not counts.binaries:
        yield f"**{say('None of those that were read has binaries.')}**"
    else:
        sentence = say(
            "{share} of those with binaries are ready for {python} on {platform}:"
            " {ready} of {total}.",
            share=percent(counts.share),
            python=report.target.python,
            platform=_platform(report.target.platform),
            ready=counts.binaries_ready,
            total=counts.binaries,
        )
        yield f"**{sentence}**"


def _picture(report: Report) -> ui.MediaGallery[ui.LayoutView]:
    item = discord.MediaGalleryItem(f"attachment://{PICTURE}", description=described(report))
    return ui.MediaGallery(item)


def _table(report: Report) -> Iterator[str]:
    """Show the share of each interpreter and platform in columns."""
    pythons = _pythons(report)
    shares = {
        (target.platform, target.python): percent(target.counts[report.among].share)
        for target in report.standing.targets
    }
    yield "```"
    yield "".join([" " * _NAME_WIDTH, *(f"{each:>{_SHARE_WIDTH}}" for each in pythons)])
    for platform in dict.fromkeys(target.platform for target in report.standing.targets):
        row = (f"{shares.get((platform, each), ''):>{_SHARE_WIDTH}}" for each in pythons)
        yield "".join([f"{_platform(platform):<{_NAME_WIDTH}}", *row])
    yield "```"
    counts = report.counts
    everyone = say(
        "With pure Python ones it is {share} on {python} and {platform}: {ready} of {total}.",
        share=percent(counts.share_of_all),
        python=report.target.python,
        platform=_platform(report.target.platform),
        ready=counts.ready,
        total=counts.projects,
    )
    yield f"-# {say('Of those with binaries, how many install without compiling.')} {everyone}"


def _arrived(report: Report) -> Iterator[str]:
    yield f"### {say('Came in the last 30 days')}"
    if not report.arrived:
        yield say("Nobody of whom the index tells when.")
    yield from map(_arrival, report.arrived[:_LISTED])
    yield from _more(len(report.arrived))


def _arrival(arrival: Arrival) -> str:
    return _line(arrival.project, arrival.rank, timestamp(_noon(arrival.day)))


def _missing(report: Report) -> Iterator[str]:
    yield f"### {say('Most downloaded of those missing')}"
    yield from map(_absent, report.missing[:_LISTED])
    yield from _more(report.counts.binaries - report.counts.binaries_ready)


def _absent(missing: Missing) -> str:
    wording = WORDING[missing.verdict]
    return _line(missing.project, missing.rank, f"{wording.emoji} {spoken(wording.word)}")


def _line(project: str, rank: int, said: str) -> str:
    return f"- **{escape(project, 60)}** · {say('rank {rank}', rank=rank)} · {said}"


def _more(count: int) -> Iterator[str]:
    if count > _LISTED:
        yield f"-# {say_many('and {count} more', 'and {count} more', count - _LISTED)}"


def _notes(report: Report) -> Iterator[str]:
    """Say what the figures leave out, where the history comes from, and how old all is."""
    if report.unknown:
        unknown = say_many(
            "{count} of the projects was not read yet, and is not counted.",
            "{count} of the projects were not read yet, and are not counted.",
            report.unknown,
        )
        yield f"-# {unknown}"
    yield f"-# {_past(report)}"
    yield f"-# {say('As of {age}.', age=timestamp(report.standing.as_of, 'R'))}"


def _past(report: Report) -> str:
    days = [day for each in report.history.values() for day in each]
    if any(day.derived for day in days):
        return say(
            "What is dotted in the picture was derived afterwards, from when the wheels of today's"
            " projects were uploaded."
        )
    if any(len(each) > 1 for each in report.history.values()):
        return say("The history was recorded day by day.")
    if report.unknown * 10 > report.standing.ranked[report.among]:
        return say("The history begins when nine of ten projects were read.")
    return say(
        "The history begins today: this index does not tell when files were uploaded, so there is"
        " nothing to derive it from."
    )


def _selects(report: Report) -> Iterator[ui.ActionRow[ui.LayoutView]]:
    among, target = report.among, report.target
    platforms = [(name, _platform(name)) for name in PLATFORMS]
    pythons = [(name, name) for name in _pythons(report)]
    # In each custom_id one field is left to the choice.
    for fields, options, chosen in (
        ((among, target.python, ""), platforms, target.platform),
        ((among, "", target.platform), pythons, target.python),
    ):
        custom_id = custom_ids.build(custom_ids.PROGRESS, *fields)
        if custom_id is not None:
            select: ui.Select[ui.LayoutView] = ui.Select(custom_id=custom_id)
            for value, label in options:
                select.add_option(label=label, value=value, default=value == chosen)
            yield ui.ActionRow(select)


def _pythons(report: Report) -> Sequence[str]:
    return tuple(dict.fromkeys(target.python for target in report.standing.targets))


def _platform(name: str) -> str:
    return NAMES.get(name, name)


def _noon(day: date) -> str:
    """Return a moment that is the same day nearly everywhere."""
    return f"{day.isoformat()}T12:00:00+00:00"
