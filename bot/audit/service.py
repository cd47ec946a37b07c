"""The audit: what each dependency of a project means for a move, and what would help."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Final, ParamSpec, Protocol, TypeAlias, TypeVar

from bot.audit.dependencies import (
    Dependency,
    narrowed,
    needed,
    of_lock,
    of_resolution,
    pin,
    unresolved,
)
from bot.audit.model import Audit, Class, Manifest, Package, Problem, ReadySet, Wanted
from bot.audit.resolver.model import Resolution
from bot.audit.rules import READY, advise, best, classify, judge, order
from bot.check.model import TrackerClaim
from bot.compat.model import ProjectFiles, Target
from bot.compat.rules import admits
from bot.compat.targets import interpreter
from bot.errors import (
    DatabaseError,
    IndexUnavailable,
    ProjectNotFound,
    ServiceError,
    UserError,
)
from bot.http import DOCUMENT_THREADS
from bot.index.model import Project
from bot.language import phrase, together
from bot.pypi.names import normalise

log = logging.getLogger(__name__)

AT_ONCE: Final = 8
"""Projects that are fetched at the same time."""
_SUGGESTED: Final = 10
"""Names that are not on the index for which others are suggested: each takes some milliseconds."""
_OFFERED: Final = 3
"""Names that are suggested for one."""
_NO_END: Final = phrase("No solution was found within the limit.")
_ALONE: Final = phrase("So each package is judged by itself.")

Arguments = ParamSpec("Arguments")
Made = TypeVar("Made")
Progress: TypeAlias = Callable[[int, int, str], None]
"""Hears how many are done, of how many, and what was done last."""


class Resolver(Protocol):
    """Finds versions that go together, as `bot.audit.resolver.Resolver`."""

    async def resolve(
        self,
        wanted: Sequence[Wanted],
        target: Target,
        *,
        ready_only: bool = False,
        progress: Progress | None = None,
    ) -> Resolution: ...


class Index(Protocol):
    """Projects by name, as `CachedIndex`."""

    async def project(self, name: str, *, patience: float | None = None) -> Project: ...


class Claims(Protocol):
    """What the community's table says of a project, as `Tracker`."""

    def claim(self, project: str) -> TrackerClaim | None: ...


@dataclass(frozen=True, slots=True)
class _Unknown:
    """Why nothing is known of a project: it is `missing`, or the index left us `unanswered`."""

    reason: str
    missing: bool = False
    unanswered: bool = False


