"""What the index answers to a report before people do: the wheel is there, another release has it.

A hint is one sentence. It never says that there is no problem: the reporter decides that.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from bot.check.model import Answer
from bot.compat.model import Support, Target, Verdict
from bot.compat.targets import PYTHONS
from bot.language import listed, phrase
from bot.reports.model import Facts, Hint, Kind, Reading

MOST: Final = 3
"""More hints than these are not read."""
CURRENT: Final = "3.14t"
"""The interpreter to ask for where a report names none that ftbot judges."""

_FIRST = PYTHONS[0]
_LONGEST = 200  # characters of a version or a file name; longer ones are none

_PLATFORMS = {
    ("linux", "x86_64"): "linux-x86_64",
    ("linux", "aarch64"): "linux-aarch64",
    ("macos", "x86_64"): "macos-x86_64",
    ("macos", "aarch64"): "macos-arm64",
    ("windows", "x86_64"): "windows-amd64",
    ("windows", "aarch64"): "windows-arm64",
}
_USUAL = {
    "linux": ("linux-x86_64", "linux-aarch64"),
    "macos": ("macos-arm64",),
    "windows": ("windows-amd64",),
}
_NAMES = {
    "linux-x86_64": "Linux (x86-64)",
    "linux-aarch64": "Linux (ARM)",
    "musl-x86_64": phrase("Linux with musl (x86-64)"),
    "musl-aarch64": phrase("Linux with musl (ARM)"),
    "macos-arm64": "macOS (Apple silicon)",
    "macos-x86_64": "macOS (Intel)",
    "windows-amd64": "Windows",
    "windows-arm64": phrase("Windows on ARM"),
}

_BINARY = frozenset({Verdict.WHEEL, Verdict.ABI3T, Verdict.PLATFORM})
_PURE = frozenset({Verdict.PURE, Verdict.PURE_FALLBACK})

_INSTALLING = frozenset({Kind.NO_WHEEL, Kind.BUILD_FAILURE, Kind.SUPPORT_REQUEST})
_RUNNING = frozenset({
    Kind.GIL_REENABLED,
    Kind.CRASH,
    Kind.DATA_RACE,
    Kind.DEADLOCK,
    Kind.WRONG_RESULT,
    Kind.PERFORMANCE,
})  # fmt: skip


def targets(reading: Reading) -> tuple[Target, ...]:
    """Choose what to ask the index for, so that `hints` can tell."""
    python = _python(reading.facts)
    platforms = _platforms(reading.facts)
    pythons = dict.fromkeys((python, CURRENT))
    return tuple(Target(each, platform) for each in pythons for platform in platforms)


def hints(reading: Reading, answer: Answer, *more: Hint) -> tuple[Hint, ...]:
    """Say what the index answers to a report, the most telling first; () if it says nothing.

    `answer` is of the report's project, on `targets(reading)` at least; `more` tells more.
    """
    if answer.status == "quarantined":
        text = phrase("The index has quarantined {name}: don't install it.", name=answer.name)
        return (Hint("quarantined", text),)
    if reading.kind in {Kind.NOT_FREE_THREADING, Kind.DOCS}:
        found: Iterable[Hint] = _wrong_wheel(reading)
    else:
        found = (*_wrong_wheel(reading), *more, *_hints(reading, answer))
    return tuple({hint.code: hint for hint in found}.values())[:MOST]


def _hints(reading: Reading, answer: Answer) -> Iterator[Hint]:
    python, platforms = _python(reading.facts), _platforms(reading.facts)
    rows = [
        row
        for row in answer.support
        if row.target.python == python and row.target.platform in platforms
    ]
    yield from _unknown_version(reading, answer)
    if rows and all(row.verdict is Verdict.UNAVAILABLE for row in rows):
        yield Hint(
            "yanked",
            phrase(
                "Every release of {name} is withdrawn from the index (yanked).", name=answer.name
            ),
        )
    elif rows and all(row.verdict is Verdict.EXCLUDED for row in rows):
        yield Hint(
            "excluded",
            phrase(
                "No release of {name} admits Python {python} (Requires-Python), so pip does not"
                " install it there.",
                name=answer.name,
                python=python.removesuffix("t"),
            ),
        )
        yield from _newer_python(answer, rows)
    elif reading.kind in _INSTALLING:
        yield from _installing(reading, answer, rows)
    elif reading.kind in _RUNNING:
        yield from _running(reading, answer, rows)
    yield from _tracker(reading, answer)


def _installing(reading: Reading, answer: Answer, rows: Sequence[Support]) -> Iterator[Hint]:
    """Tell those who miss a wheel where there is one."""
    ready = [row for row in rows if row.verdict in _BINARY]
    if ready:
        yield _wheel(reading, answer, ready)
    elif rows and all(row.verdict in _PURE for row in rows):
        version = answer.latest.version if answer.latest else ""
        yield Hint(
            "pure",
            phrase(
                "{name} {version} installs as pure Python, so it needs no wheel for {python}.",
                name=answer.name,
                version=version,
                python=rows[0].target.python,
            ),
        )
    else:
        yield from _older_wheel(answer, rows)
        yield from _newer_python(answer, rows)


def _wheel(reading: Reading, answer: Answer, ready: Sequence[Support]) -> Hint:
    """Say which release has the wheel, in the light of the one that the report is about."""
    version, python = _version(reading), ready[0].target.python
    where = _places(ready)
    taken, first = ready[0].newest_wheel or ready[0].installs, ready[0].first_wheel
    newest = _parsed(taken.version) if taken else None
    since = _parsed(first.version) if first else None
    told = {"name": answer.name, "project": answer.project, "python": python, "where": where}
    if version and since and version < since:
        return Hint(
            "newer-release",
            phrase(
                "{name} has wheels for {python} on {where} since {since}, and the report is about"
                " {version}: pip install -U {project}",
                **told,
                since=since,
                version=version,
            ),
        )
    if version and newest and version >= newest:
        return Hint(
            "wheel-there",
            phrase(
                "{name} {newest} has a wheel for {python} on {where}: see that pip is a recent one"
                " and that python -VV says free-threading build.",
                **told,
                newest=newest,
            ),
        )
    text = phrase(
        "{name} {newest} has a wheel for {python} on {where} now: pip install -U {project}",
        **told,
        newest=newest or "",
    )
    return Hint("wheel-now", text)


def _older_wheel(answer: Answer, rows: Sequence[Support]) -> Iterator[Hint]:
    older = [row for row in rows if row.verdict is Verdict.OLDER_WHEEL and row.newest_wheel]
    if older and (pick := older[0].newest_wheel):
        yield Hint(
            "older-wheel",
            phrase(
                "The newest release has no wheel for {python} on {where}, but {version} has one:"
                " pip install {project}=={version}",
                python=older[0].target.python,
                where=_places(older),
                version=pick.version,
                project=answer.project,
            ),
        )


def _newer_python(answer: Answer, rows: Sequence[Support]) -> Iterator[Hint]:
    """Tell users of the first free-threaded Python that the next one is served: many dropped it."""
    if not rows or rows[0].target.python != _FIRST:
        return
    platforms = {row.target.platform for row in rows}
    served = [
        row
        for row in answer.support
        if row.target.python == CURRENT
        and row.target.platform in platforms
        and row.verdict in _BINARY
    ]
    if served:
        yield Hint(
            "newer-python",
            phrase(
                "{name} has wheels for {python} on {where}, but none for {older}, which many"
                " projects no longer serve.",
                name=answer.name,
                python=CURRENT,
                where=_places(served),
                older=_FIRST,
            ),
        )


def _running(reading: Reading, answer: Answer, rows: Sequence[Support]) -> Iterator[Hint]:
    """Tell those whose program fails of a wheel for the GIL, and of newer releases."""
    unmarked = [row for row in rows if row.verdict is Verdict.UNMARKED and row.newest_wheel]
    if unmarked and (pick := unmarked[0].newest_wheel):
        yield Hint(
            "unmarked",
            phrase(
                "pip takes {file} here, which does not say for which build of Python it is and"
                " was most likely made for the one with the GIL.",
                file=pick.file,
            ),
        )
    version, latest = _version(reading), _latest(answer)
    if version and latest and version < latest:
        yield Hint(
            "outdated",
            phrase(
                "{name} {latest} is out and the report is about {version}: see whether it is"
                " still so there, pip install -U {project}",
                name=answer.name,
                latest=latest,
                version=version,
                project=answer.project,
            ),
        )


def _unknown_version(reading: Reading, answer: Answer) -> Iterator[Hint]:
    """Tell of a final version above the newest one: a typing error, or another project's."""
    version, latest = _version(reading), _latest(answer)
    if not version or not latest or version.is_prerelease or version.local:
        return
    if version > latest:
        yield Hint(
            "no-such-version",
            phrase(
                "The index has no {name} {version}, its newest release is {latest}.",
                name=answer.name,
                version=version,
                latest=latest,
            ),
        )


