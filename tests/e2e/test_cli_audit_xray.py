"""`ftbot audit` on packages whose wheels turn the GIL on, and on wheels that nobody read."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_cli import Command, Outcome
from tests.e2e.test_cli_audit import pylock, write
from tests.xray import sources
from tests.xray.build import build
from tests.xray.server import Behaviour, WheelServer, serving
from tests.xray.wheels import SUFFIX, wheel

pytestmark = pytest.mark.slow

LINUX = "manylinux_2_28_x86_64"
TURNS_ON = f"made_up-2.0-cp314-cp314t-{LINUX}.whl"
KEEPS_OFF = f"made_up-1.0-cp314-cp314t-{LINUX}.whl"


@pytest.fixture
async def index() -> AsyncIterator[WheelServer]:
    library = build(sources.MULTI_PHASE)
    mixed = wheel({f"declared{SUFFIX}": library, f"absent{SUFFIX}": library})
    found = {KEEPS_OFF: wheel({f"declared{SUFFIX}": library}), TURNS_ON: mixed}
    async with serving(WheelServer(found)) as server:
        yield server


@pytest.fixture
def ftbot(index: WheelServer, tmp_path: Path) -> Command:
    """The command beside a lock of a package whose wheel turns the GIL on."""
    command = Command(tmp_path, FTBOT_PYPI_URL=index.url)
    lock(command, "2.0")
    return command


def lock(ftbot: Command, version: str) -> None:
    write(ftbot, "pylock.toml", *pylock({"made-up": version}))


def document(done: Outcome) -> dict[str, Any]:
    (found,) = done.documents
    return found


AUDIT = ("audit", "pylock.toml", "--platform", "linux-x86_64")


async def test_only_what_is_known_is_told(ftbot: Command, index: WheelServer) -> None:
    done = await ftbot(*AUDIT, "--json")
    assert (done.code, done.err, index.asked) == (0, "", [])
    assert document(done)["summary"]["gil_reenabled"] == 0
    assert document(done)["gil_unread"] == 1
    (package,) = document(done)["packages"]
    assert (package["class"], package["gil"]) == ("ready", None)
    assert "1 wheel is not read yet" in (await ftbot(*AUDIT)).out


async def test_what_was_read_before_is_known(ftbot: Command, index: WheelServer) -> None:
    assert (await ftbot("xray", "made-up==2.0", "--platform", "linux-x86_64")).code == 0
    asked = len(index.asked)
    found = document(await ftbot(*AUDIT, "--json"))
    assert found["summary"]["gil_reenabled"] == 1
    assert found["summary"]["ready"] == 1
    (package,) = found["packages"]
    assert package["gil"] == {
        "verdict": "re-enables",
        "wheel": TURNS_ON,
        "modules": 2,
        "re_enabling": ["absent"],
    }
    out = (await ftbot(*AUDIT)).out
    assert "! installable, but the GIL comes back (1)" in out
    assert "made-up 2.0  1 of 2 modules turns the GIL on: absent" in out
    assert len(index.asked) == asked


@pytest.mark.parametrize(
    ("version", "fail_on", "code"),
    [
        ("2.0", ("re-enables",), 1),
        ("2.0", ("blocked",), 0),
        ("2.0", ("blocked", "re-enables"), 1),
        ("1.0", ("re-enables", "works"), 0),
    ],
)
async def test_fail_on(ftbot: Command, version: str, fail_on: tuple[str, ...], code: int) -> None:
    options = [word for each in fail_on for word in ("--fail-on", each)]
    lock(ftbot, version)
    done = await ftbot(*AUDIT, "--xray", *options)
    assert (done.code, done.err) == (code, "")
    assert "not read yet" not in done.out


async def test_it_says_that_it_failed_on_nothing_for_want_of_reading(ftbot: Command) -> None:
    done = await ftbot(*AUDIT, "--fail-on", "re-enables")
    assert done.code == 0
    assert done.err == (
        "ftbot: pylock.toml: 1 wheel is not read yet, and may turn the GIL on."
        " Add --xray to read.\n"
    )


async def test_the_answer_comes_though_a_wheel_is_gone(ftbot: Command, index: WheelServer) -> None:
    index.does = Behaviour(status=404)
    done = await ftbot(*AUDIT, "--xray", "--json")
    assert (done.code, done.err) == (0, "")
    assert document(done)["gil_unread"] == 1


async def test_the_answer_comes_though_reading_is_off(ftbot: Command, index: WheelServer) -> None:
    done = await ftbot(*AUDIT, "--xray", "--json", FTBOT_XRAY="off")
    assert (done.code, index.asked) == (2, [])
    assert "Set FTBOT_XRAY to on" in done.err
    assert document(done)["packages"][0]["gil"] is None
    assert document(done)["gil_unread"] == 0
