"""The sandbox as people start it."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest

from bot.settings import load
from tests.e2e.browser import Tab

pytest.importorskip("simcord.preview", reason="the extra `sandbox` is not installed")

from bot.sandbox.run import open_sandbox

ROOT = Path(__file__).resolve().parents[2]
START, STOP = 30.0, 5.0  # seconds


class Process:
    """`ftbot sandbox` as a person starts it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, folder: Path, *arguments: str, **settings: str) -> AsyncIterator[Self]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *arguments),
            cwd=folder,
            env={"PYTHONPATH": str(ROOT), **settings},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield cls(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def address(self) -> str:
        """The line of its output that is nothing but an address."""
        assert self._process.stdout is not None
        async with asyncio.timeout(START):
            async for line in self._process.stdout:
                if line.startswith(b"http://"):
                    return line.decode().strip()
        raise AssertionError((await self.end())[1])

    async def end(self, number: signal.Signals | None = None) -> tuple[int, str]:
        """Wait for its end, after a signal if one is given: exit code and standard error."""
        if number is not None:
            self._process.send_signal(number)
        async with asyncio.timeout(STOP if number else START):
            _, errors = await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode, errors.decode()


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", ["sandbox", "run"])
async def test_process_answers_and_ends(
    tmp_path: Path, command: str, number: signal.Signals
) -> None:
    async with (
        Process.start(tmp_path, command) as process,
        Tab.open(await process.address()) as tab,
    ):
        assert "/check numpy" in tab.messages[0]["content"]
        # Whether simcord saw all work end in its ten seconds does not matter here: the answer does.
        await tab.run("check", project="numpy")
        assert "2.5.5" in str(tab.messages[-1]["components"])
        code, errors = await process.end(number)
    assert (code, errors) == (0, "")  # nothing around the addresses
    assert _names(tmp_path) == []


@pytest.mark.slow
async def test_log_is_there_for_those_who_ask(tmp_path: Path) -> None:
    async with Process.start(tmp_path, "sandbox", FTBOT_LOG_LEVEL="info") as process:
        await process.address()
        _, errors = await process.end(signal.SIGTERM)
    assert " INFO bot." in errors


ANSWERS = [
    ("grpcio", "1.85.1"),
    ("cryptograpy", "cryptography"),
    ("grpc", "grpcio"),
    ("h3", "8 of 8 modules turn the GIL on: `h3._cy.cells`"),
    ("aiohttp", "keeps the GIL off (4 of 4 modules declare it)"),
    ("bcrypt", "not known whether it keeps the GIL off: the file does not show it"),
    ("numpy", "likely keeps the GIL off, by its machine code"),
    ("made-up-yanked", "yanked"),
    ("made-up-quarantined", "quarantined"),
    ("made-up-archived", "archived"),
    ("../../etc/passwd", "name"),
]


async def test_sandbox_answers_from_its_snapshot(tmp_path: Path) -> None:
    settings = load({"FTBOT_DATA_DIR": str(tmp_path)})
    async with open_sandbox(settings) as sandbox:
        for project, told in ANSWERS:
            async with Tab.open(sandbox.server) as tab:
                receipt = await tab.run("check", project=project)
                assert (receipt["settlement"], receipt["diagnostics"]) == ("settled", []), project
                assert told in str(tab.messages[-1]["components"]), project


@pytest.mark.slow
async def test_its_people_speak_the_language_that_is_asked_for(tmp_path: Path) -> None:
    async with (
        Process.start(tmp_path, "sandbox", "--language", "ko") as process,
        Tab.open(await process.address()) as tab,
    ):
        assert "`/확인 numpy`" in tab.messages[0]["content"]
        assert "`/샌드박스 배포`" in tab.messages[0]["content"]
        await tab.run("확인", 프로젝트="numpy")
        assert "자유 스레드" in str(tab.messages[-1]["components"])


@pytest.mark.slow
async def test_a_language_that_ftbot_does_not_speak_is_one_sentence(tmp_path: Path) -> None:
    async with Process.start(tmp_path, "sandbox", "--language", "tlh") as process:
        code, errors = await process.end()
    assert code == 2
    assert "does not speak tlh" in errors
    assert "en, ko" in errors
    assert len(errors.strip().splitlines()) == 1


@pytest.mark.slow
async def test_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        async with Process.start(tmp_path, "sandbox", "--port", port) as process:
            code, errors = await process.end()
    assert code == 2
    assert port in errors
    assert "--port" in errors
    assert len(errors.strip().splitlines()) == 1


async def test_missing_extra_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "simcord.py").write_text("raise ModuleNotFoundError('no', name='simcord')\n")
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    async with Process.start(tmp_path, "sandbox", PYTHONPATH=path) as process:
        code, errors = await process.end()
    assert code == 2
    assert "pip install ftbot[sandbox]" in errors
    assert len(errors.strip().splitlines()) == 1
