"""Go over all cached projects and judge them: `python -m bot.progress.judging`.

A program of its own, so that ten seconds of work and what is learnt on the way are gone when it
ends. It reads an `Order` as JSON on standard input, and writes a `Judged` on standard output. The
table of all verdicts goes to two files, plain and compressed, as it grows. The database is only
read, some projects at a time.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from bot.compat.model import Support
from bot.compat.rules import support
from bot.compat.targets import ALL_TARGETS
from bot.db.schema import BUSY_TIMEOUT, opened
from bot.errors import UserError
from bot.index.model import Project
from bot.progress.files import replacing_both
from bot.progress.model import Among, Judged
from bot.progress.rules import Tally, has_binaries
from bot.progress.store import cached, declared

TABLE: Final = "projects.json"
"""Beside it lies the same, compressed: `projects.json.gz`."""
_NICE: Final = 10


class Order(msgspec.Struct, frozen=True):
    """What is to be judged: the database, projects with their ranks, most downloaded first.

    The table is written to `folder`, if that is given.
    """

    database: str
    ranked: list[tuple[str, int]]
    as_of: datetime
    folder: str | None = None


def judge(order: Order, progress: Callable[[int, int | None], None] | None = None) -> Judged:
    """Judge what is cached; `progress` hears how many, of how many. Raises UserError."""
    ranks = dict(order.ranked)
    counted = {among: sum(rank <= among.size for rank in ranks.values()) for among in Among}
    with ExitStack() as stack:
        connection = stack.enter_context(opened(Path(order.database), BUSY_TIMEOUT))
        tally = Tally(counted, ALL_TARGETS, order.as_of, declared(connection))
        write = stack.enter_context(_table(Path(order.folder), order)) if order.folder else None
        for done, project in enumerate(cached(connection, ranks), 1):
            rank = ranks[project.name]
            rows = support(project.files, ALL_TARGETS, project.status)
            binaries = has_binaries(project.files)
            tally.add(project.name, rank, rows, binaries)
            if write:
                write(_entry(project, rank, rows, binaries))
            if progress:
                progress(done, len(ranks))
    return tally.judged()


@contextmanager
def _table(folder: Path, order: Order) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Write the table's entries as they come; the old files stay until all is there."""
    with _explained(folder), replacing_both(folder / TABLE) as write:
        begun = False

        def add(entry: dict[str, Any]) -> None:
            nonlocal begun
            write((b",\n" if begun else b"\n") + msgspec.json.encode(entry))
            begun = True

        head = {"as_of": order.as_of, "ranked": len(order.ranked)}
        write(msgspec.json.encode(head)[:-1] + b',"projects":[')
        yield add
        write(b"\n]}\n")


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UserError(
            f"The table of all projects cannot be written to {folder}: {reason}.",
            "Make room, or mend the permissions of FTBOT_DATA_DIR.",
        ) from error


def _entry(
    project: Project, rank: int, rows: tuple[Support, ...], binaries: bool
) -> dict[str, Any]:
    latest = project.latest
    verdicts: dict[str, dict[str, str]] = {}
    for row in rows:
        verdicts.setdefault(row.target.python, {})[row.target.platform] = row.verdict
    return {
        "project": project.name,
        "name": project.display_name,
        "rank": rank,
        "status": project.status,
        "latest": {"version": latest.version, "uploaded": latest.uploaded} if latest else None,
        "fetched": project.fetched,
        "binaries": binaries,
        "verdicts": verdicts,
    }


def main() -> None:
    """Do what standard input asks for."""
    with contextlib.suppress(AttributeError, OSError):  # no such thing on Windows
        os.nice(_NICE)
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    try:
        judged = judge(order)
    except UserError as error:
        sys.exit(str(error))
    sys.stdout.buffer.write(msgspec.json.encode(judged))


if __name__ == "__main__":
    main()
