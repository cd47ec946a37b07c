"""Fetch the wheels that a list of modules names, to check what `ftbot xray` says of them.

    python scripts/fetch_truth_wheels.py TRUTH.jsonl FOLDER

TRUTH.jsonl has a line for each module, whose "wheel" is a file name. pip fetches what is missing in
FOLDER, a cache that stays outside of the repository; nothing is installed and nothing is run.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from packaging.utils import parse_wheel_filename


def main() -> str | None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("truth", type=Path, help="JSON lines with the names of wheels")
    parser.add_argument("folder", type=Path, help="where the wheels are kept")
    arguments = parser.parse_args()
    lines = arguments.truth.read_text().splitlines()
    wheels = sorted({json.loads(line)["wheel"] for line in lines if line.strip()})
    missing = [wheel for wheel in wheels if not (arguments.folder / wheel).exists()]
    failed = [wheel for wheel in missing if not fetch(wheel, arguments.folder)]
    sys.stdout.write(f"{len(wheels) - len(failed)} of {len(wheels)} wheels in {arguments.folder}\n")
    return "Not to be had: " + ", ".join(failed) if failed else None


def fetch(wheel: str, folder: Path) -> bool:
    """Have pip fetch a wheel; return whether it is there."""
    name, version, _, tags = parse_wheel_filename(wheel)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--implementation", "cp", "--dest", str(folder)]
    interpreter = next(iter(tags)).interpreter
    command += ["--python-version", f"{interpreter[2]}.{interpreter[3:]}"]
    for abi in sorted({tag.abi for tag in tags}):
        command += ["--abi", abi]
    for platform in sorted({tag.platform for tag in tags}):
        command += ["--platform", platform]
    subprocess.run([*command, f"{name}=={version}"], check=False)  # noqa: S603 - no shell, and its words are parsed
    return (folder / wheel).exists()


if __name__ == "__main__":
    sys.exit(main())
