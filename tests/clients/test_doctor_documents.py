"""What the doctor says of the documents that ftbot fetches, by what their publishers send."""

import json
from collections.abc import Mapping

import httpx
import pytest

from bot.doctor.index import index_checks
from bot.doctor.model import Finding, State
from bot.http import http_client
from bot.settings import load
from tests.clients.conftest import answer

SETTINGS = load(
    {
        "FTBOT_TOP_PACKAGES_URL": "http://documents.test/ranks",
        "FTBOT_TRACKER_URL": "http://documents.test/table",
        "FTBOT_GUIDE_URL": "http://documents.test/guide",
    }
)
RANKS = {"last_update": "2026-11-01 00:00:00", "rows": [{"project": "demo", "download_count": 9}]}
TABLE = (
    "| Project | Tested in CI | First release | Issue |\n|---|---|---|---|\n| demo | | 1.0 | |\n"
)
GUIDE = {"docs": [{"location": "made-up/", "title": "Made up", "text": "Words."}]}


async def examined(bodies: Mapping[str, bytes]) -> dict[str, Finding]:
    """Look at the documents where these are published."""

    def site(request: httpx.Request) -> httpx.Response:
        return answer(body=bodies[request.url.path])

    async with http_client(transport=httpx.MockTransport(site)) as client:
        checks = [each for each in index_checks(SETTINGS, client) if each.name in NAMES]
        return {each.name: (await each.look())[0] for each in checks}


NAMES = ("download ranks", "tracking table", "porting guide")


async def test_as_they_are_published() -> None:
    found = await examined(
        {
            "/ranks": json.dumps(RANKS).encode(),
            "/table": TABLE.encode(),
            "/guide": json.dumps(GUIDE).encode(),
        }
    )
    assert {name: each.state for name, each in found.items()} == dict.fromkeys(NAMES, State.OK)


@pytest.mark.parametrize("body", [b"", b"<!doctype html>", b"[]"])
async def test_something_else(body: bytes) -> None:
    found = await examined(dict.fromkeys(("/ranks", "/table", "/guide"), body))
    assert tuple(found) == NAMES
    for each in found.values():
        assert each.state is State.WARNING
        assert each.mend.endswith("Until then ftbot uses the last one it has.")
