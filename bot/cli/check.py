"""`ftbot check`: answers in the terminal, or as JSON lines."""

import asyncio
import json as jsonlib
import sys
from collections.abc import AsyncIterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from bot import logs
from bot.app import Core, core
from bot.check.document import answer_document, not_found_document
from bot.check.model import Answer
from bot.cli.table import render
from bot.compat.model import Target
from bot.compat.targets import PLATFORMS, PYTHONS, parse_platform, parse_python
from bot.errors import ProjectNotFound, UserError
from bot.settings import Settings

_AT_ONCE = 8
"""Projects that are asked about at the same time."""

Outcome = Answer | UserError


async def print_answers(
    settings: Settings,
    projects: Sequence[str],
    pythons: Sequence[str] | None,
    platforms: Sequence[str] | None,
    *,
    json: bool,
) -> int:
    """Print an answer for each project, in the order asked; return the exit code.

    A project without an answer is a line on standard error and does not keep the others from
    theirs; the code is then that of the worst failure. Raises UserError if nothing can be asked.
    """
    targets = _targets(pythons or PYTHONS, platforms or PLATFORMS)
    code = 0
    console = Console()
    answers: list[Answer] = []
    async with core(settings) as parts:
        async for outcome in _asked(parts, projects, targets):
            if isinstance(outcome, UserError):
                code = max(code, outcome.exit_code)
                if json and isinstance(outcome, ProjectNotFound):
                    _print_line(not_found_document(outcome))
                sys.stderr.write(f"ftbot: {logs.escape(str(outcome))}\n")
            elif json:
                _print_line(answer_document(outcome))
            else:
                answers.append(outcome)
    if answers:
        console.print(render(answers))
    return code


def _targets(pythons: Sequence[str], platforms: Sequence[str]) -> tuple[Target, ...]:
    chosen = (
        Target(python, platform)
        for python in map(parse_python, pythons)
        for platform in map(parse_platform, platforms)
    )
    return tuple(dict.fromkeys(chosen))


async def _asked(
    parts: Core, projects: Sequence[str], targets: Sequence[Target]
) -> AsyncIterator[Outcome]:
    """Ask about several projects at once; give the outcomes in order, with progress."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def ask(project: str) -> Outcome:
        async with gate:
            try:
                return await parts.check.answer(project, targets)
            except UserError as error:
                return error

    columns = TextColumn("Asking the index"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=len(projects))
        tasks = [asyncio.create_task(ask(project)) for project in projects]
        for task in tasks:
            task.add_done_callback(lambda _: progress.advance(bar))
        try:
            for task in tasks:
                yield await task
        finally:
            for task in tasks:
                task.cancel()


def _print_line(document: dict[str, object]) -> None:
    sys.stdout.write(jsonlib.dumps(document, ensure_ascii=False) + "\n")
    sys.stdout.flush()
