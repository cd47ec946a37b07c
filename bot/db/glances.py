"""Single small rows, read on the event loop itself."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

Value: TypeAlias = str | bytes | int | float | None
"""What a column of a STRICT table holds."""
Row: TypeAlias = tuple[Value, ...] | None

AGE: Final = 0.2
"""Seconds after which it is looked whether anybody else has changed the file."""
KEPT: Final = 64
"""Rows that are kept until something changes."""


class Glances:
    """Rows by their keys. They are kept for as long as nothing was committed.

    SQLite answers in some 10 µs, but in 40 to 60 where other work has taken its place in the
    processor's caches, as it has between two members' questions. So a row that was read is given
    again until `changed` is called, or until somebody else's commit is seen. SQLite's data_version
    tells of that; it costs as much as a row, and is asked every `AGE` seconds.
    """

    def __init__(
        self, connection: sqlite3.Connection, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._connection = connection
        self._timer = timer
        self._rows: dict[tuple[str, Sequence[Value]], Row] = {}
        self._version: object = None
        self._looked = -AGE

    def row(self, sql: str, parameters: Sequence[Value]) -> Row:
        """Return the only row of a SELECT by a key, None without one."""
        now = self._timer()
        if now - self._looked >= AGE:
            self._look(now)
        key = sql, parameters
        if key not in self._rows:
            if len(self._rows) >= KEPT:
                self._rows.clear()
            self._rows[key] = self._connection.execute(sql, parameters).fetchone()
        return self._rows[key]

    def changed(self) -> None:
        """Forget all rows, since something was committed."""
        self._rows.clear()

    def _look(self, now: float) -> None:
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._rows.clear()
        self._version, self._looked = version, now
