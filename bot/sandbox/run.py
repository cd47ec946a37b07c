"""`ftbot sandbox`: everything of a bot but Discord and the network."""

import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from discord import Locale
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from bot import translations
from bot.app.core import PATIENCE, core
from bot.app.jobs import FROM_ELSEWHERE
from bot.app.running import webhook_routes, working
from bot.app.signals import until_signal
from bot.client import FtBot, Services
from bot.errors import UserError
from bot.language import known, say, speaking
from bot.sandbox.commands import EXAMPLE, Sandbox
from bot.sandbox.github import StandIn, serve_github
from bot.sandbox.index import serve_index
from bot.sandbox.publications import Publications
from bot.sandbox.readings import store_readings
from bot.sandbox.snapshot import Snapshot, shipped_snapshot
from bot.settings import HttpAddress, Settings
from bot.web import serving
from bot.webhook import PATH as WEBHOOK
from bot.xray.store import XrayStore

if TYPE_CHECKING:
    from bot.sandbox.simulation import Simulation

    Simulate = Callable[..., AbstractAsyncContextManager[Simulation]]


_MOST = 1_000  # projects: all that are ranked, in some seconds
_AT_ONCE = {"changes": "journal", "changes_interval": 1.0, "announce_settle": 2.0}
_LOOPBACK = "127.0.0.1"
REPORTED = "made-up-linux-only"
"""A project whose issues are nowhere else, so that ftbot may file them."""
_INSTALL = "Install them with `pip install ftbot[sandbox]`."


async def run_sandbox(
    settings: Settings, tell: Callable[[str], None], *, port: int = 0, language: str = "en"
) -> None:
    """Run until SIGINT, SIGTERM or the end of the session in the browser.

    `tell` is given lines for the person who started it; one of them is the address alone. `port`
    is the page's, 0 for any free one; `language` is what its people speak, by its code. Nothing of
    what happens here is kept. Raises UserError if ftbot does not speak that, the port is in use or
    the packages of the extra `sandbox` are not installed.
    """
    async with open_sandbox(settings, port=port, language=language) as simulation:
        tell("ftbot's sandbox, a simulated Discord in your browser:")
        tell(simulation.server)
        for person in simulation.people:
            tell(f"Direct messages of {person.name}: {person.direct_messages}")
        tell("Press Ctrl+C to end it.")
        await until_signal(simulation.ended())


@asynccontextmanager
async def open_sandbox(
    settings: Settings, *, port: int = 0, language: str = "en"
) -> AsyncIterator["Simulation"]:
    """Run the bot on the snapshot that ships, in a simulated Discord. Raises as `run_sandbox`."""
    simulate, setup_error = _simulation()
    _require_free(port)
    locale = _locale(language)
    snapshot = shipped_snapshot()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="ftbot-sandbox-")))
        publications = Publications(snapshot)
        index = await stack.enter_async_context(serve_index(snapshot, publications))
        github = await stack.enter_async_context(serve_github(settings.github_repo))
        bots: list[FtBot] = []
        local = _local(settings, index, github, folder)
        services = await stack.enter_async_context(_services(local, github, bots))
        bot = FtBot(services, shard_count=1)
        bots.append(bot)
        bot.tree.add_command(Sandbox(publications))
        try:
            simulation = await stack.enter_async_context(simulate(bot, port=port, locale=locale))
        except setup_error as error:
            raise UserError(f"The sandbox cannot start: {error}", _INSTALL) from error
        channel, staff = simulation.channel, simulation.staff
        await services.reports.setup(simulation.env.guild.id, channel.id, staff.id)
        with speaking(language):
            welcome = _welcome(simulation, snapshot, github)
        await simulation.say(welcome)
        yield simulation


def _local(settings: Settings, index: str, github: StandIn, folder: Path) -> Settings:
    """Return the settings for the stand-ins of the index and of GitHub, and a new database."""
    local = {
        "pypi_url": index,
        "data_dir": folder,
        "backups": 0,
        "fill": _MOST,
        "github_api_url": github.url,
        "github_repos": (),
        "github_token": SecretStr(github.token),
        "github_app_id": None,
        "github_app_key_file": None,
        "github_webhook_secret": SecretStr(secrets.token_hex(16)),
        **_AT_ONCE,
    }
    return settings.model_copy(update=local)


