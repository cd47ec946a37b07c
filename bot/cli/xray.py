"""`ftbot xray`: what wheels declare about the GIL, in the terminal or as JSON lines."""

import json as jsonlib
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from bot.cli.terminal import output, progress
from bot.errors import UserError
from bot.logs import escape
from bot.xray.model import CAVEATS, MEANING, Module, ModuleVerdict, WheelReading
from bot.xray.source import Unreadable
from bot.xray.wheel import read_wheel

_ALL: Final = 20
"""Modules up to which a terminal shows each; of more, only those that call for a look."""
_UNLIMITED: Final = 10_000
"""Columns of a pipe, where every fact keeps to its line."""
_STYLES: Final = {
    ModuleVerdict.KEEPS_OFF: "green",
    ModuleVerdict.LIKELY_KEEPS_OFF: "green",
    ModuleVerdict.RE_ENABLES: "red",
    ModuleVerdict.DELEGATED: "yellow",
    ModuleVerdict.UNKNOWN: "yellow",
}
_MEND: Final = "Give the path of a .whl file."


@dataclass(frozen=True, slots=True)
class _File:
    """An open file as a source."""

    stream: BinaryIO
    size: int

    def read(self, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise Unreadable(f"points to {length} bytes at {offset:#x}, past its end")
        self.stream.seek(offset)
        content = self.stream.read(length)
        if len(content) != length:
            raise Unreadable("has become shorter while it was being read")
        return content


def print_readings(
    wheels: Sequence[str],
    *,
    json: bool,
    fail: bool,
    complain: Callable[[UserError], None],
) -> int:
    """Print a reading for each wheel, in the order given; return the exit code.

    A wheel that cannot be read is complained about and does not keep the others from being read.
    """
    code = 0
    verdicts: set[ModuleVerdict] = set()
    for number, wheel in enumerate(wheels):
        try:
            reading = _read(wheel)
        except UserError as error:
            complain(error)
            code = error.exit_code
            continue
        if json:
            sys.stdout.write(jsonlib.dumps(_document(reading)) + "\n")
        else:
            sys.stdout.write(("\n" if number else "") + _text(reading))
        sys.stdout.flush()
        verdicts.add(reading.verdict)
        if reading.reason:
            complain(UserError(f"{wheel} cannot be judged: {reading.reason}.", "Is it a wheel?"))
            code = UserError.exit_code
    if verdicts and not json:
        sys.stdout.write("\n" + "".join(f"{caveat}\n" for caveat in CAVEATS))
    return code or int(fail and ModuleVerdict.RE_ENABLES in verdicts)


def _read(wheel: str) -> WheelReading:
    path = Path(wheel)
    try:
        with path.open("rb") as stream, progress(f"Reading {escape(path.name)}") as show:
            source = _File(stream, path.stat().st_size)
            return read_wheel(path.name, source, show)
    except FileNotFoundError as error:
        raise UserError(f"There is no file {wheel}.", _MEND) from error
    except (OSError, ValueError) as error:  # ValueError: a path that holds NUL
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise UserError(f"{wheel} cannot be read: {reason}.", _MEND) from error


def _document(reading: WheelReading) -> dict[str, Any]:
    document: dict[str, Any] = {
        "wheel": reading.wheel,
        "verdict": reading.verdict,
        "modules": [
            {
                "module": module.module,
                "member": module.member,
                "verdict": module.verdict,
                "evidence": module.evidence,
            }
            for module in reading.modules
        ],
        "not_modules": reading.not_modules,
    }
    if reading.reason:
        document["reason"] = reading.reason
    return document


def _text(reading: WheelReading) -> str:
    """Give a wheel as a sentence, and the modules that say why as a table."""
    from rich.console import Console  # noqa: PLC0415 - --json does without
    from rich.table import Table  # noqa: PLC0415 - see above
    from rich.text import Text  # noqa: PLC0415 - see above

    columns, colour = output()
    out = StringIO()
    console = Console(
        file=out,
        width=columns or _UNLIMITED,
        force_terminal=colour,
        no_color=not colour,
        highlight=False,
        soft_wrap=False,
    )
    style = _STYLES[reading.verdict] if colour else ""
    console.print(Text(escape(reading.wheel), "bold" if colour else ""))
    console.print(Text.assemble((reading.verdict, style), f": {_sentence(reading)}"))
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for module in _shown(reading.modules, everything=columns is None):
        table.add_row(
            Text(module.verdict, _STYLES[module.verdict] if colour else ""),
            Text(escape(module.module)),
            Text(escape(module.evidence), "dim" if colour else ""),
        )
    if table.row_count:
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _shown(modules: Sequence[Module], *, everything: bool) -> Sequence[Module]:
    if everything or len(modules) <= _ALL:
        return modules
    return [module for module in modules if module.verdict is not ModuleVerdict.KEEPS_OFF]


def _sentence(reading: WheelReading) -> str:
    """Say what a wheel's verdict rests on."""
    if reading.reason:
        return f"{reading.reason}."
    total = len(reading.modules)
    if not total:
        return "it has no extension modules."
    modules = "1 module" if total == 1 else f"{total} modules"
    if reading.verdict is ModuleVerdict.RE_ENABLES:
        return f"{len(reading.re_enabling)} of {modules}: {MEANING[reading.verdict]}."
    counted = Counter(module.verdict for module in reading.modules)
    if len(counted) == 1:
        return f"{modules}: {MEANING[reading.verdict]}."
    parts = [f"{counted[verdict]} {verdict}" for verdict in ModuleVerdict if counted[verdict]]
    return f"{modules}, {', '.join(parts)}."
