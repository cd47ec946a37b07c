"""Audits, and who waits for them."""

from dataclasses import replace
from datetime import timedelta

from discord import ui

from bot.audit.model import Audit, Class, Package, Problem
from bot.audit.rules import Judged, advise
from bot.audit.watching.model import Story, Watch, Wish
from bot.compat.model import ProjectFiles, Verdict
from bot.ui import audit
from bot.ui.platforms import NAMES
from bot.xray.model import Gil
from tests.ui import audits
from tests.ui.answers import NOON
from tests.ui.audits import OFF, ON, UNKNOWN
from tests.ui.samples import Samples

DATA = {"demo", "old", "orjson", "private", "pinned", "app", "numpy", "requests", "blocked"}
DATA |= {"uv.lock", "app → b", "linux", *NAMES.values()}

BLOCKED = audits.packages(Class.BLOCKED, "old", "orjson")
READY = audits.packages(Class.READY, "app", "numpy")


def package(class_: Class, verdict: Verdict | None = None, **changes: object) -> Package:
    """A package with what really would be advised, in a language that is chosen later."""
    plain = audits.package("demo", class_, advice="", **changes)
    if verdict is None:
        return plain
    said = advise(ProjectFiles((), ()), audits.TARGET, Judged(verdict, None), "1.0", None)
    return replace(plain, verdict=verdict, advice=said)


EVERY = [
    *(
        package(Class.WORKS if verdict is Verdict.PURE_FALLBACK else Class.BLOCKED, verdict)
        for verdict in (
            Verdict.PURE_FALLBACK, Verdict.UNMARKED, Verdict.SDIST, Verdict.NONE,
            Verdict.EXCLUDED, Verdict.UNAVAILABLE,
        )
    ),
    package(Class.UNKNOWN),
    package(Class.BLOCKED, reports=1, upstream_issue="https://issues.example/demo/1"),
    package(Class.BLOCKED, reports=3, path=()),
    package(Class.WORKS, path=("a", "b", "c", "d")),
]  # fmt: skip
WATCH = Watch(7, "uv.lock", audits.TARGET, NOON + timedelta(days=365))
OTHER = replace(WATCH, audit=8)


def without_advice(packages: list[Package]) -> list[Package]:
    return [replace(each, advice="") for each in packages]


def shown(found: list[Package], page: int = 0, **changes: object) -> ui.LayoutView:
    whole: Audit = replace(audits.audit(without_advice(found)), **changes)  # type: ignore[arg-type] # real fields
    return audit.answer(audits.kept(whole), page)


def declared(found: list[Package], unread: int = 0, **more: object) -> ui.LayoutView:
    """What is told of wheels, where `more` are readings by project, or what else the audit has."""
    gils = {name: gil for name, gil in more.items() if isinstance(gil, Gil)}
    rest = {name: value for name, value in more.items() if name not in gils}
    whole: Audit = replace(audits.audit(without_advice(found)), **rest)  # type: ignore[arg-type] # real fields
    return audit.answer(audits.kept(audits.declared(whole, gils, unread)))


SAMPLES: Samples = {
    "every": lambda: audit.answer(audits.kept(audits.audit(EVERY))),
    "blocked": lambda: shown([*BLOCKED, *READY]),
    "one blocked": lambda: shown(BLOCKED[:1]),
    "unknown": lambda: shown([*audits.packages(Class.UNKNOWN, "private"), *READY]),
    "two unknown": lambda: shown([*audits.packages(Class.UNKNOWN, "private", "old"), *READY]),
    "works": lambda: shown(audits.packages(Class.WORKS, "pinned")),
    "ready": lambda: shown(READY),
    "unread": lambda: shown(READY, problems=(Problem("1.txt:2", "1."),) * 20),
    "works, unread": lambda: shown(
        audits.packages(Class.WORKS, "pinned"), problems=(Problem("1.txt:2", "1."),)
    ),
    "stale": lambda: shown(BLOCKED, stale=True, unanswered=3),
    "nothing": lambda: audit.answer(audits.kept(replace(audits.audit(), packages=()))),
    "pages": lambda: shown([audits.package(f"app{n}", Class.BLOCKED) for n in range(60)]),
    "second page": lambda: shown([audits.package(f"app{n}", Class.BLOCKED) for n in range(60)], 1),
    "turned on": lambda: declared(READY, 1, app=ON, numpy=OFF),
    "turned on, in pages": lambda: declared(
        [*BLOCKED, *(audits.package(f"app{n}", direct=n > 2) for n in range(60))],
        7,
        **{f"app{n}": ON if n < 7 else UNKNOWN for n in range(20)},
    ),
    "turned on, not all is read": lambda: declared(
        READY, app=ON, problems=(Problem("1.txt:2", "1."),)
    ),
    "nothing turned on": lambda: declared(READY, 1, app=OFF),
    "nothing turned on, much unknown": lambda: declared(READY, 2, app=OFF, numpy=UNKNOWN),
    "wished": lambda: audit.wished(Wish(WATCH, (WATCH,))),
    "wished two": lambda: audit.wished(Wish(WATCH, (WATCH, OTHER))),
    "too many wishes": lambda: audit.wished(Wish(None, (WATCH, OTHER))),
    "unwatched": lambda: audit.unwatched(()),
    "others left": lambda: audit.unwatched((OTHER,)),
    "now ready": lambda: audit.ready(
        Story(audits.kept(audits.audit(without_advice(BLOCKED))), audits.kept(audits.audit(READY)))
    ),
}
