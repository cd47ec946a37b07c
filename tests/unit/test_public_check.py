"""Answers for strangers: from the cache, from the index within limits, and as badges."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.check.badge import LASTS, SOON, badge, not_found, unknown, wrong
from bot.check.model import Answer, AsOf
from bot.check.public import (
    BURST,
    FRESH,
    GUESSES,
    GUESSES_PER_SECOND,
    PER_SECOND,
    Allowance,
    NotYet,
    PublicCheck,
)
from bot.compat.model import Target, Verdict
from bot.compat.targets import ALL_TARGETS, PLATFORMS
from bot.errors import IndexUnavailable, ProjectNotFound, UserError
from tests.ui.answers import NOON, answer, support


class Checks:
    """Knows what is in `cached`, and asks an index that has everything, unless it is `down`."""

    def __init__(self) -> None:
        self.cached: dict[str, datetime] = {}
        self.asked: list[str] = []
        self.down: Exception | None = None
        self.held: asyncio.Event | None = None

    async def known(self, project: str, targets: Sequence[Target] = ALL_TARGETS) -> Answer | None:
        fetched = self.cached.get(project)
        return _answer(project, fetched, targets) if fetched else None

    async def answer(self, project: str, targets: Sequence[Target] = ALL_TARGETS) -> Answer:
        self.asked.append(project)
        if self.held:
            await self.held.wait()
        if self.down:
            raise self.down
        return _answer(project, NOON, targets)

    async def suggestions(self, name: str) -> tuple[str, ...]:
        return (f"not-{name}",)


def _answer(project: str, fetched: datetime, targets: Sequence[Target]) -> Answer:
    rows = [support(target) for target in targets]
    return answer(*rows, project=project, as_of=AsOf(1, fetched, stale=False))


class World:
    def __init__(self) -> None:
        self.checks = Checks()
        self.seconds = 0.0
        self.public = PublicCheck(
            self.checks, {"numpy", "grpcio"}, clock=lambda: NOON, timer=lambda: self.seconds
        )

    async def ask(self, project: str = "numpy") -> Answer:
        return await self.public.answer(project)


async def test_what_was_read_today_is_told_without_asking() -> None:
    world = World()
    world.checks.cached["numpy"] = NOON - FRESH + timedelta(minutes=1)
    for _ in range(10 * BURST):
        assert (await world.ask()).project == "numpy"
    assert world.checks.asked == []


async def test_what_is_old_is_asked_for_within_the_limit_and_told_anyway() -> None:
    world = World()
    world.checks.cached["numpy"] = old = NOON - timedelta(days=3)
    fetched = [(await world.ask()).as_of.fetched for _ in range(BURST + 5)]
    assert fetched == [NOON] * BURST + [old] * 5
    assert len(world.checks.asked) == BURST


async def test_what_is_unknown_is_asked_for_within_the_limit() -> None:
    world = World()
    for _ in range(BURST):
        await world.ask("grpcio")
    with pytest.raises(NotYet, match="grpcio was not read"):
        await world.ask("grpcio")
    world.seconds += 1 / PER_SECOND
    await world.ask("grpcio")
    with pytest.raises(NotYet):
        await world.ask("grpcio")
    world.seconds += 3_600
    for _ in range(BURST):
        await world.ask("grpcio")
    with pytest.raises(NotYet):
        await world.ask("grpcio")


async def test_what_the_index_does_not_have_is_never_asked_for() -> None:
    world = World()
    for number in range(100):
        with pytest.raises(ProjectNotFound):
            await world.ask(f"no-such-{number}")
    assert world.checks.asked == []


async def test_what_was_perhaps_meant_is_told_within_the_limit() -> None:
    world = World()
    told = [await world.public.suggestions("nunpy") for _ in range(GUESSES + 5)]
    assert told == [("not-nunpy",)] * GUESSES + [()] * 5
    world.seconds += 1 / GUESSES_PER_SECOND
    assert [await world.public.suggestions("x") for _ in range(2)] == [("not-x",), ()]


@pytest.mark.parametrize("name", ["../etc/passwd", "a b", "", "x" * 10_000, "\x00", "😀"])
async def test_impossible_names_are_refused(name: str) -> None:
    world = World()
    with pytest.raises(UserError):
        await world.ask(name)
    assert world.checks.asked == []


async def test_an_index_that_is_down_is_not_told_of_where_something_is_known() -> None:
    world = World()
    world.checks.down = IndexUnavailable("The index does not answer.")
    with pytest.raises(NotYet):
        await world.ask()
    world.checks.cached["numpy"] = NOON - timedelta(days=3)
    assert (await world.ask()).project == "numpy"


async def test_a_project_that_is_gone_is_told_of() -> None:
    world = World()
    world.checks.down = ProjectNotFound("numpy")
    with pytest.raises(ProjectNotFound):
        await world.ask()


async def test_nobody_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.check.public.PATIENCE", 0.01)
    world = World()
    world.checks.held = asyncio.Event()
    with pytest.raises(NotYet):
        await world.ask()


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 30)), max_size=50))
def test_an_allowance_never_gives_more_than_it_says(steps: list[tuple[float, int]]) -> None:
    now = 0.0
    allowance = Allowance(BURST, PER_SECOND, lambda: now)
    taken = 0
    for seconds, tries in steps:
        now += seconds
        taken += sum(allowance.take() for _ in range(tries))
        assert taken <= BURST + now * PER_SECOND + 1e-6


def shield(*verdicts: Verdict) -> tuple[str, str]:
    """What a badge says of these verdicts on as many platforms, and in which colour."""
    targets = [Target("3.14t", platform) for platform in PLATFORMS[: len(verdicts)]]
    rows = [support(*each) for each in zip(targets, verdicts, strict=True)]
    made = badge(answer(*rows), "3.14t")
    assert made.keys() == {"schemaVersion", "label", "message", "color", "cacheSeconds"}
    assert (made["schemaVersion"], made["label"], made["cacheSeconds"]) == (1, "3.14t", LASTS)
    return made["message"], made["color"]


@pytest.mark.parametrize(
    ("verdicts", "message", "colour"),
    [
        ([Verdict.WHEEL], "wheel", "brightgreen"),
        ([Verdict.WHEEL, Verdict.PLATFORM], "wheel", "brightgreen"),
        ([Verdict.ABI3T], "abi3t wheel", "brightgreen"),
        ([Verdict.PURE] * 8, "pure Python", "brightgreen"),
        ([Verdict.WHEEL, Verdict.SDIST], "wheel on 1 of 2 platforms", "yellow"),
        ([Verdict.WHEEL, Verdict.ABI3T], "wheel on 1 of 2 platforms", "brightgreen"),
        ([Verdict.PURE_FALLBACK], "pure fallback", "yellow"),
        ([Verdict.OLDER_WHEEL, Verdict.SDIST], "older wheel on 1 of 2 platforms", "yellow"),
        ([Verdict.SDIST] * 8, "must be compiled", "orange"),
        ([Verdict.UNMARKED], "unmarked wheel", "yellow"),
        ([Verdict.NONE], "nothing to install", "lightgrey"),
        ([Verdict.EXCLUDED], "not for this Python", "lightgrey"),
        ([Verdict.UNAVAILABLE], "withdrawn", "lightgrey"),
    ],
)
def test_badges(verdicts: list[Verdict], message: str, colour: str) -> None:
    assert shield(*verdicts) == (message, colour)


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_badge(verdict: Verdict) -> None:
    message, colour = shield(verdict)
    assert message
    assert colour


def test_badges_of_nothing_are_grey() -> None:
    assert not_found("3.14t")["message"] == "not found"
    assert unknown("3.14t")["message"] == "unknown"
    assert wrong("Python", "unknown: python")["isError"] is True
    for made in (not_found("x"), unknown("x"), wrong("x", "y")):
        assert made["color"] == "lightgrey"
        assert made["cacheSeconds"] == SOON >= 300
