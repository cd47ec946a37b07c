"""Reading at once what an audit does not know of its packages' wheels."""

from typing import Final

from packaging.utils import NormalizedName

from bot.audit.declared import wheels_of
from bot.audit.model import Audit
from bot.cli.terminal import progress
from bot.errors import DatabaseError, IndexUnavailable, ServiceError, UserError
from bot.xray.service import IN_BACKGROUND, XrayService

MOST_FETCHED: Final = 1 << 30
"""Bytes of all wheels of an audit together."""
_OUTAGES: Final = 3
"""So many wheels one after another that could not be had mean that their server is down."""


async def read_wheels(xray: XrayService, audit: Audit) -> None:
    """Read the wheels of an audit that were not read before, one after another.

    One that cannot be read keeps no other from it. Raises UserError if nothing is read here, or if
    too much would have to be fetched, and IndexUnavailable if the server of the wheels is down;
    what was read until then stays known.
    """
    if not xray.on:
        raise UserError("No wheels are read from the index.", "Set FTBOT_XRAY to on.")
    wheels = wheels_of(audit)
    known = await xray.known(wheels)
    unread = [(file, project) for file, project in wheels.items() if file not in known]
    fetched = outages = 0
    with progress("Reading wheels") as show:
        for done, (file, project) in enumerate(unread):
            show(done, len(unread))
            if fetched >= MOST_FETCHED:
                raise UserError(
                    f"{audit.source}: {fetched >> 20:,} MiB were fetched for {done} of"
                    f" {len(unread)} wheels, which is the limit.",
                    "Run it again: what was read is kept.",
                )
            cost, outage = await _read(xray, project, file)
            fetched += cost
            outages = outages + 1 if outage else 0
            if outages == _OUTAGES:
                raise IndexUnavailable("Wheels cannot be fetched.", "Try again in a few minutes.")


async def _read(xray: XrayService, project: str, file: str) -> tuple[int, bool]:
    """Read a wheel; return how many bytes were fetched, and whether its server did not answer."""
    try:
        read = await xray.read(NormalizedName(project), file, limits=IN_BACKGROUND)
    except DatabaseError:
        raise
    except UserError as error:  # the index has it no more, or does not answer
        return 0, isinstance(error, ServiceError)
    cost = read.cost.fetched if read.cost else 0
    return cost, read.failure is not None and read.failure.outage
