"""`ftbot xray` on projects of an index: what is fetched, chosen, kept, and said when it fails."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.cli.machine import this_platform
from tests.e2e.test_cli import Command
from tests.xray import sources
from tests.xray.build import build
from tests.xray.server import Behaviour, WheelServer, serving
from tests.xray.wheels import SUFFIX, wheel

pytestmark = pytest.mark.slow

LINUX = "manylinux_2_28_x86_64"
NEW = f"made_up-2.0-cp314-cp314t-{LINUX}.whl"
OLD = f"made_up-1.0-cp314-cp314t-{LINUX}.whl"
ARM = "made_up-2.0-cp314-cp314t-macosx_11_0_arm64.whl"
PURE = "made_up-3.0rc1-py3-none-any.whl"
EMPTY = wheel({"made_up.py": b""})
OPTIONS = ("--platform", "linux-x86_64")


@pytest.fixture
async def index() -> AsyncIterator[WheelServer]:
    library = build(sources.MULTI_PHASE)
    good = wheel({f"declared{SUFFIX}": library})
    mixed = wheel({f"declared{SUFFIX}": library, f"absent{SUFFIX}": library})
    wheels = {OLD: good, NEW: mixed, ARM: good, PURE: EMPTY}
    async with serving(WheelServer(wheels)) as server:
        yield server


@pytest.fixture
def ftbot(index: WheelServer, tmp_path: Path) -> Command:
    return Command(tmp_path, FTBOT_PYPI_URL=index.url)


async def test_the_wheel_that_pip_takes_is_read_and_kept(
    ftbot: Command, index: WheelServer
) -> None:
    done = await ftbot("xray", "made-up", "--json", *OPTIONS)
    assert (done.code, done.err) == (0, "")
    (line,) = done.documents
    assert (line["wheel"], line["verdict"]) == (NEW, "re-enables")
    assert [m["module"] for m in line["modules"]] == ["absent", "declared"]
    assert line["fetched"]["bytes"] == index.sent == line["fetched"]["of"]
    again = await ftbot("xray", "made_up==2.0.0", "--json", *OPTIONS)
    (kept,) = again.documents
    assert "fetched" not in kept
    assert kept == {key: value for key, value in line.items() if key != "fetched"}
    assert len(index.asked) == 1


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (("made-up==1.0", *OPTIONS), OLD),
        (("made-up", "--platform", "macos-arm64"), ARM),
        (("made-up", "--platform", LINUX, "--python", "3.14"), NEW),
        (("Made.Up == 3.0rc1", "--platform", "windows-arm64", "--python", "3.13t"), PURE),
    ],
)
async def test_which_wheel_it_is(ftbot: Command, arguments: tuple[str, ...], file: str) -> None:
    done = await ftbot("xray", *arguments, "--json")
    assert (done.code, done.err) == (0, "")
    assert [line["wheel"] for line in done.documents] == [file]


async def test_it_is_for_this_machine_if_nothing_else_is_said(ftbot: Command) -> None:
    if this_platform() not in {"linux-x86_64", "macos-arm64"}:
        pytest.skip("the made-up project has no wheel for this machine")
    done = await ftbot("xray", "made-up", "--json")
    assert done.documents[0]["wheel"] in {NEW, ARM}


async def test_the_table_tells_what_was_fetched(ftbot: Command, index: WheelServer) -> None:
    done = await ftbot("xray", "made-up", *OPTIONS)
    assert "re-enables: 1 of 2 modules" in done.out
    assert f"Fetched {index.sent:,} bytes of {index.sent:,}" in done.out


@pytest.mark.parametrize(("wheel", "code"), [("made-up", 1), ("made-up==1.0", 0)])
async def test_fail_on(ftbot: Command, wheel: str, code: int) -> None:
    assert (await ftbot("xray", wheel, "--fail-on", "re-enables", *OPTIONS)).code == code


@pytest.mark.parametrize(
    ("wheel", "words", "code"),
    [
        ("missing", "no project named missing", 2),
        ("made-up==9", "has no release 9 that can be read. The newest is", 2),
        ("made-up>=1", "neither a wheel file nor a project", 2),
        ("made-up==1.*", "neither a wheel file nor a project", 2),
        ("made-up==x", "neither a wheel file nor a project", 2),
        ("made-up[extra]", "neither a wheel file nor a project", 2),
        ("made-up==1.0", "has no wheel for 3.13t on linux-x86_64", 2),
    ],
)
async def test_mistakes_are_one_line_and_keep_no_other_from_being_read(
    ftbot: Command, tmp_path: Path, wheel: str, words: str, code: int
) -> None:
    (tmp_path / "pure.whl").write_bytes(EMPTY)
    done = await ftbot("xray", wheel, "./pure.whl", "--json", "--python", "3.13t", *OPTIONS)
    (line,) = done.err.splitlines()
    assert words in line
    assert done.code == code
    assert [reading["wheel"] for reading in done.documents] == ["pure.whl"]


@pytest.mark.parametrize(
    ("does", "words", "code"),
    [
        (Behaviour(wrong_hash=True), "is not the file that the index names", 2),
        (Behaviour(status=404), "is not there any more", 2),
        (Behaviour(status=503, retry_after="600"), "status 503", 3),
    ],
)
async def test_a_wheel_that_cannot_be_had_is_unknown_with_a_reason(
    ftbot: Command, index: WheelServer, does: Behaviour, words: str, code: int
) -> None:
    index.does = does
    done = await ftbot("xray", "made-up", "--json", *OPTIONS)
    (line,) = done.documents
    assert (line["verdict"], line["modules"]) == ("unknown", [])
    assert words in line["reason"]
    assert words in done.err
    assert done.code == code
    index.does = Behaviour()
    assert (await ftbot("xray", "made-up", "--json", *OPTIONS)).documents[0][
        "verdict"
    ] == "re-enables"


async def test_nothing_is_fetched_where_that_is_turned_off(
    ftbot: Command, index: WheelServer
) -> None:
    done = await ftbot("xray", "made-up", *OPTIONS, FTBOT_XRAY="off")
    assert (done.code, index.asked) == (2, [])
    assert "FTBOT_XRAY" in done.err
