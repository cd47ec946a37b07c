"""The commands and their options."""

import asyncio
import gc
import importlib.metadata
import io
import os
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from bot import logs, settings
from bot.errors import UserError
from bot.settings import Settings

INTERRUPTED = 130
MISTAKE = 70
"""Exit code of a mistake in ftbot (EX_SOFTWARE of sysexits.h); 1 is a negative answer."""

app = typer.Typer(
    help="A bot for people who move to free-threaded Python.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
database = typer.Typer(help="The database: upgrade, back up, restore, check.")
app.add_typer(database, name="db")

Projects = Annotated[list[str], typer.Argument(metavar="PROJECT…", help="Names on the index.")]
Pythons = Annotated[
    list[str] | None, typer.Option("--python", help="An interpreter, such as 3.14t. Repeatable.")
]
Platforms = Annotated[
    list[str] | None,
    typer.Option("--platform", help="A platform, or a raw platform tag. Repeatable."),
]
Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE…",
        help="Requirements, pyproject.toml, lock files, pip freeze; - is standard input.",
    ),
]
Groups = Annotated[
    list[str] | None,
    typer.Option("--group", help="An extra or dependency group, if not all. Repeatable."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]


class FailOn(StrEnum):
    """When an audit is a negative answer."""

    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    WORKS = "works"
    RE_ENABLES = "re-enables"


def _tell_version(wanted: bool) -> None:
    if wanted:
        try:
            version = importlib.metadata.version("ftbot")
        except importlib.metadata.PackageNotFoundError:
            version = "of a checkout that is not installed"
        typer.echo(f"ftbot {version}")
        raise typer.Exit


@app.callback()
def common(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Say which ftbot this is.", callback=_tell_version),
    ] = False,
) -> None:
    """Name the options in the help; `main` takes `--debug` out wherever it stands."""


@app.command()
def run() -> None:
    """Run the bot; without a token, the sandbox."""
    from bot.app.running import run as run_bot  # noqa: PLC0415 - each command loads what it needs

    loaded = _settings()
    if loaded.discord_token is None:
        _sandbox(loaded)
    else:
        asyncio.run(run_bot(loaded))


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any free one.")] = 0,
    language: Annotated[str, typer.Option(help="What its people speak, such as ko.")] = "en",
) -> None:
    """Open the bot in a simulated Discord in the browser."""
    _sandbox(_settings(), port, language)


@app.command()
def check(
    context: typer.Context,
    projects: Projects,
    python: Pythons = None,
    platform: Platforms = None,
    *,
    json: Json = False,
) -> None:
    """Say whether projects install on free-threaded Python, where, and since when."""
    from bot.cli.check import print_answers  # noqa: PLC0415 - each command loads what it needs

    code = asyncio.run(
        print_answers(
            _settings(quiet=True),
            projects,
            python,
            platform,
            json=json,
            complain=partial(_complain, debug=context.obj),
        )
    )
    raise typer.Exit(code)


@app.command()
def classify(
    file: Annotated[str, typer.Argument(metavar="FILE.jsonl", help="JSON lines; - is stdin.")],
) -> None:
    """Say what triage would make of reports: kind, facts, and what they repeat."""
    from bot.cli.classify import print_readings  # noqa: PLC0415 - each command loads what it needs

    print_readings(file)


@app.command()
def audit(
    context: typer.Context,
    files: Files,
    *,
    python: Annotated[
        str | None, typer.Option("--python", help="An interpreter; 3.14t if none is given.")
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option("--platform", help="A platform, or a raw platform tag; this machine's."),
    ] = None,
    group: Groups = None,
    fail_on: Annotated[
        list[FailOn] | None,
        typer.Option(
            "--fail-on",
            help="Exit with 1 if a package is so, or worse; re-enables: if a wheel turns the GIL"
            " on. Repeatable.",
        ),
    ] = None,
    xray: Annotated[
        bool, typer.Option("--xray", help="Read wheels that were not read yet, which takes long.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, one a file.")
    ] = False,
) -> None:
    """Say which dependencies of a project are in the way, who brings them in, and what helps."""
    from bot.cli.audit import print_audits  # noqa: PLC0415 - each command loads what it needs

    code = asyncio.run(
        print_audits(
            _settings(quiet=True),
            files,
            python=python,
            platform=platform,
            groups=group or None,
            fail_on=fail_on or (),
            xray=xray,
            json=json,
            complain=partial(_complain, debug=context.obj),
        )
    )
    raise typer.Exit(code)


@app.command()
def xray(
    context: typer.Context,
    wheels: Annotated[
        list[str],
        typer.Argument(metavar="WHEEL…", help="Wheel files, or project or project==version."),
    ],
    *,
    python: Annotated[
        str | None, typer.Option("--python", help="Of projects: the interpreter; 3.14t.")
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option("--platform", help="Of projects: the platform, or a raw tag; this machine's."),
    ] = None,
    json: Json = False,
    fail_on: Annotated[
        Literal["re-enables"] | None,
        typer.Option("--fail-on", help="Exit with 1 if a wheel turns the GIL on."),
    ] = None,
) -> None:
    """Read from wheels whether their modules keep the GIL off; run nothing of them."""
    from bot.cli.xray import print_readings  # noqa: PLC0415 - each command loads what it needs

    code = asyncio.run(
        print_readings(
            partial(_settings, quiet=True),
            wheels,
            python=python,
            platform=platform,
            json=json,
            fail=fail_on is not None,
            complain=partial(_complain, debug=context.obj),
        )
    )
    raise typer.Exit(code)


