"""`ftbot audit` as people and programs start it, against the stand-in of the index."""

import asyncio
import json
import math
import os
import re
import shlex
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from bot.cli.machine import DEFAULT_PLATFORM, this_platform
from bot.compat.targets import PLATFORMS, PYTHONS
from tests.conftest import SHARED, Replica
from tests.e2e.test_cli import ROOT, Command, Outcome
from tests.unit.pages import pages

pytestmark = pytest.mark.slow

WINDOWS = ("--python", "3.14t", "--platform", "windows-amd64")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def ftbot(tmp_path: Path, replica: Replica) -> Command:
    """The command beside an index with packages of every class, for Windows."""
    for name, *files in (
        ("ready", "ready-1.0-cp314-cp314t-win_amd64.whl"),
        ("old", "old-1.0.tar.gz", "old-2.0-cp314-cp314t-win_amd64.whl"),
        ("sources", "sources-1.0.tar.gz"),
        ("unmarked", "unmarked-1.0-cp314-none-win_amd64.whl"),
    ):
        for file in files:
            replica.publish(name, file)
        for version in ("1.0", "2.0"):
            replica.set_metadata(name, version)
    replica.set_metadata("ready", "1.0", "Requires-Dist: sources")
    return Command(tmp_path, FTBOT_PYPI_URL=replica.url, FTBOT_TRACKER_URL=f"{replica.url}/none")


def write(ftbot: Command, name: str, *lines: str) -> str:
    """Write a file into the command's folder; return its name."""
    path = ftbot.folder / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("\n".join((*lines, "")), "utf-8")
    return name


def pylock(versions: Mapping[str, str]) -> list[str]:
    """Write a lock file (PEP 751) of these packages."""
    lines = ['lock-version = "1.0"', 'created-by = "a test"']
    for name, version in versions.items():
        lines += ["[[packages]]", f'name = "{name}"', f'version = "{version}"']
        lines += [f'sdist = {{name = "{name}.tar.gz", path = "x", hashes = {{sha256 = "00"}}}}']
    return lines


async def fed(ftbot: Command, text: bytes, *arguments: str) -> Outcome:
    """Run with something on standard input."""
    process = await ftbot.start(*arguments, stdin=PIPE)
    async with asyncio.timeout(60):
        out, err = await process.communicate(text)
    assert process.returncode is not None
    return Outcome(process.returncode, out.decode(), err.decode())


def classes(document: dict[str, Any]) -> dict[str, str]:
    return {each["project"]: each["class"] for each in document["packages"]}


