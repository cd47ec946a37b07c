"""What /about shows: what ftbot is, how old what it knows is, and what runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from discord import ButtonStyle, ui

from bot.language import command, say, say_many
from bot.ui.card import Card
from bot.ui.text import code, timestamp, web_address

BLUE = 0x5865F2

RANKS, TRACKER, GUIDE = "ranks", "tracker", "guide"
"""What is fetched from elsewhere, by the names of the jobs that do so."""


@dataclass(frozen=True, slots=True)
class Versions:
    """What runs; `gil` is `on` or `off`."""

    version: str
    python: str
    gil: str
    discord_py: str


@dataclass(frozen=True, slots=True)
class About:
    """What can be told of this ftbot. Times are UTC, addresses are None where there is none.

    `serial` and `seen` are those of the newest change of the index that took effect, 0 and None
    before the first. `names` are all projects that the index lists, `cached` those whose files are
    at hand; of `wheels` it is known what they declare. `refreshed` says when what comes from
    elsewhere was last up to date, None if what is used shipped with this version.
    """

    versions: Versions
    started: datetime
    serial: int = 0
    seen: datetime | None = None
    names: int = 0
    cached: int = 0
    wheels: int = 0
    refreshed: Mapping[str, datetime | None] = field(default_factory=dict)
    source: str | None = None
    guide: str | None = None
    api: str | None = None


def about(found: About, servers: int) -> Card:
    """Show it, with the number of servers that ftbot is on."""
    sentence = say(
        "ftbot says for every project on PyPI whether it installs on free-threaded Python, "
        "announces new wheels, and turns reports of problems into issues."
    )
    return Card(
        ui.TextDisplay(f"## ftbot\n{sentence}"),
        ui.Separator(),
        ui.TextDisplay("\n".join([say("**What it knows**"), *_known(found)])),
        ui.Separator(),
        ui.TextDisplay("\n".join(_running(found, servers))),
        _links(found),
        colour=BLUE,
    )


def _known(found: About) -> Iterator[str]:
    names, cached = f"{found.names:,}", f"{found.cached:,}"
    if found.seen is None:
        yield say("- the index, not followed yet: {names} projects by name", names=names)
    else:
        yield say(
            "- the index as of {age} (serial {serial}): {names} projects by name, the files of "
            "{cached} at hand",
            age=timestamp(found.seen, "R"),
            serial=found.serial,
            names=names,
            cached=cached,
        )
    if found.wheels:
        yield say_many(
            "- what {count} wheel declares about the GIL",
            "- what {count} wheels declare about the GIL",
            found.wheels,
        )
    for name in (RANKS, TRACKER, GUIDE):
        moment = found.refreshed.get(name)
        yield _shipped(name) if moment is None else _refreshed(name, timestamp(moment, "R"))


def _refreshed(name: str, age: str) -> str:
    match name:
        case "ranks":
            return say("- download ranks, compared {age}", age=age)
        case "tracker":
            return say("- the community's tracking table, compared {age}", age=age)
        case _:
            return say("- the porting guide, compared {age}", age=age)


def _shipped(name: str) -> str:
    match name:
        case "ranks":
            return say("- download ranks, as they came with this version")
        case "tracker":
            return say("- the community's tracking table, as it came with this version")
        case _:
            return say("- the porting guide, as this version describes it")


def _running(found: About, servers: int) -> Sequence[str]:
    versions = found.versions
    build = (
        say("Python {version} without the GIL", version=versions.python)
        if versions.gil == "off"
        else say("Python {version} with the GIL", version=versions.python)
    )
    return (
        f"ftbot {code(versions.version)} · {build} · discord.py {versions.discord_py}",
        say_many(
            "It runs since {since}, on {count} server.",
            "It runs since {since}, on {count} servers.",
            servers,
            since=timestamp(found.started, "R"),
        ),
        "-# "
        + say(
            "{privacy} shows and deletes what is kept of you. ftbot reads no messages but those "
            "you hand it.",
            privacy=code(command("privacy")),
        ),
    )


def _links(found: About) -> ui.ActionRow[Any] | None:
    row: ui.ActionRow[Any] = ui.ActionRow()
    links = (
        (say("Source"), found.source),
        (say("Porting guide"), found.guide),
        (say("All verdicts as JSON"), found.api),
    )
    for label, url in links:
        address = web_address(url)
        if address:
            row.add_item(ui.Button(style=ButtonStyle.link, label=label, url=address))
    return row if row.children else None