def _tracker(reading: Reading, answer: Answer) -> Iterator[Hint]:
    """Repeat the community's claim where it is about a newer release than the report is."""
    claim, version = answer.claims.tracker, _version(reading)
    since = _parsed(claim.since) if claim and claim.since else None
    if since and version and version < since:
        yield Hint(
            "tracker",
            phrase(
                "The community's tracking table says that {name} supports free threading since"
                " {since}, and the report is about {version}.",
                name=answer.name,
                since=since,
                version=version,
            ),
        )


def _wrong_wheel(reading: Reading) -> Iterator[Hint]:
    """Tell a wheel for the other build of Python by its file name."""
    wheel, build = reading.facts.wheel, reading.facts.build
    python = reading.facts.python
    free = build.value == "free-threaded" if build else bool(python and python.value.endswith("t"))
    if wheel is None or not (build or python) or len(wheel.value) > _LONGEST:
        return
    try:
        tags = parse_wheel_filename(wheel.value)[3]
    except InvalidWheelFilename:
        return
    abis = {tag.abi for tag in tags if tag.abi.startswith(("cp3", "abi3"))}
    if free and abis and not any(abi.endswith("t") for abi in abis):
        yield Hint(
            "wrong-wheel",
            phrase(
                "{wheel} is for the build with the GIL: a free-threaded Python takes wheels"
                " whose name has a t behind the version ({abi}).",
                wheel=wheel.value,
                abi=f"{min(abis)}t",
            ),
        )
    elif not free and abis and all(abi.endswith("t") for abi in abis):
        yield Hint(
            "wrong-wheel",
            phrase(
                "{wheel} is for the free-threaded build, and the report is about the one with"
                " the GIL.",
                wheel=wheel.value,
            ),
        )


