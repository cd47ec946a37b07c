"""`ftbot run` as a process, and the people around it: members, triagers, maintainers on GitHub.

Discord, the index and GitHub are on loopback, and the bot knows no difference. What is waited for
is always something that happens; nothing sleeps for a time.
"""

import asyncio
import re
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from bot.webhook import PATH
from tests.e2e import github_loopback
from tests.e2e.discord_spec import BUTTON, walk
from tests.e2e.filing_parts import description
from tests.e2e.loopback import MODAL, Loopback, loopback, shown, surroundings, tool

T = TypeVar("T")

HOME: Final = "community/reports"
SECRET: Final = "made-up-for-this-test"  # noqa: S105 - made up
DELIVERIES: Final = "/app/hook/deliveries"
START, PATIENCE = 30.0, 15.0  # seconds
TEXT_INPUT, STRING_SELECT, LABEL, FILE_UPLOAD = 4, 3, 18, 19
SUBCOMMAND, STRING, CHANNEL, ROLE = 1, 3, 7, 8
MEMBER, EVERYTHING = str(1 << 11), str((1 << 50) - 1)
EPHEMERAL = 64

Message: TypeAlias = dict[str, Any]
File: TypeAlias = tuple[str, bytes]
"""A name and what is in it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on Discord."""

    name: str
    number: int
    permissions: str = MEMBER

    @property
    def who(self) -> dict[str, Any]:
        """What the loopback wants to know of who acts."""
        user = {"id": str(self.number), "username": self.name, "global_name": self.name.title()}
        more = {"discriminator": "0", "avatar": None, "bot": False}
        return {"user": {**user, **more}, "perms": self.permissions}


ADA = Person("ada", 2000000000000000011, EVERYTHING)
GRACE = Person("grace", 2000000000000000012, EVERYTHING)
BEN = Person("ben", 2000000000000000021)
CLEO = Person("cleo", 2000000000000000022)
DAN = Person("dan", 2000000000000000023)