@asynccontextmanager
async def _services(
    settings: Settings, github: StandIn, bots: list[FtBot]
) -> AsyncIterator[Services]:
    """Open what the bot works with; `github` tells it of changes as the real one does."""

    async def missing() -> tuple[str, ...]:
        return () if bots else ("discord",)

    async with core(settings, patience=PATIENCE) as parts:
        parts.xray.reads = False  # the index here has names of wheels, but no wheels
        await store_readings(XrayStore(parts.database))
        await parts.catalogue.refresh_names()  # only names that can be answered are offered
        async with (
            working(parts, lambda: bots[0] if bots else None, without=FROM_ELSEWHERE) as it,
            serving(
                HttpAddress(_LOOPBACK, 0),
                statuses=it.services.jobs,
                missing=missing,
                registry=CollectorRegistry(),
                routes=webhook_routes(settings, it),
            ) as bound,
        ):
            secret = settings.github_webhook_secret
            github.call(f"http://{bound}{WEBHOOK}", secret.get_secret_value() if secret else "")
            yield it.services


def _simulation() -> tuple["Simulate", type[Exception]]:
    try:  # the extra is for people who try ftbot; on Discord it runs without
        from simcord import SetupError  # noqa: PLC0415 - see above

        from bot.sandbox.simulation import simulate  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("bot"):
            raise
        raise UserError("The sandbox needs packages that are not installed.", _INSTALL) from error
    return simulate, SetupError


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError as error:
            raise UserError(
                f"Port {port} of {_LOOPBACK} cannot be used: {error.strerror or error}.",
                "Choose another with --port, or leave it out for any free one.",
            ) from error


def _locale(language: str) -> Locale:
    """Return what Discord calls a language that ftbot speaks. Raises UserError for any other."""
    translations.load()
    locale = next((each for each in Locale if each.value.startswith(language)), None)
    if language not in known() or locale is None:
        raise UserError(f"ftbot does not speak {language}.", f"Choose one of {', '.join(known())}.")
    return locale


def _welcome(simulation: "Simulation", snapshot: Snapshot, github: StandIn) -> str:
    real = [name for name, project in snapshot.projects.items() if not project.made_up]
    made_up = [name for name, project in snapshot.projects.items() if project.made_up]
    pages = " · ".join(f"[{each.name}]({each.direct_messages})" for each in simulation.people)
    return say(
        """\
## Welcome to the sandbox of ftbot
This is the bot itself in a simulated Discord on your computer. It knows {count} projects, \
as the index had them on {taken}. Type into the field below:
- `/check numpy`: free-threaded wheels, fewer for 3.13t
- `/check grpcio`: has to be compiled
- `/check h3`: installs, and turns the GIL on
- `/check cryptograpy`: a typing error
- `/check grpc`: what is imported, not the project's name

Or a whole project: `/audit` with a lock file or `requirements.txt` of it. Or all of them: \
`/progress`.

Then let news come:
- `/announce subscribe` with this channel, or `/watch add {example}` for a direct message
- `/sandbox publish`: {example} gets a made-up release, and its announcement arrives
- `/sandbox complete`: more wheels, by which the announcement is edited
- `/sandbox yank`: withdraws it, and what was announced too

And report what breaks, as Ben:
- `/report` with {reported}: say what happened, paste a log, send it
- decide on its card as Ada: *File* opens an issue on [a made-up GitHub]({github})
- close the issue there, or comment on it: the card shows it, and Ben is told

*Viewing as*, above, changes whose eyes you look through. Direct messages: {pages}
-# Its projects: {real}
-# Made up: {made_up}
-# The snapshot has no times of upload, so no answer says since when.
""",
        count=len(real),
        taken=snapshot.taken,
        example=EXAMPLE,
        reported=REPORTED,
        github=github.page,
        pages=pages,
        real=", ".join(real),
        made_up=", ".join(made_up),
    )
