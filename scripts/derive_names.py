"""Make data/names.txt.xz and data/ranks.json anew.

    python scripts/derive_names.py INDEX TOP_PACKAGES [--into FOLDER]

INDEX is the index's list of all projects (the document at /simple/, as JSON; or plain text with a
name a line), TOP_PACKAGES the published list of downloads (JSON of top-pypi-packages). Both may be
compressed with gzip. The same files always give the same data.
"""

import argparse
import gzip
import json
import lzma
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bot.errors import UserError  # noqa: E402 - needs the path
from bot.index.names import NameTable, parse_top_packages  # noqa: E402 - needs the path
from bot.pypi.wire import decode_list  # noqa: E402 - needs the path

_GZIP = b"\x1f\x8b"
# Reading takes as much memory as the dictionary, of which sorted lines need little; text has no
# alignment to make use of.
_SMALL = {
    "id": lzma.FILTER_LZMA2,
    "preset": 9 | lzma.PRESET_EXTREME,
    "dict_size": 2**20,
    "lc": 4,
    "pb": 0,
}


def main() -> str | None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("index", type=Path, help="list of all projects, JSON or a name a line")
    parser.add_argument("top_packages", type=Path, help="list of downloads, JSON")
    parser.add_argument("--into", type=Path, default=ROOT / "data", help="folder to write to")
    arguments = parser.parse_args()
    try:
        ranking = parse_top_packages(_content(arguments.top_packages))
        table = NameTable.build(_names(_content(arguments.index)), ranking.names)
    except (OSError, EOFError, zlib.error, UserError) as error:
        return str(error)
    compressed = lzma.compress(table.lines, filters=[_SMALL])
    _write(arguments.into / "names.txt.xz", compressed, f"{len(table):,} names")
    ranks = {"as_of": ranking.as_of.isoformat(), "names": ranking.names}
    unknown = sum(name not in table for name in ranking.names)
    _write(
        arguments.into / "ranks.json",
        json.dumps(ranks, indent=0).encode() + b"\n",
        f"{len(ranking.names):,} ranks of {ranking.as_of}, {unknown} of them no longer projects",
    )
    return None


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if content.startswith(_GZIP) else content


def _names(index: bytes) -> Iterable[str]:
    if index.lstrip().startswith(b"{"):
        return (project.name for project in decode_list(index))
    return index.decode(errors="replace").splitlines()


def _write(path: Path, content: bytes, what: str) -> None:
    path.write_bytes(content)
    sys.stdout.write(f"{path}: {what}, {len(content):,} bytes\n")


if __name__ == "__main__":
    sys.exit(main())
