"""An audit as text for people: the summary, what is in the way and who brings it in, the rest."""

from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Final

from rich.columns import Columns
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bot.audit.document import GIL_NAMED, chain, gil_notes, help_text, notes
from bot.audit.model import Audit, Class, Package
from bot.check.document import turned_on
from bot.logs import escape
from bot.xray.model import CAVEATS

_UNLIMITED: Final = 10_000
_SYMBOLS: Final = {Class.BLOCKED: "✗", Class.UNKNOWN: "?", Class.WORKS: "~", Class.READY: "✓"}
_STYLES: Final = {
    Class.BLOCKED: "red",
    Class.UNKNOWN: "magenta",
    Class.WORKS: "yellow",
    Class.READY: "green",
}
_MEANING: Final = {
    Class.BLOCKED: "in the way: no version of it is ready",
    Class.UNKNOWN: "cannot be judged",
    Class.WORKS: "with a fallback, or with another version",
    Class.READY: "nothing to do",
}


def text(audit: Audit, *, columns: int | None = None, colour: bool = False) -> str:
    """Draw an audit. `columns` is the terminal's width; None is for a pipe, where no line wraps."""
    out = StringIO()
    width = columns or _UNLIMITED
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(_title(audit))
    console.print(_summary(audit))
    for note in notes(audit):
        console.print(Text(escape(note)))
    for line in _declared(audit):
        console.print(line)
    for class_ in (Class.BLOCKED, Class.UNKNOWN, Class.WORKS):
        packages = [package for package in audit.packages if package.class_ is class_]
        if packages:
            console.print()
            console.print(_heading(class_, len(packages)))
            console.print(*_details(packages, console, wide=columns is None), sep="\n")
    ready = [package for package in audit.packages if package.class_ is Class.READY]
    if ready:
        console.print()
        console.print(_heading(Class.READY, len(ready)))
        console.print(_compact(ready, wide=columns is None))
    if audit.problems:
        console.print()
        console.print(Text(f"! not judged ({len(audit.problems)})", style="bold magenta"))
        for problem in audit.problems:
            console.print(Text(f"  {escape(problem.where)}: {escape(problem.text)}"))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _declared(audit: Audit) -> Iterable[RenderableType]:
    """Give the packages whose wheels turn the GIL on, and say what is not known of others."""
    found = audit.re_enabling
    if found:
        yield Text()
        heading = f"! installable, but the GIL comes back ({len(found)})"
        yield Text.assemble((heading, "bold yellow"), (" their wheels turn it on", "dim"))
    for package, gil in found:
        what, who = escape(turned_on(gil, GIL_NAMED)), escape(chain(package)) or "-"
        yield Text.assemble(("  " + _named(package), "bold"), f"  {what}  {who}")
    if found or audit.gil or audit.unread:
        yield from (Text(note) for note in gil_notes(audit))
    if audit.gil:
        yield Text(" ".join(CAVEATS[:2]), style="dim")


def _title(audit: Audit) -> Text:
    target = audit.target
    source = "standard input" if audit.source == "-" else escape(audit.source)
    return Text.assemble((source, "bold"), f" on {target.python}, {target.platform}")


def _summary(audit: Audit) -> Text:
    """Say in one line how many packages are of which class."""
    if not audit.packages:
        return Text("nothing to install")
    line = Text()
    for class_, symbol in _SYMBOLS.items():
        count = audit.count(class_)
        line.append("  " if line else "")
        line.append(f"{symbol} {count} {class_}", style=_STYLES[class_] if count else "dim")
    return line


def _heading(class_: Class, count: int) -> Text:
    return Text.assemble(
        (f"{_SYMBOLS[class_]} {class_} ({count})", f"bold {_STYLES[class_]}"),
        (f" {_MEANING[class_]}", "dim"),
    )


def _details(
    packages: Sequence[Package], console: Console, *, wide: bool
) -> Sequence[RenderableType]:
    """Give each package: its verdict, who pulls it in, what would help.

    It is a table if there is room for all of it, else advice stands below its package: a link that
    is cut cannot be followed.
    """
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for style in ("bold", "", "", ""):
        table.add_column(no_wrap=True, style=style)
    for package in packages:
        advice = Text("\n").join(Text(line) for line in _advice(package, wide=wide))
        table.add_row(*_facts(package), advice)
    unlimited = console.options.update_width(_UNLIMITED)
    if wide or console.measure(table, options=unlimited).maximum <= console.width:
        return [table]
    return [part for package in packages for part in _stacked(package)]


def _facts(package: Package) -> tuple[str, str, str]:
    verdict = str(package.verdict or "-")
    return f"  {_named(package)}", verdict, escape(chain(package)) or "-"


def _stacked(package: Package) -> Iterable[RenderableType]:
    name, *more = _facts(package)
    yield Text("  ").join((Text(name, "bold"), *map(Text, more)))
    for line in _advice(package, wide=False):
        yield Padding(Text(line, overflow="fold"), (0, 0, 0, 6))


def _compact(packages: Iterable[Package], *, wide: bool) -> Columns | Text:
    """Give names and versions alone, as many as there is room for beside each other."""
    if wide:
        return Text(f"  {', '.join(map(_named, packages))}")
    return Columns([f"  {_named(package)}" for package in packages], padding=(0, 1))


def _advice(package: Package, *, wide: bool) -> Iterable[str]:
    lines = [escape(help_text(package)), escape(package.upstream_issue or "")]
    told = [line for line in lines if line]
    return [" ".join(told)] if wide else told


def _named(package: Package) -> str:
    return escape(f"{package.project} {package.version or ''}".rstrip())
