"""Audits put together: a lock at its word, what a resolver found, and an index with its faults."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audit.dependencies import of_lock, pin, unresolved
from bot.audit.model import Audit, Class, Manifest, Package, Pinned, ReadySet, Wanted
from bot.audit.resolver.model import Resolution
from bot.audit.service import AT_ONCE, AuditService, Progress
from bot.check.model import TrackerClaim
from bot.compat.model import Target
from bot.errors import DatabaseError, IndexUnavailable, UserError
from tests.clients.conftest import answer
from tests.unit.standin import World, world

WINDOWS = Target("3.14t", "windows-amd64")
LINUX = Target("3.14t", "linux-x86_64")
ISSUE = "https://github.test/orjson/issues/1"
pytestmark = pytest.mark.usefixtures("no_pauses")


class Claims:
    """The community's table, with one row."""

    def claim(self, project: str) -> TrackerClaim | None:
        return TrackerClaim(None, ISSUE, False) if project in {"orjson", "ready"} else None


@dataclass
class Picks:
    """A resolver that answers what it was told to: first what pip takes, then what is ready."""

    answers: list[Resolution | Exception] = field(default_factory=list)
    asked: list[tuple[list[str], bool]] = field(default_factory=list)

    async def resolve(
        self,
        wanted: Sequence[Wanted],
        target: Target,
        *,
        ready_only: bool = False,
        progress: Progress | None = None,
    ) -> Resolution:
        assert target in {WINDOWS, LINUX}
        assert progress is None or callable(progress)
        self.asked.append(([each.name for each in wanted], ready_only))
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


@dataclass
class Desk:
    world: World
    picks: Picks
    service: AuditService

    async def audit(self, manifest: Manifest, target: Target = WINDOWS) -> Audit:
        return await self.service.audit(manifest, target)


async def suggest(name: str) -> tuple[str, ...]:
    return ("numpy",) if name == "nunpy" else ()


