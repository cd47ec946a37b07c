"""`ftbot progress`: how far the most downloaded projects are, as text or as JSON lines."""

import asyncio
import json as jsonlib
import sys
from collections.abc import Iterator, Sequence

from bot.app.core import core
from bot.app.progressing import progress_service
from bot.cli.terminal import progress
from bot.compat.targets import parse_python
from bot.logs import escape
from bot.progress.judging import Order, judge
from bot.progress.model import Among, Judged, Report
from bot.progress.rules import parse_among, parse_platform, percent
from bot.settings import Settings

_LISTED = 10


def among_of(names: Sequence[str] | None) -> tuple[Among, ...]:
    """Read each choice of projects once. Raises UserError."""
    return tuple(dict.fromkeys(map(parse_among, names or (Among.TOP_1000,))))


async def print_progress(
    settings: Settings, among: Sequence[str] | None, python: str, platform: str, *, json: bool
) -> None:
    """Print how things stand, of each choice of projects in turn.

    Nothing is fetched: what is cached is judged, if that was not done today. Raises UserError.
    """
    chosen = among_of(among)
    target = parse_python(python), parse_platform(platform)
    async with core(settings) as parts:
        with progress("Judging the cached projects") as show:

            async def judged(order: Order) -> Judged:
                return await asyncio.to_thread(judge, order, show)

            service = progress_service(parts, judged)
            await parts.catalogue.load()
            await service.today()
        for each in chosen:
            if json:
                document = await service.document(each)
                sys.stdout.write(jsonlib.dumps(document) + "\n")
            else:
                report = await service.figures(each, *target)
                sys.stdout.write("\n".join(_lines(report)) + "\n")


def _lines(report: Report) -> Iterator[str]:
    """Write a report for people."""
    counts, target = report.counts, report.target
    pythons = tuple(dict.fromkeys(each.python for each in report.standing.targets))
    shares = {
        (each.platform, each.python): percent(each.counts[report.among].share)
        for each in report.standing.targets
    }
    yield f"{report.among}: {counts.projects} projects, {counts.binaries} of them with binaries"
    yield ""
    yield "".join([f"{'ready, with binaries':<22}", *(f"{each:>8}" for each in pythons)])
    for platform in dict.fromkeys(platform for platform, _ in shares):
        row = (f"{shares[platform, each]:>8}" for each in pythons)
        yield "".join([f"{platform:<22}", *row])
    yield ""
    yield (
        f"On {target.python} and {target.platform}, {counts.binaries_ready} of {counts.binaries}"
        f" with binaries are ready, and {counts.ready} of all {counts.projects}."
    )
    declared = report.declared
    if declared.read:
        yield (
            f"{declared.keep_off} of {declared.read} read wheels declare that they keep the GIL"
            f" off, {declared.turn_on} turn it on."
        )
    came = [f"{each.project} ({each.day.isoformat()})" for each in report.arrived]
    yield from _list("Came in the last 30 days", came, len(came))
    absent = [f"{each.project} (rank {each.rank}, {each.verdict})" for each in report.missing]
    yield from _list("Missing", absent, counts.binaries - counts.binaries_ready)
    if report.unknown:
        yield f"Not read from the index yet, and not counted: {report.unknown}."
        if not counts.projects:
            yield "Run ftbot sync --once to read them."


def _list(head: str, names: Sequence[str], count: int) -> Iterator[str]:
    if names:
        more = f", and {count - _LISTED} more" if count > _LISTED else ""
        yield f"{head}: {escape(', '.join(names[:_LISTED]))}{more}."
