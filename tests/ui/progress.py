"""Reports made up for tests."""

from dataclasses import dataclass
from datetime import timedelta

from msgspec.structs import replace

from bot.compat.model import Verdict
from bot.compat.targets import ALL_TARGETS
from bot.progress.model import (
    PLATFORM,
    PYTHON,
    Among,
    Arrival,
    Counts,
    Day,
    Declared,
    Missing,
    OnTarget,
    Report,
    Standing,
)
from tests.ui.answers import NOON

TODAY = NOON.date()
PNG = b"\x89PNG\r\n\x1a\n made up"


NOTHING = Declared()
TYPICAL = Counts(projects=1000, ready=900, binaries=250, binaries_ready=190)


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a report tells, as far as tests change it."""

    ranked: int = 1000
    known: int = 1000
    counts: Counts = TYPICAL
    arrived: int = 3
    missing: int = 3
    derived: bool = True
    declared: Declared = NOTHING


def report(
    numbers: Numbers = Numbers(),
    *,
    among: Among = Among.TOP_1000,
    python: str = PYTHON,
    platform: str = PLATFORM,
    picture: bytes | None = PNG,
    days: int = 500,
) -> Report:
    """Return a report on a target, where all targets are alike."""
    arrived = tuple(
        Arrival(f"came-{number}", 10 * number + 5, TODAY - timedelta(days=number))
        for number in range(numbers.arrived)
    )
    missing = tuple(
        Missing(f"missing_{number}", 10 * number + 3, Verdict.SDIST)
        for number in range(numbers.missing)
    )
    targets = tuple(
        OnTarget(
            each.python,
            each.platform,
            dict.fromkeys(Among, numbers.counts),
            arrived,
            missing,
            dict.fromkeys(Among, numbers.declared),
        )
        for each in ALL_TARGETS
    )
    standing = Standing(
        NOON, dict.fromkeys(Among, numbers.ranked), dict.fromkeys(Among, numbers.known), targets
    )
    target = standing.on(python, platform)
    assert target is not None
    past = tuple(
        Day(
            TODAY - timedelta(days=ago),
            replace(
                numbers.counts, binaries_ready=numbers.counts.binaries_ready * 100 // (100 + ago)
            ),
            derived=numbers.derived and ago > 10,
        )
        for ago in range(days, -1, -7)
    )
    return Report(among, standing, target, {PYTHON: past, "3.15t": past[-1:]}, picture)
