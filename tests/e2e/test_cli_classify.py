"""`ftbot classify` as people and programs start it. The reports are made up."""

import asyncio
import json
import os
import pty
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.cli.main import _run
from bot.reports.model import Kind

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
KEYS = ["id", "kind", "confidence", "package", "package_version", "python", "os", "duplicate_of",
        "evidence"]  # fmt: skip
WARNING = (
    "RuntimeWarning: The global interpreter lock (GIL) has been enabled to load module "
    "'numpy._core._multiarray_umath', which has not declared that it can run safely without the "
    "GIL. To override this behavior and keep the GIL disabled (at your own risk), run with "
    "PYTHON_GIL=0 or -Xgil=0."
)
REPORT = {"id": 1, "title": "The GIL comes back", "text": f"numpy 2.1.0, 3.14t, Ubuntu\n{WARNING}"}


@dataclass(frozen=True)
class Outcome:
    """How a process ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


async def classify(
    file: str | Path, given: bytes = b"", *, folder: Path, environ: dict[str, str] | None = None
) -> Outcome:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "classify", str(file)),
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", **(environ or {})},
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate(given)
    assert process.returncode is not None
    return Outcome(process.returncode, out.decode(), err.decode())


def lines(*reports: object) -> bytes:
    return "".join(f"{json.dumps(report)}\n" for report in reports).encode()


async def test_one_line_out_per_line_in(tmp_path: Path) -> None:
    file = tmp_path / "reports.jsonl"
    other = {"id": "zwei ü", "title": "Support 3.14t", "text": "", "url": "ignored", "n": [1]}
    again = {**REPORT, "id": 3}
    file.write_bytes(lines(REPORT, other, again))
    outcome = await classify(file, folder=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    first, second, third = outcome.documents
    assert [list(document) for document in outcome.documents] == [KEYS] * 3
    confidence, evidence = first.pop("confidence"), first.pop("evidence")
    assert first == {
        "id": 1,
        "kind": "gil_reenabled",
        "package": "numpy",
        "package_version": "2.1.0",
        "python": "3.14t",
        "os": "linux",
        "duplicate_of": None,
    }
    assert 0 < confidence <= 1
    assert any("enabled to load module" in each for each in evidence)
    assert (second["id"], second["kind"]) == ("zwei ü", "support_request")
    assert second["package"] is second["os"] is second["duplicate_of"] is None
    assert (third["id"], third["duplicate_of"]) == (3, 1)


async def test_ids_are_given_back_as_they_are(tmp_path: Path) -> None:
    ids = ("1", "-1.50e3", "9" * 5_000, '"a"', '"\\u00e9"', '""')
    given = "".join(f'{{"id": {each}, "title": "x", "text": null}}\n' for each in ids)
    outcome = await classify("-", given.encode(), folder=tmp_path)
    assert outcome.code == 0
    for line, identity in zip(outcome.out.splitlines(), ids, strict=True):
        assert line.startswith(f'{{"id": {identity}, "kind": ')


async def test_hostile_and_empty_lines(tmp_path: Path) -> None:
    hostile = [
        {"id": 1, "title": "", "text": ""},
        {"id": 2, "title": "\ud800\x1b[1m\u202e", "text": "a\x00b<@1>" * 9_000},
        {"id": 3, "title": "x" * 100_000, "text": "3.14t " * 300_000},
    ]
    given = b"\xef\xbb\xbf" + lines(hostile[0]) + b"\n  \n" + lines(*hostile[1:]).rstrip()
    outcome = await classify("-", given, folder=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.isascii()
    assert [document["id"] for document in outcome.documents] == [1, 2, 3]
    assert {document["kind"] for document in outcome.documents} <= set(Kind)


async def test_an_issue_is_mostly_about_its_own_project(tmp_path: Path) -> None:
    file = tmp_path / "reports.jsonl"
    text = "Importing it on 3.14t turns the GIL back on."
    report = {"id": 1, "title": "GIL", "text": text}
    addresses = "https://github.com/example/orjson/issues/1", "https://index.example/orjson", 7
    file.write_bytes(lines(report, *({**report, "url": each} for each in addresses)))
    outcome = await classify(file, folder=tmp_path)
    assert [each["package"] for each in outcome.documents] == [None, "orjson", None, None]


async def test_nothing_in_nothing_out(tmp_path: Path) -> None:
    assert await classify("-", b"", folder=tmp_path) == Outcome(0, "", "")


GOOD = b'{"id": 1, "title": "a", "text": "b"}\n'


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"not json", "not JSON"),
        (b'{"id": 1, "title": "a"', "not JSON"),
        (b'{"id": NaN, "title": "a", "text": "b"}', "not JSON"),
        (b'{"id": 1, "title": "a", "text": "b", "z": ' + b"[" * 99_999, "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"3", "not a JSON object"),
        (b'{"title": "a", "text": "b"}', '"id"'),
        (b'{"id": null, "title": "a", "text": "b"}', '"id"'),
        (b'{"id": true, "title": "a", "text": "b"}', '"id"'),
        (b'{"id": [1], "title": "a", "text": "b"}', '"id"'),
        (b'{"id": 1, "text": "b"}', '"title"'),
        (b'{"id": 1, "title": "a"}', '"text"'),
        (b'{"id": 1, "title": 5, "text": "b"}', '"title"'),
        (b'{"id": 1, "title": "a", "text": {}}', '"text"'),
        (b'{"id": 1, "title": "\xff", "text": "b"}', "UTF-8 at byte 21"),
    ],
)
def test_a_bad_line_is_named(
    tmp_path: Path, line: bytes, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reports.jsonl"
    file.write_bytes(GOOD + line + b"\n" + GOOD)
    code = _run(["classify", str(file)], debug=False)
    is_named(file, what, Outcome(code, *capsys.readouterr()))


async def test_a_bad_line_ends_the_process(tmp_path: Path) -> None:
    file = tmp_path / "reports.jsonl"
    file.write_bytes(GOOD + b"[1]\n" + GOOD)
    is_named(file, "not a JSON object", await classify(file, folder=tmp_path))


def is_named(file: Path, what: str, outcome: Outcome) -> None:
    assert outcome.code == 2
    assert len(outcome.documents) == 1  # what stands before it is read
    (complaint,) = outcome.err.splitlines()
    assert complaint.startswith("ftbot: ")
    assert f"{file}, line 2 " in complaint
    assert what in complaint
    assert len(complaint) < 400


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
async def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    outcome = await classify(name, folder=tmp_path)
    assert (outcome.code, outcome.out) == (2, "")
    (complaint,) = outcome.err.splitlines()
    assert complaint.startswith(f"ftbot: {name} cannot be read: ")


def test_mistakes_are_found_before_names_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.cli.classify.NameTable", None)
    file = tmp_path / "reports.jsonl"
    file.write_bytes(b"[1]\n")
    assert _run(["classify", str(file)], debug=False) == 2
    assert "line 1 is not a JSON object" in capsys.readouterr().err


async def test_it_needs_no_settings_and_leaves_nothing(tmp_path: Path) -> None:
    outcome = await classify("-", GOOD, folder=tmp_path, environ={"LC_ALL": "C"})
    assert outcome.code == 0
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - asynchronous code has no quick pathlib


@pytest.mark.parametrize("source", ["file", "standard input"])
async def test_progress_is_shown_on_a_terminal_only(tmp_path: Path, source: str) -> None:
    file = tmp_path / "reports.jsonl"
    slow = {**REPORT, "text": REPORT["text"] + "a-b " * 200_000}  # type: ignore[operator]
    file.write_bytes(lines(*({**slow, "id": number} for number in range(10))))
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "classify", str(file) if source == "file" else "-"),
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"},
        stdin=(given := file.open("rb")),
        stdout=PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    given.close()

    def shown() -> bytes:
        parts = []
        with suppress(OSError):  # Linux tells by an error that the other side is closed
            while part := os.read(ours, 65_536):
                parts.append(part)
        os.close(ours)
        return b"".join(parts)

    async with asyncio.timeout(120):
        on_terminal, (out, _) = await asyncio.gather(
            asyncio.to_thread(shown), process.communicate()
        )
    assert process.returncode == 0
    assert b"Reading reports" in on_terminal
    assert len(out.splitlines()) == 10
