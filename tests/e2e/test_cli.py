"""`ftbot check` and `ftbot db` as people and programs start them, against the stand-in."""

import asyncio
import json
import math
import os
import pty
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.compat.targets import PLATFORMS, PYTHONS
from bot.db import Database
from tests.conftest import SHARED, Replica

ROOT = Path(__file__).resolve().parents[2]
WHEEL = "numpy-2.0-cp314-cp314t-win_amd64.whl"
JSON = {"Content-Type": "application/vnd.pypi.simple.v1+json"}
ONE_PROCESS = """
import json, sys
from bot.cli.main import _run
for line in sys.stdin:
    if code := _run(json.loads(line), debug=False):
        sys.exit(code)
"""
IMPATIENT = """
import sqlite3
connect = sqlite3.connect
sqlite3.connect = lambda *given, **options: connect(*given, **{**options, "timeout": 0.2})
from bot.cli import main
main()
"""
HOSTILE = ("../x", "😀", "a\x1b[31mb", "x" * 10_000, "", "a b", "numpy==2.0", "\u202eabc")


@dataclass(frozen=True)
class Outcome:
    """How a process ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def complaint(self, code: int) -> str:
        """The one line on standard error, where that is all."""
        (line,) = self.err.splitlines()
        assert line.startswith("ftbot: ")
        assert len(line) < 600
        assert line.isprintable()
        assert self.code == code
        return line


class Command:
    """The command `ftbot` with settings of its own."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = {"FTBOT_DATA_DIR": str(folder / "data"), **settings}

    @property
    def database(self) -> Path:
        return Path(self.settings["FTBOT_DATA_DIR"]) / "ftbot.sqlite3"

    async def start(
        self,
        *arguments: str,
        program: tuple[str, ...] = ("-m", "bot"),
        **options: Any,  # noqa: ANN401
    ) -> asyncio.subprocess.Process:
        pipes = {
            "stdin": asyncio.subprocess.DEVNULL,
            "stdout": asyncio.subprocess.PIPE,
            "stderr": asyncio.subprocess.PIPE,
        }
        return await asyncio.create_subprocess_exec(
            *(sys.executable, *program, *arguments),
            cwd=self.folder,
            env={"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", **self.settings},
            **{**pipes, **options},
        )

    async def __call__(self, *arguments: str, **settings: str) -> Outcome:
        command = Command(self.folder, **{**self.settings, **settings})
        process = await command.start(*arguments)
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Outcome(process.returncode, out.decode(), err.decode())

    async def each(self, commands: Iterable[Sequence[str]]) -> Outcome:
        """Run one after the other in one process, up to the first that fails.

        Starting takes most of a command's time: this is for many whose answers alone matter.
        """
        process = await self.start(program=("-c", ONE_PROCESS), stdin=asyncio.subprocess.PIPE)
        lines = "".join(f"{json.dumps(arguments)}\n" for arguments in commands)
        async with asyncio.timeout(120):
            out, err = await process.communicate(lines.encode())
        assert process.returncode is not None
        return Outcome(process.returncode, out.decode(), err.decode())

    async def on_terminal(self, *arguments: str, columns: int = 100) -> tuple[int, str]:
        """Run on a terminal; return the exit code, and all that was shown."""
        ours, theirs = pty.openpty()
        environ = {"TERM": "xterm-256color", "COLUMNS": str(columns)}
        command = Command(self.folder, **self.settings, **environ)
        process = await command.start(*arguments, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown, _ = await asyncio.gather(asyncio.to_thread(read_all, ours), process.wait())
        assert process.returncode is not None
        return process.returncode, shown


def read_all(terminal: int) -> str:
    """Read until the other side is closed, which Linux tells by an error."""
    parts = []
    with suppress(OSError):
        while part := os.read(terminal, 65_536):
            parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode()


@pytest.fixture
def ftbot(tmp_path: Path, replica: Replica) -> Command:
    return Command(tmp_path, FTBOT_PYPI_URL=replica.url)


@pytest.fixture
async def real(replica_module: Replica, tmp_path: Path) -> AsyncIterator[Command]:
    """The command beside an index with the real pages of 26 projects."""
    replica = replica_module.IndexReplica(SHARED / "data/simple")
    await replica.start()
    yield Command(tmp_path, FTBOT_PYPI_URL=replica.url)
    await replica.stop()


async def test_what_pip_takes(real: Command) -> None:
    """The newest wheel on every target is the one that pip itself chose."""
    oracle = SHARED / "data/oracle.jsonl"
    rows = [json.loads(line) for line in oracle.read_text("utf-8").splitlines()]
    arguments = [*dict.fromkeys(row["project"] for row in rows), "--json"]
    for option in ("python", "platform"):
        for value in dict.fromkeys(row[option] for row in rows):
            arguments += [f"--{option}", value]
    outcome = await real("check", *arguments)
    assert (outcome.code, outcome.err) == (0, "")
    chosen = {
        (document["project"], row["python"], row["platform"]): row["newest_wheel"]
        for document in outcome.documents
        for row in document["support"]
    }
    keys = [(row["project"], row["python"], row["platform"]) for row in rows]
    assert len(set(keys)) == len(rows) == 504
    wrong = [
        (key, chosen[key], row)
        for key, row in zip(keys, rows, strict=True)
        if (chosen[key] or {}).get("file") != row["file"]
    ]
    assert wrong == []


class TestJson:
    async def test_a_document(self, replica: Replica, ftbot: Command) -> None:
        moment = datetime(2026, 11, 1, 10, tzinfo=UTC)
        replica.publish(
            "Demo.Project",
            "demo_project-1.0-cp314-cp314t-win_amd64.whl",
            classifiers=["Programming Language :: Python :: Free Threading :: 3 - Stable"],
            when=moment,
        )
        outcome = await ftbot(
            "check", "demo_project", "--python", "3.14t", "--platform", "windows-amd64", "--json"
        )
        (document,) = outcome.documents
        assert datetime.fromisoformat(document["as_of"].pop("fetched")).tzinfo
        wheel = {"version": "1.0", "file": "demo_project-1.0-cp314-cp314t-win_amd64.whl"}
        assert document == {
            "project": "demo-project",
            "name": "Demo.Project",
            "status": "active",
            "latest": {"version": "1.0", "uploaded": "2026-11-01T10:00:00.000000Z"},
            "as_of": {"serial": replica.serial, "stale": False},
            "claims": {
                "classifier": "Programming Language :: Python :: Free Threading :: 3 - Stable",
                "tracker": None,
            },
            "support": [
                {
                    "python": "3.14t",
                    "platform": "windows-amd64",
                    "verdict": "wheel",
                    "installs": wheel,
                    "newest_wheel": wheel,
                    "first_wheel": {"version": "1.0", "uploaded": "2026-11-01T10:00:00.000000Z"},
                    "gil": None,
                }
            ],
            "unreadable_files": 0,
        }
        assert (outcome.code, outcome.err) == (0, "")

    async def test_all_targets_by_default(self, ftbot: Command) -> None:
        outcome = await ftbot("check", "numpy", "--json")
        (document,) = outcome.documents
        asked = [(row["python"], row["platform"]) for row in document["support"]]
        assert asked == [(python, platform) for python in PYTHONS for platform in PLATFORMS]

    async def test_in_the_order_asked_and_each_fetched_once(
        self, replica: Replica, ftbot: Command
    ) -> None:
        names = [f"p{number}" for number in range(12)]
        for name in names:
            replica.publish(name, f"{name}-1.0-py3-none-any.whl")
        ftbot.settings["FTBOT_INDEX_FRESH"] = "0"
        asked = [*reversed(names), "P3", "p3"]
        outcome = await ftbot("check", *asked, "--json", "--python", "3.14t")
        assert [each["project"] for each in outcome.documents] == [name.lower() for name in asked]
        pages = [r.path for r in replica.requests if r.path.startswith("/simple/")]
        assert sorted(pages) == sorted(f"/simple/{name}/" for name in names)

    async def test_an_unknown_project_among_others(self, ftbot: Command) -> None:
        outcome = await ftbot("check", "numpyy", "numpy", "--json")
        unknown, known = outcome.documents
        assert (unknown["project"], unknown["status"]) == ("numpyy", "not-found")
        assert "numpy" in unknown["suggestions"]
        assert known["project"] == "numpy"
        assert "Did you mean numpy" in outcome.complaint(2)

    async def test_raw_platform_tags(self, ftbot: Command) -> None:
        outcome = await ftbot("check", "numpy", "--json", "--platform", "manylinux_2_39_x86_64")
        (document,) = outcome.documents
        assert {row["platform"] for row in document["support"]} == {"manylinux_2_39_x86_64"}


@pytest.mark.slow
class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("check",), "PROJECT"),
            (("check", "numpy", "--bogus"), "--bogus"),
            (("chek", "numpy"), "check"),
            (("db",), "command"),
            (("check", "numpy", "--python", "3.9"), "3.13t, 3.14t, 3.15t"),
            (("check", "numpy", "--python", "x\x1b[31m\ny"), "3.14t"),
            (("check", "numpy", "--platform", "../etc"), "manylinux_2_39_x86_64"),
            (("check", "numpy", "--platform", "x" * 10_000), "linux-x86_64"),
            (("db", "backup", "/nowhere/at/all"), "ftbot db upgrade"),
        ],
        ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
    )
    async def test_usage(self, ftbot: Command, arguments: tuple[str, ...], told: str) -> None:
        outcome = await ftbot(*arguments)
        assert told in outcome.complaint(2)
        assert outcome.out == ""

    async def test_impossible_names_keep_nobody_from_an_answer(
        self, replica: Replica, ftbot: Command
    ) -> None:
        outcome = await ftbot("check", "--json", "--", *HOSTILE, "numpy")
        assert outcome.code == 2
        lines = outcome.err.splitlines()
        assert len(lines) == len(HOSTILE)
        for line in lines:
            assert line.startswith("ftbot: ")
            assert line.isprintable()
            assert len(line) < 300
        assert [document["project"] for document in outcome.documents] == ["numpy"]
        assert {request.path.split("/")[2] for request in replica.requests} == {"numpy"}

    @pytest.mark.parametrize(
        ("settings", "told"),
        [
            ({"FTBOT_INDEX_FERSH": "1"}, "FTBOT_INDEX_FRESH"),
            ({"FTBOT_INDEX_FRESH": "soon"}, "FTBOT_INDEX_FRESH"),
            ({"FTBOT_PYPI_URL": "pypi"}, "FTBOT_PYPI_URL"),
        ],
        ids=str,
    )
    async def test_settings(self, tmp_path: Path, settings: dict[str, str], told: str) -> None:
        outcome = await Command(tmp_path, **settings)("check", "numpy")
        assert told in outcome.complaint(2)

    async def test_debug_shows_where(self, ftbot: Command) -> None:
        for arguments in (("check", "no-such", "--debug"), ("--debug", "check", "a", "--bogus")):
            outcome = await ftbot(*arguments)
            assert outcome.code == 2
            assert outcome.err.startswith("Traceback")
            assert outcome.err.splitlines()[-1].startswith("ftbot: ")

    async def test_a_mistake_of_ours_is_one_line_too(self, ftbot: Command) -> None:
        (ftbot.folder / "msgspec.py").write_text("raise RuntimeError('boom\\nbang')\n")
        outcome = await ftbot("check", "numpy")
        assert "RuntimeError: boom bang" in outcome.complaint(70)


