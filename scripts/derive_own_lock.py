"""Make tests/data/own_lock.json anew: which wheels pip takes of what requirements.lock pins.

    python scripts/derive_own_lock.py

It asks pip, and so the index that pip is set up for, once for each platform. The file says of each
package its version and the wheels' names, so that a test can judge them without any index. Make it
again when the lock has changed.
"""

import datetime as dt
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bot.audit.environment import applies  # noqa: E402
from bot.audit.manifests import read  # noqa: E402 - needs the path
from bot.compat.model import Target  # noqa: E402
from bot.compat.targets import PLATFORMS, wheel_tags  # noqa: E402

LOCK = "requirements.lock"
FILE = ROOT / "tests/data/own_lock.json"
PYTHON = "3.14t"


def main() -> None:
    """Ask for all platforms and write the file."""
    lock = read(LOCK, (ROOT / LOCK).read_bytes())
    targets = [Target(PYTHON, platform) for platform in PLATFORMS]
    pins = {
        each.name: each.version or ""
        for each in lock.pinned
        if any(applies(each.marker, target) for target in targets)  # not what is for other Pythons
    }
    wheels: dict[str, set[str]] = {name: set() for name in pins}
    for target in targets:
        for name in taken(pins, target):
            wheels[canonicalize_name(name.partition("-")[0])].add(name)
    document = {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "python": PYTHON,
        "packages": {
            name: {"version": version, "wheels": sorted(wheels[name])}
            for name, version in sorted(pins.items())
        },
    }
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    print(f"{len(pins)} packages, {sum(map(len, wheels.values()))} wheels")  # noqa: T201 - its report


def taken(pins: dict[str, str], target: Target) -> list[str]:
    """Return the names of the wheels that pip takes, package by package where it lacks some."""
    wanted = [f"{name}=={version}" for name, version in pins.items()]
    found = report(wanted, target)
    if found is None:
        found = []
        for each in wanted:
            one = report([each], target)
            if one is None:
                print(f"{target.platform}: no wheel of {each}")  # noqa: T201 - its report
            found += one or []
    return found


def report(wanted: list[str], target: Target) -> list[str] | None:
    """Return the wheels that pip would install, None if it finds no wheel of one of them."""
    platforms = dict.fromkeys(tag.platform for tag in wheel_tags(target))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.json")
        done = subprocess.run(  # noqa: S603 - pip, with names and versions of our own lock
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps"),
                *("--ignore-installed", "--only-binary=:all:", "--target", folder),
                *("--implementation", "cp", "--python-version", target.python.removesuffix("t")),
                *("--abi", f"cp{target.python.replace('.', '')}", "--report", str(path)),
                *(part for each in platforms for part in ("--platform", each)),
                *wanted,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return None
        document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    addresses = (each["download_info"]["url"] for each in document["install"])
    return [address.partition("#")[0].rpartition("/")[2] for address in addresses]


if __name__ == "__main__":
    main()
