"""`ftbot xray`: what wheels declare about the GIL, in the terminal or as JSON lines."""

import json as jsonlib
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self

from msgspec.structs import replace
from packaging.version import InvalidVersion, Version

from bot.cli.machine import DEFAULT_PYTHON, this_platform
from bot.cli.terminal import output, progress
from bot.compat.model import Target
from bot.compat.rules import support
from bot.compat.targets import parse_platform, parse_python
from bot.errors import ServiceError, UserError
from bot.index.model import Project
from bot.logs import escape
from bot.settings import Settings
from bot.xray.model import CAVEATS, MEANING, Cost, Module, ModuleVerdict, WheelReading
from bot.xray.source import Unreadable
from bot.xray.wheel import read_wheel

if TYPE_CHECKING:  # what files can be read without
    from bot.app.core import Core
    from bot.xray.ranges import Unfetched

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
_WANTED: Final = re.compile(
    r"(?P<name>[\w.-]{1,200})(?: *== *(?P<version>[^*=,; ]{1,100}))?", re.ASCII
)
_MEND: Final = "Give the path of a .whl file."


@dataclass(frozen=True, slots=True)
class _Read:
    """A reading, what it cost if it was fetched for that, and why it was not read to its end."""

    reading: WheelReading
    cost: Cost | None = None
    failure: "Unfetched | None" = None


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


async def print_readings(
    load: Callable[[], Settings],
    wheels: Sequence[str],
    *,
    python: str | None,
    platform: str | None,
    json: bool,
    fail: bool,
    complain: Callable[[UserError], None],
) -> int:
    """Print a reading for each wheel, in the order given; return the exit code.

    A wheel that cannot be read is complained about and does not keep the others from being read.
    Settings are loaded for projects only: files are read without a database.
    """
    target = Target(
        parse_python(python or DEFAULT_PYTHON),
        parse_platform(platform) if platform else this_platform(),
    )
    code = 0
    verdicts: set[ModuleVerdict] = set()
    async with _Index(load, target) as index:
        for number, wheel in enumerate(wheels):
            try:
                read = _read(wheel) if _is_path(wheel) else await index.read(wheel)
            except UserError as error:
                complain(error)
                code = max(code, error.exit_code)
                continue
            reading = read.reading
            if json:
                sys.stdout.write(jsonlib.dumps(_document(read)) + "\n")
            else:
                sys.stdout.write(("\n" if number else "") + _text(read))
            sys.stdout.flush()
            verdicts.add(reading.verdict)
            if reading.reason:
                complaint = _complaint(wheel, read)
                complain(complaint)
                code = max(code, complaint.exit_code)
    if verdicts and not json:
        sys.stdout.write("\n" + "".join(f"{caveat}\n" for caveat in CAVEATS))
    return code or int(fail and ModuleVerdict.RE_ENABLES in verdicts)


class _Index:
    """What reads wheels of projects; the database is opened for the first one."""

    def __init__(self, load: Callable[[], Settings], target: Target) -> None:
        self._load = load
        self._target = target
        self._stack = AsyncExitStack()
        self._parts: Core | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def read(self, text: str) -> _Read:
        """Read the wheel that pip takes of a project. Raises UserError."""
        name, version = _wanted(text)
        if self._parts is None:
            from bot.app.core import core  # noqa: PLC0415 - see TYPE_CHECKING above

            self._parts = await self._stack.enter_async_context(core(self._load(), patience=10))
        project = await self._parts.index.project(name)
        file = _chosen(project, version, self._target)
        with progress(f"Fetching {escape(file)}", share=True) as show:
            read = await self._parts.xray.read(project.name, file, show)
        return _Read(read.reading, read.cost, read.failure)


def _is_path(text: str) -> bool:
    return text.endswith(".whl") or text.startswith(".") or "/" in text or Path(text).is_file()


def _wanted(text: str) -> tuple[str, Version | None]:
    """Read `project` or `project==version`. Raises UserError."""
    found = _WANTED.fullmatch(text.strip())
    if found and not found["version"]:
        return found["name"], None
    with suppress(InvalidVersion):
        if found:
            return found["name"], Version(found["version"])
    raise UserError(
        f"{text[:100]!r} is neither a wheel file nor a project.",
        "Write project or project==version, or give the path of a .whl file.",
    )


def _chosen(project: Project, version: Version | None, target: Target) -> str:
    """Return the wheel that pip takes, or would take without building. Raises UserError."""
    files, name = project.files, project.display_name
    if version:
        # An exact version is taken even if it was yanked (PEP 592).
        releases = [r for r in files.releases if Version(r.version) == version]
        if not releases:
            newest = f" The newest is {project.latest.version}." if project.latest else ""
            raise UserError(f"{name} has no release {version} that can be read.{newest}")
        unyanked = tuple(replace(release, yanked=False) for release in releases)
        files = replace(files, releases=unyanked)
    (found,) = support(files, [target], project.status)
    if found.installs and found.installs.file.endswith(".whl"):
        return found.installs.file
    if found.newest_wheel is None:
        what = f"{name} {version}" if version else name
        raise UserError(
            f"{what} has no wheel for {target.python} on {target.platform}.",
            "Choose others by --python and --platform.",
        )
    return found.newest_wheel.file


def _complaint(wheel: str, read: _Read) -> UserError:
    text = f"{wheel} cannot be judged: {read.reading.reason}."
    if read.failure is None:
        return UserError(text, "Is it a wheel?")
    return (ServiceError if read.failure.outage else UserError)(text, "Try again in a few minutes.")


def _read(wheel: str) -> _Read:
    path = Path(wheel)
    try:
        with path.open("rb") as stream, progress(f"Reading {escape(path.name)}") as show:
            source = _File(stream, path.stat().st_size)
            return _Read(read_wheel(path.name, source, show))
    except FileNotFoundError as error:
        raise UserError(f"There is no file {wheel}.", _MEND) from error
    except (OSError, ValueError) as error:  # ValueError: a path that holds NUL
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise UserError(f"{wheel} cannot be read: {reason}.", _MEND) from error


def _document(read: _Read) -> dict[str, Any]:
    reading, cost = read.reading, read.cost
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
    if cost:
        document["fetched"] = {
            "bytes": cost.fetched,
            "of": cost.size,
            "until_known": cost.known_at,
        }
    return document


def _text(read: _Read) -> str:
    """Give a wheel as a sentence, and the modules that say why as a table."""
    reading = read.reading
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
    if read.cost:
        console.print(Text(_cost(read.cost), "dim" if colour else ""))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _cost(cost: Cost) -> str:
    """Say how many bytes were fetched."""
    text = f"Fetched {cost.fetched:,} bytes of {cost.size:,}"
    if cost.known_at is None or cost.known_at == cost.fetched:
        return f"{text}."
    return f"{text}; after {cost.known_at:,} it was known that the GIL is turned on."


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
