"""The examination: all checks side by side, each within its time."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from bot.app.core import DATABASE
from bot.doctor import local, rules
from bot.doctor.github import github_checks
from bot.doctor.index import index_checks
from bot.doctor.model import Check, Finding, Findings, State
from bot.doctor.times import Times
from bot.errors import ServiceError, UserError
from bot.http import http_client
from bot.settings import Settings

log = logging.getLogger(__name__)

_SETTINGS: Final = "settings"


async def examine(settings: Settings, told: Callable[[int, int], None]) -> Findings:
    """Look at everything; `told` hears how many checks of how many are through.

    Nothing is changed anywhere, and no finding shows a secret of the settings.
    """
    times = Times()
    async with _prepared(settings, times) as checks:
        through = 0

        async def look(check: Check) -> Findings:
            nonlocal through
            found = await _look(check)
            through += 1
            told(through, len(checks))
            return found

        told(0, len(checks))
        found = await asyncio.gather(*map(look, checks))
    first = Finding(_SETTINGS, State.OK, "all can be used")
    return (first, *(each for group in found for each in group), rules.clock(times.said))


def unusable(error: UserError) -> Findings:
    """Return the finding that settings cannot be used; then nothing else can be looked at."""
    return (Finding(_SETTINGS, State.FAILED, error.text, error.hint),)


@asynccontextmanager
async def _prepared(settings: Settings, times: Times) -> AsyncIterator[Sequence[Check]]:
    """Build what asks services, and return what to look at with it."""
    from bot.doctor.discord import discord_checks  # noqa: PLC0415 - half a second

    database = settings.data_dir / DATABASE
    async with AsyncExitStack() as stack:
        index = await stack.enter_async_context(http_client(settings.pypi_url))
        github = await stack.enter_async_context(http_client(settings.github_api_url))
        yield (
            *local.checks(settings, database),
            *index_checks(settings, times.listen(index)),
            *github_checks(settings, times.listen(github)),
            *discord_checks(settings, database, times),
        )


async def _look(check: Check) -> Findings:
    try:
        async with asyncio.timeout(check.seconds):
            return await check.look()
    except TimeoutError:
        text = f"There was no answer within {check.seconds:g} seconds."
        return (Finding(check.name, State.FAILED, text, "Try again later.", answered=False),)
    except UserError as error:
        silent = isinstance(error, ServiceError)
        mend = error.hint
        return (Finding(check.name, State.FAILED, error.text, mend, answered=not silent),)
    except Exception as error:  # one check that is wrong must not hide what others found
        log.debug("A check failed", exc_info=True)
        text = f"This could not be checked, by a mistake in ftbot: {type(error).__name__}: {error}"
        return (Finding(check.name, State.FAILED, text),)
