"""Make data/xray.json, what some wheels of the sandbox's index declare, anew.

    python scripts/derive_xray.py FOLDER [PROJECT...]

The wheels are those that pip takes of the snapshot's newest releases, on all interpreters and
platforms. pip fetches what is missing in FOLDER, a cache that stays outside of the repository;
nothing is installed and nothing is run.
"""

import argparse
import hashlib
import sys
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bot.compat.condense import condense  # noqa: E402 - needs the path
from bot.compat.rules import support  # noqa: E402 - see above
from bot.compat.targets import ALL_TARGETS  # noqa: E402 - see above
from bot.pypi.wire import decode_page  # noqa: E402 - see above
from bot.sandbox.readings import FILE, SnapshotReading, write_readings  # noqa: E402 - see above
from bot.sandbox.snapshot import Snapshot, shipped_snapshot  # noqa: E402 - see above
from bot.xray.model import worth_reading  # noqa: E402 - see above
from bot.xray.source import Content  # noqa: E402 - see above
from bot.xray.wheel import read_wheel  # noqa: E402 - see above
from scripts.fetch_truth_wheels import fetch  # noqa: E402 - see above

PROJECTS = ("aiohttp", "bcrypt", "cryptography", "h3", "numpy")
"""Two that keep the GIL off, one that seems to, one that leaves it open, one that turns it on."""


def main() -> str | None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the wheels are kept")
    parser.add_argument("projects", nargs="*", default=PROJECTS, help="of the snapshot")
    options = parser.parse_args()
    snapshot = shipped_snapshot()
    wheels = sorted({each for project in options.projects for each in _taken(snapshot, project)})
    folder: Path = options.folder
    failed = [each for each in wheels if not ((folder / each).exists() or fetch(each, folder))]
    if failed:
        return "Not to be had: " + ", ".join(failed)
    readings = [_read(folder / each) for each in wheels]
    output = ROOT / "data" / FILE
    output.write_bytes(write_readings(readings))
    for each in readings:
        sys.stdout.write(f"{each.reading.verdict:16} {each.reading.wheel}\n")
    sys.stdout.write(f"{output}: {len(readings)} wheels, {output.stat().st_size:,} bytes\n")
    return None


def _taken(snapshot: Snapshot, project: str) -> set[str]:
    """Name the wheels that pip takes of a project's newest release."""
    name = canonicalize_name(project)
    files = condense(decode_page(snapshot.page(name)).files, name)
    picks = (row.installs for row in support(files, ALL_TARGETS))
    return {pick.file for pick in picks if pick and worth_reading(pick.file)}


def _read(path: Path) -> SnapshotReading:
    content = path.read_bytes()
    return SnapshotReading(
        hashlib.sha256(content).hexdigest(), read_wheel(path.name, Content(content))
    )


if __name__ == "__main__":
    sys.exit(main())
