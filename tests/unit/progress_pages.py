"""Made-up projects of all kinds with times of upload, and databases full of them."""

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from packaging.utils import canonicalize_name

from bot.compat.condense import condense
from bot.compat.model import ProjectFiles
from bot.db import Database
from bot.index.store import encode
from bot.pypi.wire import PageFile

BORN = datetime(2024, 6, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LINUX = "manylinux_2_17_x86_64.manylinux2014_x86_64"
PLATFORMS = (
    LINUX,
    "manylinux_2_17_aarch64.manylinux2014_aarch64",
    "musllinux_1_2_x86_64",
    "macosx_11_0_arm64",
    "macosx_10_13_x86_64",
    "win_amd64",
    "win_arm64",
)
Files = list[PageFile]


def stamp(moment: datetime) -> str:
    """A moment as the index writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def release(
    project: str, version: str, moment: datetime | None, *tags: str, sdist: bool = True
) -> Files:
    """The files of a release: a wheel for each of `tags`, and a source distribution."""
    time = stamp(moment) if moment else None
    stem = f"{project.replace('-', '_')}-{version}"
    names = [f"{stem}-{tag}.whl" for tag in tags]
    if sdist:
        names.append(f"{stem}.tar.gz")
    return [PageFile(name, None, yanked=False, upload_time=time) for name in names]


def compiled(pythons: Iterable[str], platforms: Iterable[str] = (LINUX,)) -> list[str]:
    """Tags of wheels for such builds: `313` is the one with the GIL, `313t` the one without."""
    return [
        f"cp{python.removesuffix('t')}-cp{python}-{platform}"
        for python in pythons
        for platform in platforms
    ]


def page(project: str, *releases: Files) -> ProjectFiles:
    """What is kept of a page."""
    return condense([file for each in releases for file in each], canonicalize_name(project))


def kinds(seed: int, count: int) -> Iterator[ProjectFiles]:
    """Yield pages as the index has them: most pure, one in four compiled, some of those ready."""
    chance = random.Random(seed)
    for number in range(count):
        project = f"made-up-{number}"
        releases = []
        pure = chance.random() < 0.75
        free_since = chance.randrange(0, 60)
        length = int(chance.lognormvariate(3.2, 1)) + 1
        for step in range(min(length, 400)):
            moment = BORN + (NOW - BORN) * (step + 1) / (length + 1)
            if pure:
                tags = ["py3-none-any"]
            else:
                pythons = ["310", "311", "312", "313", "314"]
                if step > free_since:
                    pythons += ["313t"] * (step % 3 > 0) + ["314t"]
                tags = compiled(pythons, PLATFORMS[: chance.randrange(1, len(PLATFORMS) + 1)])
            releases.append(release(project, f"{step // 10}.{step % 10}", moment, *tags))
        yield page(project, *releases)


async def fill(database: Database, projects: Iterable[tuple[str, ProjectFiles]]) -> None:
    """Let projects be cached, as fetched just now."""
    fetched = datetime.now(UTC).isoformat()
    async with database.write() as tx:
        await tx.executemany(
            "INSERT INTO project (name, display_name, status, fetched, document)"
            " VALUES (?, ?, 'active', ?, ?)",
            [(name, name, fetched, encode(files)) for name, files in projects],
        )


def days_ago(days: int) -> datetime:
    """A moment so long before `NOW`."""
    return NOW - timedelta(days=days)
