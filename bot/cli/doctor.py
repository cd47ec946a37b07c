"""`ftbot doctor`: whether all is there that the bot needs, and how to mend what is not."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterable
from io import StringIO
from typing import Final

from bot import logs
from bot.cli.terminal import output, progress
from bot.doctor.model import Finding, Findings, State
from bot.doctor.rules import exit_code
from bot.doctor.service import examine, unusable
from bot.errors import SettingsError
from bot.settings import Settings

_SYMBOLS: Final = {
    State.OK: ("✓", "green"),
    State.WARNING: ("!", "yellow"),
    State.FAILED: ("✗", "red"),
    State.SKIPPED: ("-", "dim"),
}
_UNLIMITED: Final = 10_000  # columns
_NAME: Final = 26  # columns of a terminal for what was looked at


def diagnose(load: Callable[[], Settings], *, in_json: bool) -> int:
    """Look at everything and print what was found; return the exit code.

    0: all is well, or well enough; 2: something is to be mended; 3: a service did not answer.
    """
    secrets: tuple[str, ...] = ()
    try:
        settings = load()
    except SettingsError as error:
        findings = unusable(error)
    else:
        secrets = settings.secrets
        with progress("Examining") as told:
            findings = asyncio.run(examine(settings, told))
    mask = logs.Redaction(secrets)
    sys.stdout.write(mask(_lines(findings) if in_json else _table(findings)))
    return exit_code(findings)


def _lines(findings: Findings) -> str:
    """Give a JSON object a line."""
    keys = ("name", "state", "text", "mend", "answered")
    return "".join(
        json.dumps({key: getattr(each, key) for key in keys}, ensure_ascii=False) + "\n"
        for each in findings
    )


def _table(findings: Findings) -> str:
    """Give a row for each finding, in colour on a terminal, and a last line that sums up."""
    from rich.console import Console  # noqa: PLC0415 - JSON does without
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    width, colour = output()
    before_mend = " → " if width is None else "\n→ "  # in a pipe each finding keeps to its line
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    narrow = _NAME if width is not None else None
    table.add_column(no_wrap=width is None, max_width=narrow, style="bold", overflow="fold")
    table.add_column(overflow="fold")
    for each in findings:
        symbol, style = _SYMBOLS[each.state]
        told = Text(logs.escape(each.text))
        if each.mend:
            told.append(f"{before_mend}{logs.escape(each.mend)}", style="cyan")
        table.add_row(Text(symbol, style=style), Text(logs.escape(each.name)), told)
    file = StringIO()
    console = Console(
        file=file,
        width=width or _UNLIMITED,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
    )
    console.print(table)
    console.print(Text(f"\n{_sum(findings)}"))
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def _sum(findings: Iterable[Finding]) -> str:
    states = [each.state for each in findings]
    failed, warnings = states.count(State.FAILED), states.count(State.WARNING)
    if failed:
        return f"{failed} of {len(states)} need mending, and {warnings} could be better."
    if warnings:
        return f"All that is needed is there; {warnings} could be better."
    return "All is well."
