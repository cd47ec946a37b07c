"""Prove that each release is announced exactly once, whenever the process is killed.

    python scripts/kill_test.py [--kills 200] [--releases 300] [--seed N]

It takes some ten minutes, and needs what the tests need. It ends with 0 if nothing was lost and
nothing told twice.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.e2e.exactly_once import Experiment  # noqa: E402 - needs the path


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="how often the process is killed")
    parser.add_argument("--releases", type=int, default=300, help="how many are published")
    parser.add_argument("--seed", type=int, default=0, help="for the same course again")
    given = parser.parse_args()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # resets are meant
    with tempfile.TemporaryDirectory(prefix="ftbot-kill-", ignore_cleanup_errors=True) as folder:
        experiment = Experiment(
            Path(folder),
            releases=given.releases,
            kills=given.kills,
            seed=given.seed,
            say=say,
        )
        report = asyncio.run(experiment.run())
        say(str(report))
        for release in sorted(report.lost):
            say(f"lost: {release}")
        for release, count in sorted(report.repeated.items()):
            say(f"announced {count} times: {release}")
        perfect = not (report.lost or report.repeated or report.unsettled)
        if not perfect:
            say((Path(folder) / "ftbot.log").read_text("utf-8", "replace")[-5000:])
    return 0 if perfect else 1


if __name__ == "__main__":
    sys.exit(main())
