"""What is news: a project's page, what was known of it, and what was told before → findings.

A release supports a target if pip takes a free-threaded wheel of it there (`cp314t`, or `abi3t`:
PEP 803). What the project's final releases ever supported is known for good, and so is what its
pre-releases did, apart from that: so neither a gain nor a loss is news twice, however often
support comes and goes. A project that is met for the first time is known to support what its older
files do.

Examining a page changes nothing unless something changed since: what is found once is known, or
told, the next time.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import groupby
from typing import Final, TypeAlias

from msgspec.structs import replace
from packaging.tags import Tag

from bot.announce.model import Content, Held, News, Novelty, Topic, Wheel
from bot.compat.model import ProjectFiles, Release, Verdict
from bot.compat.rules import QUARANTINED, admits, support
from bot.compat.tags import parse_suffix
from bot.compat.targets import ALL_TARGETS, INTERPRETERS, PLATFORMS, PYTHONS, wheel_tags

REMOVED: Final = "removed"
YANKED: Final = "yanked"
CAME_LATER: Final = "the wheels came later"
"""Why a loss that was told is none."""

Pair: TypeAlias = tuple[str, str]
"""An interpreter and a platform."""

_NOVELTIES: Final = tuple(Novelty)
_LINUX: Final = tuple(name for name in PLATFORMS if name.startswith(("linux", "musl")))
"""Where a release's wheel is read, what most people have first."""
_SERVED: Final = {Verdict.WHEEL, Verdict.ABI3T, Verdict.PLATFORM, Verdict.PURE}
"""Whoever gets these misses no free-threaded wheel."""


@dataclass(frozen=True, slots=True)
class Fact:
    """That a project supported a target once: in a final release, or only in a pre-release.

    `version` is the first with it, `lost_in` the first without it again, once that was told.
    """

    python: str
    platform: str
    prerelease: bool
    version: str
    lost_in: str | None = None

    @property
    def pair(self) -> Pair:
        """The target."""
        return self.python, self.platform


@dataclass(frozen=True, slots=True)
class Shown:
    """A release as the page shows it. Times are UTC text, None if the index gives none.

    `held` is what its free-threaded wheels serve, yanked ones left out, and `held_before` the part
    that wheels from before the change serve. `began` says that its first file is part of the
    change; `came` and `last_came` are when its first wheel came and its last new one; `admitted`
    are the interpreters that its Requires-Python admits. `linux` names the wheels for Linux.
    """

    version: str
    prerelease: bool
    yanked: bool
    held: Mapping[Pair, Held]
    held_before: frozenset[Pair]
    grown: bool
    began: bool
    began_at: str | None
    came: str | None
    last_came: str | None
    wheels: int
    admitted: frozenset[str]
    linux: Mapping[Pair, str]


@dataclass(frozen=True, slots=True)
class Page:
    """A project's page, read for news: its releases by version, the newest first.

    `facts` are what its files from before the change support. `served` are the targets for which
    the newest release needs no free-threaded wheel, such as when the project became pure Python.
    `status` is PEP 792's, or `REMOVED`.
    """

    status: str
    releases: Mapping[str, Shown] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()
    served: frozenset[Pair] = frozenset()


