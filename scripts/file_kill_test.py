"""Prove that each report is filed exactly once, whenever the process is killed.

    python scripts/file_kill_test.py [--kills 120] [--reports 200] [--seed N]

It takes some four minutes, and needs what the tests need. It ends with 0 if no report was lost,
filed twice or recorded wrongly.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.e2e.filed_once import Experiment  # noqa: E402 - needs the path


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=120, help="how often the process is killed")
    parser.add_argument("--reports", type=int, default=200, help="how many are to be filed")
    parser.add_argument("--seed", type=int, default=0, help="for the same course again")
    given = parser.parse_args()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # resets are meant
    with tempfile.TemporaryDirectory(prefix="ftbot-file-", ignore_cleanup_errors=True) as folder:
        experiment = Experiment(
            Path(folder),
            reports=given.reports,
            kills=given.kills,
            seed=given.seed,
            say=say,
        )
        report = asyncio.run(experiment.run())
        say(str(report))
        for uid in sorted(report.lost):
            say(f"lost: {uid}")
        for uid, count in sorted(report.repeated.items()):
            say(f"filed {count} times: {uid}")
        for row in report.wrong:
            say(f"recorded wrongly: {row}")
        perfect = not (report.lost or report.repeated or report.wrong)
        if not perfect:
            say((Path(folder) / "worker.log").read_text("utf-8", "replace")[-5000:])
    return 0 if perfect else 1


if __name__ == "__main__":
    sys.exit(main())
