"""On an index with metadata, the picks are those of the real pip."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.audit.model import Wanted
from bot.audit.resolver.model import Resolution
from bot.audit.resolver.rules import parse
from tests.e2e.package_index import PURE, TARGET, Made, Projects, pip_picks, resolver, served

FREE_THREADED = "cp314-cp314t-manylinux_2_17_x86_64"
WITH_GIL = "cp314-cp314-manylinux_2_17_x86_64"

M = Made
PROJECTS: Projects = {
    "plain": {"1.0": M(), "1.5": M(), "2.0": M(), "2.1rc1": M()},
    "early": {"0.1a1": M(), "0.1b2": M()},
    "both-early": {"1.0": M(("early",)), "2.0.dev1": M(("plain<2",))},
    "withdrawn": {"1.0": M(), "1.1": M(yanked=True)},
    "all-withdrawn": {"1.0": M(yanked=True), "1.1": M(yanked=True)},
    "newer-python": {"1.0": M(python=">=3.9"), "2.0": M(python=">=3.15")},
    "capped": {"1.0": M(), "2.0": M(python="<3.14")},
    "compiled": {
        "1.0": M(tags=(FREE_THREADED, WITH_GIL)),
        "2.0": M(tags=(WITH_GIL,)),
        "3.0": M(tags=(WITH_GIL,)),
    },
    "from-source": {"1.0": M(tags=(FREE_THREADED,)), "2.0": M(tags=(WITH_GIL,), sdist=True)},
    "source-only": {"1.0": M(tags=(), sdist=True)},
    "per-wheel": {"1.0": M(("plain<2",), tags=(PURE, FREE_THREADED))},
    "undescribed": {"1.0": M(("plain<1.5",), described=False)},
    "extras": {
        "1.0": M(
            (
                "plain",
                'compiled; extra == "fast"',
                'early; extra == "edge"',
                'withdrawn; extra == "fast" and sys_platform == "linux"',
                'newer-python; extra == "win" or sys_platform == "win32"',
            ),
            ("fast", "edge", "win"),
        ),
        "2.0": M(("plain", 'capped; extra == "fast"'), ("fast",)),
    },
    "selfish": {
        "1.0": M(
            (
                'plain; extra == "a"',
                'withdrawn; extra == "b"',
                'selfish[a,b]; extra == "all"',
            ),
            ("a", "b", "all"),
        )
    },
    "circle-x": {"1.0": M(('circle-y[z]; extra == "w"', "circle-y"), ("w",))},
    "circle-y": {"1.0": M(('circle-x[w]; extra == "z"', "circle-x"), ("z",))},
    "spelled": {"1.0": M(('plain>1; extra == "Dot_Ted.Extra"',), ("dot-ted-extra",))},
    "marked": {
        "1.0": M(
            (
                'plain==1.0; python_version >= "3.14"',
                'early; sys_platform == "win32"',
                'withdrawn; platform_machine == "x86_64" and python_full_version < "3.14.10"',
                'capped; implementation_name == "pypy" or (os_name == "nt")',
                'compiled; platform_python_implementation == "CPython"',
            )
        )
    },
    "older": {"1.0": M(("plain<2",)), "2.0": M(("plain<1.5",)), "3.0": M(("plain<1",))},
    "newer": {"1.0": M(("plain>=1",)), "2.0": M(("plain>=1.5",)), "3.0": M(("plain>=2",))},
    "app": {"1.0": M(("older", "newer>=2")), "2.0": M(("older>=2", "newer>=2"))},
    "middle": {"1.0": M(("leaf<3",)), "2.0": M(("leaf<2",)), "3.0": M(("leaf<1", "plain"))},
    "leaf": {"1.0": M(), "2.0": M(), "3.0": M(), "4.0": M(("middle<2",))},
    "exact": {"1.0": M(("withdrawn==1.1",))},
    "star": {"1.0": M(("plain==1.*", "plain!=1.5"))},
    "same": {"1.0": M(), "1.0.0.1": M()},
    "local": {"1.0": M(), "1.0+built.1": M()},
    "lies": {"1.0": M(), "2.0": M(("what is this",))},
    "post": {"1.0": M(), "1.0.post1": M(), "1.1.dev1": M()},
    "epoch": {"2024.1": M(), "1!1.0": M(), "1!1.1a1": M()},
    "asks-early": {"1.0": M(("plain>=2.1rc1",))},
    "dev": {"1.0": M(("early>=0.1a1", "post>=1.1.dev0"))},
}


@dataclass(frozen=True)
class Case:
    """Requirements, and constraints behind `-c`."""

    wanted: str
    constraints: str = ""


CASES = [
    Case("plain"),
    Case("plain<2 compiled"),
    Case("plain==2.1rc1"),
    Case("plain>=2.1rc1"),
    Case("plain>2.0"),
    Case("early"),
    Case("early<0.1b1"),
    Case("both-early"),
    Case("both-early>=2.0.dev0"),
    Case("withdrawn"),
    Case("withdrawn==1.1"),
    Case("withdrawn>=1.1"),
    Case("withdrawn===1.1"),
    Case("all-withdrawn"),
    Case("all-withdrawn==1.0"),
    Case("exact"),
    Case("exact withdrawn"),
    Case("newer-python capped"),
    Case("newer-python>=2"),
    Case("compiled"),
    Case("compiled>=2"),
    Case("from-source"),
    Case("source-only plain"),
    Case("per-wheel undescribed"),
    Case("undescribed"),
    Case("extras[fast]"),
    Case("extras[fast,edge]<2"),
    Case("extras[edge] extras[fast]<2"),
    Case("extras[win] extras"),
    Case("extras[nothing]"),
    Case("selfish[all]"),
    Case("selfish[a] selfish[b]"),
    Case("circle-x[w]"),
    Case("circle-y[z] circle-x"),
    Case("spelled[dot_ted.extra]"),
    Case("marked"),
    Case("older newer"),
    Case("newer older"),
    Case("older>=2 newer>=3"),
    Case("app"),
    Case("app>=2 plain"),
    Case("middle leaf"),
    Case("leaf middle"),
    Case("leaf>=2 middle"),
    Case("leaf>=4 middle"),
    Case("leaf>=4 middle>=2"),
    Case("star"),
    Case("same local post"),
    Case("local==1.0"),
    Case("epoch"),
    Case("epoch<1!0"),
    Case("lies"),
    Case("lies>=2"),
    Case("asks-early"),
    Case("asks-early plain<3"),
    Case("dev"),
    Case("plain", "plain<1.5"),
    Case("older", "plain>=1.5"),
    Case("extras[fast]", "extras<2 compiled<2"),
    Case("plain", "early<0"),
    Case("plain", "plain>=2.1rc1"),
    Case("withdrawn", "withdrawn==1.1"),
    Case("plain;sys_platform=='win32' early;os_name=='posix'"),
    Case("plain~=1.0 older"),
    Case("plain!=2.0,>1.0"),
    Case("plain>99"),
]


def wanted(case: Case) -> list[Wanted]:
    found = []
    for text, constraint in ((case.wanted, False), (case.constraints, True)):
        for place, each in enumerate(text.split()):
            asked = parse(each)
            assert asked is not None
            found.append(
                Wanted(
                    name=asked.name,
                    where=f"{'constraints' if constraint else 'requirements'}.txt:{place + 1}",
                    specifier=asked.specifier,
                    extras=asked.extras,
                    marker=asked.marker,
                    constraint=constraint,
                )
            )
    return found


def arguments(case: Case, folder: Path, number: int) -> list[str]:
    if not case.constraints:
        return case.wanted.split()
    path = folder / f"constraints-{number}.txt"
    path.write_text("\n".join(case.constraints.split()))
    return [*case.wanted.split(), "-c", str(path)]


async def compared(
    projects: Projects, cases: list[Case], folder: Path
) -> list[tuple[Case, Mapping[str, str] | None, Resolution]]:
    with served(projects) as index:
        sets = [arguments(case, folder, number) for number, case in enumerate(cases)]
        asking = asyncio.to_thread(pip_picks, index, sets, TARGET, folder)
        async with resolver(index, folder) as ours:
            resolutions = [await ours.resolve(wanted(case), TARGET) for case in cases]
        return list(zip(cases, await asking, resolutions, strict=True))


async def test_the_picks_are_pips(tmp_path: Path) -> None:
    pytest.importorskip("pip")
    differences = {}
    for case, pips, ours in await compared(PROJECTS, CASES, tmp_path):
        found = dict(ours.versions) if ours.conflict is None else None
        if found != pips:
            differences[case] = pips, ours
    assert differences == {}