@dataclass(frozen=True, slots=True)
class Subject:
    """What messages say of the project: its names, its download rank, its tracking issue."""

    project: str
    name: str
    rank: int | None = None
    upstream_issue: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A new piece of news. Whoever wants to hear of `wanted` is told; `happened` is UTC text."""

    content: Content
    wanted: Content
    happened: str | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """News that reads differently now. `wider`: it is news to people who were not told."""

    before: News
    content: Content
    wider: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """What an examination found.

    `facts` are new, or told to be lost; `looming` says that there is a loss to tell once the
    project was quiet for long enough.
    """

    facts: tuple[Fact, ...] = ()
    pieces: tuple[Piece, ...] = ()
    edits: tuple[Edit, ...] = ()
    looming: bool = False


def read(
    files: ProjectFiles, status: str, since: float, before: ProjectFiles | None = None
) -> Page:
    """Read a page for news. Files are new that came at or after `since` (UTC seconds).

    Where the index gives no times, those are new that `before`, an earlier state of the page, does
    not have. Takes some milliseconds for the largest projects.
    """
    if status == QUARANTINED:
        return Page(status)
    reader = _Reader(files, since, before)
    groups = groupby(files.releases, key=lambda release: release.order)
    shown = [reader.shown(list(runs)) for _, runs in groups]
    releases = {each.version: each for each in shown}
    facts: dict[tuple[Pair, bool], Fact] = {}
    for each in reversed(shown):
        _learn(facts, each, each.held_before)
    served: frozenset[Pair] = frozenset()
    if _loss(releases, served):
        verdicts = support(files, ALL_TARGETS, status)
        served = frozenset(
            (each.target.python, each.target.platform)
            for each in verdicts
            if each.verdict in _SERVED
        )
    return Page(status, releases, tuple(facts.values()), served)


def examine(
    page: Page, subject: Subject, facts: Iterable[Fact], told: Iterable[News], *, ripe: bool
) -> Findings:
    """Find what is new on a page. `ripe`: the project was quiet for long enough to tell losses."""
    examination = _Examination(page, subject, facts, told)
    examination.gains()
    examination.withdrawals()
    examination.retold_losses()
    looming = examination.loss(ripe=ripe)
    return Findings(
        facts=tuple(examination.changed.values()),
        pieces=tuple(examination.pieces),
        edits=tuple(examination.edits),
        looming=looming,
    )


def may_be_told(content: Content, since: float, until: float) -> bool:
    """Tell if a lost database may have told of it, which lived `until` then (UTC seconds).

    `since` is from when on files of the project count as new.
    """
    next_second = utc_text(until + 1)
    if content.topic is Topic.GAIN and content.uploaded and content.uploaded >= next_second:
        return False
    return since <= until


def is_another_wheel(content: Content, before: str) -> bool:
    """Tell if nothing is new but one more wheel of a release whose first came `before` then."""
    nothing = content.topic is Topic.GAIN and content.novelty is Novelty.NOTHING
    return nothing and content.uploaded is not None and content.uploaded < before


def novelty(new: Iterable[Pair], known: Iterable[Pair]) -> Novelty:
    """Name what is new about a release that supports `new` besides what is known."""
    new, known = set(new), set(known)
    if not new:
        return Novelty.NOTHING
    if not known:
        return Novelty.FIRST
    if {python for python, _ in new} - {python for python, _ in known}:
        return Novelty.PYTHON
    return Novelty.PLATFORM


def utc_text(seconds: float) -> str:
    """Write a moment so that it sorts among the index's times: a whole second before its parts."""
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%S}"


