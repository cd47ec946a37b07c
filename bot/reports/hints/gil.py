"""What a report that the GIL comes back is checked against: the wheel that was installed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from msgspec import structs
from packaging.version import InvalidVersion, Version

from bot.compat.model import Pick, ProjectFiles, Release, Target
from bot.compat.rules import support
from bot.language import phrase, phrase_many
from bot.reports.hints.rules import place, targets
from bot.reports.model import DECLARED, Hint, Reading
from bot.xray.model import Module, ModuleVerdict, WheelReading, worth_reading

_EVIDENCE: Final = 4
"""So many modules are told of with what their verdicts rest on."""
_LONGEST = 200  # characters of a version or a file name; longer ones are none


@dataclass(frozen=True, slots=True)
class Taken:
    """A wheel of a project, and where it is installed.

    `named` is whether the report names the file, `installed` whether that file, or its version, is
    the one that the report is about; else it is what pip takes now.
    """

    file: str
    version: str
    platform: str
    named: bool = False
    installed: bool = True


def taken(reading: Reading, files: ProjectFiles, status: str) -> Taken | None:
    """Choose the wheel that a report is about, or else what pip takes; None if that has no modules.

    `status` is PEP 792's.
    """
    wanted = [target for target in targets(reading) if target.python == targets(reading)[0].python]
    named = reading.facts.wheel
    if named and (release := _release_of(files, named.value)):
        return Taken(named.value, release.version, "", named=True)
    version = _version(reading.facts.version.value) if reading.facts.version else None
    if version is not None:
        # A version that was chosen is installed though it is yanked (PEP 592).
        chosen = [
            structs.replace(each, yanked=False)
            for each in files.releases
            if _version(each.version) == version
        ]
        those = ProjectFiles(files.suffixes, tuple(chosen))
        for target, pick in _picks(those, wanted, status):
            return Taken(pick.file, pick.version, target.platform)
    for target, pick in _picks(files, wanted, status):
        return Taken(pick.file, pick.version, target.platform, installed=False)
    return None


def checked(reading: Reading, name: str, wheel: Taken, found: WheelReading) -> Hint:
    """Say whether the wheel of a project called `name` turns the GIL on."""
    said = _said(name, wheel)
    if found.verdict is ModuleVerdict.RE_ENABLES:
        return _turned_on(reading, said, found)
    return Hint(
        f"{DECLARED}{found.verdict}", _text(said, found), _evidence(found.wheel, found.modules)
    )


def _text(said: str, found: WheelReading) -> str:
    """Say what a wheel declares that does not turn the GIL on for sure."""
    match found.verdict:
        case ModuleVerdict.KEEPS_OFF if not found.modules:
            return phrase(
                "ftbot read {wheel}: it has no modules that could turn the GIL on. Another package"
                " may be the one.",
                wheel=said,
            )
        case ModuleVerdict.KEEPS_OFF:
            return phrase(
                "ftbot read {wheel}: all its modules declare that they keep the GIL off. Another"
                " package may be the one that turns it on.",
                wheel=said,
            )
        case ModuleVerdict.LIKELY_KEEPS_OFF:
            return phrase(
                "ftbot read {wheel}: by their machine code, its modules likely keep the GIL off."
                " Another package may be the one that turns it on.",
                wheel=said,
            )
        case ModuleVerdict.DELEGATED:
            return phrase(
                "ftbot read {wheel}: another package, such as cffi, decides whether it keeps the"
                " GIL off.",
                wheel=said,
            )
    return phrase("ftbot read {wheel}: it does not show whether it keeps the GIL off.", wheel=said)


def _turned_on(reading: Reading, said: str, found: WheelReading) -> Hint:
    """Name the modules that turn the GIL on; first the one that the report names."""
    named = reading.signature.modules
    modules = sorted(
        (each for each in found.modules if each.verdict is ModuleVerdict.RE_ENABLES),
        key=lambda each: each.module not in named,
    )
    first = modules[0].module
    if len(found.modules) == 1:
        text = phrase(
            "ftbot read {wheel}: its only module turns the GIL on, {module}.",
            wheel=said,
            module=first,
        )
    else:
        text = phrase_many(
            "ftbot read {wheel}: {count} of {total} modules turns the GIL on, {module}.",
            "ftbot read {wheel}: {count} of {total} modules turn the GIL on, among them {module}.",
            len(modules),
            wheel=said,
            total=len(found.modules),
            module=first,
        )
    return Hint(f"{DECLARED}{found.verdict}", text, _evidence(found.wheel, modules))


def _evidence(file: str, modules: Iterable[Module]) -> tuple[str, ...]:
    """Give the wheel's name, and what the verdicts on some of its modules rest on."""
    told = [f"{each.module}: {each.evidence}" for each in modules]
    return (file, *told[:_EVIDENCE])


def _said(name: str, wheel: Taken) -> str:
    if wheel.named:
        return wheel.file
    told = {"name": name, "version": wheel.version, "where": place(wheel.platform)}
    if wheel.installed:
        return phrase("the wheel of {name} {version} for {where}", **told)
    return phrase("the wheel of {name} {version} for {where}, which pip takes now", **told)


def _release_of(files: ProjectFiles, wheel: str) -> Release | None:
    """Return the release that has a wheel of this name."""
    if len(wheel) > _LONGEST or not worth_reading(wheel):
        return None
    for release in files.releases:
        rest = wheel.removeprefix(f"{release.stem}-")
        if rest != wheel and any(files.suffixes[each] == rest for each in release.wheels):
            return release
    return None


def _picks(
    files: ProjectFiles, wanted: Iterable[Target], status: str
) -> Iterator[tuple[Target, Pick]]:
    """Yield the wheels that may hold modules among what pip takes on each target."""
    for row in support(files, tuple(wanted), status):
        if row.installs and worth_reading(row.installs.file):
            yield row.target, row.installs


def _version(text: str) -> Version | None:
    try:
        return Version(text) if len(text) <= _LONGEST else None
    except InvalidVersion:
        return None
