"""Answers of /check."""

from dataclasses import replace
from functools import partial
from itertools import zip_longest

from discord import ui

from bot.check.model import Answer, AsOf, Claims, TrackerClaim
from bot.compat.model import Target, Verdict
from bot.compat.targets import ALL_TARGETS, PYTHONS
from bot.ui import check
from bot.ui.platforms import NAMES
from bot.xray.model import Gil
from tests.ui.answers import (
    CLAIMED,
    DELEGATED,
    LIKELY,
    NOON,
    OFF,
    ON,
    UNKNOWN,
    UNREAD,
    answer,
    declared,
    support,
)
from tests.ui.samples import Samples

SDIST, WHEEL = "demo-2.0.tar.gz", "demo-1.9-cp314t.whl"

DATA = {"demo", "scikit", "learn", "musl", "Beta", *NAMES.values()}


def agreed(verdict: Verdict) -> ui.LayoutView:
    return shown(everywhere(verdict))


def everywhere(verdict: Verdict) -> Answer:
    return answer(*(support(target, verdict) for target in ALL_TARGETS))


def mixed() -> Answer:
    """An interpreter with several verdicts, one that is ready, and one that is not."""
    rows = [
        support(target, Verdict.OLDER_WHEEL, SDIST, WHEEL)
        if target.python == PYTHONS[0] and "linux" in target.platform
        else support(target, Verdict.SDIST, SDIST, None, None)
        if target.python != PYTHONS[-1]
        else support(target, newest="demo-1.8-cp314t.whl")
        for target in ALL_TARGETS
    ]
    return answer(*rows, claims=CLAIMED)


def tags() -> Answer:
    targets = [Target(PYTHONS[-1], f"manylinux_2_{glibc}_x86_64") for glibc in range(17, 39)]
    rows = [support(target, Verdict.SDIST, SDIST, None, None) for target in targets[:-1]]
    return answer(*rows, support(targets[-1]))


def gils() -> Answer:
    """Platforms that declare all there is to declare, and some that are not read yet."""
    kinds = [ON, UNKNOWN, UNREAD, DELEGATED, LIKELY, OFF]
    return declared(dict(zip_longest(ALL_TARGETS[: len(kinds) + 2], kinds)))


def agreeing(gil: Gil | None) -> ui.LayoutView:
    return shown(declared(dict.fromkeys(ALL_TARGETS, gil)))


def shown(found: Answer, details: str = check.OVERVIEW) -> ui.LayoutView:
    return check.answer(found, details=details)


GILS = [
    *(OFF, ON, LIKELY, DELEGATED, UNKNOWN, UNREAD, None),
    *(replace(OFF, modules=count) for count in (0, 1)),
    replace(ON, modules=1, re_enabling=("demo",)),
    replace(ON, re_enabling=("demo._a",)),
]
NOTED = TrackerClaim(None, None, tested_in_ci=True)
SAMPLES: Samples = {
    **{f"verdict {each}": partial(agreed, each) for each in Verdict},
    **{f"gil {number}": partial(agreeing, each) for number, each in enumerate(GILS)},
    "gil, mixed": lambda: shown(gils()),
    "gil, details": lambda: shown(gils(), PYTHONS[0]),
    "gil, different": lambda: shown(
        declared(
            {
                each: replace(gil, modules=count)
                for count, each in enumerate(ALL_TARGETS, 5)
                for gil in [ON if count % 2 else OFF]
            }
        )
    ),
    "mixed": lambda: shown(mixed()),
    "mixed, details": lambda: shown(mixed(), PYTHONS[0]),
    "ready, details": lambda: shown(mixed(), PYTHONS[-1]),
    "tags": lambda: shown(tags()),
    "one target": lambda: shown(answer(support(Target("3.14t", "macos-arm64")))),
    "nothing asked": lambda: shown(replace(answer(), support=())),
    "archived": lambda: shown(answer(status="archived", imported_from=("scikit-learn",))),
    "quarantined": lambda: shown(replace(everywhere(Verdict.UNAVAILABLE), status="quarantined")),
    "stale": lambda: shown(answer(as_of=AsOf(None, NOON, stale=True), unreadable_files=1)),
    "unknown claims": lambda: shown(answer(claims=Claims(None, NOTED, known=False))),
    "unreadable": lambda: shown(answer(unreadable_files=7, latest=None, rank=None)),
}
