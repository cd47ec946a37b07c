"""What everybody may hear of."""

from collections.abc import Collection

from bot.reports.model import Problem
from bot.reports.store.base import Base
from bot.reports.store.rows import DECIDED, FROM, TAKEN_UP, TOLD, WAITING, problem_of, to_json

_COUNTED = (
    "SELECT project, count(*) AS problems FROM report"  # noqa: S608 - only constants
    f" WHERE project IN (SELECT value FROM json_each(?)) AND state IN ({TAKEN_UP}) AND {DECIDED}"
    " GROUP BY project"
)
_ANY = f"SELECT 1 FROM report WHERE project = ? AND state IN ({TAKEN_UP}) LIMIT 1"  # noqa: S608 - only constants


class Problems(Base):
    """The problems of projects."""

    def has_problems(self, project: str) -> bool:
        """Say whether anything may be known of a project; some 10 µs."""
        return self._database.glance(_ANY, (project,)) is not None

    async def problems(self, project: str) -> list[Problem]:
        """Return what members reported of a project (normalised name), in order of numbers."""
        rows = await self._database.read(
            f"{TOLD}{FROM} WHERE project = ? AND report.state IN ({TAKEN_UP}) ORDER BY report.id",
            (project,),
        )
        return [problem_of(row) for row in rows]

    async def undecided(self, project: str, guild: int) -> tuple[int, ...]:
        """Return the numbers of what waits on a server about a project, the oldest first."""
        rows = await self._database.read(
            f"SELECT id FROM report WHERE project = ? AND guild = ? AND state IN ({WAITING})"  # noqa: S608 - only constants
            " ORDER BY id",
            (project, guild),
        )
        return tuple(row["id"] for row in rows)

    async def counted(self, projects: Collection[str]) -> dict[str, int]:
        """Return how many problems are known of each of these projects that has any."""
        rows = await self._database.read(_COUNTED, (to_json(sorted(projects)),))
        return {row["project"]: row["problems"] for row in rows}
