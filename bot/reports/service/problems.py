"""What everybody may hear of."""

from packaging.utils import canonicalize_name

from bot.reports import rules
from bot.reports.model import Problems
from bot.reports.service.base import Base


class Known(Base):
    """What was reported of projects."""

    async def problems(self, project: str, version: str | None = None) -> Problems:
        """Return what was reported of a project; of one version, if it is named.

        What is no one's business, or was not taken up, is not among it.
        """
        name = canonicalize_name(project)
        found = rules.problems(await self._store.problems(name), version)
        return Problems(name, sum(each.count for each in found), found)

    async def summary(self, project: str) -> Problems | None:
        """Return all problems of a project (normalised name), None without any: in some 10 µs."""
        return await self.problems(project) if self._store.has_problems(project) else None
