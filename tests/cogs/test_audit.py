"""/audit as people use it: real files, a real store, and packages judged by their names."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import discord
import pytest
import simcord

from bot import respond
from bot.audit.answering import Audits
from bot.audit.manifests import read
from bot.audit.model import Audit, Class, Manifest, Package
from bot.audit.rules import order
from bot.audit.store import AuditStore
from bot.audit.watching.outbox import Outbox
from bot.audit.watching.rules import KEPT, LONGEST_WATCH, MOST_WATCHES
from bot.audit.watching.service import Watching
from bot.audit.watching.store import WatchStore
from bot.client import Services
from bot.compat.model import Target
from bot.compat.targets import PLATFORMS, PYTHONS
from bot.courier.audits import AuditCourier
from bot.courier.carrier import Carrier
from bot.db import Database, Speakers
from bot.errors import UserError
from bot.xray.model import Module, ModuleVerdict, WheelReading
from bot.xray.service import XrayService
from bot.xray.store import XrayStore
from tests.clock import Clock
from tests.cogs.conftest import Tongues, World
from tests.cogs.fakes import Index, services_on
from tests.cogs.showing import BUTTON, SELECT, parts, texts
from tests.ui.audits import package, with_wheel

LOCK = b"""\
version = 1
[[package]]
name = "app"
version = "1.0"
source = { virtual = "." }
dependencies = [{ name = "numpy" }, { name = "numba" }]
[[package]]
name = "numpy"
version = "2.0"
source = { registry = "https://index.example/simple" }
[[package]]
name = "numba"
version = "0.60"
source = { registry = "https://index.example/simple" }
"""


class Auditor:
    """Packages in `blocked` are blocked, others are ready; those in `compiled` have modules.

    It takes `seconds`, and then goes wrong if `error` is set.
    """

    def __init__(self) -> None:
        self.blocked = {"numba"}
        self.compiled: set[str] = set()
        self.asked: list[tuple[Manifest, Target]] = []
        self.error: Exception | None = None
        self.seconds = 0.0

    async def audit(self, manifest: Manifest, target: Target) -> Audit:
        self.asked.append((manifest, target))
        await asyncio.sleep(self.seconds)
        if self.error:
            raise self.error
        names = dict.fromkeys(
            [*(each.name for each in manifest.pinned), *(each.name for each in manifest.wanted)]
        )
        found = sorted((self._package(name) for name in names), key=lambda each: order(each.class_))
        return Audit(
            target,
            manifest.source,
            manifest.format,
            resolved=True,
            packages=tuple(found),
            problems=manifest.problems,
        )

    def _package(self, name: str) -> Package:
        plain = package(name, Class.BLOCKED if name in self.blocked else Class.READY)
        return with_wheel(plain) if name in self.compiled else plain


@pytest.fixture
def auditor() -> Auditor:
    return Auditor()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def services(index: Index, database: Database, auditor: Auditor, clock: Clock) -> Services:
    nothing: Any = None  # is fetched
    audits = Audits(
        read,
        auditor,
        AuditStore(database),
        WatchStore(database),
        xray=XrayService(XrayStore(database), nothing),
        clock=clock,
    )
    return replace(services_on(database, index, index), audits=audits)


@pytest.fixture
def watching(database: Database, auditor: Auditor, clock: Clock) -> Watching:
    return Watching(AuditStore(database), WatchStore(database), auditor, clock=clock)


@pytest.fixture
def outbox(world: World, database: Database, clock: Clock) -> Outbox:
    carrier = Carrier(lambda: world.env.bot, language=Speakers(database).language)
    return Outbox(AuditStore(database), WatchStore(database), AuditCourier(carrier), clock=clock)


async def audited(
    world: World, body: bytes = LOCK, name: str = "uv.lock", **options: str
) -> simcord.InteractionResult:
    return await world.member.slash(world.channel, "audit", file=(name, body), **options)


def message(result: simcord.InteractionResult) -> simcord.ResponseMessage:
    assert result.response is not None
    return result.response


def custom_ids(result: simcord.InteractionResult) -> list[str]:
    return [part["custom_id"] for kind in (BUTTON, SELECT) for part in parts(result, kind)]


async def test_a_lock_is_answered_with_the_whole_table(world: World, auditor: Auditor) -> None:
    result = await audited(world)
    assert not result.ephemeral
    shown = texts(result)
    assert "## uv.lock on 3.14t\n**1 of 2 packages is in the way.**\n🟥🟥🟥🟥🟥🟥🟩" in shown
    assert "🔧 **numba** 1.0 · compile\n-# Pulled in by app" in shown
    ((_, target),) = auditor.asked
    assert target == Target("3.14t", "linux-x86_64")
    files = {each.filename: await each.read() for each in message(result).attachments}
    assert set(files) == {"audit.md", "audit.json"}
    assert json.loads(files["audit.json"])["summary"]["blocked"] == 1
    assert b"| Blocked | numba |" in files["audit.md"]


async def test_wheels_that_turn_the_gil_on_are_told_when_they_were_read(
    world: World, auditor: Auditor, database: Database
) -> None:
    auditor.compiled, store = {"numpy"}, XrayStore(database)
    result = await audited(world)
    assert "-# 1 wheel is not read yet: whether it keeps the GIL off is not known." in texts(result)
    (wanted,) = await store.wanted_of("numpy")
    again, _ = parts(result, BUTTON)
    assert again["label"] == "Look again"

    module = Module("numpy._a", "numpy/_a.so", ModuleVerdict.RE_ENABLES, "slots end")
    reading = WheelReading(wanted, ModuleVerdict.RE_ENABLES, (module,))
    await store.put(reading, "0" * 64, whole=True, moment=datetime.now(UTC))
    later = await world.member.click(message(result), label=again["label"])
    shown = texts(later)
    assert "⚠️ Installable, but the GIL comes back: **1**" in shown
    assert "**numpy** 1.0 · its only module turns the GIL on: `numpy._a`" in shown
    assert "not read yet" not in shown
    files = {each.filename: await each.read() for each in message(later).attachments}
    assert json.loads(files["audit.json"])["summary"]["gil_reenabled"] == 1


async def test_in_direct_messages(world: World) -> None:
    bob = world.env.create_user("bob")
    result = await bob.slash("audit", file=("requirements.txt", b"numpy\nnumba\n"))
    assert "## requirements.txt on 3.14t" in texts(result)


async def test_the_target_is_an_option(world: World, auditor: Auditor) -> None:
    result = await audited(world, python="3.15t", platform="Manylinux_2_39_x86_64")
    assert auditor.asked[0][1] == Target("3.15t", "manylinux_2_39_x86_64")
    assert "## uv.lock on 3.15t" in texts(result)
    choices = await world.member.autocomplete(world.channel, "audit", "platform", "")
    assert [each["value"] for each in choices][: len(PLATFORMS)] == [*PLATFORMS]
    synced = next(each.json for each in world.env.http_requests if each.method == "PUT")
    (command,) = (each for each in synced or () if each["name"] == "audit")
    by_name = {each["name"]: each for each in command["options"]}
    assert list(by_name) == ["file", "python", "platform"]
    assert [each["value"] for each in by_name["python"]["choices"]] == [*PYTHONS]
    assert [name for name, each in by_name.items() if each["required"]] == ["file"]


async def test_an_unknown_platform_is_named(world: World, auditor: Auditor) -> None:
    result = await audited(world, platform="amiga")
    simcord.assert_error(world.env, UserError)
    assert "'amiga' is not a platform" in texts(result)
    assert auditor.asked == []


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("uv.lock", b"x" * ((1 << 20) + 1), "It is larger than 1 MiB."),
        ("uv.lock", b"#" * (1 << 20), "1,048,576 bytes"),
        ("logo.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "a picture"),
        ("lock.zip", b"PK\x03\x04" + bytes(100), "a zip archive"),
        ("uv.lock", b"\x00\x01\x02\xff" * 50, ""),
        ("uv.lock", b"version = 1\n[[package]\nname = 3\n", "line 2, column 1"),
        ("empty.txt", b"", "empty"),
    ],
    ids=["large", "just too large", "picture", "zip", "binary", "TOML", "empty"],
)
async def test_bad_files_get_a_sentence(
    world: World, auditor: Auditor, name: str, body: bytes, said: str
) -> None:
    result = await audited(world, body, name)
    simcord.assert_error(world.env, UserError)
    assert result.ephemeral
    assert said in texts(result)
    assert 20 < len(texts(result)) < 600
    assert auditor.asked == []


async def test_a_lock_of_a_version_not_known_yet_is_judged_with_a_word(world: World) -> None:
    result = await audited(world, LOCK.replace(b"version = 1", b"version = 99", 1))
    assert "1 of 2 packages" in texts(result)
    assert "⚠️ `uv.lock" in texts(result)
    assert "99" in texts(result)


async def test_a_file_that_is_too_large_is_not_even_fetched(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fetch(_: discord.Attachment, **__: object) -> bytes:
        raise AssertionError("fetched")

    monkeypatch.setattr(discord.Attachment, "read", fetch)
    result = await audited(world, b"x" * (2 << 20))
    simcord.assert_error(world.env, UserError)
    assert "It is larger than 1 MiB." in texts(result)


async def test_a_file_that_discord_does_not_hand_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fetch(_: discord.Attachment, **__: object) -> bytes:
        raise TimeoutError

    monkeypatch.setattr(discord.Attachment, "read", fetch)
    result = await audited(world)
    simcord.assert_error(world.env, UserError)
    assert "Discord did not hand it out.**\nAttach it once more." in texts(result)


async def test_included_files_are_refused_and_the_rest_is_judged(world: World) -> None:
    result = await audited(world, b"-r ../../etc/passwd\n-c more.txt\nnumpy\n", "requirements.txt")
    shown = texts(result)
    assert "numpy 1.0" in shown
    assert shown.count("⚠️ `requirements.txt:") == 2
    assert "root:" not in shown


async def test_hostile_names_are_shown_as_they_are(world: World) -> None:
    body = json.dumps([{"name": "@everyone <@1> [x](https://evil.example)", "version": "`1`"}])
    result = await audited(world, body.encode(), "@here `x`\u202e.json")
    assert "@everyone" not in texts(result)
    assert "@here" not in texts(result)
    assert "](https://evil" not in texts(result)


async def test_what_takes_long_is_deferred(
    world: World, auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(respond, "PATIENCE", 0.01)
    auditor.seconds = 0.1
    result = await audited(world)
    assert "1 of 2 packages" in texts(result)
    assert len(message(result).attachments) == 2
    callbacks = [each for each in world.env.http_requests if each.path.endswith("callback")]
    assert [(each.json or {}).get("type") for each in callbacks] == [5]


async def test_a_mistake_is_told(world: World, auditor: Auditor) -> None:
    auditor.error = RuntimeError("secret detail")
    result = await audited(world)
    simcord.assert_error(world.env, RuntimeError)
    assert "Something went wrong in ftbot" in texts(result)
    assert "secret" not in texts(result)


MANY = "".join(f"project-{number}==1\n" for number in range(90)).encode()


async def test_pages_are_turned_by_anybody_even_after_a_restart(world: World) -> None:
    result = await audited(world, MANY, "requirements.txt")
    assert "Page 1 of 3" in texts(result)
    await world.restart()
    other = world.env.guild.add_member(world.env.create_user("bob"))
    turned = await other.click(message(result), label="More")
    assert "Page 2 of 3" in texts(turned)
    assert "project-45 1.0" in texts(turned)
    assert message(turned).id == message(result).id
    assert {each.filename for each in message(turned).attachments} == {"audit.md", "audit.json"}
    await world.restart()
    back = await world.member.click(message(turned), label="Back")
    assert texts(back) == texts(result)


async def test_two_audits_do_not_mix(world: World) -> None:
    first = await audited(world, MANY, "requirements.txt")
    second = await audited(world, MANY.replace(b"project", b"other"), "requirements.txt")
    turned = await world.member.click(message(first), label="More")
    assert "project-45" in texts(turned)
    assert "other-45" in texts(await world.member.click(message(second), label="More"))


async def test_an_audit_that_is_kept_no_more_says_so(
    world: World, watching: Watching, clock: Clock
) -> None:
    result = await audited(world, MANY, "requirements.txt")
    clock.now += KEPT.total_seconds() + 1
    await watching.tidy()
    gone = await world.member.click(message(result), label="More")
    assert gone.ephemeral
    assert "This audit is not kept any more, as audits are for 30 days." in texts(gone)
    assert "Page 1 of 3" in texts(result)


async def test_a_package_is_looked_at_closer(world: World) -> None:
    result = await audited(world)
    await world.restart()
    looked = await world.member.select(message(result), ["numba"])
    assert looked.ephemeral
    assert "## numba 2.0" in texts(looked)


async def test_one_message_when_the_last_blocker_falls(
    world: World, auditor: Auditor, watching: Watching, outbox: Outbox, clock: Clock
) -> None:
    result = await audited(world)
    bob = world.env.create_user("bob")
    other = world.env.guild.add_member(bob)
    until = int(clock.now + LONGEST_WATCH.total_seconds())
    for person in (world.member, other):
        wish = await person.click(message(result), label="Tell me when this is ready")
        assert wish.ephemeral
        assert "when nothing is in the way of uv.lock on 3.14t any more" in texts(wish)
        assert f"<t:{until}:D>" in texts(wish)
    await watching.look()
    await outbox.deliver()
    assert bob.dm_channel.history() == []
    auditor.blocked.clear()
    clock.now += 86_400
    await watching.look()
    await outbox.deliver()
    await watching.look()
    await outbox.deliver()
    (told,) = bob.dm_channel.history()
    shown = str([each.to_dict() for each in told.components])
    assert "uv.lock can move to 3.14t" in shown
    assert "**numba** 1.0 is ready" in shown
    await world.restart()
    details = await bob.click(told, label="Show it")
    assert details.ephemeral
    assert "**Everything is ready.**" in texts(details)
    assert "Tell me" not in str(parts(details, BUTTON))
    again = await other.click(message(result), label="Tell me when this is ready")
    assert "You were told already" in texts(again)


async def test_ftbot_knows_its_message_again(
    world: World, auditor: Auditor, watching: Watching, outbox: Outbox, database: Database
) -> None:
    result = await audited(world)
    await world.member.click(message(result), label="Tell me when this is ready")
    auditor.blocked.clear()
    await watching.look()
    (note,) = await WatchStore(database).notes(1_800_000_000.0, 9)
    courier = AuditCourier(Carrier(lambda: world.env.bot))
    assert await courier.find(note) is None
    await outbox.deliver()
    found = await courier.find(replace(note, nonce="another"))
    assert found is not None


async def test_stopping(world: World, auditor: Auditor, watching: Watching, outbox: Outbox) -> None:
    result = await audited(world)
    other = await audited(world, b"numba\n", "requirements.txt")
    await world.member.click(message(other), label="Tell me when this is ready")
    wish = await world.member.click(message(result), label="Tell me when this is ready")
    await world.restart()
    ended = await world.member.click(message(wish), label="Stop watching")
    assert "You don't wait for that any more." in texts(ended)
    (select,) = parts(ended, SELECT)
    assert [each["label"] for each in select["options"]] == ["requirements.txt"]
    value = select["options"][0]["value"]
    last = await world.member.select(message(ended), [value])
    assert parts(last, SELECT) == []
    auditor.blocked.clear()
    await watching.look()
    await outbox.deliver()
    assert world.member.user.dm_channel.history() == []


async def test_ten_are_the_most_and_one_can_be_ended_there(world: World) -> None:
    for _ in range(MOST_WATCHES):
        result = await audited(world)
        await world.member.click(message(result), label="Tell me when this is ready")
    one_more = await audited(world)
    full = await world.member.click(message(one_more), label="Tell me when this is ready")
    assert "You wait for 10 audits, which is the most." in texts(full)
    value = parts(full, SELECT)[0]["options"][3]["value"]
    await world.member.select(message(full), [value])
    wish = await world.member.click(message(one_more), label="Tell me when this is ready")
    assert "You hear when nothing" in texts(wish)


async def test_views_are_not_kept_in_memory(world: World) -> None:
    result = await audited(world, MANY, "requirements.txt")
    await world.member.click(message(result), label="More")
    assert not world.env.bot._connection._view_store._views
    assert len(set(custom_ids(result))) == len(custom_ids(result))


async def test_who_waits_is_told_in_the_language_of_that_day(
    world: World, auditor: Auditor, watching: Watching, outbox: Outbox, tongues: Tongues
) -> None:
    result = await audited(world, LOCK + b"\n[[package]]\nname = 'x y'\n")
    tongues.person(world.member, "ko")
    wish = await world.member.click(message(result), label="Tell me when this is ready")
    assert "ko:You hear when nothing is in the way" in texts(wish)
    auditor.blocked.clear()
    await watching.look()
    await outbox.deliver()
    (told,) = world.member.user.dm_channel.history()
    assert "ko:uv.lock can move to 3.14t" in str(told.components[0].to_dict())
    shown = await world.member.user.click(told, label="ko:Show it")
    assert "ko:Everything is ready" in texts(shown)
    assert "ko:'x y' is no name of a project." in texts(shown)
