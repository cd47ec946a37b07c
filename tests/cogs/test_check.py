import io
import logging
import re
from collections.abc import Iterator
from dataclasses import replace

import discord
import pytest
import simcord

from bot.compat.model import Target
from bot.compat.targets import ALL_TARGETS, PLATFORMS, PYTHONS
from bot.errors import ProjectNotFound, UserError
from bot.logs import Redaction, TextFormatter
from bot.ui import check as check_card
from bot.ui import custom_ids
from tests.cogs.conftest import World
from tests.cogs.showing import BUTTON, parts, texts
from tests.ui.answers import ON, declared


def calls(world: World) -> list[tuple[str, str]]:
    """The REST calls so far: method and last part of the path."""
    return [(entry.method, entry.path.split("/")[-1]) for entry in world.env.http_requests]


async def test_one_call_answers_for_all_targets(world: World) -> None:
    before = len(calls(world))
    result = await world.member.slash(world.channel, "check", project="numpy")
    assert "## numpy 2.0" in texts(result)
    assert all(f"**{python}** ✅ wheel, everywhere" in texts(result) for python in PYTHONS)
    assert not result.ephemeral
    assert calls(world)[before:] == [("POST", "callback")]


async def test_direct_messages(world: World) -> None:
    result = await world.env.create_user("bob").slash("check", project="numpy")
    assert "## numpy 2.0" in texts(result)


async def test_options_narrow_what_is_asked(world: World) -> None:
    await world.member.slash(
        world.channel, "check", project="numpy", python="3.14t", platform="Manylinux_2_39_x86_64"
    )
    assert world.index.asked == [("numpy", (Target("3.14t", "manylinux_2_39_x86_64"),))]


@pytest.mark.parametrize(
    ("option", "typed", "offered"),
    [
        ("project", "num", ["numpy", "numba"]),
        ("project", "nunpy", ["numpy", "numba"]),
        ("project", "zzz", []),
        ("platform", "", [*PLATFORMS]),
        ("platform", "Windows", ["windows-amd64", "windows-arm64"]),
        ("platform", "manylinux_2_35_x86_64", ["manylinux_2_35_x86_64"]),
        ("platform", "no such platform", []),
    ],
)
async def test_autocomplete(world: World, option: str, typed: str, offered: list[str]) -> None:
    choices = await world.member.autocomplete(world.channel, "check", option, typed)
    values = [choice["value"] for choice in choices]
    assert values[: len(offered)] == offered
    assert bool(values) == bool(offered)
    assert all(len(value) <= 100 for value in values)


async def test_details_by_select_even_after_a_restart(world: World) -> None:
    result = await world.member.slash(world.channel, "check", project="numpy")
    assert result.response is not None
    await world.restart()
    chosen = await world.member.select(result.response, ["3.14t"])
    assert "### 3.14t, per platform" in texts(chosen)
    assert chosen.response is not None
    assert chosen.response.id == result.response.id
    back = await world.member.select(chosen.response, ["overview"])
    assert "**3.13t** ✅ wheel, everywhere" in texts(back)


async def test_the_select_keeps_what_was_asked_for(world: World) -> None:
    result = await world.member.slash(
        world.channel, "check", project="numpy", platform="macos-arm64"
    )
    assert result.response is not None
    await world.member.select(result.response, ["3.15t"])
    assert world.index.asked[0] == world.index.asked[1]
    assert {target.platform for target in world.index.asked[1][1]} == {"macos-arm64"}


async def test_what_wheels_declare_is_there_when_asked_again(world: World) -> None:
    world.index.answers["demo"] = declared(dict.fromkeys(ALL_TARGETS))
    first = await world.member.slash(world.channel, "check", project="demo")
    assert "is being read, ask again in a moment" in texts(first)
    many = replace(ON, re_enabling=tuple(f"demo.{name}" for name in "abcd"))
    world.index.answers["demo"] = declared(dict.fromkeys(ALL_TARGETS, many))
    again = await world.member.slash(world.channel, "check", project="demo")
    assert texts(again).count("⚠️ 4 of 11 modules turn the GIL on: `demo.a`, `demo.b`, ") == 1
    assert "being read" not in texts(again)
    assert again.response is not None
    chosen = await world.member.select(again.response, ["3.14t"])
    assert texts(chosen).count("`demo.d`") == len(PLATFORMS)


async def test_views_are_not_kept_in_memory(world: World) -> None:
    result = await world.member.slash(world.channel, "check", project="numpy")
    assert result.response is not None
    await world.member.select(result.response, ["3.14t"])
    assert not world.env.bot.persistent_views
    assert not world.env.bot._connection._view_store._views