@dataclass(slots=True)
class _Outcome:
    """A package as it was judged."""

    package: Package
    stale: bool = False
    unknown: _Unknown | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be judged, and how it was found. `asked` went to the resolver."""

    dependencies: Sequence[Dependency]
    conflict: str | None = None
    problems: Sequence[Problem] = ()
    asked: Sequence[Wanted] = ()


class AuditService:
    """Audits manifests.

    `suggest` names projects that were perhaps meant; `reports` counts the known reports of
    projects. An index that does not answer within `patience` seconds (None: as long as it takes)
    is not waited for where the cache has an answer. Packages are judged in `threads`.
    """

    def __init__(
        self,
        index: Index,
        tracker: Claims,
        resolver: Resolver,
        *,
        suggest: Callable[[str], Awaitable[Sequence[str]]],
        reports: Callable[[Collection[str]], Awaitable[Mapping[str, int]]] | None = None,
        patience: float | None = None,
        threads: Executor = DOCUMENT_THREADS,
    ) -> None:
        self._index = index
        self._tracker = tracker
        self._resolver = resolver
        self._suggest = suggest
        self._reports = reports
        self._patience = patience
        self._threads = threads

    async def audit(
        self, manifest: Manifest, target: Target, *, progress: Progress | None = None
    ) -> Audit:
        """Judge every dependency of a manifest on a target.

        What cannot be judged, be it that the index does not know it or does not answer, is among
        the packages all the same, as unknown. Raises UserError for a target that says too little.
        """
        if manifest.locked:
            plan = _Plan(await self._threaded(of_lock, manifest, target))
        else:
            plan = await self._resolve(manifest, target, progress)
        outcomes = await self._judge_all(plan.dependencies, target, progress)
        await self._add_suggestions(outcomes)
        packages = await self._threaded(_in_order, outcomes)
        return Audit(
            target=target,
            source=manifest.source,
            format=manifest.format,
            resolved=plan.conflict is None,
            packages=tuple(packages),
            problems=(*manifest.problems, *plan.problems, *_python_problem(manifest, target)),
            conflict=plan.conflict,
            ready_set=await self._ready_set(plan, packages, target, progress),
            stale=any(outcome.stale for outcome in outcomes),
            unanswered=sum(
                outcome.unknown is not None and outcome.unknown.unanswered for outcome in outcomes
            ),
        )

    async def _resolve(
        self, manifest: Manifest, target: Target, progress: Progress | None
    ) -> _Plan:
        """Ask the resolver; where it does not answer, judge each requirement by itself."""
        asked, unclear = await self._threaded(needed, manifest.wanted, target)
        elsewhere = replace(manifest, wanted=())  # what conda installs, and no resolver looks at
        others = [*unclear, *await self._threaded(of_lock, elsewhere, target)]
        if not asked:
            return _Plan(others)
        try:
            found = await self._resolver.resolve(asked, target, progress=progress)
        except ServiceError as error:
            alone = await self._threaded(unresolved, asked)
            return _Plan([*others, *alone], _alone(error), asked=asked)
        conflict = found.conflict or (None if found.complete else together(_NO_END, _ALONE))
        chosen = await self._threaded(of_resolution, found, asked)
        return _Plan([*others, *chosen], conflict, found.problems, asked)

    async def _judge_all(
        self, dependencies: Sequence[Dependency], target: Target, progress: Progress | None
    ) -> list[_Outcome]:
        """Judge all, in their order: while some are fetched, others are judged."""
        reports = await self._reports({each.name for each in dependencies}) if self._reports else {}
        outcomes: dict[int, _Outcome] = {}
        waiting = iter(enumerate(dependencies))
        gate = asyncio.Semaphore(AT_ONCE)

        async def work() -> None:
            for place, each in waiting:
                outcome = await self._judge(each, target, gate)
                self._add_claims(outcome, reports.get(each.name, 0))
                outcomes[place] = outcome
                if progress:
                    progress(len(outcomes), len(dependencies), each.name)
                await asyncio.sleep(0)  # what is cached comes without a pause

        workers = [asyncio.create_task(work()) for _ in range(2 * AT_ONCE)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return [outcomes[place] for place in range(len(dependencies))]

    async def _judge(
        self, dependency: Dependency, target: Target, gate: asyncio.Semaphore
    ) -> _Outcome:
        if dependency.reason:
            return _Outcome(_without_verdict(dependency, dependency.reason))
        async with gate:
            found = await self._find(dependency.name)
        if isinstance(found, _Unknown):
            return _Outcome(_without_verdict(dependency, found.reason), unknown=found)
        package = await self._threaded(_judged, found, dependency, target)
        return _Outcome(package, stale=found.stale)

    async def _threaded(
        self, work: Callable[Arguments, Made], *arguments: Arguments.args, **_: Arguments.kwargs
    ) -> Made:
        """Do what takes time for large files off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def _find(self, name: str) -> Project | _Unknown:
        try:
            return await self._index.project(normalise(name), patience=self._patience)
        except ProjectNotFound:
            return _Unknown(phrase("It is not on the index."), missing=True)
        except IndexUnavailable as error:
            return _Unknown(error.text, unanswered=True)
        except DatabaseError:
            raise
        except UserError as error:  # no project can be named so
            return _Unknown(error.text)

    async def _add_suggestions(self, outcomes: Iterable[_Outcome]) -> None:
        missing = [each for each in outcomes if each.unknown and each.unknown.missing]
        for outcome in missing[:_SUGGESTED]:
            names = ", ".join((await self._suggest(outcome.package.project))[:_OFFERED])
            if names:
                meant = phrase("Did you mean {projects}?", projects=names)
                advice = together(outcome.package.advice, meant)
                outcome.package = replace(outcome.package, advice=advice)

    def _add_claims(self, outcome: _Outcome, reports: int) -> None:
        """Add what people say: the community's issue, and how many problems are known."""
        package = outcome.package
        claim = None if package.class_ is Class.READY else self._tracker.claim(package.project)
        issue = claim.upstream_issue if claim else None
        if issue or reports:
            outcome.package = replace(package, upstream_issue=issue, reports=reports)

    async def _ready_set(
        self,
        plan: _Plan,
        packages: Iterable[Package],
        target: Target,
        progress: Progress | None,
    ) -> ReadySet | None:
        """Look for versions with which all is ready, where that is a question at all."""
        waiting = [each for each in packages if each.verdict and each.class_ is not Class.READY]
        if not (waiting and any(not each.constraint for each in plan.asked)):
            return None
        if any(each.direct and each.class_ is Class.BLOCKED for each in waiting):
            return ReadySet()
        try:
            found = await self._resolver.resolve(
                plan.asked, target, ready_only=True, progress=progress
            )
        except ServiceError as error:
            log.warning("Looking for a set that is ready: %s", error)
            return ReadySet(complete=False)
        if found.conflict or not found.complete:
            return ReadySet(complete=found.complete)
        return ReadySet(tuple(sorted(found.versions.items())), found=True)