@app.command("progress")
def tell_progress(
    *,
    among: Annotated[
        list[str] | None,
        typer.Option("--among", help="top-360, top-1000 or top-15000. Repeatable."),
    ] = None,
    python: Annotated[
        str, typer.Option("--python", help="The interpreter whose lists are shown.")
    ] = "3.14t",
    platform: Annotated[
        str, typer.Option("--platform", help="The platform whose lists are shown.")
    ] = "linux-x86_64",
    json: Json = False,
) -> None:
    """Say how far the most downloaded projects are, by what is cached."""
    from bot.cli.progress import print_progress  # noqa: PLC0415 - each command loads what it needs

    settings = _settings(quiet=True)
    asyncio.run(print_progress(settings, among, python, platform, json=json))


@app.command()
def sync(
    *,
    once: Annotated[bool, typer.Option("--once", help="Stop when all is up to date.")] = False,
) -> None:
    """Follow the changes of the index and fill the cache, without Discord."""
    from bot.cli.sync import follow  # noqa: PLC0415 - each command loads what it needs

    asyncio.run(follow(_settings(), once=once))


@app.command()
def doctor(*, json: Json = False) -> None:
    """Check settings, database, index, GitHub and Discord; say how to mend what is wrong."""
    from bot.cli.doctor import diagnose  # noqa: PLC0415 - each command loads what it needs

    raise typer.Exit(diagnose(partial(_settings, quiet=True), in_json=json))


@database.command()
def upgrade() -> None:
    """Apply the migrations that are missing."""
    from bot.cli.database import upgrade as work  # noqa: PLC0415 - each command loads what it needs

    typer.echo(work(_settings()))


@database.command()
def backup(file: Path) -> None:
    """Copy the database to FILE while the bot runs."""
    from bot.cli.database import backup as work  # noqa: PLC0415 - each command loads what it needs

    typer.echo(work(_settings(), file))


@database.command()
def restore(file: Path) -> None:
    """Put the backup FILE in the place of the database, while no bot runs."""
    from bot.cli.database import restore as work  # noqa: PLC0415 - each command loads what it needs

    typer.echo(work(_settings(), file))


@database.command("check")
def check_database() -> None:
    """Check the database's integrity."""
    from bot.cli.database import check as work  # noqa: PLC0415 - each command loads what it needs

    typer.echo(work(_settings()))


def main() -> None:
    """Run `ftbot`; whatever goes wrong is one line on standard error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # some terminals know fewer characters
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    code = _run(arguments or ["--help"], debug=debug)
    # All memory goes with the process. Looking through it for garbage first would take 100 ms.
    gc.freeze()
    sys.exit(code)


def _run(arguments: list[str], *, debug: bool) -> int:
    """Run a command and return its exit code."""
    try:
        code = app(arguments, prog_name="ftbot", standalone_mode=False, obj=debug)
        sys.stdout.flush()
    except UserError as error:
        _complain(error, debug=debug)
        return error.exit_code
    except typer.TyperException as error:
        _complain(error, debug=debug)
        return UserError.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):  # which Typer makes of it
        # The reader, such as `head`, has seen enough; nor shall the flush at the end fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - people see one sentence, whatever it is
        text = f"A mistake in ftbot: {type(error).__name__}: {error}. Run it with --debug for more."
        _complain(error, text, debug=debug)
        return MISTAKE
    return int(code or 0)


def _complain(error: Exception, text: str = "", *, debug: bool) -> None:
    if debug:
        sys.stderr.write(logs.printable(error))
    if isinstance(error, typer.TyperException):
        text = error.format_message()
    line = " ".join((text or str(error)).split())
    sys.stderr.write(f"ftbot: {logs.escape(line)}\n")


def _settings(*, quiet: bool = False) -> Settings:
    """Load the settings and start logging; one-off commands only log what is wrong."""
    loaded = settings.load()
    level = "error" if quiet and loaded.log_level in {"info", "warning"} else loaded.log_level
    logs.configure(level, loaded.log_format, loaded.secrets, colour=not quiet and _in_colour())
    return loaded


def _in_colour() -> bool:
    from rich.console import Console  # noqa: PLC0415 - takes longer than most commands

    stderr = Console(stderr=True)  # it knows terminals, NO_COLOR and FORCE_COLOR
    return stderr.color_system is not None and not stderr.no_color


def _sandbox(loaded: Settings, port: int = 0, language: str = "en") -> None:
    from bot.sandbox.run import run_sandbox  # noqa: PLC0415 - each command loads what it needs

    if "log_level" not in loaded.model_fields_set:  # the addresses are what is to be read
        logs.configure("warning", loaded.log_format, loaded.secrets, colour=_in_colour())
    asyncio.run(run_sandbox(loaded, typer.echo, port=port, language=language))
