"""What the wheels of an audit declare about the GIL."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final, Protocol

from bot.audit.model import Audit
from bot.xray.model import Gil

MOST_WANTED: Final = 300
"""Wheels that one look at an audit has read, so that none keeps others waiting for a day."""


class Xray(Protocol):
    """What was read from wheels; see `XrayService`."""

    @property
    def on(self) -> bool: ...

    async def known(self, wheels: Collection[str]) -> Mapping[str, Gil]: ...

    async def want(self, wheels: Iterable[tuple[str, str]]) -> None: ...


async def with_gil(audit: Audit, xray: Xray, *, want: bool) -> Audit:
    """Add what is known of the packages' wheels, in one look; `want` has others read.

    Raises DatabaseError.
    """
    if not xray.on:
        return audit
    wheels = await asyncio.to_thread(wheels_of, audit)
    known = await xray.known(wheels) if wheels else {}
    unread = [(project, file) for file, project in wheels.items() if file not in known]
    if want and unread:
        await xray.want(unread[:MOST_WANTED])
    return replace(audit, gil=known, unread=len(unread))


def wheels_of(audit: Audit) -> dict[str, str]:
    """Return the wheels that may hold modules, with their projects; direct dependencies first."""
    direct_first = sorted(audit.packages, key=lambda package: not package.direct)
    return {wheel: package.project for package in direct_first if (wheel := package.wheel)}