class TestFaults:
    """An index that answers with rubbish, or not at all."""

    @pytest.mark.slow
    async def test_rubbish(self, replica: Replica, replica_module: Replica, ftbot: Command) -> None:
        page = json.dumps({"meta": {"api-version": "1.4"}, "name": "numpy", "files": []})
        faults: dict[str, dict[str, Any]] = {
            "truncated": {"body": page[:-2]},
            "no-json": {"body": "<html>"},
            "version-2": {"body": page.replace("1.4", "2.0")},
            "another": {"body": page},
            "large": {"body": b" " * 60_000_000},
            "forbidden": {"status": 403},
            "unchanged": {"status": 304},
            "busy": {"status": 429, "headers": {"Retry-After": "1000"}},
            "fine": {"times": 0},
        }
        for name in faults:
            replica.publish(name, f"{name}-1.0-py3-none-any.whl")
        outcome = await ftbot("check", *faults, "--json", "--python", "3.14t")
        assert (outcome.code, outcome.err, len(outcome.documents)) == (0, "", len(faults))
        known = {each["project"]: each for each in outcome.documents}
        for name, fault in faults.items():
            if name != "fine":
                headers = JSON | fault.pop("headers", {})
                replica.faults.append(
                    replica_module.Fault(
                        f"^/simple/{name}/$", headers=headers, **{"times": math.inf, **fault}
                    )
                )
        ftbot.settings["FTBOT_INDEX_FRESH"] = "0"
        unusable = [name for name in faults if name not in {"fine", "busy"}]
        again, empty = await asyncio.gather(
            ftbot("check", "fine", *faults, "--json", "--python", "3.14t"),
            ftbot(
                *("check", "fine", *unusable, "--json", "--python", "3.14t"),
                FTBOT_DATA_DIR=str(ftbot.folder / "empty"),
            ),
        )
        # Those who know it answer as before, and say how old that is.
        assert (again.code, again.err) == (0, "")
        for document in again.documents:
            before = known[document["project"]]
            assert document["support"] == before["support"]
            if document["project"] not in {"fine", "unchanged"}:
                assert document["as_of"] == {**before["as_of"], "stale": True}
        # Those who do not say so, each in one line, and answer for the others.
        assert empty.code == 3
        assert [document["project"] for document in empty.documents] == ["fine"]
        assert len(empty.err.splitlines()) == len(unusable)
        assert all(line.startswith("ftbot: ") for line in empty.err.splitlines())

    @pytest.mark.slow
    async def test_an_index_that_is_down(self, replica: Replica, ftbot: Command) -> None:
        before = await ftbot("check", "numpy")
        await replica.stop()
        ftbot.settings["FTBOT_INDEX_FRESH"] = "0"
        unknown, known = await asyncio.gather(ftbot("check", "flask"), ftbot("check", "numpy"))
        await replica.start()
        assert "cannot be reached" in unknown.complaint(3)
        assert known.code == 0
        assert re.search("^note +the index did not answer, this is as of", known.out, re.MULTILINE)
        assert before.out.splitlines()[:3] == known.out.splitlines()[:3]

    async def test_the_worst_failure_is_the_exit_code(
        self, replica: Replica, replica_module: Replica, ftbot: Command
    ) -> None:
        replica.faults.append(replica_module.Fault("^/simple/numpy/$", status=403))
        outcome = await ftbot("check", "no-such", "numpy", "../x")
        assert (outcome.code, len(outcome.err.splitlines())) == (3, 3)