class _Reader:
    """Reads releases off a page; knows which files are new."""

    def __init__(self, files: ProjectFiles, since: float, before: ProjectFiles | None) -> None:
        self._suffixes = files.suffixes
        self._since = utc_text(since)
        self._wheels_before = set(_wheels(before)) if before else None
        self._releases_before = {each.version for each in before.releases} if before else None

    def shown(self, runs: list[Release]) -> Shown:
        """Sum up a release: the runs of its files that have the same facts."""
        held: dict[Pair, Held] = {}
        held_before: set[Pair] = set()
        times: list[str | None] = []
        new_times: list[str | None] = []
        linux: dict[Pair, tuple[bool, str]] = {}
        for run in runs:
            admitted = _admitted(run.requires_python)
            for place, suffix in enumerate(() if run.yanked else run.wheels):
                taken = [each for each in _taken(self._suffixes[suffix]) if each.python in admitted]
                if not taken:
                    continue
                time = _uploaded(run, place)
                times.append(time)
                if self._is_new_wheel(run, suffix, time):
                    new_times.append(time)
                else:
                    held_before.update((each.python, each.platform) for each in taken)
                _add(held, taken)
                _name(linux, taken, f"{run.stem}-{self._suffixes[suffix]}")
        named = next((run for run in runs if run.wheels), runs[0])
        return Shown(
            version=named.version,
            prerelease=named.prerelease,
            yanked=all(run.yanked for run in runs),
            held=held,
            held_before=frozenset(held_before),
            grown=bool(new_times),
            began=all(self._is_new_release(run) for run in runs),
            began_at=min((run.uploaded for run in runs if run.uploaded), default=None),
            came=min(filter(None, times), default=None),
            last_came=max(filter(None, new_times), default=None),
            wheels=len(times),
            admitted=frozenset().union(*(_admitted(run.requires_python) for run in runs)),
            linux={pair: file for pair, (_, file) in linux.items()},
        )

    def _is_new_wheel(self, run: Release, suffix: int, time: str | None) -> bool:
        if time is not None:
            return time >= self._since
        if self._wheels_before is None:
            return False
        return (run.version, self._suffixes[suffix]) not in self._wheels_before

    def _is_new_release(self, run: Release) -> bool:
        if run.uploaded is not None:
            return run.uploaded >= self._since
        return self._releases_before is not None and run.version not in self._releases_before