def _alone(error: ServiceError) -> str:
    return together(together(error.text, error.hint), _ALONE)


def _in_order(outcomes: Iterable[_Outcome]) -> list[Package]:
    """Return the packages, blockers first."""
    packages = [outcome.package for outcome in outcomes]
    return sorted(packages, key=lambda each: (order(each.class_), each.project, each.version or ""))


def _judged(project: Project, dependency: Dependency, target: Target) -> Package:
    """Judge a package in the version that it has, or else in what pip would take of it."""
    files, status = project.files, project.status
    version = dependency.version or pin(dependency.specifier)
    if version is None:
        admitted = narrowed(files, dependency.specifier)
        if files.releases and not admitted.releases:
            return _without_verdict(
                dependency,
                phrase(
                    "The index has no version of it that matches {specifier}.",
                    specifier=dependency.specifier,
                ),
            )
        version = _taken(admitted, status, target)
        judged = judge(files if version else admitted, status, target, version)
    else:
        judged = judge(files, status, target, version)
    other = None if judged.verdict in READY else best(files, status, target, version)
    if judged.verdict is None:
        package = _without_verdict(
            dependency, phrase("The index has no version {version} of it.", version=version)
        )
        return replace(package, version=version, best=other)
    return Package(
        project=dependency.name,
        version=version,
        direct=dependency.direct,
        required_by=dependency.required_by,
        path=dependency.path,
        verdict=judged.verdict,
        class_=classify(judged.verdict, other),
        best=other,
        advice=advise(files, target, judged, version, other),
        support=judged.support,
    )


def _taken(files: ProjectFiles, status: str, target: Target) -> str | None:
    """Return the version that pip takes of a project by itself."""
    support = judge(files, status, target).support
    return support.installs.version if support and support.installs else None


def _without_verdict(dependency: Dependency, reason: str) -> Package:
    return Package(
        project=dependency.name,
        version=dependency.version,
        direct=dependency.direct,
        required_by=dependency.required_by,
        path=dependency.path,
        verdict=None,
        class_=Class.UNKNOWN,
        advice=reason,
    )


def _python_problem(manifest: Manifest, target: Target) -> tuple[Problem, ...]:
    python = interpreter(target.python).version
    if admits(manifest.requires_python, python):
        return ()
    text = phrase(
        "It requires Python {required}, which {python} is not.",
        required=manifest.requires_python,
        python=target.python,
    )
    return (Problem(manifest.source, text),)