class TestDatabase:
    @pytest.mark.slow
    async def test_shared_with_a_bot_that_runs(self, ftbot: Command) -> None:
        async with Database.open(ftbot.database) as database:
            outcome = await ftbot("check", "numpy", "--json")
            assert (outcome.code, outcome.err) == (0, "")
            assert (await database.read("SELECT name FROM project"))[0]["name"] == "numpy"

    @pytest.mark.slow
    async def test_locked(self, ftbot: Command) -> None:
        assert (await ftbot("db", "upgrade")).code == 0
        with closing(sqlite3.connect(ftbot.database, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            process = await ftbot.start("check", "numpy", program=("-c", IMPATIENT))
            out, err = await process.communicate()
        assert process.returncode is not None
        outcome = Outcome(process.returncode, out.decode(), err.decode())
        assert "locked by another program" in outcome.complaint(2)

    @pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" * 300])
    async def test_corrupt(self, ftbot: Command, content: bytes) -> None:
        ftbot.database.parent.mkdir()
        ftbot.database.write_bytes(content)
        outcome = await ftbot("check", "numpy")
        assert "Restore a backup" in outcome.complaint(2)
        assert ftbot.database.read_bytes() == content

    @pytest.mark.slow
    async def test_from_a_newer_ftbot(self, ftbot: Command) -> None:
        assert (await ftbot("db", "upgrade")).code == 0
        with closing(sqlite3.connect(ftbot.database)) as connection:
            connection.execute("PRAGMA user_version = 999")
        assert "newer ftbot" in (await ftbot("check", "numpy")).complaint(2)

    async def test_a_folder_that_cannot_be_made(self, ftbot: Command) -> None:
        (ftbot.folder / "file").touch()
        ftbot.settings["FTBOT_DATA_DIR"] = str(ftbot.folder / "file/data")
        assert "cannot be made" in (await ftbot("check", "numpy")).complaint(2)

    async def test_read_only(self, ftbot: Command) -> None:
        assert (await ftbot("check", "numpy")).code == 0
        ftbot.database.chmod(0o444)
        ftbot.database.parent.chmod(0o555)
        try:
            if os.access(ftbot.database, os.W_OK):
                pytest.skip("this user may write everything")
            assert "is read-only" in (await ftbot("check", "numpy")).complaint(2)
        finally:
            ftbot.database.parent.chmod(0o755)

    @pytest.mark.slow
    async def test_upgrade_backup_check(self, ftbot: Command) -> None:
        assert "schema" in (await ftbot("db", "upgrade")).out
        copy = ftbot.folder / "copy.sqlite3"
        assert (await ftbot("db", "backup", str(copy))).out == f"Copied to {copy}.\n"
        assert "exists already" in (await ftbot("db", "backup", str(copy))).complaint(2)
        assert (await ftbot("db", "check")).out == f"{ftbot.database} is sound.\n"


@pytest.mark.slow
class TestPipesAndTerminals:
    async def test_a_pipe_has_no_escapes_and_no_progress(self, ftbot: Command) -> None:
        for arguments in (("numpy",), ("numpy", "numpy")):
            outcome = await ftbot("check", *arguments)
            assert "\x1b" not in outcome.out + outcome.err
            assert outcome.err == ""
            assert all(line == line.rstrip() for line in outcome.out.splitlines())

    @pytest.mark.parametrize("options", [("--json",), ()], ids=["json", "table"])
    async def test_a_reader_that_has_seen_enough(
        self, ftbot: Command, options: tuple[str, ...]
    ) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        process = await ftbot.start("check", *["numpy"] * 9, *options, stdout=writing)
        os.close(writing)
        _, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")

    async def test_colours_on_a_terminal(self, ftbot: Command) -> None:
        code, shown = await ftbot.on_terminal("check", "numpy")
        assert code == 0
        assert "\x1b[32m✓ wheel" in shown

    async def test_no_color(self, ftbot: Command) -> None:
        ftbot.settings["NO_COLOR"] = "1"
        code, shown = await ftbot.on_terminal("check", "numpy", "no-such")
        assert code == 2
        assert "✓ wheel" in shown
        assert not re.search("\x1b\\[[0-9;]*m", shown)

    async def test_progress_on_a_terminal_alone(
        self, replica: Replica, replica_module: Replica, ftbot: Command
    ) -> None:
        replica.faults.append(replica_module.Fault("^/simple/numpy/$", delay=0.8))
        code, shown = await ftbot.on_terminal("check", "numpy", "no-such")
        assert code == 2
        assert "Asking the index" in shown
        assert "✓ wheel" in shown

    async def test_ascii_terminals(self, ftbot: Command) -> None:
        ftbot.settings["PYTHONIOENCODING"] = "ascii"
        outcome = await ftbot("check", "numpy")
        assert (outcome.code, outcome.err) == (0, "")
        assert "? wheel" in outcome.out

    @pytest.mark.parametrize("options", [("--json",), ()], ids=["json", "table"])
    async def test_interrupted(
        self, replica: Replica, replica_module: Replica, ftbot: Command, options: tuple[str, ...]
    ) -> None:
        replica.faults.append(replica_module.Fault("^/simple/numpy/$", delay=30))
        process = await ftbot.start("check", "numpy", *options)
        async with asyncio.timeout(20):
            while not replica.requests:  # noqa: ASYNC110 - the stand-in tells nobody
                await asyncio.sleep(0.01)
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
        assert (process.returncode, out, err) == (130, b"", b"")
        with suppress(IndexError):
            replica.faults.pop()

    async def test_help(self, ftbot: Command) -> None:
        outcome = await ftbot()
        assert (outcome.code, outcome.err) == (0, "")
        for command in ("run", "sandbox", "check", "db"):
            assert re.search(rf"^  {command} ", outcome.out, re.MULTILINE)
        assert "3.14t" in (await ftbot("check", "--help")).out

    async def test_it_loads_what_it_needs_and_ends_without_looking_for_garbage(
        self, ftbot: Command
    ) -> None:
        program = """
import gc, sys
from bot.cli import main
sys.argv = ["ftbot", "check", "numpy", "--json"]
try:
    main()
finally:
    needless = {"rich", "pygments", "discord", "aiohttp"} & set(sys.modules)
    sys.stderr.write(f"{needless or None} {gc.get_freeze_count() > 10_000}")
"""
        process = await ftbot.start(program=("-c", program))
        _, err = await process.communicate()
        assert (process.returncode, err) == (0, b"None True")

    async def test_version(self, ftbot: Command) -> None:
        told = await ftbot("--version")
        assert told.code == 0
        assert re.fullmatch(r"ftbot \S.*\n", told.out)
