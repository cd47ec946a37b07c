"""The commands and their options."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import click
import typer

from bot import logs, settings
from bot.errors import UserError
from bot.settings import Settings

app = typer.Typer(
    help="A bot for people who move to free-threaded Python.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
database = typer.Typer(help="The database: upgrade, back up, check.", no_args_is_help=True)
app.add_typer(database, name="db")

Projects = Annotated[list[str], typer.Argument(metavar="PROJECT…", help="Names on the index.")]
Pythons = Annotated[
    list[str] | None, typer.Option("--python", help="An interpreter, such as 3.14t. Repeatable.")
]
Platforms = Annotated[
    list[str] | None,
    typer.Option("--platform", help="A platform, or a raw platform tag. Repeatable."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]


@app.callback()
def common(
    context: typer.Context,
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    context.obj = debug


@app.command()
def run() -> None:
    """Run the bot; without a token, the sandbox."""
    from bot.app import run as run_bot  # noqa: PLC0415 - each command loads what it needs

    loaded = _settings()
    if loaded.discord_token is None:
        _sandbox(loaded, 0)
    else:
        asyncio.run(run_bot(loaded))


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any free one.")] = 0,
) -> None:
    """Open the bot in a simulated Discord in the browser."""
    _sandbox(_settings(), port)


@app.command()
def check(
    projects: Projects,
    python: Pythons = None,
    platform: Platforms = None,
    *,
    json: Json = False,
) -> None:
    """Say whether projects install on free-threaded Python, where, and since when."""
    from bot.cli.check import print_answers  # noqa: PLC0415 - each command loads what it needs

    code = asyncio.run(print_answers(_settings(quiet=True), projects, python, platform, json=json))
    raise typer.Exit(code)


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


@database.command("check")
def check_database() -> None:
    """Check the database's integrity."""
    from bot.cli.database import check as work  # noqa: PLC0415 - each command loads what it needs

    typer.echo(work(_settings()))


def main() -> None:
    """Run `ftbot`; errors that a person can mend are one line on standard error."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        code = app(arguments, standalone_mode=False)
    except UserError as error:
        if debug:
            raise
        sys.exit(_complain(error, error.exit_code))
    except click.ClickException as error:
        sys.exit(_complain(error.format_message(), error.exit_code))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stdout = None
        sys.exit(0)
    sys.exit(code)


def _complain(error: object, code: int) -> int:
    line = " ".join(str(error).split())
    sys.stderr.write(f"ftbot: {logs.escape(line)}\n")
    return code


def _settings(*, quiet: bool = False) -> Settings:
    """Load the settings and start logging; one-off commands only log what is wrong."""
    loaded = settings.load()
    level = "error" if quiet and loaded.log_level in {"info", "warning"} else loaded.log_level
    logs.configure(level, loaded.log_format, loaded.secrets, colour=sys.stderr.isatty())
    return loaded


def _sandbox(loaded: Settings, port: int) -> None:
    from bot.sandbox.run import run_sandbox  # noqa: PLC0415 - each command loads what it needs

    asyncio.run(run_sandbox(loaded, typer.echo, port=port))
