"""From a release on the index to its announcement, which then says what its wheel declares."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.announce.delivery.model import Parcel
from bot.announce.delivery.service import Outbox
from bot.announce.delivery.store import DeliveryStore
from bot.announce.model import Subscription
from bot.app.core import core
from bot.app.jobs import Bell, delivering, finding, supervised
from bot.app.xraying import xraying
from bot.messages import Done, Place, Sent
from bot.settings import Settings
from bot.ui import announce
from tests.ui.reading import text
from tests.xray import sources
from tests.xray.build import build
from tests.xray.server import WheelServer, serving
from tests.xray.wheels import SUFFIX, wheel

LINUX = "numpy-2.0-cp314-cp314t-manylinux_2_28_x86_64.whl"
SAID = "⚠️ 3.14t Linux x86-64: 1 of 2 modules turns the GIL on: `numpy.absent`"


@dataclass
class Post:
    """A channel that remembers what was written to it."""

    sent: list[str] = field(default_factory=list)
    edits: list[str] = field(default_factory=list)
    written: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, happened: Callable[[], object]) -> None:
        """Wait until something that was written makes it true."""
        async with asyncio.timeout(20):
            while not happened():
                self.written.clear()
                await self.written.wait()

    def is_ready(self) -> bool:
        return True

    async def send(self, parcel: Parcel, _: Subscription | None) -> Sent:
        self.sent.append(shown(parcel))
        self.written.set()
        return Sent(Place(1, len(self.sent)), publishable=False)

    async def find(self, _: Parcel) -> Sent | None:
        return Sent(Place(1, 1), publishable=False) if self.sent else None

    async def edit(self, parcel: Parcel, _: Place, __: Subscription | None) -> Done:
        self.edits.append(shown(parcel))
        self.written.set()
        return Done()

    async def publish(self, _: Place) -> Done:
        raise AssertionError("It is no news channel.")


def shown(parcel: Parcel) -> str:
    return text(announce.message(parcel.news, role=None, parcel=parcel.marker))


@pytest.fixture
async def index() -> AsyncIterator[WheelServer]:
    library = build(sources.MULTI_PHASE)
    content = wheel({f"numpy/declared{SUFFIX}": library, f"numpy/absent{SUFFIX}": library})
    server = WheelServer({LINUX: content}, "numpy", uploaded="2026-11-22T12:00:00Z")
    async with serving(server):
        yield server


@asynccontextmanager
async def process(
    index: WheelServer, folder: Path, post: Post, asked: Callable[[], None] | None = None
) -> AsyncIterator[None]:
    """Run the jobs between a change of the index and a message.

    If there is an `asked`, it is called when a wheel is wanted, which is not read then.
    """
    settings = Settings(pypi_url=index.url, data_dir=folder, announce_settle=0)
    async with core(settings) as parts:
        bell = Bell()
        outbox = Outbox(DeliveryStore(parts.database), parts.subscriptions, post)
        jobs = (
            *finding(parts, bell),
            delivering("delivery", outbox.deliver, lambda: outbox.backlog.waiting, bell),
            *xraying(parts, bell),
        )
        parts.xray.asked = asked or parts.xray.asked
        without = {"changes", "xray"} if asked else {"changes"}
        async with supervised(parts, jobs, bell, without):
            yield


async def publish(index: WheelServer, folder: Path) -> None:
    """Subscribe a channel, and note that the release came."""
    settings = Settings(pypi_url=index.url, data_dir=folder)
    async with core(settings) as parts, parts.database.write() as tx:
        await tx.execute(
            "INSERT INTO subscription (channel, guild, what, among, created)"
            " VALUES (1, 1, 'new-support', 'everything', '')"
        )
        await tx.execute(
            "INSERT INTO change (project, serial, since, due) VALUES ('numpy', 0, 0, 0)"
        )


async def test_the_message_is_edited_once_the_wheel_was_read(
    index: WheelServer, tmp_path: Path
) -> None:
    await publish(index, tmp_path)
    post = Post()
    async with process(index, tmp_path, post):
        await post.until(lambda: any(SAID in each for each in (*post.edits, *post.sent)))
    (message,) = post.sent
    assert message.startswith("## numpy 2.0\n**🆕 Its first free-threaded wheels**")
    assert len(post.edits) <= 1
    for each in post.edits:
        assert each.replace(f"{SAID}\n", "").splitlines()[:3] == message.splitlines()[:3]


async def test_it_is_told_once_however_processes_take_turns(
    index: WheelServer, tmp_path: Path
) -> None:
    await publish(index, tmp_path)
    post, asked = Post(), asyncio.Event()
    async with process(index, tmp_path, post, asked.set), asyncio.timeout(20):
        await post.until(lambda: post.sent)
        await asked.wait()
    assert "GIL" not in post.sent[0]
    async with core(Settings(pypi_url=index.url, data_dir=tmp_path)) as parts:
        await parts.xray.work()  # and it ends before anybody is told
        assert LINUX in await parts.xray.known([LINUX])
        async with parts.database.write() as tx:
            await tx.execute("DELETE FROM memory")  # as if it were a minute later
    for _ in range(2):
        async with process(index, tmp_path, post):
            await post.until(lambda: post.edits)
    assert [SAID in each for each in post.edits] == [True]
    assert len(post.sent) == 1
