"""The tables of the follower: `change`, and its place in `memory`."""

from collections.abc import Iterator

from bot.announce.changes.model import Findings, Position
from bot.db import Database, Transaction
from bot.index.store import ProjectStore

_SERIAL, _SEEN, _ETAG = "changes.serial", "changes.seen", "changes.etag"


class ChangeStore:
    """Where the follower stands, and which projects wait to be examined.

    Both change in one transaction, and only from the position that the findings belong to: a
    process that was overtaken by another one changes nothing.
    """

    def __init__(self, database: Database, projects: ProjectStore) -> None:
        self._database = database
        self._projects = projects

    async def position(self) -> Position | None:
        """Return up to where the index was followed, None before the first time."""
        rows = await self._database.read(
            "SELECT key, value FROM memory WHERE key IN (?, ?, ?)", (_SERIAL, _SEEN, _ETAG)
        )
        found = {row["key"]: row["value"] for row in rows}
        if _SERIAL not in found:
            return None
        return Position(int(found[_SERIAL]), float(found.get(_SEEN, 0)), found.get(_ETAG))

    def reached(self) -> tuple[int, float]:
        """Return the serial and `seen` of the position, at once; zeros before the first time."""
        glance = self._database.glance
        serial, seen = (
            glance("SELECT value FROM memory WHERE key = ?", (key,)) for key in (_SERIAL, _SEEN)
        )
        return int(str(serial[0])) if serial else 0, float(str(seen[0])) if seen else 0.0

    async def start(self, position: Position) -> None:
        """Follow the index from there on, unless it is followed already."""
        async with self._database.write() as tx:
            if await tx.execute(
                "INSERT INTO memory (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
                (_SERIAL, str(position.serial)),
            ):
                await self._remember(tx, position)

    async def advance(
        self, old: Position, new: Position, findings: Findings, due: float
    ) -> int | None:
        """Go from one position to the next: note what changed, and what waits until `due`.

        Every row of news to come puts off the examination of its project to `due` (UTC seconds).
        Returns how many projects wait anew or again, None if another process was faster.
        """
        async with self._database.write() as tx:
            if not await self._move(tx, old, new):
                return None
            await self._projects.want(tx, findings.serials)
            return await tx.executemany(
                "INSERT INTO change (project, serial, since, due)"
                " SELECT ?1, ?2, ?3, ?4 WHERE ?5"
                " OR EXISTS (SELECT 1 FROM project WHERE name = ?1 AND free_threaded)"
                " OR EXISTS (SELECT 1 FROM support WHERE project = ?1)"
                " OR EXISTS (SELECT 1 FROM news WHERE project = ?1)"
                " OR EXISTS (SELECT 1 FROM change WHERE project = ?1)"
                " ON CONFLICT (project) DO UPDATE SET serial = excluded.serial,"
                " since = min(since, excluded.since), due = excluded.due, attempts = 0"
                " WHERE excluded.serial > serial",
                _changes(findings, due),
            )

    async def go_back(self, old: Position, new: Position) -> None:
        """Follow an index that has gone back to an earlier serial, and demand no later state."""
        async with self._database.write() as tx:
            if await self._move(tx, old, new):
                await self._projects.forget_serials(tx, new.serial)
                await tx.execute("UPDATE change SET serial = ?1 WHERE serial > ?1", (new.serial,))

    async def free_threaded(self) -> dict[str, int]:
        """Return the cached projects with free-threaded wheels, with their pages' serials."""
        rows = await self._database.read(
            "SELECT name, coalesce(serial, 0) AS serial FROM project WHERE free_threaded"
        )
        return {row["name"]: row["serial"] for row in rows}

    async def _move(self, tx: Transaction, old: Position, new: Position) -> bool:
        """Change the position; False if it is not the old one any more."""
        moved = await tx.execute(
            "UPDATE memory SET value = ? WHERE key = ? AND value = ?",
            (str(new.serial), _SERIAL, str(old.serial)),
        )
        if moved:
            await self._remember(tx, new)
        return bool(moved)

    async def _remember(self, tx: Transaction, position: Position) -> None:
        values = {_SEEN: str(position.seen), _ETAG: position.etag}
        await tx.executemany("DELETE FROM memory WHERE key = ?", ((key,) for key in values))
        await tx.executemany(
            "INSERT INTO memory (key, value) VALUES (?, ?)",
            ((key, value) for key, value in values.items() if value is not None),
        )


def _changes(findings: Findings, due: float) -> Iterator[tuple[str, int, float, float, bool]]:
    for project, since in findings.since.items():
        yield project, findings.serials[project], since, due, project in findings.certain
