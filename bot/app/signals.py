"""Ending when the operator says so."""

import asyncio
import logging
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

log = logging.getLogger(__name__)


async def until_signal(work: Coroutine[Any, Any, object]) -> None:
    """Run `work` until it ends, or until SIGINT or SIGTERM; raise what it raises."""
    loop, signalled = asyncio.get_running_loop(), asyncio.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        with suppress(NotImplementedError):  # Windows has no such handlers; Ctrl+C still ends it
            loop.add_signal_handler(number, signalled.set)
    task, ending = asyncio.create_task(work), asyncio.create_task(signalled.wait())
    try:
        await asyncio.wait((task, ending), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        task.cancel()
        ending.cancel()
        await asyncio.gather(task, ending, return_exceptions=True)
        for number in numbers:
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)
    log.info("Bye")
