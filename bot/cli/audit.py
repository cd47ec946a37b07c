"""`ftbot audit`: which dependencies of a project are in the way, in the terminal or as JSON."""

import asyncio
import json as jsonlib
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.app.auditing import audit_service
from bot.app.core import Core, core
from bot.audit.declared import with_gil
from bot.audit.document import audit_document
from bot.audit.manifests import LIMIT, read
from bot.audit.model import Audit, Class, Manifest, is_whole
from bot.audit.rules import order
from bot.audit.service import AuditService
from bot.cli.machine import DEFAULT_PYTHON, this_platform
from bot.cli.terminal import UNNOTICED, bars, output
from bot.cli.wheels import read_wheels
from bot.compat.model import Target
from bot.compat.targets import parse_platform, parse_python
from bot.errors import IndexUnavailable, UserError
from bot.settings import Settings

_PATIENCE = 10.0
"""Seconds to wait for the index where the cache has an answer."""
_REDRAWN = 0.1
_NEGATIVE = 1
"""Exit code where `--fail-on` asks for it."""
RE_ENABLES: Final = "re-enables"
"""What `--fail-on` calls a package whose wheel turns the GIL on."""


@dataclass(slots=True)
class _Steps:
    """How far an audit has come, as `bot.audit.service.Progress` hears of it."""

    done: int = 0
    total: int = 0
    last: str = ""

    def __call__(self, done: int, total: int, last: str) -> None:
        self.done, self.total, self.last = done, total, last


async def print_audits(
    settings: Settings,
    files: Sequence[str],
    *,
    python: str | None,
    platform: str | None,
    groups: Sequence[str] | None,
    fail_on: Collection[str],
    xray: bool,
    json: bool,
    complain: Callable[[UserError], None],
) -> int:
    """Print an audit of each file, in the order given; return the exit code.

    A file that cannot be read is complained about and does not keep the others from their audit.
    With `xray`, wheels are read now that were not read before. `fail_on` holds classes and
    `RE_ENABLES`. Raises UserError if nothing can be asked.
    """
    target = Target(
        parse_python(python or DEFAULT_PYTHON),
        parse_platform(platform) if platform else this_platform(),
    )
    code = 0
    async with core(settings, patience=_PATIENCE) as parts:
        service = audit_service(parts, _PATIENCE)
        for number, file in enumerate(files):
            try:
                manifest = await asyncio.to_thread(read_manifest, file, groups)
                audit = await _shown(service, manifest, target)
                if xray:
                    code = max(code, await _read_wheels(parts, audit, complain))
                audit = await with_gil(audit, parts.xray, want=False)
            except UserError as error:
                code = max(code, error.exit_code)
                complain(error)
                continue
            _print(audit, json=json, first=number == 0)
            if failure := _failure(audit):
                code = max(code, failure.exit_code)
                complain(failure)
            if audit.unread and RE_ENABLES in fail_on:
                complain(_unsure(audit))
            whole = is_whole(manifest.problems)
            if any(_is_negative(audit, what, whole=whole) for what in fail_on):
                code = max(code, _NEGATIVE)
    return code


def read_manifest(file: str, groups: Sequence[str] | None) -> Manifest:
    """Read a file, `-` being standard input, with those that it includes. Raises UserError."""
    folder = Path() if file == "-" else Path(file).parent
    body = sys.stdin.buffer.read(LIMIT + 1) if file == "-" else _content(Path(file))
    return read(file, body, open_file=lambda path: _included(folder, path), groups=groups)


def _content(path: Path) -> bytes:
    try:
        return _beginning(path)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read: {_reason(error)}.",
            "Give the path of a file, or - for standard input.",
        ) from error


def _beginning(path: Path) -> bytes:
    with path.open("rb") as opened:
        return opened.read(LIMIT + 1)


def _reason(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _included(folder: Path, path: str) -> bytes:
    """Open a file that another one includes; no link leads out of the folder."""
    found = (folder / path).resolve()
    if not found.is_relative_to(folder.resolve()):
        raise UserError("only files in the same folder, or below it, are opened.")
    try:
        return _beginning(found)
    except (OSError, ValueError) as error:
        raise UserError(f"{_reason(error)}.") from error


async def _shown(service: AuditService, manifest: Manifest, target: Target) -> Audit:
    """Audit; on a terminal with a bar, unless it is quick."""
    steps = _Steps()
    task = asyncio.create_task(service.audit(manifest, target, progress=steps))
    try:
        if sys.stderr.isatty():
            await asyncio.wait((task,), timeout=UNNOTICED)
            if not task.done():
                await _follow(task, steps)
        return await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _read_wheels(parts: Core, audit: Audit, complain: Callable[[UserError], None]) -> int:
    """Read the packages' wheels; what keeps them from being read does not keep back the answer."""
    try:
        await read_wheels(parts.xray, audit)
    except UserError as error:
        complain(error)
        return error.exit_code
    return 0


async def _follow(task: "asyncio.Task[Audit]", steps: _Steps) -> None:
    with bars() as progress:
        bar = progress.add_task("Asking the index", total=None)
        while not task.done():
            progress.update(bar, completed=steps.done, total=steps.total or None)
            await asyncio.wait((task,), timeout=_REDRAWN)


def _failure(audit: Audit) -> UserError | None:
    """Complain of an index that left packages without an answer."""
    if not audit.unanswered:
        return None
    return IndexUnavailable(
        f"{audit.source}: the index did not answer for {audit.unanswered} of"
        f" {len(audit.packages)} packages.",
        "Try again in a minute.",
    )


def _unsure(audit: Audit) -> UserError:
    """Complain that an audit does not tell of all wheels whether they turn the GIL on."""
    wheels = "1 wheel is" if audit.unread == 1 else f"{audit.unread} wheels are"
    return UserError(
        f"{audit.source}: {wheels} not read yet, and may turn the GIL on.", "Add --xray to read."
    )


def _is_negative(audit: Audit, what: str, *, whole: bool) -> bool:
    """Whether a package is of that class or of a worse one, or its wheel turns the GIL on.

    A part of the file that could not be read counts as a package of which nothing is known.
    """
    if what == RE_ENABLES:
        return bool(audit.re_enabling)
    if order(Class.UNKNOWN) <= order(Class(what)) and not whole:
        return True
    return any(order(package.class_) <= order(Class(what)) for package in audit.packages)


def _print(audit: Audit, *, json: bool, first: bool) -> None:
    if json:
        sys.stdout.write(jsonlib.dumps(audit_document(audit)) + "\n")
    else:
        sys.stdout.write(("" if first else "\n") + _table(audit))
    sys.stdout.flush()


def _table(audit: Audit) -> str:
    from bot.cli import audit_table  # noqa: PLC0415 - --json does without

    columns, colour = output()
    return audit_table.text(audit, columns=columns, colour=colour)
