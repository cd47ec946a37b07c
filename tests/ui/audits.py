"""Audits made up for tests."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bot.audit.model import Audit, Best, Class, Kept, Manifest, Package, Pinned
from bot.compat.model import Pick, Target, Verdict
from bot.xray.model import Gil, ModuleVerdict
from tests.ui.answers import NOON, support

TARGET = Target("3.14t", "linux-x86_64")
_VERDICTS = {
    Class.READY: Verdict.WHEEL,
    Class.WORKS: Verdict.SDIST,
    Class.BLOCKED: Verdict.SDIST,
    Class.UNKNOWN: None,
}


def package(project: str, class_: Class = Class.READY, **changes: object) -> Package:
    """A package of a class; blocked ones are pulled in by `app`."""
    plain = Package(
        project=project,
        version="1.0",
        direct=class_ is not Class.BLOCKED,
        required_by=("app",) if class_ is Class.BLOCKED else (),
        path=("app",) if class_ is Class.BLOCKED else (),
        verdict=_VERDICTS[class_],
        class_=class_,
    )
    if class_ is Class.WORKS:
        best = Best("2.0", Verdict.WHEEL)
        plain = replace(plain, best=best, advice="Ready from 2.0, this is 1.0.")
    elif class_ is Class.BLOCKED:
        plain = replace(plain, advice="It has to be compiled here: no release has a wheel.")
    elif class_ is Class.UNKNOWN:
        plain = replace(plain, advice="It is not on the index.")
    return replace(plain, **changes)  # type: ignore[arg-type]  # each test names real fields


def packages(class_: Class, *names: str) -> list[Package]:
    return [package(name, class_) for name in names]


def audit(found: Iterable[Package] = (), **changes: object) -> Audit:
    """An audit of `uv.lock`; without packages it has some of each class."""
    every = tuple(found) or (
        *packages(Class.BLOCKED, "old-c", "orjson"),
        *packages(Class.UNKNOWN, "private"),
        *packages(Class.WORKS, "pinned"),
        *packages(Class.READY, "app", "numpy", "requests"),
    )
    plain = Audit(TARGET, "uv.lock", "uv.lock", resolved=True, packages=every)
    return replace(plain, **changes)  # type: ignore[arg-type]  # as above


def with_wheel(package: Package, **named: str) -> Package:
    """A package of which pip takes a wheel that may hold modules."""
    wheel = f"{package.project.replace('-', '_')}-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl"
    installs = Pick("1.0", named.get("file", wheel))
    return replace(package, support=replace(support(TARGET), installs=installs))


def declared(found: Audit, gils: Mapping[str, Gil], unread: int = 0) -> Audit:
    """An audit whose packages have wheels, of which some, by project, were read."""
    every = tuple(with_wheel(each) for each in found.packages)
    files = {each.project: each.wheel or "" for each in every}
    read = {files[name]: replace(gil, wheel=files[name]) for name, gil in gils.items()}
    return replace(found, packages=every, gil=read, unread=unread)


ON = Gil(ModuleVerdict.RE_ENABLES, "", 11, ("demo._a", "demo._b", "demo._c", "demo._d"))
OFF = Gil(ModuleVerdict.KEEPS_OFF, "", 2)
UNKNOWN = Gil(ModuleVerdict.UNKNOWN, "", 1)


def kept(found: Audit | None = None, number: int = 7) -> Kept:
    """That audit as it is stored, with files."""
    files = (("audit.md", b"# Markdown"), ("audit.json", b"{}"))
    return Kept(number, NOON, found or audit(), files)


def manifest(found: Audit | None = None) -> Manifest:
    """What a lock says whose audit it could be."""
    every = (found or audit()).packages
    pinned = tuple(Pinned(each.project, each.version, "uv.lock") for each in every)
    return Manifest("uv.lock", "uv.lock", locked=True, pinned=pinned)