class TestJson:
    async def test_a_document(self, ftbot: Command) -> None:
        file = write(ftbot, "requirements.txt", "ready", "old==1.0", "unmarked", "nunpy")
        outcome = await ftbot("audit", file, *WINDOWS, "--json")
        assert (outcome.code, outcome.err) == (0, "")
        (document,) = outcome.documents
        assert document["source"] == "requirements.txt"
        assert (document["python"], document["platform"]) == ("3.14t", "windows-amd64")
        assert document["resolved"] is True
        assert document["summary"] == {
            "ready": 1, "works": 1, "blocked": 1, "unknown": 2, "gil_reenabled": 0,
        }  # fmt: skip
        assert [each["project"] for each in document["packages"]] == [
            "sources", "nunpy", "unmarked", "old", "ready",
        ]  # fmt: skip
        sources, nunpy, _, old, _ = document["packages"]
        assert (sources["direct"], sources["required_by"]) == (False, ["ready"])
        assert (sources["path"], sources["best"]) == (["ready"], None)
        assert (sources["verdict"], sources["class"]) == ("sdist", "blocked")
        assert (nunpy["verdict"], nunpy["version"]) == (None, None)
        assert "Did you mean numpy" in nunpy["advice"]
        assert old["best"] == {"version": "2.0", "verdict": "wheel", "prerelease": False}

    async def test_a_line_for_each_file(self, ftbot: Command) -> None:
        files = [
            write(ftbot, "a/requirements.txt", "ready"),
            write(ftbot, "pylock.toml", *pylock({"old": "2.0", "sources": "1.0"})),
        ]
        outcome = await ftbot("audit", *files, *WINDOWS, "--json")
        first, second = outcome.documents
        assert [first["source"], second["source"]] == files
        assert classes(second) == {"sources": "blocked", "old": "ready"}

    async def test_standard_input(self, ftbot: Command) -> None:
        outcome = await fed(ftbot, b"old==2.0\n", "audit", "-", *WINDOWS, "--json")
        assert (outcome.code, outcome.err) == (0, "")
        assert classes(outcome.documents[0]) == {"old": "ready"}

    async def test_requirements_and_constraints(self, ftbot: Command) -> None:
        write(ftbot, "app/base/more.txt", "old")
        write(ftbot, "app/constraints.txt", "old<2")
        file = write(ftbot, "app/requirements.txt", "-r base/more.txt", "-c constraints.txt")
        outcome = await ftbot("audit", file, *WINDOWS, "--json")
        (package,) = outcome.documents[0]["packages"]
        assert (package["project"], package["version"]) == ("old", "1.0")
        assert package["class"] == "works"

    async def test_groups(self, ftbot: Command) -> None:
        file = write(
            ftbot,
            "pyproject.toml",
            "[project]",
            'name = "demo"',
            'version = "1"',
            'dependencies = ["ready"]',
            "[dependency-groups]",
            'test = ["old"]',
            'docs = ["unmarked"]',
        )
        outcome = await ftbot("audit", file, *WINDOWS, "--json", "--group", "test")
        assert set(classes(outcome.documents[0])) == {"ready", "sources", "old"}
        outcome = await ftbot("audit", file, *WINDOWS, "--json")
        assert set(classes(outcome.documents[0])) == {"ready", "sources", "old", "unmarked"}

    async def test_this_machine_is_asked_about(self, ftbot: Command) -> None:
        file = write(ftbot, "requirements.txt", "ready")
        (document,) = (await ftbot("audit", file, "--json")).documents
        assert (document["python"], document["platform"]) == ("3.14t", this_platform())
        assert document["platform"] in PLATFORMS
        assert DEFAULT_PLATFORM in PLATFORMS


