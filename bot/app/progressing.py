"""What concerns progress: what /progress tells, the job behind it, and what other programs get."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from bot.app.core import DATABASE, Core
from bot.app.jobs import HOUR
from bot.background import Job
from bot.check.public import PublicCheck
from bot.progress.pictures import Pictures
from bot.progress.service import Judge, ProgressService, in_a_process
from bot.progress.store import ProgressStore

if TYPE_CHECKING:  # what the command line does without
    from aiohttp.web import AbstractRouteDef

FOLDER: Final = "progress"
"""In the data directory: the table and the summary for others, and pictures."""
_LOOK: Final = 30.0
"""Seconds between looks at whether it is time to judge all again."""


def progress_service(parts: Core, judge: Judge = in_a_process) -> ProgressService:
    """Put together what tells of progress."""
    folder = parts.settings.data_dir / FOLDER
    return ProgressService(
        ProgressStore(parts.database),
        parts.catalogue,
        Pictures(folder),
        database=parts.settings.data_dir / DATABASE,
        folder=folder,
        filling=lambda: parts.fill.progress,
        judge=judge,
    )


def progressing(service: ProgressService) -> Iterable[Job]:
    """Yield the job that judges all projects once a day, and while the cache fills."""
    yield Job("progress", service.look, every=_LOOK, retry=60, longest_retry=HOUR)


def api_routes(parts: Core) -> "Iterable[AbstractRouteDef]":
    """Return the web server's routes for other programs."""
    from bot.api import routes  # noqa: PLC0415 - see TYPE_CHECKING above

    public = PublicCheck(parts.check, parts.catalogue)
    return routes(public, parts.settings.data_dir / FOLDER)
