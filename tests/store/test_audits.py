"""Audits that are kept, who waits for them, and the outbox: the real database."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from bot.audit.document import audit_document
from bot.audit.model import Audit, Class, Manifest, Pinned, Problem, Wanted
from bot.audit.store import AuditStore, Packed, pack
from bot.audit.watching.rules import KEPT, LONGEST_WATCH, MOST_KEPT
from bot.audit.watching.store import WatchStore
from bot.compat.model import ProjectFiles
from bot.db import Database
from bot.index.model import Project
from bot.index.store import ProjectStore, encode
from bot.language import Phrase, phrase, together
from bot.messages import Place
from tests.ui.answers import support
from tests.ui.audits import TARGET, audit, manifest, package, packages

NOW, DAY = 1_800_000_000.0, 86_400.0
ADA, BEN = 11, 12


class World:
    def __init__(self, db: Database) -> None:
        self.db = db
        self.queued = 0
        self.audits = AuditStore(db)
        self.watches = WatchStore(db, self.queue)
        self.projects = ProjectStore(db)

    def queue(self) -> None:
        self.queued += 1

    async def add(self, owner: int = ADA, at: float = NOW) -> int:
        return await self.audits.add(packed(), owner, at)

    async def page(self, name: str, serial: int | None, *, change: int | None = None) -> None:
        """Let the index show a page, and tell of a change that it does not show yet."""
        files = ProjectFiles((), ())
        project = Project(
            NormalizedName(name), name, "active", serial, None, datetime.now(UTC), files
        )
        await self.projects.put(project, encode(files))
        if change is not None:
            async with self.db.write() as tx:
                await self.projects.want(tx, {name: change})


def packed(found: Audit | None = None) -> Packed:
    return pack(found or audit(), manifest())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with Database.open(tmp_path / "ftbot.sqlite3") as db:
        yield World(db)


async def test_what_is_kept_is_what_was_answered(world: World) -> None:
    found = audit(
        [
            package("a\ud800", Class.BLOCKED, support=support(TARGET), path=("b", "c")),
            *packages(Class.WORKS, "works"),
        ],
        conflict="a wants b",
    )
    said = replace(
        manifest(found),
        wanted=(Wanted("a", "x:1", ">=2", ("extra",), "python_version < '4'"),),
        pinned=(Pinned("b", None, "x", requires=(("c", ""),), direct=True),),
    )
    number = await world.audits.add(pack(found, said), ADA, NOW)
    kept = await world.audits.get(number)
    assert kept is not None
    assert (kept.id, kept.made.timestamp(), kept.audit) == (number, NOW, found)
    assert await world.audits.manifest(number) == said
    assert await world.audits.get(number + 1) is None
    assert await world.audits.manifest(number + 1) is None


async def test_ten_thousand_packages_are_small() -> None:
    every = [
        package(f"project-{number}", Class.BLOCKED, support=support(TARGET))
        for number in range(10_000)
    ]
    stored = pack(audit(every), Manifest("x", "uv.lock", locked=True))
    assert len(stored.answer) < 300_000


async def test_a_members_oldest_audits_go_first(world: World) -> None:
    numbers = [await world.add(at=NOW + age) for age in range(MOST_KEPT)]
    await world.watches.watch(numbers[0], BEN, NOW, most=10)
    other = await world.add(BEN, NOW)
    newest = [await world.add(at=NOW + 100) for _ in range(2)]
    kept = [number for number in numbers if await world.audits.get(number)]
    assert kept == [numbers[0], *numbers[2:]]  # the oldest is waited for
    assert await world.audits.get(other)
    assert all([await world.audits.get(number) for number in newest])
    assert await world.audits.stored(ADA) == MOST_KEPT + 1


async def test_audits_are_kept_for_a_month_unless_waited_for(world: World) -> None:
    old, waited, told = [await world.add() for _ in range(3)]
    await world.watches.watch(waited, BEN, NOW, most=10)
    await world.watches.watch(told, BEN, NOW, most=10)
    await world.watches.fallen(told, packed(), NOW)
    later = NOW + KEPT.total_seconds() + 1
    young = await world.add(at=later)
    assert await world.audits.prune(later) == 1
    assert await world.audits.get(old) is None
    assert all([await world.audits.get(number) for number in (waited, told, young)])
    (note,) = await world.watches.notes(NOW, 10)
    await world.watches.sent(note, Place(1, 2))
    assert await world.audits.prune(later) == 2  # the one that was told of, and what was told
    assert await world.watches.stored(BEN) == (1, 0)


async def test_a_member_waits_for_so_many(world: World) -> None:
    one, two, three = [await world.add() for _ in range(3)]
    assert await world.watches.watch(one, ADA, NOW, most=2)
    assert await world.watches.watch(two, ADA, NOW + 1, most=2)
    assert not await world.watches.watch(three, ADA, NOW, most=2)
    assert await world.watches.watch(one, ADA, NOW + 9, most=2)
    assert await world.watches.watch(three, BEN, NOW, most=2)
    first, second = await world.watches.watches(ADA)
    assert (first.audit, second.audit) == (two, one)
    assert (second.source, second.target) == ("uv.lock", TARGET)
    assert second.until.timestamp() == NOW + LONGEST_WATCH.total_seconds()
    assert await world.watches.unwatch(one, ADA)
    assert not await world.watches.unwatch(one, ADA)
    assert await world.watches.expire(NOW + 0.5) == 1
    assert [each.audit for each in await world.watches.watches(ADA)] == [two]


async def test_only_what_somebody_waits_for_is_judged_again(world: World) -> None:
    number = await world.add()
    assert await world.watches.due(NOW, NOW) == []
    await world.watches.watch(number, ADA, NOW, most=10)
    assert await world.watches.due(NOW, NOW) == [number]
    await world.watches.still(number, ["orjson"], NOW, NOW + DAY)
    assert await world.watches.due(NOW + DAY - 1, NOW + DAY) == []
    assert await world.watches.due(NOW + DAY, NOW) == [number]


async def test_a_change_of_a_blocker_is_looked_at_soon(world: World) -> None:
    number = await world.add()
    await world.watches.watch(number, ADA, NOW, most=10)
    await world.page("orjson", 5)
    await world.page("other", 5)
    await world.watches.still(number, ["orjson", "nowhere"], NOW, NOW + DAY)
    await world.page("other", 8)
    assert await world.watches.due(NOW + 60, NOW + 60) == []
    await world.page("orjson", 5, change=7)
    assert await world.watches.due(NOW + 60, NOW - 1) == []  # not so soon again
    assert await world.watches.due(NOW + 60, NOW) == [number]
    await world.page("orjson", 7)
    assert await world.watches.due(NOW + 60, NOW) == [number]
    await world.watches.still(number, ["orjson"], NOW + 60, NOW + DAY)
    assert await world.watches.due(NOW + 90, NOW + 90) == []
    await world.watches.put_off(number, NOW + 90, NOW + 95)
    assert await world.watches.due(NOW + 95, NOW + 95) == [number]


async def test_an_index_without_serials_is_asked_daily(world: World) -> None:
    number = await world.add()
    await world.watches.watch(number, ADA, NOW, most=10)
    await world.page("orjson", None)
    await world.watches.still(number, ["orjson"], NOW, NOW + DAY)
    assert await world.watches.due(NOW + 60, NOW + 60) == []


async def test_all_who_wait_are_told_once(world: World) -> None:
    number = await world.add()
    for user in (BEN, ADA):
        await world.watches.watch(number, user, NOW, most=10)
    assert await world.watches.fallen(number, packed(), NOW) == 2
    assert world.queued == 1
    notes = await world.watches.notes(NOW, 10)
    assert [str(each.destination) for each in notes] == [f"user:{ADA}", f"user:{BEN}"]
    assert {each.watched for each in notes} == {number}
    assert len({each.nonce for each in notes}) == 2
    assert await world.watches.told(number, ADA)
    assert await world.watches.watches(ADA) == []
    assert await world.watches.fallen(number, packed(), NOW) == 0
    await world.watches.watch(number, ADA, NOW, most=10)
    assert await world.watches.fallen(number, packed(), NOW) == 0
    assert len(await world.watches.notes(NOW, 10)) == 2
    rows = await world.db.read("SELECT count(*) AS audits FROM audit")
    assert rows[0]["audits"] == 2  # what nobody is told of is not kept


async def test_the_way_of_a_note(world: World) -> None:
    number = await world.add()
    await world.watches.watch(number, ADA, NOW, most=10)
    await world.watches.fallen(number, packed(), NOW)
    (note,) = await world.watches.notes(NOW, 10)
    assert (note.attempts, note.doubtful) == (1, None)
    await world.watches.begin(note, NOW + 1)
    (begun,) = await world.watches.notes(NOW, 10)
    assert (begun.doubtful, begun.nonce, begun.marker) == (NOW + 1, note.nonce, note.marker)
    await world.watches.postpone(begun, NOW + 9, doubtful=False)
    assert await world.watches.notes(NOW + 8, 10) == []
    (again,) = await world.watches.notes(NOW + 9, 10)
    assert (again.attempts, again.doubtful) == (3, NOW + 1)  # an earlier try may have sent it
    waiting = await world.watches.waiting()
    assert (waiting.waiting, waiting.failing) == (1, 1)
    await world.watches.drop(again, "no more")
    assert await world.watches.notes(NOW + 9, 10) == []
    assert (await world.watches.waiting()).waiting == 0


async def test_a_try_that_surely_did_not_send_leaves_no_doubt(world: World) -> None:
    number = await world.add()
    await world.watches.watch(number, ADA, NOW, most=10)
    await world.watches.fallen(number, packed(), NOW)
    (note,) = await world.watches.notes(NOW, 10)
    await world.watches.begin(note, NOW)
    await world.watches.postpone(note, NOW + 1, doubtful=False)
    (again,) = await world.watches.notes(NOW + 1, 10)
    assert again.doubtful is None


async def test_forgetting_a_member(world: World) -> None:
    mine, shared = await world.add(), await world.add()
    told = await world.add(BEN)
    for number, user in ((mine, ADA), (shared, ADA), (shared, BEN), (told, ADA)):
        await world.watches.watch(number, user, NOW, most=10)
    await world.watches.fallen(told, packed(), NOW)
    assert await world.audits.stored(ADA) == 2
    assert await world.watches.stored(ADA) == (2, 1)
    async with world.db.write() as tx:
        assert await world.watches.forget(tx, ADA) == (2, 1)
        assert await world.audits.forget(tx, ADA) == 2
    assert await world.audits.stored(ADA) == 0
    assert await world.watches.stored(ADA) == (0, 0)
    assert await world.audits.get(mine) is None
    assert await world.audits.get(shared)  # Ben waits for it
    assert await world.watches.stored(BEN) == (1, 0)


async def test_what_an_audit_says_can_be_said_in_another_language(world: World) -> None:
    advice, why = phrase("Ready from {version}.", version="2.0"), phrase("It is no list.")
    said = replace(
        audit([replace(package("demo", Class.BLOCKED), advice=advice)]),
        problems=(Problem("uv.lock", why),),
        conflict=together(phrase("They disagree."), phrase("So be it.")),
    )
    asked = replace(manifest(), problems=(Problem("a", why),))
    number = await world.audits.add(pack(said, asked), ADA, NOW)
    kept, read = await world.audits.get(number), await world.audits.manifest(number)
    assert kept is not None
    assert read is not None
    assert kept.audit == said
    assert read == asked
    for text in (
        kept.audit.packages[0].advice,
        kept.audit.problems[0].text,
        kept.audit.conflict,
        read.problems[0].text,
    ):
        assert isinstance(text, Phrase)
    assert json.loads(json.dumps(audit_document(kept.audit))) == audit_document(said)