class TestExitCodes:
    @pytest.mark.parametrize(
        ("pins", "fail_on", "code"),
        [
            ("sources==1.0", "blocked", 1),
            ("unmarked==1.0", "blocked", 0),
            ("unmarked==1.0", "unknown", 1),
            ("old==1.0", "unknown", 0),
            ("old==1.0", "works", 1),
            ("old==2.0", "works", 0),
        ],
    )
    async def test_a_negative_answer(
        self, ftbot: Command, pins: str, fail_on: str, code: int
    ) -> None:
        outcome = await fed(ftbot, pins.encode(), "audit", "-", *WINDOWS, "--fail-on", fail_on)
        assert (outcome.code, outcome.err) == (code, "")
        assert outcome.out

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("nowhere.txt",), "nowhere.txt cannot be read: No such file"),
            ((".",), "directory"),
            (("a.txt", "--python", "2.7"), "Choose one of"),
            (("a.txt", "--platform", "moon"), "Choose one of"),
            (("a.txt", "--fail-on", "ready"), "--fail-on"),
            ((), "FILE"),
        ],
        ids=["no file", "folder", "python", "platform", "fail-on", "nothing"],
    )
    async def test_bad_usage(self, ftbot: Command, arguments: tuple[str, ...], said: str) -> None:
        write(ftbot, "a.txt", "old")
        assert said in (await ftbot("audit", *arguments)).complaint(2)

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b'[project]\nname = "x\n', ["line 2", "column"]),
            (b"", ["empty"]),
            (b"\x00\x01\x02\xff" * 1000, ["not text"]),
            (b"PK\x03\x04" + bytes(100), ["zip"]),
            (b"a==1\n" * 300_000, ["bytes"]),
            (b"[" * 100_000, []),
        ],
        ids=["toml", "empty", "binary", "zip", "large", "deep"],
    )
    async def test_a_broken_file_names_itself_and_the_rest_is_done(
        self, ftbot: Command, body: bytes, said: list[str]
    ) -> None:
        (ftbot.folder / "broken.toml").write_bytes(body)
        good = write(ftbot, "good.txt", "sources==1.0")
        arguments = ("broken.toml", good, *WINDOWS, "--json", "--fail-on", "blocked")
        outcome = await ftbot("audit", *arguments)
        line = outcome.complaint(2)
        assert "broken.toml" in line
        assert all(each in line for each in said)
        assert classes(outcome.documents[-1]) == {"sources": "blocked"}

    async def test_an_index_that_is_down(
        self, replica: Replica, replica_module: Replica, ftbot: Command
    ) -> None:
        file = write(ftbot, "requirements.txt", *pylock({"old": "2.0", "ready": "1.0"}))
        other = write(ftbot, "other.txt", "old", "sources")
        assert (await ftbot("audit", file, *WINDOWS)).code == 0
        replica.faults.append(replica_module.Fault("^/", times=math.inf, status=503))
        assert (await ftbot("audit", file, *WINDOWS)).code == 0
        ftbot.settings["FTBOT_INDEX_FRESH"] = "0"
        nothing = {"FTBOT_DATA_DIR": str(ftbot.folder / "empty")}
        outcome, *unknown = await asyncio.gather(
            ftbot("audit", file, *WINDOWS, "--json"),
            ftbot("audit", file, *WINDOWS, "--json", **nothing),
            ftbot("audit", other, *WINDOWS, "--json", **nothing),
        )
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.documents[0]["stale"] is True
        assert classes(outcome.documents[0]) == {"old": "ready", "ready": "ready"}
        for each in unknown:
            assert "the index did not answer for 2 of 2" in each.complaint(3)
            assert set(classes(each.documents[0]).values()) == {"unknown"}

    async def test_what_cannot_be_judged_keeps_its_place(self, ftbot: Command) -> None:
        secret = write(ftbot, "secret.txt", "root:x:0:0")
        deep = "(" * 5_000 + "os_name == 'nt'" + ")" * 5_000
        file = write(
            ftbot,
            "app/requirements.txt",
            "old==2.0",
            "private @ https://x.test/private-1.0-py3-none-any.whl",
            "git+https://x.test/repository#egg=cloned",
            "this is no requirement",
            f"ready ; {deep}",
            f"-r ../{secret}",
            "-r ../../../../../../etc/passwd",
            "-r missing.txt",
            "a-name-that-nobody-has-taken",
        )
        outcome = await ftbot("audit", file, *WINDOWS, "--json")
        assert (outcome.code, outcome.err) == (0, "")
        (document,) = outcome.documents
        found = classes(document)
        assert found["old"] == "ready"
        assert found["private"] == found["cloned"] == found["ready"] == "unknown"
        assert found["a-name-that-nobody-has-taken"] == "unknown"
        where = {each["where"]: each["text"] for each in document["problems"]}
        assert {f"{file}:{line}" for line in (4, 6, 7, 8)} <= set(where)
        missing = "`-r missing.txt` is not read: No such file or directory."
        assert where[f"{file}:8"] == missing
        assert "root" not in outcome.out
        outcome = await ftbot("audit", file, *WINDOWS, "--fail-on", "unknown")
        assert outcome.code == 1
        for line in (4, 6, 7, 8):
            assert f"{file}:{line}: " in outcome.out

    async def test_a_part_that_is_not_read_counts_as_unknown(self, ftbot: Command) -> None:
        for lines, code in ((("old==2.0", "???"), 1), (("old==2.0", "--pre"), 0)):
            file = write(ftbot, "requirements.txt", *lines)
            outcome = await ftbot("audit", file, *WINDOWS, "--json", "--fail-on", "unknown")
            assert (outcome.code, outcome.documents[0]["summary"]["unknown"]) == (code, 0)
            assert len(outcome.documents[0]["problems"]) == 1
            outcome = await ftbot("audit", file, *WINDOWS, "--json", "--fail-on", "blocked")
            assert outcome.code == 0

    async def test_links_lead_nowhere_else(self, ftbot: Command) -> None:
        secret = write(ftbot, "secret.txt", "root==1")
        file = write(ftbot, "app/requirements.txt", "old==2.0", "-r link.txt")
        (ftbot.folder / "app/link.txt").symlink_to(ftbot.folder / secret)
        outcome = await ftbot("audit", file, *WINDOWS, "--json")
        assert set(classes(outcome.documents[0])) == {"old"}
        assert len(outcome.documents[0]["problems"]) == 1