async def test_unknown_project_offers_what_was_meant(world: World) -> None:
    result = await world.member.slash(world.channel, "check", project="nunpy")
    simcord.assert_error(world.env, ProjectNotFound)
    assert result.ephemeral
    assert "There is no project named nunpy" in texts(result)
    assert [button["label"] for button in parts(result, BUTTON)] == ["numpy", "numba"]
    assert result.response is not None
    corrected = await world.member.click(result.response, label="numpy")
    assert "## numpy 2.0" in texts(corrected)
    assert corrected.response is not None
    assert corrected.response.id == result.response.id


@pytest.mark.parametrize(
    "project", ["x" * 6000, "../../etc/passwd", "\x00\u202e", "🦀" * 99, "@everyone"]
)
async def test_hostile_names_get_a_sentence(world: World, project: str) -> None:
    result = await world.member.slash(world.channel, "check", project=project)
    simcord.assert_error(world.env, ProjectNotFound)
    assert "There is no project named" in texts(result)
    assert len(texts(result)) < 700
    assert "@everyone" not in texts(result)


async def test_an_unknown_platform_is_named(world: World) -> None:
    result = await world.member.slash(world.channel, "check", project="numpy", platform="amiga")
    simcord.assert_error(world.env, UserError)
    assert result.ephemeral
    assert "'amiga' is not a platform" in texts(result)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged, as operators read it."""
    logger, stream = logging.getLogger("bot.respond"), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter(Redaction()))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


async def test_a_mistake_is_logged_under_the_name_that_people_see(
    world: World, log: io.StringIO
) -> None:
    world.index.error = RuntimeError("secret detail")
    result = await world.member.slash(world.channel, "check", project="numpy")
    simcord.assert_error(world.env, RuntimeError)
    (reference,) = re.findall(r"`([0-9a-f]{8})`", texts(result))
    assert f"ERROR bot.respond [{reference}]: application_command 'check' failed" in log.getvalue()
    assert "RuntimeError: secret detail" in log.getvalue()
    assert "secret detail" not in texts(result)


async def test_who_tells_of_a_service_that_is_down_can_name_the_lines_of_the_log(
    world: World, log: io.StringIO
) -> None:
    result = await world.member.slash(world.channel, "check", project="offline")
    (reference,) = re.findall(r"`([0-9a-f]{8})`", texts(result))
    assert f"WARNING bot.respond [{reference}]: application_command 'check': The " in log.getvalue()
    refused = await world.member.slash(world.channel, "check", project="numpyy")
    simcord.assert_error(world.env, ProjectNotFound)
    assert "Reference" not in texts(refused)


async def test_a_failing_select_leaves_the_answer_and_says_so(world: World) -> None:
    result = await world.member.slash(world.channel, "check", project="numpy")
    assert result.response is not None
    world.index.error = RuntimeError("broken")
    failed = await world.member.select(result.response, ["3.14t"])
    assert failed.ephemeral
    assert "Something went wrong" in texts(failed)
    assert "## numpy 2.0" in texts(result)


async def test_components_of_other_versions_are_answered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_card, "_shown", {})
    with monkeypatch.context() as older:
        older.setattr(custom_ids, "VERSION", "0")
        result = await world.member.slash(world.channel, "check", project="numpy")
    assert result.response is not None
    answered = await world.member.select(result.response, ["3.14t"])
    assert answered.ephemeral
    assert "older version of ftbot" in texts(answered)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [(404, 10062, "answered too late"), (400, 40060, "answered already")],
)
async def test_an_interaction_that_takes_no_answer_is_left_alone(
    world: World, log: io.StringIO, status: int, code: int, said: str
) -> None:
    world.env.inject_error("POST", "/interactions/*/callback", status=status, code=code)
    await world.member.slash(world.channel, "check", project="numpy")
    simcord.assert_error(world.env, discord.HTTPException)
    assert said in log.getvalue()
    assert "Traceback" not in log.getvalue()
    result = await world.member.slash(world.channel, "check", project="numpy")
    assert "## numpy 2.0" in texts(result)


async def test_commands_are_synced_once(world: World) -> None:
    syncs = [call for call in calls(world) if call == ("PUT", "commands")]
    await world.restart()
    assert len(syncs) == 1
    assert [call for call in calls(world) if call == ("PUT", "commands")] == syncs


async def test_commands_are_for_servers_direct_messages_and_user_installs(world: World) -> None:
    (payload,) = (e.json for e in world.env.http_requests if e.method == "PUT")
    assert payload is not None
    everywhere = {
        command["name"]
        for command in payload
        if (command["contexts"], command["integration_types"]) == ([0, 1, 2], [0, 1])
    }
    menu = "Report free-threading problem"
    alone = {"check", "audit", "guide", "progress", "report", "reports", "privacy", "about"}
    assert everywhere == {*alone, "watch", menu}
