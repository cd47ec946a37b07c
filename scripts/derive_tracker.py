"""Make data/tracker.json anew from the tracking table's Markdown.

python scripts/derive_tracker.py tracking.md --date 2026-06-28
"""

import argparse
import datetime as dt
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bot.check.tracker import TrackerTable, parse_table, write_table  # noqa: E402 - needs the path

SOURCE = "Quansight-Labs/free-threaded-compatibility, docs/tracking.md"
LICENCE = "MIT OR 0BSD"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("markdown", type=Path, help="the table, docs/tracking.md of its project")
    parser.add_argument(
        "--date",
        required=True,
        type=dt.date.fromisoformat,
        help="the day of its last change, YYYY-MM-DD",
    )
    parser.add_argument("--output", type=Path, default=ROOT / "data" / "tracker.json")
    options = parser.parse_args()

    rows = parse_table(options.markdown.read_text(encoding="utf-8"))
    table = TrackerTable(SOURCE, LICENCE, options.date.isoformat(), rows)
    options.output.write_bytes(write_table(table))
    sys.stdout.write(f"{options.output}: {len(rows)} rows of {options.date}\n")


if __name__ == "__main__":
    main()