def _python(facts: Facts) -> str:
    """Name the interpreter that counts: the stated one, free-threaded, if ftbot judges it."""
    stated = f"{facts.python.value.removesuffix('t')}t" if facts.python else ""
    return stated if stated in PYTHONS else CURRENT


def _platforms(facts: Facts) -> tuple[str, ...]:
    """Name the stated platform, or the usual ones of its system, or those of all systems."""
    system = facts.os.value if facts.os else ""
    machine = facts.architecture.value if facts.architecture else ""
    found = (
        (_PLATFORMS[system, machine],) if (system, machine) in _PLATFORMS else _USUAL.get(system)
    )
    if found is None:
        found = tuple(platform for usual in _USUAL.values() for platform in usual)
    if system == "linux" and facts.wheel and "musllinux" in facts.wheel.value:
        found = tuple(platform.replace("linux-", "musl-") for platform in found)
    return found


def _version(reading: Reading) -> Version | None:
    return _parsed(reading.facts.version.value) if reading.facts.version else None


def _latest(answer: Answer) -> Version | None:
    return _parsed(answer.latest.version) if answer.latest else None


def _parsed(text: str) -> Version | None:
    try:
        return Version(text) if len(text) <= _LONGEST else None
    except InvalidVersion:
        return None


def _places(rows: Iterable[Support]) -> str:
    """List platforms for people: `Linux (x86-64), macOS (Apple silicon) and Windows`."""
    return listed([place(row.target.platform) for row in rows])


def place(platform: str) -> str:
    """Name a platform for people."""
    return _NAMES.get(platform, platform)
