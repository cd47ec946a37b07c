"""`ftbot sync`: what is known of the index is kept up to date by a process without Discord."""

import asyncio

from bot.app.core import Core
from bot.app.jobs import FROM_ELSEWHERE, Bell, finding, refreshing, supervised
from bot.app.keeping import keeping
from bot.app.progressing import progress_service, progressing
from bot.app.signals import until_signal


async def sync_once(parts: Core) -> None:
    """Follow the index once, fill the cache and record the day. Raises what goes wrong first."""
    await parts.catalogue.load()
    for job in (*finding(parts, Bell()), *refreshing(parts)):
        if job.name not in FROM_ELSEWHERE:
            await job.run()
    await progress_service(parts).refresh()


async def sync(parts: Core) -> None:
    """Follow the index, keep the cache and its history, until SIGINT or SIGTERM."""
    await parts.catalogue.load()
    bell = Bell()
    jobs = (
        *refreshing(parts),
        *finding(parts, bell),
        *progressing(progress_service(parts)),
        *keeping(parts.database, parts.settings.backups),
    )
    async with supervised(parts, jobs, bell):
        await until_signal(asyncio.Event().wait())
