"""Failures."""

import sqlite3
from functools import partial
from pathlib import Path

import pytest
from discord import app_commands, ui

from bot.announce.subscriptions.service import ABSENT
from bot.compat.targets import parse_platform, parse_python
from bot.courier.carrier import _REFUSALS
from bot.db.faults import explain
from bot.errors import ProjectNotFound, UserError
from bot.pypi.names import normalise
from bot.ui import errors
from tests.ui.samples import Samples

DATA = {"numpy", "nunpy", "amd", "aarch", "arm", "many", "manylinux", "linux", "macos", "musl"}
DATA |= {"windows", "sparc", "embed", "links", "manage", "guild", "var", "ftbot", "sqlite"}

EXPLAINED = (
    app_commands.CommandOnCooldown(app_commands.Cooldown(1, 10), 4.2),
    app_commands.MissingPermissions(["manage_guild"]),
    app_commands.BotMissingPermissions(["embed_links"]),
    app_commands.NoPrivateMessage(),
    app_commands.CommandNotFound("old", []),
    app_commands.CheckFailure("internal"),
)
DAMAGES = (
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
)  # fmt: skip


def refused(function: object, text: str) -> ui.LayoutView:
    """Show what a function raises for a text."""
    with pytest.raises(UserError) as caught:
        function(text)  # type: ignore[operator] # any of one text
    return errors.failure(caught.value)


def explained(error: Exception) -> ui.LayoutView:
    told = errors.explain(error)
    assert told is not None
    return errors.failure(told)


def damage(code: int) -> ui.LayoutView:
    error = sqlite3.OperationalError("made up")
    error.sqlite_errorcode = code
    told = explain(Path("/var/ftbot.sqlite3"), error)
    assert told is not None
    return errors.failure(told)


SAMPLES: Samples = {
    "not found": lambda: errors.failure(ProjectNotFound("nunpy", ("numpy",))),
    "not found, too long": lambda: errors.failure(ProjectNotFound("nunpy", ("1" * 200,))),
    "not found at all": lambda: errors.failure(ProjectNotFound("nunpy")),
    "no name": lambda: refused(normalise, ""),
    "no such name": lambda: refused(normalise, "-1"),
    "a requirement": lambda: refused(normalise, "numpy>=2"),
    "too long": lambda: refused(normalise, "1" * 300),
    "python": lambda: refused(parse_python, "2.7"),
    "platform": lambda: refused(parse_platform, "sparc"),
    "paused": lambda: errors.failure(UserError(ABSENT)),
    "mistake": lambda: errors.mistake("1234abcd"),
    "outdated": errors.outdated,
    "outdated form": errors.outdated_form,
    **{type(each).__name__: partial(explained, each) for each in EXPLAINED},
    **{
        f"refused {code}": partial(errors.failure, UserError(text))
        for code, text in _REFUSALS.items()
    },
    **{f"database {code}": partial(damage, code) for code in DAMAGES},
}
