"""The tables of the cached index."""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from packaging.utils import NormalizedName

from bot.compat.model import ProjectFiles
from bot.compat.tags import has_free_threaded_abi
from bot.db import Database, Transaction, Value
from bot.index.model import Metadata, Project

log = logging.getLogger(__name__)

_FILES = msgspec.json.Decoder(ProjectFiles)


class ProjectStore:
    """The table `project`: one row a project, read with one query.

    The projects read last are kept in memory; a glance at the row tells whether it has changed
    since, in this process or in another. An unchanged row gives the same object again.
    """

    KEPT = 64

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[str, tuple[tuple[Value, ...], Project]] = {}

    async def get(self, name: NormalizedName) -> Project | None:
        """Return the project as it was last stored; a row that cannot be read counts as none."""
        state = self._database.glance(
            "SELECT revision, fetched FROM project WHERE name = ?",
            (name,),
        )
        if state is None:
            return None
        kept = self._kept.pop(name, None)
        if kept is None or kept[0] != state:
            project = await self._read(name)
            if project is None:
                return None
            kept = state, project
        self._kept[name] = kept  # the last one is dropped last
        if len(self._kept) > self.KEPT:
            del self._kept[next(iter(self._kept))]
        return kept[1]

    async def _read(self, name: NormalizedName) -> Project | None:
        rows = await self._database.read("SELECT * FROM project WHERE name = ?", (name,))
        try:
            return read_project(rows[0]) if rows else None
        except (msgspec.MsgspecError, ValueError) as error:
            log.warning("What is stored of %s is damaged and will be fetched anew: %s", name, error)
            return None

    async def put(self, project: Project, document: str) -> None:
        """Store what a fetched page says; `document` is `project.files`, encoded by `encode`.

        Metadata that was stored before stays, and so does a change that the page is too old for.
        """
        async with self._database.write() as tx:
            await tx.execute(
                "INSERT INTO project (name, display_name, status, serial, etag, fetched, document,"
                " free_threaded) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
                " display_name = excluded.display_name, status = excluded.status,"
                " serial = excluded.serial, etag = excluded.etag, fetched = excluded.fetched,"
                " document = excluded.document, free_threaded = excluded.free_threaded,"
                " revision = revision + 1,"
                " wanted_serial = CASE WHEN wanted_serial > excluded.serial THEN wanted_serial END",
                (
                    project.name,
                    project.display_name,
                    project.status,
                    project.serial,
                    project.etag,
                    project.fetched.isoformat(),
                    document,
                    any(map(has_free_threaded_abi, project.files.suffixes)),
                ),
            )

    async def confirm(self, name: NormalizedName, fetched: datetime, serial: int | None) -> None:
        """Note that the index still shows the stored page, perhaps as of a later serial."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE project SET revision = revision + 1, fetched = ?,"
                " serial = coalesce(?, serial),"
                " wanted_serial = CASE WHEN wanted_serial > ? THEN wanted_serial END"
                " WHERE name = ?",
                (fetched.isoformat(), serial, serial, name),
            )

    async def want(self, tx: Transaction, serials: Mapping[str, int]) -> None:
        """Note which changes of stored projects their pages do not show yet, by name."""
        await tx.executemany(
            "UPDATE project SET revision = revision + 1, wanted_serial = ?2"
            " WHERE name = ?1 AND ?2 > max(coalesce(serial, 0), coalesce(wanted_serial, 0))",
            serials.items(),
        )

    async def forget_serials(self, tx: Transaction, above: int) -> None:
        """Demand no state beyond that serial: the index has gone back to it."""
        await tx.execute(
            "UPDATE project SET revision = revision + 1,"
            " serial = CASE WHEN serial <= ?1 THEN serial END,"
            " wanted_serial = CASE WHEN wanted_serial <= ?1 THEN wanted_serial END"
            " WHERE max(coalesce(serial, 0), coalesce(wanted_serial, 0)) > ?1",
            (above,),
        )

    async def put_metadata(
        self, name: NormalizedName, metadata: Metadata, display_name: str
    ) -> None:
        """Store what the metadata of a release says, and how it spells the project's name."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE project SET revision = revision + 1, metadata = ?, metadata_version = ?,"
                " metadata_fetched = ?, display_name = ? WHERE name = ?",
                (
                    metadata.text,
                    metadata.version,
                    metadata.fetched.isoformat(),
                    display_name,
                    name,
                ),
            )

    async def delete(self, name: NormalizedName) -> None:
        """Forget a project that is gone from the index."""
        async with self._database.write() as tx:
            await tx.execute("DELETE FROM project WHERE name = ?", (name,))

    async def fetched_since(self, names: Sequence[str], moment: datetime) -> set[str]:
        """Return which of `names` the index confirmed after `moment`."""
        rows = await self._database.read(
            "SELECT name FROM project WHERE fetched > ?", (moment.isoformat(),)
        )
        return {row["name"] for row in rows}.intersection(names)

    async def free_threaded(self) -> set[str]:
        """Return the projects that have wheels for free-threaded builds."""
        rows = await self._database.read("SELECT name FROM project WHERE free_threaded")
        return {row["name"] for row in rows}

    async def count(self) -> int:
        """Return how many projects are stored."""
        rows = await self._database.read("SELECT count(*) AS projects FROM project")
        return int(rows[0]["projects"])


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document that refreshes itself, as it was last fetched."""

    body: bytes
    etag: str | None
    fetched: datetime


class DocumentStore:
    """The table `document`: ranks, the tracking table, all names."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> StoredDocument | None:
        """Return the document as it was last stored."""
        rows = await self._database.read("SELECT * FROM document WHERE name = ?", (name,))
        if not rows:
            return None
        row = rows[0]
        return StoredDocument(row["body"], row["etag"], datetime.fromisoformat(row["fetched"]))

    async def put(self, name: str, document: StoredDocument) -> None:
        """Store a document in place of what was there."""
        async with self._database.write() as tx:
            await tx.execute(
                "INSERT INTO document (name, etag, fetched, body) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET etag = excluded.etag,"
                " fetched = excluded.fetched, body = excluded.body",
                (name, document.etag, document.fetched.isoformat(), document.body),
            )


def encode(files: ProjectFiles) -> str:
    """Write a project's files as they are stored."""
    return msgspec.json.encode(files).decode()


def read_project(row: sqlite3.Row) -> Project:
    """Read a row of `project`. Raises ValueError or MsgspecError if it is damaged."""
    metadata = None
    if row["metadata_version"] is not None:
        fetched = datetime.fromisoformat(row["metadata_fetched"])
        metadata = Metadata(row["metadata_version"], fetched, row["metadata"])
    return Project(
        name=row["name"],
        display_name=row["display_name"],
        status=row["status"],
        serial=row["serial"],
        etag=row["etag"],
        fetched=datetime.fromisoformat(row["fetched"]),
        files=_FILES.decode(row["document"]),
        wanted_serial=row["wanted_serial"],
        metadata=metadata,
    )