class TestPipesAndTerminals:
    async def test_a_pipe(self, ftbot: Command) -> None:
        files = [write(ftbot, name, "ready", "old==1.0") for name in ("a.txt", "b.txt")]
        outcome = await ftbot("audit", *files, *WINDOWS)
        assert (outcome.code, outcome.err) == (0, "")
        assert "\x1b" not in outcome.out
        assert all(line == line.rstrip() for line in outcome.out.splitlines())
        assert outcome.out.startswith(
            "a.txt on 3.14t, windows-amd64\n✗ 1 blocked  ? 0 unknown  ~ 1 works  ✓ 1 ready\n"
        )
        assert "\n\nb.txt on 3.14t" in outcome.out
        assert "sources 1.0  sdist  ready  It has to be compiled here" in outcome.out

    async def test_a_terminal(self, ftbot: Command) -> None:
        file = write(ftbot, "requirements.txt", "ready", "old==1.0")
        code, shown = await ftbot.on_terminal("audit", file, *WINDOWS)
        assert code == 0
        assert "\x1b[31m✗ 1 blocked" in shown
        ftbot.settings["NO_COLOR"] = "1"
        code, shown = await ftbot.on_terminal("audit", file, *WINDOWS)
        assert code == 0
        assert "✗ 1 blocked" in shown
        assert not ANSI.search(shown)

    async def test_progress_on_a_terminal_alone(
        self, replica: Replica, replica_module: Replica, ftbot: Command
    ) -> None:
        file = write(ftbot, "pylock.toml", *pylock({"old": "2.0", "ready": "1.0"}))
        replica.faults.append(replica_module.Fault("^/simple/old/$", delay=1))
        code, shown = await ftbot.on_terminal("audit", file, *WINDOWS)
        assert code == 0
        assert "Asking the index" in shown
        assert "1/2" in shown
        assert "✓ 2 ready" in ANSI.sub("", shown)

    async def test_interrupted(
        self, replica: Replica, replica_module: Replica, ftbot: Command
    ) -> None:
        file = write(ftbot, "requirements.txt", "old")
        replica.faults.append(replica_module.Fault("^/simple/old/$", delay=30))
        process = await ftbot.start("audit", file)
        async with asyncio.timeout(20):
            while not replica.requests:  # noqa: ASYNC110 - the stand-in tells nobody
                await asyncio.sleep(0.01)
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
        assert (process.returncode, out, err) == (130, b"", b"")
        with suppress(IndexError):
            replica.faults.pop()

    async def test_a_reader_that_has_seen_enough(self, ftbot: Command) -> None:
        file = write(ftbot, "pylock.toml", *pylock({"old": "2.0"}))
        reading, writing = os.pipe()
        os.close(reading)
        process = await ftbot.start("audit", file, file, "--json", stdout=writing)
        os.close(writing)
        _, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")

    async def test_help(self, ftbot: Command) -> None:
        shown = (await ftbot("audit", "--help")).out
        for option in ("--python", "--platform", "--json", "--fail-on", "--group"):
            assert option in shown
        assert re.search(r"^  audit ", (await ftbot()).out, re.MULTILINE)


async def test_the_job_for_github_actions(ftbot: Command) -> None:
    """Its command works as it stands, for every platform that it names."""
    job = (ROOT / "docs/ci-audit.yml").read_text("utf-8")
    (command,) = re.findall(r"run: ftbot (.+)", job)
    (file,) = re.findall(r"^  FILE: (\S+)", job, re.MULTILINE)
    (listed,) = re.findall(r"platform: \[(.+)\]", job)
    platforms = listed.split(", ")
    assert set(platforms) < set(PLATFORMS)
    codes = {}
    write(
        ftbot, file, "version = 1", 'requires-python = ">=3.11"', "[[package]]", 'name = "ready"',
        'version = "1.0"', 'source = { registry = "https://x.test/simple" }',
    )  # fmt: skip
    filled = ""
    for platform in platforms:
        filled = command.replace("${{ matrix.platform }}", platform).replace("$FILE", file)
        outcome = await ftbot(*shlex.split(filled))
        assert outcome.err == ""
        codes[platform] = outcome.code
    assert codes == {"linux-x86_64": 1, "macos-arm64": 1, "windows-amd64": 0}

    (besides,) = re.findall(r"# (--.+) besides:", job)
    outcome = await ftbot(*shlex.split(filled), *shlex.split(besides))
    assert outcome.code == 0


