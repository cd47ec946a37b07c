"""`ftbot doctor` as operators run it, where all is well and where something is not."""

import asyncio
import copy
import json
import math
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import github_loopback
from tests.e2e.loopback import TOKEN, tool
from tests.e2e.machine import CHANNEL, Machine, machine
from tests.e2e.small_disk import remount, small_disk

pytestmark = [
    pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey"),
    pytest.mark.slow,
]

HOME = "made-up/tracker"
NOBODY = "http://127.0.0.1:9"  # where nobody listens
SECOND = "made-up/second"
SECRET = "ghp_madeUpMadeUpMadeUp"  # noqa: S105 - nobody's


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine(tmp_path) as made:
        made.publish("pip")
        yield made


@pytest.fixture
async def github(world: Machine) -> AsyncIterator[Any]:
    """A GitHub with two repositories, where the App is installed."""
    (world.folder / "app.pem").write_bytes(github_loopback.pem())
    async with github_loopback.serving() as served:
        for name in (HOME, SECOND):
            served.repo(name, labels=["bug"])
        yield served


def on(github: Any, world: Machine) -> dict[str, str]:  # noqa: ANN401 - the loopback's
    return {
        "FTBOT_GITHUB_API_URL": github.url,
        "FTBOT_GITHUB_REPO": HOME,
        "FTBOT_GITHUB_REPOS": SECOND,
        "FTBOT_GITHUB_APP_ID": github_loopback.APP_ID,
        "FTBOT_GITHUB_APP_KEY_FILE": str(world.folder / "app.pem"),
    }


