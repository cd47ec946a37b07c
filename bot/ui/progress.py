"""What /progress shows: a picture, and all that it tells as text."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import discord
from discord import ui

from bot.compat.targets import PLATFORMS
from bot.language import say, say_many, spoken
from bot.progress.model import Arrival, Day, Missing, Report
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
_LISTED = 6
_ALT = 1024  # Discord's limit of a picture's description


def answer(report: Report) -> Card:
    """Return the message for a report, with its picture if it has one."""
    counted = report.counts.binaries > 0
    files = ((PICTURE, report.picture),) if report.picture and counted else ()
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
    text = say(
        "How many of the {count} most downloaded projects that have binaries are ready: a chart of"
        " how that grew on {platform}, and a table of today. {table}",
        count=report.among.size,
        platform=_platform(report.target.platform),
        table="; ".join(_rows(report, "{name}: {shares}", ", ", named=True)),
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
        yield from _before(report)
        yield from _declared(report)


def _declared(report: Report) -> Iterator[str]:
    """Say what the wheels declare that were read."""
    declared = report.declared
    if declared.read:
        text = say_many(
            "Of {count} wheel of theirs that was read, {off} declares that it keeps the GIL off,"
            " and {on} turns it on.",
            "Of {count} wheels of theirs that were read, {off} declare that they keep the GIL off,"
            " and {on} turn it on.",
            declared.read,
            off=declared.keep_off,
            on=declared.turn_on,
        )
        yield f"-# {text}"


def _before(report: Report) -> Iterator[str]:
    """Say what the share was a month and a year ago, as far as that is known."""
    today = report.standing.as_of.date()
    days = report.history.get(report.target.python, ())
    month, year = (_share_on(days, today - timedelta(days=each)) for each in (30, 365))
    if month and year:
        yield f"-# {say('A month ago it was {month}, a year ago {year}.', month=month, year=year)}"
    elif month:
        yield f"-# {say('A month ago it was {month}.', month=month)}"


def _share_on(days: Sequence[Day], day: date) -> str:
    """Return the share on that day or the last one before that is known, "" for none."""
    known = [each.counts.share for each in days if each.day <= day]
    return percent(known[-1]) if known else ""


def _picture(report: Report) -> ui.MediaGallery[ui.LayoutView]:
    item = discord.MediaGalleryItem(f"attachment://{PICTURE}", description=described(report))
    return ui.MediaGallery(item)


def _table(report: Report) -> Iterator[str]:
    """Show the share of each interpreter and platform, in lines that are short for a phone."""
    head = " · ".join(_pythons(report))
    yield f"### {say('Ready on {pythons}', pythons=head)}"
    yield from _rows(report, "{name}: **{shares}**", " · ")
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


def _rows(report: Report, line: str, between: str, *, named: bool = False) -> Iterator[str]:
    """Write the shares of each platform as `line`, each with its interpreter if `named`."""
    shares: dict[str, list[str]] = {}
    for target in report.standing.targets:
        share = percent(target.counts[report.among].share)
        written = f"{target.python} {share}" if named else share
        shares.setdefault(target.platform, []).append(written)
    for platform, row in shares.items():
        yield line.format(name=_platform(platform), shares=between.join(row))


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
    return f"- **{escape(project, 60)}** · #{rank} · {said}"


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