@dataclass
class World:
    """Everything outside of the bot, the bot's folder, and its process while it runs."""

    discord: Loopback
    index: Any
    github: Any
    folder: Path
    webhook: bool = True
    process: Process | None = None
    log: list[str] = field(default_factory=list)

    # The process

    @asynccontextmanager
    async def bot(self) -> AsyncIterator[None]:
        """Run it until the block ends, by SIGTERM; `kill` ends it before."""
        await self.start()
        try:
            yield
            if self.process is not None:
                process, self.process = self.process, None
                process.terminate()
                async with asyncio.timeout(5):
                    assert await process.wait() == 0, self.log
            assert not [line for line in self.log if "Traceback" in line], self.log
            assert SECRET not in "".join(self.log)
        finally:
            if self.process is not None:
                await self.kill()

    async def start(self) -> None:
        """Start it, and wait until it is on Discord."""
        self.discord.identified.clear()
        environment = {
            **surroundings(self.discord, self.index, self.folder),
            "FTBOT_FILL": "0",
            "FTBOT_HTTP": "127.0.0.1:0",
            "FTBOT_GITHUB_API_URL": self.github.url,
            "FTBOT_GITHUB_REPO": HOME,
            "FTBOT_GITHUB_APP_ID": github_loopback.APP_ID,
            "FTBOT_GITHUB_APP_KEY_FILE": str(self.folder / "app.pem"),
        }
        if self.webhook:
            environment["FTBOT_GITHUB_WEBHOOK_SECRET"] = SECRET
        self.process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run"),
            cwd=self.folder,
            env=environment,
            stdout=DEVNULL,
            stderr=PIPE,
        )
        listening = asyncio.create_task(self._read(process))
        async with asyncio.timeout(START):
            await self.until(lambda: listening.done() or self._address())
            await self.until(lambda: listening.done() or self.discord.identified.is_set())
        assert not listening.done(), self.log
        if self.webhook:
            self.github._hooks.clear()  # those of an earlier process
            self.github.on_event(f"{self._address()}{PATH}", SECRET)

    async def kill(self) -> None:
        """End it by SIGKILL, and let all jobs be due, as if it had been down for a day."""
        process, self.process = self.process, None
        assert process is not None
        process.kill()
        await process.wait()
        with closing(sqlite3.connect(self.folder / "ftbot.sqlite3")) as database, database:
            database.execute("DELETE FROM memory WHERE key LIKE 'job.%'")

    async def _read(self, process: Process) -> None:
        assert process.stderr is not None
        self.log.clear()
        async for line in process.stderr:
            self.log.append(line.decode())

    def _address(self) -> str | None:
        found = re.search(r"Health and metrics on (\S+)", "".join(self.log))
        return found and found[1]

    async def until(self, happened: Callable[[], T | None]) -> T:
        """Wait until something is true, and give it."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := happened()):  # noqa: ASYNC110 - it is in another process
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError("\n".join(["It did not happen.", *self._seen()])) from None
        return found

    def _seen(self) -> Iterator[str]:
        """Tell what there is to see, for failures."""
        for message in self.discord.messages.values():
            if message["author"]["bot"]:
                yield f"--- in {message['channel_id']}:\n{shown(message)}"
        yield from self.log

    def later(self, seconds: float = 5) -> None:
        """Let time go by on GitHub, which counts in whole seconds."""
        before = self.github.clock
        self.github.clock = lambda: before() + seconds

    # What people see

    def messages(self, channel: str) -> list[Message]:
        """Return what ftbot wrote by itself to a channel."""
        return [
            each
            for each in self.discord.messages.values()
            if each["channel_id"] == channel and each["author"]["bot"] and not each["type"]
        ]

    async def card(self, *texts: str) -> Message:
        """Wait for a card in the triagers' channel that holds all of `texts`, and give it."""
        return await self.message(place("TRIAGE_ID"), *texts)

    async def told(self, *texts: str) -> Message:
        """Wait for a direct message that holds all of `texts`, and give it."""
        return await self.message(place("DM_ID"), *texts)

    async def message(self, channel: str, *texts: str) -> Message:
        """Wait for a message of ftbot's in a channel that holds all of `texts`, and give it."""

        def found() -> Message | None:
            fitting = (m for m in self.messages(channel) if holds(m, *texts))
            return next(fitting, None)

        return await self.until(found)

    def issues(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.github.issues(HOME)
        return found

    # What people do

    async def setup(self) -> None:
        """Let Ada say where reports are decided on."""
        channel, role = place("TRIAGE_ID"), "3000000000000000077"
        options = [
            {"type": CHANNEL, "name": "channel", "value": channel},
            {"type": ROLE, "name": "role", "value": role},
        ]
        kept = {"name": "Triagers", "permissions": "0", "position": 1, "color": 0, "hoist": False}
        more = {"managed": False, "mentionable": False, "flags": 0, "id": role}
        chosen = {"id": channel, "name": "triage", "type": 0, "permissions": EVERYTHING}
        answer = await self.command(
            ADA,
            "triage",
            [{"type": SUBCOMMAND, "name": "setup", "options": options}],
            resolved={"channels": {channel: chosen}, "roles": {role: {**kept, **more}}},
        )
        assert f"<#{channel}>" in shown(answer)

    async def command(
        self,
        who: Person,
        name: str,
        options: list[Any] | None = None,
        resolved: dict[str, Any] | None = None,
    ) -> Message:
        """Run a slash command and give its answer."""
        record = await self.discord.slash(name, options, resolved=resolved, **who.who)
        return await self.answer(record)

    async def ask_for(self, who: Person, command: str, project: str) -> str:
        """Run a command about a project, and give what it shows."""
        option = {"type": STRING, "name": "project", "value": project}
        return shown(await self.command(who, command, [option]))

    async def report(self, who: Person, *, file: File | None = None, **texts: str) -> Message:
        """Fill in the form of /report, and give what was understood of it."""
        form = await self.command(who, "report")
        return await self._fill_in(who, form, None, texts, file=file)

    async def submit(
        self,
        who: Person,
        form: Message,
        message: Message | None = None,
        *,
        file: File | None = None,
        choice: str = "",
        **texts: str,
    ) -> Message:
        """Fill in a form, and give the answer; `message` is the one that opened it.

        What is not named stays as it was filled in.
        """
        return await self._fill_in(who, form, message, texts, file=file, choice=choice)

    async def _fill_in(
        self,
        who: Person,
        form: Message,
        message: Message | None,
        texts: dict[str, str],
        *,
        file: File | None,
        choice: str = "",
    ) -> Message:
        before = {
            each["custom_id"]: each.get("value") or ""
            for each in walk(form["components"])
            if each["type"] == TEXT_INPUT
        }
        parts: list[dict[str, Any]] = [
            {"type": TEXT_INPUT, "custom_id": name, "value": text}
            for name, text in {**before, **texts}.items()
        ]
        resolved = None
        if file:
            upload = self.discord.attachment(*file)
            resolved = {"attachments": {upload["id"]: upload}}
            parts.append({"type": FILE_UPLOAD, "custom_id": "file", "values": [upload["id"]]})
        if choice:
            parts.append({"type": STRING_SELECT, "custom_id": "reason", "values": [choice]})
        filled = [{"type": LABEL, "component": part} for part in parts]
        return await self.answer(
            await self.discord.submit(
                form["custom_id"], filled, message, resolved=resolved, **who.who
            )
        )

    async def menu(self, who: Person, name: str, message: Message) -> Message:
        """Choose from a message's menu, and give what that opens."""
        return await self.answer(await self.discord.context_menu(name, message, **who.who))

    async def press(self, who: Person, message: Message, label: str) -> Message:
        """Press a button, and give the answer: a message, or the form that it opens."""
        return await self.answer(await self.click(who, message, label))

    async def click(self, who: Person, message: Message, label: str) -> dict[str, Any]:
        """Press a button without waiting."""
        custom_id = button(message, label)["custom_id"]
        record: dict[str, Any] = await self.discord.click(message, custom_id, **who.who)
        return record

    async def answer(self, record: dict[str, Any]) -> Message:
        """Wait for the answer to what somebody did: a message, or a form."""
        await self.until(lambda: record["done_ev"].is_set() or record["followups"])
        if record["followups"]:
            followup: Message = self.discord.messages[record["followups"][-1]]
            return followup
        if record["callback"]["type"] == MODAL:
            form: Message = record["modal"]
            return form
        message: Message = self.discord.messages[record["original"]]
        return message


def place(name: str) -> str:
    """Return the number of a place on the loopback's server."""
    number: str = getattr(tool("discord_loopback"), name)
    return number


def holds(message: Message, *texts: str) -> bool:
    """Tell whether a message shows all of `texts`."""
    everything = shown(message)
    return all(text in everything for text in texts)


def buttons_of(message: Message) -> Iterator[dict[str, Any]]:
    return (dict(each) for each in walk(message["components"]) if each["type"] == BUTTON)


def button(message: Message, label: str) -> dict[str, Any]:
    """Return the button of that label."""
    return next(each for each in buttons_of(message) if each["label"] == label)


def labels_of(message: Message) -> list[str]:
    return [each["label"] for each in buttons_of(message)]


@asynccontextmanager
async def world(folder: Path, *, webhook: bool = True) -> AsyncIterator[World]:
    """Serve Discord, index and GitHub; judge in the end all that they were asked."""
    (folder / "app.pem").write_bytes(github_loopback.pem())
    index = tool("index_replica").IndexReplica(port=0)
    await index.start()
    try:
        async with github_loopback.serving() as github, loopback() as discord:
            github.repo(HOME, labels=["free-threading", "bug"], roles={"mel": "MEMBER"})
            yield World(discord, index, github, folder, webhook)
            # The description at hand has no App's webhooks.
            judged = [each for each in github.requests if each["path"] != DELIVERIES]
        wrong = {problem for each in judged for problem in description().problems(each)}
        assert sorted(wrong) == []
    finally:
        await index.stop()
