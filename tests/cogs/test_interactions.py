"""How interactions are counted, timed and named, and what /about answers."""

from collections.abc import Callable

import pytest
import simcord
from prometheus_client import REGISTRY

from bot import interactions, logs
from bot.errors import ProjectNotFound
from tests.cogs.conftest import World
from tests.cogs.showing import texts

Counted = Callable[[], dict[tuple[str, ...], float]]


@pytest.fixture
def counted() -> Counted:
    """What was counted since the test began, by kind, name and outcome."""

    def now() -> dict[tuple[str, ...], float]:
        return {
            (sample.labels["kind"], sample.labels["name"], sample.labels["outcome"]): sample.value
            for metric in interactions.INTERACTIONS.collect()
            for sample in metric.samples
            if sample.name.endswith("_total")
        }

    before = now()
    return lambda: {
        key: value - before.get(key, 0)
        for key, value in now().items()
        if value > before.get(key, 0)
    }


async def test_commands_by_what_came_of_them(world: World, counted: Counted) -> None:
    for project in ("numpy", "numpy", "numpyy", "offline"):
        await world.member.slash(world.channel, "check", project=project)
    simcord.assert_error(world.env, ProjectNotFound)
    world.index.error = RuntimeError("a mistake")
    await world.member.slash(world.channel, "check", project="numpy")
    simcord.assert_error(world.env, RuntimeError)
    assert counted() == {
        ("command", "check", "answered"): 2,
        ("command", "check", "refused"): 1,
        ("command", "check", "unavailable"): 1,
        ("command", "check", "mistake"): 1,
    }


async def test_what_discord_takes_no_answer_to(world: World, counted: Counted) -> None:
    world.env.inject_error("POST", "/interactions/*/callback", status=404, code=10062)
    await world.member.slash(world.channel, "check", project="numpy")
    simcord.assert_error(world.env)
    assert counted() == {("command", "check", "unanswered"): 1}


async def test_subcommands_components_and_forms_by_their_own_names(
    world: World, counted: Counted
) -> None:
    await world.member.slash(world.channel, "watch list")
    checked = await world.member.slash(world.channel, "check", project="numpy")
    assert checked.response is not None
    await world.member.select(checked.response, ["3.14t"])
    await world.member.autocomplete(world.channel, "check", "project", "num")
    assert counted() == {
        ("command", "watch list", "answered"): 1,
        ("command", "check", "answered"): 1,
        ("component", "details", "answered"): 1,
        ("autocomplete", "check", "answered"): 1,
    }


async def test_both_times_are_taken_and_the_first_is_the_shorter(world: World) -> None:
    def seconds(what: str) -> tuple[float, float]:
        name, labels = f"ftbot_interaction_{what}", {"kind": "command", "name": "about"}
        values = (REGISTRY.get_sample_value(name + end, labels) for end in ("_count", "_sum"))
        count, total = (value or 0.0 for value in values)
        return count, total

    before = seconds("first_answer_seconds"), seconds("seconds")
    await world.member.slash(world.channel, "about")
    first, work = seconds("first_answer_seconds"), seconds("seconds")
    assert (first[0] - before[0][0], work[0] - before[1][0]) == (1, 1)
    assert 0 < first[1] - before[0][1] <= work[1] - before[1][1]


async def test_nothing_is_left_of_an_interaction_in_other_tasks(world: World) -> None:
    await world.member.slash(world.channel, "check", project="numpy")
    assert logs.interaction.get() is None


async def test_about(world: World) -> None:
    result = await world.member.slash(world.channel, "about")
    assert not result.ephemeral
    assert "900,000 projects by name" in texts(result)
    assert "on 1 server." in texts(result)
    assert "ftbot `1.2.3` · Python 3.14.0 without the GIL · discord.py 2.7.1" in texts(result)
