"""What is added to an audit of what its wheels declare, and reading them at once."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from bot.audit.declared import MOST_WANTED, wheels_of, with_gil
from bot.audit.model import Audit
from bot.cli import wheels
from bot.cli.wheels import read_wheels
from bot.errors import DatabaseError, IndexUnavailable, ProjectNotFound, UserError
from bot.xray.model import Cost, Gil, ModuleVerdict, WheelReading
from bot.xray.ranges import Unfetched
from bot.xray.service import Read, XrayService
from tests.ui.audits import OFF, ON, audit, package, with_wheel


@dataclass
class Xray:
    """Knows some wheels, and may read others."""

    gils: dict[str, Gil] = field(default_factory=dict)
    on: bool = True
    looks: int = 0
    wanted: list[tuple[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    fails: Exception | None = None
    failure: Unfetched | None = None
    fetched: int = 10

    async def known(self, files: Collection[str]) -> Mapping[str, Gil]:
        self.looks += 1
        return {file: self.gils[file] for file in files if file in self.gils}

    async def want(self, files: Iterable[tuple[str, str]]) -> None:
        self.wanted += files

    async def read(self, _: str, file: str, **__: object) -> Read:
        self.asked.append(file)
        if self.fails:
            raise self.fails
        if self.failure is None:
            self.gils[file] = replace(OFF, wheel=file)
        reading = WheelReading(file, ModuleVerdict.KEEPS_OFF)
        return Read(reading, Cost(self.fetched, 100), self.failure)


def at_once(xray: Xray) -> XrayService:
    return cast("XrayService", xray)  # it has all that is called


def many(count: int) -> Audit:
    return audit(with_wheel(package(f"p{number}")) for number in range(count))


def file(project: str) -> str:
    return with_wheel(package(project)).wheel or ""


async def test_what_is_known_is_added_in_one_look() -> None:
    xray = Xray({file("p1"): ON})
    found = await with_gil(many(4), xray, want=False)
    assert [each.project for each, _ in found.re_enabling] == ["p1"]
    assert (found.unread, xray.looks, xray.wanted) == (3, 1, [])


async def test_what_is_not_known_is_wanted() -> None:
    xray = Xray({file("p0"): OFF})
    found = await with_gil(many(2), xray, want=True)
    assert xray.wanted == [("p1", file("p1"))]
    assert (found.unread, found.re_enabling) == (1, ())


async def test_a_large_audit_does_not_keep_others_waiting() -> None:
    rest = (with_wheel(package(f"p{number}", direct=False)) for number in range(MOST_WANTED))
    found = audit([*rest, with_wheel(package("direct"))])
    xray = Xray()
    assert (await with_gil(found, xray, want=True)).unread == MOST_WANTED + 1
    assert len(xray.wanted) == MOST_WANTED
    assert xray.wanted[0] == ("direct", file("direct"))


async def test_files_without_modules_are_none_to_read() -> None:
    kinds = "p-1.0.tar.gz", "p-1.0-py3-none-any.whl", "p-1.0-cp314-cp314t-win_amd64.whl"
    found = audit(with_wheel(package(f"p{n}"), file=kind) for n, kind in enumerate(kinds))
    assert wheels_of(found) == {kinds[2]: "p2"}
    assert wheels_of(audit()) == {}


async def test_nothing_is_told_where_that_is_turned_off() -> None:
    found = many(1)
    xray = Xray({file("p0"): ON}, on=False)
    assert await with_gil(found, xray, want=True) is found
    assert xray.wanted == []


async def test_reading_at_once() -> None:
    xray = Xray({file("p0"): ON})
    await read_wheels(at_once(xray), many(3))
    assert xray.asked == [file("p1"), file("p2")]
    assert (await with_gil(many(3), xray, want=False)).unread == 0


@pytest.mark.parametrize("fails", [ProjectNotFound("p0"), UserError("The index has no file.")])
async def test_a_wheel_that_is_gone_keeps_no_other_from_being_read(fails: Exception) -> None:
    xray = Xray(fails=fails)
    await read_wheels(at_once(xray), many(5))
    assert len(xray.asked) == 5


@pytest.mark.parametrize(
    ("fails", "failure"),
    [
        (IndexUnavailable("It is down."), None),
        (None, Unfetched("cannot be fetched", outage=True)),
    ],
)
async def test_an_outage_ends_it(fails: Exception | None, failure: Unfetched | None) -> None:
    xray = Xray(fails=fails, failure=failure)
    with pytest.raises(IndexUnavailable, match="Wheels cannot be fetched"):
        await read_wheels(at_once(xray), many(9))
    assert len(xray.asked) == 3


async def test_a_broken_database_ends_it_at_once() -> None:
    xray = Xray(fails=DatabaseError("It is full."))
    with pytest.raises(DatabaseError):
        await read_wheels(at_once(xray), many(2))
    assert len(xray.asked) == 1


async def test_so_many_bytes_and_no_more() -> None:
    xray = Xray(fetched=wheels.MOST_FETCHED // 2)
    with pytest.raises(UserError, match=r"1,024 MiB were fetched for 2 of 4 wheels"):
        await read_wheels(at_once(xray), many(4))
    assert len(xray.asked) == 2