class _Examination:
    """One examination in the making."""

    def __init__(
        self, page: Page, subject: Subject, facts: Iterable[Fact], told: Iterable[News]
    ) -> None:
        self.page = page
        self.subject = subject
        self.facts = {(each.pair, each.prerelease): each for each in facts}
        self.changed: dict[tuple[Pair, bool], Fact] = {}
        self.pieces: list[Piece] = []
        self.edits: list[Edit] = []
        self._told: dict[Topic, dict[str, News]] = {topic: {} for topic in Topic}
        for news in told:
            self._told[news.content.topic][news.content.version] = news
        for fact in page.facts:
            if (fact.pair, fact.prerelease) not in self.facts:
                self._note(fact)

    def gains(self) -> None:
        """Tell of each release that got free-threaded wheels, in the order in which they came."""
        told = self._told[Topic.GAIN]
        held = [each for each in self.page.releases.values() if each.held]
        touched = [each for each in reversed(held) if each.grown or each.version in told]
        for release in sorted(touched, key=lambda each: each.last_came or ""):
            known = self._known(release)
            new = release.held.keys() - known
            newness = novelty(new, known)
            if release.version in told:
                self._retell_gain(told[release.version], release, new, newness)
            else:
                content = self._gain(release, new, newness)
                self.pieces.append(Piece(content, content, release.last_came))
            self.changed.update(_learn(self.facts, release, release.held))

    def withdrawals(self) -> None:
        """Tell whoever was told of a release that it cannot be had any more, or can be again."""
        for version, gain in self._told[Topic.GAIN].items():
            told = self._told[Topic.WITHDRAWAL].get(version)
            reason = self._reason(version)
            if reason:
                self._edit(gain, replace(gain.content, withdrawn=reason))
            if told:
                self._edit(told, replace(told.content, withdrawn=reason))
            elif reason:
                content = replace(
                    gain.content, topic=Topic.WITHDRAWAL, withdrawn=reason, wheel=None
                )
                self.pieces.append(Piece(content, gain.content))

    def retold_losses(self) -> None:
        """Put right what was told of losses: the release is gone, or its wheels came after all."""
        for version, loss in self._told[Topic.LOSS].items():
            release, content = self.page.releases.get(version), loss.content
            if release is None or release.yanked:
                content = replace(content, withdrawn=self._absence(release))
            else:
                held = release.held
                lost = [each for each in content.lost if (each.python, each.platform) not in held]
                if {each.python for each in lost} - {python for python, _ in held}:
                    content = replace(content, lost=tuple(lost), withdrawn=None)
                else:
                    content = replace(content, withdrawn=CAME_LATER)
                content = replace(content, held=_sorted(held), wheels=release.wheels)
            self._edit(loss, content)

    def loss(self, *, ripe: bool) -> bool:
        """Tell what the newest final release has lost, if `ripe`; say if there is more to tell."""
        found = _loss(self.page.releases, self.page.served)
        if found is None:
            return False
        newest, earlier, missing, gone = found
        untold = [pair for pair in missing if self._is_untold(pair)]
        if newest.version in self._told[Topic.LOSS]:
            return False
        if not any(python in gone for python, _ in untold):
            return False
        if not ripe:
            return True
        content = Content(
            project=self.subject.project,
            name=self.subject.name,
            version=newest.version,
            topic=Topic.LOSS,
            held=_sorted(newest.held),
            lost=_sorted({pair: earlier.held[pair] for pair in missing}),
            before=earlier.version,
            uploaded=newest.began_at,
            rank=self.subject.rank,
            wheels=newest.wheels,
            upstream_issue=self.subject.upstream_issue,
        )
        self.pieces.append(Piece(content, content, newest.began_at))
        for pair in untold:
            fact = self.facts[pair, False]
            self._note(Fact(*pair, prerelease=False, version=fact.version, lost_in=newest.version))
        return False

    def _gain(self, release: Shown, new: set[Pair], newness: Novelty) -> Content:
        return Content(
            project=self.subject.project,
            name=self.subject.name,
            version=release.version,
            topic=Topic.GAIN,
            novelty=newness,
            held=_sorted(release.held),
            new=_sorted({pair: release.held[pair] for pair in new}),
            uploaded=release.came,
            prerelease=release.prerelease,
            rank=self.subject.rank,
            wheels=release.wheels,
            upstream_issue=self.subject.upstream_issue,
            wheel=_wheel(release, new),
        )

    def _retell_gain(self, told: News, release: Shown, new: set[Pair], newness: Novelty) -> None:
        """Bring the news of a release up to date: wheels came later, were removed, or are back."""
        before = told.content
        all_new = new.union((each.python, each.platform) for each in before.new)
        greatest = min(before.novelty, newness, key=_NOVELTIES.index)
        content = replace(
            before,
            novelty=greatest,
            held=_sorted(release.held),
            new=_sorted({pair: each for pair, each in release.held.items() if pair in all_new}),
            uploaded=min(filter(None, (before.uploaded, release.came)), default=None),
            wheels=release.wheels,
            withdrawn=None,
            wheel=_still_told_of(before.wheel, release, all_new),
        )
        self._edit(told, content, wider=greatest != before.novelty)

    def _edit(self, told: News, content: Content, *, wider: bool = False) -> None:
        if content != told.content:
            self.edits.append(Edit(told, content, wider))

    def _reason(self, version: str) -> str | None:
        """Say why the wheels of a release cannot be had, None if they can."""
        release = self.page.releases.get(version)
        return None if release and release.held else self._absence(release)

    def _absence(self, release: Shown | None) -> str:
        if self.page.status == QUARANTINED:
            return QUARANTINED
        return YANKED if release and release.yanked else REMOVED

    def _known(self, release: Shown) -> set[Pair]:
        """Return what is no news in a release; in a final, what no final before it had is."""
        return {pair for pair, prerelease in self.facts if release.prerelease or not prerelease}

    def _note(self, fact: Fact) -> None:
        self.facts[fact.pair, fact.prerelease] = self.changed[fact.pair, fact.prerelease] = fact

    def _is_untold(self, pair: Pair) -> bool:
        fact = self.facts.get((pair, False))
        return fact is not None and fact.lost_in is None