async def reports(projects: Collection[str]) -> Mapping[str, int]:
    return {name: 2 for name in projects if name == "orjson"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with world(tmp_path) as parts:
        publish = parts.index.publish
        publish("ready", "ready-1.0-cp314-cp314t-win_amd64.whl", "ready-1.0.tar.gz")
        publish("pure", "pure-1.0-py3-none-any.whl")
        publish("orjson", "orjson-3.13.0.tar.gz")
        publish(
            "moved",
            "moved-1.0.tar.gz",
            "moved-2.0-cp314-cp314t-win_amd64.whl",
            "moved-2.0-cp314-cp314t-manylinux_2_28_x86_64.whl",
        )
        publish("gil", "gil-1.0-cp314-cp314-win_amd64.whl")
        publish("unmarked", "unmarked-1.0-cp314-none-win_amd64.whl")
        publish("jailed", "jailed-1.0-py3-none-any.whl", status="quarantined")
        picks = Picks()
        service = AuditService(
            parts.cached, Claims(), picks, suggest=suggest, reports=reports, patience=0.01
        )
        yield Desk(parts, picks, service)


def lock(*pinned: Pinned, **more: Any) -> Manifest:  # noqa: ANN401
    return Manifest("uv.lock", "uv.lock", locked=True, pinned=pinned, **more)


def pinned(name: str, version: str | None = "1.0", **more: Any) -> Pinned:  # noqa: ANN401
    return Pinned(name, version, "uv.lock", **more)


def wants(*wanted: str | Wanted) -> Manifest:
    parts = [each if isinstance(each, Wanted) else Wanted(each, "x.txt:1") for each in wanted]
    return Manifest("x.txt", "requirements.txt", locked=False, wanted=tuple(parts))


def by_name(audit: Audit) -> dict[str, Package]:
    return {package.project: package for package in audit.packages}


# A package of a lock: its verdict, its class, the other version, and what is said of it.
JUDGED: dict[str, tuple[Pinned, str | None, str, str | None, str]] = {
    "ready": (pinned("ready"), "wheel", "ready", None, ""),
    "pure": (pinned("pure"), "pure", "ready", None, ""),
    "compiled": (pinned("orjson", "3.13.0"), "sdist", "blocked", None, "has to be compiled"),
    "nothing": (pinned("gil"), "none", "blocked", None, "No release can be installed"),
    "another version": (pinned("moved"), "sdist", "works", "2.0", "Ready from 2.0, this is 1.0."),
    "unmarked": (pinned("unmarked"), "unmarked", "unknown", None, "most likely"),
    "quarantined": (pinned("jailed"), "unavailable", "blocked", None, "quarantine"),
    "no such version": (pinned("ready", "9"), None, "unknown", "1.0", "no version 9"),
    "no version": (pinned("pure", None), "pure", "ready", None, ""),
    "no such project": (pinned("nunpy"), None, "unknown", None, "Did you mean numpy?"),
    "no possible name": (pinned("a b"), None, "unknown", None, "is not the name"),
    "an address": (pinned("x", origin="url"), None, "unknown", None, "from an address"),
    "a repository": (pinned("x", origin="vcs"), None, "unknown", None, "from a repository"),
    "a folder": (pinned("x", origin="path"), None, "unknown", None, "local"),
    "an editable one": (pinned("x", origin="editable"), None, "unknown", None, "local folder"),
    "conda": (pinned("x", origin="conda"), None, "unknown", None, "conda"),
    "another origin": (pinned("x", origin="moon"), None, "unknown", None, "not from the index"),
    "a marker nobody can judge": (
        pinned("ready", marker="platform_release > '5'"), None, "unknown", None, "marker",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", JUDGED)
async def test_a_package_of_a_lock(desk: Desk, name: str) -> None:
    package, verdict, class_, best, advice = JUDGED[name]
    audit = await desk.audit(lock(package))
    (judged,) = audit.packages
    assert (judged.verdict, judged.class_) == (verdict, class_)
    assert (judged.best.version if judged.best else None) == best
    assert advice in judged.advice
    assert bool(judged.advice) is (class_ != "ready")
    assert judged.direct
    assert audit.resolved
    assert audit.unanswered == 0


async def test_blockers_come_first_with_who_brings_them_in(desk: Desk) -> None:
    audit = await desk.audit(
        lock(
            pinned("ready", direct=True, requires=(("pure", ""), ("moved", ""))),
            pinned("pure", direct=False, requires=(("orjson", ""),)),
            pinned("moved", direct=False, requires=(("orjson", ""),)),
            pinned("orjson", "3.13.0", direct=False, requires=()),
            pinned("unmarked", direct=True, requires=()),
        )
    )
    assert [(each.project, each.class_) for each in audit.packages] == [
        ("orjson", Class.BLOCKED),
        ("unmarked", Class.UNKNOWN),
        ("moved", Class.WORKS),
        ("pure", Class.READY),
        ("ready", Class.READY),
    ]
    orjson = audit.packages[0]
    assert orjson.required_by == ("moved", "pure")
    assert orjson.path == ("ready", "moved")
    assert not orjson.direct
    assert (orjson.upstream_issue, orjson.reports) == (ISSUE, 2)
    assert audit.packages[-1].upstream_issue is None
    assert {each: audit.count(each) for each in Class} == {
        Class.READY: 2, Class.WORKS: 1, Class.BLOCKED: 1, Class.UNKNOWN: 1,
    }  # fmt: skip


async def test_markers_are_judged_for_the_target(desk: Desk) -> None:
    manifest = lock(
        pinned("moved", "1.0", marker="sys_platform == 'win32'"),
        pinned("moved", "2.0", marker="sys_platform != 'win32'"),
        pinned("ready", requires=(("pure", "sys_platform == 'win32'"),)),
        pinned("pure", requires=()),
        pinned("gil", marker="python_version < '3.14'"),
    )
    here, there = await desk.audit(manifest), await desk.audit(manifest, LINUX)
    assert {(each.project, each.version) for each in here.packages} == {
        ("moved", "1.0"), ("ready", "1.0"), ("pure", "1.0"),
    }  # fmt: skip
    assert by_name(here)["pure"].required_by == ("ready",)
    assert {(each.project, each.version) for each in there.packages} >= {
        ("moved", "2.0"), ("ready", "1.0"),
    }  # fmt: skip
    assert "gil" not in by_name(there)


async def test_what_nothing_needs_on_the_target_is_left_out(desk: Desk) -> None:
    manifest = lock(
        pinned("ready", requires=(("pure", "sys_platform == 'win32'"),)),
        pinned("pure", requires=(("moved", ""),)),
        pinned("moved", requires=()),
    )
    assert set(by_name(await desk.audit(manifest))) == {"ready", "pure", "moved"}
    assert set(by_name(await desk.audit(manifest, LINUX))) == {"ready"}


async def test_requirements_beside_a_lock_are_judged_by_themselves(desk: Desk) -> None:
    audit = await desk.audit(
        lock(
            pinned("ready"),
            wanted=(
                Wanted("ready", "x:1", ">=1"),
                Wanted("moved", "x:2", "<2"),
                Wanted("moved", "x:3", ">=2", constraint=True),
                Wanted("pure", "x:4", "==1.0"),
                Wanted("private", "x:5", url="https://x.test/a.whl"),
                Wanted("gil", "x:6", constraint=True),
            ),
        )
    )
    packages = by_name(audit)
    assert set(packages) == {"ready", "moved", "pure", "private"}
    assert "no version of it that matches <2,>=2" in packages["moved"].advice
    assert (packages["pure"].version, packages["pure"].class_) == ("1.0", "ready")
    assert packages["private"].class_ is Class.UNKNOWN


class TestResolved:
    async def test_what_pip_takes(self, desk: Desk) -> None:
        desk.picks.answers = [
            Resolution(
                {"ready": "1.0", "orjson": "3.13.0"},
                {"ready": ("orjson", "nunpy")},
                direct=("ready",),
                unknown={"nunpy": "It is not there."},
            )
        ]
        manifest = wants(
            Wanted("ready", "x.txt:1", marker="sys_platform == 'win32'"),
            Wanted("gil", "x.txt:2", marker="sys_platform == 'linux'"),
            Wanted("moved", "x.txt:3", marker="platform_release > '5'"),
        )
        desk.picks.answers.append(Resolution({}, {}, conflict="None."))
        audit = await desk.audit(manifest)
        assert desk.picks.asked == [(["ready"], False), (["ready"], True)]
        packages = by_name(audit)
        assert set(packages) == {"ready", "orjson", "nunpy", "moved"}
        assert (packages["ready"].direct, packages["orjson"].direct) == (True, False)
        assert packages["orjson"].path == ("ready",)
        assert packages["nunpy"].required_by == ("ready",)
        assert "Did you mean numpy?" in packages["nunpy"].advice
        assert "marker" in packages["moved"].advice
        assert audit.resolved
        assert audit.ready_set == ReadySet(found=False, complete=True)

    async def test_nothing_to_resolve(self, desk: Desk) -> None:
        audit = await desk.audit(wants(Wanted("gil", "x:1", marker="os_name == 'posix'")))
        assert (audit.packages, audit.resolved, audit.ready_set) == ((), True, None)
        assert desk.picks.asked == []

    @pytest.mark.parametrize(
        ("found", "said"),
        [
            (Resolution({}, {}, ("moved",), conflict="pip and pap disagree."), "disagree"),
            (Resolution({}, {}, ("moved",), complete=False), "within the limit"),
            (IndexUnavailable("The index is down."), "The index is down."),
        ],
        ids=["conflict", "limit", "down"],
    )
    async def test_no_end(self, desk: Desk, found: Resolution | Exception, said: str) -> None:
        desk.picks.answers = [found, found]
        audit = await desk.audit(
            wants(Wanted("moved", "x:1", "<2"), Wanted("c", "x:2", "<3", constraint=True))
        )
        assert not audit.resolved
        assert said in (audit.conflict or "")
        (moved,) = audit.packages
        assert (moved.version, moved.verdict, moved.class_) == ("1.0", "sdist", "works")
        assert audit.ready_set is not None
        assert not audit.ready_set.found

    async def test_a_conflict_stands_in_for_no_version(self, desk: Desk) -> None:
        chosen = {"moved": "2.0", "ready": "1.0", "pure": "1.0"}
        desk.picks.answers = [Resolution(chosen, {}, ("moved",), conflict="None.")] * 2
        audit = await desk.audit(
            wants(Wanted("moved", "x:1", "==9"), Wanted("ready", "x:2", "<1,>2"), "pure")
        )
        packages = by_name(audit)
        assert (packages["moved"].version, packages["moved"].class_) == ("9", "unknown")
        assert (packages["ready"].version, packages["ready"].class_) == (None, "unknown")
        assert "matches <1,>2" in packages["ready"].advice
        assert packages["pure"].class_ == "ready"

    async def test_what_no_resolver_looks_at(self, desk: Desk) -> None:
        desk.picks.answers = [Resolution({"ready": "1.0"}, {}, ("ready",))]
        elsewhere = (pinned("gil", None, origin="conda"),)
        audit = await desk.audit(replace(wants("ready"), pinned=elsewhere))
        packages = by_name(audit)
        assert {name: each.class_ for name, each in packages.items()} == {
            "ready": "ready",
            "gil": "unknown",
        }
        assert "conda" in packages["gil"].advice
        assert packages["gil"].direct

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("https://x.example/a.whl", "from an address"),
            ("git+https://x.example/a.git", "from a repository"),
            ("file:///a", "local"),
            ("./a", "local"),
        ],
    )
    async def test_what_is_taken_from_elsewhere(self, desk: Desk, url: str, said: str) -> None:
        desk.picks.answers = [Resolution({}, {}, ("a",))] * 2
        (package,) = (await desk.audit(wants(Wanted("a", "x:1", url=url)))).packages
        assert said in package.advice

    async def test_versions_with_which_all_is_ready(self, desk: Desk) -> None:
        desk.picks.answers = [
            Resolution({"moved": "1.0"}, {}, ("moved",)),
            Resolution({"moved": "2.0", "pure": "1.0"}, {}, ("moved",)),
        ]
        audit = await desk.audit(wants("moved"))
        assert audit.ready_set == ReadySet((("moved", "2.0"), ("pure", "1.0")), found=True)

    async def test_a_direct_blocker_leaves_no_question(self, desk: Desk) -> None:
        desk.picks.answers = [Resolution({"orjson": "3.13.0"}, {}, ("orjson",))]
        audit = await desk.audit(wants("orjson"))
        assert audit.ready_set == ReadySet()
        assert len(desk.picks.asked) == 1

    async def test_all_is_ready_as_it_is(self, desk: Desk) -> None:
        desk.picks.answers = [Resolution({"pure": "1.0"}, {}, ("pure",))]
        audit = await desk.audit(wants("pure", Wanted("x", "x:2", url="git+https://x.test/x")))
        assert audit.ready_set is None
        classes = {name: each.class_ for name, each in by_name(audit).items()}
        assert classes == {"pure": "ready", "x": "unknown"}


class TestFaults:
    async def test_an_index_that_is_down(self, desk: Desk) -> None:
        assert (await desk.audit(lock(pinned("ready")))).unanswered == 0
        for name in ("pure", "moved"):
            desk.world.index.faults[f"/simple/{name}/"] = answer(503)
        audit = await desk.audit(lock(pinned("pure"), pinned("moved"), pinned("ready")))
        assert audit.unanswered == 2
        assert [each.project for each in audit.packages] == ["moved", "pure", "ready"]
        assert all(each.advice for each in audit.packages[:2])
        assert not audit.stale

    async def test_what_is_known_counts_while_the_index_is_down(self, desk: Desk) -> None:
        await desk.audit(lock(pinned("ready")))
        desk.world.clock.pass_(hours=1)
        desk.world.index.faults["/simple/ready/"] = answer(503)
        audit = await desk.audit(lock(pinned("ready")))
        assert audit.stale
        assert audit.packages[0].class_ is Class.READY

    async def test_a_database_that_fails_is_no_verdict(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def broken(*_: object, **__: object) -> None:
            raise DatabaseError("The disk is full.")

        monkeypatch.setattr(desk.world.cached, "project", broken)
        with pytest.raises(DatabaseError):
            await desk.audit(lock(pinned("ready")))

    async def test_a_platform_that_says_too_little(self, desk: Desk) -> None:
        with pytest.raises(UserError, match="too little"):
            await desk.audit(lock(pinned("ready", marker="os_name == 'nt'")), Target("3.14t", "x"))

    async def test_python_that_the_file_does_not_admit(self, desk: Desk) -> None:
        audit = await desk.audit(lock(pinned("ready"), requires_python="<3.14"))
        (problem,) = audit.problems
        assert "<3.14" in problem.text
        assert len(audit.packages) == 1


async def test_eight_at_a_time_and_progress(desk: Desk) -> None:
    names = [f"p{number}" for number in range(3 * AT_ONCE)]
    for name in names:
        desk.world.index.publish(name, f"{name}-1.0-py3-none-any.whl")
    desk.world.hold()
    heard: list[tuple[int, int]] = []
    manifest = lock(*map(pinned, names))
    task = asyncio.create_task(
        desk.service.audit(
            manifest, WINDOWS, progress=lambda done, total, _: heard.append((done, total))
        )
    )
    async with asyncio.timeout(10):
        while len(desk.world.index.requests) < AT_ONCE:  # noqa: ASYNC110 - it tells of the first only
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    assert len(desk.world.index.requests) == AT_ONCE
    desk.world.index.held.set()
    assert (await task).count(Class.READY) == len(names)
    assert heard == [(done, len(names)) for done in range(1, len(names) + 1)]


async def test_who_gives_up_waits_for_nothing(desk: Desk) -> None:
    desk.world.hold()
    task = asyncio.create_task(desk.audit(lock(pinned("ready"), pinned("pure"))))
    await desk.world.index.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    desk.world.index.held.set()
    await desk.world.rest()


@pytest.mark.parametrize(
    ("specifier", "version"),
    [("==1.0", "1.0"), ("===1.0", "1.0"), (">=1,==1.0", "1.0"), ("==1.*", None), (">=1", None),
     ("", None), ("==1.0,==1.1", None), ("nonsense", None)],
)  # fmt: skip
def test_pins(specifier: str, version: str | None) -> None:
    assert pin(specifier) == version


def test_what_narrows_a_requirement_is_put_together() -> None:
    wanted = [Wanted("a", "x:1", ">=1"), Wanted("a", "x:2", "<2"), Wanted("a", "x:3", ">=1")]
    (found,) = unresolved([*wanted, Wanted("b", "x:4", "<9", constraint=True)])
    assert (found.name, found.specifier) == ("a", ">=1,<2")


NAMES = st.sampled_from("abcdefgh")


@given(
    st.lists(
        st.builds(
            Pinned,
            name=NAMES,
            version=st.just("1"),
            where=st.just("x"),
            requires=st.none() | st.lists(st.tuples(NAMES, st.just(""))).map(tuple),
            direct=st.sampled_from([None, True, False]),
        ),
        unique_by=lambda each: each.name,
    )
)
def test_no_package_of_a_lock_is_lost_and_every_chain_holds(packages: list[Pinned]) -> None:
    requires = {each.name: {name for name, _ in each.requires or ()} for each in packages}
    found = {each.name: each for each in of_lock(lock(*packages), LINUX)}
    assert set(found) == set(requires)
    for each in found.values():
        assert all(each.name in requires[name] for name in each.required_by)
        chain = [*each.path, each.name]
        assert all(after in requires[before] for before, after in pairwise(chain))
        if each.path:
            assert each.path[-1] in each.required_by
