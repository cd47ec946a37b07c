"""What concerns the x-ray: reading what was asked for, and the wheels that most people install."""

import asyncio
from collections.abc import Iterable
from typing import Final

from packaging.utils import NormalizedName

from bot.app.core import Core
from bot.app.jobs import HOUR, Bell
from bot.background import Job
from bot.compat.model import Target
from bot.compat.rules import support
from bot.xray.model import worth_reading
from bot.xray.service import POPULAR

MOST_DOWNLOADED: Final = 5_000
"""Projects whose newest wheels are read without being asked for."""
_TARGET: Final = Target("3.14t", "linux-x86_64")
_LOOK: Final = 60.0
"""Seconds between looks at what is wanted; what somebody asks for is read at once."""


def xraying(parts: Core, bell: Bell) -> Iterable[Job]:
    """Yield the jobs that read wheels, none if FTBOT_XRAY is off."""
    if not parts.xray.on:
        return
    parts.xray.asked = lambda: bell.wake("xray")

    async def choose() -> None:
        await choose_popular(parts)

    yield Job("xray", parts.xray.work, every=_LOOK, retry=60, longest_retry=HOUR)
    yield Job("xray choice", choose, every=6 * HOUR)


async def choose_popular(parts: Core) -> None:
    """Want the newest free-threaded Linux wheels of the most downloaded projects read."""
    with_wheels = await parts.projects.free_threaded()
    files: dict[str, str] = {}
    for name in parts.catalogue.most_downloaded(MOST_DOWNLOADED):
        project = await parts.projects.get(NormalizedName(name)) if name in with_wheels else None
        if project:
            (found,) = support(project.files, [_TARGET], project.status)
            if found.installs and worth_reading(found.installs.file):
                files[found.installs.file] = name
            await asyncio.sleep(0)
    known = await parts.xray.known(files)
    await parts.xray.want(
        [(name, file) for file, name in files.items() if file not in known], POPULAR
    )
