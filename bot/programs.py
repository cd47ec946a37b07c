"""Programs of ftbot's own, each in a process that does one thing and ends."""

import asyncio
import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bot.errors import ServiceError
from bot.settings import for_children

log = logging.getLogger(__name__)

_LONGEST_COMPLAINT = 300


async def run(
    *program: str, stdin: bytes, seconds: float, environment: Mapping[str, str] | None = None
) -> bytes:
    """Run Python with these arguments, and return what it writes on standard output.

    It gets ftbot's environment without its settings, so no secret, and what is given besides.
    Raises ServiceError if it cannot be started, fails, or takes longer; it never outlives this.
    """
    name = Path(program[-1]).name.removesuffix(".py").rpartition(".")[2]
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=for_children(environment or {}),
        )
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ServiceError(f"The program {name} cannot be started: {reason}.") from error
    try:
        async with asyncio.timeout(seconds):
            out, complaint = await process.communicate(stdin)
    except TimeoutError as error:
        raise ServiceError(f"The program {name} took longer than {seconds:g} seconds.") from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        lines = complaint.decode(errors="replace").splitlines() or ["it does not say why"]
        log.debug("%s: %s", name, "\n".join(lines))
        raise ServiceError(f"The program {name} failed: {lines[-1][:_LONGEST_COMPLAINT]}")
    return out
