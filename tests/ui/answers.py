"""Answers made up for tests, as they are for typical projects."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from bot.check.model import Answer, AsOf, Claims, Latest, TrackerClaim
from bot.compat.model import FirstWheel, Pick, Support, Target, Verdict
from bot.compat.targets import ALL_TARGETS
from bot.xray.model import Gil, ModuleVerdict

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NOON_STAMP = int(NOON.timestamp())


def support(
    target: Target,
    verdict: Verdict = Verdict.WHEEL,
    installs: str | None = "demo-2.0-cp314-cp314t-any.whl",
    newest: str | None = "demo-2.0-cp314-cp314t-any.whl",
    first: str | None = "1.5",
) -> Support:
    """A row whose versions stand in its file names."""
    return Support(
        target=target,
        verdict=verdict,
        installs=_pick(installs),
        newest_wheel=_pick(newest),
        first_wheel=None if first is None else FirstWheel(first, "2025-07-24T00:00:00Z"),
    )


def _pick(file: str | None) -> Pick | None:
    if file is None:
        return None
    version = file.removesuffix(".tar.gz").split("-")[1]
    return Pick(version, file, "2026-11-01T10:00:00Z")


def answer(*rows: Support, **changes: object) -> Answer:
    """An answer about `demo`; without rows it has a wheel everywhere."""
    plain = Answer(
        project="demo",
        name="demo",
        status="active",
        latest=Latest("2.0", "2026-11-01T10:00:00Z"),
        as_of=AsOf(serial=123, fetched=NOON, stale=False),
        claims=Claims(classifier=None, tracker=None),
        support=rows or tuple(support(target) for target in ALL_TARGETS),
        unreadable_files=0,
        page="https://index.example/project/demo/",
        rank=12,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # each test names real fields


CLAIMED = Claims(
    classifier="Programming Language :: Python :: Free Threading :: 2 - Beta",
    tracker=TrackerClaim("2.1.0", "https://issues.example/demo/26157", tested_in_ci=True),
)


def wheel_for(target: Target) -> Support:
    """A row whose wheel is made for that target alone."""
    file = f"demo-2.0-{target.python}-{target.platform}.whl"
    return support(target, installs=file, newest=file)


def declared(
    gils: Mapping[Target, Gil | None], *, reading: bool = True, **changes: object
) -> Answer:
    """An answer whose wheels declare that; None is not read yet."""
    rows = [wheel_for(target) for target in gils]
    files = {row.target: row.installs.file for row in rows if row.installs}
    read = {files[each]: replace(gil, wheel=files[each]) for each, gil in gils.items() if gil}
    return answer(*rows, gil=read, reading=reading, **changes)


OFF = Gil(ModuleVerdict.KEEPS_OFF, "", 11)
ON = Gil(ModuleVerdict.RE_ENABLES, "", 11, ("demo._a", "demo._b", "demo._c"))
LIKELY = Gil(ModuleVerdict.LIKELY_KEEPS_OFF, "", 1)
DELEGATED = Gil(ModuleVerdict.DELEGATED, "", 2)
UNKNOWN = Gil(ModuleVerdict.UNKNOWN, "", 1)
UNREAD = Gil(ModuleVerdict.UNKNOWN, "", 0, (), "it was cut off")
