"""Answers of /progress."""

from datetime import date
from functools import partial

from discord import ui
from msgspec.structs import replace

from bot.compat.model import Verdict
from bot.compat.targets import PLATFORMS, PYTHONS
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
from bot.ui import progress
from bot.ui.platforms import NAMES
from tests.ui.answers import NOON
from tests.ui.samples import Samples

DATA = {"demo", "musl", *NAMES.values()}

TODAY = date(2026, 11, 22)
COUNTS = Counts(projects=900, ready=700, binaries=300, binaries_ready=200)
NONE = Counts(projects=0, ready=0, binaries=0, binaries_ready=0)
PURE = Counts(projects=9, ready=9, binaries=0, binaries_ready=0)
ARRIVED = tuple(Arrival(f"demo{rank}", rank, TODAY) for rank in range(1, 12))
MISSING = tuple(Missing(f"demo{rank}", rank, verdict) for rank, verdict in enumerate(Verdict, 20))


def report(
    counts: Counts = COUNTS, days: int = 1, *, derived: bool = False, known: int = 900
) -> Report:
    among = Among.TOP_1000
    targets = tuple(
        OnTarget(python, platform, dict.fromkeys(Among, counts))
        for platform in PLATFORMS
        for python in PYTHONS
    )
    looked = OnTarget(PYTHON, PLATFORM, dict.fromkeys(Among, counts), ARRIVED, MISSING)
    ranked, read = dict.fromkeys(Among, 1000), dict.fromkeys(Among, known)
    standing = Standing(NOON, ranked, read, targets)
    history = {PYTHON: tuple(Day(TODAY, counts, derived) for _ in range(days))}
    return Report(among, standing, looked, history)


def shown(found: Report) -> ui.LayoutView:
    return progress.answer(found)


SAMPLES: Samples = {
    "picture": lambda: shown(replace(report(), picture=b"PNG")),
    "text": lambda: shown(report()),
    "derived": lambda: shown(report(days=3, derived=True)),
    "recorded": lambda: shown(report(days=3)),
    "begun": lambda: shown(report(known=10)),
    "one unknown": lambda: shown(report(known=999)),
    "nothing read": lambda: shown(report(NONE)),
    "no binaries": lambda: shown(report(PURE)),
    **{
        f"declared {read}": partial(
            lambda read: shown(
                replace(
                    report(),
                    target=OnTarget(
                        PYTHON,
                        PLATFORM,
                        dict.fromkeys(Among, COUNTS),
                        declared=dict.fromkeys(Among, Declared(read, keep_off=1)),
                    ),
                )
            ),
            read,
        )
        for read in (1, 20)
    },
    "nobody came": lambda: shown(
        replace(report(), target=OnTarget(PYTHON, PLATFORM, dict.fromkeys(Among, COUNTS)))
    ),
}
