"""A process that files what waits in a database, until it is killed.

python -m tests.e2e.filing_worker FOLDER GITHUB START SPEED
"""

import asyncio
import logging
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.errors import DatabaseError
from bot.github.auth import App
from tests.e2e.filing_parts import FastClock, parts

log = logging.getLogger(__name__)

ROUND = 0.02  # seconds between two


async def work(folder: Path, github: str, clock: FastClock) -> None:
    key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    async with parts(folder, github, clock=clock, credentials=App("1204733", key)) as bot:
        sys.stdout.write("working\n")
        sys.stdout.flush()
        while True:
            try:
                await bot.filing.file()
            except DatabaseError as error:  # the experiment writes too; the job comes again
                log.warning("%s", error)
            await asyncio.sleep(ROUND)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    _, folder, github, start, speed = sys.argv
    asyncio.run(work(Path(folder), github, FastClock(float(start), float(speed))))