def _loss(
    releases: Mapping[str, Shown], served: frozenset[Pair]
) -> tuple[Shown, Shown, list[Pair], set[str]] | None:
    """Compare the newest final release, if it is new, with the newest before it that has wheels.

    Returns the two, the targets that went missing and the interpreters that went altogether; None
    if there are none of these. A platform alone that goes missing is no loss.
    """
    finals = (each for each in releases.values() if not each.prerelease and not each.yanked)
    newest = next(finals, None)
    earlier = next((each for each in finals if each.held), None)
    if newest is None or earlier is None or not newest.began:
        return None
    missing = [
        (python, platform)
        for python, platform in earlier.held.keys() - newest.held.keys() - served
        if python in newest.admitted
    ]
    still = {python for python, _ in newest.held.keys() | (served & earlier.held.keys())}
    gone = {python for python, _ in missing} - still
    return (newest, earlier, missing, gone) if gone else None


def _learn(
    facts: dict[tuple[Pair, bool], Fact], release: Shown, pairs: Iterable[Pair]
) -> dict[tuple[Pair, bool], Fact]:
    """Add what a release supports, unless it is known; return what was not."""
    learnt = {
        (pair, release.prerelease): Fact(*pair, release.prerelease, release.version)
        for pair in pairs
        if (pair, release.prerelease) not in facts
    }
    facts.update(learnt)
    return learnt


def _wheels(files: ProjectFiles) -> Iterator[tuple[str, str]]:
    for release in files.releases:
        for suffix in release.wheels:
            yield release.version, files.suffixes[suffix]


def _uploaded(release: Release, place: int) -> str | None:
    whole = len(release.wheel_times) == len(release.wheels)
    return release.wheel_times[place] if whole else release.uploaded


def _add(held: dict[Pair, Held], taken: Iterable[Held]) -> None:
    """Count in what a wheel serves; pip prefers one of this very version over a stable-ABI one."""
    for each in taken:
        pair = each.python, each.platform
        held[pair] = min(each, held.get(pair, each))


def _name(files: dict[Pair, tuple[bool, str]], taken: Iterable[Held], file: str) -> None:
    """Note which wheel for Linux pip takes; any one where it depends on the system's age."""
    for each in taken:
        if each.platform in _LINUX:
            pair, this = (each.python, each.platform), (each.abi3t, file)
            files[pair] = min(this, files.get(pair, this))


def _wheel(release: Shown, new: AbstractSet[Pair]) -> Wheel | None:
    """Choose the wheel for Linux to tell more of: one that is new, for the newest interpreter."""

    def order(pair: Pair) -> tuple[bool, int, int]:
        python, platform = pair
        return pair in new, PYTHONS.index(python), -_LINUX.index(platform)

    chosen = max(release.linux, key=order, default=None)
    return None if chosen is None else Wheel(release.linux[chosen], *chosen)


def _still_told_of(before: Wheel | None, release: Shown, new: AbstractSet[Pair]) -> Wheel | None:
    """Choose it anew, unless it was read already, or the news is older than such choices."""
    if before is None and not release.grown:
        return None
    if before and before.verdict and (before.python, before.platform) in release.linux:
        return before
    return _wheel(release, new)


def _sorted(held: Mapping[Pair, Held]) -> tuple[Held, ...]:
    return tuple(sorted(held.values()))


@lru_cache(maxsize=2_000)
def _admitted(requires_python: str | None) -> frozenset[str]:
    """Return the interpreters that a Requires-Python admits."""
    return frozenset(each.name for each in INTERPRETERS if admits(requires_python, each.version))


@lru_cache(maxsize=20_000)
def _taken(suffix: str) -> tuple[Held, ...]:
    """Return what a wheel serves whose name ends so, by a free-threaded ABI."""
    held: dict[Pair, Held] = {}
    for tag in parse_suffix(suffix)[1]:
        _add(held, _takers().get(tag, ()))
    return _sorted(held)


@cache
def _takers() -> dict[Tag, tuple[Held, ...]]:
    """Return who takes a wheel with a free-threaded ABI, by each tag that anybody takes."""
    takers: dict[Tag, tuple[Held, ...]] = {}
    for target in ALL_TARGETS:
        for tag in wheel_tags(target):
            if tag.abi != "none":
                held = Held(target.python, target.platform, tag.abi == "abi3t")
                takers[tag] = (*takers.get(tag, ()), held)
    return takers
