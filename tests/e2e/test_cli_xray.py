"""`ftbot xray` as people and programs start it, on wheels in files."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from bot.xray.model import CAVEATS
from tests.xray import sources
from tests.xray.build import build
from tests.xray.wheels import NAME, SUFFIX, wheel

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def ftbot(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", "xray", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    library = build(sources.MULTI_PHASE)
    mixed = {
        f"package/declared{SUFFIX}": library,
        f"package/absent{SUFFIX}": library,
        "package/plain.so": build(sources.NO_MODULE),
    }
    (tmp_path / NAME).write_bytes(wheel(mixed))
    (tmp_path / "good.whl").write_bytes(wheel({f"declared{SUFFIX}": library}))
    (tmp_path / "pure.whl").write_bytes(wheel({"package/__init__.py": b""}))
    (tmp_path / "cut.whl").write_bytes(wheel(mixed)[:2000])
    return tmp_path


def test_json_is_a_line_for_each_wheel(folder: Path) -> None:
    done = ftbot(NAME, "good.whl", "pure.whl", "--json", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    mixed, good, pure = map(json.loads, done.stdout.splitlines())
    assert list(mixed) == ["wheel", "verdict", "modules", "not_modules"]
    assert (mixed["wheel"], mixed["verdict"], mixed["not_modules"]) == (NAME, "re-enables", 1)
    absent, declared = mixed["modules"]
    assert absent.pop("evidence").startswith("slots end without Py_mod_gil")
    assert absent == {
        "module": "package.absent",
        "member": f"package/absent{SUFFIX}",
        "verdict": "re-enables",
    }
    assert declared["verdict"] == "keeps-off"
    assert good["verdict"] == "keeps-off"
    assert (pure["verdict"], pure["modules"], pure["not_modules"]) == ("keeps-off", [], 0)


def test_a_table_says_why_and_what_it_does_not_mean(folder: Path) -> None:
    done = ftbot(NAME, "pure.whl", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "re-enables: 1 of 2 modules" in done.stdout
    assert "package.absent" in done.stdout
    assert "it has no extension modules" in done.stdout
    assert all(caveat in done.stdout for caveat in CAVEATS)
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("wheels", "code"), [([NAME], 1), (["good.whl", NAME], 1), (["good.whl", "pure.whl"], 0)]
)
def test_fail_on(folder: Path, wheels: list[str], code: int) -> None:
    assert ftbot(*wheels, "--fail-on", "re-enables", folder=folder).returncode == code
    assert ftbot(*wheels, folder=folder).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.whl"], "There is no file missing.whl. Give the path of a .whl file."),
        (["."], "cannot be read"),
        (["cut.whl"], "cut.whl cannot be judged: it is no zip file, or was cut off."),
        (["good.whl", "--fail-on", "unknown"], "re-enables"),
        ([], "WHEEL"),
    ],
)
def test_mistakes_are_one_line_that_names_the_mend(
    folder: Path, arguments: list[str], words: str
) -> None:
    done = ftbot(*arguments, "--json", folder=folder)
    (line,) = done.stderr.splitlines()
    assert line.startswith("ftbot: ")
    assert words in line
    assert done.returncode == 2


def test_a_wheel_that_cannot_be_read_keeps_no_other_from_being_read(folder: Path) -> None:
    done = ftbot("missing.whl", "cut.whl", "good.whl", "--json", folder=folder)
    cut, good = map(json.loads, done.stdout.splitlines())
    assert (cut["verdict"], cut["modules"]) == ("unknown", [])
    assert cut["reason"]
    assert good["verdict"] == "keeps-off"
    assert done.returncode == 2


def test_names_in_a_wheel_cannot_write_to_the_terminal(folder: Path) -> None:
    (folder / "odd.whl").write_bytes(wheel({"\x1b[31mred\u202e.so": b""}))
    done = ftbot("odd.whl", folder=folder)
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout


@pytest.mark.parametrize("settings", [{}, {"NO_COLOR": "1"}])
def test_a_terminal_gets_colour_unless_it_is_unwanted(
    folder: Path, settings: dict[str, str]
) -> None:
    leader, follower = pty.openpty()
    environment = {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **settings}
    subprocess.run(
        [sys.executable, "-m", "bot", "xray", NAME],
        cwd=folder,
        env=environment,
        stdout=follower,
        timeout=60,
        check=True,
    )
    os.close(follower)
    shown = b""
    while b"neither a pass" not in shown:
        shown += os.read(leader, 1 << 16)
    os.close(leader)
    assert (b"\x1b[3" in shown) is not bool(settings)
