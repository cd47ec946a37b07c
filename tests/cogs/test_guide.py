"""/guide, on the guide that ships."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.client import FtBot, Services
from bot.db import Database
from bot.guide.service import GuideService
from bot.http import http_client
from bot.index.store import DocumentStore
from tests.cogs.conftest import World
from tests.cogs.fakes import Index, services_on
from tests.cogs.showing import BUTTON, parts, texts

SITE = "https://guide.example/"
HEADING = "From the command line"


@pytest.fixture
async def guide(database: Database) -> AsyncIterator[GuideService]:
    async with http_client() as http:
        made = GuideService(DocumentStore(database), http, f"{SITE}search/search_index.json")
        await made.load()
        yield made
        made.close()


@pytest.fixture
def services(index: Index, database: Database, guide: GuideService) -> Services:
    return replace(services_on(database, index, index), guide=guide)


@pytest.fixture
async def simcord_bot(services: Services) -> FtBot:
    return FtBot(services, shard_count=1)


async def test_a_question_finds_the_section_that_answers_it(world: World) -> None:
    result = await world.member.slash(
        world.channel, "guide", query="a warning says that the gil came back"
    )
    assert "## What does RuntimeWarning" in texts(result)
    assert "You imported an extension module" in texts(result)
    (button,) = parts(result, BUTTON)
    assert button["url"].startswith(f"{SITE}faq/#what-does-runtimewarning")
    assert 2 <= texts(result).count("\n- [") <= 3
    assert not result.ephemeral


@pytest.mark.parametrize("query", ["refernce counting", "reference countng"])
async def test_a_typing_error_is_forgiven(world: World, query: str) -> None:
    result = await world.member.slash(world.channel, "guide", query=query)
    right = await world.member.slash(world.channel, "guide", query="reference counting")
    assert texts(result) == texts(right)
    assert "CPython C API usage" in texts(result)


async def test_what_is_offered_is_found(world: World) -> None:
    choices = await world.member.autocomplete(world.channel, "guide", "query", "from the comm")
    assert choices[0]["value"] == HEADING
    result = await world.member.slash(world.channel, "guide", query=HEADING)
    assert texts(result).startswith(f"## {HEADING}\n-# Running Python with the GIL Disabled\n")


@pytest.mark.parametrize("typed", ["", "lock", "zz qq", "x" * 6000, "\x00\u202e", '"'])
async def test_choices_fit_whatever_is_typed(world: World, typed: str) -> None:
    choices = await world.member.autocomplete(world.channel, "guide", "query", typed)
    values = [choice["value"] for choice in choices]
    assert len(values) <= 25
    assert len(set(values)) == len(values)
    assert all(1 <= len(value) <= 100 for value in values)
    assert bool(values) == (typed not in {"zz qq", "x" * 6000})


@pytest.mark.parametrize("query", [None, " ", "the of", "zebra", "x" * 6000, "@everyone", "\x00"])
async def test_what_is_not_there_gives_the_contents(world: World, query: str | None) -> None:
    options = {} if query is None else {"query": query}
    result = await world.member.slash(world.channel, "guide", **options)
    assert "## The porting guide" in texts(result)
    assert f"- [Running Python with the GIL Disabled](<{SITE}running-gil-disabled/>)" in texts(
        result
    )
    assert ("Nothing in it fits" in texts(result)) == bool(query and query.strip())
    assert "@everyone" not in texts(result)
    assert not result.ephemeral


async def test_direct_messages(world: World) -> None:
    result = await world.env.create_user("bob").slash("guide", query="docker")
    assert "## Use containers" in texts(result)


async def test_it_answers_with_one_call(world: World) -> None:
    before = len(world.env.http_requests)
    await world.member.slash(world.channel, "guide", query="atomics")
    assert [call.method for call in world.env.http_requests[before:]] == ["POST"]
