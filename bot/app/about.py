"""What can be told of this ftbot: versions, addresses, and the age of what it knows."""

import importlib.metadata
import platform
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import discord

from bot.announce.changes.store import ChangeStore
from bot.app.core import Core
from bot.background import JobStatus
from bot.settings import Settings
from bot.ui.about import GUIDE, RANKS, TRACKER, About, Versions

_API = "/api/v1/projects.json"
_SEARCH_INDEX = "search/search_index.json"


def versions() -> Versions:
    """Return what runs."""
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return Versions(
        _ftbot("Version") or "0",
        platform.python_version(),
        "on" if gil else "off",
        discord.__version__,
    )


def telling(
    parts: Core, statuses: Callable[[], Iterable[JobStatus]]
) -> Callable[[], Coroutine[Any, Any, About]]:
    """Return what tells it, from now on; `statuses` are the jobs'."""
    started, runs, settings = datetime.now(UTC), versions(), parts.settings
    changes = ChangeStore(parts.database, parts.projects)

    async def tell() -> About:
        serial, seen = changes.reached()
        successes = {status.name: status.last_success for status in statuses()}
        return About(
            runs,
            started,
            serial=serial,
            seen=datetime.fromtimestamp(seen, UTC) if seen else None,
            names=len(parts.catalogue),
            cached=await parts.projects.count(),
            wheels=await parts.xray.count(),
            refreshed={name: successes.get(name) for name in (RANKS, TRACKER, GUIDE)},
            source=_homepage(),
            guide=_guide(settings),
            api=settings.public_url and settings.public_url + _API,
        )

    return tell


def _guide(settings: Settings) -> str | None:
    """Return the guide's address for people, None where its search index lies elsewhere."""
    base = settings.guide_url.removesuffix(_SEARCH_INDEX)
    return base if base != settings.guide_url else None


def _homepage() -> str | None:
    """Return where the source is, as the package says."""
    named = (line.partition(",")[::2] for line in _all("Project-URL"))
    addresses = {label.strip().lower(): url.strip() for label, url in named}
    return addresses.get("source") or addresses.get("homepage")


def _ftbot(key: str) -> str | None:
    values = _all(key)
    return values[0] if values else None


def _all(key: str) -> Sequence[str]:
    try:
        return importlib.metadata.metadata("ftbot").get_all(key) or ()
    except importlib.metadata.PackageNotFoundError:  # run from a folder that was not installed
        return ()
