"""Stand-ins for what lies below the cogs: an index of three projects, and a memory."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bot.announce.subscriptions.service import SubscriptionService, WatchService
from bot.announce.subscriptions.store import SubscriptionStore
from bot.check.model import Answer
from bot.client import Checks, Names, Services
from bot.client import Memory as Remembers
from bot.compat.model import Target
from bot.compat.targets import ALL_TARGETS
from bot.db import Database
from bot.errors import IndexUnavailable, ProjectNotFound
from tests.ui.answers import answer, support

PROJECTS = ("numpy", "numba", "scikit-learn")


class Index:
    """Knows PROJECTS. Takes `turns` of the event loop to answer; raises `error` if that is set."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Target, ...]]] = []
        self.turns = 0
        self.error: Exception | None = None

    async def answer(self, project: str, targets: Sequence[Target] = ALL_TARGETS) -> Answer:
        self.asked.append((project, tuple(targets)))
        for _ in range(self.turns):
            await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        if project == "offline":
            raise IndexUnavailable("The index does not answer.", "Try again in a minute.")
        if project not in PROJECTS:
            raise ProjectNotFound(project, ("numpy", "numba"))
        rows = (support(target) for target in targets)
        return replace(answer(*rows), project=project, name=project)

    def complete(self, text: str, limit: int = 25) -> list[str]:
        hits = [name for name in PROJECTS if name.startswith(text[:2])]
        return [*hits, "x" * 101][:limit]


class Memory(dict[str, str]):
    """What the database remembers, in a dict that survives the bot."""

    async def get(self, key: str) -> str | None:  # type: ignore[override]  # the awaited one is meant
        return super().get(key)

    async def set(self, key: str, value: str) -> None:
        self[key] = value


def services_on(
    database: Database, check: Checks, names: Names, memory: Remembers | None = None
) -> Services:
    """Return what cogs work with: real but for what is given."""
    store = SubscriptionStore(database)
    return Services(
        check=check,
        names=names,
        memory=Memory() if memory is None else memory,
        announce=SubscriptionService(store, site="https://index.example"),
        watch=WatchService(store, check),
    )
