"""The table `core_metadata`."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from bot.audit.requirements.model import Requirements
from bot.db import Database

log = logging.getLogger(__name__)

_DECODER = msgspec.json.Decoder(Requirements)


class RequirementStore:
    """What releases require, by the name of the file that it was read for."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._clock = clock

    def get(self, file: str) -> Requirements | None:
        """Return what was stored for a file; what cannot be read counts as nothing."""
        row = self._database.glance("SELECT document FROM core_metadata WHERE file = ?", (file,))
        if row is None:
            return None
        try:
            return _DECODER.decode(str(row[0]))
        except msgspec.MsgspecError as error:
            log.warning("What is stored of %s is damaged and will be fetched anew: %s", file, error)
            return None

    async def put(self, file: str, requirements: Requirements) -> None:
        """Store what a file's release requires."""
        document = msgspec.json.encode(requirements).decode()
        async with self._database.write() as tx:
            await tx.execute(
                "INSERT INTO core_metadata (file, document, fetched) VALUES (?, ?, ?)"
                " ON CONFLICT (file) DO UPDATE SET document = excluded.document,"
                " fetched = excluded.fetched",
                (file, document, self._clock().isoformat()),
            )
