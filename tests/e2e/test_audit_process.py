"""An audit through `ftbot run`: from a file to the message that nothing is in the way any more."""

import asyncio
import io
import re
import sqlite3
import zipfile
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from bot.audit.manifests import read
from tests.e2e.discord_spec import walk
from tests.e2e.loopback import answered, sent, shown
from tests.e2e.reports_world import BEN, CLEO, EPHEMERAL, World, holds, place, world

# The loopback server stores things on requests under plain names.
pytestmark = pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")

LOCK: Final = Path(__file__).resolve().parents[1] / "data" / "audits" / "polar.uv.lock"
BLOCKER: Final = "grpcio"
WATCH: Final = "Tell me when this is ready"
ATTACHMENT, FILE = 11, 13
ANSWERED, DEFERRED = 4, 5
SOON: Final = 3.0
"""Seconds in which Discord wants an answer, if only that one comes."""

MANY: Final = b"".join(b"p%d==1\n" % number for number in range(10_000))
DEEP: Final = "a; " + "(" * 5_000 + "python_version > '3'" + ")" * 5_000
HOSTILE: Final[tuple[tuple[str, str | bytes, tuple[str, ...]], ...]] = (
    ("requirements.txt", bytes(range(256)) * 40, ("holds binary data",)),
    ("wheels.zip", b"", ("is a zip archive or a wheel, not text",)),
    ("uv.lock", b"#" * ((1 << 20) + 1), ("larger than 1 MiB",)),
    ("pyproject.toml", "[project]\nname = \n", ("line 2", "column 8")),
    (
        "requirements.txt",
        "fastapi\n-r ../../etc/passwd\n",
        ("requirements.txt:2", "is not read", "fastapi"),
    ),
    (
        "requirements.txt",
        f"fastapi\n{DEEP}\n",
        ("**a**", "cannot be judged from its marker", "fastapi"),
    ),
    ("uv.lock", "version = 99\n[[package]]\nname = 'a'\nversion = '1'\n", ("version 99",)),
)
"""Names of files, what is in them, and what the answer says."""


@pytest.fixture
async def around(tmp_path: Path) -> AsyncIterator[World]:
    """An index where all of the lock has a wheel, but for what is in the way."""
    (tmp_path / ".env").write_text("FTBOT_CHANGES_INTERVAL=0.2\n")
    async with world(tmp_path, webhook=False) as everything:
        for package in read(LOCK.name, LOCK.read_bytes()).pinned:
            stem = f"{package.name.replace('-', '_')}-{package.version}"
            kind = ".tar.gz" if package.name == BLOCKER else "-py3-none-any.whl"
            everything.index.publish(package.name, f"{stem}{kind}")
        yield everything


async def audit(around: World, name: str, body: bytes) -> dict[str, Any]:
    """Run /audit with an attached file, and give the interaction."""
    upload = around.discord.attachment(name, body, "application/octet-stream")
    option = {"type": ATTACHMENT, "name": "file", "value": upload["id"]}
    attachments = {"attachments": {upload["id"]: upload}}
    record: dict[str, Any] = await around.discord.slash(
        "audit", [option], resolved=attachments, **BEN.who
    )
    return record


def told(around: World) -> list[dict[str, Any]]:
    """Return the direct messages."""
    return around.messages(place("DM_ID"))


async def a_day_passes(around: World) -> None:
    """Let what was judged again just now be judged again when the index changes."""
    with closing(sqlite3.connect(around.folder / "ftbot.sqlite3")) as database:
        await around.until(lambda: _looked_yesterday(database))


def _looked_yesterday(database: sqlite3.Connection) -> bool:
    with database:
        done = database.execute("UPDATE audit SET looked = looked - 86400 WHERE looked > 0")
    return bool(done.rowcount)


@pytest.mark.slow
async def test_from_the_file_to_the_last_blocker(around: World) -> None:
    async with around.bot():
        answer = await around.answer(await audit(around, LOCK.name, LOCK.read_bytes()))
        assert holds(answer, "## polar.uv.lock on 3.14t", "**1 of 48 packages is in the way.**")
        assert holds(answer, BLOCKER, "Pulled in by opentelemetry-exporter-otlp-proto-grpc")
        assert holds(answer, "What comes from index.example is judged as PyPI has it.")
        assert holds(answer, "Page 1 of 2")
        files = [part["file"] for part in walk(answer["components"]) if part["type"] == FILE]
        assert [each["url"].rpartition(".")[2] for each in files] == ["md", "json"]
        confirmed = await around.press(BEN, answer, WATCH)
        assert confirmed["flags"] & EPHEMERAL
        assert holds(confirmed, "You hear when nothing is in the way")
        await around.kill()

        await around.start()
        first, second = shown(answer), shown(await around.press(CLEO, answer, "More"))
        assert "Page 2 of 2" in second
        assert names(first).isdisjoint(names(second))
        assert len(names(first) | names(second)) == 47
        assert shown(await around.press(CLEO, answer, "Back")) == first

        await a_day_passes(around)
        around.index.publish(BLOCKER, f"{BLOCKER}-1.74.0-cp314-cp314t-manylinux_2_28_x86_64.whl")
        while "No wheel yet" in await around.ask_for(CLEO, "check", BLOCKER):
            pass  # the journal is not read yet
        await around.press(BEN, answer, WATCH)  # which lets it be looked at now
        await around.told("polar.uv.lock can move to 3.14t", "**grpcio** 1.74.0 is ready")
        await around.kill()

        await around.start()  # with all jobs due
        again = await around.press(BEN, answer, WATCH)
        assert holds(again, "You were told already")
    assert len(told(around)) == 1
    people = {int(each["recipient_id"]) for each in sent(around.discord, "POST", "/channels")}
    assert people == {BEN.number}


def names(text: str) -> set[str]:
    """Return the packages that are listed as ready."""
    listed = text.partition("### ✅ Ready\n")[2]
    return set(re.split(r" · |\n", re.split(r"\n(?:-#|💡)", listed)[0]))


@pytest.mark.slow
async def test_files_that_are_no_good(around: World) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("uv.lock", LOCK.read_bytes())
    async with around.bot():
        for name, content, words in HOSTILE:
            body = content.encode() if isinstance(content, str) else content
            record = await audit(around, name, body or archive.getvalue())
            async with asyncio.timeout(SOON):
                assert (await answered(record))["type"] in (ANSWERED, DEFERRED)
            said = shown(await around.answer(record)).replace("\\", "")
            assert [word for word in words if word not in said] == [], said
        endless = await audit(around, "requirements.txt", MANY)
        async with asyncio.timeout(SOON):
            assert (await answered(endless))["type"] == DEFERRED
        impatient = await around.answer(await audit(around, LOCK.name, LOCK.read_bytes()))
        assert holds(impatient, "Your last audit is still running.")
        await around.kill()  # it would take long