@pytest.fixture
async def real(replica_module: Replica, tmp_path: Path) -> AsyncIterator[Command]:
    """The command beside an index with the real pages of 26 projects."""
    replica = replica_module.IndexReplica(SHARED / "data/simple")
    await replica.start()
    yield Command(tmp_path, FTBOT_PYPI_URL=replica.url, FTBOT_TRACKER_URL=f"{replica.url}/none")
    await replica.stop()


async def test_classes_are_what_pip_implies(real: Command) -> None:
    """On every target, of what pip takes there, and of the newest release of all."""
    oracle = SHARED / "data/oracle.jsonl"
    targets: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for row in map(json.loads, oracle.read_text("utf-8").splitlines()):
        targets.setdefault((row["python"], row["platform"]), {})[row["project"]] = row
    assert {python for python, _ in targets} == set(PYTHONS)
    projects = sorted({name for rows in targets.values() for name in rows})
    newest = {name: newest_of(name) for name in projects}
    last = write(real, "newest.toml", *pylock(newest))
    commands = []
    for number, (target, rows) in enumerate(targets.items()):
        taken = {name: row["version"] for name, row in rows.items() if row["version"]}
        file = write(real, f"taken{number}.toml", *pylock(taken))
        python, platform = target
        commands.append(("audit", file, last, "--python", python, "--platform", platform, "--json"))
    outcome = await real.each(commands)
    assert (outcome.code, outcome.err) == (0, "")
    assert len(outcome.documents) == 2 * len(targets)
    asked = [target for target in targets for _ in range(2)]
    judgements = [
        (targets[target][package["project"]], package)
        for target, document in zip(asked, outcome.documents, strict=True)
        for package in document["packages"]
        if package["project"] in targets[target]
    ]
    assert len(judgements) > 800
    assert [each for each in judgements if not is_implied(*each)] == []


def is_implied(row: dict[str, Any], package: dict[str, Any]) -> bool:
    """Whether a class, and another version that is offered, agree with pip's choice."""
    best, pinned = package["best"], Version(package["version"])
    if best and not best["prerelease"] and Version(best["version"]) > Version(row["version"]):
        return False
    return package["class"] in implied(row, pinned)


def newest_of(project: str) -> str:
    """Return the newest final version with a wheel that is not yanked."""
    versions = {each.version for each in wheels(project)}
    return str(max(each for each in versions if not each.is_prerelease))


@dataclass(frozen=True)
class Wheel:
    """A wheel's name, read with packaging alone."""

    version: Version
    pure: bool
    unmarked: bool


def wheel(filename: str) -> Wheel:
    _, version, _, tags = parse_wheel_filename(filename)
    unmarked = any(tag.interpreter.startswith("cp") and tag.abi == "none" for tag in tags)
    return Wheel(version, all(tag.platform == "any" for tag in tags), unmarked)


@cache
def wheels(project: str) -> list[Wheel]:
    files = pages()[canonicalize_name(project)].files
    return [wheel(each.filename) for each in files
            if each.filename.endswith(".whl") and not each.yanked]  # fmt: skip


def implied(row: dict[str, Any], pinned: Version) -> set[str]:
    """Return the classes that pip's choice allows for a version of a project."""
    if row["file"] is None:
        return {"blocked"}
    taken = wheel(row["file"])
    if taken.unmarked:
        return {"unknown"} if pinned == taken.version else {"blocked", "unknown"}
    if pinned != taken.version:  # a pure one from before it was compiled is perhaps a placeholder
        return {"works", "blocked"} if taken.pure else {"works"}
    if not taken.pure:
        return {"ready"}
    compiled = any(not each.pure for each in wheels(row["project"]) if each.version == pinned)
    return {"works"} if compiled else {"ready", "blocked"}
