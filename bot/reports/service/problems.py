"""What everybody may hear of."""

from packaging.utils import canonicalize_name

from bot.reports import rules
from bot.reports.model import Problems
from bot.reports.service.base import Base


class Known(Base):
    """What was reported of projects."""

    async def problems(
        self, project: str, version: str | None = None, *, guild: int | None = None
    ) -> Problems:
        """Return what was reported of a project; of one version, if it is named.

        What is no one's business, or was not taken up by a triager, is not among it; only of what
        waits on the server `guild`, the numbers are.
        """
        name = canonicalize_name(project)
        found = rules.problems(await self._store.problems(name), version)
        waiting = await self._store.undecided(name, guild) if guild is not None else ()
        return Problems(name, sum(each.count for each in found), found, waiting)

    async def summary(self, project: str) -> Problems | None:
        """Return all problems of a project (normalised name), None without any: in some 10 µs."""
        if not self._store.has_problems(project):
            return None
        found = await self.problems(project)
        return found if found.problems else None