async def doctor(world: Machine, **settings: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run it; give the exit code and the findings by name."""
    code, out, err = await world.ftbot("doctor", "--json", **settings)
    assert err == ""
    assert TOKEN not in out
    assert SECRET not in out
    findings = [json.loads(line) for line in out.splitlines()]
    for each in findings:
        assert each.keys() == {"name", "state", "text", "mend", "answered"}
        assert bool(each["mend"]) or each["state"] in {"ok", "skipped"}
    return code, {each["name"]: each for each in findings}


def states(found: dict[str, dict[str, Any]], state: str) -> list[str]:
    return [name for name, each in found.items() if each["state"] == state]


async def test_where_all_is_well(world: Machine, github: Any) -> None:  # noqa: ANN401
    code, found = await doctor(world, **on(github, world), FTBOT_BACKUPS="7")
    assert (code, states(found, "failed")) == (0, [])
    assert set(states(found, "warning")) == {
        "download ranks", "tracking table", "porting guide",  # which this index does not have
        "backups",  # for the bot has never run here
    }  # fmt: skip
    assert set(states(found, "ok")) == {
        "settings", "data directory", "database", "index", "journal", "clock",
        "GitHub", f"GitHub {HOME}", f"GitHub {SECOND}",
        "Discord", "Discord intents", "Discord invitation", "Discord connections",
        "#general on Free-threaded Python",
    }  # fmt: skip
    assert "permissions=274877991936" in found["Discord invitation"]["text"]
    assert "ftbot[bot]" in found["GitHub"]["text"]
    # It looked, and did nothing.
    assert {each["method"] for each in world.discord.requests} == {"GET"}
    assert github.issues(HOME) == []
    assert world.query("SELECT count(*) FROM memory") == [(0,)]


async def test_as_a_table(world: Machine) -> None:
    code, out, err = await world.ftbot("doctor")
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    lines = out.splitlines()
    assert lines[0].split() == ["✓", "settings", "all", "can", "be", "used"]
    assert any(line.startswith("!  tracking table") and " → " in line for line in lines)
    assert lines[-1] == "All that is needed is there; 3 could be better."
    _, coloured, _ = await world.ftbot("doctor", FORCE_COLOR="1", TERM="xterm-256color")
    assert "\x1b[32m✓" in coloured
    _, plain, _ = await world.ftbot("doctor", FORCE_COLOR="1", NO_COLOR="1", TERM="xterm")
    assert "\x1b[32m" not in plain


async def test_settings_that_cannot_be_used(world: Machine) -> None:
    code, found = await doctor(world, FTBOT_FILL="many", FTBOT_DISCORD_TOKN=SECRET)
    assert code == 2
    assert states(found, "failed") == ["settings"]
    assert "FTBOT_FILL cannot be used" in found["settings"]["text"]
    assert "did you mean FTBOT_DISCORD_TOKEN" in found["settings"]["text"]


async def test_a_wrong_token_and_no_token(world: Machine) -> None:
    code, found = await doctor(world, FTBOT_DISCORD_TOKEN="wrong.token.here")  # noqa: S106
    assert (code, states(found, "failed")) == (2, ["Discord"])
    assert found["Discord"]["text"] == "Discord refuses the token."
    assert "FTBOT_DISCORD_TOKEN" in found["Discord"]["mend"]
    code, found = await doctor(world, FTBOT_DISCORD_TOKEN="")
    assert (code, found["Discord"]["state"]) == (0, "skipped")


def changed(world: Machine, path: str, body: Any) -> None:  # noqa: ANN401 - JSON
    """Let Discord answer something else for good."""
    fault = {"method": "GET", "path_re": path, "times": math.inf, "status": 200, "body": body}
    world.discord.faults.append(fault)


async def test_an_application_that_is_set_up_wrongly(world: Machine) -> None:
    application = {
        **tool("discord_loopback").app_info(),
        "flags": 1 << 19 | 1 << 15,
        "bot_require_code_grant": True,
        "interactions_endpoint_url": "https://elsewhere.example/",
    }
    changed(world, "/applications/@me$", application)
    code, found = await doctor(world)
    assert code == 2
    assert states(found, "failed") == ["Discord invitation", "Discord commands"]
    assert "OAuth2 Code Grant" in found["Discord invitation"]["text"]
    intents = found["Discord intents"]
    assert intents["state"] == "warning"
    assert intents["text"].startswith("Server Members Intent, Message Content Intent: on")


async def test_channels_where_something_is_missing(world: Machine) -> None:
    ids = tool("discord_loopback")
    subscribe(world, channel=int(ids.NEWS_ID))
    subscribe(world, channel=4000000000000000077)
    subscribe(world, channel=4000000000000000088, guild=77)
    subscribe(world, channel=int(ids.TRIAGE_ID), role=123)
    closed = copy.deepcopy(ids.channel(ids.NEWS_ID, "releases", 5))
    closed["permission_overwrites"] = [
        {"id": ids.GUILD_ID, "type": 0, "allow": "0", "deny": str(1 << 11 | 1 << 16)}
    ]
    changed(world, f"/channels/{ids.NEWS_ID}$", closed)
    server = ids.guild()
    server["roles"][0]["permissions"] = str((1 << 50) - 1 - (1 << 3))  # no administrator
    changed(world, f"/guilds/{ids.GUILD_ID}$", server)
    gone = {"code": 10004, "message": "Unknown Guild"}
    fault = {"method": "GET", "path_re": "/guilds/77$", "times": math.inf, "status": 404}
    world.discord.faults.append({**fault, "body": gone})
    code, found = await doctor(world)
    assert code == 2
    assert states(found, "failed") == [
        "#releases on Free-threaded Python",
        "channel 4000000000000000077",
    ]
    mend = found["#releases on Free-threaded Python"]["mend"]
    assert mend == "Give it there: Send Messages, Read Message History."
    assert "not on the server 77" in found["channel 4000000000000000088"]["text"]
    assert "its role is gone" in found["#triage on Free-threaded Python"]["text"]
    assert found["#general on Free-threaded Python"]["state"] == "ok"


def subscribe(
    world: Machine, *, channel: int, guild: int = 3000000000000000001, role: int | None = None
) -> None:
    assert channel != CHANNEL
    with closing(sqlite3.connect(world.path)) as connection, connection:
        connection.execute(
            "INSERT INTO subscription (channel, guild, what, among, role, created)"
            " VALUES (?, ?, 'new-support', 'everything', ?, '')",
            (channel, guild, role),
        )


async def test_services_that_do_not_answer(world: Machine) -> None:
    fault = tool("index_replica").Fault
    world.index.faults.append(fault("^/pypi$", status=503, times=math.inf))
    (code, found), journal = await asyncio.gather(
        doctor(world, FTBOT_CHANGES="auto"), doctor(world)
    )
    assert (code, found["journal"]["state"]) == (0, "warning")
    code, found = journal
    assert (code, states(found, "failed")) == (3, ["journal"])
    world.index.faults.append(fault("^/simple/", drop=True, times=math.inf))
    (code, found), both = await asyncio.gather(
        doctor(world, FTBOT_CHANGES="serials"),
        doctor(world, FTBOT_CHANGES="serials", FTBOT_DISCORD_API_URL=NOBODY),
    )
    assert (code, states(found, "failed")) == (3, ["index"])
    assert not found["index"]["answered"]
    code, found = both
    assert (code, states(found, "failed")) == (3, ["index", "Discord"])


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_is_an_hour_off(world: Machine, hours: int) -> None:
    date = format_datetime(datetime.now(UTC) - timedelta(hours=hours), usegmt=True)
    fault = tool("index_replica").Fault
    world.index.faults.append(fault("", headers={"Date": date}, times=math.inf))
    documents = ("FTBOT_TOP_PACKAGES_URL", "FTBOT_TRACKER_URL", "FTBOT_GUIDE_URL")
    nowhere = dict.fromkeys(documents, NOBODY)  # where nobody tells the time
    code, found = await doctor(world, **nowhere, FTBOT_DISCORD_TOKEN="")
    assert (code, states(found, "failed")) == (2, ["clock"])
    direction = "ahead of" if hours > 0 else "behind"
    assert f"{direction} 127.0.0.1" in found["clock"]["text"]
    assert found["clock"]["text"].startswith("This computer's clock is ")
    assert "NTP" in found["clock"]["mend"]


async def test_what_github_does_not_allow(world: Machine, github: Any) -> None:  # noqa: ANN401
    settings = on(github, world)
    github.permissions["issues"] = "read"
    code, found = await doctor(world, **settings)
    assert (code, states(found, "failed")) == (2, [f"GitHub {HOME}", f"GitHub {SECOND}"])
    assert "may not write issues" in found[f"GitHub {HOME}"]["text"]
    assert "Issues: read and write" in found[f"GitHub {HOME}"]["mend"]
    github.permissions["issues"] = "write"
    off = {"message": "Issues are disabled for this repo"}
    path = f"/repos/{SECOND}/issues"
    github.faults.append({"path_re": path, "status": 410, "body": off, "times": math.inf})
    code, found = await doctor(world, **settings)
    assert (code, states(found, "failed")) == (2, [f"GitHub {SECOND}"])
    assert found[f"GitHub {SECOND}"]["text"] == f"{SECOND} takes no issues."
    settings["FTBOT_GITHUB_REPOS"] = "made-up/none"
    code, found = await doctor(world, **settings)
    assert (code, states(found, "failed")) == (2, ["GitHub made-up/none"])
    assert "shows ftbot no repository" in found["GitHub made-up/none"]["text"]


async def test_credentials_that_github_refuses(world: Machine, github: Any) -> None:  # noqa: ANN401
    settings = {"FTBOT_GITHUB_API_URL": github.url, "FTBOT_GITHUB_REPO": HOME}
    (world.folder / "broken.pem").write_text("no key")
    broken = {
        "FTBOT_GITHUB_APP_ID": "1",
        "FTBOT_GITHUB_APP_KEY_FILE": str(world.folder / "broken.pem"),
    }
    silent = {**settings, "FTBOT_GITHUB_API_URL": NOBODY}
    refused, unusable, unanswered = await asyncio.gather(
        doctor(world, **settings, FTBOT_GITHUB_TOKEN=SECRET),
        doctor(world, **settings, **broken),
        doctor(world, **silent, FTBOT_GITHUB_TOKEN=SECRET),
    )
    code, found = refused
    assert (code, found["GitHub"]["state"]) == (2, "failed")
    assert "does not accept ftbot's credentials" in found["GitHub"]["text"]
    code, found = unusable
    assert (code, states(found, "failed")) == (2, ["GitHub"])
    assert "holds no private key" in found["GitHub"]["text"]
    code, found = unanswered
    assert (code, states(found, "failed")) == (3, ["GitHub", f"GitHub {HOME}"])


async def test_a_database_that_cannot_be_used(world: Machine) -> None:
    whole = world.path.read_bytes()
    page = 4096
    world.path.write_bytes(whole[: 3 * page] + b"\xa5" * (4 * page) + whole[7 * page :])
    code, found = await doctor(world)
    assert (code, states(found, "failed")) == (2, ["database"])
    assert "is damaged" in found["database"]["text"]
    assert "ftbot db restore FILE" in found["database"]["mend"] or found["database"]["mend"]
    world.path.write_bytes(b"not a database at all" * 1_000)
    code, found = await doctor(world)
    assert (code, states(found, "failed")) == (2, ["database"])
    assert "is not an SQLite file" in found["database"]["text"]
    world.path.unlink()
    code, found = await doctor(world)
    assert (code, found["database"]["state"]) == (0, "ok")
    assert not world.path.exists()


async def test_a_disk_that_is_full_or_read_only(world: Machine) -> None:
    with small_disk(small := world.folder / "small", "8m"):
        code, found = await doctor(world, FTBOT_DATA_DIR=str(small))
        assert (code, states(found, "failed")) == (2, ["data directory"])
        assert "The disk is full" in found["data directory"]["text"]
        (small / "filler").write_bytes(b"\0" * 8_000_000)
        remount(small, "ro")
        code, found = await doctor(world, FTBOT_DATA_DIR=str(small / "deeper"))
        assert (code, states(found, "failed")) == (2, ["data directory"])
        assert "cannot be written" in found["data directory"]["text"]
