"""Pictures of progress, drawn once and kept as files."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from bot.errors import ServiceError
from bot.programs import run
from bot.progress.model import Counts, Day, Report
from bot.progress.rules import percent

log = logging.getLogger(__name__)

CHART: Final = Path(__file__).with_name("chart.py")
SECONDS: Final = 20.0
"""That drawing may take; it is one second, and some more the first time, when fonts are looked for.
"""
REST: Final = 300.0
"""Seconds without another try after one that failed."""
KEPT: Final = 64
_EPOCH: Final = date(1970, 1, 1)
_SIGNATURE: Final = b"\x89PNG\r\n"


class Pictures:
    """Draws reports. A picture of the same content is drawn once, in `folder`; the oldest go."""

    def __init__(self, folder: Path, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._timer = timer
        self._style = hashlib.sha256(CHART.read_bytes()).digest()  # drawn otherwise, it is another
        self._failed: float | None = None
        self._drawing = asyncio.Lock()  # matplotlib takes a core

    async def of(self, report: Report) -> bytes | None:
        """Return the picture of a report as PNG, None if there is none to be had."""
        content = msgspec.json.encode(order(report))
        path = self._folder / f"{hashlib.sha256(self._style + content).hexdigest()[:32]}.png"
        if (kept := await asyncio.to_thread(_read, path)) is not None:
            return kept
        async with self._drawing:
            if (kept := await asyncio.to_thread(_read, path)) is not None:
                return kept
            if self._failed is not None and self._timer() - self._failed < REST:
                return None
            try:
                picture = await self._draw(content)
            except ServiceError as error:
                self._failed = self._timer()
                log.warning("There is no picture of progress: %s", error)
                return None
            self._failed = None
            await asyncio.to_thread(_keep, path, picture)
        return picture

    async def _draw(self, content: bytes) -> bytes:
        # By its path, so that it need not find ftbot; -P, or its neighbours would be found instead
        # of other modules of their names.
        picture = await run(
            "-P",
            str(CHART),
            stdin=content,
            seconds=SECONDS,
            environment={"MPLCONFIGDIR": str(self._folder / "matplotlib")},
        )
        if not picture.startswith(_SIGNATURE):
            raise ServiceError("The program chart gave something else than a picture.")
        return picture


def order(report: Report) -> Mapping[str, Any]:
    """Say what is to be drawn, as `chart` takes it: shares of the projects with binaries."""
    standing, among, platform = report.standing, report.among, report.target.platform
    pythons = tuple(dict.fromkeys(each.python for each in standing.targets))
    shares: dict[str, dict[str, Counts]] = {}
    for each in standing.targets:
        shares.setdefault(each.platform, {})[each.python] = each.counts[among]
    return {
        "title": among,
        "detail": platform,
        "day": standing.as_of.date(),
        "columns": pythons,
        "lines": [[*map(_point, _counted(report.history.get(each, ())))] for each in pythons],
        "rows": [
            (name, [(_share(row[each]), percent(row[each].share)) for each in pythons])
            for name, row in shares.items()
        ],
        "chosen": platform,
    }


def _counted(days: tuple[Day, ...]) -> list[Day]:
    return [each for each in days if each.counts.share is not None]


def _point(day: Day) -> tuple[int, float | None, bool]:
    return (day.day - _EPOCH).days, _share(day.counts), day.derived


def _share(counts: Counts) -> float | None:
    share = counts.share
    return None if share is None else round(share, 3)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _keep(path: Path, picture: bytes) -> None:
    """Keep a picture, if there is room; whoever waits for it gets it anyway."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_bytes(picture)
        new.replace(path)
        pictures = sorted(path.parent.glob("*.png"), key=lambda each: each.stat().st_mtime)
        for old in pictures[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError as error:
        log.warning("A picture of progress is not kept: %s", error)
