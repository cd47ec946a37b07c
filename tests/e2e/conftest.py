"""What tests with a Discord on loopback share."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.loopback import Loopback, loopback, pointed_at


@pytest.fixture
async def discord_api() -> AsyncIterator[Loopback]:
    """A Discord that discord.py of this process talks to."""
    async with loopback() as fake:
        with pointed_at(fake):
            yield fake
