"""A database as large as it gets: all names of the index, and its 15,000 most used projects."""

import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bot import data
from bot.app.core import DATABASE, core
from bot.app.jobs import DAY
from bot.index.store import DocumentStore, StoredDocument
from bot.settings import Settings
from tests.conftest import SHARED, Replica

PROJECTS: Final = 15_000
DOCUMENTS: Final = SHARED / "data/simple"
_COLUMNS: Final = (
    "display_name, status, serial, etag, fetched, document, revision, wanted_serial,"
    " metadata, metadata_version, metadata_fetched, free_threaded"
)


async def fill(folder: Path, replica: Replica) -> list[str]:
    """Make the database of a bot with this data folder, and return the names of real projects.

    `replica` serves them; the others are the same under made-up names. All that is fetched from
    elsewhere is so already, and is not due again for hours.
    """
    settings = Settings(
        data_dir=folder,
        pypi_url=replica.url,
        top_packages_url=f"{replica.url}/none",
        tracker_url=f"{replica.url}/none",
    )
    real = sorted(path.name.removesuffix(".json.gz") for path in DOCUMENTS.glob("*.json.gz"))
    async with core(settings) as parts:
        for name in real:
            await parts.check.answer(name)
        names = StoredDocument(zlib.compress(data.names()), '"names"', datetime.now(UTC))
        await DocumentStore(parts.database).put("names", names)
        soon = datetime.now(UTC) - timedelta(seconds=DAY / 2)
        async with parts.database.write() as tx:
            await tx.execute(
                f"INSERT INTO project (name, {_COLUMNS})"  # noqa: S608 - names of columns
                f" WITH RECURSIVE copy (number) AS"
                f"  (SELECT 1 UNION ALL SELECT number + 1 FROM copy WHERE number < ?)"
                f" SELECT name || '-made-up-' || number, {_COLUMNS} FROM project, copy LIMIT ?",
                (PROJECTS // len(real) + 1, PROJECTS - len(real)),
            )
            await tx.executemany(
                "INSERT INTO memory (key, value) VALUES (?, ?)",
                [(f"job.{job}.last_success", soon.isoformat()) for job in ("names", "ranks")],
            )
    return real


__all__ = ["DATABASE", "PROJECTS", "fill"]
