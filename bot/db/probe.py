"""Whether the database's file can be read by somebody who has nothing of it in memory yet."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from bot.db.faults import explain
from bot.errors import DatabaseError
from bot.language import phrase

_BUSY_TIMEOUT: Final = 1.0


def probe(path: Path) -> None:
    """Read a little of the file; it blocks. DatabaseError if that cannot be done.

    Connections that are open keep pages in memory, and the file too where it was removed: they
    would go on reading for a while as if nothing had happened.
    """
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, timeout=_BUSY_TIMEOUT, uri=True)) as connection:
            connection.execute("SELECT value FROM memory LIMIT 1").fetchone()
    except sqlite3.Error as error:
        text = phrase("The database {path} cannot be used: {reason}.", path=path, reason=error)
        raise explain(path, error) or DatabaseError(text) from error
