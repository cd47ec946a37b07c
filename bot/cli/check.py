"""`ftbot check`: answers in the terminal, or as JSON lines."""

import asyncio
import json as jsonlib
import sys
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from packaging.utils import canonicalize_name

from bot.app.core import Core, core
from bot.check.document import answer_document, not_found_document
from bot.check.model import Answer
from bot.cli.terminal import UNNOTICED, bars, output
from bot.compat.model import Target
from bot.compat.targets import PLATFORMS, PYTHONS, parse_platform, parse_python
from bot.errors import ProjectNotFound, UserError
from bot.settings import Settings

_AT_ONCE = 8
"""Projects that are asked about at the same time."""
_PATIENCE = 10.0
"""Seconds to wait for the index where the cache has an answer."""

Outcome = Answer | UserError
Task = asyncio.Task[Outcome]


async def print_answers(
    settings: Settings,
    projects: Sequence[str],
    pythons: Sequence[str] | None,
    platforms: Sequence[str] | None,
    *,
    json: bool,
    complain: Callable[[UserError], None],
) -> int:
    """Print an answer for each project, in the order asked; return the exit code.

    A project without an answer is complained about and does not keep the others from theirs; the
    code is then that of the worst failure. Raises UserError if nothing can be asked.
    """
    targets = _targets(pythons or PYTHONS, platforms or PLATFORMS)
    code = 0
    answers: list[Answer] = []
    async with core(settings, patience=_PATIENCE) as parts:
        tasks = _asked(parts, projects, targets)
        try:
            await _show_progress(tasks.values())
            for project in projects:
                outcome = await tasks[_key(project)]
                if json:
                    _print_document(outcome)
                if isinstance(outcome, UserError):
                    code = max(code, outcome.exit_code)
                    complain(outcome)
                else:
                    answers.append(outcome)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
    if answers and not json:
        _print_table(answers)
    return code


def _targets(pythons: Sequence[str], platforms: Sequence[str]) -> tuple[Target, ...]:
    chosen = (
        Target(python, platform)
        for python in map(parse_python, pythons)
        for platform in map(parse_platform, platforms)
    )
    return tuple(dict.fromkeys(chosen))


def _key(project: str) -> str:
    """Return what two names have in common that mean the same project."""
    return canonicalize_name(project.strip())


def _asked(parts: Core, projects: Sequence[str], targets: Sequence[Target]) -> dict[str, "Task"]:
    """Begin to ask, once about each project and about some at a time."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def ask(project: str) -> Outcome:
        async with gate:
            try:
                return await parts.check.answer(project, targets)
            except UserError as error:
                return error

    distinct = {_key(project): project for project in projects}
    return {key: asyncio.create_task(ask(project)) for key, project in distinct.items()}


async def _show_progress(tasks: Collection["Task"]) -> None:
    """On a terminal, wait for all with a bar, unless they are quick; elsewhere do nothing."""
    if not sys.stderr.isatty():
        return
    _, slow = await asyncio.wait(tasks, timeout=UNNOTICED)
    if not slow:
        return
    with bars() as progress:
        done = len(tasks) - len(slow)
        bar = progress.add_task("Asking the index", total=len(tasks), completed=done)
        for task in asyncio.as_completed(slow):
            await task
            progress.advance(bar)


def _print_document(outcome: Outcome) -> None:
    document: dict[str, Any]
    match outcome:
        case Answer():
            document = answer_document(outcome)
        case ProjectNotFound():
            document = not_found_document(outcome)
        case _:
            return
    sys.stdout.write(jsonlib.dumps(document) + "\n")
    sys.stdout.flush()


def _print_table(answers: Sequence[Answer]) -> None:
    from bot.cli import table  # noqa: PLC0415 - --json does without

    columns, colour = output()
    sys.stdout.write(table.text(answers, datetime.now(UTC), columns=columns, colour=colour))
